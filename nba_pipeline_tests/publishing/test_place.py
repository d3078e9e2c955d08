"""The address of a page for readers, and what is published of lines and prices."""

from datetime import date

import pytest

from nba_pipeline.publishing.place import PublicFiles
from nba_pipeline.settings import SETTINGS


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


@pytest.mark.parametrize(
    ("setting", "is_simulated", "published"),
    [
        ("auto", False, "none"),
        ("auto", True, "all"),
        ("consensus", False, "consensus"),
        ("all", False, "all"),
        ("none", True, "none"),
    ],
)
def test_real_lines_are_published_only_by_choice(
    setting: str, is_simulated: bool, published: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SETTINGS.__dict__, "publishing", SETTINGS.publishing.model_copy(update={"prices": setting}))
    assert PublicFiles(home="/srv/nba", is_simulated=is_simulated).prices == published
