"""Validation of a table of shots: kept rows, quarantined rows with their problems, refused frames."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import nba_pipeline.assets as every_asset
from nba_pipeline.errors import PipelineError
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import LINEAGE, PROBLEM, Row, Table, code, count, number

DAY = date(2024, 3, 12)
NOON = datetime(2024, 3, 12, 16, tzinfo=UTC)


class ShotRows(Row):
    """Shots of a player in a game; the second key column is nullable."""

    game_id = dy.String(description="game")
    player_id = dy.Int64(nullable=True, description="player")
    team = code(["BOS", "NYK"], "tricode", nullable=True)
    made = count("shots made")
    tried = count("shots tried")
    share = number("made / tried", 0, 1)
    seen_at = dy.Datetime(nullable=True, time_zone="UTC", description="when it was seen")
    names = dy.List(dy.String(), nullable=True, description="a list column")

    @dy.rule()
    def makes_do_not_exceed_tries(cls) -> pl.Expr:  # noqa: N805
        """Made shots are at most the attempted shots."""
        return pl.col("made") <= pl.col("tried")


@pytest.fixture
def shots() -> Iterator[Table]:
    yield Table("test_table_shots", grain="player per game", key=("game_id", "player_id"), schema=ShotRows)
    del TABLES["test_table_shots"]


def a_shot(**columns: Any) -> dict[str, Any]:
    return {
        "game_date": DAY,
        "game_id": "1",
        "player_id": 7,
        "team": "BOS",
        "made": 1,
        "tried": 2,
        "share": 0.5,
        "seen_at": NOON,
        "names": ["a"],
        "source": "box 1",
    } | columns


def split(table: Table, *rows: dict[str, Any]) -> tuple[pl.DataFrame, pl.DataFrame]:
    return table.conform(pl.DataFrame(rows), NOON, "v1")


def problems(rejected: pl.DataFrame) -> list[tuple[int | None, str]]:
    """Player and problem of each quarantined row."""
    return [(json.loads(row)["player_id"], problem) for row, problem in rejected.select("row", "problem").iter_rows()]


def test_rows_are_cast_ordered_by_key_and_stamped(shots: Table) -> None:
    good, rejected = split(shots, a_shot(player_id="9", made=2.0, tried="3"), a_shot(player_id="8", made=1.0, tried="3"))
    stamped = {"as_of": NOON, "code_version": "v1"}
    expected = [a_shot(player_id=8, made=1, tried=3) | stamped, a_shot(player_id=9, made=2, tried=3) | stamped]
    assert_frame_equal(good, pl.DataFrame(expected, schema=shots.dtypes))
    assert rejected.is_empty()


def test_every_table_ends_in_its_lineage(shots: Table) -> None:
    assert tuple(shots.dtypes)[-3:] == LINEAGE
    assert_frame_equal(shots.empty(), split(shots, a_shot())[0].clear())


def test_a_row_that_breaks_a_rule_is_quarantined_under_the_rule(shots: Table) -> None:
    good, rejected = split(shots, a_shot(), a_shot(player_id=8, made=3, tried=2))
    row = a_shot(player_id=8, made=3, tried=2, game_date=str(DAY), seen_at=str(NOON))
    assert good["player_id"].to_list() == [7]
    assert rejected.drop("row").rows(named=True) == [
        {"table": shots.name, "game_date": DAY, "problem": "makes_do_not_exceed_tries", "source": "box 1", "as_of": NOON}
    ]
    assert json.loads(rejected["row"][0]) == {name: value for name, value in row.items() if name != "source"}


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"team": "SEA"}, "team|check"),
        ({"made": -1}, "made|min"),
        ({"share": 1.5}, "share|max"),
        ({"share": float("nan")}, "share|max, share|nan"),
        ({"share": float("inf")}, "share|inf, share|max"),
        ({"game_date": None}, "game_date|nullability"),
        ({"made": 3, "team": "SEA"}, "makes_do_not_exceed_tries, team|check"),
    ],
    ids=str,
)
def test_each_problem_has_a_name(shots: Table, columns: dict[str, Any], problem: str) -> None:
    good, rejected = split(shots, a_shot(), a_shot(player_id=8, **columns))
    assert good["player_id"].to_list() == [7]
    ((player_id, named),) = problems(rejected)
    assert (player_id, sorted(named.split(", "))) == (8, problem.split(", "))


def test_a_player_without_statistics_breaks_no_rule(shots: Table) -> None:
    good, rejected = split(shots, a_shot(made=None, tried=None, share=None, team=None))
    assert (good.height, rejected.height) == (1, 0)


def test_every_copy_of_a_key_whose_copies_differ_is_quarantined(shots: Table) -> None:
    good, rejected = split(shots, a_shot(made=1), a_shot(made=2), a_shot(player_id=8))
    assert good["player_id"].to_list() == [8]
    assert problems(rejected) == [(7, "key_is_unique"), (7, "key_is_unique")]


def test_equal_rows_are_one_row(shots: Table) -> None:
    good, rejected = split(shots, a_shot(), a_shot(), a_shot())
    assert (good.height, rejected.height) == (1, 0)


def test_the_same_row_from_two_payloads_is_one_row(shots: Table) -> None:
    good, rejected = split(shots, a_shot(source="box 1"), a_shot(source="box 2"))
    assert (good["source"].to_list(), rejected.height) == (["box 1"], 0)


def test_nulls_in_a_key_count_as_equal(shots: Table) -> None:
    good, rejected = split(shots, a_shot(player_id=None), a_shot(player_id=None, made=2), a_shot())
    assert good["player_id"].to_list() == [7]
    assert problems(rejected) == [(None, "key_is_unique")] * 2
    good, rejected = split(shots, a_shot(player_id=None, made=3), a_shot())
    assert (good["player_id"].to_list(), rejected["problem"].to_list()) == ([7], ["makes_do_not_exceed_tries"])


def test_only_a_row_with_a_problem_is_quarantined(shots: Table) -> None:
    unresolved = {PROBLEM: "nobody is called 'Dončić, L.'", "player_id": None, "names": ["Dončić"]}
    good, rejected = split(shots, a_shot(**{PROBLEM: None}), a_shot(**unresolved), a_shot(**unresolved))
    assert good["player_id"].to_list() == [7]
    assert problems(rejected) == [(None, "nobody is called 'Dončić, L.'")] * 2
    assert "Dončić" in rejected["row"][0]  # operators copy the spelling from here


def test_a_row_with_a_problem_may_have_values_of_another_type(shots: Table) -> None:
    rows = [a_shot(made="one", **{PROBLEM: "made is no number"}), a_shot(player_id=8, made="1", **{PROBLEM: None})]
    good, rejected = split(shots, *rows)
    assert good["made"].to_list() == [1]
    assert json.loads(rejected["row"][0])["made"] == "one"


def test_a_quarantined_row_with_any_value_is_json(shots: Table) -> None:
    _, rejected = split(shots, a_shot(share=float("nan")), a_shot(player_id=8, share=float("inf")))
    shares = [json.loads(row, parse_constant=pytest.fail)["share"] for row in rejected["row"]]
    assert sorted(shares) == ["inf", "nan"]


def test_an_empty_frame_satisfies_every_rule(shots: Table) -> None:
    good, rejected = shots.conform(shots.empty().drop("as_of", "code_version"), NOON, "v1")
    assert_frame_equal(good, shots.empty())
    assert rejected.is_empty()


def test_missing_and_unknown_columns_are_refused_by_name(shots: Table) -> None:
    rows = pl.DataFrame([a_shot(colour="red")]).drop("made")
    with pytest.raises(PipelineError, match=r"test_table_shots: missing columns: made; unknown columns: colour"):
        shots.conform(rows, NOON, "v1")


@pytest.mark.parametrize("columns", [{"made": "two"}, {"made": 1.5e300}, {"game_date": "someday"}], ids=str)
def test_a_value_that_does_not_fit_its_type_is_refused(shots: Table, columns: dict[str, Any]) -> None:
    with pytest.raises(PipelineError, match=r"^test_table_shots: a value cannot be cast to its type: .*"):
        split(shots, a_shot(**columns))


def test_a_row_of_a_ledger_has_nulls_for_absent_values(shots: Table) -> None:
    row = {name: value for name, value in a_shot().items() if name not in ("team", "names")}
    assert_frame_equal(shots.row(row, NOON, "v1"), split(shots, a_shot(team=None, names=None))[0])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"made": 3}, "test_table_shots: the row 1 7 is invalid: makes_do_not_exceed_tries"),
        ({"game_id": None}, "test_table_shots: the row None 7 is invalid: game_id|nullability"),
        ({"maed": 1}, "test_table_shots: unknown columns: maed"),
    ],
    ids=str,
)
def test_an_invalid_row_of_a_ledger_is_refused(shots: Table, columns: dict[str, Any], message: str) -> None:
    with pytest.raises(PipelineError) as refusal:
        shots.row(a_shot(**columns), NOON, "v1")
    assert str(refusal.value) == message


def test_two_tables_cannot_share_a_name(shots: Table) -> None:
    with pytest.raises(PipelineError, match=f"table name test_table_shots is used twice: in {__name__} and {__name__}$"):
        Table(shots.name, grain="another", key=("game_id",), schema=ShotRows)
    assert TABLES[shots.name] is shots


def test_the_dagster_schema_has_ranges_grain_and_key(shots: Table) -> None:
    dagster_schema = shots.column_schema()
    share = next(column for column in dagster_schema.columns if column.name == "share")
    assert (share.type, share.description, share.constraints.other) == ("Float64", "made / tried", ["min 0", "max 1"])
    assert share.constraints.nullable
    assert dagster_schema.constraints and dagster_schema.constraints.other == [
        "one row per player per game",
        "key: game_id, player_id",
    ]


def test_every_column_of_every_table_has_a_description() -> None:
    dg.load_assets_from_package_module(every_asset)
    silent = [f"{name}.{c.name}" for name, table in TABLES.items() for c in table.column_schema().columns if not c.description]
    assert not silent, f"give these columns a description=: {', '.join(silent)}"


def test_every_key_column_compares_exactly() -> None:
    dg.load_assets_from_package_module(every_asset)
    odd = [f"{t.name}.{c}" for t in TABLES.values() for c in t.key if c not in t.dtypes or t.dtypes[c].is_float()]
    assert not odd, f"a key column must exist and not be a float, which compares by luck: {', '.join(odd)}"
