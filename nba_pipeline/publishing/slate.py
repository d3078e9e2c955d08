"""The document of a slate, from the rows of a date. Pure functions of frames."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import polars as pl

from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.publishing.documents import Forecast, Game, Graded, Player, Record, Slate, State
from nba_pipeline.publishing.prices import DISPLAYED, Prices, displayed, is_published

PLAYER = ("game_id", "player_id", "market")
HALF = 0.5


@dataclass(frozen=True)
class SlateRows:
    """The rows of a date: its schedule, the newest prediction of each player and system, and the state of the date.

    `graded` has the latest grades of the date before, with `player_name` and `team`.
    """

    game_date: date
    as_of: datetime
    schedule: pl.DataFrame
    predictions: pl.DataFrame
    captures: pl.DataFrame
    """game_id and captured_at: the newest capture of lines."""
    graded: pl.DataFrame
    freshness: Mapping[str, datetime]
    status: Mapping[str, Any]
    """The state of the date and its reasons."""
    picks: pl.DataFrame
    """The published picks: game_id, player_id, market, recommendation and rank. A player has one row."""
    halt: str = ""
    """Why picks are halted; empty if they are not."""
    champion: str | None = None
    """The only system whose predictions may become picks; None if it is unknown."""
    is_simulated: bool = False


def slate_document(rows: SlateRows, prices: Prices, record: Record) -> Slate:
    """Returns the document of a slate. Values from which a line can be derived are omitted unless `prices` is all."""
    state, reasons = _state(rows)
    picks = {tuple(row[name] for name in PLAYER): row for row in rows.picks.iter_rows(named=True)} if prices == "all" else {}
    return Slate(
        game_date=rows.game_date,
        is_simulated=rows.is_simulated,
        state=state,
        state_reasons=reasons,
        is_halted=bool(rows.halt),
        halt_reason=rows.halt or None,
        champion=rows.champion,
        as_of=rows.as_of,
        prices=prices,
        games=_games(rows),
        players=_players(rows.predictions, picks, prices),
        freshness=dict(rows.freshness),
        yesterday=_yesterday(rows.graded, prices),
        record=record,
    )


def _state(rows: SlateRows) -> tuple[State, list[str]]:
    """Returns the state of the slate with its reasons. An empty slate always has a state other than ok."""
    played = rows.schedule.filter(pl.col("status") != OFF)
    if played.is_empty():
        return "no games", [] if rows.schedule.is_empty() else ["every game is postponed or canceled"]
    halt = [rows.halt] if rows.halt else []
    if rows.predictions.is_empty():
        return "pending", ["no player is predicted yet", *halt, *rows.status["reasons"]]
    is_degraded = rows.status["state"] in ("DEGRADED", "LATE", "FAILED", "WAIVED")
    reasons = [*halt, *(rows.status["reasons"] if is_degraded else [])]
    return "halted" if halt else "degraded" if is_degraded else "ok", reasons


def _games(rows: SlateRows) -> list[Game]:
    players = rows.predictions.group_by("game_id").agg(pl.col("player_id").n_unique().alias("players"))
    games = rows.schedule.join(players, on="game_id", how="left").join(rows.captures, on="game_id", how="left")
    return [
        Game(
            game_id=game["game_id"],
            home=game["home_team"],
            away=game["away_team"],
            tipoff_at=game["tipoff_at"],
            status=game["status"],
            players=game["players"] or 0,
            lines_captured_at=game["captured_at"],
        )
        for game in games.sort("tipoff_at", "game_id", nulls_last=True).iter_rows(named=True)
    ]


def _players(predictions: pl.DataFrame, picks: Mapping[tuple[Any, ...], Mapping[str, Any]], prices: Prices) -> list[Player]:
    """Returns the players, strongest displayed forecast first."""
    players = [
        _player(list(part.iter_rows(named=True)), picks.get(key, {}), prices)
        for key, part in predictions.sort(*PLAYER, "system_id").partition_by(PLAYER, maintain_order=True, as_dict=True).items()
    ]
    return sorted((player for player in players if player), key=lambda player: (-_value(player), player.name, player.player_id))


def _value(player: Player) -> float:
    return next(forecast.value for forecast in player.forecasts if forecast.system == player.displayed_system)


def _player(rows: Sequence[Mapping[str, Any]], pick: Mapping[str, Any], prices: Prices) -> Player | None:
    """Returns a player with his forecasts; None if no published system forecasts him."""
    published = [row for row in rows if is_published(row["system_id"], prices)]
    if not published:
        return None
    by_system = {row["system_id"]: row for row in published}
    shown = next((by_system[name] for name in displayed(prices) if name in by_system), published[0])
    line = _line(shown, prices)
    return Player(
        player_id=shown["player_id"],
        name=shown["player_name"],
        team=shown["team"],
        opponent=shown["opponent"],
        game_id=shown["game_id"],
        market=shown["market"],
        displayed_system=shown["system_id"],
        forecasts=[_forecast(row, line, prices) for row in published],
        line=line,
        is_actionable=shown["is_actionable"] if prices == "all" else None,
        pick=pick.get("recommendation"),
        pick_rank=pick.get("rank"),
        injury_status=shown["injury_status"],
        plays_probability=shown["plays_probability"],
        made_at=shown["made_at"],
        model_id=shown["model_id"],
        system_version=shown["system_version"],
        **_market_fields(shown, prices),
    )


def _line(row: Mapping[str, Any], prices: Prices) -> float | None:
    """Returns the line that may be published: the line of the book, or the consensus rounded to a half; None if no line may be."""
    if prices == "consensus":
        adjusted = row["adjusted_line"]
        return None if adjusted is None else round(adjusted / HALF) * HALF
    line: float | None = row["line"]
    return line if prices == "all" else None


def _forecast(row: Mapping[str, Any], line: float | None, prices: Prices) -> Forecast:
    return Forecast(
        system=row["system_id"],
        value=row["predicted_value"],
        standard_deviation=row["standard_deviation"],
        edge=row["edge"] if prices == "all" else None if line is None else round(row["predicted_value"] - line, 2),
        # the line lies between the forecasts of systems with opposite recommendations
        recommendation=row["recommendation"] if prices == "all" else None,
    )


def _market_fields(row: Mapping[str, Any], prices: Prices) -> dict[str, Any]:
    """Returns the fields about lines and prices: their values if prices are published, else nulls."""
    names = (
        "book",
        "price",
        "best_price",
        "best_price_book",
        "over_probability",
        "probability_reason",
        "market_over_probability",
    )
    if prices == "all":
        return {name: row[name] for name in names} | {"reasons": row["reasons"]}
    return dict.fromkeys(names) | {"probability_reason": "not published", "reasons": []}


def _yesterday(graded: pl.DataFrame, prices: Prices) -> list[Graded]:
    """Returns the graded predictions of the displayed system of the date before, losses included."""
    names = displayed(prices)
    rank = pl.col("system_id").replace_strict(
        {name: place for place, name in enumerate(names)}, return_dtype=pl.Int64, default=None
    )
    published = graded.filter(pl.lit(prices == "all") | (pl.col("system_id") != DISPLAYED[0]))
    shown = published.with_columns(rank.alias("rank")).sort("rank", "system_id", nulls_last=True)
    shown = shown.unique(PLAYER, keep="first", maintain_order=True).sort("predicted_value", "player_id", descending=[True, False])
    return [
        Graded(
            player_id=row["player_id"],
            name=row["player_name"],
            team=row["team"],
            market=row["market"],
            system=row["system_id"],
            forecast=row["predicted_value"],
            line=row["line"] if prices == "all" else None,
            recommendation=row["recommendation"] if prices == "all" else None,
            actual=None if row["actual_value"] is None else int(row["actual_value"]),
            outcome=row["outcome"] if prices == "all" else None,
        )
        for row in shown.iter_rows(named=True)
    ]
