"""Names of options as a command line has them: `key_normalize: stem` is `--key-normalize stem`.

Messages of the floors below name an option as a manifest does. What other commands than those with
these flags print stays as it is.
"""

import re
from enum import StrEnum
from typing import get_args

import msgspec

from second_opinion_assets.contract.options import JoinOptions

_FIELDS = {field.name: field for field in msgspec.structs.fields(JoinOptions)}
_WORDS = "|".join(name for name in _FIELDS if "_" not in name)  # words that mean more than options
_NAMES = "|".join(sorted((name for name in _FIELDS if "_" in name), key=len, reverse=True))
_VALUES = "|".join(
    dict.fromkeys(
        value
        for field in _FIELDS.values()
        for kind in (field.type, *get_args(field.type))
        if isinstance(kind, type) and issubclass(kind, StrEnum)
        for value in kind
    )
)
_QUOTED = r"""(?<!\w)'(?:\\.|[^'\\\n])*'(?!\w)|(?<!\w)"(?:\\.|[^"\\\n])*"(?!\w)"""
_ALONE = rf"{_QUOTED}|[^\s;,:()]+(?=$|[;,)\n]|\.(?:\s|$))"
"""One value up to the end of what is said."""
_VALUE = rf"(?P<value>(?:true|{_VALUES})(?![\w/.-]*[\w/-])|{_ALONE})"
_START, _END = r"(?<![\w/.\-=$\[{])", r"(?![\w/\-=]|\.\w)"
_OPTION = re.compile(
    rf"{_QUOTED}"
    rf"|{_START}(?P<setting>{_NAMES}|{_WORDS}): {_VALUE}"
    rf"|(?<=\buse )(?P<used>{_WORDS}){_END}"
    rf"|{_START}(?P<name>{_NAMES}){_END}"
)


def in_flags(text: str) -> str:
    """Return a message whose options are flags; what is quoted or part of a path stays."""
    return _OPTION.sub(_flag, text)


def flag(option: str) -> str:
    """Return the flag of an option of the join."""
    return f"--{option.replace('_', '-')}"


def _flag(found: re.Match[str]) -> str:
    name = found["setting"] or found["used"] or found["name"]
    if name is None:
        return found.group()
    value = found["value"]
    return flag(name) if value in {None, "true"} else f"{flag(name)} {value}"
