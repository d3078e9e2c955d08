"""The kinds of alerts. Each has a runbook in `docs/runbooks/`, which messages name."""

KINDS = (
    "betting_check_failed",
    "boxscores_missing",
    "burn_rate_high",
    "check_crashed",
    "daemon_silent",
    "damaged_file",
    "definitions_differ",
    "disk_low",
    "injury_report_missing",
    "ledger_altered",
    "lines_late",
    "lines_missing",
    "mode_undecided",
    "monitor_failed",
    "name_unresolved",
    "probe_failed",
    "quarantine_old",
    "quota_low",
    "run_failed",
    "slate_not_published",
    "source_stale",
    "step_slow",
    "table_late",
    "test_alert",
    "tick_failed",
    "transition_late",
    "watch_failed",
    "work_undone",
)


def runbook(kind: str) -> str:
    """Returns the path of the runbook of a kind, below the root of the repository."""
    return f"docs/runbooks/{kind}.md"
