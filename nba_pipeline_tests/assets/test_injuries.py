"""Injury reports of a slate: every team has a row, names are resolved, failing sources are named."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import verdicts_of
from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.injuries import (
    TABLE,
    every_name_is_resolved,
    every_team_has_a_report,
    injuries,
    the_newest_report_is_recent,
    with_players,
)
from nba_pipeline.assets.sources.rosters import TABLE as ROSTERS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.formulas.slate_injuries import once_per_player, slate_injuries
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.active_players import ACTIVE_SCHEMA
from nba_pipeline.league.calendar import eastern
from nba_pipeline.providers import espn as espn_api
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.espn import Espn
from nba_pipeline.providers.injury_report import REPORT_COLUMNS, InjuryReport
from nba_pipeline.tables.table import LINEAGE, PROBLEM
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.assets.conftest import ArchiveOfAllDates, OnThisMachine
from nba_pipeline_tests.builders import DAY, PLAYER, Values, a_boxscore, a_game, at, before, frame_of
from nba_pipeline_tests.builders_injuries import (
    a_first_entry,
    a_report,
    a_team_s,
    an_entry,
    an_espn_injury,
    an_injury,
    espn_injuries,
    injuries_of,
    not_yet,
)
from nba_pipeline_tests.providers.conftest import NOON, Answer, Provider, ReceivedRequest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("reader_of_pdfs")]

TIPOFF = eastern(DAY, 22)
GAME = a_game(status="scheduled", tipoff_at=TIPOFF, home_points=None, away_points=None)
GAME_ID = GAME["game_id"]
LATER = a_game(game_id=f"002{DAY:%y%m%d}2", home_team="MIA", away_team="BOS", status="scheduled", tipoff_at=TIPOFF)
SLATE = frame_of(SCHEDULE, GAME, LATER)
MISSING = Answer({}, status=403)
ESPN_COLUMNS = {name: REPORT_COLUMNS[name] for name in espn_api.INJURY_COLUMNS}


def printed(team: str = "GSW", spelling: str | None = "Curry, Stephen", status: str = "out", **fields: Any) -> Values:
    """Returns a row of a parsed report on NYK at GSW."""
    return {
        "snapshot_at": at(11, 30), "seen_at": NOON, "game_date": DAY, "home_team": "GSW", "away_team": "NYK", "team": team,
        "spelling": spelling, "status": status, "source": "test",
    } | fields  # fmt: skip


def said(*rows: Values, schedule: pl.DataFrame = SLATE, provider: str = "injury_report") -> pl.DataFrame:
    columns = REPORT_COLUMNS if provider == "injury_report" else ESPN_COLUMNS
    listed = pl.DataFrame([{k: row.get(k) for k in columns} for row in rows], schema=columns)
    return slate_injuries(listed.with_columns(pl.lit(provider).alias("provider")), schedule).sort("game_id", "team", "spelling")


def told(frame: pl.DataFrame, *columns: str) -> list[tuple[Any, ...]]:
    return frame.select(*(columns or ("team", "spelling", "status", "problem"))).rows()


# One snapshot and a slate


def test_a_row_has_its_game_and_whether_it_is_from_before_the_tip_off() -> None:
    rows = said(printed(), printed("NYK", "Hart, Josh"), schedule=frame_of(SCHEDULE, GAME))
    assert told(rows, "game_id", "team", "game_date", "tipoff_at", "is_before_tipoff", "provider") == [
        (GAME_ID, team, DAY, TIPOFF, True, "injury_report") for team in ("GSW", "NYK")
    ]


@pytest.mark.parametrize(
    ("tipoff_at", "is_before"), [(at(11, 31), True), (at(11, 30), False), (None, None)], ids=["before", "at", "unknown"]
)
def test_only_a_snapshot_before_the_scheduled_tip_off_is_before_it(tipoff_at: datetime | None, is_before: bool | None) -> None:
    rows = said(printed(), schedule=frame_of(SCHEDULE, GAME | {"tipoff_at": tipoff_at}))
    assert rows["is_before_tipoff"].unique().to_list() == [is_before]


def test_a_team_without_a_row_lists_no_player_if_its_game_is_reported_and_has_not_submitted_otherwise() -> None:
    assert told(said(printed())) == [
        ("GSW", "Curry, Stephen", "out", None), ("NYK", None, "nobody_listed", None),
        ("BOS", None, "not_submitted", None), ("MIA", None, "not_submitted", None),
    ]  # fmt: skip


def test_a_report_on_other_dates_only_means_not_submitted() -> None:
    rows = said(printed(game_date=before(1)), printed(game_date=before(-1)))
    assert told(rows, "team", "status") == [(team, "not_submitted") for team in ("GSW", "NYK", "BOS", "MIA")]


def test_a_game_that_the_schedule_does_not_have_is_a_problem() -> None:
    rows = said(printed(), printed("LAL", "James, LeBron", home_team="LAL", away_team="UTA"), printed("MIA", "Hart, Josh"))
    problems = rows.filter(pl.col("problem").is_not_null())
    assert told(problems, "team", "problem") == [
        ("LAL", "UTA at LAL is no game of the schedule"),
        ("MIA", "NYK at GSW is no game of the schedule"),
    ]
    assert problems["game_date"].to_list() == [DAY, DAY]


def test_a_row_of_an_unknown_team_means_that_teams_without_rows_have_not_submitted() -> None:
    rows = said(printed(), printed(None, "Hart, Josh", problem="team 'Knicks' does not play 'NYK@GSW'"))  # type: ignore[arg-type]
    assert ("NYK", None, "not_submitted", None) in told(rows)
    espn = said(printed(), printed(None, "Hart, Josh", problem="unknown team"), provider="espn")  # type: ignore[arg-type]
    assert ("NYK", None, "not_submitted", None) in told(espn)


def test_a_team_that_is_only_reported_in_another_matchup_has_not_submitted() -> None:
    rows = said(printed(), printed("MIA", "Hart, Josh"))
    assert ("BOS", None, "not_submitted", None) in told(rows)


def test_a_row_of_an_unknown_team_has_the_game_of_its_matchup_or_none_of_the_slate() -> None:
    unknown = {"problem": "team 'Knicks' does not play"}
    rows = said(
        printed(),
        printed(None, "Hart, Josh", **unknown),
        printed(None, "A, B", home_team="FLA", away_team="MEL", **unknown),  # type: ignore[arg-type]
        printed(None, "C, D", home_team="MIA", away_team="MEL", **unknown),  # type: ignore[arg-type]
    )
    assert told(rows.filter(pl.col("team").is_null()).sort("spelling"), "spelling", "game_id") == [
        ("A, B", "MEL@FLA"),
        ("C, D", None),
        ("Hart, Josh", GAME_ID),
    ]


def test_a_row_with_a_problem_is_no_silence() -> None:
    rows = said(printed(), printed("NYK", "Hart, Josh", status=None, problem="status of Hart, Josh is 'Ill'"))  # type: ignore[arg-type]
    assert [row for row in told(rows) if row[0] == "NYK"] == [("NYK", "Hart, Josh", None, "status of Hart, Josh is 'Ill'")]


def test_a_team_without_espn_rows_lists_no_player_and_teams_without_a_game_are_ignored() -> None:
    rows = said(printed(), printed("LAL", "James, LeBron"), provider="espn")
    assert told(rows, "team", "status") == [
        ("GSW", "out"), ("NYK", "nobody_listed"), ("BOS", "nobody_listed"), ("MIA", "nobody_listed"),
    ]  # fmt: skip


def test_a_postponed_game_needs_no_report_and_is_no_problem() -> None:
    slate = frame_of(SCHEDULE, GAME | {"status": "postponed"}, LATER)
    assert told(said(printed(), schedule=slate)) == [
        ("GSW", "Curry, Stephen", "out", None),
        ("BOS", None, "not_submitted", None),
        ("MIA", None, "not_submitted", None),
    ]


# Names

ROSTER_ROWS = {
    PLAYER: "Stephen Curry",
    2: "Gary Payton II",
    3: "Josh Hart",
    4: "Jaylin Williams",
    5: "Jaylin Williams",
    6: "Klay Thompson",
}


def named(spelling: str, *roster: int) -> tuple[int | None, str | None]:
    known = pl.DataFrame({"player_id": list(ROSTER_ROWS), "spelling": list(ROSTER_ROWS.values())})
    active = pl.DataFrame(
        [(GAME_ID, n, name, "of_the_teams" if n in roster else "elsewhere") for n, name in ROSTER_ROWS.items()],
        schema=ACTIVE_SCHEMA,
        orient="row",
    )
    rows = said(printed(spelling=spelling), schedule=frame_of(SCHEDULE, GAME)).with_columns(
        pl.lit(None, pl.Int64).alias("player_id")
    )
    [row] = with_players(rows, known, active).filter(pl.col("spelling").is_not_null()).rows(named=True)
    return row["player_id"], row["problem"]


def test_a_suffix_stands_inside_the_surname() -> None:
    assert named("Payton II, Gary", 2) == (2, None)


def test_a_player_new_to_the_team_resolves_in_the_league() -> None:
    assert named("Thompson, Klay", PLAYER, 3) == (6, None)


def test_two_players_of_one_name_are_not_guessed() -> None:
    assert named("Williams, Jaylin", 4, 5) == (None, "ambiguous name 'Williams, Jaylin': Jaylin Williams, Jaylin Williams")


def test_an_unresolved_name_is_a_problem() -> None:
    assert named("Nobody, Known", PLAYER) == (None, "unresolved name 'Nobody, Known'")


# The asset


class Slates(OnThisMachine):
    """The asset with loopback providers."""

    def __init__(self, landing: Landing, clock: Clock, provider: Provider):
        super().__init__(landing, clock, provider, "injury_report", "espn")
        self.warehouse = LocalWarehouse(home=landing.home)
        self.reports: dict[str, Answer] = {}
        self.espn = Answer(espn_injuries(an_espn_injury()))
        provider.responds(self.answer)

    def answer(self, asked: ReceivedRequest) -> Answer:
        if asked.path.endswith("injuries"):
            return self.espn
        return next((answer for name, answer in self.reports.items() if asked.path.endswith(f"{name}.pdf")), MISSING)

    def asked(self) -> list[str]:
        return [
            asked.path.rpartition("/")[2].removeprefix("Injury-Report_").removesuffix(".pdf") for asked in self.provider.asked
        ]

    def collect(self, now: datetime = NOON, game: Values = GAME, archive: type[Archive] = Archive) -> pl.DataFrame:
        """Runs the asset and returns the valid rows."""
        clock = Clock(fixed_at=now.isoformat())
        context = dg.build_asset_context(partition_key=DAY.isoformat())
        frame = injuries(
            context,
            schedule=frame_of(SCHEDULE, game),
            boxscores=frame_of(BOXSCORES, a_boxscore(before(3))),
            players=pl.DataFrame({"player_id": [PLAYER], "spelling": ["Stephen Curry"]}),
            injury_report=InjuryReport(http=self.http),
            espn=Espn(http=self.http),
            warehouse=self.warehouse,
            archive=archive(folder="", landing=self.landing, clock=clock),
            clock=clock,
        )
        assert isinstance(frame, dg.Output)
        self.data_version = frame.data_version
        return self.conformed(TABLE, context, frame.value, now)


@pytest.fixture
def slates(landing: Landing, clock: Clock, provider: Provider) -> Slates:
    return Slates(landing, clock, provider)


def test_with_an_official_report_espn_is_not_requested(slates: Slates) -> None:
    slates.reports["2024-03-12_06AM"] = Answer(
        body=a_report([a_first_entry(), not_yet("New York Knicks")], printed="03/12/24 06:30 AM")
    )
    rows = slates.collect()
    assert told(rows, "team", "player_id", "status", "reason", "snapshot_at", "seen_at", "provider") == [
        ("GSW", PLAYER, "out", "Rest", at(10, 30), NOON, "injury_report"),
        ("NYK", None, "not_submitted", None, at(10, 30), NOON, "injury_report"),
    ]
    assert slates.asked() == ["2024-03-12_07AM", "2024-03-12_06AM"] and slates.problems == {}
    assert slates.parked.is_empty() and rows.columns == list(TABLE.dtypes)


def test_every_landed_snapshot_is_a_row_and_a_second_run_changes_nothing(slates: Slates) -> None:
    slates.reports["2024-03-12_06AM"] = Answer(body=a_report([a_first_entry()], printed="03/12/24 06:30 AM"))
    first = slates.collect()
    slates.reports["2024-03-12_07AM"] = Answer(body=a_report([a_first_entry(status="Doubtful")], printed="03/12/24 07:30 AM"))
    both = slates.collect()
    assert told(both.filter(pl.col("team") == "GSW"), "snapshot_at", "status") == [(at(10, 30), "out"), (at(11, 30), "doubtful")]
    assert both.filter(pl.col("snapshot_at") == at(10, 30)).equals(first)


def test_a_player_on_the_roster_of_the_date_belongs_to_the_team(slates: Slates) -> None:
    listed = {"game_date": DAY, "team": "GSW", "player_id": 7, "spelling": "Pat Spencer", "seen_at": NOON, "source": "test"}
    roster, _ = ROSTERS.conform(frame_of(ROSTERS, listed).drop("as_of", "code_version"), NOON, "1")
    slates.warehouse.replace(ROSTERS, [DAY], roster, "test")
    slates.reports["2024-03-12_06AM"] = Answer(
        body=a_report([a_first_entry(player="P. Spencer"), not_yet("New York Knicks")], printed="03/12/24 06:30 AM")
    )
    assert slates.collect()["player_id"].to_list().count(7) == 1


def said_of_curry(*statuses: tuple[str, str, datetime]) -> list[tuple[str, str]]:
    """Returns (spelling, status) of the remaining rows of one snapshot, from (spelling, status, instant of the answer)."""
    about = {"game_id": GAME_ID, "team": "GSW", "player_id": PLAYER, "snapshot_at": at(10), "tipoff_at": at(23), "game_date": DAY}
    rows = [
        about
        | {"spelling": name, "status": status, "seen_at": seen, "provider": "espn", "source": f"{seen}", "is_before_tipoff": True}
        for name, status, seen in statuses
    ]
    frame = frame_of(TABLE, *rows).drop("as_of", "code_version").with_columns(pl.lit(None, pl.String).alias(PROBLEM))
    good, _ = TABLE.conform(once_per_player(frame).drop("copies"), NOON, "1")
    return good.select("spelling", "status").rows()


def test_two_spellings_of_a_player_with_the_same_status_are_one_row() -> None:
    assert said_of_curry(("Stephen Curry", "out", NOON), ("Steph Curry", "out", at(13))) == [("Stephen Curry", "out")]


def test_a_contradictory_snapshot_leaves_the_player_unknown() -> None:
    assert said_of_curry(("Stephen Curry", "out", NOON), ("Stephen Curry", "available", at(13))) == []


def test_two_reports_of_one_instant_with_different_contents_are_compared(slates: Slates) -> None:
    for hour, status in ((7, "Out"), (6, "Questionable")):
        slates.reports = {
            f"2024-03-12_0{hour}AM": Answer(body=a_report([a_first_entry(status=status)], printed="03/12/24 06:30 AM"))
        }
        slates.collect(now=at(hour + 5))
    assert slates.parked["problem"].to_list() == ["key_is_unique"] * 2


def test_the_data_version_depends_on_the_contents_of_the_newest_reports_not_on_their_instants(slates: Slates) -> None:
    versions = []
    told: list[list[dict[str, str]]] = [
        [a_first_entry()], [a_first_entry(reason="Illness")], [a_first_entry(status="Doubtful")],
        [a_first_entry(status="Doubtful"), an_entry("Payton II, Gary", "Ill")],
    ]  # fmt: skip
    for hour, rows in enumerate(told, 4):
        slates.reports[f"2024-03-12_{hour:02d}AM"] = Answer(body=a_report(rows, printed=f"03/12/24 {hour:02d}:30 AM"))
        slates.collect()
        versions.append(slates.data_version)
    assert versions[0] == versions[1] and len(set(versions)) == 3


def test_espn_is_used_when_no_report_is_published(slates: Slates) -> None:
    assert told(slates.collect(), "team", "player_id", "status", "snapshot_at", "provider") == [
        ("GSW", PLAYER, "out", NOON, "espn"),
        ("NYK", None, "nobody_listed", NOON, "espn"),
    ]
    [problem] = slates.problems[str(DAY)]
    assert problem.startswith("injury_report returned 403 for all 15 reports from 2024-03-11_05PM to 2024-03-12_07AM: ")


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (Answer(body=b"<html></html>"), "is not a PDF"),
        (Answer(body=a_report([a_first_entry()])[:-300]), "is truncated"),
        (Answer({}, status=503), "status 503"),
    ],
    ids=["a page", "cut off", "down"],
)
def test_an_unavailable_report_is_named_and_espn_is_requested(bad: Answer, problem: str, slates: Slates) -> None:
    slates.reports["2024-03-12_07AM"] = bad
    assert slates.collect()["provider"].unique().to_list() == ["espn"]
    assert problem in slates.problems[str(DAY)][0]


def test_when_both_providers_fail_there_are_no_rows_and_both_are_named(slates: Slates) -> None:
    slates.espn = Answer(espn_injuries({"athlete": {"displayName": "Stephen Curry"}, "state": "Out"}))
    assert slates.collect().is_empty()
    official, espn = slates.problems[str(DAY)]
    assert "returned 403" in official and "espn injuries league: an entry has no status" in espn


def test_an_unknown_status_is_quarantined_with_its_message(slates: Slates) -> None:
    rows = [a_first_entry(), an_entry("Payton II, Gary", "Ill")]
    slates.reports["2024-03-12_07AM"] = Answer(body=a_report(rows, printed="03/12/24 07:30 AM"))
    assert told(slates.collect(), "team", "status") == [("GSW", "out"), ("NYK", "nobody_listed")]
    assert slates.parked["problem"].to_list() == ["status of Payton II, Gary is 'Ill'"]


@pytest.mark.parametrize(("again", "statuses"), [("Out", ["out"]), ("Doubtful", [])], ids=["agreeing", "contradicting"])
def test_a_player_listed_twice_is_one_row_or_none(again: str, statuses: list[str], slates: Slates) -> None:
    rows = [a_first_entry(), an_entry("Curry, Steph", again), an_entry("Curry, Stephen", again, reason="Illness")]
    slates.reports["2024-03-12_07AM"] = Answer(body=a_report(rows, printed="03/12/24 07:30 AM"))
    found = slates.collect().filter(team="GSW")
    assert found["status"].to_list() == statuses
    assert ("key_is_unique" in slates.parked["problem"].to_list()) is (not statuses)


def test_an_unreadable_landed_report_is_rejected_and_the_other_reports_are_used(slates: Slates) -> None:
    slates.landing.keep(Slot("injury_report", "report", "x", DAY, extension="pdf"), b"%PDF-1.4", fetched_at=NOON)
    assert slates.collect()["provider"].unique().to_list() == ["espn"]
    assert not slates.landing.payloads("injury_report", "report", DAY)
    assert slates.problems[str(DAY)][-1].startswith(
        "injury_report report x: the PDF is truncated (8 bytes): injury_report/report/"
    )


def test_no_request_is_sent_before_the_slate_is_due(slates: Slates) -> None:
    assert slates.collect(now=eastern(before(1), 16, 59)).is_empty() and slates.asked() == []
    slates.collect(now=eastern(before(1), 17, 1))
    assert slates.asked() == ["injuries"]


def test_for_a_past_date_the_last_report_before_the_first_tip_off_is_requested(slates: Slates) -> None:
    slates.reports["2024-03-12_09PM"] = Answer(body=a_report([a_first_entry()], printed="03/12/24 09:30 PM"))
    rows = slates.collect(now=eastern(before(-3), 12))
    assert slates.asked() == ["2024-03-12_09PM"]
    assert rows["is_before_tipoff"].to_list() == [True, True]


def test_espn_is_not_requested_for_a_past_date(slates: Slates) -> None:
    assert slates.collect(now=eastern(before(-3), 12)).is_empty()
    assert len(slates.asked()) == 16 and "injuries" not in slates.asked()


def test_for_a_past_date_without_a_tip_off_no_request_is_sent(slates: Slates) -> None:
    assert slates.collect(now=eastern(before(-1), 1), game=GAME | {"tipoff_at": None}).is_empty()
    assert slates.asked() == [] and slates.problems == {
        str(DAY): [f"no game of {DAY} has a tip-off time, so no pregame report can be requested"]
    }


def test_a_date_of_the_archive_causes_no_requests(slates: Slates) -> None:
    assert slates.collect(archive=ArchiveOfAllDates).is_empty() and slates.asked() == []


# Checks


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.replace(SCHEDULE, [DAY], stamped(SLATE), "run")
    return warehouse


def stamped(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.lit(NOON).alias("as_of"), pl.lit("1").alias("code_version"))


def report_verdict(warehouse: LocalWarehouse, now: datetime = NOON, day: date = DAY) -> tuple[bool, list[str]]:
    [verdict] = verdicts_of(every_team_has_a_report(warehouse, [day], Clock(fixed_at=now.isoformat())), [day])
    return verdict.passed, list(verdict.missing)


def add(warehouse: LocalWarehouse, *rows: Values) -> None:
    warehouse.add(TABLE, [DAY], stamped(injuries_of(*rows)), "run")


def test_teams_without_a_report_are_named_once_the_slate_is_due(warehouse: LocalWarehouse) -> None:
    later = {"game_id": LATER["game_id"]}
    add(
        warehouse,
        an_injury(),
        a_team_s("not_submitted", team="NYK"),
        a_team_s("nobody_listed", team="MIA", **later),
        an_injury(team="BOS", is_before_tipoff=False, **later),
    )
    assert report_verdict(warehouse) == (False, ["BOS (no report)", "NYK (not submitted)"])
    assert report_verdict(warehouse, eastern(before(1), 16, 59)) == (True, [])


def test_a_team_that_had_submitted_before_has_a_report(warehouse: LocalWarehouse) -> None:
    warehouse.replace(SCHEDULE, [DAY], stamped(frame_of(SCHEDULE, GAME)), "run")
    add(warehouse, a_team_s("nobody_listed", team="NYK"), a_team_s("not_submitted", team="NYK", snapshot_at=at(18)), an_injury())
    assert report_verdict(warehouse) == (True, [])


def test_dates_of_the_archive_and_without_games_pass(warehouse: LocalWarehouse) -> None:
    assert report_verdict(warehouse)[0] is False
    archived = SLATE.with_columns(pl.lit("archive/games_2023-24/all/file/x.parquet").alias("source"))
    warehouse.replace(SCHEDULE, [DAY], stamped(archived), "run")
    assert report_verdict(warehouse) == (True, [])
    assert report_verdict(warehouse, day=DAY + timedelta(days=1)) == (True, [])


def test_unresolved_names_are_named(warehouse: LocalWarehouse) -> None:
    rows = injuries_of(an_injury()).drop(LINEAGE[1:])
    problems = ("unresolved name 'Nobody, Known'", "status of Hart, Josh is 'Ill'")
    for_parking = pl.concat(rows.with_columns(pl.lit(problem).alias("problem")) for problem in problems)
    warehouse.quarantine(TABLE, [DAY], TABLE.conform(for_parking, NOON, "1")[1])
    [verdict] = verdicts_of(every_name_is_resolved(warehouse, [DAY], Clock()), [DAY])
    assert (verdict.passed, verdict.numbers, verdict.missing) == (False, {"names_unresolved": 1}, list(problems[:1]))


def age_verdict(warehouse: LocalWarehouse, now: datetime) -> tuple[bool, dict[str, float], list[str]]:
    [verdict] = verdicts_of(the_newest_report_is_recent(warehouse, [DAY], Clock(fixed_at=now.isoformat())), [DAY])
    return verdict.passed, verdict.numbers, list(verdict.missing)


def test_the_age_of_the_newest_report_is_stated_and_named_beyond_six_hours(warehouse: LocalWarehouse) -> None:
    assert age_verdict(warehouse, NOON) == (True, {}, [])
    add(warehouse, an_injury(snapshot_at=at(12)), an_injury(team="NYK", provider="espn", snapshot_at=at(17)))
    assert age_verdict(warehouse, at(18)) == (True, {"report_age_minutes": 360}, [])
    passed, numbers, [name] = age_verdict(warehouse, at(18, 1))
    assert (passed, numbers["report_age_minutes"]) == (False, 361)
    assert name == "the newest report of 2024-03-12 was printed 2024-03-12 08:00 Eastern and is 361 minutes old"
    add(warehouse, an_injury(player_id=2, snapshot_at=TIPOFF - timedelta(minutes=30)))
    assert age_verdict(warehouse, TIPOFF + timedelta(days=3)) == (True, {"report_age_minutes": 30}, [])


def test_the_age_of_an_accepted_report_stands_with_its_run(slates: Slates) -> None:
    slates.reports["2024-03-12_06AM"] = Answer(body=a_report([a_first_entry()], printed="03/12/24 06:30 AM"))
    slates.collect()
    assert slates.metadata["report_age_minutes"].data == {str(DAY): 90.0}
