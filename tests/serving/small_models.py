"""Repositories of the tiny models that the unit tests use, and a stock client of either protocol."""

import shutil
from pathlib import Path

MODELS = Path(__file__).resolve().parents[2] / "src" / "serving" / "testdata"


def put_model(repository: Path, name: str, model: str, version: int = 1, config: str = "") -> None:
    """Writes aside first and renames, as a careful deployer does: a poll never sees half a file."""
    directory = repository / name / str(version)
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(MODELS / f"{model}.onnx", directory / ".model.onnx")
    (directory / ".model.onnx").rename(directory / "model.onnx")
    if config:
        (repository / name / "config.pbtxt").write_text(config)


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
