"""Monitors, alerts and labels of the whole binary: declared by apply, kept over kill -9, refused with the fix."""

import requests
from server import SANITIZED

API = "/api/fettle/v1"
DOCUMENTS = [
    {"kind": "Endpoint", "name": "flights", "spec": {"model": "flights-delay/1"}},
    {"kind": "Monitor", "name": "monthly", "spec": {"endpoint": "flights", "window": "month"}},
    {"kind": "Alert", "name": "drifted", "spec": {"monitor": "monthly", "expr": "drift_share >= 0.3"}},
]


def get(server, path):
    answer = requests.get(server.url + API + path, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def post(server, path, body):
    answer = requests.post(server.url + API + path, json=body, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def labels(first, count):
    return {
        "endpoint": "flights",
        "rows": [{"key": f"k{i}", "label": i % 2} for i in range(first, first + count)],
    }


def test_acknowledged_labels_and_resources_survive_kill_9(start_server):
    server = start_server(binary=SANITIZED)
    post(server, "/apply", {"documents": DOCUMENTS})
    for first in range(0, 5000, 1000):
        assert post(server, "/labels", labels(first, 1000))["pending"] == 1000
    server.kill()
    server.start()
    assert get(server, "/labels/status?endpoint=flights")["pending"] == 5000
    assert post(server, "/labels", labels(4000, 2000))["duplicate"] == 1000
    monitor = get(server, "/monitors/monthly")
    assert monitor["state"] == "no_windows"
    assert monitor["spec"]["endpoint"] == "flights"
    assert get(server, "/alerts/drifted")["state"] == "inactive"
    assert post(server, "/monitors/monthly/evaluate", {"until_ms": 1})["closed"] == []
    assert set(get(server, "/metrics")) == {"system", "model", "data"}


def test_bad_resources_are_refused_with_every_problem(start_server):
    server = start_server(binary=SANITIZED)
    documents = [
        DOCUMENTS[0],
        {
            "kind": "Monitor",
            "name": "m",
            "spec": {"endpoint": "flights", "min_rows": 5, "windw": "day"},
        },
        {"kind": "Alert", "name": "a", "spec": {"monitor": "m", "expr": "auk < 1"}},
    ]
    answer = requests.post(server.url + API + "/apply", json={"documents": documents}, timeout=10)
    assert answer.status_code == 400
    told = str(answer.json()["error"]["details"])
    for part in ("5 is below 200", "windw", "did you mean 'auc'"):
        assert part in told, told
    assert get(server, "/monitors")["items"] == []


def test_what_is_not_there_is_404_with_the_nearest_name(start_server):
    server = start_server(binary=SANITIZED)
    post(server, "/apply", {"documents": DOCUMENTS})
    for path in ("/monitors/monthyl", "/alerts/drifter"):
        answer = requests.get(server.url + API + path, timeout=10)
        assert answer.status_code == 404
        assert "did you mean" in answer.json()["error"]["message"]
    body = {"endpoint": "nope", "rows": [{"key": "a", "label": 1}]}
    answer = requests.post(server.url + API + "/labels", json=body, timeout=10)
    assert answer.status_code == 404
