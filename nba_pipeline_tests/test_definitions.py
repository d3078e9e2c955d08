"""Snapshot of Dagster's definitions as text. Update GRAPH for intended changes of the graph, jobs, schedules or sensors."""

import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.definitions import build_definitions

ROOT = Path(__file__).parents[1]

GRAPH = """
features/career_form <- player_game_summary upcoming_players
    key_is_unique
    no_row_is_quarantined
features/expected_absences <- injuries player_game_summary upcoming_players
    key_is_unique
    no_row_is_quarantined
features/features <- boxscores career_form expected_absences game_lines matchups player_form player_shot_zones prop_lines schedule team_defense_zones team_outlook upcoming_players
  ! enough_expected_players_have_features
  ! enough_players_are_ready
  ! no_feature_is_constant
    every_expected_player_has_features
    every_feature_varies
    every_lined_player_has_features
    key_is_unique
    most_players_are_ready
    most_rows_are_of_quality
    no_feature_loses_its_source
    no_row_is_quarantined
features/matchups <- player_form player_game_summary player_shot_zones team_defense_zones team_game_summary upcoming_players
    every_score_has_its_inputs
    key_is_unique
    no_row_is_quarantined
features/player_form <- player_game_summary schedule team_game_summary upcoming_players
    key_is_unique
    most_windows_are_complete
    no_row_is_quarantined
features/player_shot_zones <- player_game_summary upcoming_players
    key_is_unique
    most_players_have_a_shot_diet
    no_row_is_quarantined
features/team_defense_zones <- team_game_summary upcoming_players
    every_recent_team_is_here
    key_is_unique
    no_row_is_quarantined
features/team_outlook <- team_game_summary upcoming_players
    key_is_unique
    no_row_is_quarantined
features/upcoming_players <- boxscores injuries rosters schedule
  ! the_last_slates_are_covered
    both_teams_have_players
    key_is_unique
    no_row_is_quarantined
    no_team_has_a_hole
grades/grades <- boxscores player_game_summary predictions schedule
  ! enough_gradable_predictions_are_graded
    every_prediction_is_graded
    hit_rate_is_no_leak
    key_is_unique
    no_row_is_quarantined
    probabilities_are_calibrated
    rows_are_unaltered
predictions/points_model <- features player_game_summary
  ! training_ends_before_the_week
    every_system_has_a_model
predictions/predictions <- features player_game_summary points_model prop_lines schedule upcoming_players
  ! enough_eligible_players_are_predicted
  ! every_line_is_from_before_tipoff
    every_eligible_player_is_predicted
    every_game_is_predicted
    every_lined_player_is_predicted
    every_system_predicts
    few_players_lack_a_line
    key_is_unique
    no_row_is_quarantined
    rows_are_unaltered
sources/boxscores <- boxscores schedule
  ! enough_final_games_are_covered
    every_final_game_is_covered
    every_row_is_accounted_for
    key_is_unique
    no_row_is_quarantined
    player_points_sum_to_team_points
    points_match_the_shots
    sources_agree
sources/game_lines <- prop_lines schedule
    every_row_is_accounted_for
    every_usual_book_has_lines
    games_have_game_lines
    key_is_unique
    no_row_is_quarantined
sources/injuries <- boxscores players schedule
    every_name_is_resolved
    every_row_is_accounted_for
    every_team_has_a_report
    key_is_unique
    no_row_is_quarantined
    the_newest_report_is_recent
sources/play_by_play <- boxscores schedule
    assists_are_those_of_the_box_scores
    every_field_goal_has_a_zone
    every_final_game_has_play_by_play
    every_row_is_accounted_for
    key_is_unique
    last_score_is_the_final_score
    lists_are_as_long_as_usual
    no_row_is_quarantined
sources/players <- boxscores
    every_row_is_accounted_for
    key_is_unique
    no_row_is_quarantined
sources/prop_lines <- boxscores players schedule
    every_name_is_resolved
    every_row_is_accounted_for
    every_usual_book_has_lines
    games_have_lines
    key_is_unique
    no_row_is_quarantined
sources/rosters <- boxscores players schedule
    every_row_is_accounted_for
    every_team_has_a_roster
    key_is_unique
    no_row_is_quarantined
    rosters_have_12_to_21_players
sources/schedule <-
    every_row_is_accounted_for
    key_is_unique
    no_row_is_quarantined
sources/team_boxscores <- boxscores
    every_row_is_accounted_for
    key_is_unique
    no_row_is_quarantined
    player_sums_match_team_totals
    team_totals_are_from_a_source
    two_rows_per_game
summaries/player_game_summary <- boxscores play_by_play prop_lines schedule
  ! enough_players_are_summarised
    every_player_is_summarised
    key_is_unique
    lines_cover_the_rotation
    no_row_is_quarantined
    rates_are_plausible
    zones_are_complete
summaries/team_game_summary <- play_by_play player_game_summary schedule team_boxscores
  ! enough_summarised_games_have_two_rows
    every_summarised_game_has_two_rows
    key_is_unique
    league_means_are_plausible
    no_row_is_quarantined
    points_equal_the_schedule
    team_zones_are_complete
job game_day
job season
job train
job recheck
job housekeeping
schedule overnight 0 6 * * * | 0 11 * * *
schedule same_day 0 7 * * * | 0 9 * * * | 0 10 * * * | 30 11 * * * | 0 13 * * * | 0 16 * * *
schedule tomorrow 30 17 * * *
schedule train_week 0 5 * * *
schedule nightly_reconciliation 30 4 * * *
schedule tidy_up 30 3 * * *
sensor final_games every 30 s
sensor lines every 60 s
sensor injury_news every 30 s
sensor tables every 30 s
sensor reconciliation every 120 s
sensor alert_on_failed_run every 30 s
sensor alert_on_failed_tick every 300 s
sensor alert_on_unresolved_names every 60 s
"""


def drawing(definitions: dg.Definitions) -> str:
    """Returns group, asset, dependencies, blocking (!) and other checks; then jobs, schedules and sensors."""
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
    for schedule in definitions.schedules or ():
        assert isinstance(schedule, dg.ScheduleDefinition)
        crons = schedule.cron_schedule
        lines.append(f"schedule {schedule.name} {crons if isinstance(crons, str) else ' | '.join(crons)}")
    lines += [f"sensor {sensor.name} every {sensor.minimum_interval_seconds} s" for sensor in definitions.sensors or ()]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Returns the modules loaded by a process that loads the definitions and reads a local folder."""
    code = "import sys, nba_pipeline.definitions as _; from nba_pipeline.warehouse import files; files.place('x'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return set(done.stdout.split())


@pytest.mark.platform
@pytest.mark.parametrize(
    ("library", "only_for"),
    [
        ("pandas", "notebooks and catboost"),
        ("dagster_pandas", "the type of a table"),
        ("catboost", "training and prediction"),
        ("dagster_gcp", "production"),
        ("google.cloud.bigquery", "production"),
        ("fsspec", "stores"),
        ("upath", "stores"),
        ("gcsfs", "stores"),
        ("aiohttp", "stores"),
    ],
)
def test_a_library_is_not_imported_before_it_is_needed(imported: set[str], library: str, only_for: str) -> None:
    assert {"nba_pipeline.systems.catboost", "nba_pipeline.warehouse.files"} <= imported
    assert library not in imported, f"{library} is only for {only_for}; import it inside the function instead"


@pytest.mark.parametrize("environment", ["sandbox", "local", "production"])
def test_every_environment_loads_without_credentials(environment: str) -> None:
    dg.Definitions.validate_loadable(build_definitions(environment))


def test_the_graph_has_the_expected_tables_and_checks() -> None:
    assert drawing(build_definitions("sandbox")) == GRAPH.strip()


def test_every_asset_has_a_description_owners_kinds_a_code_version_and_columns() -> None:
    for spec in build_definitions("sandbox").resolve_all_asset_specs():
        name = spec.key.to_user_string()
        assert spec.description and spec.owners and spec.kinds and spec.code_version, name
        assert spec.metadata["dagster/column_schema"].columns, name


def test_every_source_accounts_for_its_rows() -> None:
    definitions = build_definitions("sandbox")
    sources = {spec.key for spec in definitions.resolve_all_asset_specs() if spec.group_name == "sources"}
    keys = definitions.resolve_asset_graph().asset_check_keys
    assert {key.asset_key for key in keys if key.name == "every_row_is_accounted_for"} == sources


def test_every_asset_description_has_its_sections_in_paragraphs() -> None:
    for spec in build_definitions("sandbox").resolve_all_asset_specs():
        paragraphs = (spec.description or "").split("\n\n")
        openings = [paragraph.split(" ")[0] for paragraph in paragraphs]
        assert openings == [f"{spec.key.to_user_string()}:", "**Grain:**", "**Source:**", "**Caveats:**"]


def test_every_daily_asset_carries_a_freshness_policy() -> None:
    specs = build_definitions("sandbox").resolve_all_asset_specs()
    assert [s.key.to_user_string() for s in specs if s.freshness_policy is None] == ["points_model"]


@pytest.mark.platform
def test_the_workspace_loads_on_a_bare_clone() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
