"""The week's model: which rows it may see, when there is none, and that training twice gives the same."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.assets.predictions.points_model import TABLE, load_models, split, train_week, training_rows
from nba_pipeline.calendar import Clock
from nba_pipeline.errors import Permanent
from nba_pipeline.warehouse.model_store import ModelStore
from nba_pipeline_tests.builders import a_boxscore, summaries_of, who_did_not_play
from nba_pipeline_tests.builders_predictions import (
    HISTORY_STARTS,
    QUICK,
    WEEK,
    a_feature_row,
    a_history,
    features_of_rows,
)

LAST = HISTORY_STARTS + timedelta(days=59)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(home=str(tmp_path))


def test_a_row_says_what_the_model_was_made_of(store: ModelStore) -> None:
    frame = train_week(*a_history(), WEEK, store, QUICK)
    row = frame.row(0, named=True)
    assert (row["game_date"], row["system_id"], row["reason"]) == (WEEK, "catboost", None)
    assert (row["train_start_date"], row["train_end_date"], row["rows"]) == (HISTORY_STARTS, LAST, 600)
    assert row["validation_rows"] == 12 * 10  # a fifth of 60 days, 10 players a day
    assert row["validation_mean_absolute_error"] < row["season_mean_absolute_error"] < 3
    assert row["features"] == list(QUICK.reads)
    kept, quarantined = TABLE.conform(frame, Clock(stands_at="2024-03-11T09:00:00Z").now(), "1")
    assert (kept.height, quarantined.height) == (1, 0)


def test_no_row_of_the_week_or_later_is_seen(store: ModelStore) -> None:
    """Absurd points from the week's Monday on change nothing, not even the model's id."""
    features, summaries = a_history()
    monday = date(2023, 12, 11)
    absurd = summaries.with_columns(points=pl.when(pl.col("game_date") >= monday).then(99).otherwise("points"))
    row = train_week(features, summaries, monday, store, QUICK)
    assert row["train_end_date"].item() == monday - timedelta(days=1)
    assert row["model_id"].item() == train_week(features, absurd, monday, store, QUICK)["model_id"].item()


def test_points_of_the_day_before_the_week_are_seen(store: ModelStore) -> None:
    features, summaries = a_history()
    monday = date(2023, 12, 11)
    changed = pl.when(pl.col("game_date") == monday - timedelta(days=1)).then(pl.col("points") + 1).otherwise("points")
    row = train_week(features, summaries, monday, store, QUICK)
    other = train_week(features, summaries.with_columns(points=changed), monday, store, QUICK)
    assert row["model_id"].item() != other["model_id"].item()


def test_training_twice_in_two_stores_gives_identical_models(tmp_path: Path) -> None:
    features, summaries = a_history()
    stores = [ModelStore(home=str(tmp_path / name)) for name in ("one", "other")]
    frames = [(features, summaries), (features.sample(fraction=1, shuffle=True, seed=1), summaries.reverse())]
    ids = [train_week(*rows, WEEK, s, QUICK)["model_id"].item() for rows, s in zip(frames, stores, strict=True)]
    rows = training_rows(features, summaries, WEEK, QUICK)
    one, other = (QUICK.forecast(s.load(ids[0]).booster, rows).to_list() for s in stores)
    assert ids[0] == ids[1]
    assert one == other


def test_a_model_that_is_there_is_not_trained_again(store: ModelStore) -> None:
    first = train_week(*a_history(), WEEK, store, QUICK)
    file = store.folder(first["model_id"].item()) / "model.cbm"
    written_at = file.stat().st_mtime_ns
    assert train_week(*a_history(), WEEK, store, QUICK).equals(first)
    assert file.stat().st_mtime_ns == written_at


def test_too_few_rows_give_no_model_and_the_reason(store: ModelStore) -> None:
    row = train_week(*a_history(dates=20), WEEK, store, QUICK).row(0, named=True)
    assert (row["model_id"], row["reason"], row["rows"], row["trees"]) == (None, "bootstrap: 200 rows, needs 300", 200, None)


def test_without_any_row_there_is_no_model_and_no_window(store: ModelStore) -> None:
    row = train_week(*a_history(), HISTORY_STARTS, store, QUICK).row(0, named=True)
    assert (row["model_id"], row["reason"], row["train_start_date"]) == (None, "bootstrap: 0 rows, needs 300", None)


def test_a_window_that_is_all_validation_gives_no_model(store: ModelStore) -> None:
    row = train_week(*a_history(dates=2, players=200), WEEK, store, QUICK).row(0, named=True)
    assert (row["model_id"], row["reason"]) == (None, "bootstrap: 400 rows, needs 300")


def test_only_those_who_played_and_have_all_base_windows_are_rows() -> None:
    day = HISTORY_STARTS
    features = features_of_rows(
        a_feature_row(day, player_id=11), a_feature_row(day, player_id=12), a_feature_row(day, player_id=13),
        a_feature_row(day, player_id=14, points_mean_last_5_games=None), a_feature_row(day, player_id=15, pace_score=None),
    )  # fmt: skip
    played = [a_boxscore(day, points=9, player_id=player) for player in (11, 14, 15)]
    rows = training_rows(features, summaries_of(*played, who_did_not_play(day, player_id=12)), WEEK, QUICK)
    assert rows.select("player_id", "points").rows() == [(11, 9), (15, 9)]


def test_the_validation_has_the_last_28_days_and_a_slate_lies_between() -> None:
    features, summaries = a_history(dates=200, players=2)
    training, validation = split(training_rows(features, summaries, date(2025, 1, 6), QUICK), QUICK)
    last = HISTORY_STARTS + timedelta(days=199)
    assert (validation["game_date"].min(), validation["game_date"].max()) == (last - timedelta(days=27), last)
    assert training["game_date"].max() == last - timedelta(days=29)


def test_models_are_found_by_week_and_system(store: ModelStore) -> None:
    trained = train_week(*a_history(), WEEK, store, QUICK)
    without = train_week(*a_history(dates=20), WEEK + timedelta(days=7), store, QUICK)
    models = load_models(pl.concat([trained, without]), store)
    assert {key: model.card.model_id for key, model in models.items()} == {(WEEK, "catboost"): trained["model_id"].item()}


def test_a_model_that_saw_its_own_week_is_refused(store: ModelStore) -> None:
    trained = train_week(*a_history(), WEEK, store, QUICK).with_columns(game_date=pl.lit(LAST - timedelta(days=3)))
    with pytest.raises(Permanent, match=f"was trained on {LAST}, which is not before the week of"):
        load_models(trained, store)
