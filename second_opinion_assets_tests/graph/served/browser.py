"""The UI as a person uses it: what is opened, clicked, typed and read in a real browser.

What this project's pages should say does not belong here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page, ViewportSize, expect, sync_playwright

from second_opinion_assets_tests.graph.webserver import Webserver

OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 30_000
RUN_MS = 60_000
GRAPH_WINDOW: ViewportSize = {"width": 1900, "height": 1200}
MOST_ZOOMS = 10


@contextmanager
def chromium(executable: str) -> Iterator[Browser]:
    """Run a browser until the context is left."""
    expect.set_options(timeout=WAIT_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=executable, args=OPTIONS)
        try:
            yield browser
        finally:
            browser.close()


@dataclass(frozen=True)
class Visitor:
    """Somebody who looks at the UI of a webserver and keeps pictures of it."""

    page: Page
    server: Webserver
    screenshots: Path

    def open(self, path: str) -> None:
        """Open a page of the UI."""
        self.page.goto(f"{self.server.url}{path}")

    def photograph(self, name: str) -> None:
        """Keep a picture of what is seen now."""
        self.screenshots.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=self.screenshots / f"{name}.png", animations="disabled")

    def open_graph(self, groups: list[str], assets: list[str]) -> None:
        """Open the asset graph with these groups expanded, so that these assets are in view.

        The window is large: where boxes get too small the UI cuts names short and leaves out facts.

        Args:
            groups: the groups there are.
            assets: the last parts of their keys.
        """
        self.page.set_viewport_size(GRAPH_WINDOW)
        self.open("/asset-groups")
        for opened, _ in enumerate(groups, start=1):
            self.page.get_by_role("img", name="unfold_more").first.click()
            expect(self.page.get_by_role("img", name="unfold_less")).to_have_count(opened)
        # Loaded anew it is centred, with what was expanded.
        self.page.reload()
        expect(self.page.get_by_role("img", name="unfold_less")).to_have_count(len(groups))
        self.wait_until_still(assets[0])
        for _ in range(MOST_ZOOMS):
            if all(self.is_in_view(asset) for asset in assets):
                break
            self.page.get_by_role("button", name="zoom_out").click()
            self.wait_until_still(assets[0])

    def is_in_view(self, asset: str) -> bool:
        """Say whether the whole of an asset's box is in the window."""
        box, window = self.node(asset).bounding_box(), self.page.viewport_size
        assert box, f"{asset} has no box"
        assert window, "the window has no size"
        return (
            box["x"] >= 0
            and box["y"] >= 0
            and box["x"] + box["width"] <= window["width"]
            and box["y"] + box["height"] <= window["height"]
        )

    def wait_until_still(self, asset: str) -> None:
        """Wait until an asset's box moves no more."""
        self.node(asset).hover(trial=True, timeout=WAIT_MS)

    def node(self, asset: str) -> Locator:
        """Return an asset's box in the graph, found by the last part of its key."""
        # Not the SVG element itself, whose place Chromium gets wrong.
        box = self.page.locator("foreignObject > div")
        return box.filter(has=self.page.get_by_text(asset, exact=True))

    def open_partition(self, partition: str, asset: str = "second_opinion_features") -> None:
        """Open the page of one partition of an asset of tables."""
        self.open(f"/assets/{asset}?view=partitions&partition={partition}")

    def open_latest_event(self, partition: str) -> None:
        """From a partition's page open its events, and of these the latest."""
        self.page.get_by_role("button", name="View all historical events").click()
        dialog = self.page.get_by_role("dialog")
        dialog.get_by_text(partition, exact=True).first.click()

    def show_all_of_check(self) -> None:
        """Unfold the description of the check that is open."""
        self.page.get_by_text("Show more", exact=True).click()

    def expect_picture(self, title: str) -> None:
        """Wait until a picture is drawn in view; the browser has decoded it by then."""
        picture = self.page.get_by_alt_text(title)
        picture.scroll_into_view_if_needed()
        expect(picture).to_be_in_viewport()
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth > 100)")

    def fill_launchpad(self, partition: str, config: str) -> None:
        """From the asset's page open the Launchpad, choose a partition and type run config."""
        self.page.get_by_role("button", name="arrow_drop_down", exact=True).click()
        self.page.get_by_role("menuitem", name="Open launchpad").click()
        # Ready for input, not merely drawn.
        expect(self.launchpad.get_by_text("No errors")).to_be_visible()
        self.launchpad.get_by_placeholder("Partition").click()
        self.page.get_by_role("menuitem", name=partition, exact=True).click()
        expect(self.launchpad.get_by_text(f"partition: {partition}")).to_be_visible()
        editor = self.launchpad.locator(".CodeMirror").first
        editor.click()
        self.page.keyboard.press("Control+a")
        self.page.keyboard.type(config)
        expect(editor.locator(".CodeMirror-code")).to_contain_text(config)
        expect(self.launchpad.get_by_text("No errors")).to_be_visible()

    @property
    def launchpad(self) -> Locator:
        dialog = self.page.get_by_role("dialog")
        return dialog.filter(has_text="Launchpad (configure assets)")

    def launch(self) -> str:
        """Press the Launchpad's button; return the id of the run once the UI says it succeeded."""
        self.launchpad.get_by_role("button", name="Materialize").click()
        self.page.wait_for_url("**/runs/*", timeout=WAIT_MS)
        expect(self.page.get_by_text("Success", exact=True)).to_be_visible(timeout=RUN_MS)
        return self.page.url.rpartition("/")[2].partition("?")[0]

    def open_check(self, name: str) -> None:
        """From the asset's page open the checks, and of these one."""
        self.page.get_by_text("Checks", exact=True).click()
        self.page.get_by_title(name).click()
        expect(self.page.get_by_text("Latest execution")).to_be_visible()

    def execute_check(self, name: str) -> None:
        """From the asset's page open the checks, of these one, and press Execute."""
        self.page.get_by_text("Checks", exact=True).click()
        self.page.get_by_title(name).click()
        button = self.page.get_by_role("button")
        button.filter(has_text=re.compile("Execute$")).click()

    def entry(self, label: str) -> Locator:
        """Return the row of a metadata entry."""
        row = self.page.get_by_role("row")
        return row.filter(has=self.page.get_by_text(label, exact=True))

    @contextmanager
    def opened_entry(self, label: str) -> Iterator[Locator]:
        """Open the dialog that a metadata entry links to, and close it at the end."""
        self.entry(label).get_by_text("[Show ").click()
        dialog = self.page.get_by_role("dialog")
        expect(dialog).to_contain_text(label)
        yield dialog
        dialog.get_by_role("button", name="Close").click()
        expect(dialog).to_have_count(0)

    def read_entry(self, label: str, picture: str = "") -> str:
        """Return what a metadata entry says, in its row or in the dialog that its row links to."""
        expect(self.entry(label)).to_be_visible()
        if not self.entry(label).get_by_text("[Show ").count():
            return self.entry(label).inner_text()
        with self.opened_entry(label) as dialog:
            if picture:
                self.photograph(picture)
            return dialog.inner_text()
