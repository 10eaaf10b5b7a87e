"""Some rows of a JSON sidecar, as they stand in the file.

How they are read belongs to `json_rows`; where they come from, to `formats`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from second_opinion_assets.contract import json_text

_ON_ONE_LINE = bytes.maketrans(b"\n", b"\r")


@dataclass(frozen=True)
class JsonBlock:
    """Some rows of a JSON sidecar.

    Attributes:
        text: lines with a row each; blank ones count for nothing.
        first: position in the file of the first line.
        ends_open: whether the last line may be cut short.
        may_have_noise: whether some lines may be no rows.
    """

    text: bytes
    first: int
    ends_open: bool = False
    may_have_noise: bool = False

    @classmethod
    def of_texts(cls, texts: list[bytes], *, ends_open: bool = False) -> JsonBlock:
        """Return rows that are texts by themselves.

        A line feed in one becomes another white space, which no string or number may hold either.
        """
        lines = (text.strip(json_text.WHITESPACE).translate(_ON_ONE_LINE) + b"\n" for text in texts)
        return cls(b"".join(lines), 0, ends_open)

    @property
    def plain_count(self) -> int | None:
        """How many lines there are if each starts and ends with an object's braces, else None."""
        ends = json_text.plain_line_ends(self.text)
        return None if ends is None or not json_text.is_utf8(self.text) else len(ends)

    def lines(self) -> list[bytes]:
        """Return the lines, without their ends."""
        lines = self.text.split(b"\n")
        return lines[:-1] if self.text.endswith(b"\n") else lines

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """Yield position and text of each row."""
        for position, text in enumerate(self.lines(), self.first):
            if not json_text.is_blank(text):
                yield position, text
