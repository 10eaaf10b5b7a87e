"""The audit's file: read as it was written, whatever it says of a join."""

from __future__ import annotations

import json

from second_opinion_assets.join.audit import read_audit
from second_opinion_assets.join.verify import Verifier
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.publishing import json_document
from second_opinion_assets_tests.workspace import Workspace

CONTRACT = {
    *("feature_table", "output", "key_column", "key_normalize", "input_rows", "output_rows"),
    *("missing_policy", "competitors", "run_provenance"),
}
SCORER = {
    *("competitor", "column_prefix", "scores_loaded", "duplicate_rows"),
    *("matched_rows", "missing_rows", "bad_rows"),
}


def test_an_audit_is_read_as_it_was_written(work: Workspace) -> None:
    """What is verified is of the very type that a join writes, to the last byte."""
    work.write("bench/a.json", '{"competitor": "PIQE", "score": 1}')
    work.write("bench/b.json", '{"competitor": "PIQE", "score": null}')
    audit = work.join(scores=["scores.jsonl", "bench"], missing_policy="drop").audit
    found = read_audit(Location(work.folder / "audit.json"))
    assert found == audit
    assert json_document(found) == work.read("audit.json")


def test_what_the_contract_asks_for_is_enough(work: Workspace) -> None:
    """An audit that says no more than it must can be verified, and one that says more too."""
    work.join()
    document = {name: value for name, value in work.document().items() if name in CONTRACT}
    for name, counts in document["competitors"].items():
        document["competitors"][name] = {n: v for n, v in counts.items() if n in SCORER}
    for changed in (document, {**document, "of_tomorrow": 1}):
        audit = work.write("audit.json", json.dumps(changed))
        assert Verifier().verify_file(Location(audit))[1].holds
