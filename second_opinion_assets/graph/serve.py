"""Keeps `dg dev` up: webserver, daemon and code server, whichever of them ends.

`python -m second_opinion_assets.graph.serve` takes the arguments of `dg dev`, which ends with
its webserver or daemon, and does not notice that its code server did. After a loss of power it is
for the machine to start this.
"""

import os  # noqa: TID251 (the environment of a process, and no file)
import signal
import subprocess
import sys
import time
from collections.abc import Sequence

import click
import psutil

LOOK_SECONDS = 2.0
MISSING_LOOKS = 5
"""In so many looks, one after the other, a code server must be missing before it counts as dead."""
SHORT_LIFE_SECONDS = 20.0
"""What ends by itself so early cannot start: it is not tried again."""
END_SECONDS = 60.0
_BACKFILLS_WAIT = {"DAGSTER_BACKFILL_RETRY_DEFINITION_CHANGED_ERROR": "1"}
"""A backfill waits for a code server that is away, where it would fail."""


def main() -> None:
    """Serve until interrupted or told to end."""
    for told in (signal.SIGINT, signal.SIGTERM):  # a script's background job ignores the former
        signal.signal(told, signal.default_int_handler)
    try:
        sys.exit(serve(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)


def serve(arguments: Sequence[str]) -> int:
    """Start Dagster, and start it again whenever a part of it has ended.

    Returns:
        The exit status of a first one that ended as soon as it was started.
    """
    can_start = False
    while True:
        began = time.monotonic()
        process = psutil.Popen(
            [sys.executable, "-m", "dagster_dg_cli.cli", "dev", *arguments],
            env={**os.environ, **_BACKFILLS_WAIT},
        )
        try:
            has_lost_code = wait_for_an_end(process)
        finally:
            status = end(process)
        lived_seconds = time.monotonic() - began
        can_start = can_start or has_lost_code or lived_seconds >= SHORT_LIFE_SECONDS
        if not can_start:
            return status or 1
        click.echo("a part of Dagster has ended; starting it again", err=True)


def wait_for_an_end(process: psutil.Popen) -> bool:
    """Return once `dg dev` has ended, or its code server after it was there: whether the latter."""
    seen = False
    missing = 0
    while process.poll() is None and missing < MISSING_LOOKS:
        time.sleep(LOOK_SECONDS)
        here = has_code_server(process)
        seen = seen or here
        missing = missing + 1 if seen and not here else 0
    return missing >= MISSING_LOOKS


def has_code_server(process: psutil.Process) -> bool:
    """Return whether the code server lives, both the process that is asked and that with the code.

    A reload starts a second one with the code before it ends the first.
    """
    try:
        servers = [child for child in process.children() if "code-server" in _command(child)]
        return any("grpc" in _command(code) for server in servers for code in server.children())
    except psutil.NoSuchProcess:
        return False


def _command(process: psutil.Process) -> list[str]:
    """Return the words of a process's command; none if it has ended."""
    try:
        return [] if process.status() == psutil.STATUS_ZOMBIE else process.cmdline()
    except psutil.NoSuchProcess:
        return []


def end(process: psutil.Popen) -> int:
    """End what still runs of `dg dev`, but for joins, and return its exit status."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(END_SECONDS)
        except (psutil.TimeoutExpired, subprocess.TimeoutExpired):
            process.kill()
    return int(process.wait())


if __name__ == "__main__":
    main()
