"""The state of the providers' proxies, from the journal of the requests."""

from datetime import UTC, datetime
from pathlib import Path

from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.measurements import proxies_of
from nba_pipeline.warehouse.journal_lines import Outcome
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Slot

PROXIES = {"espn": "ESPN_PROXY", "nba_stats": "NBA_STATS_PROXY"}


def test_the_newest_sent_request_says_whether_a_proxy_works(tmp_path: Path) -> None:
    def note(provider: str, minute: int, outcome: Outcome, statuses: list[int], problem: str = "") -> None:
        clock = Clock(fixed_at=datetime(2026, 1, 5, 12, minute, tzinfo=UTC).isoformat())
        landing = Landing(home=str(tmp_path), clock=clock)
        landing.note(Slot(provider, "roster", "1", None), outcome, statuses=statuses, problem=problem)

    warehouse, refused = LocalWarehouse(home=str(tmp_path)), "the proxy host:1 (ESPN_PROXY) refuses the login (407)"
    assert proxies_of(warehouse, PROXIES) == {}
    note("espn", 0, "landed", [200])
    note("nba_cdn", 0, "landed", [200])
    assert proxies_of(warehouse, PROXIES) == {"espn": True}
    note("espn", 1, "failed", [0], refused)
    note("espn", 2, "reused", [])
    assert proxies_of(warehouse, PROXIES) == {"espn": False}
    note("espn", 3, "failed", [503], "status 503 after 1 attempt")
    assert proxies_of(warehouse, PROXIES) == {"espn": True}
