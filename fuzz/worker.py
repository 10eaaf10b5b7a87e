"""Runs one target: `python -m fuzz.worker TARGET [FILE or FOLDER or option of libFuzzer …]`.

With files alone, each is run once, which is how a finding is repeated.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["second_opinion_assets"]):
    from fuzz.judging import use_memory
    from fuzz.targets import TARGETS


def main() -> None:
    """Run the target that is named."""
    program, name, *options = sys.argv
    use_memory()
    atheris.Setup([program, *options], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    main()
