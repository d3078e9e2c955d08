"""The week's models, and what the systems forecast."""
