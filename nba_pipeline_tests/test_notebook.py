"""`notebook.frame` returns the rows of a table and dates as stored in the warehouse, or raises an error with one sentence."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.assets.sources.boxscores import TABLE
from nba_pipeline.errors import BadInput, Permanent
from nba_pipeline.notebook import features, frame, record, slate
from nba_pipeline.tables import catalog
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, Values, a_boxscore, at, frame_of
from nba_pipeline_tests.builders_predictions import a_prediction, predictions_of

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
a_grade: Values = {
    "game_date": DAY - timedelta(days=1), "game_id": "1", "system_id": "ensemble", "market": "player_points", "run_kind": "live",
    "grade_version": 1, "prediction_id": "1", "predicted_value": 25.0, "line": 20.5, "recommendation": "OVER", "did_play": True,
    "actual_value": 23, "minutes": 30.0, "error": 2.0, "absolute_error": 2.0, "margin": 2.5, "outcome": "WIN", "is_correct": True,
}  # fmt: skip
DAYS = [DAY + timedelta(days=n) for n in range(4)]


def write(home: Path, *rows: Values) -> None:
    """Write rows of four dates to the warehouse of the home."""
    written = frame_of(TABLE, *(row | {"as_of": at(23), "code_version": "1"} for row in rows))
    LocalWarehouse(home=str(home)).replace(TABLE, DAYS, written, "test")


def test_the_first_and_last_date_are_included(tmp_path: Path) -> None:
    write(tmp_path, *(a_boxscore(day, points=n, player_id=player) for n, day in enumerate(DAYS) for player in (2, 1)))
    rows = frame("boxscores", str(DAYS[1]), str(DAYS[2]))
    assert list(rows.columns) == list(TABLE.dtypes)
    assert rows[["points", "player_id"]].to_numpy().tolist() == [[1, 1], [1, 2], [2, 1], [2, 2]]
    assert str(rows["points"].dtype) == "Int64"


def test_dates_that_were_never_written_have_no_rows(tmp_path: Path) -> None:
    rows = frame("boxscores", "2023-01-01", "2023-01-02")
    assert (len(rows), list(rows.columns)) == (0, list(TABLE.dtypes))


def test_rows_that_violate_the_schema_raise(tmp_path: Path) -> None:
    write(tmp_path, a_boxscore(team_points=300))
    with pytest.raises(Permanent, match=r"^boxscores: column team_points is above 250 in 1 of 1 rows: 300 \(game_id 0022403121,"):
        frame("boxscores", str(DAY), str(DAY))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("feature", "2024-01-01", "2024-01-02"),
            r"^unknown table 'feature'; did you mean features\? choose one of alert_changes, alert_deliveries, alert_message_deliveries, alerts, ",
        ),
        (("features", "1 March", "2024-01-02"), "^first must be a date like 2024-03-15, not '1 March'$"),
        (("features", "2024-01-01", "2024-02-30"), "^last must be a date like 2024-03-15, not '2024-02-30'$"),
        (("features", "2020-01-01", "2024-01-02"), "^first 2020-01-01 is before 2021-10-01, the first date of the platform$"),
        (("features", "2024-01-02", "2024-01-01"), "^first 2024-01-02 is after last 2024-01-01$"),
        (("features", "2024-01-01", "2024-03-14"), "^last 2024-03-14 is after tomorrow, 2024-03-13$"),
    ],
    ids=["table", "first", "last", "too early", "backwards", "too late"],
)
def test_bad_arguments_are_refused_with_the_choices(
    arguments: tuple[str, str, str], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBA_PIPELINE_NOW", "2024-03-12T12:00:00-04:00")
    with pytest.raises(BadInput, match=message):
        frame(*arguments)


def test_a_view_has_the_rows_of_the_dates(tmp_path: Path) -> None:
    made = [a_prediction(game_date=day, version=version, as_of=at(23), code_version="1") for day in DAYS for version in (1, 2)]
    LocalWarehouse(home=str(tmp_path)).add(PREDICTIONS, DAYS, predictions_of(*made), "test")
    rows = frame("latest_predictions", str(DAYS[1]), str(DAYS[2]))
    assert list(rows["version"]) == [2, 2] and list(rows.columns) == list(PREDICTIONS.dtypes)


@pytest.mark.parametrize("view", catalog.views())
def test_every_view_is_a_frame(view: str, tmp_path: Path) -> None:
    write(tmp_path, a_boxscore())
    journal = tmp_path / "landing" / "journal" / "one.jsonl"
    journal.parent.mkdir(parents=True)
    lines = [
        {"kind": "run", "run_id": "a", "as_of": at(23).isoformat(), "job": "season"},
        {"kind": "request", "run_id": "a", "provider": "nba_cdn", "outcome": "landed", "fetched_at": at(23).isoformat(), "status": 200,
         "game_date": str(DAY), "final_game_ids": ["1"], "ref": "a"},
    ]  # fmt: skip
    journal.write_text("".join(json.dumps(line) + "\n" for line in lines))
    number = len(frame(view, str(DAY), str(DAY)))
    assert number == (view in ("requests", "landing", "availability", "runs"))
    assert len(frame(view, str(DAYS[1]), str(DAYS[1]))) == 0


def test_polars_has_the_same_values_as_pandas(tmp_path: Path) -> None:
    write(tmp_path, *(a_boxscore(day) for day in DAYS))
    rows = frame("boxscores", str(DAYS[0]), str(DAYS[1]), engine="polars")
    assert isinstance(rows, pl.DataFrame) and rows.schema == pl.Schema(TABLE.dtypes)
    assert rows["points"].to_list() == list(frame("boxscores", str(DAYS[0]), str(DAYS[1]))["points"])
    with pytest.raises(BadInput, match=r"^unknown engine 'spark'; choose one of pandas, polars$"):
        frame("boxscores", str(DAY), str(DAY), engine="spark")  # type: ignore[arg-type]


def test_a_slate_has_the_newest_live_forecasts(tmp_path: Path) -> None:
    kinds = (("live", 1, 20.0), ("live", 2, 21.0), ("backtest", 1, 30.0))
    made = [
        a_prediction(run_kind=kind, version=version, predicted_value=value, prediction_id=f"{kind}{version}", as_of=at(23), code_version="1")
        for kind, version, value in kinds
    ]  # fmt: skip
    LocalWarehouse(home=str(tmp_path)).add(PREDICTIONS, [DAY], predictions_of(*made), "test")
    assert slate(str(DAY), engine="polars")["predicted_value"].to_list() == [21.0]
    assert list(slate(str(DAY))["predicted_value"]) == [21.0]


def test_each_function_links_the_columns_of_its_table() -> None:
    dictionary = (ROOT / "docs" / "data-dictionary.md").read_text(encoding="utf-8")
    for function, table in ((slate, "predictions"), (record, "grades"), (features, "features")):
        assert f"docs/data-dictionary.md#{table}." in str(function.__doc__) and f"\n## {table}\n" in dictionary


def test_the_example_runs_on_a_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its cells are executed in order, as in Jupyter. The home has no features."""
    monkeypatch.setenv("NBA_PIPELINE_NOW", at(12).isoformat())
    store, yesterday = LocalWarehouse(home=str(tmp_path)), DAY - timedelta(days=1)
    lineage = {"as_of": at(23), "code_version": "1"}
    store.add(PREDICTIONS, [DAY], predictions_of(a_prediction(**lineage)), "test")
    store.add(GRADES, [yesterday], frame_of(GRADES, *(a_grade | lineage | {"player_id": n} for n in (1, 2))), "test")
    cells = json.loads((ROOT / "docs" / "example.ipynb").read_text(encoding="utf-8"))["cells"]
    assert not [cell for cell in cells if cell.get("outputs")], "save the notebook without outputs"
    names: dict[str, Any] = {}
    for cell in cells:
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), "docs/example.ipynb", "exec"), names)
    assert (names["tonight"].height, names["rows"].height) == (1, 0)
    assert names["by_system"].select("rows", "mae", "line_mae", "gap").rows() == [(2, 2.0, 2.5, -0.5)]
