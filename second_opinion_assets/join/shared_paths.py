"""Paths that tables may not have: outputs that overwrite one another or an input, odd texts."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from second_opinion_assets.contract.errors import ManifestError, Problems
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.storage.groups import InputPaths
from second_opinion_assets.storage.location import Location


def refuse_shared_paths(tables: Sequence[TableSpec], where: str) -> None:
    """Refuse outputs that would overwrite one another or an input.

    Raises:
        ManifestError: names the tables and the paths, also paths that are no text.
    """
    problems = Problems()
    for _, problem in shared_paths(dict(enumerate(tables)), None):
        problems.add(f"{where}: {problem}")
    problems.refuse(ManifestError)


def shared_paths(
    tables: Mapping[int, TableSpec], manifest: Location | None
) -> Iterator[tuple[int, str]]:
    """Yield what is wrong with the paths of tables, with the number of the table."""
    usable: dict[int, TableSpec] = {}
    for number, table in tables.items():
        if problem := _unusable_path(table):
            yield number, problem
        else:
            usable[number] = table
    inputs = _input_paths(usable.values(), manifest)
    writers: dict[str, str] = {}
    for number, table in usable.items():
        told = False
        for output in table.outputs:
            real = inputs.identity(output)
            problem = None
            if reader := inputs.reader(output):
                problem = f"table {table.id!r} writes {output}, an input of {reader!r}"
            elif real in writers:
                problem = f"tables {writers[real]!r} and {table.id!r} both write {output}"
            if problem and not (told and output == table.failed_audit):  # its audit tells enough
                yield number, problem
                told = True
            writers.setdefault(real, table.id)


def _input_paths(tables: Collection[TableSpec], manifest: Location | None) -> InputPaths:
    """Return what the tables read, and who reads it."""
    inputs = InputPaths()
    for table in tables:
        for path in table.inputs:
            if not path.is_stream:
                inputs.add(path, table.id)
    for path in {path for table in tables for path, _ in table.registry.files}:
        inputs.add(path, "scorers")
    if manifest is not None:
        inputs.add(manifest, "manifest")
    return inputs


def _unusable_path(table: TableSpec) -> str | None:
    """Return what is wrong with a path that no table and no report could hold; None if none is."""
    if table.audit_json and table.audit_json.is_stream:
        return "the audit cannot go to standard output; name a file"
    together = "".join(map(str, table.paths))
    if together.isascii() and "\0" not in together:
        return None
    for path in table.paths:
        text = str(path)
        try:
            text.encode()
        except UnicodeEncodeError:
            return f"the path {text!r} is not UTF-8 text; rename the file"
        if "\0" in text:
            return f"the path {text!r} has a NUL character in it; take that out"
    return None
