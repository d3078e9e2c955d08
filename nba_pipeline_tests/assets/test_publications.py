"""Publications and their proof: what a manifest has, and what the audit of a date finds."""

import hashlib
from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import MISSING, PASSED
from nba_pipeline.assets.predictions.picks import TABLE as PICKS
from nba_pipeline.assets.predictions.picks import select_slate
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.assets.predictions.publications import TABLE, every_pick_is_published, publications, publish
from nba_pipeline.audit.published_record import audit_record
from nba_pipeline.errors import BadInput
from nba_pipeline.governance.roles import ROLES_TABLE, read_decisions, record_initial
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.step_failures import StepFailure
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY
from nba_pipeline_tests.builders_predictions import TIPOFF
from nba_pipeline_tests.builders_record import CHAMPION, LINES, NOW, a_bet, bets_of, players_of

pytestmark = pytest.mark.slow


class Home:
    """A warehouse and a landing with two published picks."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.warehouse = folder, LocalWarehouse(home=str(folder))
        self.landing = Landing(home=str(folder), clock=Clock(fixed_at=NOW.isoformat()))
        bets = bets_of(a_bet(1), a_bet(2))
        self.warehouse.add(PREDICTIONS, [DAY], bets, "test")
        rows, _ = select_slate(bets, players_of(1, 2), LINES, PICKS.empty(), CHAMPION, NOW)
        self.warehouse.add(PICKS, [DAY], PICKS.conform(rows.filter(pl.col("subset") == "best"), NOW, "1")[0], "test")
        self.publish()

    def publish(self, minutes: int = 0) -> pl.DataFrame:
        """Publishes what is new, and returns the row."""
        stored = {"predictions": self.warehouse.scan(PREDICTIONS), "picks": self.warehouse.scan(PICKS).filter("is_pick")}
        existing = self.warehouse.scan(TABLE, [DAY]).drop("as_of", "code_version").collect()
        rows = {name: frame.collect() for name, frame in stored.items()}
        row = publish(DAY, NOW + timedelta(minutes=minutes), rows, existing, self.landing)
        self.warehouse.add(TABLE, [DAY], TABLE.conform(row, NOW, "1")[0], "test")
        return row

    def differences(self) -> list[str]:
        found: list[str] = audit_record(self.warehouse, self.landing, DAY)["differences"]
        return found

    def edit(self, table: str, column: str, value: object) -> None:
        """Alters every row of a table behind the platform's back."""
        (file,) = (self.folder / "tables" / table).rglob("*.parquet")
        rows = pl.read_parquet(file)
        rows.with_columns(pl.lit(value).cast(rows.schema[column]).alias(column)).write_parquet(file)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_the_hash_of_the_manifest_is_stored_before_tipoff_and_proved_later(home: Home) -> None:
    (row,) = home.warehouse.scan(TABLE).collect().to_dicts()
    assert (row["predictions"], row["picks"], row["first_tipoff_at"]) == (2, 2, TIPOFF)
    assert row["published_at"] < row["first_tipoff_at"]
    assert row["manifest_sha256"] == hashlib.sha256(home.landing.body_of(row["source"])).hexdigest()
    assert audit_record(home.warehouse, home.landing, DAY) == {
        "game_date": str(DAY), "publications": 1, "predictions": 2, "picks": 2, "differences": [], "passed": True,
    }  # fmt: skip


def test_a_second_publication_has_only_what_is_new(home: Home) -> None:
    assert home.publish(minutes=1).is_empty()
    home.warehouse.add(PREDICTIONS, [DAY], bets_of(a_bet(1, version=2), a_bet(3, tipoff_at=NOW)), "test")
    assert home.publish(minutes=2).select("publication_number", "predictions", "picks").rows() == [(2, 1, 0)]
    assert home.differences() == []


@pytest.mark.parametrize(("table", "column", "value"), [("predictions", "predicted_value", 26.0), ("picks", "line", 19.5)])
def test_an_altered_row_is_named(home: Home, table: str, column: str, value: float) -> None:
    home.edit(table, column, value)
    assert [text for text in home.differences() if table in text and "differs from its hash in the manifest" in text]


def test_a_manifest_edited_by_one_byte_is_named_and_stays(home: Home) -> None:
    (row,) = home.warehouse.scan(TABLE).collect().to_dicts()
    file = home.folder / "landing" / f"{row['source']}.gz"
    body = bytearray(file.read_bytes())
    body[len(body) // 2] ^= 1
    file.chmod(0o600)
    file.write_bytes(body)
    first, *unpublished = home.differences()
    assert first.startswith(f"payload {row['source']} was altered: ") and file.exists()
    assert len(unpublished) == 2 and all("is in no readable manifest" in text for text in unpublished)


def test_a_manifest_that_was_replaced_is_named(home: Home) -> None:
    home.edit("publications", "manifest_sha256", "0" * 64)
    assert home.differences()[0] == f"manifest 1 of {DAY} was altered: its SHA-256 is not that of the ledger publications"


def test_a_row_that_was_published_after_its_tipoff_is_named(home: Home) -> None:
    home.edit("publications", "published_at", TIPOFF)
    assert "was published at 2024-03-12 19:30 US Eastern, not before its tip-off" in home.differences()[0]


def test_a_pick_that_was_never_published_is_named(home: Home) -> None:
    row = home.warehouse.scan(PICKS).head(1).with_columns(pl.lit(9).alias("player_id").cast(pl.Int64)).collect()
    home.warehouse.add(PICKS, [DAY], row, "test")
    (text,) = home.differences()
    assert text.startswith("picks: ") and text.endswith("is in no readable manifest")


def test_a_deleted_record_is_named_and_not_taken_for_a_date_without_publications(home: Home) -> None:
    for table in ("picks", "publications"):
        next((home.folder / "tables" / table).rglob("*.parquet")).unlink()
    missing = home.differences()
    assert len(missing) == 2 and all(str(DAY) in text for text in missing)
    assert "publications" in missing[0] and "picks" in missing[1]


def test_a_date_without_publications_is_refused(home: Home) -> None:
    with pytest.raises(BadInput, match="nothing was published on 2024-03-11"):
        audit_record(home.warehouse, home.landing, DAY - timedelta(days=1))


def test_nothing_is_published_while_the_champion_is_unknown(home: Home) -> None:
    """Without the promotion of another system, the rows of the initial champion would be published."""
    record_initial(home.warehouse, NOW, read_decisions(home.warehouse), ("ensemble",))
    next((home.folder / "tables" / ROLES_TABLE.name).rglob("*.parquet")).unlink()
    rows = [home.warehouse.scan(table).collect() for table in (PREDICTIONS, PICKS)]
    context = dg.build_asset_context(partition_key=str(DAY))
    with pytest.raises(StepFailure, match=f"system_roles.*{DAY}"):
        publications(context, *rows, home.warehouse, home.landing, home.landing.clock)


# Whether every pick is published


def add_picks(home: Home, **fields: object) -> None:
    """Adds two picks of further players."""
    others = [pl.lit(value).alias(name) for name, value in fields.items()]
    home.warehouse.add(PICKS, [DAY], home.warehouse.scan(PICKS).with_columns(pl.col("player_id") + 7, *others).collect(), "test")


def test_picks_without_a_publication_are_counted_until_they_are_published(home: Home) -> None:
    add_picks(home)
    [before] = every_pick_is_published(home.warehouse, [DAY], Clock()).to_dicts()
    home.publish(minutes=1)
    [after] = every_pick_is_published(home.warehouse, [DAY], Clock()).to_dicts()
    assert (before[PASSED], before[MISSING], before["dates_off"]) == (False, ["2 of 4 picks are published"], 1)
    assert (after[PASSED], after[MISSING], after["dates_off"]) == (True, [], 0)


@pytest.mark.parametrize("picks", [0, 1, 2, 3])
def test_a_ledger_of_publications_with_fewer_or_more_picks_is_named(home: Home, picks: int) -> None:
    home.edit("publications", "picks", picks)
    [row] = every_pick_is_published(home.warehouse, [DAY], Clock()).to_dicts()
    assert (row[PASSED], row[MISSING]) == (picks == 2, [] if picks == 2 else [f"{picks} of 2 picks are published"])


def test_a_date_whose_publications_are_lost_is_named(home: Home) -> None:
    next((home.folder / "tables" / "publications").rglob("*.parquet")).unlink()
    verdicts = every_pick_is_published(home.warehouse, [DAY - timedelta(days=1), DAY], Clock())
    assert verdicts.select(PASSED, MISSING).rows() == [(True, []), (False, ["0 of 2 picks are published"])]


def test_a_date_whose_picks_are_lost_is_named(home: Home) -> None:
    next((home.folder / "tables" / "picks").rglob("*.parquet")).unlink()
    [row] = every_pick_is_published(home.warehouse, [DAY], Clock()).to_dicts()
    assert (row[PASSED], row[MISSING]) == (False, ["2 of 0 picks are published"])


@pytest.mark.parametrize("fields", [{"run_kind": "backtest"}, {"is_pick": False}], ids=str)
def test_backtests_and_candidates_need_no_publication(home: Home, fields: dict[str, object]) -> None:
    add_picks(home, **fields)
    [row] = every_pick_is_published(home.warehouse, [DAY], Clock()).to_dicts()
    assert (row[PASSED], row["dates_with_picks"]) == (True, 1)
