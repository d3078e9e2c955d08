"""The archive: held dates, converted rows, and replays without the folder."""

import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import OFFLINE_TAG, REPLAY_TAG
from nba_pipeline.providers.archive import GAME_LINE_COLUMNS, PROP_COLUMNS, TEAM_TOTALS, Archive
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS, SCHEDULE_COLUMNS, TEAM_BOXSCORE_COLUMNS
from nba_pipeline.providers.nba_cdn import STATISTICS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import payload_limits
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.warehouse.damages import damage

DAY = date(2024, 3, 12)
TIPOFF = datetime(2024, 3, 12, 23, 30, tzinfo=UTC)
COMMENCE = datetime(2024, 3, 12, 23, 40, tzinfo=UTC)
EARLY = datetime(2024, 3, 12, 23, 0, tzinfo=UTC)
UTC_TIME = pl.Datetime("us", "UTC")

TOTALS = {name: TEAM_TOTALS.get(name, name) for name in STATISTICS}

Build = Callable[..., Path]


def a_game(game_id: str = "0022300945", **fields: Any) -> dict[str, Any]:
    totals = {f"{side}_{end}": n for side, least in (("home", 10), ("away", 50)) for n, end in enumerate(TOTALS.values(), least)}
    return totals | {
        "game_id": game_id, "game_date": DAY, "tipoff_utc": TIPOFF, "tipoff_source": "league", "home_team": "BOS",
        "away_team": "NYK", "home_pts": 110, "away_pts": 100, "status": 3, "is_neutral": False, "game_label": None,
        "game_sublabel": None, "arena_name": "TD Garden", "arena_city": None,
    } | fields  # fmt: skip


def a_box(game_id: str = "0022300945", **fields: Any) -> dict[str, Any]:
    row = {"game_id": game_id, "game_date": DAY, "player_id": 7, "player_name": "Al Horford", "team": "NYK",
           "starter": None, "minutes": 0, "plus_minus": -2}  # fmt: skip
    return row | dict.fromkeys(STATISTICS, 0) | fields


def a_prop(**fields: Any) -> dict[str, Any]:
    return {
        "odds_event_id": "e1", "market": "player_points", "book": "draftkings", "player_name_raw": "A. Horford",
        "line": 8.5, "over_odds": -110.0, "under_odds": None, "commence_time_utc": COMMENCE, "game_date": DAY,
        "home_team": "BOS", "away_team": "NYK", "snapshot_at": EARLY, "is_latest_pregame": True,
        "event_game_id": "0022300945",
    } | fields  # fmt: skip


def an_event(event_id: str = "e1", **fields: Any) -> dict[str, Any]:
    return {
        "event_id": event_id, "home_team": "Boston Celtics", "away_team": "New York Knicks", "commence_time": COMMENCE,
        "spread_point": -6.5, "total_point": 228.0,
    } | fields  # fmt: skip


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """An archive folder of one season."""

    def write(games: list[Any] | None = None, boxes: list[Any] | None = None, props: list[Any] | None = None,
              events: list[Any] | None = None) -> Path:  # fmt: skip
        folder = tmp_path / "archive"
        folder.mkdir(exist_ok=True)
        files = {
            "games_2023-24": games or [a_game()], "player_boxscores_2023-24": boxes or [a_box()],
            "player_props": props or [a_prop()], "game_lines": events or [an_event()], "players": [{"player_id": 7, "full_name": "Al Horford"}],
        }  # fmt: skip
        for stem, rows in files.items():
            types = {"tipoff_utc": UTC_TIME, "snapshot_at": UTC_TIME, "commence_time_utc": UTC_TIME, "commence_time": UTC_TIME}
            frame = pl.DataFrame(rows, infer_schema_length=None)
            frame.cast({name: dtype for name, dtype in types.items() if name in frame.columns}).write_parquet(
                folder / f"{stem}.parquet"
            )
        return folder

    return write


@pytest.fixture
def archive(build: Build, landing: Landing) -> Callable[..., Archive]:
    def open_archive(**files: Any) -> Archive:
        now = Clock(fixed_at="2025-01-01T12:00:00Z")
        return Archive(folder=str(build(**files)), landing=landing, clock=now)

    return open_archive


def only(frame: pl.DataFrame, *columns: str) -> tuple[Any, ...]:
    assert frame.height == 1
    return frame.select(columns).row(0)


@pytest.mark.parametrize(
    ("day", "is_held"),
    [(date(2023, 6, 30), False), (date(2023, 7, 1), True), (DAY, True), (date(2024, 3, 13), False)],
    ids=["season before", "1 July", "last game", "day after it"],
)
def test_dates_are_held_from_july_to_the_last_game(day: date, is_held: bool, archive: Callable[..., Archive]) -> None:
    assert archive().holds(day) is is_held


def test_today_is_not_held(build: Build, landing: Landing) -> None:
    today = Archive(folder=str(build()), landing=landing, clock=Clock(fixed_at="2024-03-12T12:00:00Z"))
    assert not today.holds(DAY) and today.holds(date(2024, 3, 11))


def test_a_relative_folder_is_read(build: Build, landing: Landing, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = build()
    monkeypatch.chdir(folder.parent)
    archive = Archive(folder=folder.name, landing=landing, clock=Clock(fixed_at="2025-01-01T12:00:00Z"))
    assert archive.schedule([DAY]).height == 1


def test_without_a_folder_nothing_is_held(landing: Landing, clock: Clock) -> None:
    archive = Archive(landing=landing, clock=clock)
    assert archive.is_empty and not archive.holds(DAY) and archive.schedule([DAY]).is_empty()


def test_games_become_rows_of_the_schedule(archive: Callable[..., Archive]) -> None:
    frame = archive(games=[a_game(), a_game("0012300001"), a_game("0032300001")]).schedule([DAY])
    assert frame.schema == pl.Schema(SCHEDULE_COLUMNS)
    expected = dict.fromkeys(SCHEDULE_COLUMNS) | {
        "game_date": DAY, "game_id": "0022300945", "season": "2023-24", "season_type": "regular_season",
        "tipoff_at": TIPOFF, "tipoff_source": "league", "home_team": "BOS", "away_team": "NYK", "is_neutral": False,
        "status": "final", "home_points": 110, "away_points": 100, "arena": "TD Garden", "has_boxscore_source": True,
        "source": frame["source"][0],
    }  # fmt: skip
    assert frame.rows(named=True) == [expected] and expected["source"].startswith("archive/games_2023-24/all/file/")


def test_a_competition_without_any_box_score_has_no_source(archive: Callable[..., Archive]) -> None:
    frame = archive(games=[a_game(), a_game("0062300001"), a_game("0052300001")]).schedule([DAY])
    assert frame.sort("game_id")["has_boxscore_source"].to_list() == [True, False, False]


def test_box_scores_are_rounded_and_of_who_played(archive: Callable[..., Archive]) -> None:
    frame = archive().boxscores([DAY])
    columns = ("opponent", "is_home", "did_play", "status", "is_starter", "seconds", "minutes", "minutes_precision",
               "team_points", "problem")  # fmt: skip
    assert frame.schema == pl.Schema(BOXSCORE_COLUMNS)
    assert only(frame, *columns) == ("BOS", False, True, "played", None, None, 0.0, "rounded", 100, None)


def test_a_box_score_without_its_game_is_a_problem(archive: Callable[..., Archive]) -> None:
    frame = archive(boxes=[a_box("0022300946")]).boxscores([DAY])
    assert only(frame, "problem") == ("game 0022300946 is not in the games file of 2023-24",)


def test_a_line_becomes_a_row_with_the_earlier_start(archive: Callable[..., Archive]) -> None:
    frame = archive().prop_lines([DAY])
    columns = ("game_id", "player_id", "spelling", "line_half_points", "over_price", "under_price", "tipoff_at",
               "is_before_tipoff", "problem")  # fmt: skip
    assert frame.schema == pl.Schema(PROP_COLUMNS)
    assert only(frame, *columns) == ("0022300945", None, "A. Horford", 17, -110, None, TIPOFF, True, None)


@pytest.mark.parametrize(
    ("snapshot_at", "tipoff", "is_before"),
    [(TIPOFF, TIPOFF, False), (None, TIPOFF, None), (EARLY, None, None)],
    ids=["at the tip-off", "unknown snapshot", "unknown tip-off"],
)
def test_only_a_known_snapshot_before_a_known_tipoff_is_before_it(
    snapshot_at: datetime | None, tipoff: datetime | None, is_before: bool | None, archive: Callable[..., Archive]
) -> None:
    opened = archive(games=[a_game(tipoff_utc=tipoff)], props=[a_prop(snapshot_at=snapshot_at)])
    assert only(opened.prop_lines([DAY]), "is_before_tipoff") == (is_before,)


def test_a_line_without_a_game_is_a_problem(archive: Callable[..., Archive]) -> None:
    frame = archive(props=[a_prop(event_game_id=None), a_prop()]).prop_lines([DAY])
    assert frame["problem"].to_list() == ["no game id for NYK at BOS", None]


def test_looks_at_one_standing_line_are_one_row(archive: Callable[..., Archive]) -> None:
    props = [a_prop(snapshot_at=None, is_latest_pregame=latest) for latest in (False, True)] + [a_prop(line=9.5)]
    frame = archive(props=props).prop_lines([DAY])
    assert frame.select("line", "is_latest_pregame").rows() == [(8.5, True), (9.5, True)]


def test_an_event_becomes_the_four_outcomes_of_a_book_called_consensus(archive: Callable[..., Archive]) -> None:
    frame = archive().game_lines([DAY])
    assert frame.schema == pl.Schema(GAME_LINE_COLUMNS)
    assert frame.select("market", "outcome", "line", "line_half_points").rows() == [
        ("spreads", "home", -6.5, -13), ("spreads", "away", 6.5, 13), ("totals", "over", 228.0, 456),
        ("totals", "under", 228.0, 456),
    ]  # fmt: skip
    columns = ("game_date", "game_id", "book", "tipoff_at", "snapshot_at", "is_before_tipoff", "price", "problem")
    expected = (DAY, "0022300945", "consensus", TIPOFF, None, None, None, None)
    assert frame.select(columns).unique().rows() == [expected]


def test_a_spread_is_told_from_the_schedule_s_home(archive: Callable[..., Archive]) -> None:
    turned = an_event(home_team="New York Knicks", away_team="Boston Celtics", total_point=None)
    frame = archive(events=[turned]).game_lines([DAY])
    assert frame.select("outcome", "line").rows() == [("home", 6.5), ("away", -6.5)]


def test_a_line_between_the_half_points_and_an_event_without_a_game_are_problems(archive: Callable[..., Archive]) -> None:
    odd = [an_event(spread_point=None, total_point=228.25), an_event("e2", home_team="Miami Heat", spread_point=None)]
    assert archive(events=odd).game_lines([DAY]).select("outcome", "game_id", "problem").rows() == [
        ("over", "0022300945", "totals of 228.25 is no whole number of half points"),
        ("over", None, "event e2 matches no game of the schedule"),
        ("under", "0022300945", "totals of 228.25 is no whole number of half points"),
        ("under", None, "event e2 matches no game of the schedule"),
    ]


def test_an_event_is_the_same_game_whichever_dates_are_asked_for(archive: Callable[..., Archive]) -> None:
    next_day = a_game("0022300950", game_date=date(2024, 3, 13))
    opened = archive(games=[a_game(), next_day], events=[an_event()])
    assert opened.game_lines([date(2024, 3, 13)]).is_empty()
    assert opened.game_lines([DAY, date(2024, 3, 13)])["game_id"].unique().to_list() == ["0022300945"]


def test_team_totals_become_two_rows_of_a_game(archive: Callable[..., Archive]) -> None:
    frame = archive().team_boxscores([DAY])
    assert frame.schema == pl.Schema(TEAM_BOXSCORE_COLUMNS)
    shared = {
        "game_date": DAY, "game_id": "0022300945", "season": "2023-24", "seconds": None, "periods": None,
        "is_reconstructed": False, "provider": "archive", "source": frame["source"][0], "problem": None,
    }  # fmt: skip
    home = {name: n for n, name in enumerate(TOTALS, 10)} | {"team": "BOS", "opponent": "NYK", "is_home": True, "points": 110}
    away = {name: n for n, name in enumerate(TOTALS, 50)} | {"team": "NYK", "opponent": "BOS", "is_home": False, "points": 100}
    assert frame.rows(named=True) == [{name: (shared | side)[name] for name in TEAM_BOXSCORE_COLUMNS} for side in (away, home)]


def test_a_game_without_totals_has_no_team_box_score(archive: Callable[..., Archive]) -> None:
    games = [a_game(), a_game("0042300101", home_fga=None, away_fga=None), a_game("0032300001")]
    assert archive(games=games).team_boxscores([DAY])["game_id"].unique().to_list() == ["0022300945"]


def test_the_players_are_a_list_of_spellings(archive: Callable[..., Archive]) -> None:
    assert only(archive().players(), "player_id", "spelling") == (7, "Al Horford")


def test_only_the_dates_asked_for_are_given(archive: Callable[..., Archive]) -> None:
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
    with pytest.raises(BadInput, match=f"NBA_ARCHIVE_DIR is {folder}, which is not a folder"):
        Archive(folder=str(folder), landing=landing, clock=opened.clock).holds(DAY)


def rows_in_a_run(archive: Archive, tags: dict[str, str] | None = None) -> tuple[str, list[Any]]:
    got: list[Any] = []

    @dg.asset
    def games(archive: Archive) -> None:
        got.extend([archive.is_empty, archive.holds(DAY), archive.schedule([DAY]).rows()])

    return dg.materialize([games], resources={"archive": archive}, tags=tags).run_id, got


def test_a_replay_reads_what_the_original_read_though_the_folder_is_gone(archive: Callable[..., Archive]) -> None:
    opened = archive()
    original, first = rows_in_a_run(opened)
    rows_in_a_run(archive(games=[a_game(home_pts=1)]))
    shutil.rmtree(opened.folder)
    without = Archive(landing=opened.landing, clock=opened.clock)
    assert rows_in_a_run(without, {REPLAY_TAG: original})[1] == first
    nothing, _ = rows_in_a_run(without)
    assert rows_in_a_run(opened, {REPLAY_TAG: nothing})[1] == [True, False, []]


def test_an_offline_run_reads_the_newest_landed_files_though_the_folder_is_gone(archive: Callable[..., Archive]) -> None:
    assert rows_in_a_run(archive(), {OFFLINE_TAG: "true"})[1] == [True, False, []]
    rows_in_a_run(archive())
    newer = archive(games=[a_game(home_pts=1)])
    _, expected = rows_in_a_run(newer)
    shutil.rmtree(newer.folder)
    without = Archive(landing=newer.landing, clock=newer.clock)
    original, found = rows_in_a_run(without, {OFFLINE_TAG: "true"})
    assert found == expected
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
    ("what", "column", "values", "found"),
    [
        ("games", "status", ["Final"], "String"), ("games", "home_pts", ["110"], "String"), ("games", "is_neutral", [0], "Int64"),
        ("games", "tipoff_utc", [1710286200], "Int64"), ("games", "game_date", ["2024-03-12"], "String"),
        ("boxes", "points", ["many"], "String"), ("boxes", "player_id", ["7"], "String"), ("boxes", "team", [18], "Int64"),
        ("boxes", "minutes", [True], "Boolean"), ("boxes", "game_id", [22300945], "Int64"),
        ("props", "line", ["8.5"], "String"), ("props", "snapshot_at", [datetime(2024, 3, 12)], "Datetime"),
        ("props", "event_game_id", [22300945], "Int64"), ("events", "home_team", [2], "Int64"),
        ("events", "commence_time", ["23:40"], "String"), ("totals", "away_fga", ["90"], "String"),
        ("players", "player_id", ["7"], "String"), ("players", "full_name", [7], "Int64"),
    ],
)  # fmt: skip
def test_a_column_that_drifts_is_named(
    what: str, column: str, values: list[Any], found: str, archive: Callable[..., Archive]
) -> None:
    opened, (stem, read) = archive(), READ[what]
    file = Path(opened.folder) / f"{stem}.parquet"
    frame = pl.read_parquet(file)
    frame.with_columns(pl.Series(column, values)).write_parquet(file)
    with pytest.raises(BadInput, match=rf"the archive's {stem}\.parquet has columns of another type: .*{column} is {found}"):
        read(opened)
    frame.rename({column: f"new_{column}"}).write_parquet(file)
    renamed = Archive(folder=opened.folder, landing=opened.landing, clock=opened.clock)
    with pytest.raises(BadInput, match=rf"the archive's {stem}\.parquet has no column .*{column}"):
        read(renamed)


def test_a_game_of_the_archive_without_its_date_is_refused(archive: Callable[..., Archive]) -> None:
    with pytest.raises(BadInput, match=r"games_2023-24\.parquet has 1 games without game_date"):
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


@pytest.mark.parametrize("how", ["empty", "cut off", "garbage"])
@pytest.mark.parametrize("question", QUESTIONS)
def test_an_unreadable_file_is_named_and_stays(question: str, how: str, build: Build, landing: Landing) -> None:
    stem, ask = QUESTIONS[question]
    folder = build()
    body = damage(folder / f"{stem}.parquet", how)
    archive = Archive(folder=str(folder), landing=landing, clock=Clock(fixed_at="2026-01-01T12:00:00+00:00"))
    with pytest.raises(BadInput, match=rf"{folder} has unreadable files: {stem}\.parquet"):
        ask(archive)
    assert (folder / f"{stem}.parquet").read_bytes() == body


def test_an_unreadable_last_season_costs_no_date_of_the_seasons_before(build: Build, landing: Landing) -> None:
    folder = build()
    (folder / "games_2024-25.parquet").write_bytes(b"garbage")
    archive = Archive(folder=str(folder), landing=landing, clock=Clock(fixed_at="2026-01-01T12:00:00+00:00"))
    assert archive.holds(DAY) and archive.schedule([DAY]).height == 1
    with pytest.raises(BadInput, match=r"games_2024-25\.parquet"):
        archive.holds(date(2025, 1, 15))


def test_a_file_that_is_too_large_is_refused_by_name_and_size(
    build: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = build()
    size = (folder / "players.parquet").stat().st_size
    limits = SETTINGS.payloads.model_copy(update={"most_mib_of_extension": {"parquet": (size - 1) / 1024**2}})
    monkeypatch.setattr(payload_limits, "SETTINGS", SETTINGS.model_copy(update={"payloads": limits}))
    clock = Clock(fixed_at="2025-09-01T00:00:00Z")
    archive = Archive(folder=str(folder), landing=Landing(home=str(tmp_path / "home"), clock=clock), clock=clock)
    with pytest.raises(BadInput, match=rf"players\.parquet has {size} bytes, more than the {size - 1} that a file may have"):
        archive.players()
