"""Decisions about roles: what is recorded, what is refused, and two decisions at the same time."""

import json
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from nba_pipeline.errors import BadInput, Damaged
from nba_pipeline.governance.roles import (
    PROMOTE,
    ROLES_TABLE,
    champion_of,
    promote,
    read_decisions,
    record_initial,
    refuse,
    retire,
    roles_of,
)
from nba_pipeline.governance.states import governed
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, at

NOW = at(15)
SYSTEMS = ("ensemble", "xgboost", "similarity")
WHY = {"reason": "better", "author": "Ann"}


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    here = LocalWarehouse(home=str(tmp_path))
    record_initial(here, NOW, read_decisions(here), SYSTEMS)
    return here


def roles(warehouse: LocalWarehouse) -> dict[str, str]:
    return roles_of(read_decisions(warehouse), SYSTEMS, ["ensemble", "xgboost"])


def test_the_initial_champion_is_recorded_once_without_evidence(warehouse: LocalWarehouse) -> None:
    record_initial(warehouse, NOW, read_decisions(warehouse), SYSTEMS)
    (row,) = read_decisions(warehouse).to_dicts()
    assert (row["decision"], row["system_id"], row["author"], row["evidence"]) == ("initial", "ensemble", "platform", None)
    assert roles(warehouse) == {"ensemble": "champion", "xgboost": "shadow", "similarity": "candidate"}


def test_an_initial_champion_that_is_no_system_is_refused_and_not_recorded(tmp_path: Path) -> None:
    here = LocalWarehouse(home=str(tmp_path))
    with pytest.raises(
        BadInput, match=r"setting governance.initial_champion names 'ensemble'; .*choose one of ensembles, xgboost"
    ):
        record_initial(here, NOW, read_decisions(here), ("ensembles", "xgboost"))
    assert read_decisions(here).is_empty()


def test_nothing_is_decided_while_a_date_of_the_ledger_is_closed(warehouse: LocalWarehouse, tmp_path: Path) -> None:
    decisions = read_decisions(warehouse)
    (tmp_path / "tables" / "system_roles" / f"game_date={DAY}" / "part.parquet").write_bytes(b"damaged")
    damaged = LocalWarehouse(home=str(tmp_path))
    damaged.check([ROLES_TABLE], [DAY])
    with pytest.raises(BadInput, match=f"system_roles.*{DAY}"):
        promote(damaged, NOW + timedelta(days=1), decisions, "xgboost", **WHY, evidence={})


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_ledger_with_a_closed_date_names_no_champion(warehouse: LocalWarehouse, tmp_path: Path, is_deleted: bool) -> None:
    file = tmp_path / "tables" / "system_roles" / f"game_date={DAY}" / "part.parquet"
    if is_deleted:
        shutil.rmtree(file.parent)
    else:
        file.write_bytes(b"damaged")
    damaged = LocalWarehouse(home=str(tmp_path))
    damaged.check([ROLES_TABLE], [DAY])
    with pytest.raises(Damaged, match=f"system_roles.*{DAY}"):
        read_decisions(damaged)
    with pytest.raises(Damaged, match=f"system_roles.*{DAY}"):
        governed(damaged, NOW, DAY + timedelta(days=1), SYSTEMS, is_live=False)


def test_a_promotion_stores_its_evidence_and_moves_the_champion_to_shadow(warehouse: LocalWarehouse) -> None:
    message = promote(warehouse, NOW, read_decisions(warehouse), "xgboost", **WHY, evidence={"rows": 2500})
    assert message == "xgboost is the champion from the next run on; ensemble is in shadow"
    row = read_decisions(warehouse).row(-1, named=True)
    assert (row["former_champion"], json.loads(row["evidence"]), row["reason"]) == ("ensemble", {"rows": 2500}, "better")
    assert roles(warehouse) == {"ensemble": "shadow", "xgboost": "champion", "similarity": "candidate"}


def test_of_two_promotions_at_once_one_is_refused(warehouse: LocalWarehouse) -> None:
    before = read_decisions(warehouse)
    promote(warehouse, NOW, before, "xgboost", **WHY, evidence={})
    with pytest.raises(BadInput, match="another decision was recorded in system_roles at the same time"):
        promote(warehouse, NOW, before, "similarity", **WHY, evidence={})
    assert champion_of(read_decisions(warehouse)) == "xgboost"


@pytest.mark.parametrize(
    ("system", "message"),
    [
        ("xgbost", "system 'xgbost' has no role; did you mean xgboost?"),
        ("market_blend", "system 'market_blend' has no role"),
        ("similarity", "system similarity is retired; a retired system cannot be promoted"),
        ("ensemble", "system ensemble is the champion already"),
    ],
)
def test_a_system_that_cannot_be_promoted_is_refused(warehouse: LocalWarehouse, system: str, message: str) -> None:
    retire(warehouse, NOW, read_decisions(warehouse), roles(warehouse), "similarity", **WHY)
    with pytest.raises(BadInput, match=message):
        refuse(PROMOTE, system, roles(warehouse))
    with pytest.raises(BadInput, match="system similarity is retired already"):
        retire(warehouse, NOW, read_decisions(warehouse), roles(warehouse), "similarity", **WHY)


@pytest.mark.parametrize(
    ("system", "message"),
    [("ensemble", "is the champion; promote another system first"), ("nope", "system 'nope' has no role")],
)
def test_the_champion_and_an_unknown_system_cannot_be_retired(warehouse: LocalWarehouse, system: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        retire(warehouse, NOW, read_decisions(warehouse), roles(warehouse), system, **WHY)
    assert read_decisions(warehouse).height == 1


def test_a_decision_needs_a_reason_and_an_author(warehouse: LocalWarehouse) -> None:
    with pytest.raises(BadInput, match="--reason must not be empty, it is ' '"):
        promote(warehouse, NOW, read_decisions(warehouse), "xgboost", reason=" ", author="Ann", evidence={})
