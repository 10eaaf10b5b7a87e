"""Folders of examples: a new file in one is a new case by itself.

Beside an example stand what is expected of it, the message it is refused with, and its options.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

TESTS = Path(__file__).parent
_COMPANIONS = (".expected.json", ".message.txt", ".options.json")


def examples(folder: str) -> list[Any]:
    """Return what is in an example folder as parameters, one a case, each named as it is."""
    files = sorted(
        path for path in (TESTS / folder).iterdir() if not path.name.endswith(_COMPANIONS)
    )
    return [pytest.param(path, id=path.name) for path in files]


def companion(example: Path, suffix: str) -> Path:
    """Return the file beside an example that says what is expected of it."""
    return example.with_name(example.name.partition(".")[0] + suffix)


def example_options(example: Path) -> dict[str, Any]:
    """Return what an example asks for beside the defaults: options, `label` and `rules`."""
    path = companion(example, ".options.json")
    options: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return options


def example_message(example: Path, folder: Path) -> str:
    """Return the message that is expected for an example in `folder`."""
    message = companion(example, ".message.txt").read_text()
    return message.removesuffix("\n").replace("{folder}", str(folder))
