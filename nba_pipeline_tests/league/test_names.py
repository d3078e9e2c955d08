"""Names: one normal form, and which player a spelling means."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.league.names import ALIASES, lookup, lookup_without_suffix, resolve_names

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
KNOWN = pl.DataFrame({"player_id": [20, 21, 22, 23], "spelling": ["Luka Dončić", "Gary Trent", "Gary Trent Jr.", "Nikola Jović"]})


@pytest.mark.parametrize(("name", "expected"), LOOKUPS.items(), ids=lambda text: text or "empty")
def test_lookup_of(name: str, expected: str) -> None:
    assert lookup(name) == expected


def test_the_suffix_is_only_dropped_on_request() -> None:
    assert [lookup_without_suffix(name) for name in ("Jimmy Butler III", "Xavier Tillman Sr.", "V")] == [
        "jimmybutler", "xaviertillman", "v",
    ]  # fmt: skip


def resolved(*mentions: tuple[str, str]) -> pl.DataFrame:
    frame = pl.DataFrame(mentions, schema={"game_id": pl.String, "spelling": pl.String}, orient="row")
    return resolve_names(frame, KNOWN, ROSTERS)


@pytest.mark.parametrize(
    ("game_id", "spelling", "player_id", "step"),
    [
        ("g1", "Jonathan Isaac", 1, "exact"), ("g1", "NIC CLAXTON", 4, "exact"), ("g1", "Nicolas Claxton", 4, "alias"),
        ("g2", "Kenyon Martin Jr.", 9, "suffix"), ("g1", "Derrick Jones", 3, "suffix"),
        ("g1", "Love Kevin", 2, "reversed"),
        ("g1", "J. Isaac", 1, "initial"), ("g1", "J Isaac", 1, "initial"), ("g1", "K. Towns", 5, "initial"),
        ("g1", "D. Jones Jr.", 3, "initial"), ("g1", "Luka Doncic", 20, "league"),
        ("g1", "Gary Trent Jr.", 22, "league"),
    ],
)  # fmt: skip
def test_each_step_names_one_player(game_id: str, spelling: str, player_id: int, step: str) -> None:
    answer = resolved((game_id, spelling)).row(0, named=True)
    assert (answer["player_id"], answer["resolved_by"], answer["problem"]) == (player_id, step, None)


@pytest.mark.parametrize(
    ("spelling", "problem"),
    [
        ("J. Green", "ambiguous name 'J. Green': Jalen Green, Jeff Green"),
        ("D. Jones", "ambiguous name 'D. Jones': Damian Jones, Derrick Jones Jr."),  # either may lack his suffix
        ("Gary Trent", "ambiguous name 'Gary Trent': 21, 22"),  # father or son
        ("L. Doncic", "unresolved name 'L. Doncic'"),  # initials only count within the two teams
        ("Nobody", "unresolved name 'Nobody'"),
    ],
)
def test_nothing_is_guessed(spelling: str, problem: str) -> None:
    answer = resolved(("g1", spelling)).row(0, named=True)
    assert (answer["player_id"], answer["resolved_by"], answer["problem"]) == (None, None, problem)


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
    assert answers["player_id"].to_list() == [9, None]  # a learned initial would hide that another Green is here


def test_no_mention_gives_no_answer() -> None:
    assert resolved().is_empty()


def test_aliases_are_lookups_and_lead_to_no_other_alias() -> None:
    assert all(lookup(key) == key and lookup(name) == name for key, name in ALIASES.items())
    assert not set(ALIASES) & set(ALIASES.values())
