"""Keys that are one clip's, however they are typed and spelt, and keys that never are."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pyarrow as pa
import pytest

from second_opinion_assets.contract.fields import clip_stem, without_suffix
from second_opinion_assets.contract.options import KeyNormalize
from second_opinion_assets.matching.keys import Normalizer
from second_opinion_assets_tests.workspace import Workspace

IDENTIFIER = 3339962845


def statuses(work: Workspace, name: str = "out.jsonl") -> list[str]:
    """Return the status of each joined row."""
    return [row["second_opinion_s_status"] for row in work.rows(name)]


def test_types_of_an_identifier(work: Workspace) -> None:
    """An identifier is one key as text, integer, float, decimal, bytes and dictionary."""
    integers = pa.array([IDENTIFIER])
    columns = {
        "int": integers,
        "uint": integers.cast(pa.uint64()),
        "float": integers.cast(pa.float64()),
        "decimal": integers.cast(pa.decimal128(25, 2)),
        "text": integers.cast(pa.string()),
        "large": integers.cast(pa.large_string()),
        "bytes": integers.cast(pa.string()).cast(pa.binary()),
        "dictionary": integers.cast(pa.string()).dictionary_encode(),
    }
    for name, column in columns.items():
        work.write_table(f"f_{name}.parquet", pa.table({"clip_id": column}))
        work.write_table(f"s_{name}.parquet", pa.table({"clip_id": column, "score": [1.0]}))
    work.write("s_text.jsonl", f'{{"clip_id": "{IDENTIFIER}", "score": 1}}\n')
    work.write("s_number.jsonl", f'{{"clip_id": {IDENTIFIER}, "score": 1}}\n')
    work.write("s_float.json", f'[{{"clip_id": {IDENTIFIER}.0, "score": 1}}]')
    work.write("s_float.csv", f"clip_id,score\n{IDENTIFIER}.0,1\n")
    work.write("f_float.jsonl", f'{{"clip_id": {IDENTIFIER}.0}}\n')
    features = [f"f_{name}.parquet" for name in columns] + ["f_float.jsonl"]
    scores = [f"s_{name}.parquet" for name in columns]
    scores += ["s_text.jsonl", "s_number.jsonl", "s_float.json", "s_float.csv"]
    found = {}
    for table in features:
        for sidecar in scores:
            work.join(features=table, scores=[f"S={sidecar}"])
            found[table, sidecar] = statuses(work)
    assert {pair for pair, got in found.items() if got != ["ok"]} == set()


@pytest.mark.parametrize(
    ("key", "other"),
    [
        pytest.param('"0123456789"', "123456789", id="leading-zero"),
        pytest.param('"3339962845"', "3.33996e9", id="rounded-by-excel"),
        pytest.param('"1.50"', "1.5", id="digits-after-the-point"),
        pytest.param('"12.0"', "12", id="text-that-looks-like-a-float"),
    ],
)
def test_numbers_that_are_other_keys(work: Workspace, key: str, other: str) -> None:
    """A number is no other number, and a text in JSON is that very text."""
    work.write("features.jsonl", f'{{"clip_id": {key}}}\n')
    work.write("s.jsonl", f'{{"clip_id": {other}, "score": 1}}\n')
    work.join(scores=["S=s.jsonl"])
    assert statuses(work) == ["missing"]


def test_a_float_that_is_not_certain_is_no_identifier(work: Workspace) -> None:
    """A float of 32 bits has lost the last digits of a long identifier, and finds no clip."""
    rounded = pa.array([IDENTIFIER]).cast(pa.float64()).cast(pa.float32())
    work.write("features.jsonl", f'{{"clip_id": {int(rounded[0].as_py())}}}\n')
    work.write_table("s.parquet", pa.table({"clip_id": rounded, "score": [1.0]}))
    work.join(scores=["S=s.parquet"])
    assert statuses(work) == ["missing"]


def test_null_keys_of_a_parquet_sidecar(work: Workspace) -> None:
    """A score row without a key is passed over, and that is told."""
    keys = pa.array([1.0, None, float("nan")])
    work.write("features.jsonl", '{"clip_id": 1}\n{"clip_id": null}\n{"clip_id": "nan"}\n')
    work.write_table("s.parquet", pa.table({"clip_id": keys, "score": [1.0, 2.0, 3.0]}))
    result = work.join(scores=["S=s.parquet"])
    assert statuses(work) == ["ok", "missing", "missing"]
    [sidecar] = result.sidecars
    assert (sidecar.rows, sidecar.skipped_lines) == (1, 2)
    assert sidecar.files[0].skipped[0].endswith('s.parquet::$[1]: "clip_id is null"')


@pytest.mark.parametrize("mode", list(KeyNormalize))
def test_composed_and_decomposed_names(work: Workspace, mode: KeyNormalize) -> None:
    """A name is one key in Unicode NFC and NFD, by every way of reading keys."""
    name = "Fêté_Ångström.mp4"
    composed, decomposed = (unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    work.write("features.jsonl", json.dumps({"path": decomposed}, ensure_ascii=False) + "\n")
    work.write(
        "s.csv",
        f"path,score\n/clips/{composed},1\n"
        if mode == "basename"
        else f"path,score\n{composed},1\n",
    )
    work.join(scores=["S=s.csv"], key_normalize=mode)
    assert statuses(work) == ["ok"]
    assert work.rows()[0]["path"] == decomposed


def test_two_spellings_in_one_table_are_one_clip(work: Workspace) -> None:
    """A table with both spellings of a name has one clip twice, and no collision."""
    keys = [unicodedata.normalize(form, "é.mp4") for form in ("NFC", "NFD")]
    work.write_lines("features.jsonl", [{"path": key} for key in keys])
    work.write_lines("s.jsonl", [{"path": keys[0], "score": 1}])
    work.join(scores=["S=s.jsonl"])
    assert statuses(work) == ["ok", "ok"]


@pytest.mark.parametrize("mode", ["basename", "stem", "suffix"])
def test_letter_case_of_a_suffix(work: Workspace, mode: str) -> None:
    """The letter case of a clip's suffix does not matter; that of its name does."""
    work.write_lines("features.jsonl", [{"path": "a.MP4"}, {"path": "B.mp4"}])
    work.write_lines("s.jsonl", [{"path": key, "score": 1} for key in ("a.mp4", "b.mp4")])
    work.join(scores=["S=s.jsonl"], key_normalize=mode)
    assert statuses(work) == ["ok", "missing"]


def test_two_clips_that_differ_in_a_suffix(work: Workspace) -> None:
    """Where a table has both spellings of a suffix, the one like the score's gets it."""
    work.write_lines("features.jsonl", [{"path": "a.MP4"}, {"path": "a.mp4"}])
    work.write_lines("s.jsonl", [{"path": "a.mp4", "score": 1}])
    work.join(scores=["S=s.jsonl"])
    assert statuses(work) == ["bad", "ok"]


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("clip.mp4", "clip"),
        ("clip.MKV", "clip"),
        ("clip.mp4.json", "clip"),
        ("clip_59.94fps_h264", "clip_59.94fps_h264"),
        ("clip_59.94fps_h264.mp4", "clip_59.94fps_h264"),
        ("v1.2", "v1.2"),
        ("clip.264.mp4", "clip.264"),
        (".mp4", ".mp4"),
        ("..mp4", "..mp4"),
        ("clip", "clip"),
    ],
)
def test_a_stem_keeps_inner_dots(name: str, stem: str) -> None:
    """Only the suffix of a clip or of a log is cut off a name, the log's before the clip's."""
    assert clip_stem(name) == stem
    assert Normalizer(KeyNormalize.stem, "path").one(f"/d.d/{name}") == stem


def test_a_log_is_called_like_its_clip() -> None:
    """The name of a log without its own suffix is its clip's name, suffix and all."""
    assert without_suffix("clip.mp4.json") == "clip.mp4"


def test_a_log_of_a_name_with_dots(work: Workspace) -> None:
    """The key of a log in a folder is its whole name but for the log's suffix."""
    work.write_lines("features.jsonl", [{"clip_id": "x_59.94fps_h264"}])
    log: dict[str, Any] = {"frames": [{"score": 80.0}]}
    work.write("logs/x_59.94fps_h264.json", json.dumps(log))
    work.join(scores=["S=logs"])
    assert statuses(work) == ["ok"]
