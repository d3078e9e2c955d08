"""What the factory of assets refuses."""

import pytest

from nba_pipeline.asset_factory.asset import shared
from nba_pipeline.assets.features.matchups import TABLE
from nba_pipeline.errors import BadInput


def test_a_table_in_a_module_of_another_name_is_refused() -> None:
    module = "nba_pipeline.assets.features.copied"
    with pytest.raises(BadInput, match=f"^table matchups is declared in {module}; a table is declared in a module of its name$"):
        shared(TABLE, module, "copied: a copy.", {"polars"})
