"""Time to export slates from stored tables: one of 15 games, with the record of a month and of a season; and the page in a browser.

The slate has 400 players with the forecasts of six systems. The season has 165 dates with 200 graded players and two systems.
Targets, on an idle machine: a slate in less than 2 s, with the record of a season in less than 5 s, and the page interactive in
less than 1 s from a local server. Without Chromium the page is not measured. CPU seconds include all threads.

    python benchmarks/publishing.py
"""

import random
import re
import shutil
import subprocess
import threading
import time
from datetime import date, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from measuring import print_table

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.league.calendar import days, eastern
from nba_pipeline.orchestration.published_rows import Sources
from nba_pipeline.orchestration.slate_export import export_slates
from nba_pipeline.publishing.place import PublicFiles
from nba_pipeline.settings import Settings, register
from nba_pipeline.systems import SYSTEMS
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import a_game, frame_of
from nba_pipeline_tests.builders_predictions import a_prediction

SLATE, GAMES, PLAYERS, DATES, LINED = date(2026, 4, 3), 15, 400, 165, 200
MOST_SECONDS, MOST_SECONDS_OF_A_SEASON, MOST_SECONDS_OF_THE_PAGE = 2.0, 5.0, 1.0
INTERACTIVE = "document.title = 'interactive ' + performance.getEntriesByType('navigation')[0].domInteractive"


class Chosen:
    """The settings with a record of some days."""

    def __init__(self, record_days: int) -> None:
        base = Settings()
        self.chosen = base.model_copy(update={"publishing": base.publishing.model_copy(update={"record_days": record_days})})

    def settings(self) -> Settings:
        return self.chosen

    def refuse_changes(self) -> None:
        pass


def forecasts(day: date, players: int, systems: list[str], chance: random.Random) -> list[dict[str, object]]:
    rows = []
    for player in range(1, players + 1):
        game, line = f"00225{day:%m%d}{player % GAMES:02}", chance.randrange(5, 30) + 0.5
        for system in systems:
            value = line + chance.gauss(0, 1.5)
            rows.append(
                a_prediction("PASS", game_date=day, game_id=game, player_id=player, system_id=system, player_name=f"Player Name {player}",
                             team="GSW", opponent="NYK", prediction_id=f"{day}{player}{system}", predicted_value=value, line=line,
                             edge=value - line, adjusted_line=line, book="fanduel", price=-110, over_probability=chance.random(),
                             standard_deviation=6.0, made_at=eastern(day, 12), tipoff_at=eastern(day, 19), is_actionable=False,
                             system_version="1", reasons=["low_edge"])
            )  # fmt: skip
    return rows


def fill(warehouse: LocalWarehouse) -> None:
    """Writes the slate and the season before it."""
    chance = random.Random(7)
    games = [
        a_game(SLATE, status="scheduled") | {"game_id": f"00225{SLATE:%m%d}{n:02}", "tipoff_at": eastern(SLATE, 19)}
        for n in range(GAMES)
    ]
    warehouse.replace(SCHEDULE, [SLATE], frame_of(SCHEDULE, *games), "benchmark")
    names = [system.system_id for system in SYSTEMS][:6]
    warehouse.add(PREDICTIONS, [SLATE], frame_of(PREDICTIONS, *forecasts(SLATE, PLAYERS, names, chance)), "benchmark")
    for day in days(SLATE - timedelta(days=DATES), SLATE - timedelta(days=1)):
        made = frame_of(PREDICTIONS, *forecasts(day, LINED, ["ensemble", "market_blend"], chance))
        warehouse.add(PREDICTIONS, [day], made, "benchmark")
        actual = pl.Series([chance.randrange(40) for _ in range(made.height)])
        graded = made.with_columns(
            actual_value=actual, absolute_error=(pl.col("predicted_value") - actual).abs(), margin=actual - pl.col("line"),
            outcome=pl.lit("NO_BET"), grade_version=pl.lit(1, pl.Int64),
        )  # fmt: skip
        missing = [pl.lit(None, kind).alias(name) for name, kind in GRADES.dtypes.items() if name not in graded.columns]
        warehouse.add(
            GRADES, [day], graded.with_columns(missing).select(pl.col(n).cast(k) for n, k in GRADES.dtypes.items()), "benchmark"
        )


def seconds_of(sources: Sources, public: PublicFiles, record_days: int) -> tuple[float, float]:
    """Returns the wall and CPU time of an export. An export before it has loaded the libraries."""
    register(Chosen(record_days))
    export_slates(sources, public, [SLATE])
    wall, cpu = time.perf_counter(), time.process_time()
    (export,) = export_slates(sources, public, [SLATE])
    assert not export.problems, export.problems
    return time.perf_counter() - wall, time.process_time() - cpu


def interactive(folder: Path) -> float | None:
    """Returns the seconds until Chromium can use the page from a local server; None without Chromium."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser")
    if browser is None:
        return None
    page = folder / "measured.html"
    page.write_text(
        (folder / "index.html")
        .read_text()
        .replace("</body>", f"<script>addEventListener('load', () => {{ {INTERACTIVE} }})</script></body>")
    )
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(SimpleHTTPRequestHandler, directory=str(folder))) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--dump-dom", f"--user-data-dir={folder}/profile"]
        done = subprocess.run(
            [*command, f"http://127.0.0.1:{server.server_port}/measured.html"], capture_output=True, text=True, check=True
        )
        server.shutdown()
    (milliseconds,) = re.findall(r"<title>interactive ([\d.]+)", done.stdout)
    return float(milliseconds) / 1000


def main() -> None:
    with TemporaryDirectory() as home:
        warehouse, clock = LocalWarehouse(home=home), Clock(fixed_at=eastern(SLATE, 13).isoformat())
        fill(warehouse)
        public = PublicFiles(home=home, is_simulated=True)
        sources = Sources(open_instance(Path(home)), warehouse, Landing(home=home, clock=clock), clock, public.is_simulated)
        month, season = (seconds_of(sources, public, record_days) for record_days in (30, DATES))
        page = interactive(Path(home, "public").resolve())
        size = Path(home, "public", "index.html").stat().st_size
    rows = [
        ("with the record of 30 days", *(f"{one:.2f}" for one in month)),
        (f"with the record of {DATES} dates", *(f"{one:.2f}" for one in season)),
    ]
    print_table((f"export of {GAMES} games and {PLAYERS} players", "seconds", "CPU seconds"), rows)
    print(f"the page has {size / 1000:.0f} kB")
    measured = (
        ("a slate", month[0], MOST_SECONDS),
        ("a season", season[0], MOST_SECONDS_OF_A_SEASON),
        ("the page", page, MOST_SECONDS_OF_THE_PAGE),
    )
    for what, taken, target in measured:
        verdict = (
            "not measured: Chromium is not installed"
            if taken is None
            else f"{taken:.2f} s, {'met' if taken < target else 'missed'}"
        )
        print(f"{what}: target {target:g} s on an idle machine: {verdict}")


if __name__ == "__main__":
    main()
