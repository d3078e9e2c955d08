"""How a correction of a box score reaches the tables: when final games are read again, and what is made again afterwards.

    instants        when a final game is read again; pure
    contradictions  which games contradict another source, which rows changed; pure
    reread          the job `recheck`: reads the sources of a date again and lands the answers, writes no table
    records         what Dagster's records say about re-reads and corrections of a date
    work            re-reads and corrections that are due and not done, for the reconciliation
    command         `nba-pipeline recheck`

A re-read that brings nothing new ends with the job `recheck`: no table is written, so nothing downstream becomes stale.
"""
