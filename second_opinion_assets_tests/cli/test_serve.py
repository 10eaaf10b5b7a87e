"""`run` and `ui` become the graph's own programs, with what these are to know."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from second_opinion_assets.cli.main import main
from second_opinion_assets.storage.confinement import folders_of
from second_opinion_assets.storage.home import shipped
from second_opinion_assets_tests.graph.webserver import free_port

PROJECT = Path(__file__).parents[2]


class Started(NamedTuple):
    """A program, its arguments, and its environment."""

    program: str
    arguments: list[str]
    environment: dict[str, str]


class BecomeError(Exception):
    """Stands for what does not return."""

    def __init__(self, *started: object) -> None:
        super().__init__()
        self.started = Started(*started)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Start every test in an empty folder, without settings."""

    def become(*started: object) -> None:
        raise BecomeError(*started)

    monkeypatch.setattr(os, "execve", become)
    for name in [name for name in os.environ if name.startswith(("SECOND_OPINION_", "DAGSTER"))]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def started(*arguments: str, **environment: str) -> Started:
    """Return what a command becomes."""
    result = CliRunner(env=environment).invoke(main, arguments)
    assert isinstance(result.exception, BecomeError), result.output
    return result.exception.started


def test_run_is_the_main_job(folder: Path) -> None:
    """The main job of the smoke manifest, with its history and settings in this folder."""
    program, arguments, environment = started("run")
    assert (program, arguments[1:]) == (
        sys.executable,
        ["-m", "second_opinion_assets.graph.launch"],
    )
    assert environment["SECOND_OPINION_MANIFEST"] == "config/smoke.json"
    home = Path(environment["DAGSTER_HOME"])
    assert (home.parent, home.name.rpartition("-")[0]) == (folder / ".dagster", "smoke")
    own = (home / "dagster.yaml").read_bytes()
    assert own == Path(str(shipped("dagster.yaml"))).read_bytes()


def test_ui_listens_at_a_port() -> None:
    """The server is told its port and what it loads."""
    port = str(free_port())
    _, arguments, _ = started("ui", "--port", port)
    assert arguments[2:8] == [
        "second_opinion_assets.graph.serve",
        "--host",
        "127.0.0.1",
        "--port",
        port,
        "--workspace",
    ]
    assert Path(arguments[8]).is_file()


def test_a_port_that_is_in_use() -> None:
    """It is said in one line, and nothing is started."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = CliRunner().invoke(main, ["ui", "--port", str(port)])
    said = f"cannot listen at 127.0.0.1, port {port}: Address already in use"
    assert result.exit_code == 1
    assert result.output == f"second-opinion: error: {said}; choose another --port or --host\n"


def test_a_manifest_of_ones_own_goes_first(folder: Path) -> None:
    """What `init` wrote is the manifest, unless another one is named."""
    (folder / "second-opinion.json").write_text("{}")
    assert started("run").environment["SECOND_OPINION_MANIFEST"] == "second-opinion.json"
    named = started("run", "--manifest", "m.yaml").environment
    assert named["SECOND_OPINION_MANIFEST"] == "m.yaml"
    by_variable = started("run", SECOND_OPINION_MANIFEST="other.json").environment
    assert by_variable["SECOND_OPINION_MANIFEST"] == "other.json"


def test_what_is_looked_at_is_confined(folder: Path) -> None:
    """The folders of work and the manifest's own, spaces or not, unless the user says otherwise."""
    confined = started("run", "--manifest", "of mine/m.json").environment
    assert confined["SECOND_OPINION_CONFINE_TO"].split(os.pathsep) == [
        str(folder / name) for name in ("config", "data", "outputs", "of mine")
    ]
    asked = started("run", SECOND_OPINION_CONFINE_TO="/srv").environment
    assert asked["SECOND_OPINION_CONFINE_TO"] == "/srv"
    (folder / "m").mkdir()
    elsewhere = ["--manifest", "m/of-mine.json", "--base-dir", "s3://bucket/data"]
    others = started("run", *elsewhere, SECOND_OPINION_REPORT_DIR="reports").environment
    assert folders_of(others["SECOND_OPINION_CONFINE_TO"])[3:] == [
        str(folder / "m"),
        "s3://bucket/data",
        str(folder / "reports"),
    ]


def test_each_manifest_has_a_history_of_its_own(folder: Path) -> None:
    """Equal names in other folders are other manifests, however written; `run` and `ui` share."""

    def home(command: str, manifest: str, **environment: str) -> str:
        port = ["--port", str(free_port())] if command == "ui" else []
        asked = started(command, "--manifest", manifest, *port, **environment)
        return asked.environment["DAGSTER_HOME"]

    homes = {home("run", name) for name in ("a/m.json", "b/m.json", "a/m.yaml", "n.json")}
    assert len(homes) == 4
    assert home("ui", "a/../a/m.json") == home("ui", f"{folder}/a/m.json") in homes
    assert home("ui", "a/m.json", DAGSTER_HOME="/srv/history") == "/srv/history"


def test_settings_of_ones_own_stay(folder: Path) -> None:
    """Settings in the home are kept, until those of the project are newer."""
    home = folder / "the home"
    home.mkdir()
    settings = home / "dagster.yaml"
    settings.write_text("mine")
    started("run", DAGSTER_HOME=str(home))
    assert settings.read_text() == "mine"
    own = folder / "config/dagster.yaml"
    own.parent.mkdir()
    own.write_text("the project's")
    os.utime(settings, ns=(1, 1))
    started("run", DAGSTER_HOME=str(home))
    assert settings.read_text() == "the project's"


@pytest.mark.parametrize("name", ["config/dagster.yaml", "workspace.yaml"])
def test_the_package_ships_the_projects_settings(name: str) -> None:
    """An installed wheel starts Dagster as a checkout does: the shipped files are copies."""
    assert Path(str(shipped(Path(name).name))).read_text() == (PROJECT / name).read_text()
