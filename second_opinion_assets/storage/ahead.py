"""Opening many files one after another; objects of stores are fetched some at a time.

A request to a store takes as long as thousands of local files do. What is read of the files does
not belong here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextvars import copy_context
from functools import partial

from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import CHUNK_BYTES, Input, Progress

_AT_A_TIME = 16


def opened_ahead(
    paths: Iterable[Location], progress: Progress | None = None
) -> Generator[Callable[[], Input], None, None]:
    """Yield what opens each file, in order; the errors of that are its own."""
    waiting: deque[Future[Input]] = deque()
    with ThreadPoolExecutor(_AT_A_TIME) as threads:  # without work it starts none
        for path in paths:
            if not path.is_remote:
                yield partial(Input, path, progress)
                continue
            waiting.append(threads.submit(copy_context().run, _begun, path, progress))
            if len(waiting) == _AT_A_TIME:
                yield waiting.popleft().result
        while waiting:
            yield waiting.popleft().result


def _begun(path: Location, progress: Progress | None) -> Input:
    """Open an object and fetch its beginning, which is all of most."""
    file = Input(path, progress)
    file.pread(0, min(file.size, CHUNK_BYTES))
    return file
