"""Status, alerts, health, latency, service levels, metrics, explanations."""
