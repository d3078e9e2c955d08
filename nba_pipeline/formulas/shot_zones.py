"""Shot locations and their circumstances, from play-by-play: three zones, based on the league's own areas.

Distances are never used: corner threes are about 22.5 feet away, so a rule of 23.75 feet loses 18 of 74 threes in game
0022400500. If counts disagree with the box score, the whole group is null.
"""

from collections.abc import Iterable

import polars as pl

ZONES = ("paint", "mid_range", "three_point")
PAINT_AREAS = ("Restricted Area", "In The Paint (Non-RA)")
OTHER_AREAS = ("Mid-Range", "Left Corner 3", "Right Corner 3", "Above the Break 3", "Backcourt")
HEAVE = "heave"
"""A shot from beyond half-court in the last seconds of a period. Since 2025-26 a missed one counts for the team only."""
FIELD_GOALS = ("2pt", "3pt", HEAVE)
FREE_THROW = "freethrow"
ONE_OF_ONE = "1 of 1"

TEAM_ZONE_COLUMNS = tuple(f"{zone}_{count}" for zone in ZONES for count in ("fga", "fgm"))
BLOCK_COLUMNS = tuple(f"{zone}_blocks" for zone in ZONES)
ZONE_COLUMNS = (*TEAM_ZONE_COLUMNS, "assisted_fgm", "unassisted_fgm", "and_ones", *BLOCK_COLUMNS)
PLAYER = ("game_id", "player_id")


def is_field_goal() -> pl.Expr:
    """Whether an action is a field-goal attempt. Ignores case, because the league's stats site capitalizes "Heave"."""
    return _action_type().is_in(FIELD_GOALS)


def is_team_heave() -> pl.Expr:
    """Whether an attempt counts for the team and not for a player: a missed heave by any shooter.

    Documented: an action "Heave" ("Team Field Goal Attempt") without a person, in the play-by-play of the league's stats
    site. Undocumented but plausible, and treated in the same way: "heave" with its shooter, and a missed three without a player.
    """
    has_no_shooter = (_action_type() == "3pt") & pl.col("player_id").is_null()
    # no result means missed: a made heave is credited to its shooter
    return ((_action_type() == HEAVE) | has_no_shooter) & ~pl.col("is_made").fill_null(False)


def zone() -> pl.Expr:
    """Zone of a field-goal attempt, from `action_type` and `area`: three_point, paint or mid_range.

    3pt and heave -> three_point; 2pt in the restricted area or elsewhere in the paint -> paint; 2pt in any other known area ->
    mid_range. Null for a 2pt with a missing or unknown area, and for other actions.

    >>> shots = pl.DataFrame({"action_type": ["3pt", "2pt", "2pt", "2pt"], "area": [None, "Restricted Area", "Mid-Range", "?"]})
    >>> shots.select(zone()).to_series().to_list()
    ['three_point', 'paint', 'mid_range', None]
    """
    is_two = _action_type() == "2pt"
    return (
        pl.when(_action_type().is_in(["3pt", HEAVE]))
        .then(pl.lit("three_point"))
        .when(is_two & pl.col("area").is_in(PAINT_AREAS))
        .then(pl.lit("paint"))
        .when(is_two & pl.col("area").is_in(OTHER_AREAS))
        .then(pl.lit("mid_range"))
        .alias("zone")
    )


def player_zones(play_by_play: pl.DataFrame) -> pl.DataFrame:
    """Returns counts by zone: one row per game_id and player_id of a player who shot or blocked a shot.

    Counts are 0 if nothing happened. A missed heave is not an attempt of a player. Assisted: a made field goal with an
    assisting player. And-one: a made field goal followed by a one-of-one free throw of the same player at the same clock.
    A block counts in the zone of the shot. `checked_zones` uses the extra columns `ftm` and `blocked_shots`.
    """
    actions = play_by_play.lazy()
    shots = actions.filter(is_field_goal()).with_columns(zone())
    made = pl.col("is_made")
    has_assist = pl.col("assist_player_id").is_not_null()
    shooting = (
        shots.filter(~is_team_heave())
        .group_by(PLAYER)
        .agg(
            *_attempts_and_makes(),
            (made & has_assist).sum().alias("assisted_fgm"),
            (made & ~has_assist).sum().alias("unassisted_fgm"),
        )
    )
    throwing = actions.filter(pl.col("action_type") == FREE_THROW).group_by(PLAYER).agg(made.sum().alias("ftm"))
    blocking = (
        shots.filter(pl.col("block_player_id").is_not_null())
        .group_by("game_id", pl.col("block_player_id").alias("player_id"))
        .agg(*[(pl.col("zone") == name).sum().alias(f"{name}_blocks") for name in ZONES], pl.len().alias("blocked_shots"))
    )
    return (
        pl.concat([shooting, throwing, blocking, _and_ones(actions, shots)], how="diagonal")
        .filter(pl.col("player_id").is_not_null())
        .group_by(PLAYER)
        .agg(pl.col(*ZONE_COLUMNS, "ftm", "blocked_shots").sum().cast(pl.Int64))
        .sort(PLAYER)
        .collect()
    )


def team_zones(play_by_play: pl.DataFrame) -> pl.DataFrame:
    """Returns attempts and makes by zone, including the team's missed heaves: one row per game_id and team that shot."""
    return _team_shots(play_by_play).select("game_id", "team", *TEAM_ZONE_COLUMNS)


def listed_heaves(play_by_play: pl.DataFrame) -> pl.DataFrame:
    """Returns the number of missed heaves that count for the team only: one row per game_id and team that shot."""
    return _team_shots(play_by_play).select("game_id", "team", "listed_heaves")


def checked_zones(zones: pl.DataFrame, boxscores: pl.DataFrame) -> pl.DataFrame:
    """Adds the zone columns and has_complete_zones to each player's game. The same rows in and out.

    Zones are complete if attempts = fga, makes = fgm, 2 (paint + mid range) + 3 threes + ftm = points, and every blocked
    shot has a zone. Otherwise the whole group is null and has_complete_zones is false. All columns are null for players who
    did not play and for games without play-by-play. A player without such actions, in a game with play-by-play, has 0.
    """
    listed = zones.rename({"ftm": "listed_ftm"})
    has_play_by_play = pl.col("game_id").is_in(zones["game_id"].unique().implode())
    points = 2 * (pl.col("paint_fgm") + pl.col("mid_range_fgm")) + 3 * pl.col("three_point_fgm") + pl.col("listed_ftm")
    agrees = _agrees_with_the_box() & (points == pl.col("points")) & (pl.sum_horizontal(BLOCK_COLUMNS) == pl.col("blocked_shots"))
    return (
        boxscores.join(listed, on=PLAYER, how="left", maintain_order="left")
        .with_columns(pl.col(*ZONE_COLUMNS, "listed_ftm", "blocked_shots").fill_null(0))
        .with_columns(pl.when(has_play_by_play & pl.col("did_play")).then(agrees.fill_null(False)).alias("has_complete_zones"))
        .with_columns(_null_unless(pl.col("has_complete_zones"), ZONE_COLUMNS))
        .select(*boxscores.columns, *ZONE_COLUMNS, "has_complete_zones")
    )


def with_zones(player_games: pl.DataFrame, play_by_play: pl.DataFrame) -> pl.DataFrame:
    """Adds the counts by zone to each player's game, see `checked_zones`. The same rows in and out."""
    return checked_zones(player_zones(play_by_play), player_games)


def with_team_zones(team_games: pl.DataFrame, play_by_play: pl.DataFrame, heaves: pl.Expr | None = None) -> pl.DataFrame:
    """Adds attempts and makes by zone to each team's game. The same rows in and out.

    Args:
        team_games: fga and fgm of each team, with or without its heaves.
        play_by_play: The actions, with or without the heaves.
        heaves: Attempts in fga that count for the team only. Default: none.

    All of the columns are null without play-by-play, if the makes differ from the team's, or if the attempts differ from fga
    both with and without the heaves.
    """
    attempts, makes = _sum_of_zones("fga"), _sum_of_zones("fgm")
    of_players = pl.col("fga") - (pl.lit(0) if heaves is None else heaves)
    agrees = (makes == pl.col("fgm")) & ((attempts == pl.col("fga")) | (attempts - pl.col("listed_heaves") == of_players))
    return (
        team_games.join(_team_shots(play_by_play), on=["game_id", "team"], how="left", maintain_order="left")
        .with_columns(_null_unless(agrees, TEAM_ZONE_COLUMNS))
        .drop("listed_heaves")
    )


def _team_shots(play_by_play: pl.DataFrame) -> pl.DataFrame:
    shots = play_by_play.lazy().filter(is_field_goal() & pl.col("team").is_not_null())
    heaves = is_team_heave().sum().alias("listed_heaves")
    of_team = shots.with_columns(zone()).group_by("game_id", "team").agg(*_attempts_and_makes(), heaves)
    counts = pl.col(*TEAM_ZONE_COLUMNS, "listed_heaves").cast(pl.Int64)
    return of_team.select("game_id", "team", counts).sort("game_id", "team").collect()


def _attempts_and_makes() -> list[pl.Expr]:
    in_zone = {name: pl.col("zone") == name for name in ZONES}
    attempts = [taken.sum().alias(f"{name}_fga") for name, taken in in_zone.items()]
    return attempts + [(taken & pl.col("is_made")).sum().alias(f"{name}_fgm") for name, taken in in_zone.items()]


def _and_ones(actions: pl.LazyFrame, shots: pl.LazyFrame) -> pl.LazyFrame:
    hundredths_left = (pl.col("period_seconds_left") * 100).round().cast(pl.Int64).alias("hundredths_left")
    moment = (*PLAYER, "period", hundredths_left)
    made = shots.filter("is_made").select(*moment, "order_number")
    is_bonus = (pl.col("action_type") == FREE_THROW) & (pl.col("sub_type") == ONE_OF_ONE)
    free_throws = actions.filter(is_bonus).select(*moment, pl.col("order_number").alias("thrown_after"))
    return (
        made.join(free_throws, on=[*PLAYER, "period", "hundredths_left"])
        .filter(pl.col("thrown_after") > pl.col("order_number"))
        .group_by(PLAYER)
        .agg(pl.col("order_number").n_unique().alias("and_ones"))
    )


def _agrees_with_the_box() -> pl.Expr:
    return (_sum_of_zones("fga") == pl.col("fga")) & (_sum_of_zones("fgm") == pl.col("fgm"))


def _sum_of_zones(count: str) -> pl.Expr:
    return pl.sum_horizontal(f"{name}_{count}" for name in ZONES)


def _action_type() -> pl.Expr:
    return pl.col("action_type").str.to_lowercase()


def _null_unless(is_complete: pl.Expr, columns: Iterable[str]) -> list[pl.Expr]:
    return [pl.when(is_complete).then(column).alias(column) for column in columns]
