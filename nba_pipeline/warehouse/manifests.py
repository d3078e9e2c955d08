"""Manifests of ledgers: the key and hash of every row, in one file per ledger and date.

What belongs here: the file's format, and reading, writing and committing it. Deciding which rows to record is in `ledgers`.

    <root>/predictions/game_date=2026-01-15.json           the manifest
    <root>/predictions/game_date=2026-01-15.json.pending   the manifest of a write in progress or of a killed write

    {"format": 1, "table": "predictions", "game_date": "2026-01-15", "partition_sha256": "...",
     "rows": {"game_id": [...], "player_id": [...], ..., "sha256": [...]}}

Manifests have their own folder tree, so that deleting a partition's folder does not delete its manifest.
"""

import json
from dataclasses import dataclass
from datetime import date
from functools import cached_property

import polars as pl
import polars.selectors as cs

from nba_pipeline.errors import PipelineError
from nba_pipeline.tables.registry import StoredTable
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.files import Place
from nba_pipeline.warehouse.row_hashes import FORMAT, HASH, INSTANT, partition_hash

FOLDER = "manifests"
ENDING, PENDING = ".json", ".json.pending"
PARTITION = "game_date="


class InvalidManifest(PipelineError):
    """A manifest cannot be read, was edited, or belongs to another table or date."""


@dataclass(frozen=True)
class Manifest:
    """The recorded rows of a ledger and date. `rows` has the key columns and the hash."""

    table: StoredTable
    game_date: date
    rows: pl.DataFrame

    @cached_property
    def partition_hash(self) -> str:
        """The hash of the sorted row hashes."""
        return partition_hash(self.table.name, self.game_date, self.rows[HASH])

    def plus(self, rows: pl.DataFrame) -> "Manifest":
        """A manifest with the rows of new keys added. Recorded hashes are never replaced."""
        new = rows.select(self.rows.columns)
        if self.rows.height:
            new = new.join(self.rows, on=list(self.table.key), how="anti", nulls_equal=True)
        return Manifest(self.table, self.game_date, pl.concat([self.rows, new]) if new.height else self.rows)

    def to_bytes(self) -> bytes:
        """The content of the file."""
        text = self.rows.with_columns(cs.date().cast(pl.String), cs.datetime().dt.strftime(INSTANT))
        document = {
            "format": FORMAT,
            "table": self.table.name,
            "game_date": str(self.game_date),
            "partition_sha256": self.partition_hash,
            "rows": text.to_dict(as_series=False),
        }
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()


def empty_manifest(table: StoredTable, game_date: date) -> Manifest:
    """A manifest without rows."""
    return Manifest(table, game_date, pl.DataFrame(schema=_schema(table)))


def parse_manifest(body: bytes, table: StoredTable, game_date: date, path: object) -> Manifest:
    """Parses a manifest. Raises InvalidManifest, naming the file, for one that cannot be trusted."""
    try:
        document = json.loads(body)
        version, belongs_to = document["format"], (document["table"], document["game_date"])
        columns, recorded = document["rows"], document["partition_sha256"]
    except (ValueError, KeyError, TypeError) as error:
        raise InvalidManifest(f"manifest {path} cannot be read ({type(error).__name__}: {error})") from None
    if version != FORMAT:
        raise InvalidManifest(f"manifest {path} has format {version!r}, and this version of the platform reads {FORMAT}")
    if belongs_to != (table.name, str(game_date)):
        raise InvalidManifest(f"manifest {path} belongs to {' '.join(map(str, belongs_to))}, not to {table.name} {game_date}")
    try:
        rows = _typed(pl.DataFrame(columns, schema_overrides={HASH: pl.String}), table)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise InvalidManifest(f"manifest {path} cannot be read ({str(error).splitlines()[0]})") from None
    manifest = Manifest(table, game_date, rows)
    if manifest.partition_hash != recorded or rows.select(pl.struct(table.key).is_duplicated().any()).item():
        raise InvalidManifest(f"manifest {path} was edited: its partition hash does not match its rows")
    return manifest


class Manifests:
    """The manifests of a warehouse. Writers hold the write lock of the table and date."""

    def __init__(self, root: Place):
        self.root = root

    def path(self, table: StoredTable, game_date: date) -> Place:
        """The path of a date's manifest."""
        return self.root / table.name / f"{PARTITION}{game_date}{ENDING}"

    def pending_path(self, table: StoredTable, game_date: date) -> Place:
        """The path of a date's pending manifest."""
        return self.root / table.name / f"{PARTITION}{game_date}{PENDING}"

    def dates(self, table: StoredTable) -> dict[date, bool]:
        """Date -> whether a manifest is pending, for every date that has a manifest or a pending one."""
        names = [
            file.path.name for file in files.listing(self.root / table.name, f"{PARTITION}*{ENDING}", f"{PARTITION}*{PENDING}")
        ]
        pending = {_date_of(name) for name in names if name.endswith(PENDING)}
        return {day: day in pending for day in {_date_of(name) for name in names}}

    def read(self, table: StoredTable, game_date: date) -> Manifest | None:
        """The manifest of a date, or None. Raises InvalidManifest."""
        return self._read(self.path(table, game_date), table, game_date)

    def read_pending(self, table: StoredTable, game_date: date) -> Manifest | None:
        """The pending manifest of a date, or None. Raises InvalidManifest."""
        return self._read(self.pending_path(table, game_date), table, game_date)

    def prepare(self, manifest: Manifest) -> None:
        """Writes a pending manifest atomically."""
        files.write(self.pending_path(manifest.table, manifest.game_date), manifest.to_bytes())

    def commit(self, table: StoredTable, game_date: date) -> None:
        """Replaces the manifest with the pending one."""
        files.rename(self.pending_path(table, game_date), self.path(table, game_date).name)

    def discard(self, table: StoredTable, game_date: date) -> None:
        """Deletes the pending manifest."""
        files.delete(self.pending_path(table, game_date))

    def set_aside(self, table: StoredTable, game_date: date) -> list[str]:
        """Moves invalid manifests of a date, pending or not, to the folder `damaged`, and returns their new paths."""
        moved = []
        for path in (self.path(table, game_date), self.pending_path(table, game_date)):
            try:
                self._read(path, table, game_date)
            except InvalidManifest:
                target = files.unused(self.root.parent / "damaged" / self.root.name / table.name / path.name)
                files.move(path, target)
                moved.append(str(target))
        return moved

    @staticmethod
    def _read(path: Place, table: StoredTable, game_date: date) -> Manifest | None:
        try:
            body = files.read(path)
        except FileNotFoundError:
            return None
        return parse_manifest(body, table, game_date, path)


def _schema(table: StoredTable) -> dict[str, pl.DataType]:
    return {**{name: table.dtypes[name] for name in table.key}, HASH: pl.String()}


def _typed(rows: pl.DataFrame, table: StoredTable) -> pl.DataFrame:
    """The rows in the types of the table. In JSON dates and instants are text."""
    expected = _schema(table)
    if set(rows.columns) != set(expected):
        raise ValueError(f"its columns are {', '.join(rows.columns)}, and the key of {table.name} is {', '.join(table.key)}")
    return rows.select(_from_text(name, kind) for name, kind in expected.items())


def _from_text(name: str, kind: pl.DataType) -> pl.Expr:
    if kind == pl.Date:
        return pl.col(name).cast(pl.String).str.to_date()
    if isinstance(kind, pl.Datetime):
        return pl.col(name).cast(pl.String).str.to_datetime(INSTANT, time_unit="us", time_zone="UTC")
    return pl.col(name).cast(kind)


def _date_of(name: str) -> date:
    return date.fromisoformat(name.removeprefix(PARTITION).removesuffix(PENDING).removesuffix(ENDING))
