"""The error boundary of parsers."""

import importlib
import inspect
import pkgutil
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

import nba_pipeline.providers
from nba_pipeline.errors import Closed, OutOfTime, Permanent, Transient
from nba_pipeline.providers.parsing import (
    Unusable,
    field_in,
    frame_of,
    list_in,
    object_in,
    objects_in,
    parser,
    parsing,
    payloads_where,
    read_each,
)
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload

Land = Callable[..., Payload]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (ZeroDivisionError("division by zero"), "unexpected structure: ZeroDivisionError: division by zero"),
        (RecursionError("too deep"), "unexpected structure: RecursionError: too deep"),
        (KeyError("game"), "unexpected structure: game is missing"),
        (pl.exceptions.PanicException("a library"), "unexpected structure: PanicException: a library"),
        (Unusable("points is 'x'"), "points is 'x'"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_an_error_inside_a_parser_rejects_its_payload_by_name(error: BaseException, message: str, land: Land) -> None:
    @parser
    def parse(payload: Payload) -> None:
        raise error

    payload = land({})
    with pytest.raises(Permanent) as caught:
        parse(payload)
    assert str(caught.value) == f"nba_cdn boxscore 1: {message}: {payload.ref}"


@pytest.mark.parametrize(
    "error", [OutOfTime("slow"), Transient("later"), Closed("a gate"), OSError("no file"), MemoryError()], ids=repr
)
def test_errors_not_caused_by_the_payload_propagate_unchanged(error: Exception, land: Land) -> None:
    with pytest.raises(type(error)) as caught, parsing(land({}).slot):
        raise error
    assert caught.value is error


def test_an_unreadable_file_does_not_reject_the_payload(land: Land) -> None:
    payload = land({})
    del vars(payload)["body"]
    payload.path.write_bytes(b"damaged")  # type: ignore[union-attr]
    with pytest.raises(OSError, match="Not a gzipped file"):
        parser(Payload.json)(payload)


def test_only_a_result_without_further_arguments_is_kept(land: Land) -> None:
    calls = list[str]()

    @parser
    def parse(payload: Payload, suffix: str = "") -> str:
        calls.append(suffix)
        if payload.slot.entity == "bad":
            raise Unusable("it is bad")
        return payload.slot.entity + suffix

    good, bad = land({}, entity="good"), land({}, entity="bad")
    assert [parse(good), parse(good, "!"), parse(good), parse(good, "?")] == ["good", "good!", "good", "good?"]
    for _ in range(2):
        with pytest.raises(Permanent, match="it is bad"):
            parse(bad)
    assert calls == ["", "!", "?", "", ""]


def test_a_message_has_a_maximum_length(land: Land) -> None:
    for error in (Permanent("x" * 10**6), Unusable("x" * 10**6), ValueError("x" * 10**6)):
        with pytest.raises(Permanent) as caught, parsing(land({}).slot):
            raise error
        assert len(str(caught.value)) < 2200


def test_every_function_that_reads_a_payload_is_a_parser() -> None:
    """Without the decorator, an exception of a parser would fail the run of all games."""
    undecorated = list[str]()
    for module in pkgutil.iter_modules(nba_pipeline.providers.__path__, "nba_pipeline.providers."):
        for name, function in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
            if function.__module__ != module.name or name.startswith("_") or module.name.endswith(".parsing"):
                continue
            kinds = [parameter.annotation for parameter in inspect.signature(function, follow_wrapped=True).parameters.values()]
            if Payload in kinds and not hasattr(function, "__wrapped__"):
                undecorated.append(f"{module.name}.{name}")
    assert not undecorated, f"{', '.join(undecorated)}: decorate with nba_pipeline.providers.parsing.parser"


def test_a_payload_that_cannot_be_parsed_does_not_affect_the_others(land: Land, landing: Landing) -> None:
    @parser
    def is_good(payload: Payload) -> bool:
        return bool(payload.json()["good"])

    payloads = [land(document, entity=str(number)) for number, document in enumerate([{"good": 1}, {}, {"good": 0}])]
    problems = list[str]()
    assert payloads_where(is_good, payloads, landing, problems) == payloads[:1]
    assert problems == [f"nba_cdn boxscore 1: unexpected structure: good is missing: {payloads[1].ref}"]
    assert landing.newest(payloads[1].slot) is None
    assert [line["problem"] for line in landing.incidents()] == problems
    assert read_each(is_good, payloads[:1], landing, problems) == [(payloads[0], True)]


@pytest.mark.parametrize(
    ("value", "message"),
    [(10**30, "points is 1000000000000000000000000000000"), ("x", "points is 'x'"), ([1], r"points is \[1\]")],
    ids=["large", "text", "list"],
)
def test_a_value_that_does_not_fit_its_column_is_named(value: Any, message: str) -> None:
    columns = {"name": pl.String(), "points": pl.Int64()}
    with pytest.raises(Unusable, match=message):
        frame_of([{"name": "A", "points": 1}, {"name": "B", "points": value}], columns)
    with pytest.raises(Unusable, match=r"name is '\\ud800'"):
        frame_of([{"name": "\ud800", "points": 1}], columns)
    assert frame_of([], columns).schema == pl.Schema(columns)


@pytest.mark.parametrize(
    ("require", "document", "message"),
    [
        (list_in, {"players": None}, "players is None"),
        (list_in, None, "players is missing"),
        (object_in, {"players": []}, r"players is \[\]"),
        (objects_in, {"players": [{}, 5]}, r"players\[1\] is 5"),
        (field_in, {}, "players is missing"),
    ],
)
def test_an_unexpected_structure_is_named(require: Callable[[Any, str], Any], document: Any, message: str) -> None:
    with pytest.raises(Unusable, match=message):
        require(document, "players")
