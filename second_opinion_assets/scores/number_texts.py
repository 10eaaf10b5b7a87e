"""Numbers as scorers write them in text: plain, with a decimal comma, or as Python shows them."""

from __future__ import annotations

import re

_NUMBER = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
_PLAIN = re.compile(_NUMBER)
_NOT_FINITE = re.compile(r"[+-]?(nan|inf|infinity)(\(ind\))?", re.IGNORECASE)
# What `repr` and `print` make of a score that nobody took out of its array.
_WRAPPED = re.compile(
    r"(?:(?:np|numpy|torch|jnp)\.)?(?:[Tt]ensor|[Aa]rray|b?float[0-9]*|int[0-9]*)"
    r"\(\s*([^=]*?)\s*(?:,\s*\w+\s*=.*)?\)"
)
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+(?:[eE][+-]?[0-9]+)?")
_POINTS_AND_COMMA = re.compile(r"[+-]?[0-9]{1,3}(?:\.[0-9]{3})+,[0-9]+")
_DECIMAL_POINT = re.compile(r"[+-]?[0-9]*\.[0-9]+(?:[eE][+-]?[0-9]+)?")


def plain_number(text: str) -> float | None:
    """Return the number of a text: `72.5`, `np.float64(72.5)`, `tensor(72.5)`, `[72.5]`; or None.

    One beyond the range of float64 is infinite.
    """
    text = text.strip()
    if _PLAIN.fullmatch(text):
        return float(text)
    if not text.endswith((")", "]")):
        return None
    wrapped = _WRAPPED.fullmatch(text)
    inner = wrapped[1] if wrapped else text
    while inner.startswith("[") and inner.endswith("]"):
        inner = inner[1:-1].strip()
    return float(inner) if _PLAIN.fullmatch(inner) else None


def tells_number(text: str) -> bool:
    """Return whether a text is a number, be it one that is not finite."""
    return plain_number(text) is not None or bool(_NOT_FINITE.fullmatch(text.strip()))


def has_decimal_comma(text: str) -> bool:
    """Return whether a text is certainly a number if the comma in it is a decimal one."""
    return bool(_DECIMAL_COMMA.fullmatch(text))


def may_have_decimal_comma(text: str) -> bool:
    """Return whether a text may be a number with a decimal comma: `0,53`, `1.234,5`."""
    return has_decimal_comma(text) or bool(_POINTS_AND_COMMA.fullmatch(text))


def has_decimal_point(text: str) -> bool:
    """Return whether a text is a number with a decimal point."""
    return bool(_DECIMAL_POINT.fullmatch(text))
