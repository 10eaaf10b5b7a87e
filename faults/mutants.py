"""Changes the code on purpose, one small thing at a time, and sees whether a test fails.

`python faults/mutants.py [SIZE [SEED]]`. mutmut makes the changes and runs the tests, as
`[tool.mutmut]` in pyproject.toml says; which of its changes are tried is drawn here, SIZE of each
floor that the join stands on, in an order that SEED decides. A change that ends in a failed test or
in a hang is killed. Prints each that was not, and a line of JSON a floor; `mutants/` stays to be
looked at, and saves the next run the making of what did not change.
"""

import json
import os
import random
import signal
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from mutmut.__main__ import copy_also_copy_files, copy_src_dir, create_mutants
from mutmut.configuration import config
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

ROOT = Path(__file__).parent.parent
ENVIRONMENT = {
    "PROPERTY_EXAMPLES": "10",
    "PROPERTY_PROFILE": "mutants",  # the same examples in each run
    "PYTHONPATH": str(ROOT / "mutants"),
}
KILLED = {"killed", "timeout"}


def changes() -> Iterator[tuple[Path, SourceFileMutationData]]:
    """Yield each file with the changes that can be made in it, and what came of them so far."""
    for path in sorted(walk_mutatable_files()):
        found = SourceFileMutationData(path=path)
        found.load()
        yield path, found


def floor_of(path: Path) -> str:
    """Return the floor on which a file of the package lies."""
    return path.parts[1]


def drawn(size: int, seed: int) -> Iterator[str]:
    """Yield the names of the changes to try: a larger draw holds the smaller one."""
    floors = defaultdict(list)
    for path, found in changes():
        floors[floor_of(path)].extend(found.exit_code_by_key)
    for floor, names in floors.items():
        print(json.dumps({"floor": floor, "changes": len(names), "tried": size, "seed": seed}))
        random.Random(seed).shuffle(names)
        yield from names[:size]


def report(tried: set[str]) -> None:
    """Print the changes that no test noticed, and how each floor did."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for path, found in changes():
        for name in sorted(tried & found.exit_code_by_key.keys()):
            outcome = status_by_exit_code[found.exit_code_by_key[name]]
            counts[floor_of(path)][outcome] += 1
            if outcome not in KILLED:
                print(f"# {outcome}: {name}\n{get_diff_for_mutant(name, path=path)}")
    for floor, count in counts.items():
        killed = sum(count[outcome] for outcome in KILLED)
        share = round(100 * killed / count.total(), 1)
        print(json.dumps({"floor": floor, **count, "killed_percent": share}))


def main(size: int = 60, seed: int = 12) -> int:
    """Make the changes, draw, try, count."""
    os.chdir(ROOT)
    config()  # is looked for in the working directory
    copy_src_dir()
    copy_also_copy_files()
    create_mutants(1)
    names = list(drawn(size, seed))
    # Tests send themselves interrupts, which a program in the background ignores.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", "mutmut", "run", "--max-children", "1", *names]
    done = subprocess.run(command, env=os.environ | ENVIRONMENT, check=False)
    report(set(names))
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:3])))
