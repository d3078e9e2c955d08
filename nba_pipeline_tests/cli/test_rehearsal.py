"""The command `rehearse`: its bad input, its scratch home and its time line. The soak tests run its daemon for days."""

from contextlib import ExitStack
from datetime import date
from pathlib import Path

import pytest

from nba_pipeline.cli.rehearsal import RULES_FILE, _scratch_home, instants, rehearse, timeline_line
from nba_pipeline.environments import home
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.run_tags import WHY_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.commands import nba_pipeline

DAY = date(2026, 1, 15)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--date", "2021-10-05"), "--history must be from 1 to 4 days before 2021-10-05, not 14"),
        (("--date", str(DAY), "--history", "0"), "--history must be from 1"),
        (("--date", "2026-02-30"), "--date 2026-02-30 does not exist"),
    ],
)
def test_a_date_that_cannot_be_rehearsed_is_refused(words: tuple[str, ...], problem: str, tmp_path: Path) -> None:
    ended = nba_pipeline("rehearse", *words, home=tmp_path)
    assert ended.returncode == 2 and problem in ended.stderr and not list(tmp_path.iterdir())


def test_a_folder_with_files_is_no_scratch_home(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    with pytest.raises(BadInput, match="is not empty; name a new folder"):
        _scratch_home(tmp_path, ExitStack())


def test_the_users_home_is_untouched_and_its_rules_apply(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path))
    (tmp_path / RULES_FILE).write_text("{}")
    with ExitStack() as stack:
        scratch = _scratch_home(None, stack)
        assert home() == scratch and (scratch / RULES_FILE).read_text() == "{}"
    assert not scratch.exists() and [path.name for path in tmp_path.iterdir()] == [RULES_FILE]


def test_the_day_ends_at_the_deadline_of_the_next_day() -> None:
    assert rehearse.__doc__ and f"evaluated at {len(instants(DAY))} instants" in rehearse.__doc__
    assert (instants(DAY)[0], instants(DAY)[-1]) == (eastern(DAY, 5, 10), eastern(date(2026, 1, 16), 12, 10))


@pytest.mark.parametrize(
    ("tables", "tags", "line"),
    [
        (["a", "b"], {WHY_TAG: "due at 06:00"}, "01-15 06:10 overnight: 2 tables of 2026-01-14 done in 1.0 s: due at 06:00"),
        (["grades"], {}, "01-15 06:10 overnight: grades of 2026-01-14 done in 1.0 s: upstream tables changed"),
        ([], {}, "01-15 06:10 overnight: housekeeping of 2026-01-14 done in 1.0 s"),
    ],
)
def test_a_line_says_when_what_and_why(tables: list[str], tags: dict[str, str], line: str) -> None:
    request = {"asked_by": "overnight", "assets": tables, "tags": tags, "day": "2026-01-14", "job": "housekeeping"}
    assert timeline_line(eastern(DAY, 6, 10), request, success=True, seconds=1.0) == line
