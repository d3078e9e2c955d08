"""Every state, gate, alert kind and reason of the platform is explained, and nothing else."""

import re
from collections.abc import Collection

import pytest

from nba_pipeline.cli import record_terms
from nba_pipeline.cli.terms import ALERTS, FLAGS, GATES, REASONS, STATES, UNPUBLISHED
from nba_pipeline.completeness.states import STATES as KNOWN_STATES
from nba_pipeline.formulas import decay
from nba_pipeline.formulas.decay import Decay
from nba_pipeline.formulas.forecast_distribution import PROBABILITY_REASONS
from nba_pipeline.formulas.picks import DAY_LIMIT, TEAM_LIMIT
from nba_pipeline.governance import halts, roles
from nba_pipeline.governance.halts import Halt
from nba_pipeline.governance.pick_rules import slate_rules
from nba_pipeline.settings import Defaults, Governance, Picks, Settings, register
from nba_pipeline.systems.cross_season import FEW_CAREER_GAMES
from nba_pipeline.tables import catalog
from nba_pipeline_tests.suite.test_public_strings import SNAPSHOT


def public(kind: str) -> set[str]:
    """The public strings of a kind. The snapshot's own test holds that it is complete."""
    return set(re.findall(rf"^{kind}: '(\w+)'$", SNAPSHOT.read_text(encoding="utf-8"), re.MULTILINE))


DEFAULT_PICKS = Picks()
PICK_RULES = {
    *slate_rules(Halt(False), Decay(), []),
    *(TEAM_LIMIT, DAY_LIMIT),
    *(rule for rules in DEFAULT_PICKS.subsets.values() for rule in rules),
    *DEFAULT_PICKS.trial_rules,
}
BLOCKING = {check.name for check in catalog.checks().values() if check.blocking}


@pytest.mark.parametrize(
    ("explained", "known"),
    [(STATES, set(KNOWN_STATES)), (GATES, BLOCKING), (ALERTS, public("alert kind")), (REASONS, public("reason"))],
    ids=["states", "gates", "alerts", "reasons"],
)
def test_every_term_is_explained_and_no_other(explained: Collection[str], known: set[str]) -> None:
    assert known and set(explained) == known


@pytest.mark.parametrize(
    ("explained", "known"),
    [
        (record_terms.ROLES, set(roles.ROLES)),
        (record_terms.DECAY_STATES, set(decay.STATES)),
        (record_terms.HALTS, set(halts.REASONS)),
        (record_terms.PICK_RULES, PICK_RULES),
    ],
    ids=["roles", "decay states", "halts", "pick rules"],
)
def test_every_term_of_the_record_is_explained_and_no_other(explained: Collection[str], known: set[str]) -> None:
    assert set(explained) == known


def test_every_reason_for_an_unpublished_probability_is_explained() -> None:
    assert {"no_line", *UNPUBLISHED} == set(PROBABILITY_REASONS) and "no_line" in REASONS


def test_every_flag_is_explained() -> None:
    assert set(FLAGS) == {FEW_CAREER_GAMES}


TERMS = [STATES, GATES, ALERTS, REASONS, FLAGS, UNPUBLISHED, record_terms.ROLES, record_terms.DECAY_STATES, record_terms.HALTS,
         record_terms.PICK_RULES]  # fmt: skip
NO_THRESHOLDS = {"00", "30", "95"}
"""The minutes of an hour, the days of a window of the performance, and the percentage of an interval."""


def test_the_text_of_a_term_repeats_no_threshold_of_the_settings() -> None:
    texts = [text for terms in TERMS for term in terms.values() for text in (term.text, term.next_text)]
    typed = {number for text in texts for number in re.findall(r"\d+", re.sub(r"\{[^}]*\}", "", text))}
    assert typed <= NO_THRESHOLDS and any("{" in text for text in texts)


def test_the_meaning_of_a_term_has_the_threshold_of_the_settings_in_effect() -> None:
    changed = Settings(governance=Governance(decay_gap=0.4))

    class Changed(Defaults):
        def settings(self) -> Settings:
            return changed

    earlier = register(Changed())
    try:
        assert "at most 0.4 points above the line's" in record_terms.DECAY_STATES["HEALTHY"].meaning
        assert record_terms.HALTS["off_season"].meaning == "No games within 21 days."
    finally:
        register(earlier)
