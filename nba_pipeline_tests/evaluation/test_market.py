"""The market of a player and game: the consensus of the feeds, the line used, its prices; and which lines count."""

from typing import Any

import pytest

from nba_pipeline.evaluation.market import market_of
from nba_pipeline_tests.builders_evaluation import a_line, lines_of


def market(population: str, *rows: dict[str, Any]) -> list[dict[str, Any]]:
    return market_of(lines_of(*rows), population).to_dicts()


def test_the_consensus_is_the_median_of_feeds_and_the_line_used_that_of_the_first_book() -> None:
    copies = [a_line(line=24.5, book=book) for book in ("betrivers", "unibet_us")]
    [row] = market("known", a_line(line=20.5), a_line(line=22.5, book="fanduel"), *copies)
    assert (row["consensus"], row["line"], row["book"], row["kind"]) == (22.5, 20.5, "draftkings", "sportsbook")


def test_prices_are_those_of_the_line_used_and_the_best_at_the_same_line() -> None:
    [row] = market("known", a_line(over_price=-115), a_line(book="fanduel", over_price=-105), a_line(book="betmgm", line=19.5))
    assert (row["over_price"], row["over_best_price"]) == (-115, -105)


ARCHIVED = {"is_before_tipoff": None, "snapshot_at": None, "captured_at": None, "is_latest_pregame": True, "book": "prizepicks"}


def test_a_line_of_unknown_instant_belongs_to_the_population_all_only() -> None:
    marked, unmarked = a_line(**ARCHIVED), a_line(player=2, **ARCHIVED | {"is_latest_pregame": False})
    assert market("known", marked, unmarked) == []
    [row] = market("all", marked, unmarked)
    assert (row["kind"], row["line"], row["adjusted_line"], row["over_price"]) == ("archive", 20.5, 20.5, None)


def test_a_known_line_replaces_the_archives() -> None:
    [row] = market("all", a_line(line=18.5), a_line(**ARCHIVED))
    assert (row["kind"], row["consensus"]) == ("sportsbook", 18.5)


@pytest.mark.parametrize(
    "fields", [{"market": "player_assists"}, {"line": 4.5}, {"line": 20.0}, {"is_before_tipoff": False}], ids=str
)
def test_other_lines_are_no_market(fields: dict[str, Any]) -> None:
    assert market("all", a_line(**fields)) == []
