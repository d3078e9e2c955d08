"""The rules file of a home configures the league. An invalid file is refused with its path, key and value."""

import json
from pathlib import Path

import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.sandbox.rules_file import RulesFile, read_rules_file
from nba_pipeline_tests.sandbox.conftest import DAY


def test_the_rules_file_sets_every_key(tmp_path: Path) -> None:
    assert read_rules_file(tmp_path) == RulesFile((), frozenset(), 150, 30, None)
    path = tmp_path / "sandbox_rules.json"
    size = '"clubs": 12, "games_per_date": 6'
    path.write_text(f'{{"rules": [{{"action": "reset"}}], "no_game_dates": ["2025-01-15"], "game_minutes": 2.5, {size}}}')
    rules_file = read_rules_file(tmp_path)
    assert [rule.action for rule in rules_file.rules] == ["reset"] and rules_file.no_game_dates == {DAY}
    assert (rules_file.game_minutes, rules_file.clubs, rules_file.games_per_date) == (2.5, 12, 6)


@pytest.mark.parametrize("value", ["0", "-3", "true", "null", '"3"', "[3]", "NaN", "Infinity", "1440.5"])
def test_an_invalid_game_length_is_refused_with_file_key_and_value(tmp_path: Path, value: str) -> None:
    (tmp_path / "sandbox_rules.json").write_text(f'{{"game_minutes": {value}}}')
    with pytest.raises(BadInput) as error:
        read_rules_file(tmp_path)
    assert str(error.value) == (
        f"game_minutes in {tmp_path / 'sandbox_rules.json'} must be a number above 0 and up to 1440, not {json.loads(value)!r}"
    )


@pytest.mark.parametrize("value", ["0", "2", "7", "32", "true", "null", '"6"', "6.0"])
def test_an_invalid_number_of_clubs_is_refused_with_file_key_and_value(tmp_path: Path, value: str) -> None:
    (tmp_path / "sandbox_rules.json").write_text(f'{{"clubs": {value}}}')
    with pytest.raises(BadInput) as error:
        read_rules_file(tmp_path)
    assert str(error.value) == (
        f"clubs in {tmp_path / 'sandbox_rules.json'} must be an even number from 4 to 30, not {json.loads(value)!r}"
    )


@pytest.mark.parametrize("value", ["0", "-1", "7", "true", "null", '"6"', "6.0"])
def test_an_invalid_number_of_games_is_refused_with_file_key_and_value(tmp_path: Path, value: str) -> None:
    (tmp_path / "sandbox_rules.json").write_text(f'{{"clubs": 12, "games_per_date": {value}}}')
    with pytest.raises(BadInput) as error:
        read_rules_file(tmp_path)
    assert str(error.value) == (
        f"games_per_date in {tmp_path / 'sandbox_rules.json'} must be a whole number from 1 to 6, not {json.loads(value)!r}"
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"rulez": []}', '{"no_game_dates": ["x"]}', '{"rules": [{"action": "x"}]}'])
def test_an_invalid_rules_file_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "sandbox_rules.json").write_text(text)
    with pytest.raises(BadInput):
        read_rules_file(tmp_path)
