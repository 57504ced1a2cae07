"""Runs the commands of the guides and finds the binary that they call."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FETTLE = ROOT / "build" / "fettle"
VENV = Path(sys.executable).parent


def run(command: list[str], environment: dict[str, str], cwd: Path, timeout_s: float = 120) -> str:
    """Standard output of a command that must succeed."""
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, timeout=timeout_s
    )
    assert done.returncode == 0, f"{command} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout
