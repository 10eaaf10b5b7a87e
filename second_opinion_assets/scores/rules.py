"""How the rows of a score file are read: what is asked for beyond the usual names."""

from __future__ import annotations

from typing import NamedTuple

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.contract.fields import STATUS_FIELD, is_label
from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.scores.sidecar import Sidecar, SidecarRules


class RowRules(NamedTuple):
    """What is asked for of the rows of a sidecar, beyond the usual names.

    Attributes:
        score_field: the field taken before the usual names where a row has it; a dotted path
            leads into nested fields, and a field of that very name goes first.
        key_field: the field that every row must have the key in, likewise; None for a usual name.
        status_field: the field of the status, likewise.
        frames_field: a list of frames; a row's one score counts for as many.
        frame_score: the field of a frame, or a path to it, that the score is the mean of.
        only_asked: whether nothing but the field asked for is the score.
        stem: the key of a row that has none, if the file's name may be it.
        takes_usual_scores: whether the usual names are looked for at all; where a row has a
            field for each scorer, what it has by a usual name may be another one's.
    """

    score_field: str | None = None
    key_field: str | None = None
    status_field: str = STATUS_FIELD
    frames_field: str | None = None
    frame_score: str | None = None
    only_asked: bool = False
    stem: str | None = None
    takes_usual_scores: bool = True

    @property
    def are_plain(self) -> bool:
        """Whether every row can be read without a look at what is nested elsewhere than usual."""
        asked = (self.score_field, self.key_field, self.status_field)
        nested = self.frames_field or self.frame_score or self.only_asked
        return not (nested or any("." in name for name in asked if name))


class ReadRequest(NamedTuple):
    """What is asked for of one score file.

    Attributes:
        rules: of its rows.
        own: those that are for this sidecar alone, so that it must have the fields they name.
        stem_is_key: whether the file's stem is the key of a payload that has none.
        label: the scorer of rows that name none.
    """

    rules: RowRules = RowRules()
    own: SidecarRules = SidecarRules()
    stem_is_key: bool = False
    label: str | None = None


def row_rules(sidecar: Sidecar, options: JoinOptions) -> RowRules:
    """Return how a sidecar's rows are read: by its own rules, else as the table's options say.

    Raises:
        JoinError: the score asked for is a label, and that was not said to be meant.
    """
    own = sidecar.rules
    score_field = own.score_field or options.score_field
    allowed = options.label_as_score if own.label_as_score is None else own.label_as_score
    if score_field and is_label(score_field) and not allowed:
        msg = (
            f"{sidecar.path}: score_field is {score_field!r}, a label and no second opinion; "
            "name another field, or say label_as_score: true"
        )
        raise JoinError(msg)
    return RowRules(
        score_field,
        own.key_field or options.score_key_field,
        own.status_field or STATUS_FIELD,
    )
