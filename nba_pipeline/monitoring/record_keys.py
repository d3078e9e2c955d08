"""The keys of the record of dates: candidates, judged candidates, picks, and picks in manifests. Judging them belongs in `phases`."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from nba_pipeline.errors import PipelineError
from nba_pipeline.formulas.prediction_versions import PREDICTED
from nba_pipeline.governance.publication import entries_in
from nba_pipeline.governance.records import NUMBER
from nba_pipeline.governance.roles import ROLES_TABLE, champion_of
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

CANDIDATE = ("game_date", "game_id", "player_id", "market")
IS_LIVE = pl.col("run_kind") == "live"
IS_SIDED = pl.col("recommendation").is_in(["OVER", "UNDER"])


def candidates(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the CANDIDATE keys that `picks` judges: the champion's live predictions with a side.

    The champion is the one at the end of the date. Dates before the first picks have no candidates.
    """
    first = min(warehouse.dates(TABLES["picks"]), default=date.max)
    recorded = sorted(day for day in dates if day >= first)
    decisions = warehouse.scan(ROLES_TABLE).sort(NUMBER).collect()
    champions = [(day, champion_of(decisions.filter(pl.col("game_date") <= day))) for day in recorded]
    schema = {"game_date": pl.Date(), "system_id": pl.String()}
    live = warehouse.scan(TABLES["predictions"], recorded).filter(IS_LIVE)
    rows = live.select(*CANDIDATE, "system_id", "run_kind", "version", "recommendation").collect()
    of_champion = rows.join(pl.DataFrame(champions, schema=schema, orient="row"), on=list(schema))
    return of_champion.sort("version").group_by("game_date", *PREDICTED).last().filter(IS_SIDED).select(CANDIDATE)


def judged_candidates(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the CANDIDATE keys with a live row in `picks`, picked or not."""
    return warehouse.scan(TABLES["picks"], dates).filter(IS_LIVE).select(CANDIDATE).unique().collect()


def live_picks(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    """Returns game_date, the key and the system of each live pick."""
    picks = warehouse.scan(TABLES["picks"], dates).filter(IS_LIVE, pl.col("is_pick"))
    return picks.select("game_date", *TABLES["picks"].key, "system_id").collect()


def picks_in_manifests(warehouse: Warehouse, landing: Landing, dates: Sequence[date]) -> pl.DataFrame:
    """Returns game_date and the key of each pick in a readable manifest.

    The picks of an unreadable manifest are missing here, because nothing proves their publication. `audit record` says why.
    """
    key = ["game_date", *TABLES["picks"].key]
    parts = [TABLES["picks"].empty().select(key)]
    with_picks = warehouse.scan(TABLES["publications"], dates).filter(pl.col("picks") > 0)
    publications = with_picks.select("game_date", "source").collect()
    for day, source in publications.iter_rows():
        try:
            entries = entries_in(landing.body_of(source), day, source)["picks"]
        except PipelineError:
            continue
        parts.append(entries.with_columns(pl.lit(day).alias("game_date")).select(key))
    return pl.concat(parts)
