"""How the forecasts turned out."""
