"""The payload of an external-bench wrapper: one file a clip.

Source: tools/external-bench/README.md of
https://github.com/VMAFx/vmafx/tree/b73d5a20ddbdf84bd5b3889d2e715623b1572844
It has a score for each frame in `frames[].predicted_vmaf_or_mos`, and in `summary` the
`competitor` and what was measured of it. It names no clip unless somebody added that. No frames:
the scorer gave nothing.
"""

from __future__ import annotations

EXPECTED = "a list frames"


def recognises(members: dict[str, bytes]) -> bool:
    """Return whether a payload with these members is a wrapper's."""
    return members.get("frames", b"").startswith(b"[")
