"""Manifests, rules for keys, and audits: what is wrong with them is said in an error, or holds."""

from __future__ import annotations

import unicodedata
from collections import Counter

import pyarrow as pa

from fuzz.judging import Case, Finding, Targets, folder
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import KeyNormalize
from second_opinion_assets.join.manifest import load_manifest
from second_opinion_assets.join.verify import Verifier
from second_opinion_assets.matching.keys import KEY_TYPE, Normalizer
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests import plain
from second_opinion_assets_tests.workspace import Workspace

FIELDS = ("clip_id", "path", "file_name", "Name")
MODES = tuple(KeyNormalize)
LONGEST_KEY = 60


def manifest(data: bytes) -> None:
    """Load a manifest: of one that is taken, no two tables share an id or an output."""
    with folder() as place:
        path = place / "manifest.json"
        path.write_bytes(Case(data).content)
        try:
            loaded = load_manifest(Location(path))
        except JoinError:
            return
    ids = Counter(table.id for table in loaded.tables)
    outs = Counter(table.out.identity for table in loaded.tables)
    read = {location.identity for table in loaded.tables for location in table.inputs}
    if max([*ids.values(), *outs.values()]) > 1 or not read.isdisjoint(outs):
        msg = f"taken, with the ids {ids}, the outputs {outs} and the inputs {read}"
        raise Finding(msg)


def keys(data: bytes) -> None:
    """Reduce keys, a line each behind a line with a pattern, as the plain reading does."""
    case = Case(data)
    mode, field = case.choose(MODES), case.choose(FIELDS)
    lines = case.content.decode(errors="ignore").split("\n")
    pattern = lines[0] or None
    given = [line[:LONGEST_KEY] for line in lines[1:]]
    try:
        normalizer = Normalizer(mode, field, pattern)
    except ValueError:
        return
    found = [normalizer.one(key) for key in given]
    quick = normalizer.array(pa.array(given, KEY_TYPE)).to_pylist()
    expected = [plain.normalized(key, str(mode), field, pattern) for key in given]
    if not found == quick == expected:
        msg = f"{given} are {found}, all at once {quick}, in the plain reading {expected}"
        raise Finding(msg)
    if any(unicodedata.normalize("NFC", key) != key for key in found):
        msg = f"{found} are not in NFC"
        raise Finding(msg)


def audit(data: bytes) -> None:
    """Verify an audit, which changes no file; one that is not as the join wrote it may not hold."""
    with folder() as place:
        work = Workspace(place)
        work.join()
        text = work.read("audit.json").replace(str(place).encode(), b"")
        content = Case(data).content or text
        work.write("audit.json", content.replace(b"<folder>", str(place).encode()))
        before = work.contents()
        Verifier().verify_file(Location(place / "audit.json"))
        if work.contents() != before:
            msg = f"files have changed: {work.contents()}"
            raise Finding(msg)


TARGETS: Targets = {"manifests": manifest, "keys": keys, "audits": audit}
