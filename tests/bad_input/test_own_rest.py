"""Fettle's own REST: errors as docs/rest.md 1.1 promises, for every route that takes a body or a name."""

import pytest
from sending import OWN, Surface, check_refused

BODIES = {
    "/plan": {"documents": []},
    "/apply": {"documents": []},
    "/labels": {"endpoint": "x", "rows": []},
    "/jobs": {"name": "x", "command": ["true"], "directory": "/tmp"},
    "/pipeline-runs": {},
    "/endpoints/none/rollouts": {"candidate": "m/1"},
    "/rollouts/01J00000000000000000000000/abort": {},
    "/monitors/none/evaluate": {},
    "/alerts/none/silence": {"until_ms": 0},
    "/gates/none/runs": {"candidate": "m/1"},
    "/retraining/policies/none/run": {},
}


@pytest.fixture
def surface(sanitized_server):
    made = Surface(sanitized_server)
    yield made
    assert made.alive()


@pytest.mark.parametrize("path", BODIES)
@pytest.mark.parametrize("body", [b"{", b"[]", b"nul", b"\xff", b'{"a":' * 5000, b'{"by": NaN}'])
def test_bodies_that_are_no_json_object(surface, path, body):
    check_refused(surface.server, surface.send("POST", OWN + path, body), 400, 404)


@pytest.mark.parametrize("path", BODIES)
def test_unknown_members_are_refused_or_their_object_is_unknown(surface, path):
    answer = surface.send("POST", OWN + path, BODIES[path] | {"resaon": "typo"})
    check_refused(surface.server, answer, 400, 404)


@pytest.mark.parametrize(
    "path",
    [
        "/resources/Endpoint/none", "/resources/Nonsense/x", "/endpoints/none", "/endpoints/none/revisions", "/rollouts/01J00000000000000000000000",
        "/rollouts/..%2f..", "/monitors/none", "/monitors/none/windows", "/monitors/none/windows/2013-07/features/x", "/alerts/none", "/gate-reports/none",
        "/jobs/none", "/jobs/none/logs", "/predictions/none", "/predictions/01J00000000000000000000000", "/retraining/runs/none", "/decisions/none",
        "/lineage", "/lineage?id=", "/lineage?id=nothing-like-this", "/lineage?id=models:/none/1", "/lineage?id=prediction/01J00000000000000000000000/0",
        "/labels/status", "/labels/status?endpoint=none", "/no-such-route", "/endpoints/%00", "/endpoints/%ff",
    ],
)
def test_unknown_names_are_told(surface, path):
    check_refused(surface.server, surface.send("GET", OWN + path), 400, 404)


@pytest.mark.parametrize("query", ["limit=0", "limit=-1", "limit=1001", "limit=ten", "page=rubbish", "limit=99999999999999999999"])
@pytest.mark.parametrize("path", ["/decisions", "/jobs", "/rollouts", "/resources", "/alerts"])
def test_pages_that_cannot_be(surface, path, query):
    answer = surface.send("GET", f"{OWN}{path}?{query}")
    if answer.status_code != 200:
        check_refused(surface.server, answer, 400)
    else:
        assert query.startswith("page") or path in ("/resources", "/alerts"), answer.text[:200]


@pytest.mark.parametrize(
    ("documents", "names"),
    [
        ([{"kind": "Endpoint", "name": "../up", "spec": {"model": "m/1"}}], "name"),
        ([{"kind": "Endpoint", "name": "x" * 129, "spec": {"model": "m/1"}}], "name"),
        ([{"kind": "Endpiont", "name": "x", "spec": {}}], "kind"),
        ([{"kind": "Endpoint", "name": "x", "spec": {}}], "model"),
        ([{"kind": "Endpoint", "name": "x", "spec": {"model": 7}}], "model"),
        ([{"kind": "Endpoint", "name": "x", "spec": {"model": "m/1", "timeout_ms": 0}}], "timeout_ms"),
        ([{"kind": "Endpoint", "name": "x", "spec": {"model": "m/1", "timeuot_ms": 5}}], "timeuot_ms"),
        ([{"kind": "Endpoint", "name": "x", "spec": {"model": "m/1", "contract": "none"}}], "none"),
        ([{"kind": "Monitor", "name": "x", "spec": {"endpoint": "x", "thresholds": {"psi": "NaN"}}}], ""),
        ([{"kind": "Monitor", "name": "x", "spec": {"endpoint": "none"}}], "none"),
        ([{"kind": "Alert", "name": "x", "spec": {"monitor": "x", "expr": "drift_share >"}}], ""),
        ([{"kind": "Endpoint", "name": "x", "spec": {"model": "m/1"}}] * 2, "x"),
        (["text"], ""),
        ({"kind": "Endpoint"}, "documents"),
    ],
)
def test_resources_are_checked_whole_before_anything_is_written(surface, documents, names):
    for verb in ("/plan", "/apply"):
        answer = surface.send("POST", OWN + verb, {"documents": documents})
        check_refused(surface.server, answer, 400, 404, 409)
        assert names in answer.text, answer.text
    assert surface.send("GET", f"{OWN}/resources").json()["items"] == []


@pytest.mark.parametrize(
    "body",
    [
        {"rows": [{"key": "k", "label": 1}]},
        {"endpoint": "none", "rows": [{"key": "k", "label": 1}]},
        {"endpoint": "none", "rows": "text"},
        {"endpoint": "none", "rows": [{"key": "k" * 257, "label": 1}]},
        {"endpoint": "none", "rows": [{"prediction_id": "01J/0", "label": 1}]},
        {"endpoint": "none", "rows": [{"prediction_id": "01J00000000000000000000000/-1", "label": 1}]},
        {"endpoint": "none", "rows": [{"key": "k", "label": {"a": 1}}]},
        {"endpoint": "none", "rows": [{"key": "k", "label": None}]},
        {"endpoint": "none", "rows": [{"key": "k", "label": 1, "observed_at_ms": "noon"}]},
        {"endpoint": "none", "rows": [{"key": "k", "label": 1}] * 50_001},
    ],
)
def test_labels_that_cannot_be_joined(surface, body):
    """Refused whole, or each row is told as a problem; none is ever counted as joined."""
    answer = surface.send("POST", f"{OWN}/labels", body)
    if answer.status_code == 200:
        told = answer.json()
        assert told["joined"] == 0 and (told["invalid"] == len(body["rows"]) and told["problems"]), told
    else:
        check_refused(surface.server, answer, 400, 404)


@pytest.mark.parametrize(
    "change",
    [
        {"command": []},
        {"command": "rm -rf /"},
        {"command": [1]},
        {"command": ["a"] * 100_000},
        {"directory": "relative"},
        {"directory": ""},
        {"timeout_ms": -1},
        {"timeout_ms": 1e300},
        {"memory_bytes": -5},
        {"environment": {"A=B": "1"}},
        {"environment": "A=B"},
        {"environment": {"A": "b\u0000c"}},
        {"name": "\u0000"},
    ],
)
def test_jobs_that_cannot_run(surface, change):
    answer = surface.send("POST", f"{OWN}/jobs", BODIES["/jobs"] | change)
    check_refused(surface.server, answer, 400)


def test_a_body_over_sixteen_mebibytes(surface):
    body = b'{"documents": ["' + b"x" * (17 << 20) + b'"]}'
    check_refused(surface.server, surface.send("POST", f"{OWN}/plan", body), 413)
