"""Names: normal forms, and the resolution of spellings."""

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.league.active_players import ACTIVE_SCHEMA
from nba_pipeline.league.names import ALIASES, assertions, lookup, lookup_without_suffix, resolve_names

LOOKUPS = {
    "LeBron James": "lebronjames", "Jimmy Butler III": "jimmybutleriii", "Larry Nance Jr.": "larrynancejr",
    "Larry Nance, Jr.": "larrynancejr", "Kelly Oubre Junior": "kellyoubrejr", "Nikola Jokić": "nikolajokic",
    "Alperen Şengün": "alperensengun", "Portis, Bobby": "bobbyportis", "Duke Jr., David": "daviddukejr",
    "P.J. Washington": "pjwashington", "D’Angelo Russell": "dangelorussell", "D'Angelo Russell": "dangelorussell",  # noqa: RUF001
    "Karl-Anthony Towns": "karlanthonytowns", "Kristaps Porziņģis": "kristapsporzingis",
    "Ersan İlyasova": "ersanilyasova", "Øyvind Æble": "oyvindaeble", "Kyle Lowry (Phi)": "kylelowry",
    "Jalen (2001) Johnson": "jalenjohnson", "": "",
}  # fmt: skip

ROSTERS = pl.DataFrame(
    [
        ("g1", 1, "Jonathan Isaac"), ("g1", 2, "Kevin Love"), ("g1", 3, "Derrick Jones Jr."), ("g1", 4, "Nic Claxton"),
        ("g1", 5, "Karl-Anthony Towns"), ("g1", 6, "Jeff Green"), ("g1", 7, "Jalen Green"), ("g1", 8, "Damian Jones"),
        ("g2", 9, "KJ Martin"),
    ],
    schema={"game_id": pl.String, "player_id": pl.Int64, "player_name": pl.String}, orient="row",
)  # fmt: skip
KNOWN = pl.DataFrame(
    {
        "player_id": [20, 21, 22, 23, 24],
        "spelling": ["Luka Dončić", "Gary Trent", "Gary Trent Jr.", "Nikola Jović", "Gary Payton"],
    }
)
ELSEWHERE = {20: "Luka Dončić", 22: "Gary Trent Jr."}
"""Players who are active for another team."""


def active(standings: dict[tuple[int, str], str] | None = None) -> pl.DataFrame:
    """Returns the rosters, the players of ELSEWHERE in every game, and (id, name) players with their standing in game g1."""
    elsewhere = [(game, *person, "elsewhere") for game in ("g1", "g2") for person in ELSEWHERE.items()]
    more = [("g1", *person, standing) for person, standing in (standings or {}).items()]
    others = pl.DataFrame([*elsewhere, *more], schema=ACTIVE_SCHEMA, orient="row")
    return pl.concat([ROSTERS.with_columns(pl.lit("of_the_teams").alias("standing")), others])


@pytest.mark.parametrize(("name", "expected"), LOOKUPS.items(), ids=lambda text: text or "empty")
def test_lookup_of(name: str, expected: str) -> None:
    assert lookup(name) == expected


def test_the_suffix_is_only_dropped_on_request() -> None:
    assert [lookup_without_suffix(name) for name in ("Jimmy Butler III", "Xavier Tillman Sr.", "V")] == [
        "jimmybutler", "xaviertillman", "v",
    ]  # fmt: skip


def resolved(*mentions: tuple[str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(mentions, schema={"game_id": pl.String, "spelling": pl.String}, orient="row")
    return resolve_names(frame, KNOWN, active())


@pytest.mark.parametrize(
    ("game_id", "spelling", "player_id", "step"),
    [
        ("g1", "Jonathan Isaac", 1, "exact"), ("g1", "NIC CLAXTON", 4, "exact"), ("g1", "Nicolas Claxton", 4, "alias"),
        ("g2", "Kenyon Martin Jr.", 9, "suffix"), ("g1", "Derrick Jones", 3, "suffix"),
        ("g1", "Love Kevin", 2, "reversed"),
        ("g1", "J. Isaac", 1, "initial"), ("g1", "J Isaac", 1, "initial"), ("g1", "K. Towns", 5, "initial"),
        ("g1", "D. Jones Jr.", 3, "initial"), ("g1", "Luka Doncic", 20, "league"),
        ("g1", "Gary Trent Jr.", 22, "league"), ("g1", "Gary Trent", 22, "league"),
    ],
)  # fmt: skip
def test_each_step_names_one_player(game_id: str, spelling: str, player_id: int, step: str) -> None:
    answer = resolved((game_id, spelling)).row(0, named=True)
    assert (answer["player_id"], answer["resolved_by"], answer["problem"]) == (player_id, step, None)


@pytest.mark.parametrize(
    ("spelling", "problem"),
    [
        ("J. Green", "ambiguous name 'J. Green': Jalen Green, Jeff Green"),
        ("D. Jones", "ambiguous name 'D. Jones': Damian Jones, Derrick Jones Jr."),  # either may be spelled without suffix
        ("Gary Payton", "ambiguous name 'Gary Payton': 24, or somebody new"),  # no active player has the name
        ("L. Doncic", "unresolved name 'L. Doncic'"),  # initials only count within the two teams
        ("Nobody", "unresolved name 'Nobody'"),
    ],
)
def test_nothing_is_guessed(spelling: str, problem: str) -> None:
    answer = resolved(("g1", spelling)).row(0, named=True)
    assert (answer["player_id"], answer["resolved_by"], answer["problem"]) == (None, None, problem)


def answer_to(spelling: str, *people: str, standing: str = "of_the_teams") -> tuple[int | None, str | None]:
    """Returns the player or problem of a spelling in a game of these players, numbered from 1. The last has the standing."""
    standings = ["of_the_teams"] * (len(people) - 1) + [standing]
    rows = [("g1", n, name, where) for n, (name, where) in enumerate(zip(people, standings, strict=True), 1)]
    everybody = pl.DataFrame(rows, schema=ACTIVE_SCHEMA, orient="row")
    mention = pl.DataFrame({"game_id": ["g1"], "spelling": [spelling]})
    return resolve_names(mention, everybody.select("player_id", spelling="player_name"), everybody).row(0)[2::2]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Jimmy Butler", "Jimmy Butler III"), ("Jimmy Butler III", "Jimmy Butler"), ("RJ Barrett Jr.", "RJ Barrett"),
        ("Jakob Pöltl", "Jakob Poeltl"), ("Jakob Poltl", "Jakob Poeltl"), ("Nikola Djurisic", "Nikola Đurišić"),
        ("Nikola Durisic", "Nikola Đurišić"), ("Dennis Schroeder", "Dennis Schröder"), ("Enes Kanter Freedom", "Enes Freedom"),
        ("Enes Kanter", "Enes Freedom"), ("Enes Freedom", "Enes Kanter Freedom"), ("Enes Kanter", "Enes Kanter Freedom"),
        ("Adama-Alpha Bal", "Adama Bal"), ("Adama Bal", "Adama-Alpha Bal"), ("Karl Towns", "Karl-Anthony Towns"),
        ("Cam Johnson", "Cameron Johnson"), ("Nicolas Claxton", "Nic Claxton"), ("Rob Williams", "Robert Williams III"),
        ("Mil. Bridges", "Miles Bridges"), ("Moe Wagner", "Moritz Wagner"), ("Bogdan Bogdanovich", "Bogdan Bogdanović"),
        ("Alperen Shengun", "Alperen Şengün"), ("Nigel Hayes", "Nigel Hayes-Davis"), ("T. Schroeder", "Tim Schröder"),
    ],
)  # fmt: skip
def test_a_name_that_a_person_could_resolve_is_resolved(spelling: str, name: str) -> None:
    assert answer_to(spelling, "Jonathan Isaac", name) == (2, None)


@pytest.mark.parametrize(
    ("spelling", "people"),
    [
        ("Cam Johnson", ("Cameron Johnson", "Camden Johnson")), ("M. Bridges", ("Mikal Bridges", "Miles Bridges")),
        ("Mik. Bridges", ("Miles Bridges",)), ("Chris Johnson", ("Cam Johnson",)), ("Jay Williams", ("Jaylin Williams",)),
        ("Butler", ("Jimmy Butler III",)), ("Jimmy", ("Jimmy Butler III",)), ("K. Knox", ("Kevin Love",)),
    ],
)  # fmt: skip
def test_another_name_is_never_taken_for_this_one(spelling: str, people: tuple[str, ...]) -> None:
    expected = {"Cam Johnson": (1, None), "M. Bridges": (None, "ambiguous name 'M. Bridges': Mikal Bridges, Miles Bridges")}
    assert answer_to(spelling, *people) == expected.get(spelling, (None, f"unresolved name '{spelling}'"))


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ("of_the_teams", (None, "ambiguous name 'T. Jones': Tre Jones, Tyus Jones")),
        ("unattached", (None, "ambiguous name 'T. Jones': Tre Jones, Tyus Jones")),
        ("elsewhere", (1, None)), ("rostered_elsewhere", (1, None)),
    ],
)  # fmt: skip
def test_an_initial_must_not_mean_anybody_who_may_have_joined(standing: str, expected: tuple[int | None, str | None]) -> None:
    assert answer_to("T. Jones", "Tre Jones", "Tyus Jones", standing=standing) == expected


@pytest.mark.parametrize(("standing", "player_id"), [("unattached", 1), ("elsewhere", 1), ("rostered_elsewhere", None)])
def test_somebody_on_another_team_s_roster_of_the_date_is_not_meant(standing: str, player_id: int | None) -> None:
    assert answer_to("Jaylin Williams", "Jaylin Williams", standing=standing)[0] == player_id


def test_a_rookie_with_a_retired_man_s_name_is_not_the_retired_man() -> None:
    assert resolved(("g1", "Gary Payton")).row(0)[2:] == (None, None, "ambiguous name 'Gary Payton': 24, or somebody new")


@pytest.mark.parametrize(
    ("evidence", "spelling", "expected"),
    [
        ("seed", "Zion Rook", (30, None)), ("seed", "Zion Rook Jr.", (30, None)),
        ("seed_inactive", "Zion Rook", (None, "ambiguous name 'Zion Rook': 30, or somebody new")),
    ],
)  # fmt: skip
def test_a_rookie_on_the_seed_s_list_of_active_players_is_known(
    evidence: str, spelling: str, expected: tuple[int | None, str | None]
) -> None:
    players = pl.DataFrame({"player_id": [30], "spelling": ["Zion Rook"], "evidence": [evidence]})
    mention = pl.DataFrame({"game_id": ["g1"], "spelling": [spelling]})
    assert resolve_names(mention, players, active()).row(0)[2::2] == expected


def test_somebody_of_whom_a_roster_shows_only_the_name_is_unresolved_and_makes_an_initial_ambiguous() -> None:
    rookie = {(-1, "Tyler Isaac"): "of_the_teams", (-2, "Jordan Isaac"): "of_the_teams"}
    mentions = pl.DataFrame({"game_id": ["g1"] * 2, "spelling": ["Tyler Isaac", "J. Isaac"]})
    assert resolve_names(mentions, KNOWN, active(rookie))["problem"].to_list() == [
        "unresolved name 'Tyler Isaac'", "ambiguous name 'J. Isaac': Jonathan Isaac, Jordan Isaac",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("spelling", "said_on", "game", "holds"),
    [
        ("Gary Payton", 12, 12, True), ("Gary Payton", 12, 13, True), ("Gary Payton", 12, 11, False),
        ("J. Green", 12, 12, True), ("J. Green", 12, 13, False),
    ],
)  # fmt: skip
def test_an_operator_s_word_holds_from_its_date_on_and_of_an_initial_on_its_date(
    spelling: str, said_on: int, game: int, holds: bool
) -> None:
    players = pl.DataFrame(
        {"game_date": [date(2024, 3, said_on)], "player_id": [6], "spelling": [spelling], "evidence": ["operator"]}
    )
    asserted = assertions(players, pl.DataFrame({"game_id": ["g1"], "game_date": [date(2024, 3, game)]}))
    mention = pl.DataFrame({"game_id": ["g1"], "spelling": [spelling]})
    answer = resolve_names(mention, KNOWN, active(), asserted).row(0, named=True)
    assert (answer["player_id"], answer["resolved_by"]) == ((6, "operator") if holds else (None, None))


def test_answers_keep_the_order_of_the_mentions() -> None:
    mentions = [("g2", "K. Martin"), ("g1", "Nobody"), ("g1", "Kevin Love")]
    expected = pl.DataFrame(
        {
            "game_id": ["g2", "g1", "g1"], "spelling": ["K. Martin", "Nobody", "Kevin Love"], "player_id": [9, None, 2],
            "resolved_by": ["initial", None, "exact"], "problem": [None, "unresolved name 'Nobody'", None],
        }
    )  # fmt: skip
    assert_frame_equal(resolved(*mentions), expected)


def test_a_spelling_learned_earlier_counts_within_the_two_teams() -> None:
    known = pl.DataFrame({"player_id": [9, 6], "spelling": ["Kenny the Jet", "J. Green"]})
    mentions = pl.DataFrame({"game_id": ["g2", "g1"], "spelling": ["Kenny The Jet", "J. Green"]})
    answers = resolve_names(mentions, known, ROSTERS)
    assert answers["player_id"].to_list() == [9, None]  # ignores learned initials, which could hide another Green


def test_no_mention_gives_no_answer() -> None:
    assert resolved().is_empty()


def test_aliases_are_lookups_and_lead_to_no_other_alias() -> None:
    assert all(lookup(key) == key and lookup(name) == name for key, name in ALIASES.items())
    assert not set(ALIASES) & set(ALIASES.values())
