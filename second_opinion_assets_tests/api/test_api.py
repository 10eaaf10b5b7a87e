"""What a notebook has: join, explain, agreement and verify, on paths and data frames."""

from __future__ import annotations

import doctest
import subprocess
import sys
import types
from pathlib import Path
from typing import Any, get_args, get_type_hints

import msgspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import second_opinion_assets as so
from second_opinion_assets import api
from second_opinion_assets.contract.options import JoinOptions
from second_opinion_assets.join.given import Options
from second_opinion_assets_tests.workspace import Workspace

FEATURES = pd.DataFrame({"clip_id": ["a", "b"], "mos": [1.5, 4.5]}, index=["x", "x"])
DOVER = pd.DataFrame({"clip_id": ["a", "b"], "score": [10.0, 90.0]})
SCORES = ["second_opinion_dover_score", "second_opinion_musiq_score"]


def printed(program: str) -> str:
    """Return what a program prints, in a process of its own."""
    command = [sys.executable, "-c", program]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def test_examples_print_what_is_shown() -> None:
    """Every example of the API's docstrings is one."""
    found = doctest.testmod(api)
    assert (found.failed, found.attempted > 10) == (0, True)


def test_every_verb_has_an_example() -> None:
    """Whatever the package offers is documented, and each function by an example."""
    functions = [name for name in api.__all__ if isinstance(getattr(api, name), types.FunctionType)]
    assert functions == ["agreement", "explain", "join", "verify"]
    assert all(">>> " in (getattr(api, name).__doc__ or "") for name in functions)


def test_import_costs_nothing() -> None:
    """Importing the package imports nothing else: what a verb needs is imported for it."""
    program = (
        "import sys, types; before = set(sys.modules); import second_opinion_assets as so; "
        "print(sorted(set(sys.modules) - before)); print(callable(so.explain))"
    )
    assert printed(program) == "['second_opinion_assets']\nTrue\n"


def test_options_are_those_of_a_join() -> None:
    """The options that a type checker knows are those that there are, and take the same values."""
    assert list(Options.__annotations__) == [f.name for f in msgspec.structs.fields(JoinOptions)]
    hints, fields = get_type_hints(Options), get_type_hints(JoinOptions)
    enums = {name: kind for name, kind in fields.items() if hasattr(kind, "__members__")}
    assert {name: list(get_args(hints[name])) for name in enums} == {
        name: list(map(str, kind)) for name, kind in enums.items()
    }
    others = set(hints) - set(enums)
    assert {name: hints[name] for name in others} == {name: fields[name] for name in others}


def test_a_verb_that_is_a_folder_too_is_in_reach() -> None:
    """Modules that were imported before change nothing, and can be imported after."""
    program = (
        "import second_opinion_assets.join.manifest, second_opinion_assets.agreement.agreement\n"
        "import inspect, second_opinion_assets as so\n"
        "print(list(inspect.signature(so.join).parameters), callable(so.agreement))\n"
        "from second_opinion_assets.join.batch import materialize_batch\n"
    )
    assert printed(program) == "['features', 'scores', 'options'] True\n"


def test_unknown_names_are_told() -> None:
    """The package has no attribute beside its API and its modules."""
    with pytest.raises(AttributeError, match="'second_opinion_assets' has no attribute 'jion'"):
        so.jion  # type: ignore[attr-defined]  # noqa: B018
    assert {"join", "verify"} <= set(dir(so))


@pytest.mark.e2e
def test_types_are_complete_for_a_user(tmp_path: Path) -> None:
    """A user's strict type checker knows what a join returns, and refuses a wrong option."""
    program = tmp_path / "notebook.py"
    program.write_text(
        "import polars as pl\n"
        "import second_opinion_assets as so\n"
        "features = pl.DataFrame()\n"
        'scores: so.Scores = {"DOVER": features, "VMAF": "logs/*.json"}\n'
        'joined = so.join(features, scores, missing_policy="drop")\n'
        "reveal_type(joined.frame)\n"
        "reveal_type(joined.tally.matched_rows)\n"
        'so.join("f.csv", ["a.csv", features], min_coverage={"DOVER": 0.9})\n'
        "reveal_type(so.agreement(joined).agreement.notes)\n"
        "so.verify(joined).holds\n"
        'so.join(features, scores, missing_policy="skip")\n'
    )
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", program.name],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    told = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert told[:3] == [
        'note: Revealed type is "polars.dataframe.frame.DataFrame"',
        'note: Revealed type is "int"',
        'note: Revealed type is "list[str]"',
    ]
    errors = [line for line in done.stdout.splitlines() if ": error: " in line]
    assert [line.partition(": ")[0] for line in errors] == ["notebook.py:11"]


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param({"DOVER": DOVER}, id="mapping"),
        pytest.param(DOVER.assign(competitor="DOVER"), id="a frame that names it"),
        pytest.param([DOVER.assign(competitor="DOVER")], id="list"),
        pytest.param([{"path": DOVER, "label": "DOVER"}], id="entry of a manifest"),
        pytest.param([{"path": DOVER, "scorers": {"DOVER": "score"}}], id="field by scorer"),
        pytest.param({"DOVER": pl.from_pandas(DOVER)}, id="polars"),
        pytest.param({"DOVER": pa.Table.from_pandas(DOVER)}, id="pyarrow"),
        pytest.param({"DOVER": pa.Table.from_pandas(DOVER).to_reader()}, id="any Arrow stream"),
    ],
)
def test_scores_may_be_given_in_many_ways(scores: Any) -> None:
    """Scores are one frame, several, each by its scorer, or entries of a manifest."""
    joined = so.join(FEATURES, scores)
    assert joined.frame["second_opinion_dover_score"].tolist() == [10.0, 90.0]
    assert joined.tally.scorers["DOVER"].matched_rows == 2


@pytest.mark.parametrize("given", ["a text", "a path", "a list", "a mapping", "SCORER=path"])
def test_scores_may_be_files(work: Workspace, given: str) -> None:
    """Files of scores stand wherever frames do."""
    path = work.write("dover.csv", "clip_id,score\na,10\nb,90\n")
    work.write_lines("named.jsonl", [{"clip_id": "a", "competitor": "DOVER", "score": 10}])
    scores: Any = {
        "a text": str(work.folder / "named.jsonl"),
        "a path": work.folder / "named.jsonl",
        "a list": [work.folder / "named.jsonl"],
        "a mapping": {"DOVER": path},
        "SCORER=path": f"DOVER={path}",
    }[given]
    joined = so.join(FEATURES, scores)
    assert joined.frame["second_opinion_dover_score"].tolist()[0] == 10.0
    assert joined.audit.run_provenance.inputs.scores[0].kind == "file"


def test_files_and_frames_may_be_mixed(work: Workspace) -> None:
    """One scorer may come from a file and another from a frame."""
    path = work.write("musiq.csv", "clip_id,score\na,1\nb,2\n")
    joined = so.join(FEATURES, {"DOVER": DOVER, "MUSIQ": path})
    assert [joined.frame[name].tolist() for name in SCORES] == [[10.0, 90.0], [1.0, 2.0]]
    assert [entry.kind for entry in joined.audit.run_provenance.inputs.scores] == ["frame", "file"]


TABLES = {
    "features.jsonl": '{"clip_id": "a", "psnr": 41.25, "n": 1}\n{"clip_id": "b", "psnr": null}\n',
    "features.json": '[{"clip_id": "a", "psnr": 41.25, "n": 1}, {"clip_id": "b"}]',
    "features.csv": "clip_id,psnr,n\na,41.25,1\nb,,\n",
    "features.tsv": "clip_id\tpsnr\na\t41.25\nb\t\n",
}


@pytest.mark.parametrize("policy", ["mark", "drop"])
@pytest.mark.parametrize("name", [*TABLES, "features.parquet"])
def test_of_a_file_comes_what_materialize_writes(work: Workspace, name: str, policy: Any) -> None:
    """A feature table that is a file becomes the table that would be written as parquet."""
    if name in TABLES:
        work.write(name, TABLES[name])
    else:
        work.write_table(name, pa.table({"clip_id": ["a", "b"], "m": [[1], None]}))
    result = work.join(features=name, out="out.parquet", missing_policy=policy)
    scores = work.folder / "scores.jsonl"
    joined = so.join(work.folder / name, scores, missing_policy=policy)
    written = pq.read_table(work.folder / "out.parquet")
    source = "second_opinion_dover_source"
    assert joined.frame.schema.remove_metadata() == written.schema.remove_metadata()
    assert joined.frame.drop([source]).to_pylist() == written.drop([source]).to_pylist()
    assert joined.tally.matched_rows == result.tally.matched_rows
    features = joined.audit.run_provenance.inputs.features
    assert features == result.audit.run_provenance.inputs.features
    assert so.verify(joined).holds


@pytest.mark.parametrize("name", ["once.jsonl", "once.json", "once.csv", "once.parquet"])
def test_columns_of_a_file_are_replaced_where_that_is_asked(work: Workspace, name: str) -> None:
    """A file that was joined before is refused, or its columns make way, as for materialize."""
    work.join(out=name)
    once, scores = work.folder / name, work.folder / "scores.jsonl"
    with pytest.raises(so.JoinError, match=r"has second_opinion_dover_.*; use overwrite"):
        so.join(once, scores)
    names = so.join(once, scores, overwrite=True).frame.schema.names
    assert len(names) == len(set(names))
    assert names[-5] == "second_opinion_dover_score"


def test_a_frame_keeps_what_it_has() -> None:
    """Columns that Arrow does not know, labels, attributes and the frame itself stay as is."""
    features = FEATURES.assign(file=[Path("a.mp4"), 7])
    features.attrs["from"] = "here"
    before = features.copy(deep=True)
    joined = so.join(features, {"DOVER": DOVER}).frame
    pd.testing.assert_frame_equal(features, before)
    pd.testing.assert_frame_equal(joined[features.columns.tolist()], before)
    assert joined.attrs == {"from": "here"}


@pytest.mark.parametrize("kind", [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas])
def test_columns_are_replaced_where_that_is_asked(kind: Any) -> None:
    """A frame that was joined before is refused, or its columns make way for those of now."""
    once = so.join(kind(FEATURES), {"DOVER": DOVER}).frame
    again = DOVER.assign(score=[1.0, 2.0])
    with pytest.raises(so.JoinError, match="features: the table has second_opinion_dover_frames"):
        so.join(once, {"DOVER": again})
    twice = so.join(once, {"DOVER": again}, overwrite=True).frame
    names = list(getattr(twice, "column_names", twice.columns))
    assert list(twice[SCORES[0]].to_numpy()) == [1.0, 2.0]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("kind", [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas])
def test_rows_are_dropped_where_that_is_asked(kind: Any) -> None:
    """Policy drop keeps the rows that have every scorer, with their own values."""
    joined = so.join(kind(FEATURES), {"DOVER": DOVER[1:]}, missing_policy="drop")
    assert list(joined.frame["mos"].to_numpy()) == [4.5]
    assert (joined.tally.dropped_rows, joined.audit.output_rows) == (1, 1)


REFUSED: dict[str, tuple[Any, Any, dict[str, Any], str]] = {
    "nobody named": (FEATURES, DOVER, {}, r"scores: no column names a scorer; name it, as scores="),
    "lazy": (
        pl.LazyFrame(),
        DOVER,
        {},
        r"features: is a polars.*LazyFrame.*; collect\(\) it first",
    ),
    "no frame": (
        FEATURES,
        {"DOVER": 7},
        {},
        r"scores\['DOVER'\]: is a builtins.int, expected a path",
    ),
    "no scores": (FEATURES, [], {}, "no scores at all: no score file given"),
    "a series": (FEATURES["mos"], DOVER, {}, "features: is a pandas.*Series, expected a path, or"),
    "two of a name": (
        FEATURES.set_axis(["clip_id", "clip_id"], axis=1),
        DOVER,
        {},
        "features: two columns are named 'clip_id'",
    ),
    "objects of Python": (
        pl.DataFrame({"clip_id": pl.Series([object()], dtype=pl.Object)}),
        {"DOVER": DOVER},
        {},
        "features: column 'clip_id' cannot be read: it holds objects of Python",
    ),
    "keys of two types": (
        FEATURES.assign(clip_id=["a", 1]),
        {"DOVER": DOVER},
        {},
        "features: column 'clip_id' cannot be read: .*; make it text or numbers",
    ),
    "no key": (FEATURES[["mos"]], {"DOVER": DOVER}, {}, "features: no key column .* among mos"),
    "an address": ("https://example.org/f.csv", {"DOVER": DOVER}, {}, "https:/"),
    "a missing file": ("no.csv", {"DOVER": DOVER}, {}, "no.csv: cannot be read"),
    "an option": (FEATURES, {"DOVER": DOVER}, {"key_colum": "a"}, "did you mean key_column"),
    "fail": (
        FEATURES,
        {"DOVER": DOVER[:1]},
        {"missing_policy": "fail"},
        "missing second-opinion scores: DOVER=1; missing of DOVER: 'b'",
    ),
    "empty": (
        FEATURES,
        {"DOVER": DOVER.assign(clip_id=["x", "y"])},
        {},
        "features: no row gets an ok score, so nothing is published: DOVER: 0 of 2 keys found",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_joined_is_one_line(case: str) -> None:
    """What is wrong is told by the name of its argument, in one line with what to do about it."""
    features, scores, options, message = REFUSED[case]
    with pytest.raises(so.JoinError, match=message) as error:
        so.join(features, scores, **options)
    assert len(error.value.lines) == 1


def test_a_bad_row_is_told_by_its_place() -> None:
    """A row of a frame has its number in messages and samples."""
    joined = so.join(FEATURES, {"DOVER": DOVER.assign(score=[1.0, float("nan")])})
    (bad,) = joined.tally.scorers["DOVER"].bad
    assert bad.where == "scores['DOVER']::$[1]"
    assert "bad=1 (no score: 1)" in repr(joined)


def test_an_explanation_of_files_ends_with_a_manifest(work: Workspace) -> None:
    """Files can be named in a manifest, which frames cannot."""
    explained = so.explain(work.folder / "features.jsonl", [work.folder / "scores.jsonl"])
    assert "manifest" in repr(explained)
    assert explained.manifest_entry["scores"] == [str(work.folder / "scores.jsonl")]
    assert "manifest" not in repr(so.explain(FEATURES, {"DOVER": DOVER}))


def test_problems_are_part_of_an_explanation() -> None:
    """What keeps frames from being joined is told, not raised."""
    explained = so.explain(FEATURES, {"DOVER": DOVER.rename(columns={"score": "q"})})
    assert len(explained.problems) == 1
    assert "scores['DOVER']: cannot be used" in repr(explained)


@pytest.mark.parametrize("given", ["result", "frame", "polars", "file"])
def test_agreement_is_one_however_a_table_is_given(work: Workspace, given: str) -> None:
    """The figures of a result, of its frame, and of the table as a file are the same."""
    clips = [f"clip{number}" for number in range(9)]
    features = pd.DataFrame({"clip_id": clips, "mos": range(9), "psnr": range(9)})
    scores = pd.DataFrame({"clip_id": clips, "score": [n * n - n for n in range(9)]})
    joined = so.join(features, {"DOVER": scores})
    joined.frame.to_parquet(work.folder / "joined.parquet")
    table: Any = {
        "result": joined,
        "frame": joined.frame,
        "polars": pl.from_pandas(joined.frame),
        "file": work.folder / "joined.parquet",
    }[given]
    agreed = so.agreement(table)
    (figures,) = agreed.figures.to_dict("records")
    assert (figures["other"], figures["n"], round(figures["spearman"], 3)) == ("mos", 9, 0.996)
    assert "mos" in repr(agreed)
    assert agreed._repr_html_().count("<svg") == len(agreed.pictures) > 0
    against = so.agreement(table, references=["psnr"]).agreement.references
    assert list(against) == ["psnr"]


def test_a_table_without_scores_agrees_with_nothing() -> None:
    """A frame that no scorer's columns are in is refused."""
    with pytest.raises(so.JoinError, match="joined: has no columns of a scorer; join scores"):
        so.agreement(FEATURES)


def test_verify_looks_at_files_again(work: Workspace) -> None:
    """An audit of files is verified by its path; a file that changed is told."""
    work.join()
    path = work.folder / "audit.json"
    assert so.verify(path).holds
    joined = so.join(FEATURES, work.folder / "scores.jsonl")
    work.write("scores.jsonl", "{}")
    assert "scores.jsonl" in repr(so.verify(path))
    assert not so.verify(path, base_dir=work.folder).holds
    assert not so.verify(joined).holds


@pytest.mark.parametrize("column", ["score", "status", "source"])
def test_verify_sees_a_frame_that_was_edited(column: str) -> None:
    """A frame whose joined columns are not what the join gave does not hold; others may change."""
    joined = so.join(FEATURES.reset_index(drop=True), {"DOVER": DOVER})
    joined.frame["mos"] = 0.0
    assert so.verify(joined).holds
    joined.frame.loc[0, f"second_opinion_dover_{column}"] = 3 if column == "score" else "x"
    assert not so.verify(joined).holds


def test_an_audit_is_one_whatever_library_a_frame_is_of() -> None:
    """The same values have the same digests, however a library stores them."""
    kinds = [lambda frame: frame, pl.from_pandas, pa.Table.from_pandas]
    audits = [so.join(kind(FEATURES), {"DOVER": kind(DOVER)}).audit for kind in kinds]
    assert [audit == audits[0] for audit in audits] == [True] * len(kinds)
