"""Adds the other players to the plays: assists, blocks, steals, fouls and rebounds by players on the court."""

from random import Random

from nba_pipeline.sandbox.boxscores import PlayerGame
from nba_pipeline.sandbox.play_by_play.plays import anywhere
from nba_pipeline.sandbox.play_by_play.script import Play, Script
from nba_pipeline.sandbox.shot_zones import (
    MID_RANGE,
    PAINT,
    RIM,
    THREES,
)

ASSIST_WEIGHT = {RIM: 1.0, PAINT: 0.6, MID_RANGE: 0.5} | dict.fromkeys(THREES, 1.9)
BLOCK_WEIGHT = {RIM: 1.0, PAINT: 0.7, MID_RANGE: 0.15} | dict.fromkeys(THREES, 0.05)


def add_companions(script: Script, side: int, plays: list[Play]) -> None:
    """Adds the other players to the plays of a side: assists, blocks, steals, fouls and rebounds."""
    own = [play for play in plays if play.side == side]
    _add_assists(script, side, [play for play in own if play.kind == "shot" and play.is_made])
    _add_blocks(script, side, [play for play in own if play.kind == "shot" and not play.is_made])
    plays += _add_steals(script, side, [play for play in own if play.kind == "turnover"])
    plays += _add_fouls(script, side, [play for play in own if play.throws])
    _add_rebounds(script, side, [play for play in own if play.ends_with_miss])


def _units(rng: Random, rows: list[PlayerGame], name: str) -> list[int]:
    """Returns each row index as often as the row counts, in random order."""
    units = [place for place, row in enumerate(rows) for _ in range(getattr(row, name))]
    rng.shuffle(units)
    return units


def _weighted_order(rng: Random, plays: list[Play], weight: dict[str, float]) -> list[Play]:
    """Returns the plays in random order; areas with larger weights tend to come first."""
    return sorted(plays, key=lambda play: rng.random() ** (1 / weight[play.area]), reverse=True)


def _add_assists(script: Script, side: int, made_shots: list[Play]) -> None:
    """Adds assists by teammates. If only the scorer has assists left, swaps with the assist of another player's shot."""
    units = _units(script.rng, script.box[side], "assists")
    ordered = _weighted_order(script.rng, made_shots, ASSIST_WEIGHT)
    unassisted = []
    for shot in ordered[: len(units)]:
        shot.companion = script.take(side, units, shot.stint, unlike=shot.actor)
        if shot.companion is None:
            unassisted.append(shot)
    for shot, assister in zip(unassisted, units, strict=True):
        other_shot = next(play for play in ordered if assister not in (play.actor, play.companion))
        shot.companion, other_shot.companion = other_shot.companion, assister


def _add_blocks(script: Script, side: int, missed: list[Play]) -> None:
    blockers = _units(script.rng, script.box[1 - side], "blocks")
    remaining = [row.blocks_received for row in script.box[side]]
    for shot in _weighted_order(script.rng, missed, BLOCK_WEIGHT):
        if remaining[shot.actor]:
            remaining[shot.actor] -= 1
            shot.companion = script.take(1 - side, blockers, shot.stint)


def _add_steals(script: Script, side: int, turnovers: list[Play]) -> list[Play]:
    """Adds steals to turnovers. Returns separate plays for the remaining steals."""
    stealers = _units(script.rng, script.box[1 - side], "steals")
    script.rng.shuffle(turnovers)
    for play in turnovers:
        play.companion = script.take(1 - side, stealers, play.stint)
    return [
        Play(1 - side, "steal", place, *anywhere(script.rng), stint=script.rng.choice(script.presence[1 - side][place]))
        for place in stealers
    ]


def _add_fouls(script: Script, side: int, with_throws: list[Play]) -> list[Play]:
    """Adds fouls to free throws. Returns separate plays for the remaining fouls."""
    rng = script.rng
    foulers = _units(rng, script.box[1 - side], "fouls")
    remaining_numbers = [row.fouls_drawn for row in script.box[side]]
    for play in with_throws:
        if remaining_numbers[play.actor] and not play.is_technical:
            remaining_numbers[play.actor] -= 1
            play.fouler = script.take(1 - side, foulers, play.stint)
    fouled_players = [place for place, count in enumerate(remaining_numbers) for _ in range(count)]
    separate_plays = []
    for fouled_player in fouled_players:
        stint = rng.choice(script.presence[side][fouled_player])
        separate_plays.append(
            Play(side, "foul", fouled_player, *anywhere(rng), stint=stint, fouler=script.take(1 - side, foulers, stint))
        )
    return separate_plays


def _add_rebounds(script: Script, side: int, missed: list[Play]) -> None:
    """Adds one rebound per miss. Remaining rebounds follow another rebound."""
    rng = script.rng
    units = [(side, place) for place in _units(rng, script.box[side], "oreb")]
    units += [(1 - side, place) for place in _units(rng, script.box[1 - side], "dreb")]
    rng.shuffle(units)
    while units:
        rng.shuffle(missed)
        for play in missed[: len(units)]:
            on_court = (n for n, unit in enumerate(units) if script.is_on_court(*unit, play.stint))
            play.rebounds.append(units.pop(next(on_court, -1)))
