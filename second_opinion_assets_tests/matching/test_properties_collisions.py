"""Properties of colliding keys: they are settled as the plain reading says, whatever collides."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests import plain
from second_opinion_assets_tests.knobs import Knobs, block_sizes
from second_opinion_assets_tests.matching.paths import BAD, dover, gains, join
from second_opinion_assets_tests.strategies import thorough
from second_opinion_assets_tests.workspace import Workspace


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
    st.lists(paths(), min_size=1, max_size=5, unique_by=plain.ClipPath.of),
    st.sampled_from(["basename", "stem", "suffix"]),
    st.sampled_from([16, 4 << 20]),
)
@thorough
def test_collisions_are_settled_as_the_plain_rule_says(
    features: list[str], scores: list[str], mode: str, chunk_bytes: int
) -> None:
    """Each row gets what the rule, read plainly, gives it, and two clips never share a score."""
    note(f"{mode}: {features} {scores}")
    expected: list[plain.Gain] | None = None
    if len({plain.normalized(path, mode, "path") for path in scores}) == len(scores):
        keys = [
            [plain.Key.of(path, mode, "path", None) for path in side] for side in (features, scores)
        ]
        expected = plain.gains(*keys)
    with tempfile.TemporaryDirectory() as folder, block_sizes(Knobs(chunk_bytes, 200)):
        work = Workspace(Path(folder))
        if expected is None:
            with pytest.raises(JoinError, match=r"is .* once normalised, and so is"):
                join(work, features, scores, key_normalize=mode)
            return
        tally = dover(join(work, features, scores, key_normalize=mode))
        got = gains(work.rows())
    note(f"got {got}")
    assert got == expected
    assert tally.ambiguous_rows == tally.bad_rows == got.count(BAD)
    assert all(sample.reason.startswith("ambiguous key: ") for sample in tally.bad)
    paths, score_paths = ([plain.ClipPath.of(path) for path in side] for side in (features, scores))
    owners = {
        n: {path for path, gain in zip(paths, got, strict=True) if gain == n}
        for n in range(len(scores))
    }
    assert all(len(clips) <= 1 for clips in owners.values())
    for path, gain in zip(paths, got, strict=True):
        if path in score_paths:
            assert gain == score_paths.index(path)
