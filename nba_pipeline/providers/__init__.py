"""Providers of data, one class each. A request is a value; a parser is a pure function of a landed payload.

A failed request is repeated in `attempts`, and paused across runs by `circuit_breakers`. Nothing else here repeats a request; due
work is repeated by `orchestration.reconciliation`, see docs/architecture.md.

URLs, wire formats, their pitfalls and the resulting columns belong here. Tables, checks and gates do not.
"""

SEASON_TYPES = {"002": "regular_season", "004": "playoffs", "005": "play_in", "006": "cup_final"}
"""First three digits of a game id -> season type. Other competitions are out of scope."""
