"""The frame: navigation, keyboard, palette, themes, states of nothing and of failure."""

import re

import pytest
from playwright.sync_api import expect
from small_loop import ENDPOINT, MODEL

PLACES = {
    "Home": "/",
    "Runs": "/runs",
    "Models": "/models",
    "Gates": "/gates",
    "Endpoints": "/endpoints",
    "Rollouts": "/rollouts",
    "Monitoring": "/monitoring",
    "Alerts": "/alerts",
    "Retraining": "/retraining",
    "Jobs": "/jobs",
    "Resources": "/resources",
    "Lineage": "/lineage",
}


def test_the_rail_reaches_every_page(page):
    page.goto("/ui/")
    rail = page.get_by_role("navigation", name="main")
    for name, path in PLACES.items():
        rail.get_by_role("link", name=re.compile(f"^{name}")).click()
        expect(page.get_by_role("heading", level=1)).to_have_text(name)
        assert page.url.endswith(f"/ui{path}")


def test_keyboard_goes_places_and_lists_its_keys(page):
    page.goto("/ui/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("g")
    page.keyboard.press("m")
    expect(page.get_by_role("heading", level=1)).to_have_text("Models")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="keyboard shortcuts")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_palette_finds_objects_and_ids(page, loop):
    page.goto("/ui/")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="search").fill(MODEL)
    page.get_by_role("option", name=re.compile("model$")).first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text(MODEL)
    page.keyboard.press("Control+k")
    page.get_by_role("combobox", name="search").fill(loop.runs["2"])
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("train-2")


def test_links_of_the_stock_client_land_on_the_run(page, loop):
    run = loop.runs["1"]
    page.goto(f"/#/experiments/1/runs/{run}")
    expect(page.get_by_role("heading", level=1)).to_have_text("train-1")
    assert page.url.endswith(f"/ui/runs/{run}")


def test_unknown_object_says_so_with_its_request(page, problems):
    page.goto("/ui/endpoints/nope")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("nope")
    expect(alert).to_contain_text("request")
    problems.expect("404")


def test_unknown_page_says_so(page):
    page.goto("/ui/no/such/page/at/all")
    expect(page.get_by_text("There is no such page")).to_be_visible()


@pytest.mark.parametrize("path", list(PLACES.values()))
def test_an_empty_server_says_what_belongs_here(empty_page, path):
    empty_page.goto(f"/ui{path}")
    expect(empty_page.get_by_role("heading", level=1)).to_be_visible()
    expect(empty_page.locator(".skeleton")).to_have_count(0)
    expect(empty_page.get_by_role("alert")).to_have_count(0)
    expect(empty_page.locator(".empty").first).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_theme_follows_the_system_and_can_be_chosen(page, theme):
    page.emulate_media(color_scheme=theme)
    page.goto(f"/ui/endpoints/{ENDPOINT}")
    expect(page.get_by_role("heading", level=1)).to_have_text(ENDPOINT)
    assert page.evaluate("document.documentElement.dataset.theme") == theme
    ratio = page.evaluate(CONTRAST)
    assert ratio >= 4.5, f"text on the page has a contrast of {ratio:.2f}"
    page.get_by_role("button", name=re.compile("^theme: system")).click()
    page.reload()
    assert page.evaluate("document.documentElement.dataset.theme") == "light"


# The lowest contrast of any text colour in the content against the page's background.
CONTRAST = """() => {
  const parse = (c) => (c.match(/[\\d.]+/g) || []).slice(0, 3).map(Number);
  const luminance = (c) => {
    const linear = (v) => (v <= 0.03928 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const [r, g, b] = parse(c).map((v) => linear(v / 255));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const back = luminance(getComputedStyle(document.body).backgroundColor);
  let lowest = 21;
  const texts = 'main h1, main h2, main dt, main dd, main td, main th, main p';
  for (const element of document.querySelectorAll(texts)) {
    const front = luminance(getComputedStyle(element).color);
    lowest = Math.min(lowest, (Math.max(front, back) + 0.05) / (Math.min(front, back) + 0.05));
  }
  return lowest;
}"""
