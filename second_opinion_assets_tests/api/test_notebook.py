"""The example notebook shows what its cells show."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from second_opinion_assets_tests import notebook

PROJECT = Path(__file__).parents[2]
NOTEBOOKS = sorted((PROJECT / "docs").glob("*.ipynb"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_shows_what_its_cells_show(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The outputs that are kept in a notebook are those that its cells have, run in their order."""
    shutil.copytree(PROJECT / "data", tmp_path / "data")
    (tmp_path / "docs").mkdir()
    monkeypatch.chdir(tmp_path / "docs")
    ran = 0
    for cell, outputs in notebook.run(notebook.read(path)):
        assert outputs == cell["outputs"], "".join(cell["source"])
        ran += 1
    assert ran > 5


def test_there_is_a_notebook() -> None:
    """The reading of documents finds the notebook."""
    assert NOTEBOOKS
