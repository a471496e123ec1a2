"""A class of a classic assignment in parts, for batch queues: as `shards` does for the course's own chapters."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path

from autograder.grading.classic import classic_results, hand_ins_of, recorded_one
from autograder.grading.classic_course import hand_in_folders, load_classic
from autograder.grading.classic_record import ClassicRecorder
from autograder.grading.executors import local_executor
from autograder.grading.grade import Graded
from autograder.grading.journal import Journal
from autograder.grading.shards import MISSING, NOT_RUN, Nobody, in_shard, under_way
from autograder.kernels.settings import level_asked_for

__all__ = ["grade_classic_shard", "merge_classic"]


def grade_classic_shard(
    course: Path,
    assignment: str,
    shard: int,
    of: int,
    *,
    level: str = "",
    jobs: int = 2,
    executor: Callable[[], Executor] | None = None,
    tell: Callable[[int, int], None] = lambda done, of: None,
    now: Callable[[list[str]], None] = lambda students: None,
) -> Iterator[Graded]:
    """Run the hand-ins of one part of the class and journal them; yield each with its outcome. Records nothing.

    An interrupted part continues when it is called again. Raises what `grade_classic` raises.
    """
    folders = [(student, path) for student, path in hand_in_folders(course, assignment) if in_shard(student, shard, of)]
    loaded = load_classic(course, assignment, note=False)
    journal = Journal.of(course, assignment)
    seed, level = journal.begin(), level or level_asked_for()
    make = executor or functools.partial(local_executor, max(1, min(jobs, len(folders) * len(loaded.notebooks))))
    tell(0, len(folders))
    ran = classic_results(loaded, hand_ins_of(loaded, folders), journal, seed, level, make, 2 * jobs, now=now)
    for done, one in enumerate(ran, 1):
        tell(done, len(folders))
        if isinstance(one, Graded):
            yield one
        else:
            hand_in, result = one
            yield Graded(hand_in.student, assignment, result.outcome, result.detail, True, result.slowest)


def merge_classic(
    course: Path,
    assignment: str,
    others: tuple[Path, ...] = (),
    *,
    level: str = "",
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Iterator[Graded]:
    """Score and record what the parts of a run left in this course's journal and in those of `others`, copies of this course.

    Nothing is run here: a hand-in that no part ran is yielded with the outcome 'not run yet', and its record is left as it is.
    Raises `SourceError` where no part has begun, and what `grade_classic` raises.
    """
    level = level or level_asked_for()
    begun = under_way(course, assignment, others)
    loaded = load_classic(course, assignment)
    folders = dict(hand_in_folders(course, assignment))
    total = len(folders)
    tell(0, total)
    with ClassicRecorder(course, loaded) as recorder:
        for journal, seed in begun:
            waiting = hand_ins_of(loaded, list(folders.items()))
            for one in classic_results(loaded, waiting, journal, seed, level, Nobody, 1, recorder.recorded):
                graded = one if isinstance(one, Graded) else None
                if not isinstance(one, Graded) and one[1].outcome != "failed":
                    graded = recorded_one(recorder, *one)
                if graded is None:
                    continue
                del folders[graded.student]
                tell(total - len(folders), total)
                yield graded
    for student in folders:
        yield Graded(student, assignment, MISSING, NOT_RUN, True)
    if not folders:
        for journal, _ in begun:
            journal.finish()
