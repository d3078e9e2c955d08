"""Whether a demo has ended."""

from datetime import date, timedelta
from pathlib import Path

from nba_pipeline.instance.demos import DEMO_SLATE, Unfinished, playing, unfinished_demo

SLATE = date(2026, 1, 15)


def test_a_recent_demo_is_unfinished_until_it_deletes_its_file(tmp_path: Path) -> None:
    interrupted = Unfinished("The demo has not ended.", "nba-pipeline demo")
    assert unfinished_demo(tmp_path, SLATE) is None
    (tmp_path / DEMO_SLATE).write_text(str(SLATE))
    found = [unfinished_demo(tmp_path, SLATE + timedelta(days=number)) for number in range(3)]
    assert found == [interrupted, interrupted, None]
    with playing(tmp_path):
        assert unfinished_demo(tmp_path, SLATE) == Unfinished("The demo is in progress: wait for its end.", "")
    (tmp_path / DEMO_SLATE).write_text("other")
    assert unfinished_demo(tmp_path, SLATE) is None
