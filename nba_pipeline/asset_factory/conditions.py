"""Which tables follow from which: the automation conditions that carry data through the graph.

What an update asks for, and what has to be there before, is said per table in FLOWS; the thresholds stand in the blocking
checks. What starts a day, the schedules and sensors, stands in `orchestration`.
"""

from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
from dagster import AutomationCondition as Condition

WINDOW = timedelta(days=4)
"""Tomorrow, today and the two days before: how far corrections flow by themselves. Older ones are the reconciliation's."""

TODAY_AND_TOMORROW = timedelta(days=2)
"""A correction makes the features of a past slate anew, but nobody predicts it: only a backfill makes backtests."""


@dataclass(frozen=True)
class Flow:
    """An update of one of `follows` asks for the table; the tables in `needs` have to be there, of the same date, first.

    A table that is read over a window of dates cannot be needed: one missing date of the window would close the gate.
    Of those that it follows `if_changed` ask for it only with another data version: their asset sets it from their contents.
    """

    follows: tuple[str, ...]
    needs: tuple[str, ...]
    window: timedelta = WINDOW
    if_changed: tuple[str, ...] = ()


FLOWS: dict[str, Flow] = {
    "player_game_summary": Flow(("boxscores", "play_by_play"), ("schedule", "boxscores")),
    "team_game_summary": Flow(
        ("team_boxscores", "play_by_play", "player_game_summary"), ("team_boxscores", "player_game_summary")
    ),
    "grades": Flow(("player_game_summary",), ("schedule", "boxscores", "player_game_summary")),
    "upcoming_players": Flow(("boxscores", "rosters", "injuries"), ("schedule", "injuries"), if_changed=("injuries",)),
    "player_form": Flow(("upcoming_players", "player_game_summary", "team_game_summary"), ("upcoming_players",)),
    "player_shot_zones": Flow(("upcoming_players", "player_game_summary"), ("upcoming_players",)),
    "team_defense_zones": Flow(("upcoming_players", "team_game_summary"), ("upcoming_players",)),
    "matchups": Flow(
        ("upcoming_players", "player_form", "player_shot_zones", "team_defense_zones"),
        ("upcoming_players", "player_form", "player_shot_zones", "team_defense_zones"),
    ),
    "features": Flow(
        ("upcoming_players", "player_form", "matchups", "prop_lines", "game_lines"),
        ("upcoming_players", "player_form", "matchups", "prop_lines", "game_lines"),
    ),
    "predictions": Flow(("features",), ("upcoming_players", "features"), TODAY_AND_TOMORROW),
}


def condition_of(table: str) -> Condition | None:  # type: ignore[type-arg]
    """Asks for a date of the window once it is older than what it follows, and all that it needs passed.

    Once for each update: a run that failed is the reconciliation's. The wish is kept until the gate opens. Only same-date
    tables are gates: over a window of dates Dagster's condition is satisfied by any passed date, and that gate is the asset's
    own and that of `upcoming_players`. None for a table that the schedules and sensors ask for.
    """
    if table not in FLOWS:
        return None
    follows, needs = (dg.AssetSelection.assets(*names) for names in (FLOWS[table].follows, FLOWS[table].needs))
    if_changed = dg.AssetSelection.assets(*FLOWS[table].if_changed)
    updated: Condition[dg.AssetKey] = Condition.any_deps_match(Condition.newly_updated()).allow(follows - if_changed)
    if FLOWS[table].if_changed:
        updated = updated | Condition.any_deps_match(Condition.data_version_changed()).allow(if_changed)
    # two conditions, for Dagster compares the instants of updates within one tick only with those of a single other condition:
    # its since_last_handled would take what was updated while the table was being made for handled
    is_older, was_not_asked_for = updated.since(Condition.newly_updated()), updated.since(Condition.newly_requested())
    is_made_with_them = Condition.any_deps_match(Condition.will_be_requested()).allow(follows)
    wish = (is_older & was_not_asked_for) | is_made_with_them
    return (
        Condition.in_latest_time_window(FLOWS[table].window)
        & wish
        & ~Condition.any_deps_missing().allow(needs)
        & ~Condition.any_deps_in_progress().allow(follows | needs)
        & ~Condition.in_progress()
        & Condition.all_deps_blocking_checks_passed().allow(needs)
    ).with_label("all that it needs has passed")
