"""Seconds from late news about a star to his teammates' forecasts, by part, with Dagster's daemon and the real clock.

A sandbox rule rules a star out, and the league prints it in the next quarter-hourly report. Measures the tick of the sensor
`injury_news`, the start of the run, and the materialization of `injuries`, `features` and `predictions`. Then counts the runs
started by the following report, which is unchanged: the sandbox clubs make all other decisions up to half an hour before
tip-off. Up to 40 minutes, mostly waiting for reports.

    python benchmarks/late_news.py [--only-news]     # without the wait for the unchanged report
"""

import argparse
import json
import os
import socket
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import polars as pl
from measuring import print_table

from nba_pipeline.assets.features import features
from nba_pipeline.assets.predictions import predictions
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.run_tags import MODE_TAG
from nba_pipeline.sandbox.rules_file import RULES_FILE
from nba_pipeline_tests.unattended.live import Evening, platform, wait_until

HISTORY_DAYS = 12
QUARTER = timedelta(minutes=15)
LEAST_SETUP = timedelta(minutes=4)
"""For the first forecasts and the daemon's start, before the news is printed."""
TIPOFF_AFTER = timedelta(minutes=25)
"""From the news to the first tip-off."""
SLOWEST = timedelta(minutes=5)
AIM_SECONDS = 60.0
KEY = ["game_id", "player_id", "system_id"]


def next_printed(at: datetime) -> datetime:
    """Returns the next quarter hour."""
    return at - timedelta(minutes=at.minute % 15, seconds=at.second, microseconds=at.microsecond) + QUARTER


def star_of(evening: Evening) -> tuple[int, str, int]:
    """Returns the top scorer by season mean who is not on the injury report: player, team and number of teammates' forecasts."""
    rows = evening.rows(features.TABLE).filter(pl.col("injury_risk_level") == 0, pl.col("injury_status").is_null())
    star = rows.sort("points_mean_season", descending=True, nulls_last=True).row(0, named=True)
    mates = evening.rows(predictions.TABLE).filter(pl.col("team") == star["team"], pl.col("player_id") != star["player_id"])
    return star["player_id"], star["team"], mates.select(KEY).unique().height


def rule_out(evening: Evening, player: int, at: datetime) -> None:
    """Adds the news to the sandbox rules of the home."""
    file = evening.home / RULES_FILE
    document = json.loads(file.read_text())
    news = {"action": "late_news", "player": player, "injury_status": "Out", "at": at.isoformat()}
    file.write_text(json.dumps(document | {"rules": [*document["rules"], news]}))


def new_versions(evening: Evening, team: str, player: int, printed: datetime) -> pl.DataFrame:
    """Returns the teammates' forecasts made after the news."""
    rows = evening.rows(predictions.TABLE)
    return rows.filter(pl.col("team") == team, pl.col("player_id") != player, pl.col("made_at") > printed)


def runs_of_news(evening: Evening, since: datetime) -> list[dg.RunRecord]:
    """Returns the runs since an instant that materialize features or predictions, oldest first."""
    assets = {dg.AssetKey("features"), dg.AssetKey("predictions")}
    return [
        run
        for run in reversed(evening.runs())
        if run.create_timestamp.astimezone(UTC) > since and assets & set(run.dagster_run.asset_selection or ())
    ]


def way_to_the_forecast(evening: Evening, printed: datetime) -> list[tuple[str, datetime]]:
    """Returns the events in order, from the printed report to the new forecasts."""
    [run] = [run for run in runs_of_news(evening, printed) if run.dagster_run.tags.get(MODE_TAG) == "injury_news"]
    run_id, day = run.dagster_run.run_id, evening.slate.isoformat()
    with open_instance(evening.home) as instance:
        ticked = min(
            datetime.fromtimestamp(tick.timestamp, UTC)
            for state in instance.all_instigator_state()
            for tick in instance.get_ticks(state.instigator_origin_id, state.selector_id)
            if run_id in tick.run_ids
        )
        path = [
            ("the league prints it", printed),
            ("injury_news: the tick that sees it", ticked),
            ("run started", datetime.fromtimestamp(run.start_time or 0, UTC)),
        ]
        for table in ("injuries", "features", "predictions"):
            records_filter = dg.AssetRecordsFilter(dg.AssetKey(table), asset_partitions=[day], after_timestamp=ticked.timestamp())
            records = instance.fetch_materializations(records_filter, limit=10, ascending=True).records
            path.append((f"{table} made", next(datetime.fromtimestamp(r.timestamp, UTC) for r in records if r.run_id == run_id)))
    return path


def measure(home: Path, only_news: bool) -> None:
    history = Evening(home, timedelta(minutes=1))
    history.play_the_days_before(HISTORY_DAYS)
    printed = next_printed(datetime.now(UTC) + LEAST_SETUP)
    evening = Evening(home, printed + TIPOFF_AFTER - datetime.now(UTC))
    evening.command("run", "--date", str(evening.slate), "--mode", "same_day", may_be=(0, 1))
    player, team, forecasts = star_of(evening)
    rule_out(evening, player, printed - timedelta(seconds=1))
    print(
        f"\nlate news: player {player} of {team}, printed at {printed:%H:%M:%S} UTC; {forecasts} forecasts of teammates",
        flush=True,
    )
    with platform(evening, _free_port()):
        wait_until(
            lambda: new_versions(evening, team, player, printed).height >= forecasts,
            printed + SLOWEST,
            "every teammate has a new version",
        )
        path = way_to_the_forecast(evening, printed)
        if not only_news:
            next_report_at = next_printed(datetime.now(UTC))
            wait_until(
                lambda: datetime.now(UTC) > next_report_at + timedelta(minutes=1.5),
                datetime.now(UTC) + 2 * QUARTER,
                "the next report is printed",
            )
            started = [
                run for run in runs_of_news(evening, next_report_at) if run.dagster_run.tags.get(MODE_TAG) == "injury_news"
            ]
            print(f"the next report, printed at {next_report_at:%H:%M} UTC, says the same: {len(started)} runs", flush=True)
    rows, before = [], printed
    tick = path[1][1]
    for what, at in path:
        rows.append((what, f"{at:%H:%M:%S}", (at - before).total_seconds(), (at - tick).total_seconds()))
        before = at
    print(f"\n{len(evening.game_ids)} games, {evening.slate}; {os.cpu_count()} cores\n")
    print_table(("late news", "UTC", "s since the line before", "s since the tick"), rows)
    total = rows[-1][3]
    print(f"\nfrom the tick to the forecasts of the teammates: {total:.0f} s, aim {AIM_SECONDS:.0f} s")


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only-news", action="store_true", help="without the wait for the unchanged report")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="late_news-") as folder:
        measure(Path(folder), arguments.only_news)


if __name__ == "__main__":
    main()
