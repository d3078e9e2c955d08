"""The command group `bigquery`: plan, apply, cost."""

from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.app import bigquery, leave
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import out
from nba_pipeline.environments import environment
from nba_pipeline.errors import BadInput
from nba_pipeline.tables.wording import counted

if TYPE_CHECKING:
    from nba_pipeline.warehouse.bigquery import BigQueryWarehouse


@bigquery.command("plan")
def bigquery_plan() -> None:
    """Show what is missing or different in the dataset, without changing it."""
    from nba_pipeline.warehouse.bigquery.plan import plan

    steps = plan(production().session)
    for step in steps:
        out.print(str(step), highlight=False, soft_wrap=True, style="red" if step.action == "refused" else None)
    out.print(counted(len(steps), "step") if steps else "nothing to do", highlight=False)
    leave(int(any(step.action == "refused" for step in steps)))


@bigquery.command("apply")
def bigquery_apply() -> None:
    """Create the dataset, tables and views, add new nullable columns, and delete leftover staging tables."""
    from nba_pipeline.warehouse.bigquery.plan import apply

    done = 0
    refused = 0
    for step in apply(production().session):
        out.print(str(step), highlight=False, soft_wrap=True, style="red" if step.action == "refused" else None)
        done, refused = done + (step.action != "refused"), refused + (step.action == "refused")
    out.print(steps_summary(done, refused), highlight=False)
    leave(int(bool(refused)))


def steps_summary(done: int, refused: int) -> str:
    """Returns the last line of `bigquery apply`.

    >>> steps_summary(3, 1), steps_summary(0, 2), steps_summary(0, 0)
    ('3 steps done, 1 step refused', '2 steps refused', 'nothing to do')
    """
    counts = [f"{counted(number, 'step')} {result}" for number, result in ((done, "done"), (refused, "refused")) if number]
    return ", ".join(counts) or "nothing to do"


@bigquery.command("cost")
def bigquery_cost(
    number: Annotated[int, typer.Option("--days", help="how many days back")] = 30,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """Show the warehouse's cost by run, table and kind of job; exit code 1 if the projected month exceeds the budget."""
    from nba_pipeline.warehouse.bigquery.cost import command

    one_of("--format", style, ("table", "json"))
    if number < 1:
        raise BadInput(f"--days must be at least 1, not {number}")
    leave(command(production().session, number, style))


def production() -> "BigQueryWarehouse":
    """Returns the production warehouse. Raises BadInput in another environment or if a variable is missing."""
    from nba_pipeline.definitions import defs
    from nba_pipeline.warehouse.bigquery import BigQueryWarehouse

    warehouse = (defs.resources or {})["warehouse"]
    if not isinstance(warehouse, BigQueryWarehouse):
        raise BadInput(f"bigquery needs NBA_PIPELINE_ENV=production, and it is {environment()!r}")
    warehouse.refuse_missing_names()
    return warehouse
