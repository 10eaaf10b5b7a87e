"""Addresses of objects in stores, `s3://bucket/key` and the like, as text alone.

What is there, and how it is read and written, belongs to `stores`.
"""

from __future__ import annotations

import posixpath
import re
from typing import NamedTuple
from urllib.parse import unquote

from second_opinion_assets.contract.errors import JoinError

SCHEMES = ("s3", "gs", "az")

_ADDRESS = re.compile(r"([a-z][a-z0-9+.-]*)://([^/]*)(.*)", re.IGNORECASE | re.DOTALL)
_SIGNATURE = re.compile(
    r"[?&](x-amz-[a-z-]+|x-goog-[a-z-]+|awsaccesskeyid|googleaccessid|signature|sig|sv|token)=",
    re.IGNORECASE,
)


class ObjectAddress(NamedTuple):
    """Where an object is: the key is empty for the bucket itself."""

    scheme: str
    bucket: str
    key: str


def is_address(text: str) -> bool:
    """Return whether a text is an address, as of the web or a store, and no path."""
    return "://" in text and _ADDRESS.match(text) is not None


def plain_address(text: str) -> str:
    """Return the address of an object without a slash at its end, or the path of `file://`.

    Raises:
        JoinError: it is none of a store, it names credentials, or its key has odd parts.
    """
    scheme, bucket, rest = _parsed(text)
    if scheme == "file":
        return _path_of_file(bucket, rest)
    if scheme not in SCHEMES:
        known = ", ".join(f"{name}://" for name in (*SCHEMES, "file"))
        msg = f"{text}: is an address of no store, expected a path or {known}; copy what is there"
        raise JoinError(msg)
    if "@" in bucket or _SIGNATURE.search(rest):  # the message is shown without what is secret
        msg = f"{text}: has credentials in it; remove them, and set those of the environment"
        raise JoinError(msg)
    key = rest[1:].removesuffix("/")
    odd = {"", ".", ".."}.intersection(key.split("/")) if key else set()
    if not bucket or odd or "\0" in rest:
        what = f"a key with {'//' if '' in odd else odd.pop()!s}" if odd else "no bucket is named"
        msg = f"{text}: {what}, expected {scheme}://bucket/folder/name; write it plainly"
        raise JoinError(msg)
    return f"{scheme}://{bucket}/{key}" if key else f"{scheme}://{bucket}"


def address(text: str) -> ObjectAddress:
    """Return the parts of a plain address."""
    scheme, _, rest = text.partition("://")
    bucket, _, key = rest.partition("/")
    return ObjectAddress(scheme, bucket, key)


def below(folder: str, path: str) -> str:
    """Return the address of a path below another address, each `..` taken back.

    Raises:
        JoinError: it leads out of the bucket.
    """
    scheme, bucket, key = address(folder)
    joined = posixpath.normpath(f"{key}/{path}".lstrip("/"))
    if joined.split("/")[0] == "..":
        msg = f"{path}: leads out of {scheme}://{bucket}; write where it is from the bucket on"
        raise JoinError(msg)
    return f"{scheme}://{bucket}" if joined == "." else f"{scheme}://{bucket}/{joined}"


def _parsed(text: str) -> tuple[str, str, str]:
    match = _ADDRESS.match(text)
    assert match is not None  # noqa: S101 (who calls has asked `is_address`)
    scheme, bucket, rest = match.groups()
    return scheme.lower(), bucket, rest


def _path_of_file(host: str, path: str) -> str:
    if host not in {"", "localhost"} or not path:
        msg = f"file://{host}{path}: names another machine, expected file:///folder/name"
        raise JoinError(msg)
    return unquote(path)
