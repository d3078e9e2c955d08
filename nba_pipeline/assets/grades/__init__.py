"""The outcomes of the forecasts."""
