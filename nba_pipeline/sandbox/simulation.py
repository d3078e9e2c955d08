"""Simulates all games of a season at once, and the expected minutes and points before each game."""

from dataclasses import dataclass, fields
from typing import cast

import numpy as np

from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox.absences import COACH_DECISION, NOT_DRESSED, PLAYED, season_absences
from nba_pipeline.sandbox.randomness import generator
from nba_pipeline.sandbox.roster import PLAYERS_PER_TEAM, Booleans, Floats, Integers, Talents, talents
from nba_pipeline.sandbox.schedule import Fixture

REGULATION_SECONDS = 240 * 60  # per team: five players, 48 minutes
OVERTIME_SECONDS = 25 * 60
LONGEST_PLAYER_SHARE = 42 / 240
MOST_OVERTIMES = 3
DRESSED = 13
STARTERS = 5

ROTATION_MINUTES = np.array([34.5, 33.0, 31.5, 30.0, 28.0, 24.0, 20.5, 16.5, 13.0, 9.5, 6.5, 4.5, 3.0, 2.0, 2.0])
PLAYERS_USED = (9, 10, 11, 12)
PLAYERS_USED_SHARE = (0.27, 0.40, 0.23, 0.10)
MINUTES_SPREAD = 0.20
NIGHT_SPREAD = 0.26  # of a player's shots
MOST_SPREADS = 2.0  # caps the spread of one game; without a cap, a player scores 70 points every season
FORM_PERIODS_DAYS = ((25, 45), (60, 110), (150, 250))
FORM_SPREAD = 0.075  # per period

FIELD_GOAL_ATTEMPTS = 88.5
FREE_THROW_ATTEMPTS = 22.0
PACE_SPREAD = 0.028
HOME_SHOOTING = 0.008
BACK_TO_BACK_SHOOTING = -0.008
BACK_TO_BACK_PACE = -0.012
RALLY_PER_POINT = 0.0015  # shooting fraction gained in the second half per point behind at half-time
REGULATION_RESCUE_SHARE = 0.60  # of one-point games in which the trailing side ties with a free throw


@dataclass
class Shooting:
    """Counts per player, (games, 2 sides, 15 slots)."""

    fga: Integers
    fgm: Integers
    fg3a: Integers
    fg3m: Integers
    fta: Integers
    ftm: Integers

    @property
    def points(self) -> Integers:
        """Points per player."""
        return 2 * self.fgm + self.fg3m + self.ftm

    @property
    def score(self) -> Integers:
        """Team points, (games, 2)."""
        return cast(Integers, self.points.sum(axis=-1))

    def add(self, games: Integers, more: "Shooting") -> None:
        """Adds the shots of an overtime to the given games."""
        for field in fields(self):
            getattr(self, field.name)[games] += getattr(more, field.name)


@dataclass(frozen=True)
class Results:
    """The results of a season. Arrays have shape (games, 2 sides, 15 slots) unless noted. Side 0 is home; times in seconds."""

    shooting: Shooting
    seconds: Integers
    is_starter: Booleans
    reason: Integers  # PLAYED, INJURED, RESTED, NOT_DRESSED or COACH_DECISION
    injury: Integers
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
    expected_minutes: Floats  # known before tip-off; zero for announced absences
    expected_points: Floats


def simulate(seed: int, season: str, fixtures: list[Fixture]) -> Results:
    """Returns the results of all fixtures of a season."""
    rng = generator(seed, "results", season)
    able = talents(seed, season)
    teams = np.array([[TEAMS.index(f.home), TEAMS.index(f.away)] for f in fixtures])
    rest_days = np.array([[f.home_rest_days, f.away_rest_days] for f in fixtures])
    ordinals = np.array([f.game_date.toordinal() for f in fixtures])
    absences = season_absences(seed, season, teams, ordinals - ordinals[0], rest_days)
    is_back_to_back = rest_days == 1

    pace = (able.pace[teams].prod(axis=-1) * (1 + BACK_TO_BACK_PACE * is_back_to_back.sum(axis=-1)))[:, None]
    edge = able.offence[teams] - able.defence[teams[:, ::-1]] + BACK_TO_BACK_SHOOTING * is_back_to_back
    edge = (edge + np.array([HOME_SHOOTING, -HOME_SHOOTING]))[..., None]
    weight = able.shot_weight[teams] * _form(seed, teams, ordinals)
    free_throw_weight = able.free_throw_weight[teams]

    expected_minutes, _ = _rotation(absences.known_available, able.minutes_factor[teams], np.array(10))
    expected_points = _expected_points(
        able, teams, pace, edge, shots=expected_minutes * weight, fouled=expected_minutes * weight * free_throw_weight
    )

    used = rng.choice(PLAYERS_USED, p=PLAYERS_USED_SHARE, size=teams.shape)
    minutes_factor = able.minutes_factor[teams] * np.exp(rng.normal(0, MINUTES_SPREAD, weight.shape))
    minutes, place = _rotation(absences.available, minutes_factor, used[..., None])
    night = np.exp(NIGHT_SPREAD * np.clip(rng.normal(0, 1, weight.shape), -MOST_SPREADS, MOST_SPREADS))
    played_pace = pace * (1 + rng.normal(0, PACE_SPREAD, (len(fixtures), 1)))

    def shoot(games: Integers, share_of_game: float, on_court: Floats) -> Shooting:
        busy = on_court * weight[games] * night[games]
        return _shoot(
            rng,
            able,
            teams[games],
            pace=played_pace[games] * share_of_game,
            edge=edge[games],
            weight=busy,
            fouled=busy * free_throw_weight[games],
        )

    everything = np.arange(len(fixtures))
    shooting = shoot(everything, 0.5, minutes)
    half_time = shooting.score
    edge += (RALLY_PER_POINT * (half_time[:, ::-1] - half_time))[..., None]
    shooting.add(everything, shoot(everything, 0.5, minutes))
    leader = minutes.argmax(axis=-1)
    _rescue(rng, shooting, leader)
    regulation = shooting.score
    seconds = rounded_to_sum(minutes * 60, np.full(teams.shape, REGULATION_SECONDS))
    overtimes = np.zeros(len(fixtures), dtype=np.int64)
    period_scores = np.zeros((*teams.shape, 4 + MOST_OVERTIMES), dtype=np.int64)
    period_scores[..., :2] = rng.multinomial(half_time, [0.5] * 2)
    period_scores[..., 2:4] = rng.multinomial(regulation - half_time, [0.5] * 2)
    for number in range(MOST_OVERTIMES):
        score = shooting.score
        tied = np.flatnonzero(score[:, 0] == score[:, 1])
        closers = np.where(minutes[tied] >= np.sort(minutes[tied], axis=-1)[..., [-7]], minutes[tied], 0.0)
        closers = _capped(closers / closers.sum(axis=-1, keepdims=True), 0.2)
        shooting.add(tied, shoot(tied, 5 / 48, closers))
        if number == MOST_OVERTIMES - 1:
            _break_tie(shooting, tied, leader)
        seconds[tied] += rounded_to_sum(closers * OVERTIME_SECONDS, np.full((len(tied), 2), OVERTIME_SECONDS))
        period_scores[tied, :, 4 + number] = shooting.score[tied] - score[tied]
        overtimes[tied] += 1

    reason = np.where(absences.reason != PLAYED, absences.reason, np.where(place >= DRESSED, NOT_DRESSED, COACH_DECISION))
    others = _other_statistics(rng, able, teams, seconds, shooting)
    return Results(
        shooting=shooting,
        seconds=seconds,
        is_starter=(place < STARTERS) & (seconds > 0),
        reason=np.where(seconds > 0, PLAYED, reason),
        injury=absences.injury,
        period_scores=period_scores,
        overtimes=overtimes,
        expected_minutes=expected_minutes,
        expected_points=expected_points,
        **others,
    )


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


def _capped(shares: Floats, most: float) -> Floats:
    """Limits shares that sum to one to a maximum and distributes the excess in proportion."""
    for _ in range(6):
        is_full = shares >= most
        room = 1 - most * is_full.sum(axis=-1, keepdims=True)
        rest = np.where(is_full, 0.0, shares)
        shares = np.where(is_full, most, rest * room / np.maximum(rest.sum(axis=-1, keepdims=True), 1e-9))
    return shares


def _rotation(available: Booleans, minutes_factor: Floats, used: Integers) -> tuple[Floats, Integers]:
    """Returns regulation minutes (240 per team) and the place in the rotation. Absences move other players up."""
    place = np.where(available, np.cumsum(available, axis=-1) - 1, PLAYERS_PER_TEAM)
    template = np.append(ROTATION_MINUTES, 0.0)[place] * minutes_factor
    template = np.where(place < used, template, 0.0)
    shares = _capped(template / template.sum(axis=-1, keepdims=True), LONGEST_PLAYER_SHARE)
    return shares * 240, place


def _expected_points(able: Talents, teams: Integers, pace: Floats, edge: Floats, *, shots: Floats, fouled: Floats) -> Floats:
    threes = able.three_point_share[teams]
    per_attempt = 2 * (1 - threes) * (able.two_point_pct[teams] + edge) + 3 * threes * (able.three_point_pct[teams] + edge)
    field_goals = FIELD_GOAL_ATTEMPTS * shots / shots.sum(axis=-1, keepdims=True) * per_attempt
    free_throws = FREE_THROW_ATTEMPTS * fouled / fouled.sum(axis=-1, keepdims=True) * able.free_throw_pct[teams]
    return cast(Floats, pace[..., None] * (field_goals + free_throws))


def _shoot(
    rng: np.random.Generator,
    able: Talents,
    teams: Integers,
    *,
    pace: Floats,
    edge: Floats,
    weight: Floats,
    fouled: Floats,
) -> Shooting:
    """Returns shots for a share of a game, divided by weight and made according to talent."""
    attempts = FIELD_GOAL_ATTEMPTS * pace[..., None] * weight / weight.sum(axis=-1, keepdims=True)
    visits = FREE_THROW_ATTEMPTS * pace[..., None] * fouled / fouled.sum(axis=-1, keepdims=True)
    fga = np.floor(attempts + rng.random(attempts.shape)).astype(np.int64)
    fta = 2 * np.floor(visits / 2 + rng.random(visits.shape)).astype(np.int64)
    fg3a = rng.binomial(fga, able.three_point_share[teams])
    fg3m = rng.binomial(fg3a, able.three_point_pct[teams] + edge)
    fg2m = rng.binomial(fga - fg3a, able.two_point_pct[teams] + edge)
    return Shooting(fga, fg2m + fg3m, fg3a, fg3m, fta, rng.binomial(fta, able.free_throw_pct[teams]))


def _free_throw(shooting: Shooting, games: Integers, side: Integers, leader: Integers) -> None:
    """Adds one made free throw for the leader of a side."""
    shooting.ftm[games, side, leader[games, side]] += 1
    shooting.fta[games, side, leader[games, side]] += 1


def _rescue(rng: np.random.Generator, shooting: Shooting, leader: Integers) -> None:
    """Lets sides that trail by one point often tie, so that overtime is more frequent than by chance."""
    score = shooting.score
    margin = score[:, 0] - score[:, 1]
    games = np.flatnonzero((np.abs(margin) == 1) & (rng.random(len(margin)) < REGULATION_RESCUE_SHARE))
    _free_throw(shooting, games, (margin[games] == 1).astype(np.int64), leader)


def _break_tie(shooting: Shooting, games: Integers, leader: Integers) -> None:
    score = shooting.score[games]
    still = games[score[:, 0] == score[:, 1]]
    _free_throw(shooting, still, np.zeros(len(still), dtype=np.int64), leader)


def _other_statistics(
    rng: np.random.Generator, able: Talents, teams: Integers, seconds: Integers, shooting: Shooting
) -> dict[str, Integers]:
    """Returns rebounds of misses, assists of teammates' field goals, and the other statistics by minute."""
    share = seconds / (48 * 60)
    misses = (shooting.fga - shooting.fgm).sum(axis=-1)
    fgm = shooting.fgm.sum(axis=-1, keepdims=True)

    def of(chances: Integers, rate: Floats) -> Integers:
        return rng.binomial(np.broadcast_to(chances, share.shape), np.clip(rate[teams] * share, 0, 0.9))

    def by_minute(rate: Floats) -> Integers:
        return rng.poisson(rate[teams] * share)

    margin = (shooting.score - shooting.score[:, ::-1])[..., None]
    spread = 6.0 * np.sqrt(np.minimum(share, 1) * np.maximum(1 - share, 0.05)) * 2
    swing = np.where(seconds > 0, rng.normal(0, 1, share.shape) * spread, 0.0)
    swing -= share / share.sum(axis=-1, keepdims=True) * swing.sum(axis=-1, keepdims=True)
    assists = of(fgm - shooting.fgm, able.assist_share)
    assists = assists * fgm // np.maximum(assists.sum(axis=-1, keepdims=True), fgm)
    impact = 5 * margin * share / share.sum(axis=-1, keepdims=True) + swing
    return {
        "oreb": of(misses[..., None], able.offensive_rebound_share),
        "dreb": of(misses[:, ::-1, None], able.defensive_rebound_share),
        "assists": assists,
        "steals": by_minute(able.steals),
        "blocks": by_minute(able.blocks),
        "turnovers": by_minute(able.turnovers),
        "fouls": np.minimum(by_minute(able.fouls), 6),
        "plus_minus": rounded_to_sum(impact, 5 * margin[..., 0]),
    }
