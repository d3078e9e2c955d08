"""The emulator for the tests of this folder, and a dataset in it."""

import pytest

pytest.register_assert_rewrite("nba_pipeline_tests.warehouse.contract")

from nba_pipeline_tests.bigquery.fixtures import dataset_name, emulator, proxy  # noqa: E402 - after the contract's asserts are known
from nba_pipeline_tests.bigquery.store import admin, dead_from, lines, quick, settings, store, tables  # noqa: E402 - likewise

__all__ = ["admin", "dataset_name", "dead_from", "emulator", "lines", "proxy", "quick", "settings", "store", "tables"]

collect_ignore = ["launcher.py"]  # doctests would import it, which requires the emulator's environment
