"""Interrupts wait for what must be whole, and end the program with one line."""

from __future__ import annotations

import errno
import os
import re
import resource
import signal
import sys
from collections.abc import Iterator
from unittest.mock import patch

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import confinement, shortage, streams
from second_opinion_assets.storage.interrupts import (
    SIGNALS,
    Interrupted,
    raise_when_interrupted,
    uninterrupted,
)
from second_opinion_assets_tests.workspace import Workspace


@pytest.fixture(autouse=True)
def _handlers() -> Iterator[None]:
    """Raise at interrupts, and put back what handled them before."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in SIGNALS:  # what runs in the background may have to pass over them
        signal.signal(number, signal.SIG_DFL)
    raise_when_interrupted()
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
def test_an_interrupt_waits(number: signal.Signals) -> None:
    """A signal within what must be whole is raised behind it, with the status of a shell."""
    done = []

    @uninterrupted()
    def whole() -> None:
        with uninterrupted():
            signal.raise_signal(number)
        done.append(True)

    with pytest.raises(Interrupted) as interrupt:
        whole()
    assert done
    assert interrupt.value.exit_status == 128 + number


def test_other_handlers_are_called_behind_it() -> None:
    """Whoever handles a signal otherwise, as Dagster does, hears of it afterwards."""
    heard: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: heard.append(number))
    with uninterrupted():
        signal.raise_signal(signal.SIGTERM)
        assert not heard
    assert heard == [signal.SIGTERM]


@pytest.mark.parametrize("call", ["replace", "link", "unlink"])
def test_an_interrupt_leaves_table_and_audit_together(work: Workspace, call: str) -> None:
    """A signal at any rename, link or removal leaves both old or both new, and nothing else."""
    work.join()
    old = {name: work.read(name) for name in ("out.jsonl", "audit.json")}
    work.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 1}\n')
    real = getattr(os, call)

    raised: list[bool] = []

    def interrupting(*given: object, **named: object) -> None:
        real(*given, **named)
        if not raised:
            raised.append(True)
            signal.raise_signal(signal.SIGINT)

    with patch.object(os, call, interrupting), pytest.raises(Interrupted):
        work.join()
    found = {name: work.read(name) for name in old}
    both = [found[name] == old[name] for name in old]
    assert both[0] == both[1]
    assert not list(work.folder.glob(".second-opinion-*.journal"))


def test_memory_that_ends_between_two_renames(work: Workspace) -> None:
    """What was put in place is taken back, whatever keeps the rest from its place."""
    work.join()
    old = {name: work.read(name) for name in ("out.jsonl", "audit.json")}
    work.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 1}\n')
    real = confinement.replace

    def replacing(source: str, target: str) -> None:
        if str(target).endswith("out.jsonl"):
            raise MemoryError
        real(source, target)

    with patch.object(confinement, "replace", replacing), pytest.raises(JoinError, match="memory"):
        work.join()
    assert {name: work.read(name) for name in old} == old


@pytest.mark.parametrize(
    ("which", "most", "said"),
    [
        (resource.RLIMIT_AS, 100 << 20, r"memory \(ulimit -v\) is 100 MB, expected 512 MB or more"),
        (resource.RLIMIT_NOFILE, 6, r"open files \(ulimit -n\) is 6, expected 24 or more"),
    ],
)
def test_limits_that_are_too_small(which: int, most: int, said: str) -> None:
    """Under limits where libraries crash the program says so before it loads them."""
    real = resource.getrlimit
    limits = {which: (most, most)}
    with patch.object(resource, "getrlimit", lambda name: limits.get(name) or real(name)):
        assert re.search(said, shortage.too_small_limit() or "")


def test_an_output_that_takes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """What standard output does not take is an error, and nothing of it comes at the end."""
    with open("/dev/full", "w") as full:  # noqa: PTH123
        monkeypatch.setattr(sys, "stdout", full)
        with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
            streams.write_output("text")
    monkeypatch.setattr(sys, "stdout", None)
    with pytest.raises(OSError, match="it is closed"):
        streams.write_output("text")
