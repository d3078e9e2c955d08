"""The final box score of a game, from the results of its season."""

from dataclasses import dataclass

from nba_pipeline.sandbox.absences import (
    COACH_DECISION,
    INJURED,
    INJURIES,
    NOT_DRESSED,
    PLAYED,
    RESTED,
)
from nba_pipeline.sandbox.roster import Player, roster
from nba_pipeline.sandbox.simulation import Results

SHOTS = ("fgm", "fga", "fg3m", "fg3a", "ftm", "fta")
OTHER_COUNTS = ("seconds", "oreb", "dreb", "assists", "steals", "blocks", "turnovers", "fouls", "plus_minus")
REASONS = {
    PLAYED: ("ACTIVE", ""),
    COACH_DECISION: ("ACTIVE", "DNP_COACH"),
    NOT_DRESSED: ("INACTIVE", "INACTIVE_COACH"),
    RESTED: ("INACTIVE", "INACTIVE_COACH"),
    INJURED: ("INACTIVE", "INACTIVE_INJURY"),
}
"""Coded reason -> status and notPlayingReason of the NBA."""


@dataclass(slots=True)
class PlayerGame:
    """One row per game and player of the club, including players who did not play. Names have the displayed spelling."""

    player: Player
    name: str
    first_name: str
    family_name: str
    is_starter: bool
    did_play: bool
    status: str
    not_playing_reason: str
    not_playing_description: str
    seconds: int
    points: int
    fgm: int
    fga: int
    fg3m: int
    fg3a: int
    ftm: int
    fta: int
    oreb: int
    dreb: int
    rebounds: int
    assists: int
    steals: int
    blocks: int
    turnovers: int
    fouls: int
    plus_minus: int
    blocks_received: int = 0
    fouls_drawn: int = 0


Boxscore = tuple[list[PlayerGame], list[PlayerGame]]
"""Home and away rows: starters first, then by minutes, then players who did not play."""


def final_boxscore(results: Results, place: int, teams: tuple[str, str]) -> Boxscore:
    """Returns the rows of both clubs. `place` is the index of the game in the arrays of the season."""
    home, away = (_final_rows(results, place, side, team) for side, team in enumerate(teams))
    for rows, opponents in ((home, away), (away, home)):
        _set_received(rows, blocks=sum(row.blocks for row in opponents), fouls=sum(row.fouls for row in opponents))
    return home, away


def _final_rows(results: Results, place: int, side: int, team: str) -> list[PlayerGame]:
    columns = {
        name: array[place, side].tolist()
        for source, names in ((results.shooting, SHOTS), (results, OTHER_COUNTS))
        for name in names
        for array in (getattr(source, name),)
    }
    coded_reasons = results.reason[place, side].tolist()
    injuries = results.matchups.absences.injury[place, side].tolist()
    starters = results.is_starter[place, side].tolist()
    rows = []
    for player in roster()[team]:
        slot, reason = player.slot, coded_reasons[player.slot]
        status, not_playing_reason = REASONS[reason]
        counts = {name: column[slot] for name, column in columns.items()}
        rows.append(
            PlayerGame(
                player=player,
                name=player.name,
                first_name=player.first_name,
                family_name=player.family_name,
                is_starter=starters[slot],
                did_play=reason == PLAYED,
                status=status,
                not_playing_reason=not_playing_reason,
                not_playing_description=(INJURIES[injuries[slot]] if reason == INJURED else "Rest" if reason == RESTED else ""),
                points=2 * counts["fgm"] + counts["fg3m"] + counts["ftm"],
                rebounds=counts["oreb"] + counts["dreb"],
                **counts,
            )
        )
    return sorted(rows, key=lambda row: (not row.is_starter, not row.did_play, -row.seconds, row.player.slot))


def _set_received(rows: list[PlayerGame], *, blocks: int, fouls: int) -> None:
    """Distributes the opponents' blocks by missed shots, and their fouls by free throw trips, then by minutes."""
    trips = [(row.fta + 1) // 2 for row in rows]
    misses = [row.fga - row.fgm for row in rows]
    trip_fouls = _distribute(min(fouls, sum(trips)), trips)
    minute_fouls = _distribute(max(fouls - sum(trips), 0), [row.seconds for row in rows])
    for row, received, *drawn in zip(rows, _distribute(blocks, misses), trip_fouls, minute_fouls, strict=True):
        row.blocks_received, row.fouls_drawn = received, sum(drawn)


def _distribute(total: int, weights: list[int]) -> list[int]:
    """Returns integers that sum to the total, in proportion to the weights.

    An integer exceeds its weight only if the total exceeds the sum of the weights.
    """
    total_weight = sum(weights)
    shares = [total * weight // total_weight for weight in weights] if total_weight else [0] * len(weights)
    if total_weight:
        by_remainder = sorted(range(len(weights)), key=lambda place: -(total * weights[place] % total_weight))
        for place in by_remainder[: total - sum(shares)]:
            shares[place] += 1
    return shares
