"""Governance: the roles of systems, halts, and the records of both.

    records         reads and records decisions: numbered rows of a ledger; one of two concurrent decisions is refused
    roles           the ledger of roles, and the role of each system at an instant
    halts           the ledger of halts, and whether picks are halted at an instant
    decay_states    the decay state of each system, from `system_performance`
    states          the state that governs the picks of a run: champion, decay states and halt
    pick_rules      the rules of picks, from the settings and from the state of the slate
    evidence        the graded rows that the gates of a promotion judge
    publication     the manifest of a publication

The formulas of gates and states belong in `formulas/`. Printing belongs in `cli/`.
"""
