"""Texts that are read a second time, in a file whose times may not tell that it was written to."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.opened import ChangedInputError
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.texts import FileTexts, checksum, read_again

LINES = b'{"a": 1}{"b": 2}{"c": 3}\n'
OTHERS = [
    b'{"a": 1}{"b": 2}{"c": 4}\n',
    b'{"b": 2}{"a": 1}{"c": 3}\n',  # eight bytes each, in another order
    b'{"a": 1}{"b": 2}{"c": 3} ',
]


class At(NamedTuple):
    """Where a text is."""

    start: int
    length: int
    checksum: int | None


def read_twice(path: Path, other: bytes) -> list[bytes]:
    """Return what is read of a file that has other content the second time."""
    path.write_bytes(LINES)
    with Input(Location(path)) as file:
        texts = FileTexts(file)
        spans = [
            At(start, len(text), checksum(texts, text)) for start, text in texts.first_reading()
        ]
        with path.open("r+b") as written:
            written.write(other)
        return list(read_again(texts, spans))


def test_the_same_again(tmp_path: Path) -> None:
    """What did not change is read as it was."""
    assert read_twice(tmp_path / "t.jsonl", LINES) == [LINES]


@pytest.mark.parametrize("other", OTHERS)
def test_other_texts(tmp_path: Path, other: bytes) -> None:
    """Whatever changed, it is noticed by the bytes alone."""
    with pytest.raises(ChangedInputError, match=r"t\.jsonl"):
        read_twice(tmp_path / "t.jsonl", other)
