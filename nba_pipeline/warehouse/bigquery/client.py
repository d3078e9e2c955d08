"""The resource that creates BigQuery's client.

dagster-gcp has a resource of the same name. It is not used, because it requires the deprecated oauth2client and 110 MB of
descriptions of other services of Google. Replace this module when dagster-gcp no longer requires them.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg
from google.cloud import bigquery


class BigQueryResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """BigQuery with application default credentials. Without a project, that of the credentials is used."""

    project: str | None = None
    location: str | None = None

    @contextmanager
    def get_client(self) -> Iterator[bigquery.Client]:
        """Yields a new client. The caller closes it."""
        yield bigquery.Client(project=self.project, location=self.location)
