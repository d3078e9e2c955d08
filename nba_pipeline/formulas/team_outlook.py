"""A team's outlook on its next game, from recent games: weighted averages, expected margin, expected total."""

import polars as pl

from nba_pipeline.formulas.recent_games import GAMES, Recent, with_recent_games

TEAM_DAYS = 365
HALF_LIFE_GAMES = 12
MILLIONTHS = 1_000_000
HOME_MARGIN_POINTS = 2.3
"""Home advantage in points, beyond the strength of both teams, over the four seasons before the evaluated one."""

STRENGTH = {
    f"{name}_half_life_{HALF_LIFE_GAMES}_games": Recent(column, "weighted_mean", HALF_LIFE_GAMES, MILLIONTHS)
    for name, column in (
        ("team_points", "points"),
        ("team_points_allowed", "opponent_points"),
        ("team_pace", "pace"),
        ("team_margin", "margin"),
    )
}
"""Columns of a team's strength."""


TEAM_OUTLOOK = (
    *STRENGTH,
    *(f"opponent_{name.removeprefix('team_')}" for name in STRENGTH),
    "expected_margin",
    "expected_total",
    "expected_team_points",
)
"""The columns that `with_team_outlook` adds."""


def with_team_outlook(rows: pl.DataFrame, team_games: pl.DataFrame) -> pl.DataFrame:
    """Adds the strength of the team and of its opponent, and the expected margin and points. One row per team and game.

    Args:
        rows: One row per team and game, with `team`, `opponent`, `game_date` and `home_court_level`.
        team_games: Rows of `team_game_summary` of the 365 days before.
    """
    strengths = {name: f"opponent_{name.removeprefix('team_')}" for name in STRENGTH}
    rows = with_recent_games(rows, team_games, ["team"], TEAM_DAYS, STRENGTH).drop(GAMES)
    other = rows.select("game_id", pl.col("team").alias("opponent"), *[pl.col(old).alias(new) for old, new in strengths.items()])
    margin, total = expected_margin(), expected_total()
    return rows.join(other, on=["game_id", "opponent"], how="left", maintain_order="left").with_columns(
        margin.alias("expected_margin"), total.alias("expected_total"), ((total + margin) / 2).alias("expected_team_points")
    )


def expected_margin() -> pl.Expr:
    """Points by which the team is expected to win: half the difference of the margins, plus 2.3 at home, minus 2.3 away."""
    difference = pl.col(_weighted("team_margin")) - pl.col(_weighted("opponent_margin"))
    return difference / 2 + HOME_MARGIN_POINTS * (2 * pl.col("home_court_level") - 1)


def expected_total() -> pl.Expr:
    """Sum of both teams' expected points: for each, the mean of the points it scores and the points the other allows."""
    names = ("team_points", "team_points_allowed", "opponent_points", "opponent_points_allowed")
    return pl.sum_horizontal([pl.col(_weighted(name)) for name in names], ignore_nulls=False) / 2


def _weighted(name: str) -> str:
    return f"{name}_half_life_{HALF_LIFE_GAMES}_games"
