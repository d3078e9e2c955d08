"""Each long test is in exactly one share, independent of the order of collection. All shares take about as long."""

import pytest

from nba_pipeline_tests.shares import of_other_shares

SECONDS = {"soak": 250.0, "killed": 120.0} | {f"night {letter}": 40.0 for letter in "abcdefgh"}


def shares(parts: int) -> list[set[str]]:
    return [SECONDS.keys() - of_other_shares(SECONDS, f"{part}/{parts}") for part in range(parts)]


@pytest.mark.parametrize("parts", [1, 3, 4, 20])
def test_every_test_is_in_one_share(parts: int) -> None:
    assert sorted(name for share in shares(parts) for name in share) == sorted(SECONDS)


def test_the_shares_take_about_as_long() -> None:
    assert [sum(SECONDS[name] for name in share) for share in shares(3)] == [250, 240, 200]


def test_the_order_does_not_matter() -> None:
    backwards = dict(reversed(SECONDS.items()))
    assert of_other_shares(backwards, "1/3") == of_other_shares(SECONDS, "1/3")


@pytest.mark.parametrize("share", ["3/3", "1", "", "1/0", "-1/3", "a/b", "1/3/3"])
def test_an_invalid_share_is_refused(share: str) -> None:
    with pytest.raises(ValueError, match=f"^--share is {share}; write 0/3, 1/3 or 2/3 for the shares of three$"):
        of_other_shares(SECONDS, share)
