"""Quarantined rows as cases: one per date, table and problem. The ledger `quarantine_resolutions` records decisions on them.

    accepted   a person decided that the rows stay quarantined
    reopened   the decision was withdrawn

A case without a standing acceptance is open. It disappears when its rows are no longer quarantined.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

import dataframely as dy
import polars as pl

from nba_pipeline.errors import BadInput, did_you_mean
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse

Decision = Literal["accepted", "reopened"]
DECISIONS: tuple[Decision, ...] = ("accepted", "reopened")

SOURCE = "nba-pipeline quarantine resolve"
CODE_VERSION = "1"
ID_LENGTH = 10


class ResolutionRows(Row):
    """Columns of `quarantine_resolutions`. `game_date` is the date of the quarantined rows."""

    quarantined_table = dy.String(description="table whose rows are quarantined")
    quarantine_problem = dy.String(description="problem of the quarantined rows")
    decision = code(DECISIONS, "accepted: the rows stay quarantined; reopened: withdrawn")
    reason = dy.String(description="reason of the author")
    author = dy.String(description="name of the author")
    decided_at = dy.Datetime(time_zone="UTC", description="instant of the decision")


RESOLUTIONS = Table(
    "quarantine_resolutions",
    grain="date, table, problem and instant",
    key=("game_date", "quarantined_table", "quarantine_problem", "decided_at"),
    schema=ResolutionRows,
    write="add",
    is_ledger=True,
)


@dataclass(frozen=True)
class Case:
    """The quarantined rows of a date with the same table and problem, and the decision on them."""

    game_date: date
    table: str
    problem: str
    rows: int
    as_of: datetime
    """Instant of the run that quarantined the rows last."""
    accepted_by: str = ""
    reason: str = ""

    @property
    def case_id(self) -> str:
        """A hash of date, table and problem, which stays the same when the rows are quarantined again."""
        return hashlib.sha256(f"{self.game_date} {self.table} {self.problem}".encode()).hexdigest()[:ID_LENGTH]

    @property
    def is_open(self) -> bool:
        """Whether it has no standing acceptance."""
        return not self.accepted_by


def cases(warehouse: Warehouse, tables: Collection[str], dates: Sequence[date]) -> list[Case]:
    """Returns the cases of some tables and dates, oldest date first, in the order of the tables."""
    accepted = standing_acceptances(warehouse, dates)
    listed = []
    for name in tables:
        rows = warehouse.scan_quarantine(TABLES[name], dates).group_by("game_date", "problem")
        for day, problem, number, as_of in rows.agg(pl.len(), pl.col("as_of").max()).collect().iter_rows():
            listed.append(Case(day, name, problem, number, as_of, *accepted.get((day, name, problem), ("", ""))))
    order = list(tables)
    return sorted(listed, key=lambda case: (case.game_date, order.index(case.table), case.problem))


def standing_acceptances(warehouse: Warehouse, dates: Collection[date]) -> dict[tuple[date, str, str], tuple[str, str]]:
    """Returns (date, table, problem) -> author and reason of the acceptances that were not withdrawn."""
    key = ["game_date", "quarantined_table", "quarantine_problem"]
    newest = warehouse.scan(RESOLUTIONS, dates).sort("decided_at").group_by(key).last().filter(pl.col("decision") == "accepted")
    return {
        (day, name, problem): (author, why)
        for day, name, problem, author, why in newest.select(*key, "author", "reason").collect().iter_rows()
    }


def is_accepted(warehouse: Warehouse, table: str, dates: Collection[date]) -> pl.Expr:
    """Returns whether a quarantined row of a table belongs to an accepted case of these dates."""
    cases_of_table = [(day, problem) for day, name, problem in standing_acceptances(warehouse, dates) if name == table]
    is_of_case = [(pl.col("game_date") == day) & (pl.col("problem") == problem) for day, problem in cases_of_table]
    return pl.any_horizontal(is_of_case) if is_of_case else pl.lit(False)


def case_of(known: Sequence[Case], case_id: str) -> Case:
    """Returns the case with an id. Raises BadInput for an unknown id."""
    by_id = {case.case_id: case for case in known}
    if case_id not in by_id:
        listed = "`nba-pipeline quarantine list` names them"
        raise BadInput(f"{case_id!r} is not a quarantined case of these dates; {did_you_mean(case_id, by_id)}{listed}")
    return by_id[case_id]


def rows_of(warehouse: Warehouse, case: Case) -> pl.DataFrame:
    """Returns the quarantined rows of a case."""
    rows = warehouse.scan_quarantine(TABLES[case.table], [case.game_date]).filter(pl.col("problem") == case.problem)
    return rows.sort("source", "row").collect()


def refuse_empty(reason: str, author: str) -> None:
    """Raises BadInput, naming the option and its value, for a decision without a reason or an author."""
    for option, text in (("--reason", reason), ("--author", author)):
        if not text.strip():
            raise BadInput(f"{option} must not be empty, it is {text!r}")


def decide(warehouse: Warehouse, now: datetime, case: Case, decision: Decision, reason: str, author: str) -> str:
    """Records a decision on a case and returns a message. Raises BadInput if the case has that decision already."""
    refuse_empty(reason, author)
    if case.is_open == (decision == "reopened"):
        state = "not accepted" if case.is_open else f"already accepted, by {case.accepted_by} ({case.reason})"
        raise BadInput(f"the case {case.case_id} is {state}")
    values = {
        "game_date": case.game_date,
        "quarantined_table": case.table,
        "quarantine_problem": case.problem,
        "decision": decision,
        "reason": reason.strip(),
        "author": author.strip(),
        "decided_at": now,
        "source": SOURCE,
    }
    warehouse.add(RESOLUTIONS, [case.game_date], RESOLUTIONS.row(values, now, CODE_VERSION), f"{SOURCE} by {author.strip()}")
    return f"{case.case_id} of {case.game_date} is {decision}, by {author.strip()}: {reason.strip()}"
