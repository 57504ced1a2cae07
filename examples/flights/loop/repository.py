"""The data repository of the demo: git, `fettle` for data versions and pipeline, and the months
that have arrived.
"""

import os
import shutil
import signal
import subprocess
from pathlib import Path

TIMEOUT_S = 600
END_TIMEOUT_S = 5


class CommandFailed(Exception):
    pass


def run(command: list[str], environment: dict[str, str], cwd: Path) -> str:
    """Runs a command to its end and returns its standard output; a failure quotes the last lines.

    Whatever interrupts the wait ends the command with all processes that it has started.
    """
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        output, errors = process.communicate(timeout=TIMEOUT_S)
    except BaseException:
        end_group(process)
        raise
    if process.returncode != 0:
        last = "\n  ".join((errors.strip() or output.strip()).splitlines()[-8:])
        code = process.returncode
        raise CommandFailed(f"'{' '.join(command)}' ended with exit code {code}:\n  {last}")
    return output


def end_group(process: subprocess.Popen) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.communicate(timeout=END_TIMEOUT_S)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue


class Repository:
    def __init__(self, folder: Path, fettle: Path, environment: dict[str, str]):
        self.folder = folder
        self._fettle = str(fettle)
        self._environment = environment

    def create(self, pipeline: Path) -> None:
        """A fresh git and data repository with the pipeline's files."""
        self.folder.mkdir(parents=True)
        self._git("init", "--quiet", "--initial-branch=main")
        self._git("config", "user.name", "Flights demo")
        self._git("config", "user.email", "demo@example.com")
        self._git("config", "commit.gpgsign", "false")
        self.fettle("init", "--quiet")
        for source in sorted(pipeline.iterdir()):
            if source.is_file():
                shutil.copy(source, self.folder)
        (self.folder / "data" / "raw").mkdir(parents=True)
        (self.folder / ".gitignore").write_text("__pycache__/\n")

    def add_month(self, source: Path) -> None:
        """A month with its outcome becomes part of the raw data; whoever needs it versions it."""
        shutil.copy(source, self.folder / "data" / "raw" / source.name)

    def fettle(self, *arguments: str) -> str:
        return run([self._fettle, *arguments], self._environment, self.folder)

    def python(self, script: str) -> str:
        return run(["python", script], self._environment, self.folder)

    def commit(self, message: str) -> str:
        """Commits what changed, if anything did, and returns the commit."""
        self._git("add", "--all")
        if self._git("status", "--porcelain").strip():
            self._git("commit", "--quiet", "-m", message)
        return self._git("rev-parse", "--short", "HEAD").strip()

    def _git(self, *arguments: str) -> str:
        return run(["git", *arguments], self._environment, self.folder)
