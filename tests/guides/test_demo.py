"""`make demo` itself: both stories, the port that is taken, and Ctrl-C."""

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from server import ROOT

DEMO = ROOT / "examples" / "flights" / "demo"
LOOP_TIMEOUT_S = 480


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def start(tmp_path, port: int, *options: str) -> subprocess.Popen:
    command = [DEMO, "--folder", tmp_path / "demo", "--http", f"127.0.0.1:{port}", *options]
    environment = {name: value for name, value in os.environ.items() if name != "KEEP"}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


def processes_naming(text: str) -> list[str]:
    listed = subprocess.run(["ps", "-eo", "pid,args"], capture_output=True, text=True).stdout
    return [line for line in listed.splitlines() if text in line]


def processes_in(folder) -> list[str]:
    """Processes whose working directory lies below the folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            where = os.readlink(process / "cwd")
        except OSError:
            continue
        if where.startswith(str(folder)):
            found.append(process.name)
    return found


def finish(process: subprocess.Popen) -> str:
    try:
        return process.communicate(timeout=LOOP_TIMEOUT_S)[0]
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGINT)
        pytest.fail(f"not done after {LOOP_TIMEOUT_S} s:\n{process.communicate(timeout=60)[0]}")


def test_the_loop_finds_the_drift_and_recovers(tmp_path, port):
    process = start(tmp_path, port)
    output = finish(process)
    assert process.returncode == 0, output
    assert "measured quality recovers" in output
    assert "the planted model is rolled back" in output
    assert output.rstrip().endswith(f"http://127.0.0.1:{port}/ui/")
    assert processes_naming(str(tmp_path)) == []


def test_stationary_months_raise_no_alarm(tmp_path, port):
    process = start(tmp_path, port, "--stationary", "--until", "2013-08")
    output = finish(process)
    assert process.returncode == 0, output
    assert "no retraining on stationary data: 0 retrainings" in output


def test_a_taken_port_is_named_with_its_process(tmp_path, port):
    holder = subprocess.Popen(
        [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until = time.monotonic() + 20
        while socket.socket().connect_ex(("127.0.0.1", port)) != 0:
            assert time.monotonic() < until
            time.sleep(0.05)
        process = start(tmp_path, port)
        output = process.communicate(timeout=60)[0]
        assert process.returncode != 0
        assert f"127.0.0.1:{port} is taken by process {holder.pid}" in output
    finally:
        holder.terminate()
        holder.wait()


def test_interrupt_during_training_leaves_no_process(tmp_path, port):
    process = start(tmp_path, port)
    prepared = tmp_path / "demo" / "repository" / "data" / "prepared" / "holdout.csv"
    until = time.monotonic() + 120
    while not prepared.exists():
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < until
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == 130, output
    assert processes_naming(str(tmp_path)) == []
    assert processes_in(tmp_path) == []
