"""Opening files, and nothing else: a pipe, a socket or a device may keep its reader for ever.

What is done with the opened file does not belong here.
"""

from __future__ import annotations

import os
import re
import stat
from typing import IO

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import confinement
from second_opinion_assets.storage.location import Location

_KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_DESCRIPTOR = re.compile(r"/dev/stdin|(?:/dev|/proc/self)/fd/[0-9]+")


class NoFileError(JoinError):
    """There is something in a file's place that is no file."""


def open_file(location: Location) -> IO[bytes]:
    """Open a file for reading, without a wait for whoever might write to it.

    What the process was given opened, `/dev/stdin` or a shell's `/dev/fd/63`, may be a pipe.

    Raises:
        NoFileError: it is a pipe that has a name, a socket or a device.
        OSError: it cannot be opened.
    """
    if _DESCRIPTOR.fullmatch(str(location)):
        return open(location, "rb", buffering=0, opener=confinement.opener)
    refuse_no_file(location)  # first, since with some devices opening them already does something
    return open(location, "rb", buffering=0, opener=_opened)


def refuse_no_file(location: Location) -> None:
    """Refuse what is neither a file nor a folder.

    Raises:
        NoFileError: it is a pipe, a socket or a device.
        OSError: there is nothing, or it cannot be looked at.
    """
    confinement.refuse_to_look(location)
    if location.is_remote:  # which holds nothing else
        return
    _refuse_kind(location, os.stat(location).st_mode)


def kind_of_no_file(location: Location) -> str | None:
    """Return what is there that is neither a file nor a folder; None where there is no such thing.

    Raises:
        OSError: it cannot be looked at.
    """
    try:
        return _KINDS.get(stat.S_IFMT(os.stat(location).st_mode))
    except FileNotFoundError:
        return None


def _refuse_kind(location: Location, mode: int) -> None:
    if kind := _KINDS.get(stat.S_IFMT(mode)):
        msg = f"{location}: is {kind}; name a file"
        raise NoFileError(msg)


def _opened(path: str, flags: int) -> int:
    descriptor = confinement.opener(path, flags | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        _refuse_kind(Location(path), os.fstat(descriptor).st_mode)
    except NoFileError:
        os.close(descriptor)
        raise
    return descriptor
