"""What the audit of a joined table records, read from the audit's file.

What a record is, and how one is taken from plain values, is in `contract.record`.
"""

from __future__ import annotations

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.record import Record, record_of
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input


def read_record(audit: Location) -> Record:
    """Return what an audit records.

    Raises:
        JoinError: the audit cannot be read, or is none that this version writes.
    """
    with Input(audit) as file:
        text = file.read().removeprefix(b"\xef\xbb\xbf")
    return record_of(json_text.decode(text, str(audit)), str(audit))


def base_of(recorded: str, actual: Location) -> Location | None:
    """Return the folder that a recorded path was relative to, told by where its file is.

    None where that cannot be told: the path is absolute or leads upwards, or the file was given
    another name or place.
    """
    path, place = Location(recorded).normal(), actual.absolute()
    count = len(path.parts)
    if path.is_absolute or ".." in path.parts or place.parts[-count:] != path.parts:
        return None
    return place.parents[count - 1]
