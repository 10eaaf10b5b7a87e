"""Tables for a terminal: columns that are aligned by spaces.

That no cell does things to the terminal is the business of `contract.printable`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence


def columns(
    rows: Sequence[Sequence[str]],
    numbers: Collection[int] = (),
    least: Sequence[int] = (),
) -> Iterator[str]:
    """Yield one line a row, indented by two spaces.

    Args:
        rows: their cells, of each row as many.
        numbers: the columns that are aligned to the right.
        least: the least widths of the first columns, in letters.
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    widths[: len(least)] = map(max, widths, least)
    for row in rows:
        padded = (
            cell.rjust(width) if number in numbers else cell.ljust(width)
            for number, (cell, width) in enumerate(zip(row, widths, strict=True))
        )
        yield f"  {'  '.join(padded)}".rstrip()
