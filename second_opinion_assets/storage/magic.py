"""What a file is that is no table and no score file: told by its first bytes, whatever its name.

What is done about it belongs to who reads scores or tables.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_TAKE_OUT = "take the file out of it"
_DECOMPRESS = "decompress it, or compress it by gzip or zstd"
_SAVE = "save it as .csv in UTF-8"
_WRITE = "write what it holds as .csv, .jsonl or .parquet"
_NOT_THIS = "give the file with the scores of it"


class Foreign(NamedTuple):
    """What a file is, and what to do with it."""

    what: str
    remedy: str

    def __str__(self) -> str:
        return f"is {self.what}; {self.remedy}"


_STARTS = [
    # What a zip holds comes first: the name of its first file stands in its header.
    (rb"PK\x03\x04.{22}(?:.{4})?[^\0]*\.npy", "a NumPy archive (.npz)", _WRITE),
    (rb"PK\x03\x04.{22,600}(?:\[Content_Types\]|xl/|_rels/)", "an Excel workbook", _SAVE),
    (rb"PK\x03\x04.{22,300}data\.pkl", "a checkpoint of PyTorch", _WRITE),
    (rb"PK[\x03\x05\x07][\x04\x06\x08]", "a zip archive", _TAKE_OUT),
    (rb".{257}ustar[\0 ]", "a tar archive", _TAKE_OUT),
    (rb"7z\xbc\xaf\x27\x1c", "a 7z archive", _TAKE_OUT),
    (rb"Rar!\x1a\x07", "a rar archive", _TAKE_OUT),
    (rb"BZh[1-9](?:1AY&SY|\x17\x72\x45\x38)", "compressed by bzip2", _DECOMPRESS),
    (rb"\xfd7zXZ\0", "compressed by xz", _DECOMPRESS),
    (rb"\x04\x22\x4d\x18", "compressed by lz4", _DECOMPRESS),
    (rb"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook (.xls)", _SAVE),
    (rb"\x93NUMPY", "a NumPy array (.npy)", _WRITE),
    (rb"MATLAB [57]\.", "a file of MATLAB (.mat)", _WRITE),
    (rb"\x89HDF\r\n\x1a\n", "an HDF5 file", _WRITE),
    (rb"\x80[\x02-\x05]|\((?:dp|lp)[0-9]*\n", "a pickle", _WRITE),
    (rb"c(?:numpy|pandas|collections|copy_?reg|__builtin__)[a-z_.]*\n", "a pickle", _WRITE),
    (rb"SQLite format 3\0", "a database of SQLite", _WRITE),
    (rb"ARROW1\0|FEA1\0|\xff\xff\xff\xff[^\0]", "an Arrow file", _WRITE),
    (rb"ORC[\0-\x1f]|Obj\x01", "a file of ORC or Avro", _WRITE),
    (rb"RDX[23]\n", "a file of R", _WRITE),
    (rb"\x89PNG|\xff\xd8\xff|GIF8[79]a|RIFF.{4}WEBP|II\*\0|MM\0\*", "an image", _NOT_THIS),
    (rb"\0.{3}ftyp|\x1a\x45\xdf\xa3|RIFF.{4}AVI |FLV\x01|OggS\0", "a video", _NOT_THIS),
    (rb"YUV4MPEG2 |\0\0\x01[\xb3\xba]|\0{2,3}\x01[\x09\x27@Bg]", "a video", _NOT_THIS),
    (rb"%PDF-", "a PDF document", _SAVE),
]
_KINDS = [(re.compile(start, re.DOTALL), Foreign(what, remedy)) for start, what, remedy in _STARTS]
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")
_LOOKED_AT_BYTES = 1024


def foreign_kind(head: bytes) -> Foreign | None:
    """Return what a file that begins so is; None for text, parquet, and what is not known."""
    start = head[:_LOOKED_AT_BYTES]
    return next((kind for pattern, kind in _KINDS if pattern.match(start)), None)


def unknown_binary(head: bytes) -> Foreign | None:
    """Return that a file is binary; None for one that begins like text, in UTF-16 too."""
    start = head[:_LOOKED_AT_BYTES]
    is_binary = b"\0" in start and not start.startswith(_UTF16_MARKS)
    return Foreign("binary, of a kind that is not known", _WRITE) if is_binary else None
