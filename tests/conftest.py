"""Fixtures for tests of the whole binary. A server of its own for each module; nothing is shared between modules."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from server import SANITIZED, Server  # noqa: E402


@pytest.fixture(scope="module")
def fettle_server(tmp_path_factory) -> Server:
    """The product's binary, as it is shipped."""
    server = Server(tmp_path_factory.mktemp("server") / "data")
    yield server
    assert server.stop() == 0, server.log


@pytest.fixture(scope="module")
def sanitized_server(tmp_path_factory) -> Server:
    """The binary with AddressSanitizer and UBSan: whatever it is sent, it must say 4xx and live."""
    server = Server(tmp_path_factory.mktemp("sanitized") / "data", binary=SANITIZED)
    yield server
    assert server.stop() == 0, server.log
    assert "Sanitizer" not in server.log and "runtime error" not in server.log, server.log


@pytest.fixture
def start_server(tmp_path):
    """A factory for tests that choose options, kill or restart."""
    servers = []

    def start(*options: str, name: str = "data", **more) -> Server:
        servers.append(Server(tmp_path / name, *options, **more))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
