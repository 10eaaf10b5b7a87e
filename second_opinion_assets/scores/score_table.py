"""All score rows of one scorer as columns, and which of them are distinct.

Reading them belongs to `read`; which feature rows get them, to `matching`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa

from second_opinion_assets.contract.columns import (
    Integers,
    Mask,
    ScorerValues,
    Status,
)
from second_opinion_assets.contract.errors import Problems
from second_opinion_assets.contract.fields import slug
from second_opinion_assets.contract.key_pattern import compile_key_pattern
from second_opinion_assets.contract.options import KeyNormalize
from second_opinion_assets.matching.keys import NO_SPAN, KeyPath, Normalizer, composed_keys
from second_opinion_assets.matching.match import MANY_KEYS
from second_opinion_assets.scores.payload import Defect
from second_opinion_assets.scores.rows import CollectedRows, RowColumns, Source


@dataclass(frozen=True)
class ScoreTable:
    """The score rows of one scorer, in the order in which they were read.

    Attributes:
        scorer: its name.
        columns: the rows.
        sources: the score files of the table.
        key_fields: the names that `columns.key_field` has numbers of.
        reasons: why a row is bad, by its file and position.
        score_fields: the fields that the scores were read from.
        numeric_fields: the numeric fields of rows without a score.
    """

    scorer: str
    columns: RowColumns
    sources: Sequence[Source]
    key_fields: Sequence[str]
    reasons: Mapping[tuple[int, int], Defect]
    score_fields: frozenset[str]
    numeric_fields: frozenset[str] = frozenset()

    def __len__(self) -> int:
        return len(self.columns.keys)

    def raw_key(self, row: int) -> str:
        """Return a row's key as written."""
        key: str = self.columns.keys[row].as_py()
        return key

    def key_path(self, row: int) -> KeyPath:
        """Return a row's key as a path."""
        start, end = NO_SPAN if self._spans is None else self._spans[row].tolist()
        return KeyPath.of(self.raw_key(row), (start, end))

    @cached_property
    def _spans(self) -> Integers | None:
        """Where the pattern of each row's file is found in its key; None without patterns."""
        patterns = [source.key_pattern for source in self.sources]
        if not any(patterns):
            return None
        spans = np.full((len(self), 2), NO_SPAN, np.int64)
        for pattern in set(filter(None, patterns)):
            of_pattern = [number for number, other in enumerate(patterns) if other == pattern]
            rows = np.flatnonzero(np.isin(self.columns.source, of_pattern))
            keys = composed_keys(self.columns.keys.take(pa.array(rows)))
            spans[rows] = compile_key_pattern(pattern).spans(keys)
        return spans

    def where(self, row: int) -> str:
        """Return file and line of a row."""
        source = self.sources[self.columns.source[row]]
        where: str = source.place.where(int(self.columns.position[row]))
        return where

    def reason(self, row: int) -> Defect:
        """Return why a bad row is bad."""
        return self.reasons[int(self.columns.source[row]), int(self.columns.position[row])]

    @property
    def bad_rows(self) -> Integers:
        """The rows without a good score."""
        return np.flatnonzero(self.columns.status == Status.bad)

    def key_field(self, row: int) -> str:
        """Return the field that a row's key was read from."""
        field: str = self.key_fields[self.columns.key_field[row]]
        return field

    def reduced_by(self, pattern: str | None) -> ScoreTable:
        """Return the same rows with this pattern to reduce their keys by."""
        sources = [source._replace(key_pattern=pattern) for source in self.sources]
        return replace(self, sources=sources)

    @property
    def raw_keys(self) -> pa.Array:
        """The rows' keys as written."""
        return self.columns.keys

    def telling_fields(self, first: int, second: int) -> list[str]:
        """Return the other key fields in which two rows have different texts."""
        pairs = {
            name: {texts[first].as_py(), texts[second].as_py()}
            for name, texts in self.columns.further_keys.items()
        }
        return [name for name, pair in pairs.items() if len(pair - {None}) > 1]

    @property
    def further_key_fields(self) -> list[str]:
        """The other fields in which every row has a key, in lower case."""
        return [name for name, texts in self.columns.further_keys.items() if not texts.null_count]

    def has_key(self, field: str) -> bool:
        """Return whether every row has a key in a field, given in lower case."""
        if field in self.columns.further_keys:
            return not self.columns.further_keys[field].null_count
        return {name.lower() for name in self.used_key_fields()} == {field}

    def keyed_by(self, field: str) -> ScoreTable:
        """Return the same rows with the keys of a field that every row has."""
        if field not in self.columns.further_keys:
            return self
        columns = self.columns._replace(
            keys=self.columns.further_keys[field],
            key_field=np.zeros(len(self), np.int32),
        )
        return replace(self, columns=columns, key_fields=[field])

    def used_key_fields(self) -> list[str]:
        """Return the fields that keys were read from."""
        return sorted(self.key_fields[number] for number in np.unique(self.columns.key_field))

    def taken(self, rows: Mask | Integers) -> ScoreTable:
        """Return a table of some of the rows."""
        return replace(self, columns=self.columns.take(rows))

    def normalized(self, mode: KeyNormalize) -> pa.Array:
        """Return all keys, normalised; how may differ by the field and file that they are from."""
        patterns = [source.key_pattern for source in self.sources]
        numbers = {pattern: number for number, pattern in enumerate(dict.fromkeys(patterns))}
        by_source = np.array([numbers[pattern] for pattern in patterns], np.int64)
        kinds = self.columns.key_field.astype(np.int64) * len(numbers)
        kinds += by_source[self.columns.source]
        different = np.unique(kinds).tolist()
        keys = self.columns.keys
        if not different:
            return keys
        ways = {
            kind: Normalizer(
                mode, self.key_fields[kind // len(numbers)], list(numbers)[kind % len(numbers)]
            )
            for kind in different
        }
        if len(ways) == 1:
            return ways[different[0]].array(keys)
        texts = np.empty(len(keys), object)
        for kind, normalizer in ways.items():
            rows = np.flatnonzero(kinds == kind)
            texts[rows] = normalizer.array(keys.take(pa.array(rows))).to_pylist()
        return pa.array(texts, keys.type)

    def values(self) -> ScorerValues:
        """Return what the rows add to a table."""
        read = self.columns
        return ScorerValues(read.score, read.status, read.runtime_ms, read.frames, read.source)


def score_tables(collected: CollectedRows, named: Callable[[str], str]) -> list[ScoreTable]:
    """Return the rows of one sidecar, a table for each scorer, in the order of their first rows.

    Args:
        collected: all rows that were read.
        named: returns the name that a scorer goes by, of the one that a row gives it.
    """
    rows = RowColumns.joined(collected.parts)
    if len(rows.keys) > MANY_KEYS:  # one copy is enough
        collected.parts.clear()
        pa.default_memory_pool().release_unused()
    names = list(map(named, collected.scorers))
    whole = ScoreTable(
        "", rows, collected.sources, list(collected.key_fields), collected.reasons, frozenset()
    )
    by_name: defaultdict[str, list[int]] = defaultdict(list)
    for number, name in enumerate(names):
        by_name[name].append(number)
    own_rows = _rows_of_each(rows.scorer, list(by_name.values())) if len(by_name) > 1 else []
    tables: list[ScoreTable] = []
    for name, numbers in by_name.items():
        table = whole.taken(own_rows[len(tables)]) if own_rows else whole
        fields = frozenset().union(*(collected.score_fields[number] for number in numbers))
        numeric = frozenset().union(*(collected.numeric_fields[number] for number in numbers))
        tables.append(replace(table, scorer=name, score_fields=fields, numeric_fields=numeric))
    return tables


def _rows_of_each(scorers: Integers, tables: Sequence[list[int]]) -> list[Integers]:
    """Return the rows of each table, given the scorer of each row and the scorers of each table.

    The rows are gone through once, since there may be as many scorers as rows.
    """
    table_of = np.zeros(sum(map(len, tables)), np.int64)
    for number, of_table in enumerate(tables):
        table_of[of_table] = number
    of_rows = table_of[scorers]
    order = np.argsort(of_rows, kind="stable")
    return np.split(order, np.cumsum(np.bincount(of_rows, minlength=len(tables)))[:-1])


def one_table_a_scorer(sidecars: Sequence[Sequence[ScoreTable]], prefix: str) -> list[ScoreTable]:
    """Return one table for each scorer of several sidecars, in slug order.

    Args:
        sidecars: the tables of each, in the order of the sidecars.
        prefix: what the names of appended columns start with.

    Raises:
        JoinError: a name that gives no slug, or two names with one.
    """
    by_name: dict[str, list[ScoreTable]] = {}
    for tables in sidecars:
        for table in tables:
            by_name.setdefault(table.scorer, []).append(table)
    _refuse_slugs({name: tables[0] for name, tables in by_name.items()}, prefix)
    return [_joined(by_name[name]) for name in sorted(by_name, key=slug)]


def _joined(tables: list[ScoreTable]) -> ScoreTable:
    """Return the rows of one scorer from several sidecars, one after another."""
    if len(tables) == 1:
        return tables[0]
    sources: list[Source] = []
    key_fields: list[str] = []
    reasons: dict[tuple[int, int], Defect] = {}
    parts = []
    for table in tables:
        first, first_field = len(sources), len(key_fields)
        sources += table.sources
        key_fields += table.key_fields
        reasons |= {(first + source, at): why for (source, at), why in table.reasons.items()}
        columns = table.columns
        parts.append(
            columns._replace(
                source=columns.source + np.int32(first),
                key_field=columns.key_field + np.int32(first_field),
            )
        )
    fields = frozenset().union(*(table.score_fields for table in tables))
    numeric = frozenset().union(*(table.numeric_fields for table in tables))
    return ScoreTable(
        tables[0].scorer, RowColumns.joined(parts), sources, key_fields, reasons, fields, numeric
    )


def _refuse_slugs(tables: Mapping[str, ScoreTable], prefix: str) -> None:
    """Raise a JoinError for each scorer whose name gives no slug, or the slug of another one."""
    by_slug: dict[str, str] = {}
    problems = Problems()
    for name, table in tables.items():
        where = table.where(0) if len(table) else table.sources[0].place.before.rstrip(":")
        part = slug(name)
        first = by_slug.setdefault(part, name)
        if not part:
            msg = f"{where}: scorer {name!r} has no letter a-z or digit to name columns by"
            problems.add(msg)
        elif first != name:
            msg = (
                f"{where}: scorers {first!r} and {name!r} would both be {prefix}_{part}_…; "
                "give them one name, or two distinct ones"
            )
            problems.add(msg)
    problems.refuse()
