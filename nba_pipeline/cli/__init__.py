"""The `nba-pipeline` command: one module per group of commands. Their logic is in the modules that they call.

    app               the command, its exit codes, and functions that all commands share
    runs              run, backfill, demo
    rehearsal         rehearse
    slate             slate
    record            record
    status            status
    explain           explain
    watch             watch
    doctor            doctor
    serve             health
    publish           publish, export, serve public
    service_levels    slo
    alerts            list, ack, test
    inspection        decisions, breakers, sql
    settings          settings
    repair            reconcile, repair, waive, not-played, resolve, recheck, rebuild
    quarantine        list, show, resolve, replay
    homes             migrate, backup, restore, copy
    bigquery          plan, apply, cost
    instances         instance migrate
    audits            leakage, seasons, ledgers, record, trail
    systems           list, promote, retire; halt, resume
    evaluation        evaluate, search
    explanations      help
    terms             the meaning of states, gates, alert kinds and reasons
    glossary          the words of the glossary
    choices           checks the value of an option, and suggests the closest choice
    reading           the tables for commands that only read
    slate_rows        the rows of a slate
    consoles          standard output and standard error
    frames, csv_text  query results as tables, CSV and JSON
    outcomes          outcomes, plans and ratings of runs on the terminal
    progress          the progress of a run on the terminal
    rendering         decisions and circuit breakers on the terminal
    slate_rendering   a slate on the terminal
    grades_rendering  the graded record on the terminal
    systems_rendering  the roles of systems on the terminal
    status_rendering  the status of dates on the terminal
    explain_rendering  an explanation on the terminal
    phases_rendering  the comparison of a date's phases on the terminal
    audit_rendering   audit reports on the terminal
    evaluation_rendering  the report of an evaluation on the terminal

Importing this package registers all commands, in the order of `--help`.
"""

# isort: off
from nba_pipeline.cli.app import app, main
from nba_pipeline.cli import runs, rehearsal, slate, record, status, explain, watch, doctor, serve, publish, service_levels
from nba_pipeline.cli import alerts, inspection, settings, repair, quarantine, homes, bigquery, instances, audits, systems
from nba_pipeline.cli import evaluation, explanations
# isort: on

__all__ = [
    "alerts",
    "app",
    "audits",
    "bigquery",
    "doctor",
    "evaluation",
    "explain",
    "explanations",
    "homes",
    "inspection",
    "instances",
    "main",
    "publish",
    "quarantine",
    "record",
    "rehearsal",
    "repair",
    "runs",
    "serve",
    "service_levels",
    "settings",
    "slate",
    "status",
    "systems",
    "watch",
]
