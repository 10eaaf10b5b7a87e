"""Dagster's processes as `make ui` starts them: found by their kind, and killed.

What is done to them belongs to each program of faults.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from second_opinion_assets_tests.graph.webserver import (
    PROJECT,
    Webserver,
    environment,
    free_port,
    wait_for,
)

KINDS = {
    "daemon": "-m dagster._daemon",
    "webserver": "-m dagster_webserver",
    "code server": "-m dagster code-server",
    "code process": "-m dagster api grpc",
    "worker": "--multiprocessing-fork",
}
"""What the command line of each kind of process has."""


class Server:
    """What `make ui` starts, on the shipped settings; after a loss of power it is started again."""

    def __init__(self, home: Path, manifest: Path, settings: dict[str, str]) -> None:
        self._home = home
        self._environment = {**environment(home, manifest), **settings}
        port = free_port()
        workspace = PROJECT / "workspace.yaml"
        self._arguments = ["-h", "127.0.0.1", "-p", str(port), "-w", str(workspace)]
        self._process: subprocess.Popen[bytes] | None = None
        self.api = Webserver(f"http://127.0.0.1:{port}")

    def keep_up(self) -> None:
        """Wait until it answers, and start it whenever it has ended."""
        wait_for(self._is_up)

    def _is_up(self) -> bool:
        if self._process is None or self._process.poll() is not None:
            self._start()
        with suppress(OSError):
            return bool(self.api.query("{ version }"))
        return False

    def _start(self) -> None:
        command = [sys.executable, "-m", "second_opinion_assets.graph.serve"]
        with self._home.with_name("server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, *self._arguments],
                env=self._environment,
                stdout=log,
                stderr=log,
                cwd=self._home.parent,
                start_new_session=True,
            )

    def kill(self, kind: str) -> int:
        """Kill all processes of a kind, or everything, as a loss of power would; return how many.

        An orphan of an earlier loss is one of them, as long as it lives.
        """
        killed = 0
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                if kind == "everything" or KINDS[kind] in " ".join(process.cmdline()):
                    process.send_signal(signal.SIGKILL)
                    killed += 1
        return killed

    def processes(self) -> Iterator[psutil.Process]:
        """Yield what runs on this server's history, orphans as well."""
        for process in psutil.process_iter():
            with suppress(psutil.Error):
                if process.pid != os.getpid() and self._is_ours(process):
                    yield process

    def _is_ours(self, process: psutil.Process) -> bool:
        return process.environ().get("DAGSTER_HOME") == str(self._home)


@contextmanager
def running(server: Server) -> Iterator[Webserver]:
    """Start a server, and leave none of its processes behind."""
    try:
        server.keep_up()
        yield server.api
    finally:
        while server.kill("everything"):
            pass
