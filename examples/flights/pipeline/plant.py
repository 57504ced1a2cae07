"""Makes the bad model of the demo: trained like the good one, on labels that were shuffled, and
registered like the good one.
"""

from pathlib import Path

import mlflow
import pandas as pd
import yaml

import train


def main() -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    source = Path("data/prepared/train.csv")
    rows = pd.read_csv(source, dtype=dict.fromkeys(params["features"]["numeric"], "float64"))
    rows["label"] = rows.label.sample(frac=1, random_state=train.SEED).to_numpy()
    with mlflow.start_run(run_name="shuffled-labels"):
        made = train.log_run(rows, train.fit(rows, params), params, str(source))
        mlflow.set_tag("planted", "labels were shuffled")
    print(made["version"])


if __name__ == "__main__":
    main()
