"""The place of the published files: a folder of the home or a bucket."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import dagster as dg
from pydantic import Field

from nba_pipeline.instance import webhook_variables
from nba_pipeline.instance.secret_manager import resolved
from nba_pipeline.publishing.export import PUBLIC, write_local
from nba_pipeline.publishing.prices import Prices
from nba_pipeline.publishing.store import write_store
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import files

STORAGE_URL = "https://storage.googleapis.com"
"""Where the public objects of Google Cloud Storage are served (https://cloud.google.com/storage/docs/request-endpoints)."""


class PublicFiles(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The published files of an environment. `bucket` is empty if they are in the home.

    `url` is where readers see them. `webhook_url` receives a message about each slate. It is a secret: it allows anyone to post.
    """

    home: str
    bucket: str = ""
    is_simulated: bool = False
    url: str = ""
    webhook_url: str = Field(default="", repr=False)

    @property
    def location(self) -> str:
        """The folder or the bucket."""
        return self.bucket or str(Path(self.home, PUBLIC))

    @property
    def webhook(self) -> str:
        """The address of the webhook; empty without one. Raises BadInput if it names a secret that cannot be read."""
        # outside of a run, Dagster passes its EnvVar instead of the value
        value = self.webhook_url.get_value() if isinstance(self.webhook_url, dg.EnvVar) else self.webhook_url
        return resolved(value or "", webhook_variables.PUBLIC)

    def link(self, day: date) -> str:
        """Returns the address of the page of a slate; empty if readers have none."""
        path = self.bucket.removeprefix("gs://")
        url = self.url or (f"{STORAGE_URL}/{path}" if path != self.bucket else "")
        return f"{url.rstrip('/')}/{day}.html" if url else ""

    def read(self, name: str) -> bytes:
        """Returns the content of a published file. Raises FileNotFoundError."""
        return files.read(files.place(self.location) / name)

    @property
    def prices(self) -> Prices:
        """What is published of lines and prices. The terms of real providers limit it."""
        chosen = SETTINGS.publishing.prices
        return chosen if chosen != "auto" else "all" if self.is_simulated else "none"

    def write(self, changed: Mapping[str, bytes], today: date) -> None:
        """Writes the files, see `export.without_older_index`. Raises Busy while another export writes, and PipelineError if they cannot be written."""
        if self.bucket:
            write_store(files.place(self.bucket), changed, today)  # type: ignore[arg-type]  # the address of a bucket is no local path
        else:
            write_local(Path(self.home), changed, today)
