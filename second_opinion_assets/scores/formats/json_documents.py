"""JSON sidecars: lines, documents, and objects one after another, as blocks of rows.

What shapes a document comes in belongs to `json_shapes`; what is special of certain payloads to
`payloads`. Objects one after another, without so much as a
newline between them, are what Q-Align's evaluation appends:
https://github.com/Q-Future/Q-Align/blob/37cf54c9281b5a984ada24f3dfb0fd5490c25d4f/q_align/evaluate/vqa_eval.py
"""

from __future__ import annotations

import re
from collections.abc import Generator

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import DoubtError, JoinError
from second_opinion_assets.scores.formats import libvmaf_xml, vbench
from second_opinion_assets.scores.formats.json_shapes import Document, read_document
from second_opinion_assets.scores.formats.loaded import LoadedRows
from second_opinion_assets.scores.formats.payloads import list_rules, payload_rules
from second_opinion_assets.scores.json_block import JsonBlock
from second_opinion_assets.scores.json_noise import has_noise
from second_opinion_assets.scores.rows import Place
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import whole_lines

LINE_SUFFIXES = (".jsonl", ".ndjson")
_PEEKED_BYTES = 1024
BOM = b"\xef\xbb\xbf"
_END_OF_OBJECT = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"|\}(?=[ \t\r\n]*\{)', re.DOTALL)


def json_format(content: Content) -> Format:
    """Return what reads a file that begins like JSON: by lines, or as a document.

    The suffix of JSON lines is believed as long as the first line is JSON. Of a file of another
    name each of the first two lines must be an object, since a document may stand on one line.
    """
    first, rest = _first_lines(content)
    if content.suffix in LINE_SUFFIXES:
        by_lines = first is None or _is_json(first) or not _begins_longer_text(first, rest)
    else:
        by_lines = bool(first and rest.startswith(b"{") and _is_json(first))
    by_lines = by_lines or has_noise(content.head)
    return Format.json_lines if by_lines else Format.json_document


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
    """Return whether a line that is no JSON begins a value of many lines, or holds many objects."""
    objects = _objects(line)
    return (line in (b"{", b"[") and bool(rest)) or (len(objects) > 1 and _is_json(objects[0]))


def load_lines(content: Content, asked: ReadRequest) -> LoadedRows:
    """Return the rows of a file of lines; a position is a line number, from 1."""
    place = Place.of_lines(content.path)
    return LoadedRows(Format.json_lines, place, asked.rules, _line_blocks(content))


def _line_blocks(content: Content) -> Generator[JsonBlock, None, None]:
    """Yield lines in blocks; a position is a line number, from 1."""
    first = 1
    for text in whole_lines(content.chunks(), content.path):
        ended = text if text.endswith(b"\n") else text + b"\n"
        yield JsonBlock(ended, first, ends_open=ended is not text, may_have_noise=True)
        first += ended.count(b"\n")


def load_document(content: Content, asked: ReadRequest, forced: Format | None = None) -> LoadedRows:
    """Return the rows of a document, or of a file of objects one after another.

    Args:
        content: the file.
        asked: what is asked for of it.
        forced: the format that is asked for; None to be told by what the file holds.

    Raises:
        JoinError: the file is no JSON, or not of the format asked for.
    """
    path = content.path
    text = _text(content)
    if libvmaf_xml.is_log(text):
        text = libvmaf_xml.as_json(text, path)
    if forced is Format.json_concatenated:
        return _concatenated(_objects(text), path, asked)
    try:
        document = _read_document(text, path, asked)
    except DoubtError:
        raise
    except JoinError:
        objects = _objects(text)
        if forced is None and len(objects) > 1 and _is_json(objects[0]):
            return _concatenated(objects, path, asked)
        raise
    members = document.members
    if members is not None and forced in (None, Format.vbench) and vbench.recognises(members):
        return _dimension(vbench.dimension(members, asked, path), path, asked)
    if members is not None:
        kind, rules = payload_rules(members, content, asked, forced)
        blocks = _one(JsonBlock.of_texts(document.rows))
        return LoadedRows(kind, Place(str(path)), rules, blocks, is_table=False)
    listed = list_rules(document.rows, path, asked)
    kind, rules = listed or (Format.json_document, asked.rules)
    if forced not in (None, kind):
        msg = f"{path}: is no {forced} payload, but a list of {len(document.rows)} rows"
        raise JoinError(msg)
    if document.key_field:
        rules = rules._replace(key_field=rules.key_field or document.key_field)
    place = Place.of_elements(path, document.name)
    return LoadedRows(kind, place, rules, _one(JsonBlock.of_texts(document.rows)))


def _read_document(text: bytes, path: Location, asked: ReadRequest) -> Document:
    """Return a document, in which NaN and infinity may be written as C prints them."""
    try:
        return read_document(text, path, asked)
    except DoubtError:
        raise
    except JoinError:
        plain = json_text.without_c_constants(text)
        if plain == text:
            raise
    return read_document(plain, path, asked)


def _dimension(dimension: vbench.Dimension, path: Location, asked: ReadRequest) -> LoadedRows:
    place = Place.of_elements(path, f"['{dimension.name}'][1]")
    blocks = _one(JsonBlock.of_texts(dimension.rows))
    return LoadedRows(Format.vbench, place, vbench.rules(dimension.name, asked), blocks)


def _one(block: JsonBlock) -> Generator[JsonBlock, None, None]:
    yield block


def count_rows(content: Content) -> int | None:
    """Return how many rows a document or a file of objects has; None if it is not whole."""
    text = content.read().removeprefix(BOM)
    try:
        return len(_read_document(text, content.path, ReadRequest()).rows)
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


def _objects(text: bytes) -> list[bytes]:
    """Cut a text where one object ends and the next begins, without a comma between them."""
    objects = []
    start = 0
    for token in _END_OF_OBJECT.finditer(text):
        if token.group() == b"}":
            objects.append(text[start : token.end()].strip(json_text.WHITESPACE))
            start = token.end()
    return [*objects, text[start:].strip(json_text.WHITESPACE)]


def _concatenated(objects: list[bytes], path: Location, asked: ReadRequest) -> LoadedRows:
    blocks = _one(JsonBlock.of_texts(objects, ends_open=True))
    return LoadedRows(Format.json_concatenated, Place.of_elements(path), asked.rules, blocks)
