"""A BigQuery session: one client per run, jobs with timeouts and retries, and a clear message for every error.

What belongs here: submitting jobs, waiting for them and canceling them. How tables are read and written does not belong here.
"""

import concurrent.futures
import io
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import google.api_core.exceptions as api
import google.auth.exceptions as auth
import grpc
import polars as pl
import requests
from dagster_gcp import BigQueryResource
from google.cloud import bigquery, bigquery_storage
from google.cloud.bigquery_storage_v1.services.big_query_read.transports import BigQueryReadGrpcTransport

from nba_pipeline.errors import BadInput, Permanent, PipelineError, Transient
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.bigquery.google_errors import error_for, permanent_as_bad_input
from nba_pipeline.warehouse.bigquery.jobs import Job, Parameter
from nba_pipeline.warehouse.bigquery.shapes import LABELS, Shape

NO_MESSAGE_LIMIT = [("grpc.max_receive_message_length", -1)]
LABEL_LENGTH = 63


_described: dict[str, tuple[float, dict[str, list[dict[str, Any]]]]] = {}
_described_lock = threading.Lock()
"""Guards `_described`: dataset -> time of the query, and rows of INFORMATION_SCHEMA.COLUMNS by table."""


@dataclass
class Session:
    """One client for one run, closed at its end.

    `dataset` is looked up at first use, so that a wrong project, dataset or location fails before anything is written.
    """

    resource: BigQueryResource
    dataset_name: str
    expected_location: str
    storage_host: str
    run_id: str
    reads_fresh: bool = True
    _stack: ExitStack = field(default_factory=ExitStack)

    @property
    def name(self) -> str:
        """`project.dataset`, for messages and statements."""
        return f"{self.client.project}.{self.dataset_name}"

    @cached_property
    def client(self) -> bigquery.Client:
        """The client with application default credentials. Raises BadInput if there are none."""
        with self.explained("the client"):
            client = self._stack.enter_context(self.resource.get_client())
        self._stack.callback(client.close)
        return client

    @cached_property
    def storage(self) -> bigquery_storage.BigQueryReadClient:
        """The Storage Read API client. `storage_host` is the address of an emulator, which has no certificate."""
        if self.storage_host:
            channel = self._stack.enter_context(grpc.insecure_channel(self.storage_host, options=NO_MESSAGE_LIMIT))
            return bigquery_storage.BigQueryReadClient(transport=BigQueryReadGrpcTransport(channel=channel))  # type: ignore[no-untyped-call]
        client = bigquery_storage.BigQueryReadClient(credentials=self.client._credentials)  # type: ignore[no-untyped-call]
        self._stack.callback(client.transport.close)
        return client

    @cached_property
    def dataset(self) -> bigquery.Dataset:
        """The dataset. Raises BadInput if it is missing, forbidden, or in another location than the configured one."""
        with self.explained(f"dataset {self.name}"):
            dataset = self.client.get_dataset(self.dataset_name, retry=self.retry, timeout=SETTINGS.bigquery.submit_seconds)
        if self.expected_location and dataset.location.upper() != self.expected_location.upper():
            raise BadInput(
                f"dataset {self.name} is in {dataset.location}, but BIGQUERY_LOCATION is {self.expected_location}; set it to {dataset.location}"
            )
        return dataset

    @property
    def retry(self) -> Any:
        """Backoff with jitter for 5xx, rateLimitExceeded and lost connections. Other errors are not retried."""
        limits = SETTINGS.bigquery
        # outside of a run, a schedule or sensor has a minute and must be able to report the delay
        timeout = min(limits.probe_seconds, limits.retry_seconds) if self.reads_fresh else limits.retry_seconds
        return bigquery.DEFAULT_RETRY.with_timeout(timeout).with_delay(
            limits.first_pause_seconds, limits.longest_pause_seconds, 2.0
        )

    def close(self) -> None:
        """Closes all clients and channels."""
        self._stack.close()

    def labels(self, asset: str) -> dict[str, str]:
        """The labels of a job, which attribute its cost to a run and a table."""
        return {**LABELS, "dagster_run_id": self.run_id[:LABEL_LENGTH].lower(), "asset": asset[:LABEL_LENGTH]}

    def query(self, statement: str, parameters: Sequence[Parameter] = (), asset: str = "") -> bigquery.table.RowIterator:
        """Runs one statement and waits for it. Cancels it after the time limit; refuses it over the limit on billed bytes."""
        limits, config = SETTINGS.bigquery, self._limited(parameters, asset or "none")
        with self.explained(f"a query of {asset}" if asset else "the query"):
            return self.client.query_and_wait(
                statement,
                job_config=config,
                location=self.dataset.location,
                retry=self.retry,
                job_retry=None,  # type: ignore[arg-type]
                api_timeout=limits.submit_seconds,
                wait_timeout=limits.job_seconds,
            )

    def _limited(self, parameters: Sequence[Parameter], asset: str) -> bigquery.QueryJobConfig:
        """The configuration of every statement: labels, and limits on time and billed bytes."""
        limits = SETTINGS.bigquery
        return bigquery.QueryJobConfig(
            query_parameters=list(parameters),
            labels=self.labels(asset),
            job_timeout_ms=limits.job_seconds * 1000,
            default_dataset=self.dataset.reference,
            maximum_bytes_billed=limits.most_bytes_billed,
        )

    def frame(self, statement: str, parameters: Sequence[Parameter] = (), asset: str = "") -> pl.DataFrame:
        """The result of a query as a polars frame. Large results use the Storage Read API."""
        rows = self.query(statement, parameters, asset)
        with self.explained(f"the result of a query of {asset}" if asset else "the result"):
            result = pl.from_arrow(rows.to_arrow(bqstorage_client=self.storage, timeout=SETTINGS.bigquery.job_seconds))
        if not isinstance(result, pl.DataFrame):
            raise PipelineError("the result of the query is not a table")
        return result

    def read_only(self, statement: str) -> pl.DataFrame:
        """The result of a user's query. Raises BadInput unless it is one SELECT."""
        self.require_select(statement)
        return self.select(statement)

    def select(self, statement: str) -> pl.DataFrame:
        """The result of a user's SELECT. Raises BadInput if BigQuery rejects it."""
        with permanent_as_bad_input():
            return self.frame(statement)

    def require_select(self, statement: str) -> None:
        """Raises BadInput unless BigQuery parses the statement as one SELECT. Uses a dry run, so nothing is executed."""
        config = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False, default_dataset=self.dataset.reference)
        limits = SETTINGS.bigquery
        with permanent_as_bad_input(), self.explained("the query"):
            plan = self.client.query(
                statement, job_config=config, location=self.dataset.location, retry=self.retry, timeout=limits.submit_seconds
            )
        if plan.statement_type != "SELECT":
            raise BadInput(f"sql takes one statement that only reads: SELECT or WITH, not {plan.statement_type}")

    def describe(self) -> dict[str, list[dict[str, Any]]]:
        """The columns of every table. Runs reuse the result within their process for `described_seconds`."""
        with _described_lock:
            described_at, columns = _described.get(self.name, (0.0, None))
            is_old = time.monotonic() - described_at > SETTINGS.bigquery.described_seconds
            if columns is None or is_old or self.reads_fresh:
                self.reads_fresh = False
                rows = self.frame(
                    "SELECT table_name, column_name, data_type, is_nullable, is_partitioning_column, clustering_ordinal_position "
                    "FROM INFORMATION_SCHEMA.COLUMNS ORDER BY table_name, ordinal_position",
                    asset="information_schema",
                )
                columns = {str(name): group.to_dicts() for (name,), group in rows.group_by("table_name", maintain_order=True)}
                _described[self.name] = (time.monotonic(), columns)
            return columns

    def forget_description(self) -> None:
        """Discards the cached columns, because tables are being changed."""
        with _described_lock:
            _described.pop(self.name, None)

    def load(self, content: bytes, shape: Shape, destination: str, job_id: str, asset: str) -> bigquery.LoadJob:
        """Starts one parquet load that replaces `destination`, a partition or a staging table."""
        limits = SETTINGS.bigquery
        lists = bigquery.ParquetOptions()  # type: ignore[no-untyped-call]
        lists.enable_list_inference = True
        config = bigquery.LoadJobConfig(
            source_format=bigquery.SourceFormat.PARQUET,
            write_disposition=bigquery.WriteDisposition.WRITE_TRUNCATE,
            create_disposition=bigquery.CreateDisposition.CREATE_NEVER,
            schema=shape.fields,
            labels=self.labels(asset),
            job_timeout_ms=limits.job_seconds * 1000,
        )
        config.parquet_options = lists
        return self.client.load_table_from_file(
            io.BytesIO(content),
            self.dataset.reference.table(destination),
            size=len(content),
            num_retries=0,
            job_id=job_id,
            location=self.dataset.location,
            job_config=config,
            timeout=limits.submit_seconds,
        )

    def statement(self, text: str, parameters: Sequence[Parameter], job_id: str, asset: str) -> bigquery.QueryJob:
        """Starts one statement that changes a table."""
        limits, config = SETTINGS.bigquery, self._limited(parameters, asset)
        return self.client.query(
            text,
            job_config=config,
            job_id=job_id,
            location=self.dataset.location,
            retry=None,  # type: ignore[arg-type]
            job_retry=None,
            timeout=limits.submit_seconds,
        )

    def run_once(self, begin: Callable[[str], Job], identity: str, is_written: Callable[[], bool], what: str) -> Job:
        """Runs a job exactly once. Jobs with the same identity are the same job, also across processes.

        If a job with that identity exists, waits for it instead. If the existing job failed, or a later write replaced its rows
        (`is_written` returns false), submits a new job with the next number in its identity. A new job that fails is retried
        only after server errors.
        """
        # job ids are unique per project, and another dataset may receive the same rows
        identity = f"{identity}_{self.dataset_name}"
        last_error: PipelineError | None = None
        number = attempts = 0
        while attempts < SETTINGS.bigquery.attempts:
            if number - attempts > SETTINGS.bigquery.most_earlier_jobs:
                raise Permanent(
                    f"{self.name}: {what}: more than {number - attempts - 1} earlier jobs have the id {identity}; no job was submitted"
                )
            job_id, is_fresh = f"{identity}_{number}" if number else identity, True
            with self.explained(what):
                try:
                    job: Job = self.retry(begin)(job_id)
                except api.Conflict:
                    is_fresh = False
                    job = cast(Job, self.client.get_job(job_id, location=self.dataset.location, retry=self.retry))
            # existing jobs are skipped; only new ones count as attempts
            number, attempts = number + 1, attempts + is_fresh
            try:
                self._wait(job, what)
            except (Permanent, BadInput) as error:
                if is_fresh:
                    raise
                last_error = error
                continue
            except Transient as error:
                last_error = error
                continue
            if is_fresh or is_written():
                return job
        raise last_error or Permanent(
            f"{what}: {attempts} jobs completed without an error, but their rows are missing ({identity})"
        )

    def _wait(self, job: Job, what: str) -> None:
        """Waits for the job. Raises Transient after a timeout, which cancels the job, and for server errors."""
        limits = SETTINGS.bigquery
        try:
            with self.explained(f"{what} (job {job.job_id})"):
                job.result(retry=self.retry, timeout=limits.job_seconds)
        except concurrent.futures.TimeoutError:
            with self.explained(f"canceling job {job.job_id}"):
                job.cancel(retry=self.retry, timeout=limits.submit_seconds)
            raise Transient(
                f"{self.name}: {what} took longer than {limits.job_seconds} s and was canceled (job {job.job_id})"
            ) from None

    @contextmanager
    def explained(self, what: str) -> Iterator[None]:
        """Converts Google's errors to errors of the platform that name project, dataset and next step."""
        try:
            yield
        except concurrent.futures.TimeoutError:
            raise
        except (api.GoogleAPIError, auth.GoogleAuthError, requests.RequestException) as error:
            project = self.resource.project or "(no project)"
            raise error_for(error, f"{project}.{self.dataset_name}", what) from error
