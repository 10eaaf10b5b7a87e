"""The agreement of one table from end to end: read, compare, draw, publish."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.agreement.answer_pictures import answer_pictures
from second_opinion_assets.agreement.clips import Clips, read_clips
from second_opinion_assets.agreement.compare import compare
from second_opinion_assets.agreement.joined_table import JoinedTable
from second_opinion_assets.agreement.pictures import pictures
from second_opinion_assets.agreement.publish import AgreementFiles, publish
from second_opinion_assets.contract.audit import ReportProvenance
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.join.provenance import Invocation, input_entry, report_provenance
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.registry.groups import choose_groups
from second_opinion_assets.registry.references import Reference, choose_references
from second_opinion_assets.storage.groups import InputPaths
from second_opinion_assets.storage.machine import machine_errors


class MadeAgreement(NamedTuple):
    """What was made of one table.

    Attributes:
        agreement: the figures.
        pictures: title to SVG.
        answer_pictures: the name of an answer to title and SVG.
        files: where the figures were published.
        provenance: the run_provenance block.
    """

    agreement: Agreement
    pictures: dict[str, str]
    answer_pictures: dict[str, tuple[str, str]]
    files: AgreementFiles
    provenance: ReportProvenance


def make_agreement(
    joined: JoinedTable,
    spec: TableSpec,
    references: Sequence[Reference],
    invocation: Invocation,
    taken: InputPaths | None = None,
) -> MadeAgreement:
    """Compare the opinions on a table with its references, and publish the figures beside it.

    Args:
        joined: the joined table.
        spec: what it was joined from, for its id, and what is known of its scorers.
        references: what to hold them against; nothing for the columns of usual names.
        invocation: what asked for it, for the provenance.
        taken: files that must not be overwritten.

    Raises:
        JoinError: the table cannot be read, or is not the one that was recorded; or a file cannot
            be written. The files are then as they were.
    """
    with machine_errors(joined.path):
        return _make(joined, spec, references, invocation, taken)


def _make(
    joined: JoinedTable,
    spec: TableSpec,
    references: Sequence[Reference],
    invocation: Invocation,
    taken: InputPaths | None,
) -> MadeAgreement:
    files = AgreementFiles.beside(joined.path)
    for path in files.named().values():
        if taken and taken.reader(path):
            msg = f"{path}: the agreement would overwrite another file of the batch"
            raise JoinError(msg)
    agreement, clips = compare_table(joined, spec, references)
    drawn = pictures(agreement, clips)
    provenance = report_provenance(
        invocation, {"joined": input_entry(joined.path, clips.digest)}, files.named()
    )
    publish(agreement, spec.id, files, provenance)
    return MadeAgreement(agreement, drawn, answer_pictures(agreement), files, provenance)


def compare_table(
    joined: JoinedTable, spec: TableSpec, references: Sequence[Reference]
) -> tuple[Agreement, Clips]:
    """Compare the opinions on a joined table with its references; return also their values.

    Raises:
        JoinError: the table cannot be read, or is not the one that was recorded.
    """
    chosen = choose_references(references, joined.columns, spec.registry)
    groups = choose_groups(spec.groups, joined.columns, joined.key_column)
    clips = read_clips(joined, chosen.directions, groups)
    if joined.sha256 != clips.digest.sha256:
        msg = f"{joined.path}: is not what was joined last; materialize the table again"
        raise JoinError(msg)
    return compare(clips, chosen, spec.registry, (spec.id, spec.features.name)), clips
