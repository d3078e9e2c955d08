"""Teams, players and statistics of a box score in the format of the content delivery network."""

from typing import Any

from nba_pipeline.sandbox.boxscores import PlayerGame
from nba_pipeline.sandbox.snapshots import LIVE, GameSnapshot
from nba_pipeline.sandbox.wire.refusal import Json, ratio


def box_team(
    snapshot: GameSnapshot,
    side: int,
    score: tuple[int, int],
    periods: tuple[int, ...],
    shown: list[PlayerGame],
    true: tuple[list[PlayerGame], ...],
) -> Json:
    """Returns score, periods, players and statistics of one side."""
    if score[side] != sum(periods):
        # after a correction: an even split, so that the periods still sum to the score
        each, remainder = divmod(score[side], max(snapshot.period, 1))
        periods = tuple(each + (number < remainder) for number in range(snapshot.period))
    return {
        "score": score[side],
        "inBonus": "0",
        "timeoutsRemaining": 0,
        "periods": [
            {"period": number, "periodType": "REGULAR" if number <= 4 else "OVERTIME", "score": points}
            for number, points in enumerate(periods, start=1)
        ],
        "players": [_box_player(snapshot, row, order) for order, row in enumerate(shown, start=1)],
        "statistics": _team_statistics(true[side], true[1 - side], score[side], score[1 - side]),
    }


def _box_player(snapshot: GameSnapshot, row: PlayerGame, order: int) -> Json:
    player: Json = {"status": row.status}
    if not row.did_play:
        player["notPlayingReason"] = row.not_playing_reason
        if row.not_playing_description:
            player["notPlayingDescription"] = row.not_playing_description
    player |= {"order": order, "personId": row.player.person_id, "jerseyNum": row.player.jersey_number}
    if row.is_starter:
        player["position"] = row.player.position
    return player | {
        "starter": "1" if row.is_starter else "0",
        "oncourt": "1" if row.is_starter and snapshot.status == LIVE else "0",
        "played": "1" if row.did_play else "0",
        "statistics": _player_statistics(row),
        "name": row.name,
        "nameI": f"{row.first_name[:1]}. {row.family_name}",
        "firstName": row.first_name,
        "familyName": row.family_name,
    }


def _shots(*, fgm: int, fga: int, fg3m: int, fg3a: int, ftm: int, fta: int) -> Json:
    return {
        "fieldGoalsAttempted": fga,
        "fieldGoalsMade": fgm,
        "fieldGoalsPercentage": ratio(fgm, fga),
        "freeThrowsAttempted": fta,
        "freeThrowsMade": ftm,
        "freeThrowsPercentage": ratio(ftm, fta),
        "threePointersAttempted": fg3a,
        "threePointersMade": fg3m,
        "threePointersPercentage": ratio(fg3m, fg3a),
        "twoPointersAttempted": fga - fg3a,
        "twoPointersMade": fgm - fg3m,
        "twoPointersPercentage": ratio(fgm - fg3m, fga - fg3a),
    }


def _player_statistics(row: PlayerGame) -> Json:
    return _shots(fgm=row.fgm, fga=row.fga, fg3m=row.fg3m, fg3a=row.fg3a, ftm=row.ftm, fta=row.fta) | {
        "assists": row.assists,
        "blocks": row.blocks,
        "blocksReceived": row.blocks_received,
        "foulsOffensive": 0,
        "foulsDrawn": row.fouls_drawn,
        "foulsPersonal": row.fouls,
        "foulsTechnical": 0,
        "minus": float(max(-row.plus_minus, 0)),
        "minutes": f"PT{row.seconds // 60:02d}M{row.seconds % 60:02d}.00S",
        "minutesCalculated": f"PT{round(row.seconds / 60):02d}M",
        "plus": float(max(row.plus_minus, 0)),
        "plusMinusPoints": float(row.plus_minus),
        "points": row.points,
        "pointsFastBreak": 0,
        "pointsInThePaint": 0,
        "pointsSecondChance": 0,
        "reboundsDefensive": row.dreb,
        "reboundsOffensive": row.oreb,
        "reboundsTotal": row.rebounds,
        "steals": row.steals,
        "turnovers": row.turnovers,
    }


def _team_statistics(rows: list[PlayerGame], opponents: list[PlayerGame], points: int, points_against: int) -> Json:
    def total(name: str, of: list[PlayerGame] = rows) -> int:
        return sum(int(getattr(row, name)) for row in of)

    fgm, fga, fg3m, fg3a, ftm, fta = map(total, ("fgm", "fga", "fg3m", "fg3a", "ftm", "fta"))
    attempts = round(fga + 0.44 * fta, 2)
    seconds = total("seconds")
    statistics: dict[str, Any] = _shots(fgm=fgm, fga=fga, fg3m=fg3m, fg3a=fg3a, ftm=ftm, fta=fta)
    return statistics | {
        "assists": total("assists"),
        "assistsTurnoverRatio": ratio(total("assists"), total("turnovers")),
        "benchPoints": sum(row.points for row in rows if not row.is_starter),
        "blocks": total("blocks"),
        "blocksReceived": total("blocks", opponents),
        "fieldGoalsEffectiveAdjusted": round((fgm + 0.5 * fg3m) / fga, 15) if fga else 0.0,
        "foulsDrawn": total("fouls", opponents),
        "foulsOffensive": 0,
        "foulsPersonal": total("fouls"),
        "foulsTeam": total("fouls"),
        "foulsTeamTechnical": 0,
        "foulsTechnical": 0,
        "minutes": f"PT{seconds // 60}M{seconds % 60:02d}.00S",
        "minutesCalculated": f"PT{round(seconds / 60)}M",
        "points": points,
        "pointsAgainst": points_against,
        "reboundsDefensive": total("dreb"),
        "reboundsOffensive": total("oreb"),
        "reboundsPersonal": total("rebounds"),
        "reboundsTeam": 0,
        "reboundsTeamDefensive": 0,
        "reboundsTeamOffensive": 0,
        "reboundsTotal": total("rebounds"),
        "steals": total("steals"),
        "trueShootingAttempts": attempts,
        "trueShootingPercentage": round(points / (2 * attempts), 15) if attempts else 0.0,
        "turnovers": total("turnovers"),
        "turnoversTeam": 0,
        "turnoversTotal": total("turnovers"),
    }
