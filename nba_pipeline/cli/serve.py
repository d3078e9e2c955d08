"""The command group `serve`: small read-only HTTP servers."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.app import leave, open_runner, serve
from nba_pipeline.cli.choices import refuse_invalid_port
from nba_pipeline.cli.consoles import print_line
from nba_pipeline.environments import home, proxies
from nba_pipeline.settings import SETTINGS

if TYPE_CHECKING:
    from nba_pipeline.monitoring.metrics import Measurements


@serve.command("health")
def serve_health(
    host: Annotated[
        str, typer.Option(help="address to listen on; other machines can reach 0.0.0.0, without a login")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 9464,
) -> None:
    """Serve /healthz, /readyz and Prometheus' /metrics until Ctrl-C."""
    from nba_pipeline.cli.grades_rendering import GRADES
    from nba_pipeline.cli.watch import is_in_season
    from nba_pipeline.evaluation.graded_record import record_of
    from nba_pipeline.instance.clock import Clock
    from nba_pipeline.monitoring.health_server import PATHS, Health, server
    from nba_pipeline.monitoring.measurements import LevelsReader, measure
    from nba_pipeline.monitoring.watchdog import EXPECTED, findings

    refuse_invalid_port(port)
    runner, reader = open_runner(), LevelsReader()

    def measured() -> "tuple[Measurements, list[str]]":
        first = runner.clock.today - timedelta(days=SETTINGS.metrics.graded_days)
        grades = runner.warehouse.sql(GRADES.format(first=first, last=runner.clock.today))
        graded = record_of(grades).to_dicts() if grades.height else []
        places = (runner.instance, runner.warehouse, runner.landing)
        levels = reader.read(*places, runner.clock.now())
        measurements = measure(*places, runner.clock, runner.code_versions, graded, home(), levels, proxies())
        problems = findings(measurements.instigators, EXPECTED, Clock().now()) if is_in_season(measurements.today) else []
        return measurements, [one.message for one in problems]

    health = Health(measured, SETTINGS.metrics.every_seconds)
    listening = server(health, host, port)
    health.start()
    print_line(f"serving {', '.join(PATHS)} at http://{host}:{port}; Ctrl-C ends")
    try:
        listening.serve_forever()
    except KeyboardInterrupt:
        leave(0)
    finally:
        listening.server_close()
