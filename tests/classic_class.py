"""A small classic assignment of two notebooks in a course with names of its own, and who handed in for it: for the tests of
classic mode; see tests/classic_course/.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook

HERE = Path(__file__).parent
NAME = "numbers"
TESTS = {"test_double": 2.0, "test_total": 3.0, "test_negate": 1.0}


# -- a course, and what is handed in -----------------------------------------------------------------------------------------


def source_notebook(name: str) -> NotebookNode:
    """A source notebook from its text; `points`, `solution`, `locked` and `task` say what nbgrader shall take a cell for."""
    notebook = jupytext.reads((HERE / "classic_course" / f"{name}.percent").read_text(encoding="utf-8"), fmt="py:percent")
    for cell in notebook.cells:
        about, flags = dict(cell.metadata), ("solution", "locked", "task")
        cell.metadata = nbformat.from_dict({})
        if "id" not in about:
            continue
        marks = {flag: flag in about for flag in flags} | {"grade": "points" in about and "task" not in about}
        marks["locked"] = marks["locked"] or not marks["solution"]
        points = {"points": about["points"]} if "points" in about else {}
        cell.metadata["nbgrader"] = nbformat.from_dict({"grade_id": about["id"], "schema_version": 3, **marks, **points})
    notebook.metadata = nbformat.from_dict({"kernelspec": {"name": "python3", "display_name": "Python", "language": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 4
    for cell in notebook.cells:
        cell.pop("id", None)
    return notebook


def write_course(course: Path) -> Path:
    """A course folder with the small assignment in it, and its student's edition handed out by stock nbgrader."""
    folder = course / "masters" / NAME
    (folder / "data").mkdir(parents=True)
    (folder / "data" / "numbers.csv").write_text("10\n20\n30\n")
    shutil.copy(HERE / "classic_course" / "nbgrader_config.py", course)
    for name in ("first", "second"):
        nbformat.write(source_notebook(name), folder / f"{name}.ipynb")
    stock(course, "generate_assignment", NAME)
    return course


def stock(course: Path, *command: str) -> None:
    """One of nbgrader's own commands, in a process of its own; it looks for its helpers on the PATH."""
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    line = [sys.executable, "-m", "nbgrader", *command]
    done = subprocess.run(line, cwd=course, capture_output=True, text=True, check=False, env=environment)
    assert done.returncode == 0, done.stderr


def edition(course: Path, name: str) -> NotebookNode:
    return nbformat.read(course / "handed_out" / NAME / f"{name}.ipynb", as_version=4)


def cell_of(notebook: NotebookNode, grade_id: str) -> NotebookNode:
    return next(cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade_id") == grade_id)


def answered(notebook: NotebookNode, **answers: str) -> NotebookNode:
    notebook = copy.deepcopy(notebook)
    for grade_id, source in answers.items():
        cell_of(notebook, grade_id).source = source
    return notebook


def hand_in(course: Path, student: str, name: str, content: NotebookNode | bytes) -> Path:
    path = course / "handed_in" / student / NAME / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def gradebook_of(course: Path, assignment: str) -> dict[str, dict[str, tuple[Any, ...]]]:
    """What the gradebook holds, cell by cell: automatic points, whether a person should look, and the comment."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        for submission in gradebook.assignment_submissions(assignment):
            cells = found.setdefault(submission.student.id, {})
            for notebook in submission.notebooks:
                comments = {comment.name: comment.auto_comment for comment in notebook.comments}
                for grade in notebook.grades:
                    about = grade.auto_score, bool(grade.needs_manual_grade), comments.get(grade.name)
                    cells[f"{notebook.name}/{grade.name}"] = about
    return found


def points_of(course: Path, student: str) -> dict[str, float]:
    cells = gradebook_of(course, NAME)[student]
    return {name: cells[f"{'second' if name == 'test_negate' else 'first'}/{name}"][0] for name in TESTS}


def fingerprint(course: Path) -> dict[str, str]:
    """Every file that grading must leave alone."""
    ours = ("graded", "returned", "gradebook.db", "autograded", ".autograder")
    paths = [p for p in course.rglob("*") if p.is_file() and not p.is_symlink() and p.relative_to(course).parts[0] not in ours]
    return {str(path.relative_to(course)): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


# -- the honest, and what they earn ------------------------------------------------------------------------------------------

DOUBLE = "def double(x):\n    return x + x"
WRONG = "def double(x):\n    return x * x"
TOTAL = "def total():\n    return sum(numbers())"
FIRST = {"double": DOUBLE, "total": TOTAL}
SECOND = {"negate": "def negate(x):\n    return 0 - x", "describe": "description = 'mine'", "why": "I looked."}

HONEST: dict[str, tuple[dict[str, str] | None, dict[str, str] | None]] = {
    "ada": (FIRST, SECOND),
    "bob": ({"double": WRONG, "total": "def total():\n    return 7"}, {"negate": "def negate(x): return x"}),
    "cy": ({}, {}),
    "dee": (FIRST, None),
}
EARNED = {
    "ada": {"test_double": 2.0, "test_total": 3.0, "test_negate": 1.0},
    "bob": {"test_double": 0.0, "test_total": 0.5, "test_negate": 0.0},
    "cy": {"test_double": 0.0, "test_total": 0.0, "test_negate": 0.0},
    "dee": {"test_double": 2.0, "test_total": 3.0, "test_negate": 0.0},
}
