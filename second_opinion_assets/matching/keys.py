"""Keys: what their text is reduced to before both sides are compared, and keys as paths.

Which field or column holds a key is told by the names of `contract.fields`; which rows share a key,
by `match`.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import takewhile
from operator import eq, ne
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import (
    ALL_KEY_NAMES,
    KEY_NAMES,
    clip_stem,
    find_name,
    with_lower_suffix,
)
from second_opinion_assets.contract.key_pattern import compile_key_pattern
from second_opinion_assets.contract.options import KeyNormalize

KEY_TYPE = pa.large_string()
_SLICE = 1 << 19  # as Python texts a key takes several times its memory
NO_SPAN = (-1, -1)
ENCODED_ROWS = 1 << 18
_SPACE, _SLASH, _BACK_SLASH, _DELETE = b" /\\\x7f"
_A, _Z = b"AZ"


def choose_key_column(columns: Iterable[str], asked: str | None, table: str) -> str:
    """Return the column of a feature table that holds the key.

    Raises:
        JoinError: the column asked for is not there, or none has a usual name.
    """
    columns = list(columns)
    if not columns:
        msg = f"{table}: there are no rows, so there is no key column"
        raise JoinError(msg)
    found = find_name(columns, [asked] if asked else ALL_KEY_NAMES)
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
        pattern: regular expression whose one group is what is reduced of a key in which it is
            found; any other key is reduced whole.

    Attributes:
        mode: how, once `auto` is decided.

    Raises:
        ValueError: a pattern that is no regular expression, or has not exactly one group.
    """

    def __init__(self, mode: KeyNormalize, field: str, pattern: str | None = None) -> None:
        if mode is KeyNormalize.auto:
            name = field.lower()
            has_path = any(part in name for part in ("path", "file", "name"))
            mode = KeyNormalize.basename if has_path else KeyNormalize.raw
        self.mode = mode
        self._pattern = None if pattern is None else compile_key_pattern(pattern)

    def one(self, key: str) -> str:
        """Return a key's normalised text, maybe an empty one."""
        reduced: str = self.array(pa.array([key], KEY_TYPE))[0].as_py()
        return reduced

    def array(self, keys: pa.Array) -> pa.Array:
        """Return the normalised text of an array of texts without nulls."""
        slices = (keys[start : start + _SLICE] for start in range(0, len(keys), _SLICE))
        parts = list(map(self._slice, slices))
        return pa.concat_arrays(parts) if len(parts) > 1 else (parts or [keys])[0]

    def _slice(self, keys: pa.Array) -> pa.Array:
        if self._pattern:
            keys = self._pattern.picked(composed_keys(keys))
        characters = np.frombuffer(keys.buffers()[2] or b"", np.uint8)
        odd = (characters <= _SPACE) | (characters >= _DELETE) | (characters == _BACK_SLASH)
        if not odd.any():
            # Without white space, back slashes and what is beyond ASCII, little is left to do.
            slashes = bool((characters == _SLASH).any())
            capitals = bool(((characters >= _A) & (characters <= _Z)).any())
            if self.mode is KeyNormalize.raw or not (
                slashes or capitals or self.mode is KeyNormalize.stem
            ):
                return keys
            names = keys.to_pylist()
            if slashes:
                names = [key.rpartition("/")[2] for key in names]
            if self.mode is not KeyNormalize.suffix and all(names):
                if self.mode is KeyNormalize.stem:
                    names = list(map(clip_stem, names))
                elif capitals:
                    names = list(map(with_lower_suffix, names))
                return pa.array(names, KEY_TYPE)
        reduce = _NORMALIZERS[self.mode]
        return pa.array([reduce(_composed(key)) for key in keys.to_pylist()], KEY_TYPE)

    def paths(self, keys: list[str]) -> Callable[[str], KeyPath]:
        """Return what makes paths of some keys."""
        if self._pattern is None:
            return KeyPath.of
        spans = self._pattern.spans(composed_keys(pa.array(keys, KEY_TYPE)))
        found = dict(zip(keys, map(tuple, spans.tolist()), strict=True))
        return lambda key: KeyPath.of(key, found[key])


class KeyPath(NamedTuple):
    """A key as written, taken for a path: its last component, and its folders from the end.

    The folders end with what the path starts from, `/` or nothing, so that equal key paths are
    equal paths and a longer path is told from a shorter one.
    """

    name: str
    folders: tuple[str, ...]

    @classmethod
    @lru_cache(maxsize=1024)  # Scorers of one clip tend to write its key alike.
    def of(cls, key: str, span: tuple[int, int] = NO_SPAN) -> KeyPath:
        """Return a key as a path.

        Args:
            key: as written.
            span: where the group of a key pattern is found in it; it ends the path, and what stands
                around it is a part of the name.
        """
        text = _composed(key).replace("\\", "/")
        start, end = (0, len(text)) if span == NO_SPAN else span
        folder_end = text.rfind("/", 0, start) + 1
        path = _path(text[:folder_end] + text[start:end])
        name, *folders = reversed(path.removeprefix("/").split("/"))
        name = text[folder_end:start].lstrip() + name + text[end:].rstrip()
        return cls(name, (*folders, path[: path.startswith("/")]))

    def agreement(self, other: KeyPath) -> tuple[int, bool]:
        """Return how many folders agree from the end, and whether the names do too.

        Names come last: that they count as one key is settled, be it that they differ in a suffix.
        """
        folders = sum(takewhile(bool, map(eq, self.folders, other.folders)))
        return folders, self.name == other.name

    def parts_from(self, other: KeyPath) -> bool:
        """Return whether the two differ in a folder that both have."""
        return any(map(ne, self.folders[:-1], other.folders[:-1]))


def _composed(key: str) -> str:
    """Return a key's text in Unicode NFC; file names of macOS come decomposed."""
    return key if key.isascii() else unicodedata.normalize("NFC", key)


def composed_keys(keys: pa.Array) -> pa.Array:
    """Return the texts of keys likewise."""
    if pc.all(pc.string_is_ascii(keys)).as_py():
        return keys
    return pa.array(list(map(_composed, keys.to_pylist())), KEY_TYPE)


def _basename(key: str) -> str:
    return with_lower_suffix(_last_component(key))


def _stem(key: str) -> str:
    return clip_stem(_last_component(key))


def _last_component(key: str) -> str:
    return key.strip().replace("\\", "/").rstrip("/").rpartition("/")[2].strip()


def _path(key: str) -> str:
    """Return a path: single slashes forward, no white space around components, no folder `.`."""
    if not ("\\" in key or "//" in f"{key}/" or "./" in key or key.split() != [key]):
        return key  # as most are
    text = key.strip().replace("\\", "/")
    *folders, name = [part for part in map(str.strip, text.split("/")) if part] or [""]
    path = "/".join([*(folder for folder in folders if folder != "."), name])
    return f"/{path}" if path and text.startswith("/") else path


_NORMALIZERS: dict[KeyNormalize, Callable[[str], str]] = {
    KeyNormalize.raw: str.strip,
    KeyNormalize.basename: _basename,
    KeyNormalize.stem: _stem,
    KeyNormalize.suffix: lambda key: with_lower_suffix(_path(key)),
}


def last_components(keys: pa.Array) -> pa.Array:
    """Return what stands after the last slash of each of an array of paths."""
    if not (np.frombuffer(keys.buffers()[2] or b"", np.uint8) == _SLASH).any():
        return keys
    return pa.array([key.rpartition("/")[2] for key in keys.to_pylist()], KEY_TYPE)


class KeyColumn(NamedTuple):
    """A column of keys as written, each different text once.

    Attributes:
        texts: the different texts, string without nulls.
        codes: for each row, which of the texts it has; -1 for a null.
    """

    texts: pa.Array
    codes: NDArray[np.int32]

    def key(self, row: int) -> str | None:
        """Return the key of one row."""
        code = int(self.codes[row])
        return None if code < 0 else self.texts[code].as_py()


class KeyEncoder:
    """Makes a `KeyColumn` of keys that come block by block, as texts and nulls.

    The texts of a large table would take most of a join's memory: they are held until there are
    many, and then only the different ones. As many as there are already are waited for, so that
    these are not looked through too often.
    """

    def __init__(self) -> None:
        self._texts = pa.array([], KEY_TYPE)
        self._codes: list[NDArray[np.int32]] = []
        self._waiting: list[pa.Array] = []
        self._rows = 0

    def add(self, keys: pa.Array) -> None:
        """Take the keys of the next rows."""
        self._waiting.append(keys)
        self._rows += len(keys)
        if self._rows >= max(ENCODED_ROWS, len(self._texts)):
            self._encode()

    def column(self) -> KeyColumn:
        """Return the column of all keys."""
        self._encode()
        codes = np.concatenate(self._codes)
        self._codes = [codes]
        return KeyColumn(self._texts, codes)

    def _encode(self) -> None:
        # In one piece: many small ones take twice the memory.
        keys = pa.chunked_array(self._waiting, KEY_TYPE).combine_chunks()
        self._waiting, self._rows = [], 0
        encoded = keys.dictionary_encode()
        codes = encoded.indices.fill_null(-1).to_numpy()
        texts = encoded.dictionary
        if len(self._texts):
            found = pc.index_in(texts, value_set=self._texts)
            new = found.is_null().to_numpy(zero_copy_only=False)
            numbers = np.append(found.fill_null(0).to_numpy(), np.int32(-1))
            numbers[:-1][new] = np.arange(len(self._texts), len(self._texts) + new.sum())
            codes = numbers[codes]
            texts = pa.concat_arrays([self._texts, texts.filter(pa.array(new))])
        self._texts = texts
        self._codes.append(codes)
        del keys, encoded  # what was freed is given back, or it stays beside what comes next
        pa.default_memory_pool().release_unused()
