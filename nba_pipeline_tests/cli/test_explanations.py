"""The command `help`."""

import re
from pathlib import Path

import pytest

from nba_pipeline import cli
from nba_pipeline.cli.explanations import KINDS, names
from nba_pipeline.cli.glossary import FILE, glossary
from nba_pipeline_tests.commands import nba_pipeline

GLOSSARY_FILE = Path(cli.__file__).with_name(FILE)


def documented_words() -> dict[str, str]:
    """Returns word -> meaning, as in `docs/glossary.md`."""
    document = (Path(__file__).parents[2] / "docs" / "glossary.md").read_text(encoding="utf-8")
    sections = re.findall(r"^### (.+)\n((?:(?!#).*\n)*)", document, re.MULTILINE)
    words = {name: " ".join(text.split()) for title, text in sections for name in title.lower().split(", ")}
    del words["status states"]  # `help state`
    return words


@pytest.mark.parametrize(
    ("term", "text"),
    [
        ("late", "LATE (state): A table, a game or a grade is overdue"),
        ("low_edge", "low_edge (reason): The forecast is too close to the line"),
        ("run_failed", "run_failed (alert): A run failed or was killed."),
        ("enough_final_games_are_covered", "Next: `nba-pipeline status --from D --to D` names what is missing"),
        ("few_players_lack_a_line", "It reports and stops nothing."),
        ("boxscores", "boxscores (table): statistics of every player"),
        ("check", "few_players_lack_a_line: At most 40 %"),
        ("table", "grades: how each prediction turned out"),
        ("gate", "gate: A condition that must hold before data is used downstream."),
        ("Tip-off", "tip-off (word): The start of a game."),
        ("word", "ledger: A table whose rows are only added"),
        ("gate", "the_last_slates_are_covered: The features of a slate wait"),
    ],
)
def test_help_explains_a_name_and_lists_a_kind(term: str, text: str, tmp_path: Path) -> None:
    ended = nba_pipeline("help", term, home=tmp_path)
    assert ended.returncode == 0 and text in ended.stdout


def test_help_alone_names_the_kinds(tmp_path: Path) -> None:
    assert ", ".join(KINDS) in nba_pipeline("help", home=tmp_path).stdout


def test_an_unknown_name_gets_the_closest_one(tmp_path: Path) -> None:
    ended = nba_pipeline("help", "low_edges", home=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "") and "did you mean low_edge?" in ended.stderr


def test_no_name_has_two_spellings() -> None:
    assert len({name.lower() for name in names()}) == len(set(names()))


def test_help_knows_every_word_of_the_glossary() -> None:
    assert glossary() == documented_words(), "run `make generated`"
