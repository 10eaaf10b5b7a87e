"""What the text of a manifest says, as plain values: JSON, YAML or TOML, told by its suffix.

What the values mean does not belong here.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.location import Location

YAML_SUFFIXES = (".yaml", ".yml")
TOML_SUFFIX = ".toml"
_TOML_PLACE = re.compile(r" \(at line (\d+), column (\d+)\)$")


def decode_manifest(text: bytes, path: Location) -> Any:  # noqa: ANN401 (any JSON value)
    """Return the value of a manifest's text.

    Raises:
        JoinError: the text is not what the suffix of its path tells, in one line with its place.
    """
    text = text.removeprefix(b"\xef\xbb\xbf")
    suffix = path.suffix.lower()
    try:
        if suffix in YAML_SUFFIXES:
            return _yaml(_text(text, path), path)
        if suffix == TOML_SUFFIX:
            return _toml(_text(text, path), path)
    except RecursionError:
        msg = f"{path}: nested too deeply to be read"
        raise JoinError(msg) from None
    return json_text.decode(text, str(path))


def _text(text: bytes, path: Location) -> str:
    try:
        return text.decode()
    except UnicodeDecodeError as error:
        line = text[: error.start].count(b"\n") + 1
        msg = f"{path}:{line}: not UTF-8 text; save it as UTF-8"
        raise JoinError(msg) from None


def _toml(text: str, path: Location) -> Any:  # noqa: ANN401 (likewise)
    import tomllib  # noqa: PLC0415 (only who has TOML pays for it)

    try:
        return msgspec.to_builtins(tomllib.loads(text))  # a date is its text
    except tomllib.TOMLDecodeError as error:
        said = str(error)
        place = _TOML_PLACE.search(said)
        line = int(place[1]) if place else text.count("\n") + 1
        what = said[: place.start()] if place else said.removesuffix(" (at end of document)")
        msg = f"{path}:{line}: not TOML: {what}"
        raise JoinError(msg) from None


def _yaml(text: str, path: Location) -> Any:  # noqa: ANN401 (likewise)
    import yaml  # noqa: PLC0415 (a twentieth of a second that JSON does without)

    from second_opinion_assets.join.plain_yaml import PlainLoader  # noqa: PLC0415 (likewise)

    try:
        return yaml.load(text, PlainLoader)  # noqa: S506 (a safe loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = (error.problem or error.context or "").replace("\n", " ")
        msg = f"{path}:{line}: not a manifest in YAML: {what}"
        raise JoinError(msg) from None
    except (yaml.YAMLError, ValueError) as error:
        msg = f"{path}: not a manifest in YAML: {str(error).splitlines()[0]}"
        raise JoinError(msg) from None
