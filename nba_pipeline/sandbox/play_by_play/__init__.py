"""The actions of every game, generated to sum to the box score.

    stints                       players on the court per stint, from the minutes
    script                       a play, and the inputs of all plays
    plays, periods               shots, free throws and turnovers per stint, so that the period scores match
    companions                   assists, blocks, steals, fouls and rebounds by players on the court
    action_log                   alternating possessions, with clock and score
    tally                        the counts of the actions so far

The box score of the league determines the counts of every player and is never changed here. The actions are a pure function
of seed and game. A request during a game receives a prefix of the final list.
Caveats: the league draws rebounds and steals independently of misses and turnovers. A miss may therefore have two rebounds
or none, and a steal may have no turnover. Lineups change at fixed moments, so their minutes are off by one or two.
"""

from functools import lru_cache
from random import Random

from nba_pipeline.sandbox.league import Game, League
from nba_pipeline.sandbox.play_by_play.action_log import Action, recorded_actions
from nba_pipeline.sandbox.play_by_play.companions import add_companions
from nba_pipeline.sandbox.play_by_play.plays import side_plays
from nba_pipeline.sandbox.play_by_play.script import Script
from nba_pipeline.sandbox.play_by_play.stints import lineups, stints_of
from nba_pipeline.sandbox.randomness import stable_hash

GAMES_IN_MEMORY = 64


@lru_cache(maxsize=GAMES_IN_MEMORY)
def actions(league: League, game: Game) -> tuple[Action, ...]:
    """Returns all actions of a game in order. Takes about 7 ms; later calls are cached."""
    rng = Random(stable_hash(league.seed, "play by play", game.game_id))
    box = league.boxscore(game)
    stints = stints_of(game.overtimes)
    home, away = (lineups(rng, rows, stints) for rows in box)
    at_home, visiting = (
        [[number for number, five in enumerate(fives) if place in five] for place in range(len(rows))]
        for fives, rows in zip((home, away), box, strict=True)
    )
    script = Script(rng, box, stints, (home, away), (at_home, visiting))
    plays = [*side_plays(script, league, game, 0), *side_plays(script, league, game, 1)]
    for side in (0, 1):
        add_companions(script, side, plays)
    return tuple(recorded_actions(script, game, plays))
