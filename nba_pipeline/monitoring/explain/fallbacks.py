"""Whether the fallback providers of box scores list the games whose box score is incomplete."""

from collections.abc import Callable, Iterator, Mapping

import polars as pl

from nba_pipeline.errors import Permanent, PipelineError
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.monitoring.incidents import eastern_time
from nba_pipeline.providers.balldontlie import map_to_games, parse_boxscores
from nba_pipeline.providers.nba_stats import logged_rows
from nba_pipeline.warehouse.payloads import Payload


def _logged_games(payload: Payload, schedule: pl.DataFrame) -> set[str]:
    """Returns the games of a log. `schedule` is unused: the log has the ids of the league."""
    return {str(row["GAME_ID"]) for row in logged_rows(payload)}


def _listed_games(payload: Payload, schedule: pl.DataFrame) -> set[str]:
    """Returns the games of a page of final box scores, matched by date and teams."""
    return set(map_to_games(parse_boxscores([payload]), schedule)["game_id"].drop_nulls())


FALLBACKS: Mapping[tuple[str, str], Callable[[Payload, pl.DataFrame], set[str]]] = {
    ("nba_stats", "player_game_log"): _logged_games,
    ("balldontlie", "box_scores"): _listed_games,
}
"""Provider and endpoint -> the function that returns the games in one of its responses."""


def fallback_links(facts: SlateFacts, subject: Subject, name: str, is_needed: bool) -> list[Link]:
    """Returns the link of the fallback providers of incomplete box scores, in a list. Empty for complete games."""
    incomplete = facts.judged.filter("is_covered", ~pl.col("is_complete")) if name == "boxscores" else pl.DataFrame()
    if subject.game_id and incomplete.height:
        incomplete = incomplete.filter(pl.col("game_id") == subject.game_id)
    matchups = dict(incomplete.select("game_id", "matchup").iter_rows()) if incomplete.height else {}
    texts = list(_texts(facts, matchups)) if matchups else []
    return [Link("fallbacks", "broken" if is_needed else "ok", "; ".join(texts))] if texts else []


def _texts(facts: SlateFacts, matchups: Mapping[str, str]) -> Iterator[str]:
    """Yields per fallback provider with responses which games it lacks."""
    for (provider, endpoint), games_in in FALLBACKS.items():
        newest = {payload.slot.entity: payload for payload in facts.landing.listed(provider, endpoint, facts.game_date)}
        if not newest:
            continue
        at = eastern_time(max(payload.fetched_at for payload in newest.values()), facts.game_date)
        try:
            listed = set[str]().union(*(_games_of(payload, games_in, facts) for payload in newest.values()))
        except PipelineError as error:
            yield f"{provider} {endpoint} of {at} is unusable: {error}"
            continue
        missing = [matchup for game_id, matchup in matchups.items() if game_id not in listed]
        yield f"{provider} {endpoint} of {at} " + (f"does not list {', '.join(missing)}" if missing else "lists every game")


def _games_of(payload: Payload, games_in: Callable[[Payload, pl.DataFrame], set[str]], facts: SlateFacts) -> set[str]:
    if problem := payload.problem:
        raise Permanent(problem)
    return games_in(payload, facts.rows("schedule"))
