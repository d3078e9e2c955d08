"""Errors of an object store, from a bucket behind real gcsfs."""

import asyncio
from collections.abc import Iterator

import aiohttp
import pytest
from google.oauth2.service_account import Credentials

from nba_pipeline.errors import BadInput, Transient
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.store_errors import reached
from nba_pipeline_tests.warehouse.gcs_server import Bucket, a_bucket


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with a_bucket() as bucket:
        yield bucket


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (403, "gs://bucket/x is not accessible with this account: log in with .* role Storage Object User on the bucket"),
        (401, "gs://bucket/x is not accessible with this account"),
        (418, "gs://bucket/x cannot be used: the store refuses the request"),
    ],
)
def test_a_refusal_is_one_line_with_its_cause(bucket: Bucket, status: int, message: str) -> None:
    bucket.refusals.append(status)
    with pytest.raises(BadInput, match=message) as error:
        files.put(files.place("gs://bucket/x"), b"")  # type: ignore[arg-type]
    assert error.value.__cause__ and "\n" not in str(error.value)


def test_gcsfs_retries_a_temporary_error(bucket: Bucket) -> None:
    bucket.refusals.append(503)
    files.write_immutable(files.place("gs://bucket/x"), lambda: b"1")
    assert bucket.uploaded == ["x"]


def test_a_missing_bucket_is_named(bucket: Bucket) -> None:
    elsewhere = files.place("gs://elsewhere/prefix")
    for act in (lambda: files.listing(elsewhere, "*"), lambda: files.write_immutable(elsewhere / "x", bytes)):
        with pytest.raises(BadInput, match=r"gs://elsewhere/prefix.* the bucket does not exist"):
            act()


def test_an_unreachable_store_is_a_transient_error(bucket: Bucket) -> None:
    async def ask_a_closed_port() -> None:
        async with aiohttp.ClientSession() as session:
            await session.get("http://127.0.0.1:1")

    with (
        pytest.raises(Transient, match="gs://bucket/x cannot be reached: check the network"),
        reached(files.place("gs://bucket/x")),
    ):
        asyncio.run(ask_a_closed_port())


def test_unusable_credentials_are_named(bucket: Bucket) -> None:
    with (
        pytest.raises(BadInput, match="gs://bucket/x needs Google credentials: run `gcloud auth application-default login`"),
        reached(files.place("gs://bucket/x")),
    ):
        Credentials.from_service_account_info({})


def test_a_programming_error_propagates() -> None:
    with pytest.raises(TypeError), reached("gs://bucket/x"):
        raise TypeError
