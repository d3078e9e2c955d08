"""The platform left alone: days of the simulated league by a simulated clock, and minutes of it by the real one."""
