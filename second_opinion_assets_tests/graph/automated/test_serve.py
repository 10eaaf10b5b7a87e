"""What `make ui` starts stays up, whichever part of Dagster ends."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from second_opinion_assets.graph.serve import serve
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.webserver import (
    LOCATIONS,
    Webserver,
    wait_for,
    webserver,
)

pytestmark = pytest.mark.e2e
CLIPS = ["a"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Return a project of one table."""
    project = Project(tmp_path)
    project.add_table("one", CLIPS, {"DOVER": {"a": 1.0}})
    project.save()
    return project


def test_a_part_that_died_is_started_again(project: Project) -> None:
    """Killed as soon as Dagster serves, and killed again: the graph comes back, and joins."""
    with webserver(project.folder / "home", project.manifest_path) as server:
        for part in ("grpc", "webserver"):
            wait_for(lambda: is_loaded(server))
            kill(server, part)
            wait_for(lambda: not is_loaded(server))
        wait_for(lambda: is_loaded(server))
        assert server.launch("one", {}) == "SUCCESS"


@pytest.fixture
def _interrupts_are_ignored() -> Iterator[None]:
    """Have what is started ignore interrupts, as a script's background job does."""
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    yield
    signal.signal(signal.SIGINT, usual)


@pytest.mark.usefixtures("_interrupts_are_ignored")
def test_all_ends_in_a_script_too(project: Project) -> None:
    """Told to end, it leaves nothing behind that would hold the port."""
    with webserver(project.folder / "home", project.manifest_path) as server:
        parts = psutil.Process(server.process).children(recursive=True)
        os.kill(server.process, signal.SIGTERM)
        assert not psutil.wait_procs(parts, 90)[1]


def kill(server: Webserver, part: str) -> None:
    """Kill the processes of a part of Dagster."""
    for process in psutil.Process(server.process).children(recursive=True):
        if any(part in word for word in process.cmdline()):
            process.kill()
            process.wait()


def is_loaded(server: Webserver) -> bool:
    """Return whether the server answers with a graph."""
    try:
        entries = server.query(LOCATIONS)["workspaceOrError"]["locationEntries"]
    except OSError:
        return False
    return [entry["locationOrLoadError"]["__typename"] for entry in entries] == [
        "RepositoryLocation"
    ]


def test_what_cannot_start_is_not_tried_again(capfd: pytest.CaptureFixture[str]) -> None:
    """What ends as soon as it is started ends for good, with its own exit status and word."""
    assert serve(["--no-such-option"]) == 2
    assert capfd.readouterr().err.count("No such option") == 1
