"""The real clips: every form in which their scores were left joins onto both feature tables."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner

from second_opinion_assets.cli.main import main
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.storage.location import Location

PROJECT = Path(__file__).parents[2]
TABLES = [table.id for table in load_manifest(Location(PROJECT / "config/clips.json")).tables]
ALL_OK = {"ok": 12, "bad": 0, "missing": 0}


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """Return the manifest of the clips in a folder of its own."""
    for name in ("config", "data"):
        shutil.copytree(PROJECT / name, tmp_path / name)
    return tmp_path / "config/clips.json"


def tallies(table: TableSpec) -> dict[str, dict[str, int]]:
    """Return how many rows of a table each scorer has by status, as its audit says."""
    assert table.audit_json
    competitors = json.loads(Path(table.audit_json).read_text())["competitors"]
    return {
        name: {
            "ok": scorer["matched_rows"],
            "bad": scorer["bad_rows"],
            "missing": scorer["missing_rows"],
        }
        for name, scorer in competitors.items()
    }


@pytest.mark.parametrize("table_id", TABLES)
def test_through_dagster(
    manifest: Path, join: Callable[..., dg.ExecuteInProcessResult], table_id: str
) -> None:
    """A run joins all 12 rows of a table with every scorer of it."""
    loaded = load_manifest(Location(manifest))
    assert join(loaded, table_id).success
    assert tallies(loaded.table(table_id)) == dict.fromkeys(
        ("brisque", "ffmpeg-blurdetect", "piqe"), ALL_OK
    )


def test_through_the_command_line(manifest: Path) -> None:
    """One command joins all 12 rows of every table with every scorer of it."""
    result = CliRunner().invoke(main, ["batch", "--manifest", str(manifest)])
    assert result.exit_code == 0, result.stderr
    found = {table.id: tallies(table) for table in load_manifest(Location(manifest)).tables}
    expected = dict.fromkeys(("brisque", "ffmpeg-blurdetect", "piqe"), ALL_OK)
    assert found == dict.fromkeys(TABLES, expected)


def test_every_file_of_scores_is_in_the_manifest() -> None:
    """No form in which the clips' scores were left is forgotten, on either form of features."""
    tables = load_manifest(Location(PROJECT / "config/clips.json")).tables
    folder = Location(PROJECT / "data/clips")
    paths = map(Location, (PROJECT / "data/clips").iterdir())
    forms = {path for path in paths if path.stem not in {"features", "README"}}
    for features in ("features.jsonl", "features.parquet"):
        read = {s.path for t in tables if t.features == folder / features for s in t.scores}
        assert forms <= read
