"""Both readings of one join, the package's and the plain one, and how they are compared.

What is joined belongs in `strategies.py` or in a test.
"""

from __future__ import annotations

import math
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import note, reject

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import JoinOptions, parse_options
from second_opinion_assets.join.join import JoinResult, materialize
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.scores.sidecar import Sidecar, SidecarRules
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests import plain
from second_opinion_assets_tests.cases import Case
from second_opinion_assets_tests.knobs import block_sizes
from second_opinion_assets_tests.workspace import INVOCATION


def options_of(case: Case) -> JoinOptions:
    """Return the options as the package takes them; a join that finds nothing is let pass."""
    return parse_options({**vars(case.options), "allow_empty": True}, "test")


def write_sidecars(case: Case, folder: Path) -> tuple[Sidecar, ...]:
    """Write the sidecars of a case."""
    for file in case.files:
        (folder / file.written).write_bytes(file.text)
    return tuple(
        Sidecar(
            Location(folder / file.written),
            file.written,
            file.written,
            file.label,
            SidecarRules(**vars(file.rules)),
        )
        for file in case.files
    )


def join(case: Case, folder: Path) -> tuple[JoinResult, list[bytes]]:
    """Join a case by the package; return its result and the lines of its output."""
    features = folder / "features.jsonl"
    features.write_bytes(b"".join(line + b"\n" for line in case.features))
    spec = TableSpec(
        id="t",
        features=Location(features),
        scores=write_sidecars(case, folder),
        out=Location(folder / "out.jsonl"),
        audit_json=None,
        options=options_of(case),
    )
    with block_sizes(case.knobs):
        result = materialize(spec, INVOCATION)
    return result, Path(spec.out).read_bytes().split(b"\n")[:-1]


def plain_rows(case: Case) -> list[plain.Row] | None:
    """Join a case by the plain reading; None where it is to be refused."""
    features = [plain.loads(line) for line in case.features]
    try:
        return plain.plain_join(features, case.files, case.options)
    except plain.Refused as refused:
        note(f"plain reading refuses: {refused}")
        return None


def clear_rows(case: Case) -> list[plain.Row] | None:
    """Join a case by the plain reading; turn down what the contract leaves open."""
    try:
        return plain_rows(case)
    except plain.Unclear:
        reject()


def agrees(found: Any, expected: Any) -> bool:
    """Say whether a value of the output is the one expected, a mean to the last digit but one."""
    if isinstance(expected, float):
        close = 2 * math.ulp(expected)
        return isinstance(found, plain.Number) and abs(found.value - expected) <= close
    if isinstance(expected, int) and not isinstance(expected, bool):
        return bool(found == plain.Number(str(expected)))
    return bool(found == expected)


def show(case: Case) -> None:
    """Put a case into the report of a failure."""
    for file in case.files:
        note(f"{file.written} label={file.label} {file.rules}: {file.text!r}")
    note(f"features: {case.features} {case.options}")


def assert_agrees(case: Case) -> None:
    """Hold the join of a case against the plain reading."""
    show(case)
    expected = clear_rows(case)
    with tempfile.TemporaryDirectory() as folder:
        if expected is None:
            with pytest.raises(JoinError, match=r"."):
                join(case, Path(folder))
            return
        result, lines = join(case, Path(folder))
    rows = [plain.loads(line) for line in lines]
    assert [list(row) for row in rows] == [list(row) for row in expected]
    for row, wanted in zip(rows, expected, strict=True):
        differing = {name for name in row if not agrees(row[name], wanted[name])}
        assert not differing, (row, wanted)
    assert result.tally.input_rows == len(case.features)
    assert result.tally.output_rows == len(expected)
    assert_tallies(case, result)


def assert_tallies(case: Case, result: JoinResult) -> None:
    """Hold what was counted of each scorer against the statuses of all input rows."""
    every = plain.Options(**{**vars(case.options), "missing_policy": "mark"})
    rows = plain_rows(case._replace(options=every))
    assert rows is not None
    for scorer in result.tally.scorers.values():
        statuses = Counter(row[f"{scorer.column_prefix}_status"] for row in rows)
        found = (scorer.matched_rows, scorer.missing_rows, scorer.bad_rows)
        assert found == (statuses["ok"], statuses["missing"], statuses["bad"])
