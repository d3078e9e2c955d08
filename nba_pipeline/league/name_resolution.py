"""Resolution of a spelling to a player in a given game.

A spelling is looked up among the active players of the two teams first, then among all active players. Each step requires
exactly one match. Players who are neither active nor on the seed's list of active players are never matched.
"""

from collections.abc import Iterable

import polars as pl

from nba_pipeline.league.active_players import ELSEWHERE, OF_THE_TEAMS, UNATTACHED
from nba_pipeline.league.name_forms import forms_of, is_abbreviated

RESOLVED_SCHEMA = {
    "game_id": pl.String(),
    "spelling": pl.String(),
    "player_id": pl.Int64(),
    "resolved_by": pl.String(),
    "problem": pl.String(),
}

IS_A_NAME_PROBLEM = pl.col("problem").str.contains("^(unresolved|ambiguous) name '")
"""Filter for quarantined rows with an unresolved or ambiguous name."""

MATCH_SCHEMA = {"game_id": pl.String(), "spelling": pl.String(), "player_id": pl.List(pl.Int64()), "resolved_by": pl.String()}
OR_NEW_PLAYER = "or a new player"

TWO_TEAMS, TEAMS_AND_UNATTACHED = (OF_THE_TEAMS,), (OF_THE_TEAMS, UNATTACHED)
STEPS = (
    ("exact", "lookup", TWO_TEAMS),
    ("alias", "alias", TWO_TEAMS),
    ("suffix", "stem", TWO_TEAMS),
    ("loose", "loose", TWO_TEAMS),
    ("reversed", "bag", TWO_TEAMS),
    ("initial", "initial_and_suffix", TEAMS_AND_UNATTACHED),
    ("initial", "initial", TEAMS_AND_UNATTACHED),
)
"""Steps within the two teams, in order: (resolved_by, compared form, standings within which the match must be unique).

`loose` ignores suffixes and middle names, and treats short first names and transliterations as equal. An initial, or an
abbreviated first name such as "Mil.", must also be unique among unattached players, who may have joined one of the teams.
"""
LEAGUE = (OF_THE_TEAMS, UNATTACHED, ELSEWHERE)
LEAGUE_STEPS = (("league", "suffixed", LEAGUE), ("league", "stem", LEAGUE))
"""Steps among all active players, such as a player traded today. "Gary Trent" is ambiguous if father and son are active."""


def resolve_names(
    mentions: pl.DataFrame, players: pl.DataFrame, active: pl.DataFrame, resolutions: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Resolves each spelling to a player. Returns one row per mention, in the given order.

    The first step with a match decides: one player resolves the name, several make it ambiguous, and a player without an id
    (known only from a roster) leaves it unresolved. A spelling that only inactive players have is ambiguous.

    Args:
        mentions: unique (game_id, spelling).
        players: (player_id, spelling) of the whole league, active or not, with any number of spellings per player. With
            `evidence`, the seed's list of active players is used for names that no active player has: rookies, or players
            after a long absence.
        active: (game_id, player_id, player_name, standing) of `league.active_players`. Without `standing`, all players are of
            the game's teams.
        resolutions: (game_id, spelling, player_id), an operator's resolution of spellings that no player of the two teams
            resolves.

    Returns:
        game_id, spelling, player_id (null if unresolved), resolved_by (a step of STEPS, operator, league or seed) and problem
        (null if resolved): `unresolved name 'J. Isaac'` or `ambiguous name 'J. Smith': ...`.
    """
    mentions = mentions.select(pl.col("game_id", "spelling").cast(pl.String)).unique(maintain_order=True)
    if "standing" not in active.columns:
        active = active.with_columns(pl.lit(OF_THE_TEAMS).alias("standing"))
    active = active.join(mentions.select("game_id").unique(), on="game_id", how="semi")
    spellings = players.select("player_id", "spelling").unique()
    forms, names_of_players = forms_of(mentions["spelling"]), _names_of_players(spellings, active)
    matches = _first_matches(mentions, STEPS, forms, names_of_players, active)
    matches = _with_operator_matches(mentions, matches, resolutions)
    unmatched = mentions.join(matches, on=["game_id", "spelling"], how="anti")
    league = _first_matches(unmatched, LEAGUE_STEPS, forms, names_of_players, active)
    unmatched = unmatched.join(league, on=["game_id", "spelling"], how="anti")
    seed = _seed_matches(unmatched, forms, players)
    unmatched = unmatched.join(seed, on=["game_id", "spelling"], how="anti")
    names = active.select("player_id", "player_name").unique(subset="player_id", keep="first", maintain_order=True)
    return _resolutions(mentions, pl.concat([matches, league, seed, _inactive_matches(unmatched, spellings)]), names)


def operator_resolutions(players: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    """Returns operators' resolutions of spellings for the games from their date on: game_id, spelling, player_id.

    The resolution of an abbreviated spelling only applies to the games of its date, because another "J. Green" may follow.

    Args:
        players: the rows of the table, with game_date, evidence, player_id and spelling.
        games: (game_id, game_date).
    """
    if "evidence" not in players.columns:
        return pl.DataFrame(schema={"game_id": pl.String(), "spelling": pl.String(), "player_id": pl.Int64()})
    resolutions = (
        players.filter(pl.col("evidence") == "operator").select("player_id", "spelling", resolved_on="game_date").unique()
    )
    abbreviated = [name for name in resolutions["spelling"].unique() if is_abbreviated(name)]
    applies = (pl.col("game_date") == pl.col("resolved_on")) | (
        (pl.col("game_date") > pl.col("resolved_on")) & ~pl.col("spelling").is_in(abbreviated)
    )
    return (
        games.select("game_id", "game_date")
        .join(resolutions, how="cross")
        .filter(applies)
        .select("game_id", "spelling", "player_id")
    )


def _names_of_players(spellings: pl.DataFrame, active: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Returns (player_id, key) of the active players for each form, with all of their spellings.

    Learned abbreviations are excluded, because another player may share them.
    """
    current = active.select(pl.col("player_id").cast(pl.Int64), pl.col("player_name").alias("spelling")).unique()
    learned = spellings.select(pl.col("player_id").cast(pl.Int64), "spelling").join(current, on="player_id", how="semi")
    is_full = [name for name in learned["spelling"].unique() if not is_abbreviated(name)]
    spellings = pl.concat([current, learned.filter(pl.col("spelling").is_in(is_full))]).unique()
    forms = forms_of(spellings["spelling"], is_full=True)
    return {key: spellings.join(form, on="spelling").select("player_id", "key").unique() for key, form in forms.items()}


def _first_matches(
    unmatched: pl.DataFrame,
    steps: Iterable[tuple[str, str, tuple[str, ...]]],
    forms: dict[str, pl.DataFrame],
    names_of_players: dict[str, pl.DataFrame],
    active: pl.DataFrame,
) -> pl.DataFrame:
    """Returns (game_id, spelling, player_id list, resolved_by) of the mentions with a match, from their first matching step."""
    matches = [pl.DataFrame(schema=MATCH_SCHEMA)]
    for step, key, standings in steps:
        candidates = active.filter(pl.col("standing").is_in(standings)).select("game_id", "player_id").unique()
        of_step = (
            unmatched.join(forms[key], on="spelling")
            .join(names_of_players[key], on="key")
            .join(candidates, on=["game_id", "player_id"], how="semi")
            .group_by("game_id", "spelling")
            .agg(pl.col("player_id").unique().sort())
            .with_columns(pl.lit(step).alias("resolved_by"))
        )
        matches.append(of_step)
        unmatched = unmatched.join(of_step, on=["game_id", "spelling"], how="anti")
    return pl.concat(matches)


def _with_operator_matches(mentions: pl.DataFrame, matches: pl.DataFrame, resolutions: pl.DataFrame | None) -> pl.DataFrame:
    """Returns the matches. Adds the operator's match if the two teams have no match, several, or a player without an id."""
    if resolutions is None or resolutions.is_empty():
        return matches
    is_clear = (pl.col("player_id").list.len() == 1) & (pl.col("player_id").list.first() > 0)
    open_mentions = mentions.join(matches.filter(is_clear), on=["game_id", "spelling"], how="anti")
    by_operator = (
        open_mentions.join(resolutions, on=["game_id", "spelling"])
        .group_by("game_id", "spelling")
        .agg(pl.col("player_id").cast(pl.Int64).unique().sort(), pl.lit("operator").alias("resolved_by"))
    )
    return pl.concat([matches.join(by_operator, on=["game_id", "spelling"], how="anti"), by_operator])


def _seed_matches(unmatched: pl.DataFrame, forms: dict[str, pl.DataFrame], players: pl.DataFrame) -> pl.DataFrame:
    """Returns matches in the seed's list of active players. Names are compared with their suffix first, then without."""
    if unmatched.is_empty() or "evidence" not in players.columns:
        return pl.DataFrame(schema=MATCH_SCHEMA)
    listed = players.filter(pl.col("evidence") == "seed").select(pl.col("player_id").cast(pl.Int64), "spelling").unique()
    seed_forms, matches = forms_of(listed["spelling"]), [pl.DataFrame(schema=MATCH_SCHEMA)]
    for spelling_form, key in (("suffixed", "alias"), ("stem", "stem")):
        of_step = (
            unmatched.join(forms[spelling_form], on="spelling")
            .join(listed.join(seed_forms[key], on="spelling").select("player_id", "key"), on="key")
            .group_by("game_id", "spelling")
            .agg(pl.col("player_id").unique().sort(), pl.lit("seed").alias("resolved_by"))
        )
        matches.append(of_step)
        unmatched = unmatched.join(of_step, on=["game_id", "spelling"], how="anti")
    return pl.concat(matches)


def _inactive_matches(unmatched: pl.DataFrame, spellings: pl.DataFrame) -> pl.DataFrame:
    """Returns the mentions that only inactive players match. They may also mean a new player of the same name."""
    if unmatched.is_empty():
        return pl.DataFrame(schema=MATCH_SCHEMA)
    forms, forms_of_all = forms_of(unmatched["spelling"]), forms_of(spellings["spelling"])
    names_of_players = spellings.select(pl.col("player_id").cast(pl.Int64), "spelling").join(forms_of_all["alias"], on="spelling")
    return (
        unmatched.join(forms["alias"], on="spelling")
        .join(names_of_players.select("player_id", "key").unique(), on="key")
        .group_by("game_id", "spelling")
        .agg(pl.col("player_id").unique().sort(), pl.lit(OR_NEW_PLAYER).alias("resolved_by"))
    )


def _resolutions(mentions: pl.DataFrame, matches: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per mention in RESOLVED_SCHEMA. Several matches, or inactive ones, are named in `problem`."""
    is_inactive, is_single = pl.col("resolved_by") == OR_NEW_PLAYER, pl.col("len") == 1
    or_new_player = pl.format("{}, {}", "people", "resolved_by")
    candidates = (
        matches.filter((pl.col("player_id").list.len() > 1) | is_inactive)
        .explode("player_id")
        .join(names, on="player_id", how="left")
        .group_by("game_id", "spelling", "resolved_by")
        .agg(pl.coalesce("player_name", pl.col("player_id").cast(pl.String)).sort().str.join(", ").alias("people"), pl.len())
        .select("game_id", "spelling", pl.when(is_inactive & is_single).then(or_new_player).otherwise("people").alias("people"))
    )
    is_resolved = (pl.col("player_id").list.len() == 1) & (pl.col("player_id").list.first() > 0) & ~is_inactive
    return (
        mentions.join(matches, on=["game_id", "spelling"], how="left", maintain_order="left")
        .join(candidates, on=["game_id", "spelling"], how="left", maintain_order="left")
        .with_columns(
            pl.when(is_resolved).then(pl.col("player_id").list.first()).alias("player_id"),
            pl.when(is_resolved).then("resolved_by").alias("resolved_by"),
            pl.when(is_resolved)
            .then(None)
            .when(pl.col("people").is_not_null())
            .then(pl.format("ambiguous name '{}': {}", "spelling", "people"))
            .otherwise(pl.format("unresolved name '{}'", "spelling"))
            .alias("problem"),
        )
        .select(pl.col(name).cast(dtype) for name, dtype in RESOLVED_SCHEMA.items())
    )
