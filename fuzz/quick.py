"""Inputs one small step from a known one: `python -m fuzz.quick CASES [--target scores_csv]`.

They are not guided by what they reach, so nothing but the tests' own packages is needed. Each is an
example of the tests or a kept input with one change. A finding is kept as a file, as in `run.py`.
"""

from __future__ import annotations

import argparse
import ast
import random
import sys
import tempfile
import traceback
from collections.abc import Callable
from itertools import count
from pathlib import Path
from time import monotonic

from fuzz.judging import use_memory
from fuzz.run import CORPUS, KEPT, LONGEST_BYTES, SLOWEST_S, WORDS, targets
from fuzz.seeds import copy_seeds
from fuzz.targets import TARGETS

CHOICES = 10_000
"""Most cases take the usual options; one in four takes any, as a last line chooses."""
_WORDS: list[bytes] = [
    ast.literal_eval(f"b{line}") for line in WORDS.read_text().splitlines() if line.startswith('"')
]


def _another_byte(text: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(text))
    return text[:at] + bytes([draw.randrange(256)]) + text[at + 1 :]


def _another_mark(text: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(text))
    return text[:at] + bytes([draw.choice(b'{}[]":,;.\t\n\r\\ -+eE09#')]) + text[at + 1 :]


def _word(text: bytes, draw: random.Random) -> bytes:
    at = draw.randrange(len(text) + 1)
    return text[:at] + draw.choice(_WORDS) + text[at:]


def _without_a_part(text: bytes, draw: random.Random) -> bytes:
    start, end = _part(text, draw)
    return text[:start] + text[end:]


def _a_part_twice(text: bytes, draw: random.Random) -> bytes:
    start, end = _part(text, draw)
    return text[:end] + text[start:]


def _cut_short(text: bytes, draw: random.Random) -> bytes:
    return text[: draw.randrange(len(text))]


def _lines_in_another_order(text: bytes, draw: random.Random) -> bytes:
    lines = text.splitlines(keepends=True)
    draw.shuffle(lines)
    return b"".join(lines)


CHANGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _another_byte,
    _another_mark,
    _word,
    _without_a_part,
    _a_part_twice,
    _cut_short,
    _lines_in_another_order,
)


def _part(text: bytes, draw: random.Random) -> tuple[int, int]:
    """Return where a part of some bytes begins and ends: mostly a short one."""
    start = draw.randrange(len(text))
    return start, min(len(text), start + draw.choice((1, 1, 2, 5, 20, 100)))


def known(name: str) -> list[bytes]:
    """Return the inputs that a target starts from."""
    with tempfile.TemporaryDirectory() as folder:
        copy_seeds(name, Path(folder))
        paths = sorted([*Path(folder).iterdir(), *(CORPUS / name).iterdir()])
        texts = [path.read_bytes() for path in paths]
    return [text for text in texts if 0 < len(text) <= LONGEST_BYTES]


def run(name: str, cases: int, draw: random.Random) -> int:
    """Run cases of a target; return how many found something."""
    texts = known(name)
    found = 0
    for _ in range(cases):
        text = draw.choice(CHANGES)(draw.choice(texts), draw)
        case = text + draw.choice((b"", b"", b"", b"\n#%d" % draw.randrange(CHOICES)))
        began = monotonic()
        try:
            TARGETS[name](case)
        except Exception:  # noqa: BLE001 (any is a finding)
            said = traceback.format_exc()
        else:
            taken = monotonic() - began
            said = f"{taken:.0f} seconds" if taken > SLOWEST_S else ""
        if said:
            found += 1
            print(f"{name}: kept as {_keep(name, case)}\n{said}", flush=True)
    return found


def _keep(name: str, case: bytes) -> Path:
    folder = KEPT / "findings" / name
    folder.mkdir(parents=True, exist_ok=True)
    path = next(p for n in count() if not (p := folder / f"quick-{n}").exists())
    path.write_bytes(case)
    return path


def main() -> int:
    """Share the cases out among targets; return 1 if one has found something."""
    parser = argparse.ArgumentParser(description="Changes one small thing in known inputs.")
    parser.add_argument("cases", type=int, help="for all targets together")
    parser.add_argument("--target", choices=targets(), action="append", help="only this one")
    parser.add_argument("--seed", type=int, default=12)
    given = parser.parse_args()
    names = given.target or targets()
    use_memory()
    found = 0
    for number, name in enumerate(names):
        share = given.cases // len(names) + (number < given.cases % len(names))
        found += (here := run(name, share, random.Random(f"{given.seed} {name}")))  # noqa: S311
        print(f"{name}: {share} cases, {here} findings", flush=True)
    return int(found > 0)


if __name__ == "__main__":
    sys.exit(main())
