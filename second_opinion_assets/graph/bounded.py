"""Calls that may not come back: each is waited for, but not for ever.

A file of a file server that is away, or a very large one, would else hold up a whole tick.
"""

import time
from collections.abc import Callable, Hashable
from concurrent.futures import Future, wait
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from second_opinion_assets.contract.errors import JoinError

MOST_LATE = 8
"""Calls that may be late at once: each keeps a thread."""
_Result = TypeVar("_Result")
_Job = tuple[Callable[[], Any], "Future[Any]"]


class LateError(JoinError):
    """A call has not come back yet, or is not made since too many others have not."""


class BoundedCalls:
    """Makes calls one after another, in a thread of their own.

    One that takes too long goes on, and what it gives is had by asking for it again; the others
    get another thread meanwhile.
    """

    def __init__(self) -> None:
        self._late: dict[Hashable, tuple[float, Future[Any]]] = {}
        self._jobs: SimpleQueue[_Job | None] | None = None

    def call(self, key: Hashable, make: Callable[[], _Result], seconds: float) -> _Result:
        """Return what a call gives, or what an earlier one of this key gave that was late.

        Args:
            key: names what is looked at.
            make: the call.
            seconds: how long to wait for it.

        Raises:
            LateError: it has not come back yet.
        """
        if key in self._late:
            since, result = self._late[key]
        else:
            since, result = time.monotonic(), self._start(key, make)
            if not wait([result], seconds).done:
                self._late[key] = since, result
                self._leave_thread()
        if not result.done():
            msg = f"{key} is still being looked at, for {time.monotonic() - since:.0f} s so far"
            raise LateError(msg)
        self._late.pop(key, None)
        given: _Result = result.result()
        return given

    def _start(self, key: Hashable, make: Callable[[], _Result]) -> "Future[_Result]":
        if len(self._late) >= MOST_LATE:
            msg = f"{key} is not looked at, since {MOST_LATE} others still are"
            raise LateError(msg)
        if self._jobs is None:
            self._jobs = SimpleQueue()
            # A daemon: a call that never comes back must not keep the process from ending.
            Thread(target=_work, args=(self._jobs,), daemon=True).start()
        result: Future[_Result] = Future()
        context = copy_context()  # what is kept for one look is kept for its calls too
        self._jobs.put((partial(context.run, make), result))
        return result

    def _leave_thread(self) -> None:
        """Let the thread end with its call; the next call gets another one."""
        if self._jobs is not None:
            self._jobs.put(None)
            self._jobs = None


def _work(jobs: "SimpleQueue[_Job | None]") -> None:
    while (job := jobs.get()) is not None:
        make, result = job
        try:
            result.set_result(make())
        except BaseException as error:  # noqa: BLE001 (raised where the call was asked for)
            result.set_exception(error)
