"""A data platform for people who predict NBA player points against sportsbook lines.

    sources      schedule   boxscores   team_boxscores   play_by_play   players   prop_lines   game_lines   injuries   rosters
    summaries    player_game_summary   team_game_summary
    features     upcoming_players   player_form   player_shot_zones   team_defense_zones   matchups   career_form   team_outlook
    features     expected_absences   features
    predictions  points_model   predictions   picks   publications
    grades       grades   system_performance
    publishing   slate_export

Data flows one way: providers answer over HTTP, the landing stores the answers, `assets` turns them into tables, and the
warehouse stores the tables. `completeness` holds the gates. `systems` predict, `governance` decides which predictions may be
picks, and `publishing` writes the page. `orchestration` starts runs, `monitoring` reports. People use `cli` and Dagster's UI.
CONTRIBUTING.md says what belongs in each package.
"""

import warnings

# Partitioned asset checks and freshness policies are marked preview and beta in Dagster 1.13; the version is pinned.
# The filter is by message: importing Dagster for its warning classes would cost every command half a second.
warnings.filterwarnings("ignore", message=r".* is currently in (preview|beta), and may have breaking changes")
