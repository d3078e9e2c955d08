"""Simulates all games of a season at once, and computes the minutes and points expected before each game."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox.absences import COACH_DECISION, NOT_DRESSED, PLAYED, Absences, season_absences
from nba_pipeline.sandbox.possessions import BallControl, drawn_ball_control, with_overtimes
from nba_pipeline.sandbox.randomness import generator
from nba_pipeline.sandbox.roster import PLAYERS_PER_TEAM, Booleans, Floats, Integers, Talents, talents
from nba_pipeline.sandbox.schedule import Fixture
from nba_pipeline.sandbox.shooting import (
    FIELD_GOAL_ATTEMPTS,
    FREE_THROW_ATTEMPTS,
    Shooting,
    break_tie,
    expected_points,
    rescue,
    shoot,
)

REGULATION_SECONDS = 240 * 60  # per team: five players, 48 minutes
OVERTIME_SECONDS = 25 * 60
LONGEST_PLAYER_SHARE = 42 / 240
MAX_OVERTIMES = 3
DRESSED = 13
STARTERS = 5
ROTATION_MINUTES = np.array([34.5, 33.0, 31.5, 30.0, 28.0, 24.0, 20.5, 16.5, 13.0, 9.5, 6.5, 4.5, 3.0, 2.0, 2.0])
PLAYERS_USED = (9, 10, 11, 12)
PLAYERS_USED_SHARE = (0.27, 0.40, 0.23, 0.10)
EXPECTED_PLAYERS_USED = 10
MINUTES_SPREAD = 0.23
NIGHT_SPREAD = 0.28  # of a player's shots
MAX_SPREADS = 2.0  # caps the spread of one game; without a cap, a player scores 70 points every season
FORM_PERIODS_DAYS = ((25, 45), (60, 110), (150, 250))
FORM_SPREAD = 0.075  # per period
PACE_SPREAD = 0.036
HOME_SHOOTING = 0.008
BACK_TO_BACK_SHOOTING = -0.008
BACK_TO_BACK_PACE = -0.012
RALLY_PER_POINT = 0.0015  # shooting fraction gained in the second half per point behind at half-time


@dataclass(frozen=True)
class Matchups:
    """The facts of every game before tip-off: teams, absences and strengths. Arrays are (games, 2 sides, 15 slots) unless noted."""

    talent: Talents
    teams: Integers  # (games, 2): index in TEAMS
    absences: Absences
    pace: Floats  # (games, 1): factor
    edge: Floats  # (games, 2, 1): added to shooting fractions
    shot_weight: Floats
    free_throw_weight: Floats

    def expectation(self, games: slice, available: Booleans) -> tuple[Floats, Floats]:
        """Returns the expected minutes and points of each player, for the players who are available in each of the games."""
        teams, shot_weight = self.teams[games], self.shot_weight[games]
        minutes, _ = _rotation(available, self.talent.minutes_factor[teams], np.array(EXPECTED_PLAYERS_USED))
        shots = minutes * shot_weight
        fouled = shots * self.free_throw_weight[games]
        pace, edge = self.pace[games], self.edge[games]
        return minutes, expected_points(self.talent, teams, pace, edge, shots=shots, fouled=fouled)


@dataclass(frozen=True)
class Results:
    """The results of a season. Arrays have shape (games, 2 sides, 15 slots) unless noted. Side 0 is home; times in seconds."""

    shooting: Shooting
    seconds: Integers
    is_starter: Booleans
    reason: Integers  # PLAYED, INJURED, RESTED, NOT_DRESSED or COACH_DECISION
    oreb: Integers
    dreb: Integers
    assists: Integers
    steals: Integers
    blocks: Integers
    turnovers: Integers
    fouls: Integers
    plus_minus: Integers
    period_scores: Integers  # (games, 2, 4 quarters + 3 overtimes)
    overtimes: Integers  # (games,)
    matchups: Matchups
    expected_minutes: Floats  # when the books open; zero for absences that are known then
    expected_points: Floats


@dataclass
class GameShots:
    """Draws the shots of all games from the minutes on the court. `edge` changes at half-time."""

    rng: np.random.Generator
    matchups: Matchups
    pace: Floats  # (games, 1): factor, the same for both teams
    edge: Floats
    night: Floats  # (games, 2 sides, 15 slots): factor of the shot weight in this game
    extra_attempts: Floats  # (games, 2 sides)

    def drawn(self, games: Integers, share_of_game: float, on_court: Floats) -> Shooting:
        """Returns the shots of the given games during a share of their length."""
        matchups, pace = self.matchups, self.pace[games]
        weight = on_court * matchups.shot_weight[games] * self.night[games]
        return shoot(
            self.rng,
            matchups.talent,
            matchups.teams[games],
            field_goals=(FIELD_GOAL_ATTEMPTS * pace + self.extra_attempts[games]) * share_of_game,
            free_throws=FREE_THROW_ATTEMPTS * pace * share_of_game,
            edge=self.edge[games],
            weight=weight,
            fouled=weight * matchups.free_throw_weight[games],
        )


def simulate(seed: int, season: str, fixtures: list[Fixture]) -> Results:
    """Returns the results of all fixtures of a season."""
    rng = generator(seed, "results", season)
    matchups = _matchups(seed, season, talents(seed, season), fixtures)
    expected_minutes, points = matchups.expectation(slice(None), matchups.absences.known_available)
    minutes, place = _drawn_rotation(rng, matchups)
    control = drawn_ball_control(rng, matchups.talent, matchups.teams, minutes)
    shots = _game_shots(rng, matchups, control.extra_attempts)
    leader = minutes.argmax(axis=-1)
    shooting, period_scores = _play_regulation(shots, minutes, leader)
    seconds = rounded_to_sum(minutes * 60, np.full(matchups.teams.shape, REGULATION_SECONDS))
    overtimes = _play_overtimes(shots, minutes, leader, shooting, seconds, period_scores)
    return Results(
        shooting=shooting,
        seconds=seconds,
        is_starter=(place < STARTERS) & (seconds > 0),
        reason=_reasons(matchups.absences, place, seconds),
        period_scores=period_scores,
        overtimes=overtimes,
        matchups=matchups,
        expected_minutes=expected_minutes,
        expected_points=points,
        **_other_statistics(rng, matchups, control, seconds, shooting),
    )


def _matchups(seed: int, season: str, talent: Talents, fixtures: list[Fixture]) -> Matchups:
    teams = np.array([[TEAMS.index(f.home), TEAMS.index(f.away)] for f in fixtures])
    rest_days = np.array([[f.home_rest_days, f.away_rest_days] for f in fixtures])
    ordinals = np.array([f.game_date.toordinal() for f in fixtures])
    is_back_to_back = rest_days == 1
    pace = (talent.pace[teams].prod(axis=-1) * (1 + BACK_TO_BACK_PACE * is_back_to_back.sum(axis=-1)))[:, None]
    edge = talent.offense[teams] - talent.defense[teams[:, ::-1]] + BACK_TO_BACK_SHOOTING * is_back_to_back
    edge = (edge + np.array([HOME_SHOOTING, -HOME_SHOOTING]))[..., None]
    return Matchups(
        talent=talent,
        teams=teams,
        absences=season_absences(seed, season, teams, ordinals - ordinals[0], rest_days),
        pace=pace,
        edge=edge,
        shot_weight=talent.shot_weight[teams] * _form(seed, teams, ordinals),
        free_throw_weight=talent.free_throw_weight[teams],
    )


def _drawn_rotation(rng: np.random.Generator, matchups: Matchups) -> tuple[Floats, Integers]:
    """Draws regulation minutes and the place in the rotation of every game."""
    used = rng.choice(PLAYERS_USED, p=PLAYERS_USED_SHARE, size=matchups.teams.shape)
    spread = np.exp(rng.normal(0, MINUTES_SPREAD, matchups.shot_weight.shape))
    return _rotation(matchups.absences.available, matchups.talent.minutes_factor[matchups.teams] * spread, used[..., None])


def _game_shots(rng: np.random.Generator, matchups: Matchups, extra_attempts: Floats) -> GameShots:
    """Draws the pace of every game, and how much every player shoots in it."""
    deviation = np.clip(rng.normal(0, 1, matchups.shot_weight.shape), -MAX_SPREADS, MAX_SPREADS)
    return GameShots(
        rng=rng,
        matchups=matchups,
        pace=matchups.pace * (1 + rng.normal(0, PACE_SPREAD, (len(matchups.teams), 1))),
        edge=matchups.edge,
        night=np.exp(NIGHT_SPREAD * deviation),
        extra_attempts=extra_attempts,
    )


def _play_regulation(shots: GameShots, minutes: Floats, leader: Integers) -> tuple[Shooting, Integers]:
    """Returns the shots of four quarters and the period scores, with room for overtimes."""
    games = np.arange(len(minutes))
    shooting = shots.drawn(games, 0.5, minutes)
    half_time = shooting.score
    shots.edge = shots.edge + (RALLY_PER_POINT * (half_time[:, ::-1] - half_time))[..., None]
    shooting.add(games, shots.drawn(games, 0.5, minutes))
    rescue(shots.rng, shooting, leader)
    period_scores = np.zeros((*shots.matchups.teams.shape, 4 + MAX_OVERTIMES), dtype=np.int64)
    period_scores[..., :2] = shots.rng.multinomial(half_time, [0.5] * 2)
    period_scores[..., 2:4] = shots.rng.multinomial(shooting.score - half_time, [0.5] * 2)
    return shooting, period_scores


def _play_overtimes(
    shots: GameShots, minutes: Floats, leader: Integers, shooting: Shooting, seconds: Integers, period_scores: Integers
) -> Integers:
    """Adds overtimes to tied games. Returns the number of overtimes per game."""
    overtimes = np.zeros(len(minutes), dtype=np.int64)
    for number in range(MAX_OVERTIMES):
        score = shooting.score
        tied = np.flatnonzero(score[:, 0] == score[:, 1])
        closers = np.where(minutes[tied] >= np.sort(minutes[tied], axis=-1)[..., [-7]], minutes[tied], 0.0)
        closers = _capped(closers / closers.sum(axis=-1, keepdims=True), 0.2)
        shooting.add(tied, shots.drawn(tied, 5 / 48, closers))
        if number == MAX_OVERTIMES - 1:
            break_tie(shooting, tied, leader)
        seconds[tied] += rounded_to_sum(closers * OVERTIME_SECONDS, np.full((len(tied), 2), OVERTIME_SECONDS))
        period_scores[tied, :, 4 + number] = shooting.score[tied] - score[tied]
        overtimes[tied] += 1
    return overtimes


def _reasons(absences: Absences, place: Integers, seconds: Integers) -> Integers:
    """Returns the coded reason why each player did or did not play."""
    reason = np.where(absences.reason != PLAYED, absences.reason, np.where(place >= DRESSED, NOT_DRESSED, COACH_DECISION))
    return np.where(seconds > 0, PLAYED, reason)


def rounded_to_sum(values: Floats, totals: Integers) -> Integers:
    """Returns integers that sum to the totals over the last axis. The largest remainders are rounded up."""
    floor = np.floor(values)
    missing = totals - floor.sum(axis=-1).astype(np.int64)
    place = np.argsort(np.argsort(floor - values, axis=-1, kind="stable"), axis=-1, kind="stable")
    return cast(Integers, floor.astype(np.int64) + (place < missing[..., None]))


def _form(seed: int, teams: Integers, ordinals: Integers) -> Floats:
    """Returns a factor per player that changes slowly over days, across seasons."""
    rng = generator(seed, "form")
    shape = (len(TEAMS), PLAYERS_PER_TEAM)
    logarithm = np.zeros((*teams.shape, PLAYERS_PER_TEAM))
    for shortest, longest in FORM_PERIODS_DAYS:
        period, phase = rng.uniform(shortest, longest, shape), rng.uniform(0, 2 * np.pi, shape)
        size = np.abs(rng.normal(0, FORM_SPREAD, shape)) * np.sqrt(2)
        logarithm += size[teams] * np.sin(2 * np.pi * ordinals[:, None, None] / period[teams] + phase[teams])
    return cast(Floats, np.exp(logarithm))


def _capped(shares: Floats, maximum: float) -> Floats:
    """Limits shares that sum to one to a maximum and distributes the excess in proportion."""
    for _ in range(6):
        is_full = shares >= maximum
        room = 1 - maximum * is_full.sum(axis=-1, keepdims=True)
        rest = np.where(is_full, 0.0, shares)
        shares = np.where(is_full, maximum, rest * room / np.maximum(rest.sum(axis=-1, keepdims=True), 1e-9))
    return shares


def _rotation(available: Booleans, minutes_factor: Floats, used: Integers) -> tuple[Floats, Integers]:
    """Returns regulation minutes (240 per team) and the place in the rotation. Absences move other players up."""
    place = np.where(available, np.cumsum(available, axis=-1) - 1, PLAYERS_PER_TEAM)
    template = np.append(ROTATION_MINUTES, 0.0)[place] * minutes_factor
    template = np.where(place < used, template, 0.0)
    shares = _capped(template / template.sum(axis=-1, keepdims=True), LONGEST_PLAYER_SHARE)
    return shares * 240, place


def _other_statistics(
    rng: np.random.Generator, matchups: Matchups, control: BallControl, seconds: Integers, shooting: Shooting
) -> dict[str, Integers]:
    """Returns rebounds of misses, assists of teammates' field goals, and the other statistics by minute."""
    talent, teams, share = matchups.talent, matchups.teams, seconds / (48 * 60)
    overtime_share = share * (1 - REGULATION_SECONDS / seconds.sum(axis=-1, keepdims=True))
    turnovers, oreb = with_overtimes(rng, talent, teams, control, share=share, overtime_share=overtime_share)
    misses = (shooting.fga - shooting.fgm).sum(axis=-1)
    fgm = shooting.fgm.sum(axis=-1, keepdims=True)

    def of(chances: Integers, rate: Floats) -> Integers:
        return rng.binomial(np.broadcast_to(chances, share.shape), np.clip(rate[teams] * share, 0, 0.9))

    def by_minute(rate: Floats) -> Integers:
        return rng.poisson(rate[teams] * share)

    margin = (shooting.score - shooting.score[:, ::-1])[..., None]
    spread = 6.0 * np.sqrt(np.minimum(share, 1) * np.maximum(1 - share, 0.05)) * 2
    margin_change = np.where(seconds > 0, rng.normal(0, 1, share.shape) * spread, 0.0)
    margin_change -= share / share.sum(axis=-1, keepdims=True) * margin_change.sum(axis=-1, keepdims=True)
    assists = of(fgm - shooting.fgm, talent.assist_share)
    assists = assists * fgm // np.maximum(assists.sum(axis=-1, keepdims=True), fgm)
    impact = 5 * margin * share / share.sum(axis=-1, keepdims=True) + margin_change
    return {
        "oreb": oreb,
        "dreb": of(misses[:, ::-1, None], talent.defensive_rebound_share),
        "assists": assists,
        "steals": by_minute(talent.steals),
        "blocks": by_minute(talent.blocks),
        "turnovers": turnovers,
        "fouls": np.minimum(by_minute(talent.fouls), 6),
        "plus_minus": rounded_to_sum(impact, 5 * margin[..., 0]),
    }
