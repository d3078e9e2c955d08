"""Every number that somebody may want to change: thresholds, windows, rates, books. One typed model, each number with its unit."""

from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A frozen group of settings."""

    model_config = ConfigDict(frozen=True)


class Http(Section):
    """How providers are asked."""

    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 30.0
    attempts: int = Field(5, description="tries per request, the first included, on transient failures")
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 20.0
    longest_retry_after_seconds: float = Field(120.0, description="a longer Retry-After ends the request")
    failures_until_host_is_down: int = Field(
        3, description="requests in a row that used up their tries; the run then asks that host no more"
    )
    concurrent_requests: int = Field(6, description="box scores and odds of a date fetched at the same time")
    requests_per_second: dict[str, float] = Field(
        {"nba_cdn": 10.0, "balldontlie": 1.0, "odds_api": 10.0}, description="polite rate per provider"
    )
    loopback_requests_per_second: float = Field(500.0, description="rate when the provider is on this machine")


class Coverage(Section):
    """Gates at each boundary, as shares 0-1."""

    enough: float = Field(0.80, description="below this a date is closed")
    ready_proceed: float = Field(0.80, description="share of expected players with ready features; below it a warning")
    ready_block: float = Field(0.60, description="below this the predictions of the slate are closed")
    no_line_warn: float = Field(0.40, description="share of a slate's predictions without a line that warns")
    deadline_hour_eastern: int = Field(12, description="hour of the next day at which the complete games go on under a waiver")
    recent_team_games: int = Field(3, description="a team's last games that must have complete box scores")
    recent_slates: int = Field(3, description="last slates whose final games must be covered")
    players_per_team: int = Field(5, description="fewer who played is impossible")
    shrink_floor: float = Field(0.80, description="a replacement with a smaller share of the rows it replaces is refused")


class Corrections(Section):
    """When a final box score is read again."""

    reread_after_hours: float = 4.0
    reread_at_hour_eastern: int = 6


class Expected(Section):
    """Who is expected to play, until rosters exist."""

    team_games: int = 10
    days: int = 21


class Lines(Section):
    """The market line."""

    market: str = "player_points"
    book_precedence: tuple[str, ...] = ("draftkings", "fanduel")
    books_of_one_feed: dict[str, str] = Field({"unibet_us": "betrivers"}, description="a copy -> the book whose feed it shows")
    pickem_books: tuple[str, ...] = ("prizepicks", "underdog")
    regions: str = "us"
    placeholder: float = 20.0
    lowest: float = 5.0
    material_move: float = Field(1.0, description="points a line must move for a new version of a prediction")
    historical_minutes_before_tipoff: int = 15

    @property
    def cascade(self) -> dict[str, Any]:
        """The arguments of `formulas.market_line.market_lines`: which line stands for the market, in features and bets alike."""
        names = {"market", "book_precedence", "books_of_one_feed", "pickem_books", "placeholder", "lowest"}
        return self.model_dump(include=names)


class Predicting(Section):
    """Recommendation and actionability."""

    pass_below_edge: float = Field(1.0, description="points")
    actionable_edge: float = Field(3.0, description="points")
    least_minutes: float = Field(15.0, description="mean minutes of the last 10 games that make a player eligible without a line")
    least_games: int = 5
    bootstrap_days: int = 14
    largest_points: float = 60.0
    quality_floor: float = 70.0


class Training(Section):
    """The weekly model."""

    least_rows: int = Field(2000, description="player-games below which no model is trained")
    least_days: int = Field(365, description="days of history below which a model's predictions are not actionable")
    validation_days: int = Field(28, description="last days of the window, for early stopping")
    iterations: int = 1000
    early_stopping_rounds: int = 50
    learning_rate: float = 0.05
    depth: int = 6
    l2_leaf_reg: float = 3.0
    seed: int = 42
    threads: int = Field(2, description="fixed, so that the same rows give the same model on every machine")
    golden_rows: int = 20


class Warehouse(Section):
    """Writing."""

    lock_wait_seconds: float = 60.0
    dates_per_run: int = Field(200, description="largest chunk of a backfill")


class Freshness(Section):
    """Dagster's freshness badge. Off-season days are written as empty partitions, so the windows hold all year."""

    warn_hours: float = 30.0
    fail_hours: float = 54.0


class Settings(Section):
    """All of them."""

    http: Http = Http()
    coverage: Coverage = Coverage()
    corrections: Corrections = Corrections()
    expected: Expected = Expected()
    lines: Lines = Lines()
    predicting: Predicting = Predicting()
    training: Training = Training()
    warehouse: Warehouse = Warehouse()
    freshness: Freshness = Freshness()


SETTINGS = Settings()
