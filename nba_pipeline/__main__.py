"""The entry point of `nba-pipeline` and of `python -m nba_pipeline`. It handles interrupts before it imports the command.

These imports take half a second and leave nothing to clean up, so an interrupt ends the process at once. An exception would
print a traceback, and some modules swallow it.
"""

import os
import signal
import sys
from types import FrameType
from typing import NoReturn

INTERRUPTED = 130
"""Exit code after SIGINT; see `cli.app`."""


def main() -> NoReturn:
    """Run the command. An interrupt at any moment ends it with one line."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # else the caller ignores interrupts, as nohup does
        signal.signal(signal.SIGINT, _end)
    from nba_pipeline.cli import main as run  # noqa: PLC0415  # takes half a second

    try:
        if signal.getsignal(signal.SIGINT) is _end:
            signal.signal(signal.SIGINT, signal.default_int_handler)
        run()
    except KeyboardInterrupt:  # outside of the part that typer handles
        _end()


def _end(number: int = signal.SIGINT, frame: FrameType | None = None) -> NoReturn:
    sys.stderr.write("nba-pipeline: interrupted\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    main()
