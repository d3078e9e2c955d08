"""Audits of the warehouse: feature leakage, ledger integrity, the contents of each season, and the decisions of people.

Checks of a single date belong to the module of their table. This package holds audits that need many dates or a full
recomputation.
"""
