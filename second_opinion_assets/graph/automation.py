"""Automation: the sensors and the schedule that look, and hand on to Dagster what they plan.

What they plan belongs to `refresh` and `evidence`.
"""

import time

import dagster as dg
from dagster import DefaultSensorStatus

from second_opinion_assets.graph.current import CurrentManifest, CurrentPlanner, ManifestWatch
from second_opinion_assets.graph.evidence import EvidencePlanner
from second_opinion_assets.graph.names import (
    AGREEMENT_KEY,
    EVIDENCE_SENSOR,
    JOINED_KEY,
    NIGHTLY_SCHEDULE,
    REFRESH_SENSOR,
    REPORT_KEY,
)
from second_opinion_assets.graph.plan import Planner
from second_opinion_assets.graph.refresh import RefreshPlanner
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.join.manifest import Manifest


def refresh_sensor(current: CurrentManifest, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that joins a table again once its inputs or options changed."""
    return _sensor(
        REFRESH_SENSOR,
        dg.AssetSelection.assets(JOINED_KEY),
        _refresh_planner(current, settings),
        settings,
        "Looks at the files of every table, records what changed, and asks for one run for each "
        "table whose inputs or options differ from what it was joined from. A file must have been "
        f"still for {settings.settle_seconds:g} s.",
    )


def evidence_sensor(current: CurrentManifest, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that makes agreements and the report again once tables were joined."""

    def make(manifest: Manifest) -> Planner:
        return EvidencePlanner(manifest, settings.agreements_per_run)

    return _sensor(
        EVIDENCE_SENSOR,
        dg.AssetSelection.assets(AGREEMENT_KEY, REPORT_KEY),
        CurrentPlanner(ManifestWatch(settings, current), current.manifest, make),
        settings,
        "Once no table is being joined, asks for the agreement of those that were joined since, up "
        f"to {settings.agreements_per_run} neighbours in a run, and for the report if any of them "
        "was joined or failed since it was made.",
    )


def nightly_schedule(current: CurrentManifest, settings: Settings) -> dg.ScheduleDefinition:
    """Return the schedule that does what the refresh sensor does, once a night."""
    planner = _refresh_planner(current, settings)

    @dg.schedule(
        name=NIGHTLY_SCHEDULE,
        cron_schedule=settings.nightly_cron,
        target=dg.AssetSelection.assets(JOINED_KEY),
        description="Does what the sensor does, once a night, for those who want no sensor.",
    )
    def refresh(context: dg.ScheduleEvaluationContext) -> list[dg.RunRequest] | dg.SkipReason:
        plan = planner.plan(context.instance, time.time())
        for event in (*plan.events, *plan.checks):
            context.instance.report_runless_asset_event(event)
        for note in plan.notes:
            context.log.info(note)
        return plan.requests or dg.SkipReason(plan.skip_reason)

    return refresh


def _refresh_planner(current: CurrentManifest, settings: Settings) -> Planner:
    def make(manifest: Manifest) -> Planner:
        return RefreshPlanner(manifest, settings.settle_seconds)

    return CurrentPlanner(ManifestWatch(settings, current), current.manifest, make)


def _sensor(
    name: str, target: dg.AssetSelection, planner: Planner, settings: Settings, description: str
) -> dg.SensorDefinition:
    status = DefaultSensorStatus.RUNNING if settings.automation else DefaultSensorStatus.STOPPED

    @dg.sensor(
        name=name,
        target=target,
        minimum_interval_seconds=settings.interval_seconds,
        default_status=status,
        description=description,
    )
    def look(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        plan = planner.plan(context.instance, time.time())
        for note in plan.notes:
            context.log.info(note)
        return dg.SensorResult(
            run_requests=plan.requests,
            asset_events=[*plan.events, *plan.checks],
            skip_reason=plan.skip_reason,
        )

    return look
