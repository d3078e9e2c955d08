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
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import (
    DAY,
    PLAYER,
    Values,
    a_boxscore,
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


@pytest.mark.parametrize(("known", "names"), [(10, []), (0, ["pace_score 0%"])])
def test_a_score_without_any_value_is_named(known: int, names: list[str], tmp_path: Path) -> None:
    shared: Values = {"game_date": DAY, "game_id": "g", "team": "GSW", "opponent": "NYK", "source": "t", "code_version": "1"}
    scores = dict.fromkeys(("fatigue_score", "shot_zone_mismatch_score", "usage_spike_score"), 1.0)
    rows = [shared | scores | {"player_id": n, "pace_score": 1.0 if n < known else None} for n in range(10)]
    veterans = [shared | {"player_id": n, "season": "2023-24", "games_played_season": 9} for n in range(10)]
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.replace(TABLE, [DAY], frame_of(TABLE, *rows), "run")
    warehouse.replace(PLAYER_FORM, [DAY], frame_of(PLAYER_FORM, *veterans), "run")
    [found] = verdicts_of(every_score_has_its_inputs(warehouse, [DAY], Clock()), [DAY])
    assert (found.passed, list(found.missing)) == (not names, names)
