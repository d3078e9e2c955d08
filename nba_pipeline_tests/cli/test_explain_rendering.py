"""An explanation on the terminal."""

from nba_pipeline.cli.consoles import out
from nba_pipeline.cli.explain_rendering import print_chain
from nba_pipeline.monitoring.explain.link import Link, first_broken

NO_LINE = Link("prop_lines", "excluded", "no line for this player")
BOXSCORES = Link("boxscores", "broken", "4 of 5 games", ("run 1",), "nba-pipeline repair --date D")


def printed(links: list[Link], *, is_verbose: bool = False, alerts: tuple[Link, ...] = ()) -> list[str]:
    with out.capture() as captured:
        print_chain("a date", links, first_broken(links), alerts, is_verbose)
    return captured.get().splitlines()


def test_many_changes_are_counted_and_listed_on_request() -> None:
    changes = Link("changes", "ok", "11 later versions", parts=[Link("a player", "ok", f"version {n}") for n in range(11)])
    assert printed([changes])[1:-1] == ["  ok       changes: 11 later versions; -v lists them"]
    assert len(printed([changes], is_verbose=True)[1:-1]) == 12


def test_open_alerts_precede_the_chain_and_qualify_its_end() -> None:
    alert = Link("daemon_silent daemon (2026-01-15)", "broken", "no tick since 19:00", (), "nba-pipeline decisions")
    lines = printed([Link("schedule", "ok", "3 games")], alerts=(alert,))
    assert lines[1] == (
        "  open alert: critical: daemon_silent daemon (2026-01-15): no tick since 19:00; next: nba-pipeline decisions"
    )
    assert lines[-2:] == ["no link is broken; 1 alert above is open", "  next: nba-pipeline decisions"]


def test_the_step_of_an_alert_is_not_that_of_a_partial_link() -> None:
    alert = Link("quota_low odds_api (2026-01-15)", "partial", "600 credits are left", (), "order a larger plan")
    events = Link("events", "partial", "the capture of 13:05 listed 0 of 3 games")
    lines = printed([Link("prop_lines", "partial", "3 games", parts=(events,))], alerts=(alert,))
    assert lines[-2:] == [
        "first partial link: prop_lines, events: the capture of 13:05 listed 0 of 3 games",
        "  next for quota_low odds_api (2026-01-15): order a larger plan",
    ]


def test_a_chain_without_a_problem_ends_with_the_first_table_that_is_not_due() -> None:
    waiting = Link("boxscores", "not_due", "no game is final", (), "wait, boxscores is due at 06:00")
    assert printed([Link("schedule", "ok", "3 games"), waiting])[-1] == "  next: wait, boxscores is due at 06:00"


def last_lines(*links: Link) -> list[str]:
    with out.capture() as captured:
        print_chain("a player", links, first_broken(links))
    return [line for line in captured.get().split("\n\n", 1)[1].splitlines() if line]


def test_a_chain_that_ends_by_a_rule_also_names_the_broken_link_of_exit_code_1() -> None:
    broken = ["first broken link: boxscores: 4 of 5 games", "  evidence: run 1", "  next: nba-pipeline repair --date D"]
    assert last_lines(NO_LINE, BOXSCORES) == ["the chain ends at: prop_lines: no line for this player", *broken]
    assert last_lines(BOXSCORES) == broken


def test_a_broken_link_that_nothing_helps_is_followed_by_the_first_one_with_a_command() -> None:
    no_lines = Link("prop_lines", "broken", "no lines for CLE@BOS")
    assert last_lines(no_lines, BOXSCORES) == [
        "first broken link: prop_lines: no lines for CLE@BOS",
        "first broken link with a next command: boxscores: 4 of 5 games",
        "  evidence: run 1",
        "  next: nba-pipeline repair --date D",
    ]
    assert last_lines(no_lines) == ["first broken link: prop_lines: no lines for CLE@BOS"]


def test_a_chain_without_a_broken_link_names_only_its_end() -> None:
    assert last_lines(NO_LINE) == ["the chain ends at: prop_lines: no line for this player"]
