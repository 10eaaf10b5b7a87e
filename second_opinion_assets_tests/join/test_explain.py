"""What `explain` recognises, counts under each reading of keys, and proposes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import KeyNormalize, parse_options
from second_opinion_assets.join.explain import (
    Explanation,
    NamedBy,
    explain,
    manifest_entry,
)
from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.join.manifest_sidecars import parse_sidecar
from second_opinion_assets.join.readings import Reading
from second_opinion_assets.report.explain import document, lines
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.score_forms import write
from second_opinion_assets_tests.workspace import INVOCATION, Workspace

CLIPS = Path(__file__).parents[2] / "data" / "clips"


def explained(
    work: Workspace, *scores: str, features: str = "features.jsonl", **options: Any
) -> Explanation:
    """Explain files of a workspace."""
    sidecars = [
        parse_sidecar(score, Location(work.folder)) for score in scores or ("scores.jsonl",)
    ]
    return explain(Location(work.folder / features), sidecars, parse_options(options, "options"))


def text(explanation: Explanation) -> str:
    """Return what a person reads."""
    return "\n".join(lines(explanation))


def found(explanation: Explanation, column: str, mode: str) -> int:
    """Return how many rows one reading finds scores for."""
    (reading,) = [
        r for r in explanation.readings if (r.key_column, r.key_normalize) == (column, mode)
    ]
    return reading.ok_rows


def test_what_is_recognised(work: Workspace) -> None:
    """Reader, scorer, key field, score field, rows and bad rows of a sidecar are told."""
    work.write_lines(
        "scores.jsonl",
        [
            {"video": 1, "clip_id": "a", "competitor": "DOVER", "mos": 72.5},
            {"clip_id": "a", "competitor": "DOVER", "mos": 72.5},
            {"clip_id": "b", "competitor": "DOVER", "mos": "n/a"},
        ],
    )
    (sidecar,) = explained(work).sidecars
    (scorer,) = sidecar.scorers
    assert (sidecar.reader, sidecar.rows, sidecar.score_fields) == ("json_lines", 3, ["mos"])
    assert (scorer.competitor, scorer.named_by) == ("DOVER", NamedBy.rows)
    assert (scorer.key_fields, scorer.keys) == (["clip_id"], ["a", "b"])
    assert (scorer.ok_rows, scorer.bad_rows, scorer.duplicate_rows) == (1, 1, 1)
    assert scorer.bad[0].reason == 'mos is "n/a", expected a finite number'
    assert scorer.bad[0].where.endswith("scores.jsonl:3")


@pytest.mark.parametrize("form", ["s.jsonl", "s.json", "folder"])
def test_numeric_fields_of_a_scorer_without_a_score(work: Workspace, form: str) -> None:
    """A scorer without one ok score is a warning that names the fields that might be it."""
    write(work, form, [{"clip_id": clip, "uvq1p5_score": 3.5} for clip in "ab"])
    explanation = explained(work, f"UVQ={form}")
    warning = (
        "UVQ: 0 of 2 score rows are ok (no score: 2); numeric fields there are uvq1p5_score: "
        "name the one that is the score as score_field"
    )
    assert f"  warning {warning}\n" in text(explanation)
    (scorer,) = document(explanation)["sidecars"][0]["scorers"]
    assert scorer["warnings"] == [warning]
    assert scorer["numeric_fields"] == ["uvq1p5_score"]


@pytest.mark.parametrize("form", ["s.jsonl", "s.json", "s.csv", "s.parquet", "folder"])
@pytest.mark.parametrize(("bad", "warns"), [("ab", True), ("a", False)])
def test_fewer_than_half_ok_rows_are_a_warning(
    work: Workspace, form: str, bad: str, *, warns: bool
) -> None:
    """A scorer of which most rows are bad is a warning with the commonest reason."""
    write(work, form, [{"clip_id": c, "score": "x" if c in bad else "7"} for c in "abc"])
    explanation = explained(work, f"S={form}")
    (scorer,) = explanation.sidecars[0].scorers
    told = [line.startswith("S: 1 of 3 score rows are ok (") for line in scorer.warnings]
    assert told == [True] * warns
    assert ("  warning S: 1 of 3" in text(explanation)) == warns


@pytest.mark.parametrize("form", ["s.jsonl", "s.json", "s.csv", "s.parquet"])
def test_replaced_rows_are_told(work: Workspace, form: str) -> None:
    """A bad row of a key that has an ok row is told, and does not count as bad."""
    write(work, form, [{"clip_id": "a", "score": score} for score in ("x", "7", "7")])
    explanation = explained(work, f"S={form}")
    (scorer,) = explanation.sidecars[0].scorers
    assert (scorer.ok_rows, scorer.bad_rows) == (1, 0)
    assert (scorer.duplicate_rows, scorer.replaced_rows) == (1, 1)
    said = text(explanation)
    assert "  repeats 1 rows that say what an earlier one does\n" in said
    assert "  replaced 1 bad rows of keys that have an ok row\n" in said


def test_skipped_lines_are_told(work: Workspace) -> None:
    """Lines that are no score rows are counted, and the first is shown with its place."""
    rows = [f'{{"clip_id": "{clip}", "score": 7}}\n' for clip in "ab"]
    work.write("s.jsonl", "loading model\n" + "".join(rows) + "done\n")
    explanation = explained(work, "S=s.jsonl")
    (sidecar,) = document(explanation)["sidecars"]
    assert sidecar["skipped_lines"] == 2
    assert "s.jsonl:1" in sidecar["skipped"][0]
    assert (
        f"  skipped 2 lines that are no score rows, the first {sidecar['skipped'][0]}\n"
    ) in text(explanation)


def test_real_clips_under_each_reading() -> None:
    """PIQE's `name` keeps a suffix that `clip_id` lacks: 0 of 12 as asked, 12 by stem or path."""
    explanation = explain(
        Location(CLIPS / "features.jsonl"),
        [parse_sidecar(f"piqe={CLIPS / 'piqe.jsonl'}")],
        parse_options({}, "options"),
    )
    assert explanation.readings[0].ok_rows == 0
    assert found(explanation, "clip_id", "stem") == 12
    assert found(explanation, "path", "auto") == 12
    assert explanation.best is not None
    assert (explanation.best.key_column, explanation.best.key_normalize) == ("clip_id", "stem")
    said = text(explanation)
    assert "As asked: 0 of 12 rows find an ok score of piqe.\n" in said
    assert (
        "  a row's clip_id 'bikes_x264_crf18' is taken as it stands: no score has that key\n"
        "  a score's name 'bikes_x264_crf18.mkv' is taken as it stands: no row has that key\n"
        "With key_normalize stem: 12 of 12 for piqe.\n"
    ) in said


@pytest.mark.parametrize("asked", list(KeyNormalize))
def test_what_was_asked_for_stays_where_nothing_is_better(
    work: Workspace, asked: KeyNormalize
) -> None:
    """Of readings that find as much the one asked for is the best."""
    explanation = explained(work, key_normalize=asked.value)
    assert explanation.best == explanation.readings[0]
    assert explanation.readings[0].key_normalize is asked
    assert "With " not in text(explanation)


def test_each_reading_counts_what_the_join_counts(work: Workspace) -> None:
    """The tally of a reading is that of a join with its options, collisions included."""
    work.write_lines(
        "features.jsonl",
        [{"path": f"{folder}/{name}.mp4"} for folder in "ab" for name in ("x", "y", "z")],
    )
    work.write_lines(
        "scores.jsonl",
        [
            {"path": "a/x.mp4", "competitor": "m", "score": 1},
            {"path": "y.mp4", "competitor": "m", "score": 2},
            {"path": "b/z.mp4", "competitor": "m", "score": "bad"},
            {"path": "c/w.mp4", "competitor": "n", "score": 3},
        ],
    )
    readings = explained(work).readings
    assert len(readings) == len(KeyNormalize)
    for reading in readings:
        mode = reading.key_normalize.value
        joined = work.join(key_normalize=mode).tally
        for scorer in joined.scorers.values():
            scorer.keys_found_by_mode.clear()  # the join's own hint, made after its counts
        assert reading.tally == joined


def test_scores_that_collide_in_one_reading_only(work: Workspace) -> None:
    """A reading under which two scores have one key says so; the others are counted."""
    work.write_lines(
        "scores.jsonl",
        [
            {"clip_id": "a.mp4", "competitor": "m", "score": 1},
            {"clip_id": "a.avi", "competitor": "m", "score": 2},
        ],
    )
    explanation = explained(work, key_normalize="stem")
    assert explanation.readings[0].tally is None
    (problem,) = explanation.problems
    assert "'a.avi' is 'a' once normalised, and so is 'a.mp4'" in problem
    assert problem in text(explanation)
    assert found(explanation, "clip_id", "raw") == 0


def test_ambiguous_rows_are_no_find(work: Workspace) -> None:
    """Rows that share a key count as no find, and the collision is shown."""
    work.write_lines("features.jsonl", [{"path": "p/a.mp4"}, {"path": "q/a.mp4"}])
    work.write_lines("scores.jsonl", [{"path": "a.mp4", "competitor": "m", "score": 1}])
    explanation = explained(work)
    assert explanation.readings[0].ok_rows == 0
    assert "2 rows have an ambiguous key" in text(explanation)
    assert "'p/a.mp4' and 'q/a.mp4' are one key" in text(explanation)


def test_rows_that_name_no_scorer(work: Workspace) -> None:
    """Where neither rows nor a label name the scorer, the file does, and the entry says so."""
    work.write_lines("dover.jsonl", [{"clip_id": "a", "score": 1}])
    explanation = explained(work, "dover.jsonl")
    assert explanation.sidecars[0].scorers[0].named_by is NamedBy.file
    assert manifest_entry(explanation)["scores"] == ["dover=dover.jsonl"]
    labelled = explained(work, "DOVER=dover.jsonl")
    assert labelled.sidecars[0].scorers[0].named_by is NamedBy.label
    assert manifest_entry(labelled)["scores"] == ["DOVER=dover.jsonl"]


def test_a_bad_file_hides_no_other(work: Workspace) -> None:
    """What is wrong with one sidecar is told beside what the others hold."""
    work.write("broken.jsonl", '{"clip_id": "a", "competitor"')
    explanation = explained(work, "broken.jsonl", "scores.jsonl", "nowhere.jsonl")
    broken, good, nowhere = explanation.sidecars
    assert broken.problem is not None
    assert "broken.jsonl:1" in broken.problem
    assert (good.problem, good.rows) == (None, 1)
    assert nowhere.problem is not None
    assert "nowhere.jsonl: cannot be read" in nowhere.problem
    assert explanation.readings[0].ok_rows == 1
    assert explanation.problems == [broken.problem, nowhere.problem]


def test_no_sidecar_that_can_be_used(work: Workspace) -> None:
    """Without any usable sidecar there is no reading, and the features are told all the same."""
    explanation = explained(work, "nowhere.jsonl")
    assert (explanation.readings, explanation.best) == ([], None)
    assert "features.jsonl: 2 rows\n  key     clip_id, such as 'a', 'b'" in text(explanation)


def test_nothing_matches_whatever_is_tried(work: Workspace) -> None:
    """Where no reading finds anything, other options are named."""
    work.write_lines("scores.jsonl", [{"clip_id": "z", "competitor": "m", "score": 1}])
    assert "No reading of these keys finds more: key_column and" in text(explained(work))


def test_a_table_without_a_key_column(work: Workspace) -> None:
    """A feature table without a key column is an error that names the option."""
    work.write_lines("features.jsonl", [{"psnr": 1}])
    with pytest.raises(JoinError, match=r"no key column .* among psnr; name it as key_column$"):
        explained(work)


def test_the_entry_joins_what_was_promised(work: Workspace) -> None:
    """The manifest entry, pasted into a manifest, joins as many rows as the best reading found."""
    work.write_lines(
        "features.jsonl", [{"clip_id": str(n), "path": f"d/{n}.mp4"} for n in range(5)]
    )
    work.write_lines("m.jsonl", [{"file": f"e/{n}.mkv", "vq": n} for n in range(4)])
    explanation = explained(work, "m.jsonl", score_key_field="file", score_field="vq", prefix="so")
    best = explanation.best
    assert isinstance(best, Reading)
    work.write("manifest.json", json.dumps({"tables": [manifest_entry(explanation)]}))
    (table,) = load_manifest(Location(work.folder / "manifest.json")).tables
    assert table.options.prefix == "so"
    assert materialize(table, INVOCATION).tally.matched_rows == best.ok_rows == 4


def test_nothing_is_written(work: Workspace) -> None:
    """Explaining leaves the folder as it was."""
    before = sorted(work.folder.rglob("*"))
    explained(work)
    assert sorted(work.folder.rglob("*")) == before


def test_the_document_is_plain_json(work: Workspace) -> None:
    """For programs the same is one JSON document with a schema."""
    told = json.loads(json.dumps(document(explained(work))))
    assert (told["schema"], told["status"]) == ("second-opinion-explain-v1", "ok")
    assert told["best"] == {"key_column": "clip_id", "key_normalize": "auto"}
    assert told["readings"][0]["tally"]["scorers"]["DOVER"]["matched_rows"] == 1
    assert told["sidecars"][0]["sidecar"]["path"].endswith("scores.jsonl")
