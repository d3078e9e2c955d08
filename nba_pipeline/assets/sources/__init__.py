"""What providers say: one table per concept, whoever answered."""
