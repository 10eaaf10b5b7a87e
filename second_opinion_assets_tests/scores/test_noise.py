"""Lines among JSON rows that are none are passed over and counted, and never guessed at."""

from __future__ import annotations

import gzip

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.json_noise import has_noise
from second_opinion_assets_tests.workspace import Workspace

A, B = '{"clip_id": "a", "score": 1.5}', '{"clip_id": "b", "score": 2.5}'
BAR = "\r 50%|#####     | 1/2 [00:00<00:00, 20.1it/s]"
READ = {
    "before": (f"Loading the model\n{A}\n{B}\n", 1),
    "between": (f"{A}\nframe 3 of [3], 5% done\n{B}\n", 1),
    "behind": (f"{A}\n{B}\n{BAR}", 1),
    "glued": (f"{A}\n{BAR}{B}\n", 0),
    "glued-at-the-end": (f"{A}\n{BAR}{B}", 0),
    "bracket": (f"[INFO] loading\n{A}\n{B}\n", 1),
    "crlf": (f"warming up\r\n{A}\r\n\r\n{B}\r\n", 1),
}


@pytest.mark.parametrize("name", ["s.jsonl", "s.json", "s.log", "s.txt.gz", "parts/s.jsonl"])
@pytest.mark.parametrize("noise", READ)
def test_lines_that_are_no_rows(work: Workspace, noise: str, name: str) -> None:
    """Progress and log lines are skipped and told, whatever the file is called."""
    text, skipped = READ[noise]
    work.write(name, gzip.compress(text.encode()) if name.endswith(".gz") else text)
    result = work.join(scores=[f"S={name.split('/', maxsplit=1)[0]}"])
    assert [row["second_opinion_s_score"] for row in work.rows()] == [1.5, 2.5]
    assert result.sidecars[0].skipped_lines == skipped


@pytest.mark.parametrize(
    ("line", "message"),
    [
        pytest.param('{"clip_id": "b", "score": 2.', r"s\.jsonl:2: not JSON", id="broken"),
        pytest.param(f"{BAR}{B[:-3]}", r"s\.jsonl:2: .* not whole", id="glued-and-cut"),
        pytest.param(f"x{B}", r"s\.jsonl:2: .* not whole", id="behind-a-letter"),
        pytest.param('"clip_id": "b", "score": 2}', r"s\.jsonl:2: not JSON", id="cut-start"),
        pytest.param("[1, 2]", r"s\.jsonl:2: a row is a list", id="list"),
        pytest.param("5", r"s\.jsonl:2: a row is 5", id="number"),
    ],
)
def test_lines_that_may_be_rows_are_errors(work: Workspace, line: str, message: str) -> None:
    """What may be a part of a row is never passed over."""
    work.write("s.jsonl", f"{A}\n{line}\n{A}\n")
    with pytest.raises(JoinError, match=message):
        work.join(scores=["S=s.jsonl"])


@pytest.mark.parametrize("rows", [1, 2])
def test_more_noise_than_rows(work: Workspace, rows: int) -> None:
    """A file with more than ten lines of noise for each row is refused by the first of them."""
    text = "\n".join([A, B][:rows]) + "\nHello\n" + "you\n" * (10 * rows - 1)
    work.write("s.jsonl", text)
    work.join(scores=["S=s.jsonl"])
    work.write("s.jsonl", f"{text}you\n")
    told = rf's\.jsonl:{rows + 1}: not JSON: "Hello"; {10 * rows + 1} lines are no rows'
    with pytest.raises(JoinError, match=told):
        work.join(scores=["S=s.jsonl"])


@pytest.mark.parametrize(
    ("text", "is_noisy"),
    [
        pytest.param(f"{A}\n{B}\n", False, id="rows"),
        pytest.param(f"{A}\n{B[:-3]}", False, id="rows-cut"),
        pytest.param(f"Hello\n{A}\n{B[:-3]}", True, id="noise-before-a-cut-row"),
        pytest.param(f"{A}\nHello", True, id="noise-behind"),
        pytest.param(f"Hello\n{A}", True, id="noise-before-one-row"),
        pytest.param(f"Hello\n{B[:-3]}", False, id="no-whole-row"),
        pytest.param(f"[\n{A}\n]", False, id="document"),
        pytest.param("", False, id="empty"),
    ],
)
def test_where_there_is_noise(text: str, *, is_noisy: bool) -> None:
    """The beginning of a file has noise where some lines are rows and some are none."""
    assert has_noise(text.encode()) == is_noisy
