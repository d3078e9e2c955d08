"""Time of the service levels and of a scrape on a home with a season, and of `doctor` after its imports.

The home has 165 dates of final games with landed play-by-play documents of real size, the materializations of each date, and
30 days of runs. A season and the last 30 days are read from nothing, then again as the sensor does every five minutes. A scrape
is answered from measurements of this home. `doctor` runs in the sandbox. Targets: 10 seconds for the season, 0.2 seconds for a
scrape, 5 seconds for `doctor`.

    python benchmarks/service_levels.py
"""

import gzip
import hashlib
import json
import os
import tempfile
import threading
import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
from dagster._core.test_utils import create_run_for_test
from measuring import print_table

from nba_pipeline.asset_factory.code_versions import PACKAGE, code_versions
from nba_pipeline.cli.doctor import _probes
from nba_pipeline.environments import resources_for
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import AUTOMATIC_TAGS, DUE_TAG, MODE_TAG, PARTITION_TAG
from nba_pipeline.league.calendar import days, eastern
from nba_pipeline.monitoring import latency_facts
from nba_pipeline.monitoring.burn_rates import burn_of_each_window
from nba_pipeline.monitoring.doctor.probe import run_probes
from nba_pipeline.monitoring.health_server import Health, server
from nba_pipeline.monitoring.measurements import measure
from nba_pipeline.monitoring.metrics import Levels, Measurements
from nba_pipeline.monitoring.service_level_facts import read_facts
from nba_pipeline.monitoring.service_levels import attainments
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import HASH_DIGITS, INSTANT, Slot
from nba_pipeline_tests.builders_days import Days, slate_of

DATES, GAMES_PER_DATE, ACTIONS = 165, 7, 560
RUNS_PER_DATE, DATES_WITH_RUNS = 50, 30
LAST = date(2026, 4, 10)
NOW = eastern(LAST + timedelta(days=1), 9)
SCRAPES = 20
SEASON_SECONDS, SCRAPE_SECONDS, DOCTOR_SECONDS = 10.0, 0.2, 5.0
TABLES_OF_A_DATE = ("player_game_summary", "features", "predictions")


def fill(home: Path) -> Days:
    """Writes a season of games with their documents, materializations and runs."""
    platform = Days(home)
    for day in days(LAST - timedelta(days=DATES - 1), LAST):
        ended, final = eastern(day, 22), {"status": "final", "home_points": 99, "away_points": 98}
        [game] = slate_of(day, eastern(day, 19))
        games = [game | final | {"game_id": f"002{day:%y%m%d}{n}"} for n in range(GAMES_PER_DATE)]
        platform.write("schedule", day, *games)
        for game in games:
            land(home, str(game["game_id"]), day, ended)
        platform.make(ended + timedelta(hours=1), day, *TABLES_OF_A_DATE)
    for day in days(LAST - timedelta(days=DATES_WITH_RUNS - 1), LAST):
        for number in range(RUNS_PER_DATE):
            add_run(platform, day, eastern(day, 6) + timedelta(minutes=10 * number), has_failed=number % RUNS_PER_DATE == 0)
    return platform


def land(home: Path, game_id: str, day: date, ended: datetime) -> None:
    """Stores a play-by-play document."""
    actions = [
        {"actionNumber": n, "clock": "PT05M07.00S", "timeActual": (ended - timedelta(seconds=15 * (ACTIONS - n))).isoformat(),
         "period": 1, "teamId": 1610612752, "personId": 1628973, "description": f"J. Brunson driving layup shot {n}" * 8,
         "x": 94.2 - n / 100, "y": 50.1 + n / 90, "qualifiers": ["pointsinthepaint", "fastbreak"], "gameId": game_id}
        for n in range(ACTIONS)
    ]  # fmt: skip
    body = json.dumps({"game": {"gameId": game_id, "actions": actions}}).encode()
    folder = home / "landing" / Slot("nba_cdn", "playbyplay", game_id, game_date=day).folder
    folder.mkdir(parents=True)
    name = f"{ended:{INSTANT}}_{hashlib.sha256(body).hexdigest()[:HASH_DIGITS]}.json.gz"
    (folder / name).write_bytes(gzip.compress(body, 3))


def add_run(platform: Days, day: date, at: datetime, *, has_failed: bool) -> None:
    """Adds a run that a sensor requested."""
    tags = {PARTITION_TAG: str(day), MODE_TAG: "lines", DUE_TAG: at.isoformat(), AUTOMATIC_TAGS[1]: "lines"}
    run = create_run_for_test(platform.instance, "game_day", status=dg.DagsterRunStatus.STARTED, tags=tags)
    platform.end(run, at + timedelta(minutes=1), succeeded=not has_failed)
    if has_failed:
        platform.instance.all_logs(run.run_id)  # creates the file of its events, which a real run has


def seconds_of(work: Callable[[], Any]) -> tuple[float, float]:
    """Returns wall and CPU seconds of all threads of this process."""
    began, used = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - began, time.process_time() - used


def scrape_seconds(measured: Measurements) -> tuple[float, float]:
    """Returns wall and CPU seconds of the median of several scrapes."""
    health = Health(lambda: (measured, []), SETTINGS.metrics.every_seconds)
    health.update()
    listening = server(health, "127.0.0.1", 0)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{listening.server_address[1]}/metrics"
    with httpx.Client(timeout=30) as client:
        scrapes = sorted(seconds_of(lambda: client.get(address).raise_for_status()) for _ in range(SCRAPES))
    listening.shutdown()
    listening.server_close()
    return scrapes[SCRAPES // 2]


def doctor_seconds() -> tuple[float, float]:
    """Returns the time of every probe, at the same time as the command runs them. The modules are imported before."""
    with dg.build_resources(resources_for("sandbox")) as resources:
        probes = _probes(resources)
        run_probes(probes, SETTINGS.doctor.deadline_seconds)  # imports what the probes import
        return seconds_of(lambda: run_probes(probes, SETTINGS.doctor.deadline_seconds))


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="service-levels-") as name:
        home = Path(name)
        os.environ["NBA_PIPELINE_HOME"] = name
        platform = fill(home)
        clock = Clock(fixed_at=NOW.isoformat())
        landing, since = Landing(home=name, clock=clock), NOW - timedelta(days=DATES + 1)
        place = (platform.instance, platform.warehouse, landing)
        rows: list[tuple[Any, ...]] = []
        season = days(LAST - timedelta(days=DATES - 1), LAST)
        rows.append(("season", *seconds_of(lambda: latency_facts.read_latencies(*place, season, since)), SEASON_SECONDS))
        latency_facts._last_actions.clear()
        rows.append(("30 days with runs", *seconds_of(lambda: read_facts(*place, since, NOW)), ""))
        rows.append(("30 days again", *seconds_of(lambda: read_facts(*place, since, NOW)), ""))
        facts = read_facts(*place, since, NOW)
        levels = Levels(attainments(facts, NOW), burn_of_each_window(facts, NOW))
        measured = measure(*place, clock, code_versions(PACKAGE, SETTINGS), [], home, levels)
        rows.append(("scrape", *scrape_seconds(measured), SCRAPE_SECONDS))
        rows.append(("doctor", *doctor_seconds(), DOCTOR_SECONDS))
    print(f"{DATES} dates of {GAMES_PER_DATE} games, {RUNS_PER_DATE * DATES_WITH_RUNS} runs; {datetime.now(UTC):%Y-%m-%d}\n")
    slower = [(*row, "slower" if row[3] and row[1] > row[3] else "") for row in rows]
    print_table(("measured", "s", "CPU s", "target s", ""), slower)


if __name__ == "__main__":
    main()
