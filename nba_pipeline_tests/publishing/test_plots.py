"""The plots of the page: what they show, what a home keeps of them, and that nothing published is read."""

from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.assets.grades.system_performance import TABLE as PERFORMANCE
from nba_pipeline.publishing import plots as module
from nba_pipeline.publishing.plots import FOLDER, GAP, KEPT_PLOTS, RELIABILITY, VALUE, plots
from nba_pipeline_tests.publishing.test_record import GRADED, graded, performance

pytestmark = pytest.mark.slow

ROWS = performance(1234, window="7 days")


def kept(home: Path) -> list[Path]:
    return sorted((home / FOLDER).iterdir())


def gap(home: Path, rows: pl.DataFrame = ROWS) -> str:
    return plots(GRADED, rows, "all", home)[GAP]


def test_each_plot_has_n_and_one_without_rows_is_empty(tmp_path: Path) -> None:
    rows = performance(1234, window="7 days", closing_line_value=0.02, closing_line_value_n=56, closing_line_value_low=0.01, closing_line_value_high=0.03)  # fmt: skip
    drawn = plots(graded(30), rows, "all", tmp_path)
    assert [f"(N = {number})" in drawn[title] for title, number in ((GAP, "1,234"), (RELIABILITY, "30"), (VALUE, "56"))] == [
        True
    ] * 3
    assert plots(GRADED, PERFORMANCE.empty(), "all", tmp_path) == {GAP: "", RELIABILITY: "", VALUE: ""}
    assert plots(graded(30), rows, "none", tmp_path).keys() == {GAP}


def test_a_plot_of_the_same_rows_is_not_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = gap(tmp_path)
    monkeypatch.setattr(module, "svg_of", lambda *_: "<svg>drawn again</svg>")
    assert gap(tmp_path) == drawn
    assert gap(tmp_path, performance(1235, window="7 days")) == "<svg>drawn again</svg>"


def test_a_plot_of_other_drawing_code_is_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gap(tmp_path)
    monkeypatch.setattr(module, "_drawing", lambda: ("other code",))
    monkeypatch.setattr(module, "svg_of", lambda *_: "<svg>drawn again</svg>")
    assert gap(tmp_path) == "<svg>drawn again</svg>"


@pytest.mark.parametrize("content", [b"", b"<svg>cut off", b"\xff<svg></svg>"])
def test_an_incomplete_plot_is_drawn_again(tmp_path: Path, content: bytes) -> None:
    drawn = gap(tmp_path)
    (path,) = kept(tmp_path)
    path.write_bytes(content)
    assert gap(tmp_path) == drawn == path.read_text()


def test_a_home_keeps_its_newest_plots(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "svg_of", lambda *_: "<svg>drawn</svg>")
    gap(tmp_path)
    (oldest,) = kept(tmp_path)
    for number in range(KEPT_PLOTS):
        gap(tmp_path, performance(2000 + number, window="7 days"))
    assert len(kept(tmp_path)) == KEPT_PLOTS and not oldest.exists()


def test_a_home_that_cannot_be_written_has_plots(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file where the folder should be")
    assert gap(tmp_path).startswith("<svg")


def test_a_plot_without_prices_is_the_same_for_every_value_that_is_not_published(tmp_path: Path) -> None:
    one, other = (plots(graded(30), performance(1234, window="7 days", roi=roi), "none", tmp_path) for roi in (0.5, -0.25))
    assert one[GAP] and one == other and len(kept(tmp_path)) == 1
