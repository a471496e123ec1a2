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

What it cannot hold, since here the test runs beside the answer: an object that is equal to everything passes every comparison;
and code that reads the test from inside its own kernel can compute what it asks for, or raise the last assertion itself. Only
tests that judge from outside, as this course's own chapters have, hold these.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.grading.classic_course import ClassicAssignment, HandIn, find_hand_ins, is_classic, load_classic
from autograder.grading.classic_grading import ClassicResult, grade_hand_in
from autograder.grading.classic_record import ClassicRecorder
from autograder.grading.execute import execute

__all__ = ["ClassicGraded", "grade_classic", "is_classic"]


@dataclass(frozen=True, eq=False)
class ClassicGraded:
    """One hand-in's result; `chapter` is the assignment. `fresh` is False for one that was graded already, unchanged."""

    student: str
    chapter: str
    points: float
    outcome: str
    detail: str
    fresh: bool


def grade_classic(
    course: Path,
    assignment: str,
    *,
    force: bool = False,
    tell: Callable[[int, int], None] = lambda done, of: None,
    level: str = "",
    grade: Callable[[ClassicAssignment, HandIn], ClassicResult] | None = None,
) -> Iterator[ClassicGraded]:
    """Grade the hand-ins of one assignment one by one, and yield each when it is recorded.

    What was graded before, with the same sources, is left as it is, unless `force`: so an interrupted run continues when it is
    called again. `level` is the isolation; without one, that of the environment. `tell(done, total)` is called before the first
    and after each. One that fails by the grader's own fault is not recorded and is tried again in the next run. Raises
    `SourceError` where the assignment itself is at fault.
    """
    loaded = load_classic(course, assignment)
    hand_ins = find_hand_ins(course, loaded)
    tell(0, len(hand_ins))
    with ClassicRecorder(course, loaded) as recorder:
        for done, hand_in in enumerate(hand_ins, 1):
            before = None if force else recorder.recorded(hand_in)
            if before is not None:
                told = before["points"], before["outcome"], before["detail"]
            else:
                result = _grade_and_record(recorder, loaded, hand_in, grade or functools.partial(grade_one, level=level))
                told = result.total, result.outcome, result.detail
            tell(done, len(hand_ins))
            yield ClassicGraded(hand_in.student, assignment, *told, before is None)


def grade_one(assignment: ClassicAssignment, hand_in: HandIn, level: str = "") -> ClassicResult:
    """Grade one hand-in, without recording it. The grader's own fault gets a second try."""
    run = functools.partial(execute, level=level)
    for _ in range(2):
        result = grade_hand_in(
            assignment.notebooks, hand_in.notebooks, assignment.files, assignment.limits, hand_in.troubles, run=run
        )
        if result.outcome != "failed":
            break
    notes = [
        *hand_in.notes,
        *(f"The course takes {name} from submissions; here the course's own was used." for name in assignment.not_taken),
    ]
    return replace(result, notes={name: [*notes, *own] for name, own in result.notes.items()})


def _grade_and_record(
    recorder: ClassicRecorder,
    assignment: ClassicAssignment,
    hand_in: HandIn,
    grade: Callable[[ClassicAssignment, HandIn], ClassicResult],
) -> ClassicResult:
    """The result, recorded. One that cannot be graded or recorded costs no other student's, and is the grader's own fault."""
    try:
        result = grade(assignment, hand_in)
        if result.outcome != "failed":
            recorder.record(hand_in, result)
    except Exception as error:
        return ClassicResult("failed", f"{type(error).__name__}: {str(error).strip()[:300]}")
    return result
