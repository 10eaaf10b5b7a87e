"""Files that the package itself keeps or writes: footers of parquet files, journals."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from fuzz import tables
from fuzz.judging import Case, Finding, Targets, folder
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage.journal import recover
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import beside, own_prefix
from second_opinion_assets.tables.parquet_footer import Footer, NoSplice
from second_opinion_assets.tables.thrift_compact import Shape, ThriftError, decode, encode

MARK = b"PAR1"
TAIL_BYTES = 8
BASE = Path(__file__).parent / "corpus" / "footers" / "table.parquet"
SHAPES: tuple[Shape, ...] = ({}, {2: {}, 4: {1: {3: {}}}, 5: {}, 7: None}, {1: {}, 3: None})

OLD = {"out.jsonl": b"old table", "audit.json": b"old audit"}
OTHERS = {"precious": b"x", "out.jsonl.bak": b"y", "more/precious": b"z", "more/out.jsonl": b"w"}
NEW = {
    "<out>-1.tmp": b"new table",
    "<audit>-2.tmp": b"new audit",
    "<audit>-before-3.tmp": b"old audit",
}


def footer(data: bytes) -> None:
    """Read a footer: what is read is written again alike; its file is joined, or refused."""
    case = Case(data)
    body, text = body_and_footer(BASE.read_bytes())
    if case.content.startswith(MARK):
        body, text = body_and_footer(case.content)
    else:
        text = case.content
    for shape in SHAPES:
        try:
            read, _ = decode(text, shape)
        except ThriftError:
            continue
        if decode(encode(read), shape)[0] != read:
            msg = f"{read} is not what is read of {encode(read)!r}"
            raise Finding(msg)
    try:
        found = Footer(text)
        found.entries()
        list(found.pages())
    except NoSplice:
        pass
    tables.of_parquet(body + text + len(text).to_bytes(4, "little") + MARK)


def journal(data: bytes) -> None:
    """Recover from a journal: table and audit are old or new, and nobody else's file changes."""
    with folder() as made:
        place = made / "work"
        (place / "more").mkdir(parents=True)
        names = {
            b"<out>": own_prefix(Location(place / "out.jsonl")).encode(),
            b"<audit>": own_prefix(Location(place / "audit.json")).encode(),
            b"<folder>": str(place).encode(),
        }
        others = {**{place / name: text for name, text in OTHERS.items()}, made / "precious": b"v"}
        for name, text in {**OLD, **NEW}.items():
            (place / filled(name.encode(), names).decode()).write_bytes(text)
        for path, text in others.items():
            path.write_bytes(text)
        out = Location(place / "out.jsonl")
        Path(beside(out, ".journal")).write_bytes(filled(Case(data).content, names))
        with suppress(JoinError):
            recover(out)
        refuse_changes(others)
        for name, new in (("out.jsonl", b"new table"), ("audit.json", b"new audit")):
            path = place / name
            if not path.is_file() or path.read_bytes() not in (OLD[name], new):
                msg = f"{name} is neither the old nor the new one"
                raise Finding(msg)


def filled(text: bytes, names: dict[bytes, bytes]) -> bytes:
    """Return a text with the names of this case."""
    for mark, name in names.items():
        text = text.replace(mark, name)
    return text


def refuse_changes(files: dict[Path, bytes]) -> None:
    """Raise a finding if files are not as they were."""
    for path, text in files.items():
        if not path.is_file() or path.read_bytes() != text:
            msg = f"{path} is not as it was"
            raise Finding(msg)


def body_and_footer(parquet: bytes) -> tuple[bytes, bytes]:
    """Part a parquet file into what is before its footer, and that."""
    start = -TAIL_BYTES - int.from_bytes(parquet[-TAIL_BYTES:-4], "little")
    return parquet[:start], parquet[start:-TAIL_BYTES]


TARGETS: Targets = {"footers": footer, "journals": journal}
