"""The commands evaluate and search: the walk-forward record of the systems, and the search for their parameters."""

from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.app import app, date_range, open_runner, today
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import print_line, report
from nba_pipeline.environments import home
from nba_pipeline.errors import BadInput

if TYPE_CHECKING:
    from datetime import date

    from nba_pipeline.evaluation.perfect_knowledge import KnowsWhoPlays
    from nba_pipeline.evaluation.source import StoredRows

FORMATS = ("table", "json", "html")


@app.command()
def evaluate(
    first: Annotated[str, typer.Option("--from", help="first US Eastern date of the period")],
    last: Annotated[str, typer.Option("--to", help="last US Eastern date, included")],
    systems: Annotated[str | None, typer.Option(help="systems in the report, separated by commas; default all")] = None,
    market: Annotated[str | None, typer.Option(help="market, as player_points")] = None,
    lines: Annotated[str, typer.Option(help="known | all: all adds lines of unknown instant that the archive marks")] = "known",
    refit_weeks: Annotated[int, typer.Option(min=1, help="train every system this many weeks apart, to save time")] = 1,
    style: Annotated[str, typer.Option("--format", help="table | json | html")] = "table",
    is_verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="also show the tables by season, month and other groups")
    ] = False,
    allow_overlap: Annotated[
        bool, typer.Option("--allow-overlap", help="evaluate a period on which parameters were searched; every table says so")
    ] = False,
    knowing_who_plays: Annotated[
        bool, typer.Option("--knowing-who-plays", help="a bound, not a forecast: the features know which players sit out")
    ] = False,
) -> None:
    """Replay a past period week by week with models that know only earlier weeks, and compare the systems with the market."""
    from nba_pipeline.cli.evaluation_rendering import print_report
    from nba_pipeline.evaluation.evaluate import Request
    from nba_pipeline.evaluation.evaluate import evaluate as evaluated
    from nba_pipeline.evaluation.market import POPULATIONS
    from nba_pipeline.evaluation.page import page
    from nba_pipeline.evaluation.report import as_json
    from nba_pipeline.formulas.markets import MARKETS
    from nba_pipeline.settings import SETTINGS

    one_of("--format", style, FORMATS)
    one_of("--lines", lines, POPULATIONS)
    chosen_market = market or SETTINGS.lines.market
    one_of("--market", chosen_market, SETTINGS.lines.markets)
    start, end = _past_period(first, last)
    chosen = _chosen(systems, chosen_market)
    request = Request(start, end, chosen, lines, allow_overlap, refit_weeks, MARKETS[chosen_market])
    rows = _knowing_who_plays(chosen_market) if knowing_who_plays else _rows(chosen_market)
    result = evaluated(rows, home(), request, report)
    if style == "table":
        print_report(result, is_verbose)
    else:
        print(as_json(result) if style == "json" else page(result), end="")


@app.command()
def search(
    first: Annotated[str, typer.Option("--from", help="first US Eastern date of the period")],
    last: Annotated[str, typer.Option("--to", help="last US Eastern date, included")],
    system: Annotated[str, typer.Option(help="linear_median | xgboost | catboost")],
    trials: Annotated[int, typer.Option(help="number of trials; the first has the settings in effect")] = 10,
    seed: Annotated[int, typer.Option(help="seed of the trials; the same seed tries the same parameters")] = 0,
    style: Annotated[str, typer.Option("--format", help="table | csv | json")] = "table",
) -> None:
    """Try parameters of a trained system on a past period. Every trial is recorded; evaluate then refuses the period."""
    from nba_pipeline.cli.app import FORMATS as QUERY_FORMATS
    from nba_pipeline.cli.frames import print_result
    from nba_pipeline.evaluation.search import search as searched
    from nba_pipeline.settings import SETTINGS

    one_of("--format", style, QUERY_FORMATS)
    if trials < 1:
        raise BadInput(f"--trials must be at least 1, not {trials}")
    start, end = _past_period(first, last)
    results = searched(_rows(SETTINGS.lines.market), home(), system, start, end, trials=trials, seed=seed, report=report)
    print_result(results, style)
    if style == "table":
        print_line("The settings are unchanged. A better trial is a hypothesis: evaluate it on dates outside of this period.")


def _past_period(first: str, last: str) -> "tuple[date, date]":
    """Parses --from and --to. Raises BadInput for a single date, and for a period that is not over."""
    start, end = date_range(first, last)
    if start == end:
        raise BadInput(f"--from and --to are both {start}: one date is too few rows for a comparison; choose a longer period")
    if end >= today():
        raise BadInput(f"--to {end} is not over; choose a date before {today()}")
    return start, end


def _chosen(systems: str | None, market: str) -> tuple[str, ...]:
    from nba_pipeline.systems import MARKET_SYSTEMS

    names = [system.system_id for system in MARKET_SYSTEMS[market]]
    chosen = [name.strip() for name in systems.split(",")] if systems is not None else names
    for name in chosen:
        one_of("--systems", name, names)
    return tuple(name for name in names if name in chosen)


def _rows(market: str) -> "StoredRows":
    """Returns the tables of the configured home, with the features that the market's systems read."""
    from nba_pipeline.evaluation.source import StoredRows, columns_of
    from nba_pipeline.systems import MARKET_SYSTEMS

    return StoredRows(open_runner().warehouse, columns_of(MARKET_SYSTEMS[market]))


def _knowing_who_plays(market: str) -> "KnowsWhoPlays":
    """Returns the tables of the configured home, with the true absences of teammates."""
    from nba_pipeline.evaluation.perfect_knowledge import KnowsWhoPlays
    from nba_pipeline.tables.registry import TABLES

    rows = _rows(market)
    return KnowsWhoPlays(rows, rows.warehouse.scan(TABLES["player_game_summary"]).collect())
