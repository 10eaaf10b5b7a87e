"""The report: its parts, and names that cannot break them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from second_opinion_assets.contract.errors import ManifestError
from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.join.manifest import Manifest
from second_opinion_assets.join.outcomes import (
    EarlierOutput,
    TableOutcome,
    TableStatus,
    TableSummary,
)
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.matching.drift import Changes, Drift, ScorerDrift, Shift
from second_opinion_assets.report.markdown import printable
from second_opinion_assets.report.report import Report, ReportFiles
from second_opinion_assets.storage.digests import FileDigest
from second_opinion_assets.storage.location import Location
from second_opinion_assets_tests.workspace import INVOCATION

COUNTS = TableSummary(2, 2, 1, 1, 0, {})
NASTY = st.text(alphabet="|`<>&*_[]()!#\\\n\r\t ~$x-\"'", max_size=20) | st.text(max_size=20)


def spec(table_id: str, out: str = "out.jsonl") -> TableSpec:
    """Return a table."""
    return TableSpec(table_id, Location("f.jsonl"), (), Location(out), None, JoinOptions())


def report(*outcomes: TableOutcome, files: ReportFiles | None = None) -> Report:
    """Return a report on these tables."""
    manifest = Manifest(
        Location("m.json"), FileDigest("0" * 64, 0), tuple(o.spec for o in outcomes)
    )
    return Report(manifest, list(outcomes), INVOCATION, files or ReportFiles())


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        ([TableStatus.ok, TableStatus.ok], "ok"),
        ([TableStatus.ok, TableStatus.not_joined], "incomplete"),
        ([TableStatus.output_gone], "incomplete"),
        ([TableStatus.not_joined, TableStatus.failed], "failed"),
        ([], "ok"),
    ],
)
def test_status(statuses: list[TableStatus], expected: str) -> None:
    """One failed table makes a report failed; one that is not there makes it incomplete."""
    assert report(*(TableOutcome(spec("t"), status) for status in statuses)).status == expected


def test_only_tables_that_are_ok_count() -> None:
    """Rows of a table whose output is gone, or that failed, are in no total."""
    summary = report(
        TableOutcome(spec("a"), TableStatus.ok, COUNTS),
        TableOutcome(spec("b"), TableStatus.output_gone, COUNTS),
        TableOutcome(spec("c"), TableStatus.failed, COUNTS, "broken"),
    ).summary
    assert str(summary) == "tables=3 input_rows=2 output_rows=2 failed_tables=1"


def test_troubles_say_what_is_left() -> None:
    """A failed table shows its error and what an earlier run left; others what to do."""
    earlier = EarlierOutput(exists=True, output_rows=12, run_id="r1")
    gone = EarlierOutput(exists=False, run_id="r2")
    text = report(
        TableOutcome(spec("a"), TableStatus.failed, None, "no score", "r3", earlier),
        TableOutcome(spec("b"), TableStatus.failed, None, "no key", "r4", gone),
        TableOutcome(spec("c"), TableStatus.failed, None, "no file"),
        TableOutcome(spec("d"), TableStatus.not_joined),
        TableOutcome(spec("e"), TableStatus.output_gone, COUNTS),
        TableOutcome(spec("f"), TableStatus.ok, COUNTS),
    ).markdown("p.svg")
    troubles = text.partition("## Not as they should be")[2].partition("## ")[0]
    assert "no score; the output of run r1 (12 rows) is still in place" in troubles
    assert "no key; the output of run r2 is not there any more" in troubles
    assert "no file; nothing was published before" in troubles
    assert "| d | not joined | never joined; materialize it |" in troubles
    assert "| e | output gone | out.jsonl was joined and is not there any more" in troubles
    assert "| f |" not in troubles


def test_a_report_without_troubles_has_no_such_part() -> None:
    """Where all is well nothing else is said."""
    text = report(TableOutcome(spec("a"), TableStatus.ok, COUNTS)).markdown("p.svg")
    assert "Not as they should be" not in text


def test_warnings_are_told_by_table() -> None:
    """What is doubtful about a scorer stands in the report, whether its table is ok or not."""
    doubtful = TableSummary(2, 2, 0, 0, 2, {}, ["UVQ: 0 of 2 score rows are ok (no score: 2)"])
    made = report(
        TableOutcome(spec("a"), TableStatus.ok, COUNTS),
        TableOutcome(spec("b"), TableStatus.ok, doubtful),
        TableOutcome(spec("c"), TableStatus.failed, doubtful, "nothing ok"),
        TableOutcome(spec("d"), TableStatus.failed, None, "no file"),
    )
    told = made.markdown("p.svg").partition("## Warnings")[2].partition("## ")[0]
    assert "| b | UVQ: 0 of 2 score rows are ok (no score: 2) |" in told
    assert "| c | UVQ: 0 of 2" in told
    assert "| a |" not in told
    entries = made.document()["tables"]
    assert [entry.get("warnings") for entry in entries] == [[], *[doubtful.warnings] * 2, None]
    assert all("warnings" not in entry.get("summary", {}) for entry in entries)


def test_a_report_without_warnings_has_no_such_part() -> None:
    """Where nothing is doubtful nothing is said of it."""
    assert "Warnings" not in report(TableOutcome(spec("a"), TableStatus.ok, COUNTS)).markdown("p")


def test_counts_of_an_older_join_are_read() -> None:
    """Counts that were stored before warnings were still tell of a table."""
    stored = msgspec.to_builtins(COUNTS)
    del stored["warnings"]
    assert msgspec.convert(stored, TableSummary) == COUNTS


def test_changes_since_the_joins_before() -> None:
    """Tables that changed, or could not be compared, are named; the others are counted."""
    shift = Shift("clip|1", 70.0, 60.5)
    scorer = ScorerDrift(3, 1, -9.5, [shift], {"missing to ok": 2}, 1, 3, 0.25, 0.75)
    changes = Changes(4, 4, 4, 3, 0, 0, [], [], {"DOVER": scorer}, [], [])
    same = Changes(4, 4, 4, 0, 0, 0, [], [], {}, [], [])
    drifts = {
        "a": Drift(changes),
        "b": Drift(not_compared="out.jsonl: cut"),
        "c": Drift(same),
        "d": Drift(same),
        "e": Drift(not_compared="first join"),
    }
    one = report(
        *(TableOutcome(spec(t), TableStatus.ok, COUNTS, drift=d) for t, d in drifts.items()),
        TableOutcome(spec("f"), TableStatus.output_gone, COUNTS, drift=Drift(changes)),
    )
    text = one.markdown("p.svg").partition("## Changes since the joins before\n\n")[2]
    tokens = list(parsed(text.partition("## ")[0]))
    assert cells_of(tokens) == [
        *("a", "rows changed: 3 (DOVER=3)"),
        *("b", "nothing to compare with: out.jsonl: cut"),
        *("a", "DOVER", "3", "1", "-9.5", "-9.5 (clip|1)", "25.0% → 75.0%"),
    ]
    assert "Other tables: no score changed (2), first join (1)" in text
    entries = {entry["id"]: entry for entry in one.document()["tables"]}
    assert entries["a"]["drift"]["changes"]["scorers"]["DOVER"]["mean_shift"] == -9.5
    assert entries["e"]["drift"] == {"not_compared": "first join"}


def test_the_picture_is_beside_the_markdown(tmp_path: Path) -> None:
    """The Markdown shows the picture that was written with it, whatever the file's name."""
    files = ReportFiles(report_md=Location(tmp_path / "a (b) #1.md"))
    report(TableOutcome(spec("a"), TableStatus.ok, COUNTS), files=files).write()
    (image,) = [
        token for token in parsed((tmp_path / "a (b) #1.md").read_text()) if image_of(token)
    ]
    assert image_of(image) == "a%20%28b%29%20%231.coverage.svg"
    assert (tmp_path / "a (b) #1.coverage.svg").read_text().startswith("<svg ")


def test_the_picture_may_overwrite_nothing(tmp_path: Path) -> None:
    """A table whose output has the picture's name is refused before anything is written."""
    files = ReportFiles(report_md=Location(tmp_path / "r.md"))
    one = report(
        TableOutcome(spec("a", str(tmp_path / "r.coverage.svg")), TableStatus.ok), files=files
    )
    with pytest.raises(ManifestError, match=r"r\.coverage\.svg: a report would overwrite"):
        files.refuse_shared(one.manifest)


@given(NASTY, NASTY, NASTY)
@example("\0", "\x1b[31m", "\x7f")
def test_no_name_breaks_the_markdown(table_id: str, error: str, out: str) -> None:
    """Ids, errors and paths show as themselves: two tables of one row, one picture, no HTML."""
    failed = TableOutcome(spec(table_id), TableStatus.failed, None, f"e{error}")
    joined = TableOutcome(
        spec(table_id, f"o{out}".replace("\0", "")),
        TableStatus.ok,
        COUNTS,
        drift=Drift(not_compared=error),
    )

    tokens = list(parsed(report(failed, joined).markdown("p.svg")))
    kinds = [token.type for token in tokens]
    assert kinds.count("tr_open") == 2 + 2 + 3
    assert kinds.count("image") == 1
    assert not {"html_block", "html_inline", "code_inline", "link_open", "em_open"} & set(kinds)
    cells = cells_of(tokens)
    shown_id, shown_error, shown_out = map(shown, (table_id, f"e{error}", str(joined.spec.out)))
    assert cells[:2] == [shown_id, "failed"]
    assert cells[3] == shown_id
    assert cells[4] == shown(f"nothing to compare with: {error}")
    assert cells[5:7] == [shown_id, "failed"]
    assert cells[11] == shown_error
    assert cells[12:14] == [shown_id, "ok"]
    assert cells[18:] == [shown_out]


def shown(text: str) -> str:
    """Return a text as a reader sees it in a cell."""
    return printable(" ".join(text.split()))


def cells_of(tokens: list[Token]) -> list[str]:
    """Return the texts of the cells of all tables, their headings left out."""
    inside = [
        inline
        for opened, inline in itertools.pairwise(t for t in tokens if t.type != "text")
        if opened.type == "td_open"
    ]
    return ["".join(t.content for t in inline.children or ()) for inline in inside]


def parsed(markdown: str) -> Iterator[Token]:
    """Yield the tokens of a document, read as GitHub and the UI read it."""
    for token in MarkdownIt("gfm-like", {"linkify": False}).parse(markdown):
        yield token
        yield from token.children or ()


def image_of(token: Token) -> str:
    """Return where a picture is, or an empty text."""
    return str(token.attrs["src"]) if token.type == "image" else ""
