"""A server of its own for the guides, and an environment in which `fettle` and the stock clients
are on the path.
"""

import os
import re
import subprocess

import pytest

from shell import FETTLE, ROOT, VENV


@pytest.fixture(scope="module")
def server_url(tmp_path_factory) -> str:
    """The address that the server prints when it accepts requests."""
    folder = tmp_path_factory.mktemp("server")
    command = [FETTLE, "server", "--data-dir", folder / "data", "--http", "127.0.0.1:0"]
    command += ["--grpc", "127.0.0.1:0"]
    environment = os.environ | {
        "FETTLE_ONNXRUNTIME": str(ROOT / "build" / "deps" / "lib" / "libonnxruntime.so")
    }
    with (folder / "stderr").open("wb") as log:
        process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=environment
        )
        try:
            found = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
            assert found, (folder / "stderr").read_text()
            yield found.group(0)
        finally:
            process.terminate()
            assert process.wait(30) == 0


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """As in a user's shell, with `fettle` and the stock `dvc`, `mlflow`, `python` on the path, and
    no configuration of theirs.
    """
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "fettle").symlink_to(FETTLE)
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("MLFLOW_", "FETTLE_", "DVC_", "GIT_"))
    }
    return kept | {
        "PATH": f"{commands}:{VENV}:{kept['PATH']}",
        "HOME": str(tmp_path),
        "DVC_NO_ANALYTICS": "true",
        "MLFLOW_DISABLE_TELEMETRY": "true",
    }
