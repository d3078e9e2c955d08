"""The status grid on terminals of different widths."""

from datetime import date
from typing import Any

import pytest

from nba_pipeline.cli.consoles import out
from nba_pipeline.cli.status_rendering import COUNTED, due_message, print_status, with_teams
from nba_pipeline.league.calendar import eastern
from nba_pipeline.orchestration.corrections import CARRY
from nba_pipeline.orchestration.recheck_job import JOB as RECHECK

GAME = "0022500123"
RECORD = {
    "game_date": "2026-01-15", "state": "DEGRADED", "games": 9, "rows": {"boxscores": 240, "features": 240},
    "counts": {
        **{name: {"actual": 15, "expected": 15} for name in COUNTED}, "boxscores": {"actual": 8, "expected": 9},
        "features": {"actual": 449, "expected": 450}, "grades": {"actual": 1234, "expected": 1235},
    },
    "quarantined": {"boxscores": 0, "prop_lines": 2}, "reasons": ["no [lines] of fanduel"],
    "missing": [f"NYK@GSW {GAME} (no box score of NYK)"], "not_played": [], "waivers": [],
    "happened": ["no [lines] of fanduel", "19:05 espn [503]", "prop_lines: 2 rows quarantined: no prices"],
    "quarantine": ["prop_lines: 2 rows quarantined: no prices"], "stale": ["features"], "matchups": {GAME: "NYK@GSW"},
    "notes": [], "next": "", "first_causes": {GAME: "nba_cdn boxscore: status 404 at 23:10"},
}  # fmt: skip


def shown_at(width: int, monkeypatch: pytest.MonkeyPatch, is_verbose: bool = False, **fields: Any) -> list[str]:
    monkeypatch.setattr(out, "_width", width)
    with out.capture() as captured:
        print_status([RECORD | fields], eastern(date(2026, 1, 16), 9), is_verbose)
    return captured.get().splitlines()


@pytest.mark.parametrize(("width", "number"), [(150, 5), (80, 2)], ids=["wide", "80 columns"])
def test_the_grid_with_actual_and_expected_counts_fits_the_terminal(
    width: int, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = shown_at(width, monkeypatch)
    row = next(line for line in lines if "DEGRADED" in line)
    assert len(row) <= width and row.count("15/15") == number and all(cell in row for cell in (" 8/9 ", "449/450", "1,234/1,235"))
    assert lines[0] == "Status of 2026-01-15, as of 2026-01-16 09:00 US Eastern"


def test_a_terminal_of_40_columns_shows_one_field_per_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown_at(40, monkeypatch)
    assert lines[1:4] == ["2026-01-15 DEGRADED", "  games: 9", "  box scores: 8/9"] and "  quarantined: 2" in lines


def test_the_legend_explains_the_shown_states_only(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(shown_at(150, monkeypatch))
    assert "DEGRADED: The date is usable." in text and "A cell is actual/expected" in text and "LATE:" not in text


def test_the_cause_of_a_state_replaces_its_meaning(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(shown_at(150, monkeypatch, cause="No game has a line."))
    assert "\nDEGRADED: No game has a line.\n" in text and "The date is usable." not in text


def test_games_of_a_damaged_table_are_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "\n".join(shown_at(150, monkeypatch, not_loaded=["boxscores"]))
    assert "missing:" not in text


def test_the_first_cause_names_the_game_by_its_teams() -> None:
    record = RECORD | {"first_causes": {GAME: f"nba_cdn boxscore {GAME}: status 404"}}
    assert with_teams(f"missing: NYK@GSW {GAME}", record).endswith("first cause: nba_cdn boxscore NYK@GSW: status 404")


MESSAGES = [
    "2026-01-15 DEGRADED",
    "  no [lines] of fanduel",
    "  missing: NYK@GSW (no box score of NYK); first cause: nba_cdn boxscore: status 404 at 23:10",
    "  19:05 espn [503]",
]


def test_every_message_is_shown_once_as_text_and_quarantine_is_one_total(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_at(150, monkeypatch)[-6:] == [
        *MESSAGES,
        "  2 rows are quarantined (prop_lines 2); -v lists the problems",
        "features: rows of another code version on 1 date (2026-01-15 to 2026-01-15); "
        "`nba-pipeline backfill --from 2026-01-15 --to 2026-01-15` rebuilds them",
    ]


def test_verbose_lists_the_problems_of_quarantined_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    assert shown_at(150, monkeypatch, is_verbose=True, stale=[])[-5:] == [
        *MESSAGES,
        "  prop_lines: 2 rows quarantined: no prices",
    ]


def test_several_stale_tables_are_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown_at(150, monkeypatch, stale=["boxscores", "features"])
    assert lines[-1].startswith("2 tables: rows of another code version on 1 date") and lines[-1].endswith("-v lists the tables")


def test_nothing_is_expected_of_a_date_that_is_not_due(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = shown_at(150, monkeypatch, state="NOT_DUE", counts={name: {"actual": 0, "expected": 9} for name in COUNTED})
    assert not any("0/9" in line for line in lines)


@pytest.mark.parametrize(
    ("message", "text"),
    [
        (f"sources of game {GAME} disagree", "sources of game NYK@GSW disagree"),
        (f"NYK@GSW {GAME} is not final", "NYK@GSW is not final"),
        (f"nba-pipeline not-played --game {GAME}", f"nba-pipeline not-played --game {GAME}"),
        (f"http://cdn/boxscore_{GAME}.json: status 503", f"http://cdn/boxscore_{GAME}.json: status 503"),
        ("game 0022500999 of another date", "game 0022500999 of another date"),
    ],
)
def test_games_are_named_by_their_teams_except_in_commands_and_addresses(message: str, text: str) -> None:
    assert with_teams(message, RECORD) == text


def test_due_work_is_counted_and_explained() -> None:
    assert due_message([f"{RECHECK} of 2026-01-14", f"{RECHECK} of 2026-01-13", f"{CARRY} of 2026-01-14"]).startswith(
        "Due: 2 x recheck (fetches the final games of a date again, because a source may have corrected them), 1 x correction ("
    )


def shown(monkeypatch: pytest.MonkeyPatch, *records: dict[str, Any]) -> list[str]:
    monkeypatch.setattr(out, "_width", 150)
    with out.capture() as captured:
        print_status([RECORD | {"quarantined": {}, "stale": []} | record for record in records], eastern(date(2026, 1, 16), 9))
    return captured.get().splitlines()


def test_a_note_is_shown_once_with_its_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    dates = ("2026-01-10", "2026-01-11", "2026-01-14")
    lines = shown(monkeypatch, *({"game_date": day, "notes": ["before the stored history"]} for day in dates))
    assert "2026-01-10 to 2026-01-11, 2026-01-14: before the stored history" in lines


def test_consecutive_dates_with_the_same_messages_are_shown_together(monkeypatch: pytest.MonkeyPatch) -> None:
    other = {"game_date": "2026-01-12", "reasons": ["other"]}
    lines = shown(monkeypatch, {"game_date": "2026-01-10"}, {"game_date": "2026-01-11"}, other)
    heads = [line for line in lines if line.endswith("DEGRADED") and line.startswith("2026")]
    assert heads == ["2026-01-10 to 2026-01-11 DEGRADED", "2026-01-12 DEGRADED"]


def test_the_last_lines_are_the_commands_that_complete_the_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Backfills of one date each become one."""
    backfills = (
        {"game_date": day, "next": f"nba-pipeline backfill --from {day} --to {day} --resume"}
        for day in ("2026-01-10", "2026-01-12")
    )
    lines = shown(monkeypatch, *backfills, {"game_date": "2026-01-14", "next": "restart the daemon"})
    assert lines[-3:] == [
        "",
        "Next for 2026-01-10, 2026-01-12: `nba-pipeline backfill --from 2026-01-10 --to 2026-01-12 --resume`",
        "Next for 2026-01-14: restart the daemon",
    ]
