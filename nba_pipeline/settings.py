"""Settings of the platform: thresholds, windows, rates, books. One typed model; each number has a unit."""

import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, ClassVar, Literal, Protocol, cast

from pydantic import BaseModel, ConfigDict, Field, field_validator

Share = Annotated[float, Field(ge=0, le=1)]
"""A share of a whole, 0-1."""
Hour = Annotated[int, Field(ge=0, le=23)]
"""An hour of the day."""
AtLeastOne = Annotated[int, Field(ge=1)]
"""A number of at least 1, because 0 would stop the work that it limits."""
Rate = Annotated[float, Field(gt=0)]
"""Requests per second, above 0, because 0 would wait forever."""
PlayerMarket = Literal["player_points", "player_rebounds"]
"""A market of `formulas.markets`."""


class Section(BaseModel):
    """A frozen group of settings. A change of a setting in `affects_data` makes the rows of its readers stale."""

    model_config = ConfigDict(frozen=True)
    affects_data: ClassVar[frozenset[str]] = frozenset()

    @field_validator("*")
    @classmethod
    def _refuse_impossible_numbers(cls, value: Any) -> Any:
        if any(not math.isfinite(number) for number in _numbers(value)):
            raise ValueError("must be finite")
        if any(number < 0 for number in _numbers(value)):
            raise ValueError("must not be negative")
        return value


def _numbers(value: Any) -> Iterator[float]:
    """Yields the numbers in a value and its items."""
    if isinstance(value, int | float):
        yield value
    elif isinstance(value, Mapping):
        yield from (number for item in value.values() for number in _numbers(item))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield from (number for item in value for number in _numbers(item))


class Http(Section):
    """HTTP requests to providers."""

    connect_timeout_seconds: float = Field(5.0, description="time-out of a connection")
    read_timeout_seconds: float = Field(30.0, description="time-out of each read of a response")
    read_timeout_seconds_of: dict[str, float] = Field({"nba_stats": 60.0}, description="slower provider -> its read timeout")
    attempts: AtLeastOne = Field(5, description="attempts per request on transient failures, including the first")
    attempts_of: dict[str, AtLeastOne] = Field(
        {"nba_stats": 2}, description="provider that is only a second source -> its attempts per request"
    )
    first_wait_seconds: float = Field(
        0.5, description="wait after the first failed attempt of a request; doubled with each further one"
    )
    longest_wait_seconds: float = Field(20.0, description="maximum wait between two attempts of a request")
    longest_retry_after_seconds: float = Field(120.0, description="a longer Retry-After ends the request")
    concurrent_requests: AtLeastOne = Field(6, description="box scores and odds of a date fetched at the same time")
    requests_per_second: dict[str, Rate] = Field(
        {"nba_cdn": 10.0, "balldontlie": 1.0, "odds_api": 10.0, "injury_report": 4.0, "espn": 5.0, "nba_stats": 1.0},
        description="provider -> maximum request rate",
    )
    loopback_requests_per_second: Rate = Field(500.0, description="rate when the provider is on this machine")


class Payloads(Section):
    """Limits for reading a provider's response, fresh or landed. Errors name the response and its size."""

    most_mib: float = Field(
        8.0, description="largest response, compressed and decompressed; parsed JSON takes up to 24 times as much memory"
    )
    most_mib_of: dict[str, float] = Field(
        {"nba_cdn schedule": 24.0}, description="provider and endpoint -> largest response; the schedule of a season has 9 MiB"
    )
    most_mib_of_extension: dict[str, float] = Field(
        {"pdf": 4.0, "parquet": 512.0},
        description="file extension -> largest file; a report has 0.1 MiB, the archive's largest file 3 MiB",
    )
    deepest: int = Field(50, description="maximum depth of a JSON document; real ones have up to 8 levels")
    longest_answer_seconds: float = Field(120.0, description="maximum duration from the first to the last byte of a response")
    most_list_pages: int = Field(20, description="maximum pages of a list with a cursor; a date has 1")
    pdf_pages: int = Field(40, description="maximum pages of a report; real ones have up to 12")
    pdf_cpu_seconds: int = Field(10, description="maximum CPU time for parsing a report; a real one takes 0.2 s")
    pdf_seconds: float = Field(60.0, description="maximum elapsed time for parsing a report, on a busy machine")
    pdf_memory_mib: int = Field(1024, description="maximum address space of the process that parses a report")


class Breakers(Section):
    """Limits at which requests to a provider or an entity are paused, across runs, based on the landing's journal."""

    provider_failures: int = Field(5, description="consecutive requests that failed after their last attempt")
    provider_too_many: int = Field(10, description="consecutive responses with status 429, counting each attempt")
    provider_refusals: dict[str, int] = Field(
        {"injury_report": 40, "odds_api": 5, "espn": 5, "balldontlie": 5, "nba_stats": 5},
        description="provider -> consecutive responses with status 403. A search for an injury report has up to 20. nba_cdn "
        "returns 403 for each unpublished game file",
    )
    provider_open_seconds: float = Field(300.0, description="time since the last failure after which trial requests are sent")
    provider_trials: AtLeastOne = Field(3, description="concurrent trial requests until one succeeds")
    entity_failures: int = Field(
        5, description="consecutive failures or rejections of an entity while the endpoint responds for other entities"
    )
    entity_open_hours: float = Field(
        24.0,
        description="time after the last failure until an entity is requested again; earlier if another endpoint lands a payload of it",
    )
    remembered_hours: float = Field(
        36.0, description="maximum age of the journals that are read; covers the pause of an entity and the failures before it"
    )


class Coverage(Section):
    """Thresholds of the gates at each boundary; shares are 0-1."""

    affects_data: ClassVar[frozenset[str]] = frozenset({"enough", "recent_team_games", "recent_slates", "players_per_team"})
    enough: Share = Field(0.80, description="share of complete games below which the gate of a date is closed")
    ready_proceed: Share = Field(0.80, description="share of expected players with ready features below which a check warns")
    ready_block: Share = Field(
        0.60, description="share of expected players with ready features below which the slate has no predictions"
    )
    no_line_warn: Share = Field(0.40, description="share of a slate's predictions without a line from which a check warns")
    deadline_hour_eastern: Hour = Field(
        12, description="hour of the next day at which a waiver opens the gate for the complete games"
    )
    recent_team_games: int = Field(3, description="number of a team's last games that must have complete box scores")
    recent_slates: int = Field(3, description="number of last slates whose final games must be covered")
    players_per_team: int = Field(5, description="minimum number of players who played")
    shrink_floor: Share = Field(0.80, description="minimum share of the replaced rows that a replacement must have")


class Usual(Section):
    """Tables and books that a slate is expected to have, based on earlier slates."""

    slates: int = Field(5, description="number of earlier slates to compare with")
    days: int = Field(14, description="maximum age of these slates in days")
    share: Share = Field(0.5, description="share of these slates, 0-1, from which a table or book is expected")


class Corrections(Section):
    """When a final game is fetched again."""

    reread_after_hours: float = Field(4.0, description="time after the game was first seen final")
    reread_at_hour_eastern: Hour = Field(6, description="hour of the next day")
    reread_noon_days: tuple[int, ...] = Field((1, 2, 4, 8), description="days after the game date, at noon Eastern")
    window_days: int = Field(10, description="days after the game date during which games are fetched again automatically")
    contradiction_first_hours: float = Field(
        1.0, description="wait after the first re-read of contradicting sources; doubled with each re-read"
    )
    contradiction_days: int = Field(
        7, description="days after the game date during which contradicting sources are fetched again"
    )


class Expected(Section):
    """Players who are expected to play."""

    affects_data: ClassVar[frozenset[str]] = frozenset(
        {"roster_days", "team_games", "days", "carried_over_days", "carried_over_games"}
    )
    roster_days: int = Field(7, description="days for which a roster is valid")
    team_games: int = Field(10, description="without a roster: number of the team's last games whose players are expected")
    days: int = Field(21, description="without a roster: maximum age of these games in days")
    carried_over_days: int = Field(300, description="without a roster: maximum age in days of a last game in the previous season")
    carried_over_games: int = Field(5, description="games of the current season from which a team has no carried-over players")


class Lines(Section):
    """The market line."""

    affects_data: ClassVar[frozenset[str]] = frozenset(
        {
            "market",
            "markets",
            "game_markets",
            "book_precedence",
            "books_of_one_feed",
            "pickem_books",
            "placeholder",
            "lowest",
            "lowest_of",
            "late_hours",
        }
    )
    market: str = Field("player_points", description="market of the features about the line")
    markets: tuple[PlayerMarket, ...] = Field(
        ("player_points",), description="markets that are requested, predicted and graded; `player_points` is the first"
    )
    game_markets: tuple[str, ...] = Field(("spreads", "totals"), description="markets requested together with `market`")
    book_precedence: tuple[str, ...] = Field(
        ("draftkings", "fanduel"), description="books whose line is used first, in this order"
    )
    books_of_one_feed: dict[str, str] = Field(
        {"unibet_us": "betrivers"}, description="book that copies a feed -> the book it copies"
    )
    pickem_books: tuple[str, ...] = Field(
        ("prizepicks", "underdog"), description="pick'em books; their lines have no price of each side"
    )
    regions: str = Field("us", description="regions of the requested books, in the odds provider's spelling")
    placeholder: float = Field(20.0, description="points; lines of `market` with this value mean that there is no line")
    lowest: float = Field(5.0, description="points; lines of `market` below this are ignored")
    lowest_of: dict[str, float] = Field(
        {"player_rebounds": 0.5}, description="other market -> lines below this are ignored, in its unit"
    )
    late_hours: float = Field(6.0, description="hours before tip-off from which a movement of a line counts as late")
    material_move: float = Field(1.0, description="points; smallest movement of a line that causes a new version of a prediction")
    closing_minutes: float = Field(
        20.0, description="maximum time between a game's last capture and its tip-off; beyond it, the closing lines are missed"
    )
    historical_minutes_before_tipoff: int = Field(15, description="time before tip-off of the requested snapshot of a past date")
    capture_from_hours: int = Field(12, description="hours before tip-off from which lines are captured")
    capture_every_hours: AtLeastOne = Field(2, description="hours between two captures")
    capture_minutes_before_tipoff: tuple[int, ...] = Field(
        (90, 45, 15, 5), description="minutes before tip-off of the last captures"
    )

    @field_validator("markets")
    @classmethod
    def _refuse_other_first_markets(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value[:1] != ("player_points",) or len(set(value)) < len(value):
            raise ValueError("must begin with player_points and name each market once")
        return value

    def of(self, market: str) -> dict[str, Any]:
        """The arguments that differ between markets: name, placeholder (null without one) and lowest line."""
        if market == self.market:
            return {"market": market, "placeholder": self.placeholder, "lowest": self.lowest}
        return {"market": market, "placeholder": None, "lowest": self.lowest_of.get(market, 0.0)}

    def lower_bound(self, markets: tuple[str, ...]) -> float:
        """The lower bound of a stored line of these markets. At most 5: a raised setting leaves lines below it stored."""
        return min(5, *(float(self.of(market)["lowest"]) for market in markets))

    @property
    def cascade(self) -> dict[str, Any]:
        """The arguments of `formulas.market_line.market_lines` for `market`."""
        return self.cascade_of(self.market)

    def cascade_of(self, market: str) -> dict[str, Any]:
        """The arguments of `formulas.market_line.market_lines`, which selects the market line of features and bets."""
        return self.model_dump(include={"book_precedence", "books_of_one_feed", "pickem_books", "late_hours"}) | self.of(market)

    @property
    def closing(self) -> dict[str, Any]:
        """The arguments of `formulas.closing_lines.closing_lines` for `market`."""
        return self.closing_of(self.market)

    def closing_of(self, market: str) -> dict[str, Any]:
        """The arguments of `formulas.closing_lines.closing_lines`."""
        of_market = {name: value for name, value in self.of(market).items() if name != "lowest"}
        minutes = {"closing_minutes": self.closing_minutes, "historical_minutes": self.historical_minutes_before_tipoff}
        return of_market | minutes

    def adjusting_of(self, market: str) -> dict[str, Any]:
        """The arguments of `formulas.latest_offers.latest_offers`."""
        return self.model_dump(include={"books_of_one_feed", "pickem_books"}) | self.of(market)

    @property
    def game_cascade(self) -> dict[str, Any]:
        """The arguments of `formulas.game_line.game_lines_of`, which selects the market's total and spread."""
        return self.model_dump(include={"book_precedence", "books_of_one_feed"})


class PlausibleGames(Section):
    """Ranges of real games. A complete box score outside of them is quarantined, and the next source is used."""

    affects_data: ClassVar[frozenset[str]] = frozenset({"ranges", "never_zero"})
    ranges: dict[str, tuple[int, int]] = Field(
        {
            "points": (33, 220), "fgm": (11, 82), "fga": (32, 152), "fg3m": (0, 37), "fg3a": (6, 79), "ftm": (0, 55),
            "fta": (0, 67), "oreb": (0, 37), "dreb": (8, 75), "rebounds": (11, 93), "assists": (4, 63), "steals": (0, 28),
            "blocks": (0, 24), "turnovers": (0, 39), "fouls": (2, 44),
        },
        description="statistic -> minimum and maximum of a team: half of the minimum and 5/4 of the maximum of the 10,514 team-games of 2021-22 "
        "to 2024-25, which are points 67-176, fgm 22-65, fga 64-121, fg3m 2-29, fg3a 12-63, ftm 0-44, fta 0-53, oreb 0-29, dreb 16-60, "
        "rebounds 23-74, assists 8-50, steals 0-22, blocks 0-19, turnovers 1-31, fouls 4-35; threes from 0, as in other seasons",
    )  # fmt: skip
    never_zero: tuple[str, ...] = Field(
        ("fg3m", "oreb", "steals", "turnovers"),
        description="statistics with a sum above 0 over both teams; the minima of 5,257 games are 10, 2, 3 and 10",
    )

    @field_validator("ranges")
    @classmethod
    def _refuse_empty_ranges(cls, value: dict[str, tuple[int, int]]) -> dict[str, tuple[int, int]]:
        for statistic, (low, high) in value.items():
            if low > high:
                raise ValueError(f"the minimum of {statistic}, {low}, must not be above the maximum, {high}")
        return value


class TeamHeaves(Section):
    """Missed heaves. They count for the team and not for a player, so a team's attempts may exceed the sum of its players'."""

    affects_data: ClassVar[frozenset[str]] = frozenset({"first_season", "most"})
    first_season: str = Field(
        "2025-26",
        description="first season with them; in the 9,840 team-games before it, a team's attempts equal the sum of its players'",
    )
    most: int = Field(3, description="maximum per team and game: the rule covers the last seconds of the first three quarters")


class Slates(Section):
    """Checks of the features of a slate."""

    least_rows: int = Field(50, description="number of players with values below which a slate is not judged")
    full_slate_rows: int = Field(
        150, description="number of players with values from which the full number of distinct values is required"
    )
    never_constant: tuple[str, ...] = Field(
        (
            "points_mean_last_5_games", "points_mean_last_10_games", "points_mean_season",
            "points_standard_deviation_last_10_games", "minutes_mean_last_10_games", "points_per_minute_last_10_games",
            "free_throw_point_pct_last_10_games", "opponent_defensive_rating_last_15_games", "opponent_pace_last_15_games",
            "team_pace_last_10_games", "team_offensive_rating_last_10_games", "team_win_pct_season",
        ),
        description="features that must vary. Features of the calendar or of injuries may be constant",
    )  # fmt: skip
    usual_variation: dict[str, tuple[float, int]] = Field(
        {
            "points_mean_last_5_games": (3.0, 20), "points_mean_last_10_games": (3.0, 20), "points_mean_season": (3.0, 20),
            "points_standard_deviation_last_10_games": (1.0, 10), "fatigue_score": (5.0, 10),
            "shot_zone_mismatch_score": (1.0, 10), "opponent_defensive_rating_last_15_games": (1.0, 5),
            "team_offensive_rating_last_10_games": (1.0, 5), "opponent_pace_last_15_games": (0.5, 5),
            "team_pace_last_10_games": (0.5, 5), "team_win_pct_season": (0.05, 5), "line": (2.0, 10),
            "minutes_mean_last_10_games": (5.0, 15), "points_per_minute_last_10_games": (0.1, 10), "game_total": (2.0, 5),
            "absolute_game_spread": (1.0, 5), "implied_team_total": (2.0, 5), "points_mean_last_3_games": (3.0, 15),
            "absent_teammates_usage_pct_sum_season": (0.02, 10), "usage_pct_last_5_games": (0.02, 5), "rest_days": (0.5, 3),
            "minutes_sum_last_7_days": (15.0, 15),
        },
        description="feature -> minimum standard deviation in its unit, minimum distinct values on a full slate",
    )  # fmt: skip
    null_share_days: int = Field(30, description="days before a slate; their null shares are compared with those of the slate")
    least_dates_to_compare: int = Field(14, description="number of earlier dates below which a null share is not compared")
    null_share_rise: Share = Field(0.10, description="increase of a feature's null share over earlier days that is an error")
    come_during_the_day: tuple[str, ...] = Field(
        (
            "injury_risk_level", "usage_spike_score", "star_teammates_out", "absent_teammates_usage_pct_sum_season", "line",
            "opening_line", "line_movement", "line_minus_points_mean_season", "line_minus_previous_closing_line",
            "line_standard_deviation_across_books", "line_movement_direction", "price_skew", "late_line_movements",
            "game_total", "absolute_game_spread", "implied_team_total", "over_pct_last_10_lined_games",
            "over_streak_lined_games", "under_streak_lined_games", "points_minus_closing_line_mean_last_5_lined_games",
        ),
        description="features of reports and lines, which arrive during the day",
    )  # fmt: skip
    depend_on_similar_games: tuple[str, ...] = Field(
        ("points_mean_similar_games", "same_venue_pct_similar_games"),
        description="features that are null unless earlier games resemble the next one, such as after the same rest",
    )
    least_complete_windows: Share = Field(0.90, description="minimum share of players with a window of 10 games without gaps")
    least_known_scores: Share = Field(0.50, description="minimum share of players with a matchup score")
    least_of_quality: Share = Field(0.60, description="share of rows of tier bronze or better below which a check warns")


class Injuries(Section):
    """The official injury report."""

    probes: int = Field(16, description="maximum report names requested, newest first, until one is published")
    read_from_hours: float = Field(
        12.0, description="hours before the first tip-off of a slate from which each report is fetched"
    )
    names_per_look: int = Field(3, description="maximum report names requested per peek, newest first")
    look_again_minutes: float = Field(2.0, description="time between two peeks while no report is published")
    silent_minutes: float = Field(60.0, description="time without a report after which an alert is raised")
    old_after_minutes: float = Field(360.0, description="age of the newest report of an upcoming slate from which a check warns")
    due_hour_eastern: Hour = Field(17, description="hour of the day before from which a slate must have a report")


class Rosters(Section):
    """The teams' rosters."""

    affects_data: ClassVar[frozenset[str]] = frozenset({"fewest_players", "most_players"})
    reread_after_hours: float = Field(6.0, description="minimum age of a roster before it is fetched again")
    fewest_players: int = Field(12, description="number of players of a roster below which a check warns")
    most_players: int = Field(21, description="number of players of a roster above which a check warns")


class Names(Section):
    """Resolution of player names."""

    affects_data: ClassVar[frozenset[str]] = frozenset({"active_days"})
    active_days: int = Field(300, description="days without a box score or roster after which a player is inactive")
    most_alerts: int = Field(3, description="maximum unresolved names of a date with an alert each; more share one alert")


class Predicting(Section):
    """Recommendation and actionability."""

    affects_data: ClassVar[frozenset[str]] = frozenset(
        {
            "pass_below_edge",
            "actionable_edge",
            "least_probability",
            "least_minutes",
            "least_games",
            "bootstrap_days",
            "largest_points",
            "largest_of",
            "edge_of",
            "quality_floor",
        }
    )
    pass_below_edge: float = Field(1.0, description="points")
    actionable_edge: float = Field(3.0, description="points")
    least_probability: Share = Field(
        0.5338, description="published probability of the recommended side, given no push: 0.01 above break-even at -110"
    )
    least_minutes: float = Field(
        15.0, description="mean minutes of the last 10 games from which a player is eligible without a line"
    )
    rotation_minutes: float = Field(
        15.0, description="mean minutes of the last 10 games from which a teammate's status causes a new version of a prediction"
    )
    least_games: int = Field(5, description="games of the season below which a player has no prediction")
    bootstrap_days: int = Field(14, description="days after a season's first game on which no prediction is actionable")
    largest_points: float = Field(60.0, description="points; maximum forecast")
    largest_of: dict[str, float] = Field(
        {"player_rebounds": 35.0}, description="other market than `player_points` -> largest forecast, in its unit"
    )
    edge_of: dict[str, float] = Field(
        {"player_rebounds": 0.4},
        description="other market -> edge, in its unit, that counts as an edge of one point: the ratio of the standard deviations",
    )

    def edge_of_a_point(self, market: str) -> float:
        """The edge in the market's unit that counts as an edge of one point."""
        return self.edge_of.get(market, 1.0)

    quality_floor: float = Field(70.0, description="quality score, 0 to 100, below which a prediction is not actionable")


class Training(Section):
    """The weekly model."""

    affects_data: ClassVar[frozenset[str]] = frozenset(
        {
            "least_rows",
            "least_days",
            "stale_days",
            "validation_days",
            "iterations",
            "early_stopping_rounds",
            "learning_rate",
            "depth",
            "l2_leaf_reg",
            "seed",
            "threads",
        }
    )
    least_rows: int = Field(2000, description="number of player-games below which no model is trained")
    expected_rows: int = Field(
        3000, description="number of stored player-games from which a model is expected; not each of them can be learned from"
    )
    least_days: int = Field(365, description="days of history below which a model's predictions are not actionable")
    old_days: int = Field(10, description="days since a model's last training row above which the check models_are_recent warns")
    stale_days: int = Field(
        21, description="days since a model's last training row above which its predictions are not actionable"
    )
    validation_days: int = Field(28, description="last days of the training window, used for early stopping")
    iterations: int = Field(1000, description="maximum number of CatBoost's trees")
    early_stopping_rounds: int = Field(
        50, description="CatBoost's trees without a better validation error after which the training stops"
    )
    learning_rate: float = Field(0.05, description="weight of each of CatBoost's trees")
    depth: int = Field(6, description="depth of CatBoost's trees")
    l2_leaf_reg: float = Field(3.0, description="L2 penalty of the leaves of CatBoost's trees")
    seed: int = Field(42, description="seed of the training; equal rows and an equal seed give an equal model")
    threads: int = Field(2, description="number of threads; fixed, so that equal rows give an equal model")
    golden_rows: int = Field(20, description="training rows stored with a model; their forecasts are compared when it is loaded")
    drift_days: int = Field(7, description="days up to a slate whose features are compared with the training rows")
    drift_least_rows: int = Field(500, description="number of player-games of these days below which nothing is compared")
    drift_share: Share = Field(
        0.25,
        description="a check warns if a larger share of a feature's values is unlike the training rows; at most 0.19 in 2022-25",
    )


class Forecasts(Section):
    """The median models on features across seasons, and the blend with the market. Measured on four real seasons."""

    affects_data: ClassVar[frozenset[str]] = frozenset(
        {
            "least_training_minutes", "few_career_games", "linear_rounds", "linear_l2", "linear_least_residual", "linear_clip",
            "tree_rounds", "tree_learning_rate", "tree_leaves", "tree_least_weight", "tree_columns", "tree_subsample", "tree_l2",
            "tree_threads", "blend_weight", "feed_minutes",
        }
    )  # fmt: skip

    least_training_minutes: float = Field(8.0, description="recent minutes a game below which a player-game is not trained on")
    few_career_games: int = Field(10, description="games below which a forecast is flagged")
    linear_rounds: int = Field(20, description="rounds of reweighted least squares of linear_median")
    linear_l2: float = Field(3e-4, description="ridge penalty per training row, on standardized features")
    linear_least_residual: float = Field(0.25, description="points; bounds the weight of a row that fits exactly")
    linear_clip: float = Field(5.0, description="standard deviations beyond which a feature is clipped")
    tree_rounds: int = Field(450, description="number of xgboost's trees")
    tree_learning_rate: float = Field(0.03, description="weight of each of xgboost's trees")
    tree_leaves: int = Field(15, description="maximum number of leaves of each of xgboost's trees")
    tree_least_weight: float = Field(200.0, description="minimum weight of the rows of a leaf of xgboost's trees")
    tree_columns: float = Field(0.4, description="share of the features that a split may choose from")
    tree_subsample: float = Field(0.7, description="share of the rows of a round")
    tree_l2: float = Field(10.0, description="L2 penalty of the leaves of xgboost's trees")
    tree_threads: int = Field(
        1,
        description="number of threads; more give the same model, but they spin while they wait: two on a busy machine take 10 "
        "times the CPU time of one",
    )
    blend_weight: float = Field(
        0.2, ge=0.1, le=0.3, description="weight of the ensemble in market_blend; change it at most once a season"
    )
    feed_minutes: float = Field(5.0, description="maximum age of a feed's line relative to the player's newest line")
    lined_coverage: float = Field(0.97, description="minimum share of the players with a line that have a forecast")


class Distributions(Section):
    """The distribution of a prediction, and when its probability is published. Measured on four real seasons."""

    affects_data: ClassVar[frozenset[str]] = frozenset({"residual_rows", "least_residuals", "graded_rows", "few_games_spread"})
    residual_rows: int = Field(
        5000, description="number of last graded rows whose residuals form the distribution; 2,000 are as good, 1,000 are not"
    )
    least_residuals: int = Field(500, description="graded rows below which there is no distribution")
    graded_rows: int = Field(
        2000, description="number of last graded rows with a line on which the probability must score no worse than the market"
    )
    largest_calibration_error: Share = Field(
        0.03,
        description="mean distance of probability and outcome, over ten groups of `residual_rows` rows, above which a check warns",
    )
    largest_log_loss_gap: float = Field(
        0.001, description="log loss minus the market's, over `graded_rows` rows, above which a check warns"
    )
    few_games_spread: float = Field(
        1.1, description="factor of the deviation of players with few career games; 1.09 in 5,109 player-games"
    )

    @property
    def rules(self) -> dict[str, Any]:
        """The arguments of `formulas.forecast_distribution.Rules`, apart from that of the forecasts."""
        return self.model_dump(include={"residual_rows", "least_residuals", "graded_rows", "few_games_spread"})


class Evaluation(Section):
    """Reports of `nba-pipeline evaluate`, and the groups of `system_performance`."""

    affects_data: ClassVar[frozenset[str]] = frozenset({"tiers", "least_bets"})
    refit_weeks: dict[str, int] = Field(
        {"catboost": 4},
        description="system -> weeks between two trainings in an evaluation; other systems are trained every week",
    )
    edges: tuple[float, ...] = Field((0.0, 1.0, 2.0, 3.0, 5.0), description="points; smallest edge of a group of bets")
    tiers: tuple[float, ...] = Field((10.0, 15.0, 20.0, 25.0), description="points of the consensus line; borders of the tiers")
    least_bets: int = Field(100, description="bets below which a hit rate or a return is marked as too few")
    suspect_rows: int = Field(4000, description="rows from which a gap or a log loss below its limit is a suspected leak")
    suspect_gap: float = Field(
        0.02, description="points; gap without the line below which a leak is suspected; see `evaluation/suspicions.py`"
    )
    suspect_blend_gain: float = Field(0.04, description="points by which the blend may beat the line before a leak is suspected")
    suspect_log_loss_gain: float = Field(0.004, description="nats by which a probability may beat the market's, likewise")
    suspect_hit_rates: tuple[tuple[float, int, float], ...] = Field(
        ((1.0, 500, 0.56), (2.0, 400, 0.58), (3.0, 300, 0.60)),
        description="least edge in points, number of bets, and hit rate of a suspected leak; in other markets, the return at that rate",
    )


class Governance(Section):
    """Roles of systems: the initial champion, the gates of a promotion and the decay states."""

    initial_champion: str = Field("ensemble", description="champion of a home without a recorded decision")
    evidence_days: int = Field(300, description="days of graded predictions that the gates of a promotion evaluate")
    shadow_days: int = Field(2, description="dates with live predictions that a promotion requires")
    paired_rows: int = Field(2000, description="graded rows of candidate and champion that a promotion requires")
    largest_gap: float = Field(0.03, description="points by which the mean absolute error may exceed the champion's")
    largest_bias: float = Field(1.5, description="points; limit of the mean of forecast minus line")
    largest_tier_bias: float = Field(5.0, description="points; limit of the mean error in a tier of the season average")
    least_tier_rows: int = Field(30, description="graded rows below which a tier is not judged")
    largest_direction_share: Share = Field(0.80, description="share of the bets in one direction above which a system is refused")
    largest_correlation: Share = Field(0.995, description="correlation with the champion from which a system is a duplicate")
    decay_gap: float = Field(0.15, description="points; gap to the line over the window above which a system is not HEALTHY")
    decay_rows: int = Field(500, description="graded rows with a line below which the state of the date before stays")
    watch_days: int = Field(7, description="days in WATCH after which a system is DEGRADING")
    watch_edge: float = Field(1.0, description="points by which the edge of a pick must be larger in WATCH")

    @property
    def gates(self) -> dict[str, Any]:
        """The arguments of `formulas.promotion.Limits`."""
        names = {"shadow_days", "largest_gap", "largest_bias", "largest_tier_bias", "largest_direction_share"}
        numbers = self.model_dump(include=names | {"largest_correlation", "least_tier_rows"})
        return numbers | {"least_rows": self.paired_rows}

    @property
    def decay(self) -> dict[str, Any]:
        """The limits of `formulas.decay.decay`."""
        return {"largest_gap": self.decay_gap, "least_rows": self.decay_rows, "watch_days": self.watch_days}


class Picks(Section):
    """The subsets of picks. A rule is a condition in SQL over the columns of a candidate; a null condition is not met."""

    affects_data: ClassVar[frozenset[str]] = frozenset({"trial_rules"})
    subsets: dict[str, dict[str, str]] = Field(
        {
            "best": {
                "price": "best_price IS NOT NULL",
                "fresh_line": "line_age_hours <= 6",
            },
            "value": {"price_edge": "price_edge > 0", "fresh_line": "line_age_hours <= 6"},
            "unders": {
                "under": "recommendation = 'UNDER'",
                "price": "best_price IS NOT NULL",
                "fresh_line": "line_age_hours <= 6",
            },
        },
        description="subset -> rule -> condition. Every subset also requires that no entry of `reasons` forbids the bet",
    )
    trial_rules: dict[str, str] = Field(
        {
            "over_extra_edge": "recommendation = 'UNDER' OR edge >= 4",
            "star_under": "recommendation = 'OVER' OR points_mean_season < 25",
            "hot_streak_under": "recommendation = 'OVER' OR points_mean_last_5_games < points_mean_season + 5",
        },
        description="rules on trial: recorded for every pick and without effect, unless they are named in `enabled_trial_rules`",
    )
    enabled_trial_rules: tuple[str, ...] = Field((), description="rules on trial that every subset requires")
    per_team: AtLeastOne = Field(2, description="maximum number of picks of a team, date and subset")
    per_day: AtLeastOne = Field(15, description="maximum number of picks of a date and subset")
    largest_direction_share: Share = Field(0.95, description="share of one direction above which a slate is implausible")
    least_slate_rows: int = Field(20, description="predictions below which a slate is not judged")
    largest_mean_edge: float = Field(2.5, description="points; mean edge of a slate beyond which it is implausible")

    @property
    def sanity(self) -> dict[str, Any]:
        """The limits of `formulas.picks.slate_problems`."""
        numbers = self.model_dump(include={"largest_mean_edge"})
        return numbers | {"largest_share": self.largest_direction_share, "least_rows": self.least_slate_rows}


class Halts(Section):
    """When picks halt."""

    off_season_days: int = Field(21, description="days without games, before and after today, that count as the off-season")
    between_rounds_days: int = Field(
        14, description="days without games, before and after today, that count as a break in a season"
    )
    inactive_days: int = Field(3, description="days with games and without live predictions after which picks halt")
    collapse_days: int = Field(14, description="days over which the champion's gap to the line and log loss are judged")
    collapse_rows: int = Field(500, description="graded rows with a line below which they are not judged")
    collapse_log_loss_gap: float = Field(0.001, description="log loss minus the market's above which picks halt")
    unconfirmed_hours: float = Field(36.0, description="age from which a manual halt that is not confirmed is reported")


class Patience(Section):
    """How long a slate waits for optional tables, and when failed or missed work is retried."""

    first_call_hours: float = Field(6.0, description="hours before the first tip-off at which a slate is due at the latest")
    last_call_minutes: float = Field(
        60.0, description="time before the first tip-off from which a slate waits for no optional table"
    )
    one_less_hours: float = Field(1.0, description="wait after which one optional table may be missing")
    two_less_hours: float = Field(2.0, description="wait after which two optional tables may be missing")
    whatever_hours: float = Field(4.0, description="wait after which all optional tables may be missing")
    grace_minutes: float = Field(6.0, description="time after the due instant before work counts as not done")
    first_wait_minutes: float = Field(2.0, description="wait after the first failed attempt; doubled with each further one")
    longest_wait_minutes: float = Field(240.0, description="maximum wait between two attempts")
    alert_after_attempts: AtLeastOne = Field(3, description="attempts at the same work after which an alert is raised")
    catch_up_days: int = Field(7, description="how far back the reconciliation searches for work that is not done")
    nightly_days: int = Field(30, description="how far back the nightly reconciliation searches")
    missed_tick_minutes: float = Field(
        30.0, description="delay of a schedule's tick from which it leaves its work to the reconciliation"
    )
    probe_alert_minutes: float = Field(
        5.0, description="time for which the warehouse or a provider fails before an alert is raised"
    )
    first_poll_seconds: float = Field(
        60.0, description="wait after the first request for a late box score; doubled with each request"
    )
    reconciled_hours: float = Field(1.0, description="time after the deadline until a date without requests is given up")
    longest_game_hours: float = Field(
        3.5, description="time after tip-off when a game that the scoreboard does not list counts as over"
    )
    longest_poll_minutes: float = Field(30.0, description="maximum wait between two requests for a late box score")


class Deliveries(Section):
    """Delivery of alerts to each sink."""

    deadline_seconds: float = Field(
        10.0, description="total deadline of a message, from the connection to the status of the response"
    )
    attempts: AtLeastOne = Field(10, description="attempts per message, including the first; then it is given up")
    first_wait_minutes: float = Field(5.0, description="wait after the first failed attempt; doubled with each further one")
    longest_wait_minutes: float = Field(240.0, description="maximum wait between two attempts")
    claim_minutes: float = Field(
        5.0, description="time after which an attempt without an outcome is repeated, because its process died"
    )
    pause_seconds: float = Field(60.0, description="pause after a failed message; new messages of the process wait for the retry")
    retry_days: int = Field(2, description="maximum age of a message that is retried")
    most_per_hour: AtLeastOne = Field(
        5, description="messages about one kind of alert per hour to Slack; further ones follow as one digest after an hour"
    )
    most_per_look: int = Field(20, description="maximum messages retried per evaluation, which ends at the first failure")
    look_seconds: float = Field(20.0, description="time per evaluation for retries; Dagster ends an evaluation after a minute")


class Watch(Section):
    """The external watchdog `nba-pipeline watch`."""

    silent_warning_minutes: float = Field(30.0, description="time without a tick of any schedule or sensor that warns")
    silent_critical_minutes: float = Field(120.0, description="time without a tick of any schedule or sensor that is critical")
    decision_minutes: float = Field(30.0, description="time after a mode is due until a missing decision raises an alert")
    games_within_days: int = Field(
        1, description="silence raises an alert if a game is at most this many days away, before or after today"
    )
    incident_days: int = Field(14, description="age up to which alerts are listed as open and resolved automatically")
    heartbeat_seconds: float = Field(5.0, description="total deadline of a ping of the heartbeat")
    every_seconds: AtLeastOne = Field(300, description="pause between two checks of `watch` without --once")


class Doctor(Section):
    """The probes of `nba-pipeline doctor`."""

    deadline_seconds: float = Field(10.0, description="time after which a probe without a result has failed")
    free_disk_gib: float = Field(5.0, description="free disk space below which `doctor` warns")
    free_memory_gib: float = Field(
        1.0, description="available memory below which `doctor` warns; the largest job needs about this"
    )
    silent_minutes: float = Field(5.0, description="age of the newest tick of the daemon from which `doctor` warns")
    open_files: int = Field(1024, description="limit of open files per process below which `doctor` warns")
    clock_skew_seconds: float = Field(60.0, description="difference to a provider's clock from which `doctor` warns")
    quota_share: Share = Field(0.20, description="share of a provider's credits below which `doctor` warns")
    game_log_days: int = Field(300, description="age of the newest game whose game log `doctor` requests")


class Publishing(Section):
    """What is published, and the gate before it."""

    prices: Literal["auto", "none", "consensus", "all"] = Field(
        "auto",
        description="published lines and prices; auto: all in the sandbox, none elsewhere, as the providers' terms require",
    )
    record_days: AtLeastOne = Field(30, description="days of grades in the published record")
    least_players: int = Field(10, description="predicted players below which a slate is not published")
    coverage: Share = Field(0.80, description="share of eligible players below which a slate is not published")
    sanity_rows: AtLeastOne = Field(20, description="number of forecasts of a system from which its slate must be plausible")
    one_direction: Share = Field(
        0.95, description="share of forecasts on one side of the line above which a slate is not published"
    )
    mean_edge: float = Field(2.5, description="points; mean edge of a system beyond which a slate is not published")
    least_lined_rows: AtLeastOne = Field(
        100, description="least number of rows with a line for which an average over lines is published without prices"
    )
    page_kilobytes: AtLeastOne = Field(300, description="size above which the check of the page fails")
    lock_minutes: float = Field(
        2.0, gt=0, description="time without a renewal after which the write lease of an export to a bucket has expired"
    )


class Latency(Section):
    """Delays between the steps of the pipeline, and the limits of the service levels."""

    warning_minutes: float = Field(60.0, description="delay between two steps that the morning summary names")
    critical_minutes: float = Field(120.0, description="delay between two steps that is critical")
    boxscore_minutes: float = Field(30.0, description="objective: last action of a game to its box score")
    grades_hours: float = Field(6.0, description="objective: last action of a game to its grades")
    predictions_by_hour_eastern: float = Field(7.5, description="objective: hour at which a slate has predictions; 7.5 is 07:30")
    end_to_end_minutes: float = Field(400.0, description="objective: last action of a slate to the predictions of the next one")
    least_units: AtLeastOne = Field(10, description="games or slates below which an exhausted error budget is not reported")


class ServiceLevels(Section):
    """The limits of the service levels about runs, people and releases, and the alerts about error budgets.

    A burn rate of 1 spends the error budget exactly within its period. An alert requires the burn rate in a long window, and in a
    recent part of it, so that it resolves itself soon after the cause is over.
    """

    work_share: Share = Field(0.999, description="objective: share of decided work that is done")
    work_hours: float = Field(6.0, description="time after a decision until work that is not done counts as lost")
    repair_minutes: float = Field(5.0, description="objective: mean time from the failure of a run to the success of its work")
    acts_per_week: float = Field(0.25, description="objective: manual acts per week")
    act_minutes: float = Field(
        30.0, description="longest pause between commands or decisions of a person that count as one manual act"
    )
    release_share: Share = Field(0.99, description="objective: share of successful releases")
    release_hours: float = Field(24.0, description="time after a release in which a rollback or a repair counts as its failure")
    fast_hours: float = Field(48.0, gt=0, description="window of a fast burn, which is critical for an urgent objective")
    fast_recent_hours: float = Field(24.0, gt=0, description="recent window of a fast burn")
    fast_burn_rate: float = Field(5.0, description="burn rate from which a burn is fast; a third of 30 days' budget in 48 hours")
    slow_hours: float = Field(336.0, gt=0, description="window of a slow burn, which is a warning")
    slow_recent_hours: float = Field(72.0, gt=0, description="recent window of a slow burn")
    slow_burn_rate: float = Field(1.5, description="burn rate from which a burn is slow; 70 % of 30 days' budget in 14 days")
    least_bad: AtLeastOne = Field(2, description="number of bad units below which no burn raises an alert")


class Metrics(Section):
    """The metrics that `nba-pipeline serve health` serves."""

    every_seconds: float = Field(60.0, gt=0, description="pause between two measurements")
    levels_every_seconds: float = Field(300.0, description="pause between two readings of the service levels")
    graded_days: AtLeastOne = Field(30, description="days of grades in the error and the gap to the line")
    runs: AtLeastOne = Field(100, description="newest runs among which the duration of each job is looked up")


class Monitors(Section):
    """When the sensor `alert_on_data` raises an alert."""

    slow_every_minutes: float = Field(5.0, description="time between two readings of late tables, quarantines and sources")
    patience_minutes: float = Field(
        20.0,
        description="time for which a table is LATE or a source stale before an alert; LATE begins `patience.grace_minutes` after due",
    )
    lines_due_hour_eastern: Hour = Field(13, description="hour of the day by which the games of a slate have lines")
    lines_warning_share: Share = Field(0.80, description="share of the games with a line below which an alert is raised")
    lines_critical_share: Share = Field(0.40, description="share of the games with a line below which the alert is critical")
    quarantine_hours: float = Field(24.0, description="age of a quarantined row, or time since the end of its date")
    quarantine_days: int = Field(14, description="dates before today whose quarantined rows are read")
    source_hours: dict[str, float] = Field(
        {"schedule": 18.0, "rosters": 24.0, "injuries": 24.0, "prop_lines": 24.0},
        description="source table -> maximum age of its newest response on a day with games",
    )
    quota_warning_share: Share = Field(0.80, description="used share of a provider's credits")
    quota_critical_share: Share = Field(0.95, description="used share of a provider's credits that is critical")
    disk_warning_mib: float = Field(
        2048.0, description="free disk space below which an alert is raised; a season has about 1 GiB"
    )
    disk_critical_mib: float = Field(
        512.0, description="free disk space that is critical; below `warehouse.least_free_mib` no write starts"
    )


class Warehouse(Section):
    """Writes to the warehouse."""

    lock_wait_seconds: float = Field(60.0, description="how long a write waits for another writer of the same date")
    lease_seconds: float = Field(
        45.0, description="time without a renewal after which a write lease in the bucket has expired; below lock_wait_seconds"
    )
    least_free_mib: int = Field(200, description="free disk space below which no write starts")
    dates_per_run: AtLeastOne = Field(200, description="maximum number of dates in one run of a backfill")
    compact_after_days: int = Field(14, description="days after the end of a month, after which its date files become one file")
    copies_kept_hours: float = Field(
        24.0, description="time for which date files are kept beside their month file, longer than any run reads"
    )


class BigQuery(Section):
    """The production warehouse: time-outs, retries, limits."""

    submit_seconds: float = Field(60.0, description="time-out of one request")
    job_seconds: int = Field(600, description="time after which a job is canceled")
    retry_seconds: float = Field(
        120.0, description="how long a request is retried after status 5xx, rateLimitExceeded or a lost connection"
    )
    probe_seconds: float = Field(20.0, description="how long a request outside a run is retried")
    first_pause_seconds: float = Field(1.0, description="pause after the first failed attempt; doubled with each further one")
    longest_pause_seconds: float = Field(20.0, description="maximum pause between two attempts")
    attempts: AtLeastOne = Field(4, description="jobs per write, including the first")
    most_earlier_jobs: int = Field(1000, description="maximum number of earlier jobs with the same rows before a write fails")
    most_bytes_billed: int = Field(20 * 1024**3, description="maximum per query; BigQuery refuses larger ones before they run")
    parallel_loads: AtLeastOne = Field(6, description="maximum number of dates loaded concurrently")
    dates_by_load: int = Field(14, description="maximum number of dates loaded one by one; longer ranges use one staged MERGE")
    staging_hours: int = Field(6, description="time after which a staging table expires")
    cached_bytes: int = Field(512 * 1024**2, description="maximum size of the partitions that a run caches")
    described_seconds: float = Field(300.0, description="maximum age of the cached columns of the tables")
    record_seconds: float = Field(10.0, description="maximum age of the cached record of writes outside a run")


class Costs(Section):
    """BigQuery's prices for the US in dollars, before the free tier. Other regions cost more.

    See https://cloud.google.com/bigquery/pricing.
    """

    looked_up_on: date = Field(date(2026, 11, 22), description="date on which the prices were read, from copies of 2023 to 2025")
    dollars_per_tib: float = Field(6.25, description="on-demand price per TiB billed for queries; loads are free")
    active_dollars_per_gib: float = Field(0.02, description="monthly price of uncompressed data changed in the last 90 days")
    long_term_dollars_per_gib: float = Field(0.01, description="monthly price of older uncompressed data")
    active_physical_dollars_per_gib: float = Field(
        0.04, description="monthly price if the dataset is billed by its compressed size"
    )
    long_term_physical_dollars_per_gib: float = Field(
        0.02, description="monthly price of older data if the dataset is billed by its compressed size"
    )
    monthly_budget_dollars: float = Field(
        20.0, description="monthly budget; `bigquery cost` exits with code 1 if the projection exceeds it"
    )
    projected_from_days: int = Field(7, description="last days on which the projection of a month is based")
    load_jobs_per_table_per_day: int = Field(1500, description="BigQuery's limit; failed jobs count")
    share_of_load_limit_that_warns: Share = Field(
        0.5, description="share of the limit of load jobs from which `bigquery cost` warns"
    )


class Freshness(Section):
    """Dagster's freshness badge. Off-season dates are written as empty partitions, so the windows apply all year."""

    warn_hours: float = Field(30.0, description="time since the last materialization after which the badge warns")
    fail_hours: float = Field(54.0, description="time since the last materialization after which the badge fails")
    slate_days: int = Field(7, ge=0, description="dates before today in the asset slate_status")


class Runs(Section):
    """Time limits of runs, with and without events, and how long runs are kept."""

    kept_days: int = Field(30, description="age at which step logs, and runs that own no latest materialization, are deleted")
    step_minutes: float = Field(
        10.0, description="time after which the step of a table of one date is interrupted while its usual duration is unknown"
    )
    game_day_minutes: int = Field(30, description="time after which a run of one slate is ended")
    season_minutes: int = Field(180, description="time after which a run of a backfill is ended")
    train_minutes: int = Field(60, description="time after which the training of a week is ended")

    lease_minutes: float = Field(
        30.0, description="time without an event after which a run with an unreachable process and without a lease is closed"
    )
    lease_seconds: float = Field(
        180.0, description="time without a renewal after which the lease of a run in PostgreSQL has expired and the run is closed"
    )
    renewal_seconds: float = Field(20.0, description="interval at which the process of a run renews its lease in PostgreSQL")
    created_minutes: float = Field(
        3.0, description="time after which a created run that was neither queued nor started is closed"
    )


class Postgres(Section):
    """Dagster's instance in PostgreSQL."""

    connections_per_process: int = Field(
        8, ge=2, le=100, description="maximum number of connections of one process; a query waits for its turn"
    )


class Steps(Section):
    """Durations of the steps of one date: when a step is slow, and when it is ended."""

    runs: AtLeastOne = Field(20, description="number of earlier steps of a table whose median is its usual duration")
    least_runs: AtLeastOne = Field(5, description="number of earlier steps below which the usual duration is unknown")
    slow_times: float = Field(2.0, description="multiple of the usual duration from which a step is slow")
    slow_seconds: float = Field(30.0, description="duration below which no step is slow")
    slow_hours: float = Field(24.0, description="age of the newest step of a table from which it is no longer judged")
    limit_times: float = Field(
        5.0, description="multiple of the usual duration after which a step is interrupted, within the bounds"
    )
    least_limit_minutes: float = Field(
        5.0, description="lower bound of that limit; a request that is repeated after each timeout takes up to 4 minutes"
    )
    most_limit_minutes: float = Field(20.0, description="upper bound of that limit")
    stalled_seconds: float = Field(
        60.0, description="time after the interrupt after which the process of a step that does not react is ended"
    )


class Settings(Section):
    """All settings."""

    http: Http = Http()
    payloads: Payloads = Payloads()
    breakers: Breakers = Breakers()
    coverage: Coverage = Coverage()
    usual: Usual = Usual()
    corrections: Corrections = Corrections()
    expected: Expected = Expected()
    lines: Lines = Lines()
    injuries: Injuries = Injuries()
    rosters: Rosters = Rosters()
    names: Names = Names()
    plausible_games: PlausibleGames = PlausibleGames()
    team_heaves: TeamHeaves = TeamHeaves()
    slates: Slates = Slates()
    predicting: Predicting = Predicting()
    training: Training = Training()
    forecasts: Forecasts = Forecasts()
    distributions: Distributions = Distributions()
    evaluation: Evaluation = Evaluation()
    governance: Governance = Governance()
    picks: Picks = Picks()
    halts: Halts = Halts()
    patience: Patience = Patience()
    deliveries: Deliveries = Deliveries()
    watch: Watch = Watch()
    doctor: Doctor = Doctor()
    latency: Latency = Latency()
    service_levels: ServiceLevels = ServiceLevels()
    publishing: Publishing = Publishing()
    metrics: Metrics = Metrics()
    monitors: Monitors = Monitors()
    warehouse: Warehouse = Warehouse()
    bigquery: BigQuery = BigQuery()
    costs: Costs = Costs()
    freshness: Freshness = Freshness()
    runs: Runs = Runs()
    steps: Steps = Steps()
    postgres: Postgres = Postgres()


class Source(Protocol):
    """Where the settings in effect come from. `environments` registers the settings file."""

    def settings(self) -> Settings:
        """Returns the settings in effect."""

    def refuse_changes(self) -> None:
        """Raises BadInput if the settings have changed since the process read them."""


class Defaults:
    """The settings without a file."""

    def settings(self) -> Settings:
        """Returns the defaults."""
        return _DEFAULTS

    def refuse_changes(self) -> None:
        """Does nothing: defaults do not change."""


class _Effective:
    """The sections of the settings in effect, looked up at each access, so that importing a module reads no file."""

    source: Source = Defaults()

    def __getattr__(self, name: str) -> Any:
        return getattr(type(self).source.settings(), name)


def register(source: Source) -> Source:
    """Registers the source of the settings in effect. Returns the earlier one."""
    earlier, _Effective.source = _Effective.source, source
    return earlier


def refuse_changes() -> None:
    """Raises BadInput if the settings in effect have changed since the process read them."""
    _Effective.source.refuse_changes()


_DEFAULTS = Settings()
SETTINGS: Settings = cast("Settings", _Effective())
"""The settings in effect. Read them in functions, because the settings file may not be registered yet when a module is imported."""
