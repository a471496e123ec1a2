"""Grading a class: every hand-in is found, ends in one outcome, is recorded, and none of them stops another."""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import need
from nbformat import NotebookNode
from small_class import (
    CHAPTER,
    NOTHING,
    POINTS,
    RIGHT,
    InProcess,
    answered,
    grades,
    hand_in,
    points,
    release_fast,
    released,
    run_in_process,
    source_path,
    student_edition,
    wait_until,
    write_sources,
)

from autograder.grading import execute, gradebook, unit
from autograder.grading.grade import Graded, grade_chapter
from autograder.grading.rebuild import MAX_SUBMISSION_BYTES
from autograder.grading.submission import Submission, find_submissions
from autograder.kernels.warm import isolation_here
from autograder.release.release import release
from autograder.release.source import SourceError


def notebook_bytes(**answers: str) -> bytes:
    return json.dumps(answered(student_edition(), **(RIGHT | answers))).encode()


def found(course: Path) -> dict[str, Submission]:
    return {submission.student: submission for submission in find_submissions(course, CHAPTER)}


class TestFinding:
    """What stands in submitted/STUDENT/CHAPTER is found and read, or told; never followed."""

    @pytest.mark.parametrize(
        "name", ["ada", "Émilie du Châtelet", "小明", "-rf", ".hidden", "a.b", "a'b\"c", "[red]x", "x" * 200]
    )
    def test_a_student_may_be_called_anything(self, tmp_path: Path, name: str) -> None:
        hand_in(tmp_path, name, b"{}")
        assert found(tmp_path)[name].data == b"{}"

    def test_students_without_this_chapter_and_stray_files_are_no_hand_ins(self, tmp_path: Path) -> None:
        (tmp_path / "submitted" / "ada" / "02_other").mkdir(parents=True)
        (tmp_path / "submitted" / "list.csv").write_text("ada")
        assert found(tmp_path) == {}

    def test_nothing_handed_in_is_an_empty_class(self, tmp_path: Path) -> None:
        assert found(tmp_path) == {}

    @pytest.mark.parametrize(
        ("place", "trouble"),
        [
            ("ada", "symbolic link"),
            (f"ada/{CHAPTER}", "symbolic link"),
            (f"ada/{CHAPTER}/{CHAPTER}.ipynb", "symbolic link"),
        ],
        ids=["student", "chapter", "notebook"],
    )
    @pytest.mark.parametrize("target", ["there", "missing"])
    def test_a_link_is_never_followed(self, tmp_path: Path, place: str, trouble: str, target: str) -> None:
        real = hand_in(tmp_path / "elsewhere", "ada", b"secret")
        aim = {"ada": real.parent.parent, f"ada/{CHAPTER}": real.parent}.get(place, real)
        link = tmp_path / "submitted" / place
        link.parent.mkdir(parents=True)
        link.symlink_to(aim)
        if target == "missing":
            shutil.rmtree(tmp_path / "elsewhere")
        if target == "missing" and place == "ada":
            assert found(tmp_path) == {}
            return
        assert trouble in found(tmp_path)["ada"].trouble

    def test_a_file_in_place_of_the_folder_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "submitted" / "ada").mkdir(parents=True)
        (tmp_path / "submitted" / "ada" / CHAPTER).write_bytes(notebook_bytes())
        assert found(tmp_path)["ada"].trouble == f"{CHAPTER} is a file, not a folder with the notebook in it"

    @pytest.mark.parametrize("kind", ["folder", "pipe"])
    def test_a_notebook_that_is_no_file_is_told_and_does_not_hang(self, tmp_path: Path, kind: str) -> None:
        path = tmp_path / "submitted" / "ada" / CHAPTER / f"{CHAPTER}.ipynb"
        path.parent.mkdir(parents=True)
        path.mkdir() if kind == "folder" else os.mkfifo(path)
        assert found(tmp_path)["ada"].trouble == f"{CHAPTER}.ipynb is not a file"

    def test_of_a_file_too_large_no_more_is_read_than_tells_so(self, tmp_path: Path) -> None:
        with hand_in(tmp_path, "ada", b"{}").open("r+b") as file:
            file.truncate(2**40)
        data = found(tmp_path)["ada"].data
        assert data is not None
        assert len(data) == MAX_SUBMISSION_BYTES + 1

    @pytest.mark.parametrize("name", ["my solution.ipynb", f"{CHAPTER} (1).ipynb", f"{CHAPTER}/{CHAPTER}.ipynb", "a/b.ipynb"])
    def test_the_only_notebook_there_is_taken_with_a_note(self, tmp_path: Path, name: str) -> None:
        folder = hand_in(tmp_path, "ada", b"{}").parent
        (folder / f"{CHAPTER}.ipynb").rename(folder / "kept")
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / "kept").rename(folder / name)
        (folder / ".ipynb_checkpoints").mkdir()
        (folder / ".ipynb_checkpoints" / "old.ipynb").write_text("[]")
        submission = found(tmp_path)["ada"]
        assert submission.data == b"{}"
        assert submission.note == f"The notebook was handed in as {name}."

    def test_the_notebook_of_the_right_name_is_taken_whatever_else_is_there(self, tmp_path: Path) -> None:
        folder = hand_in(tmp_path, "ada", b"{}").parent
        (folder / "draft.ipynb").write_text("[]")
        assert (found(tmp_path)["ada"].data, found(tmp_path)["ada"].note) == (b"{}", "")

    def test_two_notebooks_of_other_names_are_told_not_guessed(self, tmp_path: Path) -> None:
        folder = hand_in(tmp_path, "ada", b"{}").parent
        (folder / f"{CHAPTER}.ipynb").rename(folder / "a.ipynb")
        (folder / "b\x1b[31m.ipynb").write_text("[]")
        assert found(tmp_path)["ada"].trouble == f"there is no {CHAPTER}.ipynb in it, but a.ipynb, b?[31m.ipynb"

    def test_a_link_to_a_folder_is_not_looked_into(self, tmp_path: Path) -> None:
        hand_in(tmp_path / "elsewhere", "eve", b"secret")
        folder = tmp_path / "submitted" / "ada" / CHAPTER
        folder.mkdir(parents=True)
        (folder / "inner").symlink_to(tmp_path / "elsewhere" / "submitted" / "eve" / CHAPTER)
        assert found(tmp_path)["ada"].trouble == "inner in it is a symbolic link; hand in the notebook itself"

    def test_what_cannot_be_opened_is_told(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        def refuse(*_: object) -> int:
            raise PermissionError(13, "Permission denied")

        hand_in(tmp_path, "ada", b"{}")
        monkeypatch.setattr(os, "open", refuse)
        assert found(tmp_path)["ada"].trouble == "it cannot be opened (Permission denied)"


# -- recording ---------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def empty_course(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The small chapter, released, its cells noted in the gradebook."""
    course = write_sources(tmp_path_factory.mktemp("grade") / "course")
    release(course)
    assert list(grade_chapter(course, CHAPTER)) == []
    return course


@pytest.fixture
def course(empty_course: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of it, with the answers run in this process instead of kernels."""
    monkeypatch.setattr(unit, "execute", run_in_process)
    return Path(shutil.copytree(empty_course, tmp_path / "course"))


@pytest.fixture
def edition(empty_course: Path) -> NotebookNode:
    return released(empty_course)


def outcomes(results: Iterator[Graded]) -> dict[str, tuple[str, bool]]:
    return {one.student: (one.outcome, one.fresh) for one in results}


def graded(course: Path, *, force: bool = False) -> dict[str, tuple[str, bool]]:
    return outcomes(grade_chapter(course, CHAPTER, executor=InProcess, force=force))


def autograded(course: Path, student: str) -> Path:
    return course / "autograded" / student / CHAPTER / f"{CHAPTER}.ipynb"


@pytest.mark.slow
class TestRecording:
    def test_points_stand_in_nbgraders_gradebook(self, course: Path, edition: NotebookNode) -> None:
        hand_in(course, "ada", answered(edition, **RIGHT, written_why="It sums them up."))
        hand_in(course, "bob", answered(edition, **RIGHT | {"largest": "def largest(x):\n    return 0.0"}))
        hand_in(course, "eve", b"%PDF")
        assert graded(course) == {"ada": ("graded", True), "bob": ("graded", True), "eve": ("malformed", True)}
        assert points(course) == {"ada": POINTS, "bob": POINTS | {"check_largest": 0.0}, "eve": NOTHING}
        book = grades(course)
        assert book["ada"]["written_why"] == (None, True)  # waits for a person
        assert book["bob"]["written_why"] == (0.0, False)  # nothing written
        assert all(needs_a_look for _, needs_a_look in book["eve"].values())

    def test_odd_names_are_recorded_like_any_other(self, course: Path, edition: NotebookNode) -> None:
        names = ["小明", "-rf", "a b.c", "'; drop table student;--", "[x]"]
        for name in names:
            hand_in(course, name, answered(edition, **RIGHT))
        assert graded(course) == dict.fromkeys(names, ("graded", True)) == dict.fromkeys(sorted(names), ("graded", True))
        assert points(course) == dict.fromkeys(names, POINTS)

    def test_autograded_holds_our_files_and_nothing_else(self, course: Path, edition: NotebookNode) -> None:
        folder = hand_in(course, "ada", answered(edition, **RIGHT)).parent
        (folder / "torch.py").write_text("raise SystemExit")
        (folder / "passwords").symlink_to("/etc/passwd")
        old = autograded(course, "ada").parent
        (old / "stale").mkdir(parents=True)
        (old / "checks.py").symlink_to(course / "outside.txt")
        graded(course)
        assert sorted(path.name for path in old.iterdir()) == [f"{CHAPTER}.ipynb", "checks.py", "golden.safetensors.gz"]
        assert not (course / "outside.txt").exists()

    def test_a_timestamp_is_kept_if_it_is_one(self, course: Path, edition: NotebookNode) -> None:
        texts = {"ada": b"2024-03-01 12:00:00 UTC", "bob": b"yesterday", "eve": b"", "joe": b"\xff"}
        for name, text in texts.items():
            hand_in(course, name, answered(edition, **RIGHT)).with_name("timestamp.txt").write_bytes(text)
        hand_in(course, "kim", answered(edition, **RIGHT)).with_name("timestamp.txt").symlink_to("/etc/hostname")
        assert set(graded(course).values()) == {("graded", True)}
        copies = {path.parts[-3]: path.read_bytes() for path in (course / "autograded").rglob("timestamp.txt")}
        assert copies == {"ada": texts["ada"]}


@pytest.mark.slow
class TestOneDoesNotStopTheRest:
    def test_a_result_that_cannot_be_recorded(self, course: Path, edition: NotebookNode, monkeypatch: pytest.MonkeyPatch) -> None:
        def full(path: Path, data: bytes) -> None:
            if "bob" in path.parts:
                raise OSError(28, "No space left on device")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)

        for name in ("ada", "bob", "eve"):
            hand_in(course, name, answered(edition, **RIGHT))
        with monkeypatch.context() as patch:
            patch.setattr(gradebook, "write_atomically", full)
            results = list(grade_chapter(course, CHAPTER, executor=InProcess))
        assert [one.outcome for one in results] == ["graded", "failed", "graded"]
        assert results[1].detail == "the result could not be recorded: OSError: [Errno 28] No space left on device"
        assert graded(course) == {"ada": ("graded", False), "bob": ("graded", True), "eve": ("graded", False)}
        assert points(course) == dict.fromkeys(("ada", "bob", "eve"), POINTS)

    def test_a_name_that_no_database_takes(self, course: Path, edition: NotebookNode) -> None:
        hand_in(course, "ada", answered(edition, **RIGHT))
        hand_in(course, "\udcff", answered(edition, **RIGHT))
        assert graded(course) == {"ada": ("graded", True), "\udcff": ("failed", True)}

    def test_a_grader_that_fails_on_one_tries_it_twice_and_again_next_time(
        self, course: Path, edition: NotebookNode, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        calls = []

        def fails(work: execute.Work, level: str) -> execute.Run:
            if any("bob" in cell.source for cell in work.notebook.cells):
                calls.append(1)
                raise MemoryError("no room\nat all")
            return run_in_process(work)

        hand_in(course, "ada", answered(edition, **RIGHT))
        hand_in(course, "bob", answered(edition, **(RIGHT | {"largest": f"# bob\n{RIGHT['largest']}"})))
        monkeypatch.setattr(unit, "execute", fails)
        results = list(grade_chapter(course, CHAPTER, executor=InProcess))
        assert {one.student: one.detail for one in results} == {"ada": "", "bob": "MemoryError: no room"}
        assert len(calls) == 2
        assert points(course) == {"ada": POINTS, "bob": NOTHING}
        assert grades(course)["bob"]["check_largest"] == (0.0, True)
        assert graded(course) == {"ada": ("graded", False), "bob": ("failed", True)}


@pytest.mark.slow
class TestAgain:
    @pytest.fixture
    def course(self, course: Path, edition: NotebookNode) -> Path:
        hand_in(course, "ada", answered(edition, **RIGHT))
        hand_in(course, "eve", b"%PDF")
        graded(course)
        return course

    def test_a_second_run_does_nothing(self, course: Path) -> None:
        before = autograded(course, "ada").stat().st_mtime_ns
        assert graded(course) == {"ada": ("graded", False), "eve": ("malformed", False)}
        assert autograded(course, "ada").stat().st_mtime_ns == before

    def test_a_changed_hand_in_is_graded_again(self, course: Path, edition: NotebookNode) -> None:
        hand_in(course, "eve", answered(edition, **RIGHT))
        assert graded(course) == {"ada": ("graded", False), "eve": ("graded", True)}
        assert points(course) == {"ada": POINTS, "eve": POINTS}
        assert not autograded(course, "eve").with_name("submitted-as-it-was.txt").exists()
        assert not any(needs_a_look for _, needs_a_look in grades(course)["eve"].values())

    def test_force_grades_all_again(self, course: Path) -> None:
        assert graded(course, force=True) == {"ada": ("graded", True), "eve": ("malformed", True)}

    def test_another_edition_of_the_chapter_grades_all_again(self, course: Path) -> None:
        path = source_path(course).with_name("answers.py")
        path.write_text(path.read_text().replace("Take max.", "Take the maximum."))
        release(course)
        assert graded(course) == {"ada": ("graded", True), "eve": ("malformed", True)}

    @pytest.mark.parametrize("lost", ["gradebook", "autograded", "damaged"])
    def test_what_was_lost_is_graded_again(self, course: Path, lost: str) -> None:
        match lost:
            case "gradebook":
                (course / "gradebook.db").unlink()
            case "autograded":
                shutil.rmtree(course / "autograded")
            case "damaged":
                for name in ("ada", "eve"):
                    autograded(course, name).write_bytes(b'{"metadata": []}')
        assert graded(course) == {"ada": ("graded", True), "eve": ("malformed", True)}
        assert points(course) == {"ada": POINTS, "eve": NOTHING}

    def test_points_given_by_hand_survive(self, course: Path) -> None:
        with gradebook.Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
            book.find_grade("written_why", CHAPTER, CHAPTER, "ada").manual_score = 4.0
            book.db.commit()
        graded(course, force=True)
        with gradebook.Gradebook(f"sqlite:///{course / 'gradebook.db'}") as book:
            assert book.find_submission(CHAPTER, "ada").score == 14.0


def test_a_chapter_at_fault_is_told_before_anything_is_graded(tmp_path: Path) -> None:
    course = release_fast(write_sources(tmp_path))
    hand_in(course, "ada", b"{}")
    source_path(course).with_name("answers.py").write_text("WRONG = {'nobody': []}")
    with pytest.raises(SourceError, match=r"answers\.py knows 'nobody'"):
        next(grade_chapter(course, CHAPTER))
    assert not (course / "gradebook.db").exists()


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork, to be killed at a chosen moment")
def test_a_run_killed_at_twenty_moments_continues_to_the_same_gradebook_each_time(
    course: Path, edition: NotebookNode, tmp_path: Path
) -> None:
    """`kill -9`, then the same call again; the moments are spread over a whole run, each a little off."""
    for number in range(6):
        answers = dict(list(RIGHT.items())[: number % 4])
        hand_in(course, f"student{number}", b"%PDF" if number == 4 else answered(edition, **answers))
    undisturbed = Path(shutil.copytree(course, tmp_path / "undisturbed"))
    start = time.monotonic()
    graded(undisturbed)
    whole_run_s = time.monotonic() - start
    interrupted = 0
    for moment in range(20):
        again = Path(shutil.copytree(course, tmp_path / f"killed-{moment}"))
        _kill_after(again, whole_run_s * (moment + random.random()) / 20)
        interrupted += not (again / "gradebook.db").exists() or len(grades(again)) < 6
        assert len(graded(again)) == 6
        assert grades(again) == grades(undisturbed)
        assert {student: about["outcome"] for student, about in notes(again).items()} == {
            student: about["outcome"] for student, about in notes(undisturbed).items()
        }
        assert not [path for path in (again / "autograded").rglob(".*") if path.is_file()], "a half-written file is left"
    assert interrupted > 3, "hardly any of the runs was killed on its way"


def _kill_after(course: Path, seconds: float) -> None:
    """Start a run in a fork of this process and kill it after so many seconds."""
    pid = os.fork()
    if pid == 0:
        try:
            graded(course)
        finally:
            os._exit(0)
    time.sleep(seconds)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def notes(course: Path) -> dict[str, dict[str, str]]:
    """What each autograded notebook says of itself."""
    paths = (course / "autograded").glob(f"*/{CHAPTER}/{CHAPTER}.ipynb")
    return {path.parent.parent.name: json.loads(path.read_bytes())["metadata"]["autograder"] for path in paths}


@pytest.mark.slow
class TestManyProcesses:
    """The real thing: worker processes, forked kernels in the sandbox."""

    @pytest.fixture
    def course(self, empty_course: Path, tmp_path: Path, edition: NotebookNode) -> Path:
        need(isolation_here()[0] == "strict", "no sandbox of namespaces here; bubblewrap installed?")
        course = Path(shutil.copytree(empty_course, tmp_path / "course"))
        for number in range(8):
            right = dict(list(RIGHT.items())[: number % 4])
            hand_in(course, f"student{number}", answered(edition, **right, written_why=f"I am {number}."))
        return course

    def test_everyone_has_the_points_they_earned_and_equal_work_was_done_once(self, course: Path) -> None:
        results = list(grade_chapter(course, CHAPTER, jobs=2))
        assert sorted(one.student for one in results) == [f"student{n}" for n in range(8)]
        assert {one.outcome for one in results} == {"graded"}
        earned = list(POINTS.values())
        order = [f"check_{name}" for name in RIGHT]
        for number in range(8):
            assert points(course)[f"student{number}"] == NOTHING | {name: POINTS[name] for name in order[: number % 4]}
        assert sum(earned) == sum(points(course)["student3"].values())
        assert len(list((course / ".autograder" / CHAPTER).rglob("*.run"))) == 4
        assert notes(course)["student0"]["isolation"] == "strict"

    def test_after_kill_nine_of_the_whole_run_nothing_is_left_and_the_next_run_completes_it(self, course: Path) -> None:
        code = "from pathlib import Path; from autograder.grading.grade import grade_chapter\nif __name__ == '__main__':\n"
        code += f"    for one in grade_chapter(Path({str(course)!r}), {CHAPTER!r}, jobs=2): print(one.student, flush=True)\n"
        script = course / "run.py"
        script.write_text(code)
        marked = os.environ | {"MARK": str(course)}
        with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.DEVNULL, env=marked) as grader:
            journal = course / ".autograder" / CHAPTER
            end = time.monotonic() + 120
            while not list(journal.rglob("*.run")) and time.monotonic() < end:
                time.sleep(0.05)
            grader.kill()
        assert wait_until(lambda: not processes_of(course)), processes_of(course)
        assert {one.outcome for one in grade_chapter(course, CHAPTER, jobs=2)} == {"graded"}
        assert len(grades(course)) == 8

    def test_three_hundred_in_one_run_leave_the_grader_as_it_was(self, course: Path, edition: NotebookNode) -> None:
        """No two alike. Memory is that of the grader and its workers, without the kernels, at each result that is recorded."""
        shutil.rmtree(course / "submitted")
        for number in range(300):
            answers = {name: f"{text}  # {number}" for name, text in RIGHT.items()}
            hand_in(course, f"student{number:03}", answered(edition, **answers))
        with tempfile.TemporaryDirectory(prefix="t-") as folder:
            place = Path(folder)
            seen = watched_run(course, place)
            assert wait_until(lambda: not list(place.iterdir())), list(place.iterdir())
        assert len(seen) == len(grades(course)) == 300
        memory, files = [one[0] for one in seen], [one[1] for one in seen]
        assert statistics.median(memory[-50:]) < 1.05 * statistics.median(memory[16:66])
        assert statistics.median(files[-50:]) <= statistics.median(files[16:66]) + 1
        assert wait_until(lambda: not processes_of(course)), processes_of(course)

    def test_a_folder_for_temporary_files_with_a_long_path_stops_nobody(self, course: Path) -> None:
        """A socket's name may have 107 characters, and clusters like long paths."""
        place = course / "of-this-job-on-this-node-of-this-cluster" / "temporary-files-of-the-user"
        place.mkdir(parents=True)
        assert len(str(place)) > 107
        assert len(watched_run(course, place)) == len(grades(course)) == 8


WATCHED = """
from pathlib import Path
import psutil
from autograder.grading.grade import grade_chapter


def memory(process):
    try:  # kernels come and go
        return process.memory_info().rss if "multiprocessing" in " ".join(process.cmdline()) else 0
    except psutil.Error:
        return 0


if __name__ == "__main__":
    for one in grade_chapter(Path({course!r}), {chapter!r}, jobs=2):
        assert one.outcome == "graded", one.detail
        own = psutil.Process()
        workers = sum(memory(each) for each in own.children(recursive=True))
        print((own.memory_info().rss + workers) // 2**20, own.num_fds(), flush=True)
"""


def watched_run(course: Path, place: Path) -> list[list[int]]:
    """Grade with two workers, all temporary files below `place`; at each result, the memory in MB and the open files."""
    script = course / "run.py"
    script.write_text(WATCHED.format(course=str(course), chapter=CHAPTER))
    marked = os.environ | {"MARK": str(course), "TMPDIR": str(place)}
    ran = subprocess.run([sys.executable, str(script)], stdout=subprocess.PIPE, env=marked, check=True, text=True)
    return [[int(word) for word in line.split()] for line in ran.stdout.splitlines()]


def processes_of(course: Path) -> list[str]:
    """Command lines of the processes that the marked script started."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if str(course).encode() in (path / "environ").read_bytes():
                found.append((path / "cmdline").read_text())
    return found
