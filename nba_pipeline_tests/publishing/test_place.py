"""The address of a page for readers."""

from datetime import date

import pytest

from nba_pipeline.publishing.place import PublicFiles


@pytest.mark.parametrize(
    ("bucket", "url", "link"),
    [
        ("", "", ""),
        ("", "https://nba.example.org/", "https://nba.example.org/2026-01-15.html"),
        ("gs://bucket/prefix", "", "https://storage.googleapis.com/bucket/prefix/2026-01-15.html"),
        ("gs://bucket/prefix", "https://nba.example.org", "https://nba.example.org/2026-01-15.html"),
        ("memory://files", "", ""),
    ],
)
def test_the_link_is_the_configured_address_or_that_of_the_bucket(bucket: str, url: str, link: str) -> None:
    assert PublicFiles(home="/srv/nba", bucket=bucket, url=url).link(date(2026, 1, 15)) == link
