"""Delay of an alert from a failed check to its sink, and CPU time of `watch --once` with the start of its process.

The check is one of today's slate. The sensor `alert_on_data` evaluates it after at most one interval, which is added to the
measured time. The sink is a webhook on loopback. The first evaluation also runs the slow monitors. Targets: 60 seconds for
the alert, 3 CPU seconds for `watch --once`.

    python benchmarks/alerts.py
"""

import os
import resource
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
from measuring import print_table

from nba_pipeline.environments import resources_for
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.orchestration.data_alerts import alert_on_data
from nba_pipeline_tests.builders_days import Days, slate_of
from nba_pipeline_tests.monitoring.webhook import Slack, listening

SECONDS_TO_SINK, WATCH_CPU_SECONDS = 60.0, 3.0
REPEATS = 5
NEEDED = ("warehouse", "landing", "notifier")


def evaluate(days: Days, cursor: str | None) -> str | None:
    """Evaluates the sensor once."""
    resources = {name: resource for name, resource in resources_for("sandbox", Clock()).items() if name in NEEDED}
    with dg.build_sensor_context(days.instance, cursor=cursor, resources=resources) as context:
        return alert_on_data.evaluate_tick(context).cursor


def from_check_to_sink(days: Days, slack: Slack) -> tuple[float, float]:
    """Returns the seconds of the first evaluation, and those from a failed check to the sink without the interval."""
    start = time.perf_counter()
    cursor = evaluate(days, None)
    first, sent = time.perf_counter() - start, len(slack.sent)
    today = str(eastern_date(datetime.now(UTC)))
    check = dg.AssetCheckEvaluation(dg.AssetKey("features"), "no_feature_loses_its_source", False, partition=today)
    days.instance.report_runless_asset_event(check)
    start = time.perf_counter()
    evaluate(days, cursor)
    assert len(slack.sent) == sent + 1, slack.texts
    return first, time.perf_counter() - start


def watch_cpu_seconds(home: Path) -> float:
    """Returns user and system seconds of `watch --once`."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-m", "nba_pipeline", "watch", "--once"], capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="alerts-") as name, listening() as slack:
        os.environ |= {"NBA_PIPELINE_HOME": name, "SLACK_WEBHOOK_URL": slack.url}
        days, today = Days(Path(name)), eastern_date(datetime.now(UTC))
        days.write("schedule", today, *slate_of(today, datetime.now(UTC)))
        first, later = from_check_to_sink(days, slack)
        interval = alert_on_data.minimum_interval_seconds or 0
        watch = min(watch_cpu_seconds(Path(name)) for _ in range(REPEATS))
    print(f"first evaluation with the slow monitors: {first:.2f} s\n")
    rows = [
        ("check to sink, s", f"{interval + later:.1f}", SECONDS_TO_SINK, "" if interval + later <= SECONDS_TO_SINK else "slower"),
        ("watch --once, CPU s", f"{watch:.2f}", WATCH_CPU_SECONDS, "" if watch <= WATCH_CPU_SECONDS else "slower"),
    ]
    print_table(("measured", "value", "target", ""), rows)


if __name__ == "__main__":
    main()
