"""Resolution of spellings: the steps, ambiguous and unresolved names, an operator's resolutions."""

from datetime import date

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.league.active_players import ACTIVE_SCHEMA
from nba_pipeline.league.name_resolution import operator_resolutions, resolve_names

ROSTERS = pl.DataFrame(
    [
        ("g1", 1, "Jonathan Isaac"),
        ("g1", 2, "Kevin Love"),
        ("g1", 3, "Derrick Jones Jr."),
        ("g1", 4, "Nic Claxton"),
        ("g1", 5, "Karl-Anthony Towns"),
        ("g1", 6, "Jeff Green"),
        ("g1", 7, "Jalen Green"),
        ("g1", 8, "Damian Jones"),
        ("g2", 9, "KJ Martin"),
    ],
    schema={"game_id": pl.String, "player_id": pl.Int64, "player_name": pl.String},
    orient="row",
)
PLAYERS = pl.DataFrame(
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
    additional = pl.DataFrame([*elsewhere, *more], schema=ACTIVE_SCHEMA, orient="row")
    return pl.concat([ROSTERS.with_columns(pl.lit("of_the_teams").alias("standing")), additional])


def resolutions_of(*mentions: tuple[str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(mentions, schema={"game_id": pl.String, "spelling": pl.String}, orient="row")
    return resolve_names(frame, PLAYERS, active())


@pytest.mark.parametrize(
    ("game_id", "spelling", "player_id", "step"),
    [
        ("g1", "Jonathan Isaac", 1, "exact"),
        ("g1", "NIC CLAXTON", 4, "exact"),
        ("g1", "Nicolas Claxton", 4, "alias"),
        ("g2", "Kenyon Martin Jr.", 9, "suffix"),
        ("g1", "Derrick Jones", 3, "suffix"),
        ("g1", "Love Kevin", 2, "reversed"),
        ("g1", "J. Isaac", 1, "initial"),
        ("g1", "J Isaac", 1, "initial"),
        ("g1", "K. Towns", 5, "initial"),
        ("g1", "D. Jones Jr.", 3, "initial"),
        ("g1", "Luka Doncic", 20, "league"),
        ("g1", "Gary Trent Jr.", 22, "league"),
        ("g1", "Gary Trent", 22, "league"),
    ],
)
def test_each_step_resolves_a_player(game_id: str, spelling: str, player_id: int, step: str) -> None:
    resolution = resolutions_of((game_id, spelling)).row(0, named=True)
    assert (resolution["player_id"], resolution["resolved_by"], resolution["problem"]) == (player_id, step, None)


@pytest.mark.parametrize(
    ("spelling", "problem"),
    [
        ("J. Green", "ambiguous name 'J. Green': Jalen Green, Jeff Green"),
        ("D. Jones", "ambiguous name 'D. Jones': Damian Jones, Derrick Jones Jr."),  # either may be spelled without suffix
        ("Gary Payton", "ambiguous name 'Gary Payton': 24, or a new player"),  # no active player has the name
        ("L. Doncic", "unresolved name 'L. Doncic'"),  # initials only count within the two teams
        ("Nobody", "unresolved name 'Nobody'"),
    ],
)
def test_an_unclear_name_is_a_problem(spelling: str, problem: str) -> None:
    resolution = resolutions_of(("g1", spelling)).row(0, named=True)
    assert (resolution["player_id"], resolution["resolved_by"], resolution["problem"]) == (None, None, problem)


def resolution_of(spelling: str, *people: str, standing: str = "of_the_teams") -> tuple[int | None, str | None]:
    """Returns the player or problem of a spelling in a game of these players, numbered from 1. The last has the standing."""
    standings = ["of_the_teams"] * (len(people) - 1) + [standing]
    rows = [("g1", n, name, where) for n, (name, where) in enumerate(zip(people, standings, strict=True), 1)]
    candidates = pl.DataFrame(rows, schema=ACTIVE_SCHEMA, orient="row")
    mention = pl.DataFrame({"game_id": ["g1"], "spelling": [spelling]})
    return resolve_names(mention, candidates.select("player_id", spelling="player_name"), candidates).row(0)[2::2]  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("Jimmy Butler", "Jimmy Butler III"),
        ("Jimmy Butler III", "Jimmy Butler"),
        ("RJ Barrett Jr.", "RJ Barrett"),
        ("Jakob Pöltl", "Jakob Poeltl"),
        ("Jakob Poltl", "Jakob Poeltl"),
        ("Nikola Djurisic", "Nikola Đurišić"),
        ("Nikola Durisic", "Nikola Đurišić"),
        ("Dennis Schroeder", "Dennis Schröder"),
        ("Enes Kanter Freedom", "Enes Freedom"),
        ("Enes Kanter", "Enes Freedom"),
        ("Enes Freedom", "Enes Kanter Freedom"),
        ("Enes Kanter", "Enes Kanter Freedom"),
        ("Adama-Alpha Bal", "Adama Bal"),
        ("Adama Bal", "Adama-Alpha Bal"),
        ("Karl Towns", "Karl-Anthony Towns"),
        ("Cam Johnson", "Cameron Johnson"),
        ("Nicolas Claxton", "Nic Claxton"),
        ("Rob Williams", "Robert Williams III"),
        ("Mil. Bridges", "Miles Bridges"),
        ("Moe Wagner", "Moritz Wagner"),
        ("Bogdan Bogdanovich", "Bogdan Bogdanović"),
        ("Alperen Shengun", "Alperen Şengün"),
        ("Nigel Hayes", "Nigel Hayes-Davis"),
        ("T. Schroeder", "Tim Schröder"),
    ],
)
def test_variants_of_a_name_are_resolved(spelling: str, name: str) -> None:
    assert resolution_of(spelling, "Jonathan Isaac", name) == (2, None)


@pytest.mark.parametrize(
    ("spelling", "people"),
    [
        ("Cam Johnson", ("Cameron Johnson", "Camden Johnson")),
        ("M. Bridges", ("Mikal Bridges", "Miles Bridges")),
        ("Mik. Bridges", ("Miles Bridges",)),
        ("Chris Johnson", ("Cam Johnson",)),
        ("Jay Williams", ("Jaylin Williams",)),
        ("Butler", ("Jimmy Butler III",)),
        ("Jimmy", ("Jimmy Butler III",)),
        ("K. Knox", ("Kevin Love",)),
    ],
)
def test_similar_names_do_not_match(spelling: str, people: tuple[str, ...]) -> None:
    expected = {"Cam Johnson": (1, None), "M. Bridges": (None, "ambiguous name 'M. Bridges': Mikal Bridges, Miles Bridges")}
    assert resolution_of(spelling, *people) == expected.get(spelling, (None, f"unresolved name '{spelling}'"))


@pytest.mark.parametrize(
    ("standing", "expected"),
    [
        ("of_the_teams", (None, "ambiguous name 'T. Jones': Tre Jones, Tyus Jones")),
        ("unattached", (None, "ambiguous name 'T. Jones': Tre Jones, Tyus Jones")),
        ("elsewhere", (1, None)),
        ("rostered_elsewhere", (1, None)),
    ],
)
def test_an_initial_is_ambiguous_if_an_unattached_player_matches(standing: str, expected: tuple[int | None, str | None]) -> None:
    assert resolution_of("T. Jones", "Tre Jones", "Tyus Jones", standing=standing) == expected


@pytest.mark.parametrize(("standing", "player_id"), [("unattached", 1), ("elsewhere", 1), ("rostered_elsewhere", None)])
def test_a_player_on_another_roster_of_the_date_does_not_match(standing: str, player_id: int | None) -> None:
    assert resolution_of("Jaylin Williams", "Jaylin Williams", standing=standing)[0] == player_id


def test_the_name_of_an_inactive_player_is_ambiguous() -> None:
    assert resolutions_of(("g1", "Gary Payton")).row(0)[2:] == (None, None, "ambiguous name 'Gary Payton': 24, or a new player")


@pytest.mark.parametrize(
    ("evidence", "spelling", "expected"),
    [
        ("seed", "Zion Rook", (30, None)),
        ("seed", "Zion Rook Jr.", (30, None)),
        ("seed_inactive", "Zion Rook", (None, "ambiguous name 'Zion Rook': 30, or a new player")),
    ],
)
def test_a_rookie_on_the_seed_list_of_active_players_is_resolved(
    evidence: str, spelling: str, expected: tuple[int | None, str | None]
) -> None:
    players = pl.DataFrame({"player_id": [30], "spelling": ["Zion Rook"], "evidence": [evidence]})
    mention = pl.DataFrame({"game_id": ["g1"], "spelling": [spelling]})
    assert resolve_names(mention, players, active()).row(0)[2::2] == expected


def test_a_roster_player_without_id_is_unresolved_and_makes_an_initial_ambiguous() -> None:
    rookie = {(-1, "Tyler Isaac"): "of_the_teams", (-2, "Jordan Isaac"): "of_the_teams"}
    mentions = pl.DataFrame({"game_id": ["g1"] * 2, "spelling": ["Tyler Isaac", "J. Isaac"]})
    assert resolve_names(mentions, PLAYERS, active(rookie))["problem"].to_list() == [
        "unresolved name 'Tyler Isaac'",
        "ambiguous name 'J. Isaac': Jonathan Isaac, Jordan Isaac",
    ]


@pytest.mark.parametrize(
    ("spelling", "resolved_on", "game", "applies"),
    [
        ("Gary Payton", 12, 12, True),
        ("Gary Payton", 12, 13, True),
        ("Gary Payton", 12, 11, False),
        ("J. Green", 12, 12, True),
        ("J. Green", 12, 13, False),
    ],
)
def test_an_operator_s_resolution_applies_from_its_date_and_of_an_initial_on_its_date_only(
    spelling: str, resolved_on: int, game: int, applies: bool
) -> None:
    players = pl.DataFrame(
        {"game_date": [date(2024, 3, resolved_on)], "player_id": [6], "spelling": [spelling], "evidence": ["operator"]}
    )
    resolutions = operator_resolutions(players, pl.DataFrame({"game_id": ["g1"], "game_date": [date(2024, 3, game)]}))
    mention = pl.DataFrame({"game_id": ["g1"], "spelling": [spelling]})
    resolution = resolve_names(mention, PLAYERS, active(), resolutions).row(0, named=True)
    assert (resolution["player_id"], resolution["resolved_by"]) == ((6, "operator") if applies else (None, None))


def test_resolutions_keep_the_order_of_the_mentions() -> None:
    mentions = [("g2", "K. Martin"), ("g1", "Nobody"), ("g1", "Kevin Love")]
    expected = pl.DataFrame(
        {
            "game_id": ["g2", "g1", "g1"],
            "spelling": ["K. Martin", "Nobody", "Kevin Love"],
            "player_id": [9, None, 2],
            "resolved_by": ["initial", None, "exact"],
            "problem": [None, "unresolved name 'Nobody'", None],
        }
    )
    assert_frame_equal(resolutions_of(*mentions), expected)


def test_a_learned_spelling_matches_within_the_two_teams() -> None:
    learned = pl.DataFrame({"player_id": [9, 6], "spelling": ["Kenny the Jet", "J. Green"]})
    mentions = pl.DataFrame({"game_id": ["g2", "g1"], "spelling": ["Kenny The Jet", "J. Green"]})
    resolutions = resolve_names(mentions, learned, ROSTERS)
    assert resolutions["player_id"].to_list() == [9, None]  # ignores learned initials, which could hide another Green


def test_without_mentions_the_result_is_empty() -> None:
    assert resolutions_of().is_empty()
