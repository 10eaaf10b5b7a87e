"""What is given in Python, paths and data frames, as what is to be joined.

Names of arguments stand where a path would in messages: `features`, `scores['DOVER']`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from os import PathLike, fspath  # noqa: TID251 (who has a path may give it)
from typing import Any, Literal, Protocol, TypedDict

from msgspec.structs import replace

from second_opinion_assets.contract.options import parse_options
from second_opinion_assets.join.manifest_sidecars import parse_sidecar, read_sidecar_entry
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.scores.sidecar import Sidecar
from second_opinion_assets.storage.location import HERE, Location
from second_opinion_assets.tables.frames import frame_of

RESULT = "joined"
"""What messages and audits call the frame that a join returns."""

FilePath = str | PathLike[str]


class DataFrame(Protocol):
    """A table in memory: a data frame of pandas or polars, or a table of pyarrow."""

    @property
    def shape(self) -> tuple[int, int]:
        """Its rows and columns."""


Table = FilePath | DataFrame
Scores = Table | Sequence[Table | Mapping[str, Any]] | Mapping[str, Table]
"""Scores: one file or frame, several, or each by its scorer's name.

A file may be a folder or pattern too, or `SCORER=path`; an item of several may be an entry of a
manifest, whose `path` may be a frame.
"""


class Options(TypedDict, total=False):
    """The options of a join, as a manifest has them; `JoinOptions` says what each does."""

    missing_policy: Literal["mark", "drop", "fail"]
    key_column: str | None
    score_key_field: str | None
    score_field: str | None
    label_as_score: bool
    key_normalize: Literal["auto", "raw", "basename", "stem", "suffix"]
    key_pattern: str | None
    duplicates: Literal["error", "first", "last", "mean"]
    prefix: str
    overwrite: bool
    canonical_names: bool
    aligned_scores: bool
    min_coverage: float | dict[str, float] | None
    allow_empty: bool


def location_of(table: Table, name: str) -> Location:
    """Return where a table is: its path, or the frame itself under its name.

    Raises:
        JoinError: it is neither.
    """
    if isinstance(table, str | PathLike):
        return Location(table)
    return frame_of(table, name)


def spec_of(features: Table, scores: Scores, options: Mapping[str, object]) -> TableSpec:
    """Return the join that is asked for; JoinError for what can be none."""
    return TableSpec(
        id=RESULT,
        features=location_of(features, "features"),
        scores=tuple(_sidecars(scores)),
        out=Location(RESULT),
        audit_json=None,
        options=parse_options(options, ""),
    )


def _sidecars(scores: Scores) -> Iterator[Sidecar]:
    if isinstance(scores, str | PathLike):
        yield _sidecar(scores, "scores")
    elif isinstance(scores, Mapping):
        for scorer, table in scores.items():
            sidecar = _sidecar(table, f"scores[{scorer!r}]")
            yield replace(sidecar, label=scorer, spec=f"{scorer}={sidecar.written}")
    elif isinstance(scores, Sequence):
        for number, item in enumerate(scores):
            yield _sidecar(item, f"scores[{number}]")
    else:
        yield _sidecar(scores, "scores")


def _sidecar(item: Any, name: str) -> Sidecar:  # noqa: ANN401 (a table, or an entry of a manifest)
    """Return one file or frame of scores, by its place among the arguments."""
    if isinstance(item, str | PathLike):
        return parse_sidecar(fspath(item))
    if not isinstance(item, Mapping):
        return Sidecar(frame_of(item, name), name, name)
    table = item.get("path")
    if isinstance(table, str | PathLike) or table is None:
        entry = {**item, "path": fspath(table)} if table else dict(item)
        return read_sidecar_entry(entry, name, HERE)
    sidecar = read_sidecar_entry({**item, "path": name}, name, HERE)
    return replace(sidecar, path=frame_of(table, name))
