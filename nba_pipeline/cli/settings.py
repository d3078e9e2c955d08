"""The command `settings`: every setting in effect, with its origin and meaning."""

import json
from typing import Annotated, Any

import typer

from nba_pipeline.cli.app import app
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import out, print_line

STYLES = ("table", "toml", "json")
LEAST_WIDTH = 100
"""Narrower terminals show one setting per block of lines."""


@app.command()
def settings(style: Annotated[str, typer.Option("--format", help="table | toml | json")] = "table") -> None:
    """Show every setting in effect, its default, where it comes from and what it means. `toml` is a settings file."""
    from nba_pipeline.environments import FileSettings

    one_of("--format", style, STYLES)
    loaded = FileSettings().loaded()
    rows = list(loaded.rows())
    if style == "json":
        print(json.dumps(rows, default=str, indent=1))
    elif style == "toml":
        print("\n".join(_toml(rows)))
    else:
        _print_rows(rows)


def _print_rows(rows: list[dict[str, Any]]) -> None:
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    if out.width < LEAST_WIDTH:
        for row in rows:
            default = f" (default {_value(row['default'])})" if row["value"] != row["default"] else ""
            print_line(f"{row['setting']} = {_value(row['value'])}", style="bold")
            for line in filter(None, (row["description"], f"from {row['origin']}{default}" if default else "")):
                out.print(Padding(Text(line), (0, 0, 0, 2)))
        return
    table = Table(box=None, pad_edge=False)
    for column in ("setting", "value", "origin", "meaning"):
        table.add_column(column, overflow="fold")
    for row in rows:
        default = f"; default {_value(row['default'])}" if row["value"] != row["default"] else ""
        cells = (row["setting"], _value(row["value"]), row["origin"], f"{row['description']}{default}".removeprefix("; "))
        table.add_row(*map(Text, cells), style="bold" if default else None)
    out.print(table)


def _toml(rows: list[dict[str, Any]]) -> list[str]:
    """Returns the lines of a settings file with every value in effect."""
    lines, section = list[str](), ""
    for row in rows:
        name, _, key = row["setting"].partition(".")
        if name != section:
            lines += ["", f"[{name}]"] if section else [f"[{name}]"]
            section = name
        lines.append(f"{key} = {_value(row['value'])}" + (f"  # {row['description']}" if row["description"] else ""))
    return lines


def _value(value: Any) -> str:
    """Returns a value as TOML."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_value(item)}" for key, item in value.items()) + " }"
    if isinstance(value, tuple | list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, bool | str):
        return json.dumps(value, ensure_ascii=False)
    return str(value)
