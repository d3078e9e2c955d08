"""The audits as a person runs them: what is sampled, printed and answered, and the exit codes."""

import io
import json
from collections.abc import Callable

import pytest
from rich.console import Console

from nba_pipeline.audit import command, plants
from nba_pipeline.audit.command import company, control_dates, dates_to_audit, leakage, print_leakage, print_seasons
from nba_pipeline.audit.derivations import Derivation
from nba_pipeline.audit.seasons import seasons
from nba_pipeline.cli import app
from nba_pipeline.derivation import World
from nba_pipeline.errors import BadInput
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.audit.conftest import LATER, SAMPLE
from nba_pipeline_tests.builders_audit import DATES

LEAK, HARMLESS = plants.PLANTS[0], Derivation("harmless", "No leak at all.")


@pytest.mark.platform
def test_a_sample_is_audited_and_the_plants_are_tried_on_it(warehouse: LocalWarehouse) -> None:
    told: list[str] = []
    found = leakage(
        warehouse, DATES[0], DATES[-1], number=1, seed=5, now=LATER, say=told.append, plants=[LEAK, HARMLESS]
    )  # fmt: skip
    assert [test["name"] for test in found["tests"]] == [test.__name__ for test in command.TESTS_OF_THE_REAL]
    assert not [test for test in found["tests"] if test["passed"] is False]
    assert [bool(plant["caught_by"]) for plant in found["plants"]] == [True, False]
    assert found["passed"] is False, "a leak that nobody catches fails the audit"
    assert found["candidates"] == len(SAMPLE)
    assert told
    json.dumps(found, default=str)
    text = printed(lambda out: print_leakage(found, out))
    assert f"seed 5, as of {LATER.isoformat()}: {found['dates'][0]}" in text
    assert "MISSED" in text and "1 of 2 plants caught; see above" in text


def test_only_dates_with_final_games_and_features_are_sampled(warehouse: LocalWarehouse) -> None:
    assert dates_to_audit(warehouse, DATES) == SAMPLE
    with pytest.raises(BadInput, match="no date from 2023-11-01 to 2023-11-03 has final games and features"):
        leakage(warehouse, DATES[0], DATES[1], number=1, seed=0, now=LATER, say=str)


def test_plants_are_tried_on_the_first_date_and_on_another_of_known_tipoffs(world: World) -> None:
    assert control_dates(world, SAMPLE) == [SAMPLE[0], SAMPLE[1]]
    assert control_dates(world, SAMPLE[:1]) == SAMPLE[:1]
    unknown = {**world, "schedule": world["schedule"].with_columns(tipoff_at=None)}
    assert control_dates(unknown, SAMPLE) == [SAMPLE[0], SAMPLE[1]]


def test_no_date_is_derived_alone(world: World) -> None:
    assert company(world, SAMPLE) == [DATES[7]]
    assert company(world, DATES) == []


def test_seasons_are_printed(warehouse: LocalWarehouse) -> None:
    text = printed(lambda out: print_seasons(seasons(warehouse, DATES), out))
    assert "2023-24" in text and "60.0%" in text and "is not between" in text


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["leakage", "--from", "2024-01-02", "--to", "2024-01-01"], "--from 2024-01-02 is after --to 2024-01-01"),
        (["leakage", "--from", "2024-01-01", "--to", "2024-01-02", "--dates", "0"], "--dates must be at least 1, not 0"),
        (["leakage", "--from", "2024-01-01", "--to", "2024-01-02", "--format", "xml"], "--format is 'xml'"),
        (["leakage", "--from", "2024-01-01", "--to", "2024-01-02"], "has final games and features"),
        (["seasons", "--from", "2024-01-01", "--to", "2024-01-02"], "has games"),
    ],
    ids=["dates turned round", "no dates", "unknown format", "nothing to audit", "no seasons"],
)
def test_wrong_use_is_told_in_one_sentence(arguments: list[str], sentence: str) -> None:
    with pytest.raises(BadInput, match=sentence):
        app(["audit", *arguments], standalone_mode=False)


def printed(show: Callable[[Console], None]) -> str:
    """What a console of 400 columns shows."""
    text = io.StringIO()
    show(Console(file=text, width=400))
    return text.getvalue()
