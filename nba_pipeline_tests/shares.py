"""Shares of the long tests, so that several commits together run all of them."""

from collections.abc import Iterable


def of_other_shares(names: Iterable[str], share: str) -> set[str]:
    """The names that a share like "1/3" leaves to the others. Raises ValueError for what is no share."""
    part, _, parts = share.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and int(part) < int(parts)):
        raise ValueError(f"--share is {share}; write 0/3, 1/3 or 2/3 for the shares of three")
    return {name for number, name in enumerate(sorted(names)) if number % int(parts) != int(part)}
