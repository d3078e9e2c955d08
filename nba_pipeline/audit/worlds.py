"""Copies of the source tables with facts of known instants removed, altered, added or replaced by nonsense.

A world maps table names to source tables sorted by `game_date`, so that the rows before a date are a slice. Alterations
stay consistent: box scores still sum to the score of the game. An incomplete game would be excluded from every window, and
a leak would not show.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from nba_pipeline.assets.sources.team_boxscores import sum_players
from nba_pipeline.audit.recompute import SOURCES, World
from nba_pipeline.settings import SETTINGS

DAYS_OF_ABSURDITY = 14
"""Days of nonsense data after the date; later dates have no rows. Longer than any window could look ahead."""

BEYOND_ANY_ACTION = 1_000_000
"""First order number of added actions."""

WILD_LINE = 47.5
WILD_TOTAL, WILD_SPREAD = 279.5, -24.5
"""Within the valid ranges of the features; values outside would become null."""

MINUTES_INTO_THE_GAME = 30
NEXT_NOON = timedelta(hours=36)
PLAYER = ["game_id", "player_id"]
POINTS_PER_THREE = 3


def ordered(world: World) -> World:
    """Returns the sources of a world, sorted by date."""
    return {name: world[name].sort("game_date", maintain_order=True) for name in SOURCES}


def before(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """Returns the rows before a date. The frame must be sorted by date."""
    return frame.head(_place(frame, day))


def since(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """Returns the rows on or after a date. The frame must be sorted by date."""
    return frame.slice(_place(frame, day))


def between(frame: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Returns the rows between two dates, both included. The frame must be sorted by date."""
    start = _place(frame, first)
    return frame.slice(start, _place(frame, last + timedelta(days=1)) - start)


def first_tipoff(world: World, day: date) -> datetime | None:
    """Returns the first scheduled tip-off of a date, or None if a game has no tip-off time."""
    tipoffs = between(world["schedule"], day, day).filter(pl.col("status") != "postponed")["tipoff_at"]
    first = None if tipoffs.has_nulls() or tipoffs.is_empty() else tipoffs.min()
    return first if isinstance(first, datetime) else None


def is_quiet(world: World, day: date, border: datetime) -> bool:
    """Whether no snapshot became known between the border and the tip-off of its game."""
    by_then, by_tipoff = _known_before(world, day, border), _known_before(world, day, None)
    return all(by_then[name].height == by_tipoff[name].height for name in by_then)


def gone(world: World, day: date, border: datetime | None = None) -> World:
    """Removes everything that became known at or after the border; without a border, at or after the tip-off of each game.

    The date keeps its schedule, without results, and the snapshots with known instants before the border. Later dates have
    no rows. Without a border, a game with an unknown tip-off keeps no snapshots.
    """
    known = _known_before(world, day, border)
    games = between(world["schedule"], day, day)
    is_played = pl.col("status").is_in(["final", "live", "suspended"])
    to_come = games.with_columns(
        pl.when(is_played).then(pl.lit("scheduled")).otherwise("status").alias("status"),
        pl.lit(None, pl.String).alias("status_text"), *_nulls("home_points", "away_points"),
    )  # fmt: skip
    return {name: _after(world[name], day, {"schedule": to_come, **known}.get(name)) for name in SOURCES}


def absurd(world: World, day: date) -> World:
    """Replaces everything that became known at or after tip-off with nonsense, on the date and the 14 days after it.

    Other players took part, with different values in every column. Scores, totals and play-by-play agree with them. Later
    snapshots have extreme lines, list everyone as out, and give every team a roster of strangers.
    """
    last = day + timedelta(days=DAYS_OF_ABSURDITY)
    games, boxscores = between(world["schedule"], day, last), between(world["boxscores"], day, last)
    today, known = between(world["schedule"], day, day), _known_before(world, day, None)
    boxes = _absurd_boxes(boxscores)
    people = _people_of(between(world["boxscores"], day, day), between(world["prop_lines"], day, day))
    made: dict[str, pl.DataFrame] = {
        "boxscores": boxes,
        "team_boxscores": _like(world["team_boxscores"], sum_players(boxes)),
        "play_by_play": _like(world["play_by_play"], actions_of(boxes)),
        "schedule": _with_scores(games, boxes),
        "rosters": _later_rosters(known["rosters"], today),
        "waivers": between(world["waivers"], day, last),
        **{name: pl.concat([known[name], rows]) for name, rows in _in_play(world, today, people).items()},
    }
    return {name: _after(world[name], day, made[name]) for name in SOURCES}


def with_more_threes(world: World, rows: pl.DataFrame) -> World:
    """Adds `threes` made threes to box-score rows (game_id, player_id). Scores, totals and actions stay consistent."""
    scored = rows.select(*PLAYER, "threes").join(world["boxscores"].select(*PLAYER, "team", "game_date"), on=PLAYER)
    of_team = scored.group_by("game_id", "team").agg(pl.col("threes").sum().alias("team_threes"))
    own, team = pl.col("threes").fill_null(0), pl.col("team_threes").fill_null(0)
    shots = ("fgm", "fga", "fg3m", "fg3a")
    boxes = (
        world["boxscores"].join(scored.select(*PLAYER, "threes"), on=PLAYER, how="left", maintain_order="left")
        .join(of_team, on=["game_id", "team"], how="left", maintain_order="left")
        .with_columns(
            *[pl.col(name) + own for name in shots], pl.col("points") + POINTS_PER_THREE * own,
            pl.col("team_points") + POINTS_PER_THREE * team,
        )
        .drop("threes", "team_threes")
    )  # fmt: skip
    totals = (
        world["team_boxscores"].join(of_team, on=["game_id", "team"], how="left", maintain_order="left")
        .with_columns(*[pl.col(name) + team for name in shots], pl.col("points") + POINTS_PER_THREE * team)
        .drop("team_threes")
    )  # fmt: skip
    schedule = world["schedule"]
    for side in ("home", "away"):
        here = of_team.rename({"team": f"{side}_team"})
        schedule = (
            schedule.join(here, on=["game_id", f"{side}_team"], how="left", maintain_order="left")
            .with_columns(pl.col(f"{side}_points") + POINTS_PER_THREE * team)
            .drop("team_threes")
        )
    actions = _with_actions(world["play_by_play"], scored)
    return {**world, "boxscores": boxes, "team_boxscores": totals, "schedule": schedule, "play_by_play": actions}


def with_snapshots_in_play(world: World) -> World:
    """Adds lines, game lines and injury reports at and after tip-off for all players with a box score or a line.

    The mark is false, as on arrival, for some rows and wrongly unknown for others. Rows with an unknown instant are also
    added; they must not count as pregame.
    """
    people = _people_of(world["boxscores"], world["prop_lines"])
    added = _in_play(world, world["schedule"], people)
    return {**world, **{name: _joined(world[name], rows) for name, rows in added.items()}}


def with_lines_just_before(world: World, people: pl.DataFrame, line: float) -> World:
    """Adds one line per player (game_id, player_id, game_date, tipoff_at), 1 s before a known tip-off."""
    rows = _just_before(people).with_columns(*_prop_line(line))
    return {**world, "prop_lines": _joined(world["prop_lines"], rows)}


def with_game_lines_just_before(world: World, games: pl.DataFrame) -> World:
    """Adds one total and one spread per game (game_id, game_date, tipoff_at), 1 s before a known tip-off."""
    return {**world, "game_lines": _joined(world["game_lines"], _game_lines(_just_before(games)))}


def with_reports_just_before(world: World, people: pl.DataFrame, status: str) -> World:
    """Adds one report with this status per player (game_id, player_id, team, game_date, tipoff_at), 1 s before tip-off."""
    rows = _just_before(people).with_columns(pl.col("snapshot_at").alias("seen_at"), pl.lit(status).alias("status"))
    return {**world, "injuries": _joined(world["injuries"], rows)}


def actions_of(boxes: pl.DataFrame) -> pl.DataFrame:
    """Returns play-by-play that agrees with box scores: one action per shot, with all two-pointers in the paint."""
    played = boxes.filter("did_play")
    kinds: Sequence[tuple[str, str | None, bool, pl.Expr]] = (
        ("2pt", "Restricted Area", True, pl.col("fgm") - pl.col("fg3m")),
        ("2pt", "Restricted Area", False, pl.col("fga") - pl.col("fg3a") - pl.col("fgm") + pl.col("fg3m")),
        ("3pt", "Above the Break 3", True, pl.col("fg3m")),
        ("3pt", "Above the Break 3", False, pl.col("fg3a") - pl.col("fg3m")),
        ("freethrow", None, True, pl.col("ftm")),
        ("freethrow", None, False, pl.col("fta") - pl.col("ftm")),
    )
    shots = pl.concat(
        played.select("game_date", *PLAYER, "team", pl.lit(kind).alias("action_type"), pl.lit(area, pl.String).alias("area"),
                      pl.lit(is_made).alias("is_made"), times.clip(0).alias("times"))
        for kind, area, is_made, times in kinds
    )  # fmt: skip
    one_by_one = shots.select(pl.exclude("times").repeat_by("times"))
    return _numbered(one_by_one.explode(one_by_one.columns).drop_nulls("game_id"), 0)


def _place(frame: pl.DataFrame, day: date) -> int:
    return int(frame["game_date"].search_sorted(day, side="left")) if frame.height else 0


def _just_before(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows with a known tip-off as a snapshot 1 s before it, newer than any real snapshot."""
    instant = (pl.col("tipoff_at") - timedelta(seconds=1)).alias("snapshot_at")
    return rows.filter(pl.col("tipoff_at").is_not_null()).with_columns(instant, pl.lit(True).alias("is_before_tipoff"))


def _nulls(*columns: str) -> list[pl.Expr]:
    return [pl.when(False).then(column).alias(column) for column in columns]


def _after(frame: pl.DataFrame, day: date, rows: pl.DataFrame | None) -> pl.DataFrame:
    """Returns the rows before the date, followed by the given rows."""
    past = before(frame, day)
    return past if rows is None else pl.concat([past, rows.select(frame.columns)])


def _like(frame: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows with the columns of a frame. Missing columns become null."""
    return pl.concat([frame.clear(), rows.select(name for name in frame.columns if name in rows.columns)], how="diagonal_relaxed")


def _joined(frame: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([frame, _like(frame, rows)]).sort("game_date", maintain_order=True)


def _known_before(world: World, day: date, border: datetime | None) -> dict[str, pl.DataFrame]:
    """Returns the snapshots of a date known before the border or, without a border, before the tip-off of their game."""
    games = between(world["schedule"], day, day)
    limit = pl.col("tipoff_at") if border is None else pl.lit(border).cast(pl.Datetime("us", "UTC"))
    until = games.select("game_id", limit.alias("until"))
    teams = pl.concat(games.select(pl.col(f"{side}_team").alias("team"), limit.alias("until")) for side in ("home", "away"))
    # With a border, only rows that had arrived were known. Without one, a report counts from its printed instant.
    printed = pl.col("snapshot_at") if border is None else pl.max_horizontal("snapshot_at", "seen_at")
    wanted = {
        "prop_lines": (until, pl.col("snapshot_at")), "game_lines": (until, pl.col("snapshot_at")),
        "injuries": (until, printed), "rosters": (teams.unique("team"), pl.col("seen_at")),
    }  # fmt: skip
    return {
        name: between(world[name], day, day)
        .join(limits, on=[column for column in limits.columns if column != "until"], how="left", maintain_order="left")
        .filter(instant < pl.col("until"))
        .drop("until")
        for name, (limits, instant) in wanted.items()
    }


def _absurd_boxes(boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns box scores with the players of each date exchanged and every number replaced."""
    number = pl.int_range(pl.len())
    made = {"fg3m": number * 7 % 5, "ftm": number * 5 % 9, "oreb": number % 6, "turnovers": number * 3 % 8,
            "assists": number * 11 % 13, "steals": number % 4}  # fmt: skip
    made["fgm"] = made["fg3m"] + 4 + number * 13 % 7
    made |= {"fga": made["fgm"] + 3 + number % 5, "fg3a": made["fg3m"] + 1, "fta": made["ftm"] + 1, "dreb": number % 9,
             "rebounds": number % 6 + number % 9, "blocks": pl.lit(0), "fouls": number % 6, "plus_minus": number % 41 - 20}  # fmt: skip
    made["points"] = 2 * made["fgm"] + made["fg3m"] + made["ftm"]
    whose = [pl.col(name).reverse().over("game_date") for name in ("player_id", "player_name")]
    played = pl.col("did_play")
    return boxscores.with_columns(
        *whose,
        *[pl.when(played).then(value.cast(pl.Int64)).alias(name) for name, value in made.items()],
        pl.col("minutes").reverse().over("game_id", "team", "did_play"),
        ~pl.col("is_starter"),
    ).with_columns(pl.col("points").sum().over("game_id", "team").alias("team_points"))  # fmt: skip


def _with_scores(games: pl.DataFrame, boxes: pl.DataFrame) -> pl.DataFrame:
    """Returns the games as final, with the scores of the box scores. Games without a box score receive an invented score."""
    scores = boxes.select("game_id", "team", "team_points").unique(["game_id", "team"])
    for side, otherwise in (("home", 199), ("away", 51)):
        here = scores.select("game_id", pl.col("team").alias(f"{side}_team"), "team_points")
        games = games.join(here, on=["game_id", f"{side}_team"], how="left", maintain_order="left").with_columns(
            pl.col("team_points").fill_null(otherwise).alias(f"{side}_points")
        ).drop("team_points")  # fmt: skip
    was_moved = pl.col("status") == "postponed"
    return games.with_columns(pl.when(was_moved).then("status").otherwise(pl.lit("final")).alias("status"))


def _with_actions(play_by_play: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """Adds made threes to the play-by-play of games that have one."""
    has_list = scored.join(play_by_play.select("game_id").unique(), on="game_id", how="semi")
    shots = has_list.select(
        pl.col("game_date", *PLAYER, "team").repeat_by("threes"), pl.lit("3pt").alias("action_type"),
        pl.lit("Above the Break 3").alias("area"), pl.lit(True).alias("is_made"),
    ).explode("game_date", *PLAYER, "team")  # fmt: skip
    return _joined(play_by_play, _numbered(shots, BEYOND_ANY_ACTION))


def _numbered(shots: pl.DataFrame, first: int) -> pl.DataFrame:
    order = (pl.int_range(pl.len()) + first).cast(pl.Int64)
    return shots.with_columns(
        order.alias("order_number"), order.alias("action_number"), pl.lit(1, pl.Int64).alias("period"),
        pl.lit(700.0).alias("period_seconds_left"), pl.lit(0, pl.Int64).alias("home_points"),
        pl.lit(0, pl.Int64).alias("away_points"),
    ).sort("game_date", maintain_order=True)  # fmt: skip


def _later_rosters(rosters: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    """Adds one roster per team, seen at tip-off or, if the tip-off is unknown, at noon of the next day."""
    noon = pl.col("game_date").cast(pl.Datetime("us", "UTC")) + NEXT_NOON
    teams = pl.concat(
        games.select("game_date", pl.col(f"{side}_team").alias("team"), pl.coalesce("tipoff_at", noon).alias("seen_at"))
        for side in ("home", "away")
    )
    strangers = pl.DataFrame({"player_id": range(9_000_001, 9_000_016), "spelling": ["A Stranger"] * 15})
    rows = teams.join(strangers, how="cross").with_columns(pl.lit(date(1950, 1, 1)).alias("birth_date"))
    return pl.concat([rosters, _like(rosters, rows)])


def _people_of(boxscores: pl.DataFrame, prop_lines: pl.DataFrame) -> pl.DataFrame:
    """Returns the players of box scores and lines: game_date, game_id, player_id, team (null for players with a line only)."""
    seen = boxscores.select("game_date", *PLAYER, "team")
    lined = prop_lines.select("game_date", *PLAYER).unique()
    return pl.concat([seen, lined.join(seen, on=PLAYER, how="anti")], how="diagonal_relaxed")


def _in_play(world: World, games: pl.DataFrame, people: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Returns snapshots at and after tip-off, with the columns of the three tables."""
    tipoffs = games.select("game_id", "game_date", "tipoff_at")
    whom = people.join(tipoffs.select("game_id", "tipoff_at"), on="game_id")
    everybody_out = whom.filter(pl.col("team").is_not_null()).with_columns(pl.lit("out").alias("status"))
    reports = pl.concat(_of_instants(everybody_out)[:-1]).with_columns(pl.col("snapshot_at").alias("seen_at"))
    lines = pl.concat(_of_instants(whom.with_columns(*_prop_line(WILD_LINE))))
    return {
        "prop_lines": _like(world["prop_lines"], lines),
        "game_lines": _like(world["game_lines"], pl.concat(_of_instants(_game_lines(tipoffs)))),
        "injuries": _like(world["injuries"], reports),
    }


def _of_instants(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Returns the rows at tip-off, in play, in play with an unknown mark, and at an unknown instant.

    If the tip-off is unknown, noon of the next day replaces it, which is always after the game.
    """
    tipoff = pl.coalesce("tipoff_at", pl.col("game_date").cast(pl.Datetime("us", "UTC")) + NEXT_NOON)
    later = tipoff + timedelta(minutes=MINUTES_INTO_THE_GAME)
    marks: Sequence[tuple[pl.Expr, bool | None]] = (
        (tipoff, False), (later, False), (later + timedelta(minutes=1), None), (pl.lit(None, pl.Datetime("us", "UTC")), None),
    )  # fmt: skip
    return [
        rows.with_columns(instant.alias("snapshot_at"), pl.lit(mark, pl.Boolean).alias("is_before_tipoff"))
        for instant, mark in marks
    ]


def _prop_line(line: float) -> list[pl.Expr]:
    values: dict[str, Any] = {
        "market": SETTINGS.lines.market, "book": SETTINGS.lines.book_precedence[0], "line": line,
        "line_half_points": round(2 * line), "over_price": -110, "under_price": -110,
    }  # fmt: skip
    return [pl.lit(value).alias(name) for name, value in values.items()]


def _game_lines(games: pl.DataFrame) -> pl.DataFrame:
    """Returns four rows per game from the first book: both outcomes of an extreme spread and of an extreme total."""
    outcomes = pl.DataFrame(
        {
            "market": ["spreads", "spreads", "totals", "totals"],
            "outcome": ["home", "away", "over", "under"],
            "line": [WILD_SPREAD, -WILD_SPREAD, WILD_TOTAL, WILD_TOTAL],
        }
    ).with_columns((2 * pl.col("line")).cast(pl.Int64).alias("line_half_points"))
    return games.join(outcomes, how="cross").with_columns(
        pl.lit(SETTINGS.lines.book_precedence[0]).alias("book"), pl.lit(-110, pl.Int64).alias("price")
    )
