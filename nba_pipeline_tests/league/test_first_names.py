"""Short and long first names."""

from nba_pipeline.league.first_names import GROUPS, long_form
from nba_pipeline.league.names import lookup


def test_each_first_name_is_normalized_and_in_one_group_only() -> None:
    forms = GROUPS.split()
    assert len(forms) == len(set(forms))
    assert all(lookup(form) == form for form in forms)


def test_the_long_form_of_a_group_is_its_first_name() -> None:
    assert [long_form(name) for name in ("nic", "nicolas", "nicholas", "stephen", "wembanyama")] == [
        "nicholas",
        "nicholas",
        "nicholas",
        "stephen",
        "wembanyama",
    ]
