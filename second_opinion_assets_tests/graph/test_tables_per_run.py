"""How many tables share a run is a setting."""

from __future__ import annotations

import dagster as dg
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.graph.build import build_definitions
from second_opinion_assets.graph.names import AGREEMENT_KEY, JOINED_KEY
from second_opinion_assets.graph.settings import Settings
from second_opinion_assets_tests.graph.project import Project


@pytest.mark.parametrize(
    ("written", "joins", "agreements"),
    [("", 50, 25), ("1", 1, 1), ("4", 4, 2), ("5", 5, 3), ("9999", 9999, 5000)],
)
def test_a_backfill_has_as_many_tables_in_a_run_as_is_said(
    project: Project, written: str, joins: int, agreements: int
) -> None:
    """Joins have the number of the setting, agreements half of it, so that each has its runs."""
    project.add_table("one", ["a"], {"DOVER": {"a": 1.0}})
    settings = Settings.from_environment({"SECOND_OPINION_TABLES_PER_RUN": written})
    graph = build_definitions(project.save(), settings).resolve_asset_graph()
    policies = {key: graph.get(key).backfill_policy for key in (JOINED_KEY, AGREEMENT_KEY)}
    assert policies == {
        JOINED_KEY: dg.BackfillPolicy.multi_run(joins),
        AGREEMENT_KEY: dg.BackfillPolicy.multi_run(agreements),
    }


@pytest.mark.parametrize("written", ["0", "-1", "1.5", "many", "10000", "٣", "1_0", " 5"])
def test_what_is_no_number_of_tables_is_refused(written: str) -> None:
    """The message names the variable and what it may be."""
    with pytest.raises(JoinError, match=r"SECOND_OPINION_TABLES_PER_RUN is .* from 1 to 9999"):
        Settings.from_environment({"SECOND_OPINION_TABLES_PER_RUN": written})
