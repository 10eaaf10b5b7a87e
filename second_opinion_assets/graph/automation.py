"""Automation: the sensors and the schedule that look, and hand on to Dagster what they plan.

What they plan belongs to `refresh` and `evidence`.
"""

import time

import dagster as dg
import msgspec
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

_GOES_ON = "goes_on_with"


def refresh_sensor(current: CurrentManifest, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that joins a table again once its inputs or options changed."""
    return _sensor(
        REFRESH_SENSOR,
        dg.AssetSelection.assets(JOINED_KEY),
        _refresh_planner(current, settings),
        settings,
        "Looks at the files of every table, records what changed, and asks for runs of the tables "
        "whose inputs or options differ from what they were joined from, up to "
        f"{settings.tables_per_run} neighbours in a run. A file must have been still for "
        f"{settings.settle_seconds:g} s.",
    )


def evidence_sensor(current: CurrentManifest, settings: Settings) -> dg.SensorDefinition:
    """Return the sensor that makes agreements and the report again once tables were joined."""
    return _sensor(
        EVIDENCE_SENSOR,
        dg.AssetSelection.assets(AGREEMENT_KEY, REPORT_KEY),
        CurrentPlanner(
            ManifestWatch(settings, current),
            current.manifest,
            EvidencePlanner,
            settings.agreements_per_run,
        ),
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
    def make(manifest: Manifest, most_tables: int) -> Planner:
        return RefreshPlanner(manifest, settings.settle_seconds, most_tables)

    watch = ManifestWatch(settings, current)
    return CurrentPlanner(watch, current.manifest, make, settings.tables_per_run)


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
        plan = planner.plan(context.instance, time.time(), _table_of(context.cursor))
        for note in plan.notes:
            context.log.info(note)
        return dg.SensorResult(
            run_requests=plan.requests,
            asset_events=[*plan.events, *plan.checks],
            skip_reason=plan.skip_reason,
            cursor=msgspec.json.encode({_GOES_ON: plan.goes_on_with}).decode(),
        )

    return look


def _table_of(cursor: str | None) -> str | None:
    """Return the table that a sensor's cursor names; an old or foreign cursor names none."""
    try:
        return msgspec.json.decode(cursor or "{}", type=dict[str, str | None]).get(_GOES_ON)
    except msgspec.DecodeError:
        return None
