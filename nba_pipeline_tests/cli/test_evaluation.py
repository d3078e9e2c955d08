"""Wrong use of `evaluate` and `search` ends in one sentence and exit code 2, before a home is opened."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from nba_pipeline.cli.consoles import out
from nba_pipeline.cli.evaluation_rendering import print_report
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.evaluation.test_evaluate import evaluated

pytestmark = pytest.mark.slow

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
PERIOD = ("--from", "2024-03-01", "--to", "2024-03-31")
WRONG = {
    "one date": (("--from", "2024-03-01", "--to", "2024-03-01"), "--from and --to are both 2024-03-01: one date is too few rows"),
    "from after to": (("--from", "2024-03-02", "--to", "2024-03-01"), "--from 2024-03-02 is after --to 2024-03-01"),
    "in the future": (("--from", "2024-05-01", "--to", "2024-07-01"), "--to 2024-07-01 is after tomorrow, 2024-06-02"),
    "not over": (("--from", "2024-05-01", "--to", "2024-06-01"), "--to 2024-06-01 is not over; choose a date before 2024-06-01"),
    "unknown system": ((*PERIOD, "--systems", "catboots"), "--systems is 'catboots'; did you mean catboost?"),
    "unknown format": ((*PERIOD, "--format", "pdf"), "--format is 'pdf'; choose one of table, json, html"),
    "unknown market": ((*PERIOD, "--market", "player_assists"), "--market is 'player_assists'"),
    "unknown lines": ((*PERIOD, "--lines", "some"), "--lines is 'some'; choose one of known, all"),
}


@pytest.mark.parametrize(("words", "message"), WRONG.values(), ids=WRONG)
def test_wrong_use_is_one_sentence(words: tuple[str, ...], message: str, tmp_path: Path) -> None:
    ended = nba_pipeline("evaluate", *words, home=tmp_path, now=NOW)
    assert (ended.returncode, ended.stdout) == (2, "") and message in ended.stderr.replace("\n", " ")
    assert list(tmp_path.iterdir()) == []


def test_a_search_needs_a_trial(tmp_path: Path) -> None:
    ended = nba_pipeline("search", *PERIOD, "--system", "xgboost", "--trials", "0", home=tmp_path, now=NOW)
    assert (ended.returncode, ended.stderr.strip()) == (2, "nba-pipeline: --trials must be at least 1, not 0")


def test_the_tables_of_groups_are_printed_with_verbose_only(tmp_path: Path) -> None:
    report = evaluated(tmp_path)
    titles = ("Errors in points", "Probability of the over", "Bets on", "By month", "By book", "Closing lines by book")
    for is_verbose, expected in ((False, titles[:3]), (True, titles)):
        with out.capture() as captured:
            print_report(report, is_verbose)
        text = captured.get()
        assert tuple(title for title in titles if f"\n{title}" in text) == expected
        assert ("-v adds the tables" in text) != is_verbose
