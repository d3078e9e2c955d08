"""Unattended operation: days of the simulated league on a simulated clock, and minutes of it on the real clock."""
