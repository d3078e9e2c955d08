"""An index from the 25 fault scenarios that the platform must survive to the tests about each of them.

The tests of this module run no scenario. They only check that each scenario names tests of a fault and of a control, and that
functions of these names exist: not that the tests run, pass, or cover the scenario. Most of them test one component with one
form of the fault. A control tests a case that resembles the fault and is not one; some controls are only a normal case of the
same component. Four scenarios also have a whole night with its alerts, in `unattended/test_scenarios.py`.

Rename a test here when you rename it there.
"""

import ast
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]

Tests = dict[str, str]
"""Module -> names of its tests without `test_`, separated by spaces."""


class Scenario(NamedTuple):
    """What goes wrong, the tests of it, and the tests of harmless cases that resemble it."""

    fault: str
    tests: Tests
    control: Tests


# fmt: off
SCENARIOS = {
    "FS01": Scenario(
        "an empty or partial success blocks the later full data",
        {
            "completeness/test_gates": "a_game_with_only_people_who_did_not_play_is_incomplete a_date_is_open_from_eighty_per_cent",
            "orchestration/test_sensors": "each_final_of_a_night_is_collected_once",
            "orchestration/test_runner": "a_missing_game_is_excluded_by_name_and_its_teams_lose_their_next_slate",
        },
        {"orchestration/test_runner": "a_day_without_games_is_an_empty_success"},
    ),
    "FS02": Scenario(
        "partial box scores cascade as nulls",
        {
            "orchestration/test_runner": "too_few_box_scores_close_the_date_and_the_next_slate_for_manual_runs_too",
            "completeness/test_waivers": "the_complete_games_of_a_waived_date_are_eligible",
            "orchestration/test_sensors": "a_missing_box_score_raises_an_alert_at_the_deadline",
            "assets/test_features": "missing_features_are_named_in_order_and_age_always",
        },
        {"orchestration/test_late_tables": "only_the_first_missing_table_is_late"},
    ),
    "FS03": Scenario(
        "a gate that cannot be evaluated is open",
        {
            "completeness/test_gates": "a_gate_is_closed_without_a_column_of_the_schedule a_final_game_of_an_unknown_team_is_incomplete",
            "completeness/test_slate_gates": "a_slate_is_closed_when_the_warehouse_cannot_be_read",
            "asset_factory/test_conditions": "a_check_that_crashed_keeps_the_gate_closed",
            "monitoring/test_failed_runs": "a_check_that_crashed_is_another_alert_than_a_check_that_failed",
        },
        {"monitoring/test_deliveries": "an_alert_that_cannot_be_stored_is_sent_until_delivered"},
    ),
    "FS04": Scenario(
        "a source is silently empty, stale or not loaded",
        {
            "monitoring/test_slate_monitors": "games_without_lines_are_found_from_13_00",
            "monitoring/test_resource_monitors": "the_newest_response_of_a_source_is_too_old_on_a_day_with_games",
            "orchestration/test_reloading": "a_landed_date_that_is_not_loaded_is_due_at_any_age",
            "providers/test_nba_stats": "an_outage_with_status_200_is_never_landed_as_accepted",
            "providers/test_attempts": "a_redirect_to_another_host_is_permanent",
        },
        {"monitoring/test_slate_monitors": "a_home_that_never_had_lines_waits_for_none a_date_without_games_waits_for_no_lines"},
    ),
    "FS05": Scenario(
        "a feature sees the future",
        {
            "assets/test_features": "absurd_facts_on_the_date_and_later_change_nothing",
            "formulas/test_market_line": "wild_lines_after_the_tip_off_move_nothing",
            "orchestration/test_runner": "lines_in_play_are_never_used",
            "audit/test_leakage": "a_prediction_with_a_line_from_after_tipoff_fails",
        },
        {"assets/test_features": "an_event_of_the_day_before_changes_the_row"},
    ),
    "FS06": Scenario(
        "a repeated event makes a second row",
        {
            "warehouse/contract": "replacing_twice_is_replacing_once rows_that_another_run_added_are_not_added_twice",
            "orchestration/test_runner": "a_second_run_changes_nothing",
            "assets/test_predictions": "a_line_that_moved_a_point_or_came_or_went_makes_another_version",
        },
        {"warehouse/contract": "writers_of_different_dates_do_not_block_each_other"},
    ),
    "FS07": Scenario(
        "the orchestrator is silent",
        {
            "cli/test_watch": "in_season_silence_is_sent_once_and_the_recovery_once an_unexpected_error_is_an_alert_too",
            "monitoring/test_watchdog": "a_schedule_or_sensor_that_does_not_run_is_named a_mode_without_a_decision_is_named",
            "orchestration/test_reconciliation": "work_of_two_days_of_downtime_is_done_oldest_first_and_one_at_a_time",
        },
        {
            "cli/test_watch": "off_season_silence_is_healthy",
            "orchestration/test_data_alerts": "work_that_an_outage_left_behind_and_that_is_done_at_once_raises_no_alert",
        },
    ),
    "FS08": Scenario(
        "retries storm a provider",
        {
            "providers/test_attempts": "retry_after_delays_the_retry a_rejected_key_is_sent_once_and_named used_up_credits_are_named",
            "providers/test_session": "a_failing_provider_gets_no_requests_in_this_run_or_the_next ten_429_open_the_breaker_of_a_provider",
            "orchestration/test_work": "each_attempt_waits_twice_as_long_up_to_a_limit",
            "monitoring/test_resource_monitors": "credits_warn_from_80_percent_and_are_critical_from_95",
        },
        {"providers/test_attempts": "transient_failures_are_retried"},
    ),
    "FS09": Scenario(
        "a name joins the wrong player or none",
        {
            "league/test_name_resolution": "variants_of_a_name_are_resolved an_unclear_name_is_a_problem similar_names_do_not_match",
            "monitoring/test_unresolved_names": "each_name_is_one_alert_with_its_command",
            "orchestration/test_runner": "a_resolved_name_is_replayed",
        },
        {"league/test_name_resolution": "a_rookie_on_the_seed_list_of_active_players_is_resolved"},
    ),
    "FS10": Scenario(
        "a default stands in for data",
        {
            "assets/test_features": "games_without_the_player_enter_no_window quality_is_the_share_of_required_features_present",
            "providers/test_nba_cdn_boxscore": "an_absent_player_has_null_statistics_and_a_reason",
            "formulas/test_availability": "a_player_whose_entry_is_quarantined_is_unknown_and_not_healthy",
            "monitoring/test_slate_monitors": "a_failed_check_of_today_is_found_with_the_features_that_it_names",
        },
        {"systems/test_moving_average": "a_term_without_input_adds_nothing_and_is_named"},
    ),
    "FS11": Scenario(
        "a day boundary or clock change loses a window",
        {
            "completeness/test_modes": "the_clock_change_moves_no_wall_clock_time captures_keep_their_distance_from_the_tip_off_over_a_clock_change",
            "orchestration/test_schedules": "every_schedule_ticks_once_at_each_of_its_wall_clock_times",
            "unattended/test_soak": "kills_and_faults_do_not_change_the_tables",
        },
        {"completeness/test_modes": "a_slate_that_begins_early_is_due_hours_before"},
    ),
    "FS12": Scenario(
        "a gap in the history is skipped silently",
        {
            "completeness/test_slate_gates": "a_team_with_an_incomplete_game_among_its_last_three_is_excluded",
            "orchestration/test_backfill": "missing_dates_before_the_range_are_reported an_incomplete_chunk_and_all_later_chunks_are_run",
            "orchestration/test_corrections": "a_change_outdates_the_features_of_later_dates_beyond_the_automation_window",
        },
        {"completeness/test_history": "a_hole_from_before_the_history_is_silent_and_one_within_it_is_named"},
    ),
    "FS13": Scenario(
        "late data is an alarm too early, or never used",
        {
            "orchestration/test_boxscore_polling": "a_late_box_score_is_requested_at_growing_intervals a_date_is_given_up_once_at_the_deadline",
            "asset_factory/test_conditions": "a_late_game_is_carried_on_by_itself",
            "orchestration/test_recovery": "box_scores_are_no_longer_missing_once_every_final_game_is_complete",
            "assets/test_grades": "a_correction_is_a_new_version_with_its_reason",
        },
        {"orchestration/test_boxscore_polling": "a_date_that_completes_after_the_deadline_raises_no_alert a_game_in_play_is_waited_for"},
    ),
    "FS14": Scenario(
        "a game day without output is a success",
        {
            "completeness/test_states": "no_predictions_are_late_where_the_slates_before_had_some",
            "completeness/test_expectations": "a_slate_without_any_prediction_lacks_every_game_and_every_system",
            "asset_factory/test_conditions": "new_lines_reach_the_predictions",
            "orchestration/test_data_alerts": "a_late_table_is_one_alert_after_half_an_hour_and_resolves_itself",
        },
        {"completeness/test_states": "a_date_without_games_or_with_none_that_is_played_is_empty"},
    ),
    "FS15": Scenario(
        "the alert path itself fails or storms",
        {
            "monitoring/test_deliveries": "many_messages_of_a_kind_within_an_hour_become_one_digest a_failing_sink_delays_no_other_and_is_retried_alone",
            "monitoring/test_watchdog": "watchers_at_the_same_moment_send_each_change_once",
            "orchestration/test_data_alerts": "a_monitor_that_fails_is_its_own_alert_and_resolves_nothing",
            "cli/test_alerts": "a_test_alert_reaches_every_sink_and_a_refusal_is_named",
        },
        {"unattended/test_soak": "days_out_of_season_start_no_runs_and_raise_no_alerts"},
    ),
    "FS16": Scenario(
        "a conflicting write loses or doubles rows",
        {
            "warehouse/contract": "a_write_that_fails_leaves_old_or_new_and_its_repetition_ends_in_new fewer_than_eighty_per_cent_of_the_rows_are_refused",
            "bigquery/test_writes": "a_load_whose_connection_is_lost_is_done_once an_unacknowledged_merge_is_recognized",
        },
        {"warehouse/test_io_manager": "a_date_may_shrink_when_its_games_were_postponed"},
    ),
    "FS17": Scenario(
        "a provider changes its documents",
        {
            "suite/test_parser_fuzz": "a_changed_field_is_accepted_quarantined_or_rejected_by_name",
            "providers/test_nba_cdn": "one_unusable_game_of_nine_does_not_affect_the_others",
            "providers/test_nba_cdn_boxscore": "changed_fields_of_a_box_score_are_named",
            "monitoring/test_slate_monitors": "a_quarantined_row_is_old_a_day_after_it_was_written_or_after_the_end_of_its_date",
        },
        {"providers/test_nba_cdn_boxscore": "numbers_as_text_are_parsed"},
    ),
    "FS18": Scenario(
        "a grade is wrong, doubled or lost",
        {
            "assets/test_grades": "the_latest_version_made_before_the_tipoff_is_the_one_that_counts a_second_grading_adds_nothing",
            "warehouse/test_verification": "an_altered_row_is_named",
            "orchestration/test_housekeeping": "the_nightly_job_raises_one_alert_per_ledger_and_date",
        },
        {"assets/test_grades": "22_points_settle_as_a_sportsbook_would"},
    ),
    "FS19": Scenario(
        "something published disappears",
        {
            "assets/test_predictions": "a_second_equal_run_adds_nothing a_game_that_moved_to_another_date_gets_a_new_version",
            "warehouse/contract": "a_record_of_decisions_is_never_dropped",
        },
        {"assets/test_predictions": "a_rotation_teammate_who_is_ruled_out_makes_a_new_version_for_each_teammate"},
    ),
    "FS20": Scenario(
        "another code, configuration or environment runs",
        {
            "test_environments": "production_names_missing_variables changed_settings_are_refused_until_the_process_restarts",
            "monitoring/test_watchdog": "a_running_sensor_that_the_code_does_not_define_is_named",
            "completeness/test_states": "rows_of_an_earlier_version_are_stale_only_where_nothing_is_missing",
        },
        {"instance/test_settings_file": "without_a_file_every_value_is_a_default"},
    ),
    "FS21": Scenario(
        "a model does not fit its inputs",
        {
            "warehouse/test_model_store": "a_model_that_does_not_reproduce_its_golden_rows_is_refused a_model_of_another_signature_is_refused",
            "systems/test_catboost": "a_model_of_another_library_version_is_refused",
            "assets/test_points_model": "a_model_trained_on_its_own_week_is_refused_and_other_models_are_used",
        },
        {"warehouse/test_model_store": "a_loaded_model_reproduces_the_outputs_of_its_card"},
    ),
    "FS22": Scenario(
        "a quota or a full disk stops everything",
        {
            "bigquery/test_cost": "a_table_near_the_limit_of_loads_is_named",
            "warehouse/test_local": "a_disk_that_is_nearly_full_fails_its_preflight",
            "monitoring/test_resource_monitors": "a_disk_warns_below_2_gib_and_is_critical_before_writes_stop",
        },
        {"monitoring/test_resource_monitors": "the_newest_capture_with_an_answer_has_the_credits"},
    ),
    "FS23": Scenario(
        "a game is postponed, moved or listed twice",
        {
            "assets/test_schedule": "the_date_that_a_game_left_is_emptied_by_a_run_of_another_date",
            "assets/test_grades": "a_postponed_game_is_void a_postponed_game_and_its_later_date_do_not_correct_each_other",
            "orchestration/test_boxscore_polling": "a_postponed_game_causes_no_request_and_no_alert",
        },
        {"orchestration/test_schedules": "a_day_without_games_is_requested_once"},
    ),
    "FS24": Scenario(
        "a process dies anywhere",
        {
            "unattended/test_soak": "kills_and_faults_do_not_change_the_tables",
            "instance/test_dead_runs": "a_killed_run_is_closed_once_and_gives_its_slot_back",
            "warehouse/test_local": "a_writer_that_is_killed_leaves_the_old_rows_and_no_lock",
            "orchestration/test_recovery": "a_killed_run_is_over_once_a_later_run_wrote_all_its_tables",
        },
        {"instance/test_dead_runs": "a_living_run_is_not_touched_however_long_it_is_silent"},
    ),
    "FS25": Scenario(
        "a key is revoked, or a secret is shown",
        {
            "providers/test_attempts": "a_rejected_key_is_sent_once_and_named",
            "providers/test_http": "no_secret_reaches_journal_paths_messages_or_logs",
            "monitoring/test_deliveries": "a_failing_sink_delays_no_other_and_is_retried_alone",
        },
        {"completeness/test_waivers": "a_waiver_has_its_author_reason_and_end"},
    ),
}
# fmt: on


@cache
def names_in(module: str) -> set[str]:
    """Returns the names of the functions and methods of a module."""
    tree = ast.parse((ROOT / f"{module}.py").read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def test_no_scenario_is_removed() -> None:
    assert list(SCENARIOS) == [f"FS{number:02}" for number in range(1, 26)]


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_the_names_in_a_scenario_exist(scenario: Scenario) -> None:
    named = [(module, f"test_{name}") for part in scenario[1:] for module, names in part.items() for name in names.split()]
    assert [(module, name) for module, name in named if name not in names_in(module)] == []


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=SCENARIOS.keys())
def test_a_scenario_names_tests_of_its_fault_and_of_its_control(scenario: Scenario) -> None:
    assert all(part and all(names.split() for names in part.values()) for part in scenario[1:])
