"""Standard input and output, held in a file that nobody else sees."""

from __future__ import annotations

import errno
import io
import sys
from typing import IO

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import publishing
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import new_publication
from second_opinion_assets.storage.streams import spooled_input

STREAM = Location("-")


def test_standard_input_is_read_from_its_start(monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes by standard input is a file that can be read twice."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"one\ntwo\n")))
    with spooled_input() as file:
        assert file.read() == b"one\ntwo\n"
        file.seek(0)
        assert file.read() == b"one\ntwo\n"


def test_standard_input_that_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program without standard input says so."""
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(OSError, match="standard input is closed"):
        spooled_input()


def test_standard_output_gets_all_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing goes to standard output before the whole is published."""
    output = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(output))
    with new_publication(STREAM) as file:
        file.write(b"one ")
        file.write(b"two")
        file.finish()
        assert output.getvalue() == b""
        file.publish()
        assert output.getvalue() == b"one two"


def test_no_room_to_hold_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where what goes to standard output cannot be held, that is one line."""

    def full() -> IO[bytes]:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(publishing, "spool", full)
    with (
        pytest.raises(JoinError, match=r"^-: cannot be written: No space left on device"),
        new_publication(STREAM),
    ):
        pass
