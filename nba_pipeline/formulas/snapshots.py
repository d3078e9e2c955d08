"""The instant at which a snapshot counts as seen."""

from datetime import datetime

import polars as pl


def seen_by(as_of: datetime) -> pl.Expr:
    """Returns `seen_at`, limited to `as_of`, the beginning of the run.

    The rows of the run have `as_of` as their instant, so a response that arrives during the run counts as seen by then.
    """
    return pl.min_horizontal("seen_at", pl.lit(as_of).cast(pl.Datetime("us", "UTC"))).alias("seen_at")
