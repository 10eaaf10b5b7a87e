"""Feature tables of forms that are not read: what each is, and what to write instead.

What a file holds is told by its suffix here, and by its first bytes.
"""

from __future__ import annotations

import re

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.magic import foreign_kind
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.table import (
    CSV_SUFFIXES,
    LINE_SUFFIXES,
    PARQUET_SUFFIXES,
    TABLE_SUFFIXES,
    table_suffix,
)
from second_opinion_assets.tables.texts import BOM

FEATURES = "the feature table"
_SAVE = "save it as .csv in UTF-8"
_WRITE = "write it as .parquet, .csv or .jsonl"
_REMEDIES = {
    **dict.fromkeys((".gz", ".zst", ".bz2", ".xz"), "compressed; decompress it first"),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z"), "an archive; take the table out of it"),
    **dict.fromkeys((".xlsx", ".xls", ".xlsm"), f"an Excel workbook; {_SAVE}"),
    ".ods": f"a spreadsheet; {_SAVE}",
    **dict.fromkeys((".pkl", ".pickle"), f"a pickle; {_WRITE}"),
    **dict.fromkeys((".npy", ".npz"), f"an array of NumPy; {_WRITE}"),
    ".mat": f"a file of MATLAB; {_WRITE}",
    **dict.fromkeys((".h5", ".hdf5", ".hdf"), f"HDF5; {_WRITE}"),
    **dict.fromkeys((".arrow", ".feather", ".ipc"), f"an Arrow file; {_WRITE}"),
    **dict.fromkeys((".sqlite", ".sqlite3", ".db", ".duckdb"), f"a database; {_WRITE}"),
}
_OTHER_REMEDIES = (
    ("compressed", "decompress it first"),
    ("an image", "name the table with its features"),
    ("a video", "name the table with its features"),
)
_LOOKED_AT_BYTES = 1024
_COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd")
_JSON = re.compile(rb'\s*(?:\[\s*)?\{\s*(?:"|\})')
# Names of columns and what stands between them, which begin no JSON.
_HEADER = re.compile(rb"[A-Za-z_][\w .-]*[,;\t][^{}\[\]\n]*\r?\n")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def refuse_unknown_suffix(location: Location, what: str) -> None:
    """Raise a JoinError if the name of a table tells no form that is known."""
    suffix = table_suffix(location)
    if suffix in TABLE_SUFFIXES:
        return
    if what == FEATURES and suffix in _REMEDIES:
        msg = f"{location}: {what} is {_REMEDIES[suffix]}"
    else:
        known = ", ".join(TABLE_SUFFIXES)
        msg = f"{location}: {what} ends in {suffix or 'no suffix'}, expected one of {known}"
    raise JoinError(msg)


def refuse_foreign_content(file: Input) -> None:
    """Raise a JoinError if a feature table holds what no form of table begins with."""
    head = file.pread(0, min(file.size, _LOOKED_AT_BYTES))
    foreign = foreign_kind(head)
    if foreign:
        # What is right for score files, any of which may be compressed, is not always for tables.
        remedy = next((tell for what, tell in _OTHER_REMEDIES if what in foreign.what), "")
        msg = f"{file.location}: {FEATURES} is {foreign.what}; {remedy or foreign.remedy}"
        raise JoinError(msg)
    if head.startswith(_UTF16_MARKS):
        msg = f"{file.location}: {FEATURES} is UTF-16 text; save it as UTF-8"
        raise JoinError(msg)


def refuse_another_form(file: Input, suffix: str) -> None:
    """Raise a JoinError if a feature table is certainly of another form than its suffix tells."""
    head = file.pread(0, min(file.size, _LOOKED_AT_BYTES)).removeprefix(BOM)
    if head.startswith(_COMPRESSED):
        msg = f"{file.location}: {FEATURES} is {_REMEDIES['.gz']}"
        raise JoinError(msg)
    found, names = _form(head)
    if names and suffix not in names:
        remedy = f"name it {', '.join(names[:-1])} or {names[-1]}"
        if file.location.is_stream:
            remedy = "only JSON lines are read from standard input; save it as a file"
        msg = f"{file.location}: {FEATURES} holds {found}; {remedy}"
        raise JoinError(msg)


def _form(head: bytes) -> tuple[str, tuple[str, ...]]:
    """Return what a file is that begins so, and its suffixes; nothing where that is in doubt."""
    if head.startswith(b"PAR1"):
        return "parquet", PARQUET_SUFFIXES
    if _JSON.match(head):
        return "JSON", (*LINE_SUFFIXES, ".json")
    if _HEADER.match(head):
        return "CSV", CSV_SUFFIXES
    return "", ()
