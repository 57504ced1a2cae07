"""A retraining that is started by hand and fails: its answer is as documented, its page says why."""

import time

from playwright.sync_api import expect
from schema_check import answer_schema, problems

FINAL = {"succeeded", "rejected", "failed", "rolled_back"}
DEADLINE_S = 30


def test_a_run_by_hand_fails_with_its_reason(page, loop):
    run = loop.post("/retraining/policies/late/run", {"by": "test", "reason": "to see"})
    ends = time.monotonic() + DEADLINE_S
    while run["state"] not in FINAL and time.monotonic() < ends:
        time.sleep(0.1)
        run = loop.get(f"/retraining/runs/{run['id']}")
    assert run["state"] == "failed"
    assert "the pipeline failed" in run["reason"]
    assert problems(run, answer_schema("/retraining/runs/{id}")) == []
    page.goto(f"/ui/retraining/runs/{run['id']}")
    expect(page.get_by_text("the pipeline failed").first).to_be_visible()
