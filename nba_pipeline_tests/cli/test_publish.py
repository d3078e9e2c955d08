"""The commands `publish` and `export`: what they write, and when the earlier files stay."""

import json
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.cli.publish import FOLDER
from nba_pipeline.league.calendar import eastern
from nba_pipeline.publishing.export import LOCK, PUBLIC
from nba_pipeline.publishing.store import write_store
from nba_pipeline.warehouse.files import place, write
from nba_pipeline_tests.cli.conftest import Faulty
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.orchestration.test_runner import DAY, NEXT
from nba_pipeline_tests.publishing.test_export import FILES
from nba_pipeline_tests.warehouse.gcs_server import a_bucket

PUBLISH = ("publish", "--date", str(DAY))


@pytest.fixture
def own(faulty: Faulty, tmp_path: Path) -> Faulty:
    return faulty.copy(tmp_path / "home")


def slate(home: Path, day: date = DAY) -> dict[str, Any]:
    return dict(json.loads((home / "public" / "v1" / "slate" / f"{day}.json").read_text()))


def test_the_command_and_the_export_use_the_same_folder() -> None:
    assert FOLDER == PUBLIC


def test_a_slate_is_published_and_valid(own: Faulty) -> None:
    ended = own.run(*PUBLISH)
    assert (ended.returncode, slate(own.home)["game_date"]) == (0, str(DAY)), ended.stderr
    assert slate(own.home)["players"] and slate(own.home)["champion"] == "ensemble"
    assert own.run("export", "--validate").returncode == 0


def test_a_run_of_a_date_has_published_it_and_a_graded_date_the_next_page(own: Faulty) -> None:
    assert slate(own.home)["players"], "exported by the run of the slate"
    index = json.loads((own.home / "public" / "v1" / "latest.json").read_text())
    assert (index["game_date"], index["state"]) == (str(NEXT), "pending") and index["yesterday"], "exported after the grades"


def test_the_document_has_the_values_of_the_ledger(own: Faulty) -> None:
    newest = pl.read_parquet(own.home / "tables" / "predictions" / f"game_date={DAY}" / "part.parquet").sort("version")
    ledger = newest.unique(["game_id", "player_id", "system_id", "market"], keep="last")
    names = ["player_id", "market", "system_id", "predicted_value", "standard_deviation", "edge", "recommendation"]
    published = [
        (player["player_id"], player["market"], one["system"], one["value"], one["standard_deviation"], one["edge"], one["recommendation"])
        for player in slate(own.home)["players"]
        for one in player["forecasts"]
    ]  # fmt: skip
    assert sorted(published, key=str) == sorted(ledger.select(names).rows(), key=str)
    shown = {(player["player_id"], player["displayed_system"]): player for player in slate(own.home)["players"]}
    for row in ledger.iter_rows(named=True):
        if player := shown.get((row["player_id"], row["system_id"])):
            same = (
                "line",
                "book",
                "price",
                "best_price",
                "over_probability",
                "is_actionable",
                "reasons",
                "injury_status",
                "model_id",
            )
            assert {name: player[name] for name in same} == {name: row[name] for name in same}


def test_the_files_of_a_bucket_are_validated_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    address = "gs://bucket/a/prefix"
    monkeypatch.setenv("NBA_PIPELINE_PUBLIC", address)
    validate = partial(nba_pipeline, "export", "--validate", home=tmp_path)
    with a_bucket() as bucket:
        missing = validate()
        assert (missing.returncode, missing.stderr.split(";")[0]) == (1, f"{address}/manifest.json does not exist")
        write_store(place(address), FILES)  # type: ignore[arg-type]  # a bucket is no local path
        write(place(f"{address}/{LOCK}"), b"{}")
        valid = validate()
        assert (valid.returncode, valid.stdout) == (0, f"{len(FILES)} files of {address} are as recorded and fit their schemas\n")
        write(place(f"{address}/index.html"), b"changed")
        write(place(f"{address}/extra.html"), b"extra")
        del bucket.objects["a/prefix/v1/record.csv"]
        ended = validate()
    assert (ended.returncode, sorted(ended.stderr.splitlines())) == (
        1, ["extra.html is not in the manifest", "index.html differs from the manifest", "v1/record.csv is missing"]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("address", "words", "problem"),
    [
        ("/srv/public", ("export", "--validate"), "NBA_PIPELINE_PUBLIC is '/srv/public'; name a bucket, such as gs://bucket/prefix"),
        ("gs://bucket/p", ("serve", "public"), "the files are published to gs://bucket/p, which serves them; "),
    ],
)  # fmt: skip
def test_a_place_that_a_command_cannot_use_is_named(
    address: str, words: tuple[str, ...], problem: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBA_PIPELINE_PUBLIC", address)
    ended = nba_pipeline(*words, home=tmp_path)
    assert ended.returncode == 2 and ended.stderr.startswith(f"nba-pipeline: {problem}")


@pytest.mark.parametrize(
    ("day", "problem"),
    [("2020-01-01", "--date 2020-01-01 is before "), ("2026-01-17", "--date 2026-01-17 is after tomorrow, 2026-01-16")],
)
def test_a_date_that_cannot_have_a_slate_is_refused(day: str, problem: str, tmp_path: Path) -> None:
    ended = nba_pipeline("publish", "--date", day, home=tmp_path, now=eastern(date(2026, 1, 15), 12))
    assert ended.returncode == 2 and problem in ended.stderr and not (tmp_path / "public").exists()


@pytest.mark.parametrize("name", ["predictions", "schedule"])
def test_an_unreadable_table_is_no_empty_slate(name: str, own: Faulty) -> None:
    before = slate(own.home)
    part = own.home / "tables" / name / f"game_date={DAY}" / "part.parquet"
    part.unlink()  # a copied home shares its files with the prepared one, so none is changed in place
    if name == "schedule":
        part.write_bytes(b"garbage")
    ended = own.run(*PUBLISH)
    assert ended.returncode == 1 and "not published: " in ended.stderr, ended.stderr
    assert slate(own.home) == before


def test_a_schedule_that_is_not_loaded_is_no_date_without_games(own: Faulty) -> None:
    before = slate(own.home, NEXT)
    (own.home / "tables" / "schedule" / f"game_date={NEXT}" / "part.parquet").unlink()
    ended = own.run("publish", "--date", str(NEXT), hour=23)
    assert ended.returncode == 2 and f"the schedule of {NEXT} is not loaded" in ended.stderr, ended.stdout
    assert slate(own.home, NEXT) == before


def test_backtests_are_no_forecasts(own: Faulty) -> None:
    before = DAY - timedelta(days=1)
    assert own.run("publish", "--date", str(before)).returncode == 0
    assert (slate(own.home, before)["state"], slate(own.home, before)["players"]) == ("pending", [])
