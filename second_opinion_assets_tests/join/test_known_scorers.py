"""What a join makes of what is known of its scorers: names, audit, columns, provenance."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.join import materialize
from second_opinion_assets.join.provenance import input_entry
from second_opinion_assets.registry.facts import ScorerFacts, shipped_registry
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import digest_file
from second_opinion_assets_tests.workspace import INVOCATION, Workspace

ALIASES = {
    "a.jsonl": '{"clip_id": "a", "competitor": "dover_mobile", "score": 72.5}\n',
    "b.jsonl": '{"clip_id": "b", "competitor": "DOVER-Mobile", "score": 70}\n',
}


def _aliases(work: Workspace, **again: str) -> list[str]:
    for name, text in {**ALIASES, **again}.items():
        work.write(name, text)
    return list(ALIASES)


def test_canonical_names_make_aliases_one_scorer(work: Workspace) -> None:
    """Where asked for, files under two names of one scorer fill one set of columns."""
    result = work.join(scores=_aliases(work), canonical_names=True)
    assert result.appended[0] == "second_opinion_dover_mobile_score"
    assert list(result.tally.scorers) == ["DOVER-Mobile"]
    assert [row[result.appended[0]] for row in work.rows()] == [72.5, 70]
    assert [given.scorers for given in result.sidecars] == [["DOVER-Mobile"], ["DOVER-Mobile"]]


def test_canonical_names_keep_the_rules_for_duplicates(work: Workspace) -> None:
    """Under two names of one scorer an equal row is counted, and a different one refused."""
    equal = ALIASES["b.jsonl"] + ALIASES["a.jsonl"].replace("dover_mobile", "Dover Mobile")
    result = work.join(scores=_aliases(work, **{"b.jsonl": equal}), canonical_names=True)
    assert result.tally.scorers["DOVER-Mobile"].duplicate_rows == 1
    other = equal.replace("72.5", "27.5")
    with pytest.raises(JoinError, match=r"b\.jsonl:2: a second, different row of DOVER-Mobile"):
        work.join(scores=_aliases(work, **{"b.jsonl": other}), canonical_names=True)


def test_names_stay_as_written(work: Workspace) -> None:
    """Without canonical names two names with one slug are refused, as two scorers would be."""
    with pytest.raises(JoinError, match=r"'dover_mobile' and 'DOVER-Mobile' would both be"):
        work.join(scores=_aliases(work))


def test_canonical_names_count_for_the_fingerprint(work: Workspace) -> None:
    """Another canonical name is another table; without canonical names it is none."""
    renamed = shipped_registry().before([ScorerFacts("Ours", aliases=("DOVER-Mobile",))])

    def fingerprints(**options: Any) -> set[str]:
        spec = work.spec(scores=_aliases(work)[:1], **options)
        specs = (spec, msgspec.structs.replace(spec, registry=renamed))
        return {materialize(each, INVOCATION).fingerprint for each in specs}

    assert len(fingerprints()) == 1
    assert len(fingerprints(canonical_names=True)) == 2


def test_the_audit_tells_what_is_known_of_a_scorer(work: Workspace) -> None:
    """Scale, direction, licence and training sets stand with a known scorer, no others' do."""
    work.write("own.jsonl", '{"clip_id": "a", "competitor": "in-house", "score": 1}\n')
    work.join(scores=["scores.jsonl", "own.jsonl"])
    competitors = work.document()["competitors"]
    facts = {"scale", "direction", "licence", "redistributable", "trained_on"}
    assert {name: competitors["DOVER"][name] for name in facts} == {
        "scale": {"name": "0-100", "minimum": 0, "maximum": 100},
        "direction": "higher",
        "licence": "MIT",
        "redistributable": True,
        "trained_on": ["LSVQ"],
    }
    assert not facts & set(competitors["in-house"])


def test_the_audit_tells_model_ready_columns_from_bookkeeping(work: Workspace) -> None:
    """Scores are what to learn from, with their scale and direction; the other four are not."""
    work.write("own.jsonl", '{"clip_id": "a", "competitor": "in-house", "score": 1}\n')
    result = work.join(scores=["scores.jsonl", "own.jsonl"], prefix="so")
    columns = work.document()["columns"]
    assert columns["model_ready"] == [
        {
            "name": "so_dover_score",
            "competitor": "DOVER",
            "scale": {"name": "0-100", "minimum": 0, "maximum": 100},
            "direction": "higher",
        },
        {"name": "so_in_house_score", "competitor": "in-house", "scale": None, "direction": None},
    ]
    named = [*(column["name"] for column in columns["model_ready"]), *columns["bookkeeping"]]
    assert sorted(named) == sorted(result.appended)
    assert columns["bookkeeping"][:4] == [
        f"so_dover_{suffix}" for suffix in ("status", "runtime_ms", "frames", "source")
    ]


def test_the_provenance_names_a_users_scorers(work: Workspace) -> None:
    """A file of scorers that the manifest names is an input, with the hash of what was parsed."""
    own = Location(work.write("own.json", '{"scorers": []}'))
    files = ((own, digest_file(own)),)
    spec = msgspec.structs.replace(
        work.spec(), registry=msgspec.structs.replace(shipped_registry(), files=files)
    )
    inputs = materialize(spec, INVOCATION).audit.run_provenance.inputs
    assert inputs.scorers == [input_entry(*files[0])]
    assert "scorers" not in msgspec.to_builtins(work.join().audit.run_provenance.inputs)
