"""The meaning of every state, gate, alert kind and reason, and what to do about it. Checks are in the catalog of the tables."""

from collections.abc import Mapping
from dataclasses import dataclass

from nba_pipeline.settings import SETTINGS, Settings


@dataclass(frozen=True)
class Term:
    """The meaning of a term, and the next step for the operator. A text names a threshold as `{section.setting}`."""

    text: str
    next_text: str = ""

    @property
    def meaning(self) -> str:
        """The meaning, with the thresholds of the settings in effect."""
        return _filled(self.text)

    @property
    def next_step(self) -> str:
        """The next step, with the thresholds of the settings in effect; empty without one."""
        return _filled(self.next_text)


def _filled(text: str) -> str:
    return text.format(**{name: getattr(SETTINGS, name) for name in Settings.model_fields})


STATES: Mapping[str, Term] = {
    "NOT_DUE": Term(
        "Nothing of the date is due: the date lies ahead, or before the stored history.",
        "Nothing to do. `nba-pipeline backfill --from D --to E` loads the dates before the stored history, which begins after E.",
    ),
    "EXPECTED": Term(
        "A table is due or a game is in play, and nothing is late.", "Wait. `nba-pipeline status` names what is expected."
    ),
    "RUNNING": Term("A run of the date is in progress.", "Wait for the end of the run."),
    "COMPLETE": Term(
        "Every table is written, every game is final and complete or not played, and every prediction is graded.",
        "Nothing to do.",
    ),
    "EMPTY_OK": Term("No game is played on the date.", "Nothing to do."),
    "STALE": Term(
        "The date is complete, and an earlier version of the code made its rows.",
        "The rows are usable. `nba-pipeline backfill --from D --to D` rebuilds them with the present code.",
    ),
    "DEGRADED": Term(
        "The date is usable. An optional table, a game without predictions or a book without lines is missing and named. "
        "Lines are expected from {monitors.lines_due_hour_eastern}:00 US Eastern of the day.",
        "`nba-pipeline status --from D --to D` names what is missing.",
    ),
    "WAIVED": Term(
        "The coverage gate was waived: the complete games are processed, the others are excluded.",
        "`nba-pipeline reconcile` fetches the missing games when their source has them.",
    ),
    "LATE": Term(
        "A table, a game or a grade is overdue, and attempts remain.",
        "`nba-pipeline status` names the next command: `nba-pipeline reconcile`, or the backfill to resume.",
    ),
    "FAILED": Term(
        "Something is overdue past noon of the next day (for a slate: its last tip-off), three attempts failed, or a ledger is closed.",
        "`nba-pipeline status --from D --to D` names the first cause and the next command.",
    ),
}

WHAT_IS_MISSING = "`nba-pipeline status --from D --to D` names what is missing; `nba-pipeline reconcile` fetches it."

GATES: Mapping[str, Term] = {
    "enough_final_games_are_covered": Term(
        "Summaries, features and grades of a date wait until {coverage.enough:.0%} of its final games have a complete box score.",
        f"{WHAT_IS_MISSING} `nba-pipeline waive` opens the gate for the complete games.",
    ),
    "the_last_slates_are_covered": Term(
        "The features of a slate wait until {coverage.enough:.0%} of the final games of the last slates are complete.",
        WHAT_IS_MISSING,
    ),
    "enough_players_are_summarised": Term(
        "Features and grades wait until {coverage.enough:.0%} of the players of the eligible games have a summary.",
        WHAT_IS_MISSING,
    ),
    "enough_summarised_games_have_two_rows": Term(
        "Features wait until {coverage.enough:.0%} of the summarized games have a row for both teams.", WHAT_IS_MISSING
    ),
    "enough_expected_players_have_features": Term(
        "Predictions wait until {coverage.enough:.0%} of the expected players have a row of features.", WHAT_IS_MISSING
    ),
    "enough_players_are_ready": Term(
        "Predictions wait until {coverage.ready_block:.0%} of the players with five games have the features that the baseline requires.",
        WHAT_IS_MISSING,
    ),
    "no_feature_is_constant": Term(
        "Predictions wait while a feature has the same value for every player, which indicates an error.",
        "The check names the feature. Run the date again after the source is correct: `nba-pipeline run --date D`.",
    ),
    "enough_eligible_players_are_predicted": Term(
        "The predictions of a slate fail if less than {coverage.enough:.0%} of the ready and eligible players have one.",
        WHAT_IS_MISSING,
    ),
    "every_line_is_from_before_tipoff": Term(
        "The predictions of a slate fail if one of them uses a line from after tip-off.",
        "The check names the players. Compare tip-off and snapshot in `predictions`.",
    ),
    "enough_gradable_predictions_are_graded": Term(
        "The grades of a date fail if less than {coverage.enough:.0%} of the predictions of complete games have one.",
        WHAT_IS_MISSING,
    ),
    "training_ends_before_the_week": Term(
        "A model is not used if one of its training rows lies in or after its week.", "Train again: `nba-pipeline reconcile`."
    ),
}
"""Blocking check -> what it stops. A blocking check is a gate."""

ALERTS: Mapping[str, Term] = {
    "betting_check_failed": Term(
        "A check of today's slate failed that blocks nothing and affects bets: lines or a feature are missing for many players.",
        "The alert names the check; its runbook says what to do.",
    ),
    "boxscores_missing": Term(
        "Box scores of a slate are still missing after the last attempt.", "`nba-pipeline repair --date D` requests them again."
    ),
    "burn_rate_high": Term(
        "An objective is missed so often that its error budget burns too fast.", "`nba-pipeline slo` names the objective."
    ),
    "check_crashed": Term(
        "A check raised an error and could not be judged, so nothing is known about the rows.",
        "The alert names the error; the run's step has the traceback.",
    ),
    "damaged_file": Term(
        "A stored file was unreadable. It was moved below `<home>/damaged`, or it closes its ledger date.",
        "`nba-pipeline reconcile` rebuilds a table; a ledger requires `nba-pipeline restore`.",
    ),
    "daemon_silent": Term(
        "No schedule or sensor has ticked for {watch.silent_warning_minutes:g} minutes, so nothing is collected or predicted.",
        "Start the daemon. It catches up by itself.",
    ),
    "definitions_differ": Term(
        "A schedule or sensor is stopped, has never run, or is not defined by the code.",
        "Start it in the UI, or restart the daemon with the installed version.",
    ),
    "disk_low": Term("The disk of the home has little free space.", "Free some space; without it no table is written."),
    "injury_report_missing": Term(
        "No new injury report was published for longer than usual before tip-off.", "`nba-pipeline breakers`"
    ),
    "ledger_altered": Term(
        "A ledger has a row that differs from its recorded hash, or a recorded row is missing.", "`nba-pipeline audit ledgers`"
    ),
    "lines_late": Term(
        "Too few of today's games have a line at {monitors.lines_due_hour_eastern}:00 Eastern or an earlier tip-off.",
        "`nba-pipeline run --date D` requests the lines again.",
    ),
    "lines_missing": Term("A capture of the lines failed repeatedly for some games.", "Run the command that the alert names."),
    "mode_undecided": Term("A mode was due and left no decision.", "`nba-pipeline reconcile` runs what is due."),
    "monitor_failed": Term(
        "A monitor raised an error, so whether there is a reason for its kind of alert is unknown.",
        "The alert names the error.",
    ),
    "name_unresolved": Term(
        "A player has a line, and the name does not resolve to exactly one player.",
        "`nba-pipeline resolve` records which player is meant.",
    ),
    "probe_failed": Term("No run can start, because the provider or the warehouse does not answer.", "`nba-pipeline breakers`"),
    "quarantine_old": Term(
        "Rows of a table are quarantined for more than {monitors.quarantine_hours:g} hours in season.",
        "`nba-pipeline quarantine list --date D` names why.",
    ),
    "quota_low": Term(
        "Most credits of the provider of lines are used.", "Capture less often, or order a larger plan; see the runbook."
    ),
    "run_failed": Term(
        "A run failed or was killed.", "Run the command that the alert names, or wait: the work is repeated at growing intervals."
    ),
    "slate_not_published": Term(
        "The slate was not published: its gate is closed, or the files could not be written. The earlier files stay public.",
        "`nba-pipeline publish --date D` prints the reasons.",
    ),
    "source_stale": Term(
        "On a day with games, the newest response of a source is too old.", "`nba-pipeline reconcile` requests what is due."
    ),
    "step_slow": Term(
        "The newest step of a table took at least {steps.slow_times:g} times its usual duration. The table is written.",
        "See the runbook; nothing is lost while the tables arrive in time.",
    ),
    "table_late": Term(
        "A table has been LATE for {monitors.patience_minutes:g} minutes and is not written.",
        "Run the command that the alert names.",
    ),
    "test_alert": Term("A person tested whether alerts arrive.", "Nothing to do."),
    "tick_failed": Term("A schedule or sensor of the daemon raised an error.", "`nba-pipeline decisions`"),
    "transition_late": Term(
        "A finished game has waited {latency.warning_minutes:g} minutes for its next table.",
        "`nba-pipeline explain --date D` names the first broken link and the next command.",
    ),
    "watch_failed": Term(
        "The watchdog could not check the daemon, so whether it works is unknown.",
        "`nba-pipeline watch --once` prints the reason.",
    ),
    "work_undone": Term("Due work failed several times.", "Run the command that the alert names."),
}
"""Kind of an alert -> its meaning."""

REASONS: Mapping[str, Term] = {
    "no_line": Term("No sportsbook offered a line for the player before the prediction was made."),
    "missing_required_feature": Term("A feature that the system requires for a bet is unknown."),
    "low_edge": Term("The forecast is too close to the line: see `actionable_edge` in the settings."),
    "low_probability": Term(
        "The published probability of the recommended side is too low for the price: see `least_probability` in the settings."
    ),
    "not_quality_ready": Term("Too many features that the system reads are unknown: see `quality_floor` in the settings."),
    "bootstrap": Term("The season has just begun: see `bootstrap_days` in the settings."),
    "few_minutes": Term("The player plays too little: see `least_minutes` in the settings."),
    "out_or_doubtful": Term("The injury report lists the player as out or doubtful."),
    "injury_status_unknown": Term("The player's injury status is not known."),
    "short_history": Term(
        "The model was trained on fewer than {training.least_days} days of games.",
        "`nba-pipeline backfill` loads earlier dates; the next weekly training learns from them.",
    ),
    "stale_model": Term(
        "The model's last training row is too old: see `stale_days` in the settings.",
        "`nba-pipeline status` names the dates that lack rows; `nba-pipeline reconcile` runs them and the training.",
    ),
    "contains_the_line": Term("The forecast is derived from the line, so its edge carries no independent information."),
    "halted": Term("Picks were halted when the prediction was made.", "`nba-pipeline systems list` shows the halt."),
    "model_state": Term(
        "The system was DEGRADING or BLOCKED when the prediction was made.", "`nba-pipeline systems list` shows the decay states."
    ),
    "watch_edge": Term(
        "The system was in WATCH when the prediction was made, which requires an edge that is larger by {governance.watch_edge:.1f} points."
    ),
}
"""Reason against a bet, in `reasons` of a prediction -> its meaning."""

FLAGS: Mapping[str, Term] = {
    "few_career_games": Term(
        "The player has few career games: see `few_career_games` in the settings. It does not prevent a bet."
    ),
}
"""Flag in `reasons` of a prediction that does not prevent a bet -> its meaning. `without NAME` names an unknown optional feature."""

UNPUBLISHED: Mapping[str, Term] = {
    "no_market_price": Term("No book showed prices of both sides, so no probability contains the market."),
    "few_residuals": Term("Too few earlier forecasts have an outcome: see `least_residuals` in the settings."),
    "few_graded_rows": Term("Too few earlier probabilities have an outcome: see `graded_rows` in the settings."),
    "log_loss_above_market": Term("The probability scored worse than the no-vig market over the last graded rows."),
}
"""Reason in `probability_reason` of a prediction why no probability is published -> its meaning; `no_line` is in REASONS."""
