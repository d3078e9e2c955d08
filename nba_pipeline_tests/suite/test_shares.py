"""Each long test is in exactly one share, independent of the order of collection. All shares take about as long."""

import pytest

from nba_pipeline_tests.shares import USUAL_SECONDS, items_of_other_shares, of_other_shares, seconds_of

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


def an_item(request: pytest.FixtureRequest, name: str, *marks: pytest.MarkDecorator) -> pytest.Item:
    item: pytest.Function = pytest.Function.from_parent(request.node.parent, name=name, callobj=lambda: None)
    for mark in marks:
        item.add_marker(mark)
    return item


def test_a_marker_gives_the_seconds_of_a_test(request: pytest.FixtureRequest) -> None:
    long, unattended = pytest.mark.long(seconds=50), pytest.mark.unattended
    marks = {"usual": [unattended], "both": [unattended, long], "real": [long], "quick": []}
    seconds = {name: seconds_of(an_item(request, name, *given)) for name, given in marks.items()}
    assert seconds == {"usual": USUAL_SECONDS, "both": 50, "real": 50, "quick": 0}


def test_a_group_is_in_one_share_and_a_quick_test_in_each(request: pytest.FixtureRequest) -> None:
    week = [an_item(request, f"week {day}", pytest.mark.long(seconds=40, group="week")) for day in "abc"]
    nights = [an_item(request, f"night {letter}", pytest.mark.long(seconds=50)) for letter in "de"]
    quick = an_item(request, "quick")
    others = [items_of_other_shares([*week, *nights, quick], f"{part}/2") for part in range(2)]
    assert others == [set(nights), set(week)]
