"""What the machine failed to give, as the error of a join. How it is told is in `shortage`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from second_opinion_assets.contract.errors import JoinError, MachineError
from second_opinion_assets.storage.location import Location, unreadable
from second_opinion_assets.storage.shortage import shortage, shortage_of_threads


@contextmanager
def machine_errors(what: object) -> Iterator[None]:
    """Turn what the machine did not give for some work into an error of one line.

    Args:
        what: the work is on this, with which the line begins.

    Raises:
        MachineError: memory, a thread, an open file or the like was not to be had.
    """
    try:
        yield
    except (MemoryError, OSError, RuntimeError, ImportError) as error:
        problem = shortage(error)
        if problem is None:
            raise
        msg = f"{what}: {problem}"
        raise MachineError(msg) from None


@contextmanager
def arrow_errors(location: Location | str, problem: str, remedy: str = "") -> Iterator[None]:
    """Turn what pyarrow finds wrong with the content of a file into a JoinError.

    Args:
        location: the file.
        problem: what cannot be done; what pyarrow says of it follows.
        remedy: what to do about it.
    """
    import pyarrow as pa  # noqa: PLC0415 (who gets here has it imported)

    try:
        yield
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        if isinstance(error, MemoryError):  # of pyarrow's own
            raise
        if threads := shortage_of_threads(error):
            msg = f"{location}: {threads}"
            raise MachineError(msg) from None
        if isinstance(error, OSError) and error.errno:
            raise unreadable(location, error) from None
        said = str(error).splitlines()[0]
        msg = f"{location}: {problem}: {said.rstrip('.') + remedy if remedy else said}"
        raise JoinError(msg) from None
