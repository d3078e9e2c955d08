"""The lines of the morning summary: five when all is well, more where something is wrong."""

from datetime import date, datetime, timedelta
from typing import Any

from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alert_changes import Incident
from nba_pipeline.monitoring.morning_summary import Facts, is_all_well, summary, title

YESTERDAY, TODAY = date(2026, 1, 4), date(2026, 1, 5)
AT = eastern(TODAY, 8)


def a_record(day: date, state: str, games: int = 9, reasons: tuple[str, ...] = (), **counts: tuple[int, int]) -> dict[str, Any]:
    names = ("boxscores", "grades", "prop_lines", "features", "predictions")
    made = {name: dict(zip(("actual", "expected"), counts.get(name, (0, 0)), strict=True)) for name in names}
    return {"game_date": day.isoformat(), "state": state, "games": games, "reasons": list(reasons), "counts": made}


COMPLETE = a_record(YESTERDAY, "COMPLETE", boxscores=(9, 9), grades=(540, 540))
EXPECTED = a_record(TODAY, "EXPECTED", 7, features=(210, 210))
WELL = Facts(at=AT, yesterday=COMPLETE, today=EXPECTED, quota={"remaining": 4512, "used": 488})


def an_incident(kind: str, severity: str, since: datetime) -> Incident:
    return Incident(TODAY, kind, "lines", severity, "It is silent.", "", since, since)


def test_five_lines_when_all_is_well() -> None:
    assert title(WELL) == "nba_pipeline, Mon 2026-01-05 08:00 Eastern: all is well"
    assert summary(WELL) == [
        "Sun 2026-01-04: COMPLETE, 9 games; 9 of 9 games collected; 540 of 540 predictions graded",
        "Mon 2026-01-05: EXPECTED, 7 games; 210 of 210 expected players have features",
        "no open alert",
        "no row was quarantined unexpectedly in the last 14 days",
        "every schedule and sensor ticks; the models of the week are current; 4,512 credits of The Odds API left",
    ]


def test_a_problem_names_itself_and_the_most_urgent_alert_comes_first() -> None:
    alerts = [an_incident(f"kind_{i}", "warning", AT - timedelta(hours=i)) for i in range(1, 6)]
    facts = Facts(
        at=AT,
        yesterday=a_record(YESTERDAY, "DEGRADED", reasons=("missing: LAL @ BOS",), boxscores=(8, 9)),
        today=a_record(TODAY, "NOT_DUE", 0),
        open_alerts=[*alerts, an_incident("run_failed", "critical", AT - timedelta(minutes=30))],
        oldest_quarantined=("prop_lines", YESTERDAY),
        missed=["The schedule overnight was due and left no decision."],
        untrained_week=TODAY,
        slow=[(YESTERDAY, "box score", 75.4, "warning")],
        missed_objectives=["grades within 6 hours of the last action: 80% with 50 games in 7 days (target 95%)"],
    )
    lines = summary(facts)
    assert title(facts).endswith("needs a look") and not is_all_well(facts)
    assert lines[0] == "Sun 2026-01-04: DEGRADED, 9 games; 8 of 9 games collected; missing: LAL @ BOS"
    assert lines[1] == "Mon 2026-01-05: no games (NOT_DUE)"
    assert lines[2] == "6 open alerts" and "critical: run_failed lines, open for 30 min" in lines[3]
    assert "and 1 more" in lines[8]
    assert lines[9] == "oldest unexpectedly quarantined row of the last 14 days: prop_lines of 2026-01-04"
    assert lines[10] == "1 problem with schedules and sensors; the models of the week of 2026-01-05 are overdue; credits unknown"
    assert lines[11] == "  The schedule overnight was due and left no decision."
    assert lines[12] == "  slow: box score of 2026-01-04 took 75 minutes (warning)"
    expected = "grades within 6 hours of the last action: 80% with 50 games in 7 days (target 95%)"
    assert lines[13] == f"  objective missed: {expected}"


def test_a_schedule_that_is_not_loaded_is_no_date_without_games() -> None:
    late = a_record(TODAY, "LATE", 0, reasons=("schedule is not written",))
    assert summary(Facts(**vars(WELL) | {"today": late}))[1] == "Mon 2026-01-05: LATE, 0 games; schedule is not written"


def test_each_kind_of_problem_alone_needs_a_look() -> None:
    assert is_all_well(WELL)
    for fault in (
        {"yesterday": a_record(YESTERDAY, "LATE")},
        {"today": a_record(TODAY, "FAILED")},
        {"open_alerts": [an_incident("x", "warning", AT)]},
        {"missed": ["silent"]},
        {"untrained_week": TODAY},
        {"slow": [(YESTERDAY, "box score", 75.4, "warning")]},
        {"missed_objectives": ["grades are late"]},
    ):
        assert not is_all_well(Facts(**{**vars(WELL), **fault}))  # type: ignore[arg-type]
