"""Models that come and go while requests run, joint runs, and what a server without ONNX Runtime says."""

import json
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import tritonclient.http
from small_models import Protocol, put_model


def get(server, path, method="GET", body=None):
    request = urllib.request.Request(server.url + path, method=method, data=body)
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            return answer.status, json.loads(answer.read() or b"null")
    except urllib.error.HTTPError as error:
        return error.code, json.loads(error.read() or b"null")


class Traffic:
    """Clients that ask without a pause and remember every failure."""

    def __init__(self, server, clients=3):
        self.answers, self.failures, self.stopped = [0] * clients, [], threading.Event()
        self.threads = [threading.Thread(target=self._ask, args=(server, i)) for i in range(clients)]
        for thread in self.threads:
            thread.start()

    def _ask(self, server, index):
        http = Protocol(tritonclient.http, server.url.removeprefix("http://"))
        rows = http.input("x", np.ones((1, 2), np.float32), "FP32")
        while not self.stopped.is_set():
            try:
                assert http.client.infer("m", [rows]).as_numpy("y")[0, 0] in (2.0, 3.0)
                self.answers[index] += 1
            except Exception as error:  # noqa: BLE001 - each is a finding
                self.failures.append(repr(error))

    def stop(self):
        self.stopped.set()
        for thread in self.threads:
            thread.join()


def test_no_request_fails_while_versions_change(start_server, tmp_path):
    models = tmp_path / "models"
    put_model(models, "m", "double", version=1)
    server = start_server("--model-repository", str(models), "--model-control-mode", "explicit", "--load-model", "m")
    traffic = Traffic(server)
    for version in range(2, 42):
        put_model(models, "m", "triple" if version % 2 else "double", version=version)
        assert get(server, "/v2/repository/models/m/load", "POST", b"{}")[0] == 200
        assert get(server, "/v2/models/m")[1]["versions"] == [str(version)]
    traffic.stop()
    assert traffic.failures == []
    assert min(traffic.answers) > 10


def test_a_bad_reload_keeps_what_serves(start_server, tmp_path):
    models = tmp_path / "models"
    put_model(models, "m", "double")
    server = start_server("--model-repository", str(models), "--model-control-mode", "explicit", "--load-model", "m")
    traffic = Traffic(server)
    for model in ("unknown_op", "future_opset", "external"):
        put_model(models, "m", model)
        status, answer = get(server, "/v2/repository/models/m/load", "POST", b"{}")
        assert status == 400 and answer["error"].startswith("failed to load 'm', "), answer
        assert "/" not in answer["error"].replace("../outside.bin", "")
    (models / "m" / "1" / "model.onnx").write_bytes(b"junk")
    assert get(server, "/v2/repository/models/m/load", "POST", b"{}")[1]["error"] == "failed to load 'm', model file is not a valid onnx model"
    traffic.stop()
    assert traffic.failures == []
    assert get(server, "/v2/health/ready")[0] == 200


def test_polling_follows_the_directory(start_server, tmp_path):
    models = tmp_path / "models"
    put_model(models, "m", "double")
    server = start_server("--model-repository", str(models), "--model-control-mode", "poll", "--repository-poll-secs", "1")
    status, answer = get(server, "/v2/repository/models/m/load", "POST", b"{}")
    assert (status, answer["error"]) == (503, "explicit model load / unload is not allowed if polling is enabled")
    put_model(models, "m", "triple", version=2)
    deadline = time.monotonic() + 20
    while get(server, "/v2/models/m")[1]["versions"] != ["2"]:
        assert time.monotonic() < deadline, "the new version was never seen"
        time.sleep(0.1)


def test_concurrent_requests_share_runs(start_server, tmp_path):
    models = tmp_path / "models"
    put_model(models, "m", "double", config="max_batch_size: 16 dynamic_batching { max_queue_delay_microseconds: 20000 }")
    server = start_server("--model-repository", str(models))

    def ask(i):
        http = Protocol(tritonclient.http, server.url.removeprefix("http://"))
        return http.client.infer("m", [http.input("x", np.full((1, 2), i, np.float32), "FP32")]).as_numpy("y")[0, 0]

    with ThreadPoolExecutor(16) as pool:
        assert list(pool.map(ask, range(64))) == [2.0 * i for i in range(64)]
    stats = get(server, "/v2/models/m/stats")[1]["model_stats"][0]
    assert stats["inference_count"] == 64
    assert stats["execution_count"] <= 32, "runs are shared"
    assert max(batch["batch_size"] for batch in stats["batch_stats"]) > 1


def test_a_broken_model_does_not_stop_the_others(start_server, tmp_path):
    models = tmp_path / "models"
    put_model(models, "good", "double")
    put_model(models, "bad", "double")
    (models / "bad" / "1" / "model.onnx").write_bytes(b"\x08\x08junk")
    put_model(models, "worse", "double", config="max_bath_size: 4")
    server = start_server("--model-repository", str(models))
    assert get(server, "/v2/models/good/ready")[0] == 200
    assert get(server, "/v2/health/live")[0] == 200
    assert get(server, "/v2/health/ready") == (400, {"live": True, "ready": False})
    reasons = {one["name"]: one.get("reason") for one in get(server, "/v2/repository/index", "POST", b"{}")[1]}
    assert reasons["bad"] == "model file is not a valid onnx model"
    assert "unknown field 'max_bath_size' (did you mean 'max_batch_size'?)" in reasons["worse"]


def test_a_missing_library_is_said_in_one_line(start_server, tmp_path):
    models = tmp_path / "models"
    put_model(models, "m", "double")
    server = start_server("--model-repository", str(models), "--model-control-mode", "explicit",
                          FETTLE_ONNXRUNTIME=str(tmp_path / "none.so"))
    assert get(server, "/v2/health/live")[0] == 200
    status, answer = get(server, "/v2/repository/models/m/load", "POST", b"{}")
    assert status == 400
    assert "onnx runtime library" in answer["error"] and "name an existing libonnxruntime.so" in answer["error"]
    assert "\n" not in answer["error"]
    assert get(server, "/v2/models/m/infer", "POST", b'{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}')[0] == 503
