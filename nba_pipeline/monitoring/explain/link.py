"""One link of the chain from provider to grade, and the choice of the first broken one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

State = Literal["ok", "partial", "excluded", "broken", "not_due"]
STATES: tuple[State, ...] = ("ok", "partial", "excluded", "broken", "not_due")
"""ok       complete
partial  usable, and something is missing and named
excluded the chain ends here because of a rule, without an error
broken   something is missing that was due
not_due  nothing is expected yet
"""


@dataclass(frozen=True)
class Link:
    """One link. `fact` is one sentence. `parts` are the links that it depends on, such as the requests of a table."""

    name: str
    state: State
    fact: str
    evidence: Sequence[str] = ()
    next_command: str = ""
    parts: Sequence["Link"] = ()


def first_broken(links: Sequence[Link]) -> Link | None:
    """Returns the first broken or excluded link, the parts of a link before the link itself; None if the chain is complete.

    Only a broken part of a broken link counts. Its name is preceded by that of its link. A part without a
    next command has the next command of its link.
    """
    for link in links:
        if link.state in ("broken", "excluded"):
            part = first_broken([part for part in link.parts if part.state == link.state == "broken"])
            if part is None:
                return link
            return replace(part, name=f"{link.name}, {part.name}", next_command=part.next_command or link.next_command)
    return None


def first_partial(links: Sequence[Link]) -> Link | None:
    """Returns the first partial part of a link that is partial or not due, such as a failed request; None without one.

    The name of the link precedes that of the part. A part without a next command has the next command of its link.
    """
    for link in links:
        for part in link.parts:
            if part.state == "partial" and link.state in ("partial", "not_due"):
                return replace(part, name=f"{link.name}, {part.name}", next_command=part.next_command or link.next_command)
    return None


def is_broken(links: Sequence[Link]) -> bool:
    """Whether a link of the chain is broken."""
    return any(link.state == "broken" for link in links)


def record_of(link: Link) -> dict[str, Any]:
    """Returns a link for JSON."""
    fields = {name: list(value) if isinstance(value, tuple) else value for name, value in vars(link).items()}
    return fields | {"parts": [record_of(part) for part in link.parts]}
