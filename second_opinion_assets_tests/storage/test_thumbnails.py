"""Small pictures of clips by ffmpeg, or by a program that stands in for it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from second_opinion_assets.storage import thumbnails
from second_opinion_assets.storage.confinement import confine_to
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.thumbnails import thumbnail

JPEG = b"\xff\xd8\xff\xe0picture"


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Let a shell script be the only ffmpeg on the path."""
    program = folder / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")


def clip(folder: Path, name: str = "a.mp4") -> Location:
    """Write something that is called a clip."""
    (folder / name).write_bytes(b"frames")
    return Location(folder / name)


def test_what_ffmpeg_prints_is_the_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for one frame of one file, by its protocol, and opens nothing else."""
    (tmp_path / "picture").write_bytes(JPEG)
    stand_in(tmp_path, monkeypatch, f'echo "$*" > {tmp_path}/asked; cat {tmp_path}/picture')
    assert thumbnail(clip(tmp_path, "-i.mp4")) == JPEG
    asked = (tmp_path / "asked").read_text()
    assert f"-i file:{tmp_path}/-i.mp4 " in asked
    assert "-protocol_whitelist file -format_whitelist mov," in asked


@pytest.mark.parametrize(
    "script",
    ["exit 1", "echo no picture", "head -c 50000 /dev/zero", "exec sleep 60"],
    ids=["fails", "no-picture", "too-large", "too-long"],
)
def test_no_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """A program that fails, prints something else or does not end leaves a clip without one."""
    monkeypatch.setattr(thumbnails, "LONGEST_S", 0.2)
    stand_in(tmp_path, monkeypatch, script)
    assert thumbnail(clip(tmp_path)) is None


def test_without_ffmpeg(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it is not installed there are no pictures."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert thumbnail(clip(tmp_path)) is None


def test_what_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a file that is not there, nor a folder, nor one outside of what is allowed."""
    stand_in(tmp_path, monkeypatch, f"touch {tmp_path}/called")
    outside = clip(tmp_path)
    (tmp_path / "inside").mkdir()
    assert thumbnail(Location(tmp_path / "none.mp4")) is None
    assert thumbnail(Location(tmp_path / "inside")) is None
    confine_to([str(tmp_path / "inside")])
    try:
        assert thumbnail(outside) is None
    finally:
        confine_to([])
    assert not (tmp_path / "called").exists()


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="no ffmpeg on the PATH")
def test_a_real_clip(tmp_path: Path) -> None:
    """Ffmpeg makes a picture of a video, and none of a list that names other files."""
    make = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "testsrc=duration=1:size=320x180:rate=5"]
    subprocess.run([*make, str(tmp_path / "a.mkv")], check=True)
    (tmp_path / "list.mkv").write_text("ffconcat version 1.0\nfile a.mkv\n")
    made = thumbnail(Location(tmp_path / "a.mkv"))
    assert made is not None
    assert made.startswith(b"\xff\xd8\xff")
    assert thumbnail(Location(tmp_path / "list.mkv")) is None
