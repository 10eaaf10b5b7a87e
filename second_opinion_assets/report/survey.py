"""What was recognised in a folder, the choices that were made, and what to run next."""

from __future__ import annotations

from collections.abc import Iterator

from second_opinion_assets.join.readings import Reading
from second_opinion_assets.join.survey import FoundTable, Survey
from second_opinion_assets.report.terminal import columns
from second_opinion_assets.storage.location import Location


def lines(found: Survey, manifest: Location) -> Iterator[str]:
    """Yield what was found as lines of text.

    Args:
        found: in a folder.
        manifest: where the manifest of it is.
    """
    tables = len(found.tables)
    yield f"{manifest}: {tables} table{'s' if tables > 1 else ''}"
    for table in found.tables:
        yield ""
        yield from _table(table)
    if found.left_out:
        yield ""
        yield "Left out:"
        yield from columns(list(found.left_out.items()))
    yield ""
    yield "Choices that you may want to make otherwise:"
    yield from columns(_CHOICES)
    yield ""
    yield "Next:"
    yield f"  second-opinion batch --manifest {manifest} --dry-run"
    yield f"  second-opinion batch --manifest {manifest}"
    yield f"  second-opinion report --manifest {manifest} --html report.html"


_CHOICES = [
    ("missing_policy", "mark keeps every row; drop drops rows that lack a scorer; fail publishes"),
    ("", "nothing unless each row has an ok score of each scorer"),
    ("min_coverage", "the least share of rows with an ok score, such as 0.9; without it, any"),
    ("references", "columns that scorers are held against: vmaf*, mos* and dmos* by default"),
    ("scores", "SCORER=path names the scorer; any name will do"),
]


def _table(table: FoundTable) -> Iterator[str]:
    explanation, best = table.explanation, table.explanation.best
    rows = explanation.features.rows
    yield f"{table.name}: {rows} rows"
    if best is None or best.tally is None:
        return
    yield f"  key     {best.key_column}, {_reading(best)}"
    files = {
        s.competitor: told.sidecar.written for told in explanation.sidecars for s in told.scorers
    }
    cells = [
        (name, f"{tally.matched_rows} of {rows} rows find a score", f"in {files.get(name, '')}")
        for name, tally in best.tally.scorers.items()
    ]
    yield from columns(cells)


def _reading(best: Reading) -> str:
    """Return how keys are read, and by which options."""
    chosen = {"key_pattern": best.key_pattern, "score_key_field": best.score_key_field}
    said = [f"read as {best.resolved}", *(f"{n}: {v}" for n, v in chosen.items() if v)]
    return ", ".join(said)


def example_lines(folder: Location, manifest: Location) -> Iterator[str]:
    """Yield what to do with an example, which was written into a folder."""
    yield f"{manifest}: 2 tables, with their data beside it"
    yield ""
    yield "Next:"
    yield f"  second-opinion batch --manifest {manifest}"
    yield f"  cd {folder} && second-opinion run"
