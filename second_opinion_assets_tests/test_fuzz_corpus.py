"""Every input that is kept for fuzzing passes its judge; how more are found belongs in `fuzz/`."""

from __future__ import annotations

from pathlib import Path

import pytest

from fuzz.run import CORPUS, targets
from fuzz.seeds import SEEDS
from fuzz.targets import TARGETS

FILES = [
    pytest.param(path.parent.name, path, id=f"{path.parent.name}-{path.name}")
    for path in sorted(CORPUS.glob("*/*"))
]


@pytest.mark.parametrize(("target", "path"), FILES)
def test_a_kept_input_passes(target: str, path: Path) -> None:
    """What once was a finding, or is a start for others, is none."""
    TARGETS[target](path.read_bytes())


def test_every_target_has_files() -> None:
    """A target has a folder of the corpus and knows what else it starts from."""
    assert sorted(TARGETS) == targets() == sorted(SEEDS)
