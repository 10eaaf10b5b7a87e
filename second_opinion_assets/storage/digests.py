"""What tells one content from another: sha256 and size of a file's bytes, or of several files.

How the bytes come to be hashed is the business of `reading` and `publishing`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec


class FileDigest(msgspec.Struct, frozen=True):
    """What a file held: `sha256` of its bytes in hex, and how many bytes."""

    sha256: str
    bytes: int


UNREADABLE = FileDigest("", 0)
"""Stands, among several files, for one whose bytes cannot be read."""


def combined_digest(files: Iterable[tuple[str, FileDigest]]) -> FileDigest:
    """Return one digest of several files, of their names and contents in sorted order."""
    listed = sorted(files)
    text = "".join(f"{digest.sha256}  {name}\n" for name, digest in listed)
    sha256 = hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
    return FileDigest(sha256, sum(digest.bytes for _, digest in listed))
