"""Whether this program has pandas, whose import takes half a second.

pyarrow imports it, where there is one, to convert its first Python value: for nothing.
"""

import sys


class _NoPandas:
    """Makes pandas as good as not installed."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Raise for pandas, and leave all else to the finders that come after."""
        if name == "pandas":
            raise ModuleNotFoundError(name=name)


_FINDER = _NoPandas()


def do_without_pandas() -> None:
    """Let nothing import pandas from now on."""
    sys.meta_path.insert(0, _FINDER)


def allow_pandas() -> None:
    """Let it be imported again, by a command that works with it."""
    if _FINDER in sys.meta_path:
        sys.meta_path.remove(_FINDER)
