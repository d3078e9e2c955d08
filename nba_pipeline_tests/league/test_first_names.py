"""Short and long first names."""

from nba_pipeline.league.first_names import GROUPS, long_form
from nba_pipeline.league.names import lookup


def test_a_first_name_stands_in_one_group_in_plain_letters() -> None:
    forms = GROUPS.split()
    assert len(forms) == len(set(forms))
    assert all(lookup(form) == form for form in forms)


def test_the_long_form_of_a_group_is_its_first() -> None:
    assert [long_form(name) for name in ("nic", "nicolas", "nicholas", "stephen", "wembanyama")] == [
        "nicholas", "nicholas", "nicholas", "stephen", "wembanyama",
    ]  # fmt: skip
