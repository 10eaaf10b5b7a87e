"""Dagster's processes as `make ui` starts them: found by their kind, killed, and started again.

What is done to them belongs to each program of faults.
"""

import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from second_opinion_assets_tests.graph.webserver import (
    BIN,
    PROJECT,
    Webserver,
    environment,
    free_port,
    wait_for,
)

KINDS = {
    "daemon": "dagster._daemon",
    "webserver": "dagster_webserver",
    "code server": "grpc",
    "worker": "--multiprocessing-fork",
}
"""What the command line of each kind of process has."""


class Server:
    """`dagster dev` on the shipped settings, which a person or a service starts again."""

    def __init__(self, home: Path, manifest: Path, settings: dict[str, str]) -> None:
        self._home = home
        self._environment = {**environment(home, manifest, as_shipped=True), **settings}
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.api = Webserver(f"http://127.0.0.1:{self._port}")

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
        command = [f"{BIN}/dagster", "dev", "-h", "127.0.0.1", "-p", str(self._port)]
        with self._home.with_name("server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "-w", str(PROJECT / "workspace.yaml")],
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
