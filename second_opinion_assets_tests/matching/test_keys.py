"""Which field holds a key, and what is left of a key after normalising."""

from __future__ import annotations

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import KEY_NAMES, find_name
from second_opinion_assets.contract.options import KeyNormalize
from second_opinion_assets.matching.keys import Normalizer, choose_key_column


def test_key_names() -> None:
    """The usual names of a key, best first, are those of the contract."""
    assert (
        *("clip_id", "video_id", "chug_video_id", "content_id", "file_name", "filename"),
        *("basename", "name", "distorted_path", "dis_path", "path"),
    ) == KEY_NAMES


@pytest.mark.parametrize(
    ("names", "wanted", "found"),
    [
        pytest.param(["path", "clip_id"], KEY_NAMES, "clip_id", id="order-of-the-wanted"),
        pytest.param(["psnr", "PATH"], KEY_NAMES, "PATH", id="any-case"),
        pytest.param(["NAME", "name"], ["name"], "name", id="own-case-first"),
        pytest.param(["Name", "NAME"], ["name"], "Name", id="first-of-two-other-cases"),
        pytest.param(["psnr"], KEY_NAMES, None, id="none"),
        pytest.param([], KEY_NAMES, None, id="no-names"),
    ],
)
def test_find_name(names: list[str], wanted: list[str], found: str | None) -> None:
    """The first wanted name that is there is found, whatever its case."""
    assert find_name(names, wanted) == found


def test_asked_key_column_goes_first() -> None:
    """The column asked for is taken although one has a usual name."""
    assert choose_key_column(["clip_id", "src"], "src", "t") == "src"


def test_asked_key_column_is_not_replaced() -> None:
    """A column asked for that is not there is an error, not a reason to take another."""
    with pytest.raises(JoinError, match=r"^t: no column 'src' for the key; the columns are clip_"):
        choose_key_column(["clip_id"], "src", "t")


def test_no_key_column() -> None:
    """Without a usual name the error says what to do."""
    with pytest.raises(JoinError, match=r"^t: no key column .* among psnr; name it as key_column"):
        choose_key_column(["psnr"], None, "t")


@pytest.mark.parametrize(
    ("mode", "key", "reduced"),
    [
        ("raw", " d/a.b.mp4 ", "d/a.b.mp4"),
        ("raw", "d/a b.mp4", "d/a b.mp4"),
        ("raw", "0123", "0123"),
        ("raw", "  ", ""),
        ("basename", " d/a.b.mp4 ", "a.b.mp4"),
        ("basename", r"C:\d\a.mp4", "a.mp4"),
        ("basename", "d/e/", "e"),
        ("basename", "a.mp4", "a.mp4"),
        ("basename", "/", ""),
        ("basename", "d/a.MP4", "a.mp4"),
        ("basename", "MOV", "MOV"),
        ("basename", "d/.MOV", ".MOV"),
        ("suffix", "d/.MOV", "d/.MOV"),
        ("stem", "d/a.b.mp4", "a.b"),
        ("stem", "a", "a"),
        ("stem", ".hidden", ".hidden"),
        ("stem", "d.x/a", "a"),
    ],
)
def test_normalizer(mode: str, key: str, reduced: str) -> None:
    """Each mode reduces a key as its name says."""
    assert Normalizer(KeyNormalize(mode), "clip_id").one(key) == reduced


@pytest.mark.parametrize(
    ("field", "reduced"),
    [(name, "d/a.mp4") for name in ("clip_id", "video_id", "chug_video_id", "content_id", "src")]
    + [
        (name, "a.mp4")
        for name in ("file_name", "filename", "basename", "name", "distorted_path", "dis_path")
    ]
    + [("path", "a.mp4"), ("Clip_PATH", "a.mp4"), ("input_file_dist", "a.mp4")],
)
def test_auto_goes_by_the_field(field: str, reduced: str) -> None:
    """Auto is basename for a field whose name holds path, file or name, else raw."""
    assert Normalizer(KeyNormalize.auto, field).one(" d/a.mp4 ") == reduced
