"""The Python API, for notebooks and scripts: join, explain, agreement and verify, on data frames.

It is a guest like the command line: what is asked for is put into the terms of the floors below,
and what they answer into something that reads well. Nothing is decided here.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar, Unpack, overload

from second_opinion_assets.agreement.agreement import Agreement
from second_opinion_assets.agreement.joined_table import JoinedTable
from second_opinion_assets.agreement.show import headline
from second_opinion_assets.contract.audit import Audit
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.options import DEFAULT_PREFIX
from second_opinion_assets.contract.printable import one_line
from second_opinion_assets.contract.refusals import NotPublishedError
from second_opinion_assets.contract.tally import Tally
from second_opinion_assets.join.explain import Explanation, manifest_entry
from second_opinion_assets.join.explain import explain as explain_files
from second_opinion_assets.join.given import (
    RESULT,
    DataFrame,
    FilePath,
    Options,
    Scores,
    Table,
    location_of,
    spec_of,
)
from second_opinion_assets.join.in_memory import join_in_memory
from second_opinion_assets.join.provenance import Invocation, table_args
from second_opinion_assets.join.table_spec import TableSpec
from second_opinion_assets.join.verify import Verification, Verifier
from second_opinion_assets.matching.doubts import doubts
from second_opinion_assets.registry.references import parse_references
from second_opinion_assets.report.explain import lines as explanation_lines
from second_opinion_assets.report.joined import scorer_lines
from second_opinion_assets.report.verify import AuditOutcome
from second_opinion_assets.report.verify import lines as verification_lines
from second_opinion_assets.storage.location import Location
from second_opinion_assets.tables.frames import frame_of, is_frame, with_columns

__all__ = [
    "Agreed",
    "Explained",
    "JoinError",
    "Joined",
    "NotPublishedError",
    "Options",
    "Scores",
    "Verified",
    "agreement",
    "explain",
    "join",
    "verify",
]

FrameT = TypeVar("FrameT", bound=DataFrame)


@dataclass(frozen=True)
class Joined(Generic[FrameT]):
    """What a join found.

    Attributes:
        frame: the features, with five columns more for each scorer, six if `aligned_scores` are
            asked for and its scale is known.
        tally: what was counted, in all and by scorer.
        audit: what `materialize` writes beside a table: the counts, and from which exact bytes.
    """

    frame: FrameT
    tally: Tally
    audit: Audit

    @property
    def warnings(self) -> list[str]:
        """What is doubtful about the counts, each in a line; nothing where nothing is."""
        return [line for scorer in self.tally.scorers.values() for line in doubts(scorer)]

    def __repr__(self) -> str:
        """Return the counts, a line a scorer, and what is doubtful about them."""
        rows = f"{self.tally.output_rows} of {self.tally.input_rows} rows"
        told = [*scorer_lines(self.tally), *(f"warning: {line}" for line in self.warnings)]
        return "\n".join(map(one_line, [rows, *told]))


@dataclass(frozen=True)
class Explained:
    """What the join would make of some tables; shown, it reads as `second-opinion explain` does.

    Attributes:
        explanation: all that there is to say.
    """

    explanation: Explanation

    @property
    def problems(self) -> list[str]:
        """What keeps the tables from being joined as asked; nothing where they can be."""
        return self.explanation.problems

    @property
    def manifest_entry(self) -> dict[str, Any]:
        """The entry of a manifest by which files are joined in the best way that was found."""
        return manifest_entry(self.explanation)

    def __repr__(self) -> str:
        """Return the explanation as lines of text."""
        return "\n".join(map(one_line, explanation_lines(self.explanation)))


@dataclass(frozen=True)
class Verified:
    """Whether an audit still holds; shown, it reads as `second-opinion verify` does.

    Attributes:
        name: what was verified.
        verification: what became of each file, and of the counts.
    """

    name: str
    verification: Verification

    @property
    def holds(self) -> bool:
        """Whether every file is unchanged and every count is borne out."""
        return self.verification.holds

    def __repr__(self) -> str:
        """Return what came of it, a line for each file and each count that differs."""
        outcome = AuditOutcome(Location(self.name), self.verification)
        return "\n".join(map(one_line, verification_lines(outcome)))


@dataclass(frozen=True)
class Agreed:
    """How far scorers, references and one another agree on a joined table.

    Attributes:
        agreement: all figures, the disputed clips, and what to know before they are believed.
        pictures: by title, as SVG.
        figures: a data frame of pandas with a row a pair, as `….agreement.parquet` has it.
    """

    agreement: Agreement
    pictures: dict[str, str] = field(repr=False)
    figures: Any = field(repr=False)

    def __repr__(self) -> str:
        """Return in a line how far the scorers agree with each reference, and what to know."""
        notes = (f"note: {text}" for text in self.agreement.notes)
        return "\n".join(map(one_line, [headline(self.agreement), *notes]))

    def _repr_html_(self) -> str:
        """Return the pictures, which a notebook shows."""
        return "\n".join(self.pictures.values())


@overload
def join(features: FilePath, scores: Scores, **options: Unpack[Options]) -> Joined[Any]: ...


@overload
def join(features: FrameT, scores: Scores, **options: Unpack[Options]) -> Joined[FrameT]: ...


def join(features: Any, scores: Scores, **options: Unpack[Options]) -> Joined[Any]:
    """Join scores onto a feature table, in memory; no file is written.

    Each row of the features gets the score of its clip, by the rules of `materialize`: the same
    keys match, the same rows are bad, the same tables are refused. A data frame gains columns and
    keeps its own as they are, its index too. Of a file comes the pyarrow table that `materialize`
    would write as parquet.

    Args:
        features: a path, or a data frame of pandas, polars or pyarrow. A named level of an index
            of pandas may hold the key, as a column may.
        scores: a path or data frame, several of them, or each by the name of its scorer, which
            rows that name none need. A path may be a folder or pattern, and `SCORER=path`.
        **options: those of a manifest: `missing_policy="drop"`, `key_column="clip"`, …

    Raises:
        NotPublishedError: too few rows have an ok score, by what the options say.
        JoinError: bad input: what was found, where, and what to do about it.

    Example:
        >>> import pandas as pd
        >>> import second_opinion_assets as so
        >>> features = pd.DataFrame({"clip_id": ["a", "b"], "psnr": [41.2, 38.9]})
        >>> dover = pd.DataFrame({"clip_id": ["a"], "score": [72.5]})
        >>> joined = so.join(features, {"DOVER": dover})
        >>> joined
        2 of 2 rows
        DOVER: ok=1 missing=1 bad=0 coverage=50.0%
        >>> joined.frame.columns[-5:-3].tolist()
        ['second_opinion_dover_score', 'second_opinion_dover_status']
        >>> joined.frame["second_opinion_dover_status"].tolist()
        ['ok', 'missing']
    """
    spec = spec_of(features, scores, options)
    found = join_in_memory(spec, _invocation("join", spec))
    frame = found.appended
    if is_frame(features):
        frame = with_columns(features, found.appended, found.replaced, found.kept, "features")
    return Joined(frame, found.tally, found.audit)


def explain(features: Table, scores: Scores, **options: Unpack[Options]) -> Explained:
    """Tell what `join` would recognise, and what every reading of the keys would find.

    The arguments are those of `join`; nothing is written.

    Raises:
        JoinError: the feature table cannot be read, or has no key column.

    Example:
        >>> import pandas as pd
        >>> import second_opinion_assets as so
        >>> features = pd.DataFrame({"clip_id": ["a.mp4", "b.mp4"]})
        >>> dover = pd.DataFrame({"clip_id": ["a", "b"], "score": [72.5, 31.0]})
        >>> print(so.explain(features, {"DOVER": dover}, key_normalize="raw"))
        features: 2 rows
          key     clip_id, such as 'a.mp4', 'b.mp4'
        scores['DOVER']: frame, 2 rows
          scorer  DOVER (as you named it)
          key     clip_id, such as 'a', 'b'
          score   score: 2 ok, 0 bad
        <BLANKLINE>
        Rows of 2 that find an ok score, by how keys are read:
          key_column  key_normalize    DOVER
          clip_id     raw                  0  as asked
          clip_id     auto (here raw)      0
          clip_id     basename             0
          clip_id     stem                 2
          clip_id     suffix               0
        <BLANKLINE>
        As asked: 0 of 2 rows find an ok score of DOVER.
          a row's clip_id 'a.mp4' is taken as it stands: no score has that key
          a score's clip_id 'a' is taken as it stands: no row has that key
        With key_normalize stem: 2 of 2 for DOVER.
    """
    spec = spec_of(features, scores, options)
    return Explained(explain_files(spec.features, spec.scores, spec.options))


def agreement(
    joined: Table | Joined[Any],
    *,
    references: Sequence[str | Mapping[str, str]] = (),
    key_column: str | None = None,
    prefix: str = DEFAULT_PREFIX,
) -> Agreed:
    """Tell how far the scorers of a joined table agree with its references and with one another.

    Args:
        joined: what `join` returned, or the path or data frame of a joined table.
        references: columns to hold the scorers against, as a manifest names them; nothing for
            those of usual names (`vmaf*`, `mos*`, `dmos*`).
        key_column: of a path or data frame, the column that names the clip.
        prefix: of a path or data frame, what its appended columns start with.

    Raises:
        JoinError: the table cannot be read, or lacks a column.

    Example:
        >>> import pandas as pd
        >>> import second_opinion_assets as so
        >>> clips = [f"clip{number}" for number in range(9)]
        >>> features = pd.DataFrame({"clip_id": clips, "mos": range(9)})
        >>> dover = pd.DataFrame({"clip_id": clips, "score": [n * n for n in range(9)]})
        >>> so.agreement(so.join(features, {"DOVER": dover}))
        Spearman against mos: DOVER 1.00
    """
    # Statistics and pictures take a second to import, which a join does without.
    from second_opinion_assets.agreement.in_memory import (  # noqa: PLC0415
        compare_joined,
        joined_table,
    )
    from second_opinion_assets.agreement.pictures import pictures  # noqa: PLC0415
    from second_opinion_assets.agreement.publish import figures  # noqa: PLC0415

    asked = parse_references(list(references), "references") if references else ()
    if isinstance(joined, Joined):
        frame = frame_of(joined.frame, RESULT)
        table = JoinedTable.of(joined.audit, frame, frame.names, "")
    else:
        table = joined_table(location_of(joined, RESULT), key_column, prefix)
    found, clips = compare_joined(table, asked)
    return Agreed(found, pictures(found, clips), figures(found, table.path.stem))


def verify(audit: FilePath | Joined[Any], base_dir: FilePath | None = None) -> Verified:
    """Tell whether what an audit says still holds: its files' bytes, and its counts.

    Args:
        audit: the file of an audit, or what `join` returned: then the files that it read are
            looked at again, and whether the columns of its frame are what they were.
        base_dir: what relative paths are relative to; None to be told by the audit's own place.

    Example:
        >>> import pandas as pd
        >>> import second_opinion_assets as so
        >>> features = pd.DataFrame({"clip_id": ["a", "b"]})
        >>> dover = pd.DataFrame({"clip_id": ["a", "b"], "score": [72.5, 31.0]})
        >>> so.verify(so.join(features, {"DOVER": dover})).holds
        True
    """
    verifier = Verifier(None if base_dir is None else Location(base_dir))
    if isinstance(audit, Joined):
        frame = frame_of(audit.frame, RESULT)
        return Verified("the join", verifier.verify(audit.audit, joined=frame))
    _, verification = verifier.verify_file(Location(audit))
    return Verified(str(Location(audit)), verification)


def _invocation(verb: str, spec: TableSpec) -> Invocation:
    """Return this program and what is asked of it; its arguments are none of ours."""
    return Invocation(Location(sys.argv[0] or "-"), (), {"call": verb, **table_args(spec)})
