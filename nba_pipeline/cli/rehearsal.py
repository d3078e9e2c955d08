"""The command `rehearse`: a day of the simulated league with the daemon's schedules and sensors, on a moved clock."""

import shutil
import tempfile
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nba_pipeline.cli.app import app, date_of, leave
from nba_pipeline.cli.consoles import print_line, working
from nba_pipeline.environments import SETTINGS_FILE, environment, home, use_scratch_home
from nba_pipeline.errors import BadInput
from nba_pipeline.tables.wording import counted

if TYPE_CHECKING:
    from nba_pipeline.orchestration.runner import Outcome, Runner

HISTORY_DAYS = 14
"""Default days of history: enough for the windows of the last ten games, and too few to train a model."""
STATE_FILE, RULES_FILE = "rehearsal.json", "sandbox_rules.json"

HOURS = (5, 6, 7, 9, 10, 11, 13, 16, 18, 22, 25, 29, 30, 31, 35, 36)
"""Hours of the day at which the daemon is evaluated, ten minutes past; 25 is 1 a.m. of the next day, 36 its deadline."""

LONGEST_WHY = 110


@app.command()
def rehearse(
    day: Annotated[str, typer.Option("--date", help="the US Eastern date to rehearse")],
    folder: Annotated[
        Path | None, typer.Option("--home", help="keep the home in this new folder; default: a temporary one")
    ] = None,
    history: Annotated[int, typer.Option(help="days before the date that are backfilled first")] = HISTORY_DAYS,
) -> None:
    """Play a day of the simulated league with the daemon on a moved clock, and show what ran when and why.

    The day begins at 5 a.m. and ends at noon of the next day. The daemon is evaluated at 16 instants, the real one every 30 seconds.
    Your home does not change. Its settings and sandbox rules are copied.
    """
    from nba_pipeline.league.calendar import FIRST_DATE, eastern

    if environment() != "sandbox":
        raise BadInput(f"rehearse runs in the sandbox only, and NBA_PIPELINE_ENV is {environment()!r}: unset it")
    slate = date_of(day, "--date")
    if history < 1 or slate - timedelta(days=history) < FIRST_DATE:
        latest = (slate - FIRST_DATE).days
        raise BadInput(f"--history must be from 1 to {latest} days before {slate}, not {history}")
    with ExitStack() as stack:
        scratch = _scratch_home(folder, stack)
        print_line(f"The simulated league on {slate} with {history} days of history, in the home {scratch}", style="bold")
        code = _rehearse(slate, history, eastern(slate, HOURS[0], 10))
        print_line(
            f"\nThe home is kept: NBA_PIPELINE_HOME={scratch}" if folder else "\nThe home was temporary; --home FOLDER keeps it."
        )
    leave(code)


def _scratch_home(folder: Path | None, stack: ExitStack) -> Path:
    """Creates the home of the rehearsal and makes it the home of this process. Copies the user's settings and sandbox rules."""
    if folder is not None and folder.exists() and any(folder.iterdir()):
        raise BadInput(f"--home {folder} is not empty; name a new folder")
    original = home()
    scratch = folder.absolute() if folder else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="nba_rehearsal_")))
    scratch.mkdir(parents=True, exist_ok=True)
    for name in (SETTINGS_FILE, RULES_FILE):
        if (original / name).exists():
            shutil.copy(original / name, scratch)
    use_scratch_home(scratch)
    return scratch


def _rehearse(slate: date, history: int, start: datetime) -> int:
    """Backfills the history, plays the day, and prints the status and the slate of its end. Returns the exit code."""
    import time_machine

    from nba_pipeline.cli.outcomes import print_first_failure, report
    from nba_pipeline.cli.runs import print_slate_of
    from nba_pipeline.cli.status import print_snapshot, read_snapshot
    from nba_pipeline.definitions import build_definitions
    from nba_pipeline.environments import resources_for
    from nba_pipeline.instance.clock import Clock
    from nba_pipeline.instance.opening import open_instance
    from nba_pipeline.orchestration.runner import Runner
    from nba_pipeline.publishing.place import PublicFiles

    in_home = {"public": PublicFiles(home=str(home()), is_simulated=True)}  # a rehearsal never publishes to a bucket
    definitions = build_definitions("sandbox", resources_for("sandbox", Clock()) | in_home)
    runner, ended, end = Runner(definitions, open_instance(home())), list["Outcome"](), instants(slate)[-1]
    repeat = f"nba-pipeline rehearse --date {slate}"
    with time_machine.travel(start, tick=False):
        yesterday = slate - timedelta(days=1)
        loaded = runner.backfill(slate - timedelta(days=history), yesterday)
        report(runner, loaded, repeat, is_brief=True, reported=ended)
    is_failed = _play(runner, slate, start, end)
    with time_machine.travel(end, tick=False):
        print_line("")
        print_snapshot(read_snapshot(runner, yesterday, slate + timedelta(days=1)))
        print_line("")
        print_slate_of(runner, slate)
    print_first_failure(ended)
    return int(is_failed)


def instants(slate: date) -> list[datetime]:
    """Returns the instants at which the daemon is evaluated. The real one evaluates every 30 seconds, so its runs begin earlier."""
    from nba_pipeline.league.calendar import eastern

    return [eastern(slate + timedelta(days=hour // 24), hour % 24, 10) for hour in HOURS]


def _play(runner: "Runner", slate: date, start: datetime, end: datetime) -> bool:
    """Evaluates the daemon during the day, and prints one line per run. Returns whether a run failed."""
    from nba_pipeline.instance.simulated_daemon import SimulatedDaemon
    from nba_pipeline.orchestration.runner import QUIET

    daemon = SimulatedDaemon(runner.definitions, runner.instance, home() / STATE_FILE, start, QUIET)
    failed = list[str]()

    def show(request: dict[str, Any], success: bool, seconds: float) -> None:
        print_line(timeline_line(datetime.now(UTC), request, success, seconds), style=None if success else "red")
        failed.extend([] if success else [request["asked_by"]])

    daemon.on_run = show
    print_line("\nEastern time, schedule or sensor, run, and why")
    with working("the daemon evaluates schedules, sensors and conditions"):
        daemon.run(end, lambda now: min((at for at in instants(slate) if at > now), default=end + timedelta(seconds=1)))
    return bool(failed)


def timeline_line(now: datetime, request: dict[str, Any], success: bool, seconds: float) -> str:
    """Returns the line of a run: its instant, schedule or sensor, tables, outcome, and the reason of the request."""
    from nba_pipeline.instance.run_tags import PARTITION_TAG, WHY_TAG
    from nba_pipeline.league.calendar import EASTERN

    at, tables, tags = now.astimezone(EASTERN), request["assets"], request["tags"]
    subject = request["job"] if not tables else tables[0] if len(tables) == 1 else counted(len(tables), "table")
    if day := request["day"] or tags.get(PARTITION_TAG):
        subject += f" of {day}"
    reason = tags.get(WHY_TAG, "upstream tables changed" if tables else "")
    if len(reason) > LONGEST_WHY:
        reason = f"{reason[: LONGEST_WHY - 1]}…"
    outcome = f"{'done' if success else 'FAILED'} in {seconds:.1f} s{f': {reason}' if reason else ''}"
    return f"{at:%m-%d %H:%M} {request['asked_by']}: {subject} {outcome}"
