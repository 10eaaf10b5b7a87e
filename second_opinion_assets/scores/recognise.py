"""What reads a score file: told by what the file holds, not by faith in its suffix."""

from __future__ import annotations

from typing import TYPE_CHECKING

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.formats.csv_form import CSV_SUFFIXES, csv_form, csv_layout
from second_opinion_assets.scores.formats.json_forms import (
    BOM,
    LINE_SUFFIXES,
    document_form,
    json_reader,
    lines_form,
)
from second_opinion_assets.scores.formats.parquet_form import MAGIC, parquet_form
from second_opinion_assets.scores.sidecar import Reader

if TYPE_CHECKING:
    from second_opinion_assets.scores.form import Asked, Form
    from second_opinion_assets.storage.decompress import Content

CSV_READERS = (Reader.csv, Reader.csv_headerless)


def read_form(content: Content, asked: Asked) -> Form:
    """Return the rows of a score file.

    Raises:
        JoinError: no reader knows the file, or the one that does finds it unusable.
    """
    forced = asked.own.reader if asked.own else None
    reader = forced or recognise(content, asked)
    if reader is None:
        line = content.head[:60].decode(errors="replace").splitlines()[:1]
        begins = f"begins with {line[0]!r}" if line else "is empty"
        pattern = content.path.with_name("*.json")
        remedy = f"; leave it out by a pattern, such as {pattern}" if asked.stem_is_key else ""
        msg = (
            f"{content.path}: no reader knows this score file, which {begins}; expected "
            f"JSON, CSV or parquet{remedy}"
        )
        raise JoinError(msg)
    if reader is Reader.json_lines:
        return lines_form(content, asked)
    if reader in CSV_READERS:
        return csv_form(content, asked, forced)
    if reader is Reader.parquet:
        return parquet_form(content, asked)
    return document_form(content, asked, forced)


def recognise(content: Content, asked: Asked) -> Reader | None:
    """Return what reads a file, by its first bytes; None where no reader knows it.

    Whatever is one JSON text, or several that are no lines, counts as a document here.
    """
    if content.head.startswith(MAGIC):
        return Reader.parquet
    start = content.head.removeprefix(BOM).lstrip()[:1]
    is_json = start in (b"{", b"[")
    is_csv = None
    if start and (not is_json or content.suffix in CSV_SUFFIXES):
        is_csv = csv_layout(content, asked)
    if is_json and not is_csv:
        return json_reader(content)
    if is_csv:
        return Reader.csv if is_csv.has_header else Reader.csv_headerless
    # What is neither: the suffix says at least what it was meant to be.
    if content.suffix in LINE_SUFFIXES:
        return Reader.json_lines
    if content.suffix == ".json":
        return Reader.json_document
    return Reader.csv if content.suffix in CSV_SUFFIXES else None
