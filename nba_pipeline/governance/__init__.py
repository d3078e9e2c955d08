"""Governance: the roles of systems, halts, and the records of both.

    records         how a decision is recorded: numbered rows of a ledger that no two authors can write at once
    roles           the ledger of roles, and the role of each system at an instant
    halts           the ledger of halts, and whether picks are halted at an instant
    decay_states    the decay state of each system, from `system_performance`

The formulas of gates and states belong in `formulas/`. Printing belongs in `cli/`.
"""
