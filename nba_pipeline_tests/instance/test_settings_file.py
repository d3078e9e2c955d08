"""A settings file overrides single values. Each mistake is one sentence with the key, the value and the nearest valid key."""

import json
from pathlib import Path

import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.settings_file import Loaded, load
from nba_pipeline.settings import Settings
from nba_pipeline.tables import catalog


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "settings.toml"


def loaded(file: Path, text: str) -> Loaded:
    file.write_text(text)
    return load(file, features=lambda: catalog.tables()["features"].types)


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
        ("[forecasts]\nblend_weight = 0.5", r"forecasts.blend_weight is 0.5 but should be less than or equal to 0.3"),
        ("[lines]\nlate_hours = nan", r"lines.late_hours is nan but must be finite"),
        ("[lines]\nlate_hours = inf", r"lines.late_hours is inf but must be finite"),
        ("[injuries]\ndue_hour_eastern = 24", r"injuries.due_hour_eastern is 24 but should be less than or equal to 23"),
        ("[http]\nattempts = 0", r"http.attempts is 0 but should be greater than or equal to 1"),
        ("[http.requests_per_second]\nespn = 0", r"http.requests_per_second.espn is 0 but should be greater than 0"),
        (
            "[payloads.most_mib_of]\n'nba_cdm schedule' = 9",
            r"unknown setting payloads.most_mib_of.nba_cdm schedule; did you mean payloads.most_mib_of.nba_cdn schedule\?",
        ),
        (
            "[payloads.most_mib_of_extension]\npdff = 9",
            r"unknown setting payloads.most_mib_of_extension.pdff; did you mean payloads.most_mib_of_extension.pdf\?",
        ),
        (
            "[plausible_games.ranges]\npoint = [1, 2]",
            r"unknown setting plausible_games.ranges.point; did you mean plausible_games.ranges.points\?",
        ),
        ("[plausible_games.ranges]\npoints = [3, 2]", r"the minimum of points, 3, must not be above the maximum, 2"),
        ("[plausible_games.ranges]\npoints = 3", r"plausible_games.ranges.points is 3 but should be a valid array"),
        (
            '[plausible_games]\nnever_zero = ["stels"]',
            r"unknown name in plausible_games.never_zero: stels; did you mean steals\?",
        ),
        (
            "[slates.usual_variation]\nrest_day = [1.0, 2]",
            r"unknown setting slates.usual_variation.rest_day; did you mean slates.usual_variation.rest_days\?",
        ),
        ('[slates]\nnever_constant = ["lin"]', r"unknown name in slates.never_constant: lin; did you mean line\?"),
        ("[lines.books_of_one_feed]\nmine = 3", r"lines.books_of_one_feed.mine is 3 but should be a valid string"),
        ("[lines\n", r"settings.toml cannot be read as TOML: .*line 1"),
    ],
)
def test_a_mistake_is_named(file: Path, text: str, sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        loaded(file, text)


def test_every_default_is_a_valid_override(file: Path) -> None:
    """No name of a default is refused: a file may repeat any of them."""
    text = list[str]()
    for section, values in Settings().model_dump(mode="json").items():
        for key, value in values.items():
            if isinstance(value, dict):
                text += [f"[{section}.{key}]", *(f"{json.dumps(name)} = {toml(one)}" for name, one in value.items())]
            elif isinstance(value, list):
                text += [f"[{section}]", f"{key} = {toml(value)}"]
    for one in _documents(text):
        assert loaded(file, one).settings == Settings()


def toml(value: object) -> str:
    """A value as TOML writes it; an object is an inline table."""
    if isinstance(value, dict):
        return f"{{ {', '.join(f'{json.dumps(name)} = {toml(one)}' for name, one in value.items())} }}"
    return f"[{', '.join(map(toml, value))}]" if isinstance(value, list) else json.dumps(value)


def _documents(lines: list[str]) -> list[str]:
    """One document per section header, since a document may open a section once."""
    heads = [number for number, line in enumerate(lines) if line.startswith("[")]
    return ["\n".join(lines[start:end]) for start, end in zip(heads, [*heads[1:], len(lines)], strict=True)]


def test_an_endpoint_and_a_sportsbook_without_a_default_are_accepted(file: Path) -> None:
    settings = loaded(file, "[payloads.most_mib_of]\n'espn roster' = 9\n[lines.books_of_one_feed]\nmine = 'betrivers'\n").settings
    assert settings.payloads.most_mib_of["espn roster"] == 9.0 and settings.lines.books_of_one_feed["mine"] == "betrivers"


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
