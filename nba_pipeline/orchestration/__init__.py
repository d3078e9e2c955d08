"""Orchestration of runs: jobs, schedules, sensors, reconciliation, backfill, rebuild and the runner.

What a run does to a table belongs in `assets/`.
"""
