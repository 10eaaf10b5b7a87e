"""The document of formats: each head of a file that it shows is read as it says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import slug
from second_opinion_assets_tests.workspace import Workspace

DOCUMENT = Path(__file__).parents[1] / "docs" / "formats.md"


class Shown(NamedTuple):
    """A file that the document shows, how it is given, and what comes of it."""

    name: str
    text: str
    given: str
    is_read: bool
    outcome: str


def _shown() -> list[Shown]:
    found = []
    for section in DOCUMENT.read_text().split("\n### ")[1:]:
        name = re.findall(r"`([^`]+)`", section.partition("\n")[0])[-1]
        text = re.findall(r"```text\n(.*?)```", section, re.DOTALL)[0]
        bullets = re.findall(r"^- `(.+)` ([→✗]) (.+)$", section, re.MULTILINE)
        assert bullets, name
        found += [Shown(name, text, given, mark == "→", told) for given, mark, told in bullets]
    return found


CASES = [pytest.param(shown, id=shown.given[:60]) for shown in _shown()]


@pytest.mark.parametrize("shown", CASES)
def test_a_shown_file_is_read_as_told(work: Workspace, shown: Shown) -> None:
    """A file of the document gives the scores and frames that stand beneath, or is refused so."""
    work.write(shown.name, shown.text)
    sidecar: str | dict[str, Any] = shown.given
    if shown.given.startswith("{"):
        sidecar = json.loads(shown.given)
    if not shown.is_read:
        with pytest.raises(JoinError, match=re.escape(shown.outcome)):
            work.join(scores=[sidecar])
        return
    told = re.findall(r"(\S+) ([0-9.]+)(?: \(([0-9]+) frames\))?(?:, |$)", shown.outcome)
    work.write_lines("features.jsonl", [{"filename": clip} for clip, _, _ in told])
    result = work.join(scores=[sidecar])
    start = f"second_opinion_{slug(next(iter(result.tally.scorers)))}_"
    got = [(row[f"{start}score"], row[f"{start}frames"]) for row in work.rows()]
    wanted = [(pytest.approx(float(score)), int(frames or 0)) for _, score, frames in told]
    assert got == wanted
