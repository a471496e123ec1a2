"""Classic mode: any nbgrader course, plain asserts; stock scores on honest work, and nothing gained by what is not honest.

Two courses are graded once: nbgrader's own sample, and a small one whose folders have other names (classic_course/), in which
honest students sit beside every attack.
"""

from __future__ import annotations

import copy
import json
import re
import shutil
import warnings
from collections.abc import Callable
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

import nbformat
import nbgrader
import pytest
from classic_class import (
    DOUBLE,
    EARNED,
    FIRST,
    HONEST,
    NAME,
    SECOND,
    TOTAL,
    WRONG,
    answered,
    cell_of,
    edition,
    fingerprint,
    gradebook_of,
    hand_in,
    points_of,
    stock,
    write_course,
)  # fmt: skip
from nbformat import NotebookNode
from nbgrader.utils import determine_grade
from typer.testing import CliRunner

from autograder.cli import app
from autograder.grading import classic
from autograder.grading.classic import grade_classic
from autograder.grading.classic_course import (
    ClassicAssignment,
    HandIn,
    Limits,
    hand_in_folders,
    is_classic,
    load_classic,
    read_hand_in,
)
from autograder.grading.classic_grading import ClassicResult, joined, parts_of, score
from autograder.grading.classic_scoring import arm, settle
from autograder.grading.execute import Run, Work, execute
from autograder.release.source import SourceError
from autograder.reports.feedback import write_feedback

SAMPLE = Path(nbgrader.__file__).parent / "docs" / "source" / "user_guide"

LOUD = """import sys
def double(x):
    warnings.warn("this is slow")
    print("working", file=sys.stderr)
    return 2 * x"""

# -- the others: each names what it tries; none has a right answer ---------------------------------------------------------

HONEST_LOOKING = WRONG + "\n"
ATTACKS = {
    "drops_asserts": """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.copy_location(ast.Pass(), node)
get_ipython().ast_transformers.append(Drop())""",
    "rewrites_text": """
get_ipython().input_transformers_post.append(lambda lines: [line.replace("assert ", "str() or ") for line in lines])""",
    "patches_run_cell": """
_old = get_ipython().run_cell
def run(raw_cell, *args, **kwargs):
    return _old("pass" if "assert" in raw_cell else raw_cell, *args, **kwargs)
get_ipython().run_cell = run""",
    "patches_the_reply": """
import IPython.core.interactiveshell as _shell
_shell.ExecutionResult.error_in_exec = property(lambda self: None, lambda self, value: None)
get_ipython().showtraceback = lambda *args, **kwargs: None""",
    "catches_errors": """
get_ipython().set_custom_exc((Exception,), lambda *args, **kwargs: None)""",
    "clears_output": """
from IPython.display import clear_output
get_ipython().events.register("post_run_cell", lambda result: clear_output())""",
    "publishes_a_number": """
def double(x):
    kernel = get_ipython().kernel
    content = {"data": {"text/plain": "2"}, "metadata": {}, "execution_count": 1}
    kernel.session.send(kernel.iopub_socket, "execute_result", content, parent=kernel.get_parent())
    return 0""",
    "publishes_and_switches_off": """
import ast
class Drop(ast.NodeTransformer):
    def visit_Assert(self, node):
        return ast.parse("get_ipython().displayhook(2)").body[0]
get_ipython().ast_transformers.append(Drop())""",
    "floods_then_fails": """
from IPython.display import display
def double(x):
    for _ in range(5):
        display({"text/plain": "x" * 1_000_000}, raw=True)
    return 0""",
    "ends_the_kernel": "import os; os._exit(0)",
    "never_ends": "def double(x):\n    while True: pass",
}
TAMPERED = set(ATTACKS) - {"publishes_a_number", "floods_then_fails", "ends_the_kernel", "never_ends"}
VALUES = {
    "publishes_partial_credit": """
def total():
    kernel = get_ipython().kernel
    content = {"data": {"text/plain": "3.0"}, "metadata": {}, "execution_count": 1}
    kernel.session.send(kernel.iopub_socket, "execute_result", content, parent=kernel.get_parent())
    return 0""",
    "patches_the_display": """
import sys
def total():
    shell = get_ipython()
    sys.displayhook = lambda value: type(shell.displayhook).__call__(shell.displayhook, 3.0)
    return 0""",
    "renames_numbers": """
get_ipython().display_formatter.formatters["text/plain"].for_type(float, lambda value, printer, cycle: printer.text("3.0"))
def total():
    return 0""",
}
# What classic mode cannot hold: these do succeed, and are not told. README and the module say so.
HOLES = {
    "equals_everything": """
class Same(int):
    __eq__ = lambda self, other: True
    __hash__ = None
def double(x):
    return Same()""",
    "reads_the_test": """
import re
def double(x):
    raise AssertionError(re.search('"([0-9a-f]{32})', get_ipython().user_ns["In"][-1])[1])""",
}


def tagged(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception"]


def emptied(notebook: NotebookNode) -> None:
    for name in ("test_double", "test_total"):
        cell_of(notebook, name).source = "pass"


def copied(notebook: NotebookNode) -> None:
    for name in ("test_double", "test_total"):
        twin = copy.deepcopy(cell_of(notebook, name))
        twin.source = "2"
        notebook.cells.append(twin)


def split(notebook: NotebookNode) -> None:
    twin = copy.deepcopy(cell_of(notebook, "test_double"))
    twin.source, cell_of(notebook, "test_double").source = "pass", "assert True"
    notebook.cells.insert(0, twin)


def deleted(notebook: NotebookNode) -> None:
    notebook.cells = [cell for cell in notebook.cells if not cell.metadata.get("nbgrader", {}).get("grade")]


def repriced(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader |= {"points": 1000, "grade": True, "solution": True, "schema_version": 99}


def numbered(notebook: NotebookNode) -> None:
    for cell in notebook.cells:
        cell["id"] = "one"
    notebook.nbformat_minor = 5


EDITS: dict[str, Callable[[NotebookNode], None]] = {
    "tags_the_tests": tagged, "empties_the_tests": emptied, "copies_the_tests": copied, "splits_the_tests": split,
    "deletes_the_tests": deleted, "raises_the_points": repriced, "doubles_the_ids": numbered,
}  # fmt: skip


def write_class(course: Path) -> None:
    first, second = edition(course, "first"), edition(course, "second")
    for student, parts in HONEST.items():
        for name, released, answers in zip(("first", "second"), (first, second), parts, strict=True):
            if answers is not None:
                hand_in(course, student, name, answered(released, **answers))
    hand_in(course, "loud", "first", answered(first, double=LOUD, total=TOTAL))
    for student, code in ATTACKS.items():
        hand_in(course, student, "first", answered(first, double=f"{HONEST_LOOKING}{code}", total="def total():\n    return 'x'"))
    for student, code in VALUES.items():
        hand_in(course, student, "first", answered(first, double=WRONG, total=code))
    for student, code in HOLES.items():
        hand_in(course, student, "first", answered(first, double=code))
    for student, edit in EDITS.items():
        for answers, suffix in (({"double": WRONG}, ""), (FIRST, "_but_is_right")):
            notebook = answered(first, **answers)
            edit(notebook)
            hand_in(course, student + suffix, "first", notebook)
    write_odd_ones(course, first, second)


LOOKS_AROUND = """
import os, sqlite3
def double(x):
    try:
        sqlite3.connect("file:GRADEBOOK?mode=rw", uri=True).execute("UPDATE grade SET manual_score = 999")
    except sqlite3.Error:
        return 2 * x if os.path.exists("SOURCE") else 0
    return 2 * x"""


def write_odd_ones(course: Path, first: NotebookNode, second: NotebookNode) -> None:
    """What is odd about a folder, a file, or the words in it."""
    path = hand_in(course, "brings_modules", "first", answered(first, double=DOUBLE, total=TOTAL))
    path.with_name("csv.py").write_text("reader = lambda file: [['60']]\nraise SystemExit")
    (path.parent / "data").mkdir()
    (path.parent / "data" / "numbers.csv").write_text("1\n")
    path.with_name("secret.txt").symlink_to(course / "masters" / NAME / "first.ipynb")
    code = LOOKS_AROUND.replace("GRADEBOOK", str(course / "gradebook.db")).replace("SOURCE", str(course / "masters"))
    hand_in(course, "looks_around", "first", answered(first, double=code))
    hand_in(course, "broken", "first", b'{"cells": [')
    hand_in(course, "broken", "second", answered(second, **SECOND))
    linked = hand_in(course, "links", "first", b"")
    linked.unlink()
    linked.symlink_to(course / "masters" / NAME / "first.ipynb")
    (course / "handed_in" / "links_all").symlink_to(course / "handed_in" / "ada")
    (course / "handed_in" / "dead_link").mkdir()
    (course / "handed_in" / "dead_link" / NAME).symlink_to(course / "nowhere")
    script = "<script>alert(1)</script> <img src=x onerror=alert(1)>"
    scripted = answered(second, negate=SECOND["negate"], why=f"{script} [x](java&#115;cript:alert(1)) ![y](attachment:y.png)")
    cell_of(scripted, "describe").source = f"from IPython.display import HTML, SVG\nHTML('{script}')"
    place = scripted.cells.index(cell_of(scripted, "plot")) + 1
    own = [nbformat.v4.new_markdown_cell(f"My plot {script}"), nbformat.v4.new_code_cell("print('plotted', 6 * 7)")]
    scripted.cells[place:place] = own
    hand_in(course, "scripts", "second", scripted)


class Tired(Executor):
    """Does no work."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(OSError("not today"))
        return future


# -- what the tests are about ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small course with everything handed in, nothing graded."""
    course = write_course(tmp_path_factory.mktemp("classic") / "course")
    write_class(course)
    return course


@pytest.fixture(scope="module")
def graded(course: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same course after `grade_classic`; a cell of the loop's may run for 3 seconds."""
    folder = Path(shutil.copytree(course, tmp_path_factory.mktemp("graded") / "course", symlinks=True))
    config = folder / "nbgrader_config.py"
    config.write_text(config.read_text().replace("timeout = 20", "timeout = 5"))
    list(grade_classic(folder, NAME))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbconvert's, of pictures without a text
        assert write_feedback(folder, NAME) == len(list((folder / "graded").iterdir()))
    return folder


@pytest.fixture(scope="module")
def outcomes(graded: Path) -> dict[str, str]:
    """What the second run says, which grades nothing: every hand-in is known by its outcome."""
    again = list(grade_classic(graded, NAME, executor=lambda: pytest.fail("it was graded already")))
    return {one.student: one.outcome for one in again}


@pytest.mark.slow
class TestNbgradersOwnSample:
    """ps1 of nbgrader's documentation: two notebooks, written answers, a task, a picture, and one who commented the tests out."""

    @pytest.fixture(scope="class")
    def sample(self, tmp_path_factory: pytest.TempPathFactory) -> Path:
        folder = tmp_path_factory.mktemp("sample") / "course"
        for name in ("source", "submitted"):
            shutil.copytree(SAMPLE / name, folder / name)
        return folder

    def test_the_gradebook_is_what_stock_nbgrader_writes_cell_by_cell(self, sample: Path, tmp_path: Path) -> None:
        theirs = Path(shutil.copytree(sample, tmp_path / "course"))
        stock(theirs, "generate_assignment", "ps1")
        stock(theirs, "autograde", "ps1")
        assert is_classic(sample, "ps1")
        results = list(grade_classic(sample, "ps1"))
        assert [(one.student, one.outcome, one.fresh) for one in results] == [
            ("bitdiddle", "graded", True),
            ("hacker", "graded", True),
        ]
        ours = gradebook_of(sample, "ps1")
        assert ours == gradebook_of(theirs, "ps1")
        assert {who: sum(cell[0] or 0 for cell in cells.values()) for who, cells in ours.items()} == {
            "bitdiddle": 1.5,
            "hacker": 3.0,
        }
        for folder in ("autograded/hacker/ps1", "autograded/bitdiddle/ps1"):
            assert names_in(sample / folder) == names_in(theirs / folder)

    def test_the_command_tells_points_writes_pages_and_grades_nothing_twice(self, sample: Path) -> None:
        done = CliRunner().invoke(app, ["grade", "ps1", "--course", str(sample)])
        assert done.exit_code == 0, done.output
        lines = done.output.splitlines()
        assert lines[-1] == "grade: 2 submissions, 2 graded, 0 need a look"
        assert [line.split("│")[1:3] for line in lines if "bitdiddle" in line] == [[" bitdiddle ", " 1.5 "]]
        assert (sample / "grades.csv").read_text().splitlines()[1:] == ["bitdiddle,1.5,1.5,", "hacker,3.0,3.0,"]
        assert (sample / "feedback" / "hacker" / "ps1" / "problem2.html").is_file()

    def test_a_person_finds_the_answer_of_a_task_below_it(self, sample: Path) -> None:
        list(grade_classic(sample, "ps1"))
        notebook = nbformat.read(sample / "autograded" / "hacker" / "ps1" / "problem1.ipynb", as_version=4)
        assert notebook.cells[-1].source == r"$\sum x^i = \frac{1}{1-x}$"
        printed = [output.text for cell in notebook.cells for output in cell.get("outputs", []) if "text" in output]
        assert "2.23606797749979\n2.23606797749979\n" in printed


def names_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


@pytest.mark.slow
class TestHonestWork:
    """A course with names of its own, hidden tests, partial credit, a data file, cells for a person."""

    @pytest.mark.parametrize("student", EARNED)
    def test_everyone_has_what_they_earned(self, graded: Path, student: str) -> None:
        assert points_of(graded, student) == EARNED[student]

    def test_stock_nbgrader_gives_the_same_cell_by_cell(self, graded: Path, course: Path, tmp_path: Path) -> None:
        theirs = Path(shutil.copytree(course, tmp_path / "course", symlinks=True))
        for folder in (theirs / "handed_in").iterdir():
            if folder.name not in HONEST:
                folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
        stock(theirs, "autograde", NAME)
        ours = gradebook_of(graded, NAME)
        assert gradebook_of(theirs, NAME) == {student: ours[student] for student in HONEST}

    def test_what_a_student_writes_to_stderr_costs_nothing(self, graded: Path) -> None:
        assert points_of(graded, "loud") == EARNED["dee"]
        notebook = nbformat.read(graded / "graded" / "loud" / NAME / "first.ipynb", as_version=4)
        test = cell_of(notebook, "test_double")
        assert determine_grade(test) == (2.0, 2.0)
        assert "this is slow" in "".join(output.text for output in test.outputs)
        assert "stock nbgrader would give 0 points" in notebook.cells[0].source

    def test_nothing_is_noted_where_nothing_is_to_be_said(self, graded: Path) -> None:
        notebook = nbformat.read(graded / "graded" / "ada" / NAME / "first.ipynb", as_version=4)
        assert notebook.metadata.autograder.notes == []
        assert notebook.metadata.autograder.points == 6.0
        assert notebook.cells[0].source == "# Numbers"

    def test_only_the_courses_files_stand_beside_the_graded_notebooks(self, graded: Path) -> None:
        assert names_in(graded / "graded" / "ada" / NAME) == ["data", "data/numbers.csv", "first.ipynb", "second.ipynb"]

    def test_nothing_waits_for_a_person_but_what_only_a_person_can_grade(self, graded: Path) -> None:
        cells = gradebook_of(graded, NAME)["ada"]
        assert {name for name, cell in cells.items() if cell[1]} == {"second/describe", "second/why", "second/plot"}

    def test_every_student_has_a_page(self, graded: Path) -> None:
        assert (graded / "returned" / "ada" / NAME / "first.html").is_file()

    def test_the_error_of_a_failed_test_reads_as_the_test_does(self, graded: Path) -> None:
        notebook = nbformat.read(graded / "graded" / "bob" / NAME / "first.ipynb", as_version=4)
        (error,) = cell_of(notebook, "test_double").outputs
        text = "\n".join(error.traceback)
        assert error.evalue == "double(1) should be 2"
        assert "double(1)" in re.sub(r"\x1b\[[0-9;]*m", "", text)
        assert "displayhook" not in text

    def test_a_second_run_grades_nothing_and_a_forced_one_changes_nothing(
        self, graded: Path, outcomes: dict[str, str], tmp_path: Path
    ) -> None:
        assert outcomes["ada"] == "graded"
        again = Path(shutil.copytree(graded, tmp_path / "course", symlinks=True))
        for folder in (again / "handed_in").iterdir():
            if folder.name != "ada":
                folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
        before = gradebook_of(again, NAME)
        assert [one.fresh for one in grade_classic(again, NAME, force=True)] == [True]
        assert gradebook_of(again, NAME) == before
        (again / "graded" / "ada" / NAME / "second.ipynb").unlink()  # as a run leaves it that was cut off between the two
        assert [one.fresh for one in grade_classic(again, NAME)] == [True]
        assert [one.fresh for one in grade_classic(again, NAME)] == [False]

    def test_a_changed_source_is_graded_anew(self, graded: Path, tmp_path: Path) -> None:
        changed = Path(shutil.copytree(graded, tmp_path / "course", symlinks=True))
        (changed / "masters" / NAME / "data" / "numbers.csv").write_text("1\n")
        results = {one.student: one for one in grade_classic(changed, NAME, executor=Tired)}
        assert (results["ada"].outcome, results["ada"].fresh) == ("failed", True)
        assert results["ada"].detail == "first: OSError: not today; second: OSError: not today"
        assert points_of(changed, "ada") == EARNED["ada"]  # the grader's own fault changes nothing


@pytest.mark.slow
class TestAttacks:
    """Each is a student of its own: no point gained, the neighbours graded, no file touched."""

    @pytest.mark.parametrize("student", ATTACKS)
    def test_gains_nothing(self, graded: Path, student: str) -> None:
        assert points_of(graded, student) == {"test_double": 0.0, "test_total": 0.0, "test_negate": 0.0}

    @pytest.mark.parametrize("student", sorted(TAMPERED | {"publishes_a_number"}) + sorted(VALUES))
    def test_without_the_last_assertion_it_would_have_gained(self, course: Path, student: str) -> None:
        """The attacks are real: the same cells, run as they are and scored by nbgrader's own function, earn more."""
        notebook = nbformat.read(course / "handed_in" / student / NAME / "first.ipynb", as_version=4)
        run = execute(Work(notebook, {"data/numbers.csv": b"60"}, {}, 5.0))
        gained = {name: determine_grade(cell_of(run.notebook, name))[0] for name in ("test_double", "test_total")}
        assert sum(gained.values()) > 0.5, gained

    @pytest.mark.parametrize("student", sorted(TAMPERED))
    def test_a_kernel_whose_asserts_do_not_assert_is_told_as_tampered(
        self, graded: Path, outcomes: dict[str, str], student: str
    ) -> None:
        assert outcomes[student] == "tampered"
        assert all(cell[1] for cell in gradebook_of(graded, NAME)[student].values()), "a person looks"

    def test_what_stops_a_kernel_is_told_and_waits_for_a_person(self, graded: Path, outcomes: dict[str, str]) -> None:
        assert outcomes["ends_the_kernel"] == "killed"
        assert gradebook_of(graded, NAME)["ends_the_kernel"]["first/test_double"][1]

    @pytest.mark.parametrize("student", VALUES)
    def test_publishing_partial_credit_gains_nothing(self, graded: Path, student: str) -> None:
        earned = points_of(graded, student)
        assert earned["test_double"] == 0.0
        assert earned["test_total"] <= 0.5  # an int is worth that much

    @pytest.mark.parametrize("student", EDITS)
    def test_an_edited_notebook_is_graded_by_its_answers_alone(self, graded: Path, student: str) -> None:
        assert points_of(graded, student) == {"test_double": 0.0, "test_total": 0.0, "test_negate": 0.0}
        assert points_of(graded, f"{student}_but_is_right") == EARNED["dee"]

    def test_own_modules_and_data_do_not_come_along(self, graded: Path, outcomes: dict[str, str]) -> None:
        assert points_of(graded, "brings_modules") == EARNED["dee"]
        assert outcomes["brings_modules"] == "graded"
        assert names_in(graded / "graded" / "brings_modules" / NAME) == ["data", "data/numbers.csv", "first.ipynb"]

    @pytest.mark.parametrize("student", ["links", "links_all", "dead_link"])
    def test_a_link_is_not_followed(self, graded: Path, outcomes: dict[str, str], student: str) -> None:
        assert outcomes[student] == "malformed"
        assert sum(points_of(graded, student).values()) == 0.0

    def test_a_broken_notebook_costs_only_its_own_points(self, graded: Path, outcomes: dict[str, str]) -> None:
        assert outcomes["broken"] == "malformed"
        assert points_of(graded, "broken") == {"test_double": 0.0, "test_total": 0.0, "test_negate": 1.0}
        page = (graded / "returned" / "broken" / NAME / "first.html").read_text(encoding="utf-8")
        assert "The submission could not be read: the file is no notebook" in page

    def test_no_script_reaches_the_pages_of_instructors_and_students(self, graded: Path, outcomes: dict[str, str]) -> None:
        assert outcomes["scripts"] == "graded"
        page = (graded / "returned" / "scripts" / NAME / "second.html").read_text(encoding="utf-8")
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert not re.search(r"href=.java", page)
        assert "plotted 42" in page  # the answer of the task has run

    def test_every_hand_in_ended_in_an_outcome_and_no_file_was_touched(
        self, graded: Path, course: Path, outcomes: dict[str, str]
    ) -> None:
        assert set(outcomes) == {path.name for path in (course / "handed_in").iterdir()}
        before, after = fingerprint(course), fingerprint(graded)
        before.pop("nbgrader_config.py")
        after.pop("nbgrader_config.py")
        assert after == before

    def test_neither_the_gradebook_nor_the_source_is_there_to_be_read(self, graded: Path) -> None:
        """The sandbox sees to it: the answer would be right if it found one of them."""
        assert points_of(graded, "looks_around")["test_double"] == 0.0

    @pytest.mark.parametrize("student", HOLES)
    def test_what_classic_mode_cannot_hold_does_succeed(self, graded: Path, outcomes: dict[str, str], student: str) -> None:
        """The module says so, and README: only tests that judge from outside hold these."""
        assert points_of(graded, student)["test_double"] == 2.0
        assert outcomes[student] == "graded"
        assert "cannot hold" in (classic.__doc__ or "")


# -- scoring: a test cell earns what stock nbgrader gives for it -------------------------------------------------------------

SETUP = """
import asyncio, sys, warnings
def f(x=1):
    return x
class Card:
    def _repr_mimebundle_(self, **_):
        return {"text/plain": "1.5", "text/html": "<b>1.5</b>"}
class Named:
    def __repr__(self):
        return "1.25"
class Mute:
    def _ipython_display_(self):
        print("mute")
"""
STOCK_SCORES = {
    "assert f() == 1": 2.0,
    "assert f() == 2": 0.0,
    "assert f() == 2, 'said\\nmore'": 0.0,
    "": 2.0,
    "# only a comment": 2.0,
    '"""only a docstring"""': 2.0,
    "assert f() == 1  # and a comment, without a line's end": 2.0,
    "if f():\n    assert True": 2.0,
    "def g():\n    assert False": 2.0,
    "try:\n    f(1, 2)\nexcept TypeError:\n    pass\nelse:\n    raise AssertionError('did not raise')": 2.0,
    "raise AssertionError('did not raise')": 0.0,
    "f(1, 2)": 0.0,
    "1 / 0": 0.0,
    "assert (": 0.0,
    "from __future__ import annotations\nassert f() == 1": 2.0,
    "score = 0\nscore += 1.5\nscore": 1.5,
    "0.5": 0.5,
    "0": 0.0,
    "2": 2.0,
    "1 + 0.25; # shown, or not?": 2.0,
    "0.5;": 2.0,
    "f(\n    0.5\n)  # after it": 0.5,
    "(0.5\n )": 0.5,
    "x = 0; 0.25": 0.25,
    "é = 0.75; é": 0.75,
    "'ü' and 0.75": 0.75,
    "print('x')": 2.0,
    "None": 2.0,
    "True": 2.0,
    "'1.5'": 2.0,
    "-1": 2.0,
    "float('nan')": 2.0,
    "[0.5]": 2.0,
    "0.5, 0.5": 2.0,
    "*[1], 2": 2.0,
    "(lambda: 0.5)()": 0.5,
    "(y := 0.5)": 0.5,
    "await asyncio.sleep(0, 0.5)": 0.5,
    "Card()": 1.5,
    "Named()": 1.25,
    "Mute()": 2.0,
    "object()": 2.0,
    "%%time\nassert f() == 1": 2.0,
    "%%time\nassert f() == 2": 0.0,
    "%%capture\nassert f() == 1": 2.0,
    "%%capture\nassert f() == 2": 0.0,
    "%time 0.5": 0.5,
    "%%script true\nassert False": 2.0,
    "!true": 2.0,
    "x = %pwd\nassert x": 2.0,
    "print('x' * 200_000)": 2.0,
    "print('x' * 200_000)\nassert f() == 2": 0.0,
    "from IPython.display import clear_output\nprint(1)\nclear_output()\nassert f() == 1": 2.0,
    "import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\nassert f() == 1": 2.0,
    "raise SystemExit": 0.0,
    "import sys\nsys.stdout = sys.stderr = open('log.txt', 'w')\nassert f() == 1": 2.0,
}


def notebook_of(sources: list[str]) -> NotebookNode:
    cells = [nbformat.v4.new_code_cell(SETUP), *(nbformat.v4.new_code_cell(source) for source in sources)]
    for number, cell in enumerate(cells[1:]):
        about = {"grade_id": f"t{number}", "grade": True, "solution": False, "locked": True, "points": 2.0, "schema_version": 3}
        cell.metadata["nbgrader"] = nbformat.from_dict(about)
    return nbformat.v4.new_notebook(cells=cells)


@pytest.mark.slow
def test_every_kind_of_test_cell_earns_what_stock_nbgrader_gives_for_it() -> None:
    """The same cells, once as they are and scored by nbgrader's own function, once armed: the same points, the same words."""
    sources = list(STOCK_SCORES)
    plain = execute(Work(notebook_of(sources), {}, {}))
    theirs = {source: determine_grade(cell)[0] for source, cell in zip(sources, plain.notebook.cells[1:], strict=True)}
    assert theirs == STOCK_SCORES
    armed = [arm(source) for source in sources]
    run = execute(Work(notebook_of([one.source for one in armed]), {}, {}))
    ours, told = {}, {}
    for source, one, cell in zip(sources, armed, run.notebook.cells[1:], strict=True):
        settled = settle(one, cell.outputs, 2.0)
        cell.outputs = settled.outputs
        ours[source], told[source] = determine_grade(cell)[0], settled.trouble
        assert one.token not in json.dumps(settled.outputs)
        assert "displayhook" not in json.dumps(settled.outputs)
    assert ours == STOCK_SCORES
    assert set(told.values()) == {""}


@pytest.mark.slow
def test_who_has_every_expression_shown_is_no_forger() -> None:
    """A setting that many like: then a test's docstring is a result, too, and stock nbgrader scores by it."""
    sources = [
        '"""What is tested."""\nassert f() == 1',
        '"""What is tested."""\nf(0.5)',
        '"""What is tested."""\nassert f() == 2',
    ]
    armed = [arm(source) for source in sources]
    notebook = notebook_of([one.source for one in armed])
    notebook.cells[0].source += "\nget_ipython().ast_node_interactivity = 'all'"
    run = execute(Work(notebook, {}, {}))
    earned = []
    for one, cell in zip(armed, run.notebook.cells[1:], strict=True):
        settled = settle(one, cell.outputs, 2.0)
        cell.outputs = settled.outputs
        earned.append((determine_grade(cell)[0], settled.trouble))
    assert earned == [(2.0, ""), (0.5, ""), (0.0, "")]


@pytest.mark.slow
def test_more_points_than_a_test_has_are_none_and_are_told() -> None:
    """Stock nbgrader leaves such a submission ungraded."""
    armed = [arm("3"), arm("float('inf')")]
    run = execute(Work(notebook_of([one.source for one in armed]), {}, {}))
    for one, cell in zip(armed, run.notebook.cells[1:], strict=True):
        settled = settle(one, cell.outputs, 2.0)
        cell.outputs = settled.outputs
        assert settled.trouble == "unclear"
        assert determine_grade(cell)[0] == 0.0


def test_a_test_that_was_never_run_earns_nothing() -> None:
    """Stock nbgrader gives full points for a cell without outputs."""
    settled = settle(arm("assert True"), [], 2.0, "the notebook ran for more than 900 seconds")
    assert (settled.trouble, settled.outputs[0].ename) == ("", "NotRun")
    assert settle(arm("assert True"), [], 2.0).trouble == "tampered"


def test_no_two_armed_cells_are_alike() -> None:
    assert arm("f()").source != arm("f()").source


# -- one submission, without a course and without a kernel -------------------------------------------------------------------


def alone(source: dict[str, NotebookNode], submitted: dict[str, bytes], run: Callable[[Work], Run] = execute) -> ClassicResult:
    """One hand-in's result, as if it were the only one."""
    assignment, hand_in = ClassicAssignment("one", source, {}, Limits(), ""), HandIn("ada", submitted)
    parts = parts_of(assignment, hand_in, 7).items()
    return joined(assignment, hand_in, {n: p if isinstance(p, ClassicResult) else score(p, run(p.work)) for n, p in parts})


def dying(work: Work) -> Run:
    return Run("failed", work.notebook, {}, {}, "no kernel")


def tiny() -> dict[str, NotebookNode]:
    notebook = notebook_of(["assert f() == 1"])
    about = {"grade_id": "f", "grade": False, "solution": True, "locked": False, "schema_version": 3}
    notebook.cells[0].metadata["nbgrader"] = nbformat.from_dict(about)
    return {"tiny": notebook}


class TestOneSubmission:
    def test_the_graders_own_fault_is_no_result(self) -> None:
        source = tiny()
        result = alone(source, {"tiny": json.dumps(source["tiny"]).encode()}, dying)
        assert (result.outcome, result.detail, result.points) == ("failed", "no kernel", {})

    def test_nothing_handed_in_is_malformed_and_a_missing_notebook_is_told(self) -> None:
        result = alone(tiny(), {})
        assert (result.outcome, result.detail) == ("malformed", "no notebook of the assignment was handed in")
        assert result.notes == {"tiny": ["tiny.ipynb was not handed in."]}

    @pytest.mark.parametrize(
        "data", [b"", b"[]", b"%PDF-1.7", b"\xff\xfe", b"[" * 100_000, b'{"cells": [{"cell_type": "code"}]}']
    )
    def test_what_is_no_notebook_of_the_assignments_is_malformed(self, data: bytes) -> None:
        result = alone(tiny(), {"tiny": data})
        assert result.outcome == "malformed"
        assert result.points == {"tiny": {"t0": 0.0}}

    def test_the_source_is_left_as_it_is(self) -> None:
        source = tiny()
        before = json.dumps(source)
        alone(source, {"tiny": before.encode()[17:]})
        assert json.dumps(source) == before


# -- the course folder -------------------------------------------------------------------------------------------------------


class TestTheCourseFolder:
    def test_an_assignment_with_checks_is_not_classic(self, tmp_path: Path) -> None:
        folder = tmp_path / "source" / "one"
        folder.mkdir(parents=True)
        assert not is_classic(tmp_path, "one")
        nbformat.write(nbformat.v4.new_notebook(), folder / "one.ipynb")
        assert is_classic(tmp_path, "one")
        (folder / "checks.py").touch()
        assert not is_classic(tmp_path, "one")

    def test_an_assignment_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(SourceError, match="there is no assignment 'one'"):
            load_classic(tmp_path, "one")

    def test_another_language_is_told(self, tmp_path: Path) -> None:
        folder = tmp_path / "source" / "one"
        folder.mkdir(parents=True)
        kernel = {"kernelspec": {"name": "ir", "display_name": "R", "language": "R"}}
        nbformat.write(nbformat.v4.new_notebook(metadata=kernel), folder / "one.ipynb")
        with pytest.raises(SourceError, match=r"one/one.ipynb is written in R; only Python's"):
            load_classic(tmp_path, "one")

    def test_what_the_course_lets_students_bring_is_told_not_taken(self) -> None:
        assignment = ClassicAssignment("one", tiny(), {}, Limits(), "", ("helper.py",))
        hand_in = HandIn("ada", {})
        result = joined(assignment, hand_in, parts_of(assignment, hand_in, 7))  # type: ignore[arg-type]
        assert "The course takes helper.py from submissions; here the course's own was used." in result.notes["tiny"]

    @pytest.mark.parametrize(
        "structure", ["{nbgrader_step}/{student_id}/{assignment_id}", "{nbgrader_step}/{assignment_id}/{student_id}"]
    )
    def test_students_are_found_in_any_structure_whatever_they_are_called(self, tmp_path: Path, structure: str) -> None:
        (tmp_path / "nbgrader_config.py").write_text(
            f"c = get_config()\nc.CourseDirectory.directory_structure = {structure!r}\n"
            "c.CourseDirectory.student_id_exclude = 'eve'\n"
        )
        students = ["ada", "Émilie du Châtelet", ".hidden", "-rf", "a[b]*", "eve"]
        for student in students:
            parts = {"nbgrader_step": "submitted", "assignment_id": "o[n]e", "student_id": student}
            folder = tmp_path / structure.format(**parts)
            folder.mkdir(parents=True)
            (folder / "tiny.ipynb").write_bytes(student.encode())
        found = [read_hand_in(*one, ["tiny"]) for one in hand_in_folders(tmp_path, "o[n]e")]
        assert {one.student: one.notebooks["tiny"].decode() for one in found} == {
            name: name for name in students if name != "eve"
        }

    def test_the_only_notebook_may_have_another_name(self, tmp_path: Path) -> None:
        folder = tmp_path / "submitted" / "ada" / "one"
        folder.mkdir(parents=True)
        (folder / "My solution.ipynb").write_text("{}")
        (found,) = [read_hand_in(*one, ["tiny"]) for one in hand_in_folders(tmp_path, "one")]
        assert (found.notebooks, found.notes) == ({"tiny": b"{}"}, ("The notebook was handed in as My solution.ipynb.",))

    def test_a_folder_that_is_a_file_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "submitted" / "ada").mkdir(parents=True)
        (tmp_path / "submitted" / "ada" / "one").touch()
        (found,) = [read_hand_in(*one, ["tiny"]) for one in hand_in_folders(tmp_path, "one")]
        assert found.troubles == {"tiny": "one is a file, not a folder with notebooks in it"}
