"""The automation conditions that propagate updates through the graph.

FLOWS defines per table the upstream updates that request it and the tables that it requires. Thresholds belong in the blocking
checks. Schedules and sensors, which start a day, belong in `orchestration/`.
"""

from dataclasses import dataclass
from datetime import timedelta

import dagster as dg
from dagster import AutomationCondition as Condition

WINDOW = timedelta(days=4)
"""Tomorrow, today and the two days before: corrections of these dates propagate automatically. Older dates are left to the reconciliation."""

TODAY_AND_TOMORROW = timedelta(days=2)
"""A correction updates the features of a past slate, but not its predictions. Only a backfill makes backtests."""


@dataclass(frozen=True)
class Flow:
    """The upstream tables of a table. An update of a table in `follows` requests it, once `needs` exist for the date.

    A table that is read over a window cannot be in `needs`: one missing date of the window would close the gate. An update of a
    table in `if_changed` requests it only with a new data version, which the asset derives from the contents.
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
    "career_form": Flow(("upcoming_players", "player_game_summary"), ("upcoming_players",)),
    "team_outlook": Flow(("upcoming_players", "team_game_summary"), ("upcoming_players",)),
    "expected_absences": Flow(("upcoming_players", "player_game_summary"), ("upcoming_players",)),
    "features": Flow(
        (
            "upcoming_players",
            "player_form",
            "matchups",
            "career_form",
            "team_outlook",
            "expected_absences",
            "prop_lines",
            "game_lines",
        ),
        (
            "upcoming_players",
            "player_form",
            "matchups",
            "career_form",
            "team_outlook",
            "expected_absences",
            "prop_lines",
            "game_lines",
        ),
    ),
    "predictions": Flow(("features",), ("upcoming_players", "features"), TODAY_AND_TOMORROW),
}


def condition_of(table: str) -> Condition | None:  # type: ignore[type-arg]
    """Returns the condition that requests a date of the window when `follows` is newer and all of `needs` have passed.

    Each update is requested once; the reconciliation retries failed runs. The request stays pending until the gate opens. Only
    same-date tables are gates, because over a window any passed date satisfies Dagster's condition. Windows have their gates in
    the asset itself and in `upcoming_players`. None for a table that schedules and sensors request.
    """
    if table not in FLOWS:
        return None
    follows, needs = (dg.AssetSelection.assets(*names) for names in (FLOWS[table].follows, FLOWS[table].needs))
    if_changed = dg.AssetSelection.assets(*FLOWS[table].if_changed)
    updated: Condition[dg.AssetKey] = Condition.any_deps_match(Condition.newly_updated()).allow(follows - if_changed)
    if FLOWS[table].if_changed:
        updated = updated | Condition.any_deps_match(Condition.data_version_changed()).allow(if_changed)
    # two conditions, because within one tick Dagster compares update instants with a single other condition only;
    # since_last_handled would treat an update during the run of the table as handled
    is_older, was_not_requested = updated.since(Condition.newly_updated()), updated.since(Condition.newly_requested())
    is_requested_with_upstream = Condition.any_deps_match(Condition.will_be_requested()).allow(follows)
    is_to_be_updated = (is_older & was_not_requested) | is_requested_with_upstream
    return (
        Condition.in_latest_time_window(FLOWS[table].window)
        & is_to_be_updated
        & ~Condition.any_deps_missing().allow(needs)
        & ~Condition.any_deps_in_progress().allow(follows | needs)
        & ~Condition.in_progress()
        & Condition.all_deps_blocking_checks_passed().allow(needs)
    ).with_label("every dependency has passed")
