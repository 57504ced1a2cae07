"""MLflow's surface: every refusal is a 4xx that the stock client turns into its typed exception, and changes nothing."""

import pytest
from sending import MLFLOW, Surface, check_refused, new_run

PROXY = "/api/2.0/mlflow-artifacts/artifacts"


@pytest.fixture
def surface(sanitized_server):
    made = Surface(sanitized_server)
    yield made
    assert made.alive()


@pytest.fixture
def run_id(surface):
    return new_run(surface)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'"text"', b"null", b"7", b"\xff\xfe{}", b'{"a":' * 50_000, b'{"experiment_id": "0"} {}', b'{"experiment_id": NaN'])
def test_bodies_that_are_no_object(surface, body):
    check_refused(surface.server, surface.mlflow("experiments/create", body), 400)


@pytest.mark.parametrize(
    ("path", "body", "names"),
    [
        ("experiments/create", {}, "name"),
        ("experiments/create", {"name": 7}, "name"),
        ("experiments/create", {"name": ""}, "name"),
        ("experiments/create", {"name": "x", "tags": "no list"}, "tags"),
        ("runs/create", {"experiment_id": "0", "start_time": "yesterday"}, "start_time"),
        ("runs/create", {"experiment_id": "0", "tags": [{"key": 1}]}, "tags"),
        ("runs/update", {"run_id": "0" * 32, "status": "DANCING"}, "status"),
        ("runs/log-parameter", {"run_id": "RUN", "key": "", "value": "1"}, "key"),
        ("runs/log-parameter", {"run_id": "RUN", "key": "a" * 251, "value": "1"}, "250"),
        ("runs/log-parameter", {"run_id": "RUN", "key": "../up", "value": "1"}, "../up"),
        ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": "much", "timestamp": 1}, "value"),
        ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1, "timestamp": "noon"}, "timestamp"),
        ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1}, "timestamp"),
        ("runs/log-metric", {"run_id": "RUN", "value": 1, "timestamp": 1}, "key"),
        ("runs/set-tag", {"run_id": "RUN", "key": "/abs", "value": "x"}, "/abs"),
        ("runs/log-batch", {"run_id": "RUN", "metrics": [{"key": "m", "value": 1, "timestamp": 1}] * 1001}, "1000"),
        ("runs/log-batch", {"run_id": "RUN", "params": [{"key": f"p{i}", "value": "1"} for i in range(101)]}, "100"),
        ("runs/log-batch", {"run_id": "RUN", "metrics": [{"key": "m", "value": [1], "timestamp": 1}]}, "metrics"),
        ("runs/search", {"experiment_ids": ["0"], "filter": "metrics.x >"}, "filter"),
        ("runs/search", {"experiment_ids": ["0"], "filter": "secrets.x = '1'"}, "secrets"),
        ("runs/search", {"experiment_ids": ["0"], "filter": "params.x = '1' OR params.y = '2'"}, ""),
        ("runs/search", {"experiment_ids": ["0"], "filter": "params.x = 'a'; drop table runs"}, ""),
        ("runs/search", {"experiment_ids": ["0"], "filter": "(" * 20_000}, ""),
        ("runs/search", {"experiment_ids": ["0"], "order_by": ["nothing.at all"]}, "order"),
        ("runs/search", {"experiment_ids": ["0"], "max_results": -1}, "max_results"),
        ("runs/search", {"experiment_ids": ["0"], "max_results": 10**9}, "max_results"),
        ("runs/search", {"experiment_ids": ["0"], "page_token": "rubbish"}, "page token"),
        ("registered-models/create", {"name": ""}, "name"),
        ("registered-models/create", {"name": "a/b"}, "a/b"),
        ("model-versions/create", {"name": "m", "source": "file:///etc"}, ""),
        ("model-versions/create", {"name": "m", "source": "../../etc"}, ""),
    ],
)
def test_bad_fields_are_named(surface, run_id, path, body, names):
    body = {key: run_id if value == "RUN" else value for key, value in body.items()}
    if path == "model-versions/create":
        surface.mlflow("registered-models/create", {"name": "m"})
    message = check_refused(surface.server, surface.mlflow(path, body), 400)
    assert names.replace("_", "") in message.replace("_", ""), message


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "experiments/get?experiment_id=987654"),
        ("GET", "experiments/get-by-name?experiment_name=nobody"),
        ("GET", "runs/get?run_id=" + "0" * 32),
        ("GET", "registered-models/get?name=nobody"),
        ("GET", "model-versions/get?name=nobody&version=1"),
        ("GET", "registered-models/alias?name=nobody&alias=champion"),
    ],
)
def test_unknown_names_do_not_exist(surface, method, path):
    answer = surface.send(method, f"{MLFLOW}/{path}")
    check_refused(surface.server, answer, 404)
    assert answer.json()["error_code"] == "RESOURCE_DOES_NOT_EXIST"


@pytest.mark.parametrize("run_id", ["", "x", "../../etc/passwd", "0" * 31, "Z" * 32, "0" * 100_000, "' or 1=1 --", "\x00"])
def test_ids_that_are_none(surface, run_id):
    body = {"run_id": run_id, "key": "m", "value": 1, "timestamp": 1}
    check_refused(surface.server, surface.mlflow("runs/log-metric", body), 400, 404)


def test_a_refused_batch_changes_nothing(surface, run_id):
    body = {"run_id": run_id, "params": [{"key": "good", "value": "1"}], "metrics": [{"key": "m", "value": 1, "timestamp": 1}], "tags": [{"key": "/bad", "value": "1"}]}
    check_refused(surface.server, surface.mlflow("runs/log-batch", body), 400)
    data = surface.send("GET", f"{MLFLOW}/runs/get?run_id={run_id}").json()["run"]["data"]
    assert not data.get("params") and not data.get("metrics")


def test_metrics_may_be_no_numbers_and_nothing_else_may(surface, run_id):
    """MLflow takes the words for NaN and the infinities as metric values, in quotes; a step or a time is a number."""
    good = b'{"run_id":"%s","key":"m","value":1,"timestamp":1,"step":1}' % run_id.encode()
    for word in (b'"NaN"', b'"Infinity"', b'"-Infinity"'):
        assert surface.mlflow("runs/log-metric", good.replace(b'"value":1', b'"value":' + word)).status_code == 200
    for field in (b"value", b"timestamp", b"step"):
        for word in (b"NaN", b'"nan"', b"1e999") if field == b"value" else (b"NaN", b'"NaN"', b"1.5"):
            answer = surface.mlflow("runs/log-metric", good.replace(b'"%s":1' % field, b'"%s":%s' % (field, word)))
            check_refused(surface.server, answer, 400)
    assert surface.send("GET", f"{MLFLOW}/runs/get?run_id={run_id}").status_code == 200


@pytest.mark.parametrize(
    "path", ["../x", "a/../../x", "%2e%2e/x", "..%2fx", "a/..%2f..%2fx", "%252e%252e/x", "/etc/passwd", "a%00b", "a\\..\\b", "C:%5Cx", "."]
)
def test_artifact_paths_stay_below_their_root(surface, path):
    for method, body in (("PUT", b"planted"), ("GET", None), ("DELETE", None)):
        answer = surface.send(method, f"{PROXY}/{path}", body)
        assert 400 <= answer.status_code < 500, (method, path, answer.status_code)
        assert "root:" not in answer.text
    assert not (surface.server.data.parent / "x").exists()


def test_a_download_of_a_directory_or_of_nothing(surface, run_id):
    assert surface.send("PUT", f"{PROXY}/0/{run_id}/artifacts/d/f.txt", b"x").status_code == 200
    assert surface.send("GET", f"{PROXY}/0/{run_id}/artifacts/d").status_code == 400
    assert surface.send("GET", f"{PROXY}/0/{run_id}/artifacts/none").status_code == 404
    for value in ("bytes=5-2", "bytes=99-", "lines=1-2", "bytes=a-b"):
        answer = surface.send("GET", f"{PROXY}/0/{run_id}/artifacts/d/f.txt", headers={"range": value})
        assert answer.status_code in (200, 206, 416), value


@pytest.mark.parametrize("path", ["gateway/endpoints/list", "webhooks/list", "scorers/list", "nonsense"])
def test_what_is_not_served_is_never_a_server_error(surface, path):
    """MLflow's client tells by 404 or 501 that a server is without a feature, and retries other 5xx for minutes."""
    for method in ("GET", "POST"):
        assert surface.send(method, f"{MLFLOW}/{path}", b"{}").status_code in (404, 405, 501)
