"""Fettle's own REST as the demo uses it: docs/rest.md. Every number that the demo prints is read
here or from MLflow's API.
"""

import time
from collections.abc import Callable
from typing import Any

import requests

TIMEOUT_S = 120


class Refused(Exception):
    """An answer with status >= 400; `code` is one of the thirteen of docs/rest.md."""

    def __init__(self, status: int, code: str, message: str):
        super().__init__(f"{status} {code}: {message}")
        self.status, self.code, self.message = status, code, message


class Rest:
    def __init__(self, url: str):
        self._root = url + "/api/fettle/v1"
        self._session = requests.Session()

    def get(self, path: str, **query: Any) -> dict:
        return self._call(
            "GET", path, params={name.rstrip("_"): value for name, value in query.items()}
        )

    def post(self, path: str, body: dict) -> dict:
        return self._call("POST", path, json=body)

    def items(self, path: str, **query: Any) -> list[dict]:
        """All pages of a listing."""
        found, page = [], None
        while True:
            answer = self.get(path, limit=1000, **query, **({"page": page} if page else {}))
            found += answer["items"]
            page = answer.get("next")
            if not page:
                return found

    def _call(self, method: str, path: str, **rest: Any) -> dict:
        answer = self._session.request(method, self._root + path, timeout=TIMEOUT_S, **rest)
        if answer.status_code >= 400:
            try:
                error = answer.json()["error"]
            except (ValueError, KeyError, TypeError):
                error = {"code": "unknown", "message": answer.text[:300]}
            details = "; ".join(
                f"{detail['path']}: {detail['message']}" for detail in error.get("details") or []
            )
            message = error["message"] + (f" ({details})" if details else "")
            raise Refused(answer.status_code, error["code"], f"{method} {path}: {message}")
        return answer.json()


def wait_for(what: str, timeout_s: float, look: Callable[[], Any], every_s: float = 0.1) -> Any:
    """Calls `look` until it returns something true, and returns that."""
    until = time.monotonic() + timeout_s
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > until:
            raise TimeoutError(f"{what} did not happen within {timeout_s:g} s")
        time.sleep(every_s)


def weights_of(rollout: dict) -> list[float]:
    """The shares of traffic that the candidate had, in order."""
    weights = [change["weight_percent"] for change in rollout["history"]]
    steps = zip(weights, [0, *weights], strict=False)
    return [weight for weight, before in steps if weight and weight != before]
