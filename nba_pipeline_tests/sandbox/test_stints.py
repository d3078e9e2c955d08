"""Every player with playing time is on the court in at least one stint."""

from random import Random

from nba_pipeline.sandbox import League
from nba_pipeline.sandbox.play_by_play.stints import Stint, lineups
from nba_pipeline_tests.sandbox.conftest import DAY


def test_a_player_with_one_second_has_a_stint(league: League) -> None:
    rows = league.boxscore(league.games(DAY)[0])[0]
    for row in rows:
        row.seconds = 2878 if row.is_starter else 1
    stints = [Stint(1 + n // 5, n % 5, 144 * n, 144) for n in range(20)]
    fives = lineups(Random(1), rows, stints)
    assert {place for five in fives for place in five} == set(range(15))
    assert all(len(set(five)) == 5 for five in fives)
    assert [rows[place].is_starter for place in fives[0]] == [True] * 5
