"""Definitions of the numbers: pure polars expressions with units and ranges. No module here reads, writes or uses the clock."""
