"""Joins that die, or whose calls fail, at every call that changes a file, and at random.

`python faults/deaths.py [RANDOM [SEED]]`. A library that `cc` makes of calls.c counts the calls of
a real command (write, fsync, rename, unlink, link, mkdir, open and so on). It kills the command
before the call that is named, or in the middle of a write, or lets the call fail as a full or
broken disk would, or both: a failure, and a death at each call that follows. RANDOM joins of a
larger table are killed at moments of chance. After each, what the next look finds must be the whole
old pair of table and audit or the whole new one; the next join must end well and leave nothing of
the dead one behind. Prints a line of JSON a fault: how often it was injected, and what was lost.
"""

import errno
import itertools
import json
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from outputs import Outputs, Pair

SMALL_ROWS = 200
LARGE_ROWS = 60_000
FAILURES = {"no space": errno.ENOSPC, "broken disk": errno.EIO, "not permitted": errno.EPERM}


class Ledger:
    """Counts what was injected and what was lost."""

    def __init__(self) -> None:
        self.lost = 0

    def write(self, fault: str, found: list[str]) -> None:
        """Print how often a fault was injected and what was lost of it, each empty for nothing."""
        lost = [text for text in found if text]
        self.lost += len(lost)
        fact = {"fault": fault, "injected": len(found), "lost": len(lost), "what": lost[:5]}
        print(json.dumps(fact), flush=True)


def main(deaths: int, seed: int) -> int:
    """Inject every fault, and return how often something was lost."""
    ledger = Ledger()
    with tempfile.TemporaryDirectory(prefix="deaths-") as name:
        folder = Path(name)
        print(f"seed {seed}", flush=True)
        for suffix in (".jsonl", ".parquet"):
            outputs = Outputs(folder / f"large{suffix[1:]}", suffix, LARGE_ROWS, "audit.json")
            found = list(at_random(outputs, deaths // 2, random.Random(seed)))
            ledger.write(f"{suffix[1:]}: killed at a random moment", found)
        library = build(folder)
        for suffix, audit in ((".jsonl", "audit.json"), (".parquet", "audits/audit.json")):
            outputs = Outputs(folder / suffix[1:], suffix, SMALL_ROWS, audit)
            pairs = outputs.join(0), outputs.join(1)
            for is_first in (True, False):
                what = f"{suffix[1:]}, {'first join' if is_first else 'join again'}"
                scene = Scene(outputs, pairs, library, is_first=is_first)
                for fault in ("kill", "half"):
                    ledger.write(f"{what}: {fault} at each call", list(scene.at_each_call(fault)))
                for failure, number in FAILURES.items():
                    found = list(scene.at_each_call(str(number)))
                    ledger.write(f"{what}: {failure} at each call", found)
                found = list(scene.failure_and_death(errno.EPERM))
                ledger.write(f"{what}: not permitted, and a death after it", found)
    print(json.dumps({"lost": ledger.lost}))
    return ledger.lost


def build(folder: Path) -> Path:
    """Compile the library that counts calls."""
    library = folder / "calls.so"
    source = Path(__file__).with_name("calls.c")
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
    subprocess.run(command, check=True)
    return library


class Scene:
    """One output, old or none, that a join with a fault is to replace."""

    def __init__(
        self, outputs: Outputs, pairs: tuple[Pair, Pair], library: Path, *, is_first: bool
    ) -> None:
        self._outputs = outputs
        self._old = None if is_first else pairs[0]
        self._tables = None if is_first else pairs[0].table, pairs[1].table
        self._library = library

    def at_each_call(self, fault: str) -> Iterator[str]:
        """Inject a fault at each call in turn; yield what was lost each time."""
        for call in itertools.count(1):
            made, damage = self._inject(FAULT=fault, FAULT_AT=str(call))
            if made and made < call:
                return
            yield damage

    def failure_and_death(self, number: int) -> Iterator[str]:
        """Let each call fail, and kill at each call after it; yield what was lost each time."""
        calls, _ = self._inject()
        for call in range(1, calls + 1):
            for death in itertools.count(call + 1):
                both = {"FAULT_AT": str(call), "FAULT_DEATH": str(death)}
                made, damage = self._inject(FAULT=str(number), **both)
                if made and made < death:
                    break
                yield damage

    def _inject(self, **variables: str) -> tuple[int, str]:
        """Join with a fault; return how many calls were made, 0 if it died, and what was lost."""
        outputs = self._outputs
        outputs.put(self._old)
        count, call = (outputs.folder.with_name(name) for name in ("count", "call"))
        count.unlink(missing_ok=True)
        call.unlink(missing_ok=True)
        process = outputs.start(
            1,
            LD_PRELOAD=str(self._library),
            FAULT_FOLDER=str(outputs.folder),
            FAULT_COUNT=str(count),
            FAULT_CALL=str(call),
            **variables,
        )
        _, said = process.communicate()
        calls = int(count.read_text()) if count.exists() else 0
        damage = self._damage(process.returncode, said)
        where = f"{call.read_text()}, call {variables['FAULT_AT']}: " if call.exists() else ""
        return calls, where + damage if damage else ""

    def _damage(self, status: int, said: str) -> str:
        old, new = self._tables
        allowed = {0: (new,), 2: (old,)}.get(status, (old, new))
        if "Traceback" in said:
            return said.strip()[-200:]
        if damage := self._outputs.damage(allowed):
            return f"exit status {status}: {damage}"
        if self._outputs.join(1).table != new:
            return "the next join gives another table"
        if left := self._outputs.leftovers():
            return f"left behind: {left}"
        return self._outputs.damage((new,))


def at_random(outputs: Outputs, deaths: int, chance: random.Random) -> Iterator[str]:
    """Kill joins at moments of chance, old and new scores in turn; yield what was lost."""
    tables = outputs.join(0).table, outputs.join(1).table
    began = time.monotonic()
    outputs.start(0).communicate()
    seconds = time.monotonic() - began
    for number in range(deaths):
        process = outputs.start(number % 2)
        time.sleep(chance.uniform(0, seconds))
        process.kill()
        process.communicate()
        damage = outputs.damage(tables)
        if number == deaths - 1:
            outputs.join(0)
            left = outputs.leftovers()
            damage = damage or (f"left behind: {left}" if left else "")
        yield damage


if __name__ == "__main__":
    numbers = [int(text) for text in sys.argv[1:]]
    sys.exit(bool(main(*[*numbers, *[300, 1][len(numbers) :]])))
