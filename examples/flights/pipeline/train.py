"""Stage `train`: fits the pipeline, converts it to ONNX with its preprocessing, and logs and
registers it with MLflow.

Nothing here knows where the tracking server is or what stands behind it: MLFLOW_TRACKING_URI
decides.
"""

import json
from pathlib import Path

import mlflow
import numpy as np
import onnx
import onnxruntime
import pandas as pd
import skl2onnx
import yaml
from mlflow.models import ModelSignature
from mlflow.types import Schema, TensorSpec
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from skl2onnx.common.shape_calculator import calculate_linear_classifier_output_shapes
from sklearn.compose import ColumnTransformer
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from xgboost import XGBClassifier

MODEL_NAME = "flights-delay"
OPSETS = {"": 15, "ai.onnx.ml": 3}
LARGEST_DIFFERENCE = 1e-6
SEED = 7


def fit(rows: pd.DataFrame, params: dict) -> Pipeline:
    """The scikit-learn pipeline: one-hot categories, numbers as they are (missing stays missing),
    boosted trees.
    """
    categorical, numeric = params["features"]["categorical"], params["features"]["numeric"]
    encode = OneHotEncoder(handle_unknown="ignore", sparse_output=False, dtype=np.float32)
    settings = params["train"]
    trees = XGBClassifier(
        n_estimators=settings["trees"],
        max_depth=settings["max_depth"],
        learning_rate=settings["learning_rate"],
        tree_method="hist",
        random_state=SEED,
    )
    columns = ColumnTransformer(
        [("categories", encode, categorical), ("numbers", "passthrough", numeric)]
    )
    return Pipeline([("columns", columns), ("trees", trees)]).fit(
        rows[categorical + numeric], rows.label
    )


def to_onnx(model: Pipeline, params: dict) -> onnx.ModelProto:
    """One input a feature, shaped [batch, 1]: text for categories, float for numbers. Outputs:
    `label` and `probabilities`.
    """
    skl2onnx.update_registered_converter(
        XGBClassifier,
        "XGBoostXGBClassifier",
        calculate_linear_classifier_output_shapes,
        convert_xgboost,
        options={"nocl": [True, False], "zipmap": [True, False, "columns"]},
    )
    inputs = [(name, StringTensorType([None, 1])) for name in params["features"]["categorical"]]
    inputs += [(name, FloatTensorType([None, 1])) for name in params["features"]["numeric"]]
    options = {id(model): {"zipmap": False}}
    return skl2onnx.convert_sklearn(model, MODEL_NAME, inputs, options=options, target_opset=OPSETS)


def as_tensors(rows: pd.DataFrame, params: dict) -> dict[str, np.ndarray]:
    tensors = {
        name: rows[[name]].to_numpy(dtype=object) for name in params["features"]["categorical"]
    }
    return tensors | {
        name: rows[[name]].to_numpy(dtype=np.float32) for name in params["features"]["numeric"]
    }


def scores_of(converted: onnx.ModelProto, rows: pd.DataFrame, params: dict) -> np.ndarray:
    """The probability of being late, by ONNX Runtime."""
    session = onnxruntime.InferenceSession(
        converted.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(["probabilities"], as_tensors(rows, params))[0][:, 1]


def signature_of(params: dict) -> ModelSignature:
    inputs = [
        TensorSpec(np.dtype("O"), (-1, 1), name) for name in params["features"]["categorical"]
    ]
    inputs += [
        TensorSpec(np.dtype(np.float32), (-1, 1), name) for name in params["features"]["numeric"]
    ]
    outputs = [
        TensorSpec(np.dtype(np.int64), (-1,), "label"),
        TensorSpec(np.dtype(np.float32), (-1, 2), "probabilities"),
    ]
    return ModelSignature(inputs=Schema(inputs), outputs=Schema(outputs))


def log_run(rows: pd.DataFrame, model: Pipeline, params: dict, source: str) -> dict:
    """Converts, compares both forms, logs all of it to the active run and registers the model.
    Returns what was made.
    """
    converted = to_onnx(model, params)
    sample = rows.sample(min(len(rows), params["train"]["reference_rows"]), random_state=SEED)
    scores = scores_of(converted, sample, params)
    difference = float(np.abs(scores - model.predict_proba(sample)[:, 1]).max())
    if difference > LARGEST_DIFFERENCE:
        raise SystemExit(
            f"the converted model differs from the trained one by {difference:.2g}, more than "
            f"{LARGEST_DIFFERENCE:.0e}"
        )

    mlflow.log_params(
        {**params["train"], "rows": len(rows), "features": len(signature_of(params).inputs)}
    )
    mlflow.log_metrics(
        {
            "train_auc": roc_auc_score(sample.label, scores),
            "train_log_loss": log_loss(sample.label, scores),
            "late_rate": rows.label.mean(),
            "onnx_difference": difference,
        }
    )
    mlflow.log_input(
        mlflow.data.from_pandas(rows, source=source, targets="label", name="flights"),
        context="training",
    )
    mlflow.log_text(sample.assign(prediction=scores).to_csv(index=False), "reference.csv")
    logged = mlflow.onnx.log_model(
        converted,
        name="model",
        registered_model_name=MODEL_NAME,
        signature=signature_of(params),
        input_example=as_tensors(sample.head(2), params),
        onnx_execution_providers=["CPUExecutionProvider"],
        pip_requirements=[
            f"{package.__name__}=={package.__version__}" for package in (onnx, onnxruntime)
        ],
    )
    return {
        "run_id": mlflow.active_run().info.run_id,
        "name": MODEL_NAME,
        "version": str(logged.registered_model_version),
    }


def main() -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    source = Path("data/prepared/train.csv")
    rows = pd.read_csv(source, dtype=dict.fromkeys(params["features"]["numeric"], "float64"))
    with mlflow.start_run():
        made = log_run(rows, fit(rows, params), params, str(source))
    Path("model.json").write_text(json.dumps(made, indent=2) + "\n")
    print(
        f"model {made['name']} version {made['version']} from {len(rows):,} flights, run "
        f"{made['run_id']}"
    )


if __name__ == "__main__":
    main()
