"""The errors of the join: what a person can mend, each as one line.

Bugs are not wrapped here; they keep their own exception and traceback.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable

from second_opinion_assets.contract.printable import one_line


class JoinError(Exception):
    """Bad input: the message says what was found, where, and what to do about it.

    Args:
        lines: the message; several for what several errors say. Each is made one line that may be
            shown anywhere, whatever names and cells it quotes.
    """

    def __init__(self, *lines: str) -> None:
        super().__init__("\n".join(map(one_line, lines)))

    @property
    def lines(self) -> list[str]:
        return str(self).split("\n")


class TransientError(JoinError):
    """What the world did, not what a file holds: the same join may succeed another time."""


class ManifestError(JoinError):
    """The manifest itself is unusable, so that no table of it can be tried."""


class MachineError(TransientError):
    """The machine did not give what was needed: no file is to blame, or taken as broken."""


class CutShortError(JoinError):
    """What was read ends too soon: it is still being written, or its writer died."""


class NoScoreError(JoinError):
    """A file is sound, and lacks the score that is taken of such files.

    Attributes:
        numeric_fields: what it has instead that might be meant.
    """

    def __init__(self, message: str, numeric_fields: Iterable[str] = ()) -> None:
        super().__init__(message)
        self.numeric_fields = tuple(numeric_fields)


class UnnamedScorerError(JoinError):
    """It is not known whose scores a file has: neither its rows nor the user name the scorer."""


class DoubtError(JoinError):
    """A file is sound, and what in it is the score of a clip is for the user to say."""


class Problems:
    """Gathers errors that do not depend on one another, to name them all at once.

    Args:
        order: the places that errors may be found at, in the order in which they are to be named;
            what is at no such place comes last.
    """

    def __init__(self, order: Iterable[Hashable] = ()) -> None:
        self._order = order
        self._found: list[tuple[Hashable, list[str]]] = []
        self._told: set[Hashable] = set()
        self._transient = True

    def at(self, place: Hashable = None) -> _At:
        """Gather the error that is raised within, and go on after it."""
        return _At(self, place)

    def take(self, error: JoinError, place: Hashable = None) -> None:
        """Gather an error."""
        self._transient &= isinstance(error, TransientError)
        self._add(error.lines, place)

    def add(self, problem: str, place: Hashable = None) -> None:
        """Gather an error by its text, which is one line."""
        self._transient = False
        self._add([problem], place)

    def _add(self, lines: list[str], place: Hashable) -> None:
        if place not in self._told:
            self._found.append((place, lines))

    def leave_out(self, place: Hashable) -> None:
        """Gather nothing at a place, since another error tells of it already."""
        self._told.add(place)

    def refuse(self, kind: type[JoinError] = JoinError) -> None:
        """Raise what was gathered, if anything, as one error with a line for each.

        Of errors that all may pass it is one that may pass, unless another kind is asked for.
        """
        if self._found:
            if self._transient and kind is JoinError:
                kind = TransientError
            order = {place: number for number, place in enumerate(self._order)}
            found = sorted(self._found, key=lambda each: order.get(each[0], len(order)))
            raise kind(*(line for _, lines in found for line in lines))


class _At:
    """A place that an error may be found at, as a context; no generator, for there are many."""

    __slots__ = ("_place", "_problems")

    def __init__(self, problems: Problems, place: Hashable) -> None:
        self._problems = problems
        self._place = place

    def __enter__(self) -> None:
        pass

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        # Of a machine that gives nothing, nothing else can be told for certain.
        if not isinstance(error, JoinError) or isinstance(error, MachineError):
            return False
        self._problems.take(error, self._place)
        return True
