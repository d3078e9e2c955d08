"""Expected absences of teammates: rates of earlier games only, by missed games and by reported status."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.assets.sources.injuries import TABLE as INJURIES
from nba_pipeline.formulas import expected_absences
from nba_pipeline.formulas.expected_absences import EXPECTED_ABSENCES, with_expected_absences
from nba_pipeline_tests.builders import DAY, Values, a_boxscore, frame_of, summaries_of

pytestmark = pytest.mark.slow

STAR, MATE, BENCH = 11, 12, 13
NIGHTS = 40
"""Games of a team of 14: one a day, the last on the day before DAY."""


@pytest.fixture(autouse=True)
def few_cases_suffice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A status is known after three reports, so that a test needs few games."""
    monkeypatch.setattr(expected_absences, "MIN_CASES_OF_STATUS", 3)


def history(star_missed: int = 0, tonight: bool = False) -> list[Values]:
    """Every player plays every night, but each of ten others misses every tenth, and the star the last ones."""
    rows = []
    for night in range(NIGHTS + tonight):
        day = DAY - timedelta(days=NIGHTS - night)
        for player in range(STAR, STAR + 14):
            is_star_out = player == STAR and night >= NIGHTS - star_missed
            if is_star_out or (player > BENCH and (night + player) % 10 == 0):
                continue
            minutes = {STAR: 36.0, BENCH: 5.0}.get(player, 24.0)
            rows.append(a_boxscore(day, 20, player_id=player, minutes=minutes, game_id=f"002{day:%y%m%d}1"))
    return rows


def absences(
    rows: list[Values], injuries: pl.DataFrame | None = None, player: int = MATE, as_of: datetime | None = None
) -> dict[str, Any]:
    row = {"game_date": DAY, "game_id": f"002{DAY:%y%m%d}1", "player_id": player, "team": "GSW", "season": "2023-24"}
    reports = INJURIES.empty() if injuries is None else injuries
    return with_expected_absences(pl.DataFrame([row]), summaries_of(*rows), reports, as_of).row(0, named=True)


def reports(status: str, nights: range, player: int = STAR, seen_hour: int = 20) -> pl.DataFrame:
    """The team's report of some nights, counted from DAY backwards, with one entry."""
    rows = []
    for night in nights:
        day = DAY - timedelta(days=night)
        noon = datetime(day.year, day.month, day.day, seen_hour, tzinfo=None).astimezone()
        rows.append(
            {"game_date": day, "game_id": f"002{day:%y%m%d}1", "team": "GSW", "player_id": player, "status": status,
             "snapshot_at": noon, "seen_at": noon, "tipoff_at": noon + timedelta(hours=3), "is_before_tipoff": True}
        )  # fmt: skip
    return frame_of(INJURIES, *rows)


def test_the_rate_is_the_share_that_stayed_out_before() -> None:
    """Of the thirteen with 10 minutes, two never miss; the others miss every tenth game."""
    row = absences(history())
    assert row["absent_minutes_expected"] == pytest.approx(12 * 25 * 0.085, rel=0.1)
    assert row["rated_teammates"] == 12 and row["reported_teammates"] == 0


def test_a_teammate_of_few_minutes_and_the_player_himself_do_not_count() -> None:
    assert absences(history(), player=STAR)["rated_teammates"] == 12
    assert absences(history(), player=BENCH)["rated_teammates"] == 13


def test_the_position_of_a_teammate_is_that_up_to_his_latest_game() -> None:
    """All players are alike, except for the assists of most teammates in their latest game."""
    last = DAY - timedelta(days=1)
    changed = [row | {"assists": 30} if row["player_id"] > BENCH and row["game_date"] == last else row for row in history()]
    alike, other = absences(history()), absences(changed)
    position = "absent_minutes_of_the_position_expected"
    assert alike[position] == pytest.approx(alike["absent_minutes_expected"])
    assert other[position] < 0.9 * alike[position] and other["absent_minutes_expected"] == alike["absent_minutes_expected"]


def test_a_star_who_missed_the_last_game_is_expected_to_miss_the_next() -> None:
    fit, hurt = absences(history()), absences(history(star_missed=5))
    assert hurt["absent_minutes_expected"] > fit["absent_minutes_expected"] + 3
    assert hurt["available_minutes_expected"] < fit["available_minutes_expected"]


def test_what_lacked_in_his_latest_games_is_no_change() -> None:
    """The star has been out for so long that the player's averages contain it."""
    change = {n: absences(history(star_missed=n))["absent_minutes_change"] for n in (1, 12)}
    assert change[12] < change[1]


def test_tonights_box_score_changes_nothing() -> None:
    before = history(star_missed=3)
    tonight = [row for row in history(tonight=True) if row["game_date"] == DAY and row["player_id"] != MATE + 2]
    assert absences(before) == absences([*before, *tonight])


def test_rates_are_unknown_before_there_are_enough_cases() -> None:
    early = [row for row in history() if row["game_date"] >= DAY - timedelta(days=5)]
    row = absences(early)
    assert row["absent_minutes_expected"] is None and row["rated_teammates"] == 0
    assert row["plays_probability"] is None


def test_a_reported_status_has_the_rate_of_earlier_reports() -> None:
    """The star was out on five reports and missed all five games; tonight he is out again."""
    rows = history(star_missed=5)
    plain, told = absences(rows), absences(rows, reports("out", range(6)))
    assert told["absent_minutes_expected"] > plain["absent_minutes_expected"]
    assert told["reported_teammates"] > 0


def test_a_status_with_too_few_reports_leaves_the_rate_of_the_box_scores() -> None:
    rows = history(star_missed=2)
    assert absences(rows, reports("doubtful", range(1)))["absent_minutes_expected"] == absences(rows)["absent_minutes_expected"]


def test_a_report_of_after_the_instant_does_not_count() -> None:
    rows, entries = history(star_missed=5), reports("out", range(6))
    early = entries["seen_at"].min()
    assert isinstance(early, datetime)
    assert absences(rows, entries, as_of=early - timedelta(days=1)) == absences(rows)


def test_the_probability_to_play_is_that_of_the_player_himself() -> None:
    rows = history(star_missed=3)
    hurt, fit = absences(rows, player=STAR)["plays_probability"], absences(rows)["plays_probability"]
    assert hurt < fit - 0.03


def test_no_rows_are_no_rows() -> None:
    rows = pl.DataFrame(
        schema={"game_date": pl.Date, "game_id": pl.String, "player_id": pl.Int64, "team": pl.String, "season": pl.String}
    )
    made = with_expected_absences(rows, summaries_of(*history()), INJURIES.empty())
    assert made.is_empty() and set(EXPECTED_ABSENCES) <= set(made.columns)
