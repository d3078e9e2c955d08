"""The sandbox's game day in `production` gives the same tables as locally, although processes are killed and hosts replaced."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from nba_pipeline.warehouse.bigquery.shapes import STAGING_PREFIX
from nba_pipeline_tests.bigquery.faults import Call
from nba_pipeline_tests.bigquery.game_day import When, another_start, faults_of, played, prepared
from nba_pipeline_tests.warehouse.gcs_server import Bucket, serve

POINTS: tuple[tuple[str, When], ...] = (
    ("stage injuries", "after"),
    ("merge prop_lines", "before"),
    ("load features", "before"),
    ("merge predictions", "after"),
    ("load player_game_summary", "after"),
    ("acknowledge grades", "before"),
)
"""Where a process is killed, in the order of the day: a call, and whether BigQuery still receives it.

Loads, staged rows, MERGEs and acknowledgments; `python -m nba_pipeline_tests.bigquery.game_day` kills at every call of the day.
"""

LOCAL = {"dagster"}
"""What a host keeps below its home: Dagster's instance, here with its run history in SQLite."""


def reached(point: str) -> Callable[[Call], bool]:
    """Matches the call of a point."""
    verb, name = point.split(" ")

    def is_it(call: Call) -> bool:
        table, statement = call.table or "", str(call.body.get("query") or "")
        match verb:
            case "load":
                return call.kind == "load" and table.startswith(f"{name}$")
            case "stage":
                return call.kind == "load" and table.startswith(f"{STAGING_PREFIX}{name}_")
            case "merge":
                return call.kind == "query" and (call.job_id or "").startswith(f"add_{name}_")
        return statement.strip().startswith("INSERT INTO loads") and f'"{name}"' in str(call.body).replace("'", '"')

    return is_it


class Hosts:
    """Hosts without a file of an earlier process. They share a bucket, which has the landing and the models of the days before."""

    def __init__(self, folder: Path, bucket: Bucket, address: str) -> None:
        self.folder, self.address = folder, address
        for part in ("landing", "models"):
            for file in (folder / "home" / part).rglob("*"):
                if file.is_file():
                    bucket.write(f"nba/{file.relative_to(folder / 'home')}", file.read_bytes())
        (folder / "settings.toml").write_text("[warehouse]\nlease_seconds = 2\n")  # a killed writer leaves its lease

    def variables(self, number: int) -> Mapping[str, str]:
        return {
            "NBA_PIPELINE_HOME": str(self.folder / f"host{number}"),
            "NBA_PIPELINE_STORE": "gs://bucket/nba",
            "NBA_PIPELINE_PUBLIC": "gs://bucket/public",
            "NBA_PIPELINE_SETTINGS": str(self.folder / "settings.toml"),
            "FSSPEC_GS": json.dumps({"endpoint_url": self.address, "token": "anon"}),
        }


@pytest.mark.long(seconds=180)
@pytest.mark.filterwarnings("ignore")  # runs whole commands; pandas and Google's clients emit unrelated warnings
def test_a_day_with_six_kills_on_eight_hosts_leaves_the_same_tables(tmp_path: Path) -> None:
    """Each process, also the repetition of a killed one, is on a host with an empty home."""
    league, start, expected = prepared(tmp_path)
    assert expected[-1]["predictions"].height and expected[-1]["grades"].height
    with another_start(tmp_path, start) as (day, emulator), serve("bucket") as (bucket, address):
        hosts = Hosts(day, bucket, address)
        ended = played(day, league, emulator, [(reached(point), when) for point, when in POINTS], host=hosts.variables)
        files = {path.name for host in day.glob("host*") for path in host.iterdir()}
    assert len(ended.killed) == len(POINTS), ended.killed
    assert faults_of(ended, expected[-1]) == []
    assert files <= LOCAL, "a host must not keep what another one needs"
    assert {"public/index.html", "public/manifest.json"} <= bucket.objects.keys()
    assert not [name for name in bucket.objects if name.startswith("nba/locks/")]
