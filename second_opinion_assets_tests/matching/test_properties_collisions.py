"""Properties of colliding keys, and a plain reading of the rule that settles them.

The reading holds every feature row against every score row and every other feature row; it shares
no code with the package.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests.knobs import Knobs, block_sizes
from second_opinion_assets_tests.matching.paths import BAD, MISSING, dover, gains, join
from second_opinion_assets_tests.strategies import thorough
from second_opinion_assets_tests.workspace import Workspace


class ClipPath(NamedTuple):
    """A path as its components, the last one first, and what it starts from."""

    name: str
    folders: tuple[str, ...]
    start: str

    @classmethod
    def of(cls, text: str) -> ClipPath:
        text = text.strip().replace("\\", "/")
        *folders, name = [part for part in text.split("/") if part]
        kept = [folder for folder in reversed(folders) if folder != "."]
        return cls(name, tuple(kept), "/" if text.startswith("/") else "relative")

    def differs_from(self, other: ClipPath) -> bool:
        """Say whether the two have different folders somewhere, seen from the end."""
        shorter = min(len(self.folders), len(other.folders))
        return self.folders[:shorter] != other.folders[:shorter]

    def likeness(self, other: ClipPath) -> tuple[int, bool]:
        """Return how many folders are the same, from the end, and whether the name is."""
        mine, others = ((*path.folders, path.start) for path in (self, other))
        same = 0
        while same < min(len(mine), len(others)) and mine[same] == others[same]:
            same += 1
        return same, self.name == other.name


def compared(path: ClipPath, mode: str) -> str:
    """Return the part of a path that both sides are compared by."""
    return path.name.rpartition(".")[0] if mode == "stem" else path.name


def nearest(feature: ClipPath, scores: list[ClipPath], mode: str) -> list[int]:
    """Return the score rows that are most like a feature's path."""
    found = [
        n for n, score in enumerate(scores) if compared(score, mode) == compared(feature, mode)
    ]
    folders = {n: feature.likeness(scores[n])[0] for n in found}
    return [n for n in found if folders[n] == max(folders.values())]


def plain_gain(
    feature: ClipPath, features: set[ClipPath], scores: list[ClipPath], mode: str
) -> Any:
    """Return what a feature row gets: the number of a score row, `missing` or `bad`."""
    mine = nearest(feature, scores, mode)
    if not mine:
        return MISSING
    if len(mine) > 1:
        return MISSING if all(feature.differs_from(scores[n]) for n in mine) else BAD
    score = scores[mine[0]]
    rivals = [
        other.likeness(score)
        for other in features - {feature}
        if nearest(other, scores, mode) == mine
    ]
    best = max(rivals, default=(-1, False))
    if feature.likeness(score) > best:
        return mine[0]
    if feature.likeness(score) == best:
        return BAD
    return MISSING if feature.differs_from(score) else BAD


@st.composite
def paths(draw: st.DrawFn) -> str:
    """Draw a path of few components, in one of several spellings."""
    folders = draw(st.lists(st.sampled_from(["a", "b", "1", "."]), max_size=3))
    name = draw(st.sampled_from(["x.mp4", "x.mp4", "x.mkv", "y.mp4"]))
    text = draw(st.sampled_from(["", "/"])) + "/".join([*folders, name])
    spelling = draw(st.sampled_from(["{}", "{}", "{}", " {}\t", "windows"]))
    return text.replace("/", "\\") if spelling == "windows" else spelling.format(text)


@given(
    st.lists(paths(), min_size=1, max_size=7),
    st.lists(paths(), min_size=1, max_size=5, unique_by=ClipPath.of),
    st.sampled_from(["basename", "stem", "suffix"]),
    st.sampled_from([16, 4 << 20]),
)
@thorough
def test_collisions_are_settled_as_the_plain_rule_says(
    features: list[str], scores: list[str], mode: str, chunk_bytes: int
) -> None:
    """Each row gets what the rule, read plainly, gives it, and two clips never share a score."""
    note(f"{mode}: {features} {scores}")
    feature_paths, score_paths = list(map(ClipPath.of, features)), list(map(ClipPath.of, scores))
    score_keys = [path if mode == "suffix" else compared(path, mode) for path in score_paths]
    with tempfile.TemporaryDirectory() as folder, block_sizes(Knobs(chunk_bytes, 200)):
        work = Workspace(Path(folder))
        if len(set(score_keys)) < len(score_keys):
            with pytest.raises(JoinError, match=r"is .* once normalised, and so is"):
                join(work, features, scores, key_normalize=mode)
            return
        tally = dover(join(work, features, scores, key_normalize=mode))
        got = gains(work.rows())
    note(f"got {got}")
    assert got == [
        plain_gain(path, set(feature_paths), score_paths, mode) for path in feature_paths
    ]
    assert tally.ambiguous_rows == tally.bad_rows == got.count(BAD)
    assert all(sample.reason.startswith("ambiguous key: ") for sample in tally.bad)
    owners = {n: {path for path, gain in zip(feature_paths, got, strict=True) if gain == n}
              for n in range(len(scores))}  # fmt: skip
    assert all(len(clips) <= 1 for clips in owners.values())
    for path, gain in zip(feature_paths, got, strict=True):
        if path in score_paths:
            assert gain == score_paths.index(path)
