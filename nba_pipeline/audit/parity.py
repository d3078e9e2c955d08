"""Comparison of stored features with recomputed features, and the source changes that explain differences."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from nba_pipeline.asset_factory.code_versions import code_version, current_versions
from nba_pipeline.assets.features.features import ABOUT
from nba_pipeline.audit.derivations import Audit, Derivation
from nba_pipeline.audit.leakage import COLUMNS_NAMED, Result
from nba_pipeline.audit.recompute import World, valid_rows
from nba_pipeline.audit.worlds import PLAYER, before
from nba_pipeline.completeness.next_steps import features_command
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.tables.table import LINEAGE
from nba_pipeline.tables.wording import counted

PAST_GAME_SOURCES = ("boxscores", "team_boxscores", "play_by_play", "schedule", "waivers")
REPORT_SOURCES = ("rosters", "injuries")
MARKET_SOURCES = ("prop_lines", "game_lines")
SOURCES_OF_FAMILY = {
    "matchup": (*PAST_GAME_SOURCES, *REPORT_SOURCES),
    "market": MARKET_SOURCES,
    "expected_absences": (*PAST_GAME_SOURCES, *REPORT_SOURCES),
}
"""Feature family -> its sources, if it reads more than past games."""

SUMMARY_COLUMNS = (
    "missing_features", "quality_score", "quality_tier", "market_quality", "matchup_quality", "player_history_quality",
    "team_context_quality", "game_context_quality",
)  # fmt: skip
SOURCES_OF_COLUMN = {
    **dict.fromkeys(SUMMARY_COLUMNS, (*PAST_GAME_SOURCES, *REPORT_SOURCES, *MARKET_SOURCES)),
    **dict.fromkeys(("injury_risk_level", "injury_status", "age_years"), REPORT_SOURCES),
    **dict.fromkeys(
        ("star_teammates_out", "absent_teammates_usage_pct_sum_season", "row"), (*PAST_GAME_SOURCES, *REPORT_SOURCES)
    ),
    **dict.fromkeys(("line_standard_deviation_across_books", "price_skew"), MARKET_SOURCES),
    **dict.fromkeys(("line_movement_direction", "late_line_movements"), MARKET_SOURCES),
    **dict.fromkeys(("line_minus_points_mean_season", "line_minus_previous_closing_line"), (*PAST_GAME_SOURCES, *MARKET_SOURCES)),
}
"""Column -> its sources, if they differ from those of its family. All other columns read past games only."""

DIFFERENCES_LISTED = 10_000
LEAGUE_FAMILIES = ("matchup", "career_form", "expected_absences")
"""The feature families that depend on earlier games of other teams."""

REPORT_HISTORY_FAMILY = "expected_absences"
"""The feature family that depends on the reports of all earlier games."""

FAMILY_OF_COLUMN = dict.fromkeys(("absence_evidence", "plays_probability"), REPORT_HISTORY_FAMILY)
"""Column that is not a feature -> its family."""


def stored_rows_equal_recomputed_rows(audit: Audit, derivation: Derivation, dates: Sequence[date]) -> Result:
    """Stored features equal features recomputed as of the same instant, except where a listed source has changed."""
    name, world = "stored_rows_equal_recomputed_rows", audit.summarized(derivation, audit.world)

    def recompute(some: Sequence[date], as_of: datetime) -> World:
        audit.report(f"{name}: {len(some)} dates as of {eastern_text(as_of)}")
        last = some[-1]
        through = audit.altered("kept", last, lambda: {t: before(rows, last + timedelta(days=1)) for t, rows in world.items()})
        return audit.derived(derivation, through, some, as_of)

    return _compared(name, audit, dates, recompute, note=_stale_note)


def a_later_backfill_differs_only_where_a_source_did(audit: Audit, derivation: Derivation, dates: Sequence[date]) -> Result:
    """Stored features equal those of a backfill today, except where lines, reports or other sources have newer rows."""
    name = "a_later_backfill_differs_only_where_a_source_did"
    audit.report(name)
    derived = audit.derived(derivation, audit.summarized(derivation, audit.world), audit.dates, audit.as_of)
    return _compared(name, audit, dates, lambda some, as_of: derived)


def _stale_note(explained: Sequence[Mapping[str, Any]]) -> str:
    """Returns a note that names the stale features and the command that computes them again; empty without explained differences."""
    stale = sorted({one["game_date"] for one in explained})
    if not stale:
        return ""
    note = f"; stale: the features of {counted(len(stale), 'date')} are older than their sources or their code"
    return f"{note}; next: {features_command(stale[0], stale[-1])}"


def _compared(
    name: str,
    audit: Audit,
    dates: Sequence[date],
    recompute: Callable[[Sequence[date], datetime], World],
    note: Callable[[Sequence[Mapping[str, Any]]], str] = lambda explained: "",
) -> Result:
    """Compares stored features with recomputed ones, per `as_of` and code version. `note` describes the explained differences.

    A difference is explained by a newer source row of the player's game or of an earlier game of its teams, or by another
    code version. The newer row is the likely cause, not a proven one.
    """
    stored = None if audit.stored is None else audit.stored.filter(pl.col("game_date").is_in(list(dates)))
    if stored is None or stored.is_empty():
        return Result(name, None, 0, "no stored features on these dates")
    scheduled = audit.world["schedule"].filter(pl.col("status") != "postponed")
    games, differences = set(scheduled.select("game_date", "game_id").iter_rows()), list[dict[str, Any]]()
    for (as_of, version), rows in stored.sort("game_date").group_by(["as_of", "code_version"], maintain_order=True):
        assert isinstance(as_of, datetime)
        some = rows["game_date"].unique().sort().to_list()
        changes = Changes(_newer_rows(audit, as_of, some), games)
        now = valid_rows("features", recompute(some, as_of)["features"])
        for one in value_differences(rows, now.filter(pl.col("game_date").is_in(some))):
            is_current = version in current_versions("features", code_version("features"))
            explanation = changes.explanation(one) if is_current else f"made by code version {version!s}"
            differences.append({**one, "explained_by": explanation})
    differences.sort(key=lambda one: bool(one["explained_by"]))
    unexplained = [one for one in differences if not one["explained_by"]]
    detail = f"{counted(len(differences), 'value differs', 'values differ')}, {len(unexplained):,} of them unexplained"
    if first := next(iter(differences), None):
        columns = Counter(one["column"] for one in differences).most_common(COLUMNS_NAMED)
        detail += f" ({', '.join(f'{column} {count}' for column, count in columns)}); first: {first['column']} of player "
        detail += f"{first['player_id']} on {first['game_date']}: stored {first['stored']}, now {first['now']} "
        detail += f"({first['explained_by'] or 'no source changed'}){note(differences[len(unexplained) :])}"
    return Result(name, not unexplained, stored.height, detail, differences[:DIFFERENCES_LISTED])


def _newer_rows(audit: Audit, as_of: datetime, dates: Sequence[date]) -> dict[str, pl.DataFrame]:
    """Returns the source rows that are newer than the features of dates.

    Two runs at the same instant of a fixed clock have the same `as_of`. Then the later materialization is newer.
    """
    computed_at = max((at for day in dates if (at := audit.written.get(day, {}).get("features"))), default=None)
    newer = {}
    for table, frame in audit.world.items():
        later = [day for day, at in audit.written.items() if computed_at and table in at and at[table] > computed_at]
        is_later = (pl.col("as_of") == as_of) & pl.col("game_date").is_in(later)
        newer[table] = frame.filter((pl.col("as_of") > as_of) | is_later)
    return newer


def value_differences(stored: pl.DataFrame, recomputed: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """Yields the differences between stored and recomputed features, by row and column.

    The column is "row" if only one of the two frames has the row.
    """
    key, about = ["game_date", *PLAYER], ["team", "opponent"]
    for one, other, was, now in ((stored, recomputed, "present", None), (recomputed, stored, None, "present")):
        for row in one.join(other, on=key, how="anti").select(*key, *about).iter_rows(named=True):
            yield {**row, "column": "row", "stored": was, "now": now}
    columns = [column for column in recomputed.columns if column in stored.columns and column not in (*LINEAGE, *key)]
    beside = stored.join(recomputed.select(*key, *columns), on=key, suffix="_now")
    for column in columns:
        off = beside.filter(pl.col(column).ne_missing(pl.col(f"{column}_now")))
        shown = off.select(*key, *about, pl.col(column).alias("stored"), pl.col(f"{column}_now").alias("now"))
        for row in shown.iter_rows(named=True):
            yield {**row, "column": column}


class Changes:
    """Source rows newer than a set of features, and the games currently scheduled."""

    def __init__(self, newer: Mapping[str, pl.DataFrame], games: Set[tuple[date, str]]):
        self.newer, self.games = newer, games
        self._newest: dict[tuple[object, ...], str] = {}

    def explanation(self, one: Mapping[str, Any]) -> str:
        """Returns the sources with newer rows that explain a difference; empty if none does."""
        if (one["game_date"], one["game_id"]) not in self.games:
            return "the game was moved"
        family = FAMILY_OF_COLUMN.get(one["column"], str((ABOUT.get(one["column"]) or {}).get("family", "")))
        sources = SOURCES_OF_COLUMN.get(one["column"], SOURCES_OF_FAMILY.get(family, PAST_GAME_SOURCES))
        changes = [self._newest_change(source, one, family) for source in sources]
        return "; ".join(change for change in changes if change)

    def _newest_change(self, source: str, one: Mapping[str, Any], family: str) -> str:
        """Returns the newest change of a source that can explain a difference; empty without one.

        A change of a source of past games counts if it concerns an earlier game of the teams, or of the league. A change of a
        roster counts for the teams, up to the date. A change of a report counts up to the date, if the family reads earlier
        reports. Any other change counts for the game itself.
        """
        is_of_the_league, reads_earlier = family in LEAGUE_FAMILIES, family == REPORT_HISTORY_FAMILY
        day, teams = one["game_date"], (one["team"], one["opponent"])
        key = (source, day, None if is_of_the_league else teams, one["game_id"], reads_earlier)
        if key not in self._newest:
            rows = self.newer[source]
            sides = [column for column in ("team", "home_team", "away_team") if column in rows.columns]
            is_of_teams = pl.any_horizontal(pl.col(sides).is_in(teams)) if sides else pl.lit(True)
            if source in PAST_GAME_SOURCES:
                rows = rows.filter((pl.col("game_date") < day) & (is_of_teams | is_of_the_league))
            elif source == "rosters":
                rows = rows.filter((pl.col("game_date") <= day) & is_of_teams)
            elif source == "injuries" and reads_earlier:
                rows = rows.filter(pl.col("game_date") <= day)
            else:
                rows = rows.filter(pl.col("game_id") == one["game_id"])
            newest = rows.sort("as_of").tail(1)
            message = newest.select(
                pl.format("{} of {} changed {}", pl.lit(source), "game_date", pl.col("as_of").dt.strftime("%Y-%m-%d %H:%M"))
            )
            self._newest[key] = message.item() if message.height else ""
        return self._newest[key]
