"""Normal forms of player names, for the comparison of spellings.

A name does not identify a player: each of 38 normal forms belongs to several players in the history of the league.

    >>> lookup("Duke Jr., David")
    'daviddukejr'
    >>> lookup_without_suffix("Jimmy Butler III")
    'jimmybutler'
"""

import re
import unicodedata

SUFFIXES = {"jr", "sr", "ii", "iii", "iv", "v"}

LETTERS = str.maketrans(
    {
        "ø": "o",
        "ł": "l",
        "đ": "d",
        "ð": "d",
        "þ": "th",
        "ß": "ss",
        "æ": "ae",
        "œ": "oe",
        "ı": "i",  # noqa: RUF001
        "ħ": "h",
        "ŧ": "t",
        "ŋ": "n",
        "ŀ": "l",
    }
)
"""Replacements for letters that Unicode does not decompose."""

ANNOTATION = re.compile(r"\([^)]*\)")
APOSTROPHES = re.compile(r"['’‘ʼʻ`´]")  # noqa: RUF001
SEPARATORS = re.compile(r"[^a-z0-9]+")

ALIASES = {
    # nicknames
    "nicolasclaxton": "nicclaxton",
    "nicholasclaxton": "nicclaxton",
    "herbjones": "herbertjones",
    "carltoncarrington": "bubcarrington",
    "moewagner": "moritzwagner",
    "mowagner": "moritzwagner",
    "camjohnson": "cameronjohnson",
    "cameronthomas": "camthomas",
    "cameronreddish": "camreddish",
    "campayne": "cameronpayne",
    "cameronwhitmore": "camwhitmore",
    "cameronspencer": "camspencer",
    "cameronchristie": "camchristie",
    "alexandresarr": "alexsarr",
    "mohamedbamba": "mobamba",
    "obadiahtoppin": "obitoppin",
    "kenyonmartin": "kjmartin",
    "gregoryjackson": "ggjackson",
    "ronholland": "ronaldholland",
    "vincentwilliams": "vincewilliams",
    "jameshuff": "jayhuff",
    "bjboston": "brandonboston",
    "joshuagiddey": "joshgiddey",
    "ishmaelsmith": "ishsmith",
    "nahshonhyland": "boneshyland",
    "patrickmills": "pattymills",
    "louiswilliams": "louwilliams",
    "moeharkless": "mauriceharkless",
    "juanhernangomez": "juanchohernangomez",
    "guillermohernangomez": "willyhernangomez",
    "sviatoslavmykhailiuk": "svimykhailiuk",
    "aleksandarvezenkov": "sashavezenkov",
    "mogueye": "mouhamedgueye",
    "oguguaanunoby": "oganunoby",
    "kennylofton": "kennethlofton",
    "matthewryan": "mattryan",
    "jeenathanwilliams": "natewilliams",
    "johnjuzang": "johnnyjuzang",
    "nicholasrichards": "nickrichards",
    "michaelconley": "mikeconley",
    "nicholassmith": "nicksmith",
    # legal names
    "edricefemiadebayo": "bamadebayo",
    "christianjamesmccollum": "cjmccollum",
    "alfredjoelhorfordreynoso": "alhorford",
    "brookrobertlopez": "brooklopez",
    "ericambrosegordon": "ericgordon",
    "kevindevonknox": "kevinknox",
    "ishmaellarrysmith": "ishsmith",
    # changed names
    "eneskanter": "enesfreedom",
    "eneskanterfreedom": "enesfreedom",
    "nigelhayes": "nigelhayesdavis",
    # typos and transliterations
    "danilogalinari": "danilogallinari",
    "nicholasbatum": "nicolasbatum",
    "bojanbogdanovich": "bojanbogdanovic",
    "bogdanbogdanovich": "bogdanbogdanovic",
    "dennisschroeder": "dennisschroder",
}
"""Normal form without suffix -> the NBA's, without suffix. Applied to both sides of a comparison."""


def lookup(name: str) -> str:
    """Returns the normal form of a name: lower-case ASCII letters and digits, given name first, suffix last.

    Annotations in parentheses are removed: "Kyle Lowry (Phi)" is kylelowry.
    """
    return "".join(words_of(name))


def lookup_without_suffix(name: str) -> str:
    """Returns the normal form without the suffix Jr., Sr., II, III, IV or V."""
    return "".join(stem_of(words_of(name)))


def words_of(name: str) -> list[str]:
    """Returns the words of a normal form: given name first, suffix last."""
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


def stem_of(words: list[str]) -> list[str]:
    """Returns the words without suffixes at the end. The first word is never a suffix."""
    end = len(words)
    while end > 1 and words[end - 1] in SUFFIXES:
        end -= 1
    return words[:end]


def alias_of(text: str) -> str:
    """Returns the NBA's normal form of an alias, or the text itself."""
    return ALIASES.get(text, text)
