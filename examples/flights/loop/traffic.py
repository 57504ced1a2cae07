"""The flights of a month as a caller sends them: stock `tritonclient` for predictions, one POST for
the labels a month later.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import tritonclient.http as triton

from loop.rest import Rest

ENDPOINT = "flights"
CATEGORICAL = ["carrier", "origin", "dest"]
NUMERIC = ["sched_dep_time", "sched_arr_time", "distance", "temp", "wind_speed", "precip", "visib"]
ROWS_A_REQUEST = 250
LABELS_A_REQUEST = 20_000
LATE_AFTER_MINUTES = 15
MS_A_DAY = 86_400_000


def event_times_ms(flights: pd.DataFrame) -> np.ndarray:
    return (
        pd.to_datetime(flights.scheduled, utc=True)
        .to_numpy(dtype="datetime64[ms]")
        .astype(np.int64)
    )


def _tensor(name: str, values: np.ndarray, datatype: str) -> triton.InferInput:
    tensor = triton.InferInput(name, [len(values), 1], datatype)
    tensor.set_data_from_numpy(values.reshape(-1, 1), binary_data=True)
    return tensor


def tensors(flights: pd.DataFrame) -> list[triton.InferInput]:
    """One tensor a feature, and with each row its own key and the time of its schedule. Missing
    numbers are NaN.
    """
    return [
        *(_tensor(name, flights[name].to_numpy(dtype=object), "BYTES") for name in CATEGORICAL),
        *(_tensor(name, flights[name].to_numpy(dtype=np.float32), "FP32") for name in NUMERIC),
        _tensor("fettle_key", flights.flight_key.to_numpy(dtype=object), "BYTES"),
        _tensor("fettle_event_time_ms", event_times_ms(flights), "INT64"),
    ]


@dataclass
class Sent:
    """What came back for the requests so far, from the answers themselves."""

    rows: int = 0
    requests: int = 0
    by_version: dict[str, int] = field(default_factory=dict)
    fallbacks: int = 0

    def add(self, rows: int, parameters: dict) -> None:
        self.rows += rows
        self.requests += 1
        version = str(parameters["model_version"])
        self.by_version[version] = self.by_version.get(version, 0) + rows
        self.fallbacks += "fallback" in parameters


class Caller:
    """Sends predictions one request after the other, in the order of the schedule."""

    def __init__(self, url: str):
        self._client = triton.InferenceServerClient(
            url.removeprefix("http://"), network_timeout=60.0
        )

    def send(self, flights: pd.DataFrame) -> Iterator[Sent]:
        """Sends all rows; yields the running total after each request."""
        sent = Sent()
        wanted = [
            triton.InferRequestedOutput(name, binary_data=True)
            for name in ("label", "probabilities")
        ]
        for begin in range(0, len(flights), ROWS_A_REQUEST):
            rows = flights.iloc[begin : begin + ROWS_A_REQUEST]
            answer = self._client.infer(ENDPOINT, tensors(rows), outputs=wanted)
            probabilities = answer.as_numpy("probabilities")
            if probabilities.shape != (len(rows), 2) or not np.isfinite(probabilities).all():
                raise ValueError(
                    f"expected {len(rows)} finite pairs of probabilities, got shape "
                    f"{probabilities.shape}"
                )
            sent.add(len(rows), answer.get_response()["parameters"])
            yield sent

    def close(self) -> None:
        self._client.close()


def post_labels(rest: Rest, flights: pd.DataFrame, observed_at_ms: int) -> dict[str, int]:
    """Posts what became of the flights by their own keys; flights that never arrived have no label.
    Returns the totals.
    """
    landed = flights[flights.arr_delay.notna()]
    labels = (landed.arr_delay > LATE_AFTER_MINUTES).astype(int)
    rows = [
        {"key": key, "label": int(label), "observed_at_ms": observed_at_ms}
        for key, label in zip(landed.flight_key, labels, strict=True)
    ]
    totals: dict[str, int] = {}
    for begin in range(0, len(rows), LABELS_A_REQUEST):
        answer = rest.post(
            "/labels", {"endpoint": ENDPOINT, "rows": rows[begin : begin + LABELS_A_REQUEST]}
        )
        for name, value in answer.items():
            if isinstance(value, int):
                totals[name] = totals.get(name, 0) + value
    return totals
