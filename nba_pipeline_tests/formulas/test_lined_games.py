"""A player against closing lines: the games that count, never including the game itself."""

import random
from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.formulas.lined_games import LINED, with_lined_games
from nba_pipeline_tests.builders import DAY, PLAYER, before

SCHEMA = {
    "game_date": pl.Date(),
    "game_id": pl.String(),
    "player_id": pl.Int64(),
    "season": pl.String(),
    "did_play": pl.Boolean(),
    "points": pl.Int64(),
    "closing_line": pl.Float64(),
}
ROW = pl.DataFrame({"game_date": [DAY], "game_id": ["now"], "player_id": [PLAYER], "season": ["2023-24"]})

YESTERDAY = before(1)

Game = tuple[int | None, float | None]


def games_of(*games: Game, last: date = YESTERDAY, player: int = PLAYER, season: str = "2023-24") -> pl.DataFrame:
    """Returns one game per day up to `last`, from (points, closing line). Without points, the player did not play."""
    dates = [last - timedelta(days=n) for n in reversed(range(len(games)))]
    rows = [
        (day, f"{day}", player, season, points is not None, points, line)
        for day, (points, line) in zip(dates, games, strict=True)
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")


def lined(*frames: pl.DataFrame) -> dict[str, float | None]:
    found = with_lined_games(ROW, pl.concat(frames))
    assert_frame_equal(found.select(ROW.columns), ROW)
    return found.select(LINED).row(0, named=True)


@pytest.mark.parametrize(
    ("games", "over", "under"),
    [
        ([(10, 12.5), (20, 12.5), (21, 20.5)], 2, 0),
        ([(20, 12.5), (10, 12.5)], 0, 1),
        ([(20, 12.5), (20, 20.0)], 0, 0),
        ([(10, 20.0), (20, 20.0), (30, 20.0)], 1, 0),
        ([(30, 20.5)] * 3, 3, 0),
    ],
    ids=["two over", "one under", "a push ends both", "a push begins anew", "all of the season"],
)
def test_a_streak_is_the_run_of_one_result(games: list[Game], over: int, under: int) -> None:
    found = lined(games_of(*games))
    assert (found["over_streak_lined_games"], found["under_streak_lined_games"]) == (over, under)


def test_a_game_without_a_line_or_without_him_is_no_lined_game() -> None:
    found = lined(games_of((30, 20.5), (30, None), (None, 20.5), (30, 21.5)))
    assert (found["over_streak_lined_games"], found["previous_closing_line"]) == (2, 21.5)


def test_the_mean_needs_three_lined_games_and_covers_five() -> None:
    margins = [100, 1, 2, 3, 4, 5]
    means = [
        lined(games_of(*[(20 + margin, 19.5) for margin in margins[:n]]))["points_minus_closing_line_mean_last_5_lined_games"]
        for n in (2, 3, 6)
    ]
    assert means == [None, pytest.approx(103 / 3 + 0.5), 3.5]


def test_the_share_needs_five_lined_games_covers_ten_and_counts_a_push_as_not_over() -> None:
    games: list[Game] = [(30, 20.5)] * 3 + [(20, 20.0)] + [(10, 20.5)] * 7
    shares = [lined(games_of(*games[:n]))["over_pct_last_10_lined_games"] for n in (4, 5, 11)]
    assert shares == [None, 0.6, 0.2]


def test_a_player_has_no_streak_before_his_first_lined_game() -> None:
    assert lined(games_of((30, None))) == dict.fromkeys(LINED)
    assert lined(games_of((30, 20.5), season="2022-23", last=before(300))) == dict.fromkeys(LINED)
    assert lined(games_of((30, 20.5), player=1)) == dict.fromkeys(LINED)


def test_the_game_itself_and_later_games_do_not_count() -> None:
    past = games_of((30, 20.5), (30, 21.5), (10, 20.0))
    later = games_of((99, 1.5), (99, 1.5), last=before(-1))
    assert lined(past, later) == lined(past)


def history(players: int, games: int) -> pl.DataFrame:
    chance = random.Random(5)
    return pl.concat(
        games_of(
            *[(chance.randrange(40), chance.choice([None, 20.0, 20.5, 15.5, 25.0])) for _ in range(games)],
            player=player,
            season=season,
            last=last,
        )
        for player in range(players)
        for season, last in (("2022-23", before(300)), ("2023-24", before(-10)))
    )


def test_windows_equal_their_definitions() -> None:
    played = history(6, 60)
    rows = played.select("game_date", "game_id", "player_id", "season")
    found = with_lined_games(rows, played).sort("player_id", "game_date")
    for row in found.iter_rows(named=True):
        past = played.filter(
            pl.col("game_date") < row["game_date"],
            pl.col("closing_line").is_not_null(),
            player_id=row["player_id"],
            season=row["season"],
        ).sort("game_date")
        margins = [points - line for points, line in past.select("points", "closing_line").iter_rows()]
        over = next((n for n, margin in enumerate(reversed(margins)) if margin <= 0), len(margins))
        under = next((n for n, margin in enumerate(reversed(margins)) if margin >= 0), len(margins))
        last_ten, last_five = margins[-10:], margins[-5:]
        assert [row[name] for name in LINED] == [
            over if margins else None,
            under if margins else None,
            sum(m > 0 for m in last_ten) / len(last_ten) if len(margins) >= 5 else None,
            sum(last_five) / len(last_five) if len(margins) >= 3 else None,
            past["closing_line"][-1] if margins else None,
        ]


def test_one_date_alone_has_the_same_bits_as_a_season() -> None:
    played = history(5, 80).sample(fraction=1, shuffle=True, seed=3)
    rows = played.select("game_date", "game_id", "player_id", "season")
    together = with_lined_games(rows, played)
    for day in (before(60), before(7), DAY):
        alone = with_lined_games(rows.filter(game_date=day), played.filter(pl.col("game_date") < day))
        order = ["player_id", "game_id"]
        assert_frame_equal(alone.sort(order), together.filter(game_date=day).sort(order), check_exact=True)
