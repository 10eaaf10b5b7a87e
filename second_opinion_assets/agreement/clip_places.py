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
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.storage.thumbnails import thumbnail
from second_opinion_assets.tables.open import open_keys


class ClipPictures:
    """Makes small pictures of clips, of all tables of a page together no more than may be.

    Each takes a moment, and some bytes wherever it is shown.

    Args:
        most: how many.
    """

    def __init__(self, most: int) -> None:
        self._left = most
        self._made: dict[str, str] = {}

    def url(self, location: Location) -> str:
        """Return a picture of a file as a URL that holds it; empty if none can be, or may be."""
        if self._left < 1:
            return ""
        name = str(location)
        if name not in self._made:
            made = thumbnail(location)
            inline = f"data:image/jpeg;base64,{b64encode(made).decode()}" if made else ""
            self._made[name] = inline
        self._left -= 1
        return self._made[name]


class ClipPlaces(msgspec.Struct, frozen=True):
    """Where clips are.

    Attributes:
        links: what the manifest says of it.
        values: what the table's columns say of each clip.
        pictures: makes pictures of them.
    """

    links: ClipLinks
    values: dict[str, dict[str, str]]
    pictures: ClipPictures

    def cell(self, name: str) -> Clip:
        """Return a clip as a cell of a table: with a link, and a picture where one can be made."""
        values = self.values.get(name, {})
        path = values.get(self.links.path or "", "")
        address = self.links.address({**values, KEY: name}) or ""
        where = "" if address or path in {"", name} else f" ({path})"
        return Clip(name + where, address, self._picture(path))

    def _picture(self, path: str) -> str:
        if not path:
            return ""
        try:
            return self.pictures.url(self.links.base.resolve(path))
        except JoinError:  # no path that can be
            return ""


def read_clip_places(
    table: JoinedTable,
    links: ClipLinks,
    clips: Collection[str],
    pictures: ClipPictures,
) -> ClipPlaces:
    """Read where some clips of a joined table are; of a clip with several rows, its first says it.

    Args:
        table: the joined table.
        links: which columns say it; those that the table lacks say nothing.
        clips: their keys.
        pictures: makes pictures of them.

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
    return ClipPlaces(links, values, pictures)
