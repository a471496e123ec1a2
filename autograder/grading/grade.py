"""Grade every submission of a chapter: find them, spread the work, record each result as it comes."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.gradebook import Recorder
from autograder.grading.judging import Assignment, Result, grade_submission, load_assignment, malformed
from autograder.grading.rebuild import MAX_SUBMISSION_BYTES

__all__ = ["Graded", "Submission", "find_submissions", "grade_chapter"]


@dataclass(frozen=True)
class Submission:
    """A student's hand-in: the notebook's bytes, or None with the reason why there are none to read."""

    student: str
    data: bytes | None
    trouble: str = ""

    @property
    def digest(self) -> str:
        """What the submission is recognised by; one that was graded already is not graded again."""
        return hashlib.sha256(self.data if self.data is not None else self.trouble.encode()).hexdigest()


@dataclass(frozen=True, eq=False)
class Graded:
    """One submission's result; `fresh` is False for one that stood in autograded/ already, unchanged."""

    student: str
    chapter: str
    outcome: str
    detail: str
    fresh: bool


def find_submissions(course: Path, chapter: str) -> list[Submission]:
    """Everything in submitted/STUDENT/CHAPTER/, sorted by student; what cannot be read is found too, with its reason."""
    folders = sorted(path / chapter for path in (course / "submitted").glob("*") if (path / chapter).is_dir())
    return [_read(folder, chapter) for folder in folders]


def _read(folder: Path, chapter: str) -> Submission:
    student, path = folder.parent.name, folder / f"{chapter}.ipynb"
    # A link could point at the solutions, or at anything else the grader may read.
    if any(part.is_symlink() for part in (folder.parent, folder, path)):
        return Submission(student, None, "it is a symbolic link; hand in the notebook itself")
    if not path.is_file():
        there = ", ".join(sorted(p.name for p in folder.iterdir())[:5]) or "nothing"
        return Submission(student, None, f"there is no {path.name} in it, but {there}")
    if path.stat().st_size > MAX_SUBMISSION_BYTES:
        return Submission(
            student,
            None,
            f"the file has {path.stat().st_size / 2**20:.0f} MiB; a notebook may have {MAX_SUBMISSION_BYTES // 2**20}",
        )
    return Submission(student, path.read_bytes())


def grade_chapter(
    course: Path, chapter: str, *, jobs: int = 2, force: bool = False, tell: Callable[[int, int], None] = lambda done, of: None
) -> Iterator[Graded]:
    """Grade a chapter's submissions, and yield each when it is recorded.

    `jobs` notebooks run at a time. A submission whose bytes were graded before is left as it is, unless `force`: so an interrupted
    run continues when it is called again. `tell(done, total)` is called before the first and after each.
    """
    submissions = find_submissions(course, chapter)
    assignment = load_assignment(course, chapter)
    with tempfile.TemporaryDirectory(prefix="grade-") as scratch, Recorder(course, assignment, Path(scratch)) as recorder:
        waiting = []
        for submission in submissions:
            before = None if force else _graded_before(recorder, submission)
            if before is not None:
                yield before
            else:
                waiting.append(submission)
        done = len(submissions) - len(waiting)
        tell(done, len(submissions))
        for submission, result in _run_all(assignment, waiting, jobs):
            recorder.record(submission.student, result, submission.data, submission.digest)
            done += 1
            tell(done, len(submissions))
            yield Graded(submission.student, chapter, result.outcome, result.detail, True)


def _graded_before(recorder: Recorder, submission: Submission) -> Graded | None:
    path = recorder.folder(submission.student) / f"{recorder.chapter}.ipynb"
    try:
        about = json.loads(path.read_bytes())["metadata"]["autograder"]
        if about["submission"] == submission.digest and about["outcome"] != "failed":
            return Graded(submission.student, recorder.chapter, about["outcome"], about["detail"], False)
    except (OSError, ValueError, KeyError):
        pass
    return None


def _run_all(assignment: Assignment, submissions: list[Submission], jobs: int) -> Iterator[tuple[Submission, Result]]:
    """Each submission with its result, as they come. The work is done by kernels, which are processes; threads only wait for them."""
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="grade") as pool:
        running: dict[Future[Result], Submission] = {}
        queue = list(reversed(submissions))
        try:
            while queue or running:
                while queue and len(running) < jobs:
                    submission = queue.pop()
                    running[pool.submit(_result, assignment, submission)] = submission
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    yield running.pop(future), future.result()
        finally:
            queue.clear()


def _result(assignment: Assignment, submission: Submission) -> Result:
    if submission.data is None:
        return malformed(assignment, submission.trouble)
    result = grade_submission(assignment, submission.data)
    if result.outcome == "failed":  # the grader's own fault, a kernel that did not start: once more
        result = grade_submission(assignment, submission.data)
    return result
