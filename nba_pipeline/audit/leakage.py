"""Tests for features that read the future. The name of each test states the fact that holds when it passes.

Each test takes a derivation: the real one, or one with a planted leak (see `plants`). Every planted leak must fail at
least one test. Two worlds that differ only in facts unknown at the time (see `worlds`) must give identical values in
every column of every feature table. `sensitivity` holds the opposite: known facts must change values.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import polars as pl
import polars.selectors as cs

from nba_pipeline.audit.box_scores import with_more_threes
from nba_pipeline.audit.derivations import REAL, Audit, Derivation
from nba_pipeline.audit.differences import Difference, differences
from nba_pipeline.audit.known_facts import is_quiet, without_later_facts
from nba_pipeline.audit.nonsense import with_nonsense
from nba_pipeline.audit.outcomes import changed_distributions
from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.snapshots import with_snapshots_in_play
from nba_pipeline.audit.worlds import PLAYER, between, first_tipoff
from nba_pipeline.formulas.market_line import market_lines
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted

THREADS = 2
"""The derivation of one date has many small steps, and few of them use more than one core."""

AN_INSTANT = timedelta(microseconds=1)
PLAYER_DATES = 10

MORE_THREES = (5, 15)
"""Fewest and most made threes added to a box score; enough to change every mean."""


MAX_ABOVE_THE_LINE = 0.02
HIGHEST_PLAUSIBLE_CORRELATION = 0.80
"""Highest permitted correlation with points over all players who played. The best feature of four seasons has 0.722
(N 99,674). A mean of the current game and four earlier games has 0.84.
"""
MIN_ROWS = 300
MIN_LINED_ROWS = 500
LARGEST_SHARE_BY_CHANCE = 0.15
"""Highest permitted share of windows equal to the leaked window. Measured: 7 to 9 %, because a score equal to the mean
leaves it unchanged.
"""
SAME = 1e-9

COLUMNS_NAMED = 5
DIFFERENCES_LISTED = 200


@dataclass(frozen=True)
class Result:
    """The result of one test. `passed` is None if there was nothing to test. `n` is the number of tested rows or players."""

    name: str
    passed: bool | None
    n: int
    detail: str
    differences: list[dict[str, Any]] = field(default_factory=list)


Test = Callable[[Audit, Derivation, Sequence[date]], Result]


def everything_after_the_first_tipoff_may_go(audit: Audit, derivation: Derivation, dates: Sequence[date]) -> Result:
    """Features as of just before the first tip-off do not change when everything that became known later is removed.

    If a tip-off is unknown, the border is the tip-off of each game, and features are as of `audit.as_of`.
    """

    def worlds(day: date) -> tuple[World, World]:
        border = first_tipoff(audit.world, day)
        reduced = audit.summarized(
            derivation, audit.altered("gone", day, lambda: without_later_facts(audit.world, day, border)), day
        )
        just_before = audit.as_of if border is None else border - AN_INSTANT
        now = audit.derived(derivation, reduced, [day], just_before)
        if border is None or is_quiet(audit.world, day, border):
            return audit.baseline(derivation), now
        return audit.derived(derivation, audit.summarized(derivation, audit.cut(day), day), [day], just_before), now

    return _no_feature_changes("everything_after_the_first_tipoff_may_go", audit, derivation, dates, worlds)


def everything_after_the_first_tipoff_may_be_absurd(audit: Audit, derivation: Derivation, dates: Sequence[date]) -> Result:
    """Features do not change when everything that became known at or after the tip-off of its game is replaced by nonsense."""

    def worlds(day: date) -> tuple[World, World]:
        nonsense = audit.summarized(derivation, audit.altered("absurd", day, lambda: with_nonsense(audit.world, day)), day)
        return audit.baseline(derivation), audit.derived(derivation, nonsense, [day], audit.as_of)

    return _no_feature_changes("everything_after_the_first_tipoff_may_be_absurd", audit, derivation, dates, worlds)


def the_games_own_box_score_may_change(audit: Audit, derivation: Derivation, dates: Sequence[date]) -> Result:
    """Features do not change when one player of each team scores 15 to 45 points more in the game itself."""
    altered_on = dict[date, int]()

    def worlds(day: date) -> tuple[World, World]:
        chance = audit.chance(day)
        chosen = one_of_each_team(between(audit.world["boxscores"], day, day).filter("did_play"), chance)
        # different numbers per team, so that the margin changes too
        threes = pl.Series("threes", [chance.randint(*MORE_THREES) for _ in range(chosen.height)], dtype=pl.Int64)
        altered_on[day] = chosen.height
        altered = audit.altered("own box", day, lambda: with_more_threes(audit.cut(day), chosen.with_columns(threes)))
        world = audit.summarized(derivation, altered, day)
        return audit.baseline(derivation), audit.derived(derivation, world, [day], audit.as_of)

    result = _no_feature_changes(
        "the_games_own_box_score_may_change", audit, derivation, evenly_spaced(dates, PLAYER_DATES), worlds
    )
    players = sum(altered_on.values())
    return Result(
        result.name, result.passed, players, f"{counted(players, 'player')} altered; {result.detail}", result.differences
    )


def no_line_or_report_is_from_after_tipoff(audit: Audit, derivation: Derivation, dates: Sequence[date]) -> Result:
    """Features do not change when in-play lines, game lines and reports are added; no prediction has an in-play line."""
    name = "no_line_or_report_is_from_after_tipoff"
    audit.report(name)
    later = audit.altered("in play", None, lambda: with_snapshots_in_play(audit.world))
    added = sum(later[table].height - audit.world[table].height for table in audit.world)
    derived = audit.derived(derivation, audit.summarized(derivation, later), audit.dates, audit.as_of)
    result = _compared(name, [(dates, audit.baseline(derivation), derived)])
    detail = f"{added:,} snapshots added; {result.detail}"
    if derivation is not REAL or audit.predictions is None:
        return Result(name, result.passed, result.n, detail, result.differences)
    lined = audit.predictions.filter(pl.col("line").is_not_null())
    late_line = ~(pl.col("line_snapshot_at") < pl.col("tipoff_at")).fill_null(False)
    late = lined.filter(late_line | (pl.col("prices_snapshot_at") >= pl.col("tipoff_at")).fill_null(False))
    if late.height:
        example = late.select(pl.format("game {}, player {}, {}", "game_id", "player_id", "line_snapshot_at")).item(0, 0)
        return Result(
            name,
            False,
            lined.height,
            f"{late.height} of {lined.height} predictions have a line or price from after tip-off: {example}",
        )
    detail += f"; {lined.height:,} stored predictions have a line, none from after tip-off"
    return Result(name, result.passed, result.n, detail, result.differences)


def no_feature_knows_the_points_better_than_the_line(audit: Audit, derivation: Derivation, dates: Sequence[date]) -> Result:
    """No feature's correlation with points exceeds the market line's by more than 0.02, or 0.80 over all players who played.

    Uses all dates of the audit. The market line is computed here from lines before tip-off. It is not taken from the
    features, because the feature may be the leak.
    """
    name, rows = "no_feature_knows_the_points_better_than_the_line", _with_points(audit, derivation)
    if rows.height < MIN_ROWS:
        return Result(name, None, rows.height, f"{counted(rows.height, 'player')}; the test needs {MIN_ROWS}")
    numbers = rows.select(cs.numeric().exclude("player_id", "points"))
    columns = [column for column in numbers.columns if numbers[column].count() >= MIN_ROWS]
    if not columns:
        return Result(name, None, rows.height, f"no feature is known for {MIN_ROWS} players")
    correlations = {column: _correlation(rows, column) for column in columns}
    best = max(correlations, key=lambda column: correlations[column][0])
    too_good = [f"{column} {r:.3f} (N {n:,})" for column, (r, n) in correlations.items() if r > HIGHEST_PLAUSIBLE_CORRELATION]
    detail = f"highest correlation: {best} {correlations[best][0]:.3f} (N {correlations[best][1]:,})"
    lined = rows.join(_market(audit), on=PLAYER)
    if lined.height < MIN_LINED_ROWS:
        detail += f"; too few players with a line to compare: {lined.height}"
    else:
        gaps = {}
        for column in columns:
            known = lined.drop_nulls(column)
            if known.height >= MIN_LINED_ROWS:
                gaps[column] = _correlation(known, column)[0] - _correlation(known, "market_line")[0]
        nearest = max(gaps, key=lambda column: gaps[column])
        detail += f"; among players with a line (N {lined.height:,}): market line {_correlation(lined, 'market_line')[0]:.3f}"
        detail += f", nearest feature {nearest} {gaps[nearest]:+.3f} against it"
        too_good += [f"{column} {gap:+.3f} against the line" for column, gap in gaps.items() if gap > MAX_ABOVE_THE_LINE]
    return Result(
        name, not too_good, rows.height, f"correlates too well: {', '.join(too_good[:COLUMNS_NAMED])}" if too_good else detail
    )


def windows_rarely_equal_the_leaked_ones(audit: Audit, derivation: Derivation, dates: Sequence[date]) -> Result:
    """Windows differ from windows that include the current game, except where its points leave the mean unchanged.

    Uses all dates of the audit.
    """
    name = "windows_rarely_equal_the_leaked_ones"
    games = audit.summarized(REAL, audit.world)["player_game_summary"].filter("did_play").sort("game_date", "game_id")
    points, of_season = pl.col("points").cast(pl.Float64), ["player_id", "season"]
    leaked = {f"points_mean_last_{n}_games": points.rolling_mean(n).over(of_season) for n in (3, 5, 10)}
    leaked["points_mean_season"] = (points.cum_sum() / pl.int_range(1, pl.len() + 1)).over(of_season)
    beside = games.select(*PLAYER, *[window.alias(f"{window_name}_leaked") for window_name, window in leaked.items()])
    rows = audit.baseline(derivation)["features"].join(beside, on=PLAYER)
    if rows.height < MIN_ROWS:
        return Result(name, None, rows.height, f"{counted(rows.height, 'player')}; the test needs {MIN_ROWS}")
    same = {window: (pl.col(window) - pl.col(f"{window}_leaked")).abs() < SAME for window in leaked}
    known = rows.select(value.count().alias(window) for window, value in same.items()).row(0, named=True)
    judged = [window for window in leaked if known[window] >= MIN_ROWS]
    if not judged:
        return Result(name, None, rows.height, f"no window is known for {MIN_ROWS} players")
    shares = rows.select(same[window].mean().alias(window) for window in judged).row(0, named=True)
    detail = ", ".join(f"{window} {share:.1%} (N {known[window]:,})" for window, share in shares.items())
    return Result(name, max(shares.values()) <= LARGEST_SHARE_BY_CHANCE, rows.height, f"share of equal windows: {detail}")


def no_distribution_reads_an_outcome_of_its_date(audit: Audit, derivation: Derivation, dates: Sequence[date]) -> Result:
    """Standard deviations, probabilities and their publication do not change when outcomes of the date or of later dates do."""
    name = "no_distribution_reads_an_outcome_of_its_date"
    rows = changed_distributions(audit, derivation, dates)
    if rows.is_empty():
        return Result(name, None, 0, "no forecast of these dates has an outcome")
    changed = rows.filter("is_changed")
    detail = f"{changed.height:,} of {rows.height:,} distributions changed"
    if changed.height:
        detail += f"; first: player {changed['player_id'][0]} on {changed['game_date'][0]}"
    return Result(name, changed.is_empty(), rows.height, detail)


TESTS: tuple[Test, ...] = (
    everything_after_the_first_tipoff_may_go,
    everything_after_the_first_tipoff_may_be_absurd,
    the_games_own_box_score_may_change,
    no_line_or_report_is_from_after_tipoff,
    no_feature_knows_the_points_better_than_the_line,
    windows_rarely_equal_the_leaked_ones,
    no_distribution_reads_an_outcome_of_its_date,
)
"""Tests that the real derivation must pass. Each plant must fail at least one."""


def _no_feature_changes(
    name: str, audit: Audit, derivation: Derivation, dates: Sequence[date], worlds: Callable[[date], tuple[World, World]]
) -> Result:
    def beside(day: date) -> tuple[Sequence[date], World, World]:
        audit.report(f"{name}: {day}, {dates.index(day) + 1} of {len(dates)}")
        return [day], *worlds(day)

    # compute the shared baseline before the threads start
    audit.baseline(derivation)
    with ThreadPoolExecutor(THREADS) as threads:
        return _compared(name, threads.map(beside, dates))


def _compared(name: str, pairs: Iterable[tuple[Sequence[date], World, World]]) -> Result:
    rows, values, dates, all_differences = 0, 0, 0, list[Difference]()
    for compared_dates, before, after in pairs:
        differing, compared = differences(before, after, compared_dates)
        rows += before["features"].filter(pl.col("game_date").is_in(list(compared_dates))).height
        values, dates, all_differences = values + compared, dates + len(compared_dates), all_differences + differing
    if not all_differences:
        return Result(name, True if rows else None, rows, f"all {values:,} values of {counted(dates, 'date')} are unchanged")
    columns = list(dict.fromkeys(difference.name for difference in all_differences))
    more = f"; {len(columns)} columns differ, such as {', '.join(columns[1 : COLUMNS_NAMED + 1])}" if len(columns) > 1 else ""
    listed = [{"column": d.name, "rows": d.rows, "worst": str(d)} for d in all_differences[:DIFFERENCES_LISTED]]
    return Result(name, False, rows, f"{all_differences[0]}{more}", listed)


def evenly_spaced(dates: Sequence[date], number: int) -> list[date]:
    """Returns at most `number` dates, evenly spaced."""
    return list(dates) if len(dates) <= number else [dates[len(dates) * n // number] for n in range(number)]


def one_of_each_team(rows: pl.DataFrame, chance: random.Random) -> pl.DataFrame:
    """Returns one random row per game and team."""
    order = pl.Series("order", [chance.random() for _ in range(rows.height)], dtype=pl.Float64)
    return rows.sort(PLAYER).with_columns(order).sort("order").unique(["game_id", "team"], keep="first", maintain_order=True)


def _with_points(audit: Audit, derivation: Derivation) -> pl.DataFrame:
    """Returns the features of the players who played, with their points."""
    played = audit.world["boxscores"].filter("did_play").select(*PLAYER, "points")
    return audit.baseline(derivation)["features"].join(played, on=PLAYER)


def _market(audit: Audit) -> pl.DataFrame:
    """Returns the market line. Includes pick'em lines, and lines without an instant that the archive marks as the last pregame."""
    lines = audit.world["prop_lines"].filter(pl.col("game_date").is_in(audit.dates))
    is_pregame = pl.col("is_before_tipoff").fill_null(pl.col("is_latest_pregame")).fill_null(False)
    some_instant = pl.col("game_date").cast(pl.Datetime("us", "UTC"))
    pregame = lines.with_columns(is_pregame.alias("is_before_tipoff"), pl.col("snapshot_at").fill_null(some_instant))
    cascade: Mapping[str, Any] = {**SETTINGS.lines.cascade, "pickem_books": ()}
    return market_lines(pregame, **cascade).select(*PLAYER, market_line="line")


def _correlation(rows: pl.DataFrame, column: str) -> tuple[float, int]:
    """Returns the absolute correlation with points and the number of rows; 0 for too few rows or a constant column."""
    known = rows.drop_nulls(column)
    if known.height < MIN_ROWS or known[column].n_unique() == 1:
        return 0.0, known.height
    return abs(known.select(pl.corr(pl.col(column).cast(pl.Float64), "points")).item()), known.height
