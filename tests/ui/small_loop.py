"""A small true loop for the pages to show, made through the public interfaces alone: three model
versions logged and registered by the stock `mlflow` client, six months of predictions whose
temperature leaves the training range, labels, windows, alerts, gates, a rollout that succeeds and
one that is rolled back.
"""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime

import numpy as np
import pandas as pd
import requests

PIPELINE_RUN = "01JGZ0000000000000000STAGE"
DATA = "md5:0123456789abcdef0123456789abcdef"
MODEL = "delay"
ENDPOINT = "late"
MONITOR = "late-monthly"
MONTHS = [f"2013-{month:02d}" for month in range(1, 7)]
ROWS = 900
BATCH = 150
CARRIERS = ["AA", "B6", "DL", "UA"]
FEATURES = ["temp", "hour", "carrier"]
DOCUMENTS = [
    ("Contract", "late-input", {"ignore": ["label"], "missing": "warn"}),
    (
        "Endpoint",
        ENDPOINT,
        {
            "model": f"{MODEL}@champion",
            "contract": "late-input",
            "confidence": {"threshold": 0.55},
            "ood": {"false_positive_rate": 0.01},
        },
    ),
    ("Monitor", MONITOR, {"endpoint": ENDPOINT, "window": "month", "ignore": ["label"]}),
    ("Alert", "late-drift", {"monitor": MONITOR, "expr": 'drift{feature="temp"} > 0.5'}),
    ("Alert", "late-volume", {"monitor": MONITOR, "expr": "rows < 10", "severity": "info"}),
    (
        "Gate",
        "late",
        {
            "model": MODEL,
            "performance": {
                "metric": "auc",
                "min_rows": 200,
                "floor": 0.55,
                "non_inferiority_margin": 0.02,
            },
            "data_quality": {"max_missing_rate": 0.2},
        },
    ),
    (
        "RetrainPolicy",
        "late",
        {
            "endpoint": ENDPOINT,
            "model": MODEL,
            "gate": "late",
            "on": ["late-drift"],
            "min_new_labels": 1_000_000,
            "pipeline": {"directory": "/tmp"},
        },
    ),
]


@dataclass
class SmallLoop:
    """What was made, for the tests to look for."""

    url: str
    runs: dict[str, str] = field(default_factory=dict)  # version -> run id
    report: str = ""
    promoted: str = ""  # rollout of version 2
    planted: str = ""  # rollout of version 3
    job: str = ""
    prediction: str = ""

    def get(self, path: str, **query) -> dict:
        answer = requests.get(f"{self.url}/api/fettle/v1{path}", params=query, timeout=30)
        assert answer.status_code == 200, f"GET {path} -> {answer.status_code} {answer.text}"
        return answer.json()

    def post(self, path: str, body: dict) -> dict:
        answer = requests.post(f"{self.url}/api/fettle/v1{path}", json=body, timeout=60)
        assert answer.status_code in (
            200,
            201,
        ), f"POST {path} -> {answer.status_code} {answer.text}"
        return answer.json()


def month_start(month: str) -> int:
    return int(
        datetime.fromisoformat(f"{month}-01T00:00:00").replace(tzinfo=UTC).timestamp() * 1000
    )


def rows_of(month: str, rows: int = ROWS) -> pd.DataFrame:
    """Flights of one month: warmer every month; hour and carrier decide how many are late."""
    number = int(month[-2:])
    random = np.random.default_rng(number)
    frame = pd.DataFrame(
        {
            "temp": random.normal(30 + 8 * number, 8, rows).astype(np.float32),
            "hour": random.integers(5, 23, rows).astype(np.float32),
            "carrier": random.choice(CARRIERS, rows),
        }
    )
    odds = 0.35 * (frame.hour - 15) + 0.8 * (frame.carrier == "B6")
    frame["label"] = (random.random(rows) < 1 / (1 + np.exp(-odds))).astype(int)
    return frame


def train(loop: SmallLoop, version: str, months: list[str], shuffled: bool = False) -> None:
    """One run with a registered ONNX model, by stock clients."""
    import mlflow
    import skl2onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType
    from sklearn.compose import ColumnTransformer
    from sklearn.linear_model import LogisticRegression
    from sklearn.metrics import roc_auc_score
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    rows = pd.concat([rows_of(month) for month in months], ignore_index=True)
    label = rows.label.sample(frac=1, random_state=1).to_numpy() if shuffled else rows.label
    columns = ColumnTransformer(
        [
            ("words", OneHotEncoder(handle_unknown="ignore"), ["carrier"]),
            ("numbers", StandardScaler(), ["temp", "hour"]),
        ]
    )
    model = Pipeline([("columns", columns), ("line", LogisticRegression(C=int(version)))]).fit(
        rows[FEATURES], label
    )
    inputs = [
        ("temp", FloatTensorType([None, 1])),
        ("hour", FloatTensorType([None, 1])),
        ("carrier", StringTensorType([None, 1])),
    ]
    converted = skl2onnx.convert_sklearn(
        model,
        MODEL,
        inputs,
        options={id(model): {"zipmap": False}},
        target_opset={"": 15, "ai.onnx.ml": 3},
    )
    with mlflow.start_run(
        run_name=f"train-{version}", tags={"fettle.pipeline_run": PIPELINE_RUN}
    ) as run:
        mlflow.log_params({"C": version, "months": len(months), "solver": "lbfgs"})
        mlflow.log_metric(
            "train_auc", roc_auc_score(label, model.predict_proba(rows[FEATURES])[:, 1])
        )
        for step in range(12):
            mlflow.log_metric("loss", 0.4 + 0.5 / (step + 1), step=step)
        mlflow.log_input(
            mlflow.data.from_pandas(rows, name="flights", targets="label"), context="training"
        )
        mlflow.log_text(rows.assign(label=label).to_csv(index=False), "reference.csv")
        mlflow.log_text(rows_of("2013-01", 600).to_csv(index=False), "holdout.csv")
        mlflow.onnx.log_model(
            converted, name="model", registered_model_name=MODEL, pip_requirements=["onnx"]
        )
        loop.runs[version] = run.info.run_id


def send(loop: SmallLoop, month: str, caller: int = 0) -> None:
    """The month's flights through the endpoint, each row with its own key and event time."""
    rows, start = rows_of(month), month_start(month)
    for first in range(0, len(rows), BATCH):
        part = rows.iloc[first : first + BATCH]
        n = len(part)

        def tensor(name, datatype, values, n=n):
            return {"name": name, "datatype": datatype, "shape": [n, 1], "data": list(values)}

        body = {
            "inputs": [
                tensor("temp", "FP32", part.temp.astype(float)),
                tensor("hour", "FP32", part.hour.astype(float)),
                tensor("carrier", "BYTES", part.carrier),
                tensor("fettle_key", "BYTES", (f"{month}/{row}" for row in part.index)),
                tensor(
                    "fettle_event_time_ms",
                    "INT64",
                    (start + int(row) * 60_000 for row in part.index),
                ),
            ],
            "parameters": {"fettle_key": f"{month}/{first}/{caller}"},
        }
        answer = requests.post(f"{loop.url}/v2/models/{ENDPOINT}/infer", json=body, timeout=30)
        assert answer.status_code == 200, answer.text
        loop.prediction = answer.json()["parameters"]["prediction_id"]


def label(loop: SmallLoop, month: str) -> None:
    rows = [
        {"key": f"{month}/{row}", "label": int(value)}
        for row, value in rows_of(month).label.items()
    ]
    result = loop.post("/labels", {"endpoint": ENDPOINT, "rows": rows})
    assert result["invalid"] == 0, result


def close(loop: SmallLoop, month: str) -> None:
    loop.post(
        f"/monitors/{MONITOR}/evaluate",
        {"until_ms": month_start(f"2013-{int(month[-2:]) + 1:02d}")},
    )


def wait_serving(loop: SmallLoop, timeout_s: float = 30) -> None:
    """Endpoints follow an alias within moments."""
    deadline = time.monotonic() + timeout_s
    while (found := loop.get(f"/endpoints/{ENDPOINT}"))["state"] != "serving":
        assert time.monotonic() < deadline, found["reason"]
        time.sleep(0.1)


def wait(loop: SmallLoop, rollout: str, states: set[str], timeout_s: float = 30) -> dict:
    deadline = time.monotonic() + timeout_s
    while True:
        found = loop.get(f"/rollouts/{rollout}")
        if found["state"] in states:
            return found
        assert time.monotonic() < deadline, f"rollout is {found['state']}: {found['reason']}"
        time.sleep(0.2)


def send_until(loop: SmallLoop, month: str, rollout: str, states: set[str]) -> dict:
    """Traffic until the rollout has ended: its steps need rows of both arms."""
    for caller in range(20):
        send(loop, month, caller)
        found = loop.get(f"/rollouts/{rollout}")
        if found["state"] in states:
            return found
        time.sleep(0.5)
    return wait(loop, rollout, states)


def stage() -> dict:
    """As `fettle repro` reports an executed stage."""
    now = int(time.time() * 1000)
    inputs = [{"path": "data/months.csv", "hash": DATA, "size_bytes": 1234}]
    return {
        "id": PIPELINE_RUN,
        "stage": "train",
        "command": "python train.py",
        "directory": "/tmp",
        "params": {"C": 1},
        "started_at_ms": now - 5000,
        "ended_at_ms": now,
        "inputs": inputs,
        "outputs": [],
    }


def build(url: str) -> SmallLoop:
    import mlflow

    loop = SmallLoop(url)
    mlflow.set_tracking_uri(url)
    mlflow.set_registry_uri(url)
    mlflow.set_experiment("late flights")
    client = mlflow.MlflowClient()
    loop.post(
        "/apply",
        {
            "documents": [
                {"kind": kind, "name": name, "spec": spec} for kind, name, spec in DOCUMENTS
            ],
            "by": "test",
        },
    )
    loop.post("/pipeline-runs", stage())
    train(loop, "1", MONTHS[:2])
    loop.report = loop.post(
        "/gates/late/runs",
        {
            "candidate": f"{MODEL}/1",
            "data": {"artifact": {"run_id": loop.runs["1"], "path": "holdout.csv"}},
        },
    )["id"]
    client.set_registered_model_alias(MODEL, "champion", "1")
    wait_serving(loop)
    for month in MONTHS[:4]:
        send(loop, month)
        label(loop, month)
        close(loop, month)
    train(loop, "2", MONTHS[:4])
    newest = {"labelled": {"monitor": MONITOR, "window": "latest"}}
    loop.post("/gates/late/runs", {"candidate": f"{MODEL}/2", "data": newest})
    steps = [{"weight_percent": 50, "min_rows": 100}, {"weight_percent": 100, "min_rows": 0}]
    loop.promoted = loop.post(
        f"/endpoints/{ENDPOINT}/rollouts",
        {
            "candidate": f"{MODEL}/2",
            "steps": steps,
            "by": "test",
            "override_gate": {"reason": "the test goes on either way"},
        },
    )["id"]
    send_until(loop, MONTHS[4], loop.promoted, {"succeeded"})
    label(loop, MONTHS[4])
    close(loop, MONTHS[4])
    train(loop, "3", MONTHS[:4], shuffled=True)
    analysis = {"score_psi": {"max": 0.25, "action": "fail"}, "failure_limit": 1}
    planted = {
        "candidate": f"{MODEL}/3",
        "steps": steps,
        "analysis": analysis,
        "by": "test",
        "override_gate": {"reason": "planted: does the canary find it?"},
    }
    loop.planted = loop.post(f"/endpoints/{ENDPOINT}/rollouts", planted)["id"]
    send_until(loop, MONTHS[5], loop.planted, {"rolled_back"})
    loop.job = loop.post(
        "/jobs",
        {"name": "hello", "command": ["sh", "-c", "echo hello from a job"], "directory": "/tmp"},
    )["id"]
    return loop
