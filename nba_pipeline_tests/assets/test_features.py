"""Each feature on a handful of games, and proof that no feature uses the date or later.

Complete rows of real players are in nba_pipeline_tests/real/test_features_real.py.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from statistics import stdev
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.asset_factory.verdicts import Verdict, verdicts_of
from nba_pipeline.assets.features.features import (
    FEATURES,
    FORM_COLUMNS,
    RANGES,
    TABLE,
    enough_expected_players_have_features,
    enough_players_are_ready,
    every_feature_varies,
    most_players_are_ready,
    most_rows_are_of_quality,
    no_feature_is_constant,
    no_feature_loses_its_source,
)
from nba_pipeline.assets.features.upcoming_players import TABLE as UPCOMING_PLAYERS
from nba_pipeline.assets.features.upcoming_players import expect_players
from nba_pipeline.assets.sources.injuries import TABLE as INJURIES
from nba_pipeline.assets.sources.rosters import TABLE as ROSTERS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.assets.summaries.player_game_summary import summarize_player_games
from nba_pipeline.formulas.similar_games import SIMILAR_GAMES
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems.moving_average import MOVING_AVERAGE
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.assets.test_player_form import form
from nba_pipeline_tests.builders import (
    DAY,
    PLAYER,
    Values,
    a_boxscore,
    a_game,
    a_league,
    a_prop_line,
    an_expected_player,
    at,
    before,
    boxscores_of,
    frame_of,
    games_of,
    prop_lines_of,
    summaries_of,
)
from nba_pipeline_tests.builders_features import derived
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows
from nba_pipeline_tests.builders_summaries import player_games, team_summaries_of, zoned_games

pytestmark = pytest.mark.slow

TEN_GAMES = (24, 14, 20, 15, 53, 37, 32, 21, 15, 41)
"""Points of Anthony Edwards before 2025-01-15."""


def rows_of(
    boxscores: Sequence[Values] = (),
    *expected: Values,
    schedule: Sequence[Values] = (),
    lines: Sequence[Values] = (),
) -> pl.DataFrame:
    """Returns a row for each expected player, in the order of their ids."""
    return derived(
        frame_of(UPCOMING_PLAYERS, *(an_expected_player(**fields) for fields in expected)),
        summaries_of(*boxscores),
        team_summaries_of(boxscores_of(*boxscores)),
        frame_of(SCHEDULE, *schedule),
        prop_lines_of(*lines),
    )["features"]


def features(
    boxscores: Sequence[Values], schedule: Sequence[Values] = (), lines: Sequence[Values] = (), **expected: Any
) -> Values:
    """Returns the row of one expected player. `form` of its windows costs a fourth."""
    return rows_of(boxscores, expected, schedule=schedule, lines=lines).row(0, named=True)


@cache
def of_ten_games() -> Values:
    """The features after ten games, which tests do not change."""
    return features(games_of(*TEN_GAMES))


def test_the_windows_of_player_form_are_features_within_their_ranges() -> None:
    windows, row = form(games_of(*TEN_GAMES)), of_ten_games()
    known = {name: windows[name] for name in FORM_COLUMNS if name in FEATURES and windows[name] is not None}
    assert len(known) > 20
    assert {name: row[name] for name in known} == {name: in_range(name, value) for name, value in known.items()}


def in_range(name: str, value: float) -> float | None:
    lowest, highest = RANGES[name]
    return value if lowest <= value <= highest else None


def test_windows_over_the_last_games() -> None:
    row = form(games_of(*TEN_GAMES))
    assert row["games_played_season"] == 10
    assert row["points_mean_last_3_games"] == pytest.approx(25.6667, abs=5e-5)
    assert (row["points_mean_last_5_games"], row["points_mean_last_10_games"], row["points_mean_season"]) == (29.2, 27.2, 27.2)
    assert row["points_standard_deviation_last_10_games"] == pytest.approx(13.1132, abs=5e-5)
    assert row["points_trend_level_last_5_games"] == -1
    assert row["points_per_minute_last_10_games"] == pytest.approx(272 / 300)


def test_games_without_the_player_enter_no_window() -> None:
    watched = (None, 24, 14, None, 20, 15, 53, None, 37, 32, 21, None, 15, 41, None)
    played, mixed = of_ten_games(), features(games_of(*watched))
    names = [
        name
        for name in FEATURES
        if name.startswith(("points_mean", "points_st", "points_slope", "points_z", "minutes_mean"))
        and name not in SIMILAR_GAMES  # a watched game changes the rest before the next one
    ]
    assert [mixed[name] for name in names] == [played[name] for name in names]
    assert mixed["games_played_season"] == 10


def test_field_goals_without_an_assist_are_created_by_the_player() -> None:
    """Of five field goals per game, the three in the paint are assisted."""
    games, teams = player_games(*zoned_games(10)), team_summaries_of(boxscores_of(*games_of(*TEN_GAMES)))
    row = derived(frame_of(UPCOMING_PLAYERS, an_expected_player()), games, teams, SCHEDULE.empty())["features"].row(0, named=True)
    assert row["self_creation_pct_last_10_games"] == pytest.approx(2 / 5)


def test_windows_need_five_games() -> None:
    row = features(games_of(20, 20, 20, 20))
    assert (row["points_mean_last_3_games"], row["points_mean_season"], row["games_played_season"]) == (None, None, 4)
    assert {"points_mean_last_3_games", "points_mean_season"} <= set(row["missing_features"])


def test_windows_do_not_cross_seasons_and_meetings_do() -> None:
    opening = date(2023, 10, 25)
    row = features(games_of(*TEN_GAMES, last=date(2023, 4, 9)), game_date=opening)
    assert (row["season"], row["games_played_season"], row["points_mean_last_5_games"]) == ("2023-24", 0, None)
    assert (row["games_versus_opponent_last_1095_days"], row["rest_days"], row["is_back_to_back"]) == (10, None, 0)
    assert row["points_mean_versus_opponent_last_1095_days"] == 27.2


def test_meetings_of_more_than_1095_days_ago_do_not_count() -> None:
    row = form([a_boxscore(before(1096), 50), a_boxscore(before(1095), 30), a_boxscore(before(9), 10, opponent="BOS")])
    assert row["points_mean_versus_opponent_last_1095_days"] == 30
    assert row["games_versus_opponent_last_1095_days"] == 1


def test_an_opponent_without_earlier_meetings_is_no_missing_feature() -> None:
    row = features(games_of(*TEN_GAMES, opponent="BOS"))
    assert row["points_mean_versus_opponent_last_1095_days"] is None
    assert "points_mean_versus_opponent_last_1095_days" not in row["missing_features"]


@pytest.mark.parametrize("day", [DAY, before(-1)], ids=["on the date", "later"])
def test_a_game_on_the_date_or_later_changes_nothing(day: date) -> None:
    assert features([*games_of(*TEN_GAMES), a_boxscore(day, 60)]) == of_ten_games()


def test_a_game_of_the_day_before_counts() -> None:
    assert form([*games_of(*TEN_GAMES), a_boxscore(before(1), 60)])["points_mean_last_3_games"] == (15 + 41 + 60) / 3


def test_load_is_of_the_seven_days_before() -> None:
    row = features([a_boxscore(before(n), minutes=36.5) for n in (1, 2, 7, 8)])
    assert (row["games_last_7_days"], row["minutes_sum_last_7_days"]) == (3, 109.5)
    assert (row["rest_days"], row["is_back_to_back"]) == (1, 1)
    # 15 for the back-to-back, 8 for the minutes per game, 12 for the two back-to-backs of the last 14 days
    assert row["fatigue_score"] == 65


def test_rest_advantage_is_against_the_opponent_s_last_final_game() -> None:
    rests = {"BOS": 1, "NYK": 2, "MIA": 9, "DEN": 31}
    finals = [a_game(before(days), team, "CHI") for team, days in rests.items()]
    postponed = [a_game(before(1), team, "LAL", status="postponed") for team in rests]
    games = [{"opponent": team, "game_id": str(n)} for n, team in enumerate(rests)]
    rows = rows_of(games_of(*TEN_GAMES), *games, schedule=[*finals, *postponed, a_game()])
    assert rows["rest_advantage_days"].to_list() == [1, 0, -2, None]


def test_home_court_level() -> None:
    courts: list[Values] = [{}, {"is_home": False}, {"is_neutral": True}, {"is_neutral": None}]
    rows = rows_of([], *({"player_id": n} | court for n, court in enumerate(courts)))
    assert rows["home_court_level"].to_list() == [1, 0, 0.5, 1]


def test_play_in_games_count_as_playoffs() -> None:
    kinds = ("regular_season", "play_in", "playoffs")
    rows = rows_of([], *({"player_id": n, "season_type": kind} for n, kind in enumerate(kinds)))
    assert rows["is_playoff_game"].to_list() == [0, 1, 1]


def test_minutes_change_compares_the_last_ten_games_with_the_season() -> None:
    rows = [*games_of(*[10] * 10, last=before(30), minutes=20.0), *games_of(*[10] * 10, minutes=30.0)]
    assert form(rows)["minutes_change_level_last_10_games"] == 2


def test_usage_is_weighted_by_minutes() -> None:
    others = games_of(*[80] * 5, player_id=2, minutes=200.0)
    rows = [a_boxscore(row["game_date"], minutes=15 + 5.0 * n) for n, row in enumerate(others, 1)]
    usage = pl.col("usage_pct").dot("minutes") / pl.col("minutes").sum()
    weighted = summaries_of(*rows, *others).filter(player_id=PLAYER).select(usage).item()
    assert form([*rows, *others])["usage_pct_last_5_games"] == pytest.approx(weighted)
    assert 0.1 < weighted < 0.4


def test_the_streak_counts_games_below_the_mean_of_the_season() -> None:
    assert form(games_of(30, 30, 30, 10, 11, 12))["games_below_season_mean_streak"] == 3
    assert form(games_of(30, 30, 30, 10, 11, 35))["games_below_season_mean_streak"] == 0


def test_a_breakout_is_five_games_far_above_the_season() -> None:
    assert form(games_of(*[10, 12] * 10, *[22] * 5))["is_breakout"] == 1
    assert form(games_of(*[10, 12] * 10))["is_breakout"] == 0


def test_a_season_of_equal_games_has_no_z_score() -> None:
    assert form(games_of(*[20] * 6))["points_z_score_last_5_games"] is None


@pytest.mark.parametrize(
    ("boxscores", "games"),
    [
        (games_of(*[20] * 6), 6),
        ([*games_of(*[20] * 3, last=before(20)), *games_of(20, 20, last=before(1))], 2),
        ([*games_of(*[20] * 3, last=before(9), team="BOS"), *games_of(20, 20)], 2),
        (games_of(*[20] * 6, last=before(15)), 0),
        (games_of(*[20] * 6, team="BOS"), 0),
    ],
    ids=["no change", "after a gap", "after a trade", "back from a gap today", "first game after a trade today"],
)
def test_games_since_a_trade_or_a_gap(boxscores: list[Values], games: int) -> None:
    assert form(boxscores)["games_since_structural_change"] == games


def test_missed_games_are_those_of_the_team_s_last_ten_since_he_is_with_it() -> None:
    team = [a_boxscore(before(n), player_id=2) for n in range(1, 13)]
    here = [a_boxscore(before(n)) for n in (1, 3, 12)]
    assert form([*team, *here])["missed_game_pct_last_10_team_games"] == 0.8
    traded = [a_boxscore(before(20), team="BOS"), a_boxscore(before(4)), a_boxscore(before(1))]
    assert form([*team, *traded])["missed_game_pct_last_10_team_games"] == 0.5


def test_team_windows_need_five_games_and_the_record_three() -> None:
    row = features(games_of(*[20] * 4))
    assert (row["team_pace_last_10_games"], row["opponent_pace_last_15_games"], row["team_win_pct_season"]) == (None, None, 0)
    assert features(games_of(*[20] * 2))["team_win_pct_season"] is None


def test_pace_score_is_the_game_against_the_league() -> None:
    team = {"fga": 85, "fta": 20, "turnovers": 12, "oreb": 10, "minutes": 240.0}
    slow, fast = games_of(*[20] * 5, **team), games_of(*[20] * 5, team="BOS", opponent="LAL", **team | {"fga": 95})
    both = [row | {"player_id": 3, "team": row["opponent"], "opponent": row["team"]} for row in (*slow, *fast)]
    other_games = [
        row | {"game_id": row["game_id"] + "2"} if "BOS" in (row["team"], row["opponent"]) else row
        for row in (*slow, *fast, *both)
    ]
    row = features(other_games)
    assert row["team_pace_last_10_games"] == pytest.approx(95.8)
    assert row["pace_score"] == pytest.approx((95.8 - 100.8) / 2)


def test_line_features() -> None:
    opening = a_prop_line(24.5)
    row = features(games_of(*TEN_GAMES), lines=[opening, a_prop_line(26.5, snapshot_at=at(22)), a_prop_line(25.5, "bovada")])
    assert (row["line"], row["opening_line"], row["line_movement"], row["has_line"]) == (26.5, 24.5, 2, 1)
    assert row["line_minus_points_mean_season"] == pytest.approx(26.5 - 27.2)
    assert row["line_standard_deviation_across_books"] == pytest.approx(0.7071, abs=1e-4)


def test_without_a_line_its_features_are_null() -> None:
    row = features(games_of(*TEN_GAMES), lines=[a_prop_line(is_before_tipoff=None, snapshot_at=None)])
    assert (row["line"], row["line_movement"], row["line_minus_points_mean_season"], row["has_line"]) == (None, None, None, 0)


def test_a_value_out_of_range_is_null_and_missing() -> None:
    row = features(games_of(*[70] * 6))
    assert row["points_mean_last_5_games"] is None
    assert "points_mean_last_5_games" in row["missing_features"]
    assert row["points_mean_last_3_games"] == 70  # has a wider range


def test_missing_features_are_named_in_order_and_age_always() -> None:
    missing = of_ten_games()["missing_features"]
    assert missing[-1] == "age"
    assert features(games_of(*TEN_GAMES), birth_date=date(1988, 3, 14))["missing_features"] == missing[:-1]
    assert missing[:-1] == [name for name in FEATURES if name in missing]
    assert "shot_zone_mismatch_score" in missing


def test_quality_is_the_share_of_required_features_present() -> None:
    row = features([], schedule=[])
    assert (row["player_history_quality"], row["team_context_quality"]) == (pytest.approx(100 * 2 / 14), 0)
    assert row["game_context_quality"] == pytest.approx(100 * 4 / 6)  # load, home, back-to-back, playoffs
    assert row["market_quality"] == pytest.approx(100 / 7)
    assert row["quality_tier"] == "critical"


def test_rows_satisfy_the_schema() -> None:
    rows = of_the_league()
    assert TABLE.schema.is_valid(rows.drop("source"))
    assert rows.columns == [*TABLE.schema.column_names(), "source"]
    assert rows["team_pace_last_10_games"].null_count() < rows.height


# The properties: a league of four teams over 20 dates, every second day.

FIRST = date(2024, 1, 1)
GAMES, BOXSCORES = a_league(FIRST, rounds=20)
SUMMARY = summarize_player_games(BOXSCORES)
TEAMS = team_summaries_of(BOXSCORES, GAMES)
EXPECTED = expect_players(GAMES, BOXSCORES, ROSTERS.empty(), INJURIES.empty())
DATES = EXPECTED["game_date"].unique().sort().to_list()


def league_features(
    expected: pl.DataFrame = EXPECTED,
    summary: pl.DataFrame = SUMMARY,
    teams: pl.DataFrame = TEAMS,
    schedule: pl.DataFrame = GAMES,
) -> pl.DataFrame:
    return derived(expected, summary, teams, schedule)["features"]


@cache
def of_the_league() -> pl.DataFrame:
    """The features of the unchanged league."""
    return league_features()


@pytest.mark.parametrize("day", DATES[::6])
def test_one_date_alone_with_only_its_past_has_the_same_bits_as_in_a_range(day: date) -> None:
    alone = league_features(EXPECTED.filter(game_date=day), *[past(frame, day) for frame in (SUMMARY, TEAMS, GAMES)])
    assert_frame_equal(alone, of_the_league().filter(game_date=day), check_exact=True)


@pytest.mark.parametrize("day", DATES[::6])
def test_absurd_facts_on_the_date_and_later_change_nothing(day: date) -> None:
    is_future = pl.col("game_date") >= day
    absurd = {"points": 99, "team_points": 200, "did_win": False, "oreb": 0, "usage_pct": 0.99, "minutes": 60.0, "team": "MIA"}
    summary = SUMMARY.with_columns(pl.when(is_future).then(pl.lit(v)).otherwise(name).alias(name) for name, v in absurd.items())
    wild = {"possessions": 130.0, "pace": 119.0, "offensive_rating": 160.0, "defensive_rating": 60.0, "did_win": False}
    teams = TEAMS.with_columns(pl.when(is_future).then(pl.lit(v)).otherwise(name).alias(name) for name, v in wild.items())
    expected = EXPECTED.filter(game_date=day)
    assert_frame_equal(league_features(expected, summary, teams), of_the_league().filter(game_date=day), check_exact=True)


def test_an_event_of_the_day_before_changes_the_row() -> None:
    day = DATES[-1]
    summary = SUMMARY.with_columns(
        pl.when(pl.col("game_date") == day - timedelta(days=2)).then(99).otherwise("points").alias("points")
    )
    frames = (of_the_league().filter(game_date=day), league_features(EXPECTED.filter(game_date=day), summary))
    unchanged, moved = (frame["points_mean_last_5_games"] for frame in frames)
    assert (unchanged != moved).sum() > len(unchanged) / 2


def test_the_order_of_the_input_rows_does_not_matter() -> None:
    shuffled = [frame.sample(fraction=1, shuffle=True, seed=5) for frame in (EXPECTED, SUMMARY, TEAMS, GAMES)]
    assert_frame_equal(league_features(*shuffled), of_the_league(), check_exact=True)


def past(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    return frame.filter(pl.col("game_date") < day)


def test_a_feature_without_its_source_is_named_and_similar_games_need_none(tmp_path: Path) -> None:
    """On 2023-12-06 every team had rested for four days or more, and few players had earlier games after such a rest."""
    earlier = SETTINGS.slates.least_dates_to_compare
    players = features_of_rows(*(a_feature_row(DAY, player_id=number) for number in range(SETTINGS.slates.least_rows)))
    similar, lost = (pl.lit(None, pl.Float64).alias(name) for name in (SIMILAR_GAMES[0], "points_mean_last_5_games"))
    slates = [players.with_columns(game_date=pl.lit(DAY - timedelta(days=back))) for back in range(earlier, 0, -1)]
    dates = [DAY, DAY + timedelta(days=1)]
    slates += [players.with_columns(similar), players.with_columns(similar, lost, game_date=pl.lit(dates[1]))]
    rows, warehouse = pl.concat(slates), LocalWarehouse(home=str(tmp_path))
    warehouse.replace(TABLE, rows["game_date"].unique().to_list(), rows, "test")
    verdicts = verdicts_of(no_feature_loses_its_source(warehouse, dates, Clock()), dates)
    assert [verdict.passed for verdict in verdicts] == [True, False]
    assert verdicts[1].missing == ["points_mean_last_5_games (0% to 100%)"]


# Checks at their bounds: each passes there, fails just below, and passes on a date without players

Check = Callable[..., pl.DataFrame]
NEXT_DAY = DAY + timedelta(days=1)
LEAST_GAMES = {"games_played_season": 5}
NEWCOMER = {"games_played_season": 4}
"""Players with fewer than 5 games do not count."""


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path))


def judged(check: Check, warehouse: LocalWarehouse, *slates: Sequence[Values]) -> list[Verdict]:
    """The verdicts on slates of successive dates from DAY on. A slate has the fields of each player's row."""
    dates = days(DAY, DAY + timedelta(days=len(slates) - 1))
    rows = [
        a_feature_row(day, player_id=number, **fields)
        for day, slate in zip(dates, slates, strict=True)
        for number, fields in enumerate(slate)
    ]
    warehouse.replace(TABLE, dates, features_of_rows(*rows), "test")
    return verdicts_of(check(warehouse, dates, Clock()), dates)


def test_80_pct_of_the_expected_players_suffice_and_those_without_features_are_named(warehouse: LocalWarehouse) -> None:
    names, dates = [f"Player {number}" for number in range(100)], [DAY, NEXT_DAY]
    players = [an_expected_player(day, player_id=number, player_name=name) for day in dates for number, name in enumerate(names)]
    warehouse.replace(UPCOMING_PLAYERS, dates, frame_of(UPCOMING_PLAYERS, *players), "test")
    verdicts = judged(enough_expected_players_have_features, warehouse, [{}] * 80, [{}] * 79, [])
    assert [(verdict.passed, verdict.numbers["share"]) for verdict in verdicts] == [(True, 0.8), (False, 0.79), (True, 1.0)]
    assert [verdict.missing for verdict in verdicts] == [[f"{name} (GSW)" for name in names[first:]] for first in (80, 79, 100)]


def test_players_of_excluded_teams_need_no_features(warehouse: LocalWarehouse) -> None:
    """The last game of GSW has no box score."""
    yesterday, tonight = a_game(before(1), "GSW", "NYK"), a_game(DAY, "GSW", "BOS", status="scheduled")
    players = [an_expected_player(player_id=number, team=team) for number, team in enumerate(("GSW", "BOS"))]
    warehouse.replace(SCHEDULE, [before(1), DAY], frame_of(SCHEDULE, yesterday, tonight), "test")
    warehouse.replace(UPCOMING_PLAYERS, [DAY], frame_of(UPCOMING_PLAYERS, *players), "test")
    (verdict,) = judged(enough_expected_players_have_features, warehouse, [])
    assert (verdict.passed, verdict.numbers["expected"], verdict.missing) == (False, 1, ["Stephen Curry (BOS)"])


@pytest.mark.parametrize("feature", MOVING_AVERAGE.required)
@pytest.mark.parametrize(("check", "ready"), [(enough_players_are_ready, 60), (most_players_are_ready, 80)])
def test_a_share_of_the_players_has_each_required_feature(
    check: Check, ready: int, feature: str, warehouse: LocalWarehouse
) -> None:
    unready = {feature: None}
    slates = [[{}] * count + [LEAST_GAMES | unready] * (100 - count) + [NEWCOMER | unready] * 10 for count in (ready, ready - 1)]
    verdicts = judged(check, warehouse, *slates, [])
    expected = [(True, ready / 100, 100), (False, (ready - 1) / 100, 100), (True, 1.0, 0)]
    assert [(verdict.passed, verdict.numbers["share"], verdict.numbers["expected"]) for verdict in verdicts] == expected


def test_the_nulls_in_required_features_are_counted(warehouse: LocalWarehouse) -> None:
    unready = dict.fromkeys(MOVING_AVERAGE.required)
    (verdict,) = judged(most_players_are_ready, warehouse, [{}, LEAST_GAMES | unready, NEWCOMER | unready])
    assert verdict.numbers["nulls_in_required_features"] == len(unready)


@pytest.mark.parametrize(
    ("check", "features"),
    [
        (no_feature_is_constant, SETTINGS.slates.never_constant),
        (every_feature_varies, tuple(SETTINGS.slates.usual_variation)),
    ],
    ids=["never constant", "usual variation"],
)
def test_each_constant_feature_of_50_players_is_named(check: Check, features: Sequence[str], warehouse: LocalWarehouse) -> None:
    newcomer = NEWCOMER | dict.fromkeys(features, 2.0)
    small, judged_slate, empty = judged(check, warehouse, [LEAST_GAMES] * 49 + [newcomer], [LEAST_GAMES] * 50 + [newcomer], [])
    assert [(verdict.passed, verdict.missing) for verdict in (small, empty)] == [(True, [])] * 2
    assert (judged_slate.passed, judged_slate.numbers) == (False, {"rows": 50, "flat_features": len(features)})
    assert judged_slate.missing == [f"{feature} (distinct values: 1, standard deviation 0.00)" for feature in features]


def test_a_feature_with_two_values_or_none_is_not_constant_and_one_with_a_single_value_is(warehouse: LocalWarehouse) -> None:
    features = SETTINGS.slates.never_constant
    values, nulls = dict.fromkeys(features, 2.0), dict.fromkeys(features)
    verdicts = judged(no_feature_is_constant, warehouse, [{}] * 149 + [values], [nulls] * 50, [nulls] * 49 + [values])
    assert [(verdict.passed, len(verdict.missing)) for verdict in verdicts] == [(True, 0), (True, 0), (False, len(features))]


@pytest.mark.parametrize(
    ("feature", "at_bound", "below"),
    [
        ("points_mean_last_5_games", [5.0 * (n % 20) for n in range(150)], [5.0 * (n % 19) for n in range(150)]),
        ("rest_days", [2.0] * 43 + [1.0, 3.0] * 7, [2.0] * 44 + [1.0, 3.0] * 6 + [1.0]),
        ("line", [20.5] * 49 + [None] * 101, [20.5] * 50 + [None] * 100),
    ],
    ids=["20 distinct values of a full slate", "standard deviation of 0.5", "fewer than 50 values are not judged"],
)
def test_a_feature_that_varies_less_than_usual_is_named(
    feature: str, at_bound: Sequence[float | None], below: Sequence[float | None], warehouse: LocalWarehouse
) -> None:
    slates = [
        [dict.fromkeys(SETTINGS.slates.usual_variation, float(n)) | {feature: value} for n, value in enumerate(values)]
        for values in (at_bound, below)
    ]
    known = [value for value in below if value is not None]
    message = f"{feature} (distinct values: {len(set(known))}, standard deviation {stdev(known):.2f})"
    verdicts = judged(every_feature_varies, warehouse, *slates)
    assert [(verdict.passed, verdict.missing) for verdict in verdicts] == [(True, []), (False, [message])]


def test_60_pct_of_the_rows_are_bronze_or_better(warehouse: LocalWarehouse) -> None:
    tiers = {"gold": 10, "silver": 20, "bronze": 30, "poor": 15, "critical": 25}
    at_bound = [LEAST_GAMES | {"quality_tier": tier} for tier, rows in tiers.items() for _ in range(rows)]
    at_bound += [NEWCOMER | {"quality_tier": "critical"}] * 10
    below = [at_bound[0] | {"quality_tier": "poor"}, *at_bound[1:]]
    verdicts = judged(most_rows_are_of_quality, warehouse, at_bound, below, [])
    assert [verdict.passed for verdict in verdicts] == [True, False, True]
    fractions = {f"{tier}_fraction": rows / 100 for tier, rows in tiers.items()}
    changed = fractions | {"gold_fraction": 0.09, "poor_fraction": 0.16}
    assert [verdict.numbers for verdict in verdicts] == [{"rows": 100} | fractions, {"rows": 100} | changed, {"rows": 0}]
