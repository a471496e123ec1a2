"""Read a chapter from solutions/: its notebook, exercises, reference solutions, and banks of wrong and right answers."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.exercise import (
    CheckFileError,
    Code,
    Exercise,
    RightAnswer,
    WrongAnswer,
    load_checks,
    load_module,
    written_out,
)  # fmt: skip

__all__ = ["Chapter", "SourceError", "chapter_names", "load_chapter", "stub_of", "versions"]

BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
STUB_COMMENT = "# Your code here: replace the dots."


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
        """The source of the exercise's solution cell without the markers. Raises `SourceError` if there is no such cell."""
        lines = self.cell(exercise).source.split("\n")
        return "\n".join(line for line in lines if line.strip() not in (BEGIN, END)) + "\n"

    def stub(self, exercise: str) -> str:
        """What the student finds in the solution cell."""
        return stub_of(self.cell(exercise).source)

    def wrong_codes(self, exercise: str) -> list[tuple[WrongAnswer, list[str]]]:
        """Each wrong answer with the sources that make it, the recorded one first.

        Raises `SourceError` for a swap that fits nowhere.
        """
        return [(w, [self._written_out(exercise, w.name, c) for c in (w.code, *w.also)]) for w in self.wrong.get(exercise, [])]

    def right_codes(self, exercise: str) -> list[tuple[RightAnswer, str]]:
        """Each other right answer with its source. Raises `SourceError` for a swap that fits nowhere."""
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
    """Replace each solution region by one place to edit: `return ...` where the region returns something, else `...`.

    Raises `SourceError` for a region without an end.
    """
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
            lines += [indent + STUB_COMMENT, indent + ("return ..." if returns else "...")]
            region = None
        elif region is not None:
            region.append(line)
        else:
            lines.append(line)
    if region is not None:
        raise SourceError(f"a solution region is never closed by {END!r}:\n{source}")
    return "\n".join(lines)


def chapter_names(course: Path) -> list[str]:
    """The chapters that exist in `course/solutions`, in order. Raises `SourceError` where there is no such folder."""
    folder = course / "solutions"
    if not folder.is_dir():
        raise SourceError(f"{folder} is missing: run this in the course's folder, or name it with --course")
    return sorted(path.name for path in folder.iterdir() if (path / f"{path.name}.ipynb").is_file())


def versions(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """The files of a folder with time and size: what is read from them may be kept until this changes."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and not {"__pycache__", ".ipynb_checkpoints"} & set(path.parts)
    )
    return tuple((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in files)


def load_chapter(course: Path, name: str) -> Chapter:
    """Read one chapter and check that notebook, checks.py and answers.py speak of the same exercises.

    Raises `SourceError` with the rule that is broken.
    """
    folder = course / "solutions" / name
    return _load(course, name, versions(folder))


@functools.lru_cache(maxsize=16)
def _load(course: Path, name: str, versions: object) -> Chapter:
    folder = course / "solutions" / name
    path = folder / f"{name}.ipynb"
    if not path.is_file():
        raise SourceError(f"there is no chapter {name!r}: {path} is missing. Chapters: {', '.join(chapter_names(course))}")
    try:
        answers, exercises = load_module(folder / "answers.py"), load_checks(folder)
    except CheckFileError as error:
        raise SourceError(f"{name}: {error}") from error
    notebook = _read_notebook(path)
    chapter = Chapter(name, folder, notebook, exercises, getattr(answers, "WRONG", {}), getattr(answers, "RIGHT", {}))
    problems = [*_problems_of_cells(chapter)]
    for exercise in exercises.values():
        problems += _problems_of(chapter, exercise)
    if problems:
        raise SourceError(f"{name}: " + "; ".join(problems))
    return chapter


def _read_notebook(path: Path) -> NotebookNode:
    try:
        text = path.read_text(encoding="utf-8")
        ids = [cell.get("id") for cell in json.loads(text)["cells"]]
        twice = sorted({key for key in ids if key is not None and ids.count(key) > 1})
        if twice:  # nbformat would rename one of them silently
            raise SourceError(f"{path}: several cells have the id {', '.join(twice)}")
        return nbformat.reads(text, as_version=4)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SourceError(f"{path} cannot be read as a notebook: {str(error)[:200]}") from error


def _problems_of_cells(chapter: Chapter) -> Iterator[str]:
    """The rules of the course that the notebook's cells or the banks break as a whole."""
    ids = [str(cell.get("id")) for cell in chapter.notebook.cells]
    if "setup" not in ids:
        yield "there is no cell with the id 'setup', in which every answer is run"
    checked = {key.removeprefix("check_") for key in ids if key.startswith("check_")}
    if checked != set(chapter.exercises):
        yield f"check cells {sorted(checked)} and checks.py {sorted(chapter.exercises)} differ"
    for bank in (chapter.wrong, chapter.right):
        yield from (f"answers.py knows {name!r}, checks.py does not" for name in bank if name not in chapter.exercises)
    for cell in chapter.notebook.cells:
        if cell.get("outputs"):
            yield f"cell {cell.get('id')!r} has stored outputs: clear them"


def _problems_of(chapter: Chapter, exercise: Exercise) -> Iterator[str]:
    """The rules of the course that one exercise breaks."""
    name, cells = exercise.name, {cell.get("id"): cell for cell in chapter.notebook.cells}
    check = cells.get(f"check_{name}")
    grading = check.metadata.get("nbgrader", {}) if check else {}
    if check and not check.source.rstrip().endswith(f'check("{name}")'):
        yield f'check cell of {name} must end in check("{name}")'
    if check and grading.get("points") != exercise.points:
        yield f"{name}: {grading.get('points')} points in the notebook, {exercise.points} in checks.py"
    if name not in cells or BEGIN not in cells[name].source:
        yield f"{name}: no solution cell with that id and a solution region"
    elif not cells[name].metadata.get("nbgrader", {}).get("solution"):
        yield f"{name}: its cell is not marked as a solution for nbgrader"
    if not any(exercise.header() in c.source for c in chapter.notebook.cells if c.cell_type == "markdown"):
        yield f"{name}: its header line is missing in the notebook, it reads: {exercise.header()}"
    families = [wrong.name for wrong in chapter.wrong.get(name, [])]
    yield from (
        f"{name}: two wrong answers are called {family!r}" for family in sorted(set(families)) if families.count(family) > 1
    )
