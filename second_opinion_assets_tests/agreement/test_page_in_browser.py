"""The page to send in a real browser: on a telephone and a wide screen, light and dark, printed.

Pictures are kept in `SECOND_OPINION_ARTIFACTS`, else in `screenshots` in pytest's own folder.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from click.testing import CliRunner
from playwright.sync_api import Browser, Page, Request

from second_opinion_assets.cli.main import main
from second_opinion_assets_tests.graph.served.browser import chromium

CHROMIUM = shutil.which("chromium") or ""
pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not CHROMIUM, reason="no chromium on the PATH"),
]
EVIL = '"><img src=x onerror="document.title=1"><script>document.title=2</script>'
Scheme = Literal["light", "dark"]
WIDTHS = (375, 1440)
LOAD_MS = 120_000  # a machine may be busy with other tests
CLIPS = Path(__file__).parents[2] / "data" / "clips"
IN_VIEW = """() => [...document.querySelectorAll("main :is(p, h2, h4, summary, figure, .wide)")]
    .filter(e => e.checkVisibility() && e.getBoundingClientRect().right > innerWidth + 1)
    .map(e => e.textContent.slice(0, 40))"""
CONTRAST = """() => {
    const light = c => { const [r, g, b] = c.match(/[0-9.]+/g).map(v => (v /= 255) <= .03928
        ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b };
    const style = e => getComputedStyle(e), ground = light(style(document.body).backgroundColor);
    const read = [...document.querySelectorAll("h1, p, td, th, a, summary, .status")];
    return Math.min(...read.map(e => {
        const own = light(style(e).color);
        return (Math.max(own, ground) + .05) / (Math.min(own, ground) + .05) })) }"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Return a browser."""
    with chromium(CHROMIUM) as running:
        yield running


@pytest.fixture(scope="module")
def sent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the page on real clips, a table with hostile names, and one that fails its gate."""
    folder = tmp_path_factory.mktemp("sent")
    scores = [f"piqe={CLIPS}/piqe.jsonl", f"brisque={CLIPS}/brisque.csv"]
    rows = [json.loads(line) for line in (CLIPS / "features.jsonl").read_text().splitlines()]
    evil = [{**row, "clip_id": f"{row['clip_id']}{EVIL}"} for row in rows]
    (folder / "evil.jsonl").write_text("".join(json.dumps(row) + "\n" for row in evil))
    given = [
        {"clip_id": row["clip_id"], "score": n, "competitor": EVIL} for n, row in enumerate(evil)
    ]
    (folder / "evil_scores.jsonl").write_text("".join(json.dumps(row) + "\n" for row in given))
    (folder / "few.csv").write_text("clip_id,score\nbikes_x264_crf18,1\n")
    features = str(CLIPS / "features.jsonl")
    tables = [
        {"id": "clips", "features": features, "scores": scores, "key_normalize": "stem"},
        {"id": EVIL, "features": "evil.jsonl", "scores": ["evil_scores.jsonl"]},
        {"id": "gated", "features": features, "scores": ["few=few.csv"], "missing_policy": "fail"},
    ]
    entries = [
        {**table, "out": f"{n}.jsonl", "audit_json": f"{n}.audit.json"}
        for n, table in enumerate(tables)
    ]
    defaults = {
        "references": ["ssim", "psnr_y"],
        "subsets": ["height"],
        "source_key": {"pattern": "([a-z]+)_.*"},
        "clip_url": "https://clips.example/{clip}.mp4",
    }
    manifest = folder / "manifest.json"
    manifest.write_text(json.dumps({"defaults": defaults, "tables": entries}))
    runner = CliRunner()
    assert runner.invoke(main, ["batch", "--manifest", str(manifest)]).exit_code == 1  # the gate
    page = folder / "page.html"
    asked = ["report", "--manifest", str(manifest), "--html", str(page)]
    made = runner.invoke(main, asked, catch_exceptions=False)
    assert made.exit_code == 0, made.output
    return page


def opened(browser: Browser, sent: Path, width: int, scheme: Scheme) -> tuple[Page, list[str]]:
    """Open the page from the disk; return also what it asked for."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
    asked: list[str] = []

    def remember(request: Request) -> None:
        asked.append(request.url)

    page.set_default_timeout(LOAD_MS)
    page.on("request", remember)
    page.goto(sent.as_uri())
    return page, asked


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_is_read(
    browser: Browser,
    sent: Path,
    width: int,
    scheme: Scheme,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """Nothing but wide tables scrolls sideways; every text stands out from its ground."""
    page, asked = opened(browser, sent, width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.evaluate(IN_VIEW) == []
    assert page.evaluate(CONTRAST) >= 4.5  # WCAG AA
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
    kept = os.environ.get("SECOND_OPINION_ARTIFACTS")
    folder = Path(kept) if kept else tmp_path_factory.getbasetemp() / "screenshots"
    folder.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=folder / f"report_{scheme}_{width}.png", full_page=True)
    page.close()


def test_what_a_reader_finds(browser: Browser, sent: Path) -> None:
    """The status, what failed and why, the answers of the first table, a link to a clip."""
    page, _ = opened(browser, sent, 1440, "light")
    assert page.locator(".status").inner_text() == "failed"
    assert page.locator("nav a").first.inner_text() == "Not as it should be"
    assert "gated" in page.locator("#not-as-it-should-be").inner_text()
    answers = page.locator("#answers > details").first
    assert answers.get_attribute("open") is not None
    assert answers.locator("img.drawn").count() >= 5
    assert answers.locator("img.drawn").first.evaluate("e => e.naturalWidth") > 0
    link = page.locator("a.clip").first.get_attribute("href")
    assert link is not None
    assert link.startswith("https://clips.example/")
    page.close()


def test_no_name_runs(browser: Browser, sent: Path) -> None:
    """Hostile ids, clips and scorers are read as they are, and do nothing."""
    page, _ = opened(browser, sent, 1440, "light")
    assert page.title() == "Second opinions: manifest.json"
    assert page.locator("summary", has_text="onerror").count() == 1
    assert page.locator("img:not(.drawn), script").count() == 0
    page.close()


def test_it_prints_whole(browser: Browser, sent: Path) -> None:
    """On paper what is folded is open, and there is no list of links."""
    page, _ = opened(browser, sent, 1440, "light")
    folded = page.locator("#answers > details").nth(1).locator("h4").first
    assert not folded.is_visible()
    page.emulate_media(media="print")
    assert folded.is_visible()
    assert not page.locator("nav").is_visible()
    page.close()
