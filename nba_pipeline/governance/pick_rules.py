"""The rules of picks: those of the settings, and those that hold for a whole slate."""

from collections.abc import Mapping, Sequence

import polars as pl

from nba_pipeline.errors import BadInput, did_you_mean
from nba_pipeline.formulas.decay import WATCH, WITHOUT_PICKS, Decay
from nba_pipeline.formulas.picks import conditions
from nba_pipeline.governance.halts import Halt
from nba_pipeline.settings import SETTINGS

Conditions = dict[str, pl.Expr]
"""Rule -> whether a candidate meets it."""


def pick_rules(candidates: pl.DataFrame) -> tuple[dict[str, Conditions], Conditions]:
    """Returns the rules of each subset, with the enabled trial rules, and every trial rule.

    Raises BadInput for a rule that is not SQL, reads a column that candidates do not have, or reads none.
    """
    settings = SETTINGS.picks
    if unknown := set(settings.enabled_trial_rules) - settings.trial_rules.keys():
        raise BadInput(f"setting picks.enabled_trial_rules names {min(unknown)}, which is not in picks.trial_rules")
    trial = _compiled("picks.trial_rules", settings.trial_rules, candidates)
    enabled = {name: trial[name] for name in settings.enabled_trial_rules}
    of_subsets = {
        subset: _compiled(f"picks.subsets.{subset}", rules, candidates) | enabled for subset, rules in settings.subsets.items()
    }
    return of_subsets, trial


def _compiled(setting: str, rules: Mapping[str, str], candidates: pl.DataFrame) -> Conditions:
    """Returns the conditions of a setting. Raises BadInput like `pick_rules`, with the setting and the rule."""
    compiled = Conditions()
    for name, text in rules.items():
        try:
            compiled |= conditions({name: text})
            _refuse_columns(f"setting {setting}: rule {name}", text, compiled[name].meta.root_names(), candidates.columns)
            is_met = candidates.clear().select(compiled[name]).to_series()
        except pl.exceptions.PolarsError as error:
            raise BadInput(f"setting {setting}: rule {name} is not a condition: {str(error).splitlines()[0]}") from None
        if is_met.dtype != pl.Boolean:
            raise BadInput(f"setting {setting}: rule {name} is not a condition but of type {is_met.dtype}: {text}")
    return compiled


def _refuse_columns(rule: str, text: str, reads: Sequence[str], known: Sequence[str]) -> None:
    """Raises BadInput for a rule that reads an unknown column, or no column, so that every candidate meets it or none does."""
    if not reads:
        raise BadInput(f"{rule} reads no column, so that it selects everything or nothing: {text}")
    for name in sorted(set(reads) - set(known)):
        raise BadInput(f"{rule} reads a column that candidates do not have: {name}; {did_you_mean(name, known)}it is {text!r}")


def slate_rules(halt: Halt, decay: Decay, problems: Sequence[str]) -> Conditions:
    """Returns the rules of live candidates that hold for the whole slate."""
    settings = SETTINGS
    in_watch = settings.predicting.actionable_edge + settings.governance.watch_edge  # points
    units = {market: settings.predicting.edge_of_a_point(market) for market in settings.lines.markets}
    edge_in_points = pl.col("edge").abs() / pl.col("market").replace_strict(units, default=1.0, return_dtype=pl.Float64)
    return {
        "halted": pl.lit(not halt.is_halted),
        "model_state": pl.lit(decay.state not in WITHOUT_PICKS),
        "watch_edge": pl.lit(decay.state != WATCH) | (edge_in_points >= in_watch),
        "slate_sanity": pl.lit(not problems),
    }
