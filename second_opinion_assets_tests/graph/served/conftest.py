"""The one server of a test run. All tests of this folder share it, and run in one process."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from second_opinion_assets_tests.graph.served.clips import Clips, copy_clips
from second_opinion_assets_tests.graph.webserver import webserver


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clips]:
    """Return the one server that tests share; they ask for `clips`."""
    root = tmp_path_factory.mktemp("clips")
    project = copy_clips(root)
    with webserver(root / "home", project.manifest_path) as server:
        yield Clips(server, root, project)


@pytest.fixture
def clips(served: Clips) -> Clips:
    """Return the real clips, served, with nothing done to their files."""
    served.reset()
    return served
