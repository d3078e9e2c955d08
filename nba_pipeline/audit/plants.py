"""Leaks planted one at a time into the real derivation. Each occurred in a real system; the audit must catch every one.

If the world lacks a future fact, the plant works without it, as it would in a live prediction. Such a leak therefore
changes no live prediction and improves only the backtest.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import polars as pl

from nba_pipeline.audit.derivations import Derivation, Derive, Summarize
from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.worlds import PLAYER

OPPONENT_GAMES = 15
MIN_GAMES = 5
POINTS_OF_A_FULL_USAGE = 150
NOISE = 0.02
HALF_LIFE_GAMES = 8
LEAGUE_PACE = 100.0


def window_that_holds_tonight(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """A window that includes the current date (`<=` instead of `<`)."""
    last_5 = pl.col("points").cast(pl.Float64).rolling_mean(5).over("player_id", "season")
    return _put(derive(world, dates, as_of), {"points_mean_last_5_games": _played(world).select(*PLAYER, value=last_5)})


def season_mean_that_holds_tonight(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """A season average that includes the current game."""
    games, points = pl.int_range(1, pl.len() + 1), pl.col("points").cast(pl.Float64)
    mean = pl.when(games >= MIN_GAMES).then(points.cum_sum() / games).over("player_id", "season")
    return _put(derive(world, dates, as_of), {"points_mean_season": _played(world).select(*PLAYER, value=mean)})


def season_mean_of_the_end_of_the_season(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """A table of season averages downloaded months later."""
    mean = pl.col("points").mean().over("player_id", "season")
    return _put(derive(world, dates, as_of), {"points_mean_season": _played(world).select(*PLAYER, value=mean)})


def league_mean_of_the_whole_season(world: World, summarize: Summarize) -> World:
    """Pace relative to the season mean, with future games included."""
    derived = summarize(world)
    relative = pl.col("pace") - pl.col("pace").mean().over("season") + LEAGUE_PACE
    return {**derived, "team_game_summary": derived["team_game_summary"].with_columns(relative.alias("pace"))}


def closing_line_of_the_game_in_play(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """The last line shown by a book, even if it was shown in play."""
    was_shown = pl.col("snapshot_at").is_not_null()
    lines = world["prop_lines"].with_columns(was_shown.alias("is_before_tipoff"))
    return derive({**world, "prop_lines": lines}, dates, as_of)


def line_of_an_unknown_instant(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """A line with an unknown instant, treated as a morning line."""
    morning = pl.col("game_date").cast(pl.Datetime("us", "UTC")) + timedelta(hours=15)
    lines = world["prop_lines"].with_columns(pl.col("snapshot_at").fill_null(morning), pl.col("is_before_tipoff").fill_null(True))
    return derive({**world, "prop_lines": lines}, dates, as_of)


def line_filled_from_the_points(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """A missing line filled from the points scored."""
    derived = derive(world, dates, as_of)
    near = _played(world).select(*PLAYER, value=(pl.col("points") - 0.5).clip(5, 60))
    unlined = derived["features"].filter(pl.col("line").is_null()).select(PLAYER)
    return _put(derived, {"line": near.join(unlined, on=PLAYER, how="semi")})


def report_of_after_the_tipoff(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """The newest injury report, even if it was printed after tip-off."""
    return derive({**world, "injuries": world["injuries"].with_columns(pl.lit(True).alias("is_before_tipoff"))}, dates, as_of)


def roster_as_it_stands_now(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """The newest roster page, even if it was fetched after the game."""
    day_before = pl.col("game_date").cast(pl.Datetime("us", "UTC")) - timedelta(days=1)
    return derive({**world, "rosters": world["rosters"].with_columns(day_before.alias("seen_at"))}, dates, as_of)


def only_who_played(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """A player list from the box score of the game, which omits everyone who was absent."""
    derived, games = derive(world, dates, as_of), world["player_game_summary"].select("game_id").unique()
    is_over = derived["features"].join(games, on="game_id", how="semi")
    rows_of_played = is_over.join(_played(world), on=PLAYER, how="semi")
    return {**derived, "features": pl.concat([derived["features"].join(games, on="game_id", how="anti"), rows_of_played])}


def out_is_who_did_not_play(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """Injury status inferred from absence in the box score."""
    derived, games = derive(world, dates, as_of), world["player_game_summary"].select("game_id").unique()
    absent = derived["features"].join(games, on="game_id", how="semi").join(_played(world), on=PLAYER, how="anti")
    return _put(derived, {"injury_risk_level": absent.select(*PLAYER, value=pl.lit(3.0))})


def points_with_noise(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """The label in disguise: a rate of the current game under the name of a past rate."""
    noise = ((pl.col("player_id") * 7919 + pl.col("points")) % 101 / 50 - 1) * NOISE
    rate = (pl.col("points") / POINTS_OF_A_FULL_USAGE + noise).clip(0, 0.6)
    return _put(derive(world, dates, as_of), {"usage_pct_last_5_games": _played(world).select(*PLAYER, value=rate)})


def opponent_rating_that_holds_tonight(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """The opponent's defensive rating with the current game included."""
    rating = pl.col("defensive_rating").rolling_mean(OPPONENT_GAMES, min_samples=MIN_GAMES).over("team", "season")
    teams = world["team_game_summary"].sort("game_date", "game_id").select("game_id", opponent="team", value=rating)
    return _put(derive(world, dates, as_of), {"opponent_defensive_rating_last_15_games": teams}, ["game_id", "opponent"])


def record_that_holds_tonight(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """The team's win share from the standings of the next morning."""
    won = (pl.col("did_win").cast(pl.Float64).cum_sum() / pl.int_range(1, pl.len() + 1)).over("team", "season")
    teams = world["team_game_summary"].sort("game_date", "game_id").select("game_id", "team", value=won)
    return _put(derive(world, dates, as_of), {"team_win_pct_season": teams}, ["game_id", "team"])


def minutes_of_tonight_as_load(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """Minutes of the last seven days, with the current date included."""
    derived = derive(world, dates, as_of)
    beside = derived["features"].join(_played(world).select(*PLAYER, "minutes"), on=PLAYER)
    load = beside.select(*PLAYER, value=pl.col("minutes_sum_last_7_days") + pl.col("minutes"))
    return _put(derived, {"minutes_sum_last_7_days": load})


def margin_as_home_court(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """Home-court strength from the final score in the schedule."""
    margin = ((pl.col("home_points") - pl.col("away_points")) / 100 + 0.5).clip(0, 1)
    games = world["schedule"].select("game_id", value=margin)
    return _put(derive(world, dates, as_of), {"home_court_level": games}, ["game_id"])


def gaps_filled_from_later_games(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """Missing means filled from later games of the same player."""
    derived = derive(world, dates, as_of)
    means = _played(world).group_by("player_id", "season").agg(pl.col("points").mean().alias("value"))
    unknown = derived["features"].filter(pl.col("points_mean_last_5_games").is_null())
    return _put(derived, {"points_mean_last_5_games": unknown.select(*PLAYER, "season").join(means, on=["player_id", "season"])})


def scaled_over_all_dates(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """A feature standardized over all rows, with later dates included."""
    derived, minutes = derive(world, dates, as_of), pl.col("minutes_sum_last_7_days")
    scaled = ((minutes - minutes.mean()) / minutes.std()).alias("minutes_sum_last_7_days")
    return {**derived, "features": derived["features"].with_columns(scaled)}


def weighted_average_that_holds_tonight(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """An average across seasons whose latest and heaviest game is the current one."""
    weighted = pl.col("points").cast(pl.Float64).ewm_mean(half_life=HALF_LIFE_GAMES).over("player_id")
    return _put(derive(world, dates, as_of), {"points_half_life_8_games": _played(world).select(*PLAYER, value=weighted)})


def absences_of_tonights_box(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """Expected absences from the box score of the game: the minutes of the teammates whom it does not list."""
    derived, side = derive(world, dates, as_of), ["game_id", "team"]
    is_over = derived["features"].join(world["player_game_summary"].select("game_id").unique(), on="game_id", how="semi")
    out = is_over.join(_played(world), on=PLAYER, how="anti")
    absent = out.group_by(side).agg(pl.col("minutes_half_life_5_games").sum().alias("value"))
    return _put(
        derived, {"absent_minutes_expected": is_over.select(side).unique().join(absent, on=side, how="left").fill_null(0.0)}, side
    )


def cut_point_of_the_whole_sample(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """A class of players whose cut point is the mean of all games, with later ones included."""
    derived = derive(world, dates, as_of)
    cut = _played(world)["points"].mean()
    above = derived["features"].select(*PLAYER, value=(pl.col("points_half_life_8_games") - cut).clip(0))
    return _put(derived, {"points_half_life_3_games": above})


def box_scores_of_yesterday_by_another_clock(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """Games dated in another time zone, so that games of the current date appear to be earlier ones."""
    shifted = world["player_game_summary"].with_columns(pl.col("game_date") - timedelta(days=1))
    return derive({**world, "player_game_summary": shifted}, dates, as_of)


def residuals_that_include_tonight(graded: pl.DataFrame, day: date) -> pl.DataFrame:
    """Residuals of the forecasts with those of the current date included."""
    return graded.filter(pl.col("game_date") <= day)


def record_of_the_whole_period(graded: pl.DataFrame, day: date) -> pl.DataFrame:
    """A calibration fitted once on all dates, later ones included."""
    return graded


PLANTS: tuple[Derivation, ...] = (
    *(
        Derivation(leak.__name__, str(leak.__doc__), features=leak)
        for leak in (
            window_that_holds_tonight,
            season_mean_that_holds_tonight,
            season_mean_of_the_end_of_the_season,
            closing_line_of_the_game_in_play,
            line_of_an_unknown_instant,
            line_filled_from_the_points,
            report_of_after_the_tipoff,
            roster_as_it_stands_now,
            only_who_played,
            out_is_who_did_not_play,
            points_with_noise,
            opponent_rating_that_holds_tonight,
            record_that_holds_tonight,
            minutes_of_tonight_as_load,
            margin_as_home_court,
            gaps_filled_from_later_games,
            weighted_average_that_holds_tonight,
            absences_of_tonights_box,
            cut_point_of_the_whole_sample,
            box_scores_of_yesterday_by_another_clock,
        )
    ),
    *(
        Derivation(leak.__name__, str(leak.__doc__), graded=leak)
        for leak in (residuals_that_include_tonight, record_of_the_whole_period)
    ),
    Derivation(scaled_over_all_dates.__name__, str(scaled_over_all_dates.__doc__), features=scaled_over_all_dates, min_dates=2),
    Derivation(
        league_mean_of_the_whole_season.__name__,
        str(league_mean_of_the_whole_season.__doc__),
        summaries=league_mean_of_the_whole_season,
    ),
)
"""All planted leaks, named after their functions."""


def _played(world: World) -> pl.DataFrame:
    """Returns the played games of a world in order of date."""
    return world["player_game_summary"].filter("did_play").sort("game_date", "game_id")


def _put(derived: World, values: dict[str, pl.DataFrame], on: Sequence[str] = tuple(PLAYER)) -> World:
    """Returns the features, with columns replaced where a value is known."""
    rows = derived["features"]
    for column, replacement in values.items():
        rows = (
            rows.join(replacement.select(*on, "value"), on=list(on), how="left", maintain_order="left")
            .with_columns(pl.coalesce("value", column).cast(pl.Float64).alias(column))
            .drop("value")
        )
    return {**derived, "features": rows}
