"""One server with a small loop in it, and a real headless Chromium that looks at it."""

import pytest
import small_loop
from playwright.sync_api import sync_playwright
from server import Server

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WAIT_MS = 15_000


@pytest.fixture(scope="session")
def loop(tmp_path_factory):
    """A server with the small loop in it."""
    server = Server(tmp_path_factory.mktemp("ui") / "data")
    try:
        yield small_loop.build(server.url)
    finally:
        code = server.stop()
    assert code == 0, server.log


@pytest.fixture(scope="session")
def empty_url(tmp_path_factory):
    """A server that holds nothing yet."""
    server = Server(tmp_path_factory.mktemp("empty") / "data")
    yield server.url
    assert server.stop() == 0, server.log


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


class Problems(list):
    """What the browser's console complained of; a test may expect some of it."""

    def expect(self, text: str) -> None:
        assert any(text in problem for problem in self), list(self)
        self[:] = [problem for problem in self if text not in problem]


@pytest.fixture
def problems():
    return Problems()


def open_page(browser, url, problems, **options):
    context = browser.new_context(viewport={"width": 1440, "height": 900}, base_url=url, **options)
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    page.on("pageerror", lambda error: problems.append(str(error)))
    outside = []
    page.on(
        "request",
        lambda request: outside.append(request.url) if not request.url.startswith(url) else None,
    )
    return context, page, outside


@pytest.fixture
def page(browser, loop, problems):
    """A page on the filled server. Console errors and requests to anywhere else fail the test."""
    context, page, outside = open_page(browser, loop.url, problems)
    yield page
    context.close()
    assert problems == []
    assert outside == []


@pytest.fixture
def empty_page(browser, empty_url, problems):
    context, page, outside = open_page(browser, empty_url, problems)
    yield page
    context.close()
    assert problems == []
    assert outside == []
