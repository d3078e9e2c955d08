"""From a handful of rows to `features`, by the functions of the tables in between."""

import polars as pl

from nba_pipeline.assets.features.career_form import career_form_of
from nba_pipeline.assets.features.expected_absences import expected_absences_of
from nba_pipeline.assets.features.features import features_of
from nba_pipeline.assets.features.matchups import match_up
from nba_pipeline.assets.features.player_form import form_of
from nba_pipeline.assets.features.player_shot_zones import shot_zones_of
from nba_pipeline.assets.features.team_defense_zones import defense_zones_of
from nba_pipeline.assets.features.team_outlook import team_outlook_of
from nba_pipeline.assets.sources.game_lines import TABLE as GAME_LINES
from nba_pipeline.assets.sources.injuries import TABLE as INJURIES
from nba_pipeline_tests.builders import prop_lines_of


def derived(
    upcoming: pl.DataFrame,
    player_games: pl.DataFrame,
    team_games: pl.DataFrame,
    schedule: pl.DataFrame,
    lines: pl.DataFrame | None = None,
    game_lines: pl.DataFrame | None = None,
) -> dict[str, pl.DataFrame]:
    """The feature tables of the expected players' dates, by name."""
    dates = upcoming["game_date"].unique().sort().to_list()
    form = form_of(upcoming, player_games, team_games, schedule)
    diet, defense = shot_zones_of(dates, player_games), defense_zones_of(dates, team_games)
    matchups = match_up(upcoming, form, diet, defense, player_games, team_games)
    career, outlook = career_form_of(upcoming, player_games), team_outlook_of(upcoming, team_games)
    absences = expected_absences_of(upcoming, player_games, INJURIES.empty())
    features = features_of(
        upcoming,
        form,
        diet,
        defense,
        matchups,
        career,
        outlook,
        absences,
        prop_lines_of() if lines is None else lines,
        GAME_LINES.empty() if game_lines is None else game_lines,
    )
    return {
        "player_form": form,
        "player_shot_zones": diet,
        "team_defense_zones": defense,
        "matchups": matchups,
        "career_form": career,
        "team_outlook": outlook,
        "expected_absences": absences,
        "features": features,
    }
