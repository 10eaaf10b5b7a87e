"""JSON sidecars: lines, documents, and objects one after another, as blocks of rows.

A document is a list of rows, an object with `rows` or `results`, or one payload by itself; what is
special of certain payloads belongs to `payloads`. Objects one after another, without so much as a
newline between them, are what Q-Align's evaluation appends:
https://github.com/Q-Future/Q-Align/blob/37cf54c9281b5a984ada24f3dfb0fd5490c25d4f/q_align/evaluate/vqa_eval.py
"""

from __future__ import annotations

import re
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.form import Asked, Form, RowBlock
from second_opinion_assets.scores.formats.payloads import payload_rules
from second_opinion_assets.scores.sidecar import Reader
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import whole_lines

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from second_opinion_assets.storage.decompress import Content

LINE_SUFFIXES = (".jsonl", ".ndjson")
ROW_LIST_NAMES = ("rows", "results")
_PEEKED_BYTES = 1024
BOM = b"\xef\xbb\xbf"
_END_OF_OBJECT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|\}(?=[ \t\r\n]*\{)', re.DOTALL)


def json_reader(content: Content) -> Reader:
    """Return what reads a file that begins like JSON: by lines, or as a document.

    The suffix of JSON lines is believed as long as the first line is JSON. Of a file of another
    name each of the first two lines must be an object, since a document may stand on one line.
    """
    first, rest = _first_lines(content)
    if content.suffix in LINE_SUFFIXES:
        by_lines = first is None or _is_json(first) or not _begins_longer_text(first, rest)
    else:
        by_lines = bool(first and rest.startswith(b"{") and _is_json(first))
    return Reader.json_lines if by_lines else Reader.json_document


def _first_lines(content: Content) -> tuple[bytes | None, bytes]:
    """Return the first line that is not blank, None if the head ends in it, and what comes next."""
    text = content.head.removeprefix(BOM).lstrip()
    end = text.find(b"\n")
    if end < 0:
        return (text.strip() if content.is_whole else None), b""
    return text[:end].strip(), text[end : end + _PEEKED_BYTES].lstrip()


def _is_json(line: bytes) -> bool:
    try:
        json_text.decode(line, "")
    except JoinError:
        return False
    return True


def _begins_longer_text(line: bytes, rest: bytes) -> bool:
    """Say whether a line that is no JSON begins a value of many lines, or holds many objects."""
    objects = _objects(line)
    return (line in (b"{", b"[") and bool(rest)) or (len(objects) > 1 and _is_json(objects[0]))


def lines_form(content: Content, asked: Asked) -> Form:
    """Return the rows of a file of lines; a position is a line number, from 1."""
    locate = partial("{}:{}".format, content.path)
    return Form(Reader.json_lines, line_blocks(content.chunks()), locate, asked.rules)


def line_blocks(chunks: Iterator[bytes]) -> Generator[RowBlock, None, None]:
    """Yield lines in blocks; a position is a line number, from 1."""
    first = 1
    for text in whole_lines(chunks):
        block = _line_block(text, first)
        yield block
        first += block.count


def _line_block(text: bytes, first: int) -> RowBlock:
    ended = text if text.endswith(b"\n") else text + b"\n"
    lines = json_text.plain_lines(ended)
    certain = lines is not None
    texts = lines if lines is not None else ended.split(b"\n")[:-1]
    open_end = None if text is ended else first + len(texts) - 1
    return RowBlock(ended, texts, first, certain, open_end)


def document_form(content: Content, asked: Asked, reader: Reader | None = None) -> Form:
    """Return the rows of a document, or of a file of objects one after another.

    Args:
        content: the file.
        asked: what is asked for of it.
        reader: the reader that is asked for; None to be told by what the file holds.

    Raises:
        JoinError: the file is no JSON, or not of the form asked for.
    """
    path = content.path
    text = _text(content)
    if reader is Reader.json_concatenated:
        return _concatenated_form(_objects(text), path, asked)
    try:
        document = _document(text, path)
    except JoinError:
        objects = _objects(text)
        if reader is None and len(objects) > 1 and _is_json(objects[0]):
            return _concatenated_form(objects, path, asked)
        raise
    block = RowBlock.of(document.rows)
    blocks = (block for block in [block])
    if document.members is not None:
        kind, rules = payload_rules(document.members, content, asked, reader)
        return Form(kind, blocks, lambda _: str(path), rules, is_table=False)
    if reader not in (None, Reader.json_document):
        msg = f"{path}: is no {reader} payload, but a list of {len(document.rows)} rows"
        raise JoinError(msg)
    name = document.name
    return Form(Reader.json_document, blocks, lambda row: f"{path}::${name}[{row}]", asked.rules)


def count_rows(content: Content) -> int | None:
    """Return how many rows a document or a file of objects has; None if it is not whole."""
    text = content.read().removeprefix(BOM)
    try:
        return len(_document(text, content.path).rows)
    except JoinError:
        objects = _objects(text)
    whole = len(objects) > 1 and _is_json(objects[0]) and _is_json(objects[-1])
    return len(objects) if whole else None


def _text(content: Content) -> bytes:
    text = content.read().removeprefix(BOM)
    if json_text.is_blank(text):
        msg = f"{content.path}: the file is empty, expected JSON"
        raise JoinError(msg)
    if not json_text.is_utf8(text):
        msg = f"{content.path}: not UTF-8 text"
        raise JoinError(msg)
    return text


class _Document(NamedTuple):
    """The rows of a document.

    Attributes:
        rows: the text of each.
        name: how the list of them is reached.
        members: of a document that is the one row itself.
    """

    rows: list[bytes]
    name: str = ""
    members: dict[str, bytes] | None = None


def _document(text: bytes, path: Location) -> _Document:
    if text.lstrip().startswith(b"["):
        return _Document(json_text.elements(text, str(path)))
    members = json_text.members(text, str(path))
    for name in ROW_LIST_NAMES:
        if members.get(name, b"").startswith(b"["):
            return _Document(json_text.elements(members[name], str(path)), f".{name}")
    return _Document([text], members=members)


def _objects(text: bytes) -> list[bytes]:
    """Cut a text where one object ends and the next begins, without a comma between them."""
    objects = []
    start = 0
    for token in _END_OF_OBJECT.finditer(text):
        if token.group() == b"}":
            objects.append(text[start : token.end()].strip(json_text.WHITESPACE))
            start = token.end()
    return [*objects, text[start:].strip(json_text.WHITESPACE)]


def _concatenated_form(objects: list[bytes], path: Location, asked: Asked) -> Form:
    block = RowBlock.of(objects, open_end=len(objects) - 1)
    return Form(
        Reader.json_concatenated,
        (block for block in [block]),
        lambda row: f"{path}::$[{row}]",
        asked.rules,
    )
