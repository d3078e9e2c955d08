"""The rows of a slate: the newest predictions of a date with tip-off and price, and the reason why there are none."""

from datetime import date, timedelta

import polars as pl

from nba_pipeline.cli.app import today
from nba_pipeline.cli.demos import DEMO_DAYS, no_tables
from nba_pipeline.cli.reading import Reading
from nba_pipeline.environments import home
from nba_pipeline.instance.demos import unfinished_demo
from nba_pipeline.league.calendar import FIRST_DATE, days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted

PREDICTED = ("game_id", "player_id", "system_id", "market")
LINE = ("game_id", "player_id", "market", "book", "line_half_points")
COLUMNS = (
    "game_date", "game_id", "tipoff_at", "player_id", "player_name", "team", "opponent", "market", "system_id", "line", "book",
    "over_price", "under_price", "price", "predicted_value", "edge", "recommendation", "is_actionable", "reasons",
    "injury_status", "quality_score", "run_kind", "version", "made_at",
)  # fmt: skip
SLATES_SEARCHED = 30
"""Number of earlier slates among which the newest with lines is searched."""
NOT_PLAYED, CHAMPION = "postponed", "champion"
"""The status of a game that is not played, and a role. Own constants, because `completeness` and `governance` import dataframely."""


def slate_rows(tables: Reading, day: date) -> pl.DataFrame:
    """Returns one row per player, market and system: the newest prediction, preferring live ones over backtests.

    `price` belongs to the recommended side at the snapshot of the line; it is null for a line without prices. `tipoff_at`
    comes from the schedule and may have moved since the prediction. Rows are sorted by system, then actionable ones first,
    then by descending edge.
    """
    predictions = tables.scan("predictions", [day]).sort("run_kind", "version", descending=True)
    newest = predictions.unique(PREDICTED, keep="first", maintain_order=True)
    prices = tables.scan("prop_lines", [day]).select(*LINE, "snapshot_at", "over_price", "under_price")
    tipoffs = tables.scan("schedule", [day]).select("game_id", pl.col("tipoff_at").alias("scheduled_at"))
    rec = pl.col("recommendation")
    price = pl.when(rec == "OVER").then("over_price").when(rec == "UNDER").then("under_price")
    return (
        newest.join(
            prices.unique([*LINE, "snapshot_at"]),
            left_on=[*LINE, "line_snapshot_at"],
            right_on=[*LINE, "snapshot_at"],
            how="left",
        )
        .join(tipoffs.unique("game_id"), on="game_id", how="left")
        .with_columns(price.alias("price"), pl.coalesce("scheduled_at", "tipoff_at").alias("tipoff_at"))
        .select(COLUMNS)
        .sort(
            "system_id", "is_actionable", pl.col("edge").abs(), "game_id", "player_id", "market",
            descending=[False, True, True, False, False, False], nulls_last=True,
        )
        .collect()
    )  # fmt: skip


def chosen(rows: pl.DataFrame, min_edge: float | None, team: str | None, shows_all: bool) -> pl.DataFrame:
    """Returns the rows that the options of the command select. Without `shows_all`, only actionable ones."""
    if not shows_all:
        rows = rows.filter("is_actionable")
    if min_edge is not None:
        rows = rows.filter(pl.col("edge").abs() >= min_edge)
    return rows if team is None else rows.filter(pl.col("team") == team)


def unreadable(tables: Reading, day: date) -> list[str]:
    """Returns a message per table of the slate whose file of the date is unreadable."""
    return tables.unreadable_on(("predictions", "prop_lines", "schedule"), day)


def halted(tables: Reading) -> str:
    """Returns why picks are halted, according to the newest row of `halts`; empty if they are not."""
    newest = tables.scan("halts", tables.dates("halts")).sort("decision_number").tail(1).collect()
    if newest.is_empty() or not newest["is_halted"][0]:
        return ""
    return f"picks are halted: {newest['halt_reason'][0]} ({newest['note'][0]})"


def champion(tables: Reading) -> str:
    """Returns the system whose predictions may become picks: the newest champion of `system_roles`, else that of the settings."""
    roles = tables.scan("system_roles", tables.dates("system_roles")).filter(pl.col("role") == CHAMPION)
    newest = roles.sort("decision_number").tail(1).collect()["system_id"]
    return str(newest[0]) if len(newest) else SETTINGS.governance.initial_champion


def why_empty(tables: Reading, day: date) -> str:
    """Returns why a date has no predictions, and the first command to run."""
    if not tables.dates("schedule"):
        return no_tables(day)
    step = _first_step(tables, day)
    if day not in tables.dates("schedule"):
        return f"the schedule of {day} is not loaded; {step}"
    games = tables.scan("schedule", [day]).select("game_id", "status").collect()
    if games.is_empty():
        return f"no game is scheduled on {day}"
    if (games["status"] == NOT_PLAYED).all():
        return f"no game of {day} is played: all {games.height} are postponed or canceled"
    number = counted(games.height, "game")
    if day not in tables.dates("predictions"):
        return f"{day} has {number} and no predictions yet; {step}"
    return f"{day} has {number}, and no player was predicted; `nba-pipeline status --from {day} --to {day}` names what is missing"


def newest_with_lines(tables: Reading, day: date) -> date | None:
    """Returns the newest earlier slate with a line; None if none of the last slates has one."""
    dates = sorted(one for one in tables.dates("predictions") if one < day)[-SLATES_SEARCHED:]
    newest: date | None = (
        tables.scan("predictions", dates).filter(pl.col("line").is_not_null()).select(pl.col("game_date").max()).collect().item()
    )
    return newest


def _first_step(tables: Reading, day: date) -> str:
    """Returns the command that predicts a date: an unfinished demo, a backfill if the weeks before are not summarized, else a run.

    The features of a date read the games before it, so that a run of the date alone predicts no player. A date long before the
    stored history has no command: a backfill must not leave a gap, so it would load months for one slate.
    """
    demo = unfinished_demo(home(), today())
    if demo and day >= today() - timedelta(days=DEMO_DAYS):
        return f"first: `{demo.command}`, which has not ended" if demo.command else "a demo is in progress: wait for its end"
    first = max(day - timedelta(days=SETTINGS.usual.days), FIRST_DATE)
    before = days(first, day - timedelta(days=1))
    has_summaries = not tables.scan("player_game_summary", before).limit(1).collect().is_empty()
    has_played = not tables.scan("schedule", before).filter(pl.col("status") == "final").limit(1).collect().is_empty()
    if has_summaries or (day >= today() and not has_played):
        return f"first: `nba-pipeline run --date {day}`"
    begins = min(tables.dates("boxscores"), default=day)
    if begins - day > timedelta(days=SETTINGS.usual.days):
        return f"the stored history begins on {begins}"
    last = max(day, begins - timedelta(days=1)) if day < today() else today() - timedelta(days=1)
    return f"first: `nba-pipeline backfill --from {first} --to {last} --resume`, because predictions need the games before"
