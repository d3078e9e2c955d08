"""The simulated league: its identities, its wire formats, its faults, its server."""
