"""The real report of 4 January 2024, 12:30 Eastern, and a real roster: the numbers of domain/golden.md, section 4."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.espn import parse_roster
from nba_pipeline.providers.injury_report import parse_injury_report
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot
from nba_pipeline_tests.real.conftest import SHARED

SAMPLE = SHARED / "wire" / "injury_report" / "Injury-Report_2024-01-04_12PM"
DAY = date(2024, 1, 4)
FETCHED_AT = datetime(2024, 1, 4, 17, 45, tzinfo=UTC)

pytestmark = pytest.mark.real

Land = Callable[[bytes], Payload]


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(home=str(tmp_path), clock=Clock(fixed_at=FETCHED_AT.isoformat()))


@pytest.fixture
def land(landing: Landing) -> Land:
    slot = Slot("injury_report", "report", "2024-01-04_12PM", DAY, extension="pdf")
    return lambda body: landing.keep(slot, body, fetched_at=FETCHED_AT)


@pytest.fixture
def report(land: Land) -> pl.DataFrame:
    return parse_injury_report(land(SAMPLE.with_suffix(".pdf").read_bytes()))


def test_fourteen_players_are_listed(report: pl.DataFrame) -> None:
    listed = report.filter(pl.col("spelling").is_not_null())
    assert dict(listed["status"].value_counts().rows()) == {"out": 10, "questionable": 2, "doubtful": 1, "probable": 1}
    games = listed.select(pl.format("{}@{}", "away_team", "home_team").alias("game"))["game"].value_counts()
    assert dict(games.rows()) == {"MIL@SAS": 8, "DEN@GSW": 6}
    assert report["problem"].null_count() == report.height


def test_every_record_is_the_one_of_the_parsed_sample(report: pl.DataFrame) -> None:
    records = json.loads(Path(f"{SAMPLE}.parsed.json").read_text())["records"]
    listed = report.filter(pl.col("spelling").is_not_null())
    read = [
        {
            "date": f"{row['game_date']:%m/%d/%Y}",
            "matchup": f"{row['away_team']}@{row['home_team']}",
            "team": row["team"],
            "player": row["spelling"],
            "status": row["status"].title(),
            "reason": row["reason"],
        }
        for row in listed.iter_rows(named=True)
    ]
    assert read == [{key: record[key] for key in read[0]} for record in records]


def test_it_was_printed_at_half_past_twelve_eastern(report: pl.DataFrame) -> None:
    assert report["snapshot_at"].unique().to_list() == [datetime(2024, 1, 4, 17, 30, tzinfo=UTC)]


def test_the_other_teams_have_not_submitted(report: pl.DataFrame) -> None:
    silent = report.filter(pl.col("spelling").is_null())
    assert silent["status"].unique().to_list() == ["not_submitted"]
    assert dict(silent["game_date"].value_counts().rows()) == {DAY: 1, date(2024, 1, 5): 28}
    assert silent.filter(pl.col("game_date") == DAY)["team"].to_list() == ["MIL"]


@pytest.mark.parametrize("share", [0.25, 0.5, 0.99])
def test_a_truncated_report_is_rejected(share: float, land: Land) -> None:
    body = SAMPLE.with_suffix(".pdf").read_bytes()
    with pytest.raises(Permanent, match="the PDF is truncated"):
        parse_injury_report(land(body[: int(len(body) * share)]))


def test_boston_had_seventeen_players(landing: Landing) -> None:
    body = (SHARED / "wire" / "espn" / "site_roster_team2.json").read_bytes()
    roster = parse_roster(landing.keep(Slot("espn", "roster", "2", DAY), body, fetched_at=FETCHED_AT))
    assert (roster.height, roster["team"].unique().to_list(), roster["problem"].null_count()) == (17, ["BOS"], 17)
    tatum = roster.row(by_predicate=pl.col("spelling") == "Jayson Tatum", named=True)
    assert [tatum[name] for name in ("birth_date", "position", "height_inches", "weight_pounds")] == [
        date(1998, 3, 3),
        "SF",
        80.0,
        210.0,
    ]
