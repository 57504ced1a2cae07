"""What clients see on the wire, and bad input: raw requests against the binary with AddressSanitizer and UBSan."""

import json

import pytest
import requests


@pytest.fixture
def fettle_server(sanitized_server):
    return sanitized_server


@pytest.fixture
def run_id(rest):
    status, made = rest("POST", "runs/create", {"experiment_id": "0", "start_time": 1, "run_name": "wire"})
    assert status == 200
    return made["run"]["info"]["run_id"]


def test_a_run_on_the_wire(rest, run_id):
    rest("POST", "runs/log-batch", {"run_id": run_id, "metrics": [{"key": "m", "value": "NaN", "timestamp": 5}], "params": [{"key": "p"}]})
    status, document = rest("GET", "runs/get", {"run_uuid": run_id})
    assert status == 200
    assert document["run"] == {
        "info": {
            "run_uuid": run_id,
            "experiment_id": "0",
            "run_name": "wire",
            "user_id": "",
            "status": "RUNNING",
            "start_time": 1,
            "artifact_uri": f"mlflow-artifacts:/0/{run_id}/artifacts",
            "lifecycle_stage": "active",
            "run_id": run_id,
        },
        "data": {
            "metrics": [{"key": "m", "value": "NaN", "timestamp": 5, "step": 0}],
            "params": [{"key": "p", "value": ""}],
            "tags": [{"key": "mlflow.runName", "value": "wire"}],
        },
        "inputs": {},
        "outputs": {},
    }


def test_both_prefixes_and_ajax_only_routes(rest, run_id):
    assert rest("GET", f"/ajax-api/2.0/mlflow/runs/get?run_id={run_id}")[0] == 200
    rest("POST", "runs/log-metric", {"run_id": run_id, "key": "m", "value": 1.5, "timestamp": 1, "step": 2})
    bulk = f"metrics/get-history-bulk?run_id={run_id}&metric_key=m"
    assert rest("GET", f"/ajax-api/2.0/mlflow/{bulk}")[1]["metrics"] == [
        {"key": "m", "value": 1.5, "timestamp": 1, "step": 2, "run_id": run_id}
    ]
    assert rest("GET", bulk)[0] == 404
    assert rest("GET", f"metrics/get-history-bulk-interval?run_ids={run_id}&metric_key=m&max_results=1")[1]["metrics"][0]["value"] == 1.5
    assert rest("GET", "metrics/get-history?run_id=unknown&metric_key=m") == (200, {})


def test_version_and_server_info(rest):
    status, version = rest("GET", "/version")
    assert status == 200 and str(version).startswith("3.")
    assert rest("GET", "/api/3.0/mlflow/server-info")[1]["artifact_serving_enabled"] is True


@pytest.mark.parametrize("path", ["api/2.0/mlflow/nothing", "ajax-api/3.0/mlflow/nothing"])
def test_unknown_paths_are_not_json(fettle_server, path):
    answer = requests.get(f"{fettle_server.url}/{path}", timeout=10)
    assert answer.status_code == 404
    assert "json" not in answer.headers["Content-Type"]


def test_what_is_not_there_yet_says_so(rest):
    status, document = rest("POST", "/api/3.0/mlflow/traces/search", {})
    assert (status, document["error_code"]) == (501, "NOT_IMPLEMENTED")
    status, document = rest("POST", "/api/2.0/mlflow-artifacts/mpu/create/a/b", {"path": "b", "num_parts": 2})
    assert (status, document["message"]) == (501, "Multipart upload is not supported for the current artifact repository")


BAD = [
    ("runs/create", {}, 400, "missing experiment_id"),
    ("runs/create", {"experiment_id": "abc"}, 400, "Invalid experiment ID 'abc'. Experiment ID must be a valid integer."),
    ("runs/create", {"experiment_id": "987654"}, 404, "No Experiment with id=987654 exists"),
    ("runs/create", {"experiment_id": "0", "start_time": 1.5}, 400, "Hint: Value was of type 'float'"),
    ("runs/create", {"experiment_id": "0", "tags": [{"key": "a", "value": "1"}, {"key": "a", "value": "2"}]}, 400, "duplicate tag key 'a'"),
    ("runs/update", {"run_id": "RUN", "status": "BOGUS"}, 400, "Invalid value \"BOGUS\" for parameter 'status'"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": "abc", "timestamp": 1}, 400, "Hint: Value was of type 'str'"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1}, 400, "Missing value for required parameter 'timestamp'."),
    ("runs/log-metric", {"run_id": "RUN", "key": "a//b", "value": 1, "timestamp": 1}, 400, "This name would resolve to 'a/b'"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1, "timestamp": -1}, 400, "Timestamp must be a nonnegative long"),
    ("runs/log-metric", {"run_id": "RUN", "key": "m", "value": 1, "timestamp": 2**63}, 400, "Invalid value"),
    ("runs/log-parameter", {"run_id": "RUN", "key": "k" * 251, "value": "v"}, 400, "'Param key' exceeds the maximum length of 250 characters"),
    ("runs/log-parameter", {"runId": "RUN", "key": "k"}, 400, "Missing value for required parameter 'run_id'."),
    ("runs/log-batch", {"run_id": "RUN", "metrics": [{}]}, 400, "Missing value for required parameter 'metrics[0].key'."),
    ("runs/log-batch", {"run_id": "RUN", "metrics": 7}, 400, "Hint: Value was of type 'int'"),
    ("runs/log-inputs", {"run_id": "RUN", "datasets": [{"dataset": {"name": "d"}}]}, 400, "'datasets[0].dataset.digest'"),
    ("runs/search", {"experiment_ids": ["0"], "max_results": 0}, 400, "It must be a positive integer"),
    ("runs/search", {"experiment_ids": ["0"], "max_results": 50001}, 400, "It must be at most 50000"),
    ("runs/search", {"experiment_ids": ["x"]}, 400, "Invalid experiment ID 'x'."),
    ("runs/search", {"experiment_ids": ["0"], "run_view_type": "SOME"}, 400, "Invalid value \"SOME\""),
    ("runs/search", {"experiment_ids": ["0"], "page_token": "bm8="}, 400, "Invalid page token"),
    ("experiments/search", {}, 400, "Missing value for required parameter 'max_results'."),
    ("experiments/create", {"name": "   "}, 400, "Invalid experiment name: '   '"),
    ("experiments/create", {"name": "n" * 501}, 400, "'name' exceeds the maximum length of 500 characters"),
    ("experiments/create", {"name": "x1", "artifact_location": "s3://b/p#x"}, 400, "URL can't include fragments or params"),
    ("experiments/update", {"experiment_id": "0"}, 400, "Missing value for required parameter 'new_name'."),
    ("registered-models/create", {"name": "a/b"}, 400, "Invalid model name 'a/b'. Names cannot contain '/' or ':'."),
    ("model-versions/create", {"name": "none", "source": "/etc/passwd"}, 400, "To use a local path as a model version source"),
    ("model-versions/create", {"name": "none", "source": "s3://b/x"}, 404, "Registered Model with name=none not found"),
    ("registered-models/alias", {"name": "none", "alias": "a b", "version": "1"}, 400, "Invalid alias name: 'a b'."),
    ("registered-models/alias", {"name": "none", "alias": "a", "version": "abc"}, 400, "Parameter 'version' must be an integer, got 'abc'."),
    ("logged-models", {"experiment_id": "0", "name": "a/b"}, 400, "Invalid model name ('a/b') provided."),
    ("logged-models/search", {}, 400, "Missing value for required parameter 'experiment_ids'."),
    ("logged-models/search", {"experiment_ids": ["0"], "filter": "nonsense = 'a'"}, 400, "Invalid attribute key 'nonsense'"),
]


@pytest.mark.parametrize("path, body, status, message", BAD, ids=[f"{path}-{i}" for i, (path, *_) in enumerate(BAD)])
def test_bad_input_is_told(rest, run_id, path, body, status, message):
    body = json.loads(json.dumps(body).replace('"RUN"', f'"{run_id}"'))
    got, document = rest("POST", path, body)
    assert got == status, document
    assert message in document["message"]
    assert document["error_code"] in ("INVALID_PARAMETER_VALUE", "RESOURCE_DOES_NOT_EXIST")


@pytest.mark.parametrize(
    "body, message",
    [
        (b"{", "Missing value for required parameter 'run_id'."),
        (b"", "Missing value for required parameter 'run_id'."),
        (b"[]", "request body must be a JSON object, got an array"),
        (b"null", "request body must be a JSON object, got null"),
        (b"7", "request body must be a JSON object, got a number"),
        (b"\xff\xfe\x00", "Missing value for required parameter 'run_id'."),
        (b"[" * 100_000, "Missing value for required parameter 'run_id'."),
        (b'{"run_id": "a", "runId": "b"}', "Request specifies both 'run_id' and 'runId'"),
    ],
)
def test_broken_bodies(fettle_server, body, message):
    url = f"{fettle_server.url}/api/2.0/mlflow/runs/log-batch"
    answer = requests.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=10)
    assert answer.status_code == 400
    assert message in answer.json()["message"]


def test_wrong_content_type(fettle_server):
    answer = requests.post(f"{fettle_server.url}/api/2.0/mlflow/runs/create", data="a=1", timeout=10)
    assert (answer.status_code, answer.json()["message"]) == (400, "Bad Request. Content-Type must be one of ['application/json'].")


def raw(server, method, target, body=b""):
    """Sends the target byte for byte: clients' libraries would tidy it."""
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", int(server.url.rsplit(":", 1)[1]), timeout=10)
    connection.request(method, target, body=body)
    answer = connection.getresponse()
    return answer.status, answer.read().decode(errors="replace"), answer.headers


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("path", ["a/%2e%2e/%2e%2e/x", "%252e%252e/x", "%252E%252E%252fx", "C:/x", "a%5cb", "a%00b", "a%23b", "%2fetc/passwd", "%2f%2fetc"])
@pytest.mark.parametrize("prefix", ["api", "ajax-api"])
def test_artifact_paths_that_leave_the_root(fettle_server, prefix, method, path):
    status, text, _ = raw(fettle_server, method, f"/{prefix}/2.0/mlflow-artifacts/artifacts/{path}", b"x" if method == "PUT" else b"")
    assert status in (400, 404), text
    assert "root:" not in text
    if status == 400 and "error_code" in text:
        assert json.loads(text)["message"] == "Invalid path"


def test_artifact_answers(fettle_server, run_id):
    base = f"{fettle_server.url}/api/2.0/mlflow-artifacts/artifacts"
    path = f"{base}/0/{run_id}/artifacts/dir/né \"x\".html"
    content = b"<script>" + b"0123456789" * 300_000
    put = requests.put(path, data=iter([content[:1000], content[1000:]]), timeout=30)
    assert (put.status_code, put.text) == (200, "")
    got = requests.get(path, timeout=30)
    assert got.content == content
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Disposition"].startswith("attachment; filename=")
    part = requests.get(path, headers={"Range": "bytes=5-11"}, timeout=10)
    assert (part.status_code, part.content, part.headers["Content-Range"]) == (206, content[5:12], f"bytes 5-11/{len(content)}")
    assert requests.get(path, headers={"Range": f"bytes={len(content)}-"}, timeout=10).status_code == 416
    head = requests.head(path, timeout=10)
    assert (head.status_code, head.headers["Content-Length"]) == (200, str(len(content)))
    directory = requests.get(f"{base}/0/{run_id}/artifacts/dir", timeout=10)
    assert directory.status_code == 400 and "refers to a directory" in directory.json()["detail"]
    missing = requests.get(f"{base}/0/{run_id}/none", timeout=10)
    assert (missing.status_code, missing.json()["message"]) == (404, f"No such artifact: '0/{run_id}/none'")
    listed = requests.get(base, params={"path": f"0/{run_id}/artifacts"}, timeout=10)
    assert listed.json() == {"files": [{"path": "dir", "is_dir": True}]}
    assert requests.get(base, params={"path": "no/where"}, timeout=10).json() == {}
    assert requests.get(f"{fettle_server.url}/get-artifact", params={"run_id": run_id, "path": 'dir/né "x".html'}, timeout=10).content == content
    assert requests.get(f"{fettle_server.url}/get-artifact", params={"run_id": run_id, "path": "../x"}, timeout=10).status_code == 400
    assert requests.delete(f"{base}/0/{run_id}/artifacts", timeout=10).json() == {}
    assert requests.get(path, timeout=10).status_code == 404
    assert requests.put(f"{base}/0/{run_id}/artifacts/dir/", data=b"x", timeout=10).status_code == 400


def test_oversized_body_is_refused(fettle_server):
    body = b'{"run_id": "' + b"x" * (17 << 20) + b'"}'
    try:
        answer = requests.post(
            f"{fettle_server.url}/api/2.0/mlflow/runs/log-batch", data=body, headers={"Content-Type": "application/json"}, timeout=30
        )
        assert answer.status_code == 413
    except requests.ConnectionError:
        pass  # the server may close before all of it is sent
    assert requests.get(f"{fettle_server.url}/version", timeout=10).status_code == 200
