"""Settings of the platform: thresholds, windows, rates, books. One typed model; each number has a unit."""

from datetime import date
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """A frozen group of settings."""

    model_config = ConfigDict(frozen=True)


class Http(Section):
    """HTTP requests to providers."""

    connect_timeout_seconds: float = 5.0
    read_timeout_seconds: float = 30.0
    read_timeout_seconds_of: dict[str, float] = Field({"nba_stats": 60.0}, description="a slower provider -> its read timeout")
    attempts: int = Field(5, description="tries per request, the first included, on transient failures")
    attempts_of: dict[str, int] = Field({"nba_stats": 2}, description="a provider that is only a second opinion -> its tries")
    first_wait_seconds: float = 0.5
    longest_wait_seconds: float = 20.0
    longest_retry_after_seconds: float = Field(120.0, description="a longer Retry-After ends the request")
    concurrent_requests: int = Field(6, description="box scores and odds of a date fetched at the same time")
    requests_per_second: dict[str, float] = Field(
        {"nba_cdn": 10.0, "balldontlie": 1.0, "odds_api": 10.0, "injury_report": 4.0, "espn": 5.0, "nba_stats": 1.0},
        description="polite rate per provider",
    )
    loopback_requests_per_second: float = Field(500.0, description="rate when the provider is on this machine")


class Payloads(Section):
    """Limits for reading a provider's response, fresh or landed. Errors name the response and its size."""

    most_mib: float = Field(
        8.0, description="MiB of an answer, as it arrives and decompressed; JSON takes up to 24 times that when read"
    )
    most_mib_of: dict[str, float] = Field(
        {"nba_cdn schedule": 24.0}, description="provider and endpoint -> MiB; the schedule of a season has 9"
    )
    most_mib_of_extension: dict[str, float] = Field(
        {"pdf": 4.0, "parquet": 512.0}, description="another kind of file -> MiB; a report has 0.1, the archive's largest file 3"
    )
    deepest: int = Field(50, description="levels of a JSON document; the deepest real one has 8")
    longest_answer_seconds: float = Field(120.0, description="from the first to the last byte of an answer")
    most_list_pages: int = Field(20, description="pages of one list that a provider divides by a cursor; a date has 1")
    pdf_pages: int = Field(40, description="pages of a report; real ones have up to 12")
    pdf_cpu_seconds: int = Field(10, description="CPU time for a report; a real one takes 0.2")
    pdf_seconds: float = Field(60.0, description="the same by the clock, on a busy machine")
    pdf_memory_mib: int = Field(1024, description="address space of the process that reads a report")


class Breakers(Section):
    """Limits at which requests to a provider or an entity are paused, across runs, based on the landing's journal."""

    provider_failures: int = Field(5, description="requests in a row that used up their tries")
    provider_too_many: int = Field(10, description="answers 429 in a row, each try counted")
    provider_refusals: dict[str, int] = Field(
        {"injury_report": 40, "odds_api": 5, "espn": 5, "balldontlie": 5, "nba_stats": 5},
        description="provider -> answers 403 in a row; a whole look for an injury report is up to 20, nba_cdn answers so for "
        "each game file that is not published",
    )
    provider_open_seconds: float = Field(300.0, description="since the last failure; then trials are let through")
    provider_trials: int = Field(3, description="requests at a time until one is answered")
    entity_failures: int = Field(5, description="failures or rejections in a row, while the endpoint had good answers for others")
    entity_open_hours: float = Field(24.0, description="since the last of them, or until another endpoint has news of the entity")
    remembered_hours: float = Field(36.0, description="older journals are not read: the hold of an entity and the row before it")


class Coverage(Section):
    """Thresholds of the gates at each boundary; shares are 0-1."""

    enough: float = Field(0.80, description="below this a date is closed")
    ready_proceed: float = Field(0.80, description="share of expected players with ready features; below it a warning")
    ready_block: float = Field(0.60, description="below this the predictions of the slate are closed")
    no_line_warn: float = Field(0.40, description="share of a slate's predictions without a line that warns")
    deadline_hour_eastern: int = Field(12, description="hour of the next day at which the complete games go on under a waiver")
    recent_team_games: int = Field(3, description="a team's last games that must have complete box scores")
    recent_slates: int = Field(3, description="last slates whose final games must be covered")
    players_per_team: int = Field(5, description="fewer who played is impossible")
    shrink_floor: float = Field(0.80, description="a replacement with a smaller share of the rows it replaces is refused")


class Usual(Section):
    """Tables and books that a slate is expected to have, based on earlier slates."""

    slates: int = Field(5, description="last slates before a date that are looked at ...")
    days: int = Field(14, description="... and that lie at most so many days back")
    share: float = Field(0.5, description="share of these slates, 0-1, from which on a table or a book is expected")


class Corrections(Section):
    """When a final game is fetched again."""

    reread_after_hours: float = Field(4.0, description="after the game was first seen final")
    reread_at_hour_eastern: int = Field(6, description="hour of the next day")
    reread_noon_days: tuple[int, ...] = Field((1, 2, 4, 8), description="days after the game date, at noon Eastern")
    window_days: int = Field(10, description="days after the game date after which nothing is read again by itself")
    contradiction_first_hours: float = Field(1.0, description="between two re-reads of contradicting sources; doubled each time")
    contradiction_days: int = Field(7, description="days after the game date after which a contradiction is only named")


class Expected(Section):
    """Players who are expected to play."""

    roster_days: int = Field(7, description="a roster is good for so many days")
    team_games: int = Field(10, description="without a roster: a box-score row in the team's last games ...")
    days: int = Field(21, description="... and in the last days")


class Lines(Section):
    """The market line."""

    market: str = "player_points"
    game_markets: tuple[str, ...] = Field(("spreads", "totals"), description="asked for together with `market`")
    book_precedence: tuple[str, ...] = ("draftkings", "fanduel")
    books_of_one_feed: dict[str, str] = Field({"unibet_us": "betrivers"}, description="a copy -> the book whose feed it shows")
    pickem_books: tuple[str, ...] = ("prizepicks", "underdog")
    regions: str = "us"
    placeholder: float = Field(20.0, description="points; a line of `market` that stands for no line at all")
    lowest: float = Field(5.0, description="points; a lower line of `market` is none that a prediction is held against")
    late_hours: float = Field(6.0, description="before tip-off; the moves of a line that count as late")
    material_move: float = Field(1.0, description="points a line must move for a new version of a prediction")
    historical_minutes_before_tipoff: int = 15
    capture_from_hours: int = Field(12, description="before tip-off; from here on lines are captured ...")
    capture_every_hours: int = Field(2, description="... so often ...")
    capture_minutes_before_tipoff: tuple[int, ...] = Field((90, 45, 15, 5), description="... and at these last minutes")

    @property
    def cascade(self) -> dict[str, Any]:
        """The arguments of `formulas.market_line.market_lines`, which selects the market line of features and bets."""
        names = {"market", "book_precedence", "books_of_one_feed", "pickem_books", "placeholder", "lowest", "late_hours"}
        return self.model_dump(include=names)

    @property
    def adjusting(self) -> dict[str, Any]:
        """The arguments of `formulas.adjusted_line.adjusted_lines`, apart from those of the forecasts."""
        return self.model_dump(include={"market", "books_of_one_feed", "pickem_books", "placeholder", "lowest"})

    @property
    def game_cascade(self) -> dict[str, Any]:
        """The arguments of `formulas.game_line.game_lines_of`, which selects the market's total and spread."""
        return self.model_dump(include={"book_precedence", "books_of_one_feed"})


class PlausibleGames(Section):
    """Ranges of real games. A complete box score outside of them is quarantined, and the next source is used."""

    ranges: dict[str, tuple[int, int]] = Field(
        {
            "points": (33, 220), "fgm": (11, 82), "fga": (32, 152), "fg3m": (0, 37), "fg3a": (6, 79), "ftm": (0, 55),
            "fta": (0, 67), "oreb": (0, 37), "dreb": (8, 75), "rebounds": (11, 93), "assists": (4, 63), "steals": (0, 28),
            "blocks": (0, 24), "turnovers": (0, 39), "fouls": (2, 44),
        },
        description="statistic -> least and most of a team: half of the least and 5/4 of the most in the 10,514 team-games of 2021-22 "
        "to 2024-25, which are points 67-176, fgm 22-65, fga 64-121, fg3m 2-29, fg3a 12-63, ftm 0-44, fta 0-53, oreb 0-29, dreb 16-60, "
        "rebounds 23-74, assists 8-50, steals 0-22, blocks 0-19, turnovers 1-31, fouls 4-35; threes from 0, as in other seasons",
    )  # fmt: skip
    never_zero: tuple[str, ...] = Field(
        ("fg3m", "oreb", "steals", "turnovers"),
        description="statistics that both teams together never have 0 of; the least of 5,257 games are 10, 2, 3 and 10",
    )


class TeamHeaves(Section):
    """Missed heaves. They count for the team and not for a player, so a team's attempts may exceed the sum of its players'."""

    first_season: str = Field(
        "2025-26", description="before it a team's attempts are those of its players, in 9,840 of 9,840 team-games"
    )
    most: int = Field(3, description="of a team in a game: the rule names the last seconds of the first three quarters")


class Slates(Section):
    """Checks of the features of a whole slate."""

    least_rows: int = Field(50, description="known players below which a slate is not judged")
    full_slate_rows: int = Field(150, description="known players from which all the distinct values are wanted")
    never_constant: tuple[str, ...] = Field(
        (
            "points_mean_last_5_games", "points_mean_last_10_games", "points_mean_season",
            "points_standard_deviation_last_10_games", "minutes_mean_last_10_games", "points_per_minute_last_10_games",
            "free_throw_point_pct_last_10_games", "opponent_defensive_rating_last_15_games", "opponent_pace_last_15_games",
            "team_pace_last_10_games", "team_offensive_rating_last_10_games", "team_win_pct_season",
        ),
        description="measures that differ between players and teams; what follows from the calendar, or from nobody being hurt, may not",
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
        description="feature -> least standard deviation in its unit, least distinct values on a full slate",
    )  # fmt: skip
    null_share_days: int = 30
    least_dates_to_compare: int = Field(14, description="earlier dates below which a null share is not compared")
    null_share_rise: float = Field(0.10, description="rise of a feature's null share over the days before that is an error")
    come_during_the_day: tuple[str, ...] = Field(
        (
            "injury_risk_level", "usage_spike_score", "star_teammates_out", "absent_teammates_usage_pct_sum_season", "line",
            "opening_line", "line_movement", "line_minus_points_mean_season", "line_minus_previous_closing_line",
            "line_standard_deviation_across_books", "line_movement_direction", "price_skew", "late_line_movements",
            "game_total", "absolute_game_spread", "implied_team_total", "over_pct_last_10_lined_games",
            "over_streak_lined_games", "under_streak_lined_games", "points_minus_closing_line_mean_last_5_lined_games",
        ),
        description="features of reports and lines",
    )  # fmt: skip
    least_complete_windows: float = Field(0.90, description="share of players whose window of 10 games has no hole")
    least_known_scores: float = Field(0.50, description="share of players for whom a score of the matchup is known")
    least_of_quality: float = Field(0.60, description="share of rows of bronze or better; below it a warning")


class Injuries(Section):
    """The official injury report."""

    probes: int = Field(16, description="printed instants asked for, the newest first, until a report is published")
    read_from_hours: float = Field(12.0, description="before the first tip-off of a slate; from here on each report is looked at")
    names_per_look: int = Field(3, description="names asked for in one look, the newest first")
    look_again_minutes: float = Field(2.0, description="between two looks for a report that is not published yet")
    silent_minutes: float = Field(60.0, description="looks without any report after which it is a provider's problem")
    old_after_minutes: float = Field(360.0, description="age from which the newest report of a slate to come is a warning")
    due_hour_eastern: int = Field(17, description="hour of the day before from which a slate must be reported on")


class Rosters(Section):
    """The teams' rosters."""

    reread_after_hours: float = Field(6.0, description="a younger roster is not asked for again")
    fewest_players: int = 12
    most_players: int = 21


class Names(Section):
    """Resolution of player names."""

    active_days: int = Field(300, description="days without a box score or roster after which a player is not active")
    most_alerts: int = Field(5, description="unresolved names of a date that get an alert each; more get one together")


class Predicting(Section):
    """Recommendation and actionability."""

    pass_below_edge: float = Field(1.0, description="points")
    actionable_edge: float = Field(3.0, description="points")
    least_minutes: float = Field(15.0, description="mean minutes of the last 10 games that make a player eligible without a line")
    rotation_minutes: float = Field(
        15.0, description="mean minutes of the last 10 games from which a teammate's status makes a new version of a prediction"
    )
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


class Forecasts(Section):
    """The median models on features across seasons, and the blend with the market. Measured on four real seasons."""

    least_training_minutes: float = Field(8.0, description="recent minutes a game below which a player-game is not trained on")
    few_career_games: int = Field(10, description="games below which a forecast is flagged")
    linear_rounds: int = 20
    linear_l2: float = Field(3e-4, description="ridge penalty per training row, on standardized features")
    linear_least_residual: float = Field(0.25, description="points; bounds the weight of a row that fits exactly")
    linear_clip: float = Field(5.0, description="standard deviations beyond which a feature is clipped")
    tree_rounds: int = 450
    tree_learning_rate: float = 0.03
    tree_leaves: int = 15
    tree_least_weight: float = 200.0
    tree_columns: float = Field(0.4, description="share of the features that a split may choose from")
    tree_subsample: float = Field(0.7, description="share of the rows of a round")
    tree_l2: float = 10.0
    blend_weight: float = Field(0.2, description="of the ensemble in market_blend; re-estimated once a season, in 0.1 to 0.3")
    feed_minutes: float = Field(5.0, description="age of a feed's line, against the newest, within which it counts")
    disagreement_points: float = Field(6.0, description="standard deviation of the members from which the ensemble passes")
    lined_coverage: float = Field(0.97, description="share of the lined players of a slate that have a forecast")


class Patience(Section):
    """How long a slate waits for optional tables, and when failed or missed work is retried."""

    first_call_hours: float = Field(6.0, description="before the first tip-off a slate is due at the latest")
    last_call_minutes: float = Field(60.0, description="before the first tip-off nothing optional is waited for any more")
    one_less_hours: float = Field(1.0, description="after which one optional table may be missing")
    two_less_hours: float = Field(2.0, description="after which two may")
    whatever_hours: float = Field(4.0, description="after which any may")
    grace_minutes: float = Field(6.0, description="after its due instant, before work that is not done counts as forgotten")
    first_wait_minutes: float = Field(2.0, description="after a first failed attempt; doubled with each further one")
    longest_wait_minutes: float = Field(240.0, description="between two attempts")
    alert_after_attempts: int = Field(3, description="failed attempts at the same work that raise an alert")
    catch_up_days: int = Field(7, description="how far back forgotten work is looked for")
    nightly_days: int = Field(30, description="how far back the nightly reconciliation looks")
    missed_tick_minutes: float = Field(
        30.0, description="a schedule's tick that comes later leaves its work to the reconciliation"
    )
    probe_alert_minutes: float = Field(
        5.0, description="after which a warehouse or provider that still fails its probe is told of"
    )
    first_poll_seconds: float = Field(60.0, description="after a request for a box score that is late; doubled with each one")
    reconciled_hours: float = Field(1.0, description="after which a date that nobody asked for before its deadline is given up")
    longest_game_hours: float = Field(3.5, description="after its tip-off a game that the scoreboard does not show is over")
    longest_poll_minutes: float = Field(30.0, description="between two attempts at a box score that is late")


class Deliveries(Section):
    """Delivery of alerts to the webhook."""

    deadline_seconds: float = Field(10.0, description="for one message in total, from the connection to the answer's status")
    attempts: int = Field(10, description="at one message, the first included; then it is given up")
    first_wait_minutes: float = Field(5.0, description="after a first failed attempt; doubled with each further one")
    longest_wait_minutes: float = Field(240.0, description="between two attempts")
    claim_minutes: float = Field(5.0, description="after which an attempt without an outcome is repeated: its process is dead")
    pause_seconds: float = Field(60.0, description="after a failed message, during which a process leaves new ones to the retry")
    retry_days: int = Field(2, description="how far back messages are retried")
    most_per_look: int = Field(20, description="messages that one look retries; it ends with the first that fails")
    look_seconds: float = Field(20.0, description="after which a look begins no other message: Dagster ends it after a minute")


class Warehouse(Section):
    """Writes to the warehouse."""

    lock_wait_seconds: float = 60.0
    least_free_mib: int = Field(200, description="free space of the disk below which nothing is begun")
    dates_per_run: int = Field(200, description="largest chunk of a backfill")


class BigQuery(Section):
    """The production warehouse: time-outs, retries, limits."""

    submit_seconds: float = Field(60.0, description="timeout of one request")
    job_seconds: int = Field(600, description="a job that takes longer is cancelled")
    retry_seconds: float = Field(
        120.0, description="how long one request is repeated after 5xx, rateLimitExceeded, lost connections"
    )
    probe_seconds: float = Field(20.0, description="the same outside of a run")
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 20.0
    attempts: int = Field(4, description="jobs of one write, the first included")
    most_earlier_jobs: int = Field(1000, description="earlier jobs of the same rows that a write steps over")
    most_bytes_billed: int = Field(20 * 1024**3, description="of one query; more is refused before it runs")
    parallel_loads: int = Field(6, description="dates of a range that are loaded at once")
    dates_by_load: int = Field(14, description="a longer range goes through one staged MERGE")
    staging_hours: int = Field(6, description="a staging table expires by itself")
    cached_bytes: int = Field(512 * 1024**2, description="partitions that a run keeps after it read them")
    described_seconds: float = Field(300.0, description="how old the knowledge of the tables' columns may be")
    record_seconds: float = Field(10.0, description="outside of a run, how old the record of writes may be")


class Costs(Section):
    """BigQuery's prices for the US in dollars, before the free tier. Other regions cost more.

    See https://cloud.google.com/bigquery/pricing.
    """

    looked_up_on: date = Field(date(2026, 11, 22), description="when the prices were looked up, in copies of 2023 to 2025")
    dollars_per_tib: float = Field(6.25, description="on demand, per TiB that a query is billed for; loads cost nothing")
    active_dollars_per_gib: float = Field(0.02, description="a month, of uncompressed data changed in the last 90 days")
    long_term_dollars_per_gib: float = Field(0.01, description="a month, of older uncompressed data")
    active_physical_dollars_per_gib: float = Field(
        0.04, description="the same where the dataset is billed by its compressed size"
    )
    long_term_physical_dollars_per_gib: float = 0.02
    monthly_budget_dollars: float = Field(20.0, description="a month that is projected above it ends `bigquery cost` with code 1")
    projected_from_days: int = Field(7, description="last days from which a month is projected")
    load_jobs_per_table_per_day: int = Field(1500, description="BigQuery's limit; failed ones count")
    share_of_load_limit_that_warns: float = 0.5


class Freshness(Section):
    """Dagster's freshness badge. Off-season dates are written as empty partitions, so the windows apply all year."""

    warn_hours: float = 30.0
    fail_hours: float = 54.0


class Runs(Section):
    """Time limits of runs, with and without events, and how long runs are kept."""

    kept_days: int = Field(30, description="after which a run goes that made nothing a table still holds, and any run's step log")
    step_minutes: float = Field(10.0, description="a table of one date that takes longer is interrupted")
    game_day_minutes: int = Field(30, description="a run of one slate that takes longer is ended")
    season_minutes: int = Field(180, description="the same of a backfill's chunk")
    train_minutes: int = Field(60, description="the same of a week's training")

    lease_minutes: float = Field(30.0, description="without an event; a run whose process cannot be asked for is then closed")
    created_minutes: float = Field(3.0, description="after which a run is closed that was created and neither queued nor begun")


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
    patience: Patience = Patience()
    deliveries: Deliveries = Deliveries()
    warehouse: Warehouse = Warehouse()
    bigquery: BigQuery = BigQuery()
    costs: Costs = Costs()
    freshness: Freshness = Freshness()
    runs: Runs = Runs()


SETTINGS = Settings()
