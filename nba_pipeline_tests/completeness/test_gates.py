"""Gates of games, dates and slates. The last section tests that a gate that cannot be evaluated is closed."""

from collections.abc import Callable, Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.sources import boxscores as boxscores_module
from nba_pipeline.assets.sources import schedule as schedule_module
from nba_pipeline.completeness import gates
from nba_pipeline.errors import Closed
from nba_pipeline.league.calendar import days, eastern, season_of
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.local import LocalWarehouse

DAY = date(2024, 3, 12)
NOON_AFTER = eastern(DAY + timedelta(days=1), 12)
TEAMS = ("ATL", "BOS", "BKN", "CHA", "CHI", "CLE", "DAL", "DEN", "DET", "GSW")

SCHEDULE = schedule_module.TABLE.schema.columns()
BOXSCORES = boxscores_module.TABLE.schema.columns()


def a_game(number: int = 1, day: date = DAY, **columns: Any) -> dict[str, Any]:
    """A final game, 110 to 100; the teams follow from the number."""
    return {
        "game_date": day, "game_id": f"{number:010d}", "season": season_of(day), "home_team": TEAMS[2 * number % 10],
        "away_team": TEAMS[(2 * number + 1) % 10], "home_points": 110, "away_points": 100, "status": "final",
        "tipoff_at": eastern(day, 19), "has_boxscore_source": True,
    } | columns  # fmt: skip


def a_side(game: dict[str, Any], side: str, played: int = 8, **columns: Any) -> list[dict[str, Any]]:
    """A team's eight players with 30 minutes each, of which the first scored all points, and one who did not play."""
    team, points = game[f"{side}_team"], game[f"{side}_points"]
    row = {"game_date": game["game_date"], "game_id": game["game_id"], "team": team, "did_play": True, "points": 0,
           "team_points": points, "minutes": 240 / played, "minutes_precision": "exact"}  # fmt: skip
    players = [row | {"points": points if n == 0 else 0} | columns for n in range(played)]
    return [*players, row | {"did_play": False, "points": None, "minutes": None, "minutes_precision": None}]


def schedule_of(*games: dict[str, Any]) -> pl.DataFrame:
    types = {name: SCHEDULE[name].dtype for name in a_game()}
    return pl.DataFrame(list(games), schema=types)


def boxes_of(*games: dict[str, Any], home: dict[str, Any] | None = None, away: dict[str, Any] | None = None) -> pl.DataFrame:
    """Complete box scores; `home` and `away` change every player of a side."""
    rows = [row for game in games for row in (*a_side(game, "home", **(home or {})), *a_side(game, "away", **(away or {})))]
    types = {name: BOXSCORES[name].dtype for name in a_side(a_game(), "home")[0]}
    return pl.DataFrame(rows, schema=types)


NO_WAIVERS = gates.WAIVERS.empty()


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


def test_what_is_missing_is_named_with_its_reason() -> None:
    assert shares(1, 2)["missing"] == ["CLE@CHI 0000000002 (no box score of CHI; no box score of CLE)"]


def test_a_competition_without_a_source_is_named_and_does_not_count() -> None:
    cup_final, game = a_game(2, has_boxscore_source=False), a_game(1)
    covered = gates.coverage(gates.judge_games(schedule_of(cup_final, game), boxes_of(game)), [DAY]).row(0, named=True)
    assert (covered["final_games"], covered["is_open"], covered["missing"]) == (1, True, [])
    assert covered["uncovered"] == [f"{cup_final['away_team']}@{cup_final['home_team']} 0000000002"]


def test_every_date_asked_for_has_a_row() -> None:
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


def test_a_waiver_keeps_the_promise_of_its_table() -> None:
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


def go_on(
    complete: int, final: int, waivers: pl.DataFrame = NO_WAIVERS, dates: Sequence[date] = (DAY,)
) -> tuple[list[str], dict[str, list[str]]]:
    games = [a_game(n) for n in range(1, final + 1)]
    return gates.eligible_games(schedule_of(*games), boxes_of(*games[:complete]), waivers, dates, NOON_AFTER)


def test_from_eighty_per_cent_on_incomplete_games_are_left_out_by_name() -> None:
    ids, left_out = go_on(4, 5)
    assert ids == [f"{n:010d}" for n in range(1, 5)]
    assert left_out == {"2024-03-12": ["BOS@ATL 0000000005"]}


def test_a_whole_date_goes_on_without_names() -> None:
    assert go_on(2, 2) == (["0000000001", "0000000002"], {})
    assert go_on(0, 0) == ([], {})


def test_a_closed_date_says_what_is_missing() -> None:
    with pytest.raises(Closed, match=r"2024-03-12 is closed: 3 of 4 final games .* fewer than 80%; missing: .*0000000004"):
        go_on(3, 4)


def test_a_waived_date_goes_on_with_its_complete_games_only() -> None:
    ids, left_out = go_on(1, 4, waived())
    assert ids == ["0000000001"]
    assert [name[-1] for name in left_out["2024-03-12"]] == ["2", "3", "4"]


@pytest.mark.parametrize("waivers", [waived(ends_at=NOON_AFTER), waived(gate="another_gate")], ids=["over", "another"])
def test_a_waiver_that_is_over_or_of_another_gate_opens_nothing(waivers: pl.DataFrame) -> None:
    with pytest.raises(Closed):
        go_on(1, 4, waivers)


def test_a_range_goes_on_while_one_of_its_dates_is_open() -> None:
    after = DAY + timedelta(days=1)
    closed, open_ = a_game(1), a_game(2, after)
    schedule = schedule_of(closed, open_)
    ids, left_out = gates.eligible_games(schedule, boxes_of(open_), NO_WAIVERS, [DAY, after], NOON_AFTER)
    assert (ids, left_out) == (["0000000002"], {"2024-03-12": ["CHA@BKN 0000000001"]})
    with pytest.raises(Closed):
        gates.eligible_games(schedule, boxes_of(), NO_WAIVERS, [DAY, after], NOON_AFTER)


def test_games_of_other_dates_do_not_come_along() -> None:
    other, game = a_game(1, DAY - timedelta(days=1)), a_game(2)
    ids, left_out = gates.eligible_games(schedule_of(other, game), boxes_of(other, game), NO_WAIVERS, [DAY], NOON_AFTER)
    assert (ids, left_out) == (["0000000002"], {})


# Slates: gates on the games before a date

HISTORY = [a_game(n, DAY - timedelta(days=1 + n // 5)) for n in range(20)]
"""Five games on each of the four days before DAY; each team plays once a day."""


def slate(
    games: Sequence[dict[str, Any]], without: Collection[str] = (), day: date = DAY, as_of: datetime = NOON_AFTER
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The verdict on a date and the excluded teams, without the box scores of some games."""
    boxes = boxes_of(*(g for g in games if g["status"] == "final" and g["game_id"] not in without))
    tonight = [a_game(60 + n, day, status="scheduled") for n in range(5)]
    verdicts, held_back = gates.judge_slates(schedule_of(*games, *tonight), boxes, [day], as_of)
    return verdicts.row(0, named=True), [(row["team"], row["matchup"][-2:]) for row in held_back.iter_rows(named=True)]


def ids(*numbers: int) -> list[str]:
    return [f"{n:010d}" for n in numbers]


def test_a_slate_looks_at_the_last_three_slates() -> None:
    verdict, held_back = slate(HISTORY)
    assert verdict == {"game_date": DAY, "recent_games": 15, "recent_complete": 15, "share": 1.0, "is_open": True, "missing": []}
    assert held_back == []


@pytest.mark.parametrize(
    ("without", "is_open"),
    [(ids(0, 5, 10), True), (ids(0, 1, 5, 10), False), (ids(15, 16, 17, 18, 19), True)],
    ids=["80", "73", "older"],
)
def test_a_slate_is_closed_below_eighty_per_cent_of_them(without: list[str], is_open: bool) -> None:
    verdict, _ = slate(HISTORY, without)
    assert verdict["is_open"] == is_open
    assert sorted(name[-10:] for name in verdict["missing"]) == [g for g in without if int(g) < 15]


def test_a_team_with_a_hole_among_its_last_three_games_is_held_back() -> None:
    _, held_back = slate(HISTORY, ids(2, 15))
    assert held_back == [("CHI", "02"), ("CLE", "02")]


def test_the_games_of_the_date_itself_and_later_are_not_looked_at() -> None:
    today = [a_game(n, DAY + timedelta(days=n // 25)) for n in range(20, 30)]
    assert slate([*HISTORY, *today], ids(*range(20, 30))) == slate(HISTORY)


def test_a_season_begins_without_the_last_one() -> None:
    playoffs = [a_game(n, date(2024, 6, 17)) for n in range(5)]
    verdict, held_back = slate(playoffs, ids(0, 1, 2, 3, 4), date(2024, 10, 22), eastern(date(2024, 10, 22), 12))
    assert (verdict["recent_games"], verdict["is_open"], held_back) == (0, True, [])


def test_a_game_that_should_be_over_counts_as_one_without_a_box_score() -> None:
    stale = a_game(20, DAY - timedelta(days=1), status="scheduled", home_points=None, away_points=None)
    verdict, held_back = slate([*HISTORY[5:], stale], as_of=eastern(DAY, 7))
    assert (verdict["recent_games"], verdict["recent_complete"]) == (11, 10)
    assert verdict["missing"] == ["BOS@ATL 0000000020"]
    assert held_back == [("ATL", "20"), ("BOS", "20")]


@pytest.mark.parametrize(
    ("columns", "hour"),
    [
        ({"status": "live"}, 0),  # five hours after tip-off
        ({"status": "postponed"}, 7),
        ({"status": "scheduled", "tipoff_at": None}, 1),
        ({"status": "scheduled", "has_boxscore_source": False}, 7),
    ],
    ids=str,
)
def test_a_game_that_may_still_go_on_or_was_not_played_is_not_missed(columns: dict[str, Any], hour: int) -> None:
    yesterday = a_game(20, DAY - timedelta(days=1), home_points=None, away_points=None, **columns)
    verdict, held_back = slate([*HISTORY[5:], yesterday], as_of=eastern(DAY, hour))
    assert (verdict["missing"], held_back) == ([], [])


def test_a_game_without_a_known_tipoff_is_missed_in_the_morning() -> None:
    yesterday = a_game(20, DAY - timedelta(days=1), status="unknown", tipoff_at=None)
    assert slate([*HISTORY[5:], yesterday], as_of=eastern(DAY, 7))[0]["missing"] == ["BOS@ATL 0000000020"]


def test_a_range_of_slates_answers_as_each_of_its_dates_does() -> None:
    """A game that was never played is ignored after three days, independent of the first date of the run."""
    stale = a_game(20, DAY - timedelta(days=2), status="scheduled")
    games, dates = [*HISTORY, stale], days(DAY - timedelta(days=2), DAY + timedelta(days=4))
    boxes = boxes_of(*(g for g in HISTORY if g["game_id"] not in ids(3, 7)))
    together = gates.judge_slates(schedule_of(*games), boxes, dates, NOON_AFTER)
    alone = [gates.judge_slates(schedule_of(*games), boxes, [day], NOON_AFTER) for day in dates]
    for whole, parts in zip(together, zip(*alone, strict=True), strict=True):
        assert_frame_equal(whole, pl.concat(parts))


def test_the_gate_reads_as_far_back_as_it_looks_and_no_box_score_of_the_date(tmp_path: Any) -> None:
    asked: dict[str, Collection[date]] = {}

    class Listening(LocalWarehouse):
        def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
            asked[table.name] = dates or ()
            return super().scan(table, dates)

    gates.before(Listening(home=str(tmp_path)), [DAY, DAY + timedelta(days=1)])
    assert (min(asked["schedule"]), max(asked["schedule"])) == (DAY - timedelta(days=40), DAY + timedelta(days=1))
    assert (min(asked["boxscores"]), max(asked["boxscores"])) == (DAY - timedelta(days=40), DAY)


# A gate that cannot be evaluated is closed: it raises for any error in its input


class Exploding(LocalWarehouse):
    """An unreadable warehouse."""

    def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        """Raises an error."""
        raise OSError("the disk is gone")


GAMES = schedule_of(a_game())
BOXES = boxes_of(a_game())
GATES: dict[str, Callable[[pl.DataFrame, pl.DataFrame, pl.DataFrame], object]] = {
    "judge_games": lambda schedule, boxes, _: gates.judge_games(schedule, boxes),
    "eligible_games": lambda schedule, boxes, w: gates.eligible_games(schedule, boxes, w, [DAY], NOON_AFTER),
    "judge_slates": lambda schedule, boxes, _: gates.judge_slates(schedule, boxes, [DAY], NOON_AFTER),
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


@pytest.mark.parametrize("gate", ["eligible_games", "judge_slates"])
def test_a_gate_is_closed_when_box_scores_hold_nonsense(gate: str) -> None:
    nonsense = BOXES.with_columns(minutes=float("nan"))
    games = schedule_of(*((a_game(day=DAY - timedelta(days=1)), a_game(1, DAY)) if gate == "judge_slates" else (a_game(),)))
    if gate == "judge_slates":
        verdicts, held_back = gates.judge_slates(games, nonsense, [DAY], NOON_AFTER)
        assert (verdicts["is_open"].to_list(), held_back.height) == ([False], 2)
    else:
        with pytest.raises(Closed):
            GATES[gate](games, nonsense, NO_WAIVERS)


def test_a_slate_is_closed_when_the_warehouse_cannot_be_read(tmp_path: Any) -> None:
    with pytest.raises(OSError, match="the disk is gone"):
        gates.before(Exploding(home=str(tmp_path)), [DAY])
