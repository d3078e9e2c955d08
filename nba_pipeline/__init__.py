"""A data platform for people who predict NBA player points against sportsbook lines.

    sources      schedule   boxscores   players   prop_lines
    summaries    player_game_summary
    features     upcoming_players   features
    predictions  points_model   predictions
    grades       grades

Data goes one way: providers answer over HTTP, the landing keeps what they said, `assets` turns it into tables, the
warehouse holds them. `gates` says what may go on. `systems` predict. `cli` and Dagster's UI are how people use it.
"""

import warnings

import dagster as dg

# Partitioned asset checks and freshness policies are marked preview and beta in Dagster 1.13; the version is pinned.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)
