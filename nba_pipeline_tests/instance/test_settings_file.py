"""A settings file overrides single values. Each mistake is one sentence with the key, the value and the nearest valid key."""

from pathlib import Path

import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.settings_file import Loaded, load
from nba_pipeline.settings import Settings


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def loaded(file: Path, text: str) -> Loaded:
    file.write_text(text)
    return load(file)


def test_without_a_file_every_value_is_a_default(file: Path) -> None:
    assert load(file).settings == Settings()
    assert {row["origin"] for row in load(file).rows()} == {"default"}


def test_a_file_overrides_single_values_and_single_keys(file: Path) -> None:
    found = loaded(file, '[lines]\nlate_hours = 5\nbook_precedence = ["fanduel"]\n[http.requests_per_second]\nespn = 2\n')
    assert (found.settings.lines.late_hours, found.settings.lines.book_precedence) == (5.0, ("fanduel",))
    assert found.settings.lines.lowest == Settings().lines.lowest
    assert found.settings.http.requests_per_second == {**Settings().http.requests_per_second, "espn": 2.0}
    changed = {row["setting"]: row["origin"] for row in found.rows() if row["origin"] != "default"}
    assert changed == dict.fromkeys(("lines.late_hours", "lines.book_precedence", "http.requests_per_second"), str(file))


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[lines]\nlate_hour = 5", r"unknown setting lines.late_hour; did you mean lines.late_hours\?"),
        ("[line]\nlate_hours = 5", r"unknown section line; did you mean lines\?"),
        ("[zzz]\na = 1", r"unknown section zzz; `nba-pipeline settings` lists them"),
        (
            "[http.requests_per_second]\nespnn = 2",
            r"unknown setting http.requests_per_second.espnn; did you mean http.requests_per_second.espn\?",
        ),
        ("lines = 3", r"lines is a section and cannot be set to 3"),
        ('[lines]\nlate_hours = "six"', r"lines.late_hours is 'six' but should be a valid number"),
        ("[lines]\nlate_hours = true", r"lines.late_hours is True but should be a valid number"),
        ("[training]\nseed = 1.5", r"training.seed is 1.5 but should be a valid integer"),
        ("[lines]\nlate_hours = -1", r"lines.late_hours is -1 but must not be negative"),
        ("[coverage]\nenough = 1.2", r"coverage.enough is 1.2 but should be less than or equal to 1"),
        ("[lines\n", r"settings.toml cannot be read as TOML: .*line 1"),
    ],
)
def test_a_mistake_is_named(file: Path, text: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        loaded(file, text)


def test_a_required_file_that_is_missing_is_named(file: Path) -> None:
    with pytest.raises(BadInput, match=r"settings.toml cannot be read: No such file"):
        load(file, is_required=True)


def test_a_file_that_changed_or_appeared_is_refused(file: Path) -> None:
    before = load(file)
    before.refuse_another_file()
    found = loaded(file, "[lines]\nlate_hours = 5\n")
    found.refuse_another_file()
    with pytest.raises(BadInput, match=r"settings\.toml has changed since this process read it; restart"):
        before.refuse_another_file()
    file.write_text("[lines]\nlate_hours = 4\n")
    with pytest.raises(BadInput, match=r"settings\.toml has changed since this process read it; restart"):
        found.refuse_another_file()
