"""Rows with two members of one name, of which a reader of JSON takes the last without a word."""

from __future__ import annotations

import re

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.alike import AlikeReader
from second_opinion_assets.scores.row_schema import AlikeRows
from second_opinion_assets_tests.workspace import Workspace

FRAMES = '"frames": [{"score": 1, "runtime_ms": 5}, {"score": 1}]'
TWINS = {
    "key": '{"clip_id": "a", "score": 1, "clip_id": "b"}',
    "score": '{"clip_id": "a", "score": 1, "score": 2}',
    "escape": r'{"clip_id": "a", "score": 1, "\u0073core": 2}',
    "case": '{"clip_id": "a", "Score": 1, "Score": 2}',
    "quote and colon": r'{"clip_id": "a", "note": "\u0022:", "score": 1, "score": 2}',
    "space": '{"clip_id": "a", "score" : 1, "score"\t: 2}',
    "equal": '{"clip_id": "a", "score": 1, "score": 1}',
    "null": '{"clip_id": "a", "mos": 1, "score": 3, "score": null}',
    "status": '{"clip_id": "a", "score": 1, "status": "failed", "status": "ok"}',
    "scorer": '{"clip_id": "a", "score": 1, "competitor": "x", "competitor": "S"}',
    "runtime": '{"clip_id": "a", "score": 1, "runtime_ms": 5, "runtime_ms": 6}',
    "score in summary": '{"clip_id": "a", "summary": {"score": 1, "score": 2}}',
    "summary": '{"clip_id": "a", "summary": {"score": 1}, "summary": {"score": 2}}',
    "key in summary": '{"score": 1, "summary": {"clip_id": "a", "clip_id": "b"}}',
    "score in frame": '{"clip_id": "a", "frames": [{"score": 1}, {"score": 1, "score": 2}]}',
    "frames": f'{{"clip_id": "a", {FRAMES}, {FRAMES}}}',
    "runtime in frame": '{"clip_id": "a", "score": 1, '
    '"frames": [{"elapsed_ms": 1, "elapsed_ms": 2}]}',
    "colons": '{"clip_id": "a", "at": "10:00:00", "score": 1, "score": 2}',
    "nested": '{"clip_id": "a", "more": {"x": {"y": "\\":"}}, "score": 1, "score": 2}',
}
LACKING = '{"clip_id": "lacking"}\n'
"""A row that has one member less, so that all rows together have as many as they should."""


def plain(row: str, count: int) -> str:
    """Return rows like a row, each member once."""
    once = re.sub(
        r', "(clip_id|score|Score|.u0073core|status|competitor|runtime_ms|elapsed_ms)"\s?: ?'
        r'("b"|2|"ok"|"S"|6|null|1(?=\}$))(?=[,}])',
        "",
        row.replace(', "summary": {"score": 2}', "").replace(f"{FRAMES}, {FRAMES}", FRAMES),
    )
    return "".join(once.replace('"a"', f'"c{n}"') + "\n" for n in range(count))


@pytest.mark.parametrize("row", TWINS.values(), ids=TWINS)
@pytest.mark.parametrize("before", [0, 250])
@pytest.mark.parametrize("lacking", ["", LACKING], ids=["", "lacking"])
def test_a_row_with_twins_is_refused(work: Workspace, row: str, before: int, lacking: str) -> None:
    """Whatever of the two is read, in a row read by itself and in one of many alike ones."""
    work.write("s.jsonl", f"{plain(row, before)}{row}\n{lacking}")
    with pytest.raises(
        JoinError, match=rf"s\.jsonl:{before + 1}: two members are called '.*with one$"
    ):
        work.join(scores=["S=s.jsonl"])


@pytest.mark.parametrize("name", TWINS)
def test_alike_rows_are_read_at_once(
    work: Workspace, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Rows like those above, but without the twin, are certain to have none where read quickly."""
    read = AlikeReader.read
    quick: list[bool] = []

    def watched(self: AlikeReader, text: bytes, count: int) -> AlikeRows | None:
        rows = read(self, text, count)
        quick.append(rows is not None and not rows.may_have_twins)
        return rows

    monkeypatch.setattr(AlikeReader, "read", watched)
    work.write("s.jsonl", plain(TWINS[name], 250))
    work.join(scores=["S=s.jsonl"], allow_empty=True)
    assert quick == [name != "runtime in frame"]


@pytest.mark.parametrize("form", ["[{}]", '{{"rows": [{}]}}', "{}", '{{"a.mp4": {}}}', "{0}\n{0}"])
def test_twins_in_documents(work: Workspace, form: str) -> None:
    """Documents of every shape are held to the same."""
    work.write("s.json", form.format(TWINS["score"]))
    with pytest.raises(JoinError, match="two members are called 'score'"):
        work.join(scores=["S=s.json"])


ROWS = '[{"clip_id": "a", "score": 1}]'
DIMENSION = '[0.5, [{"video_path": "a.mp4", "video_results": 0.5}]]'


@pytest.mark.parametrize(
    ("names", "rows"),
    [
        (("rows", "rows"), ROWS),
        (("rows", r"r\u006fws"), ROWS),
        (("results", "results"), ROWS),
        (("overall_consistency", "overall_consistency"), DIMENSION),
    ],
)
def test_two_lists_of_rows(work: Workspace, names: tuple[str, str], rows: str) -> None:
    """A document with two lists of one name is refused, whatever is in the one that counts."""
    work.write("s.json", '{{"{}": {rows}, "{}": {rows}}}'.format(*names, rows=rows))
    with pytest.raises(JoinError, match="two members are called"):
        work.join(scores=["S=s.json"])


@pytest.mark.parametrize("inner", ['"y": 1, "y": 2', '"y": 1}, "x": {"y": 2', '"y": {}, "y": 1'])
def test_twins_on_a_path(work: Workspace, inner: str) -> None:
    """What a path leads to twice is refused wherever it is."""
    work.write("s.jsonl", f'{{"clip_id": "a", "deep": {{"x": {{{inner}}}}}}}\n')
    with pytest.raises(JoinError, match=r"two members are called '[xy]'"):
        work.join(scores=["S=s.jsonl"], score_field="deep.x.y")


NO_TWINS = {
    "not looked for": '{"clip_id": "a", "score": 1, "note": 1, "note": 2}',
    "elsewhere": '{"clip_id": "a", "score": 1, "more": {"score": 2, "score": 3}}',
    "other case": '{"clip_id": "a", "score": 1, "Score": 2}',
    "in text": r'{"clip_id": "a", "score": 1, "note": "\"score\": 2, \u0022score\u0022: 3"}',
    "frames that are not read": '{"clip_id": "a", "score": 1, "runtime_ms": 1, "frames": '
    '[{"score": 2, "score": 3}]}',
}


@pytest.mark.parametrize("row", NO_TWINS.values(), ids=NO_TWINS)
@pytest.mark.parametrize("count", [1, 250])
def test_what_does_not_matter(work: Workspace, row: str, count: int) -> None:
    """A name that stands twice is none of those that are looked for, or stands where none is."""
    rows = "".join(row.replace('"a"', f'"c{n}"') + "\n" for n in range(count))
    work.write("s.jsonl", rows)
    work.write_lines("features.jsonl", [{"clip_id": f"c{n}"} for n in range(count)])
    work.join(scores=["S=s.jsonl"])
    assert {row["second_opinion_s_score"] for row in work.rows()} == {1}
