"""Keeps RESULTS.md: what the programs of this folder measured, between marks that name them.

What is written around the marks is for people, and stays.
"""

from __future__ import annotations

import platform
import re
from importlib.metadata import version
from pathlib import Path

import psutil

RESULTS = Path(__file__).with_name("RESULTS.md")
PACKAGES = ("duckdb", "polars", "pandas", "pyarrow", "numpy", "msgspec")


def machine() -> str:
    """Describe what the figures were taken on, without a name of anything private."""
    versions = ", ".join(f"{package} {version(package)}" for package in PACKAGES)
    return (
        f"{psutil.cpu_count()} cores of {_processor()}, "
        f"{psutil.virtual_memory().total / 2**30:.0f} GiB of memory, {platform.system()}; "
        f"Python {platform.python_version()}, {versions}"
    )


def _processor() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        text = ""
    named = re.search(r"model name\s*: (.+)", text)
    return f"{named[1]} ({platform.machine()})" if named else platform.machine()


def record(program: str, text: str) -> None:
    """Put what a program measured in the place of what it measured before.

    Raises:
        ValueError: RESULTS.md has no place for it.
    """
    start, end = f"<!-- {program} -->\n", f"<!-- end of {program} -->"
    before, found, rest = RESULTS.read_text(encoding="utf-8").partition(start)
    _, ended, after = rest.partition(end)
    if not (found and ended):
        msg = f"{RESULTS.name} has no {start.strip()} … {end}"
        raise ValueError(msg)
    RESULTS.write_text(f"{before}{start}\n{text.strip()}\n\n{end}{after}", encoding="utf-8")
