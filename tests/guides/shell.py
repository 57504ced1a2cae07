"""Runs the commands of the guides."""

import subprocess
from pathlib import Path


def run(command: list[str], environment: dict[str, str], cwd: Path, timeout_s: float = 120) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout_s
    )
    assert done.returncode == 0, f"{command} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
