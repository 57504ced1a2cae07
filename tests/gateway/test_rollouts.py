"""Rollouts over the whole binary: unattended promotion, automatic rollback, kill -9 in between."""

import requests
from late_flights import ENDPOINT, MODEL

STEPS = [{"weight_percent": 30, "min_rows": 200}, {"weight_percent": 60, "min_rows": 200}, {"weight_percent": 100}]


def test_what_cannot_be_rolled_out_is_refused(loop):
    for body, status in (
        ({"candidate": f"{MODEL}/9"}, 404),
        ({"candidate": f"{MODEL}/1"}, 409),
        ({"candidate": "other/1"}, 400),
        ({"candidate": 7}, 400),
        ({"candidate": f"{MODEL}/2", "steps": [{"weight_percent": 10}]}, 400),
        ({"candidate": f"{MODEL}/2", "unknown": 1}, 400),
    ):
        answer = loop.start(**body)
        assert answer.status_code == status, answer.text
        assert answer.json()["error"]["message"]
    assert loop.rest("POST", "/rollouts/01J/abort").status_code == 404
    assert loop.get(f"/endpoints/{ENDPOINT}")["rollout"] is None


def test_a_bad_candidate_is_rolled_back_at_the_first_step(loop):
    analysis = {"score_psi": {"max": 0.25, "action": "fail"}}
    started = loop.start(candidate=f"{MODEL}/3", steps=STEPS, analysis=analysis, by="test")
    assert started.status_code == 201, started.text
    ended = loop.send_until(started.json()["id"], {"rolled_back"})
    assert [entry["to"] for entry in ended["history"]] == ["pending", "loading", "progressing", "aborting", "rolled_back"]
    assert "psi of scores" in ended["reason"]
    decision = ended["history"][3]["decision"]
    assert loop.get(f"/decisions/{decision}")["verdict"] == "roll_back"
    assert loop.get(f"/endpoints/{ENDPOINT}")["traffic"][0]["version"] == "1"


def test_a_good_candidate_reaches_everybody_through_kills(loop):
    """The server is killed at each step; traffic and figures go on from what was stored."""
    started = loop.start(candidate=f"{MODEL}/2", steps=STEPS, by="test", reason="as good")
    assert started.status_code == 201, started.text
    identity = started.json()["id"]
    assert loop.start(candidate=f"{MODEL}/2").status_code == 409
    loop.send_until(identity, {"progressing"})
    for _ in range(2):
        loop.server.kill()
        loop.server.start()
        assert loop.get(f"/rollouts/{identity}")["state"] != "failed"
        loop.send(25)
    ended = loop.send_until(identity, {"succeeded"})
    weights = [entry["weight_percent"] for entry in ended["history"] if entry["to"] == "progressing"]
    assert weights == [30, 60, 100]
    loop.wait_serving("2")
    alias = requests.get(
        f"{loop.server.url}/api/2.0/mlflow/registered-models/alias",
        params={"name": MODEL, "alias": "champion"},
        timeout=30,
    )
    assert alias.json()["model_version"]["version"] == "2"

    back = loop.rest("POST", f"/rollouts/{identity}/rollback", json={"reason": "on second thought", "by": "ann"})
    assert back.status_code == 200, back.text
    loop.wait_serving("1")
    assert loop.get(f"/endpoints/{ENDPOINT}/revisions")["items"][0]["by"] == "ann"
