"""Properties of sidecars: whatever is in them, the join gives what the plain reading gives.

Feature tables of many shapes belong in `test_properties_tables.py`.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests import plain
from second_opinion_assets_tests.cases import Case, cases
from second_opinion_assets_tests.knobs import Knobs
from second_opinion_assets_tests.readings import assert_agrees, join, plain_rows, show
from second_opinion_assets_tests.strategies import EXAMPLES, Object, damaged, thorough, written


@pytest.mark.parametrize("form", ["json", "csv", "parquet"])
@given(data=st.data())
@settings(max_examples=2 * EXAMPLES)
def test_the_join_gives_what_the_plain_reading_gives(data: st.DataObject, form: str) -> None:
    """Any sidecars are joined and counted, or refused, as the plain reading says."""
    assert_agrees(data.draw(cases([form, form, "json"])))


frame_numbers = st.sampled_from(["1.7e308", "1e308", "-1.7e308", "5e-324", "0", "-1", "1e16", "1"])


@given(
    st.lists(frame_numbers, min_size=1, max_size=4),
    st.lists(frame_numbers, max_size=4),
    st.booleans(),
)
@thorough
def test_frames_of_any_size_are_averaged(
    scores: list[str],
    runtimes: list[str],
    scalar: bool,  # noqa: FBT001 (drawn)
) -> None:
    """Frame scores and runtimes at the ends of float64 are read as the contract says."""
    frames = [Object([("score", score)]) for score in scores]
    for frame, runtime in zip(frames, runtimes, strict=False):
        frame.append(("runtime_ms", runtime))
    row = Object([("clip_id", '"c0"'), ("frames", frames), *([("mos", "3")] if scalar else [])])
    text = written(row, "").encode()
    case = Case(
        [plain.ScoreFile(text, form="lines", written="s.jsonl", label="a")],
        [b'{"clip_id": "c0"}'],
        plain.Options(),
        Knobs(4 << 20, 200),
    )
    assert_agrees(case)


@given(st.data())
@thorough
def test_a_damaged_sidecar_is_never_half_read(data: st.DataObject) -> None:
    """A sidecar with changed bytes is joined or refused as the plain reading says."""
    case = data.draw(cases())
    texts = [n for n, file in enumerate(case.files) if file.form != "parquet"]
    assume(texts)
    number = data.draw(st.sampled_from(texts))
    file = case.files[number]
    text = data.draw(damaged(file.text))
    files_then = [*case.files]
    files_then[number] = replace(file, text=text)
    case = case._replace(files=files_then)
    show(case)
    try:
        readable = plain_rows(case) is not None
    except plain.Unclear:
        readable = None
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "out.jsonl")
        out.write_text("as it was")
        try:
            join(case, Path(folder))
        except JoinError:
            assert not readable
            assert out.read_text() == "as it was"
            assert not list(Path(folder).glob(".*.tmp"))
        else:
            assert readable is not False


breaks = st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", "\n \n", "", " "])


@given(st.lists(st.tuples(st.integers(0, 9), breaks, st.booleans()), min_size=1, max_size=8))
@thorough
def test_a_line_holds_one_row(parts: list[tuple[int, str, bool]]) -> None:
    """Two rows on one line, or one row over two lines, are refused as the plain reading says."""
    text = "".join(
        f'{{"clip_id": "c{clip}",{newline * chr(10)} "score": {clip}}}{end}'
        for clip, end, newline in [(0, "\n", False), *parts]
    )
    file = plain.ScoreFile(text.encode(), form="lines", written="s.jsonl", label="a")
    knobs = Knobs(4 << 20, 1)
    assert_agrees(Case([file], [b'{"clip_id": "c0"}'], plain.Options(), knobs))


@given(st.integers(0, 3), st.integers(0, 3), st.sampled_from(['"x\udcff"', '"\udcc3"']))
@thorough
def test_score_bytes_that_are_no_text_are_refused(before: int, after: int, wrong: str) -> None:
    """A sidecar with bytes that are not UTF-8 is refused whichever row has them."""
    notes = ['"x"'] * before + [wrong] + ['"x"'] * after
    rows = (f'{{"clip_id": "c{n}", "score": 1, "note": {text}}}\n' for n, text in enumerate(notes))
    text = "".join(rows).encode(errors="surrogateescape")
    file = plain.ScoreFile(text, form="lines", written="s.jsonl", label="a")
    knobs = Knobs(64, 1)
    assert_agrees(Case([file], [b'{"clip_id": "c0"}'], plain.Options(), knobs))
