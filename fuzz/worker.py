"""Runs one target: `python -m fuzz.worker TARGET [FILE or FOLDER or option of libFuzzer …]`.

With files alone, each is run once, which is how a finding is repeated.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["second_opinion_assets"]):
    from fuzz.targets import TARGETS

MEMORY = Path("/dev/shm")  # noqa: S108 (a disk would only make it slow)


def main() -> None:
    """Run the target that is named."""
    program, name, *options = sys.argv
    if MEMORY.is_dir():
        tempfile.tempdir = str(MEMORY)
    atheris.Setup([program, *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
