"""journal: the landing's journal as a table, so that SQL can trace a value to its payload.

The journal itself stays in the landing, as JSON lines. This copy is synchronized before a query reads it, with one load per
UTC date whose journals have grown. A journal belongs to the date on which its run began. The views have the same columns as
the local ones.
"""

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from datetime import date, datetime
from typing import Any

import polars as pl

from nba_pipeline.errors import PipelineError
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.bigquery.jobs import day_parameters, identity, parquet
from nba_pipeline.warehouse.bigquery.loads import EARLIEST_PARTITION, Load, Loads
from nba_pipeline.warehouse.bigquery.session import Session
from nba_pipeline.warehouse.bigquery.shapes import PARTITION, Column, Shape
from nba_pipeline.warehouse.journal import JournalDay
from nba_pipeline.warehouse.journal_views import JOURNAL_COLUMNS
from nba_pipeline.warehouse.landing import Landing

ASKED_DATE = "asked_date"
"""The journal's own `game_date`, the date of a request. Renamed, because the partition is called `game_date`."""

CONVERSIONS: Mapping[str, tuple[str, pl.DataType, Callable[[Any], Any]]] = {
    "VARCHAR": ("STRING", pl.String(), str),
    "JSON": ("STRING", pl.String(), lambda value: json.dumps(value, ensure_ascii=False, separators=(",", ":"))),
    "DATE": ("DATE", pl.Date(), date.fromisoformat),
    "INTEGER": ("INT64", pl.Int64(), int),
    "BIGINT": ("INT64", pl.Int64(), int),
    "TIMESTAMPTZ": ("TIMESTAMP", pl.Datetime("us", "UTC"), datetime.fromisoformat),
    "VARCHAR[]": ("ARRAY<STRING>", pl.List(pl.String()), list),
}
"""DuckDB type of a journal column -> BigQuery type, polars type and conversion of the JSON value."""

NAMES = {name: ASKED_DATE if name == PARTITION else name for name in JOURNAL_COLUMNS}
"""Name in the journal -> name in the table."""

JOURNAL = Shape(
    "journal",
    (
        Column(PARTITION, "DATE", True, "UTC date on which the run began; the partition"),
        Column("line", "INT64", True, "position among the lines of that date, in write order"),
        *(Column(NAMES[name], CONVERSIONS[kind][0], name == "kind") for name, kind in JOURNAL_COLUMNS.items()),
    ),
    (),
    "One row per line of the landing's journal: runs and their requests.",
)

SCHEMA: Mapping[str, pl.DataType] = {
    PARTITION: pl.Date(),
    "line": pl.Int64(),
    **{NAMES[name]: CONVERSIONS[kind][1] for name, kind in JOURNAL_COLUMNS.items()},
}

_REQUEST_COLUMNS = ", ".join(
    f"{ASKED_DATE} AS {name}" if name == PARTITION else name for name in JOURNAL_COLUMNS if name not in ("kind", "as_of", "job")
)
_FROM = f"FROM {{journal}} WHERE {PARTITION} >= DATE '{EARLIEST_PARTITION}'"

VIEWS = {
    "requests": f"SELECT {_REQUEST_COLUMNS} {_FROM} AND kind = 'request'",
    "landing": f"SELECT ref AS source, provider, endpoint, {ASKED_DATE} AS game_date, entity, fetched_at, sha256, bytes, url, "
    f"run_id {_FROM} AND kind = 'request' AND outcome = 'landed'",
    "availability": "SELECT game_id, provider, MIN(fetched_at) AS first_seen_at FROM (SELECT provider, fetched_at, "
    f"final_game_ids {_FROM} AND outcome = 'landed') AS landed, UNNEST(landed.final_game_ids) AS game_id GROUP BY game_id, provider",
    "runs": f"SELECT run_id, as_of, job {_FROM} AND kind = 'run'",
}
"""The views of `journal_views.JOURNAL_VIEWS` in BigQuery's dialect."""

DESCRIPTIONS = {
    "requests": "Requests to providers and their outcomes.",
    "landing": "Every landed payload. The `source` of a table row names its payload.",
    "availability": "When each provider first reported a game as final.",
    "runs": "Every run with its instant and job.",
}


def statement(view: str, qualified: str = "{}") -> str:
    """The SELECT of the view, with the table name formatted by `qualified`."""
    return VIEWS[view].format(journal=qualified.format(JOURNAL.name))


def sync(session: Session, loads: Loads, landing: Landing) -> int:
    """Loads each date of the journal that has grown since its last load, and returns the number of dates.

    Successful loads are recorded even if others fail; the first error is raised afterwards.
    """
    existing = loads.of(JOURNAL.name)
    days = [day for day in landing.journal_days().values() if _content(existing.get(day.day)) != day.signature]
    written: list[tuple[Load, str | None]] = []
    errors: list[PipelineError] = []
    with ThreadPoolExecutor(SETTINGS.bigquery.parallel_loads) as pool:
        futures = {pool.submit(_load, session, landing, day, existing.get(day.day)): day for day in days}
        for future in as_completed(futures):
            day = futures[future]
            try:
                job_id, rows = future.result()
            except PipelineError as error:
                errors.append(error)
                continue
            before = existing.get(day.day)
            # the signature is older than the lines: lines added in between are loaded again, never missed
            written.append((Load(JOURNAL.name, day.day, job_id, day.signature, rows), before.job_id if before else None))
    loads.acknowledge(written)
    if errors:
        raise errors[0]
    return len(written)


def _content(load: Load | None) -> str | None:
    return load.content if load else None


def _load(session: Session, landing: Landing, day: JournalDay, before: Load | None) -> tuple[str, int]:
    """Replaces a date's partition with the lines of its journals. Returns the job id and the number of lines."""
    rows = _rows(day.day, landing.journal_lines(day))
    content = parquet(rows)
    digest = hashlib.sha256(content).hexdigest()
    job = session.run_once(
        lambda job_id: session.load(content, JOURNAL, f"{JOURNAL.name}${day.day:%Y%m%d}", job_id, JOURNAL.name),
        identity("load", JOURNAL.name, day.day, digest, before.job_id if before else None),
        lambda: _stored_lines(session, day.day).equals(rows),
        f"loading {JOURNAL.name} {day.day}",
    )
    return str(job.job_id), rows.height


def _rows(day: date, lines: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    rows = [
        {
            PARTITION: day,
            "line": number,
            **{NAMES[name]: _value(line.get(name), kind) for name, kind in JOURNAL_COLUMNS.items()},
        }
        for number, line in enumerate(lines)
    ]
    return pl.DataFrame(rows, schema=dict(SCHEMA))


def _value(value: Any, kind: str) -> Any:
    if value is None:
        return [] if kind.endswith("[]") else None  # BigQuery has no null lists
    return CONVERSIONS[kind][2](value)


def _stored_lines(session: Session, day: date) -> pl.DataFrame:
    """The current rows of a date's partition."""
    rows = session.frame(
        f"SELECT * FROM `{JOURNAL.name}` WHERE {PARTITION} BETWEEN @first AND @last", day_parameters(day, day), JOURNAL.name
    )
    return rows.select(pl.col(name).cast(kind) for name, kind in SCHEMA.items()).sort("line")
