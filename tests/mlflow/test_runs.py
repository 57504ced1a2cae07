"""Runs, metrics, params, tags, artifacts and search, as the stock client does them."""

import math

import pytest
from mlflow.entities import Metric, Param, RunTag, ViewType
from mlflow.exceptions import MlflowException, RestException


def test_snippet_of_every_tutorial(mlflow, client):
    with mlflow.start_run(run_name="first") as run:
        mlflow.log_param("depth", 6)
        mlflow.log_params({"rate": 0.1, "trees": 200})
        for step in range(5):
            mlflow.log_metric("loss", 1.0 / (step + 1), step=step)
        mlflow.log_metrics({"auc": 0.7, "acc": 0.8})
        mlflow.set_tags({"team": "ops", "kind": "demo"})
    stored = client.get_run(run.info.run_id)
    assert stored.info.run_name == "first"
    assert stored.info.status == "FINISHED"
    assert stored.info.end_time >= stored.info.start_time > 0
    assert stored.data.params == {"depth": "6", "rate": "0.1", "trees": "200"}
    assert stored.data.metrics == {"loss": 0.2, "auc": 0.7, "acc": 0.8}
    assert stored.data.tags["team"] == "ops"
    assert stored.data.tags["mlflow.runName"] == "first"
    history = client.get_metric_history(run.info.run_id, "loss")
    assert [point.step for point in history] == [0, 1, 2, 3, 4]
    assert [point.value for point in history] == [1.0, 1 / 2, 1 / 3, 1 / 4, 1 / 5]


def test_latest_value_is_by_step_not_by_arrival(client, run):
    client.log_metric(run.info.run_id, "m", 5.0, timestamp=10, step=7)
    client.log_metric(run.info.run_id, "m", 9.0, timestamp=99, step=3)
    assert client.get_run(run.info.run_id).data.metrics["m"] == 5.0


def test_identical_points_are_one(client, run):
    for _ in range(3):
        client.log_metric(run.info.run_id, "m", 1.5, timestamp=10, step=1)
    assert len(client.get_metric_history(run.info.run_id, "m")) == 1


def test_nan_and_infinity(client, run):
    client.log_metric(run.info.run_id, "nan", math.nan, step=1)
    client.log_metric(run.info.run_id, "inf", math.inf, step=1)
    metrics = client.get_run(run.info.run_id).data.metrics
    assert math.isnan(metrics["nan"])
    assert metrics["inf"] == 1.7976931348623157e308
    assert math.isnan(client.get_metric_history(run.info.run_id, "nan")[0].value)


def test_long_history_survives_compaction(client, run):
    points = [Metric("m", step * 0.5, 1000 + step, step) for step in range(5000)]
    for at in range(0, 5000, 1000):
        client.log_batch(run.info.run_id, metrics=points[at : at + 1000])
    for step in range(5000, 5100):
        client.log_metric(run.info.run_id, "m", step * 0.5, timestamp=1000 + step, step=step)
    history = client.get_metric_history(run.info.run_id, "m")
    assert [point.step for point in history] == list(range(5100))
    assert [point.value for point in history] == [step * 0.5 for step in range(5100)]


def test_batch_is_all_or_nothing(client, run):
    client.log_param(run.info.run_id, "p", "a")
    with pytest.raises(MlflowException) as caught:
        client.log_batch(
            run.info.run_id, metrics=[Metric("m", 1.0, 1, 0)], params=[Param("p", "b")], tags=[RunTag("t", "v")]
        )
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    assert "Changing param values is not allowed" in caught.value.message
    stored = client.get_run(run.info.run_id)
    assert stored.data.params == {"p": "a"}
    assert stored.data.metrics == {}
    assert "t" not in stored.data.tags


def test_typed_exceptions(client, mlflow, run):
    with pytest.raises(RestException) as caught:
        client.get_run("0" * 32)
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    name = client.get_experiment(run.info.experiment_id).name
    with pytest.raises(RestException) as caught:
        client.create_experiment(name)
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"
    assert client.get_experiment_by_name("no such experiment") is None
    client.delete_run(run.info.run_id)
    with pytest.raises(MlflowException, match="must be in the 'active' state"):
        client.log_metric(run.info.run_id, "m", 1.0)


def test_run_lifecycle(client, run):
    run_id = run.info.run_id
    client.delete_run(run_id)
    assert client.get_run(run_id).info.lifecycle_stage == "deleted"
    assert client.search_runs([run.info.experiment_id]) == []
    assert len(client.search_runs([run.info.experiment_id], run_view_type=ViewType.ALL)) == 1
    client.restore_run(run_id)
    client.set_tag(run_id, "mlflow.runName", "renamed")
    client.set_terminated(run_id, "FAILED")
    stored = client.get_run(run_id)
    assert (stored.info.run_name, stored.info.status, stored.info.lifecycle_stage) == ("renamed", "FAILED", "active")
    client.set_tag(run_id, "t", "v")
    client.delete_tag(run_id, "t")
    with pytest.raises(MlflowException, match="No tag with name: t"):
        client.delete_tag(run_id, "t")


def test_experiment_lifecycle(client):
    experiment_id = client.create_experiment("lifecycle", tags={"a": "1"})
    run = client.create_run(experiment_id)
    client.rename_experiment(experiment_id, "renamed lifecycle")
    client.set_experiment_tag(experiment_id, "b", "2")
    assert client.get_experiment(experiment_id).tags["b"] == "2"
    client.delete_experiment(experiment_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "deleted"
    with pytest.raises(MlflowException, match="is deleted"):
        client.create_experiment("renamed lifecycle")
    client.restore_experiment(experiment_id)
    assert client.get_run(run.info.run_id).info.lifecycle_stage == "active"
    found = client.search_experiments(filter_string="name = 'renamed lifecycle' AND tags.a = '1'")
    assert [e.experiment_id for e in found] == [experiment_id]
    assert client.get_experiment("0").name == "Default"


def test_dataset_inputs_are_kept_once(mlflow, client):
    import pandas as pd

    frame = pd.DataFrame({"x": [1.0, 2.0], "y": [0, 1]})
    dataset = mlflow.data.from_pandas(frame, source="data/train.csv", name="train", targets="y")
    with mlflow.start_run() as run:
        mlflow.log_input(dataset, context="training")
        mlflow.log_input(dataset, context="again")
    inputs = client.get_run(run.info.run_id).inputs.dataset_inputs
    assert len(inputs) == 1
    assert inputs[0].dataset.name == "train"
    assert inputs[0].dataset.digest == dataset.digest
    assert {tag.key: tag.value for tag in inputs[0].tags} == {"mlflow.data.context": "training"}
    found = mlflow.search_runs(filter_string="datasets.name = 'train' AND datasets.context = 'training'")
    assert list(found.run_id) == [run.info.run_id]


def test_artifacts(mlflow, client, tmp_path):
    (tmp_path / "folder" / "deep").mkdir(parents=True)
    (tmp_path / "folder" / "a.txt").write_text("alpha")
    (tmp_path / "folder" / "deep" / "b with space.bin").write_bytes(bytes(range(256)) * 4096)
    with mlflow.start_run() as run:
        mlflow.log_text("hello", "notes/hello.txt")
        mlflow.log_dict({"a": 1}, "config.json")
        mlflow.log_artifacts(str(tmp_path / "folder"), "data")
    run_id = run.info.run_id
    assert [f.path for f in client.list_artifacts(run_id)] == ["config.json", "data", "notes"]
    assert [(f.path, f.is_dir) for f in client.list_artifacts(run_id, "data")] == [("data/a.txt", False), ("data/deep", True)]
    assert mlflow.artifacts.load_text(f"{run.info.artifact_uri}/notes/hello.txt") == "hello"
    local = client.download_artifacts(run_id, "data", str(tmp_path))
    assert (tmp_path / "folder" / "deep" / "b with space.bin").read_bytes() == open(f"{local}/deep/b with space.bin", "rb").read()
    with pytest.raises(MlflowException):
        client.download_artifacts(run_id, "nothing.txt", str(tmp_path))
