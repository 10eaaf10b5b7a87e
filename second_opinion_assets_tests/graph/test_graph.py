"""Manifests that a graph can be made from."""

from __future__ import annotations

import pytest

from second_opinion_assets.contract.errors import ManifestError
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.current import load_tables
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.graph.project import Project


@pytest.mark.parametrize("table_id", ["a\0", "a\nb", "a...b"], ids=["nul", "line feed", "dots"])
def test_ids_that_no_partition_may_have(project: Project, table_id: str) -> None:
    """An id that Dagster does not take is one line that names it."""
    project.add_table(table_id.strip("\0"), ["x"], {"DOVER": {"x": 1.0}})
    project.tables[0]["id"] = table_id
    project.save()
    with pytest.raises(ManifestError, match=r"manifest\.json: the id 'a\S*' has what no partition"):
        load_tables(Settings(Location(project.manifest_path)))


@pytest.mark.parametrize("table_id", ["a|b", "`a`", "<b>", "a b\u00a0c", "é", "a..b"])
def test_ids_that_a_partition_may_have(project: Project, table_id: str) -> None:
    """Any other id makes a graph."""
    project.add_table("t", ["x"], {"DOVER": {"x": 1.0}})
    project.tables[0]["id"] = table_id
    project.save()
    settings = Settings(Location(project.manifest_path))
    defs = build_definitions(load_tables(settings), settings)
    joined = defs.resolve_assets_def("second_opinion_features")
    assert joined.partitions_def
    assert joined.partitions_def.get_partition_keys() == [table_id]
