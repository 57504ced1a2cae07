"""An endpoint as callers see it: answers, contract, verdicts, and what is refused."""

import numpy as np
import tritonclient.grpc
import tritonclient.http
from late_flights import ENDPOINT, rows, tensor
from tritonclient.utils import InferenceServerException


def test_answer_names_prediction_version_and_arm(loop):
    answer = loop.infer(rows(2, 5), fettle_key="a", fettle_event_time_ms=1357034400000)
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert body["model_name"] == ENDPOINT
    assert body["parameters"]["model_version"] == "1"
    assert body["parameters"]["arm"] == "stable"
    assert len(body["parameters"]["prediction_id"]) == 26
    assert answer.headers["x-prediction-id"] == body["parameters"]["prediction_id"]


def test_stock_clients_get_row_facts(loop):
    for module, address in (
        (tritonclient.http, loop.server.url.removeprefix("http://")),
        (tritonclient.grpc, loop.server.grpc),
    ):
        client = module.InferenceServerClient(address)
        inputs = []
        for name, datatype, values in (
            ("temp", "FP32", np.array([[40], [4000]], np.float32)),
            ("hour", "FP32", np.array([[9], [9]], np.float32)),
            ("carrier", "BYTES", np.array([["UA"], ["UA"]], object)),
        ):
            made = module.InferInput(name, [2, 1], datatype)
            made.set_data_from_numpy(values)
            inputs.append(made)
        try:
            client.infer(ENDPOINT, inputs)
            raise AssertionError("a temperature of 4000 was let through")
        except InferenceServerException as error:
            assert "contract violation" in str(error)
        inputs[0].set_data_from_numpy(np.array([[40], [41]], np.float32))
        wanted = [module.InferRequestedOutput(name) for name in ("fettle_confidence", "fettle_ood", "fettle_verdict")]
        result = client.infer(ENDPOINT, inputs, outputs=wanted)
        assert result.as_numpy("fettle_confidence").shape == (2,)
        assert (result.as_numpy("fettle_ood") > 0.02).all()
        assert len(result.as_numpy("fettle_verdict")) == 2


def test_every_violation_is_told_at_once(loop):
    answer = loop.infer_inputs(
        [tensor("temp", "FP32", [40.0, 9999.0]), tensor("carrier", "BYTES", ["UA", "ZZ"])], fettle_key="b"
    )
    assert answer.status_code == 422, answer.text
    body = answer.json()
    assert body["error"].startswith("3 contract violations")
    assert body["code"] == "invalid_argument"
    assert {detail["path"] for detail in body["details"]} == {"/inputs/hour", "/rows/1/temp", "/rows/1/carrier"}
    told = {detail["path"]: detail["message"] for detail in body["details"]}
    assert "of the reference of models:/delay/1" in told["/rows/1/temp"]


def test_missing_is_accepted_where_training_had_it(loop):
    """2 % of the training temperatures are missing: leaving the tensor out is fine."""
    answer = loop.infer_inputs([tensor("hour", "FP32", [9.0]), tensor("carrier", "BYTES", ["UA"])])
    assert answer.status_code == 200, answer.text


def test_bad_input_is_told_as_such(loop):
    good = [tensor("temp", "FP32", [40.0]), tensor("hour", "FP32", [9.0]), tensor("carrier", "BYTES", ["UA"])]
    for inputs, parameters, status in (
        ([tensor("temp", "FP32", []), *good[1:]], {}, {400, 422}),
        ([tensor("temp", "FP32", [1.0, 2.0]), *good[1:]], {}, {400, 422}),
        ([tensor("temp", "BYTES", ["warm"]), *good[1:]], {}, {422}),
        (good, {"fettle_event_time_ms": "soon"}, {400, 422}),
        (good, {"fettle_event_time_ms": -1}, {400, 422}),
        ([*good, tensor("fettle_key", "BYTES", ["x" * 300])], {}, {400, 422}),
        ([*good, tensor("fettle_key", "BYTES", ["a", "b"])], {}, {400, 422}),
    ):
        answer = loop.infer_inputs(inputs, **parameters)
        assert answer.status_code in status, (inputs, answer.text)
        assert answer.json()["error"]


def test_measured_false_positive_rates_keep_their_promise(loop):
    flagged = low = count = 0
    for seed in range(20, 30):
        answer = loop.infer(rows(seed, 1000))
        verdicts = dict(part.split("=") for part in answer.json()["parameters"]["verdicts"].split(",") if part)
        flagged += int(verdicts.get("out_of_distribution", 0))
        low += int(verdicts.get("low_confidence", 0))
        count += 1000
    assert 0.01 <= flagged / count <= 0.03, flagged / count
    assert 0.05 <= low / count <= 0.15, low / count
