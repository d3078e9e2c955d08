"""The command `settings` shows the values in effect, and its TOML is a settings file."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nba_pipeline.cli import app
from nba_pipeline.cli.consoles import out
from nba_pipeline.cli.settings import _print_rows
from nba_pipeline.instance.settings_file import load
from nba_pipeline.settings import Settings


def printed(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["settings", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_toml_of_the_defaults_is_a_settings_file_with_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "all.toml"
    file.write_text(printed("--format", "toml"))
    assert load(file).settings == Settings()
    assert load(file).overridden == {
        f"{name}.{key}" for name, values in tomllib.loads(file.read_text()).items() for key in values
    }


def test_a_value_of_the_home_is_shown_with_its_origin(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("[lines]\nlate_hours = 5\n")
    rows = {row["setting"]: row for row in json.loads(printed("--format", "json"))}
    assert (rows["lines.late_hours"]["value"], rows["lines.late_hours"]["origin"]) == (5.0, str(file))
    assert rows["lines.lowest"]["origin"] == "default"
    assert "default 6.0" in printed()


def test_every_setting_has_a_meaning() -> None:
    rows = json.loads(printed("--format", "json"))
    assert [row["setting"] for row in rows if not row["description"]] == []


def test_a_terminal_of_40_columns_shows_one_setting_per_block(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out, "_width", 40)
    with out.capture() as captured:
        _print_rows(
            [{"setting": "a.b", "value": 5.0, "default": 6.0, "origin": "mine.toml", "description": "hours after the end"}]
        )
    assert [line.rstrip() for line in captured.get().splitlines()] == [
        "a.b = 5.0",
        "  hours after the end",
        "  from mine.toml (default 6.0)",
    ]


@pytest.mark.platform
def test_the_command_names_a_mistake_and_exits_with_two(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[lines]\nlate_hour = 5\n")
    command = [sys.executable, "-m", "nba_pipeline", "status"]
    result = subprocess.run(
        command, env=os.environ | {"NBA_PIPELINE_SETTINGS": str(file)}, check=False, capture_output=True, text=True
    )
    assert result.returncode == 2
    assert result.stderr.splitlines() == [
        f"nba-pipeline: {file}: unknown setting lines.late_hour; did you mean lines.late_hours?"
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]
