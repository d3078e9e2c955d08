"""When a snapshot counts as seen."""

from datetime import datetime

import polars as pl


def seen_by(as_of: datetime) -> pl.Expr:
    """When an answer was seen first; what arrived in the course of this run counts as seen with its beginning.

    So a table of the run, which bears that instant, is made of what was seen by then.
    """
    return pl.min_horizontal("seen_at", pl.lit(as_of).cast(pl.Datetime("us", "UTC"))).alias("seen_at")
