"""Data repositories driven by Fettle and by the stock dvc, side by side."""

import os
import subprocess
from pathlib import Path

from server import FETTLE, SANITIZED, VENV, clean_environment

DVC = str(VENV / "bin" / "dvc")


def binary() -> str:
    """The shipped binary; FETTLE_TEST_BINARY names another one."""
    chosen = os.environ.get("FETTLE_TEST_BINARY")
    return chosen or str(FETTLE if FETTLE.exists() else SANITIZED)


class Repo:
    """A git repository in `root`; `tool` is the program that `do` runs."""

    def __init__(self, root: Path, tool: str, init: bool = True):
        self.root = root
        self.tool = tool
        root.mkdir(parents=True, exist_ok=True)
        self.environment = clean_environment(HOME=str(root.parent), SHELL="/bin/sh")
        if init:
            self.git("init", "--quiet")
            self.ok("init")

    def run(self, tool: str, *arguments: str, cwd: str = ".", **environment: str) -> subprocess.CompletedProcess:
        done = subprocess.run(
            [tool, *arguments],
            cwd=self.root / cwd,
            env=self.environment | environment,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr
        return done

    def do(self, *arguments: str, **more) -> subprocess.CompletedProcess:
        return self.run(self.tool, *arguments, **more)

    def ok(self, *arguments: str, **more) -> str:
        done = self.do(*arguments, **more)
        assert done.returncode == 0, f"{arguments} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def fails(self, code: int, *arguments: str, **more) -> str:
        done = self.do(*arguments, **more)
        assert done.returncode == code, f"{arguments} -> {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stderr

    def git(self, *arguments: str) -> None:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.com"]
        assert self.run("git", *identity, *arguments).returncode == 0

    def write(self, path: str, content: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(content.encode())

    def read(self, path: str) -> str:
        return (self.root / path).read_bytes().decode()

    def tracked_files(self) -> dict[str, bytes]:
        """Everything but git's own files and scratch, by path."""
        found = {}
        for path in sorted(self.root.rglob("*")):
            name = path.relative_to(self.root).as_posix()
            if path.is_file() and not name.startswith((".git/", ".dvc/tmp/")):
                found[name] = path.read_bytes()
        return found
