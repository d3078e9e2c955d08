"""The model of a week: its rows, weeks without a model, and reproducible training."""

import json
import math
import re
import shutil
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import catboost
import dagster as dg
import numpy as np
import polars as pl
import pytest
from dagster import serialize_value

from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.assets.predictions.points_model import (
    TABLE,
    Summary,
    check_training_rows,
    points_model,
    train_week,
    training_rows,
)
from nba_pipeline.errors import Permanent
from nba_pipeline.instance.clock import Clock
from nba_pipeline.settings import SETTINGS, Training
from nba_pipeline.systems import CATBOOST, TRAINED_SYSTEMS
from nba_pipeline.systems.catboost import CatBoost
from nba_pipeline.systems.interface import TrainedSystem
from nba_pipeline.systems.linear_median import LinearMedian
from nba_pipeline.systems.training import split
from nba_pipeline.systems.xgboost import XGBoost
from nba_pipeline.warehouse.model_store import ModelStore, identify
from nba_pipeline.warehouse.weekly_models import load_models
from nba_pipeline_tests.builders import a_boxscore, summaries_of, who_did_not_play
from nba_pipeline_tests.builders_predictions import (
    HISTORY_STARTS,
    QUICK,
    WEEK,
    a_feature_row,
    a_history,
    features_of_rows,
)

pytestmark = pytest.mark.slow

LARGEST_METADATA_BYTES = 30_000
LAST = HISTORY_STARTS + timedelta(days=59)


@pytest.fixture
def store(tmp_path: Path) -> ModelStore:
    return ModelStore(home=str(tmp_path))


Trained = Callable[[TrainedSystem], tuple[pl.DataFrame, ModelStore]]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    """Returns the row and the store of a system that is trained once, on the linear history. Tests change a copy of the store."""
    store, rows = ModelStore(home=str(tmp_path_factory.mktemp("trained"))), dict[str, pl.DataFrame]()

    def train(system: TrainedSystem) -> tuple[pl.DataFrame, ModelStore]:
        if system.system_id not in rows:
            rows[system.system_id] = train_week(*a_linear_history(), WEEK, store, system)
        return rows[system.system_id], store

    return train


def test_a_row_describes_the_training_of_the_model(store: ModelStore) -> None:
    frame = train_week(*a_history(), WEEK, store, QUICK)
    row = frame.row(0, named=True)
    assert (row["game_date"], row["system_id"], row["reason"]) == (WEEK, "catboost", None)
    assert (row["train_start_date"], row["train_end_date"], row["rows"]) == (HISTORY_STARTS, LAST, 600)
    assert row["validation_rows"] == 12 * 10  # one fifth of 60 days, 10 players per day
    assert row["validation_mean_absolute_error"] < row["season_mean_absolute_error"] < 3
    assert row["features"] == list(QUICK.reads)
    kept, quarantined = TABLE.conform(frame, Clock(fixed_at="2024-03-11T09:00:00Z").now(), "1")
    assert (kept.height, quarantined.height) == (1, 0)


def test_no_row_of_the_week_or_later_is_used(store: ModelStore) -> None:
    """Absurd points from the week's Monday on change nothing, including the model's id."""
    features, summaries = a_history()
    monday = date(2023, 12, 11)
    absurd = summaries.with_columns(points=pl.when(pl.col("game_date") >= monday).then(99).otherwise("points"))
    row = train_week(features, summaries, monday, store, QUICK)
    assert row["train_end_date"].item() == monday - timedelta(days=1)
    assert row["model_id"].item() == train_week(features, absurd, monday, store, QUICK)["model_id"].item()


def test_points_of_the_day_before_the_week_are_used(store: ModelStore) -> None:
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
    one, other = (QUICK.forecast(s.load(ids[0], QUICK).fitted, rows).to_list() for s in stores)
    assert ids[0] == ids[1]
    assert one == other


def test_an_existing_model_is_not_trained_again(store: ModelStore) -> None:
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
    system = CatBoost(Training(least_rows=100, iterations=30, threads=1))
    row = train_week(*a_history(dates=2, players=50), WEEK, store, system).row(0, named=True)
    assert (row["model_id"], row["reason"]) == (None, "bootstrap: 100 rows, needs 100")


def test_only_those_who_played_and_have_all_base_windows_are_rows() -> None:
    day = HISTORY_STARTS
    features = features_of_rows(
        a_feature_row(day, player_id=11),
        a_feature_row(day, player_id=12),
        a_feature_row(day, player_id=13),
        a_feature_row(day, player_id=14, points_mean_last_5_games=None),
        a_feature_row(day, player_id=15, pace_score=None),
    )
    played = [a_boxscore(day, points=9, player_id=player) for player in (11, 14, 15)]
    rows = training_rows(features, summaries_of(*played, who_did_not_play(day, player_id=12)), WEEK, QUICK)
    assert rows.select("player_id", "points").rows() == [(11, 9), (15, 9)]


def test_the_validation_has_the_last_28_days_and_a_slate_lies_between() -> None:
    features, summaries = a_history(dates=200, players=2)
    training, validation = split(training_rows(features, summaries, date(2025, 1, 6), QUICK), QUICK)
    last = HISTORY_STARTS + timedelta(days=199)
    assert (validation["game_date"].min(), validation["game_date"].max()) == (last - timedelta(days=27), last)
    assert training["game_date"].max() == last - timedelta(days=29)


def test_training_and_forecasts_read_the_same_matrix() -> None:
    features, summaries = a_history()
    rows = training_rows(features, summaries, WEEK, QUICK)
    serving = features.select(reversed(features.columns)).join(rows, on=["game_id", "player_id"], how="semi")
    in_order = serving.sort("game_date", "game_id", "player_id")
    sample = QUICK.sample(rows)
    assert np.array_equal(sample.matrix, QUICK.matrix(in_order), equal_nan=True)
    assert sample.matrix.dtype == np.float64 and sample.matrix.shape == (600, len(QUICK.reads))
    assert sample.label.tolist() == rows["points"].to_list()


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("rest_days", 31.0, "is above 30 in 1 of 600 rows: 31.0 (row 7)"),
        ("pace_score", -3.5, "is below -3 in 1 of 600 rows: -3.5 (row 7)"),
        ("pace_score", math.inf, "is not finite in 1 of 600 rows: inf (row 7)"),
        ("pace_score", math.nan, "is not finite in 1 of 600 rows: nan (row 7)"),
        ("points", None, "is null in 1 of 600 rows: null (row 7)"),
        ("points", 101.0, "is above 100 in 1 of 600 rows: 101.0 (row 7)"),
        ("points", -1.0, "is below 0 in 1 of 600 rows: -1.0 (row 7)"),
    ],
)
def test_a_value_that_cannot_be_is_named_and_not_trained_on(column: str, value: float | None, message: str) -> None:
    rows = training_rows(*a_history(), WEEK, QUICK)
    spoilt = rows.with_columns(pl.when(pl.int_range(pl.len()) == 7).then(value).otherwise(column).alias(column))
    with pytest.raises(Permanent, match=f"^catboost_training: column {column} {re.escape(message)}$"):
        check_training_rows(spoilt, QUICK)


def test_nothing_is_trained_on_a_frame_that_is_refused(store: ModelStore, tmp_path: Path) -> None:
    features, summaries = a_history()
    impossible = summaries.with_columns(points=pl.when(pl.col("game_date") == LAST).then(101).otherwise("points"))
    with pytest.raises(Permanent, match="column points is above 100 in 10 of 600 rows"):
        train_week(features, impossible, WEEK, store, QUICK)
    assert not list(tmp_path.iterdir())


def test_a_model_is_that_of_the_matrix_and_the_points(store: ModelStore) -> None:
    """Compares with CatBoost on a matrix with NaN for null, and the points."""
    features, summaries = a_history(dates=200, players=12)
    rows = training_rows(features, summaries, date(2025, 1, 6), QUICK)
    assert 0.3 < rows.select(pl.mean_horizontal(pl.col(QUICK.reads).is_null()).mean()).item() < 0.7

    def pool(part: pl.DataFrame) -> catboost.Pool:
        matrix = part.select(pl.col(QUICK.reads).fill_null(math.nan)).to_numpy()
        return catboost.Pool(matrix, part["points"].to_numpy(), feature_names=list(QUICK.reads))

    training, validation = split(rows, QUICK)
    former = catboost.CatBoostRegressor(**QUICK.parameters, allow_writing_files=False, verbose=False)
    former.fit(pool(training), eval_set=pool(validation))
    row = train_week(features, summaries, date(2025, 1, 6), store, QUICK)
    model = store.load(row["model_id"].item(), CATBOOST)
    parameters = {**QUICK.parameters, "validation_days": QUICK.training.validation_days}
    assert model.card.model_id == identify(rows, parameters, QUICK.reads, QUICK.library_version)
    assert QUICK.forecast(model.fitted, rows).to_list() == QUICK.forecast(former, rows).to_list()
    assert QUICK.trees(model.fitted) == QUICK.trees(former) > 1


def test_the_summary_of_the_frame_is_reported_and_small_enough_for_the_ui(store: ModelStore) -> None:
    summaries: list[Summary] = []
    train_week(*a_history(), WEEK, store, QUICK, summaries.append)
    (summary,) = summaries
    records = {record.data["column"]: record.data for record in summary["summary"].records}
    assert (summary["rows"].value, summary["columns"].value) == (600, len(QUICK.reads) + 1)
    assert 0 < summary["null_pct"].value < 1
    assert list(records) == [*QUICK.reads, "points"]
    assert (records["points"]["null_pct"], records["points"]["min"], records["points"]["max"]) == (0, 2, 14)
    assert len(serialize_value(summary["summary"])) < LARGEST_METADATA_BYTES


def test_the_summary_stands_on_the_materialisation(tmp_path: Path) -> None:
    features, summaries = a_history()
    context = dg.build_asset_context(partition_key=str(WEEK))
    store = ModelStore(home=str(tmp_path))
    points_model(context, features, summaries, store)
    metadata = context.get_output_metadata("result")
    assert metadata["training_frame_rows"] == dg.IntMetadataValue(600)
    assert {f"training_frame_{what}" for what in ("columns", "null_pct", "summary")} <= metadata.keys()


def test_models_are_keyed_by_week_and_system(trained: Trained) -> None:
    row, store = trained(QUICK)
    without = train_week(*a_history(dates=20), WEEK + timedelta(days=7), store, QUICK)
    models = load_models(pl.concat([row, without]), store, TRAINED_SYSTEMS)
    assert {key: model.card.model_id for key, model in models.items()} == {(WEEK, "catboost"): row["model_id"].item()}


def write_nothing(file: Path) -> None:
    file.write_bytes(b"")


def make_a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def test_a_model_trained_on_its_own_week_is_refused_and_other_models_are_used(trained: Trained) -> None:
    good, store = trained(QUICK)
    early = good.with_columns(game_date=pl.lit(LAST - timedelta(days=3)))
    messages: list[object] = []
    assert load_models(pl.concat([early, good]), store, TRAINED_SYSTEMS, messages.append).keys() == {(WEEK, "catboost")}
    assert len(messages) == 1 and f"its training rows reach to {LAST}, which is not before the week of" in str(messages[0])


@pytest.mark.parametrize("make_unusable", [write_nothing, make_a_folder], ids=["empty", "a folder"])
def test_a_model_that_cannot_be_read_costs_its_own_system_only(
    trained: Trained, tmp_path: Path, make_unusable: Callable[[Path], None]
) -> None:
    row, undamaged = trained(QUICK)
    store = ModelStore(home=shutil.copytree(undamaged.home, tmp_path / "copy").as_posix())
    make_unusable(Path(str(store.folder(row["model_id"].item()))) / "model.cbm")
    messages: list[object] = []
    assert load_models(row, store, TRAINED_SYSTEMS, messages.append) == {} and len(messages) == 1


# Systems without early stopping


FEW_ROWS = LinearMedian(Training(least_rows=300))


def test_a_linear_model_has_no_trees_and_learns_from_the_validation_rows_too(store: ModelStore) -> None:
    """Its validation error is that of a model without them."""
    features, summaries = a_linear_history()
    row = train_week(features, summaries, WEEK, store, FEW_ROWS).row(0, named=True)
    assert (row["system_id"], row["trees"], row["rows"], row["reason"]) == ("linear_median", None, 600, None)
    absurd = summaries.with_columns(points=pl.when(pl.col("game_date") == LAST).then(90).otherwise("points"))
    changed = train_week(features, absurd, WEEK, store, FEW_ROWS).row(0, named=True)
    assert changed["model_id"] != row["model_id"]
    rows = training_rows(features, summaries, WEEK, FEW_ROWS)
    one, other = (FEW_ROWS.forecast(store.load(r["model_id"], FEW_ROWS).fitted, rows) for r in (row, changed))
    assert one.to_list() != other.to_list()
    assert changed["validation_mean_absolute_error"] > row["validation_mean_absolute_error"] + 5


def test_a_linear_model_is_the_same_for_any_order_of_the_rows(tmp_path: Path) -> None:
    features, summaries = a_linear_history()
    stores = [ModelStore(home=str(tmp_path / name)) for name in ("one", "other")]
    frames = [(features, summaries), (features.sample(fraction=1, shuffle=True, seed=1), summaries.reverse())]
    ids = [train_week(*rows, WEEK, s, FEW_ROWS)["model_id"].item() for rows, s in zip(frames, stores, strict=True)]
    one, other = (s.load(ids[0], FEW_ROWS).fitted for s in stores)
    assert ids[0] == ids[1] and one == other


FEW_TREES = XGBoost(Training(least_rows=300), SETTINGS.forecasts.model_copy(update={"tree_rounds": 5, "tree_least_weight": 5.0}))
each_trained_system = pytest.mark.parametrize("system", [QUICK, FEW_ROWS, FEW_TREES], ids=lambda system: system.system_id)


@each_trained_system
@pytest.mark.parametrize("damage", ["missing", "truncated", "of another version", "of other features", "outside its folder"])
def test_a_model_that_cannot_be_used_is_named(trained: Trained, tmp_path: Path, system: TrainedSystem, damage: str) -> None:
    row, undamaged = trained(system)
    store = ModelStore(home=shutil.copytree(undamaged.home, tmp_path / "copy").as_posix())
    folder = store.folder(row["model_id"].item())
    assert isinstance(folder, Path)
    file, card = folder / system.file_name, folder / "card.json"
    text = card.read_text()
    if damage == "missing":
        file.unlink()
    elif damage == "truncated":
        file.write_bytes(file.read_bytes()[:-100])
    elif damage == "of another version":
        card.write_text(text.replace(f'"library_version": "{system.library_version}"', '"library_version": "0"'))
    elif damage == "of other features":
        card.write_text(text.replace(f'"{system.reads[0]}"', '"renamed"', 1))
    else:
        card.write_text(text.replace(f'"{system.file_name}"', '"../model.cbm"'))
    messages: list[str] = []
    assert load_models(row, store, TRAINED_SYSTEMS, messages.append) == {}
    assert len(messages) == 1 and row["model_id"].item() in messages[0]


@each_trained_system
def test_a_model_describes_its_training(store: ModelStore, system: TrainedSystem) -> None:
    features, summaries = a_linear_history()
    metadata: list[Summary] = []
    versioned = summaries.with_columns(code_version=pl.lit("1"))
    row = train_week(features, versioned, WEEK, store, system, metadata.append)
    card = store.load(row["model_id"].item(), system).card
    assert card.code_version == code_version("points_model")
    assert card.data_versions == {"features": ("made so",), "player_game_summary": ("1",)}
    assert card.feature_types == dict.fromkeys(system.reads, "Float64")
    assert set(card.importances) == set(card.feature_ranges) == set(system.reads)
    assert sum(card.importances.values()) == pytest.approx(1)
    assert abs(card.validation_mean_error or 0) < (card.validation_mean_absolute_error or 0)
    table, facts = metadata[0]["importances"], metadata[0]["card"]
    shown = [record.data["share"] for record in table.records]
    assert shown == sorted(shown, reverse=True) and facts.value["model_id"] == card.model_id
    assert len(serialize_value(table)) + len(serialize_value(facts)) < LARGEST_METADATA_BYTES
    assert set(json.loads(row["feature_ranges"].item())) == set(system.reads)


@each_trained_system
def test_zero_rows_train_no_model(store: ModelStore, system: TrainedSystem) -> None:
    features, summaries = a_linear_history()
    row = train_week(features.clear(), summaries.clear(), WEEK, store, system).row(0, named=True)
    assert (row["model_id"], row["reason"]) == (None, "bootstrap: 0 rows, needs 300")


@each_trained_system
def test_a_column_without_a_known_value_trains_and_predicts(store: ModelStore, system: TrainedSystem) -> None:
    features, summaries = a_linear_history()
    name = next(name for name in reversed(system.reads) if name not in system.required)
    unknown = features.with_columns(pl.lit(None, pl.Float64).alias(name))
    row = train_week(unknown, summaries, WEEK, store, system)
    model = store.load(row["model_id"].item(), system)
    later = unknown.tail(1).with_columns(game_date=pl.lit(WEEK))
    assert system.predict(later, model)["predicted_value"].is_finite().all()


@each_trained_system
def test_the_label_under_another_name_is_refused(store: ModelStore, system: TrainedSystem) -> None:
    features, summaries = a_linear_history()
    name = next(name for name in reversed(system.reads) if name not in system.required)
    points = summaries.select("game_id", "player_id", pl.col("points").cast(pl.Float64).alias(name))
    leaking = features.drop(name).join(points, on=["game_id", "player_id"])
    with pytest.raises(
        Permanent, match=f"^{system.system_id}_training: these features equal the label `points` in every known row: {name}$"
    ):
        train_week(leaking, summaries, WEEK, store, system)


def test_the_label_under_its_own_name_is_refused(store: ModelStore) -> None:
    class Leaking(LinearMedian):
        reads = (*FEW_ROWS.reads, "points")

    features, summaries = a_linear_history()
    with pytest.raises(Permanent, match="linear_median_training: the label `points` is among the features"):
        train_week(features.with_columns(points=pl.lit(1.0)), summaries, WEEK, store, Leaking(FEW_ROWS.training))


@each_trained_system
def test_a_model_predicts_no_date_of_its_training(trained: Trained, system: TrainedSystem) -> None:
    row, store = trained(system)
    model, (features, _) = store.load(row["model_id"].item(), system), a_linear_history()
    with pytest.raises(Permanent, match=f"was trained on games up to {LAST}, so it cannot predict {LAST}"):
        system.predict(features.filter(pl.col("game_date") == LAST), model)


@each_trained_system
def test_a_feature_of_another_type_than_in_training_is_refused(trained: Trained, system: TrainedSystem) -> None:
    row, store = trained(system)
    model, (features, _) = store.load(row["model_id"].item(), system), a_linear_history()
    name = system.reads[3]
    later = features.tail(1).with_columns(pl.lit(WEEK).alias("game_date"), pl.col(name).cast(pl.Float32))
    with pytest.raises(Permanent, match=f"other types than in the training of model .*: {name} is Float32, was Float64"):
        system.predict(later, model)


def a_linear_history() -> tuple[pl.DataFrame, pl.DataFrame]:
    """A history in which everybody plays enough to be learned from."""
    features, summaries = a_history()
    return features.with_columns(minutes_half_life_5_games=pl.lit(20.0), points_half_life_8_games=pl.lit(10.0)), summaries
