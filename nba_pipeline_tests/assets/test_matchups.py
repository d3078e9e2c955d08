"""Scores of a game: unknown inputs give null, and scores without values are named."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path

import pytest

from nba_pipeline.asset_factory.verdicts import verdicts_of
from nba_pipeline.assets.features.matchups import TABLE, every_score_has_its_inputs
from nba_pipeline.assets.features.player_form import TABLE as PLAYER_FORM
from nba_pipeline.assets.features.upcoming_players import TABLE as UPCOMING_PLAYERS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import (
    DAY,
    PLAYER,
    Values,
    a_boxscore,
    a_game,
    an_expected_player,
    at,
    before,
    boxscores_of,
    frame_of,
    games_of,
    summaries_of,
)
from nba_pipeline_tests.builders_features import derived
from nba_pipeline_tests.builders_summaries import team_summaries_of

pytestmark = pytest.mark.slow


def matchups(boxscores: Sequence[Values], *expected: Values) -> dict[int, Values]:
    """Returns the rows by player. All rows are valid."""
    frame = derived(
        frame_of(UPCOMING_PLAYERS, *expected),
        summaries_of(*boxscores),
        team_summaries_of(boxscores_of(*boxscores)),
        frame_of(SCHEDULE),
    )["matchups"]
    assert TABLE.schema.is_valid(frame.drop("source"))
    return {row["player_id"]: row for row in frame.iter_rows(named=True)}


SCORES = ("fatigue_score", "shot_zone_mismatch_score", "pace_score")


def test_the_first_game_of_a_career_has_no_score() -> None:
    row = matchups([a_boxscore(before(2), player_id=2)], an_expected_player())[PLAYER]
    assert {name: row[name] for name in SCORES} == dict.fromkeys(SCORES)


def test_the_first_game_of_a_season_is_scored_by_no_game_of_the_last() -> None:
    opening = date(2023, 10, 24)
    row = matchups(games_of(*[20] * 10, last=date(2023, 4, 9)), an_expected_player(opening))[PLAYER]
    assert (row["pace_score"], row["shot_zone_mismatch_score"]) == (None, None)


def test_a_traded_star_is_missed_by_the_team_that_he_is_with() -> None:
    """The star averaged thirty points for Boston and is out for Golden State. Only the teammates at Golden State gain usage."""
    report = {"injury_snapshot_at": at(20), "injury_risk_level": 0.0}
    star = an_expected_player(player_id=1, **report | {"injury_status": "out", "injury_risk_level": 3.0})
    mate = an_expected_player(player_id=2, **report)
    old_mate = an_expected_player(player_id=3, game_id="other", team="BOS", opponent="LAL", **report)
    rows = matchups(games_of(*[30] * 10, player_id=1, team="BOS", opponent="MIA"), star, mate, old_mate)
    assert {player: rows[player]["star_teammates_out"] for player in (1, 2, 3)} == {1: 0, 2: 1, 3: 0}


SHARED: Values = {"game_date": DAY, "game_id": "g", "team": "GSW", "opponent": "NYK", "source": "t", "code_version": "1"}


def without_score(score: str, known: int, warehouse: LocalWarehouse, games: int = 12) -> list[str]:
    """The scores that the check names if only some of ten players with so many games have the score."""
    scores = dict.fromkeys(("fatigue_score", "pace_score", "shot_zone_mismatch_score", "usage_spike_score"), 1.0)
    rows = [SHARED | scores | {"player_id": n, score: 1.0 if n < known else None} for n in range(10)]
    veterans = [SHARED | {"player_id": n, "season": "2023-24", "games_played_season": games} for n in range(10)]
    warehouse.replace(TABLE, [DAY], frame_of(TABLE, *rows), "run")
    warehouse.replace(PLAYER_FORM, [DAY], frame_of(PLAYER_FORM, *veterans), "run")
    [found] = verdicts_of(every_score_has_its_inputs(warehouse, [DAY], Clock()), [DAY])
    assert found.passed == (not found.missing)
    return list(found.missing)


def with_history(home: Path, games: int, *sources: str, since: int = 100, archived: bool = False) -> LocalWarehouse:
    """A home with some games of both teams, of which those of the last days are stored, and rows of some sources."""
    warehouse = LocalWarehouse(home=str(home))
    source = "archive/games" if archived else "nba_cdn/schedule"
    warehouse.replace(SCHEDULE, [DAY], frame_of(SCHEDULE, a_game(DAY, source=source)), "run")
    for n in range(games):
        warehouse.replace(SCHEDULE, [before(games - n)], frame_of(SCHEDULE, a_game(before(games - n))), "run")
    for name in sources:
        table = TABLES[name]
        warehouse.replace(table, [before(1)], frame_of(table, {"game_date": before(1), "source": "t"}), "run")
    boxscores = TABLES["boxscores"]
    warehouse.replace(boxscores, [before(since)], frame_of(boxscores, a_boxscore(before(since))), "run")
    return warehouse


@pytest.mark.parametrize(("known", "names"), [(10, []), (0, ["pace_score 0%"])])
def test_a_score_without_any_value_is_named(known: int, names: list[str], tmp_path: Path) -> None:
    assert without_score("pace_score", known, LocalWarehouse(home=str(tmp_path))) == names


@pytest.mark.parametrize(
    ("score", "table"), [("usage_spike_score", "injuries"), ("shot_zone_mismatch_score", "play_by_play"), ("pace_score", "")]
)
def test_a_score_is_expected_unless_the_archive_lacks_its_source(score: str, table: str, tmp_path: Path) -> None:
    without = without_score(score, 0, with_history(tmp_path / "without", 12, archived=True))
    having = without_score(score, 0, with_history(tmp_path / "having", 12, *([table] if table else []), archived=True))
    live = without_score(score, 0, with_history(tmp_path / "live", 12))
    assert (without, having, live) == ([] if table else [f"{score} 0%"], [f"{score} 0%"], [f"{score} 0%"])


@pytest.mark.parametrize(("games", "names"), [(5, ["pace_score 0%"]), (4, [])])
def test_the_pace_is_expected_once_both_teams_have_five_games(games: int, names: list[str], tmp_path: Path) -> None:
    assert without_score("pace_score", 0, with_history(tmp_path, games)) == names


def test_games_from_before_the_history_do_not_count(tmp_path: Path) -> None:
    assert without_score("pace_score", 0, with_history(tmp_path, 12, since=4)) == []


@pytest.mark.parametrize(("games", "names"), [(10, ["shot_zone_mismatch_score 0%"]), (9, [])])
def test_the_shot_zones_are_expected_once_the_player_has_ten_games(games: int, names: list[str], tmp_path: Path) -> None:
    warehouse = with_history(tmp_path, 12, "play_by_play")
    assert without_score("shot_zone_mismatch_score", 0, warehouse, games) == names


def test_fatigue_needs_nothing_but_five_games(tmp_path: Path) -> None:
    assert without_score("fatigue_score", 0, with_history(tmp_path, 0)) == ["fatigue_score 0%"]
