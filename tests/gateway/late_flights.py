"""A registered ONNX model with its training sample, made by stock clients, and an endpoint over it."""

import json
import time

import numpy as np
import pandas as pd
import requests
from server import Server

MODEL = "delay"
ENDPOINT = "late"
CARRIERS = ["AA", "B6", "DL", "UA"]


def rows(seed: int, count: int = 2000) -> pd.DataFrame:
    """Flights: the hour and the carrier decide how many are late. Some temperatures are missing."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "temp": random.normal(40, 10, count).astype(np.float32),
            "hour": random.integers(5, 23, count).astype(np.float32),
            "carrier": random.choice(CARRIERS, count),
        }
    )
    frame.loc[random.random(count) < 0.02, "temp"] = np.nan
    odds = 0.5 * (frame.hour - 15) + 0.8 * (frame.carrier == "B6")
    frame["label"] = (random.random(count) < 1 / (1 + np.exp(-odds))).astype(int)
    return frame


def register(url: str, shuffled: bool = False) -> str:
    """Trains, logs and registers one version; its number."""
    import mlflow
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder

    mlflow.set_tracking_uri(url)
    mlflow.set_registry_uri(url)
    table = rows(1)
    label = table.label.sample(frac=1, random_state=1).to_numpy() if shuffled else table.label
    columns = ColumnTransformer(
        [
            ("words", OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
            ("numbers", SimpleImputer(), ["temp", "hour"]),
        ]
    )
    model = Pipeline([("columns", columns), ("line", LogisticRegression(max_iter=1000))])
    model.fit(table.drop(columns="label"), label)
    inputs = [
        ("temp", FloatTensorType([None, 1])),
        ("hour", FloatTensorType([None, 1])),
        ("carrier", StringTensorType([None, 1])),
    ]
    converted = skl2onnx.convert_sklearn(
        model, MODEL, inputs, options={id(model): {"zipmap": False}}, target_opset={"": 15, "ai.onnx.ml": 3}
    )
    with mlflow.start_run():
        mlflow.log_text(table.to_csv(index=False), "reference.csv")
        mlflow.onnx.log_model(
            converted, name="model", registered_model_name=MODEL, pip_requirements=["onnx"]
        )
    versions = mlflow.MlflowClient().search_model_versions(f"name = '{MODEL}'")
    return str(max(int(version.version) for version in versions))


def tensor(name: str, datatype: str, values) -> dict:
    values = list(values)
    return {"name": name, "datatype": datatype, "shape": [len(values), 1], "data": values}


class Loop:
    """A server with the endpoint; what callers and operators do with it."""

    def __init__(self, server: Server):
        self.server = server
        self.sent = 0

    def rest(self, method: str, path: str, **more) -> requests.Response:
        return requests.request(method, f"{self.server.url}/api/fettle/v1{path}", timeout=30, **more)

    def get(self, path: str) -> dict:
        answer = self.rest("GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def apply(self, *documents: dict) -> None:
        answer = self.rest("POST", "/apply", json={"documents": list(documents), "by": "test"})
        assert answer.status_code == 200, answer.text

    def infer(self, table: pd.DataFrame, **parameters) -> requests.Response:
        return self.infer_inputs(
            [
                tensor("temp", "FP32", map(float, table.temp)),
                tensor("hour", "FP32", map(float, table.hour)),
                tensor("carrier", "BYTES", table.carrier),
            ],
            **parameters,
        )

    def infer_inputs(self, inputs: list[dict], **parameters) -> requests.Response:
        body = json.dumps({"inputs": inputs, "parameters": parameters})  # NaN is written as NaN
        url = f"{self.server.url}/v2/models/{ENDPOINT}/infer"
        return requests.post(url, data=body, headers={"content-type": "application/json"}, timeout=30)

    def start(self, **rollout) -> requests.Response:
        return self.rest("POST", f"/endpoints/{ENDPOINT}/rollouts", json=rollout)

    def wait_serving(self, version: str) -> None:
        deadline = time.monotonic() + 30
        while True:
            found = self.get(f"/endpoints/{ENDPOINT}")
            traffic = [(arm["arm"], arm["version"]) for arm in found["traffic"]]
            if traffic == [("stable", version)]:
                return
            assert time.monotonic() < deadline, found
            time.sleep(0.05)

    def send(self, requests_limit: int) -> None:
        """Requests of ten rows, each with a caller of its own."""
        table = rows(7)
        for _ in range(requests_limit):
            self.sent += 1
            first = self.sent * 10 % len(table)
            answer = self.infer(table.iloc[first : first + 10], fettle_key=f"caller-{self.sent}")
            assert answer.status_code == 200, answer.text

    def send_until(self, rollout: str, states: set[str]) -> dict:
        """Traffic until the rollout has come to one of the states."""
        for _ in range(400):
            found = self.get(f"/rollouts/{rollout}")
            if found["state"] in states:
                return found
            self.send(1)
        raise AssertionError(found)


DOCUMENTS = [
    {"kind": "Contract", "name": "late-input", "spec": {"ignore": ["label"], "unseen": "reject", "range": "reject"}},
    {
        "kind": "Endpoint",
        "name": ENDPOINT,
        "spec": {
            "model": f"{MODEL}@champion",
            "contract": "late-input",
            "confidence": {"rate": 0.1},
            "ood": {"false_positive_rate": 0.02},
        },
    },
]
