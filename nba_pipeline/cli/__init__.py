"""The `nba-pipeline` command: one module per group of commands. Their logic is in the modules that they call.

    app             the command, its exit codes, and functions that all commands share
    runs            run, backfill, demo
    inspection      status, decisions, breakers, sql
    repair          reconcile, waive, resolve, recheck, rebuild
    homes           migrate, backup, restore, copy
    bigquery        plan, apply, cost
    audits          leakage, seasons, ledgers
    rendering       tables and messages on the terminal
    audit_rendering audit reports on the terminal
    csv_text        query results as CSV

Importing this package registers all commands, in the order of `--help`.
"""

# isort: off
from nba_pipeline.cli.app import app, main
from nba_pipeline.cli import runs, inspection, repair, homes, bigquery, audits
# isort: on

__all__ = ["app", "audits", "bigquery", "homes", "inspection", "main", "repair", "runs"]
