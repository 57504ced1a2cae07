"""Model repositories made of the tiny models that the unit tests use, and stock clients of both protocols."""

import shutil
from pathlib import Path

import pytest
import tritonclient.grpc
import tritonclient.http

MODELS = Path(__file__).resolve().parents[2] / "src" / "serving" / "testdata"


def put_model(repository: Path, name: str, model: str, version: int = 1, config: str = "") -> None:
    """Writes aside first and renames, as a careful deployer does: a poll never sees half a file."""
    directory = repository / name / str(version)
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(MODELS / f"{model}.onnx", directory / ".model.onnx")
    (directory / ".model.onnx").rename(directory / "model.onnx")
    if config:
        (repository / name / "config.pbtxt").write_text(config)


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


class Protocol:
    """A stock client with its module, so that a test reads the same for HTTP and gRPC."""

    def __init__(self, module, address: str):
        self.module = module
        self.client = module.InferenceServerClient(address)

    def input(self, name, array, datatype, **form):
        made = self.module.InferInput(name, list(array.shape), datatype)
        made.set_data_from_numpy(array, **form)
        return made

    def as_dict(self, message):
        if isinstance(message, (dict, list)):
            return message
        from google.protobuf.json_format import MessageToDict

        return MessageToDict(message, preserving_proto_field_name=True)


@pytest.fixture
def served(start_server, repository):
    """A server of the repository under explicit control, with everything loaded."""
    return start_server("--model-repository", str(repository), "--model-control-mode", "explicit", "--load-model", "*")


@pytest.fixture(params=["http", "grpc"])
def protocol(request, served) -> Protocol:
    if request.param == "http":
        return Protocol(tritonclient.http, served.url.removeprefix("http://"))
    return Protocol(tritonclient.grpc, served.grpc)
