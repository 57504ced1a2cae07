"""One server with a small loop in it, and a real headless Chromium that looks at it."""

import os
import re
import subprocess
from pathlib import Path

import pytest
import small_loop
from playwright.sync_api import sync_playwright

ROOT = Path(__file__).resolve().parents[2]
FETTLE = ROOT / "build" / "fettle"
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


def start(folder: Path):
    """The process and the address that it prints when it accepts requests."""
    command = [
        FETTLE,
        "server",
        "--data-dir",
        folder / "data",
        "--http",
        "127.0.0.1:0",
        "--grpc",
        "127.0.0.1:0",
    ]
    environment = os.environ | {
        "FETTLE_ONNXRUNTIME": str(ROOT / "build/deps/lib/libonnxruntime.so")
    }
    log = (folder / "stderr").open("wb")
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
    )
    found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
    assert found, (folder / "stderr").read_text()
    return process, found.group(0)


@pytest.fixture(scope="session")
def loop(tmp_path_factory):
    process, url = start(tmp_path_factory.mktemp("ui"))
    try:
        yield small_loop.build(url)
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture(scope="session")
def empty_url(tmp_path_factory):
    """A server that holds nothing yet."""
    process, url = start(tmp_path_factory.mktemp("empty"))
    try:
        yield url
    finally:
        process.terminate()
        process.wait(30)


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
