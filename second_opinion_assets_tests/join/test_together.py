"""What is wrong with several inputs is told at once, and each input is opened once."""

from __future__ import annotations

from unittest.mock import patch

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.join.explain import explain
from second_opinion_assets.join.manifest_sidecars import parse_sidecar
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input
from second_opinion_assets_tests.workspace import Workspace


def test_all_broken_inputs_are_named(work: Workspace) -> None:
    """Two broken sidecars and a broken feature table are three lines of one error."""
    work.write("a.jsonl", '{"clip_id": "a", "competitor": "A", "score": 1}\n{"clip_id"\n')
    work.write("b.csv", "clip_id,note\na,x\n")
    work.write("features.jsonl", '{"clip_id": "a"}\n[1]\n')
    before = work.contents()
    with pytest.raises(JoinError) as refused:
        work.join(scores=["a.jsonl", "b.csv", "scores.jsonl"])
    lines = str(refused.value).splitlines()
    assert [line.split(": ")[0].rsplit("/", 1)[-1] for line in lines] == [
        "a.jsonl:2",
        "b.csv:1",
        "features.jsonl:2",
    ]
    assert work.contents() == before


def test_repeats_that_differ_are_named_for_each_scorer(work: Workspace) -> None:
    """Different rows of one key are told of each scorer that has them."""
    for name in ("A", "B"):
        rows = ({"clip_id": "a", "competitor": name, "score": n} for n in range(2))
        work.write_lines(f"{name}.jsonl", rows)
    with pytest.raises(JoinError) as refused:
        work.join(scores=["A.jsonl", "B.jsonl"])
    assert [line.count("a second, different row") for line in str(refused.value).splitlines()] == [
        1,
        1,
    ]


def test_bad_rows_are_counted_by_kind_of_reason(work: Workspace) -> None:
    """The audit says how many rows are bad for which kind of reason, the commonest first."""
    scores: list[object] = ["n/a", "none", None, 3]
    rows = [
        {"clip_id": key, "competitor": "DOVER", "score": score, "status": "failed" if n else "ok"}
        for n, (key, score) in enumerate(zip("abcd", scores, strict=True))
    ]
    work.write_lines("features.jsonl", ({"clip_id": key} for key in "abcd"))
    work.write_lines("scores.jsonl", rows)
    work.join()
    assert work.document()["competitors"]["DOVER"]["bad_reasons"] == {
        "not a number": 2,
        "no score": 1,
        "bad status": 1,
    }


def test_explain_opens_each_file_once(work: Workspace) -> None:
    """An explanation of a table and two sidecars opens three files."""
    work.write("more.csv", "path,score\n/v/a.mp4,1\n")
    features = Location(work.folder / "features.jsonl")
    sidecars = [parse_sidecar(name, Location(work.folder)) for name in ("scores.jsonl", "more.csv")]
    with patch.object(Input, "__init__", autospec=True, side_effect=Input.__init__) as opened:
        explain(features, sidecars, JoinOptions())
    names = [Location(given.args[1]).name for given in opened.call_args_list]
    assert sorted(names) == ["features.jsonl", "more.csv", "scores.jsonl"]
