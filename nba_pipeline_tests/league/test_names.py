"""Normal forms of names, and aliases."""

import pytest

from nba_pipeline.league.names import ALIASES, lookup, lookup_without_suffix

LOOKUPS = {
    "LeBron James": "lebronjames",
    "Jimmy Butler III": "jimmybutleriii",
    "Larry Nance Jr.": "larrynancejr",
    "Larry Nance, Jr.": "larrynancejr",
    "Kelly Oubre Junior": "kellyoubrejr",
    "Nikola Jokić": "nikolajokic",
    "Alperen Şengün": "alperensengun",
    "Portis, Bobby": "bobbyportis",
    "Duke Jr., David": "daviddukejr",
    "P.J. Washington": "pjwashington",
    "D’Angelo Russell": "dangelorussell",  # noqa: RUF001
    "D'Angelo Russell": "dangelorussell",
    "Karl-Anthony Towns": "karlanthonytowns",
    "Kristaps Porziņģis": "kristapsporzingis",
    "Ersan İlyasova": "ersanilyasova",
    "Øyvind Æble": "oyvindaeble",
    "Kyle Lowry (Phi)": "kylelowry",
    "Jalen (2001) Johnson": "jalenjohnson",
    "": "",
}


@pytest.mark.parametrize(("name", "expected"), LOOKUPS.items(), ids=lambda text: text or "empty")
def test_lookup_of(name: str, expected: str) -> None:
    assert lookup(name) == expected


def test_the_suffix_is_removed_by_lookup_without_suffix_only() -> None:
    assert [lookup_without_suffix(name) for name in ("Jimmy Butler III", "Xavier Tillman Sr.", "V")] == [
        "jimmybutler",
        "xaviertillman",
        "v",
    ]


def test_aliases_are_normal_forms_and_not_chained() -> None:
    assert all(lookup(key) == key and lookup(name) == name for key, name in ALIASES.items())
    assert not set(ALIASES) & set(ALIASES.values())
