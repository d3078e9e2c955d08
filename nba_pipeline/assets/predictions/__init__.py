"""The models of each week, and the forecasts of the systems."""
