"""Where a clip can be looked at: an address made from its row, and the column of its file's path.

That a name in a row chooses neither scheme nor host of an address is decided here; where links and
pictures are shown is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.location import HERE, Location

CLIP_KEYS = ("clip_url", "clip_path")
KEY = "clip"
"""The placeholder that stands for the key of a clip, whatever its column is called."""

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_HOST = re.compile(r"https?://[^/?#{}\s]+(?=[/?#]|$)|file:///", re.IGNORECASE)
_BEFORE_PATH = re.compile(r"[^/?#]*")
_DOTS = {".", ".."}


class ClipLinks(msgspec.Struct, frozen=True):
    """Where the clips of a table can be looked at.

    Attributes:
        url: an address with `{column}` for values of a clip's row, `{clip}` for its key.
        path: the column that holds the path of the clip's file.
        base: what such paths are relative to.
    """

    url: str | None = None
    path: str | None = None
    base: Location = HERE

    @property
    def columns(self) -> list[str]:
        """The columns that are needed, without that of the key."""
        named = _PLACEHOLDER.findall(self.url or "")
        asked = [*(name for name in named if name != KEY), *([self.path] if self.path else [])]
        return list(dict.fromkeys(asked))

    def address(self, row: Mapping[str, str]) -> str | None:
        """Return the address of a clip; None where its row lacks a value, or leads upwards by one.

        Args:
            row: what the placeholders stand for, empty for no value.
        """
        names = _PLACEHOLDER.findall(self.url or "")
        values = [row.get(name, "") for name in names]
        if self.url is None or not all(values):
            return None
        if any(_DOTS & set(re.split(r"[/\\]", value)) for value in values):
            return None
        filled = _PLACEHOLDER.sub(lambda found: _quoted(row[found[1]]), self.url)
        # Two slashes at the start would be followed by a host.
        return re.sub(r"^/{2,}", "/", filled)


NO_LINKS = ClipLinks()


def read_clip_links(
    entry: Mapping[str, object], name: str, where: str, usual: ClipLinks
) -> ClipLinks:
    """Return where clips can be looked at, with what one key of a table or of the defaults says.

    Args:
        entry: the table, or the defaults.
        name: one of `CLIP_KEYS`.
        where: the place of the entry.
        usual: what is so if the key says nothing.

    Raises:
        JoinError: nothing that the key may say, with the place of it.
    """
    value = entry.get(name)
    if value is None:
        return usual
    where = f"{where}.{name}"
    if not isinstance(value, str) or not value.strip():
        msg = f"{where}: is {json_text.shown(value)}, expected text"
        raise JoinError(msg)
    if name == "clip_path":
        return msgspec.structs.replace(usual, path=value)
    _refuse_unsafe(value, where)
    return msgspec.structs.replace(usual, url=value)


def _refuse_unsafe(template: str, where: str) -> None:
    """Refuse what is no template, and one in which a value would choose scheme or host."""
    if set("{}") & set(_PLACEHOLDER.sub("", template)):
        msg = f"{where}: {template!r} has a brace without its other half; write {{column}}"
        raise JoinError(msg)
    is_relative = ":" not in _BEFORE_PATH.match(template)[0] and not template.startswith("//")  # type: ignore[index]  # it matches anything
    if not is_relative and not _HOST.match(template):
        msg = (
            f"{where}: {template!r} is neither relative nor begins with https://HOST, http://HOST "
            "or file:///; no value may stand for the host"
        )
        raise JoinError(msg)


def _quoted(value: str) -> str:
    return quote(value.encode(errors="replace"), safe="/")
