"""Holds a finished join against the output that it is about to replace.

Nothing about that output makes a join fail: where it cannot be compared, that is the answer. Only
its keys, scores and statuses are read, block by block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, compress, islice
from typing import Any, Self

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.manifest import TableSpec
from second_opinion_assets.join.recorded import read_record
from second_opinion_assets.matching.drift import FIRST_JOIN, Changes, Drift
from second_opinion_assets.matching.matching import Matching
from second_opinion_assets.matching.score_changes import ScoreChanges
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input, digest_file
from second_opinion_assets.tables.read_back import ReadBack

SHOWN_KEYS = 10


class EarlierTable:
    """The output of an earlier join of a table, in the place where the next one goes.

    It is hashed in a thread while the join goes on; the context ends that.

    Args:
        spec: the join.
    """

    def __init__(self, spec: TableSpec) -> None:
        self._spec = spec
        self._recorded_sha256 = _recorded_sha256(spec.audit_json, spec.out)
        self._thread = ThreadPoolExecutor(1)
        self._digest = self._thread.submit(digest_file, spec.out) if spec.out.exists() else None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown()

    @property
    def exists(self) -> bool:
        return self._digest is not None

    def drift(
        self, output: FileDigest, matching: Matching, key_column: str, input_columns: set[str]
    ) -> Drift:
        """Return what a finished join changes, its output not being published yet.

        Args:
            output: digest of the output that takes the place.
            matching: what the join found; it has remembered keys without a scorer.
            key_column: the column of the keys.
            input_columns: the columns that the output has from its feature table.
        """
        if self._digest is None:
            gone = f"{self._spec.out}: was joined and is not there any more"
            return Drift(not_compared=gone if self._recorded_sha256 else FIRST_JOIN)
        try:
            digest = self._digest.result()
            if self._recorded_sha256 not in (None, digest.sha256):
                why = f"{self._spec.out}: not what its audit says; it was changed since"
                return Drift(not_compared=why)
            if digest == output:
                comparison = _Comparison(matching, range(len(matching.scorers)))
                comparison.take_present_rows()
                return Drift(comparison.changes([], []))
            with Input(self._spec.out) as file:
                return Drift(self._changes(file, matching, key_column, input_columns))
        except JoinError as error:
            return Drift(not_compared=str(error))

    def _changes(
        self, file: Input, matching: Matching, key_column: str, input_columns: set[str]
    ) -> Changes:
        prefix = f"{self._spec.options.prefix}_"
        ours = {f"{prefix}{scorer.slug}": scorer.competitor for scorer in matching.scorers}
        theirs = _column_prefixes(file, prefix) or list(ours)  # no row says otherwise
        both = {start: number for number, start in enumerate(ours) if start in theirs}
        names = [f"{start}_{part}" for start in both for part in ("score", "status")]
        comparison = _Comparison(matching, both.values())
        for keys, *columns in ReadBack(file, key_column, names).blocks():
            comparison.take(list(keys), columns)
        kept = {column.removesuffix("_score") for column in input_columns}
        return comparison.changes(
            added=[name for start, name in ours.items() if start not in theirs],
            gone=[start for start in theirs if start not in ours and start not in kept],
        )


def _column_prefixes(file: Input, prefix: str) -> list[str]:
    """Return what the columns of each scorer start with; nothing for a table without any row."""
    columns = ReadBack(file, None, []).column_names()
    starts = [
        start
        for column in columns
        if column.startswith(prefix) and column.endswith("_score")
        if f"{(start := column.removesuffix('_score'))}_status" in columns
    ]
    if columns and not starts:
        msg = f"{file.location}: no columns {prefix}*_score with their status"
        raise JoinError(msg)
    return starts


def _recorded_sha256(audit: Location | None, out: Location) -> str | None:
    """Return what an earlier audit says of the output's bytes; None where none says it."""
    if audit is None or not audit.exists():
        return None
    try:
        output = read_record(audit).output
    except JoinError:
        return None
    return output.sha256 if output.path == str(out) else None


class _Comparison:
    """Takes the rows of an earlier output and holds them against what the join found.

    Args:
        matching: what the join found.
        scorers: the numbers of the scorers that the earlier output has too.
    """

    def __init__(self, matching: Matching, scorers: Iterable[int]) -> None:
        self._matching = matching
        self._nobody = len(matching.keys)
        self._after = matching.rows_out()
        self._before = [0] * len(self._after)
        self._unknown_after = matching.keys_without_scorer
        self._unknown_before: Counter[str] = Counter()
        self._rows = self._compared_rows = self._changed_rows = 0
        self._scorers = {
            matching.scorers[number].competitor: ScoreChanges(
                matching.scorers[number], matching.statuses(number)
            )
            for number in scorers
        }

    def take(self, raw_keys: list[str | None], columns: list[Sequence[Any]]) -> None:
        """Take a block: its keys, and for each scorer its scores and its statuses."""
        keys, numbers = self._matching.find(raw_keys)
        self._rows += len(keys)
        for number in numbers:
            self._before[number] += 1
        there = list(map(self._after.__getitem__, numbers))
        if self._nobody in numbers:
            for row, number in enumerate(numbers):
                if number == self._nobody:
                    self._unknown_before[keys[row]] += 1
                    there[row] = bool(keys[row]) and self._unknown_after[keys[row]]
        pairs = list(zip(columns[::2], columns[1::2], strict=True))
        for scorer, (_, statuses) in zip(self._scorers.values(), pairs, strict=True):
            scorer.count(statuses)
        if not all(there):
            keys = list(compress(keys, there))
            numbers = list(compress(numbers, there))
            pairs = [(list(compress(s, there)), list(compress(t, there))) for s, t in pairs]
        self._compared_rows += len(keys)
        changed: set[int] = set()
        for scorer, (scores, statuses) in zip(self._scorers.values(), pairs, strict=True):
            changed.update(scorer.compare(keys, numbers, scores, statuses))
        self._changed_rows += len(changed)

    def take_present_rows(self) -> None:
        """Take the rows of the present output, as they are those of the earlier one too."""
        self._before = list(self._after)
        self._unknown_before = self._unknown_after
        self._rows = sum(self._after) + self._unknown_after.total()
        self._compared_rows = self._rows - self._unknown_after[""]
        for scorer in self._scorers.values():
            scorer.count_present_rows(self._after)

    def changes(self, added: list[str], gone: list[str]) -> Changes:
        """Return what is different, all rows being through.

        Args:
            added: names of the scorers that the earlier output lacks.
            gone: column prefixes of the scorers that only the earlier output has.
        """
        before, after = self._before, self._after
        before[-1] = 0  # rows whose key no scorer has are counted by key
        rows_after = sum(after) + self._unknown_after.total()
        differences = [now - then for now, then in zip(after, before, strict=True)]
        unknown_added = self._unknown_after - self._unknown_before
        unknown_gone = self._unknown_before - self._unknown_after
        return Changes(
            rows_before=self._rows,
            rows_after=rows_after,
            compared_rows=self._compared_rows,
            changed_rows=self._changed_rows,
            added_rows=sum(n for n in differences if n > 0) + unknown_added.total(),
            gone_rows=-sum(n for n in differences if n < 0) + unknown_gone.total(),
            added_keys=self._first_keys(
                after, before, [key for key in unknown_added if key not in self._unknown_before]
            ),
            gone_keys=self._first_keys(
                before, after, [key for key in unknown_gone if key not in self._unknown_after]
            ),
            scorers={
                name: scorer.finish(self._rows, after, rows_after)
                for name, scorer in self._scorers.items()
            },
            added_scorers=added,
            gone_scorers=gone,
        )

    def _first_keys(self, rows: list[int], no_rows: list[int], unknown: list[str]) -> list[str]:
        """Return the first keys that have rows on one side and none on the other."""
        known = (
            key
            for key, there, not_there in zip(self._matching.keys, rows, no_rows, strict=False)
            if there and not not_there
        )
        return list(islice(chain(known, filter(None, unknown)), SHOWN_KEYS))
