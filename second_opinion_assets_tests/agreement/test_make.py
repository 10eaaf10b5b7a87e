"""Publishing: both files beside the joined table, or every file as it was."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pandas as pd
import pytest

from second_opinion_assets.agreement.joined_table import JoinedTable, agreement_fingerprint
from second_opinion_assets.agreement.make import make_agreement
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.registry.facts import parse_entry, shipped_registry
from second_opinion_assets.registry.groups import Groups
from second_opinion_assets.registry.references import Reference
from second_opinion_assets.storage.groups import InputPaths
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.agreement.opinions import Opinions
from second_opinion_assets_tests.workspace import INVOCATION

UP = [float(n) for n in range(1, 13)]


@pytest.fixture
def joined(opinions: Opinions) -> JoinedTable:
    """Return a joined table of twelve clips, two scorers and a reference."""
    columns = {"clip_id": [f"c{n}" for n in range(12)], "vmaf": UP}
    return opinions.joined(columns, {"DOVER": [12.0, *UP[1:-1], 1.0], "NIQE": [2.0] * 12})


def test_both_files(opinions: Opinions, joined: JoinedTable) -> None:
    """JSON has everything, parquet a row a pair; both are named after the whole table's name."""
    made = make_agreement(joined, opinions.work.spec(), (), INVOCATION)
    document = opinions.work.document("out.jsonl.agreement.json")
    assert document["schema"] == "second-opinion-agreement-v1"
    assert document["table"] == "table"
    assert document["against_references"][0]["correlation"]["spearman"] == pytest.approx(
        0.1538, 1e-3
    )
    assert document["disputed"]["vmaf"][0]["opinions"] == {"DOVER": 12.0}
    assert document["run_provenance"] == msgspec.to_builtins(made.provenance)
    assert made.provenance.inputs["joined"].sha256 == joined.sha256
    figures = pd.read_parquet(made.files.agreement_parquet)
    assert list(figures["other"]) == ["vmaf", "vmaf", "NIQE"]
    assert list(figures["against"]) == ["reference", "reference", "scorer"]
    assert list(figures["n"]) == [12, 12, 12]
    assert figures["kendall"].isna().tolist() == [False, True, True]
    assert figures["not_enough"][1] == "NIQE is the same for every clip"


def test_a_table_without_pairs_has_figures_of_the_same_types(opinions: Opinions) -> None:
    """Files of many tables can be read as one, those without a figure among them."""
    alone = opinions.joined({"clip_id": ["a"]}, {"DOVER": [1.0]}, "alone.jsonl")
    both = opinions.joined({"clip_id": ["a"], "mos": [1.0]}, {"DOVER": [1.0]}, "both.jsonl")
    types = []
    for table in (alone, both):
        made = make_agreement(table, opinions.work.spec(), (), INVOCATION)
        types.append(pd.read_parquet(made.files.agreement_parquet).dtypes.to_dict())
    assert types[0] == types[1]


def test_a_table_that_is_not_what_was_joined(opinions: Opinions, joined: JoinedTable) -> None:
    """A table that changed since it was joined is refused, and nothing is written."""
    path = Path(joined.path)
    path.write_text(path.read_text().replace("12.0", "11.5"))
    before = opinions.work.contents()
    with pytest.raises(JoinError, match=r"out\.jsonl: is not what was joined last; materialize"):
        make_agreement(joined, opinions.work.spec(), (), INVOCATION)
    assert opinions.work.contents() == before


@pytest.mark.parametrize("suffix", ["json", "parquet"])
def test_files_of_others_are_not_overwritten(
    opinions: Opinions, joined: JoinedTable, suffix: str
) -> None:
    """A file that belongs to the batch is refused by name."""
    path = opinions.work.write(f"out.jsonl.agreement.{suffix}", "precious")
    before = opinions.work.contents()
    taken = InputPaths()
    taken.add(Location(path), "the batch")
    with pytest.raises(JoinError, match=rf"agreement\.{suffix}: the agreement would overwrite"):
        make_agreement(joined, opinions.work.spec(), (), INVOCATION, taken)
    assert opinions.work.contents() == before


def test_what_changes_the_fingerprint() -> None:
    """Another table, other references or another direction do; what is not used does not."""
    registry = shipped_registry()

    def known(**facts: str) -> str:
        return agreement_fingerprint(
            "1", ["DOVER", "x"], (), registry.before([parse_entry(facts, "here")])
        )

    base = agreement_fingerprint("1", ["DOVER", "x"], (), registry)
    others = [
        agreement_fingerprint("2", ["DOVER", "x"], (), registry),
        agreement_fingerprint("1", ["DOVER"], (), registry),
        agreement_fingerprint("1", ["DOVER", "x"], (Reference("mos"),), registry),
        known(name="x", direction="lower"),
        agreement_fingerprint("1", ["DOVER", "x"], (), registry, Groups(("split",))),
    ]
    assert len({base, *others}) == 6
    assert agreement_fingerprint("1", ["x", "DOVER"], (), registry) == base
    assert known(name="y", direction="lower") == base
