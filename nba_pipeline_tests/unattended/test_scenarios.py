"""Whole nights of the 25 fault scenarios with their controls: the alerts and no other, the status, and the explanation.

The daemon is simulated. Each night starts from a copy of a prepared home. `test_everything_killed.py` has the scenario FS07,
which needs real processes.
"""

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.tables.registry import TABLES
from nba_pipeline_tests.monitoring.webhook import listening
from nba_pipeline_tests.prepared import copy_of
from nba_pipeline_tests.unattended.nights import DAY, NEXT, Night, Scenario, in_a_process, observe, on_day, on_next, play, stage
from nba_pipeline_tests.unattended.scenarios import ALL, NIGHT, SCENARIOS, partition
from nba_pipeline_tests.warehouse.damages import damage

pytestmark = [pytest.mark.unattended, pytest.mark.long(seconds=50)]

COMPARED = ("boxscores", "player_game_summary", "features", "grades")
"""Tables that are compared with those of a night without faults."""
LINEAGE = ("source", "as_of", "code_version", "graded_at")


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder of the prepared homes, which all workers share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture
def zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The time zone of this process during a night."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def differing_tables(night: Night, clean: Night) -> list[str]:
    """The tables whose rows differ from those of another night, apart from their lineage."""

    def rows(of: Night, name: str) -> pl.DataFrame:
        return of.rows(name).drop(LINEAGE, strict=False).sort(TABLES[name].key)

    return [name for name in COMPARED if not rows(night, name).equals(rows(clean, name))]


def assert_end(night: Night, scenario: Scenario, clean: Night) -> None:
    """Asserts the alerts, one row per key, and the games with summaries and grades."""
    assert night.is_open == scenario.alerts
    for table in TABLES:
        assert not night.rows(table).select(TABLES[table].key).is_duplicated().any(), table
    if scenario.summarized is not None:
        assert set(night.rows("player_game_summary")["game_id"]) == scenario.summarized
        assert set(night.rows("grades")["game_id"]) >= scenario.summarized  # and the void grades of games that are not played
    if scenario.is_clean:
        assert differing_tables(night, clean) == []


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_night_has_its_alerts_and_no_other_and_is_explained(name: str, root: Path, tmp_path: Path) -> None:
    scenario = SCENARIOS[name]
    night = play(stage(scenario.begins, root), tmp_path / "home", scenario)
    assert scenario.state in night.status.splitlines()[4].split()
    first = night.explanation["first_broken"] or {"name": "", "next_command": ""}
    assert (first["name"], first["next_command"]) == (scenario.broken, scenario.command)
    if scenario.command:
        assert f"Next for {DAY}: {scenario.command}" in night.status.replace("`", "")
        assert {alert.next_command for alert in night.alerts if alert.is_open} <= {scenario.command}
    assert_end(night, scenario, Night(stage("night", root)))


@pytest.mark.parametrize("zone", ["Asia/Tokyo"], indirect=True)
def test_a_night_is_the_same_in_another_zone_of_the_process(zone: None, root: Path, tmp_path: Path) -> None:
    """FS11: the last game ends after midnight, and keeps its date."""
    scenario = Scenario("the process runs in Tokyo", "evening", NIGHT, summarized=ALL, is_clean=True)
    night = play(stage("evening", root), tmp_path / "home", scenario)
    assert (scenario.state in night.status, night.explanation["first_broken"]) == (True, None)
    assert_end(night, scenario, Night(stage("night", root)))


def test_a_damaged_table_closes_its_gates_and_is_repaired_from_the_landing(root: Path, tmp_path: Path) -> None:
    """FS03: nothing is published from a gate that cannot be evaluated."""
    home, now = copy_of(stage("night", root), tmp_path / "home"), on_next(2, 30)
    damage(partition(home, "boxscores"), "cut off")
    first = observe(home, now).explanation["first_broken"]
    assert (first["name"], first["next_command"]) == ("boxscores", "nba-pipeline reconcile")
    assert "unreadable file" in first["fact"]
    repaired = play(home, tmp_path / "repaired", Scenario("a file is damaged", "night", (now, on_next(2, 40))))
    [alert] = repaired.alerts
    assert (alert.kind, alert.game_date, alert.is_open) == ("damaged_file", NEXT, False)
    assert differing_tables(repaired, Night(stage("night", root))) == []


def test_a_killed_process_leaves_the_night_unchanged(root: Path, tmp_path: Path) -> None:
    """FS24: the daemon dies while it collects the box scores, and starts again."""
    home, killed_after = copy_of(stage("evening", root), tmp_path / "killed"), 300
    assert in_a_process(home, NIGHT[:1], kill_at_event=killed_after) == -signal.SIGKILL
    scenario = Scenario("the daemon was killed", "evening", NIGHT, summarized=ALL, is_clean=True)
    night = play(home, tmp_path / "home", scenario)
    assert (scenario.state in night.status, night.explanation["first_broken"]) == (True, None)
    assert_end(night, scenario, Night(stage("night", root)))


def test_a_failing_sink_gets_each_alert_once_when_it_recovers(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FS15: three names are unresolved while the webhook answers 500."""
    home = copy_of(stage("morning", root), tmp_path / "home")
    names = [f"Zebulon Quartermain {letter}" for letter in ("Abel", "Bartok", "Celan")]
    rules = [{"match": {"provider": "odds_api"}, "action": "rename_player", "player": player, "to": name}
             for player, name in zip(lined_players(home), names, strict=False)]  # fmt: skip
    with listening() as slack:
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
        slack.status = 500
        failing = play(home, tmp_path / "failing", Scenario("a failing sink", "morning", (on_day(13, 5),), rules))
        assert failing.is_open == {("name_unresolved", name): True for name in names}
        slack.status = 200
        slack.sent.clear()
        play(failing.home, tmp_path / "working", Scenario("a working sink", "morning", (on_day(13, 12), on_day(13, 20)), rules))
    heads = sorted(text.splitlines()[0] for text in slack.texts)
    assert heads == [f"warning: name_unresolved {name} ({DAY})" for name in names]


def lined_players(home: Path) -> list[str]:
    """The names of players with lines, sorted."""
    of_slate = Night(home)
    with_lines = of_slate.rows("upcoming_players").join(of_slate.rows("prop_lines"), on=["game_id", "player_id"], how="semi")
    return sorted(with_lines["player_name"])
