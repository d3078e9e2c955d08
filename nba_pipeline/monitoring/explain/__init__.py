"""Explains a date, game, player or table: the chain of links from provider to grade, and the first broken link.

    link           one link: its state, its fact, its evidence and the next command
    subject        the date, game, player or table that is explained
    facts          the tables of a date, the verdicts of its gates, its requests and runs
    origins        the links of a source table: requests, landing and quarantine
    listed_games   whether the newest capture of lines listed the games
    fallbacks      whether the fallback providers list the games without a complete box score
    open_alerts    the open alerts of the date and of the platform
    before_tipoff  the links from the schedule to the predictions
    players        the lines, features and predictions of one player
    after_the_game the links from the box scores to the grades
    changes        the versions of predictions and grades, and corrected responses
    chain          all links of a subject

What belongs here: reading tables and records, and stating facts. Printing belongs in `cli`.
"""
