"""The console in Debian's Chromium, and what a browser complains about."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from testing.tools import require
from testing.waiting import BUSY

ANSWER_MILLISECONDS = BUSY * 15_000
# As the console's script does it at each change, and after some of them the lines anew.
UPDATE = """async (times) => {
  for (let n = 1; n <= times; n++) {
    await new Promise((resolve) => {
      document.body.addEventListener("htmx:afterSettle", resolve, { once: true });
      document.body.dispatchEvent(new Event("live"));
    });
    if (n % 20 === 0) await draw();
  }
}"""


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    program = shutil.which("chromium-browser") or require("chromium")
    with sync_playwright() as playwright:
        # The tests run as root in containers, where Chromium's own sandbox cannot.
        browser = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield browser
        browser.close()


@dataclass(kw_only=True)
class Console:
    """A browser's page on the console."""

    page: Page
    url: str
    complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.set_default_timeout(ANSWER_MILLISECONDS)
        expect.set_options(timeout=ANSWER_MILLISECONDS)
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def log_in(self, token: str, path: str = "/", *, name: str = "") -> None:
        self.page.goto(self.url + path)
        self.page.get_by_label("Token").fill(token)
        self.page.get_by_label("Your name").fill(name)
        self.page.get_by_role("button", name="Log in").click()
        self.page.get_by_role("navigation", name="Views").wait_for()

    def open(self, path: str) -> None:
        """Open a view, and wait until it hears of changes."""
        self.page.goto(self.url + path)
        self.page.locator("#live.on").wait_for()

    def update(self, times: int) -> None:
        """Let the view ask for itself anew, one time after the other."""
        self.page.evaluate(UPDATE, times)

    def keeps(self) -> dict[str, float]:
        """What the page has in memory once its garbage is collected, by DevTools' names."""
        devtools = self.page.context.new_cdp_session(self.page)
        devtools.send("Performance.enable")
        devtools.send("HeapProfiler.collectGarbage")
        found = devtools.send("Performance.getMetrics")["metrics"]
        devtools.detach()
        return {each["name"]: each["value"] for each in found}

    def barriers(self) -> list[str]:
        """What axe-core finds."""
        found: list[dict[str, Any]] = Axe().run(self.page).response["violations"]
        return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]

    def overflow(self) -> int:
        """By how many pixels the page is wider than the screen."""
        return int(self.page.evaluate("document.documentElement.scrollWidth - window.innerWidth"))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.complaints.append(f"{message.text} ({message.location.get('url')})")
