"""Each long test is in exactly one share, independent of the order of collection."""

import pytest

from nba_pipeline_tests.shares import of_other_shares

NAMES = [f"test_{letter}" for letter in "abcdefg"]


def test_every_test_is_in_one_of_three_shares() -> None:
    shares = [set(NAMES) - of_other_shares(NAMES, f"{part}/3") for part in range(3)]
    assert sorted(name for share in shares for name in share) == NAMES
    assert [len(share) for share in shares] == [3, 2, 2]


def test_a_single_share_has_every_test() -> None:
    assert of_other_shares(NAMES, "0/1") == set()


def test_the_order_does_not_matter() -> None:
    assert of_other_shares(reversed(NAMES), "1/3") == of_other_shares(NAMES, "1/3")


@pytest.mark.parametrize("share", ["3/3", "1", "", "1/0", "-1/3", "a/b", "1/3/3"])
def test_an_invalid_share_is_refused(share: str) -> None:
    with pytest.raises(ValueError, match=f"^--share is {share}; write 0/3, 1/3 or 2/3 for the shares of three$"):
        of_other_shares(NAMES, share)
