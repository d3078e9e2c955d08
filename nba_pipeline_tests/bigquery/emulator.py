"""The BigQuery emulator: its environment, created once beside the project, and the process that tests connect to.

It needs Python 3.13 and a duckdb version that the project does not use, so it has its own environment and is never imported
here. `python -m nba_pipeline_tests.bigquery.emulator setup` creates the environment; repeating it costs nothing.
"""

import argparse
import functools
import hashlib
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from filelock import FileLock

HERE = Path(__file__).parent
LAUNCHER = HERE / "launcher.py"
REQUIREMENTS = HERE / "requirements.txt"
PYTHON = (3, 13)
ENVIRONMENT = Path(os.environ.get("NBA_BIGQUERY_EMULATOR", HERE.parents[1] / ".emulator"))

HANG_SECONDS = 600.0
"""Time-out of everything that ends in seconds unless it hangs. A slow machine must not reach it."""

TAIL_LINES = 20


class NotStarted(Exception):
    """The emulator or its environment is unavailable. The message has the reason."""


def _candidates() -> Iterator[str]:
    if chosen := os.environ.get("PYTHON313"):
        yield chosen
    yield "python3.13"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from map(str, sorted(pyenv.glob("versions/3.13*/bin/python")))
    uv = Path(os.environ.get("UV_PYTHON_INSTALL_DIR", Path.home() / ".local/share/uv/python"))
    yield from map(str, sorted(uv.glob("cpython-3.13*/bin/python3.13")))


def find_python() -> str | None:
    """A command that runs Python 3.13. Each candidate is executed, because a pyenv shim on the path may not work."""
    for command in _candidates():
        try:
            result = subprocess.run(
                [command, "-c", "import sys; print(sys.version_info[:2])"],
                capture_output=True,
                text=True,
                timeout=HANG_SECONDS,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            continue
        if result.returncode == 0 and result.stdout.strip() == str(PYTHON):
            return command
    return None


def _python(folder: Path) -> Path:
    return folder / "venv" / "bin" / "python"


def _clean_environment(folder: Path) -> dict[str, str]:
    """Variables without the project's, since the emulator also reads settings from them. duckdb's extensions go into its home."""
    return {"HOME": str(folder / "home"), "PATH": os.environ.get("PATH", os.defpath), "LANG": "C.UTF-8"}


def is_ready(folder: Path = ENVIRONMENT, requirements: Path = REQUIREMENTS) -> bool:
    """Whether the environment was completely created from these requirements."""
    done = folder / "done"
    return done.exists() and done.read_text() == _fingerprint(requirements)


def _fingerprint(requirements: Path) -> str:
    return hashlib.sha256(requirements.read_bytes()).hexdigest()


def setup(folder: Path = ENVIRONMENT, requirements: Path = REQUIREMENTS) -> None:
    """Create the environment if it is missing. Deletes the remains of an interrupted call."""
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "lock"):
        if is_ready(folder, requirements):
            return
        python = find_python()
        if python is None:
            raise NotStarted("the BigQuery emulator needs Python 3.13, and none was found: install one or set PYTHON313")
        (folder / "done").unlink(missing_ok=True)
        for name in ("venv", "home"):
            shutil.rmtree(folder / name, ignore_errors=True)
            (folder / name).mkdir()
        subprocess.run([python, "-m", "venv", folder / "venv"], check=True)
        install: list[str | Path] = [
            _python(folder),
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "-r",
            requirements,
        ]
        subprocess.run(install, check=True)
        # unpacks duckdb's extensions into the home, and verifies that all imports work
        subprocess.run(
            [_python(folder), LAUNCHER, "--help"], env=_clean_environment(folder), stdout=subprocess.DEVNULL, check=True
        )
        (folder / "done").write_text(_fingerprint(requirements))


class Emulator:
    """BigQuery on two free ports of the loopback interface, with its data below `folder`.

    >>> with Emulator(tmp_path) as emulator:  # doctest: +SKIP
    ...     subprocess.run(command, env=os.environ | emulator.variables("a-project", "a_dataset"))

    It exits with the process that started it. `copy_to` copies its data, from which another emulator can start.
    """

    def __init__(self, folder: Path, environment: Path = ENVIRONMENT, start_seconds: float = HANG_SECONDS) -> None:
        self.folder = folder
        self.environment = environment
        self.start_seconds = start_seconds
        self._process: subprocess.Popen[bytes] | None = None
        self._ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        # The data folder is relative to the working directory, so that stored paths stay valid in a copy.
        command: list[str | Path] = [_python(self.environment).absolute(), LAUNCHER, "--data-dir", "data", "--end-with-stdin"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=self.folder,
                env=_clean_environment(self.environment.absolute()),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
            )
        try:
            self._ports = self._wait_until_it_listens(self._process)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """Kill the process, like a power failure."""
        if self._process:
            with self._process as process:
                process.kill()
            self._process = None

    def _wait_until_it_listens(self, process: subprocess.Popen[bytes]) -> dict[str, int]:
        assert process.stdout
        readable, _, _ = select.select([process.stdout], [], [], self.start_seconds)
        if not readable:
            raise NotStarted(
                f"the BigQuery emulator did not listen within {self.start_seconds:g} s; its log ends:\n{self._tail()}"
            )
        line = process.stdout.readline()
        if not line:
            raise NotStarted(f"the BigQuery emulator ended with code {process.wait()}; its log ends:\n{self._tail()}")
        ports: dict[str, int] = json.loads(line)
        return ports

    def _tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-TAIL_LINES:])

    @property
    def log(self) -> Path:
        """The emulator's standard error."""
        return self.folder / "emulator.log"

    @property
    def pid(self) -> int:
        """The id of the running process."""
        assert self._process, "the emulator is not running"
        return self._process.pid

    @property
    def url(self) -> str:
        """The address of the REST interface."""
        return f"http://127.0.0.1:{self._ports['port']}"

    @property
    def grpc_host(self) -> str:
        """Host and port of the Storage Read API."""
        return f"127.0.0.1:{self._ports['grpc_port']}"

    def variables(self, project: str, dataset: str, url: str | None = None) -> dict[str, str]:
        """The environment variables of a child process; `url` inserts a proxy."""
        url = url or self.url
        account = self.folder / f"account_{url.rpartition(':')[2]}.json"
        if not account.exists():
            account.write_text(json.dumps(_service_account(project, f"{url}/token")))
        return {
            "BIGQUERY_EMULATOR_HOST": url,
            "BIGQUERY_STORAGE_EMULATOR_HOST": self.grpc_host,
            "BIGQUERY_PROJECT": project,
            "BIGQUERY_DATASET": dataset,
            "GOOGLE_APPLICATION_CREDENTIALS": str(account),
            # google-auth looks up every service account at Google in the background; nothing listens at this address
            "HTTPS_PROXY": "http://127.0.0.1:9",
            "NO_PROXY": "127.0.0.1",
        }

    def copy_to(self, folder: Path) -> None:
        """Copy the current data, from which `Emulator(folder)` can start."""
        folder.mkdir(parents=True, exist_ok=True)
        if self._process is None:
            shutil.copytree(self.folder / "data", folder / "data")
            return
        os.kill(self.pid, signal.SIGSTOP)  # no file may change during the copy
        try:
            shutil.copytree(self.folder / "data", folder / "data")
        finally:
            os.kill(self.pid, signal.SIGCONT)


@functools.cache
def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    kind = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, kind, serialization.NoEncryption()).decode()


def _service_account(project: str, token_uri: str) -> dict[str, str]:
    """A key file in Google's format. The key is new, and only the emulator accepts it."""
    return {
        "type": "service_account",
        "project_id": project,
        "private_key_id": "test",
        "private_key": _private_key(),
        "client_email": f"test@{project}.iam.gserviceaccount.com",
        "client_id": "1",
        "token_uri": token_uri,
    }


def main() -> None:
    """Create the environment, from the command line."""
    parser = argparse.ArgumentParser(prog="python -m nba_pipeline_tests.bigquery.emulator", description=__doc__)
    parser.add_argument("command", choices=["setup"])
    parser.add_argument("--folder", type=Path, default=ENVIRONMENT)
    folder = parser.parse_args().folder
    started = time.monotonic()
    try:
        setup(folder)
    except (NotStarted, subprocess.CalledProcessError) as error:
        sys.exit(str(error))
    sys.stdout.write(f"{folder} is ready ({time.monotonic() - started:.1f} s)\n")


if __name__ == "__main__":
    main()
