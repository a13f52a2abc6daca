"""A real browser: the system's Chromium, driven by Playwright; and axe-core on what it shows."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Browser, Page, sync_playwright

LAPTOP, PHONE = {"width": 1280, "height": 800}, {"width": 360, "height": 740}
ARGUMENTS = ["--no-sandbox", "--disable-background-networking", "--disable-dev-shm-usage"]


def chromium() -> str:
    """The path of the system's Chromium; tests that need it are skipped without, which .ci/run never is."""
    found = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    if not found:
        pytest.skip("no Chromium here: apt-get install chromium")
    return found


@contextmanager
def started() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=ARGUMENTS)
        yield browser
        browser.close()


def page_of(browser: Browser, address: str, session: str = "", **context) -> Page:
    """A page of its own, logged in by a session's key; what goes wrong in its scripts fails the test."""
    given = {"viewport": LAPTOP, "base_url": address, "locale": "en-GB", **context}
    opened = browser.new_context(**given)
    opened.set_default_timeout(15_000)
    # After a test's `page.route` Chromium begins to intercept at its own time, and the first request could
    # slip by. Asked for before the page is loaded, it begins with the page.
    opened.route("**/nothing-is-here", lambda route: route.continue_())
    if session:
        opened.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": address}])
    page = opened.new_page()
    page.faults = []
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.on(
        "console", lambda said: page.faults.append(said.text) if "Content Security" in said.text else None
    )
    return page


def session_of(world, person) -> str:
    """The key of a session of somebody who has logged in."""
    return world.client(person).cookies[settings.SESSION_COOKIE_NAME].value


def accessible(page: Page) -> None:
    """axe-core finds nothing: deque.com/axe."""
    found = Axe().run(page)
    told = [
        f"{one['id']} ({one['impact']}): {one['help']}: {[node['target'] for node in one['nodes']][:3]}"
        for one in found.response["violations"]
    ]
    assert told == []


def picture(page: Page, name: str) -> Path | None:
    """A picture of the page where SCREENSHOTS names a folder, for people to look at."""
    folder = os.environ.get("SCREENSHOTS")
    if not folder:
        return None
    path = Path(folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=path, full_page=True)
    return path
