"""What the HTTP edge is sent before any surface sees it. The parser's whole table is a unit test; here the real binary answers."""

import pytest
from sending import Surface

LINE = b"GET /health HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
def surface(sanitized_server):
    made = Surface(sanitized_server)
    yield made
    assert made.alive()


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"\r\n\r\nnonsense\r\n\r\n", 400),
        (b"GET /health HTTP/9.9\r\nHost: x\r\n\r\n", 505),
        (b"GET /health\r\n\r\n", 400),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        (b"GET /hea lth HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET /health HTTP/1.1\r\n\r\n", 400),
        (LINE + b"Host: y\r\n\r\n", 400),
        (LINE + b"Bad Name: 1\r\n\r\n", 400),
        (LINE + b"X: a\x00b\r\n\r\n", 400),
        (LINE + b" folded: 1\r\n\r\n", 400),
        (LINE + b"Content-Length: -1\r\n\r\n", 400),
        (LINE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400),
        (LINE + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        (LINE + b"Content-Length: 99999999999999999999\r\n\r\n", 400),
        (b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n", (414, 431)),
        (LINE + b"X: " + b"a" * 70_000 + b"\r\n\r\n", 431),
        (LINE + b"".join(b"X%d: 1\r\n" % i for i in range(300)) + b"\r\n", 431),
        (b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 400),
        (b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", (400, 501)),
    ],
)
def test_malformed_requests_are_refused_by_name(surface, request_bytes, status):
    answer = surface.raw(request_bytes)
    wanted = status if isinstance(status, tuple) else (status,)
    assert answer.startswith(b"HTTP/1.1 "), answer[:100]
    assert int(answer[9:12]) in wanted, answer[:300]
    assert b"onnection: close" in answer


def test_a_request_hidden_behind_a_refused_one_is_not_answered(surface):
    smuggled = LINE + b"Content-Length: 1\r\nContent-Length: 1, 40\r\n\r\n" + LINE + b"\r\n"
    assert surface.raw(smuggled).count(b"HTTP/1.1 ") == 1


@pytest.mark.parametrize("size", [17 << 20, 1 << 40])
def test_a_body_over_the_limit_is_refused_before_it_is_sent(surface, size):
    head = b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    answer = surface.raw(head % size)
    assert b" 413 " in answer.split(b"\r\n")[0], answer[:200]


def test_a_chunked_body_over_the_limit_is_refused_while_it_comes(surface):
    head = b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunk = b"100000\r\n" + b" " * 0x100000 + b"\r\n"
    answer = surface.raw(head + chunk * 18 + b"0\r\n\r\n")
    assert answer == b"" or b" 413 " in answer.split(b"\r\n")[0], answer[:200]


def test_a_small_body_that_unpacks_to_a_large_one_is_refused(surface):
    import gzip

    body = gzip.compress(b" " * (80 << 20))
    answer = surface.send("POST", "/api/2.0/mlflow/runs/create", body, headers={"content-encoding": "gzip"})
    assert answer.status_code == 413, answer.text[:200]


@pytest.mark.parametrize(
    "path",
    ["/ui/../../../../etc/passwd", "/ui/%2e%2e/%2e%2e/etc/passwd", "/ui/..%2f..%2fetc%2fpasswd", "/ui/assets/%00", "//etc/passwd", "/ui/assets/\\..\\x", "/%zz"],
)
def test_paths_never_leave_what_is_served(surface, path):
    answer = surface.send("GET", path)
    assert "root:" not in answer.text
    assert answer.status_code in (200, 308, 400, 404), answer.status_code
    if answer.status_code == 200:
        assert "<!doctype html" in answer.text.lower(), "only the UI's own page may answer for what it does not know"


@pytest.mark.parametrize("method", ["DELETE", "PUT", "BREW"])
def test_methods_that_a_path_does_not_know(surface, method):
    answer = surface.send(method, "/health")
    assert answer.status_code in (400, 405, 501)
    if answer.status_code == 405:
        assert "GET" in answer.headers["allow"]


def test_a_client_that_leaves_in_the_middle_hurts_nobody(surface):
    import socket

    for part in (b"GET", LINE, b"POST /api/2.0/mlflow/runs/create HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", surface.server.port)) as connection:
                connection.sendall(part)
    assert surface.alive()
