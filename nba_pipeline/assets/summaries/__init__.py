"""Statistics derived from complete games."""
