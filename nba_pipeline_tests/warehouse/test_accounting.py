"""Counts of parsed rows compared with counts of written rows."""

from datetime import date
from typing import Any

import polars as pl

from nba_pipeline.warehouse.accounting import Account, RowsIn, account_of, rows_out

ONE, TWO = date(2024, 3, 12), date(2024, 3, 13)


def rows(*dates: date | None, **columns: list[Any]) -> pl.DataFrame:
    return pl.DataFrame({"game_date": pl.Series(dates, dtype=pl.Date), **columns})


def accounts(parsed: pl.DataFrame, ignored: pl.DataFrame, kept: pl.DataFrame, quarantined: pl.DataFrame) -> list[Account]:
    read = RowsIn([ONE, TWO])
    read.parsed(parsed)
    read.ignored(ignored, "a reason")
    metadata = {**read.metadata(), **rows_out([ONE, TWO], kept, quarantined, {TWO: 1})}
    return [account_of(metadata, day) for day in (ONE, TWO)]


def test_every_row_is_somewhere() -> None:
    accounts_per_date = accounts(rows(ONE, ONE, ONE, TWO, TWO), rows(ONE), rows(ONE, TWO), rows(ONE))
    assert accounts_per_date == [Account(3, 1, 1, 1, 0, reasons={"a reason": 1}), Account(2, 1, 0, 0, 1)]
    assert [account.unaccounted for account in accounts_per_date] == [0, 0]


def test_a_row_that_is_nowhere_is_counted_on_its_date() -> None:
    accounts_per_date = accounts(rows(ONE, ONE, TWO, TWO), rows(), rows(ONE, TWO), rows())
    assert [account.unaccounted for account in accounts_per_date] == [1, 0]


def test_a_row_without_a_date_belongs_to_the_first() -> None:
    assert [account.parsed for account in accounts(rows(None, TWO), rows(), rows(), rows())] == [1, 1]


def test_copies_are_counted_by_the_row_that_absorbed_them() -> None:
    read = RowsIn([ONE])
    read.repeated(rows(ONE, ONE, copies=[2, 0]), pl.col("copies"))
    assert account_of({**read.metadata(), **rows_out([ONE], rows(), rows(), {})}, ONE).repeated == 2


def test_reasons_may_stand_in_a_column() -> None:
    read = RowsIn([ONE])
    read.ignored(rows(ONE, ONE, ONE, why=["a", "b", "a"]), pl.col("why"))
    assert account_of({**read.metadata(), **rows_out([ONE], rows(), rows(), {})}, ONE).reasons == {"a": 2, "b": 1}


def test_a_materialization_of_old_was_not_counted() -> None:
    assert not account_of({}, ONE).is_counted
