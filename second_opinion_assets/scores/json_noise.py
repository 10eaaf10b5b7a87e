"""Lines among JSON rows that are none: progress bars, and what else a program says as it runs.

They come to stand there where two outputs of a program go to one file.
"""

from __future__ import annotations

import re

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError

_OBJECT_STARTS = re.compile(rb'\{[ \t]*["}]')
NOISE_LINES_A_ROW = 10
_BAR = re.compile(rb"%\||it/s|s/it|\r")
_STRUCTURE = re.compile(rb'[\[\]{}, \t]+|"[^"]*"[ \t]*:[ \t]*[\[{]')
_PART_OF_ROW = re.compile(rb'"[ \t]*:|^[ \t]*\[[ \t]*"|\}[ \t\r]*$')


def row_in(line: bytes, where: str) -> bytes | None:
    """Return the part of a line that may be a row; None where it certainly holds none.

    A bar has no line feed at its end: the row that is printed next follows on the same line.

    Raises:
        JoinError: a row that stands behind something else is not whole.
    """
    if line.lstrip(json_text.WHITESPACE).startswith(b"{"):
        return line
    starts = _OBJECT_STARTS.search(line)
    if starts:
        bar, row = line[: starts.start()], line[starts.start() :]
        if _BAR.search(bar) and json_text.is_utf8(bar) and _is_json(row):
            return row
        shown = json_text.shown(line.decode(errors="replace").strip())
        msg = f"{where}: {shown} holds a row that is not whole; write each row on a line of its own"
        raise JoinError(msg)
    is_noise = json_text.is_utf8(line) and not _PART_OF_ROW.search(line) and not _is_json(line)
    return None if is_noise else line


def has_noise(text: bytes) -> bool:
    """Return whether enough lines of a text are objects, but not all."""
    if 2 * NOISE_LINES_A_ROW * (text.count(b"\n{") + 1) < text.count(b"\n"):
        return False  # a document over many lines, as soon told
    lines = [line for line in map(bytes.strip, text.split(b"\n")) if line]
    if lines and lines[-1].startswith(b"{") and not _looks_like_a_row(lines[-1]):
        lines.pop()  # a row of which this is the beginning
    others = [line for line in lines if not _looks_like_a_row(line)]
    rows = len(lines) - len(others)
    if any(map(_STRUCTURE.fullmatch, others)):
        return False  # a document, whose rows stand on lines of their own
    return 0 < len(others) <= NOISE_LINES_A_ROW * rows


def _looks_like_a_row(line: bytes) -> bool:
    return line.startswith(b"{") and line.endswith(b"}") and _is_json(line)


def _is_json(text: bytes) -> bool:
    try:
        json_text.decode(json_text.without_c_constants(text), "")
    except JoinError:
        return False
    return True
