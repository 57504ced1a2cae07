"""The experiment tracking snippet of the common guides with the stock `mlflow`, and what a DevOps
engineer asks next.
"""

import json
import urllib.request

import pytest

from shell import run

TRAIN = """
import mlflow
from sklearn.linear_model import LogisticRegression

model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
with mlflow.start_run():
    mlflow.log_param("learning_rate", 0.01)
    mlflow.log_param("batch_size", 32)
    mlflow.log_metric("accuracy", 0.95)
    mlflow.log_metric("loss", 0.08)
    mlflow.sklearn.log_model(model, name="model", registered_model_name="flights-delay")
"""
PREDICT = """
import mlflow
model = mlflow.pyfunc.load_model("models:/flights-delay/latest")
print(model.predict([[0.0], [3.0]]).tolist())
"""
SEARCH = """
import mlflow
wanted = "params.batch_size = '32' and metrics.accuracy > 0.9"
run = mlflow.search_runs(filter_string=wanted).iloc[0]
print(run["status"], run["params.learning_rate"], run["metrics.loss"])
"""


@pytest.fixture
def tracking(environment, fettle_server):
    return environment | {"MLFLOW_TRACKING_URI": fettle_server.url}


def python(script: str, tracking, tmp_path) -> str:
    return run(["python", "-W", "ignore", "-c", script], tracking, tmp_path).strip()


def test_snippet_logs_registers_and_loads(tracking, tmp_path):
    python(TRAIN, tracking, tmp_path)
    assert python(SEARCH, tracking, tmp_path).splitlines()[-1] == "FINISHED 0.01 0.08"
    assert python(PREDICT, tracking, tmp_path).splitlines()[-1] == "[0, 1]"


def test_metrics_document_has_its_three_parts(fettle_server):
    with urllib.request.urlopen(fettle_server.url + "/api/fettle/v1/metrics") as answer:
        document = json.load(answer)
    assert set(document) == {"system", "model", "data"}
    assert document["system"]["memory_bytes"] > 0
    assert document["system"]["cpu_cores"] > 0
