"""The command `explain`: the chain from provider to grade of a date, game, player or table, and its first broken link."""

import json
from dataclasses import replace
from typing import Annotated

import typer

from nba_pipeline.cli.app import app, date_up_to_tomorrow, leave, today
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import working
from nba_pipeline.environments import clock, environment, home, landing_of, warehouse_of


@app.command()
def explain(
    day: Annotated[str | None, typer.Option("--date", help="US Eastern date; default today")] = None,
    game: Annotated[str | None, typer.Option(help="game_id, AWAY@HOME or one team of the game")] = None,
    player: Annotated[str | None, typer.Option(help="full name or id of a player")] = None,
    table: Annotated[str | None, typer.Option(help="a table, with its upstream tables")] = None,
    is_verbose: Annotated[bool, typer.Option("--verbose", "-v", help="also list each later version of a number")] = False,
    style: Annotated[str, typer.Option("--format", help="text | json")] = "text",
) -> None:
    """Show the chain from provider to grade, its first broken link with evidence, and the next command. Runs nothing."""
    one_of("--format", style, ("text", "json"))
    date = date_up_to_tomorrow(day, "--date") if day else today()
    with working("reading tables, requests and runs"):
        from nba_pipeline.cli.demos import refuse_without_tables
        from nba_pipeline.instance.demos import unfinished_demo
        from nba_pipeline.instance.opening import has_instance, open_instance
        from nba_pipeline.monitoring.explain.chain import chain
        from nba_pipeline.monitoring.explain.facts import SlateFacts
        from nba_pipeline.monitoring.explain.link import first_broken, is_broken, record_of
        from nba_pipeline.monitoring.explain.open_alerts import alert_links
        from nba_pipeline.monitoring.explain.subject import subject_of
        from nba_pipeline.warehouse.partitions import recovering

        warehouse = warehouse_of(environment())
        refuse_without_tables(warehouse, date)
        subject = subject_of(warehouse, date, game, player, table)
        instance = open_instance(home()) if has_instance(home()) else None
        alerts = alert_links(warehouse, clock(), date)
        links = recovering(lambda: chain(SlateFacts(warehouse, landing_of(environment()), clock(), instance, date), subject))
    first = first_broken(links)
    if first and (demo := unfinished_demo(home(), clock().today)):
        first = replace(first, next_command=demo.command or "wait, the demo is in progress")
    if style == "json":
        document = {"subject": subject.title, "first_broken": record_of(first) if first else None}
        print(
            json.dumps(
                document | {"open_alerts": [record_of(link) for link in alerts], "links": [record_of(link) for link in links]},
                default=str,
                indent=1,
            )
        )
    else:
        from nba_pipeline.cli.explain_rendering import print_chain

        print_chain(subject.title, links, first, alerts, is_verbose)
    leave(int(is_broken(links)))
