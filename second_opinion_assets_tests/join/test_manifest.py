"""Manifests: what a good one means, and by example what is wrong with a bad one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest

from second_opinion_assets.contract.errors import JoinError, ManifestError
from second_opinion_assets.contract.options import JoinOptions, KeyNormalize, MissingPolicy
from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.join.manifest_sidecars import (
    as_written,
    parse_sidecar,
    read_sidecar_entry,
)
from second_opinion_assets.scores.sidecar import SidecarRules
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.examples import example_message, examples
from second_opinion_assets_tests.workspace import Workspace

TABLE = {"id": "t", "features": "f.jsonl", "scores": ["s.jsonl"], "out": "o.jsonl"}


def _load(work: Workspace, *tables: dict[str, Any], **root: Any) -> Manifest:
    path = work.write("batch/manifest.json", json.dumps({"tables": tables, **root}))
    return load_manifest(Location(path))


@pytest.mark.parametrize("example", examples("join/examples/rejected_manifests"))
def test_rejected_manifest(example: Path, work: Workspace) -> None:
    """A rejected manifest is refused with one line that names the place."""
    path = Path(shutil.copy(example, work.folder))
    with pytest.raises(ManifestError, match=r"^[^\n]+\Z") as caught:
        load_manifest(Location(path))
    assert str(caught.value) == example_message(example, work.folder)


@pytest.mark.parametrize("example", examples("join/examples/manifests_of_many_mistakes"))
def test_many_mistakes(example: Path, work: Workspace) -> None:
    """All mistakes of a manifest are named at once, each in a line, in the manifest's order."""
    path = Path(shutil.copy(example, work.folder))
    with pytest.raises(ManifestError, match=r"\n") as caught:
        load_manifest(Location(path))
    assert str(caught.value) == example_message(example, work.folder)


def test_a_mistake_of_the_defaults_is_named_once(work: Workspace) -> None:
    """What is wrong with the defaults is not said again for each table."""
    defaults = {"prefix": "a b", "key_normalize": "steem"}
    with pytest.raises(ManifestError, match=r"^[^\n]+prefix[^\n]+\n[^\n]+key_normalize[^\n]+\Z"):
        _load(work, TABLE, {**TABLE, "id": "u", "out": "p.jsonl"}, defaults=defaults)


def test_manifest_that_is_not_there(work: Workspace) -> None:
    """A manifest that is not there is a manifest error."""
    with pytest.raises(ManifestError, match=r"gone\.json: cannot be read: No such file"):
        load_manifest(Location(work.folder / "gone.json"))


def test_paths_are_relative_to_the_manifest(work: Workspace) -> None:
    """Without a base directory, paths start at the manifest's folder."""
    table = _load(work, {**TABLE, "audit_json": "a.json"}).table("t")
    folder = Location(work.folder / "batch")
    assert table.features == folder / "f.jsonl"
    assert table.scores[0].path == folder / "s.jsonl"
    assert table.out == folder / "o.jsonl"
    assert table.audit_json == folder / "a.json"


def test_paths_are_relative_to_a_base_directory(work: Workspace) -> None:
    """A base directory takes the place of the manifest's folder."""
    path = work.write("batch/manifest.json", json.dumps({"tables": [TABLE]}))
    table = load_manifest(Location(path), Location("elsewhere")).table("t")
    assert table.inputs == [Location("elsewhere/f.jsonl"), Location("elsewhere/s.jsonl")]
    assert table.outputs == [Location("elsewhere/o.jsonl")]


def test_absolute_paths_stay(work: Workspace) -> None:
    """An absolute path is taken as it is."""
    table = _load(work, {**TABLE, "features": "/data/f.pq"}).table("t")
    assert table.features == Location("/data/f.pq")


def test_table_options_override_defaults(work: Workspace) -> None:
    """A table's own options go before the defaults; what neither names is the common default."""
    defaults = {"missing_policy": "fail", "prefix": "so", "key_column": "clip"}
    table = _load(work, {**TABLE, "missing_policy": "drop"}, defaults=defaults).table("t")
    assert table.options == JoinOptions(
        missing_policy=MissingPolicy.drop, prefix="so", key_column="clip"
    )


def test_every_option_may_be_set_for_a_table(work: Workspace) -> None:
    """Every option of a single join may stand in a table."""
    given = {
        "missing_policy": "drop",
        "key_column": "a",
        "score_key_field": "b",
        "score_field": "c",
        "label_as_score": True,
        "key_normalize": "stem",
        "key_pattern": "(e)",
        "duplicates": "mean",
        "prefix": "d",
        "overwrite": True,
        "canonical_names": True,
        "min_coverage": {"DOVER": 0.9},
        "allow_empty": True,
    }
    assert _load(work, {**TABLE, **given}).table("t").options.as_dict() == given


def test_options_of_a_table_that_names_none(work: Workspace) -> None:
    """Without options a table marks what is missing and normalises keys by field name."""
    options = _load(work, TABLE).table("t").options
    assert (options.missing_policy, options.key_normalize) == (
        MissingPolicy.mark,
        KeyNormalize.auto,
    )
    assert (options.prefix, options.overwrite) == ("second_opinion", False)


@pytest.mark.parametrize(("policy", "grade"), [("mark", False), ("drop", False), ("fail", True)])
def test_promotion_grade(work: Workspace, policy: str, *, grade: bool) -> None:
    """A table whose manifest says fail is promotion-grade, and no other."""
    table = _load(work, TABLE, defaults={"missing_policy": policy}).table("t")
    assert table.promotion_grade is grade


def test_other_root_keys_are_ignored(work: Workspace) -> None:
    """A key at the root that means nothing here is passed over."""
    assert len(_load(work, TABLE, comment="by hand", version=3).tables) == 1


def test_tables_keep_their_order(work: Workspace) -> None:
    """The tables come in the order of the manifest."""
    tables = [{**TABLE, "id": name, "out": f"{name}.jsonl"} for name in ("z", "a", "m")]
    assert [table.id for table in _load(work, *tables).tables] == ["z", "a", "m"]


def test_one_input_may_serve_two_tables(work: Workspace) -> None:
    """Two tables may share features and score files."""
    assert len(_load(work, TABLE, {**TABLE, "id": "u", "out": "p.jsonl"}).tables) == 2


def test_out_that_is_a_link_to_an_input(work: Workspace) -> None:
    """An output that is a link to an input is refused as that input."""
    work.write("batch/f.jsonl", "")
    (work.folder / "batch/o.jsonl").symlink_to("f.jsonl")
    with pytest.raises(ManifestError, match=r"table 't' writes .*o\.jsonl, an input of 't'"):
        _load(work, TABLE)


@pytest.mark.parametrize("key", ["out", "audit_json"])
def test_output_that_is_the_manifest(work: Workspace, key: str) -> None:
    """The manifest is an input of the batch, so no table may write it."""
    with pytest.raises(ManifestError, match=r"'t' writes .*manifest\.json"):
        _load(work, {**TABLE, key: "manifest.json"})


def test_manifest_with_byte_order_mark(work: Workspace) -> None:
    """A manifest may start with a byte order mark."""
    path = work.write("m.json", "\ufeff" + json.dumps({"tables": [TABLE]}))
    assert load_manifest(Location(path)).table("t").id == "t"


def test_score_files_of_a_table(work: Workspace) -> None:
    """A score file is given as path, as SCORER=path, or as an object with path and label."""
    scores = ["x/s.jsonl", "DOVER=d.jsonl", {"path": "q.json"}, {"path": "m.json", "label": "M"}]
    found = _load(work, {**TABLE, "scores": scores}).table("t").scores
    assert [(sidecar.written, sidecar.label, sidecar.spec) for sidecar in found] == [
        ("x/s.jsonl", None, "x/s.jsonl"),
        ("d.jsonl", "DOVER", "DOVER=d.jsonl"),
        ("q.json", None, "q.json"),
        ("m.json", "M", "M=m.json"),
    ]


@pytest.mark.parametrize(
    ("spec", "label", "written"),
    [
        pytest.param("s.jsonl", None, "s.jsonl", id="path"),
        pytest.param("DOVER=s.jsonl", "DOVER", "s.jsonl", id="label"),
        pytest.param("Q Align = s.jsonl", "Q Align", " s.jsonl", id="label-with-spaces"),
        pytest.param("DOVER=x=1/s.jsonl", "DOVER", "x=1/s.jsonl", id="equals-in-labelled-path"),
        pytest.param("runs/lr=0.1/s.jsonl", None, "runs/lr=0.1/s.jsonl", id="equals-in-folder"),
        pytest.param("/data/a=b.jsonl", None, "/data/a=b.jsonl", id="equals-in-file-name"),
        pytest.param("VMAF=logs/codec=*/*.json", "VMAF", "logs/codec=*/*.json", id="pattern"),
    ],
)
def test_parse_sidecar(spec: str, label: str | None, written: str) -> None:
    """What stands before the first equals sign is a label unless it holds a slash."""
    sidecar = parse_sidecar(spec, Location("base"))
    assert (sidecar.label, sidecar.written, sidecar.spec) == (label, written, spec)
    assert sidecar.path == Location("base") / written


@pytest.mark.parametrize(
    ("spec", "label", "written", "field"),
    [
        ("d.csv::overall", None, "d.csv", "overall"),
        ("DOVER=d.csv::overall/final score", "DOVER", "d.csv", "overall/final score"),
        (
            "VMAF=logs/*.json::pooled_metrics.vmaf.min",
            "VMAF",
            "logs/*.json",
            "pooled_metrics.vmaf.min",
        ),
        ("d.csv::a=b", None, "d.csv", "a=b"),
        ("A=x::y.csv::z", "A", "x::y.csv", "z"),
    ],
)
def test_score_field_behind_a_path(spec: str, label: str | None, written: str, field: str) -> None:
    """What stands behind the last two colons is the field of the score."""
    sidecar = parse_sidecar(spec, Location("base"))
    assert (sidecar.label, sidecar.written) == (label, written)
    assert sidecar.rules == SidecarRules(score_field=field)


@pytest.mark.parametrize(
    ("there", "spec", "label", "written", "field"),
    [
        ("vmaf_crf=18.csv", "vmaf_crf=18.csv", None, "vmaf_crf=18.csv", None),
        ("vmaf_crf=18.csv", "VMAF=vmaf_crf=18.csv", "VMAF", "vmaf_crf=18.csv", None),
        ("vmaf_crf=18.csv", "vmaf_crf=18.csv::mean", None, "vmaf_crf=18.csv", "mean"),
        ("codec=av1/s.csv", "codec=av1", None, "codec=av1", None),
        ("crf=18.csv", "crf=*.csv", None, "crf=*.csv", None),
        ("a::b.csv", "a::b.csv", None, "a::b.csv", None),
        ("a::b.csv", "A=a::b.csv", "A", "a::b.csv", None),
        ("a::b.csv", "A=a::b.csv::f", "A", "a::b.csv", "f"),
        ("a::b=c.csv", "a::b=c.csv", None, "a::b=c.csv", None),
    ],
)
def test_what_is_there_goes_first(
    work: Workspace, there: str, spec: str, label: str | None, written: str, field: str | None
) -> None:
    """A text that is a file, a folder or a pattern that matches is that, and nothing is cut off."""
    work.write(there, "path,score\n")
    sidecar = parse_sidecar(spec, Location(work.folder))
    assert (sidecar.label, sidecar.written) == (label, written)
    assert sidecar.rules.score_field == field


@pytest.mark.parametrize(
    "entry",
    [
        "DOVER=d.csv",
        {"path": "vmaf_crf=18.csv", "label": None},
        {"path": "d.csv", "label": "a=b"},
        {"path": "a::b.csv", "label": "A"},
        {"path": "d.csv", "label": "DOVER", "score_field": "overall"},
        {"path": "iqa.csv", "scorers": {"MUSIQ": "musiq", "NIQE": "niqe"}, "key_field": "image"},
    ],
)
def test_a_sidecar_is_written_as_it_is_read(work: Workspace, entry: str | dict[str, Any]) -> None:
    """The entry that is written of a sidecar is one that is read as that sidecar, file or none."""
    base = Location(work.folder)
    sidecar = read_sidecar_entry(entry, "scores", base)
    written = as_written(sidecar)
    assert written == entry
    assert read_sidecar_entry(written, "scores", base) == sidecar


@pytest.mark.parametrize(
    "spec",
    ["", " ", "=", "=s.jsonl", "DOVER=", "DOVER= ", "s.csv::", "::mos", "A=s.csv:: ", "=s::f"],
)
def test_parse_sidecar_refuses(spec: str) -> None:
    """A score file without path, or with an equals sign or colons and nothing there, is refused."""
    with pytest.raises(JoinError, match=r"^score file .*: expected SCORER=path or path"):
        parse_sidecar(spec)


def test_sidecar_with_rules_of_its_own(work: Workspace) -> None:
    """A sidecar that is an object may have its own fields, key pattern and reader."""
    rules = {
        "score_field": "overall",
        "key_field": "clip.id",
        "status_field": "state",
        "key_pattern": "(.*)_x264",
        "reader": "csv",
        "label_as_score": True,
    }
    entry = {"path": "s.csv", "label": "DOVER", "scale": None, **rules}
    table = {"id": "t", "features": "f.jsonl", "scores": [entry, "t.csv"], "out": "o.jsonl"}
    path = work.write("m.json", json.dumps({"tables": [table]}))
    first, second = load_manifest(Location(path)).tables[0].scores
    assert (first.label, first.spec) == ("DOVER", "DOVER=s.csv")
    assert first.path == Location(work.folder / "s.csv")
    assert first.rules == msgspec.convert(rules, SidecarRules)
    assert second.rules == SidecarRules()
