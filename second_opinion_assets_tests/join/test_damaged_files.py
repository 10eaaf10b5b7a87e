"""Files that are cut short, damaged, or out of all proportion, as they lie on a disk.

Each gives one clear line and leaves everything as it was, or gives a table that is right: never a
crash, never a table with less in it than its file says. Properties of whole files belong elsewhere.
"""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests.workspace import Workspace

DOVER = "second_opinion_dover"
MAGIC_BYTES = 4
LONG = 64 << 20
DEEP = 100_000


def refusal(work: Workspace, **given: Any) -> str:
    """Return the one line that refuses a join; empty if it is joined. A refusal changes no file."""
    work.write("out.jsonl", "as it was")
    before = work.contents()
    try:
        work.join(audit_json=None, **given)
    except JoinError as error:
        line = str(error)
    else:
        return ""
    assert work.contents() == before
    assert "\n" not in line
    return line


# JSON, cut at each of its bytes.

FEATURES = '{"clip_id":"a","title":"é 😀"}\n{"clip_id":"b","l":[1,{"x":"}"}]}\r\n'.encode()
SCORES = (
    '{"clip_id":"a","competitor":"DOVER","score":72.5,"note":"é 😀"}\n'
    '{"clip_id":"b","competitor":"DOVER","frames":[{"score":1},{"score":2}]}\n'
).encode()


def is_cut(text: bytes) -> bool:
    """Say whether the last JSON line of a text is not all there."""
    last = text.rstrip().rpartition(b"\n")[2]
    try:
        json.loads(last)
    except ValueError:
        return True
    return False


@pytest.mark.parametrize("out", ["out.jsonl", "out.json", "out.parquet", "out.csv"])
def test_features_cut_anywhere(work: Workspace, out: str) -> None:
    """JSON lines that end within a line or a character are refused by line; else all are joined."""
    work.write("scores.jsonl", SCORES)
    for size in range(1, len(FEATURES)):
        cut = FEATURES[:size]
        work.write("features.jsonl", cut)
        line = len(cut[:-1].split(b"\n"))
        where = f"features.jsonl:{line}: not "
        assert (where in refusal(work, out=out)) == is_cut(cut), cut


def test_scores_cut_anywhere(work: Workspace) -> None:
    """A sidecar that ends within a line or a character is refused by line; else all counts."""
    for size in range(1, len(SCORES)):
        cut = SCORES[:size]
        work.write("scores.jsonl", cut)
        line = len(cut[:-1].split(b"\n"))
        where = f"scores.jsonl:{line}: not "
        assert (where in refusal(work)) == is_cut(cut), cut
        if not is_cut(cut):
            loaded = len(cut.splitlines())
            assert [row[f"{DOVER}_status"] for row in work.rows()].count("ok") == loaded


@pytest.mark.parametrize("form", ["features", "scores"])
def test_document_cut_anywhere(work: Workspace, form: str) -> None:
    """A JSON document that ends anywhere before its end is refused, on either side."""
    work.write("features.json", json.dumps({"corpus": "é", "rows": [{"clip_id": "a"}, {}]}))
    rows = [{"clip_id": "a", "competitor": "DOVER", "score": 1, "note": "é"}]
    work.write("scores.json", json.dumps({"rows": rows}))
    whole = work.read(f"{form}.json")
    given = {"features": "features.json", "scores": ["scores.json"]}
    assert not refusal(work, **given)
    for size in range(len(whole)):
        work.write(f"{form}.json", whole[:size])
        assert f"{form}.json" in refusal(work, **given), whole[:size]


# Parquet, cut and damaged.


def parquet_features(work: Workspace, **settings: Any) -> tuple[bytes, int]:
    """Write a table of several row groups; return its bytes and where its footer starts."""
    texts = [f"clip number {number}" for number in range(300)]
    table = pa.table({"clip_id": ["a", "b"] * 150, "x": [0.5] * 300, "text": texts})
    path = work.write_table("features.parquet", table, row_group_size=100, **settings)
    data = path.read_bytes()
    return data, len(data) - pq.ParquetFile(path).metadata.serialized_size - 2 * MAGIC_BYTES


PLAIN = {"compression": "NONE", "use_dictionary": False}


@pytest.mark.parametrize("settings", [{}, PLAIN], ids=["compressed", "plain"])
@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
def test_parquet_cut_anywhere(work: Workspace, settings: dict[str, Any], out: str) -> None:
    """A parquet table that ends within a row group, the footer or its mark is refused."""
    data, footer = parquet_features(work, **settings)
    for size in {*range(0, footer, 97), *range(footer, len(data), 61), len(data) - 1}:
        work.write("features.parquet", data[:size])
        line = refusal(work, features="features.parquet", out=out)
        assert "features.parquet: not a parquet file, or cut short: " in line, size


@pytest.mark.parametrize("settings", [{}, PLAIN], ids=["compressed", "plain"])
@pytest.mark.parametrize("out", ["out.jsonl", "out.parquet"])
def test_parquet_that_lost_bytes_before_its_footer(
    work: Workspace, settings: dict[str, Any], out: str
) -> None:
    """Bytes lost before a footer that is whole are noticed, however few and wherever."""
    data, footer = parquet_features(work, **settings)
    for start in {*range(MAGIC_BYTES, footer, 131), footer - 1}:
        for lost in {1, footer - start}:
            work.write("features.parquet", data[:start] + data[start + lost :])
            line = refusal(work, features="features.parquet", out=out)
            assert "features.parquet: " in line, (start, lost)


def test_parquet_pages_with_a_checksum(work: Workspace) -> None:
    """A changed value is noticed in any page that its writer gave a checksum."""
    data, footer = parquet_features(work, **PLAIN, write_page_checksum=True)
    table = work.table("features.parquet")
    for place in range(MAGIC_BYTES, footer, 131):
        changed = bytes([data[place] ^ 1])
        work.write("features.parquet", data[:place] + changed + data[place + 1 :])
        line = refusal(work, features="features.parquet", out="out.parquet")
        # A byte of a page's head may mean nothing to the reader.
        assert line or work.table().select(table.column_names).equals(table), place


def test_parquet_text_that_is_none(work: Workspace) -> None:
    """Bytes that a parquet table wrongly calls text are refused where JSON needs text."""
    text = pa.array([b"\xff"]).view(pa.string())
    work.write_table("features.parquet", pa.table({"clip_id": ["a"], "x": text}))
    assert not refusal(work, features="features.parquet", out="out.parquet")
    assert work.table()["x"].cast(pa.binary()).to_pylist() == [b"\xff"]
    assert "features.parquet: " in refusal(work, features="features.parquet")
    work.write_table("features.parquet", pa.table({"clip_id": text}))
    assert "features.parquet: " in refusal(work, features="features.parquet")


# Out of all proportion.

LONG_TEXT = '"' + "é" * (LONG // 2) + '"'
DEEP_LIST = "[" * DEEP + "]" * DEEP
DEEP_OBJECT = '{"a":' * DEEP + "1" + "}" * DEEP


def test_a_line_of_64_mib(work: Workspace) -> None:
    """A huge line is a row like any other, among features and among scores."""
    line = f'{{"clip_id":"a","x":{LONG_TEXT}'
    work.write("features.jsonl", f'{{"clip_id":"b"}}\n{line}}}\n')
    score = '"competitor":"DOVER","score":72.5'
    work.write("scores.jsonl", f'{{"clip_id":"a",{score},"x":{LONG_TEXT}}}\n')
    work.join()
    first, second = work.read().splitlines()
    assert b'"missing"' in first
    assert second.startswith(line.encode() + b',"')
    assert json.loads(second)[f"{DOVER}_score"] == 72.5


@pytest.mark.parametrize("value", [DEEP_LIST, DEEP_OBJECT], ids=["list", "object"])
@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["plain", "carriage-return"])
def test_deep_nesting_among_features(work: Workspace, value: str, end: str) -> None:
    """A feature row nested too deeply to be read is refused by its line."""
    work.write("features.jsonl", f'{{"clip_id":"a"}}{end}{{"clip_id":"b","x":{value}}}{end}')
    assert "features.jsonl:2: nested too deeply" in refusal(work)


@pytest.mark.parametrize("value", [DEEP_LIST, DEEP_OBJECT], ids=["list", "object"])
@pytest.mark.parametrize("form", ["features.json", "scores.json", "scores.jsonl"])
def test_deep_nesting_elsewhere(work: Workspace, value: str, form: str) -> None:
    """A sidecar or a document nested too deeply to be read is refused by its place."""
    row = f'{{"clip_id":"a","competitor":"DOVER","score":1,"x":{value}}}'
    work.write(form, row if form.endswith("l") else f"[{row}]")
    given = {"features": form} if form == "features.json" else {"scores": [form]}
    line = refusal(work, **given)
    assert form in line
    assert "nested too deeply" in line
