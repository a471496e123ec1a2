"""What a grading run shows while it lasts: a live line on a terminal, plain lines elsewhere, and a summary at its end."""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from collections.abc import Callable, Iterator

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from autograder.grading.submission import printable

__all__ = ["Shown", "showing", "summary"]

PLAIN_EVERY_S = 10.0


class Shown:
    """The display of one chapter's run: call `tell` with how many are done, `outcome` with how each one ended, `now` with the
    students whose notebooks are being run.
    """

    def __init__(self, name: str, update: Callable[[Shown], None]) -> None:
        self.name, self.done, self.total = name, 0, 0
        self.outcomes: Counter[str] = Counter()
        self.students: list[str] = []
        self._update, self._start = update, time.monotonic()

    def tell(self, done: int, total: int) -> None:
        """Show that so many of so many are done."""
        self.done, self.total = done, total
        self._update(self)

    def outcome(self, outcome: str) -> None:
        """Count how a submission ended."""
        self.outcomes[outcome] += 1

    def now(self, students: list[str]) -> None:
        """Show who is running; names are the students' own choice, and are made harmless here."""
        self.students = [printable(student)[:20] for student in students]
        if self.total:
            self._update(self)

    @property
    def words(self) -> str:
        """Rate and outcomes, as they stand."""
        minutes = (time.monotonic() - self._start) / 60
        outcomes = ", ".join(f"{count} {outcome}" for outcome, count in self.outcomes.most_common())
        return f"{self.done / minutes:.0f} a minute{f' · {outcomes}' if outcomes else ''}" if self.done else "starting"


@contextlib.contextmanager
def showing(name: str, console: Console) -> Iterator[Shown]:
    """A display for the run of `name`; on a terminal it is gone when the run is over."""
    if not console.is_terminal:
        last = [time.monotonic()]

        def plain(shown: Shown) -> None:
            if time.monotonic() - last[0] >= PLAIN_EVERY_S or shown.done == shown.total:
                last[0] = time.monotonic()
                console.print(f"{name}: {shown.done} of {shown.total}, {shown.words}", highlight=False)

        yield Shown(name, plain)
        return
    columns = (
        TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn(),
        TextColumn("{task.fields[words]}"),
    )  # fmt: skip
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(name, total=None, words="")

        def live(shown: Shown) -> None:
            now = f" · now {', '.join(shown.students)}" if shown.students else ""
            progress.update(task, completed=shown.done, total=shown.total, words=escape(shown.words + now))

        yield Shown(name, live)


def summary(shown: Shown, level: str, slowest: Counter[str]) -> str:
    """One line for the end of a chapter's run: outcomes, rate, isolation, the cells that took longest, in seconds."""
    cells = ", ".join(f"{cell} {seconds} s" for cell, seconds in slowest.most_common(3) if seconds >= 1)
    return f"{shown.name}: {shown.words} · isolation {level}{f' · slowest cells: {cells}' if cells else ''}"
