"""The data version control snippet of the common guides, typed as it stands there, with `fettle` in
place of `dvc`.
"""

import pytest

from shell import run

PREPROCESS = """
import csv
with open("data/raw.csv") as raw, open("data/features.csv", "w", newline="") as out:
    rows = [[row["carrier"], float(row["delay"]) > 15] for row in csv.DictReader(raw)]
    csv.writer(out).writerows([["carrier", "late"], *rows])
"""


@pytest.fixture
def repository(tmp_path, environment):
    folder = tmp_path / "repository"
    (folder / "data").mkdir(parents=True)
    run(["git", "init", "--quiet"], environment, folder)
    run(["fettle", "init", "--quiet"], environment, folder)
    (folder / "data" / "raw.csv").write_text("carrier,delay\nUA,11\nB6,20\nAA,-3\n")
    (folder / "preprocess.py").write_text(PREPROCESS)
    return folder


def shell(script: str, environment: dict[str, str], folder) -> str:
    return run(["bash", "-euo", "pipefail", "-c", script], environment, folder)


def is_clean(environment, folder) -> None:
    assert "up to date" in run(["dvc", "status"], environment, folder)


def test_snippet_runs_and_stock_dvc_finds_nothing_to_do(environment, repository):
    shell("fettle add data/raw.csv", environment, repository)
    shell("fettle run -n preprocess python preprocess.py", environment, repository)
    shell("fettle add data/features.csv", environment, repository)
    features = (repository / "data" / "features.csv").read_text()
    assert features.splitlines() == ["carrier,late", "UA,False", "B6,True", "AA,False"]
    assert "preprocess" in run(["dvc", "stage", "list"], environment, repository)
    is_clean(environment, repository)


def test_snippet_under_alias_dvc(environment, repository):
    script = """shopt -s expand_aliases
alias dvc=fettle
dvc add data/raw.csv
dvc run -n preprocess python preprocess.py
dvc add data/features.csv
"""
    shell(script, environment, repository)
    is_clean(environment, repository)


def test_stock_dvc_restores_what_fettle_added(environment, repository):
    shell("fettle add data/raw.csv", environment, repository)
    content = (repository / "data" / "raw.csv").read_bytes()
    (repository / "data" / "raw.csv").unlink()
    run(["dvc", "checkout", "data/raw.csv"], environment, repository)
    assert (repository / "data" / "raw.csv").read_bytes() == content
