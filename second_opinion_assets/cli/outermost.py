"""The outermost floor of the program: whatever the world does ends it with one line.

Imported before all else, so nothing large is imported here. A bug keeps its traceback; what a
command says of its input is in `console`.
"""

import errno
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from second_opinion_assets.contract.printable import one_line
from second_opinion_assets.storage.interrupts import Interrupted
from second_opinion_assets.storage.shortage import shortage, too_small_limit
from second_opinion_assets.storage.streams import give_up_output

_EXIT_FAILED = 1


@contextmanager
def one_line_at_the_end() -> Iterator[None]:
    """End the program with one line if it is interrupted, or the machine does not give enough.

    Who reads the output and goes away, as `head` does, wants to hear nothing.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        number = error if isinstance(error, Interrupted) else Interrupted()
        _end("interrupted", number.exit_status)
    except (MemoryError, OSError, RuntimeError, ImportError) as error:
        problem = shortage(error)
        if problem is None:
            raise
        if isinstance(error, OSError) and error.errno == errno.EPIPE:
            give_up_output()
            sys.exit(_EXIT_FAILED)
        _end(f"error: {problem}", _EXIT_FAILED)


def refuse_small_limits() -> None:
    """End the program if a limit of the process is too small for what it imports."""
    if problem := too_small_limit():
        _end(f"error: {problem}", _EXIT_FAILED)


def _end(line: str, status: int) -> None:
    with suppress(OSError):
        if sys.stderr:
            sys.stderr.write(one_line(f"second-opinion: {line}") + "\n")
            sys.stderr.flush()
    give_up_output()
    sys.exit(status)
