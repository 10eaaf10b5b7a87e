"""Blank lines in tables of JSON lines count for nothing, wherever they stand."""

from __future__ import annotations

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests.knobs import Knobs, block_sizes
from second_opinion_assets_tests.workspace import Workspace

ROW = '{"clip_id": "a"}'


@pytest.mark.parametrize(
    "text", [f"\n{ROW}", f" \n\n{ROW}\n", f"\n{ROW}\n\n{ROW}", "\n" * 99 + ROW]
)
@pytest.mark.parametrize("chunk_bytes", [16, 4 << 20])
def test_blank_lines_before_the_first_row(work: Workspace, text: str, chunk_bytes: int) -> None:
    """The first row is found behind any number of them, with a line end or without one."""
    work.write("features.jsonl", text)
    with block_sizes(Knobs(chunk_bytes, 200)):
        assert work.join().tally.matched_rows == text.count(ROW)


def test_lines_are_counted_with_blank_ones(work: Workspace) -> None:
    """An error names the line as an editor counts it."""
    work.write("features.jsonl", "\n" * 40 + ROW + '\n{"clip_id": []}\n')
    with (
        block_sizes(Knobs(16, 200)),
        pytest.raises(JoinError, match=r"features\.jsonl:42: the key is a list"),
    ):
        work.join()
