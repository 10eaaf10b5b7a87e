"""Files of a folder or pattern that cannot be read: a bad row each where a file is one clip.

In any other folder they are an error, as are files that were never meant to be read. Reading files
does not belong here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from second_opinion_assets.contract.columns import Status
from second_opinion_assets.contract.errors import (
    CutShortError,
    DoubtError,
    JoinError,
    MachineError,
    NoScoreError,
    UnnamedScorerError,
)
from second_opinion_assets.contract.fields import STEM_FIELD
from second_opinion_assets.scores.payload import Defect
from second_opinion_assets.scores.rows import CollectedRows, Place, Source, row_columns
from second_opinion_assets.scores.sidecar import Sidecar
from second_opinion_assets.storage.decompress import plain_name, stem_of
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.opened import ChangedInputError

SHOWN_FILES = 3
SHOWN_STRANGERS = 50
OF_THE_WHOLE = (ChangedInputError, DoubtError, MachineError, UnnamedScorerError)
"""What is wrong with more than the one file of several that it is found in."""
EMPTY, DAMAGED, UNREADABLE = "empty file", "damaged file", "unreadable file"


class BrokenFile(NamedTuple):
    """A file that gave no row.

    Attributes:
        path: the file.
        written: how it would be written in a manifest.
        defect: what is wrong with it.
        where: the file, and the place in it.
        message: the error as it would be told by itself.
        numeric_fields: of a file that lacks the score, what it has instead.
    """

    path: Location
    written: str
    defect: Defect
    where: str
    message: str
    numeric_fields: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, path: Location, written: str, error: JoinError, kind: str | None = None
    ) -> BrokenFile:
        """Return a file that failed with an error, whose kind is told by it if it is not given."""
        message = str(error)
        place, _, said = message.removeprefix(str(path)).partition(": ")
        if not message.startswith(str(path)):
            place, said = "", message
        kind = kind or _kind_of(error)
        says_it = kind in said or kind in (DAMAGED, UNREADABLE)
        reason = kind if kind == EMPTY else said if says_it else f"{kind}: {said}"
        fields = error.numeric_fields if isinstance(error, NoScoreError) else ()
        return cls(path, written, Defect(kind, reason), f"{path}{place}", message, fields)

    @classmethod
    def without_rows(cls, path: Location, written: str, *, is_blank: bool) -> BrokenFile:
        """Return a file that is sound, and has no row."""
        kind = EMPTY if is_blank else "no row"
        return cls(path, written, Defect(kind, kind), str(path), f"{path}: {kind}")

    @property
    def suffix(self) -> str:
        return plain_name(self.path).suffix.lower()


def _kind_of(error: JoinError) -> str:
    if isinstance(error, CutShortError):
        return "cut short"
    return "no score" if isinstance(error, NoScoreError) else DAMAGED


def refuse_strangers(
    sidecar: Sidecar, sound: Sequence[Location], broken: Sequence[BrokenFile]
) -> None:
    """Raise a JoinError where broken files are no clips that failed, or no file is sound.

    Args:
        sidecar: the folder or pattern.
        sound: its files that could be read.
        broken: those that could not.
    """
    if not sound:
        raise _none_sound(sidecar, broken)
    suffixes = Counter(plain_name(path).suffix.lower() for path in sound)
    strangers = [shown_name(file.path.name) for file in broken if file.suffix not in suffixes]
    if strangers:
        usual = suffixes.most_common(1)[0][0]
        like = next(path for path in sound if plain_name(path).suffix.lower() == usual)
        pattern = f"*{like.name.removeprefix(plain_name(like).stem)}"
        below = Location(sidecar.written)
        given = below / pattern if sidecar.path.is_folder() else below.with_name(pattern)
        shown = ", ".join(strangers[:SHOWN_STRANGERS]) + _more(strangers, SHOWN_STRANGERS)
        msg = f"{sidecar.path}: no score files: {shown}; leave them out by a pattern, as {given}"
        raise JoinError(msg)


def _none_sound(sidecar: Sidecar, broken: Sequence[BrokenFile]) -> JoinError:
    """Return the error for files none of which could be read, alike ones told once."""
    if len(broken) == 1:
        return JoinError(broken[0].message)
    alike: dict[str, list[BrokenFile]] = {}
    for file in broken:
        alike.setdefault(file.defect.reason, []).append(file)
    shown = [
        files[0].message + (f" (and {len(files) - 1} like it)" if files[1:] else "")
        for files in alike.values()
    ]
    told = "; ".join(shown[:SHOWN_FILES]) + _more(shown, SHOWN_FILES)
    return JoinError(f"{sidecar.path}: none of {len(broken)} files could be read: {told}")


def shown_name(name: str) -> str:
    """Return a file's name for a message; characters that do not show are escaped."""
    return name if name.isprintable() else repr(name)[1:-1]


def _more(listed: Sequence[object], shown: int) -> str:
    return f" and {len(listed) - shown} more" if len(listed) > shown else ""


def not_of_one_clip(broken: Sequence[BrokenFile]) -> JoinError:
    """Return the error for broken files of a folder whose other files have many rows."""
    others = [shown_name(file.path.name) for file in broken[1:]]
    also = f"; broken too: {', '.join(others[:SHOWN_FILES])}" if others else ""
    return JoinError(f"{broken[0].message}{also}{_more(others, SHOWN_FILES)}")


def add_bad_rows(
    sidecar: Sidecar, collected: CollectedRows, broken: Sequence[BrokenFile], pattern: str | None
) -> None:
    """Add a bad row for each broken file of a folder of one file a clip, its name being the key.

    Args:
        sidecar: the folder or pattern.
        collected: the rows of its other files.
        broken: the broken ones.
        pattern: what the keys of its files are reduced from.

    Raises:
        UnnamedScorerError: it is not certain which scorer the broken files are of.
    """
    names = list(collected.scorers)
    if len(names) == 1 and not collected.label_used:
        scorer = names[0]
    elif sidecar.label:
        scorer = sidecar.label
    else:
        file = broken[0]
        msg = (
            f"{file.where}: {file.defect.reason}; the other files are of {', '.join(names)}, and "
            f"which of these it is of is not known; give a pattern that leaves it out"
        )
        raise UnnamedScorerError(msg)
    for file in broken:
        number = len(collected.sources)
        collected.sources.append(Source(file.written, Place(file.where), pattern))
        collected.reasons[number, 0] = file.defect
        collected.numeric_fields[collected.scorers.number(scorer)].update(file.numeric_fields)
        collected.parts.append(
            row_columns(
                [stem_of(file.path)],
                collected.scorers.number(scorer),
                collected.key_fields.number(STEM_FIELD),
                number,
                [0],
                [math.nan],
                [Status.bad],
                [math.nan],
                [0],
            )
        )
