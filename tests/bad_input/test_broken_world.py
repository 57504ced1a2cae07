"""What is wrong around the server: a damaged model, no ONNX Runtime, a full disk, a taken port, a data directory that cannot be."""

import os
import shutil
import socket
import subprocess
import time
from pathlib import Path

import pytest
from sending import MLFLOW, OWN, Surface, check_refused, new_run
from server import ROOT, SANITIZED, clean_environment

MODELS = ROOT / "src" / "serving" / "testdata"
INPUT = {"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32", "data": [1, 2]}]}
LOAD = "/v2/repository/models/{}/load"


def put_model(repository: Path, name: str, content: bytes) -> None:
    (repository / name / "1").mkdir(parents=True)
    (repository / name / "1" / "model.onnx").write_bytes(content)


GOOD = (MODELS / "double.onnx").read_bytes()
DAMAGED = {
    "empty": b"",
    "text": b"this is no model\n",
    "cut": GOOD[: len(GOOD) // 2],
    "flipped": bytes(byte ^ 0xFF if index % 7 == 0 else byte for index, byte in enumerate(GOOD)),
    "huge-length": b"\x0a\xff\xff\xff\xff\x0f" + GOOD,
    "pickle": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94.",
    "unknown-op": (MODELS / "unknown_op.onnx").read_bytes(),
    "future-opset": (MODELS / "future_opset.onnx").read_bytes(),
    "outside-file": (MODELS / "external.onnx").read_bytes(),
}


def test_damaged_models_are_refused_one_by_one(start_server, tmp_path):
    """A model that does not load is an error of its own; the others serve."""
    repository = tmp_path / "models"
    put_model(repository, "good", GOOD)
    for name, content in DAMAGED.items():
        put_model(repository, name, content)
    server = start_server("--model-repository", str(repository), "--model-control-mode", "explicit", "--load-model", "good", binary=SANITIZED)
    surface = Surface(server)
    for name in DAMAGED:
        message = check_refused(server, surface.send("POST", LOAD.format(name), {}))
        assert name in message, message
        assert surface.send("GET", f"/v2/models/{name}/ready").status_code != 200
    answer = surface.send("POST", "/v2/models/good/infer", INPUT)
    assert answer.status_code == 200 and answer.json()["outputs"][0]["data"] == [2.0, 4.0]
    assert server.stop() == 0
    assert "Sanitizer" not in server.log and "runtime error" not in server.log


def test_without_onnx_runtime_everything_else_works(start_server, tmp_path):
    put_model(tmp_path / "models", "good", GOOD)
    options = ("--model-repository", str(tmp_path / "models"), "--model-control-mode", "explicit")
    server = start_server(*options, FETTLE_ONNXRUNTIME="/nonexistent/libonnxruntime.so")
    surface = Surface(server)
    new_run(surface)
    answer = surface.send("POST", LOAD.format("good"), {})
    assert 400 <= answer.status_code < 600
    message = answer.json()["error"]
    assert "\n" not in message and "onnx runtime" in message.lower(), message
    assert "FETTLE_ONNXRUNTIME" in message or "/nonexistent/libonnxruntime.so" in message, message
    assert surface.alive()


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 24 MiB where this may be mounted; elsewhere files are limited to 12 MiB, which ends in the same errors."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", place], capture_output=True).returncode == 0
    yield place, mounted
    if mounted:
        subprocess.run(["umount", "-l", place], check=True)


def start_on(small_disk, start_server, tmp_path):
    place, mounted = small_disk
    if mounted:
        return start_server(name="disk/data")
    wrapper = tmp_path / "limited"
    wrapper.write_text(f"#!/bin/bash\ntrap '' XFSZ\nulimit -f 12288\nexec {ROOT / 'build' / 'fettle'} \"$@\"\n")
    wrapper.chmod(0o755)
    return start_server(name="disk/data", binary=wrapper)


def serve_model(surface: Surface) -> None:
    """An endpoint `e` on version 1 of a registered model."""
    run_id = new_run(surface)
    path = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts/model/model.onnx"
    assert surface.send("PUT", path, GOOD).status_code == 200
    assert surface.mlflow("registered-models/create", {"name": "m"}).status_code == 200
    created = surface.mlflow("model-versions/create", {"name": "m", "source": f"runs:/{run_id}/model", "run_id": run_id})
    assert created.status_code == 200, created.text
    document = {"kind": "Endpoint", "name": "e", "spec": {"model": "m/1"}}
    applied = surface.send("POST", f"{OWN}/apply", {"documents": [document]})
    assert applied.status_code == 200, applied.text
    deadline = time.monotonic() + 20
    while surface.send("POST", "/v2/models/e/infer", INPUT).status_code != 200:
        assert time.monotonic() < deadline, surface.send("POST", "/v2/models/e/infer", INPUT).text
        time.sleep(0.05)


def test_a_full_disk_refuses_writes_serves_predictions_and_heals(small_disk, start_server, tmp_path):
    server = start_on(small_disk, start_server, tmp_path)
    surface = Surface(server)
    serve_model(surface)
    run_id = new_run(surface)
    filler = Path(server.data).parent / "filler"
    acknowledged, refused = [], None
    if small_disk[1]:
        with filler.open("wb") as file:
            file.write(b"\0" * max(0, shutil.disk_usage(server.data).free - (256 << 10)))
    for number in range(20_000):
        body = {"run_id": run_id, "tags": [{"key": f"t{number}.{i}", "value": "v" * 5000} for i in range(20)]}
        answer = surface.mlflow("runs/log-batch", body)
        if answer.status_code != 200:
            refused = answer
            break
        acknowledged.append(number)
    assert refused is not None, "the disk never became full"
    assert refused.status_code in (429, 500, 503, 507), refused.text
    assert refused.json()["message"], refused.text
    for _ in range(50):
        assert surface.send("POST", "/v2/models/e/infer", INPUT).status_code == 200, "a prediction does not need the disk"
    assert surface.alive()
    tags = surface.send("GET", f"{MLFLOW}/runs/get?run_id={run_id}").json()["run"]["data"].get("tags", [])
    assert {f"t{number}.{i}" for number in acknowledged for i in range(20)} <= {tag["key"] for tag in tags}
    if small_disk[1]:
        filler.unlink()
        assert surface.mlflow("runs/log-metric", {"run_id": run_id, "key": "after", "value": 1, "timestamp": 1}).status_code == 200
    assert server.stop() in (0, 1)
    assert "Sanitizer" not in server.log


def run_server(*options: str, **environment: str) -> subprocess.CompletedProcess:
    """A server that is expected to end by itself."""
    return subprocess.run([ROOT / "build" / "fettle", "server", *options], capture_output=True, text=True, timeout=30, env=clean_environment(**environment))


def test_a_taken_port_is_named(tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = run_server("--data-dir", str(tmp_path / "d"), "--http", f"127.0.0.1:{port}", "--grpc", "127.0.0.1:0")
    assert done.returncode == 5
    assert str(port) in done.stderr and done.stderr.count("\n") <= 2, done.stderr


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (["--http", "nonsense"], 251, "HOST:PORT"),
        (["--htpp", "127.0.0.1:0"], 254, "did you mean '--http'"),
        (["--config", "/nonexistent.yaml"], 251, "/nonexistent.yaml"),
        (["--http", "0.0.0.0:0"], 251, "loopback"),
        (["--http", "127.0.0.1.evil.example:0"], 251, "loopback"),
        (["--database", "mysql://x"], None, "mysql"),
        (["--model-repository", "/nonexistent-models"], None, "/nonexistent-models"),
    ],
)
def test_options_that_cannot_be_end_with_one_clear_line(tmp_path, options, code, says):
    grpc = [] if "--grpc" in options else ["--grpc", "127.0.0.1:0"]
    http = [] if any(option.startswith(("--http", "--htpp")) for option in options) else ["--http", "127.0.0.1:0"]
    done = run_server("--data-dir", str(tmp_path / "d"), *http, *grpc, *options)
    assert done.returncode == code if code else done.returncode != 0, done.stderr
    assert says in done.stderr and "terminate" not in done.stderr, done.stderr
    assert done.stdout == ""


def test_a_data_directory_that_is_a_file_and_a_database_that_is_none(tmp_path):
    (tmp_path / "file").write_text("x")
    done = run_server("--data-dir", str(tmp_path / "file"), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
    assert done.returncode not in (0, -6, -11) and str(tmp_path / "file") in done.stderr, done.stderr
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "fettle.db").write_bytes(os.urandom(8192))
    done = run_server("--data-dir", str(tmp_path / "data"), "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0")
    assert done.returncode not in (0, -6, -11) and done.stderr.startswith("error: "), done.stderr


def test_the_configuration_is_told_with_its_origins(tmp_path):
    (tmp_path / "c.yaml").write_text("jobs:\n  workers: 3\n")
    done = subprocess.run(
        [ROOT / "build" / "fettle", "server", "config", "--config", tmp_path / "c.yaml", "--http", "127.0.0.1:7"],
        capture_output=True, text=True, env=clean_environment(FETTLE_LOG_LEVEL="warn"), check=True)
    rows = {line.split("\t")[0]: line.split("\t")[1:] for line in done.stdout.splitlines()}
    assert rows["jobs.workers"] == ["3", "file"]
    assert rows["server.http"] == ["127.0.0.1:7", "option"]
    assert rows["log.level"] == ["warn", "environment"]
    assert rows["server.grpc"] == ["127.0.0.1:8001", "default"]
