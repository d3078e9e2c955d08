"""A play: one act of one player with the ball. A script: the inputs of all plays of a game."""

from dataclasses import dataclass, field
from random import Random

from nba_pipeline.sandbox.boxscores import Boxscore
from nba_pipeline.sandbox.play_by_play.stints import Stint


@dataclass(slots=True, eq=False)
class Play:
    """An act of one player with the ball, and the other players involved. Players are row indices of their side."""

    side: int
    kind: str  # shot, throws, turnover, foul or steal
    actor: int
    area: str = ""
    spot: tuple[int, int] = (0, 0)
    is_made: bool = False
    points: int = 0  # includes free throws
    throws: list[bool] = field(default_factory=list)
    is_technical: bool = False
    stint: int = -1
    companion: int | None = None  # player who assists, blocks or steals
    fouler: int | None = None
    rebounds: list[tuple[int, int]] = field(default_factory=list)  # side and row index

    @property
    def ends_with_miss(self) -> bool:
        """Whether the last shot or free throw missed, so that a rebound follows."""
        return not self.throws[-1] if self.throws else self.kind == "shot" and not self.is_made

    @property
    def keeps_ball(self) -> bool:
        """Whether the side keeps the ball."""
        return self.rebounds[-1][0] == self.side if self.rebounds else self.kind == "foul"


@dataclass(frozen=True)
class Script:
    """The inputs of a game's actions: the rows of both sides, the stints and the players on the court."""

    rng: Random
    box: Boxscore
    stints: list[Stint]
    lineups: tuple[list[list[int]], list[list[int]]]  # side, stint -> five row indices
    presence: tuple[list[list[int]], list[list[int]]]  # side, row index -> stints on the court

    def is_on_court(self, side: int, place: int, stint: int) -> bool:
        """Whether a player is on the court in a stint."""
        return place in self.lineups[side][stint]

    def take(self, side: int, units: list[int], stint: int, unlike: int | None = None) -> int | None:
        """Removes and returns one unit, preferably of a player on the court; None if all units belong to `unlike`."""
        lineup = self.lineups[side][stint]
        best = None
        for number, place in enumerate(units):
            if place != unlike:
                best = number
                if place in lineup:
                    break
        return None if best is None else units.pop(best)
