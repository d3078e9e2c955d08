"""Lines and team totals of the four real seasons: the numbers of domain/golden.md, sections 6, 8 and 10."""

import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.sources import game_lines, prop_lines
from nba_pipeline.assets.sources.players import SEED_EVIDENCE
from nba_pipeline.assets.sources.prop_lines import reject_lines
from nba_pipeline.formulas.game_line import LINES, game_lines_of
from nba_pipeline.formulas.market_line import market_lines
from nba_pipeline.formulas.odds import implied_probability, is_main_line, no_vig_over_probability
from nba_pipeline.formulas.offers import merge_offers
from nba_pipeline.formulas.possessions import offensive_rating, overtimes, pace, possessions
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.active_players import SEEN_SCHEMA
from nba_pipeline.league.calendar import days
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.nba_cdn_boxscore import STATISTICS
from nba_pipeline.providers.odds_lines import parse_event_odds, parse_game_odds
from nba_pipeline.providers.odds_rows import IGNORED, NO_OFFERS, as_rows
from nba_pipeline.providers.player_matching import candidate_players, resolve_players
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import LINEAGE, PROBLEM, Table
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot

SHARED = Path(os.environ.get("NBA_SHARED_DIR", Path(__file__).parents[3] / "shared"))
ALL_DATES = days(date(2021, 7, 1), date(2025, 6, 22))
NOW = datetime(2025, 9, 1, tzinfo=UTC)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (SHARED / "data").is_dir(), reason=f"needs the real data at {SHARED} (NBA_SHARED_DIR)"),
]


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Landing:
    return Landing(home=str(tmp_path_factory.mktemp("landing")), clock=Clock(fixed_at=NOW.isoformat()))


@pytest.fixture(scope="module")
def archive(landing: Landing) -> Archive:
    return Archive(folder=str(SHARED / "data"), landing=landing, clock=landing.clock)


@pytest.fixture(scope="module")
def lines(archive: Archive) -> pl.DataFrame:
    """Every line of the archive once, with its player among those who played."""
    offered = pl.concat([NO_OFFERS, archive.prop_lines(ALL_DATES)], how="diagonal_relaxed")
    played = archive.boxscores(ALL_DATES).select("game_id", "player_id", "player_name")
    named = resolve_players(offered, archive.players().with_columns(evidence=pl.lit("seed")), played)
    return named.unique([*prop_lines.TABLE.key, "spelling"], keep="first", maintain_order=True)


@pytest.fixture(scope="module")
def lines_before_the_games(archive: Archive) -> pl.DataFrame:
    """The same lines, with players resolved as of before the game."""
    offered = pl.concat([NO_OFFERS, archive.prop_lines(ALL_DATES)], how="diagonal_relaxed").filter(
        pl.col("game_id").is_not_null()
    )
    games = archive.schedule(ALL_DATES).join(offered, on="game_id", how="semi")
    players = archive.players().with_columns(SEED_EVIDENCE, game_date=ALL_DATES[0])
    active = candidate_players(games, archive.boxscores(ALL_DATES), players, pl.DataFrame(schema=SEEN_SCHEMA))
    return resolve_players(offered, players, active)


@pytest.fixture
def wire(landing: Landing) -> Callable[[str], Payload]:
    """Lands a sample of The Odds API."""

    def land(name: str) -> Payload:
        body = (SHARED / "wire" / "odds_api" / name).read_bytes()
        slot = Slot("odds_api", "event_odds", name.partition(".")[0], date(2024, 2, 22))
        return landing.keep(slot, body, fetched_at=datetime(2024, 2, 22, 23, 56, tzinfo=UTC))

    return land


def conformed(table: Table, rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    return table.conform(rows.select(*(c for c in table.dtypes if c not in LINEAGE[1:]), PROBLEM), NOW, "1")


def counts(problems: pl.Series) -> dict[str | None, int]:
    return dict(problems.value_counts().iter_rows())


def test_the_market_of_orlando_at_cleveland_is_draftkings(wire: Callable[[str], Payload], archive: Archive) -> None:
    payload = wire("v4_event_odds__Magic_at_Cavaliers__2024-02-22.json")
    odds = parse_event_odds(payload)
    rows = reject_lines(as_rows(odds, odds, archive.schedule([date(2024, 2, 22)])).with_columns(player_id=pl.lit(None, pl.Int64)))
    assert rows.select("game_id", "is_before_tipoff").unique().rows() == [("0022300792", True)]
    usable = rows.filter(pl.col(PROBLEM).is_null(), pl.col(IGNORED).is_null()).with_columns(
        player_id=pl.col("spelling").rank("dense").cast(pl.Int64)
    )
    people = dict(usable.select("spelling", "player_id").iter_rows())
    market = market_lines(usable, **SETTINGS.lines.cascade)
    without = market_lines(usable, **{**SETTINGS.lines.cascade, "book_precedence": ("a book that is not there",)})
    banchero = market.row(by_predicate=pl.col("player_id") == people["Paolo Banchero"], named=True)
    assert (banchero["line"], banchero["book"], banchero["is_fallback"]) == (20.5, "draftkings", False)
    assert banchero["price_skew"] == pytest.approx(2 * 0.5506 - 1, abs=1e-4)
    median = without.row(by_predicate=pl.col("player_id") == people["Paolo Banchero"], named=True)
    assert (median["line"], median["book"], median["is_fallback"]) == (20.5, "median", True)
    suggs = usable.filter(spelling="Jalen Suggs", book="fanduel").select("line", no_vig_over_probability().round(4))
    assert suggs.rows() == [(11.5, 0.4620)]


def test_the_spreads_and_totals_of_a_game_in_play_are_parsed_and_none_is_from_before_it(
    wire: Callable[[str], Payload], archive: Archive
) -> None:
    """The sample has decimal prices, which the client never requests: lines are parsed, prices are a problem."""
    odds = parse_game_odds(wire("v4_historical_event_odds__spreads_totals__2024-01-25.json"))
    schedule = archive.schedule(days(date(2024, 1, 23), date(2024, 1, 26)))
    rows = game_lines.of_the_schedule(as_rows(odds, odds, schedule), schedule)
    assert (rows.height, rows["is_before_tipoff"].sum(), rows["problem"].null_count()) == (8, 0, 0)
    offered_lines = (
        rows.filter(book="draftkings", outcome="home")["line"].to_list(),
        rows.filter(outcome="over")["line"].to_list(),
    )
    assert offered_lines == ([-6.5], [248.5, 247.5])
    teams = pl.DataFrame({"game_id": [rows["game_id"][0]] * 2, "is_home": [True, False]})
    assert game_lines_of(teams, rows, **SETTINGS.lines.game_cascade).select(LINES).rows() == [(None,) * 4] * 2
    as_if = rows.with_columns(is_before_tipoff=pl.lit(True))
    assert game_lines_of(teams, as_if, **SETTINGS.lines.game_cascade).select(LINES).rows() == [
        (248.5, -6.5, 6.5, 127.5),
        (248.5, 6.5, 6.5, 121.0),
    ]


def test_quarantined_archive_lines_have_the_problems_of_the_rules(lines: pl.DataFrame) -> None:
    judged = reject_lines(lines)
    rejected = judged.filter(pl.col(PROBLEM).is_in(prop_lines.reasons_against_the_market()))
    # 5 more lines after tip-off have the name as their problem
    assert counts(rejected[PROBLEM]) == {prop_lines.AFTER_TIPOFF: 40_529, prop_lines.placeholder(): 76}
    assert counts(judged[IGNORED].drop_nulls()) == {prop_lines.too_low(): 935, prop_lines.of_low_ladder(): 8}
    late = rejected.filter(problem=prop_lines.AFTER_TIPOFF)
    assert (late.filter(market="player_points").height, late.filter(market="player_points_rebounds_assists").height) == (
        323,
        39_347,
    )
    # the placeholder rule affects only pick'em sites, which never set the market line
    assert set(rejected.filter(problem=prop_lines.placeholder())["book"]) == set(SETTINGS.lines.pickem_books)


def test_every_name_of_four_seasons_resolves_to_the_right_player_or_to_none(lines_before_the_games: pl.DataFrame) -> None:
    """Earlier, 70 rows of 36 spellings had no player, 17 of them Jimmy Butler, who is Jimmy Butler III in box scores."""
    truth = pl.read_parquet(SHARED / "data" / "player_name_variants.parquet").select(
        spelling="player_name_raw", true_id="player_id"
    )
    wrong = lines_before_the_games.join(truth, on="spelling").filter(pl.col("player_id") != pl.col("true_id"))
    assert wrong.is_empty(), wrong
    unresolved = lines_before_the_games.filter(pl.col("player_id").is_null())
    assert counts(unresolved["spelling"]) == {
        "J. Green": 4,
        "T. Young": 1,
        "C. Martin": 1,  # several players of the two teams
        "Jaden Ivey": 4,
        "Markelle Fultz": 2,
        "Kevin Porter Jr.": 1,  # no earlier game and on no list of active players
        "Dalton Knecht": 1,
        "Lonzo Ball": 1,
        "Wembanyama Victor": 1,
    }


def test_the_only_contradiction_of_the_archive_is_a_player_under_two_spellings(lines_before_the_games: pl.DataFrame) -> None:
    usable = lines_before_the_games.filter(pl.col(PROBLEM).is_null())
    once = merge_offers(usable, prop_lines.TABLE.key)
    torn = once.filter(pl.col(PROBLEM).is_not_null()).sort("spelling")
    assert torn.select("spelling", "book", "line", "over_price").rows() == [
        ("Jabari Smith", "bovada", 18.5, -105),
        ("Jabari Smith Jr", "bovada", 18.5, -110),
    ]
    assert once.height + once["copies"].sum() == usable.height


def test_quarantined_lines_change_no_market_line(lines: pl.DataFrame) -> None:
    usable = lines.filter(pl.col(PROBLEM).is_null(), pl.col("player_id").is_not_null())
    usable_lines = reject_lines(usable).filter(pl.col(PROBLEM).is_null(), pl.col(IGNORED).is_null())
    market = market_lines(usable_lines, **SETTINGS.lines.cascade)
    assert market.height == 2760  # 2756 while "Reggie Bullock" and "Jimmy Butler" needed the suffix of their box scores
    assert_frame_equal(market, market_lines(usable, **SETTINGS.lines.cascade), check_exact=True)


def test_the_accuracy_of_the_market_has_not_changed(lines: pl.DataFrame, archive: Archive) -> None:
    """Section 10 on every offered line. Its numbers include quarantined lines below 5."""
    pickem, is_latest = list(SETTINGS.lines.pickem_books), pl.col("is_latest_pregame")
    kind = pl.when(pl.col("book").is_in(pickem)).then(pl.lit("pick'em")).when(book="unknown").then(pl.lit("page"))
    offered = lines.filter(is_latest, pl.col("player_id").is_not_null(), market="player_points")
    main = offered.filter(is_main_line(["game_id", "spelling", "book"])).with_columns(
        kind.otherwise(pl.lit("sportsbooks")).alias("kind")
    )
    points = archive.boxscores(ALL_DATES).select("game_id", "player_id", "points")
    played = main.group_by("kind", "game_id", "player_id").agg(pl.col("line").median()).join(points, on=["game_id", "player_id"])
    miss = pl.col("points") - pl.col("line")
    actual = {
        row[0]: row[1:]
        for row in played.group_by("kind")
        .agg(
            pl.len(),
            miss.abs().mean(),
            (miss**2).mean().sqrt().alias("rmse"),
            miss.mean().alias("bias"),
            (miss > 0).mean().alias("over"),
            (miss < 0).mean().alias("under"),
        )
        .iter_rows()
    }
    assert actual == {
        "sportsbooks": pytest.approx((3640, 5.145, 6.626, 0.17, 0.481, 0.518), abs=0.005),
        "page": pytest.approx((13_326, 5.152, 6.624, 0.17, 0.488, 0.512), abs=0.005),
        "pick'em": pytest.approx((6145, 5.176, 6.579, 0.18, 0.480, 0.510), abs=0.005),
    }
    priced = (
        main.filter(kind="sportsbooks")
        .join(points, on=["game_id", "player_id"])
        .with_columns(
            no_vig_over_probability(),
            hold=implied_probability(pl.col("over_price")) + implied_probability(pl.col("under_price")) - 1,
        )
        .drop_nulls("no_vig_over_probability")
    )
    was_over = (pl.col("points") > pl.col("line")).cast(pl.Float64)
    brier = priced.select(((pl.col("no_vig_over_probability") - was_over) ** 2).mean()).item()
    assert (priced.height, round(brier, 5), priced["hold"].median()) == (29_501, 0.24950, pytest.approx(0.0693, abs=5e-5))


def test_the_archive_s_game_lines_are_of_games_and_never_used_live(archive: Archive) -> None:
    rows = archive.game_lines(ALL_DATES)
    good, bad = conformed(game_lines.TABLE, game_lines.reject_late_lines(game_lines.first_captured(rows)))
    kinds = counts(bad["problem"].str.replace("event [0-9a-f]+ ", "event "))
    assert (good.height, kinds) == (9464, {"event matches no game of the schedule": 68, "key_is_unique": 112})
    assert good.select("book", "snapshot_at", "is_before_tipoff", "price").unique().rows() == [("consensus", None, None, None)]
    final = archive.schedule(ALL_DATES).select("game_id", margin=pl.col("home_points") - pl.col("away_points"))
    judged = good.filter(outcome="home").join(final, on="game_id")
    assert judged.select((pl.col("line") + pl.col("margin")).mean().abs()).item() < 0.5
    assert judged.select(pl.corr("line", "margin")).item() < -0.4
    teams = good.select("game_id").unique().with_columns(is_home=pl.lit(True))
    assert game_lines_of(teams, good, **SETTINGS.lines.game_cascade).select(LINES).null_count().row(0) == (teams.height,) * 4


def test_team_totals_are_the_sums_of_the_players_and_give_the_golden_possessions(archive: Archive) -> None:
    totals, boxes = archive.team_boxscores(ALL_DATES), archive.boxscores(ALL_DATES)
    keys, statistics = ["game_id", "team"], list(STATISTICS)
    players = boxes.group_by(keys).agg(pl.col(*statistics).sum(), pl.col("minutes").sum())
    ours = totals.sort(keys).select(*keys, *statistics)
    assert ours.height == 9840
    assert_frame_equal(players.join(ours, on=keys, how="semi").sort(keys).select(ours.columns), ours)
    games = totals.join(players.select(*keys, overtimes=overtimes(pl.col("minutes"))), on=keys).with_columns(possessions())
    opponents = games.select("game_id", opponent="team", opponent_possessions="possessions")
    rated = games.join(opponents, on=["game_id", "opponent"]).with_columns(pace().alias("pace"), rating=offensive_rating())
    assert {
        name: (round(rated[name].mean(), 2), round(rated[name].min(), 2), round(rated[name].max(), 2))  # type: ignore[arg-type, type-var]
        for name in ("possessions", "pace", "rating")
    } == {"possessions": (101.01, 82.28, 132.04), "pace": (100.41, 84.66, 117.16), "rating": (112.29, 68.59, 163.04)}
