"""Judging an exercise again: from stored observations where they answer today's probe, else by asking it alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nbformat
import pytest
import small_class
from small_class import CHAPTER, POINTS, RIGHT, SOURCE, InProcess, answered, grades, hand_in, points, released, write_sources
from typer.testing import CliRunner

from autograder.cli import app
from autograder.exercise import load_checks
from autograder.grading import unit
from autograder.grading.execute import Question, Run, Work
from autograder.grading.grade import grade_chapter
from autograder.grading.probe_digest import probe_digest
from autograder.grading.regrade import Regraded, regrade, write
from autograder.release.release import release
from autograder.release.source import SourceError
from autograder.release.text import from_text

ABSOLUTE = "def largest(x):\n    return float(x.abs().max())"
CLASS = {"ada": RIGHT, "bob": RIGHT | {"largest": ABSOLUTE}, "cleo": RIGHT | {"largest": "def largest(x):\n    return 0.0"}}


@pytest.fixture(scope="module")
def graded_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three students and one file that is no notebook, graded; what a kernel does is done in this process."""
    course = write_sources(tmp_path_factory.mktemp("regrade"))
    release(course)
    for student, answers in CLASS.items():
        hand_in(course, student, answered(released(course), **answers))
    hand_in(course, "dan", b"%PDF")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(unit, "execute", small_class.run_in_process)
        list(grade_chapter(course, CHAPTER, executor=InProcess))
    return course


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[Work]:
    """What is run from here on."""
    works: list[Work] = []

    def execute(work: Work, level: str) -> Run:
        works.append(work)
        return small_class.run_in_process(work, level)

    monkeypatch.setattr(unit, "execute", execute)
    return works


@pytest.fixture
def course(graded_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ran: list[Work]) -> Path:
    course = Path(shutil.copytree(graded_course, tmp_path / "course"))
    monkeypatch.setattr(small_class, "SOURCE", course / "solutions" / CHAPTER)  # probes as this course has them
    return course


def edit(course: Path, old: str, new: str, name: str = "checks.py") -> None:
    """Change the chapter's checks or answers, and release it anew."""
    folder = course / "solutions" / CHAPTER
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new))
    notebook = from_text((SOURCE / f"{CHAPTER}.py").read_text(encoding="utf-8"), load_checks(folder))
    nbformat.write(notebook, folder / f"{CHAPTER}.ipynb")
    release(course)


def again(course: Path, name: str = "largest") -> dict[str, Regraded]:
    return {one.student: one for one in regrade(course, CHAPTER, name, executor=InProcess)}


def moves(ones: dict[str, Regraded]) -> dict[str, tuple[int, int]]:
    return {student: (one.before, one.after) for student, one in ones.items() if not one.trouble}


def test_new_points_need_no_run(course: Path, ran: list[Work]) -> None:
    edit(course, "points=3", "points=4")
    ones = again(course)
    assert moves(ones) == {"ada": (3, 4), "bob": (3, 4), "cleo": (0, 0)}
    assert ones["dan"].trouble == "it was never run (malformed)"
    assert points(course)["ada"]["check_largest"] == 3.0
    assert [error for _, error in write(course, list(ones.values()))] == [None] * 3
    assert points(course)["ada"] == POINTS | {"check_largest": 4.0}
    assert points(course)["cleo"] == POINTS | {"check_largest": 0.0}
    assert ran == []
    assert moves(again(course)) == {"ada": (4, 4), "bob": (4, 4), "cleo": (0, 0)}


def test_a_new_mistake_in_the_bank_changes_words_and_no_points(course: Path, ran: list[Work]) -> None:
    zero = 'WrongAnswer("zero", "You gave zero.", "Look at x.", "def largest(x):\\n    return 0.0")'
    edit(course, '"largest": [', f'"largest": [{zero}, ', "answers.py")
    ones = again(course)
    assert moves(ones)["cleo"] == (0, 0)
    list(write(course, list(ones.values())))
    about = autograded(course, "cleo").metadata["autograder"]
    assert about["verdicts"]["largest"]["mistake"] == "zero"
    assert about["verdicts"]["row_sums"]["points"] == 2
    assert ran == []


def test_a_new_probe_is_asked_alone(course: Path, ran: list[Work]) -> None:
    edit(course, "return answer.largest(x)", "return answer.largest(-x)")
    ones = again(course)
    assert moves(ones) == {"ada": (3, 3), "bob": (3, 0), "cleo": (0, 0)}
    assert len(ran) == 3
    assert {question.exercise for work in ran for question in work.questions.values()} == {"largest"}
    assert all({"check_row_sums", "check_shares"} <= work.skipped for work in ran)
    list(write(course, list(ones.values())))
    assert points(course)["bob"] == POINTS | {"check_largest": 0.0}
    again(course)
    assert len(ran) == 3, "what was asked anew is kept"


def test_other_exercises_keep_what_they_had(course: Path, ran: list[Work]) -> None:
    edit(course, "return answer.largest(x)", "return answer.largest(-x)")
    assert moves(again(course, "shares")) == {"ada": (5, 5), "bob": (5, 5), "cleo": (5, 5)}
    assert ran == []


def test_what_cannot_be_judged_again_is_told_and_left(course: Path) -> None:
    hand_in(course, "ada", answered(released(course), **RIGHT, written_why="Later."))
    key = autograded(course, "bob").metadata["autograder"]["key"]
    (course / ".autograder" / CHAPTER / key[:2] / f"{key}.run").unlink()
    (course / "autograded" / "cleo" / CHAPTER / f"{CHAPTER}.ipynb").write_text("{")
    ones = again(course)
    assert ones["ada"].trouble == "it was handed in anew since: grade it first"
    assert ones["bob"].trouble == "its run is not in the journal any more: grade it again"
    assert ones["cleo"].trouble == "its autograded notebook cannot be read"
    before = grades(course)
    assert list(write(course, list(ones.values()))) == []
    assert grades(course) == before


def test_an_exercise_that_is_not_there_is_told_with_those_that_are(course: Path) -> None:
    shutil.rmtree(course / "autograded")
    with pytest.raises(SourceError, match="no exercise 'larget': it has row_sums, largest, shares"):
        again(course, "larget")


def test_on_the_command_line_the_difference_comes_first(course: Path, ran: list[Work]) -> None:
    edit(course, "points=3", "points=2")
    before = {path: path.read_bytes() for path in (course / "autograded").rglob("*") if path.is_file()}
    line = ["regrade", CHAPTER, "largest", "--course", str(course)]
    result = CliRunner().invoke(app, line)
    assert "regrade: 2 of 4 change, 2 go down, 1 left as they are\nnothing was written" in result.output, result.output
    assert {path: path.read_bytes() for path in (course / "autograded").rglob("*") if path.is_file()} == before
    assert points(course)["ada"]["check_largest"] == 3.0
    result = CliRunner().invoke(app, [*line, "--yes"])
    assert "written: 3 verdicts" in result.output, result.output
    assert points(course)["ada"]["check_largest"] == 2.0
    assert (course / "feedback" / "ada" / CHAPTER / f"{CHAPTER}.html").is_file()


class TestProbeDigest:
    CODE = (SOURCE / "checks.py").read_text()
    QUESTION = Question("largest", ("public", "secret"), 2.0)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("points=3", "points=30"),
            ("What does `max` return?", "Which element is largest?"),
            ("return answer.shares(x)", "return answer.shares(x.T)"),
            ('"""How the exercises', '"""In what way the exercises'),
            ("import torch\n", "import torch  # the library\n"),
        ],
    )
    def test_what_no_observation_depends_on_leaves_it(self, old: str, new: str) -> None:
        assert old in self.CODE
        changed = self.CODE.replace(old, new)
        assert probe_digest(changed, "largest", self.QUESTION) == probe_digest(self.CODE, "largest", self.QUESTION)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("return answer.largest(x)", "return answer.largest(-x)"),
            ("+ 0.1", "+ 0.2"),
            ("import torch", "import math"),
            ("points=3,", 'points=3, asks=("big",),'),
        ],
    )
    def test_code_that_observes_changes_it(self, old: str, new: str) -> None:
        assert old in self.CODE
        changed = self.CODE.replace(old, new)
        assert probe_digest(changed, "largest", self.QUESTION) != probe_digest(self.CODE, "largest", self.QUESTION)

    def test_other_inputs_or_another_limit_change_it(self) -> None:
        same = probe_digest(self.CODE, "largest", self.QUESTION)
        for other in (Question("largest", ("public", "other"), 2.0), Question("largest", ("public", "secret"), 3.0)):
            assert probe_digest(self.CODE, "largest", other) != same


def autograded(course: Path, student: str) -> nbformat.NotebookNode:
    path = course / "autograded" / student / CHAPTER / f"{CHAPTER}.ipynb"
    assert json.loads(path.read_bytes())
    return nbformat.read(path, as_version=4)
