"""WCAG 2.2 A and AA by axe, on every page with data, in both themes."""

from pathlib import Path

import pytest
from playwright.sync_api import expect
from small_loop import ENDPOINT, MODEL, MONITOR, MONTHS

AXE = Path(__file__).resolve().parents[2] / "ui" / "node_modules" / "axe-core" / "axe.min.js"
RUN = """() => axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa']})
  .then((result) => result.violations.map((v) => `${v.id}: ${v.nodes[0].html.slice(0, 160)} ` +
    v.nodes[0].failureSummary))"""


def paths(loop) -> list[str]:
    return [
        "/",
        "/runs",
        f"/runs/{loop.runs['1']}",
        f"/models/{MODEL}",
        f"/models/{MODEL}/versions/2",
        f"/gates/{loop.report}",
        f"/endpoints/{ENDPOINT}",
        f"/endpoints/{ENDPOINT}?tab=predictions",
        f"/rollouts/{loop.planted}",
        f"/monitoring/{MONITOR}?window={MONTHS[4]}&feature=temp",
        "/alerts/late-drift",
        "/retraining?tab=decisions",
        f"/lineage?id={MODEL}@champion",
        f"/jobs/{loop.job}",
        "/resources",
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_axe_finds_nothing(page, loop, theme):
    page.emulate_media(color_scheme=theme, reduced_motion="reduce")
    found = {}
    for path in paths(loop):
        page.goto(f"/ui{path}")
        expect(page.get_by_role("heading", level=1)).to_be_visible()
        expect(page.locator(".skeleton")).to_have_count(0)
        page.evaluate(AXE.read_text() + ";0")
        violations = page.evaluate(RUN)
        if violations:
            found[path] = violations
    assert found == {}
