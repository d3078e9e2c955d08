"""Picks of a date: which candidates each subset selects, and the rules that each other candidate fails.

A rule is a condition in SQL over the columns of a candidate. A condition that is null is not met.
"""

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from nba_pipeline.formulas.calibration import without_push

TEAM_LIMIT, DAY_LIMIT = "team_limit", "day_limit"
SUBSET, FAILED, IS_PICK, RANK, RANK_VALUE = "subset", "failed_rules", "is_pick", "rank", "rank_value"
CANDIDATE = ("game_id", "player_id", "market")

FORBIDDING = (
    "no_line",
    "missing_required_feature",
    "low_edge",
    "low_probability",
    "not_quality_ready",
    "bootstrap",
    "few_minutes",
    "out_or_doubtful",
    "injury_status_unknown",
    "short_history",
    "stale_model",
    "contains_the_line",
)
"""The entries of `reasons` in `predictions` that forbid a bet. Each of them is a rule of every subset.

The reasons GOVERNED of `formulas.recommendation` are excluded. A halt or decay state may have ended since the prediction, so
`picks` evaluates both at its own instant.
"""


def conditions(rules: Mapping[str, str]) -> dict[str, pl.Expr]:
    """Returns rule -> whether a candidate meets it. Raises polars' exceptions for a condition that is not SQL."""
    return {name: pl.sql_expr(text).fill_null(value=False) for name, text in rules.items()}


def failed_rules(rules: Mapping[str, pl.Expr], reasons: str = "reasons") -> pl.Expr:
    """Returns the names of the rules that a candidate fails: reasons against a bet first, then the others."""
    against = pl.col(reasons).list.set_intersection(list(FORBIDDING)).list.sort()
    failed = [pl.when(~meets).then(pl.lit(name)) for name, meets in rules.items()]
    return pl.concat_list(against, *failed).list.drop_nulls().list.unique(maintain_order=True)


def rank_value() -> pl.Expr:
    """The value that ranks a candidate: published probability of its side minus the market's, or without one the price edge.

    A fraction; null without either.
    """
    is_over = pl.col("recommendation") == "OVER"
    side = pl.when(is_over).then("blended_over_probability").otherwise("blended_under_probability")
    market = pl.when(is_over).then(pl.col("market_over_probability")).otherwise(1 - pl.col("market_over_probability"))
    lead = without_push(side, pl.col("blended_push_probability")) - market
    return pl.coalesce(pl.when(pl.col("over_probability").is_not_null()).then(lead), "price_edge")


def select_picks(
    candidates: pl.DataFrame, rules: Mapping[str, pl.Expr], locked: pl.DataFrame, *, per_team: int, per_day: int
) -> pl.DataFrame:
    """Returns the candidates of one date and subset with `rank_value`, `failed_rules`, `is_pick` and `rank`.

    The candidates that fail no rule are ranked by their value, the highest first, and those without a value last. A
    candidate beyond the limit of its team or date fails the rule `team_limit` or `day_limit`.

    Args:
        candidates: One row per candidate, with the columns that the rules read.
        rules: Rule -> whether a candidate meets it.
        locked: The picks of the date and subset that are published already: CANDIDATE and team. They are not returned, and
            count towards the limits.
        per_team: Maximum number of picks of a team.
        per_day: Maximum number of picks of a date.
    """
    ranked = (
        candidates.join(locked, on=CANDIDATE, how="anti")
        .with_columns(rank_value().alias(RANK_VALUE), failed_rules(rules).alias(FAILED))
        .sort([RANK_VALUE, pl.col("edge").abs(), "player_id"], descending=[True, True, False], nulls_last=True)
    )
    limited = _limited(ranked, Counter(locked["team"].to_list()), locked.height, per_team, per_day)
    is_pick = pl.Series(IS_PICK, [not names for names in limited], dtype=pl.Boolean)
    return ranked.with_columns(pl.Series(FAILED, limited, dtype=pl.List(pl.String)), is_pick).with_columns(
        pl.when(IS_PICK).then(pl.col(IS_PICK).cum_sum().cast(pl.Int64) + locked.height).alias(RANK)
    )


def _limited(ranked: pl.DataFrame, of_team: Counter[str], number: int, per_team: int, per_day: int) -> list[list[str]]:
    """Returns the failed rules of each candidate, with the limits."""
    limited: list[list[str]] = []
    for team, failed in ranked.select("team", FAILED).iter_rows():
        if failed:
            limited.append(list(failed))
        elif number >= per_day:
            limited.append([DAY_LIMIT])
        elif of_team[team] >= per_team:
            limited.append([TEAM_LIMIT])
        else:
            limited.append([])
            number, of_team[team] = number + 1, of_team[team] + 1
    return limited


def slate_problems(predictions: pl.DataFrame, *, largest_share: float, least_rows: int, largest_mean_edge: float) -> list[str]:
    """Returns why the predictions of a slate are implausible as a whole; empty if they are plausible.

    Args:
        predictions: The latest predictions of one system and date that have a line.
        largest_share: Share of one direction above which a slate is implausible, 0-1.
        least_rows: Recommendations below which directions and probabilities are not judged.
        largest_mean_edge: Limit of the mean edge in either direction, in points.
    """
    problems = list[str]()
    bets = predictions.filter(pl.col("recommendation").is_in(["OVER", "UNDER"]))
    share = bets.select((pl.col("recommendation") == "OVER").mean()).item()
    if bets.height >= least_rows and not 1 - largest_share <= share <= largest_share:
        problems.append(f"{share:.0%} of {bets.height} recommendations are OVER")
    probabilities = predictions["over_probability"].drop_nulls()
    if len(probabilities) >= least_rows and probabilities.n_unique() == 1:
        problems.append(f"all {len(probabilities)} probabilities are {probabilities[0]}")
    mean_edge = predictions["edge"].mean()
    if isinstance(mean_edge, float) and predictions.height >= least_rows and abs(mean_edge) > largest_mean_edge:
        problems.append(f"the mean edge is {mean_edge:+.2f} points, beyond {largest_mean_edge:g}")
    return problems


def counterfactuals(trial_rules: Sequence[str]) -> pl.Expr:
    """Returns the subsets whose record a candidate belongs to.

    Its subset, if it is a pick; "<subset> without <rule>", if that rule alone removed it; and "<subset> against <rule>", if
    it is a pick that a rule on trial would have removed.
    """
    alone = pl.when(pl.col(FAILED).list.len() == 1).then(pl.format("{} without {}", SUBSET, pl.col(FAILED).list.first()))
    against = [
        pl.when(IS_PICK, pl.col("failed_trial_rules").list.contains(name)).then(pl.format("{} against {}", SUBSET, pl.lit(name)))
        for name in trial_rules
    ]
    return pl.concat_list(pl.when(IS_PICK).then(SUBSET), alone, *against).list.drop_nulls()
