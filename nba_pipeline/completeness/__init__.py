"""Whether the data of a game, a date or a slate is complete: gates, waivers, disagreements between sources, what is due.

Pure functions of tables and instants. Jobs and sensors, which act on the answers, belong in `orchestration/`.
"""
