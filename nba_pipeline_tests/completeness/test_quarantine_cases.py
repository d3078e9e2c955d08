"""Quarantined rows as cases, and the recorded decisions on them."""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import nba_pipeline.definitions  # noqa: F401  # fills TABLES
from nba_pipeline.completeness.quarantine_cases import Case, case_of, cases, decide, rows_of
from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import eastern
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA, TABLES
from nba_pipeline.warehouse.local import LocalWarehouse

DAY = date(2026, 1, 15)
NOON = eastern(DAY, 12)
NAME = "unresolved name 'B. Nobody'"
RANGE = "points|max"


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    """Two rows with an unresolved name and one with an impossible value."""
    warehouse = LocalWarehouse(home=str(tmp_path))
    quarantine(warehouse, "prop_lines", NAME, NAME)
    quarantine(warehouse, "boxscores", RANGE)
    return warehouse


def quarantine(warehouse: LocalWarehouse, table: str, *problems: str, as_of: datetime = NOON) -> None:
    rows = [
        {"table": table, "game_date": DAY, "problem": problem, "row": f'{{"n": {n}}}', "source": "payload", "as_of": as_of}
        for n, problem in enumerate(problems)
    ]
    warehouse.quarantine(TABLES[table], [DAY], pl.DataFrame(rows, schema=dict(QUARANTINE_SCHEMA)))


def known(warehouse: LocalWarehouse) -> list[Case]:
    return cases(warehouse, ("boxscores", "prop_lines"), [DAY])


def test_a_case_is_a_date_table_and_problem(warehouse: LocalWarehouse) -> None:
    assert [(case.table, case.problem, case.rows, case.is_open) for case in known(warehouse)] == [
        ("boxscores", RANGE, 1, True),
        ("prop_lines", NAME, 2, True),
    ]
    assert rows_of(warehouse, known(warehouse)[1])["row"].to_list() == ['{"n": 0}', '{"n": 1}']


def test_an_accepted_case_stays_accepted_when_its_rows_are_quarantined_again(warehouse: LocalWarehouse) -> None:
    case = known(warehouse)[1]
    assert "is accepted, by Ann: a retired player" in decide(warehouse, NOON, case, "accepted", " a retired player ", "Ann")
    quarantine(warehouse, "prop_lines", NAME, as_of=NOON + timedelta(hours=1))
    after = known(warehouse)[1]
    assert (after.case_id, after.is_open, after.accepted_by) == (case.case_id, False, "Ann")
    assert known(warehouse)[0].is_open, "only this problem was accepted"


def test_a_withdrawn_acceptance_opens_the_case_again(warehouse: LocalWarehouse) -> None:
    decide(warehouse, NOON, known(warehouse)[1], "accepted", "r", "Ann")
    decide(warehouse, NOON + timedelta(minutes=1), known(warehouse)[1], "reopened", "he plays", "Bob")
    assert known(warehouse)[1].is_open


@pytest.mark.parametrize(("reason", "author", "option"), [("", "Ann", "--reason"), ("r", " ", "--author")])
def test_a_decision_needs_a_reason_and_an_author(reason: str, author: str, option: str, warehouse: LocalWarehouse) -> None:
    with pytest.raises(BadInput, match=f"{option} must not be empty"):
        decide(warehouse, NOON, known(warehouse)[0], "accepted", reason, author)


def test_the_same_decision_twice_and_an_unknown_case_are_refused(warehouse: LocalWarehouse) -> None:
    with pytest.raises(BadInput, match="is not accepted"):
        decide(warehouse, NOON, known(warehouse)[0], "reopened", "r", "Ann")
    decide(warehouse, NOON, known(warehouse)[0], "accepted", "r", "Ann")
    with pytest.raises(BadInput, match=r"is already accepted, by Ann \(r\)"):
        decide(warehouse, NOON, known(warehouse)[0], "accepted", "r", "Bob")
    with pytest.raises(BadInput, match="is not a quarantined case of these dates"):
        case_of(known(warehouse), "0000000000")
