"""The meaning of every role, decay state, pick rule and halt reason, and what to do about it."""

from collections.abc import Mapping

from nba_pipeline.cli.terms import REASONS, Term

SYSTEMS_LIST = "`nba-pipeline systems list` shows roles, decay states, every decision and the halt."

ROLES: Mapping[str, Term] = {
    "candidate": Term("A system without predictions.", "It is in shadow from its first prediction on."),
    "shadow": Term(
        "The system's predictions are stored and graded, and never published.",
        "`nba-pipeline systems promote` makes it the champion.",
    ),
    "champion": Term("The only system whose predictions may be picks.", SYSTEMS_LIST),
    "retired": Term("The system keeps its predictions and can never become the champion.", SYSTEMS_LIST),
}

DECAY_STATES: Mapping[str, Term] = {
    "HEALTHY": Term(
        "The mean error of the system is at most {governance.decay_gap:g} points above the line's, over 30 days of live predictions."
    ),
    "WATCH": Term(
        "The gap to the line is above {governance.decay_gap:g} points. Bets need an edge that is larger by {governance.watch_edge:.1f} points.",
        SYSTEMS_LIST,
    ),
    "DEGRADING": Term(
        "The system has been in WATCH for {governance.watch_days} days. It has no bets; its role stays until a promotion.",
        "Find the cause, or promote another system: `nba-pipeline systems promote`.",
    ),
    "BLOCKED": Term(
        "The 95 % interval of the gap to the line lies above {governance.decay_gap:g} points. The system has no bets and should be trained again.",
        "`nba-pipeline reconcile` trains the model of the week; `nba-pipeline systems promote` makes another system the champion.",
    ),
}

HALTS: Mapping[str, Term] = {
    "off_season": Term("No games within {halts.off_season_days} days.", "Nothing to do. The halt ends with the first games."),
    "between_rounds": Term(
        "No games within {halts.between_rounds_days} days.", "Nothing to do. The halt ends with the next games."
    ),
    "manual": Term(
        "An operator halted the picks. The check a_manual_halt_is_confirmed warns after {halts.unconfirmed_hours:g} hours without a confirmation.",
        "`nba-pipeline resume` ends the halt; a further `nba-pipeline halt` confirms it.",
    ),
    "fleet_blocked": Term(
        "The champion is BLOCKED and no other system is HEALTHY.",
        "`nba-pipeline reconcile` trains the models of the week. Promote a system that is HEALTHY.",
    ),
    "edge_collapse": Term(
        "Over {halts.collapse_days} days, the champion is worse than the line, or its probabilities are worse than the market's.",
        SYSTEMS_LIST,
    ),
    "predictions_inactive": Term(
        "{halts.inactive_days} days with games have no live predictions.",
        "`nba-pipeline status` names the cause; `nba-pipeline reconcile` runs what is due.",
    ),
    "unknown": Term(
        "The state of the picks cannot be derived, for example because a ledger is unreadable.",
        "The run's log names the cause. `nba-pipeline audit ledgers` checks the ledgers.",
    ),
}
"""Reason of a halt of the picks -> its meaning."""

PICK_RULES: Mapping[str, Term] = {
    **{name: REASONS[name] for name in ("halted", "model_state", "watch_edge")},
    "slate_sanity": Term(
        "The predictions of the slate are implausible as a whole: see `picks` in the settings.", "The run's log names why."
    ),
    "team_limit": Term("The team has its maximum number of picks on the date: see `per_team` in the settings."),
    "day_limit": Term("The subset has its maximum number of picks on the date: see `per_day` in the settings."),
    "price": Term("No sportsbook shows a price of the recommended side at the line."),
    "price_edge": Term("The best price is not better than the other feeds say."),
    "fresh_line": Term("The lines of the game were last captured too long ago: see `subsets` in the settings."),
    "under": Term("The recommendation is not UNDER."),
    "over_extra_edge": Term("On trial: an OVER needs a larger edge: see `trial_rules` in the settings."),
    "star_under": Term("On trial: no UNDER on a player with many points a game: see `trial_rules` in the settings."),
    "hot_streak_under": Term(
        "On trial: no UNDER on a player whose last games are far above his season: see `trial_rules` in the settings."
    ),
}
"""Rule in `failed_rules` or `failed_trial_rules` of a candidate -> its meaning. The reasons against a bet are also rules."""
