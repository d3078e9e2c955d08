"""The published page in headless Chromium: no error, sorting and filters, and accessibility by axe-core.

All pages are frames of one document, so that the browser starts once per color scheme. Each frame reports to the document, which
is printed by `--dump-dom`.
"""

import html
import json
import re
import shutil
import subprocess
from datetime import timedelta
from functools import cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.evaluation.plots import svg_of
from nba_pipeline.publishing.page import page
from nba_pipeline.publishing.plots import GAP, RELIABILITY
from nba_pipeline.publishing.record import record_document
from nba_pipeline.publishing.slate import slate_document
from nba_pipeline_tests.builders import frame_of
from nba_pipeline_tests.builders_predictions import a_prediction, predictions_of
from nba_pipeline_tests.publishing.test_record import graded
from nba_pipeline_tests.publishing.test_slate import DAY, GAME, PLAYED, PRICED, rows

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
HOSTILE = "<script>parent.document.title = 'taken'</script>\"'&"
NAMES = ("Nikola Jokić", "De'Aaron O'Neale", HOSTILE, "Zoë Zell")
PLAYERS, GAMES = 400, 15
PHONE, PHONE_WIDTH = "phone", 375
"""Page of a slate on a phone, whose names and calls are long, and its width in pixels."""

pytestmark = [
    pytest.mark.platform,
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed; Debian: apt-get install chromium"),
]

USE = """
const use = () => {
  const table = document.getElementById("players"), first = n => table.tBodies[0].rows[0].cells[n].textContent.trim();
  const shown = () => [...table.tBodies[0].rows].filter(row => !row.hidden).length;
  const result = {interactive: performance.getEntriesByType("navigation")[0]?.domInteractive ?? 0};
  if (!table) return result;
  result.hidden = [...document.querySelectorAll(".wide")].map(one => one.scrollWidth - one.clientWidth);
  const type = (id, value) => { document.getElementById(id).value = value; document.getElementById("filters").dispatchEvent(new Event("input")); };
  const button = table.tHead.querySelector("button");
  button.click(); result.first = first(0); result.ascending = button.parentElement.getAttribute("aria-sort");
  button.click(); result.last = first(0);
  result.all = shown(); type("text", "jokić"); result.matching = shown(); type("text", ""); type("team", "NYK"); result.team = shown(); type("team", "");
  if (document.getElementById("picks")) { document.getElementById("picks").click(); result.picks = shown(); document.getElementById("picks").click(); }
  return result;
};
addEventListener("load", async () => {
  const report = await axe.run(document, {resultTypes: ["violations"]});
  const violations = report.violations.map(one => `${one.id}: ${one.nodes.map(node => node.html.slice(0, 160)).slice(0, 3).join(" | ")}`);
  parent.postMessage({name: NAME, used: use(), violations, errors, age: document.getElementById("age").textContent}, "*");
});
"""


def a_plot(axes: Any, value: float) -> bool:
    axes.plot([1, 2], [0.1, value], label="ensemble")
    return True


def a_slate(number: int, call: str = "OVER", name: str = "", games: int = 1, **fields: Any) -> Any:
    """A slate of players with two forecasts each. Every tenth has a pick, and the first names have special characters."""
    predictions = [
        a_prediction(
            call, **PLAYED | PRICED | {"player_name": name or (NAMES[n] if n < len(NAMES) else f"Player Name {n}"), "team": ("GSW", "NYK")[n % 2], "game_id": str(n % games)},
            system_id=system, predicted_value=10.0 + n % 20, player_id=n + 1, standard_deviation=6.0, reasons=["low_edge"], injury_status="questionable",
        )
        for n in range(number)
        for system in ("ensemble", "market_blend")
    ]  # fmt: skip
    names = ("game_id", "player_id", "market")
    picks = predictions_of(*predictions[::20]).select(*names, "recommendation").with_row_index("rank", 1)
    schedule = frame_of(SCHEDULE, *(GAME | {"game_id": str(game)} for game in range(games)))
    return rows(
        predictions_of(*predictions), schedule, graded=graded(4), picks=picks.with_columns(rank=picks["rank"].cast(int)), **fields
    )


@cache
def pages() -> dict[str, str]:
    """Name -> page, of every state, and of slates with and without prices."""
    record = record_document(graded(4), DAY - timedelta(days=30), DAY, rows().as_of, "all")
    plots = {title: svg_of(partial(a_plot, value=value)) for title, value in ((GAP, 1.0), (RELIABILITY, 2.0))}
    degraded = {"state": "DEGRADED", "reasons": ["missing: LAL @ BOS", HOSTILE]}
    slates = {
        "healthy": (a_slate(12), "all"),
        "large": (a_slate(PLAYERS, games=GAMES), "all"),
        "degraded": (a_slate(12, status=degraded), "all"),
        "without prices": (a_slate(12), "none"),
        "halted": (a_slate(12, halt="picks are halted: manual (injury news)"), "all"),
        "pending": (rows(predictions_of()), "all"),
        "no games": (rows(predictions_of(), SCHEDULE.empty()), "all"),
        PHONE: (a_slate(12, "NO_LINE", "Giannis Antetokounmpo"), "all"),
        "postponed": (rows(predictions_of(), frame_of(SCHEDULE, GAME | {"status": "postponed"})), "all"),
    }
    return {name: page(slate_document(slate, prices, record), plots) for name, (slate, prices) in slates.items()}  # type: ignore[arg-type]


def framed(name: str, content: str) -> str:
    """The page as a frame, with axe-core and the script that uses both."""
    axe = (files("axe_core_python") / "axe.min.js").read_text(encoding="utf-8")
    early = "<script>const errors = []; onerror = message => { errors.push(message); }; console.error = (...all) => errors.push(all.join(' '));</script>"
    late = f"<script>{axe}</script><script>const NAME = {json.dumps(name)};{USE}</script>"
    content = content.replace("<head>", f"<head>{early}", 1).replace("</body>", f"{late}</body>", 1)
    return f'<iframe title="{name}" width="{PHONE_WIDTH if name == PHONE else 1000}" height="900" srcdoc="{html.escape(content)}"></iframe>'


@pytest.fixture(scope="module")
def light(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Name of a page -> what the browser reports about it in light colors."""
    return reports(pages(), tmp_path_factory.mktemp("light"))


@pytest.fixture(scope="module")
def dark(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """Likewise in dark colors. The large page takes half of the time and has the colors of the healthy one."""
    few = {name: content for name, content in pages().items() if name != "large"}
    return reports(few, tmp_path_factory.mktemp("dark"), "--force-dark-mode")


def reports(shown: dict[str, str], folder: Path, *options: str) -> dict[str, dict[str, Any]]:
    """Name of a page -> what the browser reports about it."""
    collect = (
        "addEventListener('message', one => { document.getElementById('out').textContent += JSON.stringify(one.data) + '\\n'; });"
    )
    frames = "".join(framed(name, content) for name, content in shown.items())
    (folder / "all.html").write_text(
        f"<!doctype html><meta charset=utf-8><title>kept</title><pre id=out></pre><script>{collect}</script>{frames}", "utf-8"
    )
    command = [
        str(CHROMIUM),
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        *options,
        "--virtual-time-budget=120000",
        "--dump-dom",
    ]
    done = subprocess.run(
        [*command, f"--user-data-dir={folder / 'profile'}", (folder / "all.html").as_uri()],
        capture_output=True, text=True, timeout=300, check=True,
    )  # fmt: skip
    assert "<title>kept</title>" in done.stdout, "the script of a name was run"
    lines = html.unescape(re.search(r'<pre id="out">(.*?)</pre>', done.stdout, re.DOTALL)[1]).splitlines()  # type: ignore[index]
    return {one["name"]: one for one in map(json.loads, lines)}


@pytest.mark.parametrize(("colors", "absent"), [("light", set()), pytest.param("dark", {"large"}, marks=pytest.mark.unattended)])
def test_every_page_is_accessible_and_has_no_error(request: pytest.FixtureRequest, colors: str, absent: set[str]) -> None:
    results: dict[str, dict[str, Any]] = request.getfixturevalue(colors)
    assert results.keys() == pages().keys() - absent
    assert {name: one["violations"] for name, one in results.items() if one["violations"]} == {}
    assert {name: one["errors"] for name, one in results.items() if one["errors"]} == {}
    assert all(re.fullmatch(r" \(\d+ (min|h|days) ago\)", one["age"]) for one in results.values())


@pytest.mark.parametrize(("name", "players"), [("healthy", 12), ("large", PLAYERS), ("without prices", 12), ("halted", 12)])
def test_players_are_sorted_and_filtered(name: str, players: int, light: dict[str, dict[str, Any]]) -> None:
    used = light[name]["used"]
    assert (used["all"], used["matching"], used["team"], used["ascending"]) == (players, 1, players // 2, "ascending")
    assert (used["first"], used["last"]) == (HOSTILE, "Zoë Zell")
    assert used.get("picks") == (None if name == "without prices" else -(-players // 10))


def test_no_column_is_cut_off_on_a_phone(light: dict[str, dict[str, Any]]) -> None:
    assert light[PHONE]["used"]["hidden"] == [0, 0, 0, 0], "of games, forecasts, grades and record"
