"""The message to readers about a published slate: three lines, from its document."""

from nba_pipeline.publishing.documents import Performance, Player, Slate
from nba_pipeline.publishing.prices import displayed
from nba_pipeline.publishing.units import unit, unit_note
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted

NAMES = 5
"""Number of players that a line names."""
LONGEST_LINE = 400
"""Characters. Discord accepts 2,000 per message."""


def message_lines(slate: Slate) -> list[str]:
    """Returns the lines: the slate with its state, its picks or highest forecasts, and the record of the displayed system."""
    return [_shortened(line) for line in (_headline(slate), _players(slate), _record(slate))]


def _headline(slate: Slate) -> str:
    league = "Simulated league" if slate.is_simulated else "NBA player props"
    reason = f" ({slate.state_reasons[0]})" if slate.state_reasons else ""
    counts = f"{counted(len(slate.games), 'game')}, {counted(len(slate.players), 'player')}"
    return f"{league}, {slate.game_date:%A} {slate.game_date}: {counts}, {slate.state}{reason}"


def _players(slate: Slate) -> str:
    """Returns the picks, best first. Without published prices, returns the highest forecasts."""
    if slate.prices != "all":
        of_market = [player for player in slate.players if player.market == SETTINGS.lines.market]
        highest = [f"{player.name} {_forecast(player):.1f}" for player in of_market[:NAMES]]
        return f"Highest forecasts, in {unit()}: {', '.join(highest)}" if highest else "No forecasts"
    picks = sorted((player for player in slate.players if player.pick), key=lambda player: player.pick_rank or 0)
    if not picks:
        return "No picks: picks are halted" if slate.is_halted else "No picks"
    names = ", ".join(f"{player.name} {player.pick}{unit_note(player.market)}" for player in picks[:NAMES])
    more = f", and {len(picks) - NAMES} more" if len(picks) > NAMES else ""
    return f"{counted(len(picks), 'pick')}: {names}{more}"


def _forecast(player: Player) -> float:
    return next(forecast.value for forecast in player.forecasts if forecast.system == player.displayed_system)


def _record(slate: Slate) -> str:
    """Returns the error of the displayed system beside that of the line on the same rows."""
    record = slate.record
    live = [one for one in record.performance if one.run_kind == "live" and one.market == SETTINGS.lines.market]
    by_system = {one.system: one for one in live}
    shown = next((by_system[name] for name in displayed(slate.prices) if name in by_system), None)
    if shown is None or shown.mae is None or record.first is None:
        return "No record yet"
    gap = _gap(shown)
    error = f"{shown.system} has a mean error of {shown.mae:.2f} {unit()} over {counted(shown.with_line, 'forecast')} with a line"
    return f"{record.first} to {record.last}: {error}{gap}"


def _gap(shown: Performance) -> str:
    if shown.gap_to_line is None:
        return ""
    interval = "" if shown.gap_half_width is None else f" ± {shown.gap_half_width:.2f}"
    return f", {shown.gap_to_line:+.2f}{interval} against the line"


def _shortened(line: str) -> str:
    line = " ".join(line.split())  # a name or a reason may contain a line break
    return line if len(line) <= LONGEST_LINE else f"{line[: LONGEST_LINE - 1]}…"
