"""What Dagster serves, as a picture in text: a change of wiring shows here. Update GRAPH when the change is meant."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.definitions import build_definitions

ROOT = Path(__file__).parents[1]

GRAPH = """
features/features <- boxscores player_game_summary prop_lines schedule upcoming_players
  ! enough_expected_players_have_features
  ! enough_players_are_ready
    every_expected_player_has_features
    key_is_unique
    most_players_are_ready
    no_feature_is_constant
    no_row_is_quarantined
features/upcoming_players <- boxscores schedule
  ! the_last_slates_are_covered
    both_teams_have_players
    key_is_unique
    no_team_has_a_hole
grades/grades <- boxscores player_game_summary predictions schedule
  ! enough_gradable_predictions_are_graded
    every_prediction_is_graded
    hit_rate_is_no_leak
    key_is_unique
predictions/points_model <- features player_game_summary
  ! training_ends_before_the_week
    every_system_has_a_model
predictions/predictions <- features points_model prop_lines schedule upcoming_players
  ! enough_eligible_players_are_predicted
  ! every_line_is_from_before_tipoff
    every_eligible_player_is_predicted
    every_system_predicts
    few_players_lack_a_line
    key_is_unique
    no_row_is_quarantined
sources/boxscores <- boxscores schedule
  ! enough_final_games_are_covered
    every_final_game_is_covered
    key_is_unique
    no_row_is_quarantined
    player_points_sum_to_team_points
    points_match_the_shots
sources/players <- boxscores
    key_is_unique
    no_row_is_quarantined
sources/prop_lines <- boxscores players schedule
    every_name_is_resolved
    games_have_lines
    key_is_unique
sources/schedule <-
    key_is_unique
    no_row_is_quarantined
summaries/player_game_summary <- boxscores schedule
  ! enough_players_are_summarised
    every_player_is_summarised
    key_is_unique
    no_row_is_quarantined
    rates_are_plausible
job game_day
job season
job train
schedule train_week 0 5 * * *
schedule overnight 0 6 * * *
schedule overnight_backstop 0 11 * * *
schedule same_day_morning 0 7,9,10 * * *
schedule same_day_noon 30 11 * * *
schedule same_day_last_call 0 13,16 * * *
schedule tomorrow 30 17 * * *
"""


def drawing(definitions: dg.Definitions) -> str:
    """Group, asset, what it depends on, its blocking (!) and other checks; then jobs and schedules."""
    graph = definitions.resolve_asset_graph()
    lines = []
    for node in sorted(graph.asset_nodes, key=lambda node: (str(node.group_name), node.key.to_user_string())):
        parents = " ".join(sorted(key.to_user_string() for key in node.parent_keys))
        lines.append(f"{node.group_name}/{node.key.to_user_string()} <- {parents}".rstrip())
        checks = [graph.get(key) for key in sorted(node.check_keys, key=lambda key: key.name)]
        lines += [
            f"  {'!' if check.blocking else ' '} {check.key.name}" for check in sorted(checks, key=lambda c: not c.blocking)
        ]
    lines += [f"job {job.name}" for job in definitions.jobs or ()]
    lines += [f"schedule {s.name} {s.cron_schedule}" for s in definitions.schedules or () if isinstance(s, dg.ScheduleDefinition)]
    return "\n".join(lines)


@pytest.mark.parametrize("environment", ["sandbox", "local"])
def test_every_environment_loads_without_credentials(environment: str) -> None:
    dg.Definitions.validate_loadable(build_definitions(environment))


def test_the_graph_is_the_one_that_is_drawn() -> None:
    assert drawing(build_definitions("sandbox")) == GRAPH.strip()


def test_every_asset_has_what_the_first_page_of_the_documentation_needs() -> None:
    for spec in build_definitions("sandbox").resolve_all_asset_specs():
        name = spec.key.to_user_string()
        assert spec.description and spec.owners and spec.kinds and spec.code_version, name
        assert spec.metadata["dagster/column_schema"].columns, name


def test_every_daily_asset_carries_a_freshness_policy() -> None:
    specs = build_definitions("sandbox").resolve_all_asset_specs()
    assert [s.key.to_user_string() for s in specs if s.freshness_policy is None] == ["points_model"]


def test_the_workspace_loads_on_a_bare_clone() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
