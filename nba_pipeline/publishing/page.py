"""The page of a slate as one HTML file: styles, script and plots are inline, so that it needs no other file.

The template escapes every value. This module formats numbers. The ends of a bar are the only numbers that it computes.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache, partial
from statistics import fmean
from types import MappingProxyType
from typing import TYPE_CHECKING

from markupsafe import Markup

from nba_pipeline.league.calendar import EASTERN
from nba_pipeline.publishing.documents import Graded, Performance, Player, Slate
from nba_pipeline.publishing.plots import ABSENT, NOTES
from nba_pipeline.publishing.prices import DISPLAYED
from nba_pipeline.publishing.units import unit, unit_note
from nba_pipeline.tables.wording import counted

if TYPE_CHECKING:
    from jinja2 import Template

EIGHTY_PERCENT = 1.2816
"""Standard deviations of a normal distribution between the median and the end of the range with 80 %."""
AXIS_POINTS = 50.0
AXIS_WIDTH, AXIS_HEIGHT = 144, 16
RESULTS = (
    ("WIN", "win", "wins"),
    ("LOSS", "loss", "losses"),
    ("PUSH", "push", "pushes"),
    ("VOID", "void", "voids"),
    ("NO_BET", "pass", "passes"),
    ("NO_LINE", "player without a line", "players without a line"),
)
"""Outcome, its noun in the singular, and in the plural. A player without a line has the call as his outcome."""
SOURCE_NAMES = {"prop_lines": "lines", "injuries": "injury report"}
"""Source table -> its name on the page, if they differ."""
STATE_CLASSES = {"ok": "ok", "degraded": "degraded", "halted": "halted", "pending": "pending", "no games": "none"}


@dataclass(frozen=True)
class Row:
    """The cells of a player."""

    player: Player
    name: str
    forecast: str
    line: str
    edge: str
    recommendation: str
    over: str
    range: Markup
    more: str


def page(slate: Slate, plots: Mapping[str, str] = MappingProxyType({})) -> str:
    """Returns the HTML of a slate. `plots` is title -> trusted SVG, which is not escaped. Equal slates give equal bytes."""
    has_lines = slate.prices != "none"
    columns = [("Player", "text", ""), ("Team", "text", "l"), ("Opponent", "text", "l"), ("Forecast", "number", "")]
    if has_lines:
        columns += [("Line", "number", ""), ("Edge", "number", ""), ("Call", "text", "")]
    has_probabilities = has_lines and any(player.over_probability is not None for player in slate.players)
    if has_probabilities:
        columns += [("P(over)", "number", "l")]
    html: str = _template().render(
        slate=slate,
        weekday=f"{slate.game_date:%A}",
        state_class=STATE_CLASSES[slate.state],
        unit=unit(),
        axis=f"{AXIS_POINTS:.0f}",
        source_names=SOURCE_NAMES,
        teams=sorted({player.team for player in slate.players}),
        rows=[_row(player) for player in slate.players],
        columns=columns,
        has_lines=has_lines,
        has_probabilities=has_probabilities,
        systems=sorted({player.displayed_system for player in slate.players}, key=_preference),
        has_picks=any(player.pick for player in slate.players),
        absent_columns=_absent_columns(slate.players, has_lines, has_probabilities),
        plots={title: Markup(svg) for title, svg in plots.items()},
        notes=NOTES,
        absent=ABSENT,
        yesterday=_yesterday(slate.yesterday),
        record=_record(slate.record.performance),
        eastern=_eastern,
        clock=partial(_clock, day=slate.game_date),
        named=_named,
        system=_system,
        gap=_gap,
        hits=_hits,
    )
    return html


def _preference(system: str) -> tuple[int, str]:
    """Returns the order of the displayed systems. Another system is shown for a player whom they do not forecast."""
    return (DISPLAYED.index(system) if system in DISPLAYED else len(DISPLAYED)), system


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader, StrictUndefined  # noqa: PLC0415  # the definitions import this module

    environment = Environment(
        loader=PackageLoader("nba_pipeline.publishing"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    return environment.get_template("slate.html")


def _row(player: Player) -> Row:
    shown = next(forecast for forecast in player.forecasts if forecast.system == player.displayed_system)
    return Row(
        player,
        _named(player),
        f"{shown.value:.1f}",
        "" if player.line is None else f"{player.line:.1f}",
        "" if shown.edge is None else _signed(shown.edge),
        shown.recommendation or "",
        "" if player.over_probability is None else f"{player.over_probability:.0%}",
        _range(shown.value, shown.standard_deviation, player.line),
        _more(player),
    )


def _named(row: Player | Graded) -> str:
    """Returns the name of a player, with the unit of a market other than the main one."""
    return row.name + unit_note(row.market)


def _record(performance: Sequence[Performance]) -> Mapping[str, Sequence[Performance]]:
    """Returns title -> rows of the record. Live forecasts come first."""
    titles = {"live": "Made before the game", "backtest": "Made after the game, with models from before it (backtests)"}
    groups = {title: [one for one in performance if one.run_kind == run_kind] for run_kind, title in titles.items()}
    return {title: rows for title, rows in groups.items() if rows}


def _system(one: Performance) -> str:
    return ("the line" if one.system == "market" else one.system) + unit_note(one.market)


def _range(value: float, deviation: float | None, line: float | None) -> Markup:
    """Draws the range with 80 % of the outcomes, the forecast and the line on an axis from 0 to 50 points."""

    def x(points: float) -> float:
        return round(min(max(points, 0.0), AXIS_POINTS) / AXIS_POINTS * AXIS_WIDTH, 1)

    half = EIGHTY_PERCENT * deviation if deviation is not None else 0.0
    low, high = x(value - half), x(value + half)
    label = f"{max(value - half, 0):.0f} to {value + half:.0f}" if half else "unknown"
    band = Markup('<path class=b d="M{} 8H{}"/>').format(low, high) if half else ""
    mark = Markup('<path class=k d="M{} 5l-3-5h6z"/>').format(x(line)) if line is not None else ""
    return Markup('<svg viewBox="0 0 {} {}" role="img" aria-label="{}">{}<path class=m d="M{} 3v10"/>{}</svg>').format(
        AXIS_WIDTH, AXIS_HEIGHT, label, band, x(value), mark
    )


def _more(player: Player) -> str:
    """Returns the fields without a column on a phone: the teams, the forecasts of all systems, the best price, the injury status and the reasons."""
    parts = [f"{player.team} against {player.opponent}"]
    parts.append(", ".join(f"{forecast.system} {forecast.value:.1f}" for forecast in player.forecasts))
    if player.best_price is not None:
        parts.append(f"best price {player.best_price:+d} at {player.best_price_book}")
    if player.injury_status:
        parts.append(f"injury report: {player.injury_status}")
    if player.plays_probability is not None:
        parts.append(f"plays with {player.plays_probability:.0%}")
    if player.reasons:
        parts.append(f"no bet: {', '.join(player.reasons)}")
    return "; ".join(parts)


def _absent_columns(players: Sequence[Player], has_lines: bool, has_probabilities: bool) -> str:
    """Returns why the page has no columns of lines or probabilities; empty if it has them."""
    if not has_lines:
        return "Lines and prices are not published."
    if has_probabilities:
        return ""
    reasons = {player.probability_reason or "unknown" for player in players if player.line is not None}
    return f"P(over) is not shown: {', '.join(sorted(reasons)).replace('_', ' ') or 'no player has a line'}."


def _yesterday(graded: Sequence[Graded]) -> str:
    """Returns a summary of yesterday's results: the number of each outcome where lines are published, and the mean error."""
    outcomes = Counter("NO_LINE" if row.recommendation == "NO_LINE" else row.outcome for row in graded if row.outcome)
    parts = [f"{counted(outcomes[name], one, many)}" for name, one, many in RESULTS if outcomes[name]]
    errors = [abs(row.forecast - row.actual) for row in graded if row.actual is not None]
    mean = [f"mean error {fmean(errors):.2f} over {counted(len(errors), 'player')}"] if errors else []
    return ", ".join([*parts, *mean])


def _eastern(at: datetime) -> str:
    return f"{at.astimezone(EASTERN):%a %Y-%m-%d %H:%M}"


def _clock(at: datetime, day: date) -> str:
    """Returns the US Eastern time of day, with the date if it is not that of the slate."""
    local = at.astimezone(EASTERN)
    return f"{local:%H:%M}" if local.date() == day else f"{local:%Y-%m-%d %H:%M}"


def _signed(value: float) -> str:
    return f"{round(value, 1) + 0.0:+.1f}"  # without the sign of a negative zero


def _gap(one: Performance) -> str:
    if one.gap_to_line is None:
        return ""
    text = f"{one.gap_to_line:+.3f}"
    return text if one.gap_half_width is None else f"{text} ± {one.gap_half_width:.3f}"


def _hits(one: Performance) -> str:
    if one.hit_rate is None:
        return ""
    ends = (
        "" if one.hit_rate_low is None or one.hit_rate_high is None else f" ({one.hit_rate_low:.1%} to {one.hit_rate_high:.1%})"
    )
    return f"{one.hit_rate:.1%}{ends}"
