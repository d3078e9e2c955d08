"""The simulated league: its invariants, wire formats, faults and server."""
