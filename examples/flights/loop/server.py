"""Starts and stops `fettle server` for the demo, and says who holds a port that is taken."""

import ctypes
import os
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

READY_TIMEOUT_S = 30
# The server finishes what is in flight for up to server.drain_timeout_s = 15.
STOP_TIMEOUT_S = 25
PR_SET_PDEATHSIG = 1


class PortTaken(Exception):
    pass


def process_listening_on(port: int) -> str | None:
    """`PID (command)` of the process that listens on the TCP port, or None if this user cannot see
    it.
    """
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(table):
            for line in Path(table).read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] == "0A" and int(fields[1].rsplit(":", 1)[1], 16) == port:
                    inodes.add(f"socket:[{fields[9]}]")
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(os.readlink(link) in inodes for link in (process / "fd").iterdir()):
                command = (
                    (process / "cmdline")
                    .read_bytes()
                    .replace(b"\0", b" ")
                    .decode(errors="replace")
                    .strip()
                )
                return f"{process.name} ({command})"
        except OSError:
            continue
    return None


def is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def require_free(host: str, port: int) -> None:
    if not is_free(host, port):
        holder = process_listening_on(port)
        raise PortTaken(
            f"{host}:{port} is taken by process {holder or 'of another user'}: stop it and start "
            f"again"
        )


def _end_with_parent() -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


class Server:
    """One running `fettle server`; `stop` may be called at any time and more than once."""

    def __init__(
        self,
        binary: Path,
        data_dir: Path,
        log: Path,
        http: tuple[str, int],
        environment: dict[str, str],
    ):
        self.url = f"http://{http[0]}:{http[1]}"
        self._log = log
        grpc_port = 8001 if is_free(http[0], 8001) else 0
        command = [
            str(binary),
            "server",
            "--data-dir",
            str(data_dir),
            "--http",
            f"{http[0]}:{http[1]}",
            "--grpc",
            f"{http[0]}:{grpc_port}",
        ]
        # A session of its own: Ctrl-C reaches the demo alone, which then stops the server in good
        # order.
        self._process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log.open("ab"),
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
            preexec_fn=_end_with_parent,
        )

    def wait_ready(self) -> float:
        """Seconds until `GET /health` answered."""
        started = time.monotonic()
        while time.monotonic() - started < READY_TIMEOUT_S:
            if self._process.poll() is not None:
                raise RuntimeError(
                    f"fettle server ended with exit code {self._process.returncode}: "
                    f"{self.last_words()}"
                )
            try:
                with urllib.request.urlopen(self.url + "/health", timeout=1) as answer:
                    if answer.status == 200:
                        return time.monotonic() - started
            except OSError:
                time.sleep(0.01)
        raise RuntimeError(
            f"fettle server was not ready after {READY_TIMEOUT_S} s: {self.last_words()}"
        )

    def last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else f"{self._log} is empty"

    def running(self) -> bool:
        return self._process.poll() is None

    def stop(self) -> int:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._process.wait()
