"""Monitoring of the pipeline: status, alerts, landed against loaded.

Reads tables, the landing and Dagster's records. Starting runs belongs in `orchestration/`.
"""
