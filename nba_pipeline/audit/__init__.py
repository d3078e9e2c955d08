"""Proofs about the tables that people can run on their own warehouse: that no feature sees the future, and what each season holds.

What a check of one date says stands with its table; here is what needs many dates, or the whole derivation made again.
"""
