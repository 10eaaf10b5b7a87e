"""Every input that is kept for fuzzing passes its judge, and so do small changes of it.

The guided search for more, which takes minutes, belongs in `fuzz/run.py`.
"""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest

from fuzz import quick, run
from fuzz.judging import Finding
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


@pytest.mark.parametrize("target", sorted(TARGETS))
def test_small_changes(target: str) -> None:
    """Known inputs with one change each pass their judge."""
    assert quick.run(target, 10, Random(12)) == 0  # noqa: S311 (any)


def test_a_finding_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is a file of its own, with the bytes that are to be tried again."""
    seen: list[bytes] = []

    def finds(case: bytes) -> None:
        seen.append(case)
        raise Finding

    monkeypatch.setattr(quick, "KEPT", tmp_path)
    monkeypatch.setitem(TARGETS, "keys", finds)
    assert quick.run("keys", 3, Random(12)) == 3  # noqa: S311 (any)
    kept = sorted((tmp_path / "findings" / "keys").iterdir())
    assert [path.read_bytes() for path in kept] == seen


def test_a_process_that_does_not_end() -> None:
    """It is killed, and has not ended well."""
    said, ended_well = run.python(["timeit", "-s", "import time", "time.sleep(60)"], 0.2)
    assert said.endswith("still ran after 0 s, and was killed\n")
    assert not ended_well
