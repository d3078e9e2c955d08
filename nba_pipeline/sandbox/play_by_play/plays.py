"""The plays of one side: its shots, free throws and turnovers, each assigned to a stint."""

from random import Random

from nba_pipeline.sandbox.boxscores import PlayerGame
from nba_pipeline.sandbox.league import Game, League
from nba_pipeline.sandbox.play_by_play.periods import assign_periods
from nba_pipeline.sandbox.play_by_play.script import Play, Script
from nba_pipeline.sandbox.shot_zones import (
    ABOVE_THE_BREAK,
    MID_RANGE,
    PAINT,
    RIM,
    THREES,
    TWOS,
    shot_preferences,
    shots,
    spot,
)

AND_ONE_SHARE = 0.11  # of free throw pairs that become two and-ones, if there are enough fouls and made shots
AND_ONE_WEIGHT = {RIM: 1.0, PAINT: 0.5, MID_RANGE: 0.2} | dict.fromkeys(THREES, 0.03)
OTHER_AREAS = (RIM, PAINT, MID_RANGE, ABOVE_THE_BREAK)


def side_plays(script: Script, league: League, game: Game, side: int) -> list[Play]:
    """Returns all plays of one side, each assigned to a stint."""
    rng, rows, preferences = script.rng, script.box[side], shot_preferences(league.seed, game.fixture.season)
    plays: list[Play] = []
    for place, row in enumerate(rows):
        attempts, makes = (row.fga - row.fg3a, row.fg3a), (row.fgm - row.fg3m, row.fg3m)
        player_shots = [
            Play(side, "shot", place, area, spot(rng, area), is_made, is_made * (2 if area in TWOS else 3))
            for area, is_made in shots(rng, preferences, row.player, game.teams[1 - side], attempts, makes)
        ]
        plays += player_shots + _free_throws(rng, side, place, row, [shot for shot in player_shots if shot.is_made])
        plays += [Play(side, "turnover", place) for _ in range(row.turnovers)]
    assign_periods(script, side, [play for play in plays if play.points], list(game.period_scores[side]))
    for play in plays:
        if play.stint < 0:
            play.stint = rng.choice(script.presence[side][play.actor])
        if not play.area:
            play.area, play.spot = anywhere(rng)
    return plays


def anywhere(rng: Random) -> tuple[str, tuple[int, int]]:
    """Returns an area and a spot for a play that is not a shot."""
    area = rng.choice(OTHER_AREAS)
    return area, spot(rng, area)


def _free_throws(rng: Random, side: int, place: int, row: PlayerGame, made_shots: list[Play]) -> list[Play]:
    """Returns a player's free throws: pairs, and-ones after made shots, and a technical if no made shot is available."""
    results = [True] * row.ftm + [False] * (row.fta - row.ftm)
    rng.shuffle(results)
    made_shots.sort(key=lambda shot: rng.random() ** (1 / AND_ONE_WEIGHT[shot.area]))
    pairs, and_ones = row.fta // 2, row.fta % 2
    fouls_to_spare = row.fouls_drawn - (row.fta + 1) // 2
    for _ in range(pairs):
        if fouls_to_spare > 0 and len(made_shots) >= and_ones + 2 and rng.random() < AND_ONE_SHARE:
            fouls_to_spare, and_ones, pairs = fouls_to_spare - 1, and_ones + 2, pairs - 1
    plays = [Play(side, "throws", place, throws=[results.pop(), results.pop()]) for _ in range(pairs)]
    for _ in range(and_ones):
        if made_shots:
            made_shots[-1].points += results[-1]
            made_shots.pop().throws = [results.pop()]
        else:
            plays.append(Play(side, "throws", place, throws=[results.pop()], is_technical=True))
    for play in plays:
        play.points = sum(play.throws)
    return plays
