"""How tables stand by the audits and outputs that lie on the disk."""

from __future__ import annotations

import json

import pytest

from second_opinion_assets.join.batch import materialize_batch
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.join.outcomes import TableStatus
from second_opinion_assets.join.standing import Standing, standings
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import INVOCATION, Workspace


@pytest.fixture
def project(work: Workspace) -> Workspace:
    """Return a manifest of two tables, of which the second one is promotion-grade."""
    entry = {"features": "features.jsonl", "scores": ["scores.jsonl"]}
    tables = [
        {**entry, "id": name, "out": f"{name}.jsonl", "audit_json": f"{name}.audit.json"}
        for name in ("a", "b")
    ]
    work.write("m.json", json.dumps({"tables": tables}))
    return work


def stand(work: Workspace) -> dict[str, Standing]:
    """Return how each table stands."""
    manifest = load_manifest(Location(work.folder / "m.json"))
    return {found.outcome.spec.id: found for found in standings(manifest)}


def join(work: Workspace) -> None:
    """Join both tables."""
    materialize_batch(load_manifest(Location(work.folder / "m.json")), INVOCATION)


def test_never_joined(project: Workspace) -> None:
    """A table without output and audit was not joined."""
    assert stand(project)["a"] == (stand(project)["a"].outcome, None)
    assert stand(project)["a"].outcome.status is TableStatus.not_joined


def test_joined(project: Workspace) -> None:
    """A joined table has the counts of its audit, as the batch that joined it told."""
    manifest = load_manifest(Location(project.folder / "m.json"))
    told = materialize_batch(manifest, INVOCATION)[0]
    found = stand(project)["a"]
    assert found.outcome.status is TableStatus.ok
    assert found.outcome.summary == told.summary
    assert found.audit is not None


def test_what_is_not_as_its_audit_says(project: Workspace) -> None:
    """An output that was changed, or is gone, is told; the other table is not concerned."""
    join(project)
    project.write("a.jsonl", b"{}\n")
    changed = stand(project)["a"].outcome
    assert changed.status is TableStatus.failed
    assert "is not what its audit says" in str(changed.error)
    (project.folder / "a.jsonl").unlink()
    assert stand(project)["a"].outcome.status is TableStatus.output_gone
    assert stand(project)["b"].outcome.status is TableStatus.ok


@pytest.mark.parametrize("audit", [b"", b"{}", b"\xff", b'{"scorers": 1}'])
def test_a_broken_audit(project: Workspace, audit: bytes) -> None:
    """It is why its table fails, and stops no other."""
    join(project)
    project.write("a.audit.json", audit)
    found = stand(project)
    assert found["a"].outcome.status is TableStatus.failed
    assert "a.audit.json" in str(found["a"].outcome.error)
    assert found["b"].outcome.status is TableStatus.ok


def test_no_audit(project: Workspace) -> None:
    """Of an output without an audit nothing is known, which is said."""
    join(project)
    (project.folder / "a.audit.json").unlink()
    assert "has no audit" in str(stand(project)["a"].outcome.error)


def test_a_refused_join(project: Workspace) -> None:
    """What the latest join was refused for is told, with its counts and what was left in place."""
    join(project)
    text = (project.folder / "m.json").read_text()
    project.write("m.json", text.replace('"id": "a"', '"missing_policy": "fail", "id": "a"'))
    project.write_lines("scores.jsonl", [{"clip_id": "a", "competitor": "DOVER", "score": 1.0}])
    join(project)
    found = stand(project)["a"].outcome
    assert found.status is TableStatus.failed
    assert found.error == "missing second-opinion scores: DOVER=1; missing of DOVER: 'b'"
    assert found.summary is not None
    assert (found.summary.output_rows, found.summary.missing_rows) == (0, 1)
    assert found.earlier is not None
    assert found.earlier.exists
