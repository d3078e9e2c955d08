"""The command `doctor`: tries each real operation once and names those that fail."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nba_pipeline.cli.app import app, leave
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import print_error, print_line, report, working
from nba_pipeline.environments import (
    clock,
    environment,
    home,
    missing_keys,
    refuse_unreadable_secrets,
    resources_for,
    warehouse_of,
)
from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.settings import SETTINGS

if TYPE_CHECKING:
    from dagster import Definitions

    from nba_pipeline.monitoring.doctor.probe import Probe, Result

STYLES = {"failed": "red", "warning": "yellow", "ok": ""}


@app.command()
def doctor(
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
    is_release: Annotated[
        bool, typer.Option("--record-release", help="record the installed version as released, with this result")
    ] = False,
    commit: Annotated[str | None, typer.Option(help="commit of the release; default: that of the installation")] = None,
) -> None:
    """Try the providers, the warehouse, the landing, the daemon, the machine and the software; exit code 1 if one fails."""
    import dagster as dg

    from nba_pipeline.monitoring.doctor.probe import run_probes
    from nba_pipeline.monitoring.releases import refuse_invalid_commit

    one_of("--format", style, ("table", "json"))
    refuse_invalid_commit(commit)
    if commit and not is_release:
        raise BadInput("--commit needs --record-release")
    with working("trying each operation"), dg.build_resources(resources_for(environment())) as resources:
        results = run_probes(_probes(resources), SETTINGS.doctor.deadline_seconds)
    if style == "json":
        print(json.dumps([asdict(result) for result in results], indent=1))
    else:
        _print(results)
    is_recorded = not is_release or _record_release(results, commit)
    leave(int(not is_recorded or any(result.state == "failed" for result in results)))


def _record_release(results: "list[Result]", commit: str | None) -> bool:
    """Records the release and prints it. Returns False if it could not be recorded, for example because the disk is full."""
    from nba_pipeline.monitoring.releases import record_release

    try:
        report(record_release(warehouse_of(environment()), clock(), results, commit))
    except (PipelineError, OSError) as error:
        print_error(f"the release is not recorded: {error}")
        return False
    return True


def _probes(resources: Any) -> "list[Probe]":
    """Returns the probes of the environment, in the order of the report."""
    from nba_pipeline.asset_factory.code_versions import PACKAGE, code_versions
    from nba_pipeline.cli.watch import is_in_season
    from nba_pipeline.instance.clock import Clock
    from nba_pipeline.instance.opening import open_instance
    from nba_pipeline.monitoring.doctor import daemon, machine, providers, software, storage
    from nba_pipeline.monitoring.doctor.probe import Probe

    name, now = environment(), clock()

    def daemon_ticks() -> "Result":
        # ticks use the real clock, also if NBA_PIPELINE_NOW is set
        with open_instance(home()) as instance:
            return daemon.daemon(
                instance, Clock().now(), is_in_season=is_in_season(now.today), is_production=name == "production"
            )

    return [
        Probe("disk", lambda: machine.disk(home())),  # first, because a full disk explains other failures
        Probe("definitions", lambda: daemon.definitions(_definitions)),
        Probe("daemon", daemon_ticks),
        Probe("warehouse", lambda: storage.warehouse_round_trip(resources.warehouse, now)),
        Probe("landing", lambda: storage.landing_round_trip(resources.landing)),
        Probe("code", lambda: storage.code_versions(resources.warehouse, now, code_versions(PACKAGE, SETTINGS))),
        Probe("keys", lambda: providers.keys(missing_keys(), are_needed=name != "sandbox", is_production=name == "production")),
        Probe(
            "secrets", lambda: providers.secrets(refuse_unreadable_secrets), "check the reference, the role and the credentials"
        ),
        *providers.proxy_probes(resources.nba_cdn.http),
        *providers.provider_probes(resources, now.today, missing_keys() if name == "local" else ()),
        Probe("clock", lambda: providers.clock_skew(resources.nba_cdn.http)),
        Probe("memory", machine.memory),
        Probe("open files", machine.open_files),
        Probe("packages", software.versions),
        Probe("development packages", lambda: software.no_development_packages(name)),
        Probe("software drift", lambda: software.drift(resources.landing)),
    ]


def _definitions() -> "Definitions":
    from nba_pipeline.definitions import defs

    return defs


def _print(results: "list[Result]") -> None:
    """Prints a line per probe, then a summary. Failures come first."""
    from nba_pipeline.monitoring.doctor.probe import ORDER
    from nba_pipeline.tables.wording import counted

    width = max(len(result.name) for result in results)
    for state in ORDER:
        for result in (result for result in results if result.state == state):
            print_line(f"{state:8} {result.name:{width}}  {result.message}", style=STYLES[state] or None)
            if result.next_step:
                print_line(f"{'':8} {'':{width}}  next: {result.next_step}")
    number = {state: sum(result.state == state for result in results) for state in ORDER}
    failures, warnings = counted(number["failed"], "failure"), counted(number["warning"], "warning")
    print_line(f"\n{counted(len(results), 'probe')}, {failures}, {warnings}")
