"""Exactly one daemon per run history: the first one takes a lock, and a second one ends with a message and exit code 2.

So does the daemon of a home whose demo has not ended. The runs of a demo have simulated times, and the runs of a daemon real ones.

Two daemons of Dagster 1.13 log an error every 30 seconds, and both keep starting runs. A daemon first records a heartbeat, so the
storages acquire the lock there. The operating system or the server releases it when the process ends. Remove this module when
Dagster refuses a second daemon.
"""

import os
import socket
import sys
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, NoReturn

from filelock import FileLock, Timeout

from nba_pipeline.errors import Busy, Transient
from nba_pipeline.instance.demos import refuse_during_a_demo
from nba_pipeline.instance.postgres import reason
from nba_pipeline.league.calendar import eastern_date

WRONG_USE = 2
"""Exit code of a second daemon."""

ADVISORY_KEY = 6_177_240_024
"""Key of the advisory lock. It must differ from the keys of other programs that use the same database."""

KEEPALIVE = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
"""Lets the server notice within a minute that the host of a daemon is gone, and release its lock."""

_HELD: dict[str, Any] = {}
_LOCK = Lock()


def require_file_lock(folder: Path) -> None:
    """Ends this process if the daemon of another process holds the lock file of a home's folder, or during a demo of the home.

    Keeps the lock until the process ends.
    """
    with _LOCK:
        if str(folder) in _HELD:
            return
        lock, holder = FileLock(folder / "daemon.lock", timeout=0, thread_local=False), folder / "daemon.holder"
        try:
            lock.acquire()
        except Timeout:
            _refuse(holder.read_text() if holder.exists() else "of an unknown process", str(folder))
        try:
            refuse_during_a_demo(folder.parent, eastern_date(datetime.now(UTC)))
        except Busy as error:
            _end(str(error))
        holder.write_text(_this_process())
        _HELD[str(folder)] = lock


def require_advisory_lock(url: str, place: str, variable: str) -> None:
    """Ends this process if the daemon of another process holds the lock of a database. Raises Transient without a connection.

    A daemon calls this at every heartbeat, because a restart of the server releases the lock. Another daemon may then take it.
    """
    with _LOCK:
        connection = _HELD.get(url)
        if connection is not None and _is_usable(connection):
            return
        import psycopg2  # noqa: PLC0415  of the extra `postgres`
        from sqlalchemy import make_url  # noqa: PLC0415

        dsn = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
        try:
            connection = psycopg2.connect(dsn, application_name=_this_process())
        except psycopg2.OperationalError as error:
            raise Transient(f"PostgreSQL at {place} ({variable}) does not respond: {reason(error, url)}") from error
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(KEEPALIVE)
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (ADVISORY_KEY,))
            if not cursor.fetchone()[0]:
                _refuse(_holder(cursor), place)
        _HELD[url] = connection


def _is_usable(connection: Any) -> bool:
    import psycopg2  # noqa: PLC0415  of the extra `postgres`

    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except psycopg2.Error:  # the server has closed the connection and released the lock
        return False
    return True


def _holder(cursor: Any) -> str:
    cursor.execute(
        "SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid) WHERE locktype = 'advisory' AND granted "
        "AND (classid::bigint << 32) | objid::bigint = %s",
        (ADVISORY_KEY,),
    )
    row = cursor.fetchone()
    return str(row[0]) if row else "of an unknown process"


def _this_process() -> str:
    return f"on host {socket.gethostname()}, process {os.getpid()}"


def _refuse(holder: str, place: str) -> NoReturn:
    _end(f"another daemon {holder} is running on the run history of {place}; stop it, or do not start a second one")


def _end(message: str) -> NoReturn:
    """Ends the process at once: Dagster catches and logs an exception of a heartbeat, and would continue."""
    sys.stderr.write(f"nba-pipeline: {message}\n")
    sys.stderr.flush()
    os._exit(WRONG_USE)
