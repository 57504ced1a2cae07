"""Starts `fettle server` as a user would, on free ports, and ends it."""

import os
import re
import signal
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FETTLE = ROOT / "build" / "fettle"
SANITIZED = ROOT / "build" / "test" / "bin" / "fettle"
VENV = ROOT / "build" / "deps" / "venv"
PYTHON = VENV / "bin" / "python"
ONNXRUNTIME = ROOT / "build" / "deps" / "lib" / "libonnxruntime.so"
START_TIMEOUT_S = 30


def clean_environment(**more: str) -> dict[str, str]:
    """The caller's environment without MLflow's, DVC's, git's and Fettle's own variables."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "FETTLE_", "DVC_", "GIT_"))
    }
    kept |= {"MLFLOW_DISABLE_TELEMETRY": "true", "DVC_NO_ANALYTICS": "true"}
    kept |= {"FETTLE_ONNXRUNTIME": str(ONNXRUNTIME)}
    kept |= {"ASAN_OPTIONS": "detect_leaks=0", "UBSAN_OPTIONS": "print_stacktrace=1"}
    return kept | more


class Server:
    """A running server. `url` and `grpc` are where it listens; `log` is its stderr."""

    def __init__(self, data: Path, *options: str, binary: Path = FETTLE, **environment: str):
        self.data = data
        self.options = options
        self.binary = binary
        self.environment = environment
        self.log_path = data.parent / f"{data.name}.log"
        self.process = None
        self.start()

    def start(self) -> None:
        command = [self.binary, "server", "--data-dir", self.data]
        if not any(option.startswith("--http") for option in self.options):
            command += ["--http", "127.0.0.1:0"]
        if not any(option.startswith("--grpc") for option in self.options):
            command += ["--grpc", "127.0.0.1:0"]
        with self.log_path.open("ab") as log:
            self.process = subprocess.Popen(
                [*command, *self.options],
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=clean_environment(**self.environment),
            )
        line = self.process.stdout.readline()
        found = re.search(r"(http://\S+:\d+), grpc://(\S+:\d+)", line)
        if not found:
            self.process.wait(START_TIMEOUT_S)
            raise AssertionError(f"the server did not start: {line}\n{self.log}")
        self.url, self.grpc = found.group(1), found.group(2)
        self.port = int(self.url.rsplit(":", 1)[1])

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def kill(self) -> None:
        """As a power cut would for the process: no chance to clean up."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(60)
        return self.process.returncode

    def restart(self) -> None:
        self.start()
