"""Final box scores of the NBA: which landed responses are used, which are requested again, and their rows.

The caller decides when a landed response is due or doubtful. The use of the rows in a table belongs in the table's module.
"""

from collections.abc import Callable, Collection, Sequence, Set
from dataclasses import dataclass
from datetime import date, datetime

import polars as pl

from nba_pipeline.errors import Permanent, PipelineError
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.providers.nba_cdn_boxscore import is_final, parse_boxscore
from nba_pipeline.providers.nba_stats import NbaStats, parse_game_log
from nba_pipeline.providers.parsing import payloads_where
from nba_pipeline.tables.table import PROBLEM
from nba_pipeline.warehouse.payloads import Payload

EARLIER_IS_USED = "; using the final box score that landed earlier"
NO_ROWS = pl.DataFrame(schema=BOXSCORE_COLUMNS)


@dataclass(frozen=True)
class Rereading:
    """Decides which landed responses are requested again."""

    is_due: Callable[[datetime, datetime, date], bool]
    """(first fetched at, last fetched at, date of the game) -> whether a re-read is due."""
    doubtful_games: Callable[[pl.DataFrame, pl.DataFrame], Set[str]]
    """(games, rows) -> the games whose rows contradict the schedule or are implausible."""
    disputed: Collection[str] = ()
    """Ids of the games on which sources disagree."""


def cdn_boxscores(games: pl.DataFrame, nba_cdn: NbaCdn, rereading: Rereading) -> tuple[pl.DataFrame, dict[str, str]]:
    """Returns the final box scores of the games from the NBA's CDN, and a problem by game id.

    A landed final box score is used until its re-read is due. It is kept if the re-read fails or is not final; the problem
    then says so. A landed box score is read again at once if it is doubtful, disputed or without players. Requests are concurrent.
    """
    finals: dict[str, Payload] = {}
    problems: dict[str, str] = {}
    requests, used = list[tuple[str, date]](), list[tuple[str, date]]()
    for game_id, day in games.select("game_id", "game_date").iter_rows():
        landed = _finals(nba_cdn.landed_boxscores(game_id, day), nba_cdn, problems)
        if landed:
            finals[game_id] = landed[-1]
        is_requested = not landed or game_id in rereading.disputed
        if is_requested or rereading.is_due(landed[0].fetched_at, landed[-1].fetched_at, day):
            requests.append((game_id, day))
        else:
            used.append((game_id, day))
    rows = {game_id: _box_score(finals[game_id], nba_cdn, problems) for game_id, _ in used}
    doubtful = rereading.doubtful_games(games, once_per_player(pl.concat([NO_ROWS, *rows.values()])))
    without_players = {game_id for game_id, box in rows.items() if box.is_empty() and game_id not in problems}
    requests += [game for game in used if game[0] in doubtful | without_players]
    for (game_id, _), response in zip(requests, nba_cdn.boxscores(requests), strict=True):
        if isinstance(response, PipelineError):
            problems[game_id] = f"{response}{EARLIER_IS_USED if game_id in finals else ''}"
        elif _finals([response], nba_cdn, problems):
            finals[game_id] = response
            rows.pop(game_id, None)
        elif game_id in finals and game_id not in problems:
            problems[game_id] = f"the newest box score of game {game_id} is not final: {response.ref}{EARLIER_IS_USED}"
    rows |= {game_id: _box_score(finals[game_id], nba_cdn, problems) for game_id in finals if game_id not in rows}
    return once_per_player(pl.concat([NO_ROWS, *(rows[game_id] for game_id in finals)])), problems


def _finals(payloads: Sequence[Payload], nba_cdn: NbaCdn, problems: dict[str, str]) -> list[Payload]:
    """Returns the final box scores of a game. A payload that cannot be parsed is rejected and becomes the game's problem."""
    messages = list[str]()
    finals = payloads_where(is_final, payloads, nba_cdn.http.landing, messages)
    problems.update({payload.slot.entity: message for payload in payloads for message in messages})
    return finals


def _box_score(payload: Payload, nba_cdn: NbaCdn, problems: dict[str, str]) -> pl.DataFrame:
    """Returns the rows of a landed box score. If it cannot be parsed, returns no rows and records a problem."""
    try:
        return parse_boxscore(payload)
    except Permanent as error:
        nba_cdn.reject(payload, str(error))
        problems[payload.slot.entity] = str(error)
        return NO_ROWS


def game_log_boxscores(games: pl.DataFrame, nba_stats: NbaStats, rereading: Rereading) -> tuple[pl.DataFrame, dict[str, str]]:
    """Returns the rows of final games in the NBA's player game log, and a problem by date.

    A landed log is used unless it lacks a final game, contains a doubtful or disputed game, or its re-read is due. In these
    cases the log is requested again, once per date and season type.
    """
    logs = dict[tuple[date, str], pl.DataFrame]()
    problems: dict[str, str] = {}
    requests = list[tuple[date, str]]()
    final = games.filter(pl.col("status") == "final").sort("game_date", "season_type")
    for day, season_type in final.select("game_date", "season_type").unique(maintain_order=True).iter_rows():
        landed, of_day = nba_stats.landed_player_game_logs(day, season_type), games.filter(pl.col("game_date") == day)
        log = _game_log(landed[-1], of_day, nba_stats, problems) if landed else NO_ROWS
        expected = final.filter(pl.col("game_date") == day, pl.col("season_type") == season_type)
        logs[day, season_type], usable_log = log, log.filter(pl.col(PROBLEM).is_null())
        is_due = bool(landed) and rereading.is_due(landed[0].fetched_at, landed[-1].fetched_at, day)
        doubtful = set(expected["game_id"]).intersection(rereading.disputed) | rereading.doubtful_games(expected, usable_log)
        if is_due or doubtful or set(expected["game_id"]) - set(log["game_id"]):
            requests.append((day, season_type))
    for (day, season_type), response in zip(requests, nba_stats.player_game_logs(requests), strict=True):
        if isinstance(response, PipelineError):
            problems[str(day)] = str(response)
        else:
            problems.pop(str(day), None)
            logs[day, season_type] = _game_log(response, games.filter(pl.col("game_date") == day), nba_stats, problems)
    return once_per_player(pl.concat([NO_ROWS, *logs.values()])), problems


def _game_log(log: Payload, games: pl.DataFrame, nba_stats: NbaStats, problems: dict[str, str]) -> pl.DataFrame:
    try:
        return parse_game_log(log, games)
    except Permanent as error:
        nba_stats.reject(log, str(error))
        problems[str(log.game_date)] = str(error)
        return NO_ROWS


def once_per_player(rows: pl.DataFrame) -> pl.DataFrame:
    """Removes equal rows. Differing rows of the same player and game all get a problem and do not count for the game."""
    player = ["game_id", "player_id"]
    listed = pl.format(
        "{}: {} is listed {} times in game {}, for {}",
        "provider",
        "player_name",
        pl.len().over(player),
        "game_id",
        pl.col("team").sort().str.join(" and ").over(player),
    )
    is_double = pl.col("player_id").is_not_null() & (pl.len().over(player) > 1)
    return rows.unique(maintain_order=True).with_columns(pl.coalesce(PROBLEM, pl.when(is_double).then(listed)).alias(PROBLEM))
