"""How fast a check answers, and how long each chapter runs from top to bottom, measured on this machine."""

from __future__ import annotations

import os
import statistics
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from autograder.grading.execute import Work, execute
from autograder.release.source import Chapter, load_chapter
from autograder.student.card import card_html
from autograder.student.check import check

__all__ = ["bench_lessons", "chapter_seconds", "check_milliseconds"]

REPEATS = 5


def check_milliseconds(chapter: Chapter, notebooks: Path) -> list[float]:
    """What `check()` takes, card included, for every exercise: the reference, the stub, each wrong answer, a few times over."""
    times = []
    for name in chapter.exercises:
        codes = [chapter.reference(name), chapter.stub(name), *(codes[0] for _, codes in chapter.wrong_codes(name))]
        for namespace in map(chapter.namespace, codes):
            for _ in range(REPEATS):
                start = time.perf_counter()
                card_html(check(name, namespace=namespace, folder=notebooks / chapter.name).verdict)
                times.append(1000 * (time.perf_counter() - start))
    return times


def chapter_seconds(chapter: Chapter, notebooks: Path) -> float:
    """What the instructor's edition takes from top to bottom in a fresh kernel. Raises RuntimeError if a cell fails."""
    files = {path.name: path.read_bytes() for path in (notebooks / chapter.name).iterdir() if path.is_file()}
    run = execute(Work(chapter.notebook, files, {}))
    failed = [cell.id for cell in run.notebook.cells for output in cell.get("outputs", []) if output.output_type == "error"]
    if failed or run.outcome != "graded":
        raise RuntimeError(f"{chapter.name} does not run: {run.outcome} {run.detail} {failed}")
    return run.seconds


def bench_lessons(course: Path, names: list[str], console: Console) -> float:
    """Measure every chapter, print the table, and return the median of all checks in milliseconds."""
    table = Table("chapter", "check(): median", "95 %", "slowest", "whole chapter", title=f"{os.cpu_count()} cores")
    checks: list[float] = []
    for name in names:
        chapter = load_chapter(course.resolve(), name)
        times, seconds = check_milliseconds(chapter, course / "notebooks"), chapter_seconds(chapter, course / "notebooks")
        checks += times
        cuts = statistics.quantiles(times, n=20)
        table.add_row(name, *(f"{t:.1f} ms" for t in (statistics.median(times), cuts[-1], max(times))), f"{seconds:.1f} s")
    console.print(table)
    return statistics.median(checks)
