"""Grade every submission of a chapter: find them, spread the work, record each result as it comes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path

from autograder.grading.gradebook import Recorder
from autograder.grading.judging import Assignment, Result, failed, grade_submission, load_assignment, malformed
from autograder.grading.submission import Submission, find_submissions

__all__ = ["Graded", "grade_chapter"]


@dataclass(frozen=True, eq=False)
class Graded:
    """One submission's result; `fresh` is False for one that stood in autograded/ already, unchanged."""

    student: str
    chapter: str
    outcome: str
    detail: str
    fresh: bool


def grade_chapter(
    course: Path, chapter: str, *, jobs: int = 2, force: bool = False, tell: Callable[[int, int], None] = lambda done, of: None
) -> Iterator[Graded]:
    """Grade a chapter's submissions, and yield each when it is recorded.

    `jobs` notebooks run at a time. A submission whose bytes were graded before, with the same edition of the chapter, is left
    as it is, unless `force`: so an interrupted run continues when it is called again. `tell(done, total)` is called before the
    first and after each. One that cannot be graded or recorded is yielded as 'failed' and is tried again in the next run.
    Raises `SourceError` or `GoldenError` before the first, where the chapter itself is at fault.
    """
    submissions = find_submissions(course, chapter)
    assignment = load_assignment(course, chapter)
    with Recorder(course, assignment) as recorder:
        before = {} if force else {one.student: recorder.recorded(one.student, one.digest) for one in submissions}
        waiting = [submission for submission in submissions if before.get(submission.student) is None]
        for student, about in before.items():
            if about is not None:
                yield Graded(student, chapter, about["outcome"], about["detail"], False)
        done = len(submissions) - len(waiting)
        tell(done, len(submissions))
        for submission, result in _run_all(assignment, waiting, jobs):
            outcome, detail = _record(recorder, submission, result)
            done += 1
            tell(done, len(submissions))
            yield Graded(submission.student, chapter, outcome, detail, True)


def _record(recorder: Recorder, submission: Submission, result: Result) -> tuple[str, str]:
    """Outcome and detail after recording: a result that cannot be written down costs no other student's."""
    try:
        recorder.record(submission.student, result, submission.data, submission.digest)
    except Exception as error:
        return "failed", f"the result could not be recorded: {_in_words(error)}"
    return result.outcome, result.detail


def _run_all(assignment: Assignment, submissions: list[Submission], jobs: int) -> Iterator[tuple[Submission, Result]]:
    """Each submission with its result, as they come. Kernels, which are processes, do the work; threads only wait for them."""
    with ThreadPoolExecutor(max_workers=max(jobs, 1), thread_name_prefix="grade") as pool:
        running: dict[Future[Result], Submission] = {}
        queue = list(reversed(submissions))
        while queue or running:
            while queue and len(running) < max(jobs, 1):
                submission = queue.pop()
                running[pool.submit(_result, assignment, submission)] = submission
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running.pop(future), future.result()


def _result(assignment: Assignment, submission: Submission) -> Result:
    """Grade one; never raises. The grader's own fault, a kernel that did not start, gets a second try."""
    if submission.data is None:
        return malformed(assignment, submission.trouble)
    for _ in range(2):
        try:
            result = grade_submission(assignment, submission.data, submission.note)
        except Exception as error:
            result = failed(assignment, _in_words(error))
        if result.outcome != "failed":
            break
    return result


def _in_words(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"
