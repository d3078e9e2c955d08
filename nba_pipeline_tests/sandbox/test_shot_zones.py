"""Areas, distances and percentages of shots are plausible, and preferences last a season."""

from collections import Counter, defaultdict
from statistics import correlation, fmean

import pytest

from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox import League, play_by_play
from nba_pipeline.sandbox.shot_zones import IN_THE_PAINT, MID_RANGE, RIM, TWOS, shot_preferences
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire import nba_cdn
from nba_pipeline_tests.sandbox.conftest import DAY

pytestmark = pytest.mark.slow


def test_areas_distances_and_percentages_are_close_to_those_of_the_nba(league: League) -> None:
    games = league.season("2024-25").games[100:140]
    shots = [shot for game in games for shot in play_by_play.actions(league, game) if shot.kind in ("2pt", "3pt")]

    def made_share(areas: set[str]) -> float:
        return fmean(bool(shot.is_made) for shot in shots if shot.area in areas)

    assert 0.54 < made_share(set(IN_THE_PAINT)) < 0.63 and 0.38 < made_share({MID_RANGE}) < 0.47
    assert 0.60 < made_share({RIM}) < 0.74
    shares = Counter(shot.area for shot in shots)
    assert 0.20 < (shares["Left Corner 3"] + shares["Right Corner 3"]) / sum(shot.kind == "3pt" for shot in shots) < 0.32
    assert all((shot.area in TWOS) == (shot.kind == "2pt") for shot in shots)
    documents = nba_cdn.play_by_play(View(league, league.games(DAY)[0].ends_at), league.games(DAY)[0].game_id)
    longest = {"Restricted Area": 4, "In The Paint (Non-RA)": 16, "Mid-Range": 23.7, "Above the Break 3": 28}
    for action in documents["game"]["actions"]:
        if action["isFieldGoal"]:
            assert 0 <= action["shotDistance"] <= longest.get(action["area"], 25)
            assert action["actionType"] == "2pt" or action["shotDistance"] >= 22
            assert 0 <= action["x"] <= 100 and 0 <= action["y"] <= 100
            assert action["areaDetail"].startswith("24+") == (action["actionType"] == "3pt")


def test_shot_preferences_last_and_defenses_differ(league: League) -> None:
    allowed = [weights[0] / sum(weights) for weights in shot_preferences(league.seed, "2024-25").allowed]
    open_rim, closed_rim = TEAMS[allowed.index(max(allowed))], TEAMS[allowed.index(min(allowed))]
    at_rim: dict[str, list[bool]] = {open_rim: [], closed_rim: []}
    halves: dict[int, tuple[list[bool], list[bool]]] = defaultdict(lambda: ([], []))
    for team in (open_rim, closed_rim):
        games = [game for game in league.season("2024-25").games if team in game.teams]
        for number, game in enumerate(games[:36]):
            for shot in play_by_play.actions(league, game):
                if shot.kind == "2pt" and game.teams[shot.side] != team:
                    at_rim[team].append(shot.area == RIM)
                elif shot.kind == "2pt" and team == open_rim:
                    halves[shot.player.slot][number % 2].append(shot.area == MID_RANGE)
    assert fmean(at_rim[open_rim]) > fmean(at_rim[closed_rim]) + 0.03
    often = [half for half in halves.values() if min(map(len, half)) > 60]
    assert len(often) >= 5
    first, second = zip(*((fmean(one), fmean(other)) for one, other in often), strict=True)
    assert correlation(first, second) > 0.7 and max(first) - min(first) > 0.15
