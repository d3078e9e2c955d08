"""The reason why a player did not play, as one of seven categories."""

import polars as pl

OTHER = "other"

PATTERNS: dict[str, tuple[str, ...]] = {
    "suspension": ("suspension", "suspended"),
    "g_league": ("g league", "gleague", "two way", "twoway", "on assignment"),
    "injury": (
        "injury", "injured", "illness", "ill", "sore", "soreness", "sprain", "strain", "surgery", "contusion", "concussion",
        "fracture", "reconditioning", "health and safety",
    ),
    "personal": ("personal", "bereavement", "paternity", "family"),
    "rest": ("rest", "load management"),
    "coach": ("coach",),
}  # fmt: skip
"""Category -> words in the reason. The first matching category wins: a coach's decision to rest a player is rest.

Observed: the codes of the NBA's box score (INACTIVE_INJURY, INACTIVE_GLEAGUE_TWOWAY, DNP_COACH), the comments of its
statistics pages (DND - Injury/Illness, DNP - Coach's Decision, NWT - Personal) and the reasons of the injury report
(G League - Two-Way, League Suspension).
"""

CATEGORIES = (*PATTERNS, OTHER)


def dnp_category() -> pl.Expr:
    """Returns the category of `reason`. Matches whole words and ignores case and punctuation.

    Text without a known word is `other`; null without a reason.

    >>> reasons = pl.DataFrame({"reason": ["NWT - Injury/Illness - Left Knee; Sprain", "DNP_COACH", "Trade Pending", None]})
    >>> reasons.select(dnp_category()).to_series().to_list()
    ['injury', 'coach', 'other', None]
    """
    text = pl.col("reason").str.to_lowercase().str.replace_all("[^a-z]+", " ")
    matches = [
        pl.when(text.str.contains(rf"\b(?:{'|'.join(patterns)})\b")).then(pl.lit(category))
        for category, patterns in PATTERNS.items()
    ]
    return pl.coalesce(*matches, pl.when(text.is_not_null()).then(pl.lit(OTHER))).alias("dnp_category")
