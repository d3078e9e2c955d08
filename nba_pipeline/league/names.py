"""Player names: normal forms, and the resolution of a spelling to a player in a given game.

A name does not identify a player: 38 normal forms are shared by several players of the league's history. A spelling is
looked up among the active players of the two teams first, then among all active players. Each step requires exactly one
match. Players who are neither active nor on the seed's list of active players are never matched.

    >>> lookup("Duke Jr., David")
    'daviddukejr'
    >>> lookup_without_suffix("Jimmy Butler III")
    'jimmybutler'
"""

import re
import unicodedata
from collections.abc import Iterable

import polars as pl

from nba_pipeline.league.active_players import ELSEWHERE, OF_THE_TEAMS, UNATTACHED
from nba_pipeline.league.first_names import long_form

SUFFIXES = {"jr", "sr", "ii", "iii", "iv", "v"}

LETTERS = str.maketrans(
    {"ø": "o", "ł": "l", "đ": "d", "ð": "d", "þ": "th", "ß": "ss", "æ": "ae", "œ": "oe", "ı": "i", "ħ": "h", "ŧ": "t",  # noqa: RUF001
     "ŋ": "n", "ŀ": "l"}
)  # fmt: skip
"""Replacements for letters that Unicode does not decompose."""

ANNOTATION = re.compile(r"\([^)]*\)")
APOSTROPHES = re.compile(r"['’‘ʼʻ`´]")  # noqa: RUF001
SEPARATORS = re.compile(r"[^a-z0-9]+")

ALIASES = {
    # nicknames
    "nicolasclaxton": "nicclaxton", "nicholasclaxton": "nicclaxton", "herbjones": "herbertjones",
    "carltoncarrington": "bubcarrington", "moewagner": "moritzwagner", "mowagner": "moritzwagner", "camjohnson": "cameronjohnson",
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
    "ishmaellarrysmith": "ishsmith",
    # changed names
    "eneskanter": "enesfreedom", "eneskanterfreedom": "enesfreedom", "nigelhayes": "nigelhayesdavis",
    # known typos and transliterations
    "danilogalinari": "danilogallinari", "nicholasbatum": "nicolasbatum", "bojanbogdanovich": "bojanbogdanovic",
    "bogdanbogdanovich": "bogdanbogdanovic", "dennisschroeder": "dennisschroder",
}  # fmt: skip
"""Normal form without suffix -> the NBA's, without suffix. Applied to both sides of a comparison."""

RESOLVED_SCHEMA = {
    "game_id": pl.String(), "spelling": pl.String(), "player_id": pl.Int64(), "resolved_by": pl.String(),
    "problem": pl.String(),
}  # fmt: skip

IS_A_NAME_PROBLEM = pl.col("problem").str.contains("^(unresolved|ambiguous) name '")
"""Filter for quarantined rows with an unresolved or ambiguous name."""


def lookup(name: str) -> str:
    """Returns the normal form of a name: lower-case ASCII letters and digits, given name first, suffix last.

    Annotations in parentheses are removed: "Kyle Lowry (Phi)" is kylelowry. Source: domain/tables.md, section 2.1.
    """
    return "".join(_words(name))


def lookup_without_suffix(name: str) -> str:
    """Returns the normal form without the suffix Jr., Sr., II, III, IV or V."""
    return "".join(_stem(_words(name)))


def resolve_names(
    mentions: pl.DataFrame, players: pl.DataFrame, active: pl.DataFrame, asserted: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Resolves each spelling to a player. Returns one row per mention, in the given order.

    The first step with a match decides: one player resolves the name, several make it ambiguous, and a player with only a name
    in a roster leaves it unresolved. A spelling that only inactive players have is ambiguous.

    Args:
        mentions: unique (game_id, spelling).
        players: (player_id, spelling) of the whole league, active or not, with any number of spellings per player. With
            `evidence`, the seed's list of active players is used for names that no active player has: rookies, or players
            after a long absence.
        active: (game_id, player_id, player_name, standing) of `league.active_players`. Without `standing`, all players are of
            the game's teams.
        asserted: (game_id, spelling, player_id), an operator's resolution of spellings that the two teams leave open.

    Returns:
        game_id, spelling, player_id (null if unresolved), resolved_by (a step of STEPS, operator, league or seed) and problem
        (null if resolved): `unresolved name 'J. Isaac'` or `ambiguous name 'J. Smith': ...`.
    """
    mentions = mentions.select(pl.col("game_id", "spelling").cast(pl.String)).unique(maintain_order=True)
    if "standing" not in active.columns:
        active = active.with_columns(pl.lit(OF_THE_TEAMS).alias("standing"))
    active = active.join(mentions.select("game_id").unique(), on="game_id", how="semi")
    known = players.select("player_id", "spelling").unique()
    forms, people = _forms(mentions["spelling"]), _people(known, active)
    answers = _first_answers(mentions, STEPS, forms, people, active)
    answers = _with_asserted(mentions, answers, asserted)
    waiting = mentions.join(answers, on=["game_id", "spelling"], how="anti")
    league = _first_answers(waiting, LEAGUE_STEPS, forms, people, active)
    waiting = waiting.join(league, on=["game_id", "spelling"], how="anti")
    listed = _listed_answers(waiting, forms, players)
    waiting = waiting.join(listed, on=["game_id", "spelling"], how="anti")
    names = active.select("player_id", "player_name").unique(subset="player_id", keep="first", maintain_order=True)
    return _answer(mentions, pl.concat([answers, league, listed, _of_the_past(waiting, known)]), names)


def assertions(players: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    """Returns operators' resolutions of spellings for the games from their date on: game_id, spelling, player_id.

    The resolution of an abbreviated spelling only applies to the games of its date, because another "J. Green" may follow.

    Args:
        players: the rows of the table, with game_date, evidence, player_id and spelling.
        games: (game_id, game_date).
    """
    if "evidence" not in players.columns:
        return pl.DataFrame(schema={"game_id": pl.String(), "spelling": pl.String(), "player_id": pl.Int64()})
    said = players.filter(pl.col("evidence") == "operator").select("player_id", "spelling", said_on="game_date").unique()
    cut = [name for name in said["spelling"].unique() if _is_abbreviated(name, _words(name) or [""])]
    holds = (pl.col("game_date") == pl.col("said_on")) | (
        (pl.col("game_date") > pl.col("said_on")) & ~pl.col("spelling").is_in(cut)
    )
    return games.select("game_id", "game_date").join(said, how="cross").filter(holds).select("game_id", "spelling", "player_id")


TWO_TEAMS, FREE_TO_JOIN = (OF_THE_TEAMS,), (OF_THE_TEAMS, UNATTACHED)
STEPS = (
    ("exact", "lookup", TWO_TEAMS), ("alias", "alias", TWO_TEAMS), ("suffix", "stem", TWO_TEAMS), ("loose", "loose", TWO_TEAMS),
    ("reversed", "bag", TWO_TEAMS), ("initial", "initial_and_suffix", FREE_TO_JOIN), ("initial", "initial", FREE_TO_JOIN),
)  # fmt: skip
"""Steps within the two teams, in order: (resolved_by, compared form, standings within which the match must be unique).

`loose` ignores suffixes and middle names, and treats short first names and transliterations as equal. An initial, or an
abbreviated first name such as "Mil.", must also be unique among unattached players, who may have joined one of the teams.
"""
LEAGUE = (OF_THE_TEAMS, UNATTACHED, ELSEWHERE)
LEAGUE_STEPS = (("league", "suffixed", LEAGUE), ("league", "stem", LEAGUE))
"""Steps among all active players, such as a player traded today. "Gary Trent" is ambiguous if father and son are active."""
KEYS = ("lookup", "alias", "stem", "loose", "bag", "initial_and_suffix", "initial", "suffixed")
LONGEST_ABBREVIATION = 4
DIGRAPHS = (("oe", "o"), ("ae", "a"), ("ue", "u"), ("aa", "a"), ("dj", "d"), ("ch", "c"), ("sh", "s"))
"""Two-letter transliteration -> letter without its diacritic: Poeltl, Djurisic, Bogdanovich."""
ANSWER = {"game_id": pl.String(), "spelling": pl.String(), "player_id": pl.List(pl.Int64()), "resolved_by": pl.String()}
OR_SOMEBODY_NEW = "or somebody new"


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


def _is_abbreviated(spelling: str, words: list[str]) -> bool:
    """True if the first name is an initial or abbreviated with a period, as in "Mil. Bridges"."""
    if len(_stem(words)) == 1:
        return False
    is_cut_off = re.search(rf"(?<![a-z.]){re.escape(words[0])}\.", spelling.casefold()) is not None
    return len(words[0]) == 1 or (is_cut_off and len(words[0]) <= LONGEST_ABBREVIATION)


def _bag(words: list[str]) -> str:
    return " ".join(sorted(word for word in words if word == "v" or word not in SUFFIXES))


def _folded(text: str) -> str:
    for two, one in DIGRAPHS:
        text = text.replace(two, one)
    return text


def _loose(stem: list[str]) -> set[str]:
    """Returns the forms that spellings such as "Cam Johnson", "Enes Kanter Freedom" or "Jakob Pöltl" share with variants."""
    first, last = stem[0], stem[-1]
    spelled = {"".join(stem), "".join([long_form(first), *stem[1:]])}
    if len(stem) > 1:
        spelled |= {first + last, long_form(first) + last}
    return {_folded(_alias(text)) for text in spelled}


def _forms(spellings: Iterable[str], is_full: bool = False) -> dict[str, pl.DataFrame]:
    """Returns (spelling, key) for each form. Computed once per distinct spelling.

    With `is_full`, the spellings are full names, and their abbreviations are derived: K. Towns for Karl-Anthony Towns.
    """
    rows: dict[str, list[tuple[str, str]]] = {key: [] for key in KEYS}
    for spelling in dict.fromkeys(spellings):
        words = _words(spelling)
        stem = _stem(words)
        if not words:
            continue
        joined = "".join(words)
        rows["lookup"].append((spelling, joined))
        rows["alias"].append((spelling, _alias(joined)))
        rows["stem"].append((spelling, _alias("".join(stem))))
        rows["loose"] += [(spelling, form) for form in sorted(_loose(stem))]
        rows["bag"].append((spelling, _bag(words)))
        if stem != words:
            rows["suffixed"].append((spelling, _alias(joined)))
        for key, abbreviation in _abbreviations(spelling, words, is_full):
            rows[key].append((spelling, abbreviation))
    return {key: _keyed(pairs) for key, pairs in rows.items()}


def _abbreviations(spelling: str, words: list[str], is_full: bool) -> list[tuple[str, str]]:
    """Returns (form, key) of an abbreviated spelling, or of the possible abbreviations of a full name."""
    stem = _stem(words)
    suffix = "".join(words[len(stem) :])
    if is_full:
        surnames = {"".join(stem[1:]), stem[-1]} if len(stem) > 1 else set()
        starts = {stem[0][:length] for length in range(1, LONGEST_ABBREVIATION + 1)}
    elif _is_abbreviated(spelling, words):
        surnames, starts = {"".join(stem[1:])}, {stem[0]}
    else:
        return []
    found = [(start, _folded(surname)) for start in sorted(starts) for surname in sorted(surnames)]
    forms = [("initial", f"{start} {surname}") for start, surname in found]
    return forms + [("initial_and_suffix", f"{start} {surname}{suffix}") for start, surname in found if is_full or suffix]


def _keyed(pairs: list[tuple[str, str]]) -> pl.DataFrame:
    return pl.DataFrame(pairs, schema={"spelling": pl.String(), "key": pl.String()}, orient="row")


def _people(known: pl.DataFrame, active: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Returns (player_id, key) of the active players for each form, with all of their known spellings.

    Learned abbreviations are excluded, because another player may share them.
    """
    shown = active.select(pl.col("player_id").cast(pl.Int64), pl.col("player_name").alias("spelling")).unique()
    learned = known.select(pl.col("player_id").cast(pl.Int64), "spelling").join(shown, on="player_id", how="semi")
    is_full = [name for name in learned["spelling"].unique() if not _is_abbreviated(name, _words(name) or [""])]
    spellings = pl.concat([shown, learned.filter(pl.col("spelling").is_in(is_full))]).unique()
    forms = _forms(spellings["spelling"], is_full=True)
    return {key: spellings.join(form, on="spelling").select("player_id", "key").unique() for key, form in forms.items()}


def _first_answers(
    waiting: pl.DataFrame, steps: Iterable[tuple[str, str, tuple[str, ...]]], forms: dict[str, pl.DataFrame],
    people: dict[str, pl.DataFrame], active: pl.DataFrame,
) -> pl.DataFrame:  # fmt: skip
    """Returns (game_id, spelling, player_id list, resolved_by) of the mentions with a match, from their first matching step."""
    answers = [pl.DataFrame(schema=ANSWER)]
    for step, key, standings in steps:
        candidates = active.filter(pl.col("standing").is_in(standings)).select("game_id", "player_id").unique()
        hits = waiting.join(forms[key], on="spelling").join(people[key], on="key")
        found = (
            hits.join(candidates, on=["game_id", "player_id"], how="semi")
            .group_by("game_id", "spelling")
            .agg(pl.col("player_id").unique().sort())
            .with_columns(pl.lit(step).alias("resolved_by"))
        )
        answers.append(found)
        waiting = waiting.join(found, on=["game_id", "spelling"], how="anti")
    return pl.concat(answers)


def _with_asserted(mentions: pl.DataFrame, answers: pl.DataFrame, asserted: pl.DataFrame | None) -> pl.DataFrame:
    """Returns the answers, with the operator's if the two teams have no match, several, or a player without an id."""
    if asserted is None or asserted.is_empty():
        return answers
    is_clear = (pl.col("player_id").list.len() == 1) & (pl.col("player_id").list.first() > 0)
    open_mentions = mentions.join(answers.filter(is_clear), on=["game_id", "spelling"], how="anti")
    told = (
        open_mentions.join(asserted, on=["game_id", "spelling"])
        .group_by("game_id", "spelling")
        .agg(pl.col("player_id").cast(pl.Int64).unique().sort(), pl.lit("operator").alias("resolved_by"))
    )
    return pl.concat([answers.join(told, on=["game_id", "spelling"], how="anti"), told])


def _listed_answers(waiting: pl.DataFrame, forms: dict[str, pl.DataFrame], players: pl.DataFrame) -> pl.DataFrame:
    """Returns matches in the seed's list of active players. Names are compared with their suffix first, then without."""
    if waiting.is_empty() or "evidence" not in players.columns:
        return pl.DataFrame(schema=ANSWER)
    listed = players.filter(pl.col("evidence") == "seed").select(pl.col("player_id").cast(pl.Int64), "spelling").unique()
    theirs, answers = _forms(listed["spelling"]), [pl.DataFrame(schema=ANSWER)]
    for mine, key in (("suffixed", "alias"), ("stem", "stem")):
        found = (
            waiting.join(forms[mine], on="spelling")
            .join(listed.join(theirs[key], on="spelling").select("player_id", "key"), on="key")
            .group_by("game_id", "spelling")
            .agg(pl.col("player_id").unique().sort(), pl.lit("seed").alias("resolved_by"))
        )
        answers.append(found)
        waiting = waiting.join(found, on=["game_id", "spelling"], how="anti")
    return pl.concat(answers)


def _of_the_past(waiting: pl.DataFrame, known: pl.DataFrame) -> pl.DataFrame:
    """Returns the mentions that only inactive players match. They may also mean a new player of the same name."""
    if waiting.is_empty():
        return pl.DataFrame(schema=ANSWER)
    forms, theirs = _forms(waiting["spelling"]), _forms(known["spelling"])
    people = known.select(pl.col("player_id").cast(pl.Int64), "spelling").join(theirs["alias"], on="spelling")
    return (
        waiting.join(forms["alias"], on="spelling")
        .join(people.select("player_id", "key").unique(), on="key")
        .group_by("game_id", "spelling")
        .agg(pl.col("player_id").unique().sort(), pl.lit(OR_SOMEBODY_NEW).alias("resolved_by"))
    )


def _answer(mentions: pl.DataFrame, answers: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    is_past, is_alone = pl.col("resolved_by") == OR_SOMEBODY_NEW, pl.col("len") == 1
    or_new = pl.format("{}, {}", "people", "resolved_by")
    several = (
        answers.filter((pl.col("player_id").list.len() > 1) | is_past)
        .explode("player_id")
        .join(names, on="player_id", how="left")
        .group_by("game_id", "spelling", "resolved_by")
        .agg(pl.coalesce("player_name", pl.col("player_id").cast(pl.String)).sort().str.join(", ").alias("people"), pl.len())
        .select("game_id", "spelling", pl.when(is_past & is_alone).then(or_new).otherwise("people").alias("people"))
    )
    is_one = (pl.col("player_id").list.len() == 1) & (pl.col("player_id").list.first() > 0) & ~is_past
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
