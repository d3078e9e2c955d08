"""balldontlie: box scores of a date, the fallback for games without an NBA box score. Needs a key.

It has no NBA ids, and older seasons have no game ids. Games are matched by date and teams here; the asset matches players by
name. `min` is whole minutes as text: "00" means that a player did not play, or played for a few seconds.
"""

import re
from collections.abc import Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.errors import Permanent
from nba_pipeline.league.calendar import season_of_game_date
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.matching import match_games
from nba_pipeline.providers.parsing import Unusable, field_in, frame_of, object_in, objects_in, parser
from nba_pipeline.providers.request import Request
from nba_pipeline.providers.wire import (
    day_or_none,
    integer_or_none,
    is_rounded_to_minutes,
    minutes_fields,
    quoted,
    seconds_of,
    text_or_none,
)
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.payloads import Payload

PROVIDER = "balldontlie"
KEY_VARIABLE = "BALLDONTLIE_API_KEY"
PAGE_SIZE = 100
CURSOR = re.compile(r"[\w=+/.-]{1,80}")
"""Valid cursors. They become part of a file name."""

STATISTICS = {
    "points": "pts",
    "rebounds": "reb",
    "oreb": "oreb",
    "dreb": "dreb",
    "assists": "ast",
    "steals": "stl",
    "blocks": "blk",
    "turnovers": "turnover",
    "fouls": "pf",
    "fgm": "fgm",
    "fga": "fga",
    "fg3m": "fg3m",
    "fg3a": "fg3a",
    "ftm": "ftm",
    "fta": "fta",
}
"""Column -> field of the box score."""

PARSED_COLUMNS = {
    "game_date": pl.Date(),
    "home_team": pl.String(),
    "away_team": pl.String(),
    "period": pl.Int64(),
    "game_status": pl.String(),
    "team": pl.String(),
    "player_name": pl.String(),
    "did_play": pl.Boolean(),
    "seconds": pl.Int64(),
    "minutes": pl.Float64(),
    "minutes_precision": pl.String(),
    **dict.fromkeys(STATISTICS, pl.Int64()),
    "plus_minus": pl.Int64(),
    "team_points": pl.Int64(),
    "source": pl.String(),
    "problem": pl.String(),
}


class Balldontlie(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Client for api.balldontlie.io, https://docs.balldontlie.io. About 60 requests per minute; lists are paged by cursor."""

    http: dg.ResourceDependency[HttpClient]
    api_key: str = ""

    def box_scores(self, day: date) -> list[Payload]:
        """Returns all pages of a date's box scores. Each page is landed before the next is fetched.

        Raises Permanent without a key, for a repeated cursor and for too many pages, otherwise the errors of HttpClient.get.
        """
        pages, cursor, requested = list[Payload](), "", set[str]()
        for _ in range(SETTINGS.payloads.most_list_pages):
            requested.add(cursor)
            pages.append(self.http.get(self.box_scores_request(day, cursor)))
            cursor = next_cursor(pages[-1])
            if not cursor:
                return pages
            if cursor in requested:
                raise Permanent(f"{PROVIDER} box_scores of {day}: next_cursor {cursor} is repeated: {pages[-1].ref}")
        raise Permanent(f"{PROVIDER} box_scores of {day} has more than {len(pages)} pages: {pages[-1].ref}")

    def box_scores_request(self, day: date, cursor: str = "") -> Request:
        """Returns the request for one page of the box scores of an Eastern date."""
        if not self.api_key and not self.http.landing.sends_nothing:
            raise Permanent(f"{PROVIDER} requires a key: set {KEY_VARIABLE}")
        return Request(
            provider=PROVIDER,
            endpoint="box_scores",
            entity=f"page_{cursor or 'first'}",
            game_date=day,
            path="/v1/box_scores",
            params={"date": day.isoformat(), "per_page": str(PAGE_SIZE)} | ({"cursor": cursor} if cursor else {}),
            secret_headers={"Authorization": self.api_key},
            key_variable=KEY_VARIABLE,
            required_keys=("data",),
            parser=_read_page,
        )


def parse_boxscores(payloads: Sequence[Payload]) -> pl.DataFrame:
    """Returns one row per listed player of every final game. Absent players have `did_play` false and null statistics.

    Unusable rows have a `problem` that names field and value. Raises Permanent if the document has another structure.
    """
    return pl.concat([pl.DataFrame(schema=PARSED_COLUMNS), *map(_parse_page, payloads)])


@parser
def _parse_page(payload: Payload) -> pl.DataFrame:
    games = objects_in(payload.json(), "data")
    return frame_of([row for game in games if _is_final(game) for row in _rows(game, payload)], PARSED_COLUMNS)


def _read_page(payload: Payload) -> None:
    """Raises Permanent if the rows or the next cursor of a page cannot be read."""
    _parse_page(payload)
    next_cursor(payload)


def map_to_games(parsed: pl.DataFrame, schedule: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows in the columns of `boxscores`, with `game_id` matched by date and teams and `player_id` null.

    `schedule` needs game_id, game_date, home_team and away_team, and determines the home team. Rows without a game get a
    `problem`.
    """
    sides = schedule.select("game_id", "game_date", home="home_team", away="away_team")
    matched = match_games(parsed, schedule).rename({"game_date": "provider_date"}).join(sides, on="game_id", how="left")
    is_home = pl.col("team") == pl.coalesce("home", "home_team")
    no_game = pl.format("no game {} at {} on {}", "away_team", "home_team", pl.col("provider_date").dt.to_string())
    return (
        matched.with_columns(
            pl.coalesce("game_date", "provider_date").alias("game_date"),
            pl.lit(None, pl.Int64).alias("player_id"),
            pl.when(pl.col("team") == pl.col("home_team")).then("away_team").otherwise("home_team").alias("opponent"),
            is_home.alias("is_home"),
            pl.when("did_play").then(pl.lit("played")).otherwise(pl.lit("dnp")).alias("status"),
            pl.lit(None, pl.String).alias("reason"),
            pl.lit(None, pl.Boolean).alias("is_starter"),
            pl.lit(PROVIDER).alias("provider"),
            pl.coalesce("problem", pl.when(pl.col("game_id").is_null()).then(no_game)).alias("problem"),
        )
        .with_columns(season_of_game_date())
        .select(pl.col(c).cast(t) for c, t in BOXSCORE_COLUMNS.items())
    )


@parser
def next_cursor(payload: Payload) -> str:
    """Returns the cursor of the next page, empty after the last page."""
    document = payload.json()
    meta = document.get("meta") if isinstance(document, dict) else None
    cursor = object_in(document, "meta").get("next_cursor") if meta is not None else None
    if cursor is None:
        return ""
    if isinstance(cursor, bool) or not isinstance(cursor, (int, str)) or not CURSOR.fullmatch(str(cursor)):
        raise Unusable(f"next_cursor is {quoted(cursor)}")
    return str(cursor)


def _is_final(game: dict[str, Any]) -> bool:
    status = field_in(game, "status")
    if not isinstance(status, str):
        raise Unusable(f"status is {quoted(status)}")
    return status.strip().lower() == "final"


def _rows(game: dict[str, Any], payload: Payload) -> list[dict[str, Any]]:
    teams = {side: object_in(game, side) for side in ("home_team", "visitor_team")}
    codes = {side: text_or_none(team.get("abbreviation")) for side, team in teams.items()}
    people = [(side, player) for side, team in teams.items() for player in objects_in(team, "players")]
    clocks = {id(player): _clock(player) for _, player in people}
    played = [seconds for seconds in clocks.values() if seconds]
    is_rounded = not played or is_rounded_to_minutes(played)
    scores = {f"{side}_score": field_in(game, f"{side}_score") for side in teams}
    problems = [f"unknown team {quoted(teams[side].get('abbreviation'))}" for side, code in codes.items() if code not in TEAMS]
    problems += [f"{field} is {quoted(score)}" for field, score in scores.items() if integer_or_none(score) is None]
    problem = ", ".join(problems) or None
    return [
        {
            "game_date": payload.game_date or _date(game),
            "home_team": codes["home_team"],
            "away_team": codes["visitor_team"],
            "period": integer_or_none(game.get("period")),
            "game_status": "final",
            "team": codes[side],
            "team_points": integer_or_none(game.get(f"{side}_score")),
            "source": payload.ref,
            **_player(player, clocks[id(player)], is_rounded, problem),
        }
        for side, player in people
    ]


def _player(player: dict[str, Any], seconds: int | None, is_rounded: bool, problem: str | None) -> dict[str, Any]:
    names = [field_in(object_in(player, "player"), part) for part in ("first_name", "last_name")]
    name = " ".join(filter(None, map(text_or_none, names)))
    statistics = {column: integer_or_none(player.get(field)) for column, field in STATISTICS.items()}
    did_play = bool(seconds) or any(statistics.values())
    problems = [f"{STATISTICS[c]} is {quoted(player.get(STATISTICS[c]))}" for c, value in statistics.items() if value is None]
    if did_play and seconds is None:
        problems.append(f"min is {quoted(player.get('min'))}")
    row = {"player_name": name, "did_play": did_play, **minutes_fields(seconds if did_play else None, is_rounded)}
    row |= statistics if did_play else dict.fromkeys(STATISTICS)
    row["plus_minus"] = integer_or_none(player.get("plus_minus")) if did_play else None
    if row["plus_minus"] is None and player.get("plus_minus") is not None:  # older seasons have none
        problems.append(f"plus_minus is {quoted(player['plus_minus'])}")
    problems += [f"name is {quoted(names)}"] if not name or not all(isinstance(part, str | None) for part in names) else []
    unusable = f"{', '.join(problems)} of {name or 'a player without a name'}" if problems and did_play else None
    row["problem"] = problem or unusable
    return row


def _date(game: dict[str, Any]) -> date | None:
    try:
        return day_or_none(date.fromisoformat(str(game.get("date"))[:10]))
    except ValueError:
        raise Unusable(f"date is {quoted(game.get('date'))}") from None


def _clock(player: dict[str, Any]) -> int | None:
    value = player.get("min")
    return seconds_of(str(value)) if value is not None else None
