"""Ticks of the refresh sensor, as the daemon would have them."""

from __future__ import annotations

import time

import dagster as dg

from second_opinion_assets.graph.plan import Planner, RefreshPlan
from second_opinion_assets.graph.refresh import RefreshPlanner
from second_opinion_assets.join.manifest import Manifest

SETTLE_SECONDS = 10.0


class Ticks:
    """Ticks of the sensor, at any time, whose events the instance gets as from the daemon."""

    def __init__(
        self,
        instance: dg.DagsterInstance,
        manifest: Manifest,
        tables_per_run: int = 1,
        **bounds: float,
    ) -> None:
        self.instance = instance
        self.manifest = manifest
        self.planner: Planner = RefreshPlanner(
            manifest,
            SETTLE_SECONDS,
            tables_per_run,
            **bounds,  # type: ignore[arg-type]
        )

    def tick(self, after_seconds: float = 3600.0) -> RefreshPlan:
        """Look at the files, some time after now."""
        plan = self.planner.plan(self.instance, time.time() + after_seconds)
        for event in plan.events:
            self.instance.report_runless_asset_event(event)
        return plan


def tables_of(plan: RefreshPlan) -> list[str | None]:
    """Return the tables that runs are asked for."""
    return [request.partition_key for request in plan.requests]
