"""How much this process takes of its inputs: each limit has a name, and an error that tells it.

Whoever runs the process decides, by `set_limits`; no manifest does. What a limit is held against is
read elsewhere.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields, replace

from second_opinion_assets.contract.errors import JoinError

SETTING = "SECOND_OPINION_LIMITS"
SMALL_BYTES = 64 << 20
"""Up to so much may be unpacked of any file: small files of one row again and again are usual."""
ROW_BYTES = 8
"""What a row takes in memory at least, be it one of a million equal ones that take no more."""

_UNITS = {
    "": 1,
    **{f"{unit}B": 1000**power for power, unit in enumerate(["", "K", "M", "G", "T"])},
    **{f"{unit}IB": 1024**power for power, unit in enumerate(["K", "M", "G", "T"], 1)},
}
_SIZE = re.compile(r"([0-9]+(?:\.[0-9]+)?) ?([A-Za-z]*)")
_MOST_DIGITS = 18


class LimitError(JoinError):
    """An input is larger than this process takes."""


@dataclass(frozen=True)
class Limits:
    """What is the most that is taken of an input.

    Attributes:
        unpacked_bytes: what a compressed file may hold.
        unpacked_ratio: how many times its own size that may be, once it is more than 64 MiB.
        held_bytes: what is held in memory of one file: a JSON document, a log, compressed parquet.
        row_bytes: one line of a file of lines.
        row_fields: the columns of a table, the members of a row.
        blank_lines: lines of a file that hold nothing.
        group_files: the files of a folder or pattern.
    """

    unpacked_bytes: int = 50 * 1000**3
    unpacked_ratio: int = 250
    held_bytes: int = 1000**3
    row_bytes: int = 256 * 1000**2
    row_fields: int = 20_000
    blank_lines: int = 1_000_000
    group_files: int = 250_000

    def refuse(self, name: str, count: float, where: object, what: str) -> None:
        """Refuse more than the limit of a name.

        Args:
            name: of the limit.
            count: how much there is.
            where: the file, maybe with a line.
            what: there is so much of, with `{}` for how much.

        Raises:
            LimitError: there is more.
        """
        most: int = getattr(self, name)
        if count > most:
            shown = shown_size if name.endswith("_bytes") else "{:,.0f}".format
            msg = (
                f"{where}: {what.format(shown(count))}, more than {shown(most)}; "
                f"if it is right, raise the limit {name}"
            )
            raise LimitError(msg)


USUAL_LIMITS = Limits()
_process = USUAL_LIMITS


def limits() -> Limits:
    """Return the limits of this process."""
    return _process


def set_limits(chosen: Limits) -> None:
    """Set the limits of this process."""
    global _process  # noqa: PLW0603 (a policy of the whole process)
    _process = chosen


def limits_of(entries: Iterable[str]) -> Limits:
    """Return the usual limits but for those of some entries, as ``held_bytes=4GB``.

    Args:
        entries: each with one or more, with spaces or commas between them.

    Raises:
        JoinError: no such limit, or no size.
    """
    names = [field.name for field in fields(Limits)]
    chosen: dict[str, int] = {}
    for entry in " ".join(entries).replace(",", " ").split():
        name, _, text = entry.partition("=")
        if name not in names:
            near = difflib.get_close_matches(name, names, n=1)
            hint = f"did you mean {near[0]}?" if near else f"expected one of {', '.join(names)}"
            msg = f"unknown limit {name!r}; {hint}"
            raise JoinError(msg)
        chosen[name] = _size(name, text)
    return replace(USUAL_LIMITS, **chosen)


def refuse_unpacked(where: object, packed_bytes: int, unpacked_bytes: int) -> None:
    """Refuse a file that unpacks to too much, or to too much for its size.

    Raises:
        LimitError: it does.
    """
    _process.refuse("unpacked_bytes", unpacked_bytes, where, "unpacks to too much")
    if unpacked_bytes > SMALL_BYTES:
        ratio = unpacked_bytes / max(packed_bytes, 1)
        _process.refuse("unpacked_ratio", ratio, where, "unpacks to {} times its size")


def refuse_fields(count: int, where: object) -> None:
    """Refuse a row or a table of too many fields.

    Raises:
        LimitError: there are too many.
    """
    _process.refuse("row_fields", count, where, "{} fields in a row")


def held(chunks: Iterable[bytes], where: object) -> Iterator[bytes]:
    """Yield the chunks of a file that all are to be in memory at once.

    Raises:
        LimitError: there are too many for that.
    """
    count = 0
    for chunk in chunks:
        count += len(chunk)
        _process.refuse("held_bytes", count, where, "too much to hold in memory")
        yield chunk


def shown_size(count: float) -> str:
    """Return a number of bytes as words."""
    power = min(max(len(f"{count:.0f}") - 1, 0) // 3, 4)
    return f"{count / 1000**power:.3g} {['', 'K', 'M', 'G', 'T'][power]}B"


def _size(name: str, text: str) -> int:
    found = _SIZE.fullmatch(text)
    unit = _UNITS.get(found[2].upper()) if found else None
    if found is None or unit is None or len(text) > _MOST_DIGITS or float(found[1]) <= 0:
        msg = f"limit {name} is {text!r}, expected a number, or a size as 500MB, 2GB or 1GiB"
        raise JoinError(msg)
    return max(1, int(float(found[1]) * unit))
