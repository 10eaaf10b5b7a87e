"""Keys: which field holds one, what its text is, and how it is reduced before comparison."""

from __future__ import annotations

from typing import TYPE_CHECKING

from second_opinion_assets.join.errors import JoinError
from second_opinion_assets.join.options import KeyNormalize

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

KEY_NAMES = (
    "clip_id",
    "video_id",
    "chug_video_id",
    "content_id",
    "file_name",
    "filename",
    "basename",
    "name",
    "distorted_path",
    "dis_path",
    "path",
)


def find_name(names: Iterable[str], wanted: Iterable[str]) -> str | None:
    """Return the name that matches the first of `wanted`, whatever its case, or None.

    Where two names differ in case alone, the one written as wanted goes first.
    """
    names = list(names)
    by_lower: dict[str, str] = {}
    for name in names:
        by_lower.setdefault(name.lower(), name)
    for want in wanted:
        if want in names:
            return want
        if want.lower() in by_lower:
            return by_lower[want.lower()]
    return None


def choose_key_column(columns: Iterable[str], asked: str | None, table: str) -> str:
    """Return the column of a feature table that holds the key.

    Raises:
        JoinError: the column asked for is not there, or none has a usual name.
    """
    columns = list(columns)
    if not columns:
        msg = f"{table}: there are no rows, so there is no key column"
        raise JoinError(msg)
    found = find_name(columns, [asked] if asked else KEY_NAMES)
    if found is not None:
        return found
    there = ", ".join(columns[:12]) + (", …" if len(columns) > 12 else "")  # noqa: PLR2004 (a line)
    if asked:
        msg = f"{table}: no column {asked!r} for the key; the columns are {there}"
    else:
        msg = (
            f"{table}: no key column ({', '.join(KEY_NAMES)}) among {there}; name it as key_column"
        )
    raise JoinError(msg)


class Normalizer:
    """Reduces the keys that were read from one field.

    Args:
        mode: how; `auto` goes by the field's own name.
        field: the field or column.
    """

    def __init__(self, mode: KeyNormalize, field: str) -> None:
        if mode is KeyNormalize.auto:
            name = field.lower()
            has_path = any(part in name for part in ("path", "file", "name"))
            mode = KeyNormalize.basename if has_path else KeyNormalize.raw
        self._mode = mode

    @property
    def keeps_names(self) -> bool:
        """Whether a key without white space or separators of paths stays as it is."""
        return self._mode is not KeyNormalize.stem

    def one(self, key: str) -> str:
        """Return a key's normalised text, maybe an empty one."""
        return _NORMALIZERS[self._mode](key)

    def many(self, keys: list[str]) -> list[str]:
        """Return the normalised text of many keys, quickly where they are plain."""
        text = "\n".join(keys)
        if "\\" in text or text.split() != keys or "/\n" in f"{text}\n":
            return list(map(_NORMALIZERS[self._mode], keys))
        # No white space to strip, no back slash, and no slash at an end: what is left is short.
        plain = list(keys)
        if self._mode is not KeyNormalize.raw and "/" in text:
            plain = [key.rpartition("/")[2] for key in plain]
        if self._mode is KeyNormalize.stem:
            plain = list(map(_without_suffix, plain))
        return plain


def _basename(key: str) -> str:
    return key.strip().replace("\\", "/").rstrip("/").rpartition("/")[2].strip()


def _stem(key: str) -> str:
    return _without_suffix(_basename(key))


def _without_suffix(name: str) -> str:
    """Return a file's name without its last suffix; dots at its start begin none."""
    stem, _, _ = name.rpartition(".")
    return stem if stem.strip(".") else name


_NORMALIZERS: dict[KeyNormalize, Callable[[str], str]] = {
    KeyNormalize.raw: str.strip,
    KeyNormalize.basename: _basename,
    KeyNormalize.stem: _stem,
}
