"""PostgreSQL as the storage of Dagster's runs, events and schedules: its configuration, and tests of the connection.

`environments` reads the variables and registers them here. The storage itself is in `postgres_storage`. This module imports
SQLAlchemy in its functions, because commands that never open an instance import this module, too.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.secret_manager import ADDRESS_VARIABLE, resolved

if TYPE_CHECKING:
    from sqlalchemy import URL, Connection

URL_VARIABLE, PREFIX = "DAGSTER_POSTGRES_URL", "DAGSTER_POSTGRES_"
PARTS = {"hostname": "HOST", "port": "PORT", "db_name": "DB", "username": "USER", "password": "PASSWORD"}
"""Key of Dagster's configuration -> suffix of the variable."""

PASSWORD_VARIABLE = PREFIX + PARTS["password"]
REQUIRED_PARTS = ("hostname", "db_name", "username")
ADDRESS_KEY = "secret_manager_url"
"""Key of the configuration with the address of Secret Manager, for processes that do not load `environments`."""

DRIVER = "postgresql+psycopg2"
"""The driver of dagster-postgres. SQLAlchemy 2.1 would choose psycopg 3 for `postgresql://`, which is not installed."""

SCHEMES = ("postgresql", DRIVER)
DEFAULT_PORT = 5432
CONNECT_SECONDS = 5
"""Time to open a connection."""


@dataclass(frozen=True)
class Database:
    """The database that the variables name. `values` has the URL under URL_VARIABLE, or the parts under their variables."""

    values: Mapping[str, str] = field(repr=False)  # has the password
    environment: str
    """Name of the environment, which the database records: simulated and real games must not share a history."""

    @property
    def variable(self) -> str:
        """The variable that messages name."""
        return URL_VARIABLE if URL_VARIABLE in self.values else f"{PREFIX}{PARTS['hostname']}"

    def config(self) -> dict[str, Any]:
        """Returns the configuration of the storage for dagster.yaml: names of variables, never their values."""
        service = {ADDRESS_KEY: {"env": ADDRESS_VARIABLE}} if ADDRESS_VARIABLE in self.values else {}
        if URL_VARIABLE in self.values:
            return {"postgres_url": {"env": URL_VARIABLE}, **service}
        names = {key: PREFIX + end for key, end in PARTS.items() if PREFIX + end in self.values}
        return {"postgres_db": {key: {"env": name} for key, name in names.items()}, **service}

    def url(self) -> str:
        """Returns the URL with its password. Raises BadInput if the variables do not name a database."""
        service = {ADDRESS_KEY: self.values.get(ADDRESS_VARIABLE)}
        if URL_VARIABLE in self.values:
            return url_from({"postgres_url": self.values[URL_VARIABLE], **service})
        parts = {key: self.values.get(PREFIX + end, "") for key, end in PARTS.items()}
        if missing := [PREFIX + PARTS[key] for key in REQUIRED_PARTS if not parts[key]]:
            raise BadInput(f"{self.variable} is set, and {' and '.join(missing)} is missing")
        if parts["port"] and not parts["port"].isdecimal():
            raise BadInput(f"{PREFIX}PORT must be a number, not {parts['port']!r}")
        return url_from({"postgres_db": parts, **service})

    def refuse_unusable(self) -> None:
        """Raises BadInput if the package is missing, or the server cannot be used."""
        if find_spec("dagster_postgres") is None:
            raise BadInput(
                f"{self.variable} is set, and the package dagster-postgres is not installed; "
                "install it with pip install 'nba_pipeline[postgres]'"
            )
        refuse_unusable(self.url(), self.variable)

    def value(self, key: str) -> str:
        """Returns a value that the instance stores under a key; empty without one. Raises BadInput if the server cannot be used."""
        self.refuse_unusable()
        return _read(self.url(), self.variable, lambda connection: _value(connection, key))


class _Registered:
    """The function that returns the database of a home, which `environments` registers."""

    database_of: Callable[[Path], Database | None] = staticmethod(lambda home: None)


def register(database_of: Callable[[Path], Database | None]) -> None:
    """Registers the function that returns the database of a home; None for SQLite."""
    _Registered.database_of = staticmethod(database_of)


def database_of(home: Path) -> Database | None:
    """Returns the database of a home; None if its instance is in SQLite. A scratch home always uses SQLite."""
    return _Registered.database_of(home)


def database_from(values: Mapping[str, str], environment: str) -> Database | None:
    """Returns the database that the variables name; None without one. Raises BadInput if both a URL and parts are set."""
    names = (URL_VARIABLE, *(PREFIX + end for end in PARTS.values()))
    given = {name: values[name] for name in names if values.get(name)}
    if not given:
        return None
    if URL_VARIABLE in given and len(given) > 1:
        others = ", ".join(name for name in given if name != URL_VARIABLE)
        raise BadInput(f"{URL_VARIABLE} and {others} are set; set the URL or its parts")
    if values.get(ADDRESS_VARIABLE):
        given[ADDRESS_VARIABLE] = values[ADDRESS_VARIABLE]
    return Database(given, environment)


def url_from(config: Mapping[str, Any]) -> str:
    """Returns the URL of Dagster's configuration. URL and password may name a secret of Secret Manager.

    Raises BadInput for an invalid URL; the message has no password. Dagster 1.13 composes a URL from the parts itself, but does
    not escape a slash in the password.
    """
    from sqlalchemy import URL, make_url  # noqa: PLC0415
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415

    service = config.get(ADDRESS_KEY) or ""
    if parts := config.get("postgres_db"):
        port = int(parts.get("port") or DEFAULT_PORT)
        password = resolved(parts.get("password") or "", PASSWORD_VARIABLE, service) or None
        address = URL.create(DRIVER, parts["username"], password, parts["hostname"], port, parts["db_name"])
        return address.render_as_string(hide_password=False)
    example = "a URL like postgresql://user:password@host:5432/database"
    try:
        address = make_url(resolved(config.get("postgres_url") or "", URL_VARIABLE, service))
    except (ArgumentError, ValueError):
        raise BadInput(f"{URL_VARIABLE} must be {example}") from None
    if address.drivername not in SCHEMES or not address.database:
        raise BadInput(f"{URL_VARIABLE} must be {example}; it begins with {address.drivername}:// and names {_place(address)}")
    return address.set(drivername=DRIVER).render_as_string(hide_password=False)


def place(url: str) -> str:
    """Returns host, port and database of a URL, without user and password."""
    from sqlalchemy import make_url  # noqa: PLC0415

    return _place(make_url(url))


def _place(address: "URL") -> str:
    host = address.host or address.query.get("host") or "the local socket"
    return f"{host}{f':{address.port}' if address.port else ''}, database {address.database or 'none'}"


def reason(error: BaseException, url: str) -> str:
    """Returns the first line of an error of the driver, without the password."""
    from sqlalchemy import make_url  # noqa: PLC0415

    lines = str(getattr(error, "orig", None) or error).strip().splitlines()
    password = make_url(url).password
    first = lines[0].strip() if lines else type(error).__name__
    return first.replace(password, "***") if password else first


@cache
def refuse_unreachable(url: str, variable: str) -> None:
    """Raises BadInput if the server does not answer or refuses the login."""
    _read(url, variable, lambda connection: "")


@cache
def refuse_unusable(url: str, variable: str) -> None:
    """Raises BadInput if the server cannot be reached, or has tables of another version of Dagster."""
    if problem := _read(url, variable, _schema_problem):
        raise BadInput(f"PostgreSQL at {place(url)} ({variable}) {problem}")


def _read(url: str, variable: str, read: "Callable[[Connection], str]") -> str:
    """Returns the result of `read` on a new connection. Raises BadInput if the connection fails."""
    from sqlalchemy import NullPool, create_engine  # noqa: PLC0415
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    try:
        with create_engine(url, poolclass=NullPool, connect_args={"connect_timeout": CONNECT_SECONDS}).connect() as connection:
            return read(connection)
    except SQLAlchemyError as error:
        raise BadInput(f"PostgreSQL at {place(url)} ({variable}) cannot be used: {reason(error, url)}") from None


def _value(connection: "Connection", key: str) -> str:
    from dagster._core.storage.runs.schema import KeyValueStoreTable  # noqa: PLC0415  Dagster 1.13
    from sqlalchemy import inspect, select  # noqa: PLC0415

    if not inspect(connection).has_table(KeyValueStoreTable.name):
        return ""
    query = select(KeyValueStoreTable.c.value).where(KeyValueStoreTable.c.key == key)
    return str(connection.execute(query).scalar_one_or_none() or "")


def _schema_problem(connection: "Connection") -> str:
    """Returns why the tables cannot be used; empty for tables of this version and for a database without tables."""
    from dagster._core.storage.sql import check_alembic_revision  # noqa: PLC0415  Dagster 1.13
    from dagster_postgres.utils import pg_alembic_config  # noqa: PLC0415

    stored, required = check_alembic_revision(pg_alembic_config(_storage_file()), connection)
    if stored in (None, required):
        return ""
    return (
        f"has tables of another version of Dagster (revision {stored}, not {required}); after an upgrade of Dagster stop the "
        "daemon, make a dump with pg_dump, and run `dagster instance migrate`; else install the version that wrote them"
    )


def _storage_file() -> str:
    from dagster_postgres.event_log import event_log  # noqa: PLC0415

    return event_log.__file__
