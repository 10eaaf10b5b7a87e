"""`second-opinion run` and `second-opinion ui`: the graph of a manifest, through Dagster.

Both become another program, in whose process Dagster is imported; here is but what it is told.
"""

import os  # noqa: TID251 (the environment of a process, and no file)
import socket
import sys
from collections.abc import Sequence
from typing import NoReturn

import click

from second_opinion_assets.cli.console import errors_in_one_line
from second_opinion_assets.cli.options import LOCATION, examples
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.manifest import manifest_name
from second_opinion_assets.join.survey import MANIFEST_NAME
from second_opinion_assets.storage.confinement import SETTING as CONFINE_TO
from second_opinion_assets.storage.home import prepare_home, shipped
from second_opinion_assets.storage.location import HERE, Location

SMOKE_MANIFEST = "config/smoke.json"
_WORK_FOLDERS = ("config", "data", "outputs")

_manifest_option = click.option(
    "--manifest",
    type=LOCATION,
    envvar="SECOND_OPINION_MANIFEST",
    show_envvar=True,
    help=f"The manifest.  [default: {MANIFEST_NAME} if it is here, else {SMOKE_MANIFEST}]",
)
_base_dir_option = click.option(
    "--base-dir",
    type=LOCATION,
    envvar="SECOND_OPINION_BASE_DIR",
    show_envvar=True,
    help="Folder that the manifest's paths are relative to.  [default: the manifest's own]",
)


@click.command("run", epilog=examples("run", "run --manifest second-opinion.json"))
@_manifest_option
@_base_dir_option
def run_command(manifest: Location | None, base_dir: Location | None) -> None:
    """Join, compare and report all tables of a manifest through Dagster, into its history.

    The history is kept in DAGSTER_HOME, by default the manifest's own folder in .dagster; ui shows
    it. The exit status is 0, or 1 if a table failed, or 2 for a manifest that cannot be used.
    """
    _become("second_opinion_assets.graph.launch", [], manifest, base_dir)


@click.command("ui", epilog=examples("ui", "ui --manifest second-opinion.json --port 3001"))
@_manifest_option
@_base_dir_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen at.")
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
def ui_command(manifest: Location | None, base_dir: Location | None, host: str, port: int) -> None:
    """Serve the graph of a manifest in a browser, until Ctrl-C."""
    with errors_in_one_line():
        _refuse_used(host, port)
    arguments = ["--host", host, "--port", str(port), "--workspace", str(shipped("workspace.yaml"))]
    _become("second_opinion_assets.graph.serve", arguments, manifest, base_dir)


def _refuse_used(host: str, port: int) -> None:
    """Refuse where one cannot listen; Dagster would say so among other lines, and stay."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        with socket.socket(family) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the webserver does
            tried.bind((host, port))
    except OSError as error:
        problem = f"cannot listen at {host}, port {port}: {error.strerror}"
        msg = f"{problem}; choose another --port or --host"
        raise JoinError(msg) from None


def _become(
    module: str, arguments: Sequence[str], manifest: Location | None, base_dir: Location | None
) -> NoReturn:
    """Become a module of the graph, which reads its settings from the environment."""
    chosen = manifest or _usual_manifest()
    home = _home(chosen)
    with errors_in_one_line():
        prepare_home(home)
    environment = {
        **os.environ,
        "DAGSTER_HOME": str(home),
        "SECOND_OPINION_MANIFEST": str(chosen),
        **({"SECOND_OPINION_BASE_DIR": str(base_dir)} if base_dir else {}),
    }
    environment.setdefault(CONFINE_TO, os.pathsep.join(_folders(chosen, base_dir)))
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", module, *arguments], environment)  # noqa: S606


def _home(manifest: Location) -> Location:
    """Return where Dagster keeps its history: as the user says, or apart from other manifests'."""
    asked = os.environ.get("DAGSTER_HOME")
    return Location(asked or HERE / ".dagster" / manifest_name(manifest)).absolute()


def _usual_manifest() -> Location:
    own = HERE / MANIFEST_NAME
    return own if own.is_file() else Location(SMOKE_MANIFEST)


def _folders(manifest: Location, base_dir: Location | None) -> list[str]:
    """Return what server and main job may look at: the folders of work, and the manifest's own.

    What its paths are relative to may be elsewhere, as in a store.
    """
    report_dir = os.environ.get("SECOND_OPINION_REPORT_DIR")
    others = [base_dir, Location(report_dir) if report_dir else None]
    folders = [*map(Location, _WORK_FOLDERS), manifest.parent, *filter(None, others)]
    return list(dict.fromkeys(str(folder.absolute()) for folder in folders))
