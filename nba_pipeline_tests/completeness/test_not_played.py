"""Marks of games that are not played: requirements, effect on the schedule, withdrawal."""

from datetime import timedelta
from pathlib import Path

import pytest

from nba_pipeline.cli import app
from nba_pipeline.completeness import slate_gates
from nba_pipeline.completeness.not_played import NOT_PLAYED, mark, off_games, standing_marks, with_marks
from nba_pipeline.errors import BadInput
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, Values, a_game, at, before, frame_of
from nba_pipeline_tests.commands import nba_pipeline

NOW = at(13, day=DAY + timedelta(days=2))
STUCK, PLAYED, PPD = "0022300001", "0022300002", "0022300003"
LINEAGE: Values = {"source": "test", "as_of": NOW, "code_version": "1"}
NO_SCORE: Values = {"home_points": None, "away_points": None}
GAMES = [
    a_game(game_id=STUCK, status="live", **NO_SCORE),
    a_game(game_id=PLAYED, home_team="BOS", away_team="LAL"),
    a_game(game_id=PPD, home_team="DEN", away_team="MIA", status="postponed", status_text="PPD", **NO_SCORE),
]


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    """A game that never became final, one that did, and one that the league postponed."""
    here = LocalWarehouse(home=str(tmp_path))
    here.replace(TABLES["schedule"], [DAY], frame_of(TABLES["schedule"], *(game | LINEAGE for game in GAMES)), "test")
    return here


def marked(warehouse: LocalWarehouse, game_id: str = STUCK, hours: int = 0, is_not_played: bool = True) -> str:
    now = NOW + timedelta(hours=hours)
    return mark(warehouse, now, game_id, " the floor was wet ", "Ann", is_not_played)[1]


def statuses(warehouse: LocalWarehouse, hours: int = 0) -> list[str]:
    """The rows of `schedule` that the asset writes in a run at that instant."""
    games, marks = frame_of(TABLES["schedule"], *GAMES), warehouse.scan(NOT_PLAYED).collect()
    return with_marks(games, marks, NOW + timedelta(hours=hours))["status"].to_list()


def test_a_marked_game_is_not_played_from_then_on(warehouse: LocalWarehouse) -> None:
    assert marked(warehouse) == f"NYK@GSW {STUCK} of {DAY} is marked as not played, by Ann: the floor was wet"
    assert statuses(warehouse) == ["postponed", "final", "postponed"]
    assert statuses(warehouse, hours=-1) == ["live", "final", "postponed"]  # a rebuild repeats earlier runs


def test_a_mark_has_its_author_reason_and_instant(warehouse: LocalWarehouse) -> None:
    marked(warehouse)
    assert warehouse.scan(NOT_PLAYED).drop("as_of", "code_version").collect().to_dicts() == [
        {
            "game_date": DAY,
            "game_id": STUCK,
            "is_not_played": True,
            "reason": "the floor was wet",
            "author": "Ann",
            "marked_at": NOW,
            "source": "nba-pipeline not-played",
        }
    ]


def test_a_mark_that_is_taken_back_counts_no_more_and_stays_in_the_ledger(warehouse: LocalWarehouse) -> None:
    marked(warehouse)
    assert "is no longer marked as not played, by Ann" in marked(warehouse, hours=1, is_not_played=False)
    assert statuses(warehouse, hours=1) == ["live", "final", "postponed"]
    marked(warehouse, hours=2)
    assert statuses(warehouse, hours=2)[0] == "postponed" and warehouse.scan(NOT_PLAYED).collect().height == 3


def test_a_game_that_the_league_reports_final_or_moved_is_not_marked(warehouse: LocalWarehouse) -> None:
    marked(warehouse)
    marks = warehouse.scan(NOT_PLAYED).collect()
    final, moved = a_game(game_id=STUCK), a_game(before(-1), game_id=STUCK, status="scheduled")
    assert with_marks(frame_of(TABLES["schedule"], final, moved), marks, NOW)["status"].to_list() == ["final", "scheduled"]


def test_a_marked_game_holds_neither_team_back(warehouse: LocalWarehouse) -> None:
    marked(warehouse)
    tomorrow = a_game(before(-1), "GSW", "NYK", status="scheduled", **NO_SCORE)
    stuck = frame_of(TABLES["schedule"], GAMES[0] | {"tipoff_at": at(0)}, tomorrow)
    boxes = TABLES["boxscores"].empty()
    _, held = slate_gates.judge_slates(stuck, boxes, [before(-1)], at(20))
    assert set(held["team"]) == {"GSW", "NYK"}
    games = with_marks(stuck, warehouse.scan(NOT_PLAYED).collect(), NOW)
    verdict, held = slate_gates.judge_slates(games, boxes, [before(-1)], at(20))
    assert held.is_empty() and verdict.row(0, named=True)["recent_games"] == 0


def test_games_that_are_not_played_are_reported_with_their_reason(warehouse: LocalWarehouse) -> None:
    marked(warehouse)
    marks = warehouse.scan(NOT_PLAYED).collect()
    games = with_marks(frame_of(TABLES["schedule"], *GAMES), marks, NOW)
    assert off_games(games, marks, NOW) == {
        DAY: [
            f"NYK@GSW {STUCK} is marked as not played, by Ann: the floor was wet",
            f"MIA@DEN {PPD} is not played; the league says: PPD",
        ]
    }
    final = frame_of(TABLES["schedule"], a_game(game_id=STUCK))
    assert off_games(final, marks, NOW) == {DAY: [f"NYK@GSW {STUCK} is final; the mark by Ann has no effect"]}


def test_an_empty_ledger_marks_nothing() -> None:
    assert standing_marks(NOT_PLAYED.empty(), NOW).is_empty()


GOOD = {"--game": STUCK, "--reason": "because", "--author": "Ann"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"--reason": " "}, "--reason must not be empty, it is ' '"), ({"--author": ""}, "--author must not be empty, it is ''"),
        ({"--game": "22300001"}, "--game is '22300001'; schedule has no game with this game_id"),
        ({"--game": PLAYED}, f"--game LAL@BOS {PLAYED} of {DAY} is final, 100:110: a game that was played cannot be marked"),
        ({"--game": PPD}, f"--game MIA@DEN {PPD} of {DAY} needs no mark: the league lists it as 'PPD'"),
        ({"--take-back": None}, f"--game NYK@GSW {STUCK} of {DAY} has no mark to withdraw"),
    ],
    ids=["no reason", "no author", "unknown game", "final", "postponed", "no mark"],
)  # fmt: skip
def test_wrong_use_is_one_message_and_adds_nothing(
    wrong: dict[str, str | None], sentence: str, warehouse: LocalWarehouse, tmp_path: Path
) -> None:
    texts = [text for option in (GOOD | wrong).items() for text in option if text is not None]
    ended = nba_pipeline("not-played", *texts, home=tmp_path, now=NOW)
    assert (ended.returncode, ended.stdout) == (2, "") and sentence in ended.stderr and len(ended.stderr.splitlines()) == 1
    assert warehouse.scan(NOT_PLAYED).collect().is_empty()


def test_an_empty_reason_touches_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"^--reason must not be empty"):
        app(["not-played", "--game", STUCK, "--reason", "", "--author", "Ann"], standalone_mode=False)
    assert not list(tmp_path.iterdir())


def test_a_game_is_marked_once(warehouse: LocalWarehouse) -> None:
    marked(warehouse)
    with pytest.raises(BadInput, match=rf"{STUCK} of {DAY} is already marked, by Ann on 2024-03-14 \(the floor was wet\)$"):
        marked(warehouse, hours=1)
