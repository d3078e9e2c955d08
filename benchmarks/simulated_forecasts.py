"""The report of `nba-pipeline evaluate` on the simulated league, without a home: the gap of each system to the line.

The rows come from the league itself, not from its providers. Lines and injury statuses are those 30 minutes before tip-off.

    python benchmarks/simulated_forecasts.py [HISTORY FIRST LAST]      # dates; the lines are those of FIRST to LAST

SYSTEMS names the systems, separated by commas. REFIT_WEEKS=4 only trains every fourth week.
"""

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl

from nba_pipeline.assets.sources.team_boxscores import complete_with_sums
from nba_pipeline.audit.recompute import SOURCES, derive
from nba_pipeline.cli.evaluation_rendering import print_report
from nba_pipeline.evaluation.evaluate import Request, evaluate
from nba_pipeline.evaluation.source import Frames
from nba_pipeline.league.calendar import days
from nba_pipeline.sandbox import League
from nba_pipeline.sandbox.league import Game
from nba_pipeline.sandbox.roster import roster
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import SYSTEMS

HISTORY, FIRST, LAST = date(2025, 8, 1), date(2026, 3, 9), date(2026, 6, 28)
AS_OF = datetime(2027, 7, 1, tzinfo=UTC)
BEFORE_TIP_OFF = timedelta(minutes=30)
COUNTS = (
    "seconds", "points", "rebounds", "oreb", "dreb", "assists", "steals", "blocks", "turnovers", "fouls", "fgm", "fga", "fg3m",
    "fg3a", "ftm", "fta", "plus_minus",
)  # fmt: skip
Rows = Iterator[dict[str, Any]]


def schedule_rows(game: Game) -> Rows:
    yield {
        "season_type": "regular", "tipoff_at": game.tipoff_at, "tipoff_source": "nba_cdn", "home_team": game.teams[0],
        "away_team": game.teams[1], "is_neutral": False, "status": "final", "home_points": game.score[0],
        "away_points": game.score[1], "has_boxscore_source": True,
    }  # fmt: skip


def boxscore_rows(league: League, game: Game) -> Rows:
    for side, rows in enumerate(league.boxscore(game)):
        of_side = {"team": game.teams[side], "opponent": game.teams[1 - side], "is_home": side == 0}
        for row in rows:
            status = "played" if row.did_play else "dnp" if row.status == "ACTIVE" else "inactive"
            yield {
                **of_side, "player_id": row.player.person_id, "player_name": row.name, "did_play": row.did_play,
                "status": status, "reason": row.not_playing_reason or None, "is_starter": row.is_starter,
                "minutes": row.seconds / 60 if row.did_play else None, "minutes_precision": "exact",
                "team_points": game.score[side], "provider": "nba_cdn",
                **{name: getattr(row, name) if row.did_play else None for name in COUNTS},
            }  # fmt: skip


def injury_rows(league: League, game: Game) -> Rows:
    for team, report in zip(game.teams, league.injuries(game, game.tipoff_at, game.game_date), strict=True):
        for listed in report.listed_players:
            player = roster()[team][listed.slot]
            for instant, status in listed.timeline:
                if instant <= game.tipoff_at - BEFORE_TIP_OFF:
                    yield {
                        "team": team, "player_id": player.person_id, "spelling": player.name, "status": status,
                        "reason": listed.reason, "snapshot_at": instant, "seen_at": instant, "provider": "injury_report",
                        "tipoff_at": game.tipoff_at, "is_before_tipoff": True,
                    }  # fmt: skip


def line_rows(league: League, game: Game) -> Rows:
    at = game.tipoff_at - BEFORE_TIP_OFF
    for quote in league.lines(game, at):
        if quote.is_main:
            yield {
                "player_id": quote.player.person_id, "market": SETTINGS.lines.market, "book": quote.book, "line": quote.line,
                "line_half_points": int(2 * quote.line), "over_price": quote.over_price, "under_price": quote.under_price,
                "snapshot_at": quote.updated_at, "captured_at": at, "tipoff_at": game.tipoff_at, "is_before_tipoff": True,
            }  # fmt: skip


def world_of(league: League, history: date, first: date, last: date) -> Mapping[str, pl.DataFrame]:
    """Returns the source tables of the league from `history` to `last`, with lines from `first` on."""
    rows: dict[str, list[dict[str, Any]]] = {"schedule": [], "boxscores": [], "injuries": [], "prop_lines": []}
    for game in (game for day in days(history, last) for game in league.games(day)):
        key = {"game_date": game.game_date, "game_id": game.game_id, "season": game.fixture.season, "source": "sandbox"}
        parts = {
            "schedule": schedule_rows(game),
            "boxscores": boxscore_rows(league, game),
            "injuries": injury_rows(league, game),
            "prop_lines": line_rows(league, game) if game.game_date >= first else (),
        }
        for name, part in parts.items():
            rows[name] += [key | row for row in part]
    tables = {name: table.empty() for name, table in SOURCES.items()}
    tables |= {name: in_schema(part, tables[name].schema) for name, part in rows.items()}
    totals = complete_with_sums(tables["team_boxscores"], tables["boxscores"])
    return tables | {"team_boxscores": in_schema(totals.to_dicts(), tables["team_boxscores"].schema)}


def in_schema(rows: Sequence[Mapping[str, Any]], schema: pl.Schema) -> pl.DataFrame:
    return pl.DataFrame([[row.get(name) for name in schema] for row in rows], schema=schema, orient="row")


def main() -> None:
    history, first, last = (date.fromisoformat(text) for text in sys.argv[1:4]) if len(sys.argv) > 3 else (HISTORY, FIRST, LAST)
    start = time.perf_counter()
    world = world_of(League(), history, first, last)
    made = derive(world, world["schedule"]["game_date"].unique().sort().to_list(), AS_OF)
    summary = made["player_game_summary"].filter("did_play")
    print(f"league and features: {time.perf_counter() - start:.1f} s", file=sys.stderr, flush=True)
    every = [system.system_id for system in SYSTEMS]
    chosen = [name for name in every if name in os.environ.get("SYSTEMS", ",".join(every)).split(",")]
    source = Frames({"features": made["features"], "player_game_summary": summary, "prop_lines": world["prop_lines"]})
    with tempfile.TemporaryDirectory(prefix="evaluation-") as folder:
        request = Request(first, last, tuple(chosen), refit_weeks=int(os.environ.get("REFIT_WEEKS", "1")))
        print_report(evaluate(source, Path(folder), request))


if __name__ == "__main__":
    main()
