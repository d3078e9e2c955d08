"""Pandas frames that satisfy a table's schema: column order, dtypes, nulls, bounds and key.

This is the only conversion from polars to pandas, for notebooks. pandas and dagster-pandas are
imported in functions, because importing them takes a second.

    polars          pandas                                   because
    Int64           Int64                                    int64 cannot hold a null and would silently become a float
    Float64         Float64                                  null (unknown) and NaN (an error) stay distinct
    Boolean         boolean                                  bool cannot hold a null and would become an object
    String          string                                   an object column may hold anything
    Date            datetime64[us]                           pandas has no date type; midnight, without a time zone
    Datetime UTC    datetime64[us, UTC]                      lossless, also for years out of range for nanoseconds
    List            large_list<item: ...>[pyarrow]           an object column has no item type

dagster-pandas provides the type, its description in Dagster's UI and its summary. Its own value constraints are not used. They
copy the frame once per constraint, report nulls as out of range, accept infinities and duplicate multi-column keys, require
nanoseconds, and print `<zip object>` or the whole frame instead of the value.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from functools import lru_cache
from typing import Any

import dagster as dg
import dataframely as dy
import numpy as np
import polars as pl

from nba_pipeline.errors import Permanent, wrong_columns
from nba_pipeline.tables.table import Table
from nba_pipeline.tables.value_checks import MAX_VALUES_SHOWN, SIGNIFICANT_DIGITS, SUMMARY_COLUMNS
from nba_pipeline.tables.wording import counted


@lru_cache
def typed_frame(table: Table) -> dg.DagsterType:
    """The type of a pandas frame with all columns of a table, for any dates."""
    return frame_type(table.name, table.columns, key=table.key, about=f"One row per {table.grain}.")


def frame_type(name: str, columns: Mapping[str, dy.Column], key: Sequence[str] = (), about: str = "") -> dg.DagsterType:
    """The type of a pandas frame with exactly these columns, in this order, and a unique `key`.

    A failure is one message with the type's name, the column and the values. Multi-column rules and lists of allowed text are
    checked when a row is written, and not again here.
    """
    library, empty = _dagster_pandas(), to_pandas(pl.DataFrame(schema={c: column.dtype for c, column in columns.items()}))

    def constraint(base: type, description: str, problem: Callable[..., str]) -> Any:
        def validate(self: Any, frame: Any, *column: str) -> None:
            if problem_text := problem(frame, *column):
                raise library.constraints.ConstraintViolationException(f"{name}: {problem_text}")

        return type("Constraint", (base,), {"validate": validate})(description, description)

    def column_of(column: str) -> Any:
        definition, dtype = columns[column], str(empty[column].dtype)
        of_column = library.constraints.ColumnConstraint
        constraints = [
            constraint(of_column, f"`{dtype}` {definition.description or ''}", lambda f, c: _dtype_problem(f, c, dtype))
        ]
        constraints += [
            constraint(of_column, rule, lambda f, c, bad=is_invalid, rule=rule: _value_problem(f, c, bad(f[c]), rule, key))
            for rule, is_invalid in _constraints_of(definition).items()
        ]
        # not required here, because the frame's constraint reports missing columns
        return library.PandasColumn(column, constraints=constraints, is_required=False)

    of_frame, expected = library.constraints.DataFrameConstraint, list(columns)
    shape = [constraint(of_frame, f"columns {', '.join(expected)}", lambda frame: _columns_problem(frame, expected))]
    unique = [constraint(of_frame, f"{', '.join(key)} is unique", lambda frame: _key_problem(frame, key))] if key else []
    dagster_type: dg.DagsterType = library.create_dagster_pandas_dataframe_type(
        name=f"{name}_frame",
        description=about,
        columns=[column_of(column) for column in columns],
        dataframe_constraints=[*shape, *unique],
        metadata_fn=summary,
    )
    return dagster_type


def checked(rows: pl.DataFrame, frame_type: dg.DagsterType) -> tuple[Any, Mapping[str, dg.MetadataValue]]:
    """The rows as a pandas frame, and its summary. Raises Permanent if they violate the type."""
    frame = to_pandas(rows)
    # dg.check_dagster_type first starts an instance and a run, which takes a second; dagster-pandas does not use the context.
    result = frame_type.type_check(None, frame)  # type: ignore[arg-type]
    if not result.success:
        raise Permanent(str(result.description))
    return frame, result.metadata


def to_pandas(rows: pl.DataFrame) -> Any:
    """Converts rows to pandas without loss; the module docstring lists the dtypes. Raises Permanent for a type without one."""
    import pyarrow as pa  # noqa: PLC0415

    unsupported = [f"{name} {kind}" for name, kind in rows.schema.items() if not isinstance(kind, CONVERTIBLE)]
    if unsupported:
        raise Permanent(f"no pandas dtype is defined for {', '.join(unsupported)}; see tables/pandas_types.py")
    pd = _pandas()
    dtypes = {
        pa.int64(): pd.Int64Dtype(),
        pa.float64(): pd.Float64Dtype(),
        pa.bool_(): pd.BooleanDtype(),
        pa.large_string(): pd.StringDtype("pyarrow"),
    }

    def dtype_of(kind: Any) -> Any:
        return pd.ArrowDtype(kind) if pa.types.is_large_list(kind) else dtypes.get(kind)

    return rows.with_columns(pl.col(pl.Date).cast(pl.Datetime("us"))).to_arrow().to_pandas(types_mapper=dtype_of)


CONVERTIBLE = (pl.Int64, pl.Float64, pl.Boolean, pl.String, pl.Date, pl.Datetime, pl.List)


def summary(frame: Any) -> dict[str, Any]:
    """Row and column counts, the share of nulls, and per column minimum, mean and maximum if it is numeric."""
    pd, records = _pandas(), []
    for name, values in frame.items():
        is_number = pd.api.types.is_numeric_dtype(values.dtype) and not pd.api.types.is_bool_dtype(values.dtype)
        range_of = (values.min(), values.mean(), values.max()) if is_number else (None,) * 3
        numbers = (_rounded(number) for number in (values.isna().mean(), *range_of))
        record = dict(zip(SUMMARY_COLUMNS, (name, str(values.dtype), *numbers), strict=True))
        records.append(dg.TableRecord(record))
    columns = [dg.TableColumn(name, kind) for name, kind in SUMMARY_COLUMNS.items()]
    share = {"null_pct": _rounded(frame.isna().to_numpy().mean())} if frame.size else {}
    table = dg.MetadataValue.table(records, schema=dg.TableSchema(columns))
    return {"rows": len(frame), "columns": len(frame.columns), **share, "summary": table}


def _rounded(value: Any) -> float | None:
    """A number rounded for display; None for a missing value."""
    return None if _pandas().isna(value) else float(f"{value:.{SIGNIFICANT_DIGITS}g}")


def _constraints_of(definition: dy.Column) -> dict[str, Callable[[Any], Any]]:
    """Message of each violated constraint -> function that returns a mask of the violating values."""
    low, high = (_comparable(getattr(definition, bound, None)) for bound in ("min", "max"))
    masks: dict[str, Callable[[Any], Any]] = {}
    if not definition.nullable:
        masks["is null"] = lambda values: values.isna()
    if isinstance(definition, dy.Float64 | dy.Float):
        masks["is not finite"] = lambda values: ~np.isfinite(values)
    if low is not None:
        masks[f"is below {low}"] = lambda values: values < low
    if high is not None:
        masks[f"is above {high}"] = lambda values: values > high
    return masks


def _comparable(bound: Any) -> Any:
    """A bound in a type that pandas can compare."""
    return _pandas().Timestamp(bound) if isinstance(bound, date) else bound


def _value_problem(frame: Any, column: str, is_invalid: Any, rule: str, key: Sequence[str]) -> str:
    """The message about the violating values; empty without any."""
    if not is_invalid.any():  # comparisons with null are null, which counts as valid
        return ""
    positions = np.flatnonzero(is_invalid.fillna(False).to_numpy(bool))
    examples = [f"{frame[column].iloc[n]} ({_row(frame, n, key)})" for n in positions[:MAX_VALUES_SHOWN]]
    return f"column {column} {rule} in {len(positions)} of {len(frame)} rows: {', '.join(examples)}"


def _row(frame: Any, position: int, key: Sequence[str]) -> str:
    names = [name for name in key if name in frame.columns]
    return ", ".join(f"{name} {frame[name].iloc[position]}" for name in names) or f"row {position}"


def _dtype_problem(frame: Any, column: str, dtype: str) -> str:
    dtypes = [str(kind) for name, kind in frame.dtypes.items() if name == column]
    return "" if dtypes == [dtype] else f"column {column} is {' and '.join(dtypes)}, not {dtype}"


def _columns_problem(frame: Any, expected: Sequence[str]) -> str:
    actual = list(frame.columns)
    if actual == expected:
        return ""
    missing, unknown = [name for name in expected if name not in actual], [name for name in actual if name not in expected]
    if missing or unknown:
        return wrong_columns(missing, unknown)
    position = next(
        n for n, (actual_name, expected_name) in enumerate(zip(actual, expected, strict=False)) if actual_name != expected_name
    )
    return f"columns in another order: position {position} is {actual[position]}, not {expected[position]}"


def _key_problem(frame: Any, key: Sequence[str]) -> str:
    positions = np.flatnonzero(frame.duplicated(list(key)).to_numpy())
    rows = "; ".join(_row(frame, n, key) for n in positions[:MAX_VALUES_SHOWN])
    repeated = f"{counted(len(positions), 'row')} {'repeats' if len(positions) == 1 else 'repeat'} an earlier key"
    return f"columns {', '.join(key)} are not unique: {repeated}: {rows}" if len(positions) else ""


def _pandas() -> Any:
    import pandas  # type: ignore[import-untyped]  # noqa: PLC0415

    return pandas


def _dagster_pandas() -> Any:
    import dagster_pandas  # noqa: PLC0415

    return dagster_pandas
