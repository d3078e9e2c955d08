"""The `nba-pipeline` command: one module per group of commands; what a command does stands in the modules that it calls.

    app             the command, its exit codes, and what every command needs
    runs            run, backfill, demo
    inspection      status, decisions, breakers, sql
    repair          reconcile, waive, resolve, recheck, rebuild
    homes           migrate, backup, restore, copy
    bigquery        plan, apply, cost
    audits          leakage, seasons, ledgers
    rendering       tables and sentences on the terminal
    audit_rendering reports of the audits on the terminal
    csv_text        answers as CSV

Importing this package registers every command, in the order of `--help`.
"""

# isort: off
from nba_pipeline.cli.app import app, main
from nba_pipeline.cli import runs, inspection, repair, homes, bigquery, audits
# isort: on

__all__ = ["app", "audits", "bigquery", "homes", "inspection", "main", "repair", "runs"]
