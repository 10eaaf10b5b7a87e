"""What tests of every floor need."""

from __future__ import annotations

from pathlib import Path

import pytest

from second_opinion_assets_tests.workspace import Workspace


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """Return a workspace in a folder of its own."""
    return Workspace(tmp_path)
