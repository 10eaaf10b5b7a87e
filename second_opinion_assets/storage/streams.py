"""Standard input and output, held in a file without a name: read twice, or written as a whole."""

from __future__ import annotations

import errno
import os
import shutil
import sys
import tempfile
from contextlib import suppress
from typing import IO

_CHUNK_BYTES = 1 << 20
_STDERR = 2


def spool() -> IO[bytes]:
    """Return a new file that nobody else sees, and that is gone once it is closed."""
    return tempfile.TemporaryFile()


def spooled_input() -> IO[bytes]:
    """Return all of standard input as a file.

    Raises:
        OSError: it is closed, or cannot be read or held.
    """
    if sys.stdin is None:
        msg = "standard input is closed"
        raise OSError(msg)
    file = spool()
    try:
        shutil.copyfileobj(sys.stdin.buffer, file, _CHUNK_BYTES)
        file.flush()
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return file


def copy_to_output(file: IO[bytes]) -> None:
    """Copy a file to standard output.

    Raises:
        OSError: it is closed, or its reader is gone.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    file.seek(0)
    try:
        shutil.copyfileobj(file, sys.stdout.buffer, _CHUNK_BYTES)
        sys.stdout.buffer.flush()
    except OSError:
        give_up_output()
        raise


def write_output(text: str) -> None:
    """Write a text to standard output.

    Raises:
        OSError: it is closed, or full, or its reader is gone.
    """
    if sys.stdout is None:
        raise OSError(errno.EBADF, "it is closed")
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError:
        give_up_output()
        raise


def give_up_output() -> None:
    """Let nothing come any more to a standard output or error that takes nothing.

    Or the interpreter would try once more at its end, and tell of that.
    """
    for stream in (sys.stdout, sys.stderr):
        try:
            if stream:
                stream.flush()
        except (OSError, ValueError):
            with suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def hold_standard_descriptors() -> None:
    """Open what is closed of the three standard streams, to nowhere.

    Or the next file would take the place, and get what a library writes to its error output.
    """
    with suppress(OSError):
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= _STDERR:
            pass
        os.close(descriptor)
