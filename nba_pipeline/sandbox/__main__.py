"""python -m nba_pipeline.sandbox: serves the sandbox until interrupted."""

import argparse
import json
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from nba_pipeline.errors import BadInput
from nba_pipeline.sandbox.faults import parse_time
from nba_pipeline.sandbox.server import serve


def main() -> int:
    """Prints one JSON line with port and url, then serves. Exits with code 2 if an argument or the rules are invalid."""
    parser = argparse.ArgumentParser(prog="python -m nba_pipeline.sandbox", description=__doc__)
    parser.add_argument("--now", help="start of the clock, US Eastern without an offset; default: real time")
    parser.add_argument("--port", type=int, default=0, help="default: a free port")
    parser.add_argument("--home", type=Path, default=Path(), help="folder of sandbox_rules.json")
    arguments = parser.parse_args()
    try:
        offset = parse_time(arguments.now, "--now") - datetime.now(UTC) if arguments.now else timedelta(0)
        server = serve(arguments.home, lambda: datetime.now(UTC) + offset, port=arguments.port)
    except BadInput as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for number in (signal.SIGTERM, signal.SIGINT):  # a shell's background job inherits an ignored SIGINT
        signal.signal(number, signal.default_int_handler)
    sys.stdout.write(json.dumps({"port": server.port, "url": server.url}) + "\n")
    sys.stdout.flush()
    try:
        while True:
            time.sleep(3600)
    except KeyboardInterrupt:
        server.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
