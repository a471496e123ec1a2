"""Grade every submission of a chapter: find them, spread the work, judge and record each result as it comes."""

from __future__ import annotations

import contextlib
import functools
import itertools
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nbformat import NotebookNode

from autograder.grading.execute import Work
from autograder.grading.executors import Lost, getting_ready, local_executor, spread
from autograder.grading.gradebook import Entry, Recorder
from autograder.grading.journal import Journal
from autograder.grading.judging import Assignment, How, failed, judge_run, load_assignment, malformed, work_for
from autograder.grading.rebuild import Malformed, read_submission, rebuild
from autograder.grading.submission import Submission, read_folder, submission_folders
from autograder.grading.unit import get_ready, run_unit, unpack_run, work_key
from autograder.kernels.sandbox import SandboxError

__all__ = ["Graded", "as_graded", "grade_chapter", "in_batches", "in_words", "journalled", "results"]

BATCH, BATCH_S = 16, 2.0  # so many results are recorded in one transaction, or those of so many seconds


@dataclass(frozen=True, eq=False)
class Graded:
    """One submission's result; `fresh` is False for one that stood in autograded/ already, unchanged.

    `slowest` is the id of the cell that took longest, with its seconds.
    """

    student: str
    chapter: str
    outcome: str
    detail: str
    fresh: bool
    slowest: tuple[str, float] = ("", 0.0)


def grade_chapter(
    course: Path,
    chapter: str,
    *,
    how: How | None = None,
    jobs: int = 2,
    executor: Callable[[], Executor] | None = None,
    force: bool = False,
    tell: Callable[[int, int], None] = lambda done, of: None,
    now: Callable[[list[str]], None] = lambda students: None,
) -> Iterator[Graded]:
    """Grade a chapter's submissions, and yield each when it is recorded.

    `jobs` notebooks run at a time, in processes of this machine or where `executor` makes it. A submission whose bytes were
    graded before, with the same edition of the chapter, is left as it is, unless `force`. What ran is journalled at once: an
    interrupted run continues when it is called again. `tell(done, total)` is called before the first and after each, `now` with
    the students whose notebooks have waited longest for their result: those that are being run. One that
    cannot be graded or recorded is yielded as 'failed' and is tried again in the next run.
    Raises `SourceError` or `GoldenError` before the first, where the chapter itself is at fault, and `SandboxError` where the
    isolation level that `how` names cannot be had.
    """
    folders = submission_folders(course, chapter)
    journal = Journal.of(course, chapter)
    assignment = load_assignment(course, chapter, seed=journal.begin(afresh=force), how=how)
    with contextlib.ExitStack() as held:
        make = executor or functools.partial(local_executor, max(1, min(jobs, len(folders))))
        if executor is None and (force or any(not _graded_once(course, folder) for folder in folders)):
            workers = min(jobs, len(folders))
            make = held.enter_context(getting_ready(make, workers, get_ready, assignment.how.level, assignment.imports))
        recorder = held.enter_context(Recorder(course, assignment))
        tell(0, len(folders))
        known = None if force else recorder.recorded
        ran = results(assignment, map(read_folder, folders), journal, make, 2 * jobs, known, now)
        for done, graded in enumerate(in_batches(recorder, ran), 1):
            tell(done, len(folders))
            yield graded
    journal.finish()


def _graded_once(course: Path, folder: Path) -> bool:
    """Whether this student's chapter was graded before, perhaps with other answers: a guess at whether there is work to do."""
    return (course / "autograded" / folder.parent.name / folder.name / f"{folder.name}.ipynb").exists()


def results(
    assignment: Assignment,
    submissions: Iterable[Submission],
    journal: Journal,
    make: Callable[[], Executor],
    at_a_time: int,
    recorded: Callable[[str, str], dict[str, str] | None] | None = None,
    now: Callable[[list[str]], None] = lambda students: None,
) -> Iterator[Entry | Graded]:
    """Each submission with its judged result, as they come; a `Graded` for one that `recorded` knows already.

    Equal work is done once, and what the journal has is not done again. Submissions are drawn as there is room for them. Raises
    SandboxError where the isolation level cannot be had.
    """
    level, seed = assignment.how.level, assignment.seed
    asked: dict[str, list[_Asked]] = {}
    ready: dict[str, Entry | Graded] = {}

    def work() -> Iterator[tuple[str, tuple[Work, str] | None]]:
        for submission in submissions:
            student = submission.student
            about = recorded(student, submission.digest) if recorded else None
            if about is not None:
                ready[student] = Graded(student, assignment.name, about["outcome"], about["detail"], False)
                yield student, None
                continue
            try:
                one = _Asked(submission, *_rebuilt(assignment, submission))
            except Malformed as error:
                ready[student] = Entry(student, malformed(assignment, str(error)), submission.data, submission.digest)
                yield student, None
                continue
            todo = work_for(assignment, one.notebook)
            key = work_key(todo, level, seed)
            if key in asked:
                asked[key].append(one)
            elif (kept := journal.get(key)) is not None:
                ready[student] = _judged(assignment, one, kept[1], key, journal)
                yield student, None
            else:
                asked[key] = [one]
                now(_longest_asked(asked, at_a_time // 2))
                yield key, (todo, level)

    about_run = {"seed": seed, "chapter": assignment.name, "level": level, "probes": assignment.probes}
    for key, came in journalled(work(), make, at_a_time, journal, about_run):
        if came is None:
            yield ready.pop(key)
            continue
        over = asked.pop(key)
        now(_longest_asked(asked, at_a_time // 2))
        for one in over:
            yield _judged(assignment, one, came, key, journal)


def journalled(
    work: Iterator[tuple[str, tuple[Work, str] | None]],
    make: Callable[[], Executor],
    at_a_time: int,
    journal: Journal,
    about: dict[str, Any],
) -> Iterator[tuple[str, bytes | BaseException | None]]:
    """Run units of work as `spread` does, and keep what came of each, with `about`, before it is yielded.

    Raises SandboxError where the isolation level cannot be had.
    """
    for key, came in spread(run_unit, work, make, at_a_time):
        if isinstance(came, SandboxError):
            raise came
        if isinstance(came, bytes):
            journal.add(key, came, **about)
        yield key, came


@dataclass(frozen=True, eq=False)
class _Asked:
    """A submission whose work is under way: the rebuilt notebook, and what was said about it."""

    submission: Submission
    notebook: NotebookNode
    notes: list[str]


def _longest_asked(asked: dict[str, list[_Asked]], number: int) -> list[str]:
    return [ones[0].submission.student for ones in itertools.islice(asked.values(), number)]


def _rebuilt(assignment: Assignment, submission: Submission) -> tuple[NotebookNode, list[str]]:
    """Our notebook with the student's answers, and the notes. Raises Malformed where there is nothing to read."""
    if submission.data is None:
        raise Malformed(submission.trouble)
    rebuilt = rebuild(assignment.released, read_submission(submission.data))
    return rebuilt.notebook, [*filter(None, [submission.note]), *rebuilt.notes]


def _judged(assignment: Assignment, one: _Asked, came: bytes | BaseException, key: str, journal: Journal) -> Entry:
    """The result of one who handed in this work. A failure of the grader's own is not kept: the next run tries again."""
    submission = one.submission
    try:
        if isinstance(came, BaseException):
            raise came
        run = unpack_run(came)
        for ran, own in zip(run.notebook.cells, one.notebook.cells, strict=True):
            if own.cell_type == "markdown":  # a written answer, which is no part of the work
                ran.source = own.source
        result = judge_run(assignment, one.notes, run)
    except Exception as error:
        result = failed(assignment, str(error) if isinstance(error, Lost) else in_words(error))
    if result.outcome == "failed":
        journal.drop(key)
    return Entry(submission.student, result, submission.data, submission.digest, key)


def in_batches(recorder: Recorder, ones: Iterator[Entry | Graded]) -> Iterator[Graded]:
    """Record results as they come, several in one transaction; yield each when it is recorded."""
    batch, last = list[Entry](), time.monotonic()
    for one in ones:
        if isinstance(one, Graded):
            yield one
        else:
            batch.append(one)
        if batch and (len(batch) >= BATCH or time.monotonic() > last + BATCH_S):
            yield from _record(recorder, batch)
            batch, last = [], time.monotonic()
    yield from _record(recorder, batch)


def _record(recorder: Recorder, batch: list[Entry]) -> Iterator[Graded]:
    """Outcomes after recording: a result that cannot be written down costs no other student's."""
    for entry, error in recorder.record_all(batch):
        told = as_graded(entry, recorder.assignment.name)
        if error is not None:
            told = replace(told, outcome="failed", detail=f"the result could not be recorded: {in_words(error)}")
        yield told


def as_graded(entry: Entry, chapter: str) -> Graded:
    """What is told of a result."""
    result = entry.result
    return Graded(entry.student, chapter, result.outcome, result.detail, True, result.run.slowest if result.run else ("", 0.0))


def in_words(error: BaseException) -> str:
    """An error's type and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300] if lines else ''}"
