"""Stage `evaluate`: judges the registered model, as anybody would load it, on flights that training
never saw.
"""

import json
from pathlib import Path

import mlflow
import numpy as np
import onnxruntime
import pandas as pd
import yaml
from sklearn.metrics import accuracy_score, brier_score_loss, log_loss, roc_auc_score


def scores_of(version: dict, rows: pd.DataFrame, features: dict) -> np.ndarray:
    model = mlflow.onnx.load_model(f"models:/{version['name']}/{version['version']}")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    tensors = {name: rows[[name]].to_numpy(dtype=object) for name in features["categorical"]}
    tensors |= {name: rows[[name]].to_numpy(dtype=np.float32) for name in features["numeric"]}
    return session.run(["probabilities"], tensors)[0][:, 1]


def main() -> None:
    features = yaml.safe_load(Path("params.yaml").read_text())["features"]
    version = json.loads(Path("model.json").read_text())
    rows = pd.read_csv("data/prepared/holdout.csv")
    scores = scores_of(version, rows, features)
    metrics = {
        "auc": roc_auc_score(rows.label, scores),
        "log_loss": log_loss(rows.label, scores),
        "brier": brier_score_loss(rows.label, scores),
        "accuracy": accuracy_score(rows.label, scores >= 0.5),
    }
    with mlflow.start_run(run_id=version["run_id"]):
        mlflow.log_metrics({f"holdout_{name}": value for name, value in metrics.items()})
        mlflow.log_artifact("data/prepared/holdout.csv")
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n")
    print(
        f"version {version['version']} on {len(rows):,} held out flights: AUC "
        f"{metrics['auc']:.3f}, log loss {metrics['log_loss']:.3f}"
    )


if __name__ == "__main__":
    main()
