"""The market's total and spread of a game, and their perspective."""

from datetime import datetime

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.sources.game_lines import TABLE as GAME_LINES
from nba_pipeline.formulas.game_line import LINES, game_lines_of
from nba_pipeline.settings import SETTINGS
from nba_pipeline_tests.builders import DAY, Values, at, frame_of

EARLY, LATE = at(20), at(22)
TEAMS = pl.DataFrame({"game_id": ["g", "g"], "team": ["GSW", "NYK"], "is_home": [True, False]})


def a_line(outcome: str, line: float, book: str = "draftkings", **fields: object) -> Values:
    return {
        "game_date": DAY, "game_id": "g", "market": "totals" if outcome in ("over", "under") else "spreads", "book": book,
        "outcome": outcome, "line": line, "line_half_points": round(2 * line), "snapshot_at": EARLY, "is_before_tipoff": True,
    } | fields  # fmt: skip


def lines_of(*rows: Values, as_of: datetime | None = None) -> pl.DataFrame:
    found = game_lines_of(TEAMS, frame_of(GAME_LINES, *rows), as_of=as_of, **SETTINGS.lines.game_cascade)
    assert_frame_equal(found.select(TEAMS.columns), TEAMS)
    return found


def total_of(*rows: Values, as_of: datetime | None = None) -> float | None:
    return lines_of(*rows, as_of=as_of)["game_total"][0]


def test_each_team_has_its_own_view_of_the_spread_and_its_implied_total() -> None:
    rows = [a_line("home", -6.5), a_line("away", 6.5), a_line("over", 248.5), a_line("under", 248.5)]
    assert lines_of(*rows).select(LINES).rows() == [(248.5, -6.5, 6.5, 127.5), (248.5, 6.5, 6.5, 121.0)]


@pytest.mark.parametrize("rows", [[a_line("home", -6.5)], [a_line("away", 6.5)]], ids=["home", "away"])
def test_one_side_of_a_spread_is_enough(rows: list[Values]) -> None:
    assert lines_of(*rows)["game_spread"].to_list() == [-6.5, 6.5]


def test_values_missing_from_the_market_are_null() -> None:
    assert lines_of().select(LINES).rows() == [(None,) * 4] * 2
    assert lines_of(a_line("over", 240.5)).select(LINES).row(0) == (240.5, None, None, None)
    assert lines_of(a_line("home", -3.0)).select(LINES).row(1) == (None, 3.0, 3.0, None)


def test_the_first_book_of_precedence_is_the_market() -> None:
    others = [a_line("over", 230.5, "fanduel"), a_line("over", 220.5, "bovada")]
    assert (total_of(a_line("over", 240.5), *others), total_of(*others)) == (240.5, 230.5)


def test_without_them_it_is_the_median_of_the_distinct_feeds() -> None:
    rows = [a_line("over", 220.5, "unibet_us"), a_line("over", 220.5, "betrivers"), a_line("over", 224.0, "bovada")]
    assert total_of(*rows) == 222.25
    assert total_of(*rows, a_line("over", 230.5, "betmgm")) == 224.0


def test_the_latest_snapshot_up_to_the_instant_counts() -> None:
    rows = [a_line("over", 240.5), a_line("under", 242.5, snapshot_at=LATE)]
    assert (total_of(*rows), total_of(*rows, as_of=LATE), total_of(*rows, as_of=at(21))) == (242.5, 242.5, 240.5)


@pytest.mark.parametrize(
    "fields",
    [
        {"is_before_tipoff": False, "snapshot_at": at(23, 59)},
        {"is_before_tipoff": None, "snapshot_at": LATE},
        {"is_before_tipoff": None, "snapshot_at": None, "book": "consensus"},
    ],
    ids=["in play", "unknown tip-off", "the archive's average"],
)
def test_what_is_never_the_market(fields: Values) -> None:
    assert total_of(a_line("over", 199.5) | fields) is None
    assert total_of(a_line("over", 240.5), a_line("over", 199.5) | fields) == 240.5


def test_the_order_of_the_rows_does_not_matter() -> None:
    rows = [a_line("over", 220.5, "bovada"), a_line("under", 221.5, "betmgm"), a_line("home", 1.5, "betmgm"),
            a_line("away", -2.5, "bovada", snapshot_at=LATE)]  # fmt: skip
    assert_frame_equal(lines_of(*rows), lines_of(*reversed(rows)), check_exact=True)
