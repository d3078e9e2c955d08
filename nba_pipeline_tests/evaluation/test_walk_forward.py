"""No model of the replay sees a result of its own week or a later one, and no result is read before its forecast is recorded."""

from collections.abc import Collection
from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.evaluation import walk_forward
from nba_pipeline.evaluation.market import market_of
from nba_pipeline.evaluation.source import Frames
from nba_pipeline.evaluation.walk_forward import Trained, Week, forecasts, walk
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import Training
from nba_pipeline.systems import LINEAR_MEDIAN, MOVING_AVERAGE
from nba_pipeline.systems.linear_median import LinearModel
from nba_pipeline_tests.builders_evaluation import FIRST, LAST, MONDAY, PLAYERS, Memory, league, source_of
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows


def replay(source: Frames, system: Any = None, **refits: int) -> tuple[list[Week], list[dict[str, Any]]]:
    entries: list[dict[str, Any]] = []
    lined = market_of(source.prop_lines(days(FIRST, LAST)), "known")
    weeks = list(walk(source, lined, [system or Memory()], refits, lambda entry: entries.append(dict(entry))))
    return weeks, entries


def errors_of(weeks: list[Week]) -> pl.Series:
    rows = pl.concat([week.forecasts.join(week.outcomes, on=["game_id", "player_id"]) for week in weeks])
    return (rows["predicted_value"] - rows["points"]).abs()


def test_a_system_with_perfect_memory_knows_nothing_of_its_week() -> None:
    weeks, _ = replay(source_of())
    assert len(weeks) == 2 and float(errors_of(weeks).min() or 0) > 0


def test_a_planted_leak_of_the_outcomes_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test above can fail: with the results of the week among the training rows, the memory is perfect."""
    monkeypatch.setattr(walk_forward, "_Rows", Leak)
    real = walk_forward.training_rows
    monkeypatch.setattr(walk_forward, "training_rows", lambda f, o, week, s: real(f, o, week + timedelta(days=7), s))
    monkeypatch.setattr(walk_forward, "week_of", lambda day: day + timedelta(days=7))
    weeks, _ = replay(source_of())
    assert float(errors_of(weeks).max() or 0) == 0


class Leak:
    """Reads every date at once."""

    def __init__(self) -> None:
        source = source_of()
        self.features, self.outcomes = (rows(source.game_dates()) for rows in (source.features, source.outcomes))

    def add(self, source: Frames, dates: Collection[date]) -> None: ...


def test_a_training_row_of_the_week_stops_the_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(walk_forward, "_Rows", Leak)
    real = walk_forward.training_rows
    monkeypatch.setattr(walk_forward, "training_rows", lambda f, o, week, s: real(f, o, week + timedelta(days=7), s))
    with pytest.raises(walk_forward.PipelineError, match="the training rows of the week of 2024-03-18 reach to 2024-03-24"):
        replay(source_of())


class Watched(Frames):
    """Notes in order which dates of results are read."""

    log: list[Any]

    def outcomes(self, dates: Collection[date]) -> pl.DataFrame:
        self.log.append(("read", max(dates)))
        return super().outcomes(dates)


def test_the_forecasts_of_a_week_are_recorded_before_its_results_are_read() -> None:
    source = Watched(league())
    log: list[Any] = []
    object.__setattr__(source, "log", log)
    lined = market_of(source.prop_lines(days(FIRST, LAST)), "known")
    list(walk(source, lined, [Memory()], {}, lambda entry: log.append(("recorded", entry["week"]))))
    before, second = FIRST - timedelta(days=1), FIRST + timedelta(days=6)
    assert log == [
        ("read", before), ("recorded", "2024-03-18"), ("read", second),
        ("read", second), ("recorded", "2024-03-25"), ("read", LAST),
    ]  # fmt: skip


def test_the_training_rows_are_all_player_games_of_earlier_weeks() -> None:
    _, entries = replay(source_of())
    players = PLAYERS - 1  # one never plays
    assert [entry["models"]["memory"]["rows"] for entry in entries] == [14 * players, 21 * players]
    assert [entry["models"]["memory"]["train_end_date"] for entry in entries] == ["2024-03-17", "2024-03-24"]


def test_a_system_may_be_trained_every_second_week_only() -> None:
    _, entries = replay(source_of(), memory=2)
    assert entries[0]["models"] == entries[1]["models"]


def test_a_system_with_too_few_rows_has_no_forecast() -> None:
    weeks, entries = replay(source_of(), Memory(Training(least_rows=100_000)))
    assert weeks[0].forecasts.is_empty() and entries[0]["models"]["memory"]["model_id"] is None


def test_changed_results_of_a_later_week_change_no_earlier_forecast() -> None:
    changed = league()["player_game_summary"].with_columns(
        pl.when(pl.col("game_date") >= MONDAY + timedelta(days=21)).then(0).otherwise("points").alias("points")
    )
    (_, one), (_, other) = replay(source_of()), replay(source_of(player_game_summary=changed))
    assert [entry["forecasts_sha256"] for entry in one] == [entry["forecasts_sha256"] for entry in other]


def test_a_system_without_a_model_forecasts_every_lined_player() -> None:
    weeks, entries = replay(source_of(), MOVING_AVERAGE)
    assert [week.forecasts.height for week in weeks] == [7 * PLAYERS] * 2 and entries[0]["models"] == {}


def test_the_replay_flags_few_career_games_as_predict_does() -> None:
    """The flag widens the distribution of the forecast, so without it the report scores other probabilities than `predictions`."""
    zeros = (0.0,) * len(LINEAR_MEDIAN.reads)
    model = LinearModel(LINEAR_MEDIAN.reads, zeros, tuple(1.0 for _ in zeros), zeros, intercept=17.0)
    rows = features_of_rows(*(a_feature_row(player_id=n, career_games_last_1095_days=n) for n in (9, 10)))
    replayed = forecasts([LINEAR_MEDIAN], rows, {"linear_median": Trained(model, {})}, rows.clear())
    assert replayed.select("player_id", "predicted_value", "reasons").rows() == [(9, 17.0, ["few_career_games"]), (10, 17.0, [])]
