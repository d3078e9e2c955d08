"""A player's game with its rates. The numbers are from the real games 0042400407 and 0022400561."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import Verdict, verdicts_of
from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.prop_lines import TABLE as PROP_LINES
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.assets.summaries.player_game_summary import (
    FLAGS,
    NO_SOURCE,
    TABLE,
    enough_players_are_summarised,
    every_player_is_summarised,
    lines_cover_the_rotation,
    rates_are_plausible,
    summarize_player_games,
    zones_are_complete,
)
from nba_pipeline.formulas.shot_zones import ZONE_COLUMNS
from nba_pipeline.instance.clock import Clock
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import (
    DAY,
    Values,
    a_boxscore,
    a_game,
    a_prop_line,
    at,
    before,
    frame_of,
    prop_lines_of,
    summaries_of,
    who_did_not_play,
)
from nba_pipeline_tests.builders_days import complete_box
from nba_pipeline_tests.builders_summaries import an_action, player_games, plays_of, shots_of

OKC = {"team": "OKC", "opponent": "IND", "team_points": 103}
GILGEOUS = a_boxscore(points=29, minutes=40.0, fgm=8, fga=27, fg3m=2, fg3a=12, ftm=11, fta=12, turnovers=1, **OKC)
OTHER_THUNDER = a_boxscore(points=74, minutes=200.0, fgm=27, fga=60, fg3m=9, fta=19, ftm=11, turnovers=6, **OKC)

NYK = {"team": "NYK", "opponent": "PHI", "team_points": 125}
BRUNSON = a_boxscore(points=38, minutes=45 + 28 / 60, fgm=14, fga=22, fg3m=3, ftm=7, fta=9, turnovers=5, **NYK)
OTHER_KNICKS = a_boxscore(points=87, minutes=219 + 32 / 60, fga=64, fta=15, turnovers=8, **NYK)


def summary(player: Values, *others: Values) -> Values:
    rows = [player, *[row | {"player_id": n} for n, row in enumerate(others, 2)]]
    return summaries_of(*rows).row(by_predicate=pl.col("player_id") == player["player_id"], named=True)


def test_rates_of_a_regulation_game() -> None:
    row = summary(GILGEOUS, OTHER_THUNDER)
    rates = (row["usage_pct"], row["true_shooting_pct"], row["effective_field_goal_pct"])
    assert (row["overtimes"], rates) == (0, pytest.approx((0.3710, 0.449, 0.333), abs=5e-4))


def test_usage_of_an_overtime_game_is_over_53_minutes() -> None:
    row = summary(BRUNSON, OTHER_KNICKS)
    assert (row["overtimes"], row["usage_pct"]) == (1, pytest.approx(0.3294, abs=5e-5))
    assert row["true_shooting_pct"] == pytest.approx(0.732, abs=5e-4)


def test_the_result_comes_from_the_two_scores() -> None:
    row = summary(GILGEOUS, OTHER_THUNDER)
    assert (row["did_win"], row["opponent_points"]) == (True, 100)


def test_a_player_who_did_not_play_has_a_result_and_no_rates() -> None:
    row = summary(who_did_not_play(**OKC), OTHER_THUNDER, GILGEOUS)
    assert row["did_win"]
    assert [row[name] for name in ("points", "usage_pct", "true_shooting_pct", "effective_field_goal_pct")] == [None] * 4


def test_usage_is_null_when_a_team_mate_s_counts_are_unknown() -> None:
    row = summary(GILGEOUS, OTHER_THUNDER | {"turnovers": None})
    assert (row["usage_pct"], "usage_anomaly" in row["flags"]) == (None, False)


def test_rows_keep_the_promise_of_the_table() -> None:
    rows = summaries_of(a_boxscore(), who_did_not_play(player_id=2), a_boxscore(before(2), points=0, minutes=0.0))
    assert TABLE.schema.is_valid(rows.drop("source"))
    assert rows.columns == [*TABLE.schema.column_names(), "source"]


def test_nothing_in_gives_nothing_out() -> None:
    assert summarize_player_games(frame_of(BOXSCORES)).is_empty()


# Reasons for not playing


def test_the_category_is_of_those_who_did_not_play_and_have_a_reason() -> None:
    hurt = who_did_not_play(reason="INACTIVE_INJURY: Right Knee Soreness")
    assert summary(hurt)["dnp_category"] == "injury"
    assert summary(who_did_not_play())["dnp_category"] is None
    assert summary(a_boxscore(reason="odd"))["dnp_category"] is None


# Zones

ALONE = a_boxscore(points=21, minutes=48.0)
"""23 attempts, 10 of them made and none from three, and 1 free throw. The player ends every play of the team."""


def zoned(player: Values, attempts: tuple[int, int, int], made: tuple[int, int, int]) -> Values:
    rows = summarize_player_games(frame_of(BOXSCORES, player), plays_of(*shots_of(player, attempts, made)))
    return rows.row(0, named=True)


def test_zones_come_from_the_play_by_play() -> None:
    row = zoned(ALONE, (12, 6, 5), (6, 4, 0))
    assert (row["paint_fga"], row["mid_range_fgm"], row["three_point_fga"], row["has_complete_zones"]) == (12, 4, 5, True)
    assert row["flags"] == ["unknown_starter"]
    assert row["quality_score"] == 100


def test_zones_that_disagree_with_the_box_score_are_null_together() -> None:
    row = zoned(ALONE, (11, 6, 5), (6, 4, 0))
    assert (row["has_complete_zones"], [row[name] for name in ZONE_COLUMNS]) == (False, [None] * len(ZONE_COLUMNS))
    assert ("incomplete_zones" in row["flags"], row["fga"]) == (True, 23)


def test_without_play_by_play_the_zones_are_unknown() -> None:
    row = summary(a_boxscore())
    assert (row["has_complete_zones"], row["paint_fga"], "no_zones" in row["flags"]) == (None, None, True)


# Quality


@pytest.mark.parametrize(
    ("fields", "score"),
    [({}, 95), ({"plus_minus": None}, 90), ({"provider": "archive"}, 80), ({"provider": "balldontlie", "plus_minus": None}, 75)],
    ids=["no zones", "no plus-minus either", "another box", "another box without both"],
)
def test_a_row_is_worth_less_for_each_gap(fields: Values, score: float) -> None:
    assert summary(a_boxscore(**fields))["quality_score"] == score


def test_who_did_not_play_lacks_nothing() -> None:
    row = summary(who_did_not_play())
    assert (row["quality_score"], row["flags"]) == (100, [])


def test_usage_above_the_team_s_is_null_and_flagged() -> None:
    burst = a_boxscore(points=6, minutes=1.0, fga=5)
    row = summary(burst, a_boxscore(points=40, minutes=239.0))
    assert (row["usage_pct"], row["flags"][0], row["fga"]) == (None, "usage_anomaly", 5)
    assert "usage_anomaly" not in summary(burst | {"minutes": 0.5}, a_boxscore(points=40, minutes=239.5))["flags"]


def test_flags_are_named_in_order() -> None:
    row = summary(ALONE | {"minutes_precision": "rounded", "plus_minus": None})
    assert row["flags"] == ["rounded_minutes", "unknown_starter", "no_plus_minus", "no_zones"]
    assert row["flags"] == [name for name in FLAGS if name in row["flags"]]


# Lines


def lined(player: Values, *lines: Values) -> Values:
    rows = summarize_player_games(frame_of(BOXSCORES, player), prop_lines=prop_lines_of(*lines))
    return rows.row(0, named=True)


def test_the_line_closes_with_the_last_snapshot_before_the_tip_off() -> None:
    moved = a_prop_line(26.5, snapshot_at=at(22))
    late = a_prop_line(30.5, snapshot_at=at(23, 50), is_before_tipoff=False)
    row = lined(a_boxscore(points=27), a_prop_line(24.5), moved, late, a_prop_line(20.5, "bovada"))
    assert (row["opening_line"], row["closing_line"], row["line_movement"], row["closing_book"]) == (24.5, 26.5, 2, "draftkings")
    assert row["line_result"] == "OVER"


@pytest.mark.parametrize(("points", "result"), [(24, "UNDER"), (25, "PUSH"), (26, "OVER")])
def test_the_result_against_the_line(points: int, result: str) -> None:
    assert lined(a_boxscore(points=points), a_prop_line(25.0))["line_result"] == result


def test_a_line_of_a_player_who_did_not_play_is_void() -> None:
    assert lined(who_did_not_play(), a_prop_line(25.0))["line_result"] == "VOID"


def test_a_line_of_an_unknown_instant_is_no_closing_line() -> None:
    row = lined(a_boxscore(), a_prop_line(is_before_tipoff=None, snapshot_at=None))
    assert [row[name] for name in ("closing_line", "opening_line", "line_movement", "closing_book", "line_result")] == [None] * 5


# Checks


def verdict(check: Any, home: Path, rows: pl.DataFrame, *lines: Values) -> Verdict:
    warehouse = LocalWarehouse(home=str(home))
    written = rows.with_columns(as_of=pl.lit(at(12)), code_version=pl.lit("1"))
    warehouse.replace(TABLE, [DAY], written, "me")
    warehouse.replace(PROP_LINES, [DAY], prop_lines_of(*lines), "me")
    (only,) = verdicts_of(check(warehouse, [DAY], Clock(fixed_at=at(12).isoformat())), [DAY])
    assert isinstance(only, Verdict)
    return only


def players_with_zones(complete: int, incomplete: int) -> pl.DataFrame:
    """Returns players with one make from mid-range. The play-by-play lacks the shots of `incomplete` players."""
    one = {"points": 2, "fgm": 1, "fga": 1, "fg3a": 0, "ftm": 0, "fta": 0}
    players = [a_boxscore(player_id=n, **one) for n in range(1, complete + incomplete + 1)]
    plays = [shot for row in players[:complete] for shot in shots_of(row, (0, 1, 0), (0, 1, 0))]
    plays.append(an_action(players[0], "foul", None, is_made=False))
    return summarize_player_games(frame_of(BOXSCORES, *players), plays_of(*plays)).with_columns(
        opponent_points=pl.lit(100, pl.Int64)
    )


@pytest.mark.parametrize(("complete", "incomplete", "passed"), [(19, 1, True), (18, 2, False)])
def test_incomplete_zones_are_named(complete: int, incomplete: int, passed: bool, tmp_path: Path) -> None:
    found = verdict(zones_are_complete, tmp_path, players_with_zones(complete, incomplete))
    assert (found.passed, found.numbers["share"], len(found.missing)) == (passed, complete / 20, incomplete)


def test_a_date_without_play_by_play_passes_with_a_note(tmp_path: Path) -> None:
    found = verdict(zones_are_complete, tmp_path, summaries_of(a_boxscore()))
    assert (found.passed, found.missing) == (True, [NO_SOURCE])


@pytest.mark.parametrize(("lines", "passed"), [(2, False), (3, True)])
def test_a_rotation_without_lines_warns(lines: int, passed: bool, tmp_path: Path) -> None:
    """Three of five players of the rotation are 60 %. A bench player's line does not count."""
    bench = a_boxscore(player_id=9, minutes=14.0)
    players = [a_boxscore(player_id=n, minutes=15.0) for n in range(1, 6)]
    offered = [a_prop_line(player_id=n) for n in (9, *range(1, lines + 1))]
    rows = summarize_player_games(frame_of(BOXSCORES, bench, *players), prop_lines=prop_lines_of(*offered)).with_columns(
        opponent_points=pl.lit(100, pl.Int64)
    )
    found = verdict(lines_cover_the_rotation, tmp_path, rows, *offered)
    assert (found.passed, found.numbers["share"]) == (passed, lines / 5)


@pytest.mark.parametrize(
    "fields", [{"is_before_tipoff": None, "snapshot_at": None}, {"market": "player_points_rebounds_assists"}], ids=str
)
def test_a_date_without_a_points_line_of_known_instant_passes_with_a_note(fields: Values, tmp_path: Path) -> None:
    found = verdict(lines_cover_the_rotation, tmp_path, summaries_of(a_boxscore()), a_prop_line(**fields))
    assert (found.passed, found.missing) == (True, [NO_SOURCE])


@pytest.mark.parametrize(
    ("absent", "passed", "names"),
    [
        (0, True, []),
        (4, True, ["Player 31", "Player 32", "Player 33", "Player 34"]),
        (5, False, ["Player 101", "Player 31", "Player 32", "Player 33", "Player 34"]),
    ],
)
def test_players_of_a_complete_game_without_a_summary_are_named(
    absent: int, passed: bool, names: list[str], tmp_path: Path
) -> None:
    """16 of 20 players are 80 %. Players who did not play count."""
    rows = [*(who_did_not_play(player_id=n) for n in (34, 33, 32, 31)), *complete_box(a_game())]
    players = [row | {"player_name": f"Player {row['player_id']}"} for row in rows]
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.replace(SCHEDULE, [DAY], frame_of(SCHEDULE, a_game()), "me")
    warehouse.replace(BOXSCORES, [DAY], frame_of(BOXSCORES, *players), "me")
    found = verdict(enough_players_are_summarised, tmp_path, player_games(*players[absent:]))
    assert (found.passed, found.numbers["share"], found.missing) == (passed, (20 - absent) / 20, names)


def test_no_player_of_a_closed_date_is_expected(tmp_path: Path) -> None:
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.replace(SCHEDULE, [DAY], frame_of(SCHEDULE, a_game(home_points=111)), "me")
    warehouse.replace(BOXSCORES, [DAY], frame_of(BOXSCORES, *complete_box(a_game())), "me")
    found = verdict(enough_players_are_summarised, tmp_path, player_games())
    assert (found.passed, found.numbers["expected"], found.missing) == (True, 0, [])


@pytest.mark.parametrize(
    ("summarized", "names"),
    [(5, []), (4, ["NYK@GSW 5"]), (3, ["NYK@GSW 4", "NYK@GSW 5"])],
)
def test_a_final_game_without_a_summary_is_named(summarized: int, names: list[str], tmp_path: Path) -> None:
    """Neither a live game nor one of a competition without box scores is expected."""
    final = [a_game(game_id=str(n)) for n in range(1, 6)]
    games = [*final, a_game(game_id="6", has_boxscore_source=False), a_game(game_id="7", status="live")]
    LocalWarehouse(home=str(tmp_path)).replace(SCHEDULE, [DAY], frame_of(SCHEDULE, *games), "me")
    rows = [row for game in final[:summarized] for row in complete_box(game)]
    found = verdict(every_player_is_summarised, tmp_path, player_games(*rows))
    assert (found.passed, found.numbers["share"], found.missing) == (not names, summarized / 5, names)


def test_a_player_without_a_summary_is_named_where_his_game_has_others(tmp_path: Path) -> None:
    """The blocking check passes from 80 % of the players, so that nothing else would name him."""
    game, rows = a_game(), complete_box(a_game())
    LocalWarehouse(home=str(tmp_path)).replace(SCHEDULE, [DAY], frame_of(SCHEDULE, game), "me")
    LocalWarehouse(home=str(tmp_path)).replace(BOXSCORES, [DAY], frame_of(BOXSCORES, *rows), "me")
    found = verdict(every_player_is_summarised, tmp_path, player_games(*rows[1:]))
    assert (found.passed, found.numbers["players_missing"], found.numbers["share"]) == (False, 1, 1)
    assert found.missing == [f"{rows[0]['player_name']} ({rows[0]['team']})"]


@pytest.mark.parametrize(
    ("shooting", "usages", "passed"),
    [
        ((0.3, 0.5), 9, True),
        ((0.3, 0.49), 9, False),
        ((0.65, 0.85), 9, True),
        ((0.65, 0.86), 9, False),
        ((0.5, 0.6), 8, False),
        ((None, None), 10, False),
    ],
    ids=["lowest mean", "below it", "highest mean", "above it", "fewer usages", "no shots"],
)
def test_rates_beyond_their_bounds_warn(
    shooting: tuple[float | None, float | None], usages: int, passed: bool, tmp_path: Path
) -> None:
    """Nine of ten players are 90 %. The mean is of the two who shot, and a player who did not play has no rates."""
    usage = [0.2] * usages + [None] * (10 - usages)
    players = [a_boxscore(player_id=n) | {"usage_pct": share} for n, share in enumerate(usage, 1)]
    for player, pct in zip(players, shooting, strict=False):
        player["true_shooting_pct"] = pct
    found = verdict(rates_are_plausible, tmp_path, player_games(*players, who_did_not_play(player_id=11)))
    assert (found.passed, found.numbers["usage_share"], found.numbers["played"]) == (passed, usages / 10, 10)


def test_rates_of_a_date_without_players_pass(tmp_path: Path) -> None:
    found = verdict(rates_are_plausible, tmp_path, player_games(who_did_not_play()))
    assert (found.passed, found.numbers) == (True, {"usage_share": 1.0, "played": 0})
