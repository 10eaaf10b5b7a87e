"""Scores on one scale, appended where that is asked for: values, forms, what is told of them."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pyarrow as pa
import pytest

import second_opinion_assets as so
from second_opinion_assets.agreement.in_memory import joined_table
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.join.verify import Verifier
from second_opinion_assets.matching.doubts import doubts
from second_opinion_assets.registry.facts import Direction, ScorerFacts, shipped_registry
from second_opinion_assets.registry.scales import Scale
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import INVOCATION, Workspace

ALIGNED = "second_opinion_dover_aligned"
SCORES = (
    "".join(
        json.dumps({"clip_id": clip, "competitor": name, "score": score}) + "\n"
        for clip, name, score in [
            *(("a", "DOVER", 72.5), ("b", "DOVER", "n/a"), ("a", "in-house", 3)),
            *(("a", "Q-Align", 0.25), ("b", "Q-Align", 1)),
        ]
    )
    + '{"clip_id": "c", "competitor": "DOVER", "score": 50, "status": "failed"}\n'
)
WANTED = [("a", 72.5, 25.0), ("b", None, 100.0), ("c", None, None)]
FEATURES = {
    "f.jsonl": '{"clip_id": "a"}\n{"clip_id": "b"}\n{"clip_id": "c"}\n',
    "f.json": '[{"clip_id": "a"}, {"clip_id": "b"}, {"clip_id": "c"}]',
    "f.csv": "clip_id\na\nb\nc\n",
}


@pytest.fixture
def scored(work: Workspace) -> Workspace:
    """Three clips in every form, and scorers of several scales."""
    work.write("scores.jsonl", SCORES)
    for name, text in FEATURES.items():
        work.write(name, text)
    work.write_table("f.parquet", pa.table({"clip_id": ["a", "b", "c"]}))
    return work


def values(work: Workspace, name: str) -> list[tuple[Any, ...]]:
    """Return the keys and aligned scores of an output of any form."""
    if name.endswith("parquet"):
        rows = work.table(name).to_pylist()
    elif name.endswith(".json"):
        document = work.document(name)
        rows = document["rows"] if isinstance(document, dict) else document
    elif name.endswith(("csv", "tsv")):
        rows = work.csv_rows(name)
    else:
        rows = work.rows(name)
    columns = (ALIGNED, "second_opinion_q_align_aligned")
    numbers = [[row[c] if row[c] in (None, "") else float(row[c]) for c in columns] for row in rows]
    return [
        (row["clip_id"], *(None if number == "" else number for number in each))
        for row, each in zip(rows, numbers, strict=True)
    ]


@pytest.mark.parametrize("out", ["o.jsonl", "o.json", "o.csv", "o.tsv", "o.parquet"])
@pytest.mark.parametrize("features", [*FEATURES, "f.parquet"])
def test_every_form_has_the_scores_on_one_scale(scored: Workspace, features: str, out: str) -> None:
    """0 is worst and 100 is best, null is where no ok score is, in whatever form."""
    result = scored.join(features=features, out=out, aligned_scores=True)
    assert values(scored, out) == WANTED
    assert [name for name in result.appended if name.endswith("aligned")] == [
        ALIGNED,
        "second_opinion_q_align_aligned",
    ]
    assert result.appended[5] == ALIGNED
    assert result.tally.scorers["DOVER"].bad_rows == len(["no number", "a score that failed"])


def test_without_the_option_there_is_none(scored: Workspace) -> None:
    """Nothing is appended, told or recorded of the one scale unless it is asked for."""
    result = scored.join(features="f.jsonl")
    assert not [name for name in result.appended if "aligned" in name]
    assert b"aligned" not in scored.read() + scored.read("audit.json")
    told = [line for scorer in result.tally.scorers.values() for line in doubts(scorer)]
    assert not [line for line in told if "aligned" in line]


def test_a_replaced_join_leaves_none_behind(scored: Workspace) -> None:
    """Aligned scores of an earlier join are replaced like its scores, also by a join without."""
    once = {"features": "f.jsonl", "out": "once.jsonl", "aligned_scores": True}
    scored.join(**once)
    again = {"features": "once.jsonl", "overwrite": True}
    with pytest.raises(JoinError, match=r"second_opinion_dover_aligned, .* already"):
        scored.join(features="once.jsonl", aligned_scores=True)
    for out in ("out.jsonl", "out.csv", "out.parquet"):
        scored.join(**again, out=out, aligned_scores=True)
        assert values(scored, out) == WANTED
        columns = scored.join(**again, out=out).columns
        assert [column.name for column in columns] == ["clip_id"]
    assert b"aligned" not in scored.read()


def test_parquet_that_was_joined_is_rewritten(scored: Workspace) -> None:
    """The aligned scores of a parquet table are replaced as well as spliced."""
    scored.join(features="f.parquet", out="once.parquet", aligned_scores=True)
    again = {"features": "once.parquet", "overwrite": True, "out": "twice.parquet"}
    scored.join(**again, aligned_scores=True)
    assert values(scored, "twice.parquet") == WANTED
    assert scored.table("twice.parquet").schema.field(ALIGNED).type == pa.float64()
    scored.join(**again)
    assert ALIGNED not in scored.table("twice.parquet").column_names


@pytest.mark.parametrize(
    ("direction", "scale", "score", "aligned"),
    [
        pytest.param("lower", Scale(0, 150), 150, 0.0, id="worst-of-lower"),
        pytest.param("lower", Scale(0, 150), 0, 100.0, id="best-of-lower"),
        pytest.param("lower", Scale(0, 100), 72.53, 100 - 72.53, id="turned"),
        pytest.param("higher", Scale(1, 5), 4, 75.0, id="from-one"),
        pytest.param("higher", Scale(0, 100), 72.53, 72.53, id="as-it-is"),
        pytest.param("higher", Scale(0, 100, typical=True), 105, 105.0, id="beyond-a-usual-end"),
        pytest.param("higher", Scale(0, 100), 105, None, id="beyond-the-end"),
        pytest.param("higher", Scale(0, 100), 0.5, None, id="hardly-on-the-scale"),
    ],
)
def test_the_scale_is_turned_and_drawn_out(
    work: Workspace, direction: str, scale: Scale, score: float, aligned: float | None
) -> None:
    """The direction turns the scale, its ends become 0 and 100; doubtful scores become null."""
    work.write("scores.jsonl", f'{{"clip_id": "a", "competitor": "own", "score": {score}}}\n')
    facts = ScorerFacts("own", scales=(scale,), direction=Direction(direction))
    spec = msgspec.structs.replace(
        work.spec(aligned_scores=True), registry=shipped_registry().before([facts])
    )
    result = materialize(spec, INVOCATION)
    assert work.rows()[0]["second_opinion_own_aligned"] == aligned
    told = result.tally.scorers["own"].not_aligned
    assert isinstance(told, str) is (aligned is None)


def test_who_is_not_on_it_is_named(scored: Workspace) -> None:
    """A scorer without a known scale gets no column; warning and audit say so by its name."""
    result = scored.join(features="f.jsonl", aligned_scores=True)
    assert "second_opinion_in_house_aligned" not in result.appended
    reason = "no scale with both bounds is declared"
    assert doubts(result.tally.scorers["in-house"])[-1] == (
        f"in-house: no aligned scores: {reason}; "
        "declare its scale and direction, or leave out aligned_scores"
    )
    scorers = scored.document()["competitors"]
    assert scorers["in-house"]["not_aligned"] == reason
    assert "not_aligned" not in scorers["DOVER"]


def test_the_audit_has_it_as_model_ready(scored: Workspace) -> None:
    """An aligned column is one to learn from, on the one scale; the audit still holds."""
    result = scored.join(features="f.jsonl", aligned_scores=True)
    audit = scored.document()
    assert audit["columns"]["model_ready"][1] == {
        "name": ALIGNED,
        "competitor": "DOVER",
        "scale": {"name": "0-100", "minimum": 0, "maximum": 100},
        "direction": "higher",
    }
    assert Verifier().verify(result.audit).holds


def test_another_scale_is_another_table(work: Workspace) -> None:
    """What is known of scales counts for the fingerprint of a table with aligned scores alone."""
    facts = shipped_registry().facts("DOVER").on_scale("0-1")
    other = shipped_registry().before([facts])

    def fingerprints(**options: Any) -> set[str]:
        spec = work.spec(**options)
        specs = (spec, msgspec.structs.replace(spec, registry=other))
        return {materialize(each, INVOCATION).fingerprint for each in specs}

    assert len(fingerprints()) == 1
    assert len(fingerprints(aligned_scores=True) | fingerprints()) == 3


def test_a_manifest_asks_for_it(work: Workspace) -> None:
    """Defaults and tables ask for aligned scores, and `scale` says which ends are meant."""
    table = {"features": "features.jsonl", "scores": ["scores.jsonl"]}
    tables = [
        {"id": "asked", **table, "out": "a.jsonl"},
        {"id": "on-one", **table, "out": "b.jsonl", "scale": {"DOVER": "0-1"}},
        {"id": "not", **table, "out": "c.jsonl", "aligned_scores": False},
    ]
    document = {"defaults": {"aligned_scores": True}, "tables": tables}
    path = work.write("manifest.json", json.dumps(document))
    work.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 1}\n')
    for spec in load_manifest(Location(path)).tables:
        materialize(spec, INVOCATION)
    assert work.rows("b.jsonl")[0][ALIGNED] == 100.0
    assert work.rows("a.jsonl")[0][ALIGNED] is None
    assert ALIGNED not in work.rows("c.jsonl")[0]


def test_frames_have_it(work: Workspace) -> None:
    """A data frame gains the column, is verified, joined again, and knows it for no feature."""
    features = pa.table({"clip_id": ["a", "b"], "psnr": [41.2, 40.0]})
    scores = {"DOVER": pa.table({"clip_id": ["a"], "score": [72.5]})}
    joined = so.join(features, scores, aligned_scores=True)
    assert joined.frame.column(ALIGNED).to_pylist() == [72.5, None]
    assert joined.frame.column_names[-1] == ALIGNED
    assert so.verify(joined).holds
    again = so.join(joined.frame, scores, overwrite=True)
    assert ALIGNED not in again.frame.column_names
    work.write_table("joined.parquet", joined.frame)
    table = joined_table(work.base / "joined.parquet", None, "second_opinion")
    assert table.columns == ("clip_id", "psnr")


def test_explain_tells_who_will_have_none(scored: Workspace) -> None:
    """An explanation keeps the option for the manifest, and names who has no known scale."""
    explained = so.explain(scored.folder / "f.jsonl", scored.folder / "scores.jsonl")
    asked = so.explain(
        scored.folder / "f.jsonl", scored.folder / "scores.jsonl", aligned_scores=True
    )
    assert "aligned" not in repr(explained)
    assert asked.manifest_entry["aligned_scores"] is True
    assert repr(asked).count("no aligned scores: no scale with both bounds") == 1
