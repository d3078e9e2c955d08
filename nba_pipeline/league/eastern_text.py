"""Instants as text for people, in US Eastern. Machine formats and tables have UTC."""

from datetime import datetime

from nba_pipeline.league.calendar import EASTERN


def eastern_text(instant: datetime, form: str = "%Y-%m-%d %H:%M") -> str:
    """Returns an instant in US Eastern, with the name of the time zone.

    >>> from datetime import UTC
    >>> eastern_text(datetime(2026, 1, 15, 17, tzinfo=UTC))
    '2026-01-15 12:00 US Eastern'
    """
    return f"{instant.astimezone(EASTERN):{form}} US Eastern"
