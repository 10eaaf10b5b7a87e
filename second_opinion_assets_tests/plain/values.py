"""Values of JSON, CSV and parquet as the contract takes them: texts, numbers, fields by name."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from second_opinion_assets_tests.plain.contract import Refused, Row, Unclear

JSON_SPACE = b" \t\r\n"
BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class Number:
    """A JSON number (or bare NaN, Infinity) as it stands in the file."""

    text: str

    @property
    def value(self) -> float:
        return float(self.text)


class Members(dict[str, Any]):
    """The members of an object, and the names that several of them have; the last counts."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        super().__init__(pairs)
        self.twice = {
            name for name, count in Counter(name for name, _ in pairs).items() if count > 1
        }


def has_twins(value: Any) -> bool:
    """Return whether an object, or one within it, has several members of one name."""
    if isinstance(value, list):
        return any(map(has_twins, value))
    if not isinstance(value, dict):
        return False
    return bool(isinstance(value, Members) and value.twice) or any(map(has_twins, value.values()))


def loads(text: bytes | str, pairs: Callable[[list[tuple[str, Any]]], Any] = dict) -> Any:
    """Return a JSON value whose numbers keep their text; Refused if it is not JSON.

    Half a surrogate pair is `Unclear`: JSON's grammar has it, UTF-8 does not.
    """
    try:
        value = json.loads(
            text.decode() if isinstance(text, bytes) else text,
            parse_int=Number,
            parse_float=Number,
            parse_constant=Number,
            object_pairs_hook=pairs,
        )
    except (ValueError, RecursionError) as error:
        raise Refused(str(error)) from error
    try:
        json.dumps(value, ensure_ascii=False, default=vars).encode()
    except UnicodeEncodeError as error:
        raise Unclear(str(error)) from error
    return value


def loads_lines(text: bytes, pairs: Callable[[list[tuple[str, Any]]], Any] = dict) -> list[Any]:
    """Return the values of a file of JSON lines; blank lines count for nothing."""
    lines = text.removeprefix(BOM).split(b"\n")
    return [loads(line, pairs) for line in lines if line.strip(JSON_SPACE)]


def number(value: Any) -> float | None:
    """Return a finite number, or the finite number that a text spells; else None.

    Unclear: a text as Python shows a number in an array, which this reading does not know.
    """
    if isinstance(value, str) and value.strip().endswith((")", "]")):
        raise Unclear(value)
    if isinstance(value, bool):
        return None
    if isinstance(value, Number | int | float):
        plain = value.value if isinstance(value, Number) else float(value)
        return plain if math.isfinite(plain) else None
    if isinstance(value, str) and value.isascii() and "_" not in value:
        try:
            return float(value) if math.isfinite(float(value)) else None
        except ValueError:
            return None
    return None


def own_text(value: Any) -> str | None:
    """Return the own text of a key; None for null. Bytes, as parquet may have them, are UTF-8."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError as error:
            raise Refused(value) from error
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Number | int | float):
        text = value.text if isinstance(value, Number) else repr(value)
        if isinstance(value, float) and not re.fullmatch(r"-?[0-9]+\.[0-9]+", text):
            raise Unclear(text)  # which of a float's texts is its own
        whole = re.fullmatch(r"(-?[0-9]+)\.0+", text)
        return whole[1] if whole else text
    raise Refused(value)


def named(names: Sequence[str], wanted: str) -> list[str]:
    """Return the names that are the wanted one, whatever their case, its own case first."""
    alike = [name for name in dict.fromkeys(names) if name.lower() == wanted.lower()]
    if len(alike) > 1 and wanted not in alike:
        raise Unclear(alike)
    return sorted(alike, key=lambda name: name != wanted)


def first_of(place: Row, names: Iterable[str]) -> tuple[str, Any] | None:
    """Return field and value of the first name that has a value; null is as good as absent."""
    filled = {name: value for name, value in place.items() if value is not None}
    for wanted in names:
        for name in named(list(filled), wanted):
            return name, filled[name]
    return None


def look_up(payload: Row, names: Iterable[str]) -> tuple[str, Any] | None:
    """Look for names at top level, then in the summary."""
    names = list(names)
    summary = payload.get("summary")
    return first_of(payload, names) or (
        first_of(summary, names) if isinstance(summary, dict) else None
    )


def look_up_asked(payload: Row, asked: str) -> tuple[str, Any] | None:
    """Look for a field by its name, then for the one that its name leads to: `b` in `a` for `a.b`.

    The contract does not say whether such a path may start in the summary.
    """
    found = look_up(payload, [asked]) or led_to(payload, asked)
    summary = payload.get("summary")
    if not found and isinstance(summary, dict) and led_to(summary, asked):
        raise Unclear(asked)
    return found


def led_to(place: Row, path: str) -> tuple[str, Any] | None:
    """Follow a dotted path; a field whose own name has the dots goes first."""
    found = first_of(place, [path])
    parts = path.split(".")
    for cut in range(1, len(parts)):
        if not found:
            outer = first_of(place, [".".join(parts[:cut])])
            if outer and isinstance(outer[1], dict):
                found = led_to(outer[1], ".".join(parts[cut:]))
    return found


def has_field(payload: Row, asked: str) -> bool:
    """Say whether a row has a field, be it null: at its top, in its summary or a frame."""
    frames = payload.get("frames")
    places = [payload, payload.get("summary"), *(frames if isinstance(frames, list) else [])]
    return any(isinstance(place, dict) and holds_path(place, asked.lower()) for place in places)


def holds_path(place: Row, path: str) -> bool:
    """Say whether a path, in lower case, leads to a field."""
    lower = {name.lower(): value for name, value in place.items()}
    parts = path.split(".")
    outer = [(".".join(parts[:n]), ".".join(parts[n:])) for n in range(1, len(parts))]
    return path in lower or any(
        isinstance(lower.get(first), dict) and holds_path(lower[first], rest)
        for first, rest in outer
    )


def total(numbers: Iterable[float]) -> Fraction:
    """Return an exact sum."""
    return sum(map(Fraction, numbers), Fraction(0))


def to_float(exact: Fraction) -> float | None:
    """Return the nearest float64; None beyond its range."""
    try:
        return float(exact)
    except OverflowError:
        return None
