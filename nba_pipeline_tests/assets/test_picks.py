"""Picks of a slate: what is selected, what is locked, and rules that cannot be applied."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.assets.predictions.picks import (
    TABLE,
    a_manual_halt_is_confirmed,
    a_slate_without_picks_has_reasons,
    limits_hold,
    picks,
    select_slate,
)
from nba_pipeline.errors import BadInput
from nba_pipeline.formulas.decay import Decay
from nba_pipeline.governance.halts import Halt, halt
from nba_pipeline.governance.pick_rules import pick_rules
from nba_pipeline.governance.roles import read_decisions
from nba_pipeline.governance.states import Governed
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.step_failures import StepFailure
from nba_pipeline.settings import Defaults, Lines, Picks, Settings, register
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, Values
from nba_pipeline_tests.builders_record import CHAMPION, LINES, NOW, a_bet, bets_of, players_of

PRICE = {"price": "best_price IS NOT NULL"}


class Overridden:
    """The settings with other picks."""

    def __init__(self, *, lines: Lines | None = None, **fields: Any) -> None:
        picks = Picks(**({"subsets": {"best": PRICE}, "trial_rules": {}} | fields))
        self._settings = Settings(picks=picks, lines=lines or Lines())

    def settings(self) -> Settings:
        return self._settings

    def refuse_changes(self) -> None:
        return


@pytest.fixture(autouse=True)
def one_subset() -> Iterator[None]:
    earlier = register(Overridden())
    yield
    register(earlier)


def slate(*bets: Values, ledger: pl.DataFrame | None = None, state: Governed = CHAMPION, hours: float = 0) -> pl.DataFrame:
    """The new rows of the slate."""
    earlier = TABLE.empty() if ledger is None else ledger
    players = players_of(*{bet["player_id"] for bet in bets})
    return select_slate(bets_of(*bets), players, LINES, earlier, state, NOW + timedelta(hours=hours))[0]


def stored(rows: pl.DataFrame, *earlier: pl.DataFrame) -> pl.DataFrame:
    """The rows as the ledger has them. Fails if one of them breaks a rule of the table."""
    valid, rejected = TABLE.conform(rows, NOW, "1")
    assert rejected["problem"].to_list() == []
    return pl.concat([*earlier, valid])


def failed(rows: pl.DataFrame) -> dict[int, list[str]]:
    return dict(rows.select("player_id", "failed_rules").iter_rows())


def test_the_bets_of_the_champion_are_picked_in_order() -> None:
    other = a_bet(3, system_id="xgboost")
    rows = stored(slate(a_bet(1), a_bet(2, price_edge=0.02), other, a_bet(4, recommendation="PASS", edge=0.2)))
    assert rows.select("player_id", "rank").sort("rank").rows() == [(2, 1), (1, 2)]
    assert rows["line_age_hours"].to_list() == pytest.approx([1 / 6] * 2)


def test_a_published_pick_stays_when_its_prediction_changes() -> None:
    published = stored(slate(a_bet(1)))
    for changed in ({"line": 21.5, "edge": 3.5}, {"recommendation": "PASS", "edge": 0.5}, {"best_price": None}):
        assert slate(a_bet(1), a_bet(1, version=2, prediction_id="later", **changed), ledger=published).is_empty()


def test_a_candidate_gets_another_version_only_when_it_changes() -> None:
    without_price = a_bet(1, best_price=None)
    first = stored(slate(without_price))
    assert slate(without_price, ledger=first).is_empty()
    later = stored(slate(a_bet(1), ledger=first), first)
    assert later.sort("version").select("version", "is_pick").rows() == [(1, False), (2, True)]


def test_a_game_that_has_begun_has_no_new_pick() -> None:
    assert slate(a_bet(1, tipoff_at=NOW)).is_empty()
    assert slate(a_bet(1, tipoff_at=None)).is_empty()


def test_a_backtest_has_picks_that_no_halt_stops() -> None:
    halted = replace(CHAMPION, halt=Halt(True, "manual", "a test"))
    rows = stored(slate(a_bet(1, run_kind="backtest", tipoff_at=NOW - timedelta(days=1)), state=halted))
    assert rows.select("run_kind", "is_pick").rows() == [("backtest", True)]


@pytest.mark.parametrize(
    ("state", "rules"),
    [
        (replace(CHAMPION, halt=Halt(True, "unknown")), ["halted"]),
        (replace(CHAMPION, decays={"ensemble": Decay("DEGRADING")}), ["model_state"]),
        (replace(CHAMPION, decays={"ensemble": Decay("BLOCKED")}), ["model_state"]),
        (replace(CHAMPION, decays={"ensemble": Decay("WATCH")}), ["watch_edge"]),
        (replace(CHAMPION, decays={"xgboost": Decay("BLOCKED")}), []),
    ],
)
def test_a_halt_and_the_decay_of_the_champion_stop_picks(state: Governed, rules: list[str]) -> None:
    assert failed(slate(a_bet(1, edge=3.5, line=21.5), state=state)) == {1: rules}


def test_in_watch_an_edge_of_four_points_is_enough() -> None:
    assert failed(slate(a_bet(1, edge=4.0), state=replace(CHAMPION, decays={"ensemble": Decay("WATCH")}))) == {1: []}


def test_the_larger_edge_in_watch_is_in_the_unit_of_the_market() -> None:
    register(Overridden(lines=Lines(markets=("player_points", "player_rebounds"))))
    bets = [a_bet(number, edge=edge, market="player_rebounds") for number, edge in ((1, 1.6), (2, 1.5))]
    in_watch = replace(CHAMPION, decays={"ensemble": Decay("WATCH")})
    assert failed(slate(*bets, state=in_watch)) == {1: [], 2: ["watch_edge"]}


def test_the_plausibility_of_a_slate_is_that_of_its_points() -> None:
    bets = [a_bet(number, edge=2.6, market="player_rebounds") for number in range(1, 21)]
    assert select_slate(bets_of(*bets), players_of(), LINES, TABLE.empty(), CHAMPION, NOW)[1] == []


def test_an_implausible_slate_has_no_picks_and_says_why() -> None:
    bets = [a_bet(number, edge=2.6) for number in range(1, 21)]
    rows, problems = select_slate(bets_of(*bets), players_of(), LINES, TABLE.empty(), CHAMPION, NOW)
    assert problems == ["100% of 20 recommendations are OVER", "the mean edge is +2.60 points, beyond 2.5"]
    assert set(rows["failed_rules"].explode()) == {"slate_sanity"}


def test_a_rule_on_trial_has_no_effect_until_it_is_enabled() -> None:
    trial = {"star": "points_mean_season < 15"}
    register(Overridden(trial_rules=trial))
    (row,) = slate(a_bet(1)).to_dicts()
    assert (row["is_pick"], row["failed_trial_rules"]) == (True, ["star"])
    register(Overridden(trial_rules=trial, enabled_trial_rules=("star",)))
    assert failed(slate(a_bet(1))) == {1: ["star"]}


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (
            "edgy > 3",
            "setting picks.subsets.best: rule r reads a column that candidates do not have: edgy; did you mean edge\\? it is 'edgy > 3'",
        ),
        ("1 = 1", "setting picks.subsets.best: rule r reads no column, so that it selects everything or nothing: 1 = 1"),
        ("edge", "setting picks.subsets.best: rule r is not a condition but of type Float64: edge"),
        ("edge >", "setting picks.subsets.best: rule r is not a condition: "),
        ("edge > 'x'", "setting picks.subsets.best: rule r is not a condition: "),
    ],
)
def test_a_rule_that_cannot_be_applied_is_named(rule: str, message: str) -> None:
    register(Overridden(subsets={"best": {"r": rule}}))
    with pytest.raises(BadInput, match=message):
        slate(a_bet(1))


@pytest.mark.parametrize(("field", "rules"), [("subsets", {"best": {"r": "edgy > 3"}}), ("trial_rules", {"r": "edgy > 3"})])
def test_a_rule_that_cannot_be_applied_is_refused_before_a_decision_is_recorded(
    tmp_path: Path, field: str, rules: dict[str, Any]
) -> None:
    register(Overridden(**{field: rules}))
    warehouse, context = LocalWarehouse(home=str(tmp_path)), dg.build_asset_context(partition_key=str(DAY))
    with pytest.raises(StepFailure, match=rf"setting picks\.{field}.*: rule r reads a column that candidates do not have"):
        picks(context, bets_of(a_bet(1)), players_of(1), LINES, warehouse, Clock(fixed_at=NOW.isoformat()))
    assert read_decisions(warehouse).is_empty()


def test_an_unknown_rule_on_trial_cannot_be_enabled() -> None:
    register(Overridden(enabled_trial_rules=("none",)))
    with pytest.raises(BadInput, match="names none, which is not in"):
        pick_rules(bets_of())


def test_a_rule_may_select_nothing_or_everything() -> None:
    register(Overridden(subsets={}))
    assert slate(a_bet(1)).is_empty()
    register(Overridden(subsets={"none": {"never": "edge > 1000"}, "all": {}}))
    rows = stored(slate(a_bet(1), a_bet(2)))
    assert rows.group_by("subset").agg(pl.col("is_pick").sum()).sort("subset").rows() == [("all", 2), ("none", 0)]


def test_the_default_rules_are_conditions_over_candidates() -> None:
    register(Defaults())
    rows = stored(slate(a_bet(1)))
    assert rows.sort("subset").select("subset", "is_pick").rows() == [("best", True), ("unders", False), ("value", True)]


def test_a_slate_without_picks_names_the_rules_and_the_candidates_that_fail_them(tmp_path: Path) -> None:
    register(Overridden(subsets={"best": PRICE}))
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.add(TABLE, [DAY], stored(slate(a_bet(1, best_price=None), a_bet(2, best_price=None, reasons=["low_edge"]))), "test")
    (verdict,) = a_slate_without_picks_has_reasons(warehouse, [DAY], Clock()).to_dicts()
    assert (verdict["passed"], verdict["candidates"], verdict["picks"]) == (True, 2, 0)
    assert verdict["missing"] == ["price (2 candidates)", "low_edge (1 candidate)"]


def test_more_picks_than_the_limit_are_an_error(tmp_path: Path) -> None:
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.add(TABLE, [DAY], stored(slate(a_bet(1, team="GSW"), a_bet(2, team="GSW"))), "test")
    assert limits_hold(warehouse, [DAY], Clock())["passed"].to_list() == [True]
    register(Overridden(per_team=1))
    (verdict,) = limits_hold(warehouse, [DAY], Clock()).to_dicts()
    assert (verdict["passed"], verdict["missing"]) == (False, ["best GSW"])


@pytest.mark.parametrize(("hours", "passed"), [(36, True), (37, False)])
def test_a_manual_halt_must_be_confirmed(tmp_path: Path, hours: int, passed: bool) -> None:
    warehouse = LocalWarehouse(home=str(tmp_path))
    halt(warehouse, NOW, "a test", "Ann")
    later = Clock(fixed_at=(NOW + timedelta(hours=hours)).isoformat())
    assert a_manual_halt_is_confirmed(warehouse, [DAY], later)["passed"].to_list() == [passed]


def test_a_halt_of_an_unreadable_ledger_is_not_confirmed(tmp_path: Path) -> None:
    warehouse = LocalWarehouse(home=str(tmp_path))
    halt(warehouse, NOW, "a test", "Ann")
    next((tmp_path / "tables" / "halts").rglob("*.parquet")).unlink()
    (verdict,) = a_manual_halt_is_confirmed(warehouse, [DAY], Clock(fixed_at=NOW.isoformat())).to_dicts()
    assert not verdict["passed"] and str(DAY) in verdict["missing"][0]
