"""The stock MLflow client, pointed at a server of this module's own."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")


@pytest.fixture
def mlflow(fettle_server, tmp_path, monkeypatch):
    """The client's module; experiments and the active run are clean for each test."""
    import mlflow as client

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", fettle_server.url)
    client.set_tracking_uri(fettle_server.url)
    client.set_registry_uri(fettle_server.url)
    client.set_experiment(f"test-{tmp_path.name}")
    yield client
    while client.active_run():
        client.end_run()
    client.autolog(disable=True)


@pytest.fixture
def client(mlflow, fettle_server):
    return mlflow.MlflowClient(fettle_server.url, fettle_server.url)


@pytest.fixture
def rest(fettle_server):
    """Raw requests: rest("POST", "runs/create", {...}) -> (status, document or text); a path with a leading / is absolute."""
    import requests

    def call(method, path, body=None, **options):
        url = f"{fettle_server.url}{path}" if path.startswith("/") else f"{fettle_server.url}/api/2.0/mlflow/{path}"
        if body is not None and method != "GET":
            options["json"] = body
        elif body is not None:
            options["params"] = body
        answer = requests.request(method, url, timeout=30, **options)
        try:
            return answer.status_code, answer.json()
        except ValueError:
            return answer.status_code, answer.text

    return call


@pytest.fixture
def run(client, mlflow):
    """A run of the test's experiment."""
    experiment = client.get_experiment_by_name(f"test-{Path.cwd().name}")
    return client.create_run(experiment.experiment_id)
