"""Completeness of games, dates and slates: gates, waivers, disagreements between sources, due instants.

Pure functions of tables and instants. Jobs and sensors belong in `orchestration/`.
"""
