"""kill -9 while clients write, then restart: whatever was acknowledged is there, whatever is there was sent."""

import threading
import time

import pytest
import requests
from sending import MLFLOW, OWN, Surface, new_run

WRITERS = 4


class Writer(threading.Thread):
    """Logs params, metrics, tags and batches until the server dies; remembers what was acknowledged and what was tried."""

    def __init__(self, url: str, run_id: str, number: int):
        super().__init__(daemon=True)
        self.url, self.run_id, self.number = url + MLFLOW, run_id, number
        self.acknowledged = []
        self.tried = 0

    def run(self):
        session = requests.Session()
        while True:
            step = self.tried
            self.tried += 1
            key = f"w{self.number}"
            requests_in_turn = [
                ("runs/log-metric", {"key": key, "value": step * 0.5, "timestamp": 1000 + step, "step": step}),
                ("runs/log-parameter", {"key": f"{key}.{step}", "value": str(step)}),
                ("runs/log-batch", {"metrics": [{"key": f"{key}.batch", "value": step, "timestamp": step, "step": step}], "params": [{"key": f"{key}.b{step}", "value": "x"}]}),
            ]
            path, body = requests_in_turn[step % 3]
            try:
                answer = session.post(f"{self.url}/{path}", json=body | {"run_id": self.run_id}, timeout=10)
            except requests.RequestException:
                return
            assert answer.status_code == 200, answer.text
            self.acknowledged.append(step)


def stored(surface: Surface, run_id: str):
    data = surface.send("GET", f"{MLFLOW}/runs/get?run_id={run_id}").json()["run"]["data"]
    params = {param["key"]: param["value"] for param in data.get("params", [])}

    def history(key):
        answer = surface.send("GET", f"{MLFLOW}/metrics/get-history?run_id={run_id}&metric_key={key}&max_results=25000").json()
        return {int(point["step"]): point["value"] for point in answer.get("metrics", [])}

    return params, history


def check_writer(writer: Writer, params: dict, history) -> None:
    single, batch = history(f"w{writer.number}"), history(f"w{writer.number}.batch")
    for step in writer.acknowledged:
        if step % 3 == 0:
            assert single.get(step) == step * 0.5, f"metric of step {step} is lost"
        elif step % 3 == 1:
            assert params.get(f"w{writer.number}.{step}") == str(step), f"param of step {step} is lost"
        else:
            assert batch.get(step) == step and params.get(f"w{writer.number}.b{step}") == "x", f"batch of step {step} is lost"
    for step in range(2, writer.tried, 3):
        assert (step in batch) == (f"w{writer.number}.b{step}" in params), f"half of the batch of step {step} is there"
    assert max([*single, *batch, 0]) < writer.tried


def kill_while_writing(start_server, rounds: int, options: dict) -> None:
    server = start_server(**options)
    run_id = new_run(Surface(server))
    count = 0
    for round_number in range(rounds):
        writers = [Writer(server.url, run_id, round_number * WRITERS + number) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(0.15 + 0.1 * (round_number % 5))
        server.kill()
        for writer in writers:
            writer.join(20)
        server.restart()
        params, history = stored(Surface(server), run_id)
        for writer in writers:
            check_writer(writer, params, history)
            count += len(writer.acknowledged)
    assert count > rounds * WRITERS, "the writers hardly wrote"


def test_no_acknowledged_write_is_lost(start_server):
    kill_while_writing(start_server, 4, {})


@pytest.mark.long
def test_no_acknowledged_write_is_lost_in_hundreds_of_kills(start_server):
    kill_while_writing(start_server, 200, {})


def test_artifacts_are_whole_or_absent(start_server):
    """A killed upload leaves nothing that looks like the file; an acknowledged one is there to the byte."""
    server = start_server()
    surface = Surface(server)
    run_id = new_run(surface)
    base = f"/api/2.0/mlflow-artifacts/artifacts/0/{run_id}/artifacts"
    contents, acknowledged = {f"f{i}": bytes([i]) * (300_000 + i) for i in range(200)}, []

    def upload():
        for name, content in contents.items():
            try:
                if requests.put(f"{server.url}{base}/{name}", data=content, timeout=10).status_code == 200:
                    acknowledged.append(name)
            except requests.RequestException:
                return

    thread = threading.Thread(target=upload, daemon=True)
    thread.start()
    while len(acknowledged) < 5 and thread.is_alive():
        time.sleep(0.01)
    server.kill()
    thread.join(20)
    server.restart()
    assert len(acknowledged) >= 5
    for name, content in contents.items():
        answer = surface.send("GET", f"{base}/{name}")
        assert answer.content == content if name in acknowledged else answer.status_code == 404 or answer.content == content, name


def test_resources_and_jobs_resume(start_server):
    """What was applied is there; a job that ran is told as lost or done, never as running for ever."""
    server = start_server()
    surface = Surface(server)
    document = {"kind": "Endpoint", "name": "later", "spec": {"model": "nobody/1"}}
    assert surface.send("POST", f"{OWN}/apply", {"documents": [document]}).status_code == 200
    job = surface.send("POST", f"{OWN}/jobs", {"name": "long", "command": ["sleep", "600"], "directory": "/tmp"}).json()["id"]
    deadline = time.monotonic() + 20
    while surface.send("GET", f"{OWN}/jobs/{job}").json()["state"] == "queued" and time.monotonic() < deadline:
        time.sleep(0.05)
    server.kill()
    server.restart()
    assert [item["name"] for item in surface.send("GET", f"{OWN}/resources").json()["items"]] == ["later"]
    assert surface.send("GET", f"{OWN}/jobs/{job}").json()["state"] in ("lost", "failed")
