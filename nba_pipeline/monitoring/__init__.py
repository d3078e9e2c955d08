"""Monitoring of the pipeline: status, alerts, explanations, latency, service levels, metrics, and the probes of `doctor`.

Reads tables, the landing and Dagster's records. Starting runs belongs in `orchestration/`.
"""
