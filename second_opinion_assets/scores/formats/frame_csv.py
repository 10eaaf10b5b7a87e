"""CSV with a row a frame: the log of one clip, whose score is the mean over its frames.

libvmaf writes `Frame` and a column a feature, a comma at the end of each line, and no clip:
https://github.com/Netflix/vmaf/blob/d7dac56da07a229dfe6d9ee29d9e310d5668fbd1/libvmaf/src/output.c
ffmpeg-quality-metrics writes `n`, the metrics in alphabetical order, and the clip as
`input_file_dist`:
https://github.com/slhck/ffmpeg-quality-metrics/tree/005239267f255ccc75ad1d541c749ea1abaab479
"""

from __future__ import annotations

import json
from collections.abc import Generator

from second_opinion_assets.contract.errors import DoubtError, JoinError, NoScoreError
from second_opinion_assets.contract.fields import ALL_KEY_NAMES, find_name
from second_opinion_assets.scores.formats.csv_rows import CsvRows
from second_opinion_assets.scores.formats.loaded import LoadedRows
from second_opinion_assets.scores.json_block import JsonBlock
from second_opinion_assets.scores.rows import Place
from second_opinion_assets.scores.rules import ReadRequest
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets.storage.decompress import Content

CLIP_FIELD = "input_file_dist"
USUAL_SCORE = "vmaf"
_FRAME = "frame"
_NUMBER = "n"


def recognises(header: list[str]) -> bool:
    """Return whether columns of these names hold a row a frame, and all of one clip."""
    first = header[0].lower()
    if first == _NUMBER:
        return CLIP_FIELD in header
    return first == _FRAME and find_name(header, ALL_KEY_NAMES) is None


def load(header: list[str], rows: CsvRows, content: Content, asked: ReadRequest) -> LoadedRows:
    """Return the one row that the frames of a clip make.

    Raises:
        JoinError: the score asked for is not there, or the frames are of several clips.
    """
    where = f"{content.path}:{rows.line}"
    key = asked.rules.key_field
    if key and key.lower() == header[0].lower():
        msg = (
            f"{where}: {header[0]!r} numbers the frames of one clip, and is no key; leave "
            "score_key_field out: the name of the file is the key"
        )
        raise DoubtError(msg)
    score = _score_column(header, asked, where)
    has_clip = CLIP_FIELD in header
    found = Format.ffmpeg_quality_metrics if has_clip else Format.libvmaf
    stem = None if has_clip else content.stem
    rules = asked.rules._replace(score_field=score, stem=stem)
    blocks = _frames(header, rows, score, content)
    return LoadedRows(found, Place(str(content.path)), rules, blocks, is_table=False)


def _score_column(header: list[str], asked: ReadRequest, where: str) -> str:
    own, of_table = asked.own.score_field, asked.rules.score_field
    wanted = own or (of_table if of_table and find_name(header, [of_table]) else USUAL_SCORE)
    found = find_name(header, [wanted])
    if found is None:
        there = ", ".join(name for name in header[1:] if name)
        msg = f"{where}: no {wanted} among {there or 'no metrics'}; name one as score_field"
        raise NoScoreError(msg)
    if header.count(found) > 1:
        msg = f"{where}: two columns are called {found!r}; give them names of their own"
        raise DoubtError(msg)
    return found


def _frames(
    header: list[str], rows: CsvRows, score: str, content: Content
) -> Generator[JsonBlock, None, None]:
    """Yield the clip as a row with frames, as the JSON of the same tools has them."""
    number = header.index(score)
    clip = header.index(CLIP_FIELD) if CLIP_FIELD in header else None
    frames = []
    clips: dict[str, int] = {}
    for line, cells in rows.rows(header, header, 0):
        frames.append({score: cells[number].strip() or None})
        if clip is not None:
            clips.setdefault(cells[clip].strip(), line)
    if len(clips) > 1:
        first, second = list(clips)[:2]
        msg = (
            f"{content.path}:{clips[second]}: a frame of {second!r} after those of {first!r}; "
            "write a file for each clip"
        )
        raise JoinError(msg)
    payload: dict[str, object] = {"frames": frames}
    if clips:
        payload[CLIP_FIELD] = next(iter(clips))
    yield JsonBlock.of_texts([json.dumps(payload, ensure_ascii=False).encode()])
