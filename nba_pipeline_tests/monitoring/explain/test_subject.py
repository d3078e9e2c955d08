"""The subject of an explanation, and the messages for dates, games, players and tables that do not exist."""

from datetime import date, timedelta

import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.explain.subject import subject_of
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import an_expected_player
from nba_pipeline_tests.builders_days import Days, complete_box, slate_of

DAY = date(2026, 1, 15)
TONIGHT = slate_of(DAY, eastern(DAY, 19), eastern(DAY, 22))
LAST_NIGHT = slate_of(DAY - timedelta(days=1), eastern(DAY, 0), status="final")
CURRY, OTHER = 201939, 77


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> LocalWarehouse:
    """Two games tonight: NYK@GSW with two expected players of the same name, and LAL@BOS."""
    days = Days(tmp_path_factory.mktemp("slate"))
    days.write("schedule", DAY, *TONIGHT)
    days.write("boxscores", DAY - timedelta(days=1), *complete_box(LAST_NIGHT[0]))
    expected = [
        an_expected_player(DAY, game_id=TONIGHT[0]["game_id"], player_id=n, player_name=name) for n, name in NAMES.items()
    ]
    days.write("upcoming_players", DAY, *expected)
    return days.warehouse


NAMES = {CURRY: "Stephen Curry", OTHER: "Jalen Williams", OTHER + 1: "Jalen Williams", OTHER + 2: "Kenrich Williams"}


@pytest.mark.parametrize("game", [TONIGHT[1]["game_id"], "LAL@BOS", "lal@bos", "BOS"])
def test_a_game_is_named_by_id_matchup_or_team(game: str, warehouse: LocalWarehouse) -> None:
    subject = subject_of(warehouse, DAY, game, None, None)
    assert (subject.game_id, subject.teams) == (TONIGHT[1]["game_id"], ("LAL", "BOS"))


@pytest.mark.parametrize("player", [str(CURRY), "Stephen Curry", "stephen curry"])
def test_a_player_is_named_by_id_or_name_and_has_the_game_of_his_team(player: str, warehouse: LocalWarehouse) -> None:
    subject = subject_of(warehouse, DAY, None, player, None)
    assert (subject.player_id, subject.matchup, subject.teams) == (CURRY, "NYK@GSW", ("GSW",))


@pytest.mark.parametrize(
    ("day", "game", "player", "table", "problem"),
    [
        (DAY, "0022601159", None, None, "--game '0022601159' is not a game of 2026-01-15; did you mean 002260115"),
        (DAY, None, "Stefen Curry", None, "is not a player in the tables; did you mean Stephen Curry? use the full name"),
        (DAY, None, "stephen", None, "did you mean Stephen Curry? use the full name"),
        (DAY, None, "Wiliams", None, "did you mean Jalen Williams or Kenrich Williams? use the full name"),
        (DAY, None, "Xq", None, "is not a player in the tables; use the full name or the id"),
        (DAY, None, "Jalen Williams", None, "names 2 players; choose an id: Jalen Williams 77, Jalen Williams 78"),
        (DAY, None, "12345", None, "--player 12345 is not the id of a player"),
        (DAY, None, None, "feature", "--table 'feature' is not a daily table; did you mean features?"),
        (DAY, "BOS", None, "features", "exclude each other"),
        (date(2025, 12, 1), None, None, None, "--date 2025-12-01 has no data: the first stored date is 2026-01-14"),
    ],
)
def test_what_does_not_exist_is_refused_with_the_closest_choice(
    day: date, game: str | None, player: str | None, table: str | None, problem: str, warehouse: LocalWarehouse
) -> None:
    with pytest.raises(BadInput, match=problem.replace("?", r"\?")):
        subject_of(warehouse, day, game, player, table)
