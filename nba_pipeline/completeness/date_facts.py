"""The facts about a date from which `states` derives its state. Reads and decides nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime

from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.settings import SETTINGS


@dataclass(frozen=True)
class Game:
    """A game of a date. `problem` is why its box score is incomplete; empty if it is complete."""

    name: str
    status: str = "scheduled"
    tipoff_at: datetime | None = None
    problem: str = ""
    has_source: bool = True
    game_id: str = ""

    @property
    def is_played(self) -> bool:
        """Whether the game is played on its date, by the schedule."""
        return self.status != OFF


@dataclass(frozen=True)
class Failure:
    """Failed runs of a table that no later run has materialized."""

    runs: int
    reason: str
    resume: str = ""
    """The command that continues a backfill that a person interrupted; empty for another failure."""
    own_step: str = ""
    """What helps if the reconciliation does not, such as a restart; else empty."""
    run_id: str = field(default="", compare=False)
    cause: str = field(default="", compare=False)
    """Why the run failed. Runs with the same cause share one reason."""


@dataclass(frozen=True)
class Facts:
    """The facts about a date.

    `rows` is None for a table that is not written. `usual` holds the tables with rows on most earlier slates. `materialized_at`
    holds the instants of the last materializations, only for the dates that the reconciliation covers.
    """

    game_date: date
    games: tuple[Game, ...] = ()
    rows: Mapping[str, int | None] = field(default_factory=dict)
    usual: frozenset[str] = frozenset()
    materialized_at: Mapping[str, datetime] = field(default_factory=dict)
    failures: Mapping[str, Failure] = field(default_factory=dict)
    ungraded: tuple[str, ...] = ()
    gaps: tuple[str, ...] = ()
    """Messages about games without predictions."""
    missing: tuple[str, ...] = ()
    """Why a table must be materialized again: its payloads are landed but not loaded, or it is unreadable."""
    closed: tuple[str, ...] = ()
    """Why a ledger is closed."""
    stale: tuple[str, ...] = ()
    is_running: bool = False
    is_waived: bool = False
    is_within_home: bool = True
    """False before the first date of the home. Only a backfill writes earlier dates."""
    not_begun: frozenset[str] = frozenset()
    """Tables of the record whose first date is later, so that only a backfill writes them."""
    has_slate: bool = True
    """False before the first predicted slate. Only a backfill writes earlier features and predictions."""
    line_gaps: tuple[str, ...] = ()
    """Messages about games and usual books without lines."""
    games_without_lines: tuple[str, ...] = ()
    """The games that lack a line of `prop_lines`, once the table is written."""
    unknown_statuses: int = 0
    """Number of expected players whose injury status is unknown."""
    first_backfill: str = ""
    """The backfill with which a new home begins; empty in a home with a history."""
    waits_for: date | None = None
    """The first earlier date whose incomplete box scores close the slate; None unless a run failed because of it."""

    @property
    def tipoffs(self) -> list[datetime | None]:
        """The tip-offs of the games that are played, UTC. None: unknown."""
        return [game.tipoff_at for game in self.games if game.is_played]

    @property
    def own_step(self) -> str:
        """What completes the date if the reconciliation does not; else empty."""
        return next((step for one in self.failures.values() if (step := one.resume or one.own_step)), "")

    @property
    def has_incomplete_game(self) -> bool:
        """Whether a played game is not final or lacks a complete box score, due or not."""
        return any(game.has_source and (game.status != "final" or bool(game.problem)) for game in self.games if game.is_played)

    @property
    def is_due(self) -> bool:
        """Whether tables of the date can be due. Before the first date of the home, they are due only after a backfill."""
        return self.is_within_home or self.rows.get("boxscores") is not None

    @property
    def is_open(self) -> bool:
        """Whether enough final games have a complete box score."""
        final = [game for game in self.games if game.status == "final" and game.has_source]
        complete = sum(not game.problem for game in final)
        return not final or complete / len(final) >= SETTINGS.coverage.enough

    @property
    def is_blocked(self) -> bool:
        """Whether a closed coverage gate blocks summaries and grades."""
        return not self.is_open and not self.is_waived
