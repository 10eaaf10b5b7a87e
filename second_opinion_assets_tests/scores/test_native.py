"""Native code reads rows of any kind of other fields, or leaves them to the plain reading."""

from __future__ import annotations

from itertools import permutations

import pytest

from second_opinion_assets.contract.options import KeyNormalize
from second_opinion_assets.matching.keys import Normalizer
from second_opinion_assets.scores.form import RowBlock
from second_opinion_assets.scores.native import NativeReader

KINDS = ["1", "null", "true", '"a"', "[1]", '{"a": 1}']


@pytest.mark.parametrize(("first", "then"), list(permutations(KINDS, 2)))
def test_another_field_that_changes_its_kind(first: str, then: str) -> None:
    """However the kind of a field that is passed over changes, rows are read right or not at all.

    The two rows are of one length, so that a reader that halves the block meets the change there.
    """
    width = max(map(len, KINDS))
    texts = [
        f'{{"clip_id": "{key}", "score": {score}, "note": {note:<{width}}}}'.encode()
        for key, score, note in (("a", 1.5, first), ("b", 2.5, then))
    ]
    reader = NativeReader(
        ("clip_id", "score", "note"), {"key": "clip_id", "score": "score"}, "DOVER"
    )
    rows = reader.read(RowBlock.of(texts), Normalizer(KeyNormalize.raw, "clip_id"))
    read = None if rows is None else (rows.keys.to_pylist(), rows.score.tolist())
    # Only null goes with another kind; of any other two the plain reading takes the rows.
    assert read == ((["a", "b"], [1.5, 2.5]) if "null" in {first, then} else None)
