"""The instant at which a snapshot counts as seen."""

from datetime import datetime

import polars as pl


def seen_by(as_of: datetime) -> pl.Expr:
    """Returns the first instant at which an answer was seen, at most the beginning of this run.

    A table of the run has `as_of` as its instant, so an answer that arrives during the run has to count as seen by then.
    """
    return pl.min_horizontal("seen_at", pl.lit(as_of).cast(pl.Datetime("us", "UTC"))).alias("seen_at")
