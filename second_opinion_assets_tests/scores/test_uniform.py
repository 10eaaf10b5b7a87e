"""The quick reading of score rows gives what the plain one gives, scorer by scorer."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any
from unittest.mock import patch

from hypothesis import given

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores import read_sidecars
from second_opinion_assets.scores.payload import Status
from second_opinion_assets.scores.scorers import Scorer
from second_opinion_assets.scores.uniform import UniformReader
from second_opinion_assets_tests.knobs import block_sizes
from second_opinion_assets_tests.readings import options_of, show, write_sidecars
from second_opinion_assets_tests.strategies import Case, cases, thorough


def scorers_of(case: Case, folder: Path) -> list[Scorer] | str:
    """Read the sidecars of a case; the error's first words where they are refused."""
    try:
        with block_sizes(case.knobs):
            return read_sidecars(write_sidecars(case, folder), options_of(case))[0]
    except JoinError:
        return "refused"


def columns_of(scorer: Scorer) -> dict[str, Any]:
    """Return all that a scorer holds, by key: rows may have come in another order."""
    rows = {
        key: (repr(scorer.row(number)), scorer.raw_keys[number], scorer.where(number))
        for key, number in zip(scorer.keys, scorer.rows_by_key, strict=False)
        if number != scorer.rows
    }
    return {
        "competitor": scorer.competitor,
        "rows": rows,
        "duplicates": scorer.duplicates,
        "key_fields": scorer.key_fields,
        "bad": sorted(number for number in scorer.reasons) == bad_numbers(scorer),
    }


def bad_numbers(scorer: Scorer) -> list[int]:
    """Return the numbers of the bad rows."""
    return [number for number, status in enumerate(scorer.status) if status == Status.bad]


@given(cases())
@thorough
def test_reading_quickly_changes_nothing(case: Case) -> None:
    """Sidecars give the same scorers with the uniform reader and without it."""
    show(case)
    with tempfile.TemporaryDirectory() as folder:
        quick = scorers_of(case, Path(folder))
        with patch.object(UniformReader, "read", lambda _self, _block: None):
            slow = scorers_of(case, Path(folder))
    if isinstance(quick, str) or isinstance(slow, str):
        assert quick == slow
        return
    assert list(map(columns_of, quick)) == list(map(columns_of, slow))
