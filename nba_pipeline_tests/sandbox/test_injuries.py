"""Clubs report injuries before each game, and the reports agree with the absences."""

from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from nba_pipeline.league.calendar import EASTERN, eastern
from nba_pipeline.sandbox import League
from nba_pipeline.sandbox.boxscores import PlayerGame
from nba_pipeline.sandbox.injuries import AVAILABLE, DOUBTFUL, OUT, PROBABLE, QUESTIONABLE, newest_printed
from nba_pipeline.sandbox.league import Game
from nba_pipeline.sandbox.roster import roster

pytestmark = pytest.mark.slow


def last_report_before(game: Game) -> datetime:
    return newest_printed(game.tipoff_at - timedelta(seconds=1))


def statuses(league: League, game: Game, at: datetime) -> dict[int, str]:
    clubs = league.injuries(game, game.tipoff_at, game.game_date)
    return {statement.player.person_id: statement.status for club in clubs for statement in club.statements(at) or ()}


def box_rows(league: League, games: tuple[Game, ...]) -> Iterator[tuple[Game, PlayerGame]]:
    return ((game, row) for game in games for rows in league.boxscore(game) for row in rows)


def test_a_club_submits_before_its_game_and_after_a_back_to_back_not_until_the_game_day(league: League) -> None:
    fractions = Counter[str]()
    for game in league.season("2025-26").games[:300]:
        for side, rest_days in enumerate((game.fixture.home_rest_days, game.fixture.away_rest_days)):
            club = league.injuries(game, game.tipoff_at, game.game_date)[side]
            assert (
                club.statements(club.submitted_at - timedelta(minutes=1)) is None
                and club.statements(club.submitted_at) is not None
            )
            assert club.submitted_at < last_report_before(game)
            on_game_day = club.submitted_at.astimezone(EASTERN).date() == game.game_date
            assert on_game_day == (rest_days == 1)
            fractions["before"] += club.submitted_at < eastern(game.game_date - timedelta(days=1), 17)
            fractions["all"] += 1
    assert 0.3 < fractions["before"] / fractions["all"] < 0.7


def test_injuries_are_reported_before_tip_off_and_no_player_reported_out_plays(league: League) -> None:
    games = league.season("2024-25").games[300:500]
    reported = {game.game_id: statuses(league, game, last_report_before(game)) for game in games}
    injured, other_players = Counter[str](), Counter[str]()
    for game, row in box_rows(league, games):
        status = reported[game.game_id].get(row.player.person_id, "")
        if row.did_play:
            assert status not in (OUT, DOUBTFUL)
            other_players[status] += 1
        elif row.not_playing_reason == "INACTIVE_INJURY":
            assert status not in (AVAILABLE, PROBABLE)
            injured[status] += 1
        elif row.not_playing_description != "Rest":
            assert status == "", "the coach's decisions are no business of the report"
    assert 0.95 < 1 - injured[""] / injured.total() < 1
    assert 0.8 < injured[OUT] / injured.total() and 0.02 < injured[QUESTIONABLE] / injured.total() < 0.10
    assert other_players[QUESTIONABLE] and other_players[PROBABLE] and other_players[AVAILABLE]
    unlisted = sum(
        not row.did_play and row.player.person_id not in reported[game.game_id] for game, row in box_rows(league, games)
    )
    assert 0.5 < unlisted / sum(not row.did_play for _, row in box_rows(league, games)) < 0.75


def test_a_player_who_plays_hurt_is_questionable_and_never_out(league: League) -> None:
    games = league.season("2024-25").games
    absences = league.season("2024-25").results.matchups.absences
    plays_hurt = list(zip(*np.nonzero(absences.injured & absences.available), strict=True))
    for place, side, slot in plays_hurt:
        player = roster()[games[place].teams[side]][slot]
        status = statuses(league, games[place], last_report_before(games[place]))[player.person_id]
        assert status in (QUESTIONABLE, AVAILABLE)
    assert plays_hurt


def test_most_absent_players_are_out_from_the_first_report_and_some_from_the_game_day(league: League) -> None:
    paths = Counter[tuple[str, ...]]()
    for game in league.season("2024-25").games[300:500]:
        for club in league.injuries(game, game.tipoff_at, game.game_date):
            for listed in club.listed_players:
                instants = [instant for instant, _ in listed.timeline]
                assert all(a < b for a, b in pairwise(instants)) and instants[-1] < game.tipoff_at
                paths[tuple(status for _, status in listed.timeline)] += 1
    ends_out = {path: count for path, count in paths.items() if path[-1] == OUT}
    assert 0.75 < ends_out[(OUT,)] / sum(ends_out.values()) < 0.95
    assert {(QUESTIONABLE, OUT), (DOUBTFUL, OUT), (QUESTIONABLE, DOUBTFUL, OUT), (PROBABLE,)} <= set(paths)
