"""References: which columns opinions are held against, and which way these get better."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets.contract.errors import ManifestError
from second_opinion_assets.join.manifest import Manifest, load_manifest
from second_opinion_assets.join.provenance import table_args
from second_opinion_assets.registry.facts import Direction, shipped_registry
from second_opinion_assets.registry.references import Reference, choose_references
from second_opinion_assets.storage.location import Location

HIGHER, LOWER = Direction.HIGHER, Direction.LOWER


def chosen(asked: list[Reference], columns: list[str]) -> dict[str, Direction]:
    """Return the columns that are taken, with their directions."""
    return choose_references(asked, columns, shipped_registry()).directions


@pytest.mark.parametrize(
    ("columns", "taken"),
    [
        pytest.param(["vmaf", "VMAF_mean", "psnr"], ["vmaf", "VMAF_mean"], id="vmaf-in-any-case"),
        pytest.param(["clip", "MOS", "mos_z"], ["MOS", "mos_z"], id="mos"),
        pytest.param(["dmos", "motion", "not_vmaf"], ["dmos"], id="dmos-alone"),
        pytest.param(["mos", "mos_std", "MOS_votes", "vmaf-var"], ["mos"], id="spread-is-none"),
        pytest.param(["psnr", "ssim"], [], id="none"),
    ],
)
def test_usual_references(columns: list[str], taken: list[str]) -> None:
    """Without any asked for, columns of usual names are taken, in the table's order."""
    assert list(chosen([], columns)) == taken


def test_asked_references_are_the_only_ones() -> None:
    """Names and patterns that are asked for are taken, spreads included, and no others."""
    asked = [Reference("SSIM*"), Reference("mos_std")]
    assert list(chosen(asked, ["mos", "mos_std", "ssim", "ssim_p10"])) == [
        "mos_std",
        "ssim",
        "ssim_p10",
    ]


def test_directions_of_references() -> None:
    """What is asked for goes first, then what is known of the name; higher is taken for better."""
    asked = [Reference("lpips", LOWER), Reference("dmos*"), Reference("*")]
    columns = ["NIQE", "dmos_z", "lpips", "ssim"]
    assert chosen(asked, columns) == {
        "NIQE": LOWER,
        "dmos_z": LOWER,
        "lpips": LOWER,
        "ssim": HIGHER,
    }


def test_absent_references_are_told() -> None:
    """What is asked for and not there is told, with a near name."""
    asked = [Reference("vmaff"), Reference("zzz")]
    found = choose_references(asked, ["vmaf"], shipped_registry())
    assert found.absent == ["vmaff (did you mean vmaf?)", "zzz"]
    assert not found.directions


def manifest_of(folder: Path, defaults: dict[str, Any], **table: Any) -> Manifest:
    """Read a manifest of one table."""
    entry = {"id": "t", "features": "f.jsonl", "scores": ["s.jsonl"], "out": "o.jsonl", **table}
    path = folder / "manifest.json"
    path.write_text(json.dumps({"defaults": defaults, "tables": [entry]}))
    return load_manifest(Location(path))


def test_references_of_a_manifest(tmp_path: Path) -> None:
    """A table's own go before those of the defaults; they are no option of the join."""
    shared = {"references": ["vmaf", {"column": "lpips", "direction": "lower"}]}
    (table,) = manifest_of(tmp_path, shared).tables
    assert table.references == (Reference("vmaf"), Reference("lpips", LOWER))
    assert "references" not in table_args(table)
    (table,) = manifest_of(tmp_path, shared, references=["mos"]).tables
    assert table.references == (Reference("mos"),)


@pytest.mark.parametrize(
    ("references", "message"),
    [
        pytest.param(
            "mos", r'references: is "mos", expected a list of at least one column', id="text"
        ),
        pytest.param(
            [], r"references: is a list, expected a list of at least one column", id="empty"
        ),
        pytest.param([3], r"references\[0\]: is 3, expected a column", id="number"),
        pytest.param(
            [{"column": ""}], r'references\[0\].column: is "", expected the name', id="no-name"
        ),
        pytest.param(
            [{"colum": "mos"}],
            r"references\[0\]: unknown field 'colum'; did you mean column\?",
            id="typo",
        ),
        pytest.param(
            [{"column": "mos", "direction": "up"}],
            r'references\[0\].direction: is "up", expected higher or lower',
            id="direction",
        ),
        pytest.param(
            [{"column": "mos", "people": 1}],
            r"references\[0\].people: is 1, expected true or false",
            id="people",
        ),
    ],
)
def test_references_that_are_none(tmp_path: Path, references: Any, message: str) -> None:
    """What is no list of columns is refused, with its place, in defaults and in a table."""
    with pytest.raises(ManifestError, match=rf"\$\.defaults\.{message}"):
        manifest_of(tmp_path, {"references": references})
    with pytest.raises(ManifestError, match=rf"\$\.tables\[0\]\.{message}"):
        manifest_of(tmp_path, {}, references=references)
