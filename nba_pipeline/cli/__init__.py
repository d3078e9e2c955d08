"""The `nba-pipeline` command: one module per group of commands. Their logic is in the modules that they call.

    app             the command, its exit codes, and functions that all commands share
    runs            run, backfill, demo
    rehearsal       rehearse
    slate           slate
    status          status
    inspection      decisions, breakers, sql
    settings        settings
    repair          reconcile, waive, resolve, recheck, rebuild
    homes           migrate, backup, restore, copy
    bigquery        plan, apply, cost
    audits          leakage, seasons, ledgers
    evaluation      evaluate, search
    explanations    help
    terms           the meaning of states, gates, alert kinds and reasons
    glossary        the words of the glossary
    choices         wrong names, with the closest right one
    reading         the tables for commands that only read
    consoles        standard output and standard error
    rendering       tables and messages on the terminal
    status_rendering the status of dates on the terminal
    audit_rendering audit reports on the terminal
    evaluation_rendering the report of an evaluation on the terminal
    csv_text        query results as CSV

Importing this package registers all commands, in the order of `--help`.
"""

# isort: off
from nba_pipeline.cli.app import app, main
from nba_pipeline.cli import runs, rehearsal, slate, status, inspection, settings, repair, homes, bigquery, audits
from nba_pipeline.cli import evaluation, explanations
# isort: on

__all__ = [
    "app",
    "audits",
    "bigquery",
    "evaluation",
    "explanations",
    "homes",
    "inspection",
    "main",
    "rehearsal",
    "repair",
    "runs",
    "settings",
    "slate",
    "status",
]
