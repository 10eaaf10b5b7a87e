"""The evidence to send: how all tables of a manifest stand, and what their opinions answer.

One page for people who were not there. What was joined comes from audits or from Dagster's history;
the answers are made from the joined tables, or taken from the agreements that lie beside them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

import msgspec

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.agreement.answer_pictures import answer_pictures
from second_opinion_assets.agreement.clip_places import ClipPictures, ClipPlaces, read_clip_places
from second_opinion_assets.agreement.evidence_tables import (
    COLOURS,
    agreements,
    answers_by_table,
    coverage,
    files,
    gates,
)
from second_opinion_assets.agreement.joined_table import MADE_OF, JoinedTable, made_of
from second_opinion_assets.agreement.make import compare_table
from second_opinion_assets.agreement.pictures import pictures
from second_opinion_assets.agreement.publish import AgreementFiles
from second_opinion_assets.agreement.show import disputed, figures, notes
from second_opinion_assets.agreement.show_answers import answer_parts
from second_opinion_assets.contract.audit import Audit, ReportProvenance
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.outcomes import TableOutcome, TableStatus
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.report.page import Page
from second_opinion_assets.report.report import Report, changes, inline_svg, troubles, warnings
from second_opinion_assets.report.sections import (
    Cell,
    Folded,
    Part,
    Picture,
    Section,
    Strong,
    Table,
)
from second_opinion_assets.storage.machine import machine_errors
from second_opinion_assets.storage.reading import Input
from second_opinion_assets.tables.open import open_keys

MOST_IN_DETAIL = 20
"""Tables whose answers are shown with pictures: a quarter of a megabyte and two seconds each."""
SHOWN_OF_MORE = 3
"""Of more tables than that so many, if none is asked for."""
MOST_COMPARED = 1_000
"""Of more tables only those asked for are compared: all would take minutes, and megabytes."""
_MANY = f"Of more than {MOST_COMPARED} tables, those asked for; all have files beside them."
MOST_ANEW = 100
"""Agreements that are made for the page where none lies beside a table: 0.3 s each."""
MOST_PICTURES = 60
"""Of clips, in the whole page."""


class _Answer(NamedTuple):
    """A question, what its answer is, and what it takes to have one."""

    question: str
    what: str
    takes: str


_PEOPLE = "It takes a column of what people say, such as mos, and a reference beside it."
_ANSWERS = {
    "sides_with_people": _Answer(
        question="With whom do scorers side where a reference and people disagree?",
        what="Of the clips whose ranks by the reference and by people are at least a quarter of "
        "all clips apart: the share that a scorer ranks on people's side.",
        takes=_PEOPLE,
    ),
    "sources_and_encodes": _Answer(
        question="Is it the camera or the encode?",
        what="How much scores vary between sources and within the encodes of one, and which "
        "sources a scorer dislikes even at their best encode.",
        takes="It takes source_key in the manifest: what tells the source of a clip.",
    ),
    "beyond_the_reference": _Answer(
        question="Does a scorer see where the reference saturates?",
        what="How far scorer and reference go along with people, among all clips and in the "
        "reference's best quarter, and what the scorer adds to the reference there.",
        takes=_PEOPLE,
    ),
    "coverage_by_subset": _Answer(
        question="Is the evidence there?",
        what="Coverage by the columns that the manifest names. A hole is a subset that is covered "
        "less than the others, beyond chance.",
        takes="It takes subsets in the manifest: columns such as split, codec or resolution.",
    ),
    "distributions": _Answer(
        question="How do scores spread?",
        what="The distribution of each scorer, also on one scale from 0, worst, to 100, best, "
        "where its scale is known.",
        takes="It takes a scorer.",
    ),
}
_SCATTER, _MATRIX, _DISPUTED = (
    "Scores against references",
    "Spearman correlations",
    "Clips ranked furthest apart",
)


class Compared(msgspec.Struct, frozen=True):
    """One table's agreement, or why there is none.

    Attributes:
        outcome: how the table stands.
        agreement: what was found of its opinions.
        problem: why nothing was; empty if something was.
        pictures: by title, and by the name of an answer; SVG. None of a table without details.
        places: where its clips are.
    """

    outcome: TableOutcome
    agreement: Agreement | None = None
    problem: str = ""
    pictures: dict[str, str] = {}
    places: ClipPlaces | None = None


def evidence_page(
    report: Report,
    read_audits: Callable[[], Mapping[str, Audit]],
    made: datetime,
    detailed: Sequence[str] = (),
    looked_at: Callable[[], None] = lambda: None,
) -> str:
    """Return the page to send.

    Args:
        report: how the tables stand.
        read_audits: returns those of the tables that are ok, by their ids; called if any is needed.
        made: when.
        detailed: the ids of tables whose answers are shown with pictures; none for all of up to
            `MOST_IN_DETAIL` tables, and the first `SHOWN_OF_MORE` of more.
        looked_at: called after each table.
    """
    shown = _Shown(detailed, len(report.outcomes))
    compares = len(report.outcomes) <= MOST_COMPARED
    audits = read_audits() if compares or shown.asked else {}
    tables = []
    for outcome in report.outcomes:
        if outcome.status is TableStatus.ok and (compares or outcome.spec.id in shown.asked):
            tables.append(_compared(outcome, audits.get(outcome.spec.id), shown))
        looked_at()
    found = {t.outcome.spec.id: t.agreement for t in tables if t.agreement}
    stamp = f"{made:%Y-%m-%d %H:%M} UTC"
    agreed = [*([] if compares else [_MANY]), *agreements(found), *_problems(tables, shown)]
    advice = "Advisory evidence: where a scorer and a reference differ, either may be right."
    return Page(
        title=f"Second opinions: {report.manifest.path.name}",
        status="all is well" if report.status == "ok" else report.status,
        good=report.status == "ok",
        head=[*report.headline[1:], f"{stamp}, from {report.manifest.path}"],
        sections=[
            Section("Not as it should be", troubles(report.outcomes)),
            Section("Promotion gates", gates(report.outcomes)),
            Section("Coverage", [COLOURS, coverage(report.outcomes)]),
            Section("Warnings", warnings(report.outcomes)),
            Section("Changes since the joins before", changes(report.outcomes)),
            Section("Agreement", agreed),
            Section("Answers by table", answers_by_table(found)),
            Section("Answers", list(_details(tables, shown))),
            Section("Files", [files(report.outcomes)]),
        ],
        foot=[advice, f"Intervals are of 95 %. Made by second-opinion-assets, {stamp}."],
    ).html()


class _Shown:
    """Which tables are shown in detail, and how many pictures of clips may still be made."""

    def __init__(self, asked: Sequence[str], tables: int) -> None:
        self.asked = set(asked)
        self.left = len(asked) or (tables if tables <= MOST_IN_DETAIL else SHOWN_OF_MORE)
        self.left_out = 0
        self.anew_left = MOST_ANEW
        self.unmade = 0
        self.pictures = ClipPictures(MOST_PICTURES)

    def takes(self, table_id: str) -> bool:
        """Return whether a table is one of them, which counts it."""
        if self.asked and table_id not in self.asked:
            return False
        if self.left < 1:
            self.left_out += 1
            return False
        self.left -= 1
        return True

    def anew(self, audit: Audit, spec: TableSpec) -> Agreement | None:
        """Return the agreement of a table, or none once enough were made."""
        if self.anew_left < 1:
            self.unmade += 1
            return None
        self.anew_left -= 1
        return compare_table(_joined(audit, spec), spec, spec.references)[0]


def _compared(outcome: TableOutcome, audit: Audit | None, shown: _Shown) -> Compared:
    spec = outcome.spec
    if audit is None:
        return Compared(outcome, problem="was joined by another version; join the table again")
    try:
        with machine_errors(spec.out):
            if not shown.takes(spec.id):
                return Compared(outcome, _published(audit, spec) or shown.anew(audit, spec))
            table = _joined(audit, spec)
            agreement, clips = compare_table(table, spec, spec.references)
            drawn = {
                **pictures(agreement, clips),
                **{name: svg for name, (_, svg) in answer_pictures(agreement).items()},
            }
            places = read_clip_places(table, spec.clips, _disputed(agreement), shown.pictures)
            return Compared(outcome, agreement, "", drawn, places)
    except JoinError as error:
        return Compared(outcome, problem=str(error))


def _joined(audit: Audit, spec: TableSpec) -> JoinedTable:
    """Return a joined table, whose columns are read from it."""
    with Input(spec.out) as file:
        columns = [column.name for column in open_keys(file).columns]
    return JoinedTable.of(audit, spec.out, columns, "")


def _published(audit: Audit, spec: TableSpec) -> Agreement | None:
    """Return the agreement beside a joined table, if it is of this table and of these settings."""
    path = AgreementFiles.beside(spec.out).agreement_json
    if not path.exists():
        return None
    with suppress(JoinError, msgspec.DecodeError, msgspec.ValidationError):
        with Input(path) as file:
            found = msgspec.json.decode(file.read(), type=_Published)
        asked = made_of(audit.output_sha256, audit.scorers, spec, spec.references)
        if found.run_provenance.args.get(MADE_OF) == asked:
            return found
    return None


class _Published(Agreement, frozen=True, kw_only=True):
    """An agreement as its file has it."""

    run_provenance: ReportProvenance


def _disputed(agreement: Agreement) -> set[str]:
    return {clip.clip for clips in agreement.disputed.values() for clip in clips}


def _problems(tables: Sequence[Compared], shown: _Shown) -> list[Part]:
    """Return why tables have no agreement."""
    rows = [[table.outcome.spec.id, table.problem] for table in tables if table.problem]
    parts: list[Part] = [Table(["table", "why there is no agreement"], rows)] if rows else []
    if shown.unmade:
        many = f"Tables without an agreement beside them: {shown.unmade}"
        parts.append(f"{many}; materialize second_opinion_agreement of them, or run the graph.")
    return parts


def _details(tables: Sequence[Compared], shown: _Shown) -> Iterator[Part]:
    """Yield the answers of the tables that are shown in detail, the first one open."""
    is_first = True
    for table in tables:
        if table.agreement and table.places:
            parts = list(_answers(table, table.agreement))
            yield Folded(table.outcome.spec.id, parts, is_open=is_first)
            is_first = False
    if shown.left_out:
        yield f"Tables not shown with pictures: {shown.left_out}; ask for one by --table."


def _answers(table: Compared, agreement: Agreement) -> Iterator[Part]:
    """Yield what is to be said of one table: the questions, then the clips to look at."""
    yield from notes(agreement)
    parts = answer_parts(agreement)
    for name, answer in _ANSWERS.items():
        yield Strong(answer.question)
        if name not in parts:
            yield f"Not answered. {answer.takes}"
            continue
        yield answer.what
        if name in table.pictures:
            yield Picture(answer.question, inline_svg(table.pictures[name]))
        yield Folded("Figures", parts[name])
    yield from _clips_to_look_at(table, agreement)


def _clips_to_look_at(table: Compared, agreement: Agreement) -> Iterator[Part]:
    yield Strong("How far do scorers and references agree, and on which clips not?")
    for title in (_MATRIX, _SCATTER, _DISPUTED):
        if title in table.pictures:
            yield Picture(title, inline_svg(table.pictures[title]))
    places = table.places
    cell: Callable[[str], Cell] = places.cell if places else str
    for reference in agreement.references:
        yield from disputed(agreement, reference, cell=cell)
    yield Folded("Figures", [figures(agreement)])
