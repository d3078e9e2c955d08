"""The sensitivity test: features must change with facts that were known before tip-off.

If features never changed, the tests of `leakage.py` would pass and prove nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import polars as pl

from nba_pipeline.audit.box_scores import with_more_threes
from nba_pipeline.audit.derivations import RESUMMARIZED_DAYS, Audit, Derivation
from nba_pipeline.audit.leakage import MORE_THREES, Result, evenly_spaced, one_of_each_team
from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.snapshots import WILD_TOTAL, with_game_lines_just_before, with_lines_just_before, with_reports_just_before
from nba_pipeline.audit.worlds import PLAYER, before

SENSITIVE_DATES = 5
"""Number of sampled dates on which the sensitivity test alters players."""
NEW_LINE = 33.5
NEW_STATUS = "doubtful"


def a_fact_of_before_moves_the_row(audit: Audit, derivation: Derivation, dates: Sequence[date]) -> Result:
    """Features change with the box score of the previous game, and with a line, game line or report 1 s before tip-off.

    If features never changed, the other tests would pass and prove nothing.
    """
    name, detected = "a_fact_of_before_moves_the_row", dict[str, list[bool]]()
    has_windows = audit.baseline(derivation)["features"].filter(pl.col("points_mean_last_5_games").is_not_null())
    with_windows = [day for day in dates if day in set(has_windows["game_date"])]
    for day in evenly_spaced(with_windows or dates, SENSITIVE_DATES):
        audit.report(f"{name}: {day}")
        for alteration, is_detected in _detected_changes(audit, derivation, day):
            detected.setdefault(alteration, []).append(is_detected)
    n = sum(len(results) for results in detected.values())
    counts = ", ".join(f"{sum(results)} of {len(results)} {alteration}" for alteration, results in detected.items())
    detail = f"changes detected: {counts}"
    if "last box scores" not in detected:
        detail += "; no window of five games, so no box score was altered"
    if "lines" not in detected:
        detail += "; no known tip-off, so no line and no report was altered"
    return Result(name, all(all(results) for results in detected.values()) if n else None, n, detail)


def _detected_changes(audit: Audit, derivation: Derivation, day: date) -> Iterator[tuple[str, bool]]:
    """Yields each alteration, applied to one player per team, and whether that player's features changed."""
    derived = audit.baseline(derivation)
    tipoffs = derived["upcoming_players"].select(*PLAYER, "tipoff_at")
    rows = derived["features"].filter(pl.col("game_date") == day).join(tipoffs, on=PLAYER, how="left")
    is_recent = pl.col("latest_game_date") >= day - timedelta(days=RESUMMARIZED_DAYS)
    scorers = one_of_each_team(rows.filter(is_recent & pl.col("points_mean_last_5_games").is_not_null()), audit.chance(day))
    offered = rows.filter(pl.col("tipoff_at").is_not_null() & pl.col("line").ne_missing(NEW_LINE))
    people = one_of_each_team(offered, audit.chance(day))
    games = audit.summarized(derivation, audit.world)["player_game_summary"].filter("did_play")
    last = games.join(scorers, left_on=["player_id", "game_date"], right_on=["player_id", "latest_game_date"], how="semi")
    world: World = {name: before(frame, day + timedelta(days=1)) for name, frame in audit.world.items()}
    world = with_more_threes(world, last.select(*PLAYER, pl.lit(MORE_THREES[0], pl.Int64).alias("threes")))
    world = with_lines_just_before(world, people, NEW_LINE)
    world = with_game_lines_just_before(world, people.unique("game_id"))
    world = with_reports_just_before(world, people, NEW_STATUS)
    after = audit.derived(derivation, audit.summarized(derivation, world, day), [day], audit.as_of)["features"]
    now = {row["player_id"]: row for row in after.filter(pl.col("game_date") == day).iter_rows(named=True)}
    for player, mean in scorers.select("player_id", "points_mean_last_5_games").iter_rows():
        yield "last box scores", player in now and now[player]["points_mean_last_5_games"] != mean
    for player in people["player_id"]:
        for alteration, column, value in (
            ("lines", "line", NEW_LINE),
            ("game lines", "game_total", WILD_TOTAL),
            ("reports", "injury_status", NEW_STATUS),
        ):
            yield alteration, player in now and now[player][column] == value
