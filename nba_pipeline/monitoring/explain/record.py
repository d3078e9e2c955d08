"""The links of the record, of a date, game or player: the picks among the champion's predictions, and their publication."""

from collections.abc import Iterator

import polars as pl

from nba_pipeline.assets.predictions.picks import KEY
from nba_pipeline.governance.candidates import champion_or_reason, reason_without_candidates
from nba_pipeline.monitoring.explain.before_tipoff import NAMED, derived_link
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link
from nba_pipeline.monitoring.explain.origins import evidence_of
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.monitoring.record_keys import CANDIDATE, IS_LIVE, candidates, live_picks, picks_in_manifests
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.wording import counted


def picks_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the picks: the number of candidates, and per subset its picks or the rules that its candidates fail."""
    if facts.game_date > facts.clock.today:
        return Link("picks", "not_due", "picks are made on the day of their games")
    expected = subject.select(candidates(facts.warehouse, [facts.game_date]))
    rows = facts.of("picks", subject).filter(IS_LIVE).sort("version").unique(KEY, keep="last")
    missing = expected.join(rows, on=CANDIDATE, how="anti")
    judged = "; ".join(_of_subsets(rows)) or _why_none(facts, subject) or "no subset has judged one"
    fact = f"{counted(expected.height, 'candidate')}: {judged}"
    if missing.height:
        fact += f"; {counted(missing.height, 'candidate')} not judged"
    return derived_link(facts, "picks", fact, facts.is_written("picks"), missing.height > 0)


def _why_none(facts: SlateFacts, subject: Subject) -> str:
    """Returns why there is no candidate; empty if there is one."""
    champion, unknown = champion_or_reason(facts.warehouse)
    return unknown or reason_without_candidates(facts.of("predictions", subject).filter(IS_LIVE), champion)


def _of_subsets(rows: pl.DataFrame) -> Iterator[str]:
    """Yields a text per subset: its number of picks. A subset without picks lists the failed rules, most frequent first."""
    for (subset,), of_subset in rows.sort("subset").partition_by("subset", as_dict=True, maintain_order=True).items():
        number = int(of_subset["is_pick"].sum())
        rules = (
            of_subset["failed_rules"]
            .explode()
            .drop_nulls()
            .value_counts()
            .sort("count", "failed_rules", descending=[True, False])
        )
        failed = ", ".join(f"{rule} {count}" for rule, count in rules.head(NAMED).iter_rows())
        yield f"{subset} {counted(number, 'pick')}" + ("" if number else f" ({failed})")


def publications_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the publications: their number, and the picks that are missing from all readable manifests."""
    rows = facts.rows("publications")
    picks = subject.select(live_picks(facts.warehouse, [facts.game_date]))
    in_manifests = picks_in_manifests(facts.warehouse, facts.landing, [facts.game_date])
    unpublished = picks.join(in_manifests, on=in_manifests.columns, how="anti")
    fact = (
        f"{counted(rows.height, 'publication')}; {picks.height - unpublished.height} of {counted(picks.height, 'pick')} published"
    )
    if unpublished.height:
        command = f"nba-pipeline audit record --date {facts.game_date}"
        return Link("publications", "broken", fact, evidence_of(facts, "publications"), command)
    return derived_link(facts, "publications", fact, facts.is_written("publications"))


def links(facts: SlateFacts, subject: Subject) -> Iterator[Link]:
    """Yields the links of picks and publications. Backtests and dates before the first picks have none."""
    has_begun = facts.game_date >= min(facts.warehouse.dates(TABLES["picks"]), default=facts.game_date)
    if has_begun and not facts.of("predictions", subject).filter(IS_LIVE).is_empty():
        yield picks_link(facts, subject)
        yield publications_link(facts, subject)
