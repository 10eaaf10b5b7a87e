"""What must hold for any data frames: they are joined as their files are."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import second_opinion_assets as so
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets_tests.api.frames import LIBRARIES, Given, Library, given_rows
from second_opinion_assets_tests.strategies import EXAMPLES
from second_opinion_assets_tests.workspace import Workspace

APPENDED = [f"second_opinion_dover_{part}" for part in ("score", "status", "runtime_ms", "frames")]
SOURCE = "second_opinion_dover_source"


def tried(join: Callable[[], Any]) -> tuple[Any, JoinError | None]:
    """Return what a join gives, or why it gives nothing."""
    try:
        return join(), None
    except JoinError as error:
        return None, error


def counts(tally: Tally) -> Any:
    """Return what was counted, without where it stood."""
    return _without_places(msgspec.to_builtins(tally))


def _without_places(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_places(item) for item in value]
    if isinstance(value, dict):
        return {name: _without_places(item) for name, item in value.items() if name != "where"}
    return value


def scores_of(library: Library, rows: Given, kind: str) -> Any:
    """Return the score rows as a frame."""
    columns = {"clip_id": library.keys[kind](rows.score_keys), "score": rows.scores}
    if rows.statuses:
        columns["status"] = rows.statuses
    return library.scores(columns)


@pytest.mark.parametrize("name", LIBRARIES)
@settings(max_examples=EXAMPLES // 4)
@given(data=st.data(), rows=given_rows())
def test_frames_are_joined_as_their_files_are(name: str, data: st.DataObject, rows: Given) -> None:
    """The same columns of the same types, the same counts, and the same refusals."""
    library = LIBRARIES[name]
    kinds = st.sampled_from(sorted(library.keys))
    kind = data.draw(kinds)
    shape = library.shapes[data.draw(st.sampled_from(sorted(library.shapes)))]
    features = shape(library.features(library.keys[kind](rows.keys)))
    scores = scores_of(library, rows, data.draw(st.just(kind) | kinds))
    policy = data.draw(st.sampled_from(["mark", "drop", "fail"]))
    with tempfile.TemporaryDirectory() as folder:
        work = Workspace(Path(folder))
        library.write(features, work.folder / "features.parquet")
        library.write(scores, work.folder / "scores.parquet")
        options: Any = {"missing_policy": policy, "allow_empty": True}
        files = {"features": "features.parquet", "scores": ["DOVER=scores.parquet"]}
        by_file, problem = tried(lambda: work.join(**files, out="out.parquet", **options))
        joined, other = tried(lambda: so.join(features, {"DOVER": scores}, **options))
        assert type(problem) is type(other), (problem, other)
        if joined is None or by_file is None:
            return
        written = library.read(work.folder / "out.parquet")
    assert counts(joined.tally) == counts(by_file.tally)
    by_rows = (library.plain(library.select(each, APPENDED)) for each in (joined.frame, written))
    library.equal(*by_rows)
    if policy != "drop":
        names = [c for c in list(column_names(joined.frame)) if not c.startswith("second_opinion_")]
        library.equal(library.select(joined.frame, names), features)
    assert so.verify(joined).holds


def column_names(frame: Any) -> list[str]:
    """Return the names of a frame's columns, of any library."""
    return list(getattr(frame, "column_names", None) or frame.columns)
