"""Reads all sidecars of a table into one `Scorer` for each competitor found in them."""

from __future__ import annotations

from contextlib import closing, suppress
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING

from second_opinion_assets.contract import json_text
from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.matching.keys import Normalizer
from second_opinion_assets.scores.form import Asked
from second_opinion_assets.scores.payload import (
    STEM_FIELD,
    find_key,
    read_competitor,
    read_row,
    read_score_field,
    slug,
)
from second_opinion_assets.scores.recognise import read_form
from second_opinion_assets.scores.scorers import (
    KeyNumbers,
    Place,
    ScoreColumns,
    Scorer,
    Source,
)
from second_opinion_assets.scores.sidecar import Reader, Sidecar, SidecarFile, SidecarInput
from second_opinion_assets.scores.uniform import UniformReader
from second_opinion_assets.storage.decompress import Content
from second_opinion_assets.storage.groups import group_of
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.reading import Input, Progress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from second_opinion_assets.contract.options import JoinOptions
    from second_opinion_assets.scores.form import Form, RowBlock
    from second_opinion_assets.scores.native import NativeScores
    from second_opinion_assets.scores.payload import Found, Payload, RowRules
    from second_opinion_assets.scores.uniform import UniformRows

LEARNING_ROWS = 200
LARGE_SIDECAR_BYTES = 8 << 20  # of which native code is worth its import


class ScorerSet:
    """The scorers of one table, gathered row by row.

    Args:
        options: of the join.
        named: returns the name that a scorer goes by, of the one that a row gives it.
    """

    def __init__(self, options: JoinOptions, named: Callable[[str], str]) -> None:
        self.options = options
        self._named = named
        self.sources: list[Source] = []
        self.keys = KeyNumbers()
        self.native: NativeScores | None = None
        self._by_name: dict[str, Scorer] = {}
        self._by_slug: dict[str, Scorer] = {}
        self.normalizer = lru_cache(
            lambda field, pattern: Normalizer(options.key_normalize, field, pattern)
        )

    def scorer(self, competitor: str, where: str) -> Scorer:
        """Return the scorer of this name, a new one at its first row.

        Raises:
            JoinError: its name gives no slug, or the slug of another scorer.
        """
        known = self._by_name.get(competitor)
        if known is not None:
            return known
        name = self._named(competitor)
        if name != competitor:
            self._by_name[competitor] = self.scorer(name, where)
            return self._by_name[competitor]
        part = slug(competitor)
        if not part:
            msg = (
                f"{where}: competitor {competitor!r} has no letter a-z or digit to name columns by"
            )
            raise JoinError(msg)
        if part in self._by_slug:
            msg = (
                f"{where}: competitors {self._by_slug[part].competitor!r} and {competitor!r} would "
                f"both be {self.options.prefix}_{part}_…; give them one name, or two distinct ones"
            )
            raise JoinError(msg)
        scorer = Scorer(competitor, self.sources, self.keys)
        self._by_name[competitor] = self._by_slug[part] = scorer
        return scorer

    def native_scores(self) -> NativeScores:
        """Return what gathers the rows that native code reads."""
        if self.native is None:
            from second_opinion_assets.scores.native import NativeScores  # noqa: PLC0415

            self.native = NativeScores()
        return self.native

    def in_slug_order(self) -> list[Scorer]:
        return [self._by_slug[part] for part in sorted(self._by_slug)]


def read_sidecars(
    sidecars: Iterable[Sidecar],
    options: JoinOptions,
    progress: Progress | None = None,
    named: Callable[[str], str] = str,
) -> tuple[list[Scorer], list[SidecarInput]]:
    """Read every sidecar of a table.

    Args:
        sidecars: the files, in their order.
        options: of the join.
        progress: told of input bytes as they are done.
        named: returns the name that a scorer goes by, of the one that a row gives it.

    Returns:
        The scorers in slug order, and for each sidecar what it was.

    Raises:
        JoinError: a file-level defect in one of them, or no score row in all of them.
    """
    scorers = ScorerSet(options, named)
    inputs = [_read_sidecar(sidecar, scorers, progress) for sidecar in sidecars]
    if not any(given.rows for given in inputs):
        files = ", ".join(str(given.sidecar.path) for given in inputs) or "no score file given"
        msg = f"no scores at all: {files}"
        raise JoinError(msg)
    if scorers.native:
        scorers.native.settle()
    return scorers.in_slug_order(), inputs


def _read_sidecar(sidecar: Sidecar, scorers: ScorerSet, progress: Progress | None) -> SidecarInput:
    rules = sidecar.row_rules(scorers.options)
    group = group_of(sidecar.path)
    stem_is_key = group is not None or sidecar.rules.reader is Reader.external_bench
    asked = Asked(rules, sidecar.rules, stem_is_key)
    reader = SidecarReader(sidecar, scorers, progress)
    if group is None:
        files = [reader.read_file(sidecar.path, "", sidecar.written, asked)]
    else:
        files = [
            reader.read_file(group.folder / name, name, sidecar.written_file(name, group), asked)
            for name in group.names()
        ]
    given = SidecarInput(
        sidecar, tuple(files), sorted(reader.competitors), sorted(reader.score_fields)
    )
    if not given.rows and sidecar.label:
        scorers.scorer(sidecar.label, str(sidecar.path))
    return given


class SidecarReader:
    """Puts the rows of one sidecar into the scorers that they name.

    Rows that are alike are decoded straight into their few values; whatever is not quite alike is
    read one by one, by the same rules.
    """

    def __init__(self, sidecar: Sidecar, scorers: ScorerSet, progress: Progress | None) -> None:
        self.competitors: set[str] = set()
        self.score_fields: set[str] = set()
        self._sidecar = sidecar
        self._scorers = scorers
        self._progress = progress
        self._pattern = sidecar.key_pattern(scorers.options)
        self._uniform_readers: dict[RowRules, UniformReader] = {}

    def read_file(self, path: Location, name: str, written: str, asked: Asked) -> SidecarFile:
        """Read one file.

        Args:
            path: the file.
            name: its name below the sidecar's folder; empty if it is the sidecar itself.
            written: how it is, or would be, written in a manifest.
            asked: what is asked for of it.

        Raises:
            JoinError: a file-level defect, named by file and line.
        """
        with Input(path, self._progress) as file, closing(Content(file)) as content:
            form = read_form(content, asked)
            source = Source(path, written, form.locate, self._pattern)
            large = form.is_table and file.size >= LARGE_SIDECAR_BYTES
            self._start(source, form, large=large)
            with closing(form.blocks) as blocks:
                for block in blocks:
                    self._read(block)
        return SidecarFile(path, name, file.digest, self._rows, form.reader)

    def _start(self, source: Source, form: Form, *, large: bool) -> None:
        self._source = source
        self._number = len(self._scorers.sources)
        self._scorers.sources.append(source)
        self._rules = form.rules
        self._is_table = form.is_table
        alike = form.rules._replace(stem=form.rules.stem and "")
        if large or form.is_table or alike not in self._uniform_readers:
            reader = UniformReader(alike, self._sidecar.label, large=large)
            self._uniform_readers[alike] = reader
        self._uniform = self._uniform_readers[alike]
        self._open_end: int | None = None
        self._rows = 0

    def _read(self, block: RowBlock) -> None:
        self._open_end = block.open_end
        if self._is_table and not self._rows:
            self._uniform.learn(_first_payloads(block))
        others = self._read_natively(block)
        if others is None:
            others = self._read_uniform(block)
        if others is None:
            self._uniform.learn([self._read_row(position, text) for position, text in block.rows()])
            return
        for number in others:
            self._read_row(block.first + number, block.texts[number])

    def _read_natively(self, block: RowBlock) -> Sequence[int] | None:
        """Read what rows native code can; return the others, or None if none was read."""
        field = self._uniform.key_field
        rows = self._uniform.read_natively(block, self._normalizer(field))
        if rows is None:
            return None
        if len(rows.numbers):
            where = self._source.locate(block.first + int(rows.numbers[0]))
            scorer = self._scorers.scorer(rows.competitor, where)
            self._note(scorer, field, self._uniform.score_field)
            self._scorers.native_scores().add(scorer, rows, self._number, block.first)
            self._rows += len(rows.numbers)
        return rows.others

    def _read_uniform(self, block: RowBlock) -> Sequence[int] | None:
        """Read what rows are alike; return the others, or None if none was read."""
        rows = self._uniform.read(block)
        return rows.others if rows and self._take(rows, block.first) else None

    def _take(self, rows: UniformRows, first: int) -> bool:
        """Put rows that were read quickly into their scorers; False, and none taken, if odd."""
        field = self._uniform.key_field
        raw_keys = rows.keys if field != STEM_FIELD else [self._rules.stem or ""] * len(rows.keys)
        keys = self._normalizer(field).many(raw_keys)
        names = dict.fromkeys(rows.competitors)
        if not all(keys) or not all(name == name.strip() for name in names):
            return False
        positions = [first + number for number in rows.numbers]
        columns = ScoreColumns(keys, raw_keys, rows.score, rows.runtime_ms, rows.frames, positions)
        for name in names:
            part = columns
            if len(names) > 1:
                part = columns.chosen([competitor == name for competitor in rows.competitors])
            scorer = self._scorers.scorer(name, self._source.locate(part.positions[0]))
            self._note(scorer, field, self._uniform.score_field)
            scorer.extend(part, self._number)
        self._rows += len(keys)
        return True

    def _read_row(self, position: int, text: bytes) -> Payload:
        where = self._source.locate(position)
        try:
            payload = json_text.decode(text, where)
        except JoinError as error:
            if position != self._open_end:
                raise
            msg = f"{error}; the row is cut short: is the scorer still writing?"
            raise JoinError(msg) from None
        if not isinstance(payload, dict):
            msg = f"{where}: a row is {json_text.shown(payload)}, expected an object"
            raise JoinError(msg)
        competitor = read_competitor(payload, self._sidecar.label)
        if competitor is None:
            labelled = f"LABEL={self._sidecar.written}"
            msg = f"{where}: no competitor in the row; give the file a label, as {labelled}"
            raise JoinError(msg)
        json_text.whole_characters(competitor, where)
        found = self._find_key(payload, where)
        raw_key = _key_text(found, text, where)
        key = self._normalizer(found.field).one(raw_key)
        if not key:
            msg = f"{where}: the key {'.'.join(found.path)} is empty"
            raise JoinError(msg)
        scorer = self._scorers.scorer(competitor, where)
        scorer.add(key, raw_key, read_row(payload, self._rules), Place(self._number, position))
        self._note(scorer, found.field, read_score_field(payload, self._rules))
        self._rows += 1
        return payload

    def _find_key(self, payload: Payload, where: str) -> Found:
        found = find_key(payload, self._rules)
        if found is None:
            asked = self._rules.key_field
            wanted = f"no key field {asked!r}" if asked else "no key field with a usual name"
            msg = f"{where}: {wanted} among {', '.join(payload)}; name it as score_key_field"
            if not self._is_table and not asked:
                msg = f"{msg}, or give the folder, where a file's name is its key"
            raise JoinError(msg)
        return found

    def _normalizer(self, field: str) -> Normalizer:
        return self._scorers.normalizer(field, self._pattern)

    def _note(self, scorer: Scorer, key_field: str, score_field: str | None) -> None:
        """Remember that a row of this scorer was read, and from which fields."""
        self.competitors.add(scorer.competitor)
        scorer.key_fields.add(key_field)
        if score_field:
            self.score_fields.add(score_field)
            scorer.score_fields.add(score_field)


def _key_text(found: Found, text: bytes, where: str) -> str:
    """Return the own text of a key that was found in a row of this text."""
    if isinstance(found.value, str):
        return json_text.whole_characters(found.value, where)
    if isinstance(found.value, dict | list):
        name, shown = ".".join(found.path), json_text.shown(found.value)
        msg = f"{where}: the key {name} is {shown}, expected text or a number"
        raise JoinError(msg)
    for field in found.path:
        text = json_text.members(text, where)[field]
    return text.decode()


def _first_payloads(block: RowBlock) -> list[Payload]:
    """Return the first rows that can be learnt from; a broken one ends them quietly."""
    payloads: list[Payload] = []
    with suppress(JoinError):
        for _, text in islice(block.rows(), LEARNING_ROWS):
            payload = json_text.decode(text, "")
            if isinstance(payload, dict):
                payloads.append(payload)
    return payloads
