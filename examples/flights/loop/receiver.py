"""Stands for the on-call tool: takes what the alerts' webhook sends (Alertmanager's JSON)."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LARGEST_BODY = 1 << 20


class Receiver:
    """Listens on a free port of the loopback until `close`."""

    def __init__(self) -> None:
        received = self._received = []

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = min(int(self.headers.get("content-length", 0)), LARGEST_BODY)
                received.append(json.loads(self.rfile.read(size)))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def notified(self) -> list[tuple[str, str]]:
        """Name and status of each alert that was told, in order."""
        return [
            (alert["labels"].get("alertname", "?"), alert["status"])
            for message in list(self._received)
            for alert in message["alerts"]
        ]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
