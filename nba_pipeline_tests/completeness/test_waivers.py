"""Requirements and effects of waivers, and several waivers of one date."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.cli import app
from nba_pipeline.completeness import gates
from nba_pipeline.completeness.gates import COVERAGE_GATE, WAIVERS
from nba_pipeline.completeness.waivers import WAIVABLE, refuse_open_gate, waive
from nba_pipeline.errors import BadInput, Closed
from nba_pipeline.league.calendar import eastern
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, Values, a_boxscore, a_game, at, frame_of
from nba_pipeline_tests.commands import nba_pipeline

MORNING = at(13, day=DAY + timedelta(days=1))
"""12:00 Eastern, before the deadline."""
LINEAGE: Values = {"source": "test", "as_of": MORNING, "code_version": "1"}


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    """Four final games on DAY; only the first has a box score."""
    here = LocalWarehouse(home=str(tmp_path))
    games = [a_game(game_id=f"{number}") | LINEAGE for number in range(4)]
    boxes = [
        a_boxscore(
            points=points if player == 0 else 0,
            team=team,
            team_points=points,
            minutes=48.0,
            game_id="0",
            player_id=player + points,
        )
        | LINEAGE
        for team, points in (("GSW", 110), ("NYK", 100))
        for player in range(5)
    ]
    here.replace(TABLES["schedule"], [DAY], frame_of(TABLES["schedule"], *games), "test")
    here.replace(TABLES["boxscores"], [DAY], frame_of(TABLES["boxscores"], *boxes), "test")
    return here


def waived(warehouse: LocalWarehouse, now: datetime = MORNING, ends_at: datetime | None = None, author: str = "Ann") -> list[str]:
    return waive(warehouse, now, DAY, COVERAGE_GATE, "the feed is gone", author, ends_at)


def eligible(warehouse: LocalWarehouse, as_of: datetime) -> list[str]:
    """The games that may be summarized and graded."""
    schedule, boxes, waivers = (warehouse.scan(t, [DAY]).collect() for t in (TABLES["schedule"], TABLES["boxscores"], WAIVERS))
    return gates.eligible_games(schedule, boxes, waivers, [DAY], as_of)[0]


def test_the_complete_games_of_a_waived_date_are_eligible(warehouse: LocalWarehouse) -> None:
    with pytest.raises(Closed):
        eligible(warehouse, MORNING)
    assert waived(warehouse) == [
        "enough_final_games_are_covered of 2024-03-12 is waived permanently, by Ann: the feed is gone",
        "1 of 4 final games have a complete box score; excluded: "
        + ", ".join(f"NYK@GSW {n} (no box score of GSW; no box score of NYK)" for n in (1, 2, 3)),
        "next: nba-pipeline run --date 2024-03-12 --mode overnight",
    ]
    assert eligible(warehouse, MORNING) == ["0"]
    with pytest.raises(Closed):  # a rebuild repeats earlier runs
        eligible(warehouse, MORNING - timedelta(seconds=1))


def test_the_date_of_today_may_be_waived(warehouse: LocalWarehouse) -> None:
    assert waived(warehouse, eastern(DAY, 23)) and eligible(warehouse, eastern(DAY, 23)) == ["0"]


def test_a_waiver_has_its_author_reason_and_end(warehouse: LocalWarehouse) -> None:
    waived(warehouse, ends_at=MORNING + timedelta(hours=2), author=" Ann ")
    assert warehouse.scan(WAIVERS).drop("code_version").collect().to_dicts() == [
        {"game_date": DAY, "gate": COVERAGE_GATE, "reason": "the feed is gone", "author": "Ann", "waived_at": MORNING,
         "ends_at": MORNING + timedelta(hours=2), "source": "nba-pipeline waive", "as_of": MORNING},
    ]  # fmt: skip


def test_a_second_waiver_is_refused_while_the_first_stands(warehouse: LocalWarehouse) -> None:
    ends_at = MORNING + timedelta(hours=2)
    waived(warehouse, ends_at=ends_at)
    with pytest.raises(
        BadInput, match=rf"of --date {DAY} is already waived, by Ann on 2024-03-13 until .* \(the feed is gone\)$"
    ):
        waived(warehouse, ends_at - timedelta(seconds=1), author="Bob")
    assert warehouse.scan(WAIVERS).collect().height == 1


def test_a_waiver_that_has_ended_opens_nothing_and_may_be_followed_by_another(warehouse: LocalWarehouse) -> None:
    ends_at = MORNING + timedelta(hours=2)
    waived(warehouse, ends_at=ends_at)
    assert eligible(warehouse, ends_at - timedelta(seconds=1)) == ["0"]
    with pytest.raises(Closed):
        eligible(warehouse, ends_at)
    waived(warehouse, ends_at, author="Bob")
    assert eligible(warehouse, ends_at) == ["0"]
    assert warehouse.scan(WAIVERS).collect()["author"].to_list() == ["Ann", "Bob"]


def test_the_deadline_waives_once_also_after_the_end_of_a_waiver(warehouse: LocalWarehouse) -> None:
    waived(warehouse, ends_at=MORNING + timedelta(hours=1))
    schedule, boxes = (warehouse.scan(TABLES[name], [DAY]).collect() for name in ("schedule", "boxscores"))
    covered = gates.coverage(gates.judge_games(schedule, boxes), [DAY])
    for hours in (0, 24):  # two runs after the deadline
        now = gates.deadline(DAY) + timedelta(hours=hours)
        rows, rejected = WAIVERS.conform(gates.waivers_due(covered, now), now, "1")
        assert rejected.is_empty()
        warehouse.add(WAIVERS, [DAY], rows, "test")
        assert eligible(warehouse, now) == ["0"]
    assert warehouse.scan(WAIVERS).collect().select("author", "waived_at").rows() == [
        ("Ann", MORNING),
        ("deadline", gates.deadline(DAY)),
    ]


@pytest.mark.parametrize("gate", WAIVABLE)
def test_every_gate_that_can_be_waived_reads_waivers(gate: str) -> None:
    row = {"game_date": DAY, "gate": gate, "reason": "r", "author": "a", "waived_at": MORNING} | LINEAGE
    assert gates.standing_waivers(frame_of(WAIVERS, row), MORNING).height == 1


GOOD = {"--date": str(DAY), "--gate": COVERAGE_GATE, "--reason": "because", "--author": "Ann"}


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"--date": "soon"}, "^--date must be a date like 2024-03-15, not 'soon'$"),
        ({"--date": "2024-03-14"}, "^--date 2024-03-14 is after today, 2024-03-13: none of its games can be final yet$"),
        ({"--gate": "features"}, "^--gate is 'features'; gates that can be waived: enough_final_games_are_covered$"),
        ({"--reason": " "}, "^--reason must not be empty, it is ' '$"),
        ({"--author": ""}, "^--author must not be empty, it is ''$"),
        ({"--until": "2024-03-13T12:00:00"}, "^--until needs an offset, .*, not '2024-03-13T12:00:00'$"),
        (
            {"--until": "2024-03-13T13:00:00+00:00"},
            r"^--until 2024-03-13T13:00:00\+00:00 is not after now, 2024-03-13 09:00 US Eastern",
        ),
    ],
    ids=["no date", "tomorrow", "another gate", "no reason", "no author", "no offset", "over"],
)
def test_wrong_use_is_one_message_and_writes_nothing(
    wrong: dict[str, str], sentence: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NBA_PIPELINE_NOW", MORNING.isoformat())
    texts = [text for option in (GOOD | wrong).items() for text in option]
    with pytest.raises(BadInput, match=sentence):
        app(["waive", *texts], standalone_mode=False)
    assert not list(tmp_path.iterdir())


def test_the_command_reports_the_waiver_and_refuses_a_second_one(warehouse: LocalWarehouse, tmp_path: Path) -> None:
    texts = [text for option in (GOOD | {"--until": "2024-03-14T12:00:00-04:00"}).items() for text in option]
    first, second = (nba_pipeline("waive", *texts, home=tmp_path, now=MORNING) for _ in range(2))
    assert (first.returncode, first.stderr, len(first.stdout.splitlines())) == (0, "", 3)
    assert (second.returncode, second.stdout) == (2, "") and "is already waived, by Ann" in second.stderr
    ends_at = datetime(2024, 3, 14, 16, tzinfo=UTC)
    assert warehouse.scan(WAIVERS, [date(2024, 3, 12)]).select("ends_at", pl.col("author")).collect().rows() == [(ends_at, "Ann")]


def test_a_gate_that_is_not_closed_is_not_waived(warehouse: LocalWarehouse) -> None:
    refuse_open_gate(warehouse, DAY, COVERAGE_GATE)  # 1 of 4
    boxes = warehouse.scan(TABLES["boxscores"], [DAY]).collect()
    every = pl.concat([boxes.with_columns(game_id=pl.lit(str(number))) for number in range(4)])
    warehouse.replace(TABLES["boxscores"], [DAY], every, "test")
    with pytest.raises(BadInput, match=rf"^--gate {COVERAGE_GATE} of --date {DAY} is open: 4 of 4 final games have a complete"):
        refuse_open_gate(warehouse, DAY, COVERAGE_GATE)
    warehouse.replace(TABLES["schedule"], [DAY], frame_of(TABLES["schedule"], a_game(status="scheduled") | LINEAGE), "test")
    with pytest.raises(BadInput, match=f"^no game of --date {DAY} is final yet"):
        refuse_open_gate(warehouse, DAY, COVERAGE_GATE)
