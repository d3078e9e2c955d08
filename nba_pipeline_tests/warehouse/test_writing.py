"""Write locks exclude each other although their files are removed."""

import os
import threading
from datetime import date
from pathlib import Path

import pytest

from nba_pipeline.errors import Busy
from nba_pipeline.warehouse.writing import locked

DAY, NEXT = date(2024, 3, 12), date(2024, 3, 13)


def test_one_writer_at_a_time_holds_a_date(tmp_path: Path) -> None:
    holders, most = list[int](), list[int]()

    def write(number: int) -> None:
        for _ in range(5):
            with locked(tmp_path / "locks", "toy", [DAY], f"writer {number}", 10):
                holders.append(number)
                most.append(len(holders))
                os.sched_yield()
                holders.remove(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1] * 20
    assert not list((tmp_path / "locks").iterdir())


def test_a_busy_date_is_named_with_its_writer_and_nothing_stays_locked(tmp_path: Path) -> None:
    with locked(tmp_path, "toy", [NEXT], "the first", 0):
        with (
            pytest.raises(Busy, match=rf"toy {NEXT} is being written by the first \(process \d+ on .+\); gave up after"),
            locked(tmp_path, "toy", [DAY, NEXT], "me", 0),
        ):
            pass
        assert [file.name for file in tmp_path.iterdir()] == [f"{NEXT}.lock"]
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("content", ["", "no json", '{"writer": "run one", "process": 1, "host": "here"}'])
def test_a_lock_file_of_a_killed_writer_does_not_block(tmp_path: Path, content: str) -> None:
    (tmp_path / f"{DAY}.lock").write_text(content)
    with locked(tmp_path, "toy", [DAY], "me", 0):
        pass
    assert not list(tmp_path.iterdir())
