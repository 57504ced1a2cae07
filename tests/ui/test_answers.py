"""Answers are what docs/openapi.yaml says: every documented GET, and the shape of errors."""

import pytest
import requests
from schema_check import answer_schema, error_schema, problems, reads
from small_loop import ENDPOINT, MODEL, MONITOR, MONTHS, PIPELINE_RUN

NAMES = {"endpoints": ENDPOINT, "monitors": MONITOR, "alerts": "late-drift", "gates": "late"}
QUERIES = {
    "/labels/status": {"endpoint": ENDPOINT},
    "/lineage": {"id": f"{MODEL}@champion", "up": 20, "down": 6},
}


def filled(path: str, loop) -> str:
    """The path with ids of the small loop."""
    first = path.split("/")[1]
    ids = {
        "predictions": loop.prediction,
        "rollouts": loop.planted,
        "gate-reports": loop.report,
        "jobs": loop.job,
        "pipeline-runs": PIPELINE_RUN,
        "monitors": MONTHS[3],
    }
    if first == "decisions" and "{id}" in path:
        ids["decisions"] = loop.get("/decisions")["items"][0]["id"]
    values = {"kind": "Endpoint", "feature": "carrier", "id": ids.get(first, "")}
    values["name"] = ENDPOINT if first == "resources" else NAMES.get(first, "")
    for key, value in values.items():
        path = path.replace("{" + key + "}", value)
    return path


# The small loop retrains nothing: test_retraining_run.py starts a run and holds its answer.
RETRAINING_RUN = "/retraining/runs/{id}"


@pytest.mark.parametrize("path", [path for path in reads() if path != RETRAINING_RUN])
def test_answers_are_as_documented(loop, path):
    answer = loop.get(filled(path, loop), **QUERIES.get(path, {}))
    assert problems(answer, answer_schema(path)) == []


def test_metrics_have_exactly_three_parts(loop):
    assert set(loop.get("/metrics")) == {"system", "model", "data"}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/endpoints/nope", 404, "not_found"),
        ("/monitors/nope/windows", 404, "not_found"),
        ("/rollouts/01JGZ000000000000000000000", 404, "not_found"),
        ("/jobs?limit=0", 400, "invalid_argument"),
        ("/jobs?limit=abc", 400, "invalid_argument"),
        ("/lineage", 400, "invalid_argument"),
        ("/lineage?id=models:/nope/1", 404, "not_found"),
        ("/no-such-route", 404, "not_found"),
    ],
)
def test_errors_have_one_shape(loop, path, status, code):
    answer = requests.get(f"{loop.url}/api/fettle/v1{path}", timeout=10)
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert problems(body, error_schema()) == []
    assert body["error"]["code"] == code
    assert answer.headers["x-request-id"] == body["error"]["request_id"]


def test_refused_writes_name_the_field(loop):
    documents = [{"kind": "Monitor", "name": "m", "spec": {"endpoint": ENDPOINT, "min_rows": 50}}]
    url = f"{loop.url}/api/fettle/v1/apply"
    answer = requests.post(url, json={"documents": documents}, timeout=10)
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert problems({"error": error}, error_schema()) == []
    assert "min_rows" in error["message"] + "".join(d["path"] for d in error["details"])


def test_a_stale_generation_is_refused_and_explained(loop):
    url = f"{loop.url}/api/fettle/v1/resources/Gate/late"
    answer = requests.delete(url, params={"generation": 99}, timeout=10)
    assert answer.status_code == 409
    assert answer.json()["error"]["code"] == "aborted"
