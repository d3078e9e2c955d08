"""The place of the published files: a folder of the home or a bucket."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import dagster as dg

from nba_pipeline.publishing.export import PUBLIC, write_local
from nba_pipeline.publishing.prices import Prices
from nba_pipeline.publishing.store import write_store
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import files


class PublicFiles(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The published files of an environment. `bucket` is empty if they are in the home."""

    home: str
    bucket: str = ""
    is_simulated: bool = False

    @property
    def location(self) -> str:
        """The folder or the bucket."""
        return self.bucket or str(Path(self.home, PUBLIC))

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
