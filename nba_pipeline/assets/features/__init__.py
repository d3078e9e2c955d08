"""Who is expected, and what is known about them before tip-off."""
