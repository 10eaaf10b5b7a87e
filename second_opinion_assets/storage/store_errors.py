"""What a store did not do, as one line that says why and what to do about it.

The words of obstore are told apart here; asking it for something belongs to `stores`.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager

from second_opinion_assets.storage.uris import address

_CODE = re.compile(r"<Code>(\w+)</Code>")
_STATUS = re.compile(r"status code: (\d+ [A-Z][\w ]+)")
_NO_BUCKET = (
    *("NoSuchBucket", "ContainerNotFound", "The specified bucket does not exist"),
    "The specified container does not exist",
)
_VARIABLES = {"s3": "AWS_*", "gs": "GOOGLE_*", "az": "AZURE_*"}
_CAUSES = (
    (
        ("ExpiredToken", "TokenRefreshRequired", "token is expired", "invalid_grant"),
        "the token is expired; renew the credentials ({})",
    ),
    (
        (
            *("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraint"),
            "incorrectly configured region",
        ),
        "the bucket is in another region; set AWS_REGION to it",
    ),
    (
        (
            *("169.254.169.254", "metadata.google.internal", "Account must be specified"),
            "missing credentials",
        ),
        "no credentials were found; set those of the store ({})",
    ),
    (
        ("lacked the necessary privileges", "403 Forbidden", "401 Unauthorized"),
        "the store does not permit it ({1}); ask for the right, or check {0}",
    ),
    (
        ("BadScheme",),
        "the endpoint is not https; set AWS_ALLOW_HTTP=true, or that of the store ({})",
    ),
)
"""Words of stores and of obstore, what they mean, and what to do; the variables are put in."""


class StoreError(OSError):
    """A store did not do what was asked: one line that says why, and what to do about it.

    Attributes:
        may_pass: whether the same may succeed another time.
    """

    def __init__(self, reason: str, *, may_pass: bool = False) -> None:
        super().__init__(reason)
        self.may_pass = may_pass


class ReplacedError(StoreError):
    """An object is another one than the version that was asked for, or is there where none was."""


def not_there(uri: str) -> FileNotFoundError:
    """Return the error for an object that is not there."""
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), uri)


def replaced_error() -> ReplacedError:
    """Return the error for an object that somebody else put in the place."""
    return ReplacedError("somebody else replaced it meanwhile; join again", may_pass=True)


@contextmanager
def store_errors(uri: str) -> Iterator[None]:
    """Turn what obstore raises into a FileNotFoundError or StoreError."""
    try:
        yield
    except StoreError:
        raise
    except FileNotFoundError as error:
        said = str(error)
        raise (_no_bucket(uri) if _has(said, _NO_BUCKET) else not_there(uri)) from None
    except (OSError, ValueError) as error:  # also those of obstore's writer
        raise _as_store_error(uri, str(error)) from None
    except _conditions():
        raise replaced_error() from None
    except _of_obstore() as error:
        raise _as_store_error(uri, str(error)) from None


def _conditions() -> tuple[type[Exception], ...]:
    """Return what obstore raises where a condition does not hold; who asks has it imported."""
    from obstore import exceptions  # noqa: PLC0415 (only who names a store has it)

    return exceptions.AlreadyExistsError, exceptions.PreconditionError


def _of_obstore() -> type[Exception]:
    from obstore import exceptions  # noqa: PLC0415 (likewise)

    return exceptions.BaseError


def _as_store_error(uri: str, said: str) -> StoreError:
    """Return the error for what obstore says."""
    variables = _VARIABLES[address(uri).scheme]
    if _has(said, _NO_BUCKET):
        return _no_bucket(uri)
    codes = _STATUS.findall(said)[:1] + _CODE.findall(said)[:1]
    for words, told in _CAUSES:
        if _has(said, words):
            return StoreError(told.format(variables, codes[-1] if codes else "no reason is given"))
    if codes:
        return StoreError(f"the store answers {' '.join(codes)}; try again later", may_pass=True)
    if "HTTP error" in said or "error sending request" in said:
        why = "no connection to the store, or it was cut; check the network and the endpoint"
        return StoreError(f"{why} ({variables})", may_pass=True)
    first_line = said.split("\n", 1)[0]
    return StoreError(f"{first_line}; check the credentials and the address")


def _no_bucket(uri: str) -> StoreError:
    return StoreError(f"there is no bucket {address(uri).bucket}; make it, or name another")


def _has(said: str, words: tuple[str, ...]) -> bool:
    return any(word in said for word in words)
