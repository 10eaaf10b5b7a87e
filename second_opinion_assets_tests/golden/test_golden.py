"""Every kind of output is what it was, byte by byte, as long as JOIN_VERSION is the same."""

from __future__ import annotations

import json

import pytest

from second_opinion_assets_tests.golden.make import (
    OTHERS,
    TABLES,
    VERSIONS,
    expected,
    make_outputs,
    versions,
)

MAKE_ANEW = "write the golden files anew: python -m second_opinion_assets_tests.golden"


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Return what the golden inputs become."""
    return make_outputs(tmp_path_factory.mktemp("golden"))


@pytest.mark.parametrize("name", TABLES)
def test_a_joined_table_keeps_its_bytes(outputs: dict[str, str], name: str) -> None:
    """Other bytes of a joined table need another JOIN_VERSION, or old tables would keep theirs."""
    found, wanted = outputs[name], expected(name)
    if json.loads(expected(VERSIONS))["pyarrow"] != versions()["pyarrow"]:
        # Another writer writes other bytes; what they say is the same.
        found, wanted = (text.partition("\n")[2] for text in (found, wanted))
    assert found == wanted, f"{name} changed: give JOIN_VERSION another value, then {MAKE_ANEW}"


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_said_of_tables_keeps_its_bytes(outputs: dict[str, str], name: str) -> None:
    """Audit, agreement and report are what they were."""
    assert outputs[name] == expected(name), (
        f"{name} changed: if tables that were joined before should have it too, give JOIN_VERSION "
        f"(of an agreement AGREEMENT_VERSION) another value, then {MAKE_ANEW}"
    )


@pytest.mark.parametrize("name", ["join_version", "agreement_version"])
def test_golden_files_are_of_this_version(name: str) -> None:
    """A new version comes with golden files of its own."""
    assert json.loads(expected(VERSIONS))[name] == versions()[name], MAKE_ANEW
