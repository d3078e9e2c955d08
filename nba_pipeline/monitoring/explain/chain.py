"""All links of a subject, in order: schedule to predictions, picks and publications, box scores to grades, and the changes."""

from nba_pipeline.monitoring.explain import after_the_game, before_tipoff, players, record
from nba_pipeline.monitoring.explain.before_tipoff import derived_link
from nba_pipeline.monitoring.explain.changes import changes_link
from nba_pipeline.monitoring.explain.facts import SlateFacts, is_source
from nba_pipeline.monitoring.explain.link import Link
from nba_pipeline.monitoring.explain.origins import source_link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.tables.declarations import declared
from nba_pipeline.tables.wording import counted


def chain(facts: SlateFacts, subject: Subject) -> list[Link]:
    """Returns the links of a subject. A date or player without a game has no links after the schedule."""
    if subject.table:
        return table_links(facts, subject)
    before = list((players if subject.player_id else before_tipoff).links(facts, subject))
    if before[0].state == "excluded" or not facts.is_written("schedule"):
        return before
    changes = changes_link(facts, subject)
    return [*before, *record.links(facts, subject), *after_the_game.links(facts, subject), *([changes] if changes else [])]


def table_links(facts: SlateFacts, subject: Subject) -> list[Link]:
    """Returns a link per upstream table of a table, in pipeline order, then the link of the table."""
    upstream, waiting = set[str](), [subject.table]
    while waiting:
        name = waiting.pop()
        upstream.add(name)
        waiting += [other for other in declared()[name].dependencies if other not in upstream]
    names = [name for name in declared() if name in upstream and declared()[name].is_daily]
    linked = {"predictions": before_tipoff.predictions_link, "grades": after_the_game.grades_link}
    linked |= {"boxscores": after_the_game.boxscores_link, "schedule": before_tipoff.schedule_link}
    linked |= {"picks": record.picks_link, "publications": record.publications_link}
    linked |= {"features": before_tipoff.features_link, "player_game_summary": after_the_game.summaries_link}
    return [linked[name](facts, subject) if name in linked else _table_link(facts, subject, name) for name in names]


def _table_link(facts: SlateFacts, subject: Subject, name: str) -> Link:
    """Returns the link of a table by its number of rows. A table may be empty if its declaration says so."""
    number, is_written = facts.rows(name).height, facts.is_written(name)
    fact = counted(number, "row") if is_written else "not written"
    has_no_games = facts.is_written("schedule") and facts.rows("schedule").is_empty()
    is_existing = is_written and (number > 0 or declared()[name].may_be_empty or has_no_games)
    if is_source(name):
        return source_link(facts, subject, name, fact, is_complete=is_existing)
    return derived_link(facts, name, fact, is_existing)
