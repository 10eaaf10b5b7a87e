"""Runs a command as a whole process and says what it cost.

What is run, and what to make of the costs, is the business of `bench` and `curves`. Keep this
process small: a child starts with its parent's peak memory on its account.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import psutil

if TYPE_CHECKING:
    from collections.abc import Sequence

SAMPLE_SECONDS = 0.02
OURS = (str(Path(sys.executable).with_name("second-opinion")),)


class Cost(NamedTuple):
    """What one run took: seconds on the clock, seconds of all cores, and peak bytes."""

    wall: float
    cpu: float
    memory: int

    @classmethod
    def median_of(cls, costs: Sequence[Cost]) -> Cost:
        """Return the median of each, whichever runs they are of."""
        return cls(*map(median, zip(*costs, strict=True)))


def materialize_command(
    features: Path, out: Path, sidecars: Sequence[Path], audit: Path
) -> list[str]:
    """Return the command that joins one table with this project, as a user would give it."""
    scores = [part for path in sidecars for part in ("--scores", str(path))]
    tables = ["--features", str(features), "--out", str(out), "--audit-json", str(audit)]
    return [*OURS, "materialize", *tables, *scores]


def explain_command(features: Path, sidecars: Sequence[Path]) -> list[str]:
    """Return the command that explains a table and its sidecars."""
    scores = [part for path in sidecars for part in ("--scores", str(path))]
    return [*OURS, "explain", str(features), *scores]


def run(command: Sequence[str], *, watch: bool = False) -> Cost:
    """Run a command to its end.

    Args:
        command: the program and its arguments.
        watch: count the memory of all its processes together, by looking often; else only the
            peak of the largest one, which costs the run nothing.

    Raises:
        RuntimeError: it failed; the message has its standard error.
    """
    os.sync()  # what an earlier run left to be written must not slow this one down
    with tempfile.TemporaryFile() as errors:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdout=errors, stderr=errors)
        watcher = _Watcher(process.pid)
        if watch:
            watcher.start()
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        watcher.ended.set()
        if process.returncode:
            errors.seek(0)
            text = errors.read().decode(errors="replace")
            msg = f"{' '.join(command)}: exit status {process.returncode}\n{text}"
            raise RuntimeError(msg)
    if watch:
        watcher.join()
    memory = max(usage.ru_maxrss * 1024, watcher.peak)
    return Cost(wall, usage.ru_utime + usage.ru_stime, memory)


class _Watcher(threading.Thread):
    """Looks how much memory a process and its children hold between them."""

    def __init__(self, pid: int) -> None:
        super().__init__()
        self.peak = 0
        self.ended = threading.Event()
        self._pid = pid

    def run(self) -> None:
        while not self.ended.wait(SAMPLE_SECONDS):
            try:
                process = psutil.Process(self._pid)
                tree = [process, *process.children(recursive=True)]
                if len(tree) > 1:  # of one process the system knows the true peak
                    self.peak = max(self.peak, sum(p.memory_full_info().pss for p in tree))
            except psutil.Error:
                continue
