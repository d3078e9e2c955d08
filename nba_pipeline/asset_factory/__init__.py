"""Factories of assets and checks, automation conditions, step timeouts.

The tables themselves belong in `assets/`. The class of a table belongs in `tables/`.
"""
