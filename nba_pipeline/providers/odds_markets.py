"""Declaration of The Odds API's markets as used or ignored. Any other market is a problem.

Market keys: https://the-odds-api.com/sports-odds-data/betting-markets.html.
"""

import re

SPREADS, TOTALS = "spreads", "totals"

USED, IGNORED = "used", "ignored"
PLAYER, GAME = "player", "game"

STATISTICS = (
    "points",
    "rebounds",
    "assists",
    "threes",
    "blocks",
    "steals",
    "turnovers",
    "blocks_steals",
    "points_rebounds_assists",
    "points_rebounds",
    "points_assists",
    "rebounds_assists",
    "field_goals",
    "frees_made",
    "frees_attempts",
)
"""Statistics of the player over/under markets."""

PLAYER_MARKETS = re.compile(rf"player_({'|'.join(STATISTICS)})(_q1|_alternate)?")
"""Over/under markets. Each outcome has a player, a side, a price and a line."""

PLAYER_MARKETS_WITHOUT_A_LINE = frozenset(
    f"player_{what}" for what in ("double_double", "triple_double", "first_basket", "first_team_basket", "method_of_first_basket")
)
"""Yes/no and multiple-choice markets. Their outcomes have no line that a forecast could be compared with."""

OTHER_GAME_MARKETS = re.compile(
    r"(h2h|h2h_lay|h2h_3_way|outrights|draw_no_bet|spreads|totals|alternate_spreads|alternate_totals|team_totals|alternate_team_totals)"
    r"(_q[1-4]|_h[12])?"
)
"""Game markets that are not requested, and the markets of a quarter or half."""


def declared(market: str) -> tuple[str, str] | None:
    """Returns (player or game, used or ignored) of a market, or None if it is not declared.

    >>> declared("player_points"), declared("player_double_double"), declared("totals"), declared("totals_h1")
    (('player', 'used'), ('player', 'ignored'), ('game', 'used'), ('game', 'ignored'))
    """
    if PLAYER_MARKETS.fullmatch(market):
        return PLAYER, USED
    if market in PLAYER_MARKETS_WITHOUT_A_LINE:
        return PLAYER, IGNORED
    if market in (SPREADS, TOTALS):
        return GAME, USED
    return (GAME, IGNORED) if OTHER_GAME_MARKETS.fullmatch(market) else None
