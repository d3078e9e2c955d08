"""The expected players, and what is known about them before tip-off."""
