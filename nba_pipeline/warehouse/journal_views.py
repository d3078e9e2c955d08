"""The landing's journal in SQL: the column types of its lines, and views over them."""

JOURNAL_COLUMNS = {
    "kind": "VARCHAR",
    "run_id": "VARCHAR",
    "provider": "VARCHAR",
    "endpoint": "VARCHAR",
    "game_date": "DATE",
    "entity": "VARCHAR",
    "url": "VARCHAR",
    "outcome": "VARCHAR",
    "ref": "VARCHAR",
    "sha256": "VARCHAR",
    "status": "INTEGER",
    "attempts": "INTEGER",
    "statuses": "JSON",
    "fetched_at": "TIMESTAMPTZ",
    "bytes": "BIGINT",
    "quota": "JSON",
    "problem": "VARCHAR",
    "final_game_ids": "VARCHAR[]",
    "as_of": "TIMESTAMPTZ",
    "job": "VARCHAR",
}

JOURNAL_VIEWS = {
    "requests": "SELECT * EXCLUDE (kind, as_of, job) FROM {journal} WHERE kind = 'request'",
    "landing": "SELECT ref AS source, provider, endpoint, game_date, entity, fetched_at, sha256, bytes, url, run_id "
    "FROM {journal} WHERE kind = 'request' AND outcome = 'landed'",
    "availability": "SELECT game_id, provider, min(fetched_at) AS first_seen_at FROM (SELECT unnest(final_game_ids) AS "
    "game_id, provider, fetched_at FROM {journal} WHERE outcome = 'landed') GROUP BY ALL",
    "runs": "SELECT run_id, as_of, job FROM {journal} WHERE kind = 'run'",
}
"""Each view as a SELECT over the journal: requests, landed payloads, first final result of a game per provider, runs."""

DESCRIPTIONS = {
    "requests": "Every request of every run, with its outcome.",
    "landing": "Every stored response, with address, instant and SHA-256.",
    "availability": "When each provider first showed a game as final.",
    "runs": "The runs that sent requests or stored responses.",
}
