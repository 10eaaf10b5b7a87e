"""Feature tables of forms that are not read: what each is, and what to write instead.

What a file holds is told by its suffix here, and by its first bytes.
"""

from __future__ import annotations

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.magic import foreign_kind
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.table import TABLE_SUFFIXES, table_suffix

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
_LOOKED_AT_BYTES = 1024
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
        msg = f"{file.location}: {FEATURES} {foreign}"
        raise JoinError(msg)
    if head.startswith(_UTF16_MARKS):
        msg = f"{file.location}: {FEATURES} is UTF-16 text; save it as UTF-8"
        raise JoinError(msg)
