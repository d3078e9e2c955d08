"""The command `slate` on a home with a few predictions."""

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.cli.consoles import out
from nba_pipeline.cli.demos import DEMO_DAYS
from nba_pipeline.cli.slate_rendering import print_counts
from nba_pipeline.governance.records import record
from nba_pipeline.governance.roles import CHAMPION, PROMOTE, ROLES_TABLE, read_decisions
from nba_pipeline.instance.demos import DEMO_SLATE
from nba_pipeline.league.calendar import eastern
from nba_pipeline.warehouse.home_format import FORMAT, SIMULATED, write_format
from nba_pipeline_tests.builders import a_prop_line
from nba_pipeline_tests.builders_days import Days, slate_of
from nba_pipeline_tests.builders_predictions import a_prediction
from nba_pipeline_tests.commands import Ended, nba_pipeline

pytestmark = pytest.mark.slow

DAY = date(2026, 1, 15)
NOON, TIPOFF = eastern(DAY, 12), eastern(DAY, 19, 30)
SNAPSHOT = eastern(DAY, 11)
(GAME,) = slate_of(DAY, TIPOFF)
PLAYED = {"game_date": DAY, "game_id": GAME["game_id"], "tipoff_at": TIPOFF, "made_at": NOON, "run_kind": "live"}
LINED = {"line": 20.5, "line_half_points": 41, "book": "fanduel", "line_snapshot_at": SNAPSHOT}
BET = PLAYED | LINED | {
    "player_id": 1, "player_name": "Al Able", "team": "GSW", "opponent": "NYK", "predicted_value": 25.123456789, "edge": 4.623456789,
    "is_actionable": True, "reasons": [],
}  # fmt: skip
NO_BET = PLAYED | {
    "player_id": 2, "player_name": "Bo Baker", "team": "NYK", "opponent": "GSW", "predicted_value": 9.0, "edge": None,
    "line": None, "line_half_points": None, "book": None, "line_snapshot_at": None, "is_actionable": False, "reasons": ["no_line"],
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """One game, a bet and a player without a line."""
    days = Days(tmp_path)
    days.write("schedule", DAY, GAME)
    days.write("prop_lines", DAY, a_prop_line(
        20.5, "fanduel", game_date=DAY, game_id=GAME["game_id"], player_id=1, snapshot_at=SNAPSHOT, over_price=-115, under_price=-105,
    ))  # fmt: skip
    days.write("predictions", DAY, a_prediction("OVER", **BET), a_prediction("NO_LINE", **NO_BET))
    return tmp_path


def slate(home: Path, *words: str) -> Ended:
    return nba_pipeline("slate", *words, home=home, now=NOON)


def test_a_slate_shows_the_bets_of_today_in_80_columns(home: Path) -> None:
    ended = slate(home)
    assert ended.returncode == 0 and max(map(len, ended.stdout.splitlines())) <= 80
    (line,) = (line for line in ended.stdout.splitlines() if "Able" in line)
    assert line.split() == ["7:30p", "Al", "Able", "GSW-NYK", "OVER", "20.5", "fanduel", "-115", "25.1", "+4.6"]
    assert "Baker" not in ended.stdout and "1 of 2 actionable (1 OVER)" in ended.stdout and "no_line 1" in ended.stdout


@pytest.mark.parametrize("command", [("slate",), ("sql", "SELECT count(*) FROM predictions")])
def test_a_home_with_simulated_games_is_refused_where_games_are_real(
    home: Path, command: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_format(home, FORMAT, SIMULATED)
    monkeypatch.setenv("NBA_PIPELINE_ENV", "local")
    ended = nba_pipeline(*command, home=home, now=NOON)
    assert ended.returncode == 2 and ended.stdout == ""
    assert "holds simulated games, and this environment has real ones" in " ".join(ended.stderr.split())


def test_a_slate_names_the_newest_champion_and_says_if_no_shown_bet_can_become_a_pick(home: Path) -> None:
    """The bet of the home is of moving_average."""
    warehouse, texts = Days(home).warehouse, {"": slate(home).stdout}
    for name in ("moving_average", "xgboost"):
        row = {"decision": PROMOTE, "system_id": name, "role": CHAMPION, "reason": "better", "author": "Ann", "decided_at": NOON}
        record(warehouse, ROLES_TABLE, NOON, read_decisions(warehouse), row, "test")
        texts[name] = slate(home).stdout
    assert {name: "none of them can become a pick" in text for name, text in texts.items()} == {
        "": True, "moving_average": False, "xgboost": True
    }  # fmt: skip
    assert "Only predictions of the champion, ensemble, can become picks." in texts[""]
    assert "Only predictions of the champion, xgboost, can become picks." in texts["xgboost"]


def test_all_shows_every_prediction_with_its_reasons(home: Path) -> None:
    (line,) = (line for line in slate(home, "--all").stdout.splitlines() if "Baker" in line)
    assert line.split()[-2:] == ["9.0", "no_line"]


def test_json_and_csv_have_exact_values_and_nothing_else_on_standard_output(home: Path) -> None:
    (row,) = json.loads(slate(home, "--format", "json").stdout)
    assert (row["player_name"], row["edge"], row["price"], row["over_price"]) == ("Al Able", 4.623456789, -115, -115)
    bet, no_bet = csv.DictReader(io.StringIO(slate(home, "--format", "csv", "--all").stdout))
    assert (bet["predicted_value"], no_bet["price"], no_bet["reasons"]) == ("25.123456789", "", '["no_line"]')


@pytest.mark.parametrize(
    ("words", "number"),
    [(("--min-edge", "4.6"), 1), (("--min-edge", "5"), 0), (("--team", "gsw"), 1), (("--team", "New York Knicks", "--all"), 1), (("--team", "NYK"), 0)],
)  # fmt: skip
def test_options_choose_rows(home: Path, words: tuple[str, ...], number: int) -> None:
    assert len(json.loads(slate(home, *words, "--format", "json").stdout)) == number


@pytest.mark.parametrize("edge", ["-1", "nan", "inf"])
def test_an_edge_that_is_no_distance_is_refused(home: Path, edge: str) -> None:
    ended = slate(home, "--min-edge", edge)
    assert (ended.returncode, ended.stdout) == (2, "") and "--min-edge is a distance of at least 0 points" in ended.stderr


def test_a_long_name_is_cut_with_an_ellipsis(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "_width", 80)
    longest = BET | {"player_id": 3, "player_name": "Maximilian Featherstonehaugh-Cholmondeley"}
    Days(home).write("predictions", DAY, a_prediction("OVER", **longest))
    (line,) = (line for line in slate(home).stdout.splitlines() if "Maximilian" in line)
    assert "Featherstone" in line and "… GSW-NYK" in line and len(line) <= 80


def test_an_old_date_without_history_needs_a_backfill_and_not_a_run(home: Path) -> None:
    """A run of the date alone would predict nobody."""
    old = date(2025, 1, 15)
    assert f"first: `nba-pipeline backfill --from 2025-01-01 --to {old} --resume`" in slate(home, "--date", str(old)).stderr
    Days(home).write("boxscores", date(2025, 1, 20))
    backfill = "first: `nba-pipeline backfill --from 2025-01-01 --to 2025-01-19 --resume`"  # no date between is missing
    assert backfill in slate(home, "--date", str(old)).stderr


def test_a_date_long_before_the_history_has_no_command(home: Path) -> None:
    """A backfill without a gap would load a year for one slate."""
    Days(home).write("boxscores", DAY)
    (message,) = slate(home, "--date", "2025-01-15").stderr.splitlines()
    assert message == f"no slate: the schedule of 2025-01-15 is not loaded; the stored history begins on {DAY}"


def test_an_unknown_team_gets_the_closest_one(home: Path) -> None:
    ended = slate(home, "--team", "Golden State")
    assert ended.returncode == 2 and "did you mean Golden State Warriors?" in ended.stderr


def test_the_newest_version_and_a_live_prediction_are_shown(home: Path) -> None:
    versions = [
        BET | {"version": 2, "predicted_value": 30.0},
        BET | {"version": 3, "run_kind": "backtest", "predicted_value": 40.0},
    ]
    Days(home).write("predictions", DAY, *(a_prediction("OVER", **row) for row in versions))
    (row,) = json.loads(slate(home, "--format", "json").stdout)
    assert (row["version"], row["run_kind"], row["predicted_value"]) == (2, "live", 30.0)


def test_backtests_are_called_backtests(home: Path) -> None:
    assert "backtest" not in slate(home).stdout
    backtest = BET | {"player_id": 3, "player_name": "Cy Cole", "run_kind": "backtest", "made_at": TIPOFF + timedelta(days=1)}
    Days(home).write("predictions", DAY, a_prediction("OVER", **BET), a_prediction("OVER", **backtest))
    assert "1 of 2 predictions are backtests: they were made after the game." in slate(home).stdout


def test_a_started_game_is_noted(home: Path) -> None:
    ended = nba_pipeline("slate", home=home, now=TIPOFF)
    assert "Games above that have started: 1 of 1." in ended.stdout


def test_a_home_without_tables_says_what_to_do_first(tmp_path: Path) -> None:
    ended = slate(tmp_path)
    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.replace("\n", "") == f"no slate: the home {tmp_path} has no tables; first: `nba-pipeline demo`"


def test_a_missing_slate_says_why(tmp_path: Path) -> None:
    days, later = Days(tmp_path), date(2026, 1, 14)
    days.write("schedule", later, *slate_of(later, eastern(later, 19)))
    assert f"the schedule of {DAY} is not loaded; first: `nba-pipeline run --date {DAY}`" in slate(tmp_path).stderr
    assert f"{later} has 1 game and no predictions yet" in slate(tmp_path, "--date", str(later)).stderr
    days.write("predictions", later)
    assert f"no player was predicted; `nba-pipeline status --from {later}" in slate(tmp_path, "--date", str(later)).stderr
    days.write("schedule", DAY)
    assert f"no game is scheduled on {DAY}" in slate(tmp_path).stderr
    assert slate(tmp_path, "--format", "json").stdout == "[]\n"


def test_the_next_step_in_a_new_home_is_a_backfill_once_games_are_played(tmp_path: Path) -> None:
    """A run of today alone would close its gate."""
    days, yesterday = Days(tmp_path), DAY - timedelta(days=1)
    days.write("schedule", DAY, *slate_of(DAY, TIPOFF))
    run = f"first: `nba-pipeline run --date {DAY}`"
    assert run in slate(tmp_path).stderr
    days.write("schedule", yesterday, *slate_of(yesterday, eastern(yesterday, 19), status="final"))
    backfill = f"first: `nba-pipeline backfill --from {DAY - timedelta(days=14)} --to {yesterday} --resume`, because"
    assert backfill in slate(tmp_path).stderr
    tomorrow = DAY + timedelta(days=1)
    days.write("schedule", tomorrow, *slate_of(tomorrow, eastern(tomorrow, 19)))
    assert f"--to {yesterday} --resume" in slate(tmp_path, "--date", str(tomorrow)).stderr
    days.write("player_game_summary", yesterday, {"game_id": GAME["game_id"], "player_id": 1})
    assert run in slate(tmp_path).stderr


def test_an_unfinished_demo_is_the_next_step_of_its_dates(tmp_path: Path) -> None:
    days, demo = Days(tmp_path), "first: `nba-pipeline demo`, which has not ended"
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19)))
    (tmp_path / DEMO_SLATE).write_text(str(DAY))
    assert f"{DAY} has 1 game and no predictions yet; {demo}" in slate(tmp_path).stderr
    before_the_demo = str(DAY - timedelta(days=DEMO_DAYS + 1))
    assert demo not in slate(tmp_path, "--date", before_the_demo).stderr


def test_a_date_without_played_games_says_so(tmp_path: Path) -> None:
    Days(tmp_path).write("schedule", DAY, *slate_of(DAY, TIPOFF, status="postponed"))
    assert f"no game of {DAY} is played: all 1 are postponed or canceled" in slate(tmp_path).stderr


def test_an_unreadable_ledger_date_is_named_and_is_no_empty_slate(home: Path) -> None:
    file = home / "tables" / "predictions" / f"game_date={DAY}" / "part.parquet"
    file.write_bytes(file.read_bytes()[:-40])
    ended = slate(home)
    assert (ended.returncode, ended.stdout) == (1, "") and "no slate" not in ended.stderr
    assert ended.stderr.startswith(f"warning: the ledger predictions is closed for {DAY}: ")


def test_predictions_of_several_markets_stand_apart(capsys: pytest.CaptureFixture[str]) -> None:
    bet = {"system_id": "ensemble", "is_actionable": True, "recommendation": "OVER", "reasons": ["low_edge"]}
    of_points = pl.DataFrame([bet | {"market": "player_points"}])
    print_counts(of_points)
    print_counts(pl.concat([of_points, pl.DataFrame([bet | {"market": "player_rebounds"}])]))
    lines = [line for line in capsys.readouterr().out.splitlines() if "actionable (" in line]
    assert [line.partition(":")[0] for line in lines] == ["ensemble", "ensemble, player_points", "ensemble, player_rebounds"]


def test_a_halt_is_shown_beside_the_slate(home: Path) -> None:
    assert "halted" not in slate(home).stderr
    assert nba_pipeline("halt", "--reason", "Injury news", "--author", "Ann", home=home, now=NOON).returncode == 0
    ended = slate(home)
    assert ended.returncode == 0 and "warning: picks are halted: manual (Injury news)" in ended.stderr
    nba_pipeline("resume", "--reason", "It is over", "--author", "Ann", home=home, now=NOON)
    assert "halted" not in slate(home).stderr


def test_today_without_lines_names_the_newest_slate_with_lines(home: Path) -> None:
    days, later = Days(home), DAY + timedelta(days=2)
    assert "Newest slate" not in slate(home).stderr
    tomorrow = DAY + timedelta(days=1)
    days.write("predictions", tomorrow, a_prediction("NO_LINE", **NO_BET | {"game_date": tomorrow}))
    named = f"No line of {later} is known. Newest slate with lines: nba-pipeline slate --date {DAY}"
    without_rows = nba_pipeline("slate", home=home, now=eastern(later, 5))
    assert named in without_rows.stderr.splitlines() and without_rows.stdout == ""
    days.write("predictions", later, a_prediction("NO_LINE", **NO_BET | {"game_date": later}))
    assert named in nba_pipeline("slate", home=home, now=eastern(later, 5)).stderr.splitlines()
    assert "Newest slate" not in nba_pipeline("slate", "--date", str(later), home=home, now=eastern(later, 5)).stderr
