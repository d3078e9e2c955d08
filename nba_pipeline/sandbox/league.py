"""The league: games, box scores and lines, a pure function of the arguments of `League`."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache
from threading import Lock

from nba_pipeline.league.calendar import eastern_date, season_of
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox.boxscores import Boxscore, final_boxscore
from nba_pipeline.sandbox.injuries import ClubReport, club_reports
from nba_pipeline.sandbox.lines import GameQuote, Quote, game_line_quotes, game_quotes
from nba_pipeline.sandbox.outlooks import Outlook, outlooks
from nba_pipeline.sandbox.schedule import Fixture, season_of_game_id, season_schedule
from nba_pipeline.sandbox.simulation import Results, simulate

SEASONS_IN_MEMORY = 6
GAMES_IN_MEMORY = 4096
GAME_MINUTES = 150  # wall-clock minutes
QUARTER_SECONDS, OVERTIME_SECONDS = 12 * 60, 5 * 60  # of game clock


@dataclass(frozen=True)
class Game:
    """A game with its result, which must stay hidden until the clock has passed it. Instants are UTC; side 0 is home."""

    fixture: Fixture
    ends_at: datetime
    score: tuple[int, int]
    overtimes: int
    period_scores: tuple[tuple[int, ...], tuple[int, ...]]
    place: int  # index in the season's arrays

    @property
    def game_id(self) -> str:
        """The NBA game id, ten digits."""
        return self.fixture.game_id

    @property
    def game_date(self) -> date:
        """The US Eastern date."""
        return self.fixture.game_date

    @property
    def tipoff_at(self) -> datetime:
        """The scheduled tip-off, UTC."""
        return self.fixture.tipoff_at

    @property
    def teams(self) -> tuple[str, str]:
        """Tricodes, home first."""
        return self.fixture.home, self.fixture.away

    @property
    def seconds(self) -> int:
        """Seconds of game clock, including overtimes."""
        return 4 * QUARTER_SECONDS + self.overtimes * OVERTIME_SECONDS


@dataclass(frozen=True)
class Season:
    """The games and results of one season."""

    games: tuple[Game, ...]
    by_id: dict[str, Game]
    by_event: dict[str, Game]
    by_date: dict[date, tuple[Game, ...]]
    results: Results


@lru_cache(maxsize=SEASONS_IN_MEMORY)
def _season_results(seed: int, season: str, clubs: int, games_per_date: int | None) -> tuple[list[Fixture], Results]:
    # shared by all leagues of the process, so that a run with its own sandbox does not simulate the season again
    fixtures = season_schedule(seed, season, clubs, games_per_date)
    return fixtures, simulate(seed, season, fixtures)


@lru_cache(maxsize=GAMES_IN_MEMORY)
def _reports(
    seed: int, clubs: int, games_per_date: int | None, fixture: Fixture, place: int, tipoff_at: datetime, game_date: date
) -> tuple[ClubReport, ClubReport]:
    absences = _season_results(seed, fixture.season, clubs, games_per_date)[1].matchups.absences
    return club_reports(seed, fixture, absences, place, tipoff_at, game_date)


class League:
    """Thirty clubs of invented players with games on every day of the year.

    Leagues with equal arguments are equal in any process. A date in `no_game_dates` has no games; other games do not change.
    A league with another number of clubs or of games per date has its own schedule.
    """

    def __init__(
        self,
        seed: int = 7,
        game_minutes: float = GAME_MINUTES,
        no_game_dates: frozenset[date] = frozenset(),
        clubs: int = len(TEAMS),
        games_per_date: int | None = None,
    ) -> None:
        self.seed = seed
        self.teams = TEAMS[:clubs]
        self.game_length = timedelta(minutes=game_minutes)
        self.no_game_dates = no_game_dates
        self.games_per_date = games_per_date
        self._lock = Lock()
        self._seasons: dict[str, Season] = {}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, League) and self._arguments == other._arguments

    def __hash__(self) -> int:
        return hash(self._arguments)

    @property
    def _arguments(self) -> tuple[int, timedelta, frozenset[date], int, int | None]:
        return self.seed, self.game_length, self.no_game_dates, len(self.teams), self.games_per_date

    def season(self, name: str) -> Season:
        """Returns the season named "2024-25". The first call simulates it, which takes about 0.3 s."""
        with self._lock:
            if name not in self._seasons:
                self._seasons[name] = self._play_season(name)
            return self._seasons[name]

    def games(self, day: date) -> tuple[Game, ...]:
        """Returns the games of an Eastern date in order of tip-off."""
        return self.season(season_of(day)).by_date.get(day, ())

    def game(self, game_id: str) -> Game | None:
        """Returns the game with this id, None if it does not exist."""
        season = season_of_game_id(game_id)
        return self.season(season).by_id.get(game_id) if season else None

    def boxscore(self, game: Game) -> Boxscore:
        """Returns the final box score as new rows that the caller may change."""
        return final_boxscore(self.season(game.fixture.season).results, game.place, game.teams)

    def lines(self, game: Game, at: datetime, tipoff_at: datetime | None = None) -> list[Quote]:
        """Returns the player quotes at an instant: none before the books open, the last ones after tip-off.

        Pass `tipoff_at` for a game that was moved.
        """
        tipoff_at = tipoff_at or game.tipoff_at
        return game_quotes(self.seed, game.fixture, self._outlooks(game, tipoff_at), at, tipoff_at)

    def game_lines(self, game: Game, at: datetime, tipoff_at: datetime | None = None) -> list[GameQuote]:
        """Returns the quotes for spread, total and winner at an instant, with the arguments of `lines`."""
        tipoff_at = tipoff_at or game.tipoff_at
        return game_line_quotes(self.seed, game.fixture, self._outlooks(game, tipoff_at), at, tipoff_at)

    def injuries(self, game: Game, tipoff_at: datetime, game_date: date) -> tuple[ClubReport, ClubReport]:
        """Returns the injury reports of home and away for the current tip-off and date."""
        return _reports(self.seed, len(self.teams), self.games_per_date, game.fixture, game.place, tipoff_at, game_date)

    def _outlooks(self, game: Game, tipoff_at: datetime) -> list[Outlook]:
        results = self.season(game.fixture.season).results
        return list(outlooks(results, game.place, game.teams, lambda: self.injuries(game, tipoff_at, eastern_date(tipoff_at))))

    def _play_season(self, name: str) -> Season:
        fixtures, results = _season_results(self.seed, name, len(self.teams), self.games_per_date)
        scores, periods = results.shooting.score.tolist(), results.period_scores.tolist()
        overtimes = results.overtimes.tolist()
        games = tuple(
            Game(
                fixture=fixture,
                ends_at=fixture.tipoff_at + self.game_length,
                score=(scores[place][0], scores[place][1]),
                overtimes=overtimes[place],
                period_scores=(
                    tuple(periods[place][0][: 4 + overtimes[place]]),
                    tuple(periods[place][1][: 4 + overtimes[place]]),
                ),
                place=place,
            )
            for place, fixture in enumerate(fixtures)
            if fixture.game_date not in self.no_game_dates
        )
        by_date: dict[date, list[Game]] = {}
        for game in games:
            by_date.setdefault(game.game_date, []).append(game)
        return Season(
            games=games,
            by_id={game.game_id: game for game in games},
            by_event={game.fixture.event_id: game for game in games},
            by_date={day: tuple(games_of_day) for day, games_of_day in by_date.items()},
            results=results,
        )
