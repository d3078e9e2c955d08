"""What follows from complete games."""
