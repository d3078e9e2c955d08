"""An explanation on the terminal."""

from nba_pipeline.cli.consoles import out
from nba_pipeline.cli.explain_rendering import print_chain
from nba_pipeline.monitoring.explain.link import Link, first_broken

NO_LINE = Link("prop_lines", "excluded", "no line for this player")
BOXSCORES = Link("boxscores", "broken", "4 of 5 games", ("run 1",), "nba-pipeline repair --date D")


def last_lines(*links: Link) -> list[str]:
    with out.capture() as captured:
        print_chain("a player", links, first_broken(links))
    return [line for line in captured.get().split("\n\n", 1)[1].splitlines() if line]


def test_a_chain_that_ends_by_a_rule_also_names_the_broken_link_of_exit_code_1() -> None:
    broken = ["first broken link: boxscores: 4 of 5 games", "  evidence: run 1", "  next: nba-pipeline repair --date D"]
    assert last_lines(NO_LINE, BOXSCORES) == ["the chain ends at: prop_lines: no line for this player", *broken]
    assert last_lines(BOXSCORES) == broken


def test_a_chain_without_a_broken_link_names_only_its_end() -> None:
    assert last_lines(NO_LINE) == ["the chain ends at: prop_lines: no line for this player"]
