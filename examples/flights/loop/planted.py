"""Step 5: a bad model is pushed past the gate, and the canary gets rid of it."""

from dataclasses import dataclass

from loop.rest import Refused, wait_for
from loop.traffic import ENDPOINT

SETTLE_TIMEOUT_S = 30
FINAL = {"succeeded", "rolled_back", "failed", "superseded"}
REASON = "demo: does the canary find what the gate already knows?"
# Same flights, same time: a version that is no worse gives about the same scores as the one it
# replaces.
ROLLOUT = {
    "steps": [
        {"weight_percent": 10, "min_rows": 500},
        {"weight_percent": 50, "min_rows": 1000},
        {"weight_percent": 100},
    ],
    "analysis": {"score_psi": {"max": 0.25, "action": "fail"}, "failure_limit": 1},
}


@dataclass
class Planted:
    version: str
    month: str
    rollout: str


def plant(loop, month: str) -> None:
    story, checks, rest = loop.story, loop.checks, loop.rest
    story.say("planting a bad model: the same training on shuffled labels")
    version = loop.repository.python("plant.py").split()[-1]
    candidate = f"flights-delay/{version}"
    data = {"labelled": {"monitor": "flights-monthly", "window": "latest"}}
    report = rest.post("/gates/flights/runs", {"candidate": candidate, "data": data, "by": "demo"})
    checks.expect(
        report["verdict"] == "fail",
        "the gate fails the planted model",
        f"{report['verdict']}: {report['reason']}",
    )

    wanted = {"candidate": candidate, "gate_report": report["id"], "by": "demo", **ROLLOUT}
    try:
        rest.post(f"/endpoints/{ENDPOINT}/rollouts", wanted)
        checks.expect(False, "without an override it is refused", "it was rolled out")
    except Refused as refused:
        checks.expect(
            refused.code == "failed_precondition",
            "without an override it is refused",
            refused.message,
        )
    rollout = rest.post(
        f"/endpoints/{ENDPOINT}/rollouts",
        wanted | {"override_gate": {"reason": REASON}, "reason": REASON},
    )
    loop.planted = Planted(version, month, rollout["id"])
    story.say(f"rolled out all the same, with an override: {candidate}")


def judge(loop) -> None:
    rest, checks = loop.rest, loop.checks

    def ended() -> dict | None:
        found = rest.get(f"/rollouts/{loop.planted.rollout}")
        return found if found["state"] in FINAL else None

    try:
        rollout = wait_for("the end of the planted rollout", SETTLE_TIMEOUT_S, ended)
    except TimeoutError:
        rollout = rest.get(f"/rollouts/{loop.planted.rollout}")
    checks.expect(
        rollout["state"] == "rolled_back",
        "the planted model is rolled back",
        f"{rollout['state']}: {rollout['reason']}",
    )
    override = (rollout["override_gate"] or {}).get("reason")
    checks.expect(override == REASON, "the override is recorded", f"'{override}'")
    served = rest.get(f"/endpoints/{ENDPOINT}/predictions", version=loop.planted.version, limit=1)[
        "total"
    ]
    checks.expect(
        0 < served == rollout["candidate_rows"],
        "its predictions are counted",
        f"it served {served:,} predictions",
    )
