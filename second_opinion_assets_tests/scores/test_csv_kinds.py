"""Kinds of CSV, each however it is written: with other delimiters, line ends, marks, compressed."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests.workspace import Workspace

WRITINGS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "crlf": lambda text: text.replace("\n", "\r\n").encode(),
    "mark": lambda text: f"\ufeff{text}".encode(),
    "utf-16": lambda text: text.encode("utf-16"),
    "gzip": lambda text: gzip.compress(text.encode()),
    "no-line-end": lambda text: text.rstrip("\n").encode(),
}
KINDS = {
    "header": "path,x,score\na,1,0.5\nb,2,0.25\n",
    "headerless": "a,0.5\nb,0.25\n",
    "trailing": "path,score,\na,0.5,\nb,0.25,\n",
    "warning": "lib.py:4 UserWarning\npath,x,score\na,1,0.5\nb,2,0.25\n",
    "bar": "path,score\na,0.5\n 50%|#| 1/2 [00:00<00:01, 9.1it/s]\nb,0.25\n",
    "header-again": "path,score\na,0.5\npath,score\nb,0.25\n",
    "average": "path,x,score\na,1,0.5\nb,2,0.25\nAverage,1.5,0.375\n",
    "short-average": "path,x,score\na,1,0.5\nb,2,0.25\nAvg. scores: 1.5\n",
}


@pytest.mark.parametrize("write", WRITINGS.values(), ids=WRITINGS)
@pytest.mark.parametrize("delimiter", [",", ";", "\t", ";decimal", "\tdecimal"])
@pytest.mark.parametrize("text", KINDS.values(), ids=KINDS)
@pytest.mark.parametrize("name", ["s.csv", "s.log"])
def test_kinds_of_csv(
    work: Workspace, name: str, text: str, delimiter: str, write: Callable[[str], bytes]
) -> None:
    """A kind of CSV gives the same scores however it is written, and whatever it is called."""
    text = text.replace(",", delimiter[0]).replace("[00:00<00:01; ", "[00:00<00:01, ")
    if delimiter.endswith("decimal"):
        text = text.replace("0.", "0,")
    work.write(name, write(text))
    work.join(scores=[f"DOVER={name}"])
    assert [row["second_opinion_dover_score"] for row in work.rows()] == [0.5, 0.25]


@pytest.mark.parametrize("name", ["s.csv", "s.txt"])
@pytest.mark.parametrize(
    "text",
    [
        "path,score\na,0,53\nb,0,61\n",
        "a,0,53\nb,0,61\n",
        "path,score,\na,0,53\nb,0,61\n",
        "path,score\na;0,53\nb;0,61\n",
        "path,score\na\t0,53\nb\t0,61\n",
        "a 0,53\nb 0,61\n",
        "a;0,53\nb,0.61\nc,0.7\n",
        "path;score\na;0,53\nb;0.61\n",
    ],
)
def test_a_comma_that_may_be_a_decimal_one(work: Workspace, name: str, text: str) -> None:
    """Where a comma may be a decimal one the file is refused, whatever else it may say."""
    work.write(name, text)
    with pytest.raises(JoinError, match=r"decimal|write points|write all with points"):
        work.join(scores=[f"DOVER={name}"])


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["path"], "a name for each column"),
        (["path", "path"], "a name for each column"),
        (["path", " "], "a name for each column"),
        ("path", r"[Ee]xpected"),
        (["path", "score"], "3 cells in a row, expected 2"),
    ],
)
def test_names_of_columns(work: Workspace, columns: object, message: str) -> None:
    """The names that are given for columns are all different, and as many as there are columns."""
    work.write("s.txt", "a,1,0.5\nb,2,0.25\n")
    with pytest.raises(JoinError, match=message):
        work.join(scores=[{"path": "s.txt", "label": "DOVER", "columns": columns}])
