"""Files lie below the folders that the process is confined to, whatever way a path takes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from unittest.mock import patch

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.storage import confinement
from second_opinion_assets.storage.confinement import OutsideError, confine_to
from second_opinion_assets.storage.git import why_untracked
from second_opinion_assets.storage.groups import FileGroup, group_of, is_given, size_bytes
from second_opinion_assets.storage.journal import recover
from second_opinion_assets.storage.location import Location
from second_opinion_assets.storage.output_lock import beside
from second_opinion_assets.storage.publishing import Publication, publish_text, remove
from second_opinion_assets.storage.reading import Input, digest_file
from second_opinion_assets_tests.workspace import Workspace

UNTOUCHED = "not yours\n"


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Confine the process to a folder; beside it stands `secret.jsonl`, and links lead there."""
    folder = tmp_path / "base"
    (folder / "d").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    for name in ("secret.jsonl", "elsewhere/secret.jsonl"):
        (tmp_path / name).write_text(UNTOUCHED)
    (folder / "own.jsonl").write_text("own\n")
    (folder / "link.jsonl").symlink_to("../secret.jsonl")
    (folder / "d" / "link.jsonl").symlink_to("../../secret.jsonl")
    (folder / "way").symlink_to("../elsewhere")
    (folder / "inner").symlink_to("d")
    monkeypatch.chdir(folder)
    confine_to([folder])
    yield folder
    confine_to(())


WAYS_OUT = ["../secret.jsonl", "link.jsonl", "way/secret.jsonl", "d/../../secret.jsonl", "/"]


@pytest.fixture(params=WAYS_OUT)
def way_out(request: pytest.FixtureRequest, tmp_path: Path) -> Location:
    """Return a path that leads outside: upwards, by a link at its end or in it, from the root."""
    name = request.param
    return Location(tmp_path / "secret.jsonl" if name == "/" else name)


@pytest.fixture(params=[True, False], ids=["proc", "no-proc"])
def _kernels_word(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let the kernel tell where an opened file lies, or not."""
    with patch.object(confinement, "_has_proc", return_value=request.param):
        yield


@pytest.mark.usefixtures("_kernels_word")
def test_nothing_outside_is_read(way_out: Location) -> None:
    """A path that leads outside is refused by its name, the folder and the setting."""
    with pytest.raises(OutsideError, match=r"outside .*/base; .* to SECOND_OPINION_CONFINE_TO$"):
        digest_file(way_out)


@pytest.mark.usefixtures("_kernels_word")
@pytest.mark.parametrize("name", ["own.jsonl", "./d/../own.jsonl", "inner/../own.jsonl"])
def test_what_lies_within_is_read(name: str) -> None:
    """Ways that stay within are as good as any."""
    with Input(Location(name)) as file:
        assert file.read() == b"own\n"


def test_a_link_is_told_with_where_it_leads(tmp_path: Path) -> None:
    """Of a link the message has both ends."""
    with pytest.raises(OutsideError, match=f"^link.jsonl: leads to {tmp_path}/secret.jsonl, "):
        digest_file(Location("link.jsonl"))


def test_nothing_outside_is_looked_at(way_out: Location) -> None:
    """What lies outside is not there, whatever is; its size and time are refused."""
    assert not way_out.exists()
    assert not way_out.is_file()
    assert size_bytes(way_out) == 0
    with pytest.raises(OutsideError, match="outside"):
        way_out.stat()


@pytest.mark.parametrize("folder", ["..", "way", "/"])
def test_no_folder_outside_is_listed(folder: str) -> None:
    """A folder that leads outside is none."""
    assert not Location(folder).is_folder()
    with pytest.raises(OutsideError, match="outside"):
        FileGroup(Location(folder), "").names()


@pytest.mark.parametrize("pattern", ["../*.jsonl", "way/*", "d/../../*.jsonl", "*/../../sec*"])
def test_no_pattern_matches_outside(pattern: str) -> None:
    """A pattern that leads outside is refused, and matches nothing where it is only asked."""
    group = group_of(Location(pattern))
    assert group is not None
    with pytest.raises(OutsideError, match="outside"):
        group.names()
    assert not is_given(Location(pattern))


@pytest.mark.parametrize("several", ["d", "d/*.jsonl", "**/*.jsonl"])
def test_a_link_among_several_files_is_refused(several: str) -> None:
    """It is not left out in silence, which would cost its clip the score."""
    group = group_of(Location(several))
    assert group is not None
    with pytest.raises(OutsideError, match=r"(link\.jsonl|way): leads to"):
        group.names()


def test_nothing_outside_is_written(way_out: Location, tmp_path: Path) -> None:
    """Neither a file nor a folder comes to be outside, and nothing is changed or removed there."""
    before = sorted(tmp_path.rglob("*"))
    for target in (way_out, way_out.with_name("new.jsonl"), way_out.parent / "deep" / "new.jsonl"):
        if confinement.is_within(target):
            continue
        with pytest.raises(OutsideError, match="outside"):
            publish_text(target, "forged")
        with pytest.raises(OutsideError, match="outside"):
            Publication(target).__enter__()
    with pytest.raises(OutsideError, match="outside"):
        remove(way_out)
    assert sorted(tmp_path.rglob("*")) == before
    assert (tmp_path / "secret.jsonl").read_text() == UNTOUCHED


def test_git_is_not_asked_about_what_lies_outside(way_out: Location) -> None:
    """A look-up would tell of files outside."""
    with pytest.raises(OutsideError, match="outside"):
        why_untracked(way_out)


def test_a_link_made_after_the_check_leads_nowhere(base: Path, tmp_path: Path) -> None:
    """What is read is the file that was checked, whatever is put in its place meanwhile."""
    file, real_open = base / "own.jsonl", os.open

    def swap_after(path: str, flags: int, *given: int, **named: int) -> int:
        descriptor = real_open(path, flags, *given, **named)
        if flags & os.O_PATH:
            file.rename(base / "renamed.jsonl")
            file.symlink_to(tmp_path / "secret.jsonl")
        return descriptor

    with patch.object(os, "open", swap_after), Input(Location("own.jsonl")) as opened:
        assert opened.pread(0, 4) == b"own\n"


def test_a_file_that_leaves_before_the_check(base: Path, tmp_path: Path) -> None:
    """A file that was moved outside while it was opened lies outside."""
    real_open = os.open

    def move_after(path: str, flags: int, *given: int, **named: int) -> int:
        descriptor = real_open(path, flags, *given, **named)
        if flags & os.O_PATH:
            (base / "own.jsonl").rename(tmp_path / "moved.jsonl")
        return descriptor

    with patch.object(os, "open", move_after), pytest.raises(OutsideError, match="leads to"):
        digest_file(Location("own.jsonl"))


def test_a_folder_swapped_for_a_link_is_not_written_to(base: Path, tmp_path: Path) -> None:
    """A file is made in the folder that was checked, never where a link leads since."""
    publication = Publication(Location("d/new.jsonl"))
    (base / "d").rename(base / "e")
    (base / "d").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OutsideError, match="outside"):
        publication.__enter__()
    assert [file.name for file in (tmp_path / "elsewhere").iterdir()] == ["secret.jsonl"]


def test_a_folder_swapped_before_the_rename(base: Path, tmp_path: Path) -> None:
    """A finished file is not published through a link that was put there meanwhile."""
    with Publication(Location("d/new.jsonl")) as publication:
        publication.write(b"new\n")
        publication.finish()
        (base / "d").rename(base / "e")
        (base / "d").symlink_to(tmp_path / "elsewhere")
        with pytest.raises(OutsideError, match="outside"):
            publication.publish()
        (base / "d").unlink()
        (base / "e").rename(base / "d")
    assert [file.name for file in (tmp_path / "elsewhere").iterdir()] == ["secret.jsonl"]


FORGED = {
    "target outside": {"temporary": ".t", "target": "../secret.jsonl", "before": None},
    "source outside": {"temporary": "../secret.jsonl", "target": "x.jsonl", "before": None},
    "source of any name": {"temporary": "own.jsonl", "target": "x.jsonl", "before": None},
    "removes another": {"temporary": "own.jsonl", "target": "x.jsonl", "before": "own.jsonl"},
}


@pytest.mark.parametrize("confined", [True, False])
@pytest.mark.parametrize("step", FORGED.values(), ids=FORGED)
def test_a_forged_journal(base: Path, step: dict[str, str], *, confined: bool) -> None:
    """A journal that no join wrote moves and removes nothing, confined or not."""
    confine_to([base] if confined else ())
    beside(Location("out.jsonl"), ".journal")
    path = base / beside(Location("out.jsonl"), ".journal").name
    path.write_text(json.dumps({"steps": [step]}))
    before = sorted(base.parent.rglob("*"))
    with pytest.raises(JoinError, match=r"outside|no join wrote this journal"):
        recover(Location("out.jsonl"))
    assert sorted(base.parent.rglob("*")) == before


def test_the_program_reads_its_own_files() -> None:
    """What comes with the package is read wherever it lies, and never written."""
    own = Location(confinement.__file__)
    assert digest_file(own).bytes
    with pytest.raises(OutsideError, match="outside"):
        publish_text(own, "forged")


def test_a_whole_join_within(base: Path) -> None:
    """Confined to its folder, a join does all that it does."""
    work = Workspace(base)
    assert work.join(audit_json="new/audit.json").tally.matched_rows == 1
    assert work.join(audit_json="new/audit.json").drift.changes
    assert [p.name for p in base.rglob(".second-opinion-*")] == []


def test_a_folder_that_is_none(base: Path) -> None:
    """A setting that names a file, or nothing between two colons, is refused."""
    for folder in (base / "own.jsonl", "", "a\0b"):
        with pytest.raises(JoinError, match=r"^SECOND_OPINION_CONFINE_TO: .* is no folder"):
            confine_to([folder])


def test_several_folders(base: Path, tmp_path: Path) -> None:
    """What lies below one of several folders is within, one that comes to be later included."""
    confine_to(confinement.folders_of(f"{base}:{tmp_path / 'later'}"))
    publish_text(Location("../later/new.jsonl"), "new")
    assert digest_file(Location("../later/new.jsonl")).bytes == 3
    with pytest.raises(OutsideError, match=r"/base and .*/later;"):
        digest_file(Location("../secret.jsonl"))
    assert confinement.folders_of("") == []


def test_a_name_that_only_begins_alike(base: Path) -> None:
    """A folder beside, whose name goes on where the base's ends, lies outside."""
    beside_it = base.with_name("base-2")
    beside_it.mkdir()
    (beside_it / "x.jsonl").write_text("x")
    with pytest.raises(OutsideError, match="lies outside"):
        digest_file(Location(beside_it / "x.jsonl"))


def test_without_bounds_everything_is_read(way_out: Location) -> None:
    """A process that is not confined reads what it may."""
    confine_to(())
    assert digest_file(way_out).bytes == len(UNTOUCHED)
