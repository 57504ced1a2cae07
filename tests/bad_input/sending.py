"""Sends what no client would, and checks that the refusal is one that a caller can use."""

import json
import socket

import requests

MLFLOW = "/api/2.0/mlflow"
OWN = "/api/fettle/v1"


class Surface:
    """Requests against a running server; nothing is encoded or corrected on the way."""

    def __init__(self, server):
        self.server = server

    def send(self, method: str, path: str, body=None, **options) -> requests.Response:
        """`body` is bytes as they are, or a value sent as JSON."""
        data = body if body is None or isinstance(body, (bytes, bytearray)) else json.dumps(body).encode()
        prepared = requests.Request(method, self.server.url, data=data, **options).prepare()
        prepared.url = self.server.url + path  # requests would tidy up "..", "//" and escapes
        if data is not None and "content-type" not in prepared.headers:
            prepared.headers["content-type"] = "application/json"
        with requests.Session() as session:
            return session.send(prepared, timeout=60)

    def mlflow(self, path: str, body) -> requests.Response:
        return self.send("POST", f"{MLFLOW}/{path}", body)

    def raw(self, data: bytes, wait_s: float = 20) -> bytes:
        """The whole answer to bytes on a connection of their own; the server must end it."""
        with socket.create_connection(("127.0.0.1", self.server.port), timeout=wait_s) as connection:
            try:
                connection.sendall(data)
                connection.shutdown(socket.SHUT_WR)
            except (BrokenPipeError, ConnectionResetError):
                pass  # refused before all of it was sent
            answer = b""
            try:
                while piece := connection.recv(65536):
                    answer += piece
            except ConnectionResetError:
                pass
            return answer

    def alive(self) -> bool:
        return self.send("GET", "/health").text == "OK"


def check_refused(server, answer: requests.Response, *statuses: int) -> str:
    """A 4xx with a document of the surface's own shape that names no internals; its message."""
    assert answer.status_code in (statuses or range(400, 500)), (answer.status_code, answer.text[:500])
    document = answer.json()
    error = document.get("error", document)
    message = error if isinstance(error, str) else error["message"]
    if "error_code" in document:
        assert document["error_code"].isupper()
    elif not isinstance(error, str):
        assert {"code", "message", "fix", "details", "request_id"} <= set(error), error
    assert message and len(message) < 2000, message[:200]
    for internal in (str(server.data), "std::", "boost", "sqlite", "/src/", "terminate"):
        assert internal not in answer.text, answer.text[:500]
    return message


def new_run(surface: Surface) -> str:
    answer = surface.mlflow("runs/create", {"experiment_id": "0", "start_time": 1_700_000_000_000})
    assert answer.status_code == 200, answer.text
    return answer.json()["run"]["info"]["run_id"]
