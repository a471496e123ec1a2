"""Judge one exercise again for the whole class, from what was observed when it ran; show what would change, then write it.

Nothing is run where only comparison, points or hints changed. Where the probe itself changed, that exercise alone is asked again.
"""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.grading.execute import Run, Work
from autograder.grading.executors import local_executor, spread
from autograder.grading.gradebook import Entry, Recorder
from autograder.grading.journal import Journal
from autograder.grading.judging import Assignment, How, Result, in_short, judge_exercise, load_assignment, show_verdict, work_for
from autograder.grading.submission import Submission, read_folder
from autograder.grading.unit import pack_run, run_unit, unpack_run
from autograder.release.source import SourceError, load_chapter
from autograder.verdict import Verdict

__all__ = ["Regraded", "regrade", "write"]


@dataclass(frozen=True, eq=False)
class Regraded:
    """One student's new verdict, with the points before and after; or the `trouble` that leaves the old one as it is."""

    student: str
    before: int = 0
    after: int = 0
    trouble: str = ""
    assignment: Assignment | None = None
    entry: Entry | None = None


@dataclass(frozen=True, eq=False)
class _Graded:
    """What stands in autograded/ and in the journal for one student."""

    submission: Submission
    notebook: NotebookNode
    assignment: Assignment
    about: dict[str, Any]
    run: Run
    asked: bool  # whether the stored observations answer today's probe


def regrade(
    course: Path,
    chapter: str,
    name: str,
    *,
    jobs: int = 2,
    executor: Callable[[], Executor] | None = None,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Iterator[Regraded]:
    """Judge exercise `name` again for everyone who was graded; writes nothing in the gradebook or autograded/.

    Raises `SourceError` where the chapter has no such exercise or its release is out of date.
    """
    known = load_chapter(course.resolve(), chapter).exercises
    if name not in known:
        raise SourceError(f"{chapter} has no exercise {name!r}: it has {', '.join(known)}")
    journal = Journal.of(course, chapter)
    load = functools.cache(lambda seed, level: load_assignment(course, chapter, seed=seed, how=How(level=level)))
    paths = sorted((course / "autograded").glob(f"*/{chapter}/{chapter}.ipynb"))
    tell(0, len(paths))
    ready: dict[str, _Graded | Regraded] = {}

    def work() -> Iterator[tuple[str, tuple[Work, str] | None]]:
        for path in paths:
            student = path.parent.parent.name
            ready[student] = one = _read(course, path, name, journal, load)
            alone = _alone(one, name) if isinstance(one, _Graded) and not one.asked else None
            yield student, alone

    make = executor or functools.partial(local_executor, max(1, min(jobs, len(paths))))
    for done, (student, came) in enumerate(spread(run_unit, work(), make, 2 * jobs), 1):
        tell(done, len(paths))
        one = ready.pop(student)
        yield one if isinstance(one, Regraded) else _judged(one, name, came, journal)


def write(course: Path, changes: list[Regraded]) -> Iterator[tuple[str, Exception | None]]:
    """Record new verdicts in the gradebook and in autograded/; yield each student, with the error where it failed."""
    together: dict[tuple[int, str], tuple[Assignment, list[Entry]]] = {}
    for change in changes:
        if change.entry is not None and change.assignment is not None:
            alike = change.assignment.seed, change.assignment.digest
            together.setdefault(alike, (change.assignment, []))[1].append(change.entry)
    for assignment, entries in together.values():
        with Recorder(course, assignment) as recorder:
            yield from ((entry.student, error) for entry, error in recorder.record_all(entries))


def _read(course: Path, path: Path, name: str, journal: Journal, load: Callable[[int, str], Assignment]) -> _Graded | Regraded:
    """What is known of a student's grading; `Regraded` with its trouble where that is not enough to judge again."""
    student = path.parent.parent.name
    try:
        notebook = nbformat.read(path, as_version=4)
        about = notebook.metadata["autograder"]
        kept = journal.get(about["key"]) if about["key"] else None
    except (OSError, ValueError, KeyError, AttributeError):
        return Regraded(student, trouble="its autograded notebook cannot be read")
    if not about["key"]:
        return Regraded(student, trouble=f"it was never run ({about['outcome']})")
    if kept is None:
        return Regraded(student, trouble="its run is not in the journal any more: grade it again")
    submission = read_folder(course / "submitted" / student / path.parent.name)
    if submission.digest != about["submission"]:
        return Regraded(student, trouble="it was handed in anew since: grade it first")
    facts, packed = kept
    assignment = load(int(facts["seed"]), str(facts["level"]))
    asked = facts.get("probes", {}).get(name) == assignment.probes[name]
    return _Graded(submission, notebook, assignment, dict(about), unpack_run(packed), asked)


def _alone(one: _Graded, name: str) -> tuple[Work, str]:
    """The work of asking this exercise alone, of the notebook as it ran."""
    assignment = replace(one.assignment, how=replace(one.assignment.how, answers_only=True))
    todo = work_for(assignment, one.run.notebook)
    asked = {cell_id: question for cell_id, question in todo.questions.items() if question.exercise == name}
    return replace(todo, questions=asked, skipped=todo.skipped | (set(todo.questions) - set(asked))), assignment.how.level


def _judged(one: _Graded, name: str, came: bytes | BaseException | None, journal: Journal) -> Regraded:
    """The new verdict, put into the notebook that stands in autograded/."""
    student, key, run = one.submission.student, str(one.about["key"]), one.run
    if isinstance(came, BaseException):
        return Regraded(student, trouble=f"it could not be run again: {came}")
    if came is not None:
        again = unpack_run(came)
        if again.outcome == "failed":
            return Regraded(student, trouble=f"it could not be run again: {again.detail}")
        run, key = _kept(one, name, again, journal)
    verdict = judge_exercise(one.assignment, name, list(one.about["notes"]), run)
    before = int(one.about["verdicts"].get(name, {}).get("points", 0))
    entry = Entry(student, _result(one, name, verdict, run), one.submission.data, one.submission.digest, key)
    # The digest stays that of the whole grading: other exercises may have changed, too, and `grade` must see that.
    return Regraded(student, before, verdict.points, "", replace(one.assignment, digest=one.about["assignment"]), entry)


def _kept(one: _Graded, name: str, again: Run, journal: Journal) -> tuple[Run, str]:
    """The stored run with this exercise's new observations, and the key that it is kept under."""
    troubles = {other: why for other, why in one.run.troubles.items() if other != name} | again.troubles
    run = replace(one.run, observations=one.run.observations | {name: again.observations.get(name, [])}, troubles=troubles)
    facts, _ = journal.get(str(one.about["key"])) or ({}, b"")
    level, probes = one.assignment.how.level, facts.get("probes", {}) | {name: one.assignment.probes[name]}
    # A key of its own: `grade` must not take this for a whole run, since other exercises' observations are as old as before.
    key = hashlib.sha256(f"{one.about['key']} {name} {probes[name]}".encode()).hexdigest()
    journal.add(key, pack_run(run, level), **(facts | {"probes": probes}))
    return run, key


def _result(one: _Graded, name: str, verdict: Verdict, run: Run) -> Result:
    """The result with everything as it stood, but for this exercise's check cell and its points."""
    notebook = nbformat.from_dict(one.notebook)
    released = {cell.get("id"): cell for cell in one.assignment.released.cells}
    for cell in notebook.cells:
        if cell.get("id") == f"check_{name}":
            cell.metadata = released[cell.id].metadata
            show_verdict(cell, verdict)
    notebook.metadata["autograder"]["verdicts"][name] = in_short(verdict)
    return Result(one.about["outcome"], one.about["detail"], notebook, {}, list(one.about["notes"]), one.about["seconds"], run)
