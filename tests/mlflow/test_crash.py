"""An acknowledged write survives kill -9."""

import random
import threading
import time

import requests

ROUNDS = 4


def writer(url, run_id, number, acknowledged):
    """Logs until the server is gone; remembers what was acknowledged."""
    session = requests.Session()
    step = 0
    while True:
        point = {"key": f"m{number}", "value": step * 1.0, "timestamp": step, "step": step}
        body = {"run_id": run_id, "metrics": [point], "params": [{"key": f"p{number}.{step}", "value": str(step)}]}
        try:
            answer = session.post(f"{url}/api/2.0/mlflow/runs/log-batch", json=body, timeout=10)
        except requests.RequestException:
            return
        if answer.status_code != 200:
            return
        acknowledged[number] = step
        step += 1


def test_no_acknowledged_write_is_lost(start_server):
    seed = random.randrange(10**6)
    print("seed", seed)
    dice = random.Random(seed)
    server = start_server()
    for _ in range(ROUNDS):
        made = requests.post(f"{server.url}/api/2.0/mlflow/runs/create", json={"experiment_id": "0"}, timeout=10).json()
        run_id = made["run"]["info"]["run_id"]
        acknowledged = {}
        threads = [threading.Thread(target=writer, args=(server.url, run_id, n, acknowledged)) for n in range(4)]
        for thread in threads:
            thread.start()
        time.sleep(dice.uniform(0.2, 0.8))
        server.kill()
        for thread in threads:
            thread.join()
        server.restart()
        run = requests.get(f"{server.url}/api/2.0/mlflow/runs/get", params={"run_id": run_id}, timeout=10).json()["run"]
        params = {param["key"] for param in run["data"]["params"]}
        assert len(acknowledged) == 4
        for number, last in acknowledged.items():
            query = {"run_id": run_id, "metric_key": f"m{number}"}
            history = requests.get(f"{server.url}/api/2.0/mlflow/metrics/get-history", params=query, timeout=10).json()
            steps = [point["step"] for point in history["metrics"]]
            assert steps[: last + 1] == list(range(last + 1))
            assert len(steps) <= last + 2, "only the write in flight may be there unacknowledged"
            assert {f"p{number}.{step}" for step in range(last + 1)} <= params


def test_an_interrupted_upload_leaves_nothing(start_server):
    server = start_server()
    base = f"{server.url}/api/2.0/mlflow-artifacts/artifacts/0/x"

    def pieces():
        for i in range(1000):
            if i == 20:
                server.kill()
            yield b"x" * 65536

    try:
        requests.put(f"{base}/big.bin", data=pieces(), timeout=10)
    except requests.RequestException:
        pass
    server.restart()
    base = f"{server.url}/api/2.0/mlflow-artifacts/artifacts"
    assert requests.get(f"{base}/0/x/big.bin", timeout=10).status_code == 404
    assert requests.get(base, params={"path": "0/x"}, timeout=10).json() == {}
    leftovers = [path for path in (server.data / "blobs").rglob("*") if path.is_file()]
    assert leftovers == []
