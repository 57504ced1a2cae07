"""Logged models, autolog, the registry, aliases and loading, as the stock client does them."""

import numpy as np
import pytest
from mlflow.exceptions import MlflowException

MODEL = {"serialization_format": "cloudpickle"}


@pytest.fixture(scope="module")
def fitted():
    from sklearn.linear_model import LogisticRegression

    x = np.random.default_rng(7).normal(size=(60, 3))
    y = (x[:, 0] > 0).astype(int)
    return LogisticRegression().fit(x, y), x, y


def test_log_register_alias_and_load(mlflow, client, fitted):
    model, x, _ = fitted
    with mlflow.start_run() as run:
        mlflow.log_metric("auc", 0.9)
        info = mlflow.sklearn.log_model(model, name="model", registered_model_name="flights", **MODEL)
    assert info.model_uri.startswith("models:/m-")
    version = client.get_model_version("flights", 1)
    assert (version.status, version.current_stage, version.run_id) == ("READY", "None", run.info.run_id)
    client.set_registered_model_alias("flights", "champion", 1)
    assert client.get_model_version_by_alias("flights", "champion").version == "1"
    for uri in ("models:/flights/1", "models:/flights@champion", "models:/flights/latest", info.model_uri, f"runs:/{run.info.run_id}/model"):
        assert np.array_equal(mlflow.sklearn.load_model(uri).predict(x), model.predict(x)), uri
    logged = mlflow.get_logged_model(info.model_id)
    assert logged.status == "READY"
    assert {metric.key: metric.value for metric in logged.metrics} == {"auc": 0.9}
    assert len(client.get_metric_history(run.info.run_id, "auc")) == 1
    assert [output.model_id for output in client.get_run(run.info.run_id).outputs.model_outputs] == [info.model_id]
    again = mlflow.register_model(info.model_uri, "flights")
    assert again.version == "2"
    client.set_registered_model_alias("flights", "champion", 2)
    assert client.get_model_version("flights", 1).aliases == []
    assert client.get_registered_model("flights").aliases == {"champion": "2"}


def test_onnx(mlflow, fitted):
    from skl2onnx import to_onnx

    model, x, _ = fitted
    converted = to_onnx(model, x[:1].astype(np.float32), options={"zipmap": False})
    with mlflow.start_run():
        info = mlflow.onnx.log_model(converted, name="onnx", registered_model_name="onnx model")
    loaded = mlflow.pyfunc.load_model("models:/onnx model/1")
    answer = loaded.predict(x.astype(np.float32))
    assert np.array_equal(np.asarray(answer["label"]), model.predict(x))
    assert mlflow.onnx.load_model(info.model_uri).graph.name == converted.graph.name


def test_sklearn_autolog(mlflow, client, fitted):
    from sklearn.ensemble import RandomForestClassifier

    _, x, y = fitted
    mlflow.sklearn.autolog(serialization_format="cloudpickle")
    with mlflow.start_run() as run:
        RandomForestClassifier(n_estimators=5, random_state=1).fit(x, y)
    stored = client.get_run(run.info.run_id)
    assert stored.data.params["n_estimators"] == "5"
    assert "training_accuracy_score" in stored.data.metrics
    assert [i.dataset.name for i in stored.inputs.dataset_inputs]
    assert len(stored.outputs.model_outputs) == 1
    names = [f.path for f in client.list_artifacts(run.info.run_id)]
    assert "estimator.html" in names
    model = mlflow.get_logged_model(stored.outputs.model_outputs[0].model_id)
    assert model.status == "READY"
    assert "training_accuracy_score" in {metric.key for metric in model.metrics}


def test_search_logged_models(mlflow, fitted):
    model, _, _ = fitted
    with mlflow.start_run() as run:
        for c in (0.1, 0.9):
            info = mlflow.sklearn.log_model(model, name=f"c{int(c * 10)}", **MODEL)
            mlflow.log_metric("score", c, model_id=info.model_id)
    found = mlflow.search_logged_models(filter_string="metrics.score > 0.5", output_format="list")
    assert [m.name for m in found] == ["c9"]
    ordered = mlflow.search_logged_models(order_by=[{"field_name": "metrics.score", "ascending": True}], output_format="list")
    assert [m.name for m in ordered] == ["c1", "c9"]
    assert all(m.source_run_id == run.info.run_id for m in ordered)


@pytest.fixture
def version(client, mlflow, request):
    """`make()` gives another version of a model of this test's own."""
    name = f"model {request.node.name}"
    client.create_registered_model(name)
    experiment = mlflow.get_experiment_by_name("Default").experiment_id

    def make(**options):
        run = client.create_run(experiment)
        client.log_text(run.info.run_id, "content", "model/file.txt")
        return client.create_model_version(name, f"runs:/{run.info.run_id}/model", run.info.run_id, **options)

    make.name = name
    return make


def test_registry_life(client, version):
    first, second = version(tags={"a": "1"}, description="one"), version()
    name = version.name
    assert (first.version, second.version) == ("1", "2")
    client.update_model_version(name, "1", "changed")
    client.set_model_version_tag(name, "1", "b", "2")
    client.delete_model_version_tag(name, "1", "a")
    stored = client.get_model_version(name, "1")
    assert (stored.description, stored.tags) == ("changed", {"b": "2"})
    client.transition_model_version_stage(name, "1", "production")
    client.transition_model_version_stage(name, "2", "Production", archive_existing_versions=True)
    assert client.get_model_version(name, "1").current_stage == "Archived"
    assert {v.current_stage: v.version for v in client.get_latest_versions(name)} == {"Archived": "1", "Production": "2"}
    client.set_registered_model_alias(name, "best", "2")
    client.delete_model_version(name, "2")
    assert client.get_registered_model(name).aliases == {}
    assert version().version == "3"
    client.set_registered_model_tag(name, "team", "ops")
    client.update_registered_model(name, "what it is")
    client.rename_registered_model(name, name + " 2")
    renamed = client.get_registered_model(name + " 2")
    assert (renamed.name, renamed.tags, renamed.description) == (name + " 2", {"team": "ops"}, "what it is")
    assert [v.version for v in client.search_model_versions(f"name = '{name} 2'")] == ["3", "1"]
    client.delete_registered_model(name + " 2")
    with pytest.raises(MlflowException, match="not found"):
        client.get_registered_model(name + " 2")


def test_registry_search(client, version):
    version(tags={"k": "v"})
    second = version()
    name = version.name
    assert [m.name for m in client.search_registered_models(f"name = '{name}'")] == [name]
    assert [m.name for m in client.search_registered_models(f"name ILIKE '{name.upper()}'")] == [name]
    assert [v.version for v in client.search_model_versions(f"name = '{name}' and tags.k = 'v'")] == ["1"]
    assert [v.version for v in client.search_model_versions(f"run_id = '{second.run_id}'")] == ["2"]
    assert [v.version for v in client.search_model_versions(f"name = '{name}'", order_by=["version_number ASC"])] == ["1", "2"]
    page = client.search_model_versions(f"name = '{name}'", max_results=1)
    assert [v.version for v in page] == ["2"] and page.token
    assert [v.version for v in client.search_model_versions(f"name = '{name}'", max_results=1, page_token=page.token)] == ["1"]
    with pytest.raises(MlflowException, match="Invalid attribute key 'version' specified"):
        client.search_model_versions("version = 1")


def test_registry_errors(client, version):
    version()
    name = version.name
    with pytest.raises(MlflowException) as caught:
        client.create_registered_model(name)
    assert caught.value.error_code == "RESOURCE_ALREADY_EXISTS"
    with pytest.raises(MlflowException) as caught:
        client.get_model_version(name, "99")
    assert caught.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    for alias in ("a b", "latest", "v1"):
        with pytest.raises(MlflowException):
            client.set_registered_model_alias(name, alias, "1")
    with pytest.raises(MlflowException) as caught:
        client.get_model_version_by_alias(name, "absent")
    assert caught.value.error_code == "INVALID_PARAMETER_VALUE"
    client.delete_registered_model_alias(name, "absent")
    with pytest.raises(MlflowException, match="Names cannot contain"):
        client.create_registered_model("a/b")


def test_prompts_share_the_namespace_and_stay_hidden(mlflow, client):
    mlflow.genai.register_prompt("greeting", "Hello {{name}}")
    assert mlflow.genai.load_prompt("prompts:/greeting/1").format(name="Ann") == "Hello Ann"
    assert "greeting" not in [m.name for m in client.search_registered_models()]
    assert [p.name for p in mlflow.genai.search_prompts("name = 'greeting'")] == ["greeting"]
