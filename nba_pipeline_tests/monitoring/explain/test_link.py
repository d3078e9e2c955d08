"""The first broken link of a chain."""

from nba_pipeline.monitoring.explain.link import Link, first_broken, first_partial, is_broken, record_of

LANDED = Link("landing", "ok", "1 response")
FAILED = Link("requests", "broken", "status 503", ("run 1",))
BOXSCORES = Link("boxscores", "broken", "4 of 5 games", (), "nba-pipeline repair --date D", (LANDED, FAILED))


def test_a_broken_part_is_the_cause_and_has_the_command_of_its_link() -> None:
    first = first_broken([Link("schedule", "ok", "5 games"), BOXSCORES])
    assert first and (first.name, first.fact, first.evidence) == ("boxscores, requests", "status 503", ("run 1",))
    assert first.next_command == "nba-pipeline repair --date D"


def test_the_first_of_several_broken_links_counts() -> None:
    earlier = Link("features", "broken", "not written")
    assert first_broken([earlier, BOXSCORES]) == earlier


def test_a_broken_or_excluded_part_of_a_usable_link_is_no_cause() -> None:
    assert first_broken([Link("rosters", "partial", "12 of 30 teams", parts=(FAILED,))]) is None


def test_an_excluded_part_is_not_the_cause_of_a_broken_link() -> None:
    link = Link("predictions", "broken", "no line", parts=(Link("catboost", "excluded", "no model"),))
    assert first_broken([link]) == link


def test_a_chain_that_ends_by_a_rule_is_not_broken() -> None:
    ends = Link("predictions", "excluded", "no line, and 8 minutes per game is below 20")
    assert first_broken([ends]) == ends
    assert not is_broken([ends]) and is_broken([ends, BOXSCORES])


def test_the_first_partial_part_has_the_name_of_its_link_and_its_own_command() -> None:
    quarantine = Link("quarantine", "partial", "23 rows quarantined", (), "nba-pipeline quarantine list")
    link = Link("prop_lines", "partial", "46 players", parts=(LANDED, quarantine))
    first = first_partial([Link("gate enough_players_are_ready", "partial", "7 of 8 systems"), link])
    assert first and (first.name, first.next_command) == ("prop_lines, quarantine", "nba-pipeline quarantine list")
    assert first_partial([LANDED]) is None
    assert first_partial([Link("boxscores", "not_due", "2 of 3 games", parts=(quarantine,))]), "it shows why a game is missing"


def test_a_record_has_the_parts() -> None:
    assert [part["fact"] for part in record_of(BOXSCORES)["parts"]] == ["1 response", "status 503"]
