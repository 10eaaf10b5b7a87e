"""What config/deploy ships can be used, as far as can be told without a cluster.

The settings for Celery are also what `test_cluster` runs on; those for Kubernetes run nowhere here.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from second_opinion_assets_tests.graph.webserver import BIN, PROJECT

DEPLOY = PROJECT / "config" / "deploy"
VARIABLES = {
    "DAGSTER_POSTGRES_HOST": "127.0.0.1",
    "DAGSTER_POSTGRES_PORT": "1",
    "DAGSTER_POSTGRES_USER": "dagster",
    "DAGSTER_POSTGRES_PASSWORD": "none",
    "DAGSTER_POSTGRES_DB": "dagster",
    "DAGSTER_PG_PASSWORD": "none",
    "CELERY_BROKER_URL": "redis://127.0.0.1:1/0",
    "CELERY_RESULT_BACKEND": "redis://127.0.0.1:1/1",
}
LEADS_NOWHERE = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "none", "cluster": {"server": "https://127.0.0.1:1"}}],
    "users": [{"name": "none", "user": {}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "current-context": "none",
}
SHARED = ["telemetry", "nux", "run_coordinator", "retention"]


def settings(name: str) -> Any:
    """Return the settings for Dagster of a kind of deployment; of one machine without a name."""
    folder = DEPLOY / name if name else PROJECT / "config"
    return yaml.safe_load((folder / "dagster.yaml").read_text())


class Instances:
    """Makes instances of Dagster by shipped settings, none of which connects to anything."""

    def __init__(self, home: Path, stack: ExitStack) -> None:
        self._home = home
        self._stack = stack

    def make(self, name: str) -> dg.DagsterInstance:
        """Return an instance that Dagster made of the settings."""
        shipped = settings(name)
        shipped["storage"]["postgres"]["should_autocreate_tables"] = False
        if name == "kubernetes":
            config = self._home / "kubeconfig"
            config.write_text(yaml.safe_dump(LEADS_NOWHERE))
            shipped["run_launcher"]["config"] |= {
                "load_incluster_config": False,
                "kubeconfig_file": str(config),
            }
        (self._home / "dagster.yaml").write_text(yaml.safe_dump(shipped))
        return self._stack.enter_context(dg.DagsterInstance.from_config(str(self._home)))


@pytest.fixture
def instances(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Instances]:
    """Return a maker of instances, which end with the test."""
    pytest.importorskip("dagster_postgres")
    for name, value in VARIABLES.items():
        monkeypatch.setenv(name, value)
    with ExitStack() as stack:
        yield Instances(tmp_path, stack)


@pytest.mark.parametrize(
    ("name", "launcher", "module"),
    [
        ("celery", "CeleryRunLauncher", "dagster_celery"),
        ("kubernetes", "K8sRunLauncher", "dagster_k8s"),
    ],
)
def test_dagster_takes_the_settings(
    instances: Instances, name: str, launcher: str, module: str
) -> None:
    """They make an instance on PostgreSQL with the launcher that they name, and which retries."""
    pytest.importorskip(module)
    instance = instances.make(name)
    assert type(instance.run_launcher).__name__ == launcher
    assert type(instance.event_log_storage).__name__ == "PostgresEventLogStorage"
    assert instance.run_monitoring_enabled
    assert instance.run_monitoring_max_runtime_seconds
    assert instance.run_retries_enabled
    assert instance.run_retries_max_retries == 2


@pytest.mark.parametrize("name", ["celery", "kubernetes"])
def test_what_is_no_matter_of_machines_is_as_on_one(name: str) -> None:
    """Limits by table, queue and retention are those of config/dagster.yaml."""
    here, there = settings(""), settings(name)
    assert {key: there[key] for key in SHARED} == {key: here[key] for key in SHARED}
    limits = "tag_concurrency_limits"
    assert there["concurrency"]["runs"][limits] == here["concurrency"]["runs"][limits]


def test_the_job_of_a_run_is_one_that_kubernetes_takes(instances: Instances) -> None:
    """The launcher makes the shown Job of the settings, and Kubernetes' schema has it so."""
    k8s_job = pytest.importorskip("dagster_k8s.job")
    kubernetes_validate = pytest.importorskip("kubernetes_validate")
    client = pytest.importorskip("kubernetes.client")
    launcher: Any = instances.make("kubernetes").run_launcher
    context = launcher.get_container_context_for_run(dg.DagsterRun(job_name="__ASSET_JOB"))
    job = k8s_job.construct_dagster_k8s_job(
        job_config=context.get_k8s_job_config(job_image=None, run_launcher=launcher),
        args=["dagster", "api", "execute_run", "..."],
        job_name="dagster-run-00000000",
        pod_name="dagster-run-00000000",
        component="run_worker",
        user_defined_k8s_config=context.run_k8s_config,
    )
    made = client.ApiClient().sanitize_for_serialization(job)
    kubernetes_validate.validate(made, kubernetes_validate.latest_version(), strict=True)
    assert yaml.safe_load((DEPLOY / "kubernetes" / "job.yaml").read_text()) == made


def test_the_dockerfile_is_clean() -> None:
    """Its linter has nothing to say."""
    program = BIN / "hadolint"
    if not program.exists():
        pytest.skip("hadolint is not installed; it is of the extra `deploy`")
    command = [program, DEPLOY / "Dockerfile"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "")
