"""What a run in process said: its metadata, its checks, and why it failed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import dagster as dg

QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
Join = Callable[..., dg.ExecuteInProcessResult]
"""Joins one table of a manifest: the fixture `join`."""


def metadata_of(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    """Return the values of the one materialization's metadata."""
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def checks_of(result: dg.ExecuteInProcessResult) -> dict[str, dg.AssetCheckEvaluation]:
    """Return the check results of a run by name."""
    return {check.check_name: check for check in result.get_asset_check_evaluations()}


def failure_of(result: dg.ExecuteInProcessResult) -> str:
    """Return the line that the one failed step shows."""
    (event,) = [event for event in result.all_events if event.is_step_failure]
    failure = event.step_failure_data.user_failure_data
    assert failure is not None
    return str(failure.description)
