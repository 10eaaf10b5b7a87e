"""The appended columns as text: what is put at the end of each row's JSON object."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import msgspec

from second_opinion_assets.contract.columns import column_names
from second_opinion_assets.scores.payload import Status
from second_opinion_assets.scores.scorers import NO_ROW_STATUSES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from second_opinion_assets.scores.scorers import Scorer


def json_tails(scorers: list[Scorer], prefix: str) -> list[bytes]:
    """Return a text for each key number and, last, one for a key that no scorer has.

    Each begins with a comma.
    """
    names = [f',"{name}":'.encode() for name in column_names(scorers, prefix)]
    template = b"%b".join((*names, b""))
    columns = [column for scorer in scorers for column in _columns(scorer)]
    return list(map(template.__mod__, zip(*columns, strict=True)))


def _columns(scorer: Scorer) -> list[Iterable[bytes]]:
    """Return the five columns of a scorer as JSON text by key number, and last for no key."""
    rows = scorer.rows_by_key
    statuses = [msgspec.json.encode(status.name) for status in Status]
    sources = [msgspec.json.encode(source.written) for source in scorer.sources]
    by_row: list[list[bytes]] = [
        _number_texts([*scorer.score, math.nan, math.nan]),
        list(map(statuses.__getitem__, (*scorer.status, *NO_ROW_STATUSES))),
        _number_texts([*scorer.runtime_ms, math.nan, math.nan]),
        _number_texts([*scorer.frames, 0, 0]),
        [*map(sources.__getitem__, scorer.source_of), b'""', b'""'],
    ]
    return [map(texts.__getitem__, rows) for texts in by_row]


def _number_texts(numbers: list[Any]) -> list[bytes]:
    """Return each number as JSON text, NaN as null."""
    return msgspec.json.encode(numbers)[1:-1].split(b",")
