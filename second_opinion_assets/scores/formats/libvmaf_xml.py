"""The log of libvmaf in XML, what `vmaf` writes by default, as the same log in JSON.

Source: https://github.com/Netflix/vmaf/blob/d7dac56da07a229dfe6d9ee29d9e310d5668fbd1/libvmaf/src/output.c
A frame is `<frame frameNum="0" vmaf="86.1" …/>`, a pooled metric `<metric name="vmaf" mean="86.3"
…/>`; up to 1.3.15 the one pooled value is in `<fyi aggregateVMAF="86.3" …/>`. What counts as the
score of such a log belongs to `libvmaf`.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any
from xml.parsers import expat

from second_opinion_assets.contract.errors import CutShortError, JoinError
from second_opinion_assets.scores.formats.libvmaf import OLD_SCORE
from second_opinion_assets.storage.location import Location

_OLD_SCORES = {"aggregateVMAF": OLD_SCORE, "aggregatePSNR": "PSNR score"}
_C_NAN = re.compile(r"[-+]?nan\(\w*\)|[-+]?1\.#\w+", re.IGNORECASE)
_CUT_SHORT = tuple(
    expat.errors.codes[told]
    for told in (
        expat.errors.XML_ERROR_NO_ELEMENTS,
        expat.errors.XML_ERROR_UNCLOSED_TOKEN,
        expat.errors.XML_ERROR_PARTIAL_CHAR,
    )
)
_START = re.compile(rb"\s*(?:<\?xml[^>]*>)?\s*(?:<!--.*?-->\s*)*<VMAF\b", re.DOTALL)


def is_log(head: bytes) -> bool:
    """Return whether a file that begins so is such a log."""
    return _START.match(head) is not None


def as_json(text: bytes, path: Location) -> bytes:
    """Return the log as libvmaf writes it in JSON.

    Raises:
        JoinError: it is no well-formed XML, or declares entities of its own, which no log does.
    """
    log: dict[str, Any] = {"frames": []}
    pooled: dict[str, Any] = {}

    def start(name: str, attributes: dict[str, str]) -> None:
        if name == "frame":
            number = attributes.pop("frameNum", None)
            metrics = {metric: _number(value) for metric, value in attributes.items()}
            log["frames"].append({"frameNum": number, "metrics": metrics})
        elif name == "metric" and "name" in attributes:
            metric = attributes.pop("name")
            pooled[metric] = {pool: _number(value) for pool, value in attributes.items()}
        elif name == "fyi":
            for old in _OLD_SCORES.keys() & attributes.keys():
                log[_OLD_SCORES[old]] = _number(attributes[old])

    def refuse(*_: object) -> None:
        msg = f"{path}: declares a document type, which no log of libvmaf does; write it anew"
        raise JoinError(msg)

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        parser.Parse(text, True)  # noqa: FBT003 (it takes no name)
    except expat.ExpatError as error:
        msg = f"{path}:{error.lineno}: not XML: {expat.ErrorString(error.code)}"
        raise (CutShortError if error.code in _CUT_SHORT else JoinError)(msg) from None
    if pooled:
        log["pooled_metrics"] = pooled
    return json.dumps(log).encode()


def _number(text: str) -> float | str:
    """Return the number that an attribute is, maybe NaN; another text as it stands."""
    try:
        return float(text)
    except ValueError:
        return math.nan if _C_NAN.fullmatch(text) else text
