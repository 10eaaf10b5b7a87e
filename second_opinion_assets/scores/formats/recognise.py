"""Which format a score file is of: told by what the file holds, not by faith in its suffix."""

from __future__ import annotations

import re

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.formats import csv_text, json_documents, libvmaf_xml, parquet
from second_opinion_assets.scores.formats.csv_layout import csv_layout
from second_opinion_assets.scores.formats.csv_text import CSV_SUFFIXES
from second_opinion_assets.scores.formats.json_documents import (
    BOM,
    LINE_SUFFIXES,
    json_format,
)
from second_opinion_assets.scores.formats.loaded import Loaded
from second_opinion_assets.scores.json_noise import has_noise
from second_opinion_assets.scores.measures import refuse_measures
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.magic import foreign_kind, unknown_binary

CSV_FORMATS = (Format.csv, Format.csv_headerless)


def load(content: Content, asked: ReadRequest) -> Loaded:
    """Return the rows of a score file.

    Raises:
        JoinError: no format is known in it, or it is unusable as what it is.
    """
    is_parquet = content.head.startswith(parquet.MAGIC)
    foreign = None if is_parquet else foreign_kind(content.head) or unknown_binary(content.head)
    if foreign:
        msg = f"{content.path}: {foreign}"
        raise JoinError(msg)
    forced = asked.own.reader
    found = forced or recognise(content, asked)
    if found is None or found in CSV_FORMATS:
        refuse_measures(_first_cells(content.head), f"{content.path}:1")
    if found is None:
        line = content.head[:60].decode(errors="replace").splitlines()[:1]
        begins = f"begins with {line[0]!r}" if line else "is empty"
        msg = (
            f"{content.path}: no reader knows this score file, which {begins}; expected "
            "JSON, CSV or parquet"
        )
        raise JoinError(msg)
    if found is Format.json_lines:
        return json_documents.load_lines(content, asked)
    if found in CSV_FORMATS:
        return csv_text.load(content, asked, forced)
    if found is Format.parquet:
        return parquet.load(content, asked)
    return json_documents.load_document(content, asked, forced)


def _first_cells(head: bytes) -> list[str]:
    lines = head.removeprefix(BOM).lstrip().splitlines()[:1]
    return re.split("[,;\t]", lines[0].decode(errors="replace")) if lines else []


def recognise(content: Content, asked: ReadRequest) -> Format | None:
    """Return the format of a file, by its first bytes; None where none is known.

    Whatever is one JSON text, or several that are no lines, counts as a document here.
    """
    if content.head.startswith(parquet.MAGIC):
        return Format.parquet
    text = content.head.removeprefix(BOM).lstrip()
    if libvmaf_xml.is_log(text):
        return Format.libvmaf
    return _json_or_csv(content, asked, text[:1]) or _by_suffix(content.suffix)


def _json_or_csv(content: Content, asked: ReadRequest, start: bytes) -> Format | None:
    is_json = start in (b"{", b"[")
    if start and not is_json and has_noise(content.head):
        return Format.json_lines
    layout = None
    if start and (not is_json or content.suffix in CSV_SUFFIXES):
        layout = csv_layout(content, asked)
    if layout:
        return Format.csv if layout.has_header else Format.csv_headerless
    return json_format(content) if is_json else None


def _by_suffix(suffix: str) -> Format | None:
    """Return what a file was meant to be, which is neither."""
    if suffix in LINE_SUFFIXES:
        return Format.json_lines
    if suffix == ".json":
        return Format.json_document
    return Format.csv if suffix in CSV_SUFFIXES else None
