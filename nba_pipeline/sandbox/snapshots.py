"""A game and its box score as seen at an instant."""

from dataclasses import dataclass
from datetime import date, datetime

from nba_pipeline.sandbox.boxscores import Boxscore
from nba_pipeline.sandbox.clubs import CLUBS, Club
from nba_pipeline.sandbox.league import OVERTIME_SECONDS, QUARTER_SECONDS, Game

SCHEDULED, LIVE, FINAL = 1, 2, 3


@dataclass(frozen=True, slots=True)
class GameSnapshot:
    """A game at an instant. `state` follows the clock, `status` is the value shown; `progress` is 0-1."""

    game: Game
    tipoff_at: datetime
    game_date: date
    state: int
    status: int
    is_postponed: bool
    progress: float

    @property
    def clubs(self) -> tuple[Club, Club]:
        """The home and away clubs."""
        home, away = self.game.teams
        return CLUBS[home], CLUBS[away]

    @property
    def code(self) -> str:
        """Date and tricodes, away team first: 20241204/DENBOS."""
        home, away = self.game.teams
        return f"{self.game_date:%Y%m%d}/{away}{home}"

    @property
    def seconds_played(self) -> float:
        """Seconds of game clock since tip-off. Breaks are spread evenly over the game."""
        return self.progress * self.game.seconds

    @property
    def period(self) -> int:
        """The current quarter or overtime, 0 before tip-off."""
        if self.status == SCHEDULED:
            return 0
        if self.state == FINAL:
            return 4 + self.game.overtimes
        played = int(self.seconds_played)
        quarter, overtime = 1 + played // QUARTER_SECONDS, 5 + (played - 4 * QUARTER_SECONDS) // OVERTIME_SECONDS
        return quarter if quarter <= 4 else overtime

    @property
    def period_seconds_left(self) -> int:
        """Seconds of game clock left in the period, 0 unless in play."""
        if self.state != LIVE:
            return 0
        overtimes = max(self.period - 4, 0)
        return int((self.period - overtimes) * QUARTER_SECONDS + overtimes * OVERTIME_SECONDS - self.seconds_played)

    @property
    def clock_text(self) -> str:
        """Minutes and seconds left in the period."""
        return f"{self.period_seconds_left // 60}:{self.period_seconds_left % 60:02d}"


@dataclass(frozen=True)
class BoxscoreSnapshot:
    """Home and away rows. `shown` includes row faults; `true` does not, and is the source of team totals."""

    shown: Boxscore
    true: Boxscore
