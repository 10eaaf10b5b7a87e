"""The forms of score files: the same rows say the same in every form that can hold them."""

from __future__ import annotations

import csv
import gzip
import io
import json
import re
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.scores.formats import csv_text
from second_opinion_assets.scores.formats.csv_rows import SUMMARY_KEYS
from second_opinion_assets.scores.read import read_scores
from second_opinion_assets.scores.sidecar import Format, Sidecar
from second_opinion_assets.storage import reading
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.compressed import zstd
from second_opinion_assets_tests.workspace import Workspace

Row = dict[str, Any]

TEXTS = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\u0085\u2028\u2029"),
    max_size=6,
)
SCORES = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-99, 99))


@st.composite
def score_rows(draw: st.DrawFn) -> list[Row]:
    """Draw rows of distinct keys, as a scorer may write them."""
    keys = draw(st.lists(TEXTS.filter(_is_plain_key), min_size=1, unique_by=str.strip))
    return [
        {
            "clip_id": key,
            "competitor": draw(st.sampled_from(["DOVER", "MUSIQ"])),
            "status": draw(st.sampled_from(["ok", "PASS", "failed", None])),
            "runtime_ms": draw(st.none() | st.floats(0, 1e6)),
            "score": draw(st.none() | SCORES),
        }
        for key in keys
    ]


def _is_plain_key(text: str) -> bool:
    """Say whether a text is a key that stands by itself, and reads alike in every form.

    Where numbers and texts are alike, as in CSV, `7.0` is the number 7.
    """
    is_whole_number = re.fullmatch(r"-?[0-9]+\.0+", text)
    return text == text.strip() and text not in ("", "clip_id") and not is_whole_number


def as_lines(rows: list[Row]) -> bytes:
    """Return JSON lines: the form that the others are held against."""
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def as_concatenated(rows: list[Row]) -> bytes:
    """Return objects without anything between them."""
    return "".join(map(json.dumps, rows)).encode()


def as_indented(rows: list[Row]) -> bytes:
    """Return objects over many lines, one after another."""
    return "\n".join(json.dumps(row, indent=2) for row in rows).encode()


def as_document(rows: list[Row]) -> bytes:
    """Return one JSON document."""
    return json.dumps({"rows": rows}, indent=1).encode()


def as_csv(rows: list[Row], delimiter: str = ",") -> bytes:
    """Return CSV with a header whose names begin with a space, null as an empty cell."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter)
    writer.writerow(f" {name}" for name in rows[0])
    writer.writerows(row.values() for row in rows)
    return text.getvalue().encode()


def as_parquet(rows: list[Row]) -> bytes:
    """Return a parquet table."""
    import pyarrow as pa  # noqa: PLC0415 (most tests do without)
    import pyarrow.parquet as pq  # noqa: PLC0415

    sink = io.BytesIO()
    floats = [
        {**row, "score": None if row["score"] is None else float(row["score"])} for row in rows
    ]
    kinds = dict.fromkeys(("score", "runtime_ms"), pa.float64())
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in rows[0]])
    pq.write_table(pa.Table.from_pylist(floats, schema), sink, row_group_size=3)
    return sink.getvalue()


FORMS: dict[str, Callable[[list[Row]], bytes]] = {
    "s.json": as_concatenated,
    "indented.json": as_indented,
    "document.json": as_document,
    "s.csv": as_csv,
    "semicolons.txt": lambda rows: as_csv(rows, ";"),
    "s.tsv": lambda rows: as_csv(rows, "\t"),
    "s.parquet": as_parquet,
    "s.jsonl.gz": lambda rows: gzip.compress(as_lines(rows)),
    "s.csv.gz": lambda rows: gzip.compress(as_csv(rows)[:40]) + gzip.compress(as_csv(rows)[40:]),
    "s.parquet.gz": lambda rows: gzip.compress(as_parquet(rows)),
}


def scores_of(name: str, data: bytes) -> dict[str, Any]:
    """Return what a sidecar of this name and content says, by scorer and key."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_bytes(data)
        tables, _ = read_scores([Sidecar(Location(path), name, name)], JoinOptions())
    return {
        table.scorer: {
            table.raw_key(row): [repr(column[row].item()) for column in table.values()[:4]]
            for row in range(len(table))
        }
        for table in tables
    }


@pytest.mark.parametrize("name", FORMS)
@settings(max_examples=25)
@given(rows=score_rows(), chunk_bytes=st.sampled_from([5, 64, 4 << 20]))
def test_every_form_says_what_lines_say(name: str, rows: list[Row], chunk_bytes: int) -> None:
    """The same rows give the same scores, statuses and runtimes in every form."""
    assume(rows[-1]["clip_id"].strip().lower() not in SUMMARY_KEYS)  # at the end of CSV a sum
    expected = scores_of("s.jsonl", as_lines(rows))
    with (
        patch.object(reading, "CHUNK_BYTES", chunk_bytes),
        patch.object(csv_text, "BLOCK_ROWS", 2),
    ):
        assert scores_of(name, FORMS[name](rows)) == expected


def test_zstd_says_what_lines_say() -> None:
    """A file in zstd is read, in one frame or several."""
    rows = [
        {"clip_id": f"c{n}", "competitor": "DOVER", "score": n / 7, "status": None}
        for n in range(5000)
    ]
    lines = as_lines(rows)
    expected = scores_of("s.jsonl", lines)
    with patch.object(reading, "CHUNK_BYTES", 1000):
        assert scores_of("s.jsonl.zst", zstd(lines)) == expected
        assert scores_of("s.zst", zstd(lines[:9000]) + zstd(lines[9000:])) == expected


@pytest.mark.parametrize(
    ("name", "format_"),
    [
        ("s.json", Format.json_concatenated),
        ("document.json", Format.json_document),
        ("s.csv", Format.csv),
        ("s.parquet.gz", Format.parquet),
        ("s.jsonl.gz", Format.json_lines),
    ],
)
@pytest.mark.parametrize("suffix", [".jsonl", ".json", ".csv", ".txt", ""])
def test_no_faith_in_the_suffix(work: Workspace, name: str, format_: Format, suffix: str) -> None:
    """What reads a file is told by what it holds, whatever it is called."""
    rows = [{"clip_id": key, "competitor": "DOVER", "score": 1} for key in ("a", "b")]
    work.write(f"scores{suffix}", FORMS[name]([{**row, "runtime_ms": None} for row in rows]))
    result = work.join(scores=[f"scores{suffix}"])
    assert result.sidecars[0].formats == [format_]
    assert result.tally.scorers["DOVER"].matched_rows == 2


def test_hash_of_a_compressed_file_is_of_the_file(work: Workspace) -> None:
    """Of a compressed file the digest is that of its own bytes, not of what they hold."""
    data = gzip.compress(b'{"clip_id": "a", "score": 1}\n')
    path = work.write("scores.jsonl.gz", data)
    result = work.join(scores=["DOVER=scores.jsonl.gz"])
    assert result.sidecars[0].digest == reading.digest_file(Location(path))
    assert result.sidecars[0].digest.bytes == len(data)


@pytest.mark.parametrize("size", range(2, 60, 7))
def test_compressed_file_cut_anywhere(work: Workspace, size: int) -> None:
    """A compressed file that ends too soon is refused, wherever that is."""
    data = gzip.compress(b'{"clip_id": "a", "competitor": "DOVER", "score": 72.5}\n' * 3, mtime=0)
    work.write("scores.jsonl.gz", data[:size])
    with pytest.raises(JoinError, match=r"scores\.jsonl\.gz: the compressed file is cut short"):
        work.join(scores=["scores.jsonl.gz"])


def test_a_reader_is_asked_for(work: Workspace) -> None:
    """A reader that is asked for reads a file that would be read otherwise."""
    work.write("scores.txt", "score,1\nb,2\n")
    sidecar = {"path": "scores.txt", "label": "DOVER", "reader": "csv_headerless"}
    work.write_lines("features.jsonl", [{"clip_id": "score"}, {"clip_id": "b"}])
    assert work.join(scores=[sidecar]).tally.scorers["DOVER"].matched_rows == 2


def test_one_object_is_read_as_objects_if_asked_so(work: Workspace) -> None:
    """A file with one object has the form of those with several, where that is asked for."""
    work.write("scores.json", '{"clip_id": "a", "score": 0.5}\n')
    result = work.join(
        scores=[{"path": "scores.json", "label": "DOVER", "reader": "json_concatenated"}]
    )
    assert result.sidecars[0].formats == [Format.json_concatenated]
    assert result.tally.scorers["DOVER"].matched_rows == 1


def test_one_file_is_several_scorers(work: Workspace) -> None:
    """One file may be listed under several labels, each with the score field of its own."""
    work.write("dover.csv", "path, aesthetic score, overall/final score\na,1,2\nb,3,4\n")
    aesthetic = {"path": "dover.csv", "label": "DOVER-a", "score_field": "aesthetic score"}
    result = work.join(scores=["DOVER=dover.csv", aesthetic])
    row = work.rows()[0]
    assert (row["second_opinion_dover_score"], row["second_opinion_dover_a_score"]) == (2.0, 1.0)
    assert [given.score_fields for given in result.sidecars] == [
        ["overall/final score"],
        ["aesthetic score"],
    ]


def test_a_field_asked_of_the_table_may_be_another_sidecars(work: Workspace) -> None:
    """The table's score field counts where a file has it; the others have their usual one."""
    work.write("a.csv", "path,technical,score\na,1,2\n")
    work.write("b.csv", "path,overall/final score\na,3\n")
    work.join(scores=["A=a.csv", "B=b.csv"], score_field="technical")
    row = work.rows()[0]
    assert (row["second_opinion_a_score"], row["second_opinion_b_score"]) == (1.0, 3.0)


def test_hints_know_the_pattern_of_each_file(work: Workspace) -> None:
    """What another way of reading keys would find is told by each file's own key pattern."""
    for name, rows in (("x", ["x7_a.mkv"]), ("y", ["y_b.mkv", "y_c.mkv"])):
        work.write_lines(f"{name}.jsonl", [{"video_id": key, "score": 1} for key in rows])
    sidecars: list[str | dict[str, Any]] = [
        {"path": "x.jsonl", "label": "DOVER", "key_pattern": "x[0-9]_(.*)"},
        {"path": "y.jsonl", "label": "DOVER", "key_pattern": "y_(.*)"},
    ]
    found = work.join(scores=sidecars).tally.scorers["DOVER"].keys_found_by_mode
    assert (found["raw"], found["stem"]) == (0, 2)


def test_the_audit_says_that_a_label_was_read(work: Workspace) -> None:
    """A label that was read as a score on purpose is named in the audit."""
    work.write_lines("subjects.jsonl", [{"clip_id": "a", "gt_score": 4.5}])
    work.join(
        scores=["subjects=subjects.jsonl", "scores.jsonl"],
        score_field="gt_score",
        label_as_score=True,
    )
    said = {
        name: (scorer["score_fields"], scorer["label_fields"])
        for name, scorer in work.document()["competitors"].items()
    }
    assert said == {"subjects": (["gt_score"], ["gt_score"]), "DOVER": (["score"], [])}


@pytest.mark.parametrize("asked", ["mos", "MOS"])
def test_the_score_column_is_no_status(work: Workspace, asked: str) -> None:
    """A column cannot be the score and tell whether the score counts."""
    work.write("scores.csv", "clip_id,competitor,status,MOS\na,DOVER,failed,-3.25\n")
    with pytest.raises(JoinError, match=r"scores\.csv:1: 'MOS' is the score; name another column"):
        work.join(scores=[{"path": "scores.csv", "status_field": asked}])


def test_column_names_that_are_no_text(work: Workspace) -> None:
    """A parquet sidecar with damaged names of columns is refused by name."""
    table = pa.table({"clip_id": ["a"], "scoré": [1.0]})
    path = work.write_table("scores.parquet", table, store_schema=False)
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xff\xff"))
    with pytest.raises(JoinError, match=r"scores\.parquet: cannot be read as parquet: .*utf-8"):
        work.join(scores=["DOVER=scores.parquet"])


@pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
def test_a_field_without_values_gave_no_scores(work: Workspace, form: str) -> None:
    """The audit names the fields that scores came from, whatever reads them."""
    rows: list[Row] = [
        {"clip_id": "a", "competitor": "DOVER", "mos": 1.5},
        {"clip_id": "b", "competitor": "DOVER", "mos": None},
        {"clip_id": "a", "competitor": "MUSIQ", "mos": None},
    ]
    if form == "csv":
        work.write("scores.csv", "clip_id,competitor,mos\na,DOVER,1.5\nb,DOVER,\na,MUSIQ,\n")
    elif form == "jsonl":
        work.write_lines("scores.jsonl", rows)
    else:
        work.write_table("scores.parquet", pa.Table.from_pylist(rows))
    work.join(scores=[f"scores.{form}"])
    said = work.document()["competitors"]
    assert {name: scorer["score_fields"] for name, scorer in said.items()} == {
        "DOVER": ["mos"],
        "MUSIQ": [],
    }
