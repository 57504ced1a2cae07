"""How the demo is told: steps, progress, checks and the closing table. A bar on a terminal, plain
lines elsewhere.
"""

import sys
import time
from dataclasses import dataclass

BAR_CELLS = 24
BAR_EVERY_S = 0.1


class Story:
    def __init__(self) -> None:
        self._terminal = sys.stdout.isatty()
        self._started = time.monotonic()
        self._drawn = 0.0
        self._bar_shown = False

    def step(self, number: int, title: str) -> None:
        self._clear()
        heading = f"{number}. {title}"
        print(f"\n\x1b[1m{heading}\x1b[0m" if self._terminal else f"\n{heading}", flush=True)

    def say(self, text: str) -> None:
        self._clear()
        print(f"   [{time.monotonic() - self._started:5.1f} s] {text}", flush=True)

    def progress(self, label: str, done: int, total: int, note: str = "") -> None:
        """Redraws one bar at most ten times a second; not shown where nobody watches."""
        now = time.monotonic()
        if not self._terminal or (now - self._drawn < BAR_EVERY_S and done < total):
            return
        self._drawn = now
        filled = BAR_CELLS * done // max(total, 1)
        bar = "━" * filled + " " * (BAR_CELLS - filled)
        print(f"\r\x1b[K   {label} {bar} {done:>7,}/{total:,} {note}", end="", flush=True)
        self._bar_shown = True

    def elapsed_s(self) -> float:
        return time.monotonic() - self._started

    def table(self, header: list[str], rows: list[list[str]]) -> None:
        """Aligned columns; the last one is free text."""
        self._clear()
        widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
        for row in [header, *rows]:
            cells = [cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=False)]
            print("   " + "  ".join([*cells, row[-1]]).rstrip(), flush=True)

    def _clear(self) -> None:
        if self._bar_shown:
            print("\r\x1b[K", end="")
            self._bar_shown = False


@dataclass
class Check:
    what: str
    holds: bool
    seen: str


class Checks:
    """What must come true. Nothing stops at a check that fails: the story goes on and the exit code
    tells.
    """

    def __init__(self, story: Story):
        self._story = story
        self._checks: list[Check] = []

    def expect(self, holds: bool, what: str, seen: str) -> bool:
        self._checks.append(Check(what, bool(holds), seen))
        self._story.say(f"{'ok  ' if holds else 'FAIL'} {what}: {seen}")
        return bool(holds)

    def count(self) -> int:
        return len(self._checks)

    def failed(self) -> list[Check]:
        return [check for check in self._checks if not check.holds]


def number(value: float | int | str | None, digits: int = 2) -> str:
    """A number of the API as a cell; what is not known or not computable is a dash."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{value:,}" if isinstance(value, int) else f"{value:.{digits}f}"
    return "-"
