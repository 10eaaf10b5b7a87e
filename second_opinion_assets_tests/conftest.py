"""What tests of every floor need, and which of them run in one process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from hypothesis import HealthCheck, Phase, settings
from xdist.scheduler import LoadScopeScheduling

from second_opinion_assets_tests.stores import servers
from second_opinion_assets_tests.stores.bucket import Bucket, bucket_at
from second_opinion_assets_tests.stores.google import google_stand_in
from second_opinion_assets_tests.workspace import Workspace

FLOOR_DEPTH = 2
settings.register_profile(
    "facts",
    deadline=None,  # how busy a machine is says nothing of the code
    derandomize="PROPERTY_EXAMPLES" not in os.environ,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.register_profile(
    "mutants",
    settings.get_profile("facts"),
    derandomize=True,
    phases=[Phase.explicit, Phase.generate],  # that it fails is enough, however large
)
settings.load_profile(os.environ.get("PROPERTY_PROFILE", "facts"))


class ByServer(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Spreads tests over processes; those of a folder below a floor, which share a server, stay.

    The mark `xdist_group` would do the same, but pytest 9.2 does not hand it on.
    """

    def _split_scope(self, nodeid: str) -> str:
        *folders, _file = nodeid.partition("::")[0].split("/")
        return "/".join(folders) if len(folders) > FLOOR_DEPTH else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByServer:
    """Let pytest-xdist keep the tests of one server together."""
    return ByServer(config, log)


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk() -> Iterator[None]:
    """Join thousands of files in a moment."""
    with patch.object(os, "fsync"):
        yield


@pytest.fixture
def work(tmp_path: Path) -> Workspace:
    """Return a workspace in a folder of its own."""
    return Workspace(tmp_path)


@pytest.fixture(scope="session")
def _moto() -> Iterator[str]:
    with servers.moto_server() as url:
        yield url


@pytest.fixture
def moto(_moto: str) -> str:
    """Return the URL of an S3 server with one empty bucket, `servers.BUCKET`."""
    servers.empty_moto(_moto)
    return _moto


@pytest.fixture(scope="session")
def azurite() -> Iterator[str]:
    """Return the URL of an account of Azure's blobs with one container, `servers.BUCKET`."""
    program = servers.azurite()
    if program is None:
        pytest.skip("Azurite is not installed; npm install --global azurite")
    with servers.azurite_server(program) as url:
        yield url


@pytest.fixture
def bucket(moto: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Return an S3 bucket with the files of a join."""
    with bucket_at("s3", moto, monkeypatch) as bucket:
        yield bucket


@pytest.fixture
def google(moto: str) -> Iterator[str]:
    """Return the URL of a stand-in for Google's store with one empty bucket."""
    with google_stand_in(moto) as url:
        yield url


@pytest.fixture(params=["s3", "az", "gs"])
def any_bucket(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """Return a bucket of each kind of store that can be served here, one after the other."""
    url = request.getfixturevalue({"s3": "moto", "az": "azurite", "gs": "google"}[request.param])
    with bucket_at(request.param, url, monkeypatch) as bucket:
        yield bucket
