"""Whatever is sent, the answer is a clear 4xx and the (sanitized) server lives. The exact texts of the whole table are unit tests."""

import http.client
import json
import random

import pytest
from small_models import put_model
from server import SANITIZED

GOOD = b'{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[1,2]}]}'


@pytest.fixture(scope="module")
def sanitized(tmp_path_factory):
    from server import Server

    place = tmp_path_factory.mktemp("bad-input")
    put_model(place / "models", "m", "double")
    put_model(place / "models", "words", "identity_bytes")
    server = Server(place / "data", "--model-repository", str(place / "models"), binary=SANITIZED)
    yield server
    assert server.stop() == 0, server.log
    assert "Sanitizer" not in server.log and "runtime error" not in server.log, server.log


def post(server, path, body, headers=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    connection.request("POST", path, body=body, headers=headers or {})
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    return answer.status, content, answer.headers


def with_data(**fields):
    return json.dumps({"inputs": [{"name": "x", "shape": [1, 2], "datatype": "FP32"} | fields]}).encode()


BINARY = with_data(parameters={"binary_data_size": 8})

CASES = [
    (b"", {}, 400, "unexpected end"),
    (b"\xff\xfe", {}, 400, "invalid json"),
    (b"[" * 100_000, {}, 400, "json"),
    (GOOD[:-5], {}, 400, "unexpected end"),
    (GOOD + b"{}", {}, 400, "unexpected text after the value"),
    (b'{"inputs":"x"}', {}, 400, "'inputs' must be a non-empty list"),
    (with_data(data=[1]), {}, 400, "has 1 values, its shape [1,2] needs 2"),
    (with_data(data=[1, "NaN"]), {}, 400, "expected FP32"),
    (with_data(data=[1, 2], shape=[2**62, 2**62]), {}, 400, "is too large"),
    (with_data(data=[1, 2], shape=[-1, 2]), {}, 400, "must not be negative"),
    (with_data(data=[1, 2], datatype="FP99"), {}, 400, "datatype 'FP99' of input 'x' is not known"),
    (with_data(data=[1, 2], datatype="FP16"), {}, 400, "must be sent as binary data"),
    (with_data(data=[1, 2, 3, 4], shape=[4]), {}, 400, "unexpected shape for input 'x'"),
    (BINARY + b"1234", {"Inference-Header-Content-Length": str(len(BINARY))}, 400, "expecting 4 additional bytes"),
    (BINARY + b"1" * 9, {"Inference-Header-Content-Length": str(len(BINARY))}, 400, "unexpected additional input data"),
    (BINARY, {"Inference-Header-Content-Length": "99999999999"}, 400, "must be from 0 to"),
    (b"123", {"Inference-Header-Content-Length": "0"}, 400, "Expected a multiple of 8, got 3"),
    (GOOD, {"Content-Encoding": "br"}, 415, "content-encoding 'br' is not supported"),
    (GOOD, {"Content-Encoding": "gzip"}, 400, ""),
]


@pytest.mark.parametrize("body,headers,status,text", CASES)
def test_bad_bodies(sanitized, body, headers, status, text):
    got, content, answered = post(sanitized, "/v2/models/m/infer", body, headers)
    assert got == status, content
    assert answered["content-type"] == "application/json"
    assert text in json.loads(content)["error"]


@pytest.mark.parametrize(
    "path,status",
    [
        ("/v2/models/none/infer", 404),
        ("/v2/models/m/versions/9/infer", 404),
        ("/v2/models/m/versions/abc/infer", 404),
        ("/v2/models/m/versions/0/infer", 400),
        ("/v2/models/..%2f..%2fetc%2fpasswd/infer", 400),
        ("/v2/models/%00/infer", 400),
        ("/v2/models/m/nothing", 404),
    ],
)
def test_bad_addresses(sanitized, path, status):
    got, content, _ = post(sanitized, path, GOOD)
    assert got == status, content
    assert "error" in json.loads(content)


def test_not_a_number_is_data(sanitized):
    status, content, _ = post(sanitized, "/v2/models/m/infer", b'{"inputs":[{"name":"x","shape":[1,2],"datatype":"FP32","data":[NaN,null]}]}')
    assert status == 200 and b"[NaN,NaN]" in content


def test_damaged_bodies_never_hurt(sanitized):
    chance = random.Random(5)
    good = bytes(BINARY) + b"12345678"
    for _ in range(300):
        body = bytearray(good)
        for _ in range(chance.randint(1, 6)):
            body[chance.randrange(len(body))] = chance.randrange(256)
        length = chance.choice([len(BINARY), 0, 1, len(body), chance.randrange(len(body))])
        status, content, _ = post(sanitized, "/v2/models/m/infer", bytes(body), {"Inference-Header-Content-Length": str(length)})
        assert status in (200, 400), content
    assert post(sanitized, "/v2/models/m/infer", GOOD)[0] == 200
