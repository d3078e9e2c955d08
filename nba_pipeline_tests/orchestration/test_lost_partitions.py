"""Unreadable files of a home with two weeks of games: named, moved aside, one alert each, rebuilt with the same rows.

Each test damages one file in a copy of the graded home. `test_runner` covers homes without damage.
"""

# ruff: noqa: F401, F811  # fixtures of test_runs are imported, and named by arguments

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.completeness.modes import tables_of_mode
from nba_pipeline.errors import Closed, Damaged, PipelineError
from nba_pipeline.league.calendar import eastern, week_of
from nba_pipeline.monitoring.alerts import ALERTS
from nba_pipeline.monitoring.status import status
from nba_pipeline.notebook import frame
from nba_pipeline.orchestration import lost_partitions
from nba_pipeline.orchestration.lost_partitions import DAMAGED_FILE, alert_on_damage, lost_work
from nba_pipeline.orchestration.runner import Runner
from nba_pipeline.orchestration.weekly_training import has_models
from nba_pipeline.tables.registry import TABLES
from nba_pipeline_tests.commands import Ended, nba_pipeline
from nba_pipeline_tests.monitoring.webhook import ALERT_LEDGERS
from nba_pipeline_tests.orchestration.test_runner import (
    DAY,
    HISTORY_DAYS,
    NEXT,
    At,
    at,
    done,
    graded,
    home,
    loaded,
    predicted,
)
from nba_pipeline_tests.warehouse.damages import DAMAGES, damage

BEFORE = DAY - timedelta(days=1)

pytestmark = [pytest.mark.platform, pytest.mark.starts_from("graded")]


@pytest.fixture(autouse=True)
def nothing_alerted() -> Iterator[None]:
    lost_partitions._alerted.clear()
    yield


def part(home: Path, table: str, day: date = DAY) -> Path:
    return home / "tables" / table / f"game_date={day}" / "part.parquet"


def grid(runner: Runner, day: date = DAY) -> dict[str, object]:
    [record] = status(runner.warehouse, runner.landing, runner.clock, [day], runner.code_versions)
    return record


def happened(runner: Runner, day: date = DAY) -> str:
    return " ".join(str(grid(runner, day)["happened"]).split())


def alerts(runner: Runner) -> list[str]:
    rows = runner.warehouse.scan(ALERTS).filter(pl.col("kind") == DAMAGED_FILE).collect()
    return rows["subject"].to_list()


def rows_of(home: Path, table: str, day: date = DAY) -> pl.DataFrame:
    """The rows of a date, without the instant of their materialization."""
    rows = pl.read_parquet(part(home, table, day), hive_partitioning=False)
    return rows.sort(TABLES[table].key).drop("as_of")


def assert_same_rows(now: pl.DataFrame, before: pl.DataFrame, table: str) -> None:
    """Asserts equal rows. Ignores snapshots of later runs, and the source of the schedule, which names the later answer."""
    if table == "schedule":
        now, before = now.drop("source"), before.drop("source")
    if TABLES[table].write == "add":
        now = now.join(before, on=list(TABLES[table].key), how="semi", nulls_equal=True).sort(TABLES[table].key)
    assert_frame_equal(now, before)


def command(home: Path, *arguments: str) -> Ended:
    return nba_pipeline(*arguments, home=home, now=eastern(NEXT, 8))


# Tables

REBUILT = {
    "schedule": "cut off", "boxscores": "cut off", "team_boxscores": "empty", "play_by_play": "one byte",
    "players": "garbage", "prop_lines": "cut off", "game_lines": "empty", "injuries": "garbage", "rosters": "one byte",
    "player_game_summary": "one byte", "team_game_summary": "cut off", "upcoming_players": "empty", "player_form": "garbage",
    "player_shot_zones": "cut off", "team_defense_zones": "one byte", "matchups": "empty", "features": "one byte",
    "boxscore_disagreements": "cut off",
}  # fmt: skip
"""Table -> its damage."""

SOURCES = [
    "schedule", "boxscores", "team_boxscores", "play_by_play", "players", "prop_lines", "game_lines", "injuries", "rosters",
]  # fmt: skip
DERIVED = [table for table in REBUILT if table not in SOURCES]
"""Tables that `make test` damages together, for fewer runs. `make test-unattended` damages each table alone."""


@pytest.mark.parametrize(
    "damaged",
    [
        pytest.param(DERIVED, id="all derived tables"),
        *(pytest.param([table], id=table, marks=pytest.mark.unattended) for table in REBUILT),
    ],
)
def test_an_unreadable_partition_is_moved_alerted_once_and_rebuilt(at: At, home: Path, damaged: list[str]) -> None:
    before = {table: rows_of(home, table) for table in damaged}
    bodies = {table: damage(part(home, table), REBUILT[table]) for table in damaged}
    runner = at(NEXT, 8)
    runner.warehouse.check([TABLES[table] for table in damaged], [DAY])
    listed = happened(runner)
    for table in damaged:
        assert f"{table} {DAY} is not rebuilt yet: its unreadable file was moved" in listed
    assert grid(runner)["state"] != "COMPLETE"
    assert moved(home) == sorted(bodies.items())
    assert [alert_on_damage(runner.notifier, runner.landing) for _ in range(2)] == [len(damaged), 0]
    assert sorted(alerts(runner)) == sorted(str(part(Path(), table)) for table in damaged)
    done(runner.rebuild_lost(before=NEXT))
    for table in damaged:
        assert_same_rows(rows_of(home, table), before[table], table)
    assert lost_work(runner.instance, runner.warehouse, NEXT) == [] and "unreadable" not in happened(runner)
    assert moved(home) == sorted(bodies.items())


def moved(home: Path) -> list[tuple[str, bytes]]:
    """The table and the contents of each file that was moved."""
    files = (home / "damaged" / "tables").rglob("part.parquet.*")
    return sorted((file.parent.parent.name, file.read_bytes()) for file in files)


@pytest.mark.unattended
@pytest.mark.parametrize("how", ["cut off", "one byte"])
def test_the_next_night_and_its_own_backfill_work_with_an_unreadable_boxscore_partition(at: At, home: Path, how: str) -> None:
    before = rows_of(home, "boxscores", BEFORE)
    damage(part(home, "boxscores", BEFORE), how)
    runner = at(NEXT, 8)
    outcomes = list(runner.slate(DAY, "overnight"))
    assert [outcome.failures for outcome in outcomes] == [[]] * len(outcomes)
    list(runner.rebuild_lost(before=NEXT))
    # the morning re-read gives the same rows from later answers
    assert_frame_equal(rows_of(home, "boxscores", BEFORE).drop("source"), before.drop("source"))


@pytest.mark.unattended
def test_a_window_with_an_unreadable_date_stops_its_asset_and_names_the_date(at: At, home: Path) -> None:
    before = rows_of(home, "player_form", DAY)
    damage(part(home, "player_game_summary", BEFORE), "cut off")
    runner = at(NEXT, 8)
    [failure] = runner.run("game_day", ["player_form"], DAY, DAY).failures
    assert (
        f"player_game_summary {BEFORE} is not rebuilt yet: its unreadable file was moved" in failure
        and "nba-pipeline reconcile" in failure
    )
    assert_frame_equal(rows_of(home, "player_form", DAY), before)
    done(runner.rebuild_lost(before=DAY))
    assert runner.run("game_day", ["player_form"], DAY, DAY).succeeded
    assert_frame_equal(rows_of(home, "player_form", DAY), before)


def test_a_lost_partition_of_any_age_is_undone_work(at: At, home: Path) -> None:
    old = DAY - timedelta(days=HISTORY_DAYS)
    damage(part(home, "features", old), "empty")
    runner = at(NEXT, 8)
    runner.warehouse.check([TABLES["features"]], [old])
    [work] = [work for work in runner.undone() if work.game_date == old and work.tables]  # a re-read writes no table
    assert work.tables == ("features",) and "unreadable file was moved" in work.why


@pytest.mark.unattended
def test_an_unreadable_quarantine_is_moved_and_rebuilt(at: At, home: Path) -> None:
    file = home / "quarantine" / "boxscores" / f"game_date={DAY}" / "part.parquet"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"garbage")
    runner = at(NEXT, 8)
    assert f"the quarantine of boxscores {DAY} is not rebuilt yet: its unreadable file was moved" in happened(runner)
    done(runner.rebuild_lost(before=NEXT))
    assert "unreadable" not in happened(runner)


def test_the_commands_name_an_unreadable_partition_without_a_traceback(home: Path) -> None:
    damage(part(home, "boxscores"), "cut off")
    damage(part(home, "grades"), "cut off")
    query = command(home, "sql", f"SELECT count(*) AS n FROM boxscores WHERE game_date = '{DAY}'", "--format", "json")
    assert query.returncode == 0 and json.loads(query.stdout) == [{"n": 0}]
    assert f"boxscores {DAY} is not rebuilt yet: its unreadable file was moved" in query.stderr
    shown = command(home, "status", "--from", str(DAY), "--to", str(DAY), "--format", "json")
    [record] = json.loads(shown.stdout)
    assert shown.returncode == 1 and record["state"] == "FAILED" and record["rows"]["grades"] is None
    assert any("nba-pipeline restore" in message for message in record["happened"])
    assert "Traceback" not in query.stderr + shown.stderr


def test_a_notebook_refuses_an_unreadable_date(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(home))
    damage(part(home, "boxscores"), "cut off")
    with pytest.raises(Damaged, match=f"boxscores {DAY} is not rebuilt yet: its unreadable file was moved"):
        frame("boxscores", str(BEFORE), str(DAY))
    assert len(frame("boxscores", str(BEFORE), str(BEFORE)))


# Ledgers


@pytest.mark.parametrize(("ledger", "how"), [("predictions", "cut off"), ("grades", "one byte")])
def test_an_unreadable_ledger_partition_stays_and_its_date_is_failed(at: At, home: Path, ledger: str, how: str) -> None:
    body = damage(part(home, ledger), how)
    runner = at(NEXT, 8)
    assert grid(runner)["state"] == "FAILED" and f"the ledger {ledger} is closed for {DAY}" in happened(runner)
    assert part(home, ledger).read_bytes() == body
    alert_on_damage(runner.notifier, runner.landing)
    assert alerts(runner) == [str(part(Path(), ledger))]
    assert grid(runner, BEFORE)["state"] != "FAILED"


@pytest.mark.unattended
@pytest.mark.parametrize(("ledger", "asset"), [("grades", "grades"), ("predictions", "grades"), ("predictions", "predictions")])
def test_a_run_of_a_closed_date_fails_with_the_reason_and_writes_nothing(at: At, home: Path, ledger: str, asset: str) -> None:
    body, before = damage(part(home, ledger), "cut off"), tables_but(home, ledger)
    failures = at(NEXT, 8).run("game_day", [asset], DAY, DAY).failures
    assert any(f"the ledger {ledger} is closed for {DAY}" in failure and "restore" in failure for failure in failures)
    assert part(home, ledger).read_bytes() == body
    assert all(rows.equals(before[name]) for name, rows in tables_but(home, ledger).items())


def tables_but(home: Path, ledger: str) -> dict[str, pl.DataFrame]:
    names = [folder.name for folder in (home / "tables").iterdir() if folder.name not in (ledger, *ALERT_LEDGERS)]
    return {
        name: pl.read_parquet(home / "tables" / name / "*" / "part.parquet", hive_partitioning=False).sort(
            "game_date", *TABLES[name].key
        )
        for name in names
    }


@pytest.mark.unattended
def test_a_range_proceeds_without_its_closed_date(at: At, home: Path) -> None:
    days = [DAY, BEFORE]
    before = {day: rows_of(home, "grades", day) for day in days}
    body = damage(part(home, "grades"), "cut off")
    failures = at(NEXT, 8).run("season", ["grades"], BEFORE, DAY).failures
    assert len(failures) == 1 and "check rows_are_unaltered failed on 1 date" in failures[0] and f"grades {DAY}" in failures[0]
    assert part(home, "grades").read_bytes() == body
    assert_frame_equal(rows_of(home, "grades", BEFORE), before[BEFORE])


def test_an_alert_is_sent_once_although_the_alerts_are_unreadable(at: At, home: Path, caplog: pytest.LogCaptureFixture) -> None:
    runner = at(NEXT, 8)
    assert runner.notifier.raise_alert(DAY, "run_failed", "first", "The first.")
    damage(part(home, "alerts"), "cut off")
    assert [runner.notifier.raise_alert(DAY, "run_failed", "second", "The second.") for _ in range(2)] == [True, False]
    assert "The second. (The table alerts cannot store this alert: the ledger alerts is closed" in caplog.text
    assert runner.notifier.raise_alert(NEXT, "run_failed", "third", "The third.")


@pytest.mark.unattended
def test_an_unreadable_waiver_opens_nothing(at: At, home: Path) -> None:
    file = part(home, "waivers")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"")
    runner = at(NEXT, 8)
    assert grid(runner)["state"] == "FAILED" and "the ledger waivers is closed" in happened(runner)
    assert runner.run("game_day", ["boxscores"], DAY, DAY).succeeded
    with pytest.raises(Closed, match=f"the ledger waivers is closed for {DAY}"):
        runner.warehouse.add(TABLES["waivers"], [DAY], TABLES["waivers"].empty(), "test")


# Payloads


def landed(home: Path, endpoint: str, provider: str = "nba_cdn") -> Path:
    return sorted((home / "landing" / provider / endpoint / str(DAY)).rglob("*.gz"))[0]


@pytest.mark.unattended
@pytest.mark.parametrize(
    ("endpoint", "table", "how"),
    [("boxscore", "boxscores", "empty"), ("boxscore", "boxscores", "cut off"), ("playbyplay", "play_by_play", "garbage")],
)
def test_an_unreadable_payload_is_fetched_again_alone(at: At, home: Path, endpoint: str, table: str, how: str) -> None:
    before = rows_of(home, table)
    file = landed(home, endpoint)
    body = damage(file, how)
    runner = at(NEXT, 8)
    done([runner.run("game_day", [table], DAY, DAY)])
    assert_frame_equal(rows_of(home, table).drop("source"), before.drop("source"))
    [aside] = (home / "damaged" / "landing").rglob("*.gz.*")
    assert aside.read_bytes() == body
    assert alerts(runner) == [str(file.relative_to(home))]


@pytest.mark.unattended
def test_the_totals_of_a_game_with_an_unreadable_payload_are_summed_from_players(at: At, home: Path) -> None:
    file = landed(home, "boxscore")
    damage(file, "empty")
    assert at(NEXT, 8).run("game_day", ["team_boxscores"], DAY, DAY).succeeded
    rows = pl.read_parquet(part(home, "team_boxscores"), hive_partitioning=False)
    assert rows.filter("is_reconstructed")["game_id"].unique().to_list() == [file.parent.name]
    assert not rows.filter(~pl.col("is_reconstructed")).is_empty()


@pytest.mark.unattended
def test_an_unreadable_snapshot_of_lines_loses_only_its_own_rows(at: At, home: Path) -> None:
    before = rows_of(home, "prop_lines")
    source = before["source"][0]
    damage(home / "landing" / f"{source}.gz", "cut off")
    assert at(NEXT, 8).run("game_day", ["prop_lines"], DAY, DAY).failures == []
    other_snapshots = before.filter(pl.col("source") != source)
    assert (
        other_snapshots.height
        and other_snapshots.join(rows_of(home, "prop_lines"), on=list(TABLES["prop_lines"].key), how="anti").is_empty()
    )


# Models


BROKEN = "feedfacefeedface"


@pytest.mark.unattended
@pytest.mark.starts_from("loaded")
@pytest.mark.parametrize("how", ["no card", "garbage"])
def test_an_unreadable_model_stops_only_its_own_system_and_its_week_is_retrained(at: At, home: Path, how: str) -> None:
    runner, week = at(DAY, 12), week_of(DAY)
    table = TABLES["points_model"]
    row = {
        "game_date": week,
        "system_id": "catboost",
        "model_id": BROKEN,
        "rows": 1,
        "validation_rows": 1,
        "features": [],
        "library_version": "1",
        "source": "test",
    }
    good, _ = table.conform(
        pl.DataFrame([row], schema={name: kind for name, kind in table.dtypes.items() if name not in ("as_of", "code_version")}),
        runner.clock.as_of,
        "1",
    )
    others = runner.warehouse.scan(table, [week]).filter(pl.col("system_id") != "catboost").collect()
    runner.warehouse.replace(table, [week], pl.concat([good, others.select(good.columns)]), "test")
    folder = home / "models" / BROKEN
    if how != "no card":
        folder.mkdir(parents=True)
        (folder / "card.json").write_bytes(DAMAGES[how](b"{}" * 50))
    outcome = runner.run("game_day", tables_of_mode("same_day"), DAY, DAY)
    assert outcome.failures == [] and any(
        "check every_system_predicts failed" in warning and "catboost" in warning for warning in outcome.warnings
    )
    assert set(rows_of(home, "predictions")["system_id"]) == {"moving_average", "zone_matchup"}
    assert not folder.exists() and alerts(runner) == ([] if how == "no card" else [f"models/{BROKEN}"])
    assert not has_models(runner.warehouse, week, runner.model_store)
    done(runner.train_missing([week]))
    assert has_models(runner.warehouse, week, runner.model_store)


# The rest


def test_an_unreadable_rules_file_is_named(home: Path) -> None:
    (home / "sandbox_rules.json").write_bytes(b"\xff{")
    outcome = command(home, "run", "--date", str(DAY), "--mode", "overnight")
    assert outcome.returncode == 1 and "sandbox_rules.json is not JSON" in outcome.stdout + outcome.stderr
    assert "Traceback" not in outcome.stdout + outcome.stderr


def test_an_unreadable_database_of_dagster_is_named_and_left_alone(home: Path) -> None:
    databases = sorted((home / "dagster").rglob("runs.db"))
    assert databases
    body = b"no database " * 400
    databases[0].write_bytes(body)
    outcome = command(home, "status", "--from", str(DAY), "--to", str(DAY))
    output = " ".join((outcome.stdout + outcome.stderr).split())
    assert outcome.returncode == 1 and f"Dagster's database is unreadable: {databases[0]}" in output and "Traceback" not in output
    assert databases[0].read_bytes() == body


def test_an_unreadable_notice_is_skipped(at: At, home: Path) -> None:
    folder = home / "damaged" / "notices"
    folder.mkdir(parents=True)
    (folder / "x.json").write_bytes(b"\xff")
    runner = at(NEXT, 8)
    assert runner.warehouse.notices() == [] and isinstance(runner.landing.notices(), list)


def test_a_rebuild_names_the_run_that_it_cannot_repeat_and_deletes_nothing(at: At, home: Path) -> None:
    journal = sorted((home / "landing" / "journal").iterdir())[0]
    journal.write_bytes(b"garbage" + journal.read_bytes())
    before = rows_of(home, "boxscores")
    with pytest.raises(PipelineError, match=f"1 journal has a damaged first line.*{journal.name}:1"):
        list(at(NEXT, 8).rebuild())
    assert_frame_equal(rows_of(home, "boxscores"), before)


def test_the_status_and_the_alerts_name_a_damaged_line_of_a_journal(at: At, home: Path) -> None:
    journal = sorted((home / "landing" / "journal").iterdir())[-1]
    journal.write_bytes(journal.read_bytes() + b'{"kind":"request"\n')
    runner = at(NEXT, 8)
    grid(runner)
    assert alert_on_damage(runner.notifier, runner.landing) == 1
    [subject] = alerts(runner)
    assert subject.startswith(f"landing/journal/{journal.name}:")
