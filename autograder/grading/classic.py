"""Classic mode: grade the assignments of any nbgrader course, whose test cells are plain asserts, on the same engine.

The notebook that runs is rebuilt from the course's source, with every hidden test; from a submission come only the texts of its
solution cells and written answers (and of what stands directly below a cell that a person grades). Each test ends in an
assertion that must fail, see `classic_scoring`: a kernel whose asserts no longer assert is told as tampered. Honest work has
the points that stock nbgrader gives, but for these differences, all meant:

- What a test cell writes to stderr costs nothing: a warning or a progress bar is no failure. Stock nbgrader gives 0 points.
- Cells of the student's own outside the answers do not run, and their files do not come along; a note says so.
- A test that never ran gives nothing, nor does one that gives more points than it has: stock nbgrader gives full points for the
  one, and leaves the submission ungraded for the other.
- `NBGRADER_EXECUTION` is not set. Preprocessors that a course added to `c.Autograde` are not called.

What it cannot hold, since here the test runs beside the answer: an object that is equal to everything passes every comparison,
and so does every object where the comparison itself was patched (`torch.allclose`); and code that reads the test from inside its
own kernel can compute what it asks for, or raise the last assertion itself. Only tests that judge from outside, as this course's
own chapters have, hold these.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.grading.classic_course import (
    ClassicAssignment,
    HandIn,
    hand_in_folders,
    load_classic,
    read_hand_in,
)
from autograder.grading.classic_grading import ClassicResult, Prepared, joined, parts_of, score
from autograder.grading.classic_record import ClassicRecorder
from autograder.grading.execute import Work
from autograder.grading.executors import Lost, getting_ready, local_executor
from autograder.grading.grade import Graded, in_words, journalled
from autograder.grading.journal import Journal
from autograder.grading.unit import get_ready, unpack_run, work_key
from autograder.kernels.settings import level_asked_for

__all__ = ["classic_results", "grade_classic", "hand_ins_of", "recorded_one"]


def grade_classic(
    course: Path,
    assignment: str,
    *,
    level: str = "",
    jobs: int = 2,
    executor: Callable[[], Executor] | None = None,
    force: bool = False,
    tell: Callable[[int, int], None] = lambda done, of: None,
    now: Callable[[list[str]], None] = lambda students: None,
) -> Iterator[Graded]:
    """Grade the hand-ins of one assignment, and yield each when it is recorded; as `grade.grade_chapter` does.

    `level` is the isolation; without one, that of the environment. One that fails by the grader's own fault is not recorded and
    is tried again in the next run. Raises `SourceError` where the assignment itself is at fault, and `SandboxError` where the
    isolation level cannot be had.
    """
    folders, level = hand_in_folders(course, assignment), level or level_asked_for()
    graded_once = {student for student, _ in hand_in_folders(course, assignment, autograded=True)}
    with contextlib.ExitStack() as held:
        make = executor or functools.partial(local_executor, jobs)
        if executor is None and (force or any(student not in graded_once for student, _ in folders)):
            make = held.enter_context(getting_ready(make, min(jobs, len(folders)), get_ready, level, ()))
        loaded = load_classic(course, assignment)
        journal = Journal.of(course, assignment)
        seed = journal.begin(afresh=force)
        recorder = held.enter_context(ClassicRecorder(course, loaded))
        tell(0, len(folders))
        known = None if force else recorder.recorded
        ran = classic_results(loaded, hand_ins_of(loaded, folders), journal, seed, level, make, 2 * jobs, known, now)
        for done, one in enumerate(ran, 1):
            graded = one if isinstance(one, Graded) else recorded_one(recorder, *one)
            tell(done, len(folders))
            yield graded
    journal.finish()


def hand_ins_of(assignment: ClassicAssignment, folders: Iterable[tuple[str, Path]]) -> Iterator[HandIn]:
    """What was handed in, read when it is asked for."""
    for student, folder in folders:
        yield read_hand_in(student, folder, list(assignment.notebooks))


@dataclass(eq=False)
class _Open:
    """A submission some of whose notebooks are not scored yet."""

    hand_in: HandIn
    parts: dict[str, Prepared | ClassicResult]
    told: bool = False

    def result(self, assignment: ClassicAssignment) -> ClassicResult | None:
        """The result, once, as soon as every notebook has its own."""
        scored = {name: part for name, part in self.parts.items() if isinstance(part, ClassicResult)}
        if self.told or len(scored) < len(self.parts):
            return None
        self.told = True
        return joined(assignment, self.hand_in, scored)


def classic_results(
    assignment: ClassicAssignment,
    hand_ins: Iterable[HandIn],
    journal: Journal,
    seed: int,
    level: str,
    make: Callable[[], Executor],
    at_a_time: int,
    recorded: Callable[[HandIn], dict[str, Any] | None] | None = None,
    now: Callable[[list[str]], None] = lambda students: None,
) -> Iterator[tuple[HandIn, ClassicResult] | Graded]:
    """Each submission with its result, as they come; a `Graded` for one that `recorded` knows already.

    A unit of work is one notebook. Equal work is done once, and what the journal has is not done again. Raises SandboxError
    where the isolation level cannot be had.
    """
    asked: dict[str, list[tuple[_Open, str]]] = {}
    ready: dict[str, tuple[HandIn, ClassicResult] | Graded] = {}

    def work() -> Iterator[tuple[str, tuple[Work, str] | None]]:
        for hand_in in hand_ins:
            about = recorded(hand_in) if recorded else None
            if about is not None:
                ready[hand_in.student] = Graded(hand_in.student, assignment.name, about["outcome"], about["detail"], False)
                yield hand_in.student, None
                continue
            one = _Open(hand_in, parts_of(assignment, hand_in, seed))
            for name, part in list(one.parts.items()):
                if not isinstance(part, Prepared):
                    continue
                key = work_key(part.work, level, seed)
                if key in asked:
                    asked[key].append((one, name))
                elif (kept := journal.get(key)) is not None:
                    one.parts[name] = _scored(part, kept[1], key, journal)
                else:
                    asked[key] = [(one, name)]
                    now(_longest_asked(asked, at_a_time // 2))
                    yield key, (part.work, level)
            if (result := one.result(assignment)) is not None:
                ready[hand_in.student] = hand_in, result
                yield hand_in.student, None

    about_run = {"seed": seed, "chapter": assignment.name, "level": level}
    for key, came in journalled(work(), make, at_a_time, journal, about_run):
        if came is None:
            yield ready.pop(key)
            continue
        over = asked.pop(key)
        now(_longest_asked(asked, at_a_time // 2))
        for one, name in over:
            part = one.parts[name]
            assert isinstance(part, Prepared)
            one.parts[name] = _scored(part, came, key, journal)
            if (result := one.result(assignment)) is not None:
                yield one.hand_in, result


def _longest_asked(asked: dict[str, list[tuple[_Open, str]]], number: int) -> list[str]:
    return list(dict.fromkeys(ones[0][0].hand_in.student for ones in asked.values()))[:number]


def _scored(prepared: Prepared, came: bytes | BaseException, key: str, journal: Journal) -> ClassicResult:
    """What a notebook earned. A failure of the grader's own is not kept: the next run tries again."""
    try:
        if isinstance(came, BaseException):
            raise came
        result = score(prepared, unpack_run(came))
    except Exception as error:
        result = ClassicResult("failed", str(error) if isinstance(error, Lost) else in_words(error))
    if result.outcome == "failed":
        journal.drop(key)
    return result


def recorded_one(recorder: ClassicRecorder, hand_in: HandIn, result: ClassicResult) -> Graded:
    """Record a result, and tell it. One that cannot be recorded costs no other student's, and is the grader's own fault."""
    told = result.outcome, result.detail
    if result.outcome != "failed":
        try:
            recorder.record(hand_in, result)
        except Exception as error:
            told = "failed", f"the result could not be recorded: {in_words(error)}"
    return Graded(hand_in.student, recorder.assignment.name, *told, True, result.slowest)
