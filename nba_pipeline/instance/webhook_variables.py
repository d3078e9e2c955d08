"""Names of the environment variables with the address or key of a webhook. Each is a secret: it allows anyone to post.

`environments.py` reads the variables. The modules that send name them in errors.
"""

SLACK = "SLACK_WEBHOOK_URL"
PAGERDUTY = "PAGERDUTY_ROUTING_KEY"
ALERTS = "ALERT_WEBHOOK_URL"
PUBLIC = "NBA_PIPELINE_PUBLIC_WEBHOOK"
"""Receives a message about each published slate."""
HEARTBEAT = "HEARTBEAT_URL"
"""Receives a ping after each pass of the reconciliation."""
