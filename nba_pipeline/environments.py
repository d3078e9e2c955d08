"""Environments (sandbox, local, production) and their resources. The only module that reads environment variables.

Every environment has resources of the same names, so assets do not depend on the environment. The resources are imported
in the functions that make them, because a command that only prints help or reads tables needs neither Dagster nor a provider.
"""

import os
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nba_pipeline.errors import BadInput
from nba_pipeline.instance import postgres, secret_manager, webhook_variables
from nba_pipeline.settings import Settings, register

if TYPE_CHECKING:
    from nba_pipeline.instance.clock import Clock
    from nba_pipeline.instance.settings_file import Loaded
    from nba_pipeline.monitoring.alerts import Notifier
    from nba_pipeline.warehouse import Warehouse
    from nba_pipeline.warehouse.landing import Landing

ENVIRONMENTS = {"sandbox": "simulated", "local": "real", "production": "real"}
"""Environment -> origin of its games."""

PROVIDER_ADDRESSES = {
    "nba_cdn": ("NBA_CDN_URL", "https://cdn.nba.com"),
    "nba_stats": ("NBA_STATS_URL", "https://stats.nba.com"),
    "balldontlie": ("BALLDONTLIE_URL", "https://api.balldontlie.io"),
    "odds_api": ("ODDS_API_URL", "https://api.the-odds-api.com"),
    "injury_report": ("INJURY_REPORT_URL", "https://ak-static.cms.nba.com"),
    "espn": ("ESPN_URL", "https://site.api.espn.com"),
}
"""Provider -> variable that overrides its URL, and default URL."""

KEYS = {"balldontlie": "BALLDONTLIE_API_KEY", "odds_api": "ODDS_API_KEY"}
"""Provider -> variable with its key."""

PROXIES = {provider: f"{provider.upper()}_PROXY" for provider in PROVIDER_ADDRESSES}
"""Provider -> variable with the proxy of its requests."""

SINKS = {
    "webhook_url": webhook_variables.SLACK,
    "pagerduty_key": webhook_variables.PAGERDUTY,
    "alert_webhook_url": webhook_variables.ALERTS,
}
"""Field of the notifier -> variable with its secret."""
OTHER_SECRETS = (webhook_variables.HEARTBEAT, webhook_variables.PUBLIC, postgres.URL_VARIABLE, postgres.PASSWORD_VARIABLE)
SECRETS = (*KEYS.values(), *PROXIES.values(), *SINKS.values(), *OTHER_SECRETS)
"""Variables with a secret. Each may instead name a secret of Secret Manager, see `secret_manager`."""

SANDBOX_KEY = "sandbox"
SETTINGS_FILE = "settings.toml"
"""Name of the settings file in a home."""


def environment() -> str:
    """Returns the environment of NBA_PIPELINE_ENV, by default sandbox. Raises BadInput naming the choices."""
    name = os.environ.get("NBA_PIPELINE_ENV", "sandbox")
    if name not in ENVIRONMENTS:
        raise BadInput(f"NBA_PIPELINE_ENV is {name!r}; choose one of {', '.join(ENVIRONMENTS)}")
    return name


def home() -> Path:
    """Returns the folder of the warehouse, the landing, the models and Dagster's instance (NBA_PIPELINE_HOME)."""
    return Path(os.environ.get("NBA_PIPELINE_HOME") or ".nba_pipeline").absolute()


def use_scratch_home(folder: Path) -> None:
    """Makes a folder the home of this process, with its own instance in SQLite."""
    os.environ["NBA_PIPELINE_HOME"] = str(folder)
    for name in [name for name in os.environ if name.startswith(postgres.PREFIX)]:
        del os.environ[name]


def database_of(folder: Path) -> postgres.Database | None:
    """Returns the database of the instance of a home (DAGSTER_POSTGRES_URL or its parts); None for SQLite.

    A scratch home, as that of `rebuild`, has its instance in SQLite.
    """
    return postgres.database_from(os.environ, environment()) if folder == home() else None


postgres.register(database_of)
secret_manager.register(lambda: os.environ.get(secret_manager.ADDRESS_VARIABLE) or secret_manager.ADDRESS)


def refuse_unreadable_secrets() -> int:
    """Reads each secret that a variable names by reference, and returns their number. Raises BadInput if one cannot be read."""
    references = {name: value for name in SECRETS if secret_manager.is_reference(value := os.environ.get(name, ""))}
    for name, value in references.items():
        secret_manager.resolved(value, name)
    return len(references)


def store() -> str:
    """Returns the location of production's landing and models: NBA_PIPELINE_STORE, such as gs://bucket/prefix, or the home."""
    return os.environ.get("NBA_PIPELINE_STORE") or str(home())


def missing_keys() -> list[str]:
    """Returns the variables of providers' keys that are not set."""
    return [variable for variable in KEYS.values() if not os.environ.get(variable)]


def proxies() -> dict[str, str]:
    """Returns provider -> variable of the proxies that are set. Raises BadInput for a value that is not a proxy's URL."""
    from nba_pipeline.providers.proxies import refuse_malformed

    given = {provider: variable for provider, variable in PROXIES.items() if os.environ.get(variable)}
    for variable in given.values():
        refuse_malformed(os.environ[variable], variable)
    return given


def public() -> str:
    """Returns the bucket of the published files: NBA_PIPELINE_PUBLIC, such as gs://bucket/prefix; empty: a folder of the home.

    Production on several hosts publishes to `public` in the store, because the folder of one home has the slates of one host.
    """
    address = os.environ.get("NBA_PIPELINE_PUBLIC", "")
    if address and "://" not in address:
        raise BadInput(f"NBA_PIPELINE_PUBLIC is {address!r}; name a bucket, such as gs://bucket/prefix")
    is_shared = environment() == "production" and "://" in store() and database_of(home()) is not None
    return address or (f"{store()}/public" if is_shared else "")


def public_url() -> str:
    """Returns the address at which readers see the published files: NBA_PIPELINE_PUBLIC_URL, as https://host/path, or nothing."""
    url = os.environ.get("NBA_PIPELINE_PUBLIC_URL", "")
    if url and not url.startswith(("https://", "http://")):
        raise BadInput(f"NBA_PIPELINE_PUBLIC_URL is {url!r}; it must begin with https:// or http://")
    return url


class FileSettings:
    """The settings of NBA_PIPELINE_SETTINGS, else of `settings.toml` in the home, read once per file."""

    def loaded(self) -> "Loaded":
        """Returns the settings with their file and origins. Raises BadInput for a file that cannot be used."""
        named = os.environ.get("NBA_PIPELINE_SETTINGS", "")
        return _load(Path(named).absolute() if named else home() / SETTINGS_FILE, is_required=bool(named))

    def settings(self) -> Settings:
        """Returns the settings in effect."""
        return self.loaded().settings

    def refuse_changes(self) -> None:
        """Raises BadInput if the file has been changed, created or removed since the process read it."""
        self.loaded().refuse_another_file()


@cache
def _load(file: Path, *, is_required: bool) -> "Loaded":
    from nba_pipeline.instance.settings_file import load
    from nba_pipeline.tables import catalog

    return load(file, is_required=is_required, features=lambda: catalog.tables()["features"].types)


register(FileSettings())


def now() -> datetime:
    """Returns the current instant, UTC, or NBA_PIPELINE_NOW if set. Raises BadInput for a malformed instant."""
    from nba_pipeline.league.calendar import parse_instant

    fixed = os.environ.get("NBA_PIPELINE_NOW", "")
    return parse_instant(fixed, "NBA_PIPELINE_NOW") if fixed else datetime.now(UTC)


def clock() -> "Clock":
    """Returns the clock, fixed at NBA_PIPELINE_NOW if set. Raises BadInput for a malformed instant."""
    from nba_pipeline.instance.clock import Clock

    now()
    return Clock(fixed_at=os.environ.get("NBA_PIPELINE_NOW", ""))


def warehouse_of(name: str) -> "Warehouse":
    """Returns the warehouse of an environment. Raises BadInput if the home holds games of the other league."""
    from nba_pipeline.warehouse.home_format import refuse_another_league
    from nba_pipeline.warehouse.local import LocalWarehouse

    refuse_another_league(home(), ENVIRONMENTS[name])
    if name != "production":
        return LocalWarehouse(home=str(home()), league=ENVIRONMENTS[name])
    # importing dagster_gcp takes 3 s and is only needed in production
    from dagster_gcp import BigQueryResource

    from nba_pipeline.warehouse.bigquery import BigQueryWarehouse

    location = os.environ.get("BIGQUERY_LOCATION") or None
    return BigQueryWarehouse(
        bigquery=BigQueryResource(project=os.environ.get("BIGQUERY_PROJECT") or None, location=location),
        dataset=os.environ.get("BIGQUERY_DATASET", ""),
        location=location or "",
        home=str(home()),
        store=store(),
        storage_host=os.environ.get("BIGQUERY_STORAGE_EMULATOR_HOST", ""),
        has_several_hosts=database_of(home()) is not None,
    )


def landing_of(name: str, now: "Clock | None" = None) -> "Landing":
    """Returns the landing of an environment."""
    from nba_pipeline.warehouse.landing import Landing

    return Landing(home=store() if name == "production" else str(home()), clock=now or clock())


def resources_for(name: str, now: "Clock | None" = None) -> dict[str, Any]:
    """Returns the resources of an environment. `now` replaces the clock.

    Needs no credentials. A missing key raises an error when a request needs it.
    """
    from nba_pipeline.monitoring.heartbeat import Heartbeat
    from nba_pipeline.providers.archive import Archive
    from nba_pipeline.publishing.place import PublicFiles
    from nba_pipeline.warehouse.io_manager import TableIO
    from nba_pipeline.warehouse.model_store import ModelStore

    folder, now = str(home()), now or clock()
    store_location = store() if name == "production" else folder
    warehouse, landing = warehouse_of(name), landing_of(name, now)
    archive = os.environ.get("NBA_ARCHIVE_DIR", "") if name != "sandbox" else ""
    return {
        "clock": now,
        "warehouse": warehouse,
        "landing": landing,
        "tables": TableIO(warehouse=warehouse, clock=now, landing=landing),
        "model_store": ModelStore(home=store_location),
        **_providers(name, landing, now),
        "notifier": notifier_for(warehouse, now),
        "heartbeat": Heartbeat(url=_secret(webhook_variables.HEARTBEAT)),
        "public": PublicFiles(
            home=folder,
            bucket=public(),
            is_simulated=name == "sandbox",
            url=public_url(),
            webhook_url=_secret(webhook_variables.PUBLIC),
        ),
        "archive": Archive(folder=archive, landing=landing, clock=now),
    }


def _secret(variable: str) -> str:
    """Returns a reference to a variable, so that Dagster stores its name and never the secret; empty if it is not set."""
    import dagster as dg

    return dg.EnvVar(variable) if os.environ.get(variable) else ""


def notifier_for(warehouse: "Warehouse", now: "Clock") -> "Notifier":
    """Returns the notifier with the sinks of the environment."""
    from nba_pipeline.monitoring.alerts import Notifier
    from nba_pipeline.monitoring.sinks import PAGERDUTY_URL

    secrets = {field: _secret(name) for field, name in SINKS.items()}
    return Notifier(
        warehouse=warehouse,
        clock=now,
        webhook_url=secrets["webhook_url"],
        pagerduty_key=secrets["pagerduty_key"],
        pagerduty_url=os.environ.get("PAGERDUTY_URL") or PAGERDUTY_URL,
        alert_webhook_url=secrets["alert_webhook_url"],
    )


def _providers(name: str, landing: "Landing", now: "Clock") -> dict[str, Any]:
    """Returns the clients of the providers. They share one HTTP client."""
    from nba_pipeline.providers.balldontlie import Balldontlie
    from nba_pipeline.providers.espn import Espn
    from nba_pipeline.providers.http import HttpClient
    from nba_pipeline.providers.injury_report import InjuryReport
    from nba_pipeline.providers.nba_cdn import NbaCdn
    from nba_pipeline.providers.nba_stats import NbaStats
    from nba_pipeline.providers.odds_api import OddsApi
    from nba_pipeline.sandbox.client import SandboxHttpClient

    overrides = {p: os.environ[variable] for p, (variable, _) in PROVIDER_ADDRESSES.items() if os.environ.get(variable)}
    keys = {provider: _secret(variable) for provider, variable in KEYS.items()}
    if name == "sandbox" and not overrides:
        http: HttpClient = SandboxHttpClient(base_urls={}, landing=landing, clock=now, home=str(home()))
        keys = {provider: key or SANDBOX_KEY for provider, key in keys.items()}
    else:
        # a sandbox with provider URLs has only those providers
        defaults = {provider: address for provider, (_, address) in PROVIDER_ADDRESSES.items() if name != "sandbox"}
        http = HttpClient(base_urls=defaults | overrides, proxies=proxies(), landing=landing, clock=now)
    return {
        "nba_cdn": NbaCdn(http=http),
        "nba_stats": NbaStats(http=http),
        "balldontlie": Balldontlie(http=http, api_key=keys["balldontlie"]),
        "odds_api": OddsApi(http=http, api_key=keys["odds_api"]),
        "injury_report": InjuryReport(http=http),
        "espn": Espn(http=http),
    }
