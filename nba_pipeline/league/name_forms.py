"""Compared forms of spellings: aliases, reversed names, short first names, transliterations, initials."""

import re
from collections.abc import Iterable

import polars as pl

from nba_pipeline.league.first_names import long_form
from nba_pipeline.league.names import SUFFIXES, alias_of, stem_of, words_of

KEYS = ("lookup", "alias", "stem", "loose", "bag", "initial_and_suffix", "initial", "suffixed")
LONGEST_ABBREVIATION = 4
DIGRAPHS = (("oe", "o"), ("ae", "a"), ("ue", "u"), ("aa", "a"), ("dj", "d"), ("ch", "c"), ("sh", "s"))
"""Two-letter transliteration -> letter without its diacritic: Poeltl, Djurisic, Bogdanovich."""


def is_abbreviated(spelling: str) -> bool:
    """True if the first name is an initial or abbreviated with a period, as in "Mil. Bridges"."""
    return _is_abbreviated(spelling, words_of(spelling) or [""])


def _is_abbreviated(spelling: str, words: list[str]) -> bool:
    if len(stem_of(words)) == 1:
        return False
    ends_with_period = re.search(rf"(?<![a-z.]){re.escape(words[0])}\.", spelling.casefold()) is not None
    return len(words[0]) == 1 or (ends_with_period and len(words[0]) <= LONGEST_ABBREVIATION)


def _bag(words: list[str]) -> str:
    return " ".join(sorted(word for word in words if word == "v" or word not in SUFFIXES))


def _folded(text: str) -> str:
    for digraph, letter in DIGRAPHS:
        text = text.replace(digraph, letter)
    return text


def _loose(stem: list[str]) -> set[str]:
    """Returns the forms that spellings such as "Cam Johnson", "Enes Kanter Freedom" or "Jakob Pöltl" share with variants."""
    first, last = stem[0], stem[-1]
    spelled = {"".join(stem), "".join([long_form(first), *stem[1:]])}
    if len(stem) > 1:
        spelled |= {first + last, long_form(first) + last}
    return {_folded(alias_of(text)) for text in spelled}


def forms_of(spellings: Iterable[str], is_full: bool = False) -> dict[str, pl.DataFrame]:
    """Returns (spelling, key) for each form. Computed once per distinct spelling.

    With `is_full`, the spellings are full names, and their abbreviations are derived: K. Towns for Karl-Anthony Towns.
    """
    rows: dict[str, list[tuple[str, str]]] = {key: [] for key in KEYS}
    for spelling in dict.fromkeys(spellings):
        words = words_of(spelling)
        stem = stem_of(words)
        if not words:
            continue
        joined = "".join(words)
        rows["lookup"].append((spelling, joined))
        rows["alias"].append((spelling, alias_of(joined)))
        rows["stem"].append((spelling, alias_of("".join(stem))))
        rows["loose"] += [(spelling, form) for form in sorted(_loose(stem))]
        rows["bag"].append((spelling, _bag(words)))
        if stem != words:
            rows["suffixed"].append((spelling, alias_of(joined)))
        for key, abbreviation in _abbreviations(spelling, words, is_full):
            rows[key].append((spelling, abbreviation))
    return {key: _keyed(pairs) for key, pairs in rows.items()}


def _abbreviations(spelling: str, words: list[str], is_full: bool) -> list[tuple[str, str]]:
    """Returns (form, key) of an abbreviated spelling, or of the possible abbreviations of a full name."""
    stem = stem_of(words)
    suffix = "".join(words[len(stem) :])
    if is_full:
        surnames = {"".join(stem[1:]), stem[-1]} if len(stem) > 1 else set()
        starts = {stem[0][:length] for length in range(1, LONGEST_ABBREVIATION + 1)}
    elif _is_abbreviated(spelling, words):
        surnames, starts = {"".join(stem[1:])}, {stem[0]}
    else:
        return []
    parts = [(start, _folded(surname)) for start in sorted(starts) for surname in sorted(surnames)]
    forms = [("initial", f"{start} {surname}") for start, surname in parts]
    return forms + [("initial_and_suffix", f"{start} {surname}{suffix}") for start, surname in parts if is_full or suffix]


def _keyed(pairs: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema={"spelling": pl.String(), "key": pl.String()}, orient="row")
