"""Rejected feature tables by example, each with its message."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests.examples import example_message, example_options, examples
from second_opinion_assets_tests.workspace import Workspace

SCORES = '{"clip_id": "a", "competitor": "DOVER-Mobile", "score": 72.5}\n'


@pytest.mark.parametrize("out", ["out.jsonl", "out.json", "out.parquet", "out.csv"])
@pytest.mark.parametrize("example", examples("tables/examples/rejected_features"))
def test_rejected_features(example: Path, out: str, work: Workspace) -> None:
    """A rejected feature table stops with its one-line message, and nothing is written."""
    shutil.copy(example, work.folder)
    work.write("scores.jsonl", SCORES)
    work.write(out, "as it was")
    before = work.contents()
    with pytest.raises(JoinError, match=r"^[^\n]+\Z") as caught:
        work.join(features=example.name, out=out, **example_options(example))
    assert str(caught.value) == example_message(example, work.folder)
    assert work.contents() == before


@pytest.mark.parametrize("form", ["jsonl", "ndjson", "json", "parquet", "pq", "csv", "tsv"])
def test_feature_table_that_is_not_there(work: Workspace, form: str) -> None:
    """A feature table that is not there is named once, with the system's plain reason."""
    with pytest.raises(JoinError) as caught:
        work.join(features=f"gone.{form}")
    path = work.folder / f"gone.{form}"
    assert str(caught.value) == f"{path}: cannot be read: No such file or directory"


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("form", ["jsonl", "json", "csv", "tsv"])
def test_utf16_features(work: Workspace, form: str, encoding: str) -> None:
    """A feature table in UTF-16, as some shells write it, is refused as what it is."""
    text = '\ufeff{"clip_id": "a"}\n'
    work.write(f"features.{form}", text.encode(encoding))
    with pytest.raises(JoinError, match=rf"features\.{form}.*UTF-16 text; save it as UTF-8"):
        work.join(features=f"features.{form}")
