"""Where the facts come from: one class per provider. A request is a value, parsing a pure function of a landed payload.

What belongs here: addresses, wire formats, their traps, and the columns they become. Tables, checks and gates do not.
"""

SEASON_TYPES = {"002": "regular_season", "004": "playoffs", "005": "play_in", "006": "cup_final"}
"""Competition by the first three digits of a game id; other competitions are out of scope."""
