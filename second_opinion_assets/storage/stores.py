"""Object stores, by obstore: what is there, ranges of an object, whole objects, conditions.

An object is complete or not there; nobody sees half of one. Credentials, endpoint and region come
from the environment of each store alone (`AWS_*`, `GOOGLE_*`, `AZURE_*`). What the bytes mean, and
how several objects are published as one, does not belong here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

from second_opinion_assets.storage.store_errors import (
    ReplacedError,
    StoreError,
    not_there,
    replaced_error,
    store_errors,
)
from second_opinion_assets.storage.uris import address

PART_BYTES = 16 << 20
"""What is larger is sent in parts of so many bytes, and appears when the last one is there."""

_PARTS_AT_A_TIME = 4
_RETRIES: Any = {"max_retries": 6, "retry_timeout": timedelta(seconds=60)}
_READS_OF_ONE_RANGE = 3


class ObjectStat(NamedTuple):
    """What a store says of an object.

    Attributes:
        bytes: its size.
        modified_ns: when it was put there, in nanoseconds since the epoch, of whole seconds.
        version: its ETag, which changes with its content.
        generation: its number among the versions of its key, in stores that number them.
    """

    bytes: int
    modified_ns: int
    version: str
    generation: str | None = None


class Folder(NamedTuple):
    """What is directly below an address: objects by name, and the names of folders."""

    objects: dict[str, ObjectStat]
    folders: frozenset[str]


_looked_at: ContextVar[dict[str, Folder] | None] = ContextVar("looked_at", default=None)


@contextmanager
def listed_once() -> Iterator[None]:
    """Let each folder be listed once, as long as this lasts; what is asked of objects is in it."""
    known = _looked_at.get()
    token = _looked_at.set({} if known is None else known)
    try:
        yield
    finally:
        _looked_at.reset(token)


def stat(uri: str) -> ObjectStat:
    """Return what is there.

    Raises:
        FileNotFoundError: there is no such object.
        StoreError: it cannot be asked for.
    """
    if _looked_at.get() is None:
        return stat_now(uri)
    parent, _, name = uri.rpartition("/")
    found = folder(parent).objects.get(name)
    if found is None:
        raise not_there(uri)
    return found


def stat_now(uri: str) -> ObjectStat:
    """Return what is there at this moment, whatever was listed; the errors are those of `stat`."""
    store, key = _store_of(uri)
    with store_errors(uri):
        return _stat_of(_obstore().head(store, key))


def is_object(uri: str) -> bool:
    """Return whether there is an object; the errors are those of `stat`."""
    if not address(uri).key:
        return False
    try:
        stat(uri)
    except FileNotFoundError:
        return False
    return True


def is_folder(uri: str) -> bool:
    """Return whether there are objects below an address, and none at it; likewise."""
    if is_object(uri):
        return False
    found = folder(uri)
    return bool(found.objects or found.folders)


def folder(uri: str) -> Folder:
    """Return what is directly below an address; nothing is there where nobody put anything.

    Raises:
        StoreError: the store does not say.
    """
    known = _looked_at.get()
    if known is not None and uri in known:
        return known[uri]
    store, key = _store_of(uri)
    with store_errors(uri):
        found = _obstore().list_with_delimiter(store, f"{key}/" if key else None)
    objects = {_name(meta["path"]): _stat_of(meta) for meta in found["objects"]}
    result = Folder(objects, frozenset(map(_name, found["common_prefixes"])))
    if known is not None:
        known[uri] = result
    return result


def keys_below(uri: str) -> Iterator[str]:
    """Yield the keys of all objects below an address, each from there on.

    Raises:
        StoreError: the store does not say.
    """
    store, key = _store_of(uri)
    start = f"{key}/" if key else ""
    with store_errors(uri):
        for metas in _obstore().list(store, start or None):
            for meta in metas:
                yield meta["path"].removeprefix(start)


def read_range(uri: str, start: int, end: int, version: str) -> bytes:
    """Return bytes of an object, as the version that it had.

    Raises:
        ReplacedError: it is another one by now.
        FileNotFoundError: it is gone.
        StoreError: it cannot be read.
    """
    store, key = _store_of(uri)
    options = {"range": (start, end), "if_match": version}
    for tries_left in reversed(range(_READS_OF_ONE_RANGE)):
        try:
            with store_errors(uri):
                return bytes(_obstore().get(store, key, options=options).bytes())
        except (
            StoreError
        ) as error:  # a body that was cut: only its request is tried again by itself
            if not (error.may_pass and tries_left):
                raise
    raise AssertionError


def read(uri: str) -> tuple[bytes, ObjectStat]:
    """Return a whole small object; the errors are those of `read_range`."""
    store, key = _store_of(uri)
    with store_errors(uri):
        found = _obstore().get(store, key)
        return bytes(found.bytes()), _stat_of(found.meta)


def put(uri: str, data: bytes, *, replaces: ObjectStat | None) -> str:
    """Put a whole object in its place, on condition of what is there; return its version.

    Args:
        uri: where.
        data: all of it.
        replaces: what it takes the place of; None where nothing may be there.

    Raises:
        ReplacedError: something else is there.
        StoreError: it cannot be written.
    """
    store, key = _store_of(uri)
    try:
        with store_errors(uri):
            done = _obstore().put(store, key, data, mode=_mode(replaces), use_multipart=False)
            return str(done["e_tag"])
    except ReplacedError:
        # A request whose answer was lost is sent again, and finds what it put there itself.
        try:
            there, found = read(uri)
        except FileNotFoundError:
            raise replaced_error() from None
        if there != data:
            raise
        return found.version


def _mode(replaces: ObjectStat | None) -> str | dict[str, str]:
    """Return the condition of obstore's that a certain object, or none, is there."""
    if replaces is None:
        return "create"
    known = {"e_tag": replaces.version, "version": replaces.generation}
    return {name: value for name, value in known.items() if value}


def delete(uri: str) -> None:
    """Remove an object, if it is there; StoreError where that is not possible."""
    store, key = _store_of(uri)
    with store_errors(uri):
        _obstore().delete(store, key)


class ObjectWriter:
    """A new object, which appears by `complete`, whole; `abort` leaves nothing behind."""

    def __init__(self, uri: str) -> None:
        self._uri = uri
        self._held = bytearray()
        self._upload: Any = None

    @property
    def has_parts(self) -> bool:
        """Whether it is so large that it is sent in parts: no condition can be put on it then."""
        return self._upload is not None

    def write(self, data: memoryview) -> int:
        """Take the next bytes; StoreError where parts cannot be sent."""
        if self._upload is None and len(self._held) + len(data) <= PART_BYTES:
            self._held += data
            return len(data)
        with store_errors(self._uri):
            if self._upload is None:
                store, key = _store_of(self._uri)
                self._upload = _obstore().open_writer(
                    store, key, buffer_size=PART_BYTES, max_concurrency=_PARTS_AT_A_TIME
                )
                self._upload.write(self._held)
                self._held = bytearray()
            self._upload.write(data)
        return len(data)

    def complete(self, replaces: ObjectStat | None) -> None:
        """Let the object appear; the arguments and errors are those of `put`."""
        if self._upload is None:
            put(self._uri, bytes(self._held), replaces=replaces)
            return
        with store_errors(self._uri):
            self._upload.close()
        self._upload = None

    def close(self) -> None:
        """Give up what was not completed, of which nothing is left in the store."""
        upload, self._upload = self._upload, None
        self._held = bytearray()
        if upload is not None and not upload.closed():
            reason = StoreError("it was given up")
            with store_errors(self._uri):
                upload.__exit__(StoreError, reason, None)


@cache
def _store(scheme: str, bucket: str) -> Any:  # noqa: ANN401 (which class depends on the scheme)
    _obstore()
    from obstore.store import from_url  # noqa: PLC0415 (likewise)

    return from_url(f"{scheme}://{bucket}", retry_config=_RETRIES)


def _store_of(uri: str) -> tuple[Any, str]:
    scheme, bucket, key = address(uri)
    with store_errors(uri):
        return _store(scheme, bucket), key


def _obstore() -> Any:  # noqa: ANN401 (a module)
    try:
        import obstore  # noqa: PLC0415 (only who names a store has it, and waits for it)
    except ImportError:
        msg = "stores need obstore; pip install 'second-opinion-assets[stores]'"
        raise StoreError(msg) from None
    return obstore


def _stat_of(meta: Any) -> ObjectStat:  # noqa: ANN401 (a typed dict of obstore)
    modified_ns = int(meta["last_modified"].timestamp()) * 10**9
    return ObjectStat(meta["size"], modified_ns, meta["e_tag"] or "", meta["version"])


def _name(key: str) -> str:
    return key.rpartition("/")[2]
