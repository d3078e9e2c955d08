"""What `status` names of a date beside its missing games."""

from datetime import date
from pathlib import Path

from nba_pipeline.completeness.disagreements import DISAGREEMENTS
from nba_pipeline.completeness.modes import DAILY_TABLES
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.status import status
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.builders_days import Days, complete_box, slate_of
from nba_pipeline_tests.monitoring.webhook import a_notifier, listening

DAY = date(2026, 1, 15)
LATER = eastern(date(2026, 1, 30), 12)
"""Long after nothing is read again by itself."""


def test_contradictions_stay_named_after_their_last_reread(tmp_path: Path) -> None:
    days, clock = Days(tmp_path), Clock(stands_at=LATER.isoformat())
    game = slate_of(DAY, eastern(DAY, 19), status="final")[0]
    days.write("schedule", DAY, game | {"home_points": 112})
    days.write("boxscores", DAY, *complete_box(game))
    row = {"game_id": game["game_id"], "player_id": 1, "player_name": "Al Able", "statistic": "points", "provider": "nba_cdn",
           "value": 20.0, "other_provider": "nba_stats", "other_value": 22.0, "source": "test"}  # fmt: skip
    days.write(DISAGREEMENTS.name, DAY, row)
    landing = Landing(home=str(tmp_path), clock=clock)
    (record,) = status(days.warehouse, landing, clock, [DAY], dict.fromkeys(DAILY_TABLES, "1"))
    assert record["missing"] == [f"NYK@GSW {game['game_id']} (players of GSW sum to 110 points, the team scored 112)"]
    assert record["happened"] == [f"sources of game {game['game_id']} disagree: Al Able points 20.0 (nba_cdn), 22.0 (nba_stats)"]


def test_a_message_that_was_not_delivered_is_named_on_the_date_it_was_raised(tmp_path: Path) -> None:
    days, clock = Days(tmp_path), Clock(stands_at=LATER.isoformat())
    with listening() as slack:
        slack.status = 500
        notifier = a_notifier(days.warehouse, slack.url, eastern(DAY, 12))
        notifier.raise_alert(date(2021, 11, 1), "run_failed", "season", "no box scores")
    (record,) = status(days.warehouse, Landing(home=str(tmp_path), clock=clock), clock, [DAY], dict.fromkeys(DAILY_TABLES, "1"))
    assert record["happened"] == ["alert run_failed season (2021-11-01) is not delivered yet after 1 attempt: it answered 500"]
