"""Stage `prepare`: from the raw months to labelled rows for training and a holdout.

A flight is late when it arrives more than `late_after_minutes` behind schedule; a flight that never
arrived has no label and is left
out. When a retraining asks for it (FETTLE_EVALUATION_FROM_MS, FETTLE_EVALUATION_TO_MS), the flights
of that time are left out as well:
the new model will be compared with the old one on them.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

RAW = Path("data/raw")
PREPARED = Path("data/prepared")


def read_months() -> pd.DataFrame:
    paths = sorted(RAW.glob("*.csv"))
    if not paths:
        raise SystemExit(f"no month in {RAW}: expected files such as 2013-01.csv")
    return pd.concat([pd.read_csv(path) for path in paths], ignore_index=True)


def outside_evaluation(rows: pd.DataFrame) -> pd.Series:
    """True for the rows that the comparison with the old model will not use."""
    begin, end = (os.environ.get(f"FETTLE_EVALUATION_{side}_MS") for side in ("FROM", "TO"))
    if not begin or not end:
        return pd.Series(True, index=rows.index)
    scheduled = pd.to_datetime(rows.scheduled, utc=True)
    begin, end = (pd.to_datetime(int(side), unit="ms", utc=True) for side in (begin, end))
    return (scheduled < begin) | (scheduled >= end)


def is_holdout(keys: pd.Series, share: float) -> np.ndarray:
    """A stable choice by key: a flight stays on its side however many months are added."""
    return pd.util.hash_array(keys.to_numpy(dtype=object)) % 10_000 < share * 10_000


def main() -> None:
    params = yaml.safe_load(Path("params.yaml").read_text())
    columns = params["features"]["categorical"] + params["features"]["numeric"]
    rows = read_months()
    rows = rows[rows.arr_delay.notna() & outside_evaluation(rows)]
    rows = rows.assign(label=(rows.arr_delay > params["late_after_minutes"]).astype(int))
    holdout = is_holdout(rows.flight_key, params["holdout_share"])
    PREPARED.mkdir(parents=True, exist_ok=True)
    for name, part in (("train", rows[~holdout]), ("holdout", rows[holdout])):
        part[columns + ["label"]].to_csv(PREPARED / f"{name}.csv", index=False)
        print(
            f"{name}: {len(part):,} flights, {part.label.mean():.1%} late, "
            f"{part.scheduled.min()[:10]} to {part.scheduled.max()[:10]}"
        )


if __name__ == "__main__":
    main()
