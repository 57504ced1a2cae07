"""A shell in which `fettle` and the stock clients are on the path."""

import pytest

from server import FETTLE, VENV, clean_environment


@pytest.fixture
def environment(tmp_path) -> dict[str, str]:
    """As a user has it, and without configuration of theirs."""
    commands = tmp_path / "bin"
    commands.mkdir()
    (commands / "fettle").symlink_to(FETTLE.resolve())
    clean = clean_environment(HOME=str(tmp_path))
    return clean | {"PATH": f"{commands}:{VENV / 'bin'}:{clean['PATH']}"}
