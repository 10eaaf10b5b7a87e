"""Small pictures of video files, as ffmpeg makes them where it is installed.

Which files are looked at, and how many, is not decided here.
"""

from __future__ import annotations

import subprocess
from contextlib import suppress

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import confinement
from second_opinion_assets.storage.location import Location

LONGEST_S = 10.0
"""How long a file may take."""
MOST_BYTES = 40_000
_WIDTH_PX = 160
_FORMATS = "mov,matroska,avi,mpeg,mpegts,yuv4mpegpipe,ivf,flv,asf,mxf,h264,hevc,obu"
"""Containers that hold their frames; a list of other files is none."""
_FIRST_FRAMES = 25
"""Of these the one is taken that is most like the others."""


def thumbnail(location: Location) -> bytes | None:
    """Return a small JPEG of a video file; None where ffmpeg makes none in time.

    The file may be anybody's: ffmpeg opens no other one for it, and no address.
    """
    try:
        confinement.refuse_outside(location)
        if not location.is_file():
            return None
    except (JoinError, OSError):
        return None
    command = ["ffmpeg", "-v", "error", "-nostdin", "-protocol_whitelist", "file"]
    command += ["-format_whitelist", _FORMATS]
    command += ["-i", f"file:{location.absolute()}", "-an", "-frames:v", "1"]
    command += ["-vf", f"thumbnail={_FIRST_FRAMES},scale={_WIDTH_PX}:-2"]
    command += ["-f", "image2pipe", "-c:v", "mjpeg", "-q:v", "6", "pipe:1"]
    with suppress(OSError, subprocess.SubprocessError):
        made = subprocess.run(  # noqa: S603 (no shell, and the path begins with its protocol)
            command, capture_output=True, timeout=LONGEST_S, check=True
        )
        if made.stdout.startswith(b"\xff\xd8") and len(made.stdout) <= MOST_BYTES:
            return made.stdout
    return None
