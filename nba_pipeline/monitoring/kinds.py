"""The kinds of alerts. Each has a runbook in `docs/runbooks/`, which messages name."""

KINDS = (
    "boxscores_missing",
    "damaged_file",
    "daemon_silent",
    "definitions_differ",
    "injury_report_missing",
    "ledger_altered",
    "lines_missing",
    "mode_undecided",
    "name_unresolved",
    "probe_failed",
    "run_failed",
    "test_alert",
    "tick_failed",
    "watch_failed",
    "work_undone",
)


def runbook(kind: str) -> str:
    """Returns the path of the runbook of a kind, below the root of the repository."""
    return f"docs/runbooks/{kind}.md"
