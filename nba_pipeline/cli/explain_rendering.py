"""An explanation on the terminal: a tree of links, then the first broken link with its evidence and the next command."""

from collections.abc import Sequence
from dataclasses import replace

from nba_pipeline.cli.consoles import out, print_line, printable
from nba_pipeline.monitoring.explain.link import Link, first_broken, first_partial
from nba_pipeline.tables.wording import counted

STYLES = {"ok": "green", "partial": "yellow", "excluded": "cyan", "broken": "bold red", "not_due": "dim"}
"""State of a link -> its style."""
INDENT = "  "
CHANGES_SHOWN = 10


def print_chain(
    title: str, links: Sequence[Link], first: Link | None, alerts: Sequence[Link] = (), is_verbose: bool = False
) -> None:
    """Print the open alerts, then a chain. The evidence of a link is printed only if it is not ok; JSON has all of it.

    Only a verbose chain has more than `CHANGES_SHOWN` changes.
    """
    print_line(title, style="bold")
    for alert in alerts:
        print_line(f"{INDENT}open alert: {printable(_alert_text(alert)).plain}", style=STYLES[alert.state])
    _print_links([link if is_verbose else _shortened(link) for link in links], depth=1)
    if first is None:
        print_line(
            "no link is broken"
            + (f"; {counted(len(alerts), 'alert')} above {'is' if len(alerts) == 1 else 'are'} open" if alerts else "")
        )
        partial, of_alert = first_partial(links), next((alert for alert in alerts if alert.next_command), None)
        if partial:
            _print_end(partial)
        if of_alert:  # it may have another cause than the partial link
            label = f"next for {printable(of_alert.name).plain}" if partial else "next"
            print_line(f"{INDENT}{label}: {printable(of_alert.next_command).plain}")
        elif not (partial and partial.next_command) and (step := _first_wait(links)):
            print_line(f"{INDENT}next: {printable(step).plain}")
        return
    _print_end(first)
    if first.state == "excluded" or not first.next_command:
        later = [link for link in links if link.state == "broken" and (first.state == "excluded" or link.next_command)]
        if (broken := first_broken(later)) and broken.name != first.name:
            _print_end(broken, "first broken link" if first.state == "excluded" else "first broken link with a next command")


def _first_wait(links: Sequence[Link]) -> str:
    """Returns when the first table that is not due will be due; empty without one."""
    return next((link.next_command for link in links if link.state == "not_due" and link.next_command), "")


def _alert_text(alert: Link) -> str:
    severity = "critical" if alert.state == "broken" else "warning"
    return f"{severity}: {alert.name}: {alert.fact}" + (f"; next: {alert.next_command}" if alert.next_command else "")


def _shortened(link: Link) -> Link:
    """Returns a link; the link of many changes without its parts."""
    if link.name != "changes" or len(link.parts) <= CHANGES_SHOWN:
        return link
    return replace(link, fact=f"{link.fact}; -v lists them", parts=())


def _print_end(first: Link, verdict: str = "") -> None:
    """Print a link that ends the chain with its evidence and next command.

    A rule may end the chain before a broken link, and nothing may help against the first one, such as lines of a past date.
    """
    verdict = verdict or {"excluded": "the chain ends at", "partial": "first partial link"}.get(first.state, "first broken link")
    print_line(f"\n{verdict}: {printable(first.name).plain}: {printable(first.fact).plain}", style=STYLES[first.state])
    for text in first.evidence:
        print_line(f"{INDENT}evidence: {printable(text).plain}")
    if first.next_command:
        print_line(f"{INDENT}next: {printable(first.next_command).plain}")


def _print_links(links: Sequence[Link], depth: int) -> None:
    for link in links:
        line = printable(f"{INDENT * depth}{link.state.replace('_', ' '):<9}{link.name}: {link.fact}")
        line.stylize(STYLES[link.state], 0, len(INDENT) * depth + len(link.state))
        out.print(line, highlight=False, soft_wrap=True)
        for text in link.evidence if link.state in ("broken", "partial") else ():
            out.print(printable(f"{INDENT * (depth + 5)}{text}"), highlight=False, soft_wrap=True, style="dim")
        _print_links(link.parts, depth + 1)
