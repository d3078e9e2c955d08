"""Minutes and points that a team is expected to lack: each teammate's playing time times his probability of being out.

A teammate averages 10 minutes or more, and his latest game was for the team, this season, at most 25 team games ago. His
probability of being out is a share over the 365 days before the date. It covers all players with the same number of missed
games and the same status on the injury report, and counts those who were out. Without a report, or with too few earlier
cases of the status, the rate ignores the status. The box score of the game itself is never read.
"""

from collections.abc import Callable
from datetime import datetime

import polars as pl

from nba_pipeline.formulas.availability import injury_status
from nba_pipeline.formulas.career_form import POSITION, played_games, recent
from nba_pipeline.formulas.recent_games import GAMES, Recent, with_recent_games
from nba_pipeline.formulas.rolling import GAME, difference, in_order, strictly_before, whole_parts, window_sum

TEAM_SEASON = ["team", "season"]
HISTORY_DAYS = 365
"""Days of games that playing time, rates and past absences use. Each of them reads the one before it.

The history is therefore three times as long.
"""
TEAM_GAMES = 25
MIN_MINUTES = 10.0
MAX_MISSED_GAMES = 10
"""Longer absences count as this many missed games."""
MIN_CASES, MIN_CASES_OF_STATUS = 100, 30
"""Minimum number of cases without a missed game for a rate: over all players, and over the players with one status."""
NOT_LISTED = "not_listed"
PRIOR_CASES = 10
"""Weight, in cases, with which the rate after m missed games is shrunk towards the rate after m - 1."""
LIKENESS_PER_POINT = 0.2
"""Exponential decay of the similarity of two players, per point of difference between their position indices."""
TEAM_MINUTES = 240
MILLIONTHS = 1_000_000
"""Sums over teammates add whole millionths, so that they are exact."""
PLAYING_TIME = {
    "mate_minutes": recent("minutes", "weighted_mean", 8),
    "mate_points": recent("points", "weighted_mean", 8),
}
MATE_POSITION = {"mate_position": recent(POSITION, "weighted_mean", 30)}
PAST_ABSENCES = {
    "absent_minutes_usual": Recent("absent_minutes", "weighted_mean", 3, MILLIONTHS),
    "absent_points_usual": Recent("absent_points", "weighted_mean", 3, MILLIONTHS),
}
OWN_MINUTES = {"own_minutes": recent("minutes", "weighted_mean", 5), "own_position": recent(POSITION, "weighted_mean", 30)}

EXPECTED_ABSENCES: dict[str, type[pl.DataType]] = {
    "absent_minutes_expected": pl.Float64,
    "absent_points_expected": pl.Float64,
    "absent_minutes_of_the_position_expected": pl.Float64,
    "available_minutes_expected": pl.Float64,
    "minutes_share_expected": pl.Float64,
    "absent_minutes_change": pl.Float64,
    "absent_points_change": pl.Float64,
    "plays_probability": pl.Float64,
    "reported_teammates": pl.Int64,
    "rated_teammates": pl.Int64,
}
"""Column that `with_expected_absences` adds -> its type."""

ABSENCE_FEATURES = tuple(name for name, kind in EXPECTED_ABSENCES.items() if kind is pl.Float64 and name != "plays_probability")
"""The columns of EXPECTED_ABSENCES that systems read."""

Rate = Callable[[pl.DataFrame, pl.DataFrame], pl.DataFrame]
"""A function with the arguments of `with_out_probability`."""


def with_expected_absences(
    rows: pl.DataFrame,
    player_games: pl.DataFrame,
    injuries: pl.DataFrame,
    as_of: datetime | None = None,
    rate: Rate | None = None,
) -> pl.DataFrame:
    """Adds the columns of EXPECTED_ABSENCES. One row per player and game in and out.

    Args:
        rows: One row per player and game, with `player_id`, `team`, `season` and `game_date`.
        player_games: Rows of `player_game_summary` of the 1,095 days before.
        injuries: Rows of `injuries` of the 365 days before and of the dates, with quarantined entries.
        as_of: Only reports seen by this instant count.
        rate: Adds the columns of `with_out_probability`, the default. An evaluation passes the truth to compute a bound.
    """
    if rows.is_empty():
        return rows.with_columns(pl.lit(None, kind).alias(name) for name, kind in EXPECTED_ABSENCES.items())
    played, sides = played_games(player_games), ["game_date", "game_id", *TEAM_SEASON]
    requested = rows.select(sides).unique(maintain_order=True)
    is_recent = pl.col("game_date") >= requested.select(pl.col("game_date").min() - pl.duration(days=HISTORY_DAYS)).to_series()
    past = played.filter(is_recent).select(sides).unique(maintain_order=True)
    mates = teammates(pl.concat([past, requested.join(past, on=["game_id", "team"], how="anti")]), played)
    mates = with_reported_status(mates, injuries, as_of)
    cases = mates.join(past, on=["game_id", "team"], how="semi")
    expected = (rate or with_out_probability)(mates.join(requested, on=["game_id", "team"], how="semi"), cases)
    return _with_sums(_with_usual_absences(rows, played, mates), _with_position(expected, played))


def with_reported_status(mates: pl.DataFrame, injuries: pl.DataFrame, as_of: datetime | None) -> pl.DataFrame:
    """Adds `reported`: the status of the newest report before tip-off, or `not_listed`; null without a usable report."""
    named = injury_status(mates.rename({"mate_id": "player_id"}), injuries, as_of).rename({"player_id": "mate_id"})
    is_usable = pl.col("injury_risk_level").is_not_null()
    return named.with_columns(pl.when(is_usable).then(pl.col("injury_status").fill_null(NOT_LISTED)).alias("reported")).select(
        *mates.columns, "reported"
    )


def teammates(sides: pl.DataFrame, played: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per team, game and teammate: missed_games, is_out, and the teammate's playing time as of `rated_on`.

    `is_out`: the teammate did not play in the game. It is meaningless for a game that has not been played.
    """
    numbered = in_order(played.select("game_date", "game_id", *TEAM_SEASON).unique(), TEAM_SEASON)
    with_latest = strictly_before(sides, numbered, TEAM_SEASON, {GAME: "latest"}).filter(pl.col("latest").is_not_null())
    reach = with_latest.with_columns(pl.int_ranges(pl.col("latest") - TEAM_GAMES + 1, pl.col("latest") + 1).alias(GAME)).explode(
        GAME
    )
    reached = numbered.join(reach, on=[*TEAM_SEASON, GAME], how="semi").select("game_id", "team", GAME)
    seen = _with_playing_time(played, reached).join(reached, on=["game_id", "team"])
    next_on = pl.col("next_played_on")
    return (
        reach.join(seen, on=[*TEAM_SEASON, GAME])
        .filter(next_on.is_null() | (next_on >= pl.col("game_date")))
        .with_columns(
            (pl.col("latest") - pl.col(GAME)).clip(0, MAX_MISSED_GAMES).alias("missed_games"),
            (next_on.is_null() | (next_on != pl.col("game_date"))).alias("is_out"),
        )
        .drop("latest", GAME, "next_played_on")
    )


def _with_playing_time(played: pl.DataFrame, team_games: pl.DataFrame) -> pl.DataFrame:
    """Returns the date of the player's next game with any team, and his playing time up to and including the game.

    One row per played game of `team_games`, which has the columns `game_id` and `team`.
    """
    ordered = in_order(played.select("player_id", *TEAM_SEASON, "game_date", "game_id"), ["player_id"])
    is_same = pl.col("player_id") == pl.col("player_id").shift(-1)
    after = ordered.select(
        "player_id",
        *TEAM_SEASON,
        pl.col("game_id"),
        (pl.col("game_date") + pl.duration(days=1)).alias("game_date"),
        pl.when(is_same).then(pl.col("game_date").shift(-1)).alias("next_played_on"),
    ).join(team_games, on=["game_id", "team"], how="semi")
    with_time = with_recent_games(after, played, ["player_id"], HISTORY_DAYS, PLAYING_TIME)
    return (
        with_time.filter(pl.col("mate_minutes") >= MIN_MINUTES)
        .select("player_id", *TEAM_SEASON, "game_id", "next_played_on", *PLAYING_TIME, rated_on="game_date")
        .rename({"player_id": "mate_id"})
    )


def _with_position(mates: pl.DataFrame, played: pl.DataFrame) -> pl.DataFrame:
    """Adds the teammate's position index as of `rated_on`. Rates do not read it, so past games do without its long window."""
    dates = mates.select(player_id="mate_id", game_date="rated_on").unique(maintain_order=True)
    positions = with_recent_games(dates, played, ["player_id"], HISTORY_DAYS, MATE_POSITION)
    on = {"player_id": "mate_id", "game_date": "rated_on"}
    return mates.join(positions.rename(on).drop(GAMES), on=list(on.values()), how="left", maintain_order="left")


def with_out_probability(mates: pl.DataFrame, cases: pl.DataFrame) -> pl.DataFrame:
    """Adds `out_probability`, and `is_of_report`: whether it is the rate of the reported status.

    The rate is the share of cases with the same status and the same number of missed games that were out. Without a report, or
    with too few earlier cases of the status, it is the rate of all players with the same number of missed games. Null if that
    is unknown.
    """
    of_all = out_rates(mates, cases, [], MIN_CASES).rename({"rate": "rate_of_all"})
    of_status = out_rates(mates, cases.filter(pl.col("reported").is_not_null()), ["reported"], MIN_CASES_OF_STATUS)
    on = ["game_date", "missed_games"]
    rows = mates.join(of_all, on=on, how="left").join(of_status, on=[*on, "reported"], how="left")
    return rows.with_columns(
        pl.coalesce("rate", "rate_of_all").alias("out_probability"), pl.col("rate").is_not_null().alias("is_of_report")
    ).drop("rate", "rate_of_all")


def out_rates(mates: pl.DataFrame, cases: pl.DataFrame, group: list[str], min_cases: int) -> pl.DataFrame:
    """Returns one row per date, group and number of missed games: the share of cases in the 365 days before that were out.

    The share after m missed games is shrunk towards the share after m - 1, with the weight of ten cases. Null with fewer than
    `min_cases` cases without a missed game.
    """
    key = [*group, "missed_games"]
    running = in_order(cases, key, {"out": pl.col("is_out")}).with_columns(window_sum("out").alias("out"))
    missed = pl.DataFrame({"missed_games": range(MAX_MISSED_GAMES + 1)}, schema={"missed_games": pl.Int64})
    dates = mates.select("game_date", *group).drop_nulls().unique().join(missed, how="cross")
    dates = strictly_before(dates, running, key, {GAME: "n", "out": "out"})
    dates = strictly_before(dates, running, key, {GAME: "n_old", "out": "out_old"}, days=HISTORY_DAYS)
    counts = dates.select("game_date", *key, n=difference("n", "n_old"), out=difference("out", "out_old")).sort(
        "game_date", *group
    )
    rate, parts = None, list[pl.DataFrame]()
    for games in range(MAX_MISSED_GAMES + 1):
        here = counts.filter(pl.col("missed_games") == games)
        rate = here.select(_rate(None if rate is None else pl.lit(rate), min_cases)).to_series()
        parts.append(here.select("game_date", *key).with_columns(rate.alias("rate")))
    return pl.concat(parts)


def _rate(after_one_game_less: pl.Expr | None, min_cases: int) -> pl.Expr:
    out, n = pl.col("out"), pl.col("n")
    if after_one_game_less is None:
        return pl.when(n >= min_cases).then(out / n)
    return (out + PRIOR_CASES * after_one_game_less) / (n + PRIOR_CASES)


def _with_usual_absences(rows: pl.DataFrame, played: pl.DataFrame, mates: pl.DataFrame) -> pl.DataFrame:
    """Adds the absent minutes and points of the player's own latest games. His averages already reflect them."""
    absences = _summed(
        mates.filter("is_out"), ["game_id", "team"], {"absent_minutes": "mate_minutes", "absent_points": "mate_points"}
    )
    own = played.join(rows, on="player_id", how="semi", maintain_order="left")
    own = own.join(absences, on=["game_id", "team"], how="left", maintain_order="left").with_columns(
        pl.col("absent_minutes", "absent_points").fill_null(0.0)
    )
    return with_recent_games(rows, own, ["player_id"], HISTORY_DAYS, {**PAST_ABSENCES, **OWN_MINUTES}).drop(GAMES)


def _with_sums(rows: pl.DataFrame, expected: pl.DataFrame) -> pl.DataFrame:
    """Adds the sums over the player's teammates, without the player."""
    own = rows.select("game_id", "team", "player_id", "own_position")
    own_probabilities = expected.select(
        "game_id", "team", (1 - pl.col("out_probability")).alias("plays_probability"), player_id="mate_id"
    )
    pairs = own.join(expected, on=["game_id", "team"]).filter(pl.col("mate_id") != pl.col("player_id"))
    out, minutes, points = pl.col("out_probability"), pl.col("mate_minutes"), pl.col("mate_points")
    likeness = (-LIKENESS_PER_POINT * (pl.col("own_position") - pl.col("mate_position")).abs()).exp()
    pairs = pairs.with_columns(
        (out * minutes).alias("absent"),
        (out * points).alias("absent_points"),
        (out * minutes * likeness).alias("absent_like"),
        ((1 - out) * minutes).alias("available"),
    )
    names = {
        "absent_minutes_expected": "absent",
        "absent_points_expected": "absent_points",
        "absent_minutes_of_the_position_expected": "absent_like",
        "available_minutes_expected": "available",
    }
    sums = _summed(pairs, ["game_id", "player_id"], names)
    counts = pairs.group_by("game_id", "player_id").agg(
        pl.col("is_of_report").sum().cast(pl.Int64).alias("reported_teammates"),
        pl.col("out_probability").count().cast(pl.Int64).alias("rated_teammates"),
    )
    share = TEAM_MINUTES * pl.col("own_minutes") / (pl.col("own_minutes") + pl.col("available_minutes_expected"))
    return (
        rows.join(sums, on=["game_id", "player_id"], how="left", maintain_order="left")
        .join(own_probabilities, on=["game_id", "team", "player_id"], how="left", maintain_order="left")
        .join(counts, on=["game_id", "player_id"], how="left", maintain_order="left")
        .with_columns(pl.col("reported_teammates", "rated_teammates").fill_null(0))
        .with_columns(
            share.alias("minutes_share_expected"),
            (pl.col("absent_minutes_expected") - pl.col("absent_minutes_usual")).alias("absent_minutes_change"),
            (pl.col("absent_points_expected") - pl.col("absent_points_usual")).alias("absent_points_change"),
        )
        .drop(*PAST_ABSENCES, *OWN_MINUTES)
    )


def _summed(mates: pl.DataFrame, group: list[str], names: dict[str, str]) -> pl.DataFrame:
    """Returns sums over the teammates; null if a value of one is unknown."""
    unit = MILLIONTHS + 0 * pl.len().cast(pl.Int64)  # see recent_games
    sums = {
        new: pl.when(pl.col(old).is_not_null().all()).then(whole_parts(old, MILLIONTHS).sum() / unit)
        for new, old in names.items()
    }
    return mates.group_by(group).agg(**sums)
