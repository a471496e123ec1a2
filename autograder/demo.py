"""`make demo`: a class of 24 made from the banks of right and wrong answers, graded for real in a folder of its own."""

from __future__ import annotations

import copy
import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.release.source import Chapter, SourceError
from autograder.release.text import write_atomically

__all__ = ["SHOWN", "STUDENTS", "make_class", "make_course"]

STUDENTS = (
    "ada", "alan", "barbara", "blaise", "claude", "donald", "edsger", "emmy", "evelyn", "frances", "geoffrey", "grace",
    "hedy", "jean", "joan", "john", "karen", "katherine", "kurt", "linus", "margaret", "radia", "sofia", "yann",
)  # fmt: skip
SHOWN = ("01_tensors", "02_manual_gradients")  # graded in a few minutes; the whole course would take half an hour
MARK = ".made-by-demo"
BROKEN = {"john": "not a notebook", "karen": "check cell deleted", "kurt": "check cell copied", "linus": "ids lost"}


@dataclass(frozen=True)
class Habits:
    """How a made-up student works: chance to solve an exercise, and to leave one undone rather than wrong."""

    right: float
    unfinished: float


def make_course(course: Path, folder: Path) -> None:
    """A course folder beside the real one: its own submissions and gradebook, the same sources and settings by link.

    What an earlier demo left there is replaced. Raises `SourceError` where the folder holds anything else.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise SourceError(f"{folder} is not a folder: name another one with --folder")
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / MARK).is_file():
            raise SourceError(
                f"{folder} holds files that no demo made, and a demo replaces all: name another folder with --folder"
            )
        shutil.rmtree(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MARK).touch()
    for name in ("solutions", "notebooks", "nbgrader_config.py"):
        (folder / name).symlink_to((course / name).resolve())


def make_class(chapters: list[Chapter], notebooks: Path, folder: Path, seed: int = 8, students: Sequence[str] = STUDENTS) -> None:
    """Write submitted/STUDENT/CHAPTER/ for the whole class: plausible mixes, the same for one seed."""
    draw = random.Random(seed)
    for student in students:
        habits = Habits(right=draw.betavariate(4, 1.6), unfinished=draw.choice([0.0, 0.1, 0.5]))
        for chapter in chapters:
            released = nbformat.read(notebooks / chapter.name / f"{chapter.name}.ipynb", as_version=4)
            notebook = _solved(released, chapter, habits, draw)
            data = _spoil(notebook, BROKEN.get(student, ""))
            write_atomically(folder / "submitted" / student / chapter.name / f"{chapter.name}.ipynb", data)


def _solved(released: NotebookNode, chapter: Chapter, habits: Habits, draw: random.Random) -> NotebookNode:
    notebook = copy.deepcopy(released)
    for cell in notebook.cells:
        if cell.id in chapter.exercises:
            cell.source = _answer(chapter, cell.id, habits, draw)
        elif cell.id.startswith("written_") and draw.random() > habits.unfinished:
            cell.source = "Because the gradient of the loss says in which direction each weight has to move."
    return notebook


def _answer(chapter: Chapter, exercise: str, habits: Habits, draw: random.Random) -> str:
    if draw.random() < habits.right:
        return draw.choice([chapter.reference(exercise), *(code for _, code in chapter.right_codes(exercise))])
    if draw.random() < habits.unfinished:
        return chapter.stub(exercise)
    # Students make the mistakes that are listed first more often.
    wrong = chapter.wrong_codes(exercise)
    if not wrong:
        return chapter.stub(exercise)
    _, codes = wrong[min(int(draw.expovariate(0.6)), len(wrong) - 1)]
    return draw.choice(codes)


def _spoil(notebook: NotebookNode, how: str) -> bytes:
    """The notebook as bytes, with the accident that `how` names."""
    if how == "not a notebook":
        return b"%PDF-1.7 I exported it for you, hope that is fine\n"
    first = next(n for n, cell in enumerate(notebook.cells) if cell.id.startswith("check_"))
    if how == "check cell deleted":
        del notebook.cells[first]
    elif how == "check cell copied":
        twin = copy.deepcopy(notebook.cells[first])
        notebook.cells.insert(first + 1, twin)  # the same id twice, as some editors leave it
    elif how == "ids lost":
        for number, cell in enumerate(notebook.cells):
            cell.id, cell.metadata = f"cell-{number}", nbformat.from_dict({})
    return json.dumps(notebook, indent=1).encode()
