"""Players' names: one normal form, and which player a spelling means in a given game.

A name is not an identity: 38 normal forms are shared by several people of the league's history, so a spelling is looked
up among the players of the two teams first. Every step wants exactly one player; nothing is guessed.

    >>> lookup("Duke Jr., David")
    'daviddukejr'
    >>> lookup_without_suffix("Jimmy Butler III")
    'jimmybutler'
"""

import re
import unicodedata
from collections.abc import Iterable

import polars as pl

SUFFIXES = {"jr", "sr", "ii", "iii", "iv", "v"}

LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t",  # noqa: RUF001
     "ŋ": "n", "ŀ": "l"}
)  # fmt: skip
"""Letters that Unicode does not decompose."""

ANNOTATION = re.compile(r"\([^)]*\)")
APOSTROPHES = re.compile(r"['’‘ʼʻ`´]")  # noqa: RUF001
SEPARATORS = re.compile(r"[^a-z0-9]+")

ALIASES = {
    # nicknames
    "nicolasclaxton": "nicclaxton", "nicholasclaxton": "nicclaxton", "herbjones": "herbertjones",
    "carltoncarrington": "bubcarrington", "moewagner": "moritzwagner", "camjohnson": "cameronjohnson",
    "cameronthomas": "camthomas", "cameronreddish": "camreddish", "campayne": "cameronpayne",
    "cameronwhitmore": "camwhitmore", "cameronspencer": "camspencer", "cameronchristie": "camchristie",
    "alexandresarr": "alexsarr", "mohamedbamba": "mobamba", "obadiahtoppin": "obitoppin", "kenyonmartin": "kjmartin",
    "gregoryjackson": "ggjackson", "ronholland": "ronaldholland", "vincentwilliams": "vincewilliams",
    "jameshuff": "jayhuff", "bjboston": "brandonboston", "joshuagiddey": "joshgiddey", "ishmaelsmith": "ishsmith",
    "nahshonhyland": "boneshyland", "patrickmills": "pattymills", "louiswilliams": "louwilliams",
    "moeharkless": "mauriceharkless", "juanhernangomez": "juanchohernangomez",
    "guillermohernangomez": "willyhernangomez", "sviatoslavmykhailiuk": "svimykhailiuk",
    "aleksandarvezenkov": "sashavezenkov", "mogueye": "mouhamedgueye", "oguguaanunoby": "oganunoby",
    "kennylofton": "kennethlofton", "matthewryan": "mattryan", "jeenathanwilliams": "natewilliams",
    "johnjuzang": "johnnyjuzang", "nicholasrichards": "nickrichards", "michaelconley": "mikeconley",
    "nicholassmith": "nicksmith",
    # legal names
    "edricefemiadebayo": "bamadebayo", "christianjamesmccollum": "cjmccollum", "alfredjoelhorfordreynoso": "alhorford",
    "brookrobertlopez": "brooklopez", "ericambrosegordon": "ericgordon", "kevindevonknox": "kevinknox",
    "ishmaellarrysmith": "ishsmith", "eneskanter": "enesfreedom",
    # known typos and transliterations
    "danilogalinari": "danilogallinari", "nicholasbatum": "nicolasbatum", "bojanbogdanovich": "bojanbogdanovic",
    "bogdanbogdanovich": "bogdanbogdanovic", "dennisschroeder": "dennisschroder",
}  # fmt: skip
"""Lookup without suffix -> the NBA's, without suffix. Both sides go through it, so it works in both directions."""

RESOLVED_SCHEMA = {
    "game_id": pl.String(), "spelling": pl.String(), "player_id": pl.Int64(), "resolved_by": pl.String(),
    "problem": pl.String(),
}  # fmt: skip

IS_A_NAME_PROBLEM = pl.col("problem").str.contains("^(unresolved|ambiguous) name '")
"""Of the rows of a quarantine: those whose name means nobody, or several."""


def lookup(name: str) -> str:
    """The normal form of a name: lower-case ASCII letters and digits, given name first, suffix kept at the end.

    Annotations in parentheses are dropped: "Kyle Lowry (Phi)" is kylelowry. Source: domain/tables.md, section 2.1.
    """
    return "".join(_words(name))


def lookup_without_suffix(name: str) -> str:
    """The normal form without Jr., Sr., II, III, IV or V at the end."""
    return "".join(_stem(_words(name)))


def resolve_names(mentions: pl.DataFrame, known: pl.DataFrame, rosters: pl.DataFrame) -> pl.DataFrame:
    """Which player each spelling means: one row per mention, in the order given.

    Args:
        mentions: unique (game_id, spelling).
        known: (player_id, spelling) of the whole league; several spellings per player are fine.
        rosters: (game_id, player_id, player_name), the players of the two teams of each game.

    Returns:
        game_id, spelling, player_id (null when unresolved), resolved_by (exact, alias, suffix, reversed, initial or
        league) and problem (null when resolved): `unresolved name 'J. Isaac'` or `ambiguous name 'J. Smith': ...`.

    Within the two teams: the same lookup; an alias; without suffix; the same words in another order; initial and
    surname. Then the same lookup in the whole league. The first step that knows anybody decides: one player is the
    answer, several are ambiguous.
    """
    mentions = mentions.select(pl.col("game_id", "spelling").cast(pl.String)).unique(maintain_order=True)
    forms = _forms(mentions["spelling"])
    candidates, names = _candidates(mentions, known, rosters)
    waiting, answers = mentions, []
    for step, key in STEPS:
        asked = waiting.join(forms[key], on="spelling")
        found = (
            asked.join(candidates[key], on=["game_id", "key"])
            .group_by("game_id", "spelling")
            .agg(pl.col("player_id").unique().sort())
            .with_columns(pl.lit(step).alias("resolved_by"))
        )
        answers.append(found)
        waiting = waiting.join(found, on=["game_id", "spelling"], how="anti")
    league = waiting.join(_league(waiting, known), on="spelling")
    answers.append(league.with_columns(pl.lit("league").alias("resolved_by")))
    return _answer(mentions, pl.concat(answers, how="diagonal_relaxed"), names)


STEPS = (
    ("exact", "lookup"), ("alias", "alias"), ("suffix", "stem"), ("reversed", "bag"), ("initial", "initial_and_suffix"),
    ("initial", "initial"),
)  # fmt: skip
"""Steps within the two teams, in order, and the form of the name that each compares."""


def _words(name: str) -> list[str]:
    text = ANNOTATION.sub(" ", unicodedata.normalize("NFKC", name))
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if len(parts) > 1 and not all(word in SUFFIXES for word in _plain_words(parts[-1])):
        parts = [parts[-1], *parts[:-1]]
    return _plain_words(" ".join(parts))


def _plain_words(text: str) -> list[str]:
    text = text.replace("İ", "i").casefold().translate(LETTERS)
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    words = SEPARATORS.sub(" ", APOSTROPHES.sub("", text)).split()
    return [{"junior": "jr", "senior": "sr"}.get(word, word) for word in words]


def _stem(words: list[str]) -> list[str]:
    end = len(words)
    while end > 1 and words[end - 1] in SUFFIXES:
        end -= 1
    return words[:end]


def _alias(text: str) -> str:
    return ALIASES.get(text, text)


def _is_initial(words: list[str]) -> bool:
    stem = _stem(words)
    return len(stem) > 1 and len(stem[0]) == 1


def _bag(words: list[str]) -> str:
    return " ".join(sorted(word for word in words if word == "v" or word not in SUFFIXES))


def _forms(spellings: Iterable[str]) -> dict[str, pl.DataFrame]:
    """For each form: (spelling, key) of a mention. Computed once per distinct spelling."""
    rows: dict[str, list[tuple[str, str]]] = {key: [] for _, key in STEPS}
    for spelling in dict.fromkeys(spellings):
        words = _words(spelling)
        stem = _stem(words)
        if not words:
            continue
        rows["lookup"].append((spelling, "".join(words)))
        rows["alias"].append((spelling, _alias("".join(words))))
        rows["stem"].append((spelling, _alias("".join(stem))))
        rows["bag"].append((spelling, _bag(words)))
        if _is_initial(words):
            if stem != words:
                rows["initial_and_suffix"].append((spelling, f"{words[0]} {''.join(words[1:])}"))
            rows["initial"].append((spelling, f"{stem[0]} {''.join(stem[1:])}"))
    return {key: _keyed(pairs) for key, pairs in rows.items()}


def _full_forms(spellings: Iterable[str]) -> dict[str, pl.DataFrame]:
    """The same for a candidate, whose initial and surname are derived: K. Towns is Karl-Anthony Towns."""
    spellings = list(dict.fromkeys(spellings))
    forms = _forms(spellings)
    with_suffix: set[tuple[str, str]] = set()
    without: set[tuple[str, str]] = set()
    for spelling in spellings:
        words = _words(spelling)
        stem = _stem(words)
        for surname in [stem[1:], stem[-1:]] if len(stem) > 1 else []:
            without.add((spelling, f"{stem[0][0]} {''.join(surname)}"))
            with_suffix.add((spelling, f"{stem[0][0]} {''.join(surname + words[len(stem) :])}"))
    return forms | {"initial_and_suffix": _keyed(sorted(with_suffix)), "initial": _keyed(sorted(without))}


def _keyed(pairs: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema={"spelling": pl.String(), "key": pl.String()}, orient="row")


def _candidates(
    mentions: pl.DataFrame, known: pl.DataFrame, rosters: pl.DataFrame
) -> tuple[dict[str, pl.DataFrame], pl.DataFrame]:
    """For each form (game_id, key, player_id) of the two teams' players, under every spelling known of them."""
    people = rosters.join(mentions.select("game_id").unique(), on="game_id", how="semi").select(
        "game_id", pl.col("player_id").cast(pl.Int64), pl.col("player_name").alias("spelling")
    )
    full = [name for name in known["spelling"].unique(maintain_order=True) if not _is_initial(_words(name))]
    learned = known.filter(pl.col("spelling").is_in(full)).select(pl.col("player_id").cast(pl.Int64), "spelling")
    learned = learned.join(people, on="player_id", how="semi")
    spellings = pl.concat([people.select("player_id", "spelling"), learned]).unique()
    games = people.select("game_id", "player_id").unique()
    by_form = {
        key: games.join(spellings.join(form, on="spelling").select("player_id", "key").unique(), on="player_id")
        for key, form in _full_forms(spellings["spelling"]).items()
    }
    return by_form, people.select("player_id", "spelling").unique(subset="player_id", keep="first", maintain_order=True)


def _league(waiting: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """(spelling, player_id list) by lookup in the whole league.

    A spelling without a suffix counts everybody who shares it but for a suffix: "Gary Trent" may be father or son.
    """
    asked = [s for s in waiting["spelling"].unique(maintain_order=True) if _words(s)]
    has_suffix = [s for s in asked if _stem(_words(s)) != _words(s)]
    known = known.select(pl.col("player_id").cast(pl.Int64), "spelling")
    mine, theirs = _forms(asked), _forms(known["spelling"])
    parts = [
        mine[key].filter(pl.col("spelling").is_in(has_suffix) == wanted).join(
            known.join(theirs[key], on="spelling").select("player_id", "key"), on="key"
        )
        for key, wanted in (("alias", True), ("stem", False))
    ]  # fmt: skip
    same_lookup = known.join(theirs["alias"], on="spelling").select("key", "player_id")
    hits = pl.concat(parts).group_by("spelling").agg(pl.col("player_id").unique().sort())
    exact = mine["alias"].join(same_lookup, on="key").select("spelling").unique()
    return hits.join(exact, on="spelling", how="semi")


def _answer(mentions: pl.DataFrame, answers: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    several = (
        answers.filter(pl.col("player_id").list.len() > 1)
        .explode("player_id")
        .join(names.rename({"spelling": "name"}), on="player_id", how="left")
        .group_by("game_id", "spelling")
        .agg(pl.coalesce("name", pl.col("player_id").cast(pl.String)).sort().str.join(", ").alias("people"))
    )
    is_one = pl.col("player_id").list.len() == 1
    return (
        mentions.join(answers, on=["game_id", "spelling"], how="left", maintain_order="left")
        .join(several, on=["game_id", "spelling"], how="left", maintain_order="left")
        .with_columns(
            pl.when(is_one).then(pl.col("player_id").list.first()).alias("player_id"),
            pl.when(is_one).then("resolved_by").alias("resolved_by"),
            pl.when(is_one)
            .then(None)
            .when(pl.col("people").is_not_null())
            .then(pl.format("ambiguous name '{}': {}", "spelling", "people"))
            .otherwise(pl.format("unresolved name '{}'", "spelling"))
            .alias("problem"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in RESOLVED_SCHEMA.items())
    )
