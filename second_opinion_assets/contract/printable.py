r"""Text of anybody's, such as a name, a path or a cell, as it may be shown in a line of ours.

Escape sequences move the cursor, colour or clear a terminal; line ends forge lines; signs that
reverse the direction of text hide what is there. They are shown as `\x1b`, `\n`, `\u202e`. What an
address has of secrets is left out. How a report escapes for Markdown is not known here.
"""

from __future__ import annotations

import re

_UNSEEN = re.compile(r"[^\x20-\x7e]")
_CREDENTIALS = re.compile(r"(?<![\w+.-])([a-z][\w+.-]*:/{1,2})[^\s/@'\"]+@", re.IGNORECASE)
_QUERY = re.compile(
    r"(?<![\w+.-])((?:(?:s3|gs|az)(?=:\S+\?\S*=)|(?!(?:s3|gs|az):)[a-z][\w+.-]*)"
    r":/{1,2}[^\s?#'\"]+\?)[^\s'\"]+",
    re.IGNORECASE,  # in a store ? may be a pattern's, and is no query without =
)


def one_line(text: str) -> str:
    """Return a text with escapes for whatever does not show as itself, line ends included."""
    return _UNSEEN.sub(_shown, without_secrets(text))


def printable(text: str) -> str:
    """Return several lines likewise, of each of which it is known that it is one."""
    return "\n".join(map(one_line, text.split("\n")))


def printable_json(document: str) -> str:
    """Return a JSON document that means the same, with JSON's escapes for what does not show."""
    return _UNSEEN.sub(_in_json, document)


def without_secrets(text: str) -> str:
    """Return a text whose addresses have neither user and password nor a query, maybe signed."""
    if ":/" not in text:
        return text
    return _QUERY.sub(r"\1***", _CREDENTIALS.sub(r"\1***@", text))


def _shown(found: re.Match[str]) -> str:
    character = found.group()
    return character if character.isprintable() else repr(character)[1:-1]


def _in_json(found: re.Match[str]) -> str:
    character = found.group()
    if character == "\n" or character.isprintable():
        return character
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
