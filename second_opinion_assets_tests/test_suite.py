"""What holds for the tests themselves."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

import second_opinion_assets

TESTS = Path(__file__).parent
MODULES = sorted(TESTS.rglob("*.py"))


def imported(module: Path) -> set[str]:
    """Return the last parts of all that a module imports, and of where it imports it from."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom):
            found |= {name.name for name in node.names} | {str(node.module).rpartition(".")[2]}
        elif isinstance(node, ast.Import):
            found |= {name.name.rpartition(".")[2] for name in node.names}
    return found


def test_nothing_imports_a_test_module() -> None:
    """What several tests need is a fixture, or stands in a module without tests."""
    of_tests = {path.stem for path in MODULES if path.stem.startswith("test_")} | {"conftest"}
    found = {str(path.relative_to(TESTS)): imported(path) & of_tests for path in MODULES}
    assert not {path: names for path, names in found.items() if names}


@pytest.mark.parametrize("module", sorted((TESTS / "plain").glob("*.py")), ids=lambda p: p.stem)
def test_the_plain_reading_shares_no_code_with_the_package(module: Path) -> None:
    """The rival that the package is held against has no way to repeat its mistakes."""
    nodes = list(ast.walk(ast.parse(module.read_text())))
    names = [str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)]
    names += [name.name for node in nodes if isinstance(node, ast.Import) for name in node.names]
    assert second_opinion_assets.__name__ not in {name.partition(".")[0] for name in names}


def test_what_is_tested_is_what_is_installed() -> None:
    """The package is the one beside the tests, or if there is none, that of the environment."""
    package = Path(second_opinion_assets.__path__[0])
    beside = TESTS.with_name(package.name)
    assert package == beside if beside.exists() else Path(sys.prefix) in package.parents
