"""The status grid on terminals of different widths."""

from typing import Any

import pytest

from nba_pipeline.cli.consoles import out
from nba_pipeline.cli.rendering import SHOWN_IN_STATUS, print_status

RECORD = {
    "game_date": "2026-01-15", "state": "DEGRADED", "games": 9, "complete_games": 8, "final_games": 9,
    "rows": dict.fromkeys(SHOWN_IN_STATUS, 1234), "quarantined": {"boxscores": 2}, "reasons": ["no [lines] of fanduel"],
    "missing": ["NYK@GSW"], "not_played": [], "waivers": [], "happened": ["no [lines] of fanduel", "espn [503]"],
    "stale": ["features"],
}  # fmt: skip


def shown_at(width: int, monkeypatch: pytest.MonkeyPatch, **fields: Any) -> list[str]:
    monkeypatch.setattr(out, "_width", width)
    with out.capture() as captured:
        print_status([RECORD | fields])
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "number"), [(150, 8), (80, 4)], ids=["wide", "80 columns"])
def test_the_grid_fits_the_terminal(width: int, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = (line for line in shown_at(width, monkeypatch) if "DEGRADED" in line)
    assert len(row) <= width and row.count("1,234") == number and "8/9" in row


def test_a_terminal_of_40_columns_shows_one_field_per_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown_at(40, monkeypatch)
    assert lines[:4] == ["2026-01-15 DEGRADED", "  games: 9", "  complete / final: 8/9", "  boxscores: 1,234"]
    assert "  quarantined: 2" in lines


def test_every_message_is_shown_once_and_as_text(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_at(150, monkeypatch)[-4:] == [
        "2026-01-15 no [lines] of fanduel",
        "2026-01-15 missing: NYK@GSW",
        "2026-01-15 espn [503]",
        "features: 1 date has rows of another code version (2026-01-15 to 2026-01-15); "
        "`nba-pipeline backfill --from 2026-01-15 --to 2026-01-15` rebuilds them",
    ]
