"""The database of the run history, without a server."""

from nba_pipeline.instance.postgres import PARTS, PREFIX, URL_VARIABLE, database_from


def test_the_text_of_a_database_has_no_password() -> None:
    by_url = {URL_VARIABLE: "postgresql://dagster:secret@host/history"}
    by_parts = {PREFIX + end: "secret" for end in PARTS.values()}
    for values in (by_url, by_parts):
        text = repr(database_from(values, "local"))
        assert "local" in text and "secret" not in text
