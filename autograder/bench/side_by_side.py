"""The same class graded in every way, one after the other: stock nbgrader, this engine, and the bare cost of its cells."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbgrader.api import Gradebook
from rich.console import Console
from rich.table import Table

from autograder.bench.bare import SEED, works
from autograder.bench.watch import Cost, watch
from autograder.demo import make_class, make_course
from autograder.grading.execute import Run
from autograder.grading.judging import judge_exercise, load_assignment
from autograder.kernels.warm import isolation_here
from autograder.observation import from_bytes
from autograder.release.release import own_tools_on_path
from autograder.release.source import load_chapter
from autograder.release.text import write_atomically

__all__ = ["Compared", "bare_way", "bench_class", "differences"]

Points = dict[str, dict[str, float]]
PYTHON = [sys.executable, "-m"]
STOCK_SETTINGS = """c = get_config()
c.CourseDirectory.course_id = "pytorch"
c.CourseDirectory.source_directory = "notebooks"
c.CourseDirectory.release_directory = "released"
c.CourseDirectory.ignore = [".ipynb_checkpoints", "*.pyc", "__pycache__"]
"""


@dataclass(frozen=True)
class Compared:
    """Ratios of what one more submission costs: of stock to the engine, without and with demonstration cells left out, of the
    engine to bare, of one worker to two; and whether all gave the same points.
    """

    stock: float
    answers_only: float
    bare: float
    workers: float
    differences: list[str]


def bench_class(course: Path, chapter: str, submissions: int, console: Console) -> Compared:
    """Grade a class made for it, no two submissions alike, in every way; print the table. It takes many minutes.

    Raises RuntimeError where one of the ways fails, and where `submissions` are too few to tell a pace.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        handed_in = Path(scratch, "class")
        _write_class(course, chapter, submissions, handed_in)
        level, _ = isolation_here()
        costs: dict[str, Cost] = {}
        points: dict[str, Points] = {}
        for name, way in _ways(course.resolve(), chapter, level):
            folder = Path(scratch, f"way-{len(costs)}")
            shutil.copytree(handed_in, folder, symlinks=True)
            console.print(f"{name} ...", highlight=False)
            costs[name], points[name] = way(folder)
            shutil.rmtree(folder)
    stock, alone, all_cells, answers, bare = costs.values()
    console.print(_table(costs, bare, f"{submissions} submissions of {chapter}, isolation {level}"))
    return Compared(
        stock.each / all_cells.each, stock.each / answers.each, all_cells.each / bare.each, alone.each / all_cells.each,
        differences(points),
    )  # fmt: skip


def _write_class(course: Path, chapter: str, submissions: int, folder: Path) -> None:
    """So many students with plausible answers, each with a comment of their own in every answer."""
    students = [f"student{number:03}" for number in range(submissions)]
    make_course(course, folder)
    make_class([load_chapter(course.resolve(), chapter)], course / "notebooks", folder, students=students)
    for student in students:
        path = folder / "submitted" / student / chapter / f"{chapter}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code" and cell.metadata.get("nbgrader", {}).get("solution"):
                cell.source += f"\n# {student}"
        write_atomically(path, nbformat.writes(notebook).encode())


def _ways(course: Path, chapter: str, level: str) -> Iterator[tuple[str, Callable[[Path], tuple[Cost, Points]]]]:
    yield "stock nbgrader", lambda folder: _stock(course, folder, chapter)
    for name, workers, more in (
        ("one worker", 1, []),
        ("two workers", 2, []),
        ("two workers, answers only", 2, ["--answers-only"]),
    ):
        yield name, lambda folder, workers=workers, more=more: _engine(folder, chapter, level, workers, more)  # type: ignore[misc]
    yield "bare, two at a time", lambda folder: bare_way(folder, chapter, 2)


def _stock(course: Path, folder: Path, chapter: str) -> tuple[Cost, Points]:
    """nbgrader without any setting of ours; its gradebook knows the chapter from the released notebook."""
    for name in ("solutions", "notebooks", "nbgrader_config.py"):
        (folder / name).unlink()
    (folder / "nbgrader_config.py").write_text(STOCK_SETTINGS)
    shutil.copytree(course / "notebooks" / chapter, folder / "notebooks" / chapter)
    own_tools_on_path()
    noted = "--GenerateAssignment.preprocessors=nbgrader.preprocessors.SaveCells"  # what is released are stubs already
    prepare = [*PYTHON, "nbgrader", "generate_assignment", chapter, noted]
    subprocess.run(prepare, cwd=folder, check=True, capture_output=True)
    cost = watch([*PYTHON, "nbgrader", "autograde", chapter], folder, lambda: _autograded(folder, chapter))
    return cost, _points(folder, chapter)


def _engine(folder: Path, chapter: str, level: str, workers: int, more: list[str]) -> tuple[Cost, Points]:
    command = ["grade", chapter, "--course", str(folder), "--jobs", str(workers), "--isolation", level, "--no-feedback", *more]
    cost = watch(
        [sys.executable, "-c", "from autograder.cli import main; main()", *command],
        folder,
        lambda: _autograded(folder, chapter),
        workers,
    )
    return cost, _points(folder, chapter)


def bare_way(folder: Path, chapter: str, jobs: int) -> tuple[Cost, Points]:
    """The cells alone, in forks of one warm process; what they showed is judged when the time is taken."""
    out = folder / "observed"
    out.mkdir()
    command = ["autograder.bench.bare", str(folder), chapter, str(out), str(jobs)]
    cost = watch([*PYTHON, *command], folder, lambda: list(out.glob("*.json")), jobs)
    assignment = load_assignment(folder, chapter, seed=SEED)
    points: Points = {}
    for student, work in works(folder, assignment).items():
        packed = json.loads((out / f"{student}.json").read_text(encoding="utf-8"))
        seen = {name: [from_bytes(base64.b64decode(one)) for one in answers] for name, answers in packed.items()}
        run = Run("graded", work.notebook, seen)
        points[student] = {
            f"check_{name}": judge_exercise(assignment, name, [], run).points for name in assignment.chapter.exercises
        }
    return cost, points


def _autograded(folder: Path, chapter: str) -> list[Path]:
    return list((folder / "autograded").glob(f"*/{chapter}/{chapter}.ipynb"))


def _points(folder: Path, chapter: str) -> Points:
    """The automatic points of each student, by check cell, as the gradebook has them."""
    with Gradebook(f"sqlite:///{folder / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {
                grade.name: grade.auto_score or 0.0
                for notebook in submission.notebooks
                for grade in notebook.grades
                if grade.name.startswith("check_")
            }
            for submission in gradebook.assignment_submissions(chapter)
        }


def differences(points: dict[str, Points]) -> list[str]:
    """Where one of the ways, by name, gave other points than the first."""
    (first, expected), *others = points.items()
    found = []
    for name, came in others:
        for student, cells in expected.items():
            ours = came.get(student, {})
            found += [
                f"{student}, {cell}: {points:g} by {first}, {ours.get(cell)} by {name}"
                for cell, points in cells.items()
                if ours.get(cell) != points
            ]
    return found


def _table(costs: dict[str, Cost], bare: Cost, title: str) -> Table:
    table = Table("", "whole run", "until the first", "one more", "a minute", "of stock", "of bare", "peak memory", title=title)
    stock = next(iter(costs.values()))
    for name, cost in costs.items():
        table.add_row(
            name, f"{cost.seconds:.0f} s", f"{cost.first:.1f} s", f"{cost.each:.2f} s", f"{60 / cost.each:.0f}",
            f"1/{stock.each / cost.each:.1f}", f"{cost.each / bare.each:.2f}", f"{cost.peak_mb} MB",
        )  # fmt: skip
    return table
