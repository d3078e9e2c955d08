"""Behavior that all commands share."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import date
from importlib.metadata import version
from pathlib import Path

import pytest
import typer

from nba_pipeline.cli.app import INTERRUPTED, _exit_code, _is_unhandled_interrupt, date_of
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.private_files import GROUP_AND_OTHERS
from nba_pipeline.league.calendar import eastern
from nba_pipeline.tables import catalog
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.orchestration.test_runner import WITHOUT_GAMES

pytestmark = pytest.mark.slow
IN_A_PROCESS = pytest.mark.platform
"""Of tests that start the command as a process."""

DAY = date(2026, 1, 15)


@pytest.fixture
def usual_umask() -> Iterator[None]:
    """The default umask of most systems, which lets all users read."""
    before = os.umask(0o022)
    yield
    os.umask(before)


def open_to_others(folder: Path) -> list[str]:
    """Returns the files and folders, including the root, that the group or other users may read, write or enter.

    The system ignores the mode of a link, such as the one to the published pages.
    """
    found = [path for path in (folder, *folder.rglob("*")) if not path.is_symlink()]
    return [str(path) for path in found if path.lstat().st_mode & GROUP_AND_OTHERS]


@pytest.mark.usefixtures("usual_umask")
def test_a_new_home_is_only_the_users(tmp_path: Path) -> None:
    """Includes Dagster's databases and all parent folders."""
    nba_pipeline("status", home=tmp_path / "nba" / "home", now=eastern(DAY, 12))
    assert (tmp_path / "nba" / "home" / "dagster" / "dagster.yaml").exists() and open_to_others(tmp_path / "nba") == []


@pytest.mark.unattended
@pytest.mark.usefixtures("usual_umask")
def test_what_a_run_and_a_backup_write_is_only_the_users(tmp_path: Path) -> None:
    """Includes tables, landing, locks, manifests and events."""
    home, backup = tmp_path / "home", tmp_path / "backup"
    home.mkdir(mode=0o700)
    rules = home / "sandbox_rules.json"
    rules.touch(mode=0o600)
    rules.write_text(json.dumps({"clubs": 4, "no_game_dates": WITHOUT_GAMES}))
    ran = nba_pipeline("run", "--date", str(DAY), "--mode", "overnight", home=home, now=eastern(DAY, 23))
    assert "slate" not in ran.stdout.lower(), "a mode that only collects prints no slate"
    assert nba_pipeline("backup", str(backup), home=home).returncode == 0
    assert {path.name for path in home.iterdir()} >= {"dagster", "landing", "locks", "tables", "format.json"}
    assert open_to_others(home) == open_to_others(backup) == []


@pytest.mark.usefixtures("usual_umask")
def test_files_that_exist_keep_their_permissions(tmp_path: Path) -> None:
    """A home that its user has shared stays readable. New files in it are private."""
    tmp_path.chmod(0o755)
    rules = tmp_path / "sandbox_rules.json"
    rules.write_text("{}")
    nba_pipeline("status", home=tmp_path, now=eastern(DAY, 12))
    assert open_to_others(tmp_path) == [str(tmp_path), str(rules)] and len(list(tmp_path.rglob("*"))) > 1


def test_the_version_is_that_of_the_package(tmp_path: Path) -> None:
    assert nba_pipeline("--version", home=tmp_path).stdout == f"nba-pipeline {version('nba_pipeline')}\n"


def test_h_is_help(tmp_path: Path) -> None:
    short, long = nba_pipeline("-h", home=tmp_path), nba_pipeline("--help", home=tmp_path)
    assert short.stdout == long.stdout and "slate" in short.stdout
    assert "--min-edge" in nba_pipeline("slate", "-h", home=tmp_path).stdout


@pytest.mark.parametrize(
    ("words", "question"),
    [
        (["slat"], "Did you mean 'slate'"),
        (["status", "--format", "jsn"], "did you mean json?"),
        (["slate", "--date", "2026/1/5"], "did you mean 2026-01-05?"),
        (["slate", "--date", "yesterday"], "did you mean 2026-01-14?"),
        (["run", "--date", "2026-01-15", "--mode", "sameday"], "did you mean same_day?"),
        (["sql", "SELECT * FROM predicitons"], "did you mean predictions?"),
        (["copy", "--from-warehouse", "local", "--to-warehouse", "bigquery", "--from", "2026-01-15", "--to", "2026-01-15",
          "--tables", "boxscore"], "did you mean boxscores?"),
    ],
)  # fmt: skip
def test_an_unknown_name_gets_the_closest_one(words: list[str], question: str, tmp_path: Path) -> None:
    ended = nba_pipeline(*words, home=tmp_path, now=eastern(DAY, 12))
    assert ended.returncode == 2 and question in " ".join(ended.stderr.split())


HEAVY = {"dagster", "dataframely", "catboost", "pandas", "polars"}
IMPORTED = f"import sys; from nba_pipeline.cli import main\ntry: main()\nfinally: print(sorted({HEAVY} & sys.modules.keys()), file=sys.stderr)"


@IN_A_PROCESS
@pytest.mark.parametrize(
    ("words", "imported"),
    [
        (["--help"], []),
        (["--version"], []),
        (["help", "LATE"], []),
        (["slate"], ["polars"]),
        (["sql", "SELECT 1 AS a"], ["polars"]),
    ],
)
def test_commands_of_every_day_import_neither_dagster_nor_dataframely(
    words: list[str], imported: list[str], tmp_path: Path
) -> None:
    environment = os.environ | {"NBA_PIPELINE_HOME": str(tmp_path)}
    ended = subprocess.run([sys.executable, "-c", IMPORTED, *words], env=environment, capture_output=True, text=True, check=True)
    assert ended.stderr.splitlines()[-1] == str(imported)


@IN_A_PROCESS
def test_a_closed_pipe_ends_quietly(tmp_path: Path) -> None:
    command = f"{sys.executable} -m nba_pipeline sql --format csv 'SELECT * FROM range(100000)' | head -n 1"
    environment = os.environ | {"NBA_PIPELINE_HOME": str(tmp_path)}
    ended = subprocess.run(["sh", "-c", command], env=environment, capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("range\n", "")


@IN_A_PROCESS
def test_the_exit_code_of_a_closed_pipe_is_that_of_sigpipe(tmp_path: Path) -> None:
    """Also for an answer that is shorter than the buffers, so that Python writes it at its end."""
    read, write = os.pipe()
    os.close(read)
    environment = os.environ | {"NBA_PIPELINE_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "nba_pipeline", "help", "LATE"]
    ended = subprocess.run(command, env=environment, stdout=write, stderr=subprocess.PIPE, text=True, check=False)
    os.close(write)
    assert (ended.returncode, ended.stderr) == (141, "")


def test_the_exit_code_of_ctrl_c_is_that_of_sigint() -> None:
    """Outside of a run Typer catches it. A background job of a shell ignores the signal, so the test sets Python's handler."""
    interrupted = typer.Typer()
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    @interrupted.command()
    def command() -> None:
        signal.raise_signal(signal.SIGINT)
        time.sleep(0.01)  # Python runs the signal's handler between two instructions

    try:
        with pytest.raises(SystemExit) as ended:
            interrupted([])
    finally:
        signal.signal(signal.SIGINT, before)
    assert _exit_code(ended.value) == INTERRUPTED == 130
    assert _is_unhandled_interrupt(ended.value)
    assert not _is_unhandled_interrupt(SystemExit(INTERRUPTED)), "of a command that has said what it kept"


INTERRUPTIBLE = """
import signal, sys, time
class Waiting:
    @staticmethod
    def find_spec(name, *rest):
        if name == {module!r}:
            wait()
def wait():
    print("waiting", flush=True)
    time.sleep(60)
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background job of a shell ignores it
sys.meta_path.insert(0, Waiting)
from nba_pipeline.__main__ import main
{before}
main()
"""
OUTSIDE_OF_TYPER = "import nba_pipeline.cli; sys.modules['nba_pipeline.cli.app'].make_files_private = wait"


@IN_A_PROCESS
@pytest.mark.parametrize(
    ("module", "before"),
    [("nba_pipeline.cli", ""), ("nba_pipeline.settings", ""), ("pydantic_core", ""), ("", OUTSIDE_OF_TYPER)],
    ids=["first import", "later import", "import of a library", "outside of typer"],
)
def test_ctrl_c_before_the_command_is_one_line(module: str, before: str) -> None:
    code = INTERRUPTIBLE.format(module=module, before=before)
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=50)
    assert (process.returncode, errors) == (INTERRUPTED, "nba-pipeline: interrupted\n")


@IN_A_PROCESS
def test_an_ignored_ctrl_c_stays_ignored() -> None:
    """A shell's background job inherits it, and nohup sets it for its command."""
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.SIG_IGN); sys.argv = ['nba-pipeline', '--version']\n"
        "from nba_pipeline.__main__ import main\n"
        "import nba_pipeline.cli\n"
        "sys.modules['nba_pipeline.cli.app'].make_files_private = lambda: signal.raise_signal(signal.SIGINT)\n"
        "main()"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"nba-pipeline {version('nba_pipeline')}\n", "")


def test_the_help_of_sql_lists_every_table_and_view(tmp_path: Path) -> None:
    words = set(re.findall(r"\w+", nba_pipeline("sql", "--help", home=tmp_path).stdout))
    assert words >= {*catalog.tables(), *catalog.views()}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("2026-11-31", "2026-11-31 does not exist: 2026-11 has the days 01 to 30"),
        ("2023-02-29", "2023-02-29 does not exist: 2023-02 has the days 01 to 28"),
        ("2026-13-01", "2026-13-01 does not exist: a year has the months 01 to 12"),
        ("soon", "must be a date like 2024-03-15, not 'soon'"),
        ("2020-01-01", "2020-01-01 is before 2021-10-01"),
    ],
)
def test_a_date_that_does_not_exist_says_why(text: str, why: str) -> None:
    with pytest.raises(BadInput, match=re.escape(why)):
        date_of(text, "--date")


@IN_A_PROCESS
@pytest.mark.parametrize(
    ("shell", "typed", "offered"), [("bash", "nba-pipeline st", "status"), ("zsh", "nba-pipeline status --w", "--watch")]
)
def test_shells_complete_commands_and_options(shell: str, typed: str, offered: str, tmp_path: Path) -> None:
    """`--install-completion` installs a script that asks the command in this way."""
    variables = {"_NBA_PIPELINE_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": typed, "COMP_WORDS": typed}
    variables |= {"COMP_CWORD": str(len(typed.split()) - 1), "NBA_PIPELINE_HOME": str(tmp_path)}
    command = [str(Path(sys.executable).parent / "nba-pipeline")]
    ended = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
    assert offered in ended.stdout and not ended.stderr


@pytest.mark.parametrize("words", [("explain",), ("publish",), ("repair", "--date", "2026-01-15")], ids=" ".join)
def test_the_first_step_in_a_home_without_tables_is_the_same_for_all_commands(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = nba_pipeline(*words, home=tmp_path, now=eastern(date(2026, 1, 15), 12))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.replace("\n", "") == f"nba-pipeline: the home {tmp_path} has no tables; first: `nba-pipeline demo`"
