"""What a verdict shows of the missing names."""

from datetime import date

import polars as pl

from nba_pipeline.asset_factory.verdicts import MISSING, NAMES_SHOWN, NO_NAME, PASSED, verdicts_of

DAY = date(2026, 1, 15)


def text_of(*missing: str | None) -> str:
    frame = pl.DataFrame(
        {"game_date": [DAY], PASSED: [False], MISSING: [list(missing)]}, schema_overrides={MISSING: pl.List(pl.String)}
    )
    [verdict] = verdicts_of(frame, [DAY])
    return str(verdict.metadata()[MISSING].value)


def test_a_name_is_shown_once_so_that_it_hides_no_other() -> None:
    """A game is missing as often as it has predictions without a grade."""
    assert text_of(*["NYK@BOS"] * NAMES_SHOWN, "LAL@GSW") == "NYK@BOS\nLAL@GSW"


def test_an_item_without_a_name_is_shown() -> None:
    assert text_of("A. Able", None) == f"A. Able\n{NO_NAME}"
