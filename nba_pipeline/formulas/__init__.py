"""What the numbers mean: pure polars expressions with units and ranges. Nothing here reads, writes or knows a date."""
