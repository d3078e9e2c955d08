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
    read_each,
    payloads_where,
)
from nba_pipeline.warehouse.landing import Landing, Payload

Land = Callable[..., Payload]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ZeroDivisionError("division by zero"), "the answer is not built as it was: ZeroDivisionError: division by zero"),
        (RecursionError("too deep"), "the answer is not built as it was: RecursionError: too deep"),
        (KeyError("game"), "the answer is not built as it was: game is missing"),
        (pl.exceptions.PanicException("a library"), "the answer is not built as it was: PanicException: a library"),
        (Unusable("points is 'x'"), "points is 'x'"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else "",
)
def test_whatever_goes_wrong_in_a_parser_rejects_its_payload_by_name(error: BaseException, sentence: str, land: Land) -> None:
    @parser
    def parse(payload: Payload) -> None:
        raise error

    payload = land({})
    with pytest.raises(Permanent) as met:
        parse(payload)
    assert str(met.value) == f"nba_cdn boxscore 1: {sentence}: {payload.ref}"


@pytest.mark.parametrize(
    "error", [OutOfTime("slow"), Transient("later"), Closed("a gate"), OSError("no file"), MemoryError()], ids=repr
)
def test_what_is_no_fault_of_the_payload_goes_on_as_it_is(error: Exception, land: Land) -> None:
    with pytest.raises(type(error)) as met, parsing(land({}).slot):
        raise error
    assert met.value is error


def test_a_file_that_cannot_be_read_is_no_fault_of_its_contents(land: Land) -> None:
    payload = land({})
    del vars(payload)["body"]
    payload.path.write_bytes(b"damaged")  # type: ignore[union-attr]
    with pytest.raises(OSError, match="Not a gzipped file"):
        parser(Payload.json)(payload)


def test_a_message_is_never_longer_than_a_page(land: Land) -> None:
    for error in (Permanent("x" * 10**6), Unusable("x" * 10**6), ValueError("x" * 10**6)):
        with pytest.raises(Permanent) as met, parsing(land({}).slot):
            raise error
        assert len(str(met.value)) < 2200


def test_every_function_that_reads_a_payload_is_a_parser() -> None:
    """Without the decorator, an exception of a parser would fail the run of all games."""
    bare = list[str]()
    for module in pkgutil.iter_modules(nba_pipeline.providers.__path__, "nba_pipeline.providers."):
        for name, function in inspect.getmembers(importlib.import_module(module.name), inspect.isfunction):
            if function.__module__ != module.name or name.startswith("_") or module.name.endswith(".parsing"):
                continue
            kinds = [one.annotation for one in inspect.signature(function, follow_wrapped=True).parameters.values()]
            if Payload in kinds and not hasattr(function, "__wrapped__"):
                bare.append(f"{module.name}.{name}")
    assert not bare, f"{', '.join(bare)}: decorate with nba_pipeline.providers.parsing.parser"


def test_a_payload_that_cannot_be_parsed_is_rejected_and_the_others_go_on(land: Land, landing: Landing) -> None:
    @parser
    def is_good(payload: Payload) -> bool:
        return bool(payload.json()["good"])

    payloads = [land(document, entity=str(number)) for number, document in enumerate([{"good": 1}, {}, {"good": 0}])]
    problems = list[str]()
    assert payloads_where(is_good, payloads, landing, problems) == payloads[:1]
    assert problems == [f"nba_cdn boxscore 1: the answer is not built as it was: good is missing: {payloads[1].ref}"]
    assert landing.newest(payloads[1].slot) is None
    assert [line["problem"] for line in landing.incidents()] == problems
    assert read_each(is_good, payloads[:1], landing, problems) == [(payloads[0], True)]


@pytest.mark.parametrize(
    ("value", "sentence"),
    [(10**30, "points is 1000000000000000000000000000000"), ("x", "points is 'x'"), ([1], r"points is \[1\]")],
    ids=["large", "text", "list"],
)
def test_a_frame_names_the_value_that_does_not_fit(value: Any, sentence: str) -> None:
    columns = {"name": pl.String(), "points": pl.Int64()}
    with pytest.raises(Unusable, match=sentence):
        frame_of([{"name": "A", "points": 1}, {"name": "B", "points": value}], columns)
    with pytest.raises(Unusable, match=r"name is '\\ud800'"):
        frame_of([{"name": "\ud800", "points": 1}], columns)
    assert frame_of([], columns).schema == pl.Schema(columns)


@pytest.mark.parametrize(
    ("require", "thing", "sentence"),
    [
        (list_in, {"players": None}, "players is None"), (list_in, None, "players is missing"), (object_in, {"players": []}, r"players is \[\]"),
        (objects_in, {"players": [{}, 5]}, r"players\[1\] is 5"), (field_in, {}, "players is missing"),
    ],
)  # fmt: skip
def test_a_shape_that_is_another_is_named(require: Callable[[Any, str], Any], thing: Any, sentence: str) -> None:
    with pytest.raises(Unusable, match=sentence):
        require(thing, "players")
