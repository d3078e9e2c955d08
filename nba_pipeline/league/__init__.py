"""Teams, player names, dates and seasons."""
