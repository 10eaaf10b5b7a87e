"""Puts what a target starts from into a folder: `python -m fuzz.seeds TARGET FOLDER`.

These are the examples of the tests. What found something once is kept in `corpus/`.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

TESTS = Path(__file__).parent.parent / "second_opinion_assets_tests"
SCORES, TABLES = "scores/examples/*_sidecars", "tables/examples/*"
GOLDEN = "golden"
SEEDS = {
    "audits": [f"{GOLDEN}/expected/*audit*.json"],
    "footers": [f"{TABLES}/*.parquet", f"{GOLDEN}/*/*.parquet"],
    "journals": [],
    "keys": [],
    "manifests": ["join/examples/*manifests*/*.json", f"{GOLDEN}/inputs/manifest.json"],
    "scores_csv": [f"{SCORES}/*.{suffix}" for suffix in ("csv", "tsv", "txt", "log")],
    "scores_json": [f"{SCORES}/*.json"],
    "scores_jsonl": [f"{SCORES}/*.jsonl", f"{SCORES}/*.ndjson"],
    "scores_other": [f"{SCORES}/*", f"{SCORES}/*/*"],
    "scores_parquet": [f"{SCORES}/*.parquet"],
    "tables_csv": [f"{TABLES}/*.csv", f"{GOLDEN}/inputs/*.csv"],
    "tables_json": [f"{TABLES}/*.json", f"{GOLDEN}/inputs/features.json"],
    "tables_jsonl": [f"{TABLES}/*.jsonl", f"{GOLDEN}/inputs/features.jsonl"],
    "tables_parquet": [f"{TABLES}/*.parquet", f"{GOLDEN}/inputs/*.parquet"],
}
CORPUS = Path(__file__).parent / "corpus"
NO_INPUTS = (".expected.json", ".options.json", ".message.txt")


def copy_seeds(name: str, folder: Path) -> None:
    """Copy the seeds of a target into a folder."""
    for number, path in enumerate(
        p for pattern in SEEDS[name] for p in sorted(TESTS.glob(pattern))
    ):
        if path.is_file() and not path.name.endswith(NO_INPUTS):
            shutil.copyfile(path, Path(folder, f"{number:03}_{path.name}"))
    if name == "footers":
        for path in [*CORPUS.glob("footers/*.parquet"), *folder.iterdir()]:
            text = path.read_bytes()
            start = -8 - int.from_bytes(text[-8:-4], "little")
            Path(folder, f"footer_of_{path.name}").write_bytes(text[start:-8])


if __name__ == "__main__":
    copy_seeds(sys.argv[1], Path(sys.argv[2]))
