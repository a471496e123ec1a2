"""A chapter of three exercises and the hand-ins of a class, for the tests of grading; see tests/grading_course/."""

from __future__ import annotations

import base64
import contextlib
import copy
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from nbformat import NotebookNode
from nbgrader.api import Gradebook

from autograder.exercise import Case, load_checks
from autograder.golden import GOLDEN_NAME, golden_bytes
from autograder.grading.execute import Question, Run, Work
from autograder.kernels.settings import Limits
from autograder.kernels.warm import close_fork_servers
from autograder.observation import TensorSeen, from_bytes
from autograder.probing import run_probe
from autograder.release.record import PUBLIC_SEED, draw_cases, record_chapter
from autograder.release.source import load_chapter, stub_of
from autograder.release.text import from_text
from autograder.student.answering import pack_cases

CHAPTER = "01_small"
HERE = Path(__file__).parent
SOURCE = HERE / "grading_course"

RIGHT = {
    "row_sums": "def row_sums(x):\n    return x.sum(1)",
    "largest": "def largest(x):\n    return float(x.max())",
    "shares": "def shares(x):\n    return x / x.sum(1, keepdim=True)",
}
POINTS = {"check_row_sums": 2.0, "check_largest": 3.0, "check_shares": 5.0}
NOTHING = dict.fromkeys(POINTS, 0.0)


def write_sources(course: Path) -> Path:
    """A course folder with the small chapter in solutions/ and the real nbgrader_config.py; nothing released yet."""
    folder = course / "solutions" / CHAPTER
    folder.mkdir(parents=True)
    for name in ("checks.py", "answers.py"):
        shutil.copy(SOURCE / name, folder / name)
    shutil.copy(HERE.parent / "nbgrader_config.py", course)
    notebook = from_text((SOURCE / f"{CHAPTER}.py").read_text(encoding="utf-8"), load_checks(folder))
    nbformat.write(notebook, folder / f"{CHAPTER}.ipynb")
    return course


def student_edition() -> NotebookNode:
    """The small chapter with its solutions cleared, made without nbgrader: for tests that need it fast."""
    notebook = from_text((SOURCE / f"{CHAPTER}.py").read_text(encoding="utf-8"), load_checks(SOURCE))
    for cell in notebook.cells:
        if cell.metadata.get("nbgrader", {}).get("solution"):
            cell.source = stub_of(cell.source) if cell.cell_type == "code" else "*Write your answer here.*"
    return notebook


def release_fast(course: Path) -> Path:
    """Write notebooks/ without nbgrader."""
    folder = course / "notebooks" / CHAPTER
    folder.mkdir(parents=True)
    nbformat.write(student_edition(), folder / f"{CHAPTER}.ipynb")
    shutil.copy(SOURCE / "checks.py", folder)
    recorded = record_chapter(load_chapter(course, CHAPTER), PUBLIC_SEED)
    (folder / GOLDEN_NAME).write_bytes(golden_bytes(CHAPTER, recorded))
    return course


class InProcess(Executor):
    """An executor that does the work at once, in this process."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        try:
            future.set_result(function(*arguments, **options))
        except Exception as error:
            future.set_exception(error)
        return future


def run_in_process(work: Work, level: str = "strict") -> Run:
    """What `execute` does, without a kernel: for tests of what is done with its results. Only for harmless answers."""
    exercises, names = load_checks(SOURCE), {"__name__": "__main__"}
    observations = {}
    for cell in work.notebook.cells:
        question = work.questions.get(cell.id)
        if question is not None:
            sets = [from_bytes(base64.b64decode(packed)) for packed in question.packed]
            cases = [[Case(case["label"], **case["inputs"]) for case in one] for one in sets]
            observations[question.exercise] = [run_probe(exercises[question.exercise], names, one) for one in cases]
        elif cell.cell_type == "code":
            try:
                exec(cell.source, names)
            except Exception as error:
                cell.outputs = [nbformat.v4.new_output("error", ename=type(error).__name__, evalue=str(error), traceback=[])]
    return Run("graded", work.notebook, observations)


def source_path(course: Path) -> Path:
    """The small chapter's source notebook."""
    return course / "solutions" / CHAPTER / f"{CHAPTER}.ipynb"


def released(course: Path) -> NotebookNode:
    """The small chapter as students get it."""
    return nbformat.read(course / "notebooks" / CHAPTER / f"{CHAPTER}.ipynb", as_version=4)


def answered(notebook: NotebookNode, **answers: str) -> NotebookNode:
    """A copy of the notebook with these texts in the cells of these ids."""
    notebook = copy.deepcopy(notebook)
    for name, source in answers.items():
        cell_of(notebook, name).source = source
    return notebook


def cell_of(notebook: NotebookNode, cell_id: str) -> NotebookNode:
    """The cell of that id."""
    return next(cell for cell in notebook.cells if cell.id == cell_id)


def text_of(notebook: NotebookNode, cell_id: str) -> str:
    """What the cell of that id printed."""
    return "".join(output.get("text", "") for output in cell_of(notebook, cell_id).outputs)


def position_of(notebook: NotebookNode, cell_id: str) -> int:
    """Where the cell of that id stands."""
    return next(n for n, cell in enumerate(notebook.cells) if cell.id == cell_id)


def as_bytes(notebook: NotebookNode) -> bytes:
    """The notebook as a file, whatever nbformat would say to it."""
    return json.dumps(notebook).encode()


def hand_in(course: Path, student: str, content: NotebookNode | bytes) -> Path:
    """Write submitted/STUDENT/CHAPTER/CHAPTER.ipynb and return its path."""
    path = course / "submitted" / student / CHAPTER / f"{CHAPTER}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else as_bytes(content))
    return path


def grades(course: Path) -> dict[str, dict[str, tuple[Any, ...]]]:
    """What nbgrader's gradebook holds, cell by cell: automatic points, and whether a person should look."""
    found: dict[str, dict[str, tuple[Any, ...]]] = {}
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        for submission in gradebook.assignment_submissions(CHAPTER):
            cells = [grade for notebook in submission.notebooks for grade in notebook.grades]
            found[submission.student.id] = {grade.name: (grade.auto_score, bool(grade.needs_manual_grade)) for grade in cells}
    return found


def points(course: Path) -> dict[str, dict[str, float | None]]:
    """The automatic points of the check cells, by student."""
    return {who: {name: cells[name][0] for name in POINTS} for who, cells in grades(course).items()}


def work(limit_s: float = 60.0, limits: Limits | None = None, **answers: str) -> Work:
    """The small chapter with right answers but for these, to be asked on two sets of inputs."""
    files, questions = {"checks.py": (SOURCE / "checks.py").read_bytes()}, {}
    for name, exercise in load_checks(SOURCE).items():
        packed = tuple(pack_cases(draw_cases(exercise, seed)) for seed in (1, 2))
        questions[f"check_{name}"] = Question(name, packed, exercise.time_limit_s)
    return Work(answered(student_edition(), **(RIGHT | answers)), files, questions, limit_s, limits=limits or Limits())


def answered_right(run: Run, name: str) -> bool:
    """Whether the probe was asked on both sets of inputs and saw what a right answer shows, on the first case of each."""
    answers = run.observations.get(name, [])
    if [len(one) for one in answers] != [3, 3]:
        return False
    for seed, seen in zip((1, 2), answers, strict=True):
        x = draw_cases(load_checks(SOURCE)[name], seed)[0].inputs["x"]
        right = {"row_sums": x.sum(1), "shares": x / x.sum(1, keepdim=True), "largest": x.max()}[name]
        value = seen[0].value
        values = value.values if isinstance(value, TensorSeen) else right.new_tensor(getattr(value, "value", float("nan")))
        if values.shape != right.shape or not values.allclose(right):
            return False
    return True


@contextlib.contextmanager
def own_place() -> Iterator[Path]:
    """A new folder in which every temporary one is made, and warm kernels of our own."""
    close_fork_servers()
    place = Path(tempfile.mkdtemp(prefix="here-"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tempfile, "tempdir", str(place))
        yield place
        close_fork_servers()
    place.rmdir()


def only_warm_kernels_are_left(place: Path) -> bool:
    """Whether runs left nothing in `place` and no process below this one, but for what waits for the next run.

    multiprocessing's own helpers, of a pool that an earlier test used, stay as long as this process.
    """
    folders = [path.name for path in place.iterdir() if not path.name.startswith("kernels-")]
    scratches = list(place.glob("kernels-*/*/sockets"))
    close_fork_servers()
    children = [one for one in psutil.Process().children(recursive=True) if "from multiprocessing" not in " ".join(one.cmdline())]
    left = [folders, scratches, children, list(place.iterdir())]
    if left != [[], [], [], []]:
        print("left behind:", *left, *[one.cmdline() for one in children if one.is_running()])
    return left == [[], [], [], []]


def wait_until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    """Whether it becomes true within so many seconds."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.1)
    return True
