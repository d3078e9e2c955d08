"""Models are saved atomically, found again, and refused if they differ from what was saved."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.assets.predictions.points_model import train_week
from nba_pipeline.errors import Damaged, Permanent
from nba_pipeline.settings import Training
from nba_pipeline.systems import CATBOOST
from nba_pipeline.systems.card import TrainedModel
from nba_pipeline.systems.linear_median import LinearMedian
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.damage import notices
from nba_pipeline.warehouse.files import Place
from nba_pipeline.warehouse.model_store import ModelStore, identify
from nba_pipeline_tests.builders_predictions import QUICK, WEEK, a_history
from nba_pipeline_tests.warehouse.damages import DAMAGES
from nba_pipeline_tests.warehouse.gcs_server import KINDS, a_bucket, a_home

FRAME = pl.DataFrame({"game_id": ["1", "2"], "pace_score": [0.5, None]})


@pytest.fixture(params=KINDS)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ModelStore]:
    with a_home(request.param, tmp_path) as home:
        yield ModelStore(home=home)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    store = ModelStore(home=str(tmp_path_factory.mktemp("trained")))
    return store.load(str(train_week(*a_history(), WEEK, store, QUICK)["model_id"].item()), CATBOOST)


@pytest.fixture
def model_id(store: ModelStore, trained: TrainedModel) -> str:
    store.save(QUICK, trained.fitted, trained.card)
    return trained.card.model_id


def change_card(store: ModelStore, model_id: str, **fields: Any) -> None:
    card = store.folder(model_id) / "card.json"
    write(card, json.dumps(json.loads(files.read(card)) | fields).encode())


def write(path: Place, body: bytes) -> None:
    if isinstance(path, Path):
        path.write_bytes(body)
    else:
        files.put(path, body)


def versions(store: ModelStore, model_id: str) -> dict[str, float]:
    return {file.path.name: file.changed for file in files.listing(store.folder(model_id), "*")}


def test_a_model_is_exactly_two_files(store: ModelStore, model_id: str) -> None:
    listed = files.listing(store.folder(model_id).parent, "*", "*/*")  # a local listing includes the folder itself
    assert sorted(file.path.name for file in listed if file.path.name != model_id) == ["card.json", "model.cbm"]
    assert {file.path.parent.name for file in listed if file.path.name != model_id} == {model_id}


def test_a_loaded_model_reproduces_the_outputs_of_its_card(store: ModelStore, model_id: str) -> None:
    model = store.load(model_id, CATBOOST)
    rows = pl.DataFrame(model.card.golden_rows, schema=dict.fromkeys(QUICK.reads, pl.Float64), orient="row")
    assert QUICK.forecast(model.fitted, rows).to_list() == model.card.golden_outputs
    assert len(model.card.golden_outputs) == QUICK.training.golden_rows


def test_a_model_file_of_a_home_that_names_every_file_after_catboost_is_read(store: ModelStore) -> None:
    """The cards of such homes do not name the file."""
    system = LinearMedian(Training(least_rows=300))
    features, summaries = a_history()
    enough = {"minutes_half_life_5_games": pl.lit(20.0), "points_half_life_8_games": pl.lit(10.0)}
    model_id = train_week(features.with_columns(**enough), summaries, WEEK, store, system)["model_id"].item()
    folder, body = store.folder(model_id), json.loads(files.read(store.folder(model_id) / "card.json"))
    assert body.pop("model_file") == "model.json"
    outputs = store.load(model_id, system).card.golden_outputs
    write(folder / "model.cbm", files.read(folder / "model.json"))
    (folder / "model.json").unlink()
    for name in ("feature_types", "feature_ranges", "importances", "validation_mean_error", "code_version", "data_versions"):
        del body[name]
    write(folder / "card.json", json.dumps(body).encode())
    assert store.load(model_id, system).card.golden_outputs == outputs


def test_an_absent_model_is_named(store: ModelStore) -> None:
    assert not store.has("0123456789abcdef")
    with pytest.raises(Damaged, match="model 0123456789abcdef is not in"):
        store.load("0123456789abcdef", CATBOOST)


def test_a_model_that_does_not_reproduce_its_golden_rows_is_refused(store: ModelStore, model_id: str) -> None:
    outputs = store.load(model_id, CATBOOST).card.golden_outputs
    change_card(store, model_id, golden_outputs=[outputs[0] + 0.01, *outputs[1:]])
    with pytest.raises(
        Damaged, match=rf"model {model_id} .* deviates by 0\.010000 points from the saved outputs of its golden rows"
    ):
        store.load(model_id, CATBOOST)


def test_a_card_without_golden_rows_is_refused(store: ModelStore, model_id: str) -> None:
    change_card(store, model_id, golden_rows=[], golden_outputs=[])
    with pytest.raises(Damaged, match="0 golden rows"):
        store.load(model_id, CATBOOST)


def test_a_card_with_fewer_outputs_than_golden_rows_is_refused(store: ModelStore, model_id: str) -> None:
    change_card(store, model_id, golden_outputs=[1.0])
    with pytest.raises(Damaged, match="has 20 golden rows and 1 saved outputs"):
        store.load(model_id, CATBOOST)


def test_a_model_of_another_signature_is_refused(store: ModelStore, model_id: str) -> None:
    change_card(store, model_id, library_version="1.0")
    with pytest.raises(Permanent, match=r"written by catboost 1\.0, but version .* is installed"):
        store.load(model_id, CATBOOST)


def test_a_model_of_an_unknown_system_is_refused(store: ModelStore, model_id: str) -> None:
    change_card(store, model_id, system_id="crystal_ball")
    with pytest.raises(Permanent, match="belongs to system crystal_ball, not to catboost"):
        store.load(model_id, CATBOOST)


@pytest.mark.parametrize("name", ["card.json", "model.cbm"])
def test_a_damaged_file_is_named(store: ModelStore, model_id: str, name: str) -> None:
    path = store.folder(model_id) / name
    write(path, files.read(path)[:40])
    with pytest.raises(Damaged, match=str(path)):
        store.load(model_id, CATBOOST)


def test_a_second_writer_of_the_same_model_changes_nothing(store: ModelStore, model_id: str) -> None:
    before = versions(store, model_id)
    model = store.load(model_id, CATBOOST)
    store.save(QUICK, model.fitted, model.card)
    assert versions(store, model_id) == before


def test_a_torso_of_a_model_is_replaced(store: ModelStore, model_id: str) -> None:
    model = store.load(model_id, CATBOOST)
    write(store.folder(model_id) / "model.cbm", b"of another writer")
    (store.folder(model_id) / "card.json").unlink()
    assert not store.has(model_id)
    store.save(QUICK, model.fitted, model.card)
    loaded = store.load(model_id, CATBOOST).card  # CatBoost may write the same trees as different bytes
    assert loaded.model_copy(update={"model_sha256": model.card.model_sha256}) == model.card


def test_the_card_is_written_last_and_marks_the_model_as_complete(trained: TrainedModel) -> None:
    with a_bucket() as bucket:
        store, folder = ModelStore(home="gs://bucket"), f"models/{trained.card.model_id}"
        store.save(QUICK, trained.fitted, trained.card)
        assert bucket.uploaded == [f"{folder}/model.cbm", f"{folder}/card.json"]


def test_the_same_inputs_have_the_same_id() -> None:
    assert identify(FRAME, {"depth": 6}, ["pace_score"], "1.2") == identify(FRAME.clone(), {"depth": 6}, ["pace_score"], "1.2")


@pytest.mark.parametrize(
    "other",
    [
        (FRAME.with_columns(pl.lit(0.5).alias("pace_score")), {"depth": 6}, ["pace_score"], "1.2"),
        (FRAME.reverse(), {"depth": 6}, ["pace_score"], "1.2"),
        (FRAME.with_columns(game_id=pl.lit("1")), {"depth": 6}, ["pace_score"], "1.2"),
        (FRAME.rename({"pace_score": "line"}), {"depth": 6}, ["pace_score"], "1.2"),
        (FRAME, {"depth": 7}, ["pace_score"], "1.2"),
        (FRAME, {"depth": 6}, ["line"], "1.2"),
        (FRAME, {"depth": 6}, ["pace_score"], "1.3"),
    ],
    ids=["value", "order", "text", "column", "parameter", "feature", "library"],
)
def test_any_other_input_has_another_id(other: tuple[Any, ...]) -> None:
    assert identify(*other) != identify(FRAME, {"depth": 6}, ["pace_score"], "1.2")


def test_the_id_does_not_depend_on_process_or_machine() -> None:
    """A changed hash retrains every week of every warehouse, so change it deliberately."""
    assert identify(FRAME, {"depth": 6}, ["pace_score"], "1.2") == "826c54b607c70731"


@pytest.mark.parametrize("name", ["card.json", "model.cbm"])
@pytest.mark.parametrize("how", DAMAGES)
def test_the_folder_of_an_unreadable_model_is_moved_and_the_model_can_be_saved_again(
    store: ModelStore, trained: TrainedModel, model_id: str, name: str, how: str
) -> None:
    path = store.folder(model_id) / name
    body = DAMAGES[how](files.read(path))
    write(path, body)
    with pytest.raises(Damaged, match=f"{model_id}.*nba-pipeline reconcile"):
        store.load(model_id, CATBOOST)
    [notice] = notices(files.place(store.home))
    assert notice.subject == f"models/{model_id}" and not store.has(model_id)
    assert files.read(files.place(store.home) / notice.moved_to / name) == body
    store.save(QUICK, trained.fitted, trained.card)
    assert store.load(model_id, CATBOOST).card.golden_outputs == trained.card.golden_outputs


def test_a_model_without_its_file_is_moved(store: ModelStore, model_id: str) -> None:
    (store.folder(model_id) / "model.cbm").unlink()
    with pytest.raises(Damaged, match=r"model\.cbm is missing"):
        store.load(model_id, CATBOOST)
    assert not store.has(model_id)
