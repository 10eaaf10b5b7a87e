"""Interrupts: they end a program between two steps, never within one that must be whole.

Imported before all else, so nothing large is imported here.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_SHELL_BASE = 128  # what a shell adds to a signal's number


class Interrupted(KeyboardInterrupt):
    """A signal asks the program to end.

    Attributes:
        exit_status: what the program ends with, as shells have it.
    """

    def __init__(self, number: int = signal.SIGINT) -> None:
        super().__init__()
        self.number = number

    @property
    def exit_status(self) -> int:
        return _SHELL_BASE + self.number


def leave_when_interrupted() -> None:
    """End the process at once when a signal asks for that: there is nothing to clean up."""
    _handle(_leave)


def raise_when_interrupted() -> None:
    """Raise `Interrupted` when a signal asks to end; when it asks again, end at once."""
    _handle(_raise)


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Let signals wait until what must not be left half done is done.

    Whoever handles them otherwise, as Dagster does in its runs, handles them then.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # no handler runs in another thread
        return
    came: list[int] = []
    before = {number: signal.getsignal(number) for number in SIGNALS}
    ours = {number: handler for number, handler in before.items() if handler is not None}
    for number in ours:
        signal.signal(number, lambda came_now, _: came.append(came_now))
    try:
        yield
    finally:
        for number, handler in ours.items():
            signal.signal(number, handler)
        for came_then in came:
            signal.raise_signal(came_then)


def _handle(handler: signal._HANDLER) -> None:
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup asks for
            signal.signal(number, handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    os._exit(_SHELL_BASE + number)


def _raise(number: int, _frame: FrameType | None) -> None:
    signal.signal(number, _leave)
    raise Interrupted(number)
