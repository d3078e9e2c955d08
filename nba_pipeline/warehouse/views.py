"""Views for common queries, with the same statements in DuckDB and BigQuery.

Views store no rows: each query computes the latest versions. Each view filters `game_date` from the platform's first date
on, because BigQuery rejects queries without a partition filter.
"""

import re
from collections.abc import Collection, Mapping

from nba_pipeline.league.calendar import FIRST_DATE
from nba_pipeline.tables.registry import TABLES, StoredTable
from nba_pipeline.warehouse import journal_views

ALL_DATES = f"game_date >= DATE '{FIRST_DATE}'"

OUTCOMES = """count(*) AS graded, sum(CASE WHEN outcome = 'WIN' THEN 1 ELSE 0 END) AS wins,
       sum(CASE WHEN outcome = 'LOSS' THEN 1 ELSE 0 END) AS losses, sum(CASE WHEN outcome = 'PUSH' THEN 1 ELSE 0 END) AS pushes,
       sum(CASE WHEN outcome = 'VOID' THEN 1 ELSE 0 END) AS voids, sum(CASE WHEN outcome = 'NO_BET' THEN 1 ELSE 0 END) AS no_bets,
       count(margin) AS lined, avg(CASE WHEN margin IS NOT NULL THEN absolute_error END) AS mae,
       avg(abs(margin)) AS line_mae, avg(absolute_error) AS mae_all"""
"""The columns of a graded record: counts per outcome, and mean absolute errors in the market's unit. `mae` (predictions) and
`line_mae` (lines) are over the rows with a line, `mae_all` (predictions) is over all rows."""

VIEWS = {
    "latest_predictions": f"""
SELECT * FROM {{predictions}} WHERE {ALL_DATES}
QUALIFY row_number() OVER (PARTITION BY game_date, game_id, player_id, system_id, market ORDER BY run_kind DESC, version DESC) = 1""",
    "latest_grades": f"""
SELECT * FROM {{grades}} WHERE {ALL_DATES}
QUALIFY row_number() OVER (PARTITION BY game_date, game_id, player_id, system_id, market, run_kind ORDER BY grade_version DESC) = 1""",
    "season_record": f"""
SELECT season, system_id, market, run_kind, {OUTCOMES}
FROM (SELECT *, extract(YEAR FROM game_date) - CASE WHEN extract(MONTH FROM game_date) >= 7 THEN 0 ELSE 1 END AS season
      FROM {{latest_grades}})
GROUP BY season, system_id, market, run_kind""",
    "game_ids": f"""
SELECT s.game_date, s.season, s.game_id, s.home_team, s.away_team, s.tipoff_at, o.odds_event_id
FROM (SELECT * FROM {{schedule}} WHERE {ALL_DATES}) AS s
LEFT JOIN (SELECT DISTINCT game_id, odds_event_id FROM {{prop_lines}} WHERE {ALL_DATES} AND odds_event_id IS NOT NULL
           UNION DISTINCT
           SELECT DISTINCT game_id, odds_event_id FROM {{game_lines}} WHERE {ALL_DATES} AND odds_event_id IS NOT NULL) AS o
  ON o.game_id = s.game_id""",
}

DESCRIPTIONS = {
    "latest_predictions": "The newest version of each prediction; live predictions take precedence over backtests.",
    "latest_grades": "The newest version of each grade.",
    "season_record": "Graded record per season (the year it begins in), system, market and run kind; with the mean absolute errors of predictions "
    "and lines, in the market's unit.",
    "game_ids": "The NBA id of each game and the odds provider's event id; the latter is null without lines.",
}

QUARANTINE = "quarantine"


def descriptions() -> dict[str, str]:
    """Every view that a query may name, with its meaning: those of tables, of the quarantine and of the journal."""
    rejected = {QUARANTINE: "The quarantined rows of all tables, with their problem."}
    return {**DESCRIPTIONS, **rejected, **journal_views.DESCRIPTIONS}


def reads(view: str) -> list[str]:
    """The tables and views that a view reads, in order of appearance."""
    return list(dict.fromkeys(re.findall(r"\{(\w+)\}", VIEWS[view])))


def base_tables(names: set[str], tables: Collection[str] = TABLES) -> set[str]:
    """The tables that these names refer to: tables themselves, and the tables that views read."""
    tables_read, remaining = set[str](), list(names)
    while remaining:
        name = remaining.pop()
        if name in tables:
            tables_read.add(name)
        elif name in VIEWS:
            remaining += reads(name)
    return tables_read


def tables_in(query: str, tables: Mapping[str, StoredTable] = TABLES) -> list[StoredTable]:
    """The tables that a query may read: those that its text names, and those that the named views read."""
    return [tables[name] for name in sorted(base_tables(set(re.findall(r"[a-z_]+", query.lower())), tables))]


def statement(view: str, qualified: str = "{}") -> str:
    """The SELECT of the view, with each table name formatted by `qualified`."""
    return VIEWS[view].strip().format(**{name: qualified.format(name) for name in reads(view)})
