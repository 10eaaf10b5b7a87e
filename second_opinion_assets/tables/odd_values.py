"""Values of Arrow columns that Python has nothing for, as the error of a table."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from second_opinion_assets.contract.errors import JoinError


@contextmanager
def refusing_odd_values(where: str) -> Iterator[None]:
    """Turn what is raised of a value that cannot be taken into a JoinError."""
    try:
        yield
    except (ValueError, OverflowError, KeyError) as error:  # pyarrow's and those of time zones
        reason = error.reason if isinstance(error, UnicodeDecodeError) else _first_line(error)
        if isinstance(error, UnicodeDecodeError | pa.ArrowInvalid):
            msg = f"{where}: a column of text holds bytes that are not UTF-8 ({reason})"
        else:
            msg = f"{where}: a column holds a value that cannot be read: {reason}; write it as text"
        raise JoinError(msg) from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
