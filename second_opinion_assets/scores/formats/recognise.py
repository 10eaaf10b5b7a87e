"""Which format a score file is of: told by what the file holds, not by faith in its suffix."""

from __future__ import annotations

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.formats import csv_text, json_documents, parquet
from second_opinion_assets.scores.formats.csv_text import CSV_SUFFIXES, csv_layout
from second_opinion_assets.scores.formats.json_documents import BOM, LINE_SUFFIXES, json_format
from second_opinion_assets.scores.formats.loaded import Loaded
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets.storage.decompress import Content

CSV_FORMATS = (Format.csv, Format.csv_headerless)


def load(content: Content, asked: ReadRequest) -> Loaded:
    """Return the rows of a score file.

    Raises:
        JoinError: no format is known in it, or it is unusable as what it is.
    """
    forced = asked.own.reader
    found = forced or recognise(content, asked)
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


def recognise(content: Content, asked: ReadRequest) -> Format | None:
    """Return the format of a file, by its first bytes; None where none is known.

    Whatever is one JSON text, or several that are no lines, counts as a document here.
    """
    if content.head.startswith(parquet.MAGIC):
        return Format.parquet
    start = content.head.removeprefix(BOM).lstrip()[:1]
    is_json = start in (b"{", b"[")
    is_csv = None
    if start and (not is_json or content.suffix in CSV_SUFFIXES):
        is_csv = csv_layout(content, asked)
    if is_json and not is_csv:
        return json_format(content)
    if is_csv:
        return Format.csv if is_csv.has_header else Format.csv_headerless
    # What is neither: the suffix says at least what it was meant to be.
    if content.suffix in LINE_SUFFIXES:
        return Format.json_lines
    if content.suffix == ".json":
        return Format.json_document
    return Format.csv if content.suffix in CSV_SUFFIXES else None
