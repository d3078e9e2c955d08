"""A team's defense: the attempts and percentages it allows by shot zone, compared with the league, and its ratings.

Windows are the last 15 games of the season. Zones use the games with known zones.
"""

import polars as pl

from nba_pipeline.formulas.rolling import (
    BILLIONTHS,
    MIN_GAMES,
    difference,
    in_order,
    of_at_least,
    strictly_before,
    whole_parts,
    window_games,
    window_mean,
    window_sum,
)
from nba_pipeline.formulas.shot_zones import TEAM_ZONE_COLUMNS, ZONES
from nba_pipeline.formulas.team_form import LEAGUE_DAYS, TEAM_SEASON

GAMES = 15
MIN_TEAMS = 10
"""Minimum number of teams with zones in the 30 days for a mean of the league."""

RATES = ("offensive_rating", "defensive_rating", "pace")
ALLOWED = tuple(f"allowed_{count}" for count in TEAM_ZONE_COLUMNS)

RATINGS = ("games_last_15", *(f"{rate}_last_15_games" for rate in RATES), "opponent_free_throw_rate_last_15_games")
BY_ZONE = (
    "games_with_zones_last_15",
    *(f"{zone}_attempts_per_game_allowed_last_15_games" for zone in ZONES),
    *(f"{zone}_field_goal_pct_allowed_last_15_games" for zone in ZONES),
)


def team_defense(rows: pl.DataFrame, team_games: pl.DataFrame) -> pl.DataFrame:
    """Adds the team's defense, from games before the date. One row per team and date in and out.

    `team_games` are rows of `team_game_summary`, from the start of the season before the first date's season. Values are
    null under 5 games. `{zone}_field_goal_pct_points_above_league` is positive for a weaker defense than the league's.
    """
    zone_games = team_games.filter(pl.all_horizontal(pl.col(count).is_not_null() for count in ALLOWED))
    rows = strictly_before(rows, ratings(team_games), TEAM_SEASON, {name: name for name in RATINGS})
    rows = strictly_before(rows, zones_allowed(zone_games), TEAM_SEASON, {name: name for name in BY_ZONE})
    rows = rows.join(
        league_by_zone(rows.select("game_date", "season").unique(), zone_games),
        on=["game_date", "season"],
        how="left",
        maintain_order="left",
    )
    return rows.with_columns(
        pl.col("games_last_15", "games_with_zones_last_15").fill_null(0), *[_points_above_league(zone) for zone in ZONES]
    ).drop(f"league_{zone}_field_goal_pct" for zone in ZONES)


def ratings(team_games: pl.DataFrame) -> pl.DataFrame:
    """Returns, per team and game with known rates, the means over the last 15 games of the season, including that game.

    The opponents' free-throw rate is their free throws attempted over their field goals attempted, sum over sum.
    """
    opponents = team_games.select("game_id", opponent="team", opponent_fga="fga", opponent_fta="fta")
    totals = {rate: whole_parts(rate, BILLIONTHS) for rate in RATES} | {
        count: pl.col(count) for count in ("opponent_fga", "opponent_fta")
    }
    games = team_games.filter(pl.col("pace").is_not_null()).join(opponents, on=["game_id", "opponent"], how="left")
    attempts = window_sum("opponent_fga", GAMES)
    free_throw_rate = pl.when(attempts > 0).then(window_sum("opponent_fta", GAMES) / attempts)
    values = [
        window_games(GAMES),
        *(window_mean(rate, GAMES) / BILLIONTHS for rate in RATES),
        of_at_least(MIN_GAMES, free_throw_rate),
    ]
    return _named(in_order(games, TEAM_SEASON, totals), RATINGS, values)


def zones_allowed(zone_games: pl.DataFrame) -> pl.DataFrame:
    """Returns, per team and game with known zones, the attempts per game and the percentage allowed by zone, including that game.

    A percentage is null without an attempt.
    """
    games = in_order(zone_games, TEAM_SEASON, {count: pl.col(count) for count in ALLOWED})
    attempts = {zone: window_sum(f"allowed_{zone}_fga", GAMES) for zone in ZONES}
    made = {zone: window_sum(f"allowed_{zone}_fgm", GAMES) for zone in ZONES}
    values = [
        window_games(GAMES),
        *(of_at_least(MIN_GAMES, attempts[zone] / window_games(GAMES)) for zone in ZONES),
        *(of_at_least(MIN_GAMES, _pct(made[zone], attempts[zone])) for zone in ZONES),
    ]
    return _named(games, BY_ZONE, values)


def league_by_zone(dates: pl.DataFrame, zone_games: pl.DataFrame) -> pl.DataFrame:
    """Adds the league's field-goal percentage by zone. One row per date and season in and out.

    It covers the 30 days before the date. With fewer than 10 teams in them, it covers the whole previous season
    (`is_league_mean_of_last_season`). Without either, it and the flag are null.
    """
    totals = in_order(zone_games, [], {count: pl.col(count) for count in ALLOWED}).select(
        "game_date", *[window_sum(count).alias(count) for count in ALLOWED]
    )
    rows = strictly_before(dates, totals, [], {count: f"{count}_now" for count in ALLOWED})
    rows = strictly_before(rows, totals, [], {count: f"{count}_old" for count in ALLOWED}, days=LEAGUE_DAYS)
    rows = rows.join(_teams_by_date(dates, zone_games), on=["game_date", "season"], how="left")
    last = zone_games.group_by("season").agg(pl.col(count).sum().alias(f"{count}_last") for count in ALLOWED)
    rows = rows.with_columns(_season_before().alias("season_before")).join(
        last.rename({"season": "season_before"}), on="season_before", how="left"
    )
    is_trailing = pl.col("teams").fill_null(0) >= MIN_TEAMS
    is_last = pl.col(f"{ALLOWED[0]}_last").is_not_null()
    count = {
        name: pl.when(is_trailing).then(difference(f"{name}_now", f"{name}_old")).otherwise(f"{name}_last") for name in ALLOWED
    }
    return rows.select(
        "game_date",
        "season",
        pl.when(is_trailing).then(False).when(is_last).then(True).alias("is_league_mean_of_last_season"),
        *[
            _pct(count[f"allowed_{zone}_fgm"], count[f"allowed_{zone}_fga"]).alias(f"league_{zone}_field_goal_pct")
            for zone in ZONES
        ],
    )


def _teams_by_date(dates: pl.DataFrame, zone_games: pl.DataFrame) -> pl.DataFrame:
    """Returns the number of teams with a game with known zones in the 30 days before each date."""
    teams = dates.join(zone_games.select("team").unique(), how="cross")
    games = in_order(zone_games, ["team"])
    latest = strictly_before(teams, games, ["team"], {"game_date": "latest_game_date"})
    is_recent = pl.col("latest_game_date") >= pl.col("game_date") - pl.duration(days=LEAGUE_DAYS)
    return latest.filter(is_recent).group_by("game_date", "season").agg(pl.len().alias("teams"))


def _season_before() -> pl.Expr:
    """The season before `season`: 2023-24 for 2024-25."""
    first = pl.col("season").str.slice(0, 4).cast(pl.Int64)
    return pl.format("{}-{}", first - 1, (first % 100).cast(pl.String).str.zfill(2))


def _points_above_league(zone: str) -> pl.Expr:
    """Percentage allowed minus the league's, in percentage points."""
    above = pl.col(f"{zone}_field_goal_pct_allowed_last_15_games") - pl.col(f"league_{zone}_field_goal_pct")
    return (100 * above).alias(f"{zone}_field_goal_pct_points_above_league")


def _pct(made: pl.Expr, attempts: pl.Expr) -> pl.Expr:
    return pl.when(attempts > 0).then(made / attempts)


def _named(games: pl.DataFrame, names: tuple[str, ...], values: list[pl.Expr]) -> pl.DataFrame:
    return games.select(*TEAM_SEASON, "game_date", *[value.alias(name) for name, value in zip(names, values, strict=True)])
