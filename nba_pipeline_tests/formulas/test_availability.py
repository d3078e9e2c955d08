"""The deciding report of a player, and the effect of absent teammates."""

import json
from datetime import datetime
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.availability import RISK_LEVELS, UNCLEAR, absent_teammates, injury_status, with_unclear
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA
from nba_pipeline_tests.builders import PLAYER, Values, an_expected_player, at
from nba_pipeline_tests.builders_injuries import a_team_s, an_injury, injuries_of

STATUS = ("injury_status", "injury_risk_level", "has_injury_report", "injury_snapshot_at")
NOTHING = (None, None, False, None)


def status(*injuries: Values, as_of: datetime | None = None, **player: Any) -> tuple[Any, ...]:
    rows = pl.DataFrame([an_expected_player(**player)])
    return injury_status(rows, injuries_of(*injuries), as_of).select(STATUS).row(0)


@pytest.mark.parametrize(
    ("reported", "level"), [("out", 3), ("doubtful", 2), ("questionable", 1), ("probable", 0), ("available", 0)]
)
def test_a_listed_player_has_his_status(reported: str, level: int) -> None:
    assert status(an_injury(reported)) == (reported, level, True, at(17))


def test_the_reason_comes_along() -> None:
    rows = injury_status(pl.DataFrame([an_expected_player()]), injuries_of(an_injury(reason="Rest")))
    assert rows["injury_reason"].to_list() == ["Rest"]


@pytest.mark.parametrize("report", [an_injury(player_id=2), a_team_s("nobody_listed")], ids=["others", "nobody"])
def test_who_is_not_listed_is_no_risk_once_his_team_has_submitted(report: Values) -> None:
    assert status(report) == (None, 0, True, at(17))


@pytest.mark.parametrize(
    "injuries",
    [
        [], [a_team_s("not_submitted")], [an_injury(team="NYK")], [an_injury(game_id="0022400001")],
        [an_injury(is_before_tipoff=False)], [an_injury(is_before_tipoff=None)],
    ],
    ids=["no report", "not submitted", "the other team's", "another game's", "after the tip-off", "instant unknown"],
)  # fmt: skip
def test_without_a_report_of_the_team_everything_is_null(injuries: list[Values]) -> None:
    assert status(*injuries) == NOTHING


def test_the_newest_snapshot_counts_whatever_its_provider() -> None:
    newer = an_injury("questionable", snapshot_at=at(18), provider="espn")
    assert status(newer, an_injury("out")) == ("questionable", 1, True, at(18))
    assert status(an_injury("out"), an_injury(player_id=2, snapshot_at=at(18))) == (None, 0, True, at(18))


def test_the_report_before_holds_while_the_team_has_not_submitted() -> None:
    assert status(an_injury("out"), a_team_s("not_submitted", snapshot_at=at(18))) == ("out", 3, True, at(17))


def test_teams_have_newest_snapshots_of_their_own() -> None:
    report = [an_injury("out"), an_injury("doubtful", team="NYK", player_id=2, snapshot_at=at(18))]
    assert status(*report) == ("out", 3, True, at(17))
    assert status(*report, team="NYK", player_id=2) == ("doubtful", 2, True, at(18))


@pytest.mark.parametrize(
    ("as_of", "counts"), [(at(17, 4), False), (at(17, 5), True), (None, True)], ids=["before it came", "when it came", "any"]
)
def test_a_snapshot_counts_when_it_had_arrived(as_of: datetime | None, counts: bool) -> None:
    assert status(an_injury("out"), as_of=as_of) == (("out", 3, True, at(17)) if counts else NOTHING)


def test_rows_stay_as_they_are() -> None:
    rows = pl.DataFrame([an_expected_player(player_id=n) for n in (3, PLAYER, 2, PLAYER)])
    found = injury_status(rows, injuries_of(an_injury(), an_injury(player_id=2), an_injury("doubtful", snapshot_at=at(16))))
    assert found.select(rows.columns).equals(rows)
    assert found["injury_risk_level"].to_list() == [0, 3, 3, 3] and found.schema["injury_risk_level"] == pl.Int64


# Unusable entries


def a_quarantined_entry(problem: str = "status of Curry, Stephen is 'Ill'", **fields: Any) -> dict[str, Any]:
    """Returns a quarantined entry on a known player."""
    entry = an_injury() | {"status": None} | fields
    named = ("game_id", "team", "player_id", "spelling", "snapshot_at", "seen_at", "tipoff_at")
    row = json.dumps({name: entry.get(name) for name in named}, default=str)
    return {
        "table": "injuries",
        "game_date": entry["game_date"],
        "problem": problem,
        "row": row,
        "source": "test",
        "as_of": at(18),
    }


def level(*injuries: Values, quarantined: list[dict[str, Any]], of: int = PLAYER, **fields: Any) -> tuple[Any, ...]:
    """Returns status and risk level of a player with these rows and quarantined entries."""
    quarantine = pl.DataFrame(quarantined, schema=dict(QUARANTINE_SCHEMA))
    rows = pl.DataFrame([an_expected_player(player_id=of, **fields)])
    result = injury_status(rows, with_unclear(injuries_of(*injuries), quarantine))
    return result.select("injury_status", "injury_risk_level").row(0)


TIPOFF = {"tipoff_at": at(23)}
OTHERS = an_injury(player_id=2, **TIPOFF)
UNKNOWN = (None, None)


def test_a_player_whose_entry_is_quarantined_is_unknown_and_not_healthy() -> None:
    assert level(OTHERS, quarantined=[a_quarantined_entry()]) == UNKNOWN
    assert level(OTHERS, quarantined=[a_quarantined_entry()], of=2) == ("out", 3)
    assert level(OTHERS, quarantined=[a_quarantined_entry()], of=3) == (None, 0)


def test_an_entry_with_an_unresolved_name_makes_each_unlisted_player_unknown() -> None:
    nameless = a_quarantined_entry("unresolved name 'Curri, S'", player_id=None)
    assert level(OTHERS, quarantined=[nameless]) == UNKNOWN
    assert level(OTHERS, quarantined=[nameless], of=2) == ("out", 3)
    assert level(OTHERS, a_team_s("nobody_listed", team="NYK", **TIPOFF), quarantined=[nameless], of=4, team="NYK") == (None, 0)


def test_an_entry_with_an_unknown_team_concerns_both_teams_of_its_game() -> None:
    mates = [OTHERS, a_team_s("not_submitted", team="NYK", **TIPOFF)]
    for unknown in ({"team": None}, {"team": None, "game_id": None}):
        entry = [a_quarantined_entry("team 'Knicks'", player_id=None, **unknown)]
        assert level(*mates, quarantined=entry) == level(*mates, quarantined=entry, of=4, team="NYK") == UNKNOWN


def test_the_newest_entry_of_a_player_counts() -> None:
    later = at(18)
    assert level(an_injury(**TIPOFF), quarantined=[a_quarantined_entry(snapshot_at=later)]) == UNKNOWN
    assert level(an_injury(snapshot_at=later, **TIPOFF), quarantined=[a_quarantined_entry()]) == ("out", 3)
    assert level(OTHERS | {"snapshot_at": later}, quarantined=[a_quarantined_entry()]) == (None, 0)


def test_an_entry_from_after_the_tip_off_or_not_yet_fetched_does_not_count() -> None:
    assert level(OTHERS, quarantined=[a_quarantined_entry(snapshot_at=at(23))]) == (None, 0)
    rows = with_unclear(
        injuries_of(OTHERS),
        pl.DataFrame([a_quarantined_entry(snapshot_at=at(18), seen_at=at(18))], schema=dict(QUARANTINE_SCHEMA)),
    )
    assert injury_status(pl.DataFrame([an_expected_player()]), rows, at(17, 30))["injury_risk_level"].to_list() == [0]


# Teammates


def a_teammate(player_id: int, injury: str | None = None, **fields: Any) -> dict[str, Any]:
    """Returns a star of GSW."""
    return {
        "game_id": "g1", "team": "GSW", "player_id": player_id, "has_injury_report": True,
        "injury_risk_level": None if injury == UNCLEAR else RISK_LEVELS[injury or "available"],
        "points_mean_season": 25.0, "minutes_mean_season": 34.0, "games_played_season": 40, "usage_pct_season": 0.3,
    } | fields  # fmt: skip


def absences(*teammates: dict[str, Any], of: int = 1) -> tuple[Any, ...]:
    schema = {"injury_risk_level": pl.Int64, "usage_pct_season": pl.Float64, "points_mean_season": pl.Float64}
    rows = absent_teammates(pl.DataFrame(list(teammates), schema_overrides=schema))
    added = rows.select("star_teammates_out", "questionable_teammates", "absent_teammates_usage_pct_sum_season")
    stars, questionable, usage = added.row(rows["player_id"].to_list().index(of))
    return stars, questionable, usage if usage is None else round(usage, 9)


def test_stars_out_and_doubtful_are_counted_and_their_usage_added() -> None:
    mates = [a_teammate(1), a_teammate(2, "out"), a_teammate(3, "doubtful", usage_pct_season=0.25), a_teammate(4, "questionable")]
    assert absences(*mates) == (2, 1, 0.55)
    assert absences(*mates, a_teammate(5, "probable"), a_teammate(6, "available")) == (2, 1, 0.55)


def test_a_player_is_not_his_own_teammate() -> None:
    mates = [a_teammate(1, "out"), a_teammate(2, "questionable")]
    assert absences(*mates) == (0, 1, 0.0)
    assert absences(*mates, of=2) == (1, 0, 0.3)


@pytest.mark.parametrize(
    ("season", "is_star"),
    [
        ({"points_mean_season": 18.0, "minutes_mean_season": 20.0}, True),
        ({"points_mean_season": 17.9, "minutes_mean_season": 27.9}, False),
        ({"points_mean_season": 12.0, "minutes_mean_season": 28.0}, True),
        ({"points_mean_season": 11.9, "minutes_mean_season": 28.0}, False),
        ({"games_played_season": 10}, True),
        ({"games_played_season": 9}, False),
        ({"points_mean_season": None}, None),
        ({"points_mean_season": None, "games_played_season": 9}, False),
    ],
)
def test_a_star_scores_or_carries_minutes_over_ten_games(season: dict[str, Any], is_star: bool | None) -> None:
    stars = None if is_star is None else int(is_star)
    assert absences(a_teammate(1), a_teammate(2, "out", **season)) == (stars, 0, 0.3)


def test_unknown_usage_of_an_absent_player_makes_the_sum_unknown_but_below_five_games_there_is_none() -> None:
    assert absences(a_teammate(1), a_teammate(2, "out", usage_pct_season=None)) == (1, 0, None)
    assert absences(a_teammate(1), a_teammate(2, usage_pct_season=None)) == (0, 0, 0.0)
    assert absences(a_teammate(1), a_teammate(2, "out", usage_pct_season=None, games_played_season=4)) == (0, 0, 0.0)


@pytest.mark.parametrize(("season", "stars"), [({}, None), ({"points_mean_season": 5.0}, 0)], ids=["a star", "somebody else"])
def test_an_unknown_status_makes_dependent_sums_of_teammates_unknown(season: dict[str, Any], stars: int | None) -> None:
    mates = [a_teammate(1), a_teammate(2, UNCLEAR, **season), a_teammate(3, "out")]
    assert absences(*mates) == (None if stars is None else 1, None, None)
    assert absences(*mates, of=2) == (1, 0, 0.3)


def test_opponents_and_players_of_other_games_are_no_teammates() -> None:
    assert absences(a_teammate(1), a_teammate(2, "out", team="NYK"), a_teammate(3, "out", game_id="g2")) == (0, 0, 0.0)


def test_without_a_report_of_the_team_every_status_is_unknown() -> None:
    unknown = {"has_injury_report": False}
    assert absences(a_teammate(1, **unknown), a_teammate(2, **unknown)) == (None, None, None)
