"""Missing values are named, in order, for any number of columns."""

import polars as pl
import pytest

from nba_pipeline.formulas.quality import known_share, tier, with_names

NAMES = [f"x{n}" for n in range(70)]


def test_names_are_listed_in_order_beyond_one_pattern() -> None:
    rows = pl.DataFrame([{name: None if n in (0, 47, 48, 69) else n for n, name in enumerate(NAMES)}, dict.fromkeys(NAMES, 1)])
    made = with_names(rows, "missing", {name: pl.col(name).is_null() for name in NAMES})
    assert made["missing"].to_list() == [["x0", "x47", "x48", "x69"], []]
    assert made.columns == [*NAMES, "missing"]


def test_what_is_unknown_does_not_hold() -> None:
    rows = pl.DataFrame({"x": [None, True, False]}, schema={"x": pl.Boolean})
    assert with_names(rows, "told", {"x": pl.col("x"), "y": ~pl.col("x")})["told"].to_list() == [[], ["x"], ["y"]]


def test_the_score_is_the_known_share() -> None:
    rows = pl.DataFrame({"a": [1, None], "b": [1, None], "c": [None, None], "d": [1, 1]})
    assert rows.select(known_share([pl.col(name).is_not_null() for name in rows.columns])).to_series().to_list() == [75, 25]


@pytest.mark.parametrize(
    ("score", "name"),
    [(100, "gold"), (95, "gold"), (94.9, "silver"), (85, "silver"), (70, "bronze"), (50, "poor"), (49.9, "critical")],
)
def test_tiers_begin_at_their_score(score: float, name: str) -> None:
    assert pl.DataFrame({"score": [score]}).select(tier("score")).item() == name
