"""Where the clips of a joined table are, for who wants to look at them: addresses and pictures."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Collection

import msgspec

from second_opinion_assets.agreement.joined_table import JoinedTable
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.registry.clip_links import KEY, ClipLinks
from second_opinion_assets.report.sections import Clip
from second_opinion_assets.storage.frame import Frame
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.storage.thumbnails import thumbnail
from second_opinion_assets.tables.open import open_keys


class ClipPlaces(msgspec.Struct):
    """Where clips are.

    Attributes:
        links: what the manifest says of it.
        values: what the table's columns say of each clip.
        pictures_left: how many pictures may still be made; each takes a moment and some bytes.
    """

    links: ClipLinks
    values: dict[str, dict[str, str]]
    pictures_left: int

    def cell(self, name: str) -> Clip:
        """Return a clip as a cell of a table: with a link, and a picture where one can be made."""
        values = self.values.get(name, {})
        path = values.get(self.links.path or "", "")
        address = self.links.address({**values, KEY: name}) or ""
        where = "" if address or path in {"", name} else f" ({path})"
        return Clip(name + where, address, self._picture(path))

    def _picture(self, path: str) -> str:
        if not path or self.pictures_left < 1:
            return ""
        self.pictures_left -= 1
        try:
            made = thumbnail(self.links.base.resolve(path))
        except JoinError:  # no path that can be
            return ""
        return f"data:image/jpeg;base64,{b64encode(made).decode()}" if made else ""


def read_clip_places(
    table: JoinedTable,
    links: ClipLinks,
    clips: Collection[str],
    most_pictures: int,
) -> ClipPlaces:
    """Read where some clips of a joined table are; of a clip with several rows, its first says it.

    Args:
        table: the joined table.
        links: which columns say it; those that the table lacks say nothing.
        clips: their keys.
        most_pictures: how many pictures may be made.

    Raises:
        JoinError: the table cannot be read.
    """
    wanted = [name for name in links.columns if name in (*table.columns, table.key_column)]
    values: dict[str, dict[str, str]] = {}
    path = table.path
    if wanted and clips:
        asked = set(clips)
        with path if isinstance(path, Frame) else Input(path) as file:
            for block in open_keys(file).read_columns([table.key_column], wanted):
                for row, key in enumerate(block.keys[0].to_pylist()):
                    if key in asked:
                        found = zip(wanted, block.others, strict=True)
                        said = {n: str(c[row]) for n, c in found if c[row] is not None}
                        values.setdefault(key, said)
    return ClipPlaces(links, values, most_pictures)
