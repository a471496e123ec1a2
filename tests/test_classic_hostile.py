"""Hostile submissions in classic mode: the attacks of tests/test_hostile.py on a course of plain asserts, all in one run.

A class hands in: each attacker answers the middle one of three exercises wrongly and attacks; beside each sits an honest
neighbour. Every class of attack is here that a test beside the answer can hold; what it cannot hold is tested as such.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import nbformat
import psutil
import pytest
from classic_class import stock
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from small_class import RIGHT, answered, as_bytes, cell_of, position_of, student_edition, wait_until
from test_hostile import ATTACKS, DAMAGE, FLOODS, WRITTEN, attack_of, digests, repriced, tagged, with_own_kernel, without

from autograder.reports.class_table import class_rows
from autograder.reports.feedback import write_feedback

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]  # everybody is graded in the first test
NAME = "small"
EARNED = {"row_sums": 2.0, "largest": 3.0, "shares": 5.0}
TESTS = {
    "row_sums": "assert row_sums(torch.ones(2, 3)).tolist() == [3.0, 3.0]",
    # Hidden, and more calls than one attack answers rightly to be believed on the others.
    "largest": (
        "assert isinstance(largest(torch.zeros(1, 1)), float)\n### BEGIN HIDDEN TESTS\nfor number in range(1, 7):\n"
        "    assert largest(torch.full((2, number), float(number))) == number\n### END HIDDEN TESTS"
    ),
    "shares": "assert shares(torch.ones(1, 4)).tolist() == [[0.25] * 4]",
}
WRONG = "def largest(x):\n    return -1.0\n\n"
# Here an assert of `==` and one of `torch.allclose` stand beside what can change the meaning of both.
HOLES = {"equal_to_everything"}
# A busy machine may need longer for the 2 GB of a kernel than the 6 seconds of a cell; test_hostile has limits of its own.
GROWING = {"grows_slowly", "shares_memory", "grows_in_children", "grows_in_programs"}
SETTINGS = """
c = get_config()
c.ClearSolutions.code_stub = {"python": "# your turn"}
c.Execute.timeout = 6
"""


def source_notebook() -> NotebookNode:
    """The small chapter as a classic assignment: the cells that check are tests of plain asserts, one of them hidden."""
    notebook = student_edition()
    for cell in notebook.cells:
        cell.source = cell.source.replace("from autograder import check", "")
        if (name := cell.id.removeprefix("check_")) in TESTS and name != cell.id:
            cell.source = TESTS[name]
            cell.metadata.nbgrader |= {"grade_id": cell.id, "grade": True, "solution": False, "locked": True, "schema_version": 3}
            cell.metadata.nbgrader["points"] = EARNED[name]
    return notebook


def with_stored_errors_cleared(notebook: NotebookNode) -> NotebookNode:
    cell_of(notebook, "check_largest").outputs = [
        nbformat.v4.new_output("execute_result", {"text/plain": "3"}, execution_count=9)
    ]
    return notebook


def with_a_test_of_its_own(notebook: NotebookNode) -> NotebookNode:
    cell_of(notebook, "check_largest").source = "3"
    notebook.cells.insert(0, dict(notebook.cells[position_of(notebook, "check_largest")], id="copy"))
    return notebook


CHANGES: dict[str, Callable[[NotebookNode], NotebookNode]] = {
    "tagged": tagged, "repriced": repriced, "own_kernel": with_own_kernel, "stored_outputs": with_stored_errors_cleared,
    "own_test": with_a_test_of_its_own, "no_test": lambda notebook: without(notebook, "check_largest"),
}  # fmt: skip
BACKDATES = """
import pathlib
for folder in (".", "..", "/tmp", "@COURSE@/submitted/backdates_while_it_runs/small"):
    try:
        pathlib.Path(folder, "timestamp.txt").write_text("1999-01-01 00:00:00 UTC")
    except OSError:
        pass
"""


def attackers(course: Path, port: int) -> dict[str, str]:
    """What each attacker writes in place of the second answer."""
    written = {name: attack_of(name, course, port) for name in ATTACKS}
    # More of it than the other tests' limits allow: here a kernel may have 2 GB.
    written |= {f"damage_{name}": WRONG + code.replace("200 << 20", "900 << 20") for name, (code, _) in DAMAGE.items()}
    written |= {f"flood_{name}": WRONG + code for name, code in FLOODS.items()}
    written |= {"backdates_while_it_runs": WRONG + BACKDATES.replace("@COURSE@", str(course))}
    return written


@pytest.fixture(scope="module")
def course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The course with everything handed in, nothing graded."""
    course = tmp_path_factory.mktemp("classic") / "course"
    (course / "source" / NAME).mkdir(parents=True)
    (course / "nbgrader_config.py").write_text(SETTINGS)
    nbformat.write(source_notebook(), course / "source" / NAME / f"{NAME}.ipynb")
    stock(course, "generate_assignment", NAME)
    released = nbformat.read(course / "release" / NAME / f"{NAME}.ipynb", as_version=4)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]

    def hand_in(student: str, content: NotebookNode | bytes) -> Path:
        path = course / "submitted" / student / NAME / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        path.write_bytes(content if isinstance(content, bytes) else as_bytes(content))
        return path

    for student, code in attackers(course, port).items():
        hand_in(student, answered(released, **RIGHT | {"largest": code}))
        hand_in(f"{student}_neighbour", answered(released, **RIGHT | {"largest": f"{RIGHT['largest']}  # beside {student}"}))
    for student, change in CHANGES.items():
        hand_in(f"changed_{student}", change(answered(released, **RIGHT | {"largest": WRONG})))
    for number, written in enumerate(WRITTEN.values()):
        hand_in(f"writes_{number}", answered(released, **RIGHT | {"written_why": written}))
    for student, junk in {"junk": b"\xff\xfeyesterday", "endless": b"9" * 1_000_000, "far": b"99999-01-01"}.items():
        path = hand_in(f"time_{student}", answered(released, **RIGHT))
        path.with_name("timestamp.txt").write_bytes(junk)
    hand_in("huge", b" " * 2**25)
    hand_in("deep", b"[" * 100_000)
    return course


@pytest.fixture(scope="module")
def outcomes(course: Path) -> dict[str, str]:
    """How each ended, in one run of two at a time. Afterwards no file of the course's is another, and nothing is left behind."""
    before = digests(course / "source") | digests(course / "submitted")
    command = [str(Path(sys.executable).with_name("autograder")), "grade", "--course", str(course), "--isolation", "strict"]
    with tempfile.TemporaryDirectory(prefix="t-") as folder:
        surroundings = os.environ | {"COURSE_TOKEN": "hunter2", "TMPDIR": folder}
        done = subprocess.run([*command, "--jobs", "2"], env=surroundings, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr  # somebody needs a look
        assert wait_until(lambda: not list(Path(folder).iterdir())), list(Path(folder).iterdir())
    assert not [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", "977"]]
    assert digests(course / "source") | digests(course / "submitted") == before
    found = {row.student: row.outcomes[NAME] for row in class_rows(course, [NAME])}
    assert set(found) == {path.name for path in (course / "submitted").iterdir()}
    return found


@pytest.fixture(scope="module")
def points(course: Path, outcomes: dict[str, str]) -> dict[str, dict[str, float]]:
    """The gradebook's points, by student and exercise."""
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        return {
            submission.student.id: {
                grade.name.removeprefix("check_"): grade.auto_score
                for notebook in submission.notebooks
                for grade in notebook.grades
                if grade.name.startswith("check_")
            }
            for submission in gradebook.assignment_submissions(NAME)
        }


def shown(course: Path, student: str) -> NotebookNode:
    return nbformat.read(course / "autograded" / student / NAME / f"{NAME}.ipynb", as_version=4)


def printed(notebook: NotebookNode) -> str:
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


@pytest.mark.parametrize("student", [*ATTACKS, *(f"damage_{name}" for name in DAMAGE), *(f"flood_{name}" for name in FLOODS)])
def test_no_point_is_gained_and_the_neighbour_is_graded_as_ever(
    student: str, course: Path, outcomes: dict[str, str], points: dict[str, dict[str, float]]
) -> None:
    earned = points[student]
    if student in HOLES:
        assert earned["largest"] == EARNED["largest"], "it is held now: say so in README and in the module"
    else:
        assert earned["largest"] == 0
    assert all(earned[name] in (0, EARNED[name]) for name in ("row_sums", "shares"))
    assert points[f"{student}_neighbour"] == EARNED
    assert outcomes[f"{student}_neighbour"] == "graded"
    text = printed(shown(course, student))
    assert "hunter2" not in text
    for mark in ("FOUND", "CHANGED", "SIGNS", "THROUGH"):
        assert f"{mark} " not in text or f"{mark} []" in text, text


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_told_as_what_it_is_and_the_other_tests_are_run(
    name: str, outcomes: dict[str, str], points: dict[str, dict[str, float]]
) -> None:
    interrupted_first = {"graded"} if name in GROWING else set()
    assert outcomes[f"damage_{name}"] in DAMAGE[name][1] | interrupted_first
    assert points[f"damage_{name}"] == EARNED | {"largest": 0.0}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_is_cut(name: str, course: Path, points: dict[str, dict[str, float]]) -> None:
    assert (course / "autograded" / f"flood_{name}" / NAME / f"{NAME}.ipynb").stat().st_size < 8_000_000


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_notebook_earns_what_its_answers_earn(change: str, points: dict[str, dict[str, float]]) -> None:
    assert points[f"changed_{change}"] == EARNED | {"largest": 0.0}


@pytest.mark.parametrize("student", ["huge", "deep"])
def test_what_is_no_notebook_is_told_as_that(student: str, outcomes: dict[str, str], points: dict[str, dict[str, float]]) -> None:
    assert outcomes[student] == "malformed"
    assert sum(points[student].values()) == 0


@pytest.mark.parametrize("student", ["time_junk", "time_endless", "time_far", "backdates_while_it_runs"])
def test_what_is_no_time_is_none_and_code_cannot_write_one(
    student: str, course: Path, points: dict[str, dict[str, float]]
) -> None:
    with Gradebook(f"sqlite:///{course / 'gradebook.db'}") as gradebook:
        assert gradebook.find_submission(NAME, student).timestamp is None
    assert points[student] == (EARNED if student.startswith("time") else EARNED | {"largest": 0.0})


def test_nothing_written_is_obeyed_by_formgrader_or_feedback(course: Path, points: dict[str, dict[str, float]]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbconvert's, of pictures without a text
        write_feedback(course, NAME)
    for number in range(len(WRITTEN)):
        assert points[f"writes_{number}"] == EARNED
        page = (course / "feedback" / f"writes_{number}" / NAME / f"{NAME}.html").read_text(encoding="utf-8")
        for obeyed in ("<script>alert", '<img src="x"', 'href="javascript:', "<iframe", "<b onclick", "<style>body"):
            assert obeyed not in page, (number, obeyed)


def test_patched_comparisons_succeed_where_the_test_uses_them(tmp_path: Path) -> None:
    """The second hole: torch's own comparison is the student's to change, where both run in one kernel."""
    from test_classic import alone

    notebook = source_notebook()
    cell_of(notebook, "check_largest").source = "assert torch.allclose(torch.tensor(largest(torch.ones(1))), torch.tensor(1.0))"
    submitted = answered(notebook, **RIGHT | {"largest": attack_of("torch_patched", tmp_path, 0)})
    result = alone({NAME: notebook}, {NAME: as_bytes(submitted)})
    assert result.points[NAME]["check_largest"] == EARNED["largest"]
    assert result.outcome == "graded"
