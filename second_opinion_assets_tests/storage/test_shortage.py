"""What the machine did not give is told from bugs."""

from __future__ import annotations

import errno
import os

import pytest

from second_opinion_assets.storage.shortage import shortage

MEMORY = "not enough memory; raise its limit (ulimit -v, or that of the container)"
FILES = "too many open files; raise their limit (ulimit -n)"
THREADS = "no further thread can be started; raise the limits of threads and memory (ulimit -u, -v)"
NO_FILE = os.strerror(errno.EMFILE)

TOLD = {
    "memory": (MemoryError(), MEMORY),
    "memory-of-a-call": (OSError(errno.ENOMEM, "no", "f.csv"), f"f.csv: {MEMORY}"),
    "memory-of-a-library": (ImportError("a.so: failed to map segment from file"), MEMORY),
    "files": (OSError(errno.EMFILE, "no"), FILES),
    "files-of-the-system": (OSError(errno.ENFILE, "no", b"f.csv"), f"f.csv: {FILES}"),
    "files-of-a-library": (ImportError(f"a.so: cannot open shared object file: {NO_FILE}"), FILES),
    "threads": (RuntimeError("can't start new thread"), THREADS),
    "disk": (OSError(errno.EIO, "Input/output error"), "Input/output error"),
    "text-alone": (OSError("it is closed"), "it is closed"),
}
BUGS = [
    ImportError("cannot import name 'a'"),
    RuntimeError("dictionary changed size during iteration"),
    ValueError(NO_FILE),
    KeyError("failed to map segment"),
]


@pytest.mark.parametrize("case", TOLD)
def test_what_the_machine_did_not_give(case: str) -> None:
    """Each shortage is told with the limit to raise, and the file if there is one."""
    error, said = TOLD[case]
    assert shortage(error) == said


@pytest.mark.parametrize("error", BUGS, ids=lambda error: type(error).__name__)
def test_a_bug_is_no_shortage(error: Exception) -> None:
    """Another error is none of the machine's, whatever its text."""
    assert shortage(error) is None
