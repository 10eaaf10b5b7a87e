"""What a machine may fail to give a process: memory, threads, open files. Told here from a bug.

Imported before all else, so nothing large is imported here. The error for it is in `machine`.
"""

from __future__ import annotations

import errno
import os
import resource

LEAST_ADDRESS_SPACE_MB = 512
LEAST_OPEN_FILES = 24
_MEMORY = "not enough memory; raise its limit (ulimit -v, or that of the container)"
_THREADS = (
    "no further thread can be started; raise the limits of threads and memory (ulimit -u, -v)"
)
_NO_ROOM = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory")
_NO_FILES = "too many open files; raise their limit (ulimit -n)"

OF_THE_MACHINE = frozenset(
    (
        *(errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS, errno.EAGAIN, errno.ENOLCK),
        *(errno.ESTALE, errno.ETIMEDOUT, errno.ENOTCONN, errno.ECONNREFUSED, errno.ECONNRESET),
        *(errno.ECONNABORTED, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ENETDOWN),
        *(errno.ENETUNREACH, errno.EREMOTEIO),
    )
)
"""Errors that no file is to blame for: of a process at its limits, or a server that is gone."""


def reason_of(error: OSError) -> str:
    """Return why a call of the system failed, and what to do about it where that is known."""
    if error.errno in {errno.EMFILE, errno.ENFILE}:
        return _NO_FILES
    if error.errno == errno.ENOMEM:
        return _MEMORY
    return error.strerror or str(error)


def shortage(error: BaseException) -> str | None:
    """Return what the machine did not give, as an error tells it; None for any other error."""
    if isinstance(error, MemoryError):
        return _MEMORY
    if isinstance(error, OSError):
        name = error.filename
        where = f"{os.fsdecode(name)}: " if isinstance(name, str | bytes) else ""
        return f"{where}{reason_of(error)}"
    said = str(error)
    if isinstance(error, RuntimeError):
        return shortage_of_threads(error)
    if isinstance(error, ImportError) and any(words in said for words in _NO_ROOM):
        return _MEMORY
    if isinstance(error, ImportError) and os.strerror(errno.EMFILE) in said:
        return _NO_FILES
    return None


def shortage_of_threads(error: Exception) -> str | None:
    """Return that no thread could be started, if Python's or pyarrow's error says that."""
    said = str(error)
    is_that = "can't start new thread" in said or "Failed to launch worker thread" in said
    return _THREADS if is_that else None


def too_small_limit() -> str | None:
    """Return which limit of this process is too small for the libraries that it needs.

    Under such a limit they do not raise an error, but end the process or crash.
    """
    unlimited = resource.RLIM_INFINITY
    memory, _ = resource.getrlimit(resource.RLIMIT_AS)
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if memory != unlimited and memory < LEAST_ADDRESS_SPACE_MB << 20:
        found, least = f"memory (ulimit -v) is {memory >> 20} MB", f"{LEAST_ADDRESS_SPACE_MB} MB"
    elif files != unlimited and files < LEAST_OPEN_FILES:
        found, least = f"open files (ulimit -n) is {files}", str(LEAST_OPEN_FILES)
    else:
        return None
    return f"the limit of {found}, expected {least} or more; raise it"
