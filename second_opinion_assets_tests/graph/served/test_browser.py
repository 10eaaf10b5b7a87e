"""What a person sees and does in the UI, with a real browser, webserver and daemon.

Pictures are kept in `SECOND_OPINION_ARTIFACTS`, else in `screenshots` in pytest's own folder.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from second_opinion_assets_tests.graph.served.clips import Clips

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

from playwright.sync_api import (
    Browser,
    expect,  # it may be missing
)

from second_opinion_assets_tests.graph.served.browser import RUN_MS, Visitor, chromium

CHROMIUM = shutil.which("chromium") or ""
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on the PATH"),
]
SOURCES = ["feature_tables", "manifest_entries", "ffmpeg_blurdetect", "piqe", "brisque"]
ANSWERS = {
    "sides_with_people": "With whom scorers side",
    "sources_and_encodes": "Sources and encodes",
    "beyond_the_reference": "In step with people",
    "coverage_by_subset": "Coverage by subset",
    "distributions": "Scores",
}
RUN = """
query ($id: ID!) {
  runOrError(runId: $id) { ... on Run { status runConfigYaml tags { key value } } }
}
"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser."""
    with chromium(CHROMIUM) as running:
        yield running


@pytest.fixture
def visitor(
    clips: Clips, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Visitor]:
    """Return somebody with a browser window and no history in it."""
    kept = os.environ.get("SECOND_OPINION_ARTIFACTS")
    screenshots = Path(kept) if kept else tmp_path_factory.getbasetemp() / "screenshots"
    with browser.new_context(viewport={"width": 1440, "height": 1000}) as context:
        yield Visitor(context.new_page(), clips.server, screenshots)


def test_a_partition_is_launched_from_the_launchpad(visitor: Visitor, clips: Clips) -> None:
    """Typed run config reaches the run, which publishes; the partition's page tells about it."""
    visitor.open_partition("clips_jsonl")
    visitor.fill_launchpad(
        "clips_jsonl", "ops: {second_opinion_features: {config: {missing_policy: mark}}}"
    )
    visitor.photograph("launchpad")
    run_id = visitor.launch()
    visitor.photograph("run")

    run: dict[str, Any] = visitor.server.query(RUN, id=run_id)["runOrError"]
    assert run["status"] == "SUCCESS"
    config = " ".join(run["runConfigYaml"].split())
    assert config == "ops: second_opinion_features: config: missing_policy: mark"
    assert {"key": "dagster/partition", "value": "clips_jsonl"} in run["tags"]
    rows = (clips.outputs / "clips.jsonl").read_text().splitlines()
    statuses = [json.loads(row)["second_opinion_ffmpeg_blurdetect_status"] for row in rows]
    assert statuses == ["missing"] + ["ok"] * 11

    visitor.open_partition("clips_jsonl")
    assert visitor.read_entry("input_rows").split() == ["input_rows", "12"]
    assert visitor.read_entry("output_rows").split() == ["output_rows", "12"]
    assert visitor.read_entry("missing_policy").split() == ["missing_policy", "mark"]
    tallies = visitor.read_entry("tallies")
    assert "91.7%" in tallies
    assert "100.0%" in tallies
    visitor.page.reload()
    for label in ("tallies", "gaps", "preview", "run_provenance"):  # before any scrolling
        expect(visitor.entry(label)).to_be_in_viewport()
    visitor.photograph("partition")
    provenance = visitor.read_entry("run_provenance", picture="run_provenance")
    assert '"schema": "ai-run-provenance-v1"' in provenance
    assert '"missing_policy": "mark"' in provenance


def test_the_failed_gate_of_a_promotion_grade_table(visitor: Visitor, clips: Clips) -> None:
    """A gap fails the run; the red gate says how much is missing and bad, and which keys."""
    assert visitor.server.launch("promoted", {}) == "FAILURE"
    assert not (clips.outputs / "promoted.jsonl").exists()

    visitor.open_partition("promoted")
    expect(visitor.page.get_by_text("failed, and did not materialize this asset")).to_be_visible()
    visitor.photograph("failed_partition")
    visitor.open_latest_event("promoted")
    # The last: these rows are within one of the events.
    expect(visitor.entry("failed_attempt").last).to_contain_text("ffmpeg-blurdetect=2; bad")
    expect(visitor.entry("failed_attempt/tallies").last).to_contain_text("75.0%")
    expect(visitor.entry("failed_attempt/gaps").last).to_contain_text("bikes_x264_crf28")
    visitor.photograph("failed_attempt")
    visitor.entry("failed_attempt/run_provenance").last.get_by_text("[Show JSON]").click()
    provenance = visitor.page.get_by_role("dialog").filter(has_text='"ai-run-provenance-v1"')
    expect(provenance).to_contain_text("gaps.jsonl")
    visitor.open_partition("promoted")
    visitor.open_check("promotion_gate")
    page = visitor.page
    expect(page.get_by_text("ffmpeg-blurdetect=2; bad second-opinion scores")).to_be_visible()
    state = page.get_by_text("Evaluation result", exact=True).locator("..")
    expect(state).to_contain_text("Failed")
    red = state.get_by_role("img", name="cancel")  # of a warning it is a yellow triangle
    expect(red).to_be_visible()
    expect(page.get_by_text("promoted", exact=True)).to_be_visible()
    visitor.photograph("promotion_gate")
    tallies = visitor.read_entry("tallies", picture="promotion_gate_tallies")
    assert "75.0%" in tallies
    samples = visitor.read_entry("sample_rows", picture="promotion_gate_samples")
    for key in ("bikes_x264_crf18", "bikes_x264_crf28", "bikes_x264_crf38"):
        assert key in samples


def test_a_table_that_fails_after_it_was_joined(visitor: Visitor) -> None:
    """Its page shows first what failed, with the run, and below what is still published."""
    assert visitor.server.launch("clips_jsonl", {}) == "SUCCESS"
    assert visitor.server.launch("clips_jsonl", {"missing_policy": "fail"}) == "FAILURE"
    visitor.open_partition("clips_jsonl")
    for label in ("failed_attempt", "failed_attempt/tallies", "failed_attempt/run_provenance"):
        expect(visitor.entry(label)).to_be_in_viewport()
        expect(visitor.entry(label)).to_contain_text("Observed in run")
    assert visitor.read_entry("output_rows").split() == ["output_rows", "12"]
    visitor.photograph("failed_after_joined")
    assert visitor.server.launch("clips_jsonl", {}) == "SUCCESS"
    visitor.open_partition("clips_jsonl")
    expect(visitor.entry("tallies")).to_be_visible()
    expect(visitor.entry("failed_attempt")).to_have_count(0)


def test_the_graph_shows_sources_and_joined_tables(visitor: Visitor) -> None:
    """With its groups open the graph shows every source, observed, and the joined tables."""
    assert visitor.server.launch_job("observe_sources") == "SUCCESS"
    visitor.open_graph(["sources", "second_opinion"], ["second_opinion_features", *SOURCES])
    for source in SOURCES:
        expect(visitor.node(source)).to_be_in_viewport()
        expect(visitor.node(source)).to_contain_text("100% filled")
    joined = visitor.node("second_opinion_features")
    expect(joined).to_be_in_viewport()
    expect(joined).to_contain_text("8 partitions")
    visitor.photograph("graph")


def test_what_is_known_of_a_scorer(visitor: Visitor) -> None:
    """A scorer's page shows its scale and direction; the checks say what they looked at."""
    visitor.open("/assets/scorer_sidecars/piqe?view=overview")
    assert "0-100" in visitor.read_entry("scale")
    assert "lower is better" in visitor.read_entry("direction")
    expect(visitor.page.get_by_role("link", name="pypiqe")).to_be_visible()
    visitor.photograph("scorer")
    assert visitor.server.launch("clips_parquet", {}) == "SUCCESS"
    visitor.open_partition("clips_parquet")
    visitor.open_check("scores_in_range")
    said = "ffmpeg-blurdetect: no scale declared; piqe: within 0-100"
    expect(visitor.page.get_by_text(said)).to_be_visible()
    visitor.photograph("scores_in_range")


def test_agreement_is_seen_as_pictures_and_tables(visitor: Visitor) -> None:
    """Without any JSON: coverage, how far scorers agree, and which clips to look at."""
    page, server = visitor.page, visitor.server
    evidence = ["second_opinion_features", "second_opinion_agreement"]
    assert server.launch_assets(evidence, "clips_parquet") == "SUCCESS"
    assert server.launch_assets(["second_opinion_report"]) == "SUCCESS"

    visitor.open_partition("clips_parquet", "second_opinion_agreement")
    disputed = visitor.entry("disputed_by_ssim")
    expect(disputed).to_contain_text("Rated poorly, ssim likes it")
    expect(disputed.get_by_text("bikes_x264_crf46")).to_be_visible()
    expect(visitor.entry("agreement").get_by_text("Spearman")).to_be_visible()
    assert visitor.read_entry("piqe/srocc_ssim").split() == ["piqe/srocc_ssim", "0.2727"]
    visitor.photograph("agreement")

    visitor.open_check("opinions_agree")
    visitor.expect_picture("Spearman correlations")
    visitor.show_all_of_check()
    for title in ("Clips ranked furthest apart", "Scores against references"):
        visitor.expect_picture(title)
    visitor.photograph("disputed_clips")
    page.get_by_text("Rated well, psnr_y does not like it").scroll_into_view_if_needed()
    expect(page.get_by_role("cell", name="carphone_x264_crf46").first).to_be_visible()

    visitor.open("/assets/second_opinion_report?view=overview")
    visitor.open_check("every_table_joined")
    visitor.expect_picture("Coverage of tables by scorers")
    visitor.photograph("coverage")


def test_each_answer_has_a_picture_and_figures(visitor: Visitor) -> None:
    """Of a table that people rated: all five, whole in the window, with n beside each figure."""
    evidence = ["second_opinion_features", "second_opinion_agreement"]
    assert visitor.server.launch_assets(evidence, "rated") == "SUCCESS"
    visitor.open_partition("rated", "second_opinion_agreement")
    for name, title in ANSWERS.items():
        with visitor.opened_entry(name) as dialog:
            visitor.expect_picture(title)
            box, window = dialog.get_by_alt_text(title).bounding_box(), dialog.bounding_box()
            assert box
            assert window
            assert box["x"] >= window["x"]
            assert box["x"] + box["width"] <= window["x"] + window["width"]
            expect(dialog.get_by_text("piqe", exact=True).first).to_be_visible()
            visitor.photograph(f"answer_{name}")


def test_changes_since_the_join_before(visitor: Visitor, clips: Clips) -> None:
    """A table joined again shows what changed: by scorer, the largest shifts, statuses."""
    assert visitor.server.launch("clips_jsonl", {}) == "SUCCESS"
    blur = clips.folder / "blur.jsonl"
    lines = [json.loads(line) for line in blur.read_text().splitlines()]
    moved = {**lines[0], "score": lines[0]["score"] + 1.5}
    blur.write_text("".join(json.dumps(row) + "\n" for row in [moved, *lines[2:]]))
    assert visitor.server.launch("clips_jsonl", {}) == "SUCCESS"
    visitor.open_partition("clips_jsonl")
    assert visitor.read_entry("changed_rows").split() == ["changed_rows", "2"]
    changes = visitor.read_entry("changes")
    visitor.entry("changes").scroll_into_view_if_needed()
    visitor.photograph("changes")
    assert "rows changed: 2 (ffmpeg-blurdetect=2)" in changes
    assert "+1.5" in changes
    assert "ok to missing" in changes


def test_provenance_is_verified_on_demand(visitor: Visitor, clips: Clips) -> None:
    """Pressing Execute hashes every file again: a table holds until one of its files changes."""
    page = visitor.page
    told = page.get_by_role("cell", name="clips_parquet", exact=True)
    assert visitor.server.launch("clips_parquet", {}) == "SUCCESS"
    visitor.open("/assets/second_opinion_report?view=overview")
    visitor.execute_check("provenance_holds")
    expect(page.get_by_text("joined tables hold")).to_be_visible(timeout=RUN_MS)
    expect(told).to_have_count(0)
    visitor.photograph("provenance_holds")

    with (clips.folder / "piqe.jsonl").open("a") as sidecar:
        sidecar.write("\n")
    visitor.open("/assets/second_opinion_report?view=overview")
    visitor.execute_check("provenance_holds")
    expect(told.first).to_be_visible(timeout=RUN_MS)
    expect(page.get_by_text("changed", exact=True).first).to_be_visible()
    expect(page.get_by_text("Failed", exact=True).first).to_be_visible()
    visitor.photograph("provenance_fails")


def test_the_report(visitor: Visitor) -> None:
    """The report shows coverage as a picture, and what changed."""
    report = [{"path": ["second_opinion_report"]}]
    assert visitor.server.launch_job("__ASSET_JOB", assets=report) == "SUCCESS"
    visitor.open("/assets/second_opinion_report?view=overview")
    visitor.photograph("report_page")
    assert "Changes since the joins before" in visitor.read_entry("report", picture="report")
