"""Feature tables and outputs that are a JSON document: a list of rows, or an object with one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.json_lines import JsonLines

BLOCK_ROWS = 10_000
_SEPARATOR = b",\n"


class DocumentFrame(NamedTuple):
    """What stands before and after the list of rows in a JSON document."""

    head: bytes = b'{"rows": '
    tail: bytes = b"}"


class _DocumentTexts:
    """The rows of a document, one a line; `Texts`."""

    may_change_unseen = False  # they are in memory

    def __init__(self, path: object, rows: list[bytes], name: str) -> None:
        self.path = str(path)
        self._rows = rows
        self._name = name

    def first_reading(self) -> Iterator[tuple[int, bytes]]:
        for start in range(0, len(self._rows), BLOCK_ROWS):
            yield start, self.again(start, 0)

    def again(self, start: int, length: int) -> bytes:  # noqa: ARG002 (told by the rows)
        # A line feed within a row is white space between its tokens.
        rows = self._rows[start : start + BLOCK_ROWS]
        return b"".join(row.translate(None, b"\r\n") + b"\n" for row in rows)

    def where(self, line: int) -> str:
        return f"{self.path}::${self._name}[{line - 1}]"


class JsonDocument(JsonLines):
    """A feature table in a JSON document.

    Attributes:
        frame: what stands around its rows.
    """

    def __init__(self, file: Input, prefix: str | None) -> None:
        path = file.location
        text = file.read().removeprefix(b"\xef\xbb\xbf")
        if not json_text.is_utf8(text):
            msg = f"{path}: not UTF-8 text"
            raise JoinError(msg)
        name, rows, self.frame = "", text, DocumentFrame(b"", b"")
        if not text.lstrip().startswith(b"["):
            members = json_text.members(text, str(path))
            if not members.get("rows", b"").startswith(b"["):
                msg = (
                    f"{path}: no list named rows in the object; "
                    "expected a list, or an object with rows"
                )
                raise JoinError(msg)
            name, rows, self.frame = ".rows", members["rows"], _frame(members)
        elements = json_text.elements(rows, str(path))
        super().__init__(_DocumentTexts(path, elements, name), prefix)


def _frame(members: dict[str, bytes]) -> DocumentFrame:
    """Return the text of an object's other members, before and after its rows."""
    texts = [
        json.dumps(name).encode() + b": " + json_text.null_non_finite(value)[0]
        for name, value in members.items()
    ]
    position = list(members).index("rows")
    before = b"".join(text + b", " for text in texts[:position])
    after = b"".join(b", " + text for text in texts[position + 1 :])
    return DocumentFrame(b"{" + before + b'"rows": ', after + b"}")
