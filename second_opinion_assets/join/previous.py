"""Holds a finished join against the output that it is about to replace.

Nothing about that output makes a join fail: where it cannot be compared, that is the answer. Only
its keys, scores and statuses are read.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Self

import numpy as np

from second_opinion_assets.contract.columns import (
    STATUS_NAMES,
)
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.json_text import shown
from second_opinion_assets.join.audit import read_audit
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.matching.changes import (
    EarlierRows,
    EarlierScores,
    PresentRows,
    changed_rows,
    unchanged_rows,
)
from second_opinion_assets.matching.drift import FIRST_JOIN, Drift
from second_opinion_assets.matching.keys import KeyEncoder
from second_opinion_assets.scores.payload import Defect, read_number
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.open import open_table
from second_opinion_assets.tables.table import FeatureTable


class PreviousOutput:
    """The output of an earlier join of a table, in the place where the next one goes.

    It is hashed in a thread while the join goes on; the context ends that.

    Args:
        spec: the join.
    """

    def __init__(self, spec: TableSpec) -> None:
        self._spec = spec
        self._recorded_sha256 = _recorded_sha256(spec)
        self._input: Input | None = None
        self._problem: str | None = None
        if spec.out.exists():
            try:
                self._input = Input(spec.out)
                self._input.hash_in_background()
            except JoinError as error:
                self._problem = str(error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._input:
            self._input.close()

    def drift(self, output: FileDigest, present: PresentRows, input_columns: set[str]) -> Drift:
        """Return what a finished join changes, its output not being published yet.

        Args:
            output: digest of the output that takes the place.
            present: its rows.
            input_columns: the columns that it has from its feature table.
        """
        if self._problem:
            return Drift(not_compared=self._problem)
        if self._input is None:
            gone = f"{self._spec.out}: was joined and is not there any more"
            return Drift(not_compared=gone if self._recorded_sha256 else FIRST_JOIN)
        try:
            digest = self._input.digest
            if self._recorded_sha256 not in (None, digest.sha256):
                why = f"{self._spec.out}: not what its audit says; it was changed since"
                return Drift(not_compared=why)
            if digest == output:
                return Drift(unchanged_rows(present))
            table = open_table(self._input)
            return Drift(changed_rows(self._earlier_rows(table, present, input_columns), present))
        except JoinError as error:
            return Drift(not_compared=str(error))

    def _earlier_rows(
        self, table: FeatureTable, present: PresentRows, input_columns: set[str]
    ) -> EarlierRows:
        ours = {prefix: scorer.scorer for prefix, scorer in present.prefixes.items()}
        theirs = self._prefixes_of(table, f"{present.options.prefix}_") or list(ours)
        both = [prefix for prefix in ours if prefix in theirs]
        names = [f"{prefix}_{part}" for prefix in both for part in ("score", "status")]
        keys, parts = KeyEncoder(), []
        for block in table.read_columns([present.key_column], names):
            keys.add(block.keys[0])
            pairs = zip(both, block.others[::2], block.others[1::2], strict=True)
            parts.append([_scores(ours[prefix], *pair) for prefix, *pair in pairs])
        kept = {column.removesuffix("_score") for column in input_columns}
        return EarlierRows(
            keys.column(),
            {prefix: _joined([part[n] for part in parts]) for n, prefix in enumerate(both)},
            added=[name for prefix, name in ours.items() if prefix not in theirs],
            gone=[prefix for prefix in theirs if prefix not in ours and prefix not in kept],
        )

    def _prefixes_of(self, table: FeatureTable, start: str) -> list[str]:
        """Return what the columns of each scorer start with; nothing if no row tells."""
        columns = [column.name for column in table.columns]
        prefixes = [
            prefix
            for column in columns
            if column.startswith(start) and column.endswith("_score")
            if f"{(prefix := column.removesuffix('_score'))}_status" in columns
        ]
        if columns and not prefixes:
            msg = f"{self._spec.out}: no columns {start}*_score with their status"
            raise JoinError(msg)
        return prefixes


def _recorded_sha256(spec: TableSpec) -> str | None:
    """Return what an earlier audit says of the output's bytes; None where none says it."""
    if spec.audit_json is None or not spec.audit_json.exists() or spec.out.is_stream:
        return None
    with suppress(JoinError):
        audit = read_audit(spec.audit_json)
        return audit.output_sha256 if audit.output == str(spec.out) else None
    return None


def _joined(parts: list[EarlierScores]) -> EarlierScores:
    if not parts:
        return EarlierScores(np.zeros(0), np.zeros(0, np.uint8))
    return EarlierScores(*map(np.concatenate, zip(*parts, strict=True)))


def _scores(scorer: str, scores: Sequence[Any], statuses: Sequence[Any]) -> EarlierScores:
    """Return the scores and statuses of some rows.

    Raises:
        JoinError: one that this project would not have written.
    """
    numbers = {name: number for number, name in enumerate(STATUS_NAMES)}
    unknown = {str(status) for status in statuses if str(status) not in numbers}
    if unknown:
        msg = f"status of {scorer} is {shown(min(unknown))}, expected {', '.join(STATUS_NAMES)}"
        raise JoinError(msg)
    if any(type(score) not in (float, type(None)) for score in scores):
        found = [None if s is None else read_number(s, f"score of {scorer}") for s in scores]
        for number in found:
            if isinstance(number, Defect):
                raise JoinError(number.reason)
        scores = found
    return EarlierScores(
        np.array(scores, np.float64),
        np.array([numbers[str(status)] for status in statuses], np.uint8),
    )
