"""Roles of systems. The ledger `system_roles` records each decision with its reason, author and evidence.

    candidate -> shadow -> champion -> retired

A champion governs picks and publication. Every other system is in shadow: its predictions are stored and graded, and never
published. A promotion moves the former champion to shadow. Without a decision, the champion is the setting `initial_champion`.
"""

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import dataframely as dy
import polars as pl

from nba_pipeline.errors import BadInput, did_you_mean
from nba_pipeline.governance.records import NUMBER, read_ledger, record, refuse_empty
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse

CANDIDATE, SHADOW, CHAMPION, RETIRED = "candidate", "shadow", "champion", "retired"
ROLES = (CANDIDATE, SHADOW, CHAMPION, RETIRED)
INITIAL, PROMOTE, RETIRE = "initial", "promote", "retire"
DECISIONS = (INITIAL, PROMOTE, RETIRE)
PLATFORM = "platform"
"""The author of the decision `initial` and of halts that the platform derives."""

SOURCE = "nba-pipeline systems"


class SystemRoleRows(Row):
    """Columns of `system_roles`. `game_date` is the date of the decision."""

    decision_number = dy.Int64(min=1, description="increases with each decision")
    decision = code(DECISIONS, "initial: from the setting initial_champion, without evidence")
    system_id = dy.String(description="module in nba_pipeline.systems")
    role = code(ROLES, "role of the system from the decision on")
    former_champion = dy.String(nullable=True, description="system that a promotion moves to shadow")
    reason = dy.String(description="reason of the author")
    author = dy.String(description="name of the author")
    decided_at = dy.Datetime(time_zone="UTC", description="instant of the decision; it applies from the next run on")
    evidence = dy.String(nullable=True, description="JSON: the gates of a promotion with value and limit; null without gates")


ROLES_TABLE = Table("system_roles", grain="decision", key=(NUMBER,), schema=SystemRoleRows, write="add", is_ledger=True)


def read_decisions(warehouse: Warehouse) -> pl.DataFrame:
    """Returns every decision in order. Raises Damaged like `read_ledger`."""
    return read_ledger(warehouse, ROLES_TABLE)


def champion_of(decisions: pl.DataFrame) -> str:
    """Returns the champion after the decisions."""
    champions = decisions.filter(pl.col("role") == CHAMPION)["system_id"]
    return str(champions[-1]) if len(champions) else SETTINGS.governance.initial_champion


def roles_of(decisions: pl.DataFrame, systems: Collection[str], with_predictions: Collection[str]) -> dict[str, str]:
    """Returns system -> role after the decisions.

    A system without a decision is in shadow if it has predictions, else a candidate.
    """
    champion = champion_of(decisions)
    retired = {name for name, role in _latest(decisions).items() if role == RETIRED}
    others = {name: RETIRED if name in retired else SHADOW if name in with_predictions else CANDIDATE for name in systems}
    return others | {champion: CHAMPION}


def _latest(decisions: pl.DataFrame) -> dict[str, str]:
    return dict(decisions.sort(NUMBER).group_by("system_id", maintain_order=True).last().select("system_id", "role").iter_rows())


def record_initial(warehouse: Warehouse, now: datetime, decisions: pl.DataFrame, systems: Collection[str]) -> pl.DataFrame:
    """Records the initial champion, unless a decision exists. Returns every decision.

    Raises BadInput if the champion is not one of the systems, because a recorded champion without predictions cannot be
    replaced: a promotion needs rows of both systems.
    """
    if decisions.height:
        return decisions
    champion = SETTINGS.governance.initial_champion
    if champion not in systems:
        raise BadInput(
            f"setting governance.initial_champion names {champion!r}; "
            f"{did_you_mean(champion, sorted(systems))}choose one of {', '.join(systems)}"
        )
    row = {
        "decision": INITIAL,
        "system_id": champion,
        "role": CHAMPION,
        "reason": f"setting initial_champion is {champion}",
        "author": PLATFORM,
        "decided_at": now,
    }
    record(warehouse, ROLES_TABLE, now, decisions, row, SOURCE)
    return read_decisions(warehouse)


REFUSALS = {
    (PROMOTE, RETIRED): "retired; a retired system cannot be promoted",
    (PROMOTE, CHAMPION): "the champion already",
    (RETIRE, CHAMPION): "the champion; promote another system first",
    (RETIRE, RETIRED): "retired already",
}
"""Decision and role of the system -> why the decision is refused."""


def refuse(decision: str, system_id: str, roles: Mapping[str, str]) -> None:
    """Raises BadInput for a decision about a system that is unknown, retired or the champion."""
    if system_id not in roles:
        raise BadInput(
            f"system {system_id!r} has no role; {did_you_mean(system_id, sorted(roles))}choose one of {', '.join(roles)}"
        )
    if refusal := REFUSALS.get((decision, roles[system_id])):
        raise BadInput(f"system {system_id} is {refusal}")


def promote(
    warehouse: Warehouse,
    now: datetime,
    decisions: pl.DataFrame,
    system_id: str,
    reason: str,
    author: str,
    evidence: Mapping[str, Any],
) -> str:
    """Records a promotion whose gates have passed. Returns a message. Raises BadInput like `record`."""
    refuse_empty(reason=reason, author=author)
    former = champion_of(decisions)
    row = {
        "decision": PROMOTE,
        "system_id": system_id,
        "role": CHAMPION,
        "former_champion": former,
        "reason": reason.strip(),
        "author": author.strip(),
        "decided_at": now,
        "evidence": json.dumps(evidence, sort_keys=True),
    }
    record(warehouse, ROLES_TABLE, now, decisions, row, SOURCE)
    return f"{system_id} is the champion from the next run on; {former} is in shadow"


def retire(
    warehouse: Warehouse,
    now: datetime,
    decisions: pl.DataFrame,
    roles: Mapping[str, str],
    system_id: str,
    reason: str,
    author: str,
) -> str:
    """Records that a system is retired. Returns a message. Raises BadInput like `refuse` and `record`."""
    refuse_empty(reason=reason, author=author)
    refuse(RETIRE, system_id, roles)
    row = {
        "decision": RETIRE,
        "system_id": system_id,
        "role": RETIRED,
        "reason": reason.strip(),
        "author": author.strip(),
        "decided_at": now,
    }
    record(warehouse, ROLES_TABLE, now, decisions, row, SOURCE)
    return f"{system_id} is retired: it cannot become the champion"
