"""nbgrader's own ways to grade give the same points as ours, cell by cell; and what students get back holds no secret.

One small class is graded once by `autograder grade`, by `nbgrader autograde`, by the formgrader's interface, and (the honest
ones) by nbgrader without any settings of ours.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbformat import NotebookNode
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory
from small_class import (
    CHAPTER,
    NOTHING,
    POINTS,
    RIGHT,
    answered,
    grades,
    hand_in,
    position_of,
    released,
    source_path,
    write_sources,
)
from traitlets.config import Config

from autograder.grading import grade
from autograder.grading.grade import grade_chapter
from autograder.grading.judging import Assignment, load_assignment
from autograder.observation import NumberSeen, SequenceSeen, TensorSeen
from autograder.release.release import course_config, release
from autograder.release.source import load_chapter
from autograder.reports.feedback import write_feedback
from autograder.student.answering import OBSERVATION_MIME

pytestmark = pytest.mark.slow

WRONG = {
    "row_sums": "def total(x):\n    return x.sum(1)\ndef row_sums(x):\n    print('summing', x)\n    return total(x).mean()",
    "largest": "import warnings\nwarnings.warn('old')\ndef largest(x):\n    warnings.warn('older')\n    return float(x.max())",
    "shares": "def shares(x):\n    return (x.T / total(x)).T",
}
LEARNED = """
_calls = []
def largest(x):
    print("called with", x)
    _calls.append(1)
    return float(x.max()) if len(_calls) < 4 else 0.0
"""
HONEST = {
    "ada": POINTS,
    "bob": POINTS | {"check_row_sums": 0.0},
    "cy": NOTHING | {"check_shares": 5.0},
}
OTHERS = {
    "dup": POINTS,  # ids twice, an unknown schema version, tags, UTF-16
    "eve": POINTS | {"check_largest": 0.0},  # ends the kernel
    "kim": POINTS | {"check_largest": 0.0},  # right on the public inputs only
    "pdf": NOTHING,
    "ren": POINTS,  # another file name
}
LOOK = {"eve", "pdf"}


@dataclass(frozen=True)
class Class:
    """The class after `autograder grade`: its folder, and what the grader used, secrets included."""

    course: Path
    assignment: Assignment
    results: dict[str, str]


def write_class(course: Path) -> None:
    edition = released(course)
    hand_in(course, "ada", answered(edition, **RIGHT, written_why="It sums them up."))
    hand_in(course, "bob", answered(edition, **WRONG))
    hand_in(course, "cy", answered(edition, shares=RIGHT["shares"]))
    hand_in(course, "dup", battered(answered(edition, **RIGHT)))
    hand_in(course, "eve", answered(edition, **RIGHT | {"largest": "import os; os._exit(1)"}))
    hand_in(course, "kim", answered(edition, **RIGHT | {"largest": LEARNED}))
    hand_in(course, "pdf", b"%PDF-1.7")
    path = hand_in(course, "ren", answered(edition, **RIGHT))
    path.rename(path.with_name("My solution.ipynb"))
    path.with_name("torch.py").write_text("raise SystemExit")
    path.with_name("link.txt").symlink_to(source_path(course).with_name("answers.py"))


def battered(notebook: NotebookNode) -> bytes:
    """A hand-in as editors and accidents leave it."""
    first = position_of(notebook, "check_row_sums")
    notebook.cells.insert(first, notebook.cells[first])
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception"]
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader.schema_version = 99
    notebook.metadata = {"kernelspec": {"name": "nope", "display_name": "nope", "language": "nope"}}
    return json.dumps(notebook).encode("utf-16")


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    course = write_sources(tmp_path_factory.mktemp("nbgrader") / "course")
    release(course)
    write_class(course)
    return course


@pytest.fixture(scope="module")
def ours(handed_in: Path, tmp_path_factory: pytest.TempPathFactory) -> Class:
    course = Path(shutil.copytree(handed_in, tmp_path_factory.mktemp("ours") / "course", symlinks=True))
    used: list[Assignment] = []

    def watched(*arguments: Any, **options: Any) -> Assignment:
        used.append(load_assignment(*arguments, **options))
        return used[0]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(grade, "load_assignment", watched)
        results = {one.student: one.outcome for one in grade_chapter(course, CHAPTER, jobs=2)}
    write_feedback(course, CHAPTER)
    return Class(course, used[0], results)


def check_points(course: Path) -> dict[str, dict[str, float]]:
    return {who: {name: cells[name][0] for name in POINTS} for who, cells in grades(course).items()}


class TestOurs:
    def test_every_hand_in_ends_in_one_outcome(self, ours: Class) -> None:
        expected = dict.fromkeys(HONEST | OTHERS, "graded") | {"eve": "killed", "pdf": "malformed"}
        assert ours.results == expected

    def test_everyone_has_the_points_they_earned(self, ours: Class) -> None:
        assert check_points(ours.course) == HONEST | OTHERS

    def test_those_that_went_wrong_wait_for_a_person(self, ours: Class) -> None:
        waiting = {who for who, cells in grades(ours.course).items() if cells["check_shares"][1]}
        assert waiting == LOOK


class TestNbgraderAutograde:
    @pytest.fixture(scope="class")
    def course(self, handed_in: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
        """After `nbgrader autograde` in a fresh course: nothing was noted in any gradebook before."""
        course = Path(shutil.copytree(handed_in, tmp_path_factory.mktemp("theirs") / "course", symlinks=True))
        command = [sys.executable, "-m", "nbgrader", "autograde", CHAPTER]
        done = subprocess.run(command, cwd=course, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return course

    def test_the_gradebook_is_the_same_cell_by_cell(self, course: Path, ours: Class) -> None:
        assert grades(course) == grades(ours.course)

    def test_only_our_files_stand_in_autograded(self, course: Path, ours: Class) -> None:
        def names(where: Path) -> list[str]:
            paths = (where / "autograded").rglob("*")
            return sorted(str(p.relative_to(where)) for p in paths if p.is_file() and p.name != "submitted-as-it-was.txt")

        assert names(course) == names(ours.course)

    def test_our_next_run_finds_nothing_to_do(self, course: Path) -> None:
        assert not any(one.fresh for one in grade_chapter(course, CHAPTER))


def test_the_formgraders_button_gives_the_same_points(handed_in: Path, ours: Class, tmp_path: Path) -> None:
    course = Path(shutil.copytree(handed_in, tmp_path / "course", symlinks=True))
    config = course_config(course)
    api = NbGraderAPI(CourseDirectory(config=config), config=config)

    async def press() -> list[bool]:  # the formgrader calls it inside its server's event loop
        return [api.autograde(CHAPTER, who)["success"] for who in ("bob", "pdf")]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # nbgrader's own way of adding a submission
        assert asyncio.run(press()) == [True, True]
    assert grades(course) == {who: cells for who, cells in grades(ours.course).items() if who in ("bob", "pdf")}


def test_nbgrader_without_our_settings_gives_honest_work_the_same_points(handed_in: Path, ours: Class, tmp_path: Path) -> None:
    course = Path(shutil.copytree(handed_in, tmp_path / "course", symlinks=True))
    with (course / "nbgrader_config.py").open("w") as file:
        file.write(
            "c = get_config()\nc.CourseDirectory.course_id = 'pytorch'\nc.CourseDirectory.source_directory = 'notebooks'\n"
        )
    for student in OTHERS:
        shutil.rmtree(course / "submitted" / student)
    # Its gradebook knows the chapter from the released notebook.
    environment = os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    for command in ("generate_assignment", "autograde"):
        line = [sys.executable, "-m", "nbgrader", command, CHAPTER, "--CourseDirectory.release_directory=out"]
        if command == "generate_assignment":  # what is released is stubs already
            line += ["--GenerateAssignment.preprocessors=nbgrader.preprocessors.SaveCells"]
        done = subprocess.run(line, cwd=course, capture_output=True, text=True, check=False, env=environment)
        assert done.returncode == 0, done.stderr
    assert check_points(course) == {who: cells for who, cells in check_points(ours.course).items() if who in HONEST}


class TestWhatStudentsGetBack:
    def pages(self, ours: Class) -> dict[str, str]:
        return {path.parts[-3]: path.read_text(encoding="utf-8") for path in (ours.course / "feedback").rglob("*.html")}

    def everything(self, ours: Class) -> str:
        paths = [path for step in ("autograded", "feedback") for path in (ours.course / step).rglob("*") if path.is_file()]
        return "\n".join(path.read_bytes().decode("utf-8", "replace") for path in paths)

    def test_everyone_has_a_page_also_those_without_a_notebook(self, ours: Class) -> None:
        assert set(self.pages(ours)) == set(HONEST | OTHERS)

    def test_the_page_shows_the_verdict_of_each_check(self, ours: Class) -> None:
        pages = self.pages(ours)
        assert "Verdict: row_sums, not yet" in pages["bob"]
        assert "Verdict: shares, passed" in pages["bob"]
        assert "The submission could not be read: the file is no notebook" in pages["pdf"]
        assert "The notebook was handed in as My solution.ipynb" not in pages["ren"]  # nothing was lost by it
        assert "KernelDied" in pages["eve"]

    def test_no_reference_code_and_no_model_answer_is_in_it(self, ours: Class) -> None:
        text = self.everything(ours)
        for secret in ("x.sum(dim=1)", "x.max().item()", "The model answer", "WrongAnswer"):
            assert secret not in text

    def test_no_secret_input_and_no_secret_result_is_in_it(self, ours: Class) -> None:
        text = re.sub(r"\s", "", self.everything(ours))
        secret = ours.assignment.secret
        numbers = {f"{float(n):.4f}" for one in secret.values() for case in one.cases for n in case.inputs["x"].flatten()}
        for one in secret.values():
            for seen in one.expected:
                assert not isinstance(seen.value, SequenceSeen)
                if isinstance(seen.value, TensorSeen):
                    numbers |= {f"{float(n):.4f}" for n in seen.value.values.flatten()}
                if isinstance(seen.value, NumberSeen):
                    numbers |= {f"{float(seen.value.value):.4f}", f"{float(seen.value.value):.6g}"}
        assert len(numbers) > 40
        found = {number for number in numbers if number in text}
        assert len(found) <= 2, found  # four digits meet by chance now and then; a leak would show dozens

    def test_no_question_to_the_kernel_is_in_it(self, ours: Class) -> None:
        text = self.everything(ours)
        assert "send_observation" not in text
        assert OBSERVATION_MIME not in text

    def test_a_pass_on_the_public_inputs_alone_is_explained_without_telling_the_others(self, ours: Class) -> None:
        page = self.pages(ours)["kim"]
        assert "not on fresh ones of the same kind" in page
        assert "called with" not in page.split("Verdict: largest")[1]

    def test_the_source_is_never_changed_by_grading(self, ours: Class, handed_in: Path) -> None:
        assert source_path(ours.course).read_bytes() == source_path(handed_in).read_bytes()
        assert load_chapter(ours.course, CHAPTER).reference("largest").strip().endswith("x.max().item()")


def test_our_settings_are_all_known_to_nbgrader(handed_in: Path) -> None:
    config = course_config(handed_in)
    assert isinstance(config, Config)
    assert set(config) <= {"Autograde", "ClearSolutions", "CourseDirectory", "GenerateAssignment"}
    assert nbformat.read(source_path(handed_in), as_version=4).cells
