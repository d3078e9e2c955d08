"""Actual and expected numbers per table of a date."""

from datetime import date
from pathlib import Path

from nba_pipeline.completeness import gates
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.counts import UNITS, Count, counts
from nba_pipeline.tables.registry import TABLES
from nba_pipeline_tests.builders_days import Days, complete_box, slate_of
from nba_pipeline_tests.builders_predictions import a_prediction
from nba_pipeline_tests.completeness.test_expectations import line_of

DAY = date(2026, 1, 15)
FINAL = slate_of(DAY, *(eastern(DAY, 19),) * 3, status="final")


def counted(days: Days, hour: int = 23) -> dict[str, Count]:
    schedule, boxscores = (days.warehouse.scan(TABLES[name], [DAY]).collect() for name in ("schedule", "boxscores"))
    clock = Clock(fixed_at=eastern(DAY, hour).isoformat())
    return counts(days.warehouse, clock, schedule, gates.judge_games(schedule, boxscores), [DAY])[DAY]


def test_each_table_is_counted_in_the_unit_in_which_it_is_expected(tmp_path: Path) -> None:
    days, (first, second, _) = Days(tmp_path), FINAL
    bets = [
        a_prediction(game_date=DAY, game_id=game["game_id"], tipoff_at=game["tipoff_at"], made_at=eastern(DAY, 12))
        for game in FINAL
    ]
    days.write("schedule", DAY, *FINAL)
    days.write("boxscores", DAY, *complete_box(first), *complete_box(second))
    days.write("player_game_summary", DAY, {"game_id": first["game_id"], "player_id": 1})
    days.write("prop_lines", DAY, line_of("prop_lines", DAY, first["game_id"], "fanduel"))
    days.write("predictions", DAY, *bets)
    days.write(
        "grades",
        DAY,
        {name: bets[0][name] for name in ("game_id", "player_id", "system_id", "market", "run_kind")} | {"grade_version": 1},
    )
    numbers = counted(days)
    assert numbers.keys() == UNITS.keys()
    assert (numbers["boxscores"], numbers["player_game_summary"]) == ((2, 3), (1, 3))
    assert (numbers["prop_lines"], numbers["grades"]) == ((1, 3), (1, 3))


def test_a_game_that_is_not_played_is_not_expected(tmp_path: Path) -> None:
    days = Days(tmp_path)
    days.write("schedule", DAY, FINAL[0] | {"status": "postponed"}, FINAL[1] | {"status": "scheduled"})
    numbers = counted(days)
    assert (numbers["boxscores"], numbers["prop_lines"], numbers["grades"]) == ((0, 0), (0, 1), (0, 0))


def test_a_date_without_lines_expects_none_before_they_are_due(tmp_path: Path) -> None:
    days = Days(tmp_path)
    days.write("schedule", DAY, *slate_of(DAY, *(eastern(DAY, 19),) * 3))
    assert [counted(days, hour)["prop_lines"] for hour in (12, 13)] == [(0, 0), (0, 3)]
    days.write("prop_lines", DAY, line_of("prop_lines", DAY, FINAL[0]["game_id"], "fanduel"))
    assert counted(days, 12)["prop_lines"] == (1, 3)
