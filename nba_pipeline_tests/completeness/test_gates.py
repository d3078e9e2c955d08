"""Gates of games and dates. The last section tests that a gate that cannot be evaluated is closed."""

from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.completeness import gates
from nba_pipeline.errors import Closed
from nba_pipeline_tests.builders_gates import DAY, NO_WAIVERS, NOON_AFTER, a_game, boxes_of, schedule_of


def judged(game: dict[str, Any], boxes: pl.DataFrame) -> tuple[bool, str]:
    row = gates.judge_games(schedule_of(game), boxes).row(0, named=True)
    return row["is_complete"], row["problem"]


# One game


def test_a_complete_game_is_complete() -> None:
    game = a_game()
    assert_frame_equal(
        gates.judge_games(schedule_of(game), boxes_of(game)),
        pl.DataFrame([{
            "game_date": DAY, "game_id": "0000000001", "season": "2023-24", "home_team": "BKN", "away_team": "CHA",
            "matchup": "CHA@BKN 0000000001", "is_covered": True, "problem": "", "is_complete": True,
        }]),
    )  # fmt: skip


def test_a_game_without_a_box_score_is_incomplete() -> None:
    assert judged(a_game(), boxes_of()) == (False, "no box score of BKN; no box score of CHA")


def test_a_game_with_only_people_who_did_not_play_is_incomplete() -> None:
    boxes = boxes_of(a_game()).filter(~pl.col("did_play"))
    assert judged(a_game(), boxes) == (False, "no box score of BKN; no box score of CHA")


def test_a_game_with_one_team_is_incomplete() -> None:
    boxes = boxes_of(a_game()).filter(pl.col("team") == "CHA")
    assert judged(a_game(), boxes) == (False, "no box score of BKN")


def test_players_must_sum_to_the_score() -> None:
    game = a_game()
    assert judged(game | {"home_points": 111}, boxes_of(game)) == (False, "players of BKN sum to 110 points, the team scored 111")


def test_the_score_in_the_box_counts_as_well() -> None:
    boxes = boxes_of(a_game(), home={"team_points": 112})
    assert judged(a_game(), boxes) == (False, "players of BKN sum to 110 points, its box score says 112")


@pytest.mark.parametrize("column", ["home_points", "away_points"])
def test_a_final_game_without_a_score_is_incomplete(column: str) -> None:
    complete, problem = judged(a_game() | {column: None}, boxes_of(a_game()))
    assert (complete, problem.endswith("the team scored an unknown number")) == (False, True)


def test_a_final_game_of_an_unknown_team_is_incomplete() -> None:
    """A null in the message must not become an empty message, which means complete."""
    complete, problem = judged(a_game() | {"home_team": None}, boxes_of(a_game()))
    assert (complete, problem) == (False, "the box score cannot be checked: a value is null")


def test_four_players_are_too_few() -> None:
    game = a_game()
    boxes = boxes_of(game, home={"played": 4})
    assert judged(game, boxes) == (False, "only 4 played for BKN")
    assert judged(game, boxes_of(game, home={"played": 5})) == (True, "")


@pytest.mark.parametrize(
    ("minutes", "precision", "is_complete"),
    [
        (240, "exact", True),
        (241, "exact", True),
        (241.1, "exact", False),
        (238.9, "exact", False),
        (265, "exact", True),  # one overtime
        (290, "exact", True),
        (252, "exact", False),
        (215, "exact", False),  # a player with 25 minutes and no points is missing; overtimes are never negative
        (190, "exact", False),
        (246, "rounded", True),
        (246.5, "rounded", False),
        (234, "rounded", True),
        (271, "rounded", True),
        (253, "rounded", False),
        (215, "rounded", False),
    ],
)
def test_minutes_must_add_up_to_regulation_and_overtimes(minutes: float, precision: str, is_complete: bool) -> None:
    game = a_game()
    side = {"minutes": minutes / 8, "minutes_precision": precision}
    sides = ("BKN", "CHA")
    problem = "; ".join(f"players of {team} sum to {float(minutes)} minutes" for team in sides)
    assert judged(game, boxes_of(game, home=side, away=side)) == (is_complete, "" if is_complete else problem)


def test_both_teams_must_have_played_as_long() -> None:
    overtime = boxes_of(a_game(), home={"minutes": 265 / 8})
    assert judged(a_game(), overtime) == (False, "players of CHA sum to 240.0 minutes")


@pytest.mark.parametrize("status", ["scheduled", "live", "postponed", "unknown"])
def test_a_game_that_is_not_final_is_in_no_denominator(status: str) -> None:
    assert gates.judge_games(schedule_of(a_game(status=status)), boxes_of()).is_empty()


# One date


def shares(complete: int, final: int, **columns: Any) -> dict[str, Any]:
    """The coverage of a date with so many games."""
    games = [a_game(n) for n in range(1, final + 1)]
    covered = gates.coverage(gates.judge_games(schedule_of(*games), boxes_of(*games[:complete])), [DAY])
    return covered.row(0, named=True)


@pytest.mark.parametrize(
    ("complete", "final", "is_open"),
    [(4, 5, True), (3, 4, False), (79, 100, False), (80, 100, True), (0, 1, False), (0, 0, True)],
)
def test_a_date_is_open_from_eighty_per_cent(complete: int, final: int, is_open: bool) -> None:
    row = shares(complete, final)
    assert (row["is_open"], row["complete_games"], row["final_games"]) == (is_open, complete, final)
    assert row["share"] == (complete / final if final else 1.0)
    assert len(row["missing"]) == final - complete


def test_a_missing_game_is_named_with_its_reason() -> None:
    assert shares(1, 2)["missing"] == ["CLE@CHI 0000000002 (no box score of CHI; no box score of CLE)"]


def test_a_competition_without_a_source_is_named_and_does_not_count() -> None:
    cup_final, game = a_game(2, has_boxscore_source=False), a_game(1)
    covered = gates.coverage(gates.judge_games(schedule_of(cup_final, game), boxes_of(game)), [DAY]).row(0, named=True)
    assert (covered["final_games"], covered["is_open"], covered["missing"]) == (1, True, [])
    assert covered["uncovered"] == [f"{cup_final['away_team']}@{cup_final['home_team']} 0000000002"]


def test_every_requested_date_has_a_row() -> None:
    covered = gates.coverage(gates.judge_games(schedule_of(a_game()), boxes_of()), [DAY - timedelta(days=1), DAY])
    assert covered.select("game_date", "is_open").rows() == [(DAY - timedelta(days=1), True), (DAY, False)]


# Waivers


@pytest.mark.parametrize(("minutes", "is_due"), [(-1, False), (0, True)])
def test_a_closed_date_is_waived_from_noon_of_the_next_day(minutes: int, is_due: bool) -> None:
    games = [a_game(1), a_game(2)]
    covered = gates.coverage(gates.judge_games(schedule_of(*games), boxes_of(games[0])), [DAY])
    due = gates.waivers_due(covered, NOON_AFTER + timedelta(minutes=minutes))
    assert due.select("game_date", "gate", "reason").rows() == (
        [(DAY, "enough_final_games_are_covered", "DEGRADED: 1 of 2 final games complete at the deadline")] if is_due else []
    )


def test_a_waiver_satisfies_the_schema() -> None:
    covered = gates.coverage(gates.judge_games(schedule_of(a_game(1), a_game(2)), boxes_of(a_game(1))), [DAY])
    good, rejected = gates.WAIVERS.conform(gates.waivers_due(covered, NOON_AFTER), NOON_AFTER, "v1")
    assert (good.height, rejected.height) == (1, 0)


@pytest.mark.parametrize("complete", [0, 4, 5])
def test_an_open_date_and_one_without_a_complete_game_need_no_waiver(complete: int) -> None:
    games = [a_game(n) for n in range(1, 6)]
    covered = gates.coverage(gates.judge_games(schedule_of(*games), boxes_of(*games[:complete])), [DAY])
    assert gates.waivers_due(covered, NOON_AFTER).is_empty()


def waived(ends_at: datetime | None = None, gate: str = gates.COVERAGE_GATE) -> pl.DataFrame:
    row = {"game_date": DAY, "gate": gate, "reason": "r", "author": "a", "waived_at": NOON_AFTER, "ends_at": ends_at,
           "source": "s", "as_of": NOON_AFTER, "code_version": "1"}  # fmt: skip
    return pl.DataFrame([row], schema=gates.WAIVERS.dtypes)


# Eligible games


def eligible(
    complete: int, final: int, waivers: pl.DataFrame = NO_WAIVERS, dates: Sequence[date] = (DAY,)
) -> tuple[list[str], dict[str, list[str]]]:
    games = [a_game(n) for n in range(1, final + 1)]
    return gates.eligible_games(schedule_of(*games), boxes_of(*games[:complete]), waivers, dates, NOON_AFTER)


def test_from_eighty_per_cent_incomplete_games_are_excluded_by_name() -> None:
    ids, left_out = eligible(4, 5)
    assert ids == [f"{n:010d}" for n in range(1, 5)]
    assert left_out == {"2024-03-12": ["BOS@ATL 0000000005"]}


def test_a_complete_date_excludes_no_game() -> None:
    assert eligible(2, 2) == (["0000000001", "0000000002"], {})
    assert eligible(0, 0) == ([], {})


def test_a_closed_date_names_the_missing_games() -> None:
    with pytest.raises(Closed, match=r"2024-03-12 is closed: 3 of 4 final games .* fewer than 80%; missing: .*0000000004"):
        eligible(3, 4)


def test_only_the_complete_games_of_a_waived_date_are_eligible() -> None:
    ids, left_out = eligible(1, 4, waived())
    assert ids == ["0000000001"]
    assert [name[-1] for name in left_out["2024-03-12"]] == ["2", "3", "4"]


@pytest.mark.parametrize("waivers", [waived(ends_at=NOON_AFTER), waived(gate="another_gate")], ids=["over", "another"])
def test_a_waiver_that_is_over_or_of_another_gate_opens_nothing(waivers: pl.DataFrame) -> None:
    with pytest.raises(Closed):
        eligible(1, 4, waivers)


def test_a_range_is_open_while_one_of_its_dates_is_open() -> None:
    after = DAY + timedelta(days=1)
    closed, open_ = a_game(1), a_game(2, after)
    schedule = schedule_of(closed, open_)
    ids, left_out = gates.eligible_games(schedule, boxes_of(open_), NO_WAIVERS, [DAY, after], NOON_AFTER)
    assert (ids, left_out) == (["0000000002"], {"2024-03-12": ["CHA@BKN 0000000001"]})
    with pytest.raises(Closed):
        gates.eligible_games(schedule, boxes_of(), NO_WAIVERS, [DAY, after], NOON_AFTER)


def test_games_of_other_dates_are_not_eligible() -> None:
    other, game = a_game(1, DAY - timedelta(days=1)), a_game(2)
    ids, left_out = gates.eligible_games(schedule_of(other, game), boxes_of(other, game), NO_WAIVERS, [DAY], NOON_AFTER)
    assert (ids, left_out) == (["0000000002"], {})


# A gate that cannot be evaluated is closed: it raises for any error in its input


GAMES = schedule_of(a_game())
BOXES = boxes_of(a_game())
GATES: dict[str, Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame], object]] = {
    "judge_games": lambda schedule, boxes, _: gates.judge_games(schedule, boxes),
    "eligible_games": lambda schedule, boxes, w: gates.eligible_games(schedule, boxes, w, [DAY], NOON_AFTER),
}


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("column", ["status", "game_date", "home_team", "home_points", "has_boxscore_source"])
def test_a_gate_is_closed_without_a_column_of_the_schedule(gate: str, column: str) -> None:
    GATES[gate](GAMES, BOXES, NO_WAIVERS)
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        GATES[gate](GAMES.drop(column), BOXES, NO_WAIVERS)


@pytest.mark.parametrize("gate", GATES)
@pytest.mark.parametrize("column", ["did_play", "points", "minutes", "team", "team_points"])
def test_a_gate_is_closed_without_a_column_of_the_box_scores(gate: str, column: str) -> None:
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        GATES[gate](GAMES, BOXES.drop(column), NO_WAIVERS)


@pytest.mark.parametrize("column", ["gate", "ends_at", "game_date"])
def test_a_date_is_closed_without_a_column_of_the_waivers(column: str) -> None:
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        GATES["eligible_games"](GAMES, BOXES, NO_WAIVERS.drop(column))


def test_a_date_is_closed_when_minutes_are_not_numbers() -> None:
    with pytest.raises(Closed):
        GATES["eligible_games"](GAMES, BOXES.with_columns(minutes=float("nan")), NO_WAIVERS)
