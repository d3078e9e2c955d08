"""The archive: covered dates, landed files, replays without the folder, unreadable files."""

import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import OFFLINE_TAG, REPLAY_TAG
from nba_pipeline.providers.archive import Archive
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import payload_limits
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.builders_archive import DAY, Build, a_game
from nba_pipeline_tests.providers.conftest import only
from nba_pipeline_tests.warehouse.damages import damage


@pytest.mark.parametrize(
    ("day", "is_covered"),
    [(date(2023, 6, 30), False), (date(2023, 7, 1), True), (DAY, True), (date(2024, 3, 13), False)],
    ids=["season before", "1 July", "last game", "day after it"],
)
def test_dates_are_covered_from_july_to_the_last_game(day: date, is_covered: bool, archive: Callable[..., Archive]) -> None:
    assert archive().holds(day) is is_covered


def test_today_is_not_covered(build: Build, landing: Landing) -> None:
    today = Archive(folder=str(build()), landing=landing, clock=Clock(fixed_at="2024-03-12T12:00:00Z"))
    assert not today.holds(DAY) and today.holds(date(2024, 3, 11))


def test_a_relative_folder_is_read(build: Build, landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build()
    monkeypatch.chdir(folder.parent)
    archive = Archive(folder=folder.name, landing=landing, clock=Clock(fixed_at="2025-01-01T12:00:00Z"))
    assert archive.schedule([DAY]).height == 1


def test_without_a_folder_no_date_is_covered(landing: Landing, clock: Clock) -> None:
    archive = Archive(landing=landing, clock=clock)
    assert archive.is_empty and not archive.holds(DAY) and archive.schedule([DAY]).is_empty()


def test_players_have_an_id_and_a_spelling(archive: Callable[..., Archive]) -> None:
    assert only(archive().players(), "player_id", "spelling") == (7, "Al Horford")


def test_only_requested_dates_are_returned(archive: Callable[..., Archive]) -> None:
    opened = archive()
    for frame in (opened.schedule, opened.boxscores, opened.prop_lines, opened.game_lines, opened.team_boxscores):
        assert frame([date(2024, 3, 11)]).is_empty() and frame([date(2019, 1, 1)]).is_empty()


def test_a_file_is_landed_once_per_content(archive: Callable[..., Archive], landing: Landing) -> None:
    for home_pts in (110, 110, 111):
        archive(games=[a_game(home_pts=home_pts)]).schedule([DAY])
    landed = [x["outcome"] for x in landing.requests() if x["endpoint"] == "games_2023-24"]
    assert landed == ["landed", "reused", "landed"]


def test_a_missing_folder_file_or_column_is_named(archive: Callable[..., Archive], landing: Landing) -> None:
    opened = archive()
    folder = Path(opened.folder)
    pl.DataFrame({"player_id": [1]}).write_parquet(folder / "players.parquet")
    with pytest.raises(BadInput, match=r"players\.parquet has no column full_name"):
        opened.players()
    (folder / "player_props.parquet").unlink()
    with pytest.raises(BadInput, match=rf"the archive {folder} has no player_props\.parquet"):
        opened.prop_lines([DAY])
    shutil.rmtree(folder)
    with pytest.raises(BadInput, match=f"NBA_ARCHIVE_DIR {folder} is not a folder"):
        Archive(folder=str(folder), landing=landing, clock=opened.clock).holds(DAY)


def rows_in_a_run(archive: Archive, tags: dict[str, str] | None = None) -> tuple[str, list[Any]]:
    results: list[Any] = []

    @dg.asset
    def games(archive: Archive) -> None:
        results.extend([archive.is_empty, archive.holds(DAY), archive.schedule([DAY]).rows()])

    return dg.materialize([games], resources={"archive": archive}, tags=tags).run_id, results


def test_a_replay_reads_the_files_of_the_original_run_without_the_folder(archive: Callable[..., Archive]) -> None:
    opened = archive()
    original, first = rows_in_a_run(opened)
    rows_in_a_run(archive(games=[a_game(home_pts=1)]))
    shutil.rmtree(opened.folder)
    without = Archive(landing=opened.landing, clock=opened.clock)
    assert rows_in_a_run(without, {REPLAY_TAG: original})[1] == first
    nothing, _ = rows_in_a_run(without)
    assert rows_in_a_run(opened, {REPLAY_TAG: nothing})[1] == [True, False, []]


@pytest.mark.slow
def test_an_offline_run_reads_the_newest_landed_files_without_the_folder(archive: Callable[..., Archive]) -> None:
    assert rows_in_a_run(archive(), {OFFLINE_TAG: "true"})[1] == [True, False, []]
    rows_in_a_run(archive())
    newer = archive(games=[a_game(home_pts=1)])
    _, expected = rows_in_a_run(newer)
    shutil.rmtree(newer.folder)
    without = Archive(landing=newer.landing, clock=newer.clock)
    original, actual = rows_in_a_run(without, {OFFLINE_TAG: "true"})
    assert actual == expected
    assert rows_in_a_run(without, {REPLAY_TAG: original, OFFLINE_TAG: "true"})[1] == expected


READ: dict[str, tuple[str, Callable[[Archive], Any]]] = {
    "games": ("games_2023-24", lambda archive: archive.schedule([DAY])),
    "boxes": ("player_boxscores_2023-24", lambda archive: archive.boxscores([DAY])),
    "props": ("player_props", lambda archive: archive.prop_lines([DAY])),
    "events": ("game_lines", lambda archive: archive.game_lines([DAY])),
    "totals": ("games_2023-24", lambda archive: archive.team_boxscores([DAY])),
    "players": ("players", lambda archive: archive.players()),
}
"""Kind of rows -> file and the call that reads it."""


@pytest.mark.parametrize(
    ("stem_and_method", "column", "values", "actual"),
    [
        ("games", "status", ["Final"], "String"),
        ("games", "home_pts", ["110"], "String"),
        ("games", "is_neutral", [0], "Int64"),
        ("games", "tipoff_utc", [1710286200], "Int64"),
        ("games", "game_date", ["2024-03-12"], "String"),
        ("boxes", "points", ["many"], "String"),
        ("boxes", "player_id", ["7"], "String"),
        ("boxes", "team", [18], "Int64"),
        ("boxes", "minutes", [True], "Boolean"),
        ("boxes", "game_id", [22300945], "Int64"),
        ("props", "line", ["8.5"], "String"),
        ("props", "snapshot_at", [datetime(2024, 3, 12)], "Datetime"),
        ("props", "event_game_id", [22300945], "Int64"),
        ("events", "home_team", [2], "Int64"),
        ("events", "commence_time", ["23:40"], "String"),
        ("totals", "away_fga", ["90"], "String"),
        ("players", "player_id", ["7"], "String"),
        ("players", "full_name", [7], "Int64"),
    ],
)
def test_a_changed_column_is_named(
    stem_and_method: str, column: str, values: list[Any], actual: str, archive: Callable[..., Archive]
) -> None:
    opened, (stem, read) = archive(), READ[stem_and_method]
    file = Path(opened.folder) / f"{stem}.parquet"
    frame = pl.read_parquet(file)
    frame.with_columns(pl.Series(column, values)).write_parquet(file)
    with pytest.raises(BadInput, match=rf"the archive's {stem}\.parquet has columns of another type: .*{column} is {actual}"):
        read(opened)
    frame.rename({column: f"new_{column}"}).write_parquet(file)
    renamed = Archive(folder=opened.folder, landing=opened.landing, clock=opened.clock)
    with pytest.raises(BadInput, match=rf"the archive's {stem}\.parquet has no column .*{column}"):
        read(renamed)


def test_a_game_without_a_date_is_refused(archive: Callable[..., Archive]) -> None:
    with pytest.raises(BadInput, match=r"games_2023-24\.parquet has 1 game without game_date"):
        archive(games=[a_game(), a_game("0022300946", game_date=None)]).holds(DAY)


QUESTIONS: dict[str, tuple[str, Callable[[Archive], object]]] = {
    "schedule": ("games_2023-24", lambda archive: archive.schedule([DAY])),
    "holds": ("games_2023-24", lambda archive: archive.holds(DAY)),
    "boxscores": ("player_boxscores_2023-24", lambda archive: archive.boxscores([DAY])),
    "prop_lines": ("player_props", lambda archive: archive.prop_lines([DAY])),
    "game_lines": ("game_lines", lambda archive: archive.game_lines([DAY])),
    "team_boxscores": ("games_2023-24", lambda archive: archive.team_boxscores([DAY])),
    "players": ("players", lambda archive: archive.players()),
}


@pytest.mark.parametrize("damage_kind", ["empty", "cut off", "garbage"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_an_unreadable_file_is_named_and_not_moved(question: str, damage_kind: str, build: Build, landing: Landing) -> None:
    stem, ask = QUESTIONS[question]
    folder = build()
    body = damage(folder / f"{stem}.parquet", damage_kind)
    archive = Archive(folder=str(folder), landing=landing, clock=Clock(fixed_at="2026-01-01T12:00:00+00:00"))
    with pytest.raises(BadInput, match=rf"{folder} has unreadable files: {stem}\.parquet"):
        ask(archive)
    assert (folder / f"{stem}.parquet").read_bytes() == body


def test_an_unreadable_last_season_does_not_affect_earlier_seasons(build: Build, landing: Landing) -> None:
    folder = build()
    (folder / "games_2024-25.parquet").write_bytes(b"garbage")
    archive = Archive(folder=str(folder), landing=landing, clock=Clock(fixed_at="2026-01-01T12:00:00+00:00"))
    assert archive.holds(DAY) and archive.schedule([DAY]).height == 1
    with pytest.raises(BadInput, match=r"games_2024-25\.parquet"):
        archive.holds(date(2025, 1, 15))


def test_a_file_that_is_too_large_is_refused_with_name_and_size(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build()
    size = (folder / "players.parquet").stat().st_size
    limits = SETTINGS.payloads.model_copy(update={"most_mib_of_extension": {"parquet": (size - 1) / 1024**2}})
    monkeypatch.setattr(payload_limits, "SETTINGS", SETTINGS.model_copy(update={"payloads": limits}))
    clock = Clock(fixed_at="2025-09-01T00:00:00Z")
    archive = Archive(folder=str(folder), landing=Landing(home=str(tmp_path / "home"), clock=clock), clock=clock)
    with pytest.raises(BadInput, match=rf"players\.parquet has {size} bytes; the limit is {size - 1} bytes"):
        archive.players()
