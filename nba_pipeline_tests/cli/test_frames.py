"""Query results as text: CSV without formulas, tables without terminal control sequences."""

import csv
import io
import json

import polars as pl
import pytest

from nba_pipeline.cli.consoles import out
from nba_pipeline.cli.csv_text import csv_text
from nba_pipeline.cli.frames import print_frame, print_result


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("begin", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_csv_escapes_texts_and_names_that_begin_like_a_formula(begin: str) -> None:
    text = csv_text(pl.DataFrame({f"{begin}name": [f"{begin}1+1", f"a{begin}1", None]}))
    assert cells(text) == [[f"'{begin}name"], [f"'{begin}1+1"], [f"a{begin}1"], []]


def test_csv_keeps_numbers_and_quotes_what_csv_needs() -> None:
    frame = pl.DataFrame(
        {"edge": [-3.5, None], "points": [-1, 2], "text": ["-3.5", '=HYPERLINK("a","b")'], "is_win": [True, None]}
    )
    assert cells(csv_text(frame)) == [
        ["edge", "points", "text", "is_win"], ["-3.5", "-1", "'-3.5", "true"], ["", "2", "'=HYPERLINK(\"a\",\"b\")", ""],
    ]  # fmt: skip


def test_csv_writes_nested_values_as_json_and_bytes_as_hexadecimal() -> None:
    frame = pl.DataFrame(
        {
            "reasons": [["=a", "b"], None],
            "row": [{"n": 1}, None],
            "kind": pl.Series(["=x", None], dtype=pl.Enum(["=x"])),
            "raw": [b"=", None],
        }
    )
    assert cells(csv_text(frame)) == [["reasons", "row", "kind", "raw"], ['["=a", "b"]', '{"n": 1}', "'=x", "3d"], [""] * 4]


def test_csv_of_names_that_differ_only_in_the_escape_has_both() -> None:
    assert csv_text(pl.DataFrame({"-a": [1], "'-a": [2]})) == "'-a,'-a\n1,2\n"


def test_a_table_shows_control_characters_and_markup_as_text() -> None:
    with out.capture() as captured:
        print_frame(
            pl.DataFrame({"a[b]": ["\x1b[31mred\x1b]0;title\x07", "[/bold] [link=x]y", "\x9b2J", "a\u202eb", "two\nlines"]})
        )
    shown = captured.get()
    for text in (r"\x1b[31mred\x1b]0;title\x07", "[/bold] [link=x]y", r"\x9b2J", r"a\u202eb", "a[b]"):
        assert text in shown
    assert not {"\x1b", "\x07", "\x9b", "\u202e"} & set(shown)


def test_an_answer_is_escaped_as_csv_and_left_alone_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    answer = pl.DataFrame({"a": ["=1+1"], "b": [-3.5]})
    print_result(answer, "csv")
    assert capsys.readouterr().out == "a,b\n'=1+1,-3.5\n"
    print_result(answer, "json")
    assert json.loads(capsys.readouterr().out) == [{"a": "=1+1", "b": -3.5}]


def shown_at(width: int, frame: pl.DataFrame, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(out, "_width", width)
    with out.capture() as captured:
        print_frame(frame)
    return captured.get()


def test_a_result_that_is_wider_than_the_terminal_is_one_field_per_line(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({"a": [1, 2], "player_name": ["Al Able", None], "source": ["x" * 30, "y"]})
    lines = shown_at(40, frame, monkeypatch).splitlines()
    assert lines == [
        "row 1 of 2", "  a            1", "  player_name  Al Able", f"  source       {'x' * 30}",
        "row 2 of 2", "  a            2", "  player_name", "  source       y",
    ]  # fmt: skip
    assert "│ Al Able     │" in shown_at(60, frame, monkeypatch)


def test_floats_are_rounded_for_people_and_exact_for_machines(capsys: pytest.CaptureFixture[str]) -> None:
    frame = pl.DataFrame({"edge": [1 / 3], "tiny": [0.00012345], "shares": [[2 / 3]], "n": [1234567]})
    with out.capture() as captured:
        print_frame(frame)
    assert [cell.strip() for cell in captured.get().splitlines()[3].strip("│").split("│")] == [
        "0.333",
        "0.000123",
        "[0.667]",
        "1234567",
    ]
    for style in ("csv", "json"):
        print_result(frame, style)
        assert "0.3333333333333333" in capsys.readouterr().out


def test_a_result_without_rows_shows_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "player_name" in shown_at(40, pl.DataFrame(schema={"player_name": pl.String}), monkeypatch)
