"""Logs of libvmaf of all generations, in JSON and XML, with what C prints for NaN."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest

from second_opinion_assets.contract.errors import JoinError
from second_opinion_assets.scores.sidecar import Format
from second_opinion_assets_tests.workspace import Workspace


def frames(*values: float | None, metric: str = "vmaf") -> list[dict[str, Any]]:
    """Return frames with these values of a metric."""
    return [{"frameNum": n, "metrics": {"psnr": 30, metric: v}} for n, v in enumerate(values)]


def pooled(**means: float | None) -> dict[str, Any]:
    """Return pooled metrics with these means."""
    return {name: {"min": 1, "mean": mean, "harmonic_mean": 2} for name, mean in means.items()}


LOGS: dict[str, dict[str, Any]] = {
    "pooled": {"fps": 24.1, "frames": frames(80, 90), "pooled_metrics": pooled(vmaf=85.5)},
    "old": {"version": "1.3.15", "frames": frames(80, 90), "VMAF score": 85.5, "ExecFps": 69.5},
    "frames": {"frames": frames(80, 91)},
    "model": {"frames": frames(80, 91, metric="vmaf_hd"), "pooled_metrics": pooled(vmaf_4k=85.5)},
    "model-frames": {"frames": frames(80, 91, metric="vmaf_neg")},
    "bootstrap": {
        "frames": frames(80, 91),
        "pooled_metrics": pooled(vmaf_b_bagging=1, vmaf_b=85.5, vmaf_b_stddev=2),
    },
}
XML = """<?xml version="1.0"?>
<VMAF version="2.3.1"><fyi fps="inf" /><frames>
<frame frameNum="0" psnr="30" vmaf="80" /><frame frameNum="1" psnr="30" vmaf="90" />
</frames><pooled_metrics><metric name="psnr" mean="30" />
<metric name="vmaf" min="80" mean="85.5" harmonic_mean="84.7" /></pooled_metrics></VMAF>
"""
OLD_XML = """<?xml version="1.0"?>
<VMAF version="1.3.15"><params model="vmaf_v0.6.1.pkl" />
<fyi numOfFrames="2" aggregateVMAF="85.5" aggregatePSNR="30" execFps="20" />
<frames><frame frameNum="0" vmaf="80" /><frame frameNum="1" vmaf="90" /></frames></VMAF>
"""
TEXTS = {name: json.dumps(log, indent=1) for name, log in LOGS.items()} | {
    "xml": XML,
    "old-xml": OLD_XML,
}


@pytest.mark.parametrize("path", ["logs/a.log", "a.json", "a.xml", "a.txt", "a.json.gz"])
@pytest.mark.parametrize("log", TEXTS)
def test_logs_of_all_generations(work: Workspace, log: str, path: str) -> None:
    """A log gives its pooled VMAF, or the mean over its frames, whatever it is called."""
    text = TEXTS[log].encode()
    work.write(path, gzip.compress(text) if path.endswith(".gz") else text)
    result = work.join(scores=[f"VMAF={path.split('/', maxsplit=1)[0]}"])
    row = work.rows()[0]
    assert (row["second_opinion_vmaf_score"], row["second_opinion_vmaf_frames"]) == (85.5, 2)
    assert result.sidecars[0].formats == [Format.libvmaf]


@pytest.mark.parametrize("log", [XML, OLD_XML])
def test_logs_in_xml_without_what_is_pooled(work: Workspace, log: str) -> None:
    """Of a log in XML that lost its pooled values the frames are averaged."""
    start, _, rest = log.partition("<fyi")
    lone = start + rest.partition(">")[2].partition("<pooled_metrics>")[0].removesuffix("</VMAF>\n")
    work.write("a.xml", f"{lone}</VMAF>")
    work.join(scores=["VMAF=a.xml"])
    assert work.rows()[0]["second_opinion_vmaf_score"] == 85.0


def test_two_models_are_refused(work: Workspace) -> None:
    """Of two models without a usual name it is not certain which is the score."""
    log = {"frames": frames(80), "pooled_metrics": pooled(vmaf_hd=1, vmaf_neg=2)}
    work.write("logs/a.json", json.dumps(log))
    with pytest.raises(JoinError, match="'vmaf_hd' and 'vmaf_neg' might both be the score"):
        work.join(scores=["VMAF=logs"])
    asked = {"path": "logs", "label": "VMAF", "score_field": "pooled_metrics.vmaf_neg.mean"}
    work.join(scores=[asked])
    assert work.rows()[0]["second_opinion_vmaf_score"] == 2.0


def test_a_metric_of_each_frame_is_asked_for(work: Workspace) -> None:
    """A metric of frames that is not pooled is asked for as what the audit calls it."""
    work.write("a.json", json.dumps(LOGS["old"]))
    asked = {"path": "a.json", "label": "PSNR", "score_field": "frames[].metrics.psnr"}
    result = work.join(scores=[asked])
    assert work.rows()[0]["second_opinion_psnr_score"] == 30.0
    assert result.sidecars[0].score_fields == ["frames[].metrics.psnr"]


@pytest.mark.parametrize("constant", ["nan", "-nan", "-nan(ind)", "inf", "-inf", "1.#QNAN", "null"])
def test_one_bad_log_is_one_bad_row(work: Workspace, constant: str) -> None:
    """What C prints for NaN makes the row bad whose score it is, and no other."""
    good = json.dumps(LOGS["pooled"], indent=1)
    work.write("logs/a.json", good.replace("24.1", constant))
    work.write("logs/b.json", good.replace("85.5", constant).replace("90", constant))
    result = work.join(scores=["VMAF=logs"])
    assert [row["second_opinion_vmaf_score"] for row in work.rows()] == [85.5, None]
    assert "pooled_metrics.vmaf.mean is" in result.tally.scorers["VMAF"].bad[0].reason


def test_nan_in_xml(work: Workspace) -> None:
    """A pooled value of a log in XML that is NaN is a bad row."""
    work.write("a.xml", XML.replace('"85.5"', '"-nan(ind)"'))
    bad = work.join(scores=["VMAF=a.xml"]).tally.scorers["VMAF"].bad[0]
    assert bad.reason == "pooled_metrics.vmaf.mean is nan, expected a finite number"


@pytest.mark.parametrize("constant", ["nan", "-inf", "-nan(ind)"])
@pytest.mark.parametrize("form", ["s.jsonl", "s.json"])
def test_c_constants_in_rows(work: Workspace, form: str, constant: str) -> None:
    """Rows that a program in C wrote are read, those of no finite score as bad."""
    rows = [
        f'{{"clip_id": "a", "score": 1.5, "fps": {constant}}}',
        f'{{"clip_id": "b", "score": {constant}, "note": "nan"}}',
    ]
    work.write(form, "\n".join(rows) if form == "s.jsonl" else f"[{','.join(rows)}]")
    work.join(scores=[f"S={form}"])
    assert [row["second_opinion_s_status"] for row in work.rows()] == ["ok", "bad"]


def test_a_log_without_the_metric_among_others(work: Workspace) -> None:
    """A log of another metric is a bad row, and what it has instead is known."""
    work.write("logs/a.json", json.dumps(LOGS["pooled"]))
    work.write("logs/b.json", json.dumps({"frames": [], "pooled_metrics": pooled(psnr=30)}))
    tally = work.join(scores=["VMAF=logs"]).tally.scorers["VMAF"]
    assert (tally.matched_rows, tally.bad_rows) == (1, 1)
    assert "pooled_metrics.psnr.mean" in tally.numeric_fields


def test_entities_are_refused(work: Workspace) -> None:
    """A log that declares entities is refused, and none is expanded."""
    text = XML.replace("<VMAF", '<!DOCTYPE VMAF [<!ENTITY a "b">]>\n<VMAF', 1)
    work.write("a.xml", text)
    with pytest.raises(JoinError, match=r"a\.xml: "):
        work.join(scores=["VMAF=a.xml"])


def test_xml_that_is_cut_short(work: Workspace) -> None:
    """A log in XML that ends too soon is refused by its line; in a folder it is a bad row."""
    work.write("logs/a.xml", XML)
    work.write("logs/b.xml", XML[:180])
    work.join(scores=["VMAF=logs"])
    assert [row["second_opinion_vmaf_status"] for row in work.rows()] == ["ok", "bad"]
    with pytest.raises(JoinError, match=r"b\.xml:\d: not XML"):
        work.join(scores=["VMAF=logs/b.xml"])
