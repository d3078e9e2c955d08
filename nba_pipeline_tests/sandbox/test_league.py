"""Invariants of a simulated season."""

import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, datetime, timedelta
from functools import partial
from itertools import groupby, pairwise
from statistics import fmean, pstdev

import numpy as np
import pytest

from nba_pipeline.league.calendar import EASTERN, days, season_of
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox import League
from nba_pipeline.sandbox.injuries import OUT
from nba_pipeline.sandbox.league import Game
from nba_pipeline.sandbox.names import plain
from nba_pipeline.sandbox.roster import Player, roster
from nba_pipeline.warehouse.home_format import SIMULATION

pytestmark = pytest.mark.platform

TWENTY_DATES = days(date(2025, 6, 21), date(2025, 7, 10))  # across the boundary of two seasons
SCORES = [(114, 110), (125, 99), (124, 107), (116, 109), (135, 128), (124, 144)]
"""Home and away points of the games of 2025-01-15 in version 2 of the simulated league."""

FINGERPRINT = """
import hashlib
from datetime import date
from nba_pipeline.sandbox import League
from nba_pipeline.sandbox.play_by_play import actions
league = {league}
games = league.games(date(2025, 1, 15))
text = repr([(g, league.boxscore(g), league.lines(g, g.tipoff_at), actions(league, g)) for g in games])
print(hashlib.sha256(text.encode()).hexdigest())
"""


def test_rows_of_twenty_dates_satisfy_the_box_score_identities(league: League) -> None:
    for game in (game for day in TWENTY_DATES for game in league.games(day)):
        box = league.boxscore(game)
        for side, rows in enumerate(box):
            assert sum(row.points for row in rows) == game.score[side] == sum(game.period_scores[side])
            assert sum(row.seconds for row in rows) == 240 * 60 + game.overtimes * 25 * 60
            assert sum(row.plus_minus for row in rows) == 5 * (game.score[side] - game.score[1 - side])
            assert sum(row.assists for row in rows) <= sum(row.fgm for row in rows)
            assert sum(row.did_play for row in rows) >= 8
            assert sum(row.is_starter for row in rows) == 5
            for row in rows:
                assert row.points == 2 * (row.fgm - row.fg3m) + 3 * row.fg3m + row.ftm
                assert row.rebounds == row.oreb + row.dreb
                assert 0 <= row.fg3m <= row.fgm <= row.fga and row.fg3m <= row.fg3a <= row.fga and row.ftm <= row.fta
                assert row.fga - row.fg3a >= row.fgm - row.fg3m
                assert 0 <= row.fouls <= 6 and row.seconds <= 48 * 60 + game.overtimes * 5 * 60
                assert row.did_play == (row.seconds > 0) == (row.not_playing_reason == "")
                assert row.did_play or row.points == row.rebounds == row.assists == row.turnovers == row.plus_minus == 0
        assert game.score[0] != game.score[1]
        tied_after = [sum(game.period_scores[0][:n]) == sum(game.period_scores[1][:n]) for n in range(4, 4 + game.overtimes)]
        assert all(tied_after)


def test_every_date_of_every_year_has_games_and_a_team_plays_once(league: League) -> None:
    for day in days(date(2024, 6, 1), date(2024, 8, 1)):
        games = league.games(day)
        teams = [team for game in games for team in game.teams]
        assert 5 <= len(games) <= 9
        assert len(set(teams)) == len(teams)
        assert all(game.tipoff_at.astimezone(EASTERN).date() == day for game in games)


def test_teams_play_every_other_day_and_sometimes_back_to_back(league: League) -> None:
    games = league.season("2024-25").games
    dates: dict[str, list[date]] = defaultdict(list)
    for game in games:
        for team in game.teams:
            dates[team].append(game.game_date)
    gaps = Counter((b - a).days for of_team in dates.values() for a, b in pairwise(of_team))
    assert set(dates) == set(TEAMS)
    assert 0.08 < gaps[1] / gaps.total() < 0.25
    assert max(gaps) <= 6
    assert len({game.game_id for game in games}) == len(games)
    assert all(game.game_id.startswith("00224") and len(game.game_id) == 10 for game in games)


def test_averages_are_close_to_those_of_the_nba(league: League) -> None:
    season = league.season("2024-25")
    scores = [points for game in season.games for points in game.score]
    points = season.results.shooting.points
    played = season.results.seconds > 0
    best = max(
        fmean(
            points[g.place, g.teams.index(team), slot]
            for g in season.games
            if team in g.teams
            if played[g.place, g.teams.index(team), slot]
        )
        for team in TEAMS
        for slot in range(3)
    )
    assert 110 < fmean(scores) < 116 and 10 < pstdev(scores) < 14
    assert fmean(85 <= score <= 145 for score in scores) > 0.97
    assert 24 < best < 32
    assert 0.04 < fmean(game.overtimes > 0 for game in season.games) < 0.08
    assert 0.53 < fmean(game.score[0] > game.score[1] for game in season.games) < 0.62
    assert 9 < played.sum(axis=-1).mean() < 11


def test_games_that_differ_from_those_of_this_version_need_another_version_number(league: League) -> None:
    assert SIMULATION == 2, "record the scores of the new version below"
    assert [game.score for game in league.games(date(2025, 1, 15))] == SCORES


def test_the_teams_of_a_game_have_nearly_as_many_possessions(league: League) -> None:
    results = league.season("2024-25").results
    shooting, of_team = results.shooting, partial(np.sum, axis=-1)
    possessions = of_team(shooting.fga) + 0.44 * of_team(shooting.fta) + of_team(results.turnovers) - of_team(results.oreb)
    assert 98 < possessions.mean() < 104 and 80 < possessions.min() and possessions.max() <= 140
    assert np.corrcoef(possessions.T)[0, 1] > 0.85
    assert (possessions[:, 0] - possessions[:, 1]).std() < 3.0


def test_rotation_players_miss_one_game_in_six_and_mostly_one_or_two_in_a_row(league: League) -> None:
    season = league.season("2024-25")
    has_missed = season.results.seconds[..., :8] == 0
    shares, lengths = list[float](), list[int]()
    for team in TEAMS:
        sides = [(game.place, game.teams.index(team)) for game in season.games if team in game.teams]
        for games in np.array([has_missed[side] for side in sides]).T.tolist():
            shares.append(fmean(games))
            lengths += [len(list(run)) for is_missed, run in groupby(games) if is_missed]
    assert 0.12 < fmean(shares) < 0.20
    assert 0.4 < fmean(length == 1 for length in lengths) < 0.6
    assert 2.0 < fmean(lengths) < 4.0 and max(lengths) > 15


def test_teammates_play_and_shoot_more_without_the_best_player(league: League) -> None:
    results = league.season("2024-25").results
    is_absent = results.seconds[..., 0] == 0
    regulars = slice(1, 6)
    for counts in (results.seconds, results.shooting.fga):
        per_game = np.where(results.seconds > 0, counts, np.nan)[..., regulars]
        assert np.nanmean(per_game[is_absent]) > 1.04 * np.nanmean(per_game[~is_absent])


def test_lines_err_less_than_the_season_mean_and_both_err_by_about_five_points(league: League) -> None:
    history: dict[int, list[int]] = defaultdict(list)
    of_lines, of_means, overs = [], [], []
    for game in league.season("2024-25").games[:900]:
        points = {row.player.person_id: row.points for rows in league.boxscore(game) for row in rows if row.did_play}
        if game.place >= 500 and game.place % 2:
            for quote in league.lines(game, game.tipoff_at):
                points_scored = points.get(quote.player.person_id)
                if quote.book == "draftkings" and points_scored is not None and history[quote.player.person_id]:
                    of_lines.append(abs(points_scored - quote.line))
                    of_means.append(abs(points_scored - fmean(history[quote.player.person_id])))
                    overs.append(points_scored > quote.line)
        for person, scored in points.items():
            history[person].append(scored)
    assert len(of_lines) > 2000
    assert 4.4 < fmean(of_lines) < 5.2 and 0.1 < fmean(of_means) - fmean(of_lines) < 0.6
    assert 0.46 < fmean(overs) < 0.54


@pytest.mark.unattended
def test_the_same_arguments_give_the_same_league_in_another_process(league: League) -> None:
    printed: list[str] = []
    exec(FINGERPRINT.format(league="league"), {"league": league, "print": printed.append})
    code = FINGERPRINT.format(league="League()")
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == printed[0]


def test_another_seed_gives_another_league_of_the_same_people(league: League) -> None:
    other = League(seed=8)
    assert [g.score for g in other.games(date(2025, 1, 15))] != [g.score for g in league.games(date(2025, 1, 15))]


def test_a_date_without_games_changes_no_other_game(league: League) -> None:
    holiday = date(2024, 12, 25)
    other = League(no_game_dates=frozenset({holiday}))
    assert other.games(holiday) == ()
    assert league.games(holiday) != ()
    assert other.games(holiday + timedelta(days=1)) == league.games(holiday + timedelta(days=1))


@pytest.mark.parametrize(("clubs", "games"), [(4, 1), (6, 2), (12, 5)])
def test_a_small_league_plays_among_its_clubs_on_every_date(clubs: int, games: int) -> None:
    league = League(clubs=clubs)
    for day in TWENTY_DATES:
        playing = [team for game in league.games(day) for team in game.teams]
        assert len(playing) == len(set(playing)) == 2 * games and set(playing) <= set(TEAMS[:clubs])
        assert all(
            sum(row.points for row in rows) == game.score[side]
            for game in league.games(day)
            for side, rows in enumerate(league.boxscore(game))
        )


@pytest.mark.parametrize(("clubs", "games"), [(30, 15), (30, 10), (10, 5), (10, 1)])
def test_a_league_plays_the_given_number_of_games_on_every_date(clubs: int, games: int) -> None:
    league, date_of_id = League(clubs=clubs, games_per_date=games), dict[str, date]()
    for day in TWENTY_DATES:
        playing = [team for game in league.games(day) for team in game.teams]
        assert len(playing) == len(set(playing)) == 2 * games and set(playing) <= set(TEAMS[:clubs])
        date_of_id |= {game.game_id: day for game in league.games(day)}
    assert Counter(date_of_id.values()) == dict.fromkeys(TWENTY_DATES, games)
    assert all(len(game_id) == 10 and league.game(game_id) in league.games(day) for game_id, day in date_of_id.items())


def test_another_size_does_not_change_the_full_league(league: League) -> None:
    day = date(2025, 1, 15)
    for other in (League(clubs=12), League(games_per_date=9)):
        assert other != league and other.games(day) != league.games(day)
    assert League().games(day) == league.games(day) == League(clubs=len(TEAMS)).games(day)


def test_ids_of_up_to_nine_games_are_the_number_of_the_date_and_of_the_game(league: League) -> None:
    assert [game.game_id for game in league.games(date(2025, 1, 15))] == [f"002240199{number}" for number in range(1, 7)]


def test_names_are_unique_without_accents_and_as_varied_as_real_ones() -> None:
    names = [player.name for players in roster().values() for player in players]
    assert len({plain(name) for name in names}) == len(names) == 450
    assert any(name.endswith(("Jr.", "II", "III")) for name in names)
    assert any("'" in name for name in names) and any("-" in name for name in names)
    assert any(plain(name) != name.lower() for name in names)


def test_injuries_last_and_most_are_known_before_the_lines_open(league: League) -> None:
    absent = late = 0
    for game in league.season("2024-25").games[:300]:
        lined = {quote.player.person_id for quote in league.lines(game, game.tipoff_at)}
        for row in (row for rows in league.boxscore(game) for row in rows if row.not_playing_reason == "INACTIVE_INJURY"):
            assert row.status == "INACTIVE" and row.not_playing_description
            absent += 1
            late += row.player.person_id in lined
    assert 0 < late < 0.1 * absent


def test_lines_open_in_the_morning_and_move_until_tip_off(league: League) -> None:
    game = league.games(date(2025, 1, 15))[0]
    assert league.lines(game, game.tipoff_at - timedelta(hours=12)) == []
    morning = league.lines(game, game.tipoff_at - timedelta(hours=6))
    evening = league.lines(game, game.tipoff_at)
    assert {quote.book for quote in evening} == {
        "draftkings",
        "fanduel",
        "betmgm",
        "williamhill_us",
        "betrivers",
        "unibet_us",
    }
    assert [quote.line for quote in morning] != [quote.line for quote in evening]
    assert all(quote.updated_at < game.tipoff_at and quote.line % 1 == 0.5 for quote in evening)
    assert max(quote.updated_at for quote in evening) > game.tipoff_at - timedelta(minutes=20)
    per_book = Counter((quote.book, quote.player.person_id) for quote in evening)
    assert {count for (book, _), count in per_book.items() if book == "draftkings"} == {1}
    assert max(count for (book, _), count in per_book.items() if book == "betrivers") == 9


def reported_absences(league: League, games: Iterable[Game]) -> Iterator[tuple[Game, Player, datetime]]:
    """Yields the absences that a club reports after the books open, alone in their game, with the instant of the report."""
    for game in games:
        absences = league.season(game.fixture.season).results.matchups.absences
        late = absences.known_available[game.place] & ~absences.available[game.place]
        if late.sum() != 1:
            continue
        for side, report in enumerate(league.injuries(game, game.tipoff_at, game.game_date)):
            for listed in report.listed_players:
                for instant in (instant for instant, status in listed.timeline if status == OUT and late[side, listed.slot]):
                    yield game, roster()[game.teams[side]][listed.slot], instant


def test_books_remove_a_reported_absence_within_ten_minutes_and_raise_the_teammates(league: League) -> None:
    raised, removed = list[float](), 0
    for game, absent, reported_at in reported_absences(league, league.season("2024-25").games[:400]):
        before, after = (
            {quote.player: quote.line for quote in league.lines(game, at) if quote.book == "draftkings"}
            for at in (reported_at, reported_at + timedelta(minutes=10))
        )
        assert absent not in after
        if absent in before:
            removed += 1
            raised += [after[player] - before[player] for player in before.keys() & after.keys() if player.team == absent.team]
    assert removed > 5 and fmean(raised) > 0.5


def test_the_margin_of_a_book_is_about_seven_percent(league: League) -> None:
    def probability(price: int) -> float:
        return -price / (100 - price) if price < 0 else 100 / (100 + price)

    game = league.games(date(2025, 1, 15))[0]
    main = [quote for quote in league.lines(game, game.tipoff_at) if quote.is_main]
    assert fmean(probability(q.over_price) + probability(q.under_price) for q in main) == pytest.approx(1.07, abs=0.01)


def test_a_season_starts_on_july_1(league: League) -> None:
    assert {game.fixture.season for game in league.games(date(2025, 6, 30))} == {season_of(date(2025, 6, 30))} == {"2024-25"}
    assert {game.game_id[3:5] for game in league.games(date(2025, 7, 1))} == {"25"}
