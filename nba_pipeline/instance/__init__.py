"""Access to Dagster's instance and its internals: storage, retention, dead runs, ticks, run tags, partitions.

The only package that imports private modules of Dagster. Starting runs belongs in `orchestration/`.
"""
