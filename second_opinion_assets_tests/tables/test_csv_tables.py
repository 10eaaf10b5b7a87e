"""CSV feature tables and outputs: a line keeps its own bytes and gains cells."""

from __future__ import annotations

import csv
import io
from typing import Any

import pyarrow as pa
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join import join, phases
from second_opinion_assets_tests.workspace import Workspace

NAMES = [
    f"second_opinion_dover_{name}" for name in ("score", "status", "runtime_ms", "frames", "source")
]


def joined(work: Workspace, text: str | bytes, name: str = "features.csv", **given: Any) -> bytes:
    """Return what a CSV table becomes as CSV."""
    work.write(name, text)
    out = given.pop("out", "out.csv")
    work.join(features=name, out=out, **given)
    return work.read(out)


def header(delimiter: str = ",") -> str:
    """Return the names of the appended columns, each behind a delimiter."""
    return "".join(delimiter + name for name in NAMES)


@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["lf", "crlf"])
@pytest.mark.parametrize("last", [True, False], ids=["ended", "open"])
@pytest.mark.parametrize("mark", ["", "\ufeff"], ids=["plain", "bom"])
def test_a_line_gains_cells(
    work: Workspace, delimiter: str, end: str, mark: str, *, last: bool
) -> None:
    """Delimiter, line ends, a last line without one and a byte order mark stay."""
    lines = [["clip_id", "psnr"], ["a", "41.20"], ["b", ""]]
    text = mark + end.join(delimiter.join(cells) for cells in lines) + end * last
    gained = [header(delimiter)[1:], *(",".join(c).replace(",", delimiter) for c in VALUES)]
    wanted = [delimiter.join([*line, more]) for line, more in zip(lines, gained, strict=True)]
    assert joined(work, text) == (mark + end.join(wanted) + end * last).encode()


VALUES = [["72.5", "ok", "", "0", "scores.jsonl"], ["", "missing", "", "0", ""]]


def test_cells_in_quotes(work: Workspace) -> None:
    """Cells in quotes hold delimiters, line feeds and quotes, and stay as they stand."""
    text = 'note,"clip_id"\n"x, ""y""\nz","a"\n,b\n"","c"\n'
    out = joined(work, text).decode()
    assert out == (
        f'note,"clip_id"{header()}\n'
        '"x, ""y""\nz","a",72.5,ok,,0,scores.jsonl\n'
        ",b,,missing,,0,\n"
        '"","c",,missing,,0,\n'
    )


def test_quotes_within_a_cell_that_begins_with_none(work: Workspace) -> None:
    """Such quotes are characters like others, as csv and pandas take them."""
    text = 'clip_id,note\na,5" screen\n"b",""\n'
    rows = list(csv.reader(io.StringIO(joined(work, text).decode())))
    assert [row[:2] for row in rows] == [["clip_id", "note"], ["a", '5" screen'], ["b", ""]]
    assert rows[1][2:] == VALUES[0]


def test_blank_lines_stay(work: Workspace) -> None:
    """Lines that hold nothing are no rows, and stay where they are."""
    out = joined(work, "\nclip_id,x\n\na,1\n  \n\nb,2\n\n\n").decode()
    assert out == f"\nclip_id,x{header()}\n\na,1,{line(0)}\n  \n\nb,2,{line(1)}\n\n\n"


def line(number: int) -> str:
    """Return the appended cells of clip a or b."""
    return ",".join(VALUES[number])


def test_one_column(work: Workspace) -> None:
    """A list of clips is a table of one column."""
    assert joined(work, "clip_id\na\n\nb").decode() == (
        f"clip_id{header()}\na,{line(0)}\n\nb,{line(1)}"
    )


@pytest.mark.parametrize("name", ["features.csv", "features.tsv"])
def test_a_delimiter_is_told_by_header_and_rows(work: Workspace, name: str) -> None:
    """Decimal commas part no cells where semicolons do, whatever the suffix."""
    text = "clip_id;psnr, dB\na;41,2\nb;40,1\n"
    out = joined(work, text, name=name).decode()
    assert out.splitlines()[1] == "a;41,2;" + line(0).replace(",", ";")


def test_a_trailing_delimiter_of_every_line_is_a_column(work: Workspace) -> None:
    """Where each line ends with a delimiter there is a last column without a name."""
    assert joined(work, "clip_id,x,\na,1,\n").decode() == f"clip_id,x,{header()}\na,1,,{line(0)}\n"


def test_columns_of_one_name_stay(work: Workspace) -> None:
    """Two columns of one name stay as they are, if neither is the key."""
    out = joined(work, "clip_id,x,x\na,1,2\n").decode()
    assert out == f"clip_id,x,x{header()}\na,1,2,{line(0)}\n"


@pytest.mark.parametrize("out", ["out.jsonl", "out.json", "out.parquet"])
def test_columns_of_one_name_are_no_rows_of_names(work: Workspace, out: str) -> None:
    """Two columns of one name are refused where rows are told by names."""
    work.write("features.csv", "clip_id,x,x\na,1,2\n")
    with pytest.raises(JoinError, match=r"features\.csv: two columns are named 'x'; rename one"):
        work.join(features="features.csv", out=out)


def test_white_space_around_a_name(work: Workspace) -> None:
    """A header as DOVER writes it names its columns without the space, and keeps it."""
    out = joined(work, "path, psnr\nd/a,1\n").decode()
    assert out.startswith(f"path, psnr{header()}\nd/a,1,72.5,ok,")


def test_keys_are_the_cells_text(work: Workspace) -> None:
    """A key is its cell's own text, and an empty cell is no key."""
    work.write_lines(
        "scores.jsonl",
        [{"clip_id": key, "competitor": "DOVER", "score": 1} for key in ("0123", 7, 'q"x')],
    )
    out = joined(work, 'clip_id,x\n0123,1\n7.0,2\n"q""x",3\n123,4\n,5\n').decode()
    statuses = [row["second_opinion_dover_status"] for row in csv.DictReader(io.StringIO(out))]
    assert statuses == ["ok", "ok", "ok", "missing", "missing"]
    assert work.document()["null_keys"] == 1


def test_drop(work: Workspace) -> None:
    """Dropped rows take their lines with them; the others stay as they are."""
    out = joined(work, 'x,clip_id\n"1\n2",b\n"3",a\r\n4,b', missing_policy="drop").decode()
    assert out == f'x,clip_id{header()}\n"3",a,{line(0)}\r\n'


def test_fail(work: Workspace) -> None:
    """Policy fail publishes nothing."""
    with pytest.raises(JoinError, match="missing second-opinion scores: DOVER=1"):
        joined(work, "clip_id\na\nb\n", missing_policy="fail")
    assert not (work.folder / "out.csv").exists()


def test_overwrite(work: Workspace) -> None:
    """Columns of these names are replaced wherever they stand; other cells keep their bytes."""
    text = f'{NAMES[0]},clip_id,{NAMES[3]},"x"\r\n1,a,"2,3","y,z"\r\n"",b,4,5\r\n'
    work.write("features.csv", text)
    with pytest.raises(JoinError, match=rf"the table has {NAMES[3]}, {NAMES[0]} already"):
        work.join(features="features.csv", out="out.csv")
    work.join(features="features.csv", out="out.csv", overwrite=True)
    once = work.read("out.csv")
    assert once.decode() == (f'clip_id,"x"{header()}\r\na,"y,z",{line(0)}\r\nb,5,{line(1)}\r\n')
    assert joined(work, once, overwrite=True) == once


@pytest.mark.parametrize(
    ("name", "out", "delimiter"),
    [
        ("features.csv", "out.tsv", "\t"),
        ("features.tsv", "out.csv", ","),
        ("tabs.csv", "out.csv", "\t"),
        ("tabs.csv", "out.tsv", "\t"),
    ],
)
def test_the_suffix_of_the_output_tells_tabs(
    work: Workspace, name: str, out: str, delimiter: str
) -> None:
    """A .tsv has tabs between cells, and a .csv made of one commas."""
    given = "\t" if name in {"features.tsv", "tabs.csv"} else ","
    text = f'clip_id{given}x\na{given}"1{given}2"\nb{given}\n'
    rows = list(csv.reader(io.StringIO(joined(work, text, name, out=out).decode()),
                           delimiter=delimiter))  # fmt: skip
    assert rows == [
        ["clip_id", "x", *NAMES],
        ["a", f"1{given}2", *VALUES[0]],
        ["b", "", *VALUES[1]],
    ]


def test_values_of_json_as_cells(work: Workspace) -> None:
    """Text stands as it is, null as nothing, all else as JSON has it."""
    work.write(
        "features.jsonl",
        '{"clip_id": "a", "n": 0.10, "t": "x\\ty", "e": "", "l": [1, "p"], "b": true}\n'
        '{"clip_id": null, "late": " s", "q": "\\"", "d": "1,5", "o": {}}\n',
    )
    work.join(out="out.csv")
    assert work.read("out.csv").decode() == (
        f"clip_id,n,t,e,l,b,late,q,d,o{header()}\n"
        f'a,0.10,x\ty,"","[1, ""p""]",true,,,,,{line(0)}\n'
        f',,,,,," s","""","1,5",{{}},{line(1)}\n'
    )


def test_values_of_parquet_as_cells(work: Workspace) -> None:
    """Values of parquet stand as in JSON lines: NaN as nothing, and counted."""
    table = pa.table({"clip_id": ["a", "b"], "f": [float("nan"), 1e20], "i": [[1], None]})
    work.write_table("features.parquet", table)
    result = work.join(features="features.parquet", out="out.csv")
    assert work.read("out.csv").decode() == (
        f"clip_id,f,i{header()}\na,,[1],{line(0)}\nb,1e20,,{line(1)}\n"
    )
    assert result.tally.non_finite_values == 1


def test_half_a_surrogate_pair_is_no_cell(work: Workspace) -> None:
    """JSON's escapes can make text that no file holds."""
    work.write("features.jsonl", '{"clip_id": "a", "t": "\\ud800"}\n')
    with pytest.raises(JoinError, match="half a surrogate pair"):
        work.join(out="out.csv")


@pytest.mark.parametrize("out", ["out.jsonl", "out.json", "out.parquet"])
def test_cells_are_text(work: Workspace, out: str) -> None:
    """Columns of CSV are text in other formats; nothing is inferred, an empty cell is null."""
    work.write("features.csv", 'clip_id,n,"q"\na,041.20,"x ""y"""\nb,,\n')
    result = work.join(features="features.csv", out=out)
    rows = work.rows(out) if out == "out.jsonl" else None
    rows = work.document(out)["rows"] if out == "out.json" else rows
    rows = work.table(out).to_pylist() if rows is None else rows
    assert [list(row.items())[:3] for row in rows] == [
        [("clip_id", "a"), ("n", "041.20"), ("q", 'x "y"')],
        [("clip_id", "b"), ("n", None), ("q", None)],
    ]
    assert [column.type for column in result.columns] == ["string"] * 3


def test_appended_texts_are_quoted_where_needed(work: Workspace) -> None:
    """A source that holds the delimiter stands in quotes."""
    work.write("a;b.jsonl", work.read("scores.jsonl"))
    work.write("features.csv", "clip_id;x\na;1\n")
    work.join(features="features.csv", scores=["a;b.jsonl"], out="out.csv")
    assert work.read("out.csv").endswith(b'a;1;72.5;ok;;0;"a;b.jsonl"\n')


def test_a_table_without_rows(work: Workspace) -> None:
    """A header alone gains its names."""
    assert joined(work, "clip_id,x") == f"clip_id,x{header()}".encode()


@pytest.mark.parametrize("rows", [1, 3, 200])
def test_rows_longer_than_a_block(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    """A row of many blocks, in quotes or not, is one row."""
    monkeypatch.setattr("second_opinion_assets.tables.texts.BLOCK_BYTES", 64)
    monkeypatch.setattr("second_opinion_assets.tables.csv_layout.HEAD_BYTES", 64)
    text = '"a\nlong\nheader' + "x" * 100 + '",clip_id\n'
    text += ('"' + "é,\n" * 70 + '""",a\n' + "z" * 150 + ",b\n") * rows
    found = list(csv.reader(io.StringIO(joined(work, text).decode(), newline="")))
    given = list(csv.reader(io.StringIO(text, newline="")))
    assert [row[:2] for row in found] == given
    assert [row[2:] for row in found[1:]] == VALUES * rows


def test_the_previous_output_is_compared(work: Workspace) -> None:
    """A join says what it changes of the CSV that it replaces."""
    joined(work, "clip_id\na\nb\n")
    work.write("scores.jsonl", '{"clip_id": "a", "competitor": "DOVER", "score": 70}\n')
    drift = work.join(features="features.csv", out="out.csv").drift
    assert drift.changes is not None
    assert drift.changes.scorers["DOVER"].changed_rows == 1
    assert drift.changes.scorers["DOVER"].mean_shift == -2.5


def test_a_change_while_it_is_read(work: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table that is written to between its two readings is refused."""
    path = work.write("features.csv", "clip_id\na\nb\n")

    def write_and_match(*given: Any) -> Any:
        path.write_text("clip_id\na\nc\n")
        return match(*given)

    match = phases.match_inputs
    monkeypatch.setattr(join, "match_inputs", write_and_match)
    with pytest.raises(JoinError, match="changed while it was read"):
        work.join(features="features.csv", out="out.csv")
    assert not (work.folder / "out.csv").exists()


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t"])
def test_the_path_of_a_score_file_is_no_formula(work: Workspace, start: str) -> None:
    """A name that a spreadsheet would take for a formula is a path that means the same file."""
    name = f"{start}HYPERLINK(A1).jsonl"
    work.write(name, '{"clip_id": "a", "competitor": "DOVER", "score": 72.5}\n')
    work.join(scores=[{"path": name}], out="out.csv")
    work.join(scores=[{"path": name}])
    for row in (work.csv_rows()[0], work.rows()[0]):
        assert row["second_opinion_dover_source"] == f"./{name}"


def test_a_formula_of_the_input_stays(work: Workspace) -> None:
    """The cells of a feature table are another's, and stay as they are."""
    assert b"a,=1+1,72.5," in joined(work, "clip_id,x\na,=1+1\n")
