"""Files that are no score files are refused by what they are, told by their first bytes."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import pickle
import sqlite3
import tarfile
import zipfile
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets_tests.workspace import Workspace

CSV = b"path,score\na,1\n"


def zipped(name: str, data: bytes = CSV) -> bytes:
    """Return a zip archive of one file."""
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return sink.getvalue()


def tarred() -> bytes:
    """Return a tar archive of one file."""
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        info = tarfile.TarInfo("scores.csv")
        info.size = len(CSV)
        archive.addfile(info, io.BytesIO(CSV))
    return sink.getvalue()


def numpy_file(save: Callable[..., None]) -> bytes:
    """Return what NumPy saves."""
    sink = io.BytesIO()
    save(sink, np.array([1.0]))
    return sink.getvalue()


def arrow_file() -> bytes:
    """Return a feather file."""
    sink = io.BytesIO()
    table = pa.table({"a": [1]})
    with pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


KINDS: dict[str, tuple[bytes, str]] = {
    **{f"pickle-{n}": (pickle.dumps({"a": 1}, n), "a pickle") for n in (0, 2, 4, 5)},
    "npy": (numpy_file(np.save), "a NumPy array"),
    "npz": (numpy_file(np.savez), "a NumPy archive"),
    "mat": (b"MATLAB 5.0 MAT-file, Platform".ljust(128), "a file of MATLAB"),
    "mat-7.3": (b"MATLAB 7.3 MAT-file".ljust(512) + b"\x89HDF\r\n\x1a\n", "a file of MATLAB"),
    "xlsx": (zipped("[Content_Types].xml"), "an Excel workbook"),
    "xls": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500), "an old Excel workbook"),
    "zip": (zipped("scores.csv"), "a zip archive"),
    "tar": (tarred(), "a tar archive"),
    "tar.gz": (gzip.compress(tarred()), "a tar archive"),
    "bz2": (bz2.compress(CSV), "compressed by bzip2"),
    "xz": (lzma.compress(CSV), "compressed by xz"),
    "hdf5": (b"\x89HDF\r\n\x1a\n" + bytes(90), "an HDF5 file"),
    "arrow": (arrow_file(), "an Arrow file"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(90), "an image"),
    "jpeg": (b"\xff\xd8\xff\xe0" + bytes(90), "an image"),
    "mp4": (b"\0\0\0\x18ftypmp42" + bytes(90), "a video"),
    "mkv": (b"\x1a\x45\xdf\xa3" + bytes(90), "a video"),
    "unknown": (b"\x07\x01\0\0" * 40, "binary"),
}


@pytest.mark.parametrize("name", ["s.bin", "s.csv", "s.json", "s.jsonl", "s.txt"])
@pytest.mark.parametrize("kind", KINDS)
def test_foreign_files(work: Workspace, kind: str, name: str) -> None:
    """Each is told by what it holds, with what to do instead, and none of its bytes."""
    data, what = KINDS[kind]
    work.write(name, data)
    with pytest.raises(
        JoinError, match=rf"{name}: is {what}[^;]*; (take|write|save|decompress|give)"
    ):
        work.join(scores=[f"S={name}"])


def test_a_database(work: Workspace) -> None:
    """A database of SQLite is told as one."""
    database = sqlite3.connect(work.folder / "s.csv")
    database.execute("CREATE TABLE scores (a)")
    database.close()
    with pytest.raises(JoinError, match=r"s\.csv: is a database of SQLite; write "):
        work.join(scores=["S=s.csv"])


@pytest.mark.parametrize("name", ["features.csv", "features.jsonl", "features.json"])
@pytest.mark.parametrize("kind", ["pickle-4", "xlsx", "zip", "npz", "xz"])
def test_foreign_feature_tables(work: Workspace, kind: str, name: str) -> None:
    """A feature table that is something else than its name says is refused likewise."""
    data, what = KINDS[kind]
    work.write(name, data)
    with pytest.raises(JoinError, match=rf"{name}: the feature table is {what}"):
        work.join(features=name)


def test_a_foreign_file_beside_score_files(work: Workspace) -> None:
    """An image among the files of a folder is named, with a pattern that leaves it out."""
    work.write("logs/a.json", '{"score": 1}')
    work.write("logs/plot.png", KINDS["png"][0])
    with pytest.raises(JoinError, match=r"plot\.png.*\*\.json"):
        work.join(scores=["S=logs"])
