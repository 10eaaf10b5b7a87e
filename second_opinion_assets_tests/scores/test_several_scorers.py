"""One file with a field for each of several scorers, read once for them all."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.explain import explain, manifest_entry
from second_opinion_assets.join.manifest_sidecars import read_sidecar_entry
from second_opinion_assets.scores import read
from second_opinion_assets.storage import ahead
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input
from second_opinion_assets_tests.workspace import Workspace

Row = dict[str, Any]
SCORERS = {"MUSIQ": "musiq", "CLIP-IQA": "clipiqa+", "NIQE": "niqe"}
ROWS: list[Row] = [
    {"clip_id": "a", "musiq": 71.5, "clipiqa+": 0.5, "niqe": 3, "mos": 2.5},
    {"clip_id": "b", "musiq": 61.5, "clipiqa+": 0.25, "niqe": None, "mos": 4.5},
]


def _csv(rows: list[Row]) -> bytes:
    cells = ([("" if v is None else str(v)) for v in row.values()] for row in rows)
    return "".join(",".join(line) + "\n" for line in [list(rows[0]), *cells]).encode()


def _parquet(rows: list[Row]) -> bytes:
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return sink.getvalue()


FORMS: dict[str, tuple[str, Callable[[list[Row]], bytes]]] = {
    "lines": ("iqa.jsonl", lambda rows: "".join(json.dumps(r) + "\n" for r in rows).encode()),
    "document": ("iqa.json", lambda rows: json.dumps(rows).encode()),
    "concatenated": ("iqa.json", lambda rows: "".join(map(json.dumps, rows)).encode()),
    "csv": ("iqa.csv", _csv),
    "parquet": ("iqa.parquet", _parquet),
}


def _values(work: Workspace, slug: str) -> list[tuple[float | None, str]]:
    start = f"second_opinion_{slug}_"
    return [(row[f"{start}score"], row[f"{start}status"]) for row in work.rows()]


@contextmanager
def _opened() -> Iterator[list[str]]:
    """Return the names of the sidecars that are opened."""
    names = []

    def opened(location: Location, *more: Any) -> Input:
        names.append(location.name)
        return Input(location, *more)

    with patch.object(read, "Input", opened), patch.object(ahead, "Input", opened):
        yield names


@pytest.mark.parametrize("form", FORMS)
def test_several_scorers_of_one_file(work: Workspace, form: str) -> None:
    """A file with a field for each scorer is opened once, and gives each its own scores."""
    name, content = FORMS[form]
    work.write(name, content(ROWS))
    with _opened() as opened:
        result = work.join(scores=[{"path": name, "scorers": SCORERS}])
    assert opened == [name]
    assert list(result.tally.scorers) == ["CLIP-IQA", "MUSIQ", "NIQE"]
    assert _values(work, "musiq") == [(71.5, "ok"), (61.5, "ok")]
    assert _values(work, "clip_iqa") == [(0.5, "ok"), (0.25, "ok")]
    assert _values(work, "niqe") == [(3, "ok"), (None, "bad")]
    scorers = work.document()["competitors"]
    assert [scorers[scorer]["score_fields"] for scorer in SCORERS] == [
        ["musiq"],
        ["clipiqa+"],
        ["niqe"],
    ]


@pytest.mark.parametrize("form", FORMS)
def test_a_field_that_a_row_lacks(work: Workspace, form: str) -> None:
    """A row without a scorer's field is bad for it: its other fields are other scorers'."""
    name, content = FORMS[form]
    rows = [{**row, "score": 9, "vmaf": 8} for row in ROWS]
    work.write(name, content(rows))
    result = work.join(scores=[{"path": name, "scorers": SCORERS}])
    assert _values(work, "niqe") == [(3, "ok"), (None, "bad")]
    assert result.tally.scorers["NIQE"].bad[0].reason == "no score"


def test_frames_with_a_field_a_scorer(work: Workspace) -> None:
    """Fields of frames are averaged, each for its scorer alone."""
    frames = [{"musiq": 1, "niqe": 5, "score": 0}, {"musiq": 3, "niqe": 6, "score": 0}]
    work.write_lines("s.jsonl", [{"clip_id": "a", "frames": frames}])
    work.join(scores=[{"path": "s.jsonl", "scorers": {"M": "musiq", "N": "niqe"}}])
    assert _values(work, "m")[0] == (2, "ok")
    assert _values(work, "n")[0] == (5.5, "ok")


def test_several_scorers_of_a_folder(work: Workspace) -> None:
    """Files of one clip give several metrics; one that lacks a metric is bad for that one."""
    metrics = {"vmaf": {"mean": 80, "min": 70}, "psnr_y": {"mean": 40}}
    work.write("logs/a.json", json.dumps({"frames": [], "pooled_metrics": metrics}))
    del metrics["psnr_y"]
    work.write("logs/b.json", json.dumps({"frames": [], "pooled_metrics": metrics}))
    fields = {"VMAF": "pooled_metrics.vmaf.mean", "PSNR": "pooled_metrics.psnr_y.mean"}
    with _opened() as opened:
        result = work.join(scores=[{"path": "logs", "scorers": fields}])
    assert opened == ["a.json", "b.json"]
    assert _values(work, "vmaf") == [(80, "ok"), (80, "ok")]
    assert _values(work, "psnr") == [(40, "ok"), (None, "bad")]
    assert result.tally.scorers["PSNR"].bad_reasons == {"no score": 1}


def test_a_broken_file_is_bad_for_every_scorer(work: Workspace) -> None:
    """A file that cannot be read has no score of any of its scorers."""
    work.write("logs/a.json", '{"x": 1, "y": 2}')
    work.write("logs/b.json", '{"x": 1')
    work.join(scores=[{"path": "logs", "scorers": {"X": "x", "Y": "y"}}])
    assert _values(work, "x") == [(1, "ok"), (None, "bad")]
    assert _values(work, "y") == [(2, "ok"), (None, "bad")]


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_a_field_that_is_not_there(work: Workspace, form: str) -> None:
    """A field that no row has is an error that names the fields there are."""
    name, content = FORMS[form]
    work.write(name, content(ROWS))
    with pytest.raises(JoinError, match=r"no score column 'muzik' among clip_id, musiq, clipiqa\+"):
        work.join(scores=[{"path": name, "scorers": {"MUSIQ": "muzik", "NIQE": "niqe"}}])


@pytest.mark.parametrize("form", ["lines", "document", "concatenated"])
def test_a_field_that_no_row_has(work: Workspace, form: str) -> None:
    """A scorer's field that no row has is an error that names the fields there are."""
    name, content = FORMS[form]
    work.write(name, content(ROWS))
    with pytest.raises(JoinError, match=r"no row has 'muzik', .*did you mean 'musiq'\? there are"):
        work.join(scores=[{"path": name, "scorers": {"MUSIQ": "muzik", "NIQE": "niqe"}}])


def test_rows_that_name_one_scorer(work: Workspace) -> None:
    """Scorers are as they are named for their fields, whatever one name the rows give."""
    work.write_lines("s.jsonl", [{**row, "competitor": "pyiqa"} for row in ROWS])
    result = work.join(scores=[{"path": "s.jsonl", "scorers": {"MUSIQ": "musiq", "NIQE": "niqe"}}])
    assert list(result.tally.scorers) == ["MUSIQ", "NIQE"]


def test_rows_that_name_several_scorers(work: Workspace) -> None:
    """A file whose rows are of several scorers has no field that is one scorer's."""
    rows = [{**row, "competitor": name} for row, name in zip(ROWS, "xy", strict=True)]
    work.write_lines("s.jsonl", rows)
    with pytest.raises(JoinError, match=r"s\.jsonl: has rows of x and of y, so that no field"):
        work.join(scores=[{"path": "s.jsonl", "scorers": {"MUSIQ": "musiq"}}])


def test_audit_of_several_scorers(work: Workspace) -> None:
    """The audit has the file once, with the rule that names its scorers."""
    work.write("iqa.csv", _csv(ROWS))
    work.join(scores=[{"path": "iqa.csv", "scorers": SCORERS}])
    (entry,) = work.document()["run_provenance"]["inputs"]["scores"]
    assert entry["rules"] == {"scorers": SCORERS}
    assert (entry["rows"], entry["competitors"]) == (2, ["CLIP-IQA", "MUSIQ", "NIQE"])


def test_fingerprint_of_several_scorers(work: Workspace) -> None:
    """Another field for a scorer is another join."""
    work.write("iqa.csv", _csv(ROWS))
    one = work.join(scores=[{"path": "iqa.csv", "scorers": {"A": "musiq"}}]).fingerprint
    other = work.join(scores=[{"path": "iqa.csv", "scorers": {"A": "niqe"}}]).fingerprint
    assert one != other


def test_explaining_several_scorers(work: Workspace) -> None:
    """An explanation tells of each scorer, and ends with an entry that joins them."""
    work.write("iqa.csv", _csv(ROWS))
    base = Location(work.folder)
    given = {"path": "iqa.csv", "scorers": SCORERS, "key_field": "clip_id"}
    sidecar = read_sidecar_entry(given, "scores", base)
    explanation = explain(base / "features.jsonl", [sidecar], work.spec().options)
    (told,) = explanation.sidecars
    assert [(s.competitor, s.score_fields, s.bad_rows) for s in told.scorers] == [
        ("MUSIQ", ["musiq"], 0),
        ("CLIP-IQA", ["clipiqa+"], 0),
        ("NIQE", ["niqe"], 1),
    ]
    assert manifest_entry(explanation)["scores"] == [given]


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        (
            {"label": "A"},
            r"scores\.scorers: names scorers and their fields already; leave out label",
        ),
        ({"score_field": "A"}, r"scores\.scorers: names .* already; leave out score_field"),
        ({"scorers": {}}, r'scores\.scorers: expected an object of scorers, as \{"MUSIQ"'),
        ({"scorers": {" ": "a"}}, r"scores\.scorers: expected an object of scorers"),
        ({"scorers": {"A": ""}}, r"scores\.scorers: expected an object of scorers"),
        ({"scorers": {"A": 3}}, r"scores: scorers.*Expected `str`, got `int`"),
        ({"scorers": ["A"]}, r"scores: scorers: Expected `object \| null`, got `array`"),
        ({"scorers": {"A": "x", "B": "x"}}, r"A and B would have one field, x; leave out one"),
        ({"scorers": {"A": "gt_score"}}, r"score_field is 'gt_score', a label"),
    ],
)
def test_refused_entries(work: Workspace, entry: Row, message: str) -> None:
    """Scorers that cannot be told apart by their fields are refused, with the place."""
    work.write("iqa.csv", "clip_id,a,gt_score\na,1,2\n")
    with pytest.raises(JoinError, match=message):
        work.join(scores=[{"path": "iqa.csv", "scorers": {"A": "a"}, **entry}])


def test_a_file_several_times(work: Workspace) -> None:
    """One file may be given several times, each time with another field behind its path."""
    work.write("iqa.csv", _csv(ROWS))
    work.join(scores=["MUSIQ=iqa.csv::musiq", "NIQE=iqa.csv::niqe"])
    assert _values(work, "musiq") == [(71.5, "ok"), (61.5, "ok")]
    assert _values(work, "niqe")[0] == (3, "ok")
