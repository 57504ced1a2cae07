"""Model repositories made of the tiny models that the unit tests use, and stock clients of both protocols."""

from pathlib import Path

import pytest
import tritonclient.grpc
import tritonclient.http
from small_models import Protocol, put_model


@pytest.fixture
def repository(tmp_path) -> Path:
    """One model of each kind."""
    directory = tmp_path / "models"
    for model in ("double", "simple", "identity_bytes", "identity_fp16", "identity_int64", "lookup", "zipmap"):
        put_model(directory, model, model)
    put_model(directory, "small", "double", config="max_batch_size: 2")
    waits = "max_batch_size: 4 dynamic_batching { max_queue_delay_microseconds: 1000000 }"
    put_model(directory, "patient", "double", config=waits)
    return directory


@pytest.fixture
def served(start_server, repository):
    """A server of the repository under explicit control, with everything loaded."""
    return start_server("--model-repository", str(repository), "--model-control-mode", "explicit", "--load-model", "*")


@pytest.fixture(params=["http", "grpc"])
def protocol(request, served) -> Protocol:
    if request.param == "http":
        return Protocol(tritonclient.http, served.url.removeprefix("http://"))
    return Protocol(tritonclient.grpc, served.grpc)
