"""Messages for the errors of Google's clients, each with project, dataset and next step. Retries do not belong here."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import google.api_core.exceptions as api
import google.auth.exceptions as auth
import requests

from nba_pipeline.errors import BadInput, Permanent, PipelineError, Transient
from nba_pipeline.settings import SETTINGS

RETRIED_REASONS = (
    "backendError",
    "internalError",
    "jobBackendError",
    "jobInternalError",
    "rateLimitExceeded",
    "jobRateLimitExceeded",
)
"""Reasons of failed jobs that are retried. `quotaExceeded` is excluded, because it lasts until the next day."""


@contextmanager
def permanent_as_bad_input() -> Iterator[None]:
    """Converts Permanent to BadInput, because a query that BigQuery rejects permanently is invalid input."""
    try:
        yield
    except Permanent as error:
        hint = ""
        if "filter over column" in str(error):
            hint = " Every table is partitioned: add WHERE game_date = DATE '2024-03-15', or BETWEEN two dates."
        raise BadInput(f"{error}{hint}") from error


def error_for(error: Exception, name: str, what: str) -> PipelineError:
    """The platform's error for an error of Google's clients."""
    reason, message = _reason(error), _message(error)
    if isinstance(error, auth.DefaultCredentialsError):
        return BadInput(
            f"BigQuery {name}: no credentials; run `gcloud auth application-default login` or set GOOGLE_APPLICATION_CREDENTIALS ({message})"
        )
    if isinstance(error, auth.RefreshError):
        return BadInput(f"BigQuery {name}: the credentials were refused; log in again or replace the key ({message})")
    if isinstance(error, api.Unauthorized) or reason == "authError":
        return BadInput(f"BigQuery {name}: the credentials are not accepted; log in again or replace the key ({message})")
    if reason == "accessDenied" or (isinstance(error, api.Forbidden) and not reason):
        return BadInput(
            f"BigQuery {name}: no permission for {what}; grant bigquery.dataEditor on the dataset and bigquery.jobUser on the project ({message})"
        )
    if reason == "quotaExceeded":
        return Permanent(f"BigQuery {name}: the quota for {what} is exceeded; it is not retried ({message})")
    if reason == "bytesBilledLimitExceeded":
        limit = SETTINGS.bigquery.most_bytes_billed
        return BadInput(
            f"BigQuery {name}: {what} would read more than {limit:,} bytes; filter game_date more narrowly ({message})"
        )
    if isinstance(error, api.NotFound) or reason == "notFound":
        return BadInput(
            f"BigQuery {name}: {what}: {message}; check BIGQUERY_PROJECT, BIGQUERY_DATASET and BIGQUERY_LOCATION, or run `nba-pipeline bigquery apply`"
        )
    if reason in RETRIED_REASONS or isinstance(
        error, (api.ServerError, api.TooManyRequests, requests.RequestException, auth.TransportError, api.RetryError)
    ):
        return Transient(f"BigQuery {name}: {what} failed with a network or server error after all retries: {message}")
    return Permanent(f"BigQuery {name}: {what}: {message}")


def _reason(error: Exception) -> str:
    """Google's error reason, such as "rateLimitExceeded"."""
    errors = getattr(error, "errors", None) or []
    first = errors[0] if errors else {}
    return str(first.get("reason", "")) if isinstance(first, Mapping) else ""


def _message(error: Exception) -> str:
    """The first line of Google's message, without the request's URL."""
    # a RetryError only reports the timeout; its cause is the actual error
    error = (isinstance(error, api.RetryError) and error.cause) or error
    text = str(getattr(error, "message", "") or error).splitlines()[0]
    return re.sub(r"^[A-Z]+ https?://\S+: ", "", text)
