"""The schedule of a season: fixtures with teams, place and time. Every date from July 1 to June 30 has games."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from nba_pipeline.league.calendar import eastern, season_of, season_start
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox.clubs import CLUBS
from nba_pipeline.sandbox.randomness import generator, stable_hash
from nba_pipeline.sandbox.roster import Integers

GAMES_PER_DATE = (5, 6, 7, 8, 9)
GAMES_PER_DATE_SHARE = (0.10, 0.20, 0.30, 0.25, 0.15)
AFTERNOON_SHARE = 0.25  # of the first two games on weekend days
UNKNOWN_REST_DAYS = 2  # before a team's first game of the season

TIP_OFF_TIMES = {
    "America/Chicago": ((20, 0), (20, 30), (19, 30)),
    "America/Denver": ((21, 0), (21, 30), (21, 0)),
    "America/Phoenix": ((21, 0), (22, 0), (21, 30)),
    "America/Los_Angeles": ((22, 0), (22, 30), (22, 0)),
}
EASTERN_TIP_OFF_TIMES = ((19, 0), (19, 30), (19, 30))
AFTERNOON_TIP_OFF_TIMES = ((13, 0), (15, 30))


@dataclass(frozen=True, slots=True)
class Fixture:
    """One scheduled game. Clubs are tricodes, the date is Eastern, the instant UTC. Rest is in days since the previous game."""

    game_id: str
    event_id: str
    season: str
    game_date: date
    sequence: int
    home: str
    away: str
    tipoff_at: datetime
    home_rest_days: int
    away_rest_days: int


def season_dates(season: str) -> list[date]:
    """Returns all dates from July 1 to June 30."""
    first = season_start(date(int(season[:4]), 7, 1))
    return [first + timedelta(days=n) for n in range((date(first.year + 1, 7, 1) - first).days)]


def season_schedule(seed: int, season: str, clubs: int = len(TEAMS), games_per_date: int | None = None) -> list[Fixture]:
    """Returns all games of a season by date and tip-off, among the first `clubs` entries of TEAMS.

    Teams with the most rest play first. With thirty clubs, no team plays on three consecutive days. With few clubs, all but two
    may play on every date. `games_per_date` replaces the random number of games, and may be up to half of the clubs.
    """
    rng = generator(seed, "schedule", season)
    team_count, max_games = clubs, max(clubs // 2 - 1, 1)
    last_played: Integers = np.full(team_count, -UNKNOWN_REST_DAYS, dtype=np.int64)
    played_back_to_back = np.zeros(team_count, dtype=bool)
    home_games = np.zeros(team_count)
    fixtures: list[Fixture] = []
    for day_number, day in enumerate(season_dates(season)):
        game_count = games_per_date or min(int(rng.choice(GAMES_PER_DATE, p=GAMES_PER_DATE_SHARE)), max_games)
        rest_days = day_number - last_played
        priority = np.minimum(rest_days, 5) + rng.uniform(0, 1.9, team_count)
        priority[(rest_days == 1) & played_back_to_back] = -1.0
        chosen = rng.permutation(np.argsort(-priority, kind="stable")[: 2 * game_count])
        first, second = chosen[:game_count], chosen[game_count:]
        first_hosts = home_games[first] <= home_games[second]
        home, away = np.where(first_hosts, first, second), np.where(first_hosts, second, first)
        home_games[home] += 1
        home_games[away] -= 1
        played_back_to_back = np.isin(np.arange(team_count), chosen) & (rest_days == 1)
        last_played[chosen] = day_number
        times, afternoons = rng.integers(3, size=game_count), rng.random(game_count)
        games = [
            (_tip_off(day, TEAMS[h], order, int(times[order]), float(afternoons[order])), int(h), int(a))
            for order, (h, a) in enumerate(zip(home, away, strict=True))
        ]
        for sequence, (tipoff_at, h, a) in enumerate(sorted(games), start=1):
            tens, units = divmod(sequence, 10)  # the tens precede the date, so that ids of up to nine games are as before
            game_id = f"002{season[2:4]}{tens}{day_number + 1:03d}{units}"
            rest = int(rest_days[h]), int(rest_days[a])
            event_id = f"{stable_hash(seed, 'event', game_id):064x}"[:32]
            fixtures.append(Fixture(game_id, event_id, season, day, sequence, TEAMS[h], TEAMS[a], tipoff_at, *rest))
    return fixtures


def _tip_off(day: date, home: str, order: int, choice: int, afternoon: float) -> datetime:
    """Returns the tip-off in UTC: evening in the home team's time zone, or sometimes a weekend afternoon."""
    if day.weekday() >= 5 and order < 2 and afternoon < AFTERNOON_SHARE:
        hour, minute = AFTERNOON_TIP_OFF_TIMES[order]
    else:
        hour, minute = TIP_OFF_TIMES.get(CLUBS[home].zone.key, EASTERN_TIP_OFF_TIMES)[choice]
    return eastern(day, hour, minute)


def season_of_game_id(game_id: str) -> str | None:
    """Returns the season of a game id, None for an id of another league."""
    if len(game_id) != 10 or not game_id.isascii() or not game_id.isdigit() or not game_id.startswith("002"):
        return None
    return season_of(date(2000 + int(game_id[3:5]), 7, 1))
