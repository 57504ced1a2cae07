"""Throughput of logging and latency of search, of `build/fettle` and, with --peer, of the reference server beside it."""

import argparse
import http.client
import json
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from server import VENV, Server, clean_environment  # noqa: E402

CONNECTIONS = 8
METRICS, PARAMS, TAGS = 10, 10, 5  # of each run that is searched
SEARCHES = 9


class Peer:
    """`mlflow server` on SQLite, in a process group of its own."""

    def __init__(self, directory: Path):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        command = [VENV / "bin" / "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{directory}/peer.db", "--artifacts-destination", f"{directory}/artifacts"]
        path = f"{VENV / 'bin'}:/usr/bin:/bin"
        quiet = subprocess.DEVNULL
        self.process = subprocess.Popen(command, cwd=directory, env=clean_environment(PATH=path), stdout=quiet, stderr=quiet, start_new_session=True)
        for _ in range(120):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health", timeout=2)
                return
            except OSError:
                time.sleep(0.5)
        raise SystemExit("the peer did not start")

    def stop(self):
        import os
        import signal

        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(30)


def post(connection, path, body):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    for attempt in range(2):  # the peer closes a connection that was idle for 5 s
        try:
            connection.request("POST", f"/api/2.0/mlflow/{path}", body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            break
        except (BrokenPipeError, http.client.RemoteDisconnected, ConnectionResetError):
            connection.close()
            if attempt:
                raise
    text = answer.read()
    if answer.status != 200:
        raise SystemExit(f"{path}: {answer.status} {text[:200]}")
    return json.loads(text)


def in_parallel(port, jobs):
    """Runs each job (a function of a connection) once; seconds."""
    jobs = iter(jobs)
    lock = threading.Lock()

    def work():
        connection = http.client.HTTPConnection("127.0.0.1", port)
        while True:
            with lock:
                job = next(jobs, None)
            if job is None:
                return
            job(connection)

    threads = [threading.Thread(target=work) for _ in range(CONNECTIONS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started


def batch(run_id, i, keys):
    points = [
        {"key": f"m{j % keys}", "value": j * 0.37 + i, "timestamp": i * 1000 + j, "step": i * 1000 + j} for j in range(1000)
    ]
    return json.dumps({"run_id": run_id, "metrics": points}).encode()


def make_run(connection, experiment, i):
    tags = [{"key": f"t{j}", "value": str(i % (j + 2))} for j in range(TAGS)]
    made = post(connection, "runs/create", {"experiment_id": experiment, "start_time": i, "tags": tags})
    metrics = [{"key": f"m{j}", "value": (i * 7919 % 1000) / 1000 + j, "timestamp": 1, "step": 0} for j in range(METRICS)]
    params = [{"key": f"p{j}", "value": str(i % (j + 3))} for j in range(PARAMS)]
    post(connection, "runs/log-batch", {"run_id": made["run"]["info"]["run_id"], "metrics": metrics, "params": params})


def search(connection, experiment, limit, text="", order=()):
    body = {"experiment_ids": [experiment], "max_results": limit, "filter": text, "order_by": list(order)}
    times = []
    for _ in range(SEARCHES):
        started = time.perf_counter()
        post(connection, "runs/search", body)
        times.append(time.perf_counter() - started)
    return statistics.median(times) * 1e3


def measure(port, runs, share):
    """Rows of (what, value, unit); `share` scales the work down for a slow server."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    target = post(connection, "runs/create", {"experiment_id": "0", "start_time": 1})["run"]["info"]["run_id"]
    count = max(20, int(2000 * share))
    points = [json.dumps({"run_id": target, "key": "m", "value": i * 0.1, "timestamp": i, "step": i}).encode() for i in range(count)]
    yield "log-metric", count / in_parallel(port, [lambda c, b=b: post(c, "runs/log-metric", b) for b in points]), "requests/s"
    for keys in (1, 1000):
        count = max(8, int(200 * share))
        bodies = [batch(target, i, keys) for i in range(count)]
        seconds = in_parallel(port, [lambda c, b=b: post(c, "runs/log-batch", b) for b in bodies])
        yield f"log-batch, 1000 points of {keys} metrics", count / seconds, "requests/s"
    experiment = post(connection, "experiments/create", {"name": "bench"})["experiment_id"]
    in_parallel(port, [lambda c, i=i: make_run(c, experiment, i) for i in range(runs)])
    yield f"search 100 of {runs} runs", search(connection, experiment, 100), "ms"
    yield f"search 1000 of {runs} runs", search(connection, experiment, 1000), "ms"
    yield "search 100, metric filter and order", search(connection, experiment, 100, "metrics.m1 > 1.5", ["metrics.m1 DESC"]), "ms"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=2000)
    parser.add_argument("--peer", action="store_true")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-tracking-") as directory:
        server = Server(Path(directory) / "data")
        rows = list(measure(server.port, arguments.runs, 1))
        server.stop()
        peer_rows = [None] * len(rows)
        if arguments.peer:
            peer = Peer(Path(directory))
            try:
                peer_rows = list(measure(peer.port, arguments.runs, 0.05))
            finally:
                peer.stop()
    for (what, value, unit), other in zip(rows, peer_rows):
        line = f"{what:<44} {value:>9.1f} {unit}"
        if other:
            ratio = value / other[1] if unit == "requests/s" else other[1] / value
            line += f"   mlflow server {other[1]:>9.1f} {unit}   {ratio:.0f}x"
        print(line)


if __name__ == "__main__":
    main()
