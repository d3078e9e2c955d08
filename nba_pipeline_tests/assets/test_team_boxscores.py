"""The source of a team's totals, and the checks."""

import json
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import Verdict, verdicts_of
from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.team_boxscores import (
    TABLE,
    complete_with_sums,
    player_sums_match_team_totals,
    sum_players,
    team_boxscores,
    team_totals_are_from_a_source,
    two_rows_per_game,
)
from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.nba_cdn_boxscore import parse_boxscore
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders import DAY, Values, a_boxscore, at, frame_of, who_did_not_play
from nba_pipeline_tests.providers.test_nba_cdn_boxscore import TOTALS, a_box, a_player

GAME = a_boxscore()["game_id"]
HOME = {"team": "GSW", "opponent": "NYK"}
AWAY = {"team": "NYK", "opponent": "GSW", "is_home": False}
BOTH = (
    a_boxscore(points=20, player_id=1, seconds=1800, oreb=1, dreb=2, rebounds=3),
    a_boxscore(points=11, player_id=2, seconds=600, oreb=0, dreb=1, rebounds=1),
    who_did_not_play(player_id=3),
    a_boxscore(points=9, player_id=4, seconds=2400, oreb=0, dreb=0, rebounds=0, **AWAY),
)


def a_team_row(**fields: Any) -> Values:
    """Returns Golden State's totals, which are the sums of BOTH."""
    sums = sum_players(frame_of(BOXSCORES, *BOTH)).row(0, named=True)
    return sums | {"is_reconstructed": False, "source": "test"} | fields


def test_the_sum_of_the_players_is_marked() -> None:
    row = sum_players(frame_of(BOXSCORES, *BOTH)).row(0, named=True)
    assert {name: row[name] for name in ("team", "points", "fgm", "fga", "oreb", "rebounds", "seconds", "periods")} == {
        "team": "GSW", "points": 31, "fgm": 15, "fga": 35, "oreb": 1, "rebounds": 4, "seconds": 2400, "periods": None,
    }  # fmt: skip
    assert (row["is_reconstructed"], row["source"], row["provider"]) == (True, "boxscores", "nba_cdn")


def test_a_sum_is_unknown_when_one_of_its_players_is() -> None:
    rows = sum_players(frame_of(BOXSCORES, BOTH[0], BOTH[1] | {"turnovers": None, "seconds": None}))
    assert rows.select("turnovers", "seconds", "points").row(0) == (None, None, 31)


def test_a_source_goes_before_the_sum_and_only_with_both_teams() -> None:
    boxes = frame_of(BOXSCORES, *BOTH)
    given = frame_of(TABLE, a_team_row(turnovers=20), a_team_row(turnovers=18, **AWAY)).drop("as_of", "code_version")
    assert complete_with_sums(given, boxes)["turnovers"].to_list() == [20, 18]
    assert complete_with_sums(given.head(1), boxes)["is_reconstructed"].to_list() == [True, True]


def test_a_game_with_players_of_one_team_has_no_row() -> None:
    nothing = TABLE.empty().drop("as_of", "code_version")
    assert complete_with_sums(nothing, frame_of(BOXSCORES, *BOTH[:3])).is_empty()


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(home=str(tmp_path), clock=Clock(fixed_at=at(12).isoformat()))


def conformed(landing: Landing, boxscores: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the valid rows and the quarantine."""
    frame = team_boxscores(
        dg.build_asset_context(partition_key=str(DAY)),
        boxscores=boxscores,
        landing=landing,
        archive=Archive(landing=landing, clock=landing.clock),
    )
    return TABLE.conform(frame, at(12), "1")


def materialised(landing: Landing, boxscores: pl.DataFrame) -> pl.DataFrame:
    good, bad = conformed(landing, boxscores)
    assert bad.is_empty()
    return good


def box_of(landing: Landing, **totals: Any) -> pl.DataFrame:
    """Returns the players of a landed box score with these team totals."""
    sides = {
        side: {"teamTricode": team, "score": 110, "players": [a_player(number)], "statistics": TOTALS | totals}
        for number, (side, team) in enumerate([("homeTeam", "BOS"), ("awayTeam", "NYK")], 1)
    }
    body = json.dumps(a_box(**sides)).encode()
    return parse_boxscore(landing.keep(Slot("nba_cdn", "boxscore", "0022300945", DAY), body, fetched_at=at(12)))


def test_totals_are_read_from_the_payload_that_the_players_name(landing: Landing) -> None:
    boxes = box_of(landing)
    box_of(landing, turnovers=99)  # a newer answer than the one in `boxscores`
    rows = materialised(landing, boxes)
    assert rows["turnovers"].to_list() == [12, 12] and not rows["is_reconstructed"].any()
    assert rows["source"].unique().to_list() == boxes["source"].unique().to_list()


def test_a_payload_without_totals_is_summed_up(landing: Landing) -> None:
    rows = materialised(landing, box_of(landing, turnovers=None))
    assert rows.select("is_reconstructed", "points").rows() == [(True, 1), (True, 1)]


def test_totals_that_no_real_game_has_are_quarantined_and_the_players_summed_up(landing: Landing) -> None:
    rows, quarantined = conformed(landing, box_of(landing, assists=0))
    assert rows["is_reconstructed"].to_list() == [True, True]
    problem = "implausible game: BOS has 0 assists, not 4 to 63; NYK has 0 assists, not 4 to 63"
    assert quarantined["problem"].to_list() == [problem] * 2


def test_the_players_of_another_provider_are_summed_up(landing: Landing) -> None:
    rows = materialised(landing, frame_of(BOXSCORES, *BOTH).with_columns(provider=pl.lit("balldontlie")))
    assert rows.select("team", "is_reconstructed", "provider").rows() == [
        ("GSW", True, "balldontlie"),
        ("NYK", True, "balldontlie"),
    ]


def test_a_date_without_box_scores_is_empty(landing: Landing) -> None:
    assert materialised(landing, frame_of(BOXSCORES)).is_empty()


# Checks


def verdict(check: Any, home: Path, *rows: Values) -> Verdict:
    """Returns the check's verdict for these rows and the box scores of BOTH."""
    warehouse = LocalWarehouse(home=str(home))
    warehouse.replace(BOXSCORES, [DAY], frame_of(BOXSCORES, *BOTH), "me")
    warehouse.replace(TABLE, [DAY], frame_of(TABLE, *rows), "me")
    (only,) = verdicts_of(check(warehouse, [DAY], Clock(fixed_at=at(12).isoformat())), [DAY])
    assert isinstance(only, Verdict)
    return only


def the_other_team(**fields: Any) -> Values:
    return sum_players(frame_of(BOXSCORES, *BOTH)).row(1, named=True) | {"is_reconstructed": False} | fields


def test_a_game_without_two_rows_is_named(tmp_path: Path) -> None:
    assert verdict(two_rows_per_game, tmp_path / "a", a_team_row(), the_other_team()).passed
    found = verdict(two_rows_per_game, tmp_path / "b", a_team_row())
    assert (found.passed, found.missing) == (False, [f"{GAME}: 1 of 2"])


def test_reconstructed_totals_are_named(tmp_path: Path) -> None:
    assert verdict(team_totals_are_from_a_source, tmp_path / "a", a_team_row(), the_other_team()).passed
    found = verdict(team_totals_are_from_a_source, tmp_path / "b", a_team_row(is_reconstructed=True))
    assert (found.passed, found.numbers["share"], found.missing) == (False, 0.0, [f"{GAME} (nba_cdn)"])


def test_totals_that_the_players_do_not_sum_to_are_named(tmp_path: Path) -> None:
    team_turnovers = a_team_row(turnovers=9)
    assert verdict(player_sums_match_team_totals, tmp_path / "a", team_turnovers, the_other_team()).passed
    found = verdict(player_sums_match_team_totals, tmp_path / "b", a_team_row(points=33, oreb=2), the_other_team())
    assert (found.passed, found.missing) == (False, [f"{GAME} GSW: points 31 of 33", f"{GAME} GSW: oreb 1 of 2"])
    summed_up = a_team_row(points=33, is_reconstructed=True)
    assert verdict(player_sums_match_team_totals, tmp_path / "c", summed_up, the_other_team()).numbers["team_games"] == 1


def test_missed_heaves_of_a_team_are_counted_and_not_named(tmp_path: Path) -> None:
    """A team of 2025-26 may have one attempt more than its players, a team of 2023-24 may not."""
    fga = sum(row["fga"] for row in BOTH[:2])
    now, then = a_team_row(fga=fga + 1, season="2025-26"), a_team_row(fga=fga + 1)
    found = verdict(player_sums_match_team_totals, tmp_path / "a", now, the_other_team(season="2025-26"))
    assert (found.passed, found.numbers["team_heaves"]) == (True, 1)
    found = verdict(player_sums_match_team_totals, tmp_path / "b", then, the_other_team())
    assert (found.missing, found.numbers["team_heaves"]) == ([f"{GAME} GSW: fga {fga} of {fga + 1}"], 0)
    found = verdict(player_sums_match_team_totals, tmp_path / "c", now | {"fga": fga + 4}, the_other_team())
    assert found.missing == [f"{GAME} GSW: fga {fga} of {fga + 4}"]


def test_rows_that_cannot_be_totals_are_quarantined() -> None:
    rows = frame_of(TABLE, a_team_row(points=32), the_other_team(rebounds=5)).drop("as_of", "code_version")
    good, bad = TABLE.conform(rows, at(12), "1")
    assert good.is_empty()
    assert bad["problem"].to_list() == ["points_match_the_shots", "rebounds_are_offensive_or_defensive"]
