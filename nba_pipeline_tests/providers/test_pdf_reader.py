"""One process reads the PDFs of a run, and a new one starts after a failure."""

import os
import signal

import pytest

from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.providers.injury_report_layout import NoReport
from nba_pipeline.providers.pdf_reader import KEY, PdfReader, read_layout
from nba_pipeline_tests.providers.test_injury_report import REPORT

pytestmark = pytest.mark.platform


def pid_of(reader: PdfReader) -> int:
    assert reader._process
    return reader._process.pid


def is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_one_process_reads_the_reports_of_a_run_and_ends_with_it() -> None:
    with RUN_OBJECTS.shared(KEY, PdfReader, PdfReader.close) as reader:
        layouts = [read_layout(REPORT)]
        first = pid_of(reader)
        layouts.append(read_layout(REPORT))
        assert (layouts[0], pid_of(reader)) == (layouts[1], first)
    assert layouts[0]["rows"] and not is_running(first)
    assert KEY not in RUN_OBJECTS.keys()


def test_the_next_report_has_a_new_process_after_a_broken_one_and_after_a_killed_process() -> None:
    reader = PdfReader()
    try:
        whole = reader.read(REPORT)
        first = pid_of(reader)
        assert "problem" in reader.read(b"no PDF") and not is_running(first)
        assert reader.read(REPORT) == whole
        os.kill(pid_of(reader), signal.SIGKILL)
        assert reader.read(REPORT) == whole
    finally:
        reader.close()


def test_a_report_without_a_layout_is_no_report() -> None:
    with pytest.raises(NoReport, match="the PDF cannot be read"):
        read_layout(b"no PDF")
