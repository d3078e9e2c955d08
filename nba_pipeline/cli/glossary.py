"""The words of `docs/glossary.md`, for `nba-pipeline help`. A test compares both."""

from collections.abc import Mapping

GLOSSARY: Mapping[str, str] = {
    "slate": "The games of one US Eastern date.",
    "tip-off": "The start of a game. Features and live predictions use only what was known before it.",
    "line": (
        "The number of points that a sportsbook offers for a player, over or under. The market line of a player is the "
        "line that `formulas/market_line.py` chooses among the books."
    ),
    "edge": "Predicted value minus line. A recommendation is OVER, UNDER, PASS (the edge is too small) or NO_LINE.",
    "market": (
        "The statistic that a line is about, in the odds provider's terms, such as `player_points`. Values are in the "
        "unit of the market."
    ),
    "system": "One way to predict, such as `moving_average` or `ensemble`. Each is a module in `nba_pipeline/systems/`.",
    "price-adjusted line": (
        "The line at which the over would have a probability of 50 %, derived from the line and the prices of both sides."
        " It is a mean over the distinct feeds. `formulas/adjusted_line.py` has the formula."
    ),
    "no-vig probability": (
        "The probability of the over that the prices of both sides imply, without the book's margin. "
        "`market_over_probability` is its mean over the distinct feeds at the line."
    ),
    "blended probability": (
        "The probability of a distribution around a weighted mean: 0.2 of the forecast and 0.8 of the price-adjusted "
        "line, so it contains the market. It is published in `over_probability` while its log loss over the last graded "
        "rows is not above the market's."
    ),
    "price edge": (
        "The probability of a side according to the other feeds, minus the one that the best price implies. It says "
        "nothing about the forecast. The model edge is `edge`, in points."
    ),
    "live": (
        "The `run_kind` of a prediction. A live prediction was made before the game started. A backtest was made "
        "afterwards, from data and a model of before the game."
    ),
    "backtest": (
        "The `run_kind` of a prediction. A live prediction was made before the game started. A backtest was made "
        "afterwards, from data and a model of before the game."
    ),
    "snapshot": (
        "The statement of a source at one instant, such as the lines of a book. Later snapshots do not replace earlier ones."
    ),
    "grain": "The entity that one row of a table represents.",
    "quality score": (
        "The share of required features that are known for a player, from 0 to 100. Tiers: gold from 95, silver from 85, "
        "bronze from 70, poor from 50, critical below."
    ),
    "moving_average": (
        "The baseline: a weighted mean of the last 5 games, the last 10 and the season, with small corrections for rest, "
        "matchup, pace, usage and venue."
    ),
    "zone_matchup": "The season's and recent means, moved by the opponent's defense in the shot zones that the player uses.",
    "similarity": (
        "The mean of the player's own games that resemble the next one in opponent, rest, venue and form. It needs enough"
        " such games, so it is absent in the first weeks of a history."
    ),
    "catboost": "Gradient boosted trees on the median, trained weekly. The player's own line is no input.",
    "linear_median": "A linear model of the median, trained weekly by least absolute deviations.",
    "xgboost": "Gradient boosted trees on the median, trained weekly.",
    "ensemble": "The equal mean of `linear_median` and `xgboost`, and the main forecast without the line as an input.",
    "market_blend": (
        "0.2 of `ensemble` and 0.8 of the price-adjusted line. It has no row for a player without a line, and it is no "
        "basis for a bet, because it contains the line."
    ),
    "consensus": "The median line of the distinct feeds for a player. The gap to the consensus compares errors on the same rows.",
    "closing-line value": (
        "How far the line moved toward a bet between the offer and the closing line, the last one before tip-off. It "
        "needs both captures, so it is empty where lines were captured once."
    ),
    "home": "The folder of `NBA_PIPELINE_HOME`. It holds the warehouse, the landing, the models and Dagster's instance.",
    "warehouse": "Where the tables are stored: Parquet files in the home, or BigQuery.",
    "landing": (
        "Where every provider response that was used is stored, byte for byte and immutable, with one journal of requests"
        " per run."
    ),
    "payload": "One stored response in the landing. Its path without `.gz` is the `source` of the rows that were parsed from it.",
    "archive": "A folder of Parquet files with past seasons. It replaces the providers for the dates that it holds.",
    "ledger": (
        "A table whose rows are only added and cannot be rebuilt: `predictions`, `grades`, `waivers`, `not_played_games`, "
        "`quarantine_resolutions`, `alerts` and the tables of its changes and deliveries. A change is a new version of a row."
    ),
    "manifest": "A file beside a ledger date with the key and SHA-256 of every row, recorded when the row was written.",
    "quarantine": (
        "The store of rows that break a rule of their table, each with its problem. Such a row is not in the table, and "
        "its facts are unknown."
    ),
    "case": (
        "The quarantined rows of one date with the same table and problem. A person can accept it in the ledger "
        "`quarantine_resolutions`."
    ),
    "code version": "The version of the code that produced a row. Rows of any other version than the current one are stale.",
    "final game": "A game that the schedule calls final, with both scores.",
    "complete game": (
        "A final game whose box score is plausible: both teams have players, their points sum to the score, and their "
        "minutes sum to the length of the game. Every other final game is incomplete."
    ),
    "coverage": "Complete games divided by final games of a date.",
    "gate": (
        "A condition that must hold before data is used downstream. A gate is open or closed. A gate that cannot be "
        "evaluated is closed. The same function is evaluated in the check, in automation and inside the asset."
    ),
    "waiver": "A recorded decision to open a closed gate for the complete games of a date, with author, reason and end.",
    "blocking check": "A check whose failure stops the downstream assets of the same date. Other checks report.",
    "deadline": "Noon of the next day. At the deadline a date whose gate is closed gets a waiver for its complete games.",
    "mode": "A set of tables that is due for a slate at certain hours: `overnight`, `same_day` or `tomorrow`.",
    "capture": "One fetch of lines and injury reports before a tip-off.",
    "reconciliation": "Finding and running all work that is due and not done.",
    "repair": "Running exactly the tables of a date that lack rows, and comparing the date again.",
    "link": "One step of the chain from provider to grade that `nba-pipeline explain` shows. The first broken link is the cause, or names the date that has it.",
    "phase": "One step of a date, such as box scores or features. `nba-pipeline reconcile --date D` compares each with the one before.",
    "audit trail": "The decisions and manual runs of people, with instant, author and reason.",
    "recheck": "Fetching the final games of a date again, and applying a correction downstream.",
    "replay": "Repeating a run from the landing as of its own instant. Rebuild repeats every run in this way.",
    "circuit breaker": "A mechanism that pauses requests to a provider or for a game after repeated failures.",
}
"""Word -> its meaning."""
