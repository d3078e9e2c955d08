"""Why a number differs from an earlier one."""

from nba_pipeline.monitoring.explain.changes import changes_link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline_tests.builders import DAY, PLAYER, a_boxscore, at
from nba_pipeline_tests.builders_predictions import GAME, a_prediction
from nba_pipeline_tests.monitoring.explain.conftest import Slate

CURRY = Subject(DAY, GAME, "NYK@GSW", ("GSW",), PLAYER, "Stephen Curry")
FIRST = a_prediction(player_name="Stephen Curry", prediction_id="1", made_at=at(16))
GRADE = {
    "game_id": GAME, "player_id": PLAYER, "system_id": "moving_average", "market": "player_points", "run_kind": "live",
    "grade_version": 1, "prediction_id": "1", "predicted_value": 25.0, "recommendation": "OVER",
}  # fmt: skip


def test_a_later_version_of_a_prediction_names_what_changed(slate: Slate) -> None:
    second = FIRST | {"version": 2, "prediction_id": "2", "line": 22.5, "injury_status": "questionable", "made_at": at(21)}
    link = changes_link(slate(predictions=[FIRST, second]), CURRY)
    assert link and [(part.name, part.fact) for part in link.parts] == [
        ("Stephen Curry moving_average", "version 1 -> 2 at 17:00: line 20.5 -> 22.5, injury_status none -> questionable")
    ]


def test_the_newest_version_is_first(slate: Slate) -> None:
    later = [FIRST | {"version": n, "prediction_id": str(n), "made_at": at(16 + n)} for n in (2, 3)]
    link = changes_link(slate(predictions=[FIRST, *later]), CURRY)
    assert link and link.fact == "2 later versions of predictions or grades, because an input changed; the newest of 15:00"
    assert ["version 2 -> 3" in part.fact for part in link.parts] == [True, False]


def test_versions_of_other_players_are_not_compared(slate: Slate) -> None:
    others = [FIRST | {"player_id": 7, "version": n, "prediction_id": str(n)} for n in (1, 2)]
    assert changes_link(slate(predictions=[FIRST, *others]), CURRY) is None


def test_a_corrected_grade_has_its_reason_once_for_all_systems(slate: Slate) -> None:
    grades = [
        GRADE | {"system_id": system, "grade_version": n, "regrade_reason": "points 20 -> 22" if n == 2 else None}
        for system in ("moving_average", "similarity")
        for n in (1, 2)
    ]
    link = changes_link(slate(grades=grades, boxscores=[a_boxscore(points=22)]), CURRY)
    assert link and len(link.parts) == 1
    assert link.parts[0].name == "Stephen Curry" and "for 2 systems: points 20 -> 22" in link.parts[0].fact
