"""What is known of a date: the facts from which `states` decides. Nothing is read or decided here."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.settings import SETTINGS


@dataclass(frozen=True)
class Game:
    """A game of a date. `problem` is why its box score is incomplete, empty for a complete one."""

    name: str
    status: str = "scheduled"
    tipoff_at: datetime | None = None
    problem: str = ""
    has_source: bool = True
    game_id: str = ""

    @property
    def is_played(self) -> bool:
        """Whether it is played on its date, as far as anybody knows."""
        return self.status != OFF


@dataclass(frozen=True)
class Failure:
    """Failed runs that should have made a table, and after which nothing made it."""

    runs: int
    reason: str


@dataclass(frozen=True)
class Facts:
    """What is known of a date.

    `rows` has None for a table that is not written, `usual` the tables that most slates before had rows of, `made_at` when
    Dagster saw a table made, for the dates that the reconciliation looks at.
    """

    game_date: date
    games: tuple[Game, ...] = ()
    rows: Mapping[str, int | None] = field(default_factory=dict)
    usual: frozenset[str] = frozenset()
    made_at: Mapping[str, datetime] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)
    ungraded: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    """Games without predictions and books without lines, as sentences."""
    missing: tuple[str, ...] = ()
    """Why a table has to be made again: landed and not loaded, or unreadable."""
    closed: tuple[str, ...] = ()
    """Why a ledger is closed."""
    stale: tuple[str, ...] = ()
    is_running: bool = False
    is_waived: bool = False
    is_of_the_home: bool = True
    """Whether the date is not older than what the home began with: before that, only a backfill makes a date."""
    has_slate: bool = True
    """Whether the home made slates by then: the features and predictions of earlier dates are a backfill's."""

    @property
    def tipoffs(self) -> list[datetime | None]:
        """Of the games that are played."""
        return [game.tipoff_at for game in self.games if game.is_played]

    @property
    def is_due(self) -> bool:
        """Whether anything is due of the date: of one before the home began, only once a backfill has made it."""
        return self.is_of_the_home or self.rows.get("boxscores") is not None

    @property
    def is_open(self) -> bool:
        """Whether enough final games have a complete box score."""
        final = [game for game in self.games if game.status == "final" and game.has_source]
        complete = sum(not game.problem for game in final)
        return not final or complete / len(final) >= SETTINGS.coverage.enough

    @property
    def is_held(self) -> bool:
        """Whether a closed coverage gate holds summaries and grades back."""
        return not self.is_open and not self.is_waived
