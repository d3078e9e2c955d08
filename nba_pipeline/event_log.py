"""Homes of earlier versions name this module in their dagster.yaml. It can be removed in version 1.0."""

from nba_pipeline.instance.event_log import KeptSqliteEventLogStorage

__all__ = ["KeptSqliteEventLogStorage"]
