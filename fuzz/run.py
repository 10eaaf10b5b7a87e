"""Runs the targets for a stated time: `python fuzz/run.py --seconds 600 [--target scores_csv]`.

Each starts from its folder of the corpus and from the examples of the tests, in a process of its
own. A finding ends its target, and is kept as a file, with the command that repeats it. A process
that does not end in time is killed, and is a finding too.
"""

from __future__ import annotations

import argparse
import random
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
CORPUS = ROOT / "fuzz" / "corpus"
KEPT = ROOT / ".fuzz"
WORDS = ROOT / "fuzz" / "words.dict"
SLOWEST_S = 10
LONGER_S = 60
"""What a process may take beyond its time: to start, to end, and for a last slow case."""
MOST_MB = 512 + 300  # these for the interpreter and its libraries
LONGEST_BYTES = 16_384
SHOWN_LINES, SHOWN_CHARACTERS = 40, 2_000


class Outcome(NamedTuple):
    """What came of one target: how many cases it ran, what it found, and what it said of that."""

    cases: int
    findings: list[Path]
    said: str
    ended_well: bool


def main() -> int:
    """Run the targets; return 1 if one has found something, or did not run."""
    parser = argparse.ArgumentParser(description="Looks for inputs that the package gets wrong.")
    parser.add_argument("--seconds", type=int, required=True, help="for all targets together")
    parser.add_argument("--target", choices=targets(), action="append", help="only this one")
    parser.add_argument("--seed", type=int, default=random.randrange(1, 1 << 31))  # noqa: S311 (any)
    given = parser.parse_args()
    chosen = given.target or targets()
    seconds = given.seconds / len(chosen)
    print(f"seed {given.seed}, {seconds:.0f} s a target", flush=True)
    failed = False
    for name in chosen:
        outcome = run(name, seconds, given.seed)
        print(f"{name}: {outcome.cases} cases", flush=True)
        if not outcome.ended_well:
            failed = True
            print(outcome.said)
        for path in outcome.findings:
            print(f"{name}: kept as {path}; repeat it by\n    {command(name, path)}", flush=True)
    return int(failed)


def targets() -> list[str]:
    """Return the names of the targets: each has a folder in the corpus."""
    return sorted(path.name for path in CORPUS.iterdir())


def command(name: str, path: Path) -> str:
    """Return the command that runs one file again, from the top folder."""
    return f"{sys.executable} -m fuzz.worker {name} {path.relative_to(ROOT)}"


def run(name: str, seconds: float, seed: int) -> Outcome:
    """Run one target; what it has learnt is kept for the next time."""
    learnt, found = KEPT / "learnt" / name, KEPT / "findings" / name
    for folder in (learnt, found):
        folder.mkdir(parents=True, exist_ok=True)
    before = set(found.iterdir())
    end = time.monotonic() + seconds
    with tempfile.TemporaryDirectory() as seeds:
        python(["fuzz.seeds", name, seeds], LONGER_S)
        options = {
            "artifact_prefix": f"{found}/",
            "dict": WORDS,
            "max_len": LONGEST_BYTES,
            "max_total_time": max(1, round(end - time.monotonic())),
            "print_final_stats": 1,
            "rss_limit_mb": MOST_MB,
            "seed": seed,
            "timeout": SLOWEST_S,
        }
        given = [f"-{option}={value}" for option, value in options.items()]
        asked = ["fuzz.worker", name, str(learnt), str(CORPUS / name), seeds, *given]
        log, ended_well = python(asked, seconds + LONGER_S)
    findings = sorted(set(found.iterdir()) - before)
    return Outcome(cases_in(log), findings, what_was_wrong(log), ended_well)


def python(arguments: list[str], seconds: float) -> tuple[str, bool]:
    """Run a module of this folder; return what it said, and whether it ended well and in time."""
    program = [sys.executable, "-m", *arguments]
    with tempfile.TemporaryFile() as log:
        try:
            ended = subprocess.run(
                program, cwd=ROOT, stdout=log, stderr=log, check=False, timeout=seconds
            )
        except subprocess.TimeoutExpired:
            log.write(f"\nstill ran after {seconds:.0f} s, and was killed\n".encode())
            ended = None
        log.seek(0)
        return log.read().decode(errors="replace"), ended is not None and ended.returncode == 0


def cases_in(log: str) -> int:
    """Return how many cases were run, as libFuzzer tells it now and then, and at the end."""
    numbers = re.findall(r"^(?:stat::number_of_executed_units: |#)([0-9]+)", log, re.MULTILINE)
    return max(map(int, numbers), default=0)


def what_was_wrong(log: str) -> str:
    """Return what a log says of a finding, without what it says as it runs."""
    lines = [
        line for line in log.splitlines() if not re.match(r"#[0-9]|INFO|WARNING|0x|stat", line)
    ]
    return "\n".join(line[:SHOWN_CHARACTERS] for line in lines[-SHOWN_LINES:])


if __name__ == "__main__":
    sys.exit(main())
