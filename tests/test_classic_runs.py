"""Runs of classic assignments, together, interrupted, in parts, on workers that die: always the same gradebook."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import Any

import pytest
from classic_class import EARNED, FIRST, HONEST, NAME, SECOND, answered, edition, gradebook_of, hand_in, points_of, write_course
from small_class import InProcess, wait_until
from typer.testing import CliRunner

from autograder.cli import app
from autograder.grading.classic import grade_classic
from autograder.grading.classic_course import classic_names
from autograder.grading.classic_shards import grade_classic_shard, merge_classic
from autograder.grading.journal import Journal
from autograder.grading.shards import MISSING
from autograder.release.source import SourceError
from autograder.reports.class_table import class_rows

pytestmark = pytest.mark.slow
NOTEBOOKS = 7  # of the four honest students


@pytest.fixture(scope="module")
def handed_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small course with the honest students' work, nothing graded."""
    course = write_course(tmp_path_factory.mktemp("classic") / "course")
    for student, parts in HONEST.items():
        for name, answers in zip(("first", "second"), parts, strict=True):
            if answers is not None:
                hand_in(course, student, name, answered(edition(course, name), **answers))
    return course


@pytest.fixture
def course(handed_in: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(handed_in, tmp_path / "course"))


@pytest.fixture(scope="module")
def undisturbed(handed_in: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, tuple[Any, ...]]]:
    """The gradebook of one run with one notebook at a time."""
    course = Path(shutil.copytree(handed_in, tmp_path_factory.mktemp("undisturbed") / "course"))
    assert {one.student: one.outcome for one in grade_classic(course, NAME, jobs=1)} == dict.fromkeys(HONEST, "graded")
    return gradebook_of(course, NAME)


class Counting(InProcess):
    """Does the work at once, in this process, and counts it; work whose code says 'poison' ends its worker."""

    def __init__(self) -> None:
        self.ran = 0

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        self.ran += 1
        if any("poison" in cell.source for cell in arguments[0].notebook.cells):
            future: Future[Any] = Future()
            future.set_exception(BrokenExecutor("a worker died"))
            return future
        return super().submit(function, *arguments, **options)


def test_two_notebooks_at_a_time_are_graded_as_one_at_a_time_cell_by_cell(
    course: Path, undisturbed: dict[str, dict[str, tuple[Any, ...]]]
) -> None:
    told: list[tuple[int, int]] = []
    running: list[list[str]] = []
    graded = list(grade_classic(course, NAME, jobs=2, tell=lambda *done: told.append(done), now=running.append))
    assert {one.student for one in graded} == set(HONEST)
    assert told == [(number, len(HONEST)) for number in range(len(HONEST) + 1)]
    assert {student for students in running for student in students} == set(HONEST) - {"dee"}  # whose notebook is ada's
    assert gradebook_of(course, NAME) == undisturbed


def test_equal_notebooks_are_run_once_whoever_hands_them_in(course: Path) -> None:
    shutil.copytree(course / "handed_in" / "ada", course / "handed_in" / "adas_friend")
    hand_in(course, "another", "second", answered(edition(course, "second"), **SECOND | {"why": "Other words, the same code."}))
    counting = Counting()
    outcomes = {one.student: one.outcome for one in grade_classic(course, NAME, executor=lambda: counting)}
    assert outcomes == dict.fromkeys([*HONEST, "adas_friend", "another"], "graded")
    assert counting.ran == NOTEBOOKS - 1  # ada's first notebook is dee's
    assert points_of(course, "adas_friend") == points_of(course, "ada") == EARNED["ada"]
    assert "Other words" in (course / "graded" / "another" / NAME / "second.ipynb").read_text()


def test_an_interrupted_run_continues_and_runs_nothing_twice(
    course: Path, undisturbed: dict[str, dict[str, tuple[Any, ...]]]
) -> None:
    counting = Counting()
    run = grade_classic(course, NAME, jobs=1, executor=lambda: counting)
    assert next(run).fresh
    run.close()
    again = list(grade_classic(course, NAME, executor=lambda: counting))
    assert sorted(one.fresh for one in again) == [False, True, True, True]
    assert counting.ran == NOTEBOOKS - 1
    assert gradebook_of(course, NAME) == undisturbed


def test_a_forced_run_draws_new_secrets_and_runs_everything(course: Path) -> None:
    counting = Counting()
    list(grade_classic(course, NAME, executor=lambda: counting))
    list(grade_classic(course, NAME, executor=lambda: counting, force=True))
    assert counting.ran == 2 * (NOTEBOOKS - 1)


def test_a_notebook_that_ends_its_worker_costs_nobody_else_a_point_and_is_tried_again(course: Path) -> None:
    poison = {**FIRST, "double": "poison = 1"}
    hand_in(course, "eve", "first", answered(edition(course, "first"), **poison))
    graded = {one.student: one for one in grade_classic(course, NAME, jobs=2, executor=Counting)}
    assert (graded["eve"].outcome, graded["eve"].detail) == ("failed", "first: the process that ran it died, twice")
    for student, earned in EARNED.items():
        assert points_of(course, student) == earned
    assert "eve" not in gradebook_of(course, NAME)
    again = {one.student: one.fresh for one in grade_classic(course, NAME, executor=Counting)}
    assert again == dict.fromkeys(HONEST, False) | {"eve": True}


def test_after_kill_nine_of_the_whole_run_the_same_command_completes_it(
    course: Path, undisturbed: dict[str, dict[str, tuple[Any, ...]]]
) -> None:
    command = [
        str(Path(sys.executable).with_name("autograder")),
        "grade",
        NAME,
        "--course",
        str(course),
        "--no-feedback",
        "--jobs",
        "2",
    ]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    assert wait_until(lambda: any((course / ".autograder").rglob("*.run")), 240)
    first.send_signal(signal.SIGKILL)
    assert first.wait() == -9
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert "grade: 4 submissions, 4 graded, 0 need a look" in done.stdout, done.stdout + done.stderr
    assert gradebook_of(course, NAME) == undisturbed


class TestInParts:
    def test_merged_parts_are_the_undivided_run(
        self, course: Path, undisturbed: dict[str, dict[str, tuple[Any, ...]]], tmp_path: Path
    ) -> None:
        elsewhere = Path(shutil.copytree(course, tmp_path / "elsewhere"))
        ran = [
            one.student
            for folder, part in ((elsewhere, 3), (course, 1), (elsewhere, 2))
            for one in grade_classic_shard(folder, NAME, part, 3, executor=Counting)
        ]
        assert sorted(ran) == sorted(HONEST)
        merged = {one.student: one.outcome for one in merge_classic(course, NAME, (elsewhere,))}
        assert merged == dict.fromkeys(HONEST, "graded")
        assert gradebook_of(course, NAME) == undisturbed
        assert Journal.of(course, NAME).under_way is None

    def test_a_part_that_did_not_run_is_told_and_leaves_the_run_open(self, course: Path) -> None:
        shutil.rmtree(course / "handed_in" / "dee")  # whose notebook is ada's
        ran = {one.student for one in grade_classic_shard(course, NAME, 1, 2, executor=Counting)}
        assert 0 < len(ran) < 3
        merged = {one.student: one.outcome for one in merge_classic(course, NAME)}
        assert {student for student, outcome in merged.items() if outcome == MISSING} == {"ada", "bob", "cy"} - ran
        assert set(gradebook_of(course, NAME)) == ran
        assert Journal.of(course, NAME).under_way is not None

    def test_merging_what_no_part_began_is_told(self, course: Path) -> None:
        with pytest.raises(SourceError, match=r"no part of a run of numbers was found"):
            list(merge_classic(course, NAME))


class TestTheCommand:
    def test_without_a_name_it_grades_all_that_was_handed_in_and_prints_the_class_table(self, course: Path) -> None:
        assert classic_names(course) == [NAME]
        done = CliRunner().invoke(app, ["grade", "--course", str(course), "--no-feedback", "--jobs", "2"])
        assert done.exit_code == 0, done.output
        rows = {row.student: row.total for row in class_rows(course, [NAME])}
        assert rows == {student: sum(earned.values()) for student, earned in EARNED.items()}
        shown = [line.split("│")[1:3] for line in done.output.splitlines() if line.startswith("│")]
        assert [[cell.strip() for cell in line] for line in shown] == [[who, f"{total:g}"] for who, total in rows.items()]
        assert (course / "grades.csv").read_text().splitlines()[1] == "ada,6.0,6.0,"

    def test_an_assignment_that_is_not_there_is_told_in_a_sentence(self, course: Path) -> None:
        program = str(Path(sys.executable).with_name("autograder"))
        done = subprocess.run([program, "grade", "nombers", "--course", str(course)], capture_output=True, text=True, check=False)
        assert done.returncode == 2
        assert done.stderr.startswith("autograder: there is no assignment 'nombers'")
        assert "Traceback" not in done.stderr

    def test_no_notebook_at_a_time_is_refused(self, course: Path) -> None:
        done = CliRunner().invoke(app, ["grade", NAME, "--course", str(course), "--jobs", "0"])
        assert done.exit_code == 2
        assert "--jobs" in done.output

    def test_leaving_out_demonstrations_is_for_our_own_chapters(self, course: Path) -> None:
        done = CliRunner().invoke(app, ["grade", NAME, "--course", str(course), "--answers-only"])
        assert done.exit_code == 2
        assert "numbers is none of this course's own chapters" in " ".join(done.output.replace("│", " ").split())
