"""Events read from their text are what Dagster reads, whatever somebody wrote in them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import dagster as dg
import msgspec
import pytest
from dagster import DagsterEventType

from second_opinion_assets.graph import stored_events as module
from second_opinion_assets.graph.names import (
    DRIFT,
    FEATURES_KEY,
    JOINED_KEY,
    MANIFEST_FINGERPRINT,
    OUTPUT,
    RUN_PROVENANCE,
    SEAL,
    STAMP,
    SUMMARY,
)
from second_opinion_assets.graph.stored_events import StoredEvent, stored_events
from second_opinion_assets_tests.graph.project import Project
from second_opinion_assets_tests.graph.runs import Join
from second_opinion_assets_tests.graph.ticks import Ticks

MADE = DagsterEventType.ASSET_MATERIALIZATION
OBSERVED = DagsterEventType.ASSET_OBSERVATION
NAMES = [SUMMARY, DRIFT, RUN_PROVENANCE, MANIFEST_FINGERPRINT, OUTPUT, STAMP, SEAL]
ODD: list[Any] = [
    pytest.param(float("nan"), id="no number"),
    pytest.param("\ud800", id="half a character"),
    pytest.param(None, id="nothing"),
    pytest.param(dg.MetadataValue.md("# text"), id="a kind that is not read here"),
    pytest.param({"a": [1, "\0", {"b": None}]}, id="an object"),
    pytest.param(True, id="a truth"),
]


def by_dagster(
    instance: dg.DagsterInstance, key: dg.AssetKey, kind: DagsterEventType, names: Collection[str]
) -> list[StoredEvent]:
    """Return all events of an asset as Dagster reads them."""
    is_observed = kind is OBSERVED
    fetch = instance.fetch_observations if is_observed else instance.fetch_materializations
    return [StoredEvent.of(record, names) for record in fetch(key, limit=100).records]


def from_text(
    instance: dg.DagsterInstance, key: dg.AssetKey, kind: DagsterEventType, names: Collection[str]
) -> list[StoredEvent]:
    """Return all events of an asset as they are read here."""
    ids = [event.event_id for event in by_dagster(instance, key, kind, names)]
    return list(stored_events(instance, key, kind, ids, names))


def test_events_of_joins_and_looks(
    instance: dg.DagsterInstance,
    project: Project,
    join: Join,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What a join and a look of the sensor recorded is read as Dagster reads it, without it."""
    project.add_table("t", ["a", "b"], {"DOVER": {"a": 1.0}})
    manifest = project.save()
    Ticks(instance, manifest).tick()
    assert join(manifest, "t").success
    assert join(manifest, "t").success
    known = {
        (key, kind): by_dagster(instance, key, kind, NAMES)
        for key, kind in ((JOINED_KEY, MADE), (FEATURES_KEY, OBSERVED), (FEATURES_KEY, MADE))
    }
    assert known[JOINED_KEY, MADE][0].metadata.keys() >= set(NAMES[:5])
    assert known[FEATURES_KEY, OBSERVED][0].metadata.keys() >= {STAMP, SEAL}
    monkeypatch.delattr(module, "_read_by_dagster")
    for (key, kind), events in known.items():
        assert from_text(instance, key, kind, NAMES) == events


@pytest.mark.parametrize("value", ODD)
def test_odd_metadata(instance: dg.DagsterInstance, value: object) -> None:
    """Whatever was reported is read as Dagster reads it."""
    metadata: dict[str, Any] = {"odd": value, "other": 1}
    instance.report_runless_asset_event(dg.AssetMaterialization(FEATURES_KEY, metadata=metadata))
    (expected,) = by_dagster(instance, FEATURES_KEY, MADE, ["odd"])
    (found,) = from_text(instance, FEATURES_KEY, MADE, ["odd"])
    assert repr(found) == repr(expected)


def test_text_that_is_not_as_expected(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where Dagster's own form of events is another one, Dagster reads them."""
    instance.report_runless_asset_event(dg.AssetMaterialization(FEATURES_KEY, metadata={"a": 1}))
    expected = by_dagster(instance, FEATURES_KEY, MADE, ["a"])
    monkeypatch.setattr(module, "_decoder", msgspec.json.Decoder(dict[str, int]))
    assert from_text(instance, FEATURES_KEY, MADE, ["a"]) == expected
    monkeypatch.setattr(module, "SqlEventLogStorage", type("AnotherStorage", (), {}))
    assert from_text(instance, FEATURES_KEY, MADE, ["a"]) == expected
