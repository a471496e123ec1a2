"""Read a chapter from solutions/: its notebook, exercises, reference solutions, and banks of wrong and right answers."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.exercise import Code, Exercise, RightAnswer, WrongAnswer, load_checks, load_module, written_out

__all__ = ["Chapter", "SourceError", "chapter_names", "load_chapter", "stub_of"]

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
TODO_LINE = "# Your code here: replace the dots."


class SourceError(Exception):
    """A chapter in solutions/ breaks a rule of the course; the message says which, where, and how to mend it."""


@dataclass(frozen=True)
class Chapter:
    """A source chapter. `wrong` and `right` map an exercise's name to its banks."""

    name: str
    folder: Path
    notebook: NotebookNode
    exercises: dict[str, Exercise]
    wrong: dict[str, list[WrongAnswer]]
    right: dict[str, list[RightAnswer]]

    def cell(self, cell_id: str) -> NotebookNode:
        """The cell of that id. Raises `SourceError` if there is none."""
        for cell in self.notebook.cells:
            if cell.get("id") == cell_id:
                return cell
        raise SourceError(f"{self.folder.name}: the notebook has no cell with the id {cell_id!r}")

    def reference(self, exercise: str) -> str:
        """The source of the exercise's solution cell, solution lines included and their markers left out."""
        lines = self.cell(exercise).source.split("\n")
        return "\n".join(line for line in lines if line.strip() not in (BEGIN, END)) + "\n"

    def stub(self, exercise: str) -> str:
        """What the student finds in the solution cell."""
        return stub_of(self.cell(exercise).source)

    def wrong_codes(self, exercise: str) -> list[tuple[WrongAnswer, list[str]]]:
        """Each wrong answer with the sources that make it, the recorded one first."""
        return [(w, [self._written_out(exercise, w.name, c) for c in (w.code, *w.also)]) for w in self.wrong.get(exercise, [])]

    def right_codes(self, exercise: str) -> list[tuple[RightAnswer, str]]:
        """Each other right answer with its source."""
        return [(r, self._written_out(exercise, r.name, r.code)) for r in self.right.get(exercise, [])]

    def _written_out(self, exercise: str, answer: str, code: Code) -> str:
        try:
            return written_out(code, self.reference(exercise))
        except ValueError as error:
            raise SourceError(f"{self.name}/answers.py, {exercise}, {answer}: {error}") from None

    def namespace(self, code: str) -> dict[str, Any]:
        """Run the chapter's setup cell and then `code`, and return the names they define. Only for code of our own."""
        names: dict[str, Any] = {"__name__": "__main__"}
        for part, label in ((self.cell("setup").source, "setup"), (code, "answer")):
            exec(compile(part, f"<{self.name}: {label}>", "exec"), names)
        return names


def stub_of(source: str) -> str:
    """Replace each solution region by one place to edit: `return ...` where the region returns something, else `...`."""
    lines: list[str] = []
    region: list[str] | None = None
    for line in source.split("\n"):
        if line.strip() == BEGIN:
            region = []
            indent = line[: len(line) - len(line.lstrip())]
        elif line.strip() == END and region is not None:
            returns = any(
                re.match(r"\s*return\s+\S", inner) and len(inner) - len(inner.lstrip()) == len(indent) for inner in region
            )
            lines += [indent + TODO_LINE, indent + ("return ..." if returns else "...")]
            region = None
        elif region is not None:
            region.append(line)
        else:
            lines.append(line)
    if region is not None:
        raise SourceError(f"a solution region is never closed by {END!r}:\n{source}")
    return "\n".join(lines)


def chapter_names(course: Path) -> list[str]:
    """The chapters that exist in `course/solutions`, in order."""
    folder = course / "solutions"
    if not folder.is_dir():
        raise SourceError(f"{folder} is missing: run this in the course's folder, or name it with --course")
    return sorted(path.name for path in folder.iterdir() if (path / f"{path.name}.ipynb").is_file())


@functools.lru_cache(maxsize=16)
def load_chapter(course: Path, name: str) -> Chapter:
    """Read one chapter and check that notebook, checks.py and answers.py speak of the same exercises.

    Raises `SourceError` with the rule that is broken.
    """
    folder = course / "solutions" / name
    path = folder / f"{name}.ipynb"
    if not path.is_file():
        raise SourceError(f"there is no chapter {name!r}: {path} is missing. Chapters: {', '.join(chapter_names(course))}")
    answers = load_module(folder / "answers.py")
    chapter = Chapter(
        name, folder, nbformat.read(path, as_version=4), load_checks(folder),
        getattr(answers, "WRONG", {}), getattr(answers, "RIGHT", {}),
    )  # fmt: skip
    _require(chapter)
    return chapter


def _require(chapter: Chapter) -> None:
    cells = {cell.get("id"): cell for cell in chapter.notebook.cells}
    checked = {key.removeprefix("check_") for key in cells if str(key).startswith("check_")}
    problems = []
    if checked != set(chapter.exercises):
        problems.append(f"check cells {sorted(checked)} and checks.py {sorted(chapter.exercises)} differ")
    for bank in (chapter.wrong, chapter.right):
        problems += [f"answers.py knows {name!r}, checks.py does not" for name in bank if name not in chapter.exercises]
    for name, exercise in chapter.exercises.items():
        cell = cells.get(f"check_{name}")
        grading = cell.metadata.get("nbgrader", {}) if cell else {}
        if cell and not cell.source.rstrip().endswith(f'check("{name}")'):
            problems.append(f'check cell of {name} must end in check("{name}")')
        if grading.get("points") != exercise.points:
            problems.append(f"{name}: {grading.get('points')} points in the notebook, {exercise.points} in checks.py")
        if name not in cells or BEGIN not in cells[name].source:
            problems.append(f"{name}: no solution cell with that id and a solution region")
        if not any(exercise.header() in c.source for c in chapter.notebook.cells if c.cell_type == "markdown"):
            problems.append(f"{name}: its header line is missing in the notebook, it reads: {exercise.header()}")
        families = [w.name for w in chapter.wrong.get(name, [])]
        problems += [f"{name}: two wrong answers are called {w!r}" for w in set(families) if families.count(w) > 1]
    for key, cell in cells.items():
        if cell.get("outputs"):
            problems.append(f"cell {key!r} has stored outputs: clear them")
    if problems:
        raise SourceError(f"{chapter.folder.name}: " + "; ".join(problems))
