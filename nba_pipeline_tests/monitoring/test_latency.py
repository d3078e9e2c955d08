"""Latency of games from instants that are already read: each step waits for the one before it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from nba_pipeline.monitoring.latency import UTC_INSTANT, latencies, slow, transitions, waiting

DAY, NEXT = date(2026, 1, 4), date(2026, 1, 5)
TYPES = {"game_date": pl.Date(), "next_slate": pl.Date(), "game_id": pl.String(), "is_predicted": pl.Boolean()}
END = datetime(2026, 1, 5, 4, tzinfo=UTC)


def at(minutes: float) -> datetime:
    return END + timedelta(minutes=minutes)


def frame(**columns: list[Any]) -> pl.DataFrame:
    return pl.DataFrame(columns, {name: UTC_INSTANT if name.endswith("_at") else TYPES[name] for name in columns})


def rows(games: list[str], **instants: Any) -> pl.DataFrame:
    """The latencies of games of one date; every game ended at `END`."""
    given = {
        "seen": frame(game_id=games, boxscore_at=[at(10)] * len(games)),
        "graded": frame(game_id=games, graded_at=[at(90)] * len(games)),
    }
    return latencies(
        frame(game_date=[DAY] * len(games), game_id=games, next_slate=[NEXT] * len(games), is_predicted=[True] * len(games)),
        instants.get("ended", frame(game_id=games, final_at=[END] * len(games))),
        instants.get("seen", given["seen"]),
        instants.get("graded", given["graded"]),
        instants.get(
            "materialized",
            {
                "player_game_summary": {DAY: [at(-60), at(12), at(300)]},
                "features": {NEXT: [at(5), at(150)]},
                "predictions": {NEXT: [at(100), at(200)]},
            },
        ),
    )


def test_a_step_counts_from_the_first_materialization_that_could_contain_the_game() -> None:
    found = rows(["1"]).row(0, named=True)
    assert found == {
        "game_date": DAY,
        "game_id": "1",
        "next_slate": NEXT,
        "is_predicted": True,
        "final_at": END,
        "boxscore_at": at(10),
        "summary_at": at(12),
        "graded_at": at(90),
        "features_at": at(150),
        "predictions_at": at(200),
    }


def test_minutes_of_each_step() -> None:
    expected = {
        "box score": 10,
        "summary": 2,
        "grades": 78,
        "features of the next slate": 138,
        "predictions of the next slate": 50,
    }
    assert dict(transitions(rows(["1"])).select("step", "minutes").iter_rows()) == expected


def test_a_game_without_a_box_score_has_no_later_step() -> None:
    found = rows(["1"], seen=frame(game_id=["2"], boxscore_at=[at(1)]), graded=frame(game_id=["2"], graded_at=[at(1)]))
    assert found.select("boxscore_at", "summary_at", "graded_at", "features_at").row(0) == (None, None, None, None)
    assert transitions(found).is_empty()


def test_predictions_from_before_the_features_do_not_count() -> None:
    early = rows(
        ["1"],
        materialized={"player_game_summary": {DAY: [at(12)]}, "features": {NEXT: [at(150)]}, "predictions": {NEXT: [at(20)]}},
    )
    assert early["predictions_at"].to_list() == [None]


def test_grades_from_before_the_summary_have_zero_minutes() -> None:
    early = rows(["1"], graded=frame(game_id=["1"], graded_at=[at(11)]))
    assert transitions(early).filter(pl.col("step") == "grades")["minutes"].to_list() == [0]


def test_the_slowest_game_of_a_date_names_a_slow_step() -> None:
    seen = frame(game_id=["1", "2"], boxscore_at=[at(10), at(70)])
    found = rows(["1", "2"], seen=seen, materialized={"player_game_summary": {DAY: [at(75)]}, "features": {}})
    assert slow(found) == [(DAY, "box score", 70.0, "warning"), (DAY, "summary", 65.0, "warning")]
    assert slow(rows(["1"]))[0] == (DAY, "features of the next slate", 138.0, "critical")


def test_features_of_a_slate_after_a_break_wait_from_the_first_mode_of_that_slate() -> None:
    """The slate of 9 January is due at 17:30 Eastern of the 8th, four days after the game."""
    due = datetime(2026, 1, 8, 22, 30, tzinfo=UTC)
    games = rows(["1"]).with_columns(next_slate=pl.lit(date(2026, 1, 9)), features_at=pl.lit(due + timedelta(minutes=5)))
    assert transitions(games).filter(step="features of the next slate")["minutes"].to_list() == [5]
    missing = games.with_columns(pl.lit(None, UTC_INSTANT).alias(name) for name in ("features_at", "predictions_at"))
    assert waiting(missing, due + timedelta(minutes=59)) == []
    assert waiting(missing, due + timedelta(minutes=60)) == [(DAY, "features of the next slate", 60.0, "warning")]


def test_a_step_that_has_not_happened_waits_until_now() -> None:
    nothing = rows(["1"], seen=frame(game_id=[], boxscore_at=[]), graded=frame(game_id=[], graded_at=[]))
    assert waiting(nothing, at(59)) == []
    assert waiting(nothing, at(60)) == [(DAY, "box score", 60.0, "warning")]
    assert waiting(nothing, at(120)) == [(DAY, "box score", 120.0, "critical")]
    assert waiting(rows(["1"]), at(1000)) == []


def test_a_game_without_a_prediction_waits_for_no_grades() -> None:
    ungraded = rows(["1"], graded=frame(game_id=[], graded_at=[]))
    assert [step for _, step, *_ in waiting(ungraded, at(300))] == ["grades"]
    assert waiting(ungraded.with_columns(is_predicted=False), at(300)) == []


def test_no_games_have_no_latency() -> None:
    empty = rows([])
    assert empty.is_empty() and transitions(empty).is_empty() and slow(empty) == [] == waiting(empty, END)
