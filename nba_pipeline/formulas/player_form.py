"""A player's form: windows over played games, and running totals for differences.

The windows of a row include the row's own game. `rolling.strictly_before` joins the row to a later date.
"""

import polars as pl

from nba_pipeline.formulas.rolling import (
    BILLIONTHS,
    GAME,
    MIN_GAMES,
    SECONDS_PER_MINUTE,
    difference,
    in_order,
    of_at_least,
    strictly_before,
    whole_parts,
    window_games,
    window_mean,
    window_slope,
    window_standard_deviation,
    window_sum,
)

PLAYER_SEASON = ["player_id", "season"]
LONGEST_STREAK = 20
BREAKOUT_STANDARD_DEVIATIONS = 1.5
MIN_MINUTES_OF_A_RATE = 20
GAP_DAYS = 14
"""A longer gap between two played games, in days, counts as a structural change."""
MEETING_DAYS = 1095
WINDOW = 10
"""Games in the window of `contributing_game_ids`."""


FORM = (
    "games_played_season", "points_mean_last_3_games", "points_mean_last_5_games", "points_mean_last_10_games",
    "points_mean_season", "points_standard_deviation_last_10_games", "points_trend_level_last_5_games",
    "minutes_change_level_last_10_games", "free_throw_point_pct_last_10_games", "minutes_mean_last_10_games",
    "points_per_minute_last_10_games", "points_slope_last_10_games", "points_slope_last_7_games",
    "points_z_score_last_5_games", "points_z_score_last_3_games", "is_breakout", "games_below_season_mean_streak",
    "usage_pct_last_5_games", "games_since_structural_change", "minutes_standard_deviation_last_10_games",
    "minutes_mean_season", "usage_pct_season",
)  # fmt: skip
"""Columns that are windows over the player's games of the season."""

LATEST = {
    "team": "latest_team",
    "game_date": "latest_season_date",
    "contributing_game_ids": "contributing_game_ids",
    "first_of_window": "window_starts",
}
"""Other columns of the player's latest game of the season: team, date, and the games of the 10-game windows."""


def with_player_form(rows: pl.DataFrame, player_games: pl.DataFrame) -> pl.DataFrame:
    """Adds the player's windows, rest, load and meetings with the opponent. One row per expected player in and out.

    A long gap up to the date, or another team on the date, is a structural change: games_since_structural_change is then 0.
    Rest and meetings include earlier seasons; meetings cover the 1,095 days before.
    """
    played = player_games.filter("did_play").join(rows, on="player_id", how="semi")
    form = player_form(played.join(rows, on=PLAYER_SEASON, how="semi"))
    totals, earlier_meetings = running_totals(played), meetings(played.join(rows, on=["player_id", "opponent"], how="semi"))
    rows = strictly_before(rows, form, PLAYER_SEASON, {**{c: c for c in FORM}, **LATEST})
    now = {c: c for c in ("latest_game_date", "games", "seconds", "back_to_backs")}
    rows = strictly_before(rows, totals, ["player_id"], now)
    rows = strictly_before(rows, totals, ["player_id"], {"games": "games_7", "seconds": "seconds_7"}, days=7)
    rows = strictly_before(rows, totals, ["player_id"], {"back_to_backs": "back_to_backs_14"}, days=14)
    opponent = ["player_id", "opponent"]
    rows = strictly_before(rows, earlier_meetings, opponent, {"games": "met", "points": "met_points"})
    rows = strictly_before(rows, earlier_meetings, opponent, {"games": "met_old", "points": "met_points_old"}, days=MEETING_DAYS)
    meeting_count = difference("met", "met_old")
    has_changed = (pl.col("latest_team") != pl.col("team")) | (
        pl.col("game_date") - pl.col("latest_season_date") > pl.duration(days=GAP_DAYS)
    )
    rest_days = (pl.col("game_date") - pl.col("latest_game_date")).dt.total_days()
    return rows.with_columns(
        pl.col("games_played_season").fill_null(0),
        pl.when(has_changed)
        .then(0)
        .otherwise("games_since_structural_change")
        .fill_null(0)
        .alias("games_since_structural_change"),
        rest_days.alias("rest_days"),
        (rest_days == 1).fill_null(False).cast(pl.Float64).alias("is_back_to_back"),
        pl.when(rest_days <= MEETING_DAYS).then("latest_game_date").alias("latest_game_date"),
        difference("games", "games_7").alias("games_last_7_days"),
        (difference("seconds", "seconds_7") / SECONDS_PER_MINUTE).alias("minutes_sum_last_7_days"),
        difference("back_to_backs", "back_to_backs_14").alias("back_to_backs_last_14_days"),
        meeting_count.alias("games_versus_opponent_last_1095_days"),
        pl.when(meeting_count > 0)
        .then(difference("met_points", "met_points_old") / meeting_count)
        .alias("points_mean_versus_opponent_last_1095_days"),
    )


def player_form(played: pl.DataFrame) -> pl.DataFrame:
    """Adds the windows of the season that end with the game. One row per played game in and out.

    Windows need 5 games. The columns have the names of the features.
    """
    seconds = whole_parts("minutes", SECONDS_PER_MINUTE)
    totals = {
        "points": pl.col("points"),
        "seconds": seconds,
        "ftm": pl.col("ftm"),
        "points_of_known_shots": pl.when(pl.col("ftm").is_not_null()).then("points"),
        "usage": (pl.col("usage_pct") * seconds * BILLIONTHS).round(),
        "seconds_of_known_usage": pl.when(pl.col("usage_pct").is_not_null()).then(seconds),
    }
    games = in_order(played, PLAYER_SEASON, totals, spreads=["points", "seconds"]).with_columns(
        _changed().alias("changed"), window_sum("points").alias("points_sum_season")
    )
    return games.with_columns(
        pl.col(GAME).alias("games_played_season"),
        window_mean("points", 3).alias("points_mean_last_3_games"),
        window_mean("points", 5).alias("points_mean_last_5_games"),
        window_mean("points", 10).alias("points_mean_last_10_games"),
        window_mean("points").alias("points_mean_season"),
        window_standard_deviation("points", 10).alias("points_standard_deviation_last_10_games"),
        window_standard_deviation("points").alias("points_standard_deviation_season"),
        window_slope("points", 10).alias("points_slope_last_10_games"),
        window_slope("points", 7).alias("points_slope_last_7_games"),
        (window_mean("seconds", 10) / SECONDS_PER_MINUTE).alias("minutes_mean_last_10_games"),
        (window_mean("seconds") / SECONDS_PER_MINUTE).alias("minutes_mean_season"),
        (window_standard_deviation("seconds", 10) / SECONDS_PER_MINUTE).alias("minutes_standard_deviation_last_10_games"),
        points_trend_level(),
        minutes_change_level(),
        points_per_minute(),
        free_throw_point_pct(),
        weighted_usage_pct(5).alias("usage_pct_last_5_games"),
        weighted_usage_pct().alias("usage_pct_season"),
        pl.concat_list(_of_window("game_id", back) for back in range(WINDOW)).list.drop_nulls().alias("contributing_game_ids"),
        pl.coalesce(_of_window("game_date", back) for back in reversed(range(WINDOW))).alias("first_of_window"),
        below_season_mean_streak(),
        games_since_change(),
    ).with_columns(points_z_score(3), points_z_score(5), is_breakout())


def points_trend_level() -> pl.Expr:
    """Mean points of the last 2 games minus the 3 before: >= 5 is 2, >= 1 is 1, <= -5 is -2, <= -1 is -1, else 0."""
    last_two, last_five = window_sum("points", 2), window_sum("points", 5)
    sixfold = 3 * last_two - 2 * (last_five - last_two)  # a whole number, so that a difference of exactly 5 is exact
    return of_at_least(MIN_GAMES, _level(sixfold, 6 * 1, 6 * 5)).alias("points_trend_level_last_5_games")


def minutes_change_level() -> pl.Expr:
    """Mean minutes of the last 10 games over the season's, minus 1: >= 0.2 is 2, >= 0.1 is 1, symmetric; else 0.

    Null if the season has no minutes.
    """
    season = window_sum("seconds") * window_games(10)
    tenfold = 10 * (window_sum("seconds", 10) * window_games() - season)
    level = pl.when(season > 0).then(_level(tenfold, season, 2 * season))
    return of_at_least(MIN_GAMES, level).alias("minutes_change_level_last_10_games")


def points_per_minute() -> pl.Expr:
    """Points per minute of the last 10 games, sum over sum. Null under 20 minutes."""
    minutes = window_sum("seconds", 10) / SECONDS_PER_MINUTE
    rate = pl.when(minutes >= MIN_MINUTES_OF_A_RATE).then(window_sum("points", 10) / minutes)
    return of_at_least(MIN_GAMES, rate).alias("points_per_minute_last_10_games")


def free_throw_point_pct() -> pl.Expr:
    """Share of the points of the last 10 games that are free throws. Null without a point.

    Games without known shooting are excluded from both sums.
    """
    points = window_sum("points_of_known_shots", 10)
    share = pl.when(points > 0).then(window_sum("ftm", 10) / points)
    return of_at_least(MIN_GAMES, share).alias("free_throw_point_pct_last_10_games")


def weighted_usage_pct(games: int | None = None) -> pl.Expr:
    """Usage of the last games, or of the season, weighted by minutes. Games without usage are excluded from both sums."""
    seconds = window_sum("seconds_of_known_usage", games)
    usage = pl.when(seconds > 0).then(window_sum("usage", games) / seconds / BILLIONTHS)
    return of_at_least(MIN_GAMES, usage)


def _of_window(column: str, back: int) -> pl.Expr:
    """The column's value of the game `back` games earlier; null before the season's first game."""
    return pl.when(pl.col(GAME) > back).then(pl.col(column).shift(back))


def below_season_mean_streak() -> pl.Expr:
    """Latest games in a row below the season's mean so far. A streak beyond 20 is the number of games this season."""
    games, points = window_games(), pl.col("points").cast(pl.Int64)
    total = pl.col("points_sum_season")
    # a shift beyond the season's first game does not lower the minimum, because its `back` is at least `games`
    first_not_below = [pl.when(points.shift(back) * games >= total).then(back) for back in range(LONGEST_STREAK + 1)]
    return of_at_least(MIN_GAMES, pl.min_horizontal(*first_not_below, games)).alias("games_below_season_mean_streak")


def points_z_score(games: int) -> pl.Expr:
    """Mean points of the last games minus the season's, in sample standard deviations of the season.

    Null if every game of the season had the same points.
    """
    deviation = pl.col("points_standard_deviation_season")
    distance = pl.col(f"points_mean_last_{games}_games") - pl.col("points_mean_season")
    return pl.when(deviation > 0).then(distance / deviation).alias(f"points_z_score_last_{games}_games")


def is_breakout() -> pl.Expr:
    """1 if the mean points of the last 5 games exceed the season's by 1.5 standard deviations of the season."""
    limit = pl.col("points_mean_season") + BREAKOUT_STANDARD_DEVIATIONS * pl.col("points_standard_deviation_season")
    return (pl.col("points_mean_last_5_games") > limit).cast(pl.Float64).alias("is_breakout")


def games_since_change() -> pl.Expr:
    """Played games of the season since a change of team or a gap of more than 14 days, including the first one after it."""
    latest_change = pl.when("changed").then(pl.int_range(pl.len())).forward_fill()
    return (pl.int_range(pl.len()) - latest_change + 1).alias("games_since_structural_change")


def running_totals(played: pl.DataFrame) -> pl.DataFrame:
    """Returns per played game, over all seasons, the player's games, seconds and back-to-backs, including that game."""
    is_next_day = pl.col("game_date").diff() == pl.duration(days=1)
    is_same_player = pl.col("player_id") == pl.col("player_id").shift()
    totals = {"seconds": whole_parts("minutes", SECONDS_PER_MINUTE), "back_to_backs": is_next_day & is_same_player}
    return in_order(played.select("player_id", "game_date", "game_id", "minutes"), ["player_id"], totals).select(
        "player_id",
        "game_date",
        latest_game_date="game_date",
        games=GAME,
        seconds=window_sum("seconds"),
        back_to_backs=window_sum("back_to_backs"),
    )


def meetings(played: pl.DataFrame) -> pl.DataFrame:
    """Returns per played game, over all seasons, the player's games and points against the opponent, including that game."""
    group = ["player_id", "opponent"]
    games = in_order(played.select(*group, "game_date", "game_id", "points"), group, {"points": pl.col("points")})
    return games.select(*group, "game_date", games=GAME, points=window_sum("points"))


def _changed() -> pl.Expr:
    return (
        (pl.col(GAME) == 1)
        | (pl.col("team") != pl.col("team").shift())
        | (pl.col("game_date").diff() > pl.duration(days=GAP_DAYS))
    )


def _level(value: pl.Expr, small: int | pl.Expr, large: int | pl.Expr) -> pl.Expr:
    """-2 to 2: the threshold that a change reaches, in either direction."""
    size = pl.when(value.abs() >= large).then(2).when(value.abs() >= small).then(1).otherwise(0)
    return size * value.sign()
