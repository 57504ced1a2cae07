import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

from repo import DVC, Repo, binary  # noqa: E402


@pytest.fixture
def ours(tmp_path) -> Repo:
    return Repo(tmp_path / "ours", binary())


@pytest.fixture
def pair(tmp_path) -> tuple[Repo, Repo]:
    """The same work for both: (Fettle's, stock dvc's), at paths of equal length."""
    return Repo(tmp_path / "a" / "repo", binary()), Repo(tmp_path / "b" / "repo", DVC)
