"""The quick reading of alike rows gives what the plain one gives, scorer by scorer."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.alike import AlikeReader
from second_opinion_assets.scores.keyed_scorers import Scorer, key_scorers
from second_opinion_assets.scores.read import read_scores
from second_opinion_assets_tests.cases import Case, cases
from second_opinion_assets_tests.knobs import block_sizes
from second_opinion_assets_tests.readings import options_of, show, write_sidecars
from second_opinion_assets_tests.strategies import thorough


def scorers_of(case: Case, folder: Path) -> list[Scorer] | str:
    """Read the sidecars of a case, or say that they are refused."""
    options = options_of(case)
    try:
        with block_sizes(case.knobs):
            tables, _ = read_scores(write_sidecars(case, folder), options)
            return key_scorers(tables, options).scorers
    except JoinError:
        return "refused"


def columns_of(scorer: Scorer) -> dict[str, Any]:
    """Return all that a scorer holds."""
    table = scorer.rows
    rows = range(len(table))
    return {
        "scorer": scorer.name,
        "keys": [table.raw_key(row) for row in rows],
        "key_fields": [table.key_field(row) for row in rows],
        "where": [table.where(row) for row in rows],
        "values": [repr(column.tolist()) for column in table.values()],
        "reasons": sorted(table.reasons.items()),
        "score_fields": sorted(table.score_fields),
        "repeats": scorer.repeats,
    }


@given(cases())
@thorough
def test_reading_quickly_changes_nothing(case: Case) -> None:
    """Sidecars give the same rows with the reader of alike rows and without it."""
    show(case)
    with tempfile.TemporaryDirectory() as folder:
        quick = scorers_of(case, Path(folder))
        with patch.object(AlikeReader, "read", lambda _self, _text, _count: None):
            slow = scorers_of(case, Path(folder))
    if isinstance(quick, str) or isinstance(slow, str):
        assert quick == slow
        return
    assert list(map(columns_of, quick)) == list(map(columns_of, slow))
