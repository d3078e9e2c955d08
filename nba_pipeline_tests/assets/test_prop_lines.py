"""Usable lines, name resolution, and the reasons of the other lines."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import verdicts_of
from nba_pipeline.assets.sources.prop_lines import (
    TABLE,
    every_name_is_resolved,
    games_have_lines,
    no_row_is_quarantined,
    of_low_ladder,
    placeholder,
    reject_lines,
    too_low,
)
from nba_pipeline.assets.sources.rosters import TABLE as ROSTERS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.odds_lines import ODDS_COLUMNS
from nba_pipeline.providers.odds_rows import AFTER_TIPOFF, IGNORED, as_rows
from nba_pipeline.providers.player_matching import resolve_players, roster_sightings
from nba_pipeline.tables.table import PROBLEM
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, PLAYER, Values, a_game, a_prop_line, at, before, frame_of, prop_lines_of

GAME = a_game()["game_id"]
NAMELESS = "unresolved name 'J. Nobody'"
CLOCK = Clock(fixed_at="2024-03-13T12:00:00Z")

PLACEHOLDER, TOO_LOW, OF_LOW_LADDER = placeholder(), too_low(), of_low_ladder()


def judged(*rows: Values) -> pl.DataFrame:
    problems = [row.get(PROBLEM) for row in rows]
    frame = prop_lines_of(*[{k: v for k, v in row.items() if k != PROBLEM} for row in rows])
    marked = frame.with_columns(pl.Series(PROBLEM, problems, pl.String), pl.lit(None, pl.String).alias(IGNORED))
    return reject_lines(marked.with_row_index()).sort("index")


def problems_of(*rows: Values) -> list[str | None]:
    """Returns the reason why each line is not a line of the market: its problem, or the reason to ignore it."""
    return judged(*rows).select(pl.coalesce(PROBLEM, IGNORED)).to_series().to_list()


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"line": 24.5}, None),
        ({"line": 20.0}, PLACEHOLDER),
        ({"line": 4.5}, TOO_LOW),
        ({"line": 5.0}, None),
        ({"is_before_tipoff": False}, AFTER_TIPOFF),
        ({"is_before_tipoff": None}, None),
        ({"market": "player_assists", "line": 4.5}, None),
        ({"market": "player_points_rebounds", "line": 20.0}, None),
        ({"market": "player_assists", "is_before_tipoff": False}, AFTER_TIPOFF),
        ({"line": 4.5, PROBLEM: NAMELESS}, NAMELESS),
    ],
    ids=str,
)
def test_a_line_outside_the_market_has_its_reason(fields: Values, problem: str | None) -> None:
    assert problems_of(a_prop_line() | fields) == [problem]


def test_only_what_books_offer_every_day_is_ignored() -> None:
    ladder = [a_prop_line(4.5), a_prop_line(5.5, over_price=150, under_price=-190)]
    rows = judged(*ladder, a_prop_line(20.0), a_prop_line(25.5, is_before_tipoff=False), a_prop_line(4.5, **{PROBLEM: NAMELESS}))
    assert rows[IGNORED].to_list() == [TOO_LOW, OF_LOW_LADDER, None, None, None]
    assert rows[PROBLEM].to_list() == [None, None, PLACEHOLDER, AFTER_TIPOFF, NAMELESS]


def test_a_ladder_is_of_a_player_under_whatever_spelling() -> None:
    other = {"spelling": "S. Curry", "over_price": 150, "under_price": -190}
    assert problems_of(a_prop_line(4.5), a_prop_line(5.5, **other)) == [TOO_LOW, OF_LOW_LADDER]


def test_a_ladder_goes_with_its_main_line() -> None:
    """Without its main line of 4.5, the ladder's main line would be 5.5."""
    ladder = [a_prop_line(4.5), a_prop_line(5.5, over_price=150, under_price=-190)]
    assert problems_of(*ladder, a_prop_line(5.5, "fanduel")) == [TOO_LOW, OF_LOW_LADDER, None]


def test_a_low_rung_of_another_ladder_goes_alone() -> None:
    assert problems_of(a_prop_line(4.5, over_price=-190, under_price=150), a_prop_line(5.5)) == [TOO_LOW, None]


def test_snapshots_of_unknown_instant_are_no_ladder() -> None:
    unknown = {"snapshot_at": None, "is_before_tipoff": None}
    assert problems_of(a_prop_line(4.5, **unknown), a_prop_line(5.5, **unknown)) == [TOO_LOW, None]


def offered(**fields: Any) -> pl.DataFrame:
    row = {
        "odds_event_id": "e1", "commence_time": datetime(2024, 3, 12, 23, 40, tzinfo=UTC), "home_team": "GSW",
        "away_team": "NYK", "book": "draftkings", "market": "player_points", "spelling": "S. Curry", "line": 24.5,
        "line_half_points": 49, "snapshot_at": at(23), "source": "odds",
    } | fields  # fmt: skip
    return pl.DataFrame([row], schema=ODDS_COLUMNS)


@pytest.mark.parametrize(
    ("scheduled", "snapshot", "tipoff", "is_before"),
    [
        (at(23, 30), at(23, 29), at(23, 30), True),
        (at(23, 30), at(23, 30), at(23, 30), False),
        (at(23, 50), at(23, 45), at(23, 40), False),
        (None, at(20), None, None),
        (at(23, 30), None, at(23, 30), None),
    ],
    ids=["before", "at tip-off", "after the provider's start", "unknown tip-off", "unknown snapshot"],
)
def test_the_cut_off_is_the_earlier_start(
    scheduled: datetime | None, snapshot: datetime | None, tipoff: datetime | None, is_before: bool | None
) -> None:
    odds = offered(snapshot_at=snapshot)
    rows = as_rows(odds, odds, frame_of(SCHEDULE, a_game(tipoff_at=scheduled)))
    assert rows.select("game_id", "tipoff_at", "is_before_tipoff").rows() == [(GAME, tipoff, is_before)]


def test_a_line_of_no_game_of_ours_is_a_problem() -> None:
    odds = offered(away_team="MIA")
    rows = as_rows(odds, odds, frame_of(SCHEDULE, a_game()))
    assert rows.select("game_id", PROBLEM).rows() == [(None, "event e1 matches no game of the schedule")]


def test_a_name_is_looked_up_in_the_game() -> None:
    known = pl.DataFrame({"player_id": [PLAYER], "spelling": ["Stephen Curry"]})
    rosters = pl.DataFrame({"game_id": [GAME], "player_id": [PLAYER], "player_name": ["Stephen Curry"]})
    odds = pl.concat([offered(), offered(spelling="J. Nobody")]).with_columns(game_id=pl.lit(GAME))
    named = resolve_players(odds, known, rosters).select("spelling", "player_id", PROBLEM)
    assert sorted(named.rows()) == [("J. Nobody", None, NAMELESS), ("S. Curry", PLAYER, None)]


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path))


def write(warehouse: LocalWarehouse, *rows: Values) -> None:
    """Writes two games of the day, and these lines with their problems."""
    other = a_game(game_id="0022300999", home_team="BOS", away_team="LAL")
    now, source = at(12), pl.lit("test").alias("source")
    games, _ = SCHEDULE.conform(frame_of(SCHEDULE, a_game(), other).with_columns(source).drop("as_of", "code_version"), now, "1")
    warehouse.replace(SCHEDULE, [DAY], games, "me")
    problems = [row.get(PROBLEM) for row in rows]
    lines = prop_lines_of(*[{k: v for k, v in row.items() if k != PROBLEM} for row in rows])
    marked = lines.drop("as_of", "code_version").with_columns(
        pl.Series(PROBLEM, problems, pl.String), pl.lit(None, pl.String).alias(IGNORED)
    )
    valid = reject_lines(marked).filter(pl.col(IGNORED).is_null()).drop(IGNORED)
    good, bad = TABLE.conform(valid, now, "1")
    warehouse.add(TABLE, [DAY], good, "me")
    warehouse.quarantine(TABLE, [DAY], bad)


def test_games_without_a_usable_line_are_named_and_late_lines_counted(warehouse: LocalWarehouse) -> None:
    late = a_prop_line(25.5, snapshot_at=at(23), is_before_tipoff=False, game_id="0022300999")
    write(warehouse, a_prop_line(), a_prop_line(23.5, "fanduel"), late, a_prop_line(4.5, spelling="Al Horford", player_id=2))
    [verdict] = verdicts_of(games_have_lines(warehouse, [DAY], CLOCK), [DAY])
    assert (verdict.passed, verdict.missing) == (False, ["LAL@BOS 0022300999"])
    assert verdict.numbers == {"share": 0.5, "lines": 2, "players": 1, "lines_after_tipoff": 1}


def test_a_date_without_games_needs_no_lines(warehouse: LocalWarehouse) -> None:
    [verdict] = verdicts_of(games_have_lines(warehouse, [date(2024, 7, 1)], CLOCK), [date(2024, 7, 1)])
    assert verdict.passed and verdict.numbers["share"] == 1


def test_only_a_name_fails_the_check_of_names(warehouse: LocalWarehouse) -> None:
    ordinary = [a_prop_line(20.0), a_prop_line(4.5, "fanduel"), a_prop_line(25.5, "bovada", is_before_tipoff=False)]
    write(warehouse, a_prop_line(), *ordinary)
    checked = [verdicts_of(check(warehouse, [DAY], CLOCK), [DAY])[0] for check in (every_name_is_resolved, no_row_is_quarantined)]
    assert [verdict.passed for verdict in checked] == [True, True]
    assert checked[1].numbers == {"rows_quarantined": 0, "lines_of_no_market": 2}
    write(warehouse, *ordinary, *[a_prop_line(line, player_id=None, **{PROBLEM: NAMELESS}) for line in (24.5, 25.5)])
    [names], [others] = (
        verdicts_of(every_name_is_resolved(warehouse, [DAY], CLOCK), [DAY]),
        verdicts_of(no_row_is_quarantined(warehouse, [DAY], CLOCK), [DAY]),
    )
    assert (names.passed, names.missing, names.numbers) == (False, [f"{NAMELESS} (2 rows)"], {"lines_without_a_player": 2})
    assert others.passed


def test_anything_else_in_the_quarantine_fails_the_other_check(warehouse: LocalWarehouse) -> None:
    write(warehouse, a_prop_line(**{PROBLEM: "Over price of Stephen Curry at 24.5 is 1.91"}))
    [names], [others] = (
        verdicts_of(every_name_is_resolved(warehouse, [DAY], CLOCK), [DAY]),
        verdicts_of(no_row_is_quarantined(warehouse, [DAY], CLOCK), [DAY]),
    )
    assert names.passed and not others.passed
    assert others.missing == ["Over price of Stephen Curry at 24.5 is 1.91 (1 row)"]


def test_rosters_of_the_days_before_are_sightings_and_a_name_without_an_id_has_a_negative_one(warehouse: LocalWarehouse) -> None:
    def listed(days_ago: int, name: str, player_id: int | None) -> Values:
        about = {"team": "GSW", "spelling": name, "player_id": player_id, "seen_at": at(12), "source": "test"}
        return about | {"game_date": before(days_ago)}

    rows = frame_of(ROSTERS, listed(0, "Al Able", 1), listed(0, "New Rookie", None), listed(7, "Bo Baker", 2), listed(8, "Cy", 3))
    problem = pl.when(pl.col("player_id").is_null()).then(pl.format("unresolved name '{}'", "spelling")).alias(PROBLEM)
    good, bad = ROSTERS.conform(rows.drop("as_of", "code_version").with_columns(problem), at(12), "1")
    warehouse.replace(ROSTERS, [before(n) for n in (0, 7, 8)], good, "me")
    warehouse.quarantine(ROSTERS, [DAY], bad)
    seen = roster_sightings(warehouse, [DAY]).sort("player_id")
    assert seen.select("player_id", "player_name", "team", "is_roster").rows() == [
        (-1, "New Rookie", "GSW", True),
        (1, "Al Able", "GSW", True),
        (2, "Bo Baker", "GSW", True),
    ]
    assert roster_sightings(warehouse, []).is_empty()
