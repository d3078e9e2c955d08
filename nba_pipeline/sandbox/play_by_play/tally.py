"""The counts of the actions so far, and a box score of the same moment."""

from collections import Counter
from collections.abc import Iterable

from nba_pipeline.sandbox.boxscores import Boxscore
from nba_pipeline.sandbox.play_by_play.action_log import Action

COUNTS = (
    "fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "dreb", "assists", "steals", "blocks", "turnovers", "fouls",
    "blocks_received", "fouls_drawn",
)  # fmt: skip
"""Counts that the actions of a player sum to."""


def rewind(box: Boxscore, actions: Iterable[Action], progress: float) -> None:
    """Changes final rows to rows of a moment. Counts come from the actions so far; minutes and plus-minus are proportional."""
    rows = {row.player.person_id: row for rows in box for row in rows}
    for row in rows.values():
        row.seconds, row.plus_minus = int(row.seconds * progress), int(row.plus_minus * progress)
        for name in COUNTS:
            setattr(row, name, 0)
    for (person_id, name), count in tally(actions).items():
        setattr(rows[person_id], name, count)
    for row in rows.values():
        row.points = 2 * row.fgm + row.fg3m + row.ftm
        row.rebounds = row.oreb + row.dreb


def tally(actions: Iterable[Action]) -> Counter[tuple[int, str]]:
    """Returns (person id, name of a count) -> count."""
    counts: Counter[tuple[int, str]] = Counter()
    for action in actions:
        other = action.other.person_id if action.other else None
        names: list[str] = []
        if action.kind in ("2pt", "3pt"):
            names = ["fga"] + (["fg3a"] if action.kind == "3pt" else [])
            names += [{"fga": "fgm", "fg3a": "fg3m"}[name] for name in names] if action.is_made else []
            if other:
                counts[(other, "assists" if action.is_made else "blocks")] += 1
                names += [] if action.is_made else ["blocks_received"]
        elif action.kind == "freethrow":
            names = ["fta", "ftm"] if action.is_made else ["fta"]
        elif action.kind == "rebound":
            names = ["oreb" if action.subtype == "offensive" else "dreb"]
        elif action.kind in ("turnover", "steal", "foul"):
            names = [action.kind + "s"]
            if action.kind == "foul" and other:
                counts[(other, "fouls_drawn")] += 1
        for name in names:
            counts[(action.player.person_id, name)] += 1  # type: ignore[union-attr]  # these actions always have a player
    return counts
