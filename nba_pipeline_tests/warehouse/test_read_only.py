"""`sql` only reads: attacks with every statement type of DuckDB, with every file function, and on the engine alone.

Two clean-ups would break this silently. Without `temp_directory = ''` DuckDB reads and writes `.tmp` in the current folder
even without external access. With only the parser's statement type, `WITH x AS (COPY ... TO ...)` is a SELECT.
"""

import hashlib
import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

import duckdb
import polars as pl
import pytest
from polars.testing import assert_frame_equal

import nba_pipeline.definitions  # noqa: F401  # registers every table
from nba_pipeline.errors import BadInput
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA, TABLES
from nba_pipeline.warehouse import local_sql, read_only, views
from nba_pipeline.warehouse.home_format import FORMAT, write_format
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.months import Part

DAY = date(2024, 3, 12)
LEDGER_ROWS = 311
MARKER = "content-of-a-file"
"""Text in every file that is not parquet. No answer may contain it."""

ATTACKS: dict[str, list[str]] = {
    "INVALID": ["", ";", "-- nothing", "nonsense", "SELECT 'unfinished"],
    "SELECT": [
        "WITH x AS (COPY (SELECT * FROM predictions LIMIT 1) TO '{ledger}' (FORMAT parquet)) SELECT * FROM x",
        "WITH x AS (INSERT INTO predictions SELECT * FROM predictions RETURNING *) SELECT * FROM x",
        "WITH x AS (UPDATE predictions SET line = 0 RETURNING *) SELECT * FROM x",
        "WITH x AS (DELETE FROM predictions RETURNING *) SELECT * FROM x",
        "SELECT * FROM (WITH x AS (COPY predictions TO '{home}/stolen.csv') FROM x)",
        "SELECT 1; SELECT 2",
        "SELECT 1; COPY (SELECT 1) TO '{ledger}'",
        "SELECT * FROM '{ledger}'",
        "SELECT * FROM '{home}/tables/predictions/*/part.parquet'",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM '.tmp/spilled.csv'",
        "SELECT * FROM read_text('.tmp/spilled.csv')",
        "SELECT * FROM read_text('{home}/dagster/runs.db')",
        "SELECT * FROM read_blob('{home}/dagster/runs.db')",
        "SELECT * FROM read_csv('{home}/dagster/runs.db', header = false)",
        "SELECT * FROM sqlite_scan('{home}/dagster/runs.db', 'runs')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM read_text('file:///etc/passwd')",
        "SELECT * FROM read_text('/proc/self/environ')",
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM sniff_csv('/etc/passwd')",
        "SELECT * FROM read_json('{home}/landing/journal/2024-03-12.jsonl')",
        "SELECT * FROM read_ndjson_objects('{home}/landing/journal/*.jsonl')",
        "SELECT * FROM read_parquet('{ledger}')",
        "SELECT * FROM parquet_metadata('{ledger}')",
        "SELECT * FROM parquet_kv_metadata('{ledger}')",
        "SELECT * FROM glob('{home}/**')",
        "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
        "SELECT * FROM 'https://127.0.0.1:9/x.csv'",
        "SELECT * FROM 's3://bucket/x.parquet'",
        "SELECT getenv('HOME')",
        "SELECT * FROM query('COPY (SELECT 1) TO ''{ledger}''')",
        "SELECT * FROM query('SELECT * FROM read_text(''/etc/passwd'')')",
        "SELECT * FROM query('WITH x AS (COPY (SELECT 1) TO ''{ledger}'') FROM x')",
        "SELECT * FROM query_table('{ledger}')",
        "SELECT * FROM json_execute_serialized_sql(json_serialize_sql('WITH x AS (COPY (SELECT 1) TO ''{ledger}'') FROM x'))",
        "SELECT * FROM enable_logging(storage = 'file', storage_path = '{home}/logs')",
        "SELECT * FROM enable_profiling(save_location = '{home}/profile.json')",
        "SELECT * FROM duckdb_extensions()",
        "SELECT * FROM copy_database('memory', 'other')",
        "SELECT * FROM import_database('{home}')",
        "SELECT write_parquet('{home}/stolen.parquet')",
        "SUMMARIZE '{ledger}'",
        "DESCRIBE SELECT * FROM '{ledger}'",
        "DESCRIBE FROM read_text('/etc/passwd')",
        "SELECT $1",
    ],
    "INSERT": ["INSERT INTO predictions SELECT * FROM predictions", "INSERT OR REPLACE INTO predictions FROM predictions"],
    "UPDATE": ["UPDATE predictions SET line = line + 5"],
    "CREATE": [
        "CREATE TABLE mine AS SELECT 1",
        "CREATE TEMP TABLE mine AS SELECT 1",
        "CREATE OR REPLACE VIEW predictions AS SELECT 1",
        "CREATE SECRET mine (TYPE s3)",
        "CREATE PERSISTENT SECRET mine (TYPE http, BEARER_TOKEN 'x')",
        "CREATE SCHEMA mine",
        "CREATE TYPE mine AS ENUM ('a')",
        "CREATE SEQUENCE mine",
        "CREATE INDEX mine ON predictions (line)",
    ],
    "DELETE": ["DELETE FROM predictions", "TRUNCATE predictions"],
    "PREPARE": ["PREPARE mine AS COPY (SELECT 1) TO '{ledger}'", "PREPARE mine AS SELECT 1"],
    "EXECUTE": ["EXECUTE mine", "PREPARE mine AS COPY (SELECT 1) TO '{ledger}'; EXECUTE mine"],
    "ALTER": ["ALTER TABLE predictions ADD COLUMN mine INTEGER", "COMMENT ON TABLE predictions IS 'mine'"],
    "TRANSACTION": ["BEGIN", "COMMIT", "ROLLBACK", "ROLLBACK; COPY (SELECT 1) TO '{ledger}'"],
    "COPY": [
        "COPY predictions TO '{home}/stolen.csv'",
        "COPY (SELECT * FROM predictions LIMIT 1) TO '{ledger}' (FORMAT parquet)",
        "COPY (SELECT 1) TO '{ledger}'",
        "COPY (SELECT 1) TO '.tmp/spilled.csv'",
        "COPY (SELECT 1) TO '{home}/partitioned' (FORMAT parquet, PARTITION_BY ('1'))",
        "COPY predictions FROM '/etc/passwd'",
        "C/**/OPY (SELECT 1) TO '{ledger}'",
        "COPY/**/(SELECT 1)/**/TO/**/'{ledger}'",
        "/* SELECT */ copy (SELECT 1) TO '{ledger}' -- SELECT",
    ],
    "ANALYZE": ["ANALYZE", "ANALYZE predictions"],
    "VARIABLE_SET": ["SET VARIABLE mine = (SELECT content FROM read_text('/etc/passwd'))"],
    "CREATE_FUNC": ["CREATE MACRO mine() AS 1", "CREATE FUNCTION mine() AS TABLE FROM read_text('/etc/passwd')"],
    "EXPLAIN": [
        "EXPLAIN ANALYSE COPY (SELECT * FROM predictions WHERE game_date = DATE '2024-03-12' LIMIT 1) TO '{ledger}' "
        "(FORMAT parquet)",
        "EXPLAIN ANALYZE COPY (SELECT 1) TO '{ledger}'",
        "EXPLAIN (ANALYZE) COPY (SELECT 1) TO '{ledger}'",
        "EXPLAIN (ANALYZE, FORMAT json) COPY (SELECT 1) TO '{ledger}'",
        "explain /* */ aNaLySe copy (SELECT 1) TO '{ledger}'",
        "/* é */ EXPLAIN --\n ANALYSE COPY (SELECT 'é') TO '{ledger}'",
        "EXPLAIN COPY (SELECT 1) TO '{ledger}'",
        "EXPLAIN ANALYSE WITH x AS (COPY (SELECT 1) TO '{ledger}') SELECT * FROM x",
        "EXPLAIN ANALYSE CREATE TABLE mine AS SELECT 1",
        "EXPLAIN ANALYSE INSERT INTO predictions FROM predictions",
        "EXPLAIN ANALYSE DELETE FROM predictions",
        "EXPLAIN ANALYSE EXPORT DATABASE '{home}/stolen'",
        "EXPLAIN ANALYSE EXECUTE mine",
        "EXPLAIN ANALYSE SET threads = 1",
        "EXPLAIN ANALYSE CALL enable_logging(storage = 'file', storage_path = '{home}/logs')",
        "EXPLAIN ANALYSE SELECT * FROM '{ledger}'",
        "EXPLAIN SELECT * FROM read_text('/etc/passwd')",
        "EXPLAIN SELECT 1; COPY (SELECT 1) TO '{ledger}'",
    ],
    "DROP": ["DROP VIEW predictions", "DROP TABLE predictions", "DEALLOCATE mine"],
    "EXPORT": ["EXPORT DATABASE '{home}/stolen'", "EXPORT DATABASE '{home}/stolen' (FORMAT parquet)"],
    "PRAGMA": ["PRAGMA database_list", "PRAGMA version", "PRAGMA enable_profiling", "IMPORT DATABASE '{home}/stolen'"],
    "VACUUM": ["VACUUM", "VACUUM ANALYZE"],
    "CALL": [
        "CALL duckdb_settings()",
        "CALL enable_logging(storage = 'file', storage_path = '{home}/logs')",
        "CHECKPOINT",
        "FORCE CHECKPOINT",
    ],
    "SET": [
        "SET enable_external_access = true",
        "SET allowed_directories = ['/']",
        "SET temp_directory = '{home}'",
        "SET lock_configuration = false",
        "SET profiling_output = '{home}/profile.json'",
        "RESET lock_configuration",
        "USE memory",
    ],
    "LOAD": ["LOAD httpfs", "LOAD '{home}/mine.duckdb_extension'", "INSTALL httpfs", "FORCE INSTALL sqlite FROM community"],
    "RELATION": ["FROM frame", "SELECT * FROM frame"],
    "EXTENSION": ["UPDATE EXTENSIONS"],
    "LOGICAL_PLAN": ["SELECT * FROM from_substrait('x')"],
    "ATTACH": [
        "ATTACH '{home}/dagster/runs.db' AS runs (TYPE sqlite)",
        "ATTACH '{home}/mine.db'",
        "ATTACH ':memory:' AS mine",
        "ATTACH 'http://127.0.0.1:9/x.db' AS mine",
    ],
    "DETACH": ["DETACH memory"],
    "MULTI": ["PIVOT predictions ON system_id USING count(*)", "EXPLAIN ANALYSE PIVOT predictions ON system_id"],
    "COPY_DATABASE": ["COPY FROM DATABASE memory TO mine"],
    "MERGE_INTO": ["MERGE INTO predictions USING predictions AS p ON (true) WHEN MATCHED THEN DELETE"],
}

PARSED_AS = {
    "ANALYZE": "VACUUM",
    "VARIABLE_SET": "SET",
    "CREATE_FUNC": "CREATE",
    "COPY_DATABASE": "PRAGMA",
    "RELATION": "SELECT",
    "LOGICAL_PLAN": "SELECT",
}
"""Types that DuckDB's parser never returns -> the type of the closest statement."""

NO_TYPE = {"INVALID", "EXTENSION"}
"""Text that does not parse, and a statement whose type DuckDB's Python module cannot name."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a ledger, its quarantine, a journal, Dagster's runs in SQLite and a leftover spill directory of DuckDB."""
    home = tmp_path_factory.mktemp("home").resolve()
    for folder in ("dagster", "landing/journal", ".tmp"):
        (home / folder).mkdir(parents=True)
    predictions = pl.DataFrame({"game_date": [DAY] * LEDGER_ROWS, "line": [20.5] * LEDGER_ROWS, "system_id": "a"}, strict=False)
    columns = [pl.lit(None, kind).alias(c) for c, kind in TABLES["predictions"].dtypes.items() if c not in predictions.columns]
    write(ledger_of(home), predictions.with_columns(columns).select(list(TABLES["predictions"].dtypes)))
    write(home / "quarantine" / "predictions" / f"game_date={DAY}" / "part.parquet", pl.DataFrame(schema=dict(QUARANTINE_SCHEMA)))
    line = {"kind": "request", "provider": "nba_cdn", "outcome": "landed", "url": "http://a", "game_date": str(DAY)}
    (home / "landing" / "journal" / f"{DAY}.jsonl").write_text(json.dumps(line | {"problem": MARKER}) + "\n")
    (home / ".tmp" / "spilled.csv").write_text(f"a\n{MARKER}\n")
    with sqlite3.connect(home / "dagster" / "runs.db") as runs:
        runs.execute("CREATE TABLE runs AS SELECT ? AS body", [MARKER])
    return home


def ledger_of(home: Path) -> Path:
    return home / "tables" / "predictions" / f"game_date={DAY}" / "part.parquet"


def write(file: Path, frame: pl.DataFrame) -> None:
    file.parent.mkdir(parents=True)
    frame.write_parquet(file)
    write_format(file.parents[3], FORMAT)


@pytest.fixture
def unchanged(home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Asserts after the test that every file of the home, which is the current folder, is unchanged."""
    monkeypatch.chdir(home)
    before = digests(home)
    yield
    assert digests(home) == before


def digests(folder: Path) -> dict[str, str]:
    files = (Path(root, name) for root, _, names in os.walk(folder) for name in names)
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def filled_in(attack: str, home: Path) -> str:
    return attack.replace("{ledger}", str(ledger_of(home))).replace("{home}", str(home))


EVERY_ATTACK = [pytest.param(attack, id=f"{kind}: {attack[:60]}") for kind, attacks in ATTACKS.items() for attack in attacks]


@pytest.fixture(scope="module")
def parser() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection on which statements are parsed and not run; opening one takes 13 ms."""
    with read_only.connect() as connection:
        yield connection


def test_every_statement_type_of_duckdb_has_an_attack() -> None:
    """A new statement type of a later DuckDB fails here until it is added to ATTACKS."""
    assert ATTACKS.keys() == duckdb.StatementType.__members__.keys()
    assert all(ATTACKS.values())


@pytest.mark.parametrize("kind", sorted(ATTACKS.keys() - NO_TYPE))
def test_an_attack_of_each_type_is_of_that_type_to_the_parser(kind: str, parser: duckdb.DuckDBPyConnection) -> None:
    types = set[str]()
    for attack in ATTACKS[kind]:
        with suppress(BadInput):
            types |= {read_only.type_of(statement) for statement in read_only.parsed(parser, attack)}
    assert PARSED_AS.get(kind, kind) in types


FIRST_OF_EACH_TYPE = {attacks[0] for attacks in ATTACKS.values()}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("attack", EVERY_ATTACK)
def test_an_attack_is_refused_and_changes_no_file(home: Path, attack: str, parser: duckdb.DuckDBPyConnection) -> None:
    """`sql` parses a statement before it registers a table, so that most attacks need no more than the parser."""
    frame = pl.DataFrame({"secret": [1]})
    with pytest.raises(BadInput) as refused:
        if attack not in FIRST_OF_EACH_TYPE:
            read_only.reading_statement(parser, filled_in(attack, home))
        LocalWarehouse(home=str(home)).sql(filled_in(attack, home))
    assert MARKER not in str(refused.value)
    assert frame.height


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("kind", ATTACKS)
def test_the_engine_alone_changes_and_reads_no_file(home: Path, tmp_path: Path, kind: str) -> None:
    """Without the parser's check, a statement still has no file access."""
    attacks = [filled_in(attack, home) for attack in ATTACKS[kind]]
    with read_only.connect() as connection:
        local_sql.register(
            connection,
            home,
            " ".join(attacks),
            tmp_path,
            lambda folder, table: [Part(file) for file in sorted((home / folder / table.name).rglob("*.parquet"))],
        )
        read_only.lock(connection)
        for attack in attacks:
            rows = list[object]()
            with suppress(duckdb.Error):
                rows = answer.fetchall() if (answer := connection.execute(attack)) else []
            assert not [text for text in (MARKER, "root:") if text in str(rows)], attack
            begin_again(connection)


def begin_again(connection: duckdb.DuckDBPyConnection) -> None:
    """Begins another transaction that only reads. After an error, the former one would refuse every statement."""
    with suppress(duckdb.TransactionException):  # an attack may have ended it
        connection.execute("ROLLBACK")
    connection.execute("BEGIN TRANSACTION READ ONLY")


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("CREATE TABLE mine AS SELECT 1", "launched in read-only mode"),
        ("SET lock_configuration = false", "configuration has been locked"),
        ("SET enable_external_access = true", "configuration has been locked|Cannot enable external access"),
        ("SELECT * FROM read_text('/etc/passwd')", "disabled by configuration"),
        ("COPY (SELECT 1) TO '.tmp/x.csv'", "disabled by configuration"),
    ],
)
def test_the_engine_refuses_writes_files_and_settings(statement: str, message: str) -> None:
    with read_only.connect() as connection:
        read_only.lock(connection)
        with pytest.raises(duckdb.Error, match=message):
            connection.execute(statement)


@pytest.mark.slow
@pytest.mark.usefixtures("unchanged")
def test_no_function_of_duckdb_reads_a_file(home: Path) -> None:
    """Calls each table function and scalar function with a file path, including functions of later DuckDB versions."""
    csv, answered = home / ".tmp" / "spilled.csv", 0
    with read_only.connect() as connection:
        read_only.lock(connection)
        names = "SELECT DISTINCT function_type, function_name FROM duckdb_functions() WHERE function_type IN ('table', 'scalar')"
        for kind, name in connection.execute(names).fetchall():
            call = f"\"{name}\"('{csv}')"
            try:
                rows = connection.execute(f"FROM {call}" if kind == "table" else f"SELECT {call}").fetchall()
            except duckdb.Error:
                begin_again(connection)
                continue
            answered += 1
            assert MARKER not in str(rows), name
    assert answered > 50, "scalar functions of text answer with text"


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    ("query", "height"),
    [
        ("SELECT * FROM predictions", LEDGER_ROWS),
        ("FROM predictions WHERE game_date = DATE '2024-03-12' LIMIT 3", 3),
        ("SELECT * FROM latest_predictions", 1),
        ("WITH copied AS (SELECT 1 AS n), x AS (FROM copied) SELECT n FROM x;", 1),
        ("WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM x WHERE n < 3) FROM x", 3),
        ("SELECT 'COPY; INSERT' AS \"delete\" -- EXPLAIN ANALYZE COPY", 1),
        ("SELECT {'type': 'COPY_QUERY'} AS a", 1),
        ("EXPLAIN SELECT 'analyze'", 1),
        ("EXPLAIN ANALYZE SELECT count(*) FROM predictions", 1),
        ("/* é */ EXPLAIN (FORMAT json) (SELECT 'é') UNION SELECT 'a'", 1),
        ("EXPLAIN DESCRIBE predictions", 1),
        ("DESCRIBE predictions", len(TABLES["predictions"].dtypes)),
        ("SUMMARIZE predictions", len(TABLES["predictions"].dtypes)),
        ("SHOW predictions", len(TABLES["predictions"].dtypes)),
        ("SHOW TABLES", len({*TABLES, *views.descriptions()})),
        ("VALUES (1), (2)", 2),
        ("TABLE predictions", LEDGER_ROWS),
        ("PIVOT predictions ON system_id IN ('a') USING count(*) GROUP BY game_date", 1),
        ("SELECT * FROM query_table('predictions')", LEDGER_ROWS),
        ("SELECT * FROM query('SELECT count(*) FROM predictions')", 1),
        ("SELECT name FROM duckdb_settings() WHERE name = 'lock_configuration'", 1),
        ("SELECT problem FROM requests", 1),
        ("SELECT * FROM duckdb_secrets()", 0),
    ],
)
def test_a_statement_that_reads_is_answered(home: Path, query: str, height: int) -> None:
    assert LocalWarehouse(home=str(home)).sql(query).height == height


def test_a_refused_query_creates_no_home(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"only reads: SELECT.*, not COPY"):
        LocalWarehouse(home=str(tmp_path / "none")).sql("COPY (SELECT 1) TO 'x'")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("EXPLAIN ANALYSE COPY (SELECT 1) TO 'x'", r"or EXPLAIN of one of them, not COPY$"),
        ("WITH x AS (COPY (SELECT 1) TO 'x') FROM x", r"its WITH contains COPY$"),
        ("SELECT 1; SELECT 2", r"the query has 2 statements$"),
        ("PIVOT predictions ON system_id USING count(*)", r"not MULTI; list the values of a PIVOT with IN$"),
        ("SELECT 1 WHERE", r"^the query cannot be parsed: Parser Error: syntax error at or near \"WHERE\"$"),
        ("UPDATE EXTENSIONS", r"not a statement of unknown type$|cannot be parsed"),
    ],
)
def test_a_refusal_names_the_statement(home: Path, query: str, message: str) -> None:
    with pytest.raises(BadInput, match=message):
        LocalWarehouse(home=str(home)).sql(query)


PREDICATES = [
    "minutes = 'nan'",
    "minutes > 20",
    "minutes <= 'inf'",
    "minutes <> 20.5",
    "minutes IS NULL",
    "minutes IS DISTINCT FROM 20.5",
    "outcome LIKE 'W%'",
    "outcome NOT IN ('WIN', 'LOSS')",
    "outcome IN ('WIN', 'VOID')",
    "outcome > 'L' AND outcome < 'W'",
    "game_date = DATE '2024-03-12'",
    "game_date > DATE '2024-03-12'",
    "game_date = TIMESTAMP '2024-03-12 12:00:00'",
    "game_date IN (DATE '2024-03-13', DATE '2030-01-01')",
    "as_of > '2024-03-12'",
    "is_correct",
    "NOT is_correct",
    "minutes > 20 OR outcome = 'WIN'",
    "game_date = (SELECT max(game_date) FROM grades)",
    "player_id % 2 = 1",
]


def test_filters_answer_as_over_a_table_of_duckdb(tmp_path: Path) -> None:
    """Polars evaluates the filters that DuckDB pushes down, also on NaN and null."""
    dates = [DAY, date(2024, 3, 13)]
    values = {
        "minutes": [None, float("nan"), 20.5, 30.0, float("inf"), 0.0],
        "outcome": ["WIN", "LOSS", None, "VOID", "", "W"],
        "is_correct": [True, False, None] * 2,
        "player_id": range(6),
    }
    schema = TABLES["grades"].dtypes
    one = pl.DataFrame(values).with_columns(pl.lit(None, kind).alias(c) for c, kind in schema.items() if c not in values)
    grades = pl.concat(one.with_columns(game_date=pl.lit(day), as_of=pl.lit(day).cast(schema["as_of"])) for day in dates)
    grades = grades.select(list(schema)).cast(dict(schema))
    for (day,), rows in grades.group_by("game_date"):
        write(tmp_path / "tables" / "grades" / f"game_date={day}" / "part.parquet", rows)
    with duckdb.connect() as plain:
        plain.execute("SET TimeZone = 'UTC'")
        plain.register("frame", grades.to_arrow())
        plain.execute("CREATE TABLE grades AS FROM frame")
        of_each = (
            f"SELECT {number} AS predicate, game_date, player_id FROM grades WHERE {predicate}"
            for number, predicate in enumerate(PREDICATES)
        )
        query = f"{' UNION ALL '.join(of_each)} ORDER BY ALL"
        assert_frame_equal(LocalWarehouse(home=str(tmp_path)).sql(query), plain.sql(query).pl())


@pytest.mark.parametrize("content", [b"", b"PAR1 and no more", b"PAR1 damaged page"])
def test_rows_of_an_unreadable_ledger_date_are_skipped_and_the_date_is_closed(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "tables" / "grades" / f"game_date={DAY}" / "part.parquet"
    write(file, TABLES["grades"].empty().clear(100))
    body = file.read_bytes()
    file.write_bytes(content + body[len(content) :] if b"page" in content else content)
    warehouse = LocalWarehouse(home=str(tmp_path))
    assert warehouse.sql("SELECT * FROM grades").is_empty()
    assert str(file) in warehouse.closed(TABLES["grades"], [DAY])[DAY]


@pytest.mark.platform
def test_an_interrupt_ends_a_running_query() -> None:
    """One signal, sent once DuckDB evaluates the query: a function in it says so, and the rest calls no Python."""
    code = (
        "import signal\n"
        "from nba_pipeline.warehouse.read_only import connect, lock, reading_statement, result_of\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "connection = connect()\n"
        "connection.create_function('announce', lambda x: print('running', flush=True) or x, ['BIGINT'], 'BIGINT')\n"
        "query = 'WITH s AS MATERIALIZED (SELECT announce(1) AS x) '\n"
        "query += 'SELECT count(*) FROM range(10000000) a, range(10000000) b, s WHERE a.range + b.range > s.x'\n"
        "statement = reading_statement(connection, query)\n"
        "lock(connection)\n"
        "result_of(connection, statement)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout and process.stdout.readline() == b"running\n"
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=60)  # a query that ignores the signal runs for hours
        finally:
            process.kill()
    assert b"KeyboardInterrupt\n" in errors
