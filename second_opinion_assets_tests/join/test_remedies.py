"""Where few keys are found, what would find more is proposed, and has been counted."""

from __future__ import annotations

from typing import Any

import pytest

from second_opinion_assets.contract.options import parse_options
from second_opinion_assets.contract.tally import KeyRemedy
from second_opinion_assets.join.explain import Explanation, explain, manifest_entry
from second_opinion_assets.join.manifest_sidecars import parse_sidecar
from second_opinion_assets.matching.key_hints import key_hint, shown_key
from second_opinion_assets.report.explain import lines
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import Workspace

CLIPS = ("clip_1", "clip_23", "other")

REMEDIES = [
    pytest.param(
        [{"clip_id": clip} for clip in CLIPS],
        [{"clip_id": f"{clip}_540p"} for clip in CLIPS],
        {"key_pattern": "^(.+)_540p$"},
        id="constant-end-of-score-keys",
    ),
    pytest.param(
        [{"clip_id": clip} for clip in CLIPS],
        [{"clip_id": f"run1_{clip}"} for clip in CLIPS],
        {"key_pattern": "^run1_(.+)$"},
        id="constant-start-of-score-keys",
    ),
    pytest.param(
        [{"clip_id": f"ugc-{clip}.v2"} for clip in CLIPS],
        [{"clip_id": clip} for clip in CLIPS],
        {"key_pattern": r"^ugc\-(.+)\.v2$"},
        id="constant-ends-of-feature-keys",
    ),
    pytest.param(
        [{"clip_id": clip} for clip in CLIPS],
        [{"path": f"/d{n}/{clip}_540p.mp4"} for n, clip in enumerate(CLIPS)],
        {"key_pattern": r"(?:^|[/\\])([^/\\]+)_540p\.mp4$"},
        id="paths",
    ),
    pytest.param(
        [{"clip_id": clip} for clip in CLIPS],
        [{"path": f"https://h/{clip}.mp4?sig={n}"} for n, clip in enumerate(CLIPS)],
        {"key_normalize": "stem", "key_pattern": "([^/?#]+)(?:[?#].*)?$"},
        id="signed-urls",
    ),
    pytest.param(
        [{"clip_id": clip} for clip in CLIPS],
        [{"path": f"https://h/{clip}.mp4#t={n}"} for n, clip in enumerate(CLIPS)],
        {"key_normalize": "stem", "key_pattern": "([^/?#]+)(?:[?#].*)?$"},
        id="urls-with-a-fragment",
    ),
    pytest.param(
        [{"name": f"title {clip}", "Video": clip} for clip in CLIPS],
        [{"path": f"/d/{clip}.mp4"} for clip in CLIPS],
        {"key_column": "Video", "key_normalize": "stem"},
        id="column-that-was-passed-over",
    ),
    pytest.param(
        [{"path": f"{clip}.mp4"} for clip in CLIPS],
        [{"clip_id": n, "video_name": f"{clip}.mp4"} for n, clip in enumerate(CLIPS)],
        {"score_key_field": "video_name"},
        id="field-that-was-passed-over",
    ),
    pytest.param(
        [{"clip_id": clip} for clip in CLIPS],
        [{"clip_id": f"{clip}.mp4"} for clip in CLIPS],
        {"key_normalize": "stem"},
        id="mode",
    ),
]


def explanation_of(work: Workspace, **options: Any) -> Explanation:
    """Explain the workspace's features and the scores of S."""
    features = Location(work.folder / "features.jsonl")
    sidecar = parse_sidecar("S=s.jsonl", Location(work.folder))
    return explain(features, [sidecar], parse_options(options, "options"))


@pytest.mark.parametrize(("features", "scores", "remedy"), REMEDIES)
def test_a_remedy_finds_what_it_says(
    work: Workspace,
    features: list[dict[str, Any]],
    scores: list[dict[str, Any]],
    remedy: dict[str, str],
) -> None:
    """The join's warning and the explanation name the same options, and they find every key."""
    work.write_lines("features.jsonl", features)
    work.write_lines("s.jsonl", [{**row, "score": n} for n, row in enumerate(scores)])
    explanation = explanation_of(work)
    tally = work.join(scores=["S=s.jsonl"]).tally.scorers["S"]
    assert tally.remedy == KeyRemedy(keys_found=3, **remedy)
    assert key_hint(tally).endswith(f"; {tally.remedy} would find 3")
    entry = manifest_entry(explanation)
    assert {name: value for name, value in entry.items() if name in remedy} == remedy
    assert "3 of 3 for S." in "\n".join(lines(explanation))
    result = work.join(scores=["S=s.jsonl"], **remedy)
    assert result.tally.scorers["S"].matched_rows == 3


def test_no_pattern_is_proposed_for_keys_that_differ_in_more(work: Workspace) -> None:
    """What stands around the keys must be constant."""
    work.write_lines("features.jsonl", [{"clip_id": clip} for clip in CLIPS])
    keys = [f"{n}-{clip}-{n}" for n, clip in enumerate(CLIPS)]
    work.write_lines("s.jsonl", [{"clip_id": key, "score": 1} for key in keys])
    tally = work.join(scores=["S=s.jsonl"]).tally.scorers["S"]
    assert tally.remedy is None
    assert "no reading of the keys finds more, such as 'clip_1' and '0-clip_1-0'" in key_hint(tally)


def test_one_key_suggests_no_pattern(work: Workspace) -> None:
    """What stands around a key must be the same around another one."""
    work.write_lines("features.jsonl", [{"clip_id": "a"}, {"clip_id": "b"}])
    work.write_lines("s.jsonl", [{"clip_id": "vmaf", "score": 1}, {"clip_id": "xbx", "score": 1}])
    assert work.join(scores=["S=s.jsonl"]).tally.scorers["S"].remedy is None


def test_a_pattern_that_was_asked_for_is_kept(work: Workspace) -> None:
    """Where a pattern was asked for no other is proposed."""
    work.write_lines("features.jsonl", [{"clip_id": clip} for clip in CLIPS])
    work.write_lines("s.jsonl", [{"clip_id": f"{clip}_540p", "score": 1} for clip in CLIPS])
    asked = {"key_pattern": "^(x.*)$"}
    assert work.join(scores=["S=s.jsonl"], **asked).tally.scorers["S"].remedy is None


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("clip é.mp4", "'clip é.mp4'"),
        ("a\u0301.mp4", r"'a\u0301.mp4'"),
        ("a\u200b.mp4", r"'a\u200b.mp4'"),
        ("a\xa0b", r"'a\xa0b'"),
        ("a\tb", r"'a\tb'"),
        ("\x1b[31m", r"'\x1b[31m'"),
        ("\ufeffa", r"'\ufeffa'"),
    ],
)
def test_what_does_not_show_is_escaped(key: str, shown: str) -> None:
    """A key is shown so that two that look the same are told apart."""
    assert shown_key(key) == shown


def test_invisible_differences_are_shown(work: Workspace) -> None:
    """The explanation shows what tells apart two keys that look the same."""
    work.write_lines("features.jsonl", [{"clip_id": "a"}])
    work.write_lines("s.jsonl", [{"clip_id": "a\u200b", "score": 1}])
    told = "\n".join(lines(explanation_of(work)))
    assert r"a score's clip_id 'a\u200b' is taken as it stands: no row has that key" in told


@pytest.mark.parametrize("found", [True, False])
def test_another_column_may_hold_anything(work: Workspace, *, found: bool) -> None:
    """A column of a usual name that holds objects stops no join that takes its key elsewhere."""
    row = {"clip_id": "a", "path": "a.mp4", "video": {"codec": "av1"}}
    work.write_lines("features.jsonl", [row])
    score = {"clip_id": "a" if found else "z", "path": "a.mp4", "score": 1}
    work.write_lines("s.jsonl", [score])
    assert work.join(scores=["S=s.jsonl"]).tally.scorers["S"].matched_rows == int(found)
