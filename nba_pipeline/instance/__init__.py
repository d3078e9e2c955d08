"""Everything that touches Dagster's instance and its internals: storage, retention, dead runs, ticks, run tags, partitions.

The only package that imports private modules of Dagster. What is run and when belongs in `orchestration/`.
"""
