"""The stock tritonclient, unmodified, over HTTP and gRPC."""

import queue
import time

import numpy as np
import pytest
import tritonclient.grpc
from small_models import Protocol
from tritonclient.utils import InferenceServerException


def test_health_and_metadata(protocol):
    client = protocol.client
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("simple")
    server = protocol.as_dict(client.get_server_metadata())
    assert server["name"] == "fettle" and "binary_tensor_data" in server["extensions"]
    model = protocol.as_dict(client.get_model_metadata("simple"))
    assert [one["name"] for one in model["inputs"]] == ["INPUT0", "INPUT1"]
    assert [int(d) for d in model["inputs"][0]["shape"]] == [-1, 16]
    config = protocol.as_dict(client.get_model_config("small"))
    assert config.get("config", config)["max_batch_size"] == 2


def test_two_inputs_and_two_outputs(protocol):
    a = np.arange(32, dtype=np.int32).reshape(2, 16)
    b = np.ones((2, 16), np.int32)
    inputs = [protocol.input("INPUT0", a, "INT32"), protocol.input("INPUT1", b, "INT32")]
    answer = protocol.client.infer("simple", inputs, request_id="77", parameters={"mine": "yes"})
    np.testing.assert_array_equal(answer.as_numpy("OUTPUT0"), a + b)
    np.testing.assert_array_equal(answer.as_numpy("OUTPUT1"), a - b)
    header = protocol.as_dict(answer.get_response())
    assert header["id"] == "77" and header["model_version"] == "1"
    assert "prediction_id" in header["parameters"]


def test_one_output_of_two(protocol):
    a = np.ones((1, 16), np.int32)
    inputs = [protocol.input("INPUT0", a, "INT32"), protocol.input("INPUT1", a, "INT32")]
    answer = protocol.client.infer("simple", inputs, outputs=[protocol.module.InferRequestedOutput("OUTPUT1")])
    assert answer.as_numpy("OUTPUT0") is None
    assert not answer.as_numpy("OUTPUT1").any()


@pytest.mark.parametrize(
    "model,datatype,array",
    [
        ("identity_fp16", "FP16", np.array([[1.5, -2.0], [65504.0, 0.0]], np.float16)),
        ("identity_int64", "INT64", np.array([[2**53 + 1, -(2**63)]], np.int64)),
        ("identity_bytes", "BYTES", np.array([["ä".encode(), b"a\0b", b"", b"x" * 100_000]], object)),
        ("double", "FP32", np.zeros((0, 2), np.float32)),
    ],
)
def test_datatypes(protocol, model, datatype, array):
    answer = protocol.client.infer(model, [protocol.input("x", array, datatype)])
    np.testing.assert_array_equal(answer.as_numpy("y"), array)


def test_class_probabilities_of_a_scikit_learn_export(protocol):
    rows = np.array([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]], np.float32)
    np.testing.assert_array_equal(protocol.client.infer("zipmap", [protocol.input("x", rows, "FP32")]).as_numpy("p"), rows)


def test_json_forms_and_compression(served):
    import tritonclient.http

    http = Protocol(tritonclient.http, served.url.removeprefix("http://"))
    rows = np.array([[1.0, 0.1]], np.float32)
    for binary_in in (True, False):
        for binary_out in (True, False):
            answer = http.client.infer(
                "double",
                [http.input("x", rows, "FP32", binary_data=binary_in)],
                outputs=[tritonclient.http.InferRequestedOutput("y", binary_data=binary_out)],
                request_compression_algorithm="gzip" if binary_in else "deflate",
                response_compression_algorithm="deflate" if binary_in else "gzip",
            )
            np.testing.assert_array_equal(answer.as_numpy("y"), rows * np.float32(2))


def test_errors_are_typed_and_clear(protocol):
    rows = np.ones((1, 2), np.float32)
    cases = [
        ("none", [protocol.input("x", rows, "FP32")], "Request for unknown model: 'none' is not found"),
        ("double", [protocol.input("z", rows, "FP32")], "unexpected inference input 'z' for model 'double'"),
        ("double", [protocol.input("x", np.ones((1, 3), np.float32), "FP32")],
         "unexpected shape for input 'x' for model 'double'. Expected [-1,2], got [1,3]."),
        ("double", [protocol.input("x", np.ones((1, 2), np.float64), "FP64")],
         "inference input 'x' data-type is 'FP64', but model 'double' expects 'FP32'"),
        ("small", [protocol.input("x", np.ones((3, 2), np.float32), "FP32")], "inference request batch-size must be <= 2 for 'small'"),
        ("lookup", [protocol.input("i", np.array([99], np.int64), "INT64")], "model 'lookup' cannot process this input (operator Gather)"),
    ]
    for model, inputs, text in cases:
        with pytest.raises(InferenceServerException) as caught:
            protocol.client.infer(model, inputs)
        assert text in caught.value.message()
        assert "/" not in caught.value.message().replace("/v2", ""), "no path of the server is shown"


def test_asynchronous_calls(protocol):
    rows = [np.full((1, 2), i, np.float32) for i in range(20)]
    if protocol.module is tritonclient.grpc:
        answers: queue.Queue = queue.Queue()
        for i, row in enumerate(rows):
            protocol.client.async_infer("double", [protocol.input("x", row, "FP32")], request_id=str(i),
                                        callback=lambda result, error: answers.put((result, error)))
        found = {}
        for _ in rows:
            result, error = answers.get(timeout=20)
            assert error is None
            found[int(result.get_response().id)] = result.as_numpy("y")
    else:
        pending = [protocol.client.async_infer("double", [protocol.input("x", row, "FP32")]) for row in rows]
        found = {i: one.get_result().as_numpy("y") for i, one in enumerate(pending)}
    for i, row in enumerate(rows):
        np.testing.assert_array_equal(found[i], row * 2)


def test_a_stream_answers_in_order_and_survives_errors(served):
    grpc = Protocol(tritonclient.grpc, served.grpc)
    answers: queue.Queue = queue.Queue()
    grpc.client.start_stream(callback=lambda result, error: answers.put((result, error)))
    rows = grpc.input("x", np.ones((1, 2), np.float32), "FP32")
    for i in range(10):
        grpc.client.async_stream_infer("none" if i == 4 else "double", [rows], request_id=str(i))
    for i in range(10):
        result, error = answers.get(timeout=20)
        if i == 4:
            assert "unknown model" in error.message()
        else:
            assert result.get_response().id == str(i)
    grpc.client.stop_stream()


def test_a_client_deadline_is_honoured(served):
    grpc = Protocol(tritonclient.grpc, served.grpc)
    with pytest.raises(InferenceServerException) as caught:
        grpc.client.infer("patient", [grpc.input("x", np.ones((1, 2), np.float32), "FP32")], client_timeout=0.1)
    assert "DEADLINE_EXCEEDED" in str(caught.value.status())
    time.sleep(1.2)  # longer than the model waits for company
    stats = grpc.as_dict(grpc.client.get_inference_statistics("patient"))["model_stats"][0]
    assert int(stats.get("execution_count", 0)) == 0, "nobody waits for it: it is not run"
    assert int(stats["inference_stats"]["fail"]["count"]) == 1


def test_repository_control(protocol):
    client = protocol.client
    client.unload_model("double")
    assert not client.is_model_ready("double")
    assert client.is_server_ready(), "a model that was unloaded on purpose does not count"
    with pytest.raises(InferenceServerException):
        client.infer("double", [protocol.input("x", np.ones((1, 2), np.float32), "FP32")])
    client.load_model("double")
    assert client.is_model_ready("double")
    index = protocol.as_dict(client.get_model_repository_index())
    states = {one["name"]: one["state"] for one in index.get("models", [])} if isinstance(index, dict) else {
        one["name"]: one["state"] for one in index}
    assert states["double"] == "READY" and len(states) == 9
    with pytest.raises(InferenceServerException, match="failed to load 'none', not found in the repository"):
        client.load_model("none")


def test_statistics_count_requests_rows_and_runs(protocol):
    for _ in range(3):
        protocol.client.infer("double", [protocol.input("x", np.ones((4, 2), np.float32), "FP32")])
    stats = protocol.as_dict(protocol.client.get_inference_statistics("double"))["model_stats"][0]
    assert int(stats["inference_count"]) == 12
    assert int(stats["execution_count"]) == 3
    assert int(stats["inference_stats"]["success"]["count"]) == 3
