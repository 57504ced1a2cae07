"""The data repository of the demo: git, `fettle` for data versions and pipeline, and the months
that have arrived.
"""

import shutil
import subprocess
from pathlib import Path

TIMEOUT_S = 600


class CommandFailed(Exception):
    pass


def run(command: list[str], environment: dict[str, str], cwd: Path) -> str:
    """Runs a command to its end and returns its standard output; a failure quotes the last
    lines.
    """
    done = subprocess.run(
        command,
        cwd=cwd,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    if done.returncode != 0:
        last = "\n  ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-8:])
        raise CommandFailed(
            f"'{' '.join(command)}' ended with exit code {done.returncode}:\n  {last}"
        )
    return done.stdout


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
