"""What the world does to a program: limits, signals, streams, disks, rights, names, broken inputs.

`python faults/world.py [MOMENTS [FAULT...]]`. Each fault is put on the program's own command, as
often as its line says, MOMENTS times a signal; without any FAULT, all are. The program must end by
itself with one of its documented statuses and without a traceback; the table must be a whole one
with its own audit; an interrupted run must leave nothing of itself behind. Some faults need root,
which is not left to the command where rights are what is tried. Prints a line of JSON a fault.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple
from unittest.mock import patch

import world_inputs
from outputs import COMMAND, Outputs

NOBODY = 65534
STATUSES = {0, 1, 2, 128 + signal.SIGINT, 128 + signal.SIGTERM, 128 + signal.SIGHUP}
BUGS = ("Traceback (most", "Exception ignored", "Fatal Python", "terminate called", "ABORT")
LARGE_ROWS = 60_000
LONG = "n" * 300


class Found(NamedTuple):
    """What came of one fault: what was lost, and whether it looked like a bug."""

    lost: str = ""
    bug: str = ""


class Run(NamedTuple):
    """How a command ended, and what it said."""

    status: int
    said: str

    def found(self, lost: str = "") -> Found:
        """Return what came of it."""
        said = self.said[-600:]
        is_bug = any(text in self.said for text in BUGS) or self.status not in STATUSES
        return Found(lost, f"status {self.status}: {said}" if is_bug else "")


def command(
    arguments: Sequence[str], limits: dict[int, int] | None = None, redirect: str = ""
) -> Run:
    """Run the program, under limits, or with streams as a shell's redirection says."""

    def limit() -> None:
        for which, most in (limits or {}).items():
            resource.setrlimit(which, (most, most))

    words = [*COMMAND, *arguments]
    if redirect:
        words = ["bash", "-c", f'"$@" {redirect}', "bash", *words]
    done = subprocess.run(
        words,
        preexec_fn=limit,
        capture_output=True,
        check=False,
    )
    return Run(done.returncode, done.stderr.decode(errors="replace"))


def here(arguments: Sequence[str], lost: Callable[[], str] = str, *, nobody: bool = False) -> Found:
    """Run a command in this process, which takes a tenth of the time; as nobody, if that is tried.

    Args:
        arguments: of the program.
        lost: tells afterwards what was lost.
        nobody: whether this process is to be an ordinary user meanwhile.
    """
    if nobody:
        os.seteuid(NOBODY)
    try:
        bug = world_inputs.run(list(arguments))
    finally:
        if nobody:
            os.seteuid(0)
    return Found(lost(), bug)


class Scene:
    """Two outputs that were joined once, a small and a large one of each of two forms."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.small = Outputs(folder / "small", ".jsonl", 200, "audit.json")
        self.large = [
            Outputs(folder / suffix[1:], suffix, LARGE_ROWS, "audit.json")
            for suffix in (".jsonl", ".parquet")
        ]
        self.pairs = {id(o): (o.join(0), o.join(1)) for o in (self.small, *self.large)}

    def under(self, outputs: Outputs, limits: dict[int, int]) -> Found:
        """Join under limits and return what came of it."""
        old, new = self.pairs[id(outputs)]
        outputs.put(old)
        run = command(outputs.arguments(1), limits)
        return run.found(outputs.damage((old.table, new.table)))

    def interrupted(self, outputs: Outputs, number: int, after_s: float) -> Found:
        """Join and send a signal after some time, and return what came of it."""
        old, new = self.pairs[id(outputs)]
        outputs.put(old)
        process = outputs.start(1)
        time.sleep(after_s)
        process.send_signal(number)
        _, said = process.communicate()
        if "Traceback" in said and "second_opinion_assets" not in said:
            return Found()  # Python itself was starting
        status = process.returncode
        left = outputs.leftovers()
        lost = outputs.damage((old.table, new.table)) or ("left: " + " ".join(left) if left else "")
        ended = Run(128 - status if status == -number else status, said)
        return ended.found(lost)


def memory(scene: Scene, moments: int) -> Iterator[Found]:
    """Limits of memory, at the imports and in the middle of a join."""
    for most in range(60, 520, max(1, 460 * 3 // moments)):
        yield scene.under(scene.small, {resource.RLIMIT_AS: most << 20})
    for outputs in scene.large:
        for most in range(520, 720, max(1, 200 * 3 // moments)):
            yield scene.under(outputs, {resource.RLIMIT_AS: most << 20})


def open_files(scene: Scene, _: int) -> Iterator[Found]:
    """Limits of open files."""
    for most in range(5, 32):
        yield scene.under(scene.small, {resource.RLIMIT_NOFILE: most})


def file_size(scene: Scene, _: int) -> Iterator[Found]:
    """Limits of a file's size."""
    for outputs in (scene.small, *scene.large):
        for most in (0, 1, 100, 4096, 60_000, 1 << 20, 4 << 20):
            yield scene.under(outputs, {resource.RLIMIT_FSIZE: most})


def threads(scene: Scene, _: int) -> Iterator[Found]:
    """A thread that cannot be started, be it the first or a later one."""
    start = threading._start_new_thread  # type: ignore[attr-defined]  # noqa: SLF001
    for outputs in (scene.small, *scene.large):
        old, new = scene.pairs[id(outputs)]
        for most in range(12):
            left = iter(range(most))

            def starting(*given: object, left: Iterator[int] = left) -> object:
                if next(left, None) is None:
                    msg = "can't start new thread"
                    raise RuntimeError(msg)
                return start(*given)

            outputs.put(old)
            with patch.object(threading, "_start_new_thread", starting):
                bug = world_inputs.run(outputs.arguments(1))
            yield Found(outputs.damage((old.table, new.table)), bug)


def signals(scene: Scene, moments: int) -> Iterator[Found]:
    """Signals that ask to end, at moments from the first millisecond to the end."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        for outputs in (scene.small, *scene.large):
            began = time.monotonic()
            outputs.start(1).communicate()
            took = time.monotonic() - began
            share = moments // 3
            for moment in range(share):
                yield scene.interrupted(outputs, number, took * moment / share)


def streams(scene: Scene, _: int) -> Iterator[Found]:
    """Standard streams that are closed, full, or whose reader is gone."""
    folder = scene.small.folder
    inputs = [str(folder / "features.jsonl"), "--scores", f"DOVER={folder / 'scores0.jsonl'}"]
    commands = [
        ["explain", *inputs],
        ["verify", str(scene.small.audit)],
        ["materialize", "--features", *inputs, "--out", "-"],
        scene.small.arguments(1),
        ["--help"],
    ]
    old, new = scene.pairs[id(scene.small)]
    for arguments in commands:
        for redirect in (
            *(">&-", ">/dev/full", "| true", "2>&-", "2>/dev/full", "<&-", ">&- 2>&-"),
            *("<&- >&- 2>&-", ">/dev/full 2>/dev/full", ">&- 2>/dev/full", "2>&1 | true"),
        ):
            scene.small.put(old)
            run = command(arguments, redirect=redirect)
            yield run.found(scene.small.damage((old.table, new.table)))


def disks(scene: Scene, _: int) -> Iterator[Found]:
    """A disk that is full, has no inodes left, or may only be read."""
    place = scene.folder / "disk"
    for options in (
        *(f"size={size}k" for size in range(40, 240, 20)),
        *(f"nr_inodes={count}" for count in range(9, 20)),
        "ro",
    ):
        place.mkdir()
        of = options if options != "ro" else "size=1m"
        subprocess.run(["mount", "-t", "tmpfs", "-o", of, "tmpfs", str(place)], check=True)  # noqa: S607
        try:
            outputs = Outputs(place / "o", ".jsonl", 100, "audit.json")
            if options == "ro":
                subprocess.run(["mount", "-o", "remount,ro", str(place)], check=True)  # noqa: S607
            arguments = outputs.arguments(0)
        except OSError:
            continue  # not even the inputs had room
        else:
            yield here(arguments, lambda o=outputs: o.damage((None, _table(o))))
        finally:
            subprocess.run(["umount", str(place)], check=True)  # noqa: S607
            place.rmdir()


def _table(outputs: Outputs) -> bytes | None:
    """Return the table that is there, which is to have its audit."""
    return outputs.out.read_bytes() if outputs.out.exists() else None


def rights(scene: Scene, _: int) -> Iterator[Found]:
    """Folders without the right to search, read or write, and files likewise, not as root."""
    outputs = scene.small
    old, new = scene.pairs[id(outputs)]
    scene.folder.chmod(0o755)
    for mode in (0o000, 0o111, 0o444, 0o555, 0o666, 0o777):
        for place in ("features.jsonl", "scores0.jsonl", "out.jsonl", "audit.json", "."):
            outputs.put(old)
            outputs.folder.chmod(0o777)
            for path in outputs.folder.iterdir():
                path.chmod(0o666)
            (outputs.folder / place).chmod(mode)
            folder = outputs.folder
            features, scores = str(folder / "features.jsonl"), f"X={folder / 'scores0.jsonl'}"
            for arguments in (
                outputs.arguments(1),
                ["explain", features, "--scores", scores],
                ["explain", features, "--scores", f"X={folder}"],
                ["explain", features, "--scores", f"X={folder}/sc*.jsonl"],
                ["verify", str(outputs.audit)],
            ):
                yield here(arguments, lambda: outputs.damage((old.table, new.table)), nobody=True)
    outputs.folder.chmod(0o755)


def names(scene: Scene, _: int) -> Iterator[Found]:
    """Names that are too long, empty, or no text, of files, scorers and tables, in each command."""
    folder = scene.small.folder
    good = {
        "id": "t",
        "features": "features.jsonl",
        "scores": ["DOVER=scores0.jsonl"],
        "out": "other.jsonl",
        "audit_json": "other.audit.json",
    }
    bad = [
        LONG,
        "a/" * 3000,
        "a*/" * 2000,
        "**/" * 1500,
        "a\0b",
        "\ud800",
        "\x1b[31m",
        "..",
        "/",
        "\n",
        "x" * 100_000,
    ]
    manifest = folder / "names.json"
    features, scores = str(folder / "features.jsonl"), str(folder / "scores0.jsonl")
    for text in bad:
        for field in (*good, "prefix", "key_column", "score_field", "key_pattern"):
            values = [[text], [f"X={text}"], [f"{text}=scores0.jsonl"]]
            for value in values if field == "scores" else [text]:
                manifest.write_text(json.dumps({"tables": [{**good, field: value}]}))
                yield here(["batch", "--manifest", str(manifest)])
        yield here(["explain", text, "--scores", text])
        yield here(["explain", features, "--scores", f"{text}={scores}"])
        yield here(["verify", text])
        yield here(["materialize", "--features", features, "--scores", scores, "--out", text])


def batches(scene: Scene, moments: int) -> Iterator[Found]:
    """A signal in a batch, whose report must tell of every table."""
    folder = scene.large[0].folder
    tables = [
        {
            "id": f"t{number}",
            "features": "features.jsonl",
            "scores": ["DOVER=scores0.jsonl"],
            "out": f"t{number}.jsonl",
        }
        for number in range(4)
    ]
    (folder / "batch.json").write_text(json.dumps({"tables": tables}))
    report = folder / "report.json"
    words = ["batch", "--manifest", str(folder / "batch.json"), "--report-json", str(report)]
    began = time.monotonic()
    command(words)
    took = time.monotonic() - began
    for moment in range(moments // 3):
        report.unlink(missing_ok=True)
        process = subprocess.Popen([*COMMAND, *words], stderr=subprocess.PIPE, text=True)
        time.sleep(took * moment / (moments // 3))
        process.send_signal(signal.SIGINT)
        _, said = process.communicate()
        if "Traceback" in said and "second_opinion_assets" not in said:
            yield Found()  # Python itself was starting
            continue
        begun = "table" in said or "not begun" in said
        told = len(json.loads(report.read_text())["tables"]) if report.exists() else 0
        lost = f"{told} of 4 tables in the report" if told != len(tables) and begun else ""
        status = process.returncode
        yield Run(130 if status == -signal.SIGINT else status, said).found(lost)


FAULTS: dict[str, Callable[[Scene, int], Iterator[Found]]] = {
    "limits of memory": memory,
    "limits of open files": open_files,
    "limits of file size": file_size,
    "limits of threads": threads,
    "signals": signals,
    "a signal in a batch": batches,
    "standard streams": streams,
    "disks": disks,
    "rights": rights,
    "names": names,
}
NEED_ROOT = {"disks", "rights"}


def main(moments: int, asked: Sequence[str]) -> int:
    """Inject every fault that is asked for, and return how many did harm."""
    harm = 0
    with tempfile.TemporaryDirectory(prefix="world-", dir=os.environ.get("FAULTS_DIR")) as name:
        scene = Scene(Path(name))
        for fault, inject in FAULTS.items():
            if (asked and fault not in asked) or (fault in NEED_ROOT and os.geteuid()):
                continue
            harm += tell(fault, list(inject(scene, moments)))
        for fault, check in world_inputs.FAULTS.items():
            if not asked or fault in asked:
                harm += tell(fault, [Found(*found) for found in check(Path(name))])
    return harm


def tell(fault: str, found: list[Found]) -> int:
    """Print what came of a fault, and return how often it did harm."""
    lost = [each.lost for each in found if each.lost]
    bugs = [each.bug for each in found if each.bug]
    fact = {
        "fault": fault,
        "injected": len(found),
        "lost": len(lost),
        "tracebacks": len(bugs),
        "what": [*lost[:3], *bugs[:3]],
    }
    print(json.dumps(fact), flush=True)
    return len(lost) + len(bugs)


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(bool(main(int(given[0]) if given else 60, given[1:])))
