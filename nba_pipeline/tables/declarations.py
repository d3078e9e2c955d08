"""The declaration of each table: what requests it, what it depends on, the modes it belongs to and what its rows cover.

`daily_asset` and `weekly_asset` in `asset_factory/` declare a table. Every list of tables is derived from the declarations.
The schema of a table belongs in `table.py`, the instants at which a mode is due in `completeness/modes.py`.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from typing import Literal, Required, TypedDict, cast

import polars as pl

from nba_pipeline.errors import BadInput, PipelineError

Mode = Literal["overnight", "same_day", "tomorrow"]
MODES: tuple[Mode, ...] = ("overnight", "same_day", "tomorrow")

Stage = Literal["sources", "summaries", "features", "predictions", "grades"]
STAGES: tuple[Stage, ...] = ("sources", "summaries", "features", "predictions", "grades")
"""The stages in pipeline order. A stage is a folder of `assets/` and a group of Dagster."""

Sensor = Literal["final_games", "lines"]
SENSORS: tuple[Sensor, ...] = ("final_games", "lines")
"""The sensors that request source tables: after a game ends, and several times before its tip-off."""

Unit = Literal["game", "player", "date"]
"""What a row covers: a complete final game, an expected player of a game, or a date with games."""

SLATE_EXPORT = "slate_export"
"""The asset of the published files. It is not a table, because it has neither rows nor a mode."""

WITHIN_DAYS = 4
"""Tomorrow, today and the two days before. Corrections of these dates propagate automatically; older ones are left to the reconciliation."""

Recompute = Callable[[Mapping[str, pl.DataFrame], Sequence[date], datetime], pl.DataFrame]
"""Computes the rows of some dates from the rows of other tables, as of an instant."""


class Wiring(TypedDict, total=False):
    """The keywords of `daily_asset` that declare a daily table. None of them changes its rows or its code version."""

    modes: Required[Sequence[Mode]]
    """The modes that materialize the table."""
    critical_in: Sequence[Mode]
    """The modes that fail without the table. Without a table that is not critical, a mode is degraded."""
    follows: Sequence[str]
    """Upstream tables. An update of one of them requests the date."""
    needs: Sequence[str]
    """Upstream tables that must exist for the date, with their blocking checks passed, before an update requests it.

    A table that is read over a window cannot be among them: one missing date of the window would close the gate.
    """
    if_changed: Sequence[str]
    """Tables of `follows` whose update counts only with a new data version, which the asset derives from the contents."""
    within_days: int
    """Updates propagate for this many of the newest days, tomorrow included."""
    requested_by: Sensor
    """The sensor that requests a source table."""
    endpoints: Sequence[str]
    """`provider/endpoint` of the payloads that a source table is loaded from, as in the landing."""
    may_be_empty: bool
    """Whether the table may have no rows for a date with games."""
    is_record: bool
    """Whether the table is part of the published record, derived from finished predictions and grades.

    A date without the table is degraded, never late. A home may be older than the table, so dates before the table's first
    date do not need it.
    """
    covers: Unit
    """What a row covers in the season audit."""
    covered_by: pl.Expr
    """Filter for the rows that count as coverage; by default all."""
    recompute: Recompute
    """Computes a feature table in memory for the leakage audit, with the transform of the asset. Required in `features`."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Declaration:
    """The declaration of one table. The attributes of a daily table are the keywords of `Wiring`."""

    name: str
    module: str
    dependencies: tuple[str, ...]
    """The tables that the asset reads, in the order of its parameters, then the tables that must run before it."""
    is_daily: bool = True
    modes: Sequence[Mode] = ()
    critical_in: Sequence[Mode] = ()
    follows: Sequence[str] = ()
    needs: Sequence[str] = ()
    if_changed: Sequence[str] = ()
    within_days: int = WITHIN_DAYS
    requested_by: Sensor | None = None
    endpoints: Sequence[str] = ()
    may_be_empty: bool = False
    is_record: bool = False
    covers: Unit | None = None
    covered_by: pl.Expr | None = None
    recompute: Recompute | None = None

    @property
    def stage(self) -> Stage:
        """The folder of its module."""
        return cast("Stage", self.module.split(".")[-2])


_DECLARED: dict[str, Declaration] = {}
"""The declarations so far, filled when the modules of the tables are imported."""

_IN_ORDER: dict[str, Declaration] = {}
"""All declarations, filled by `complete`."""


def declare(declaration: Declaration) -> None:
    """Registers a declaration. Raises BadInput if it contradicts itself or the table is declared already."""
    earlier = _DECLARED.get(declaration.name)
    if earlier is not None:
        raise BadInput(f"table {declaration.name} is declared twice: in {earlier.module} and {declaration.module}")
    if _IN_ORDER:
        raise BadInput(f"table {declaration.name} is declared too late; its module {declaration.module} is not below assets")
    check(declaration)
    _DECLARED[declaration.name] = declaration


def check(declaration: Declaration) -> None:
    """Raises BadInput if a declaration contradicts itself."""
    table = f"table {declaration.name}"
    if declaration.stage not in STAGES:
        raise BadInput(f"{table}: stage {declaration.stage} is unknown; choose one of {', '.join(STAGES)}")
    if declaration.is_daily and not declaration.modes:
        raise BadInput(f"{table} belongs to no mode; declare some of {', '.join(MODES)}")
    if unknown := [mode for mode in (*declaration.modes, *declaration.critical_in) if mode not in MODES]:
        raise BadInput(f"{table}: mode {unknown[0]} is unknown; choose one of {', '.join(MODES)}")
    if outside := [mode for mode in declaration.critical_in if mode not in declaration.modes]:
        raise BadInput(f"{table} is critical in mode {outside[0]}, to which it does not belong; add {outside[0]} to its modes")
    for keyword, tables in (("follows", declaration.follows), ("needs", declaration.needs)):
        if unrelated := [name for name in tables if name not in declaration.dependencies]:
            raise BadInput(f"{table}: {keyword} names {unrelated[0]}, which is not a dependency of the asset")
    if unrelated := [name for name in declaration.if_changed if name not in declaration.follows]:
        raise BadInput(f"{table}: if_changed names {unrelated[0]}, which is not in follows")
    if malformed := [text for text in declaration.endpoints if text.count("/") != 1]:
        raise BadInput(f"{table}: endpoint {malformed[0]} is not of the form provider/endpoint")
    if declaration.is_daily and declaration.stage == "features" and declaration.recompute is None:
        raise BadInput(f"{table} is a feature table without recompute, so the leakage audit cannot cover it")


def complete() -> None:
    """Orders the declarations once every table's module is imported. Raises BadInput like `in_order`."""
    _IN_ORDER.update(in_order(_DECLARED))


def in_order(declarations: Mapping[str, Declaration]) -> dict[str, Declaration]:
    """Returns the declarations by stage. Within a stage, upstream tables precede their dependents.

    Raises BadInput for an unknown dependency, a cycle and a mode without a critical table.
    """
    ordered = dict[str, Declaration]()

    def visit(name: str, readers: tuple[str, ...]) -> None:
        if name not in declarations:
            raise BadInput(f"table {readers[-1]} depends on {name}, which is not a table")
        if name in readers:
            raise BadInput(f"tables depend on each other in a cycle: {' <- '.join((*readers[readers.index(name) :], name))}")
        if name not in ordered:
            for other in declarations[name].dependencies:
                if other != name:  # a table may read its own history
                    visit(other, (*readers, name))
            ordered[name] = declarations[name]

    for declaration in sorted(
        declarations.values(), key=lambda declaration: (*_position(declaration), not declaration.critical_in, declaration.name)
    ):
        visit(declaration.name, ())
    for mode in MODES:
        if not any(mode in declaration.critical_in for declaration in declarations.values()):
            raise BadInput(f"mode {mode} has no critical table; declare critical_in=[{mode!r}] for one of its tables")
    return dict(sorted(ordered.items(), key=lambda item: _position(item[1])))


def _position(declaration: Declaration) -> tuple[int, int]:
    """Returns the position of the stage, and the position of the sensor within the stage."""
    sensors = (*SENSORS, None)
    return STAGES.index(declaration.stage), sensors.index(declaration.requested_by)


def declared() -> Mapping[str, Declaration]:
    """Returns table -> declaration in pipeline order, see `in_order`. Raises PipelineError if a table is not declared yet."""
    if not _IN_ORDER:
        raise PipelineError("the tables are not declared yet; import nba_pipeline.assets first")
    return _IN_ORDER


@cache
def daily_tables(*stages: Stage) -> tuple[str, ...]:
    """Returns the daily tables of some stages, by default of all, in pipeline order."""
    return tuple(
        name for name, declaration in declared().items() if declaration.is_daily and declaration.stage in (stages or STAGES)
    )


@cache
def upstream_tables(name: str) -> frozenset[str]:
    """Returns the tables that a table depends on, directly or through others, without the table itself."""
    direct = frozenset(declared()[name].dependencies) - {name}
    return direct.union(*(upstream_tables(other) for other in direct))


@cache
def requested_by(sensor: Sensor) -> tuple[str, ...]:
    """Returns the tables that a sensor requests, in pipeline order."""
    return tuple(name for name, declaration in declared().items() if declaration.requested_by == sensor)


def followers(tables: Collection[str], without: Collection[str] = ()) -> tuple[str, ...]:
    """Returns the tables that an update of some tables requests, directly or through others, in pipeline order.

    Excludes the tables of `without`, and the tables that follow only them.
    """
    updated = set(tables)
    for name, declaration in declared().items():
        if name not in without and updated.intersection(declaration.follows):
            updated.add(name)
    return tuple(name for name in declared() if name in updated.difference(tables))
