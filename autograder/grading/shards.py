"""A class in parts, for batch queues: each part runs by itself and is journalled; `merge` judges and records all of them.

A part needs no gradebook and no word from the others. Parts on machines that share the course's folder share its journal;
others leave theirs in their own copy of the course, which `merge` is told.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future
from pathlib import Path
from typing import Any

from autograder.grading.executors import Lost, local_executor
from autograder.grading.grade import Graded, as_graded, in_batches, results
from autograder.grading.gradebook import Entry, Recorder
from autograder.grading.journal import Journal
from autograder.grading.judging import Assignment, How, load_assignment
from autograder.grading.submission import read_folder, submission_folders
from autograder.release.source import SourceError

__all__ = ["MISSING", "NOT_RUN", "Nobody", "grade_shard", "in_shard", "merge", "under_way"]

MISSING, NOT_RUN = "not run yet", "no part has it; was each run to its end, with the same options?"


def in_shard(student: str, shard: int, of: int) -> bool:
    """Whether a student's submission belongs to the part `shard` (1 to `of`): the same on every machine, whoever else handed
    in.
    """
    return zlib.crc32(student.encode("utf-8", "replace")) % of == shard - 1


def grade_shard(
    course: Path,
    chapter: str,
    shard: int,
    of: int,
    *,
    how: How | None = None,
    jobs: int = 2,
    executor: Callable[[], Executor] | None = None,
    tell: Callable[[int, int], None] = lambda done, of: None,
    now: Callable[[list[str]], None] = lambda students: None,
) -> Iterator[Graded]:
    """Run the submissions of one part of the class and journal them; yield each with its outcome. Records nothing.

    An interrupted part continues when it is called again. Raises what `grade_chapter` raises.
    """
    folders = [folder for folder in submission_folders(course, chapter) if in_shard(folder.parent.name, shard, of)]
    journal = Journal.of(course, chapter)
    assignment = load_assignment(course, chapter, seed=journal.begin(), how=how)
    make = executor or functools.partial(local_executor, max(1, min(jobs, len(folders))))
    tell(0, len(folders))
    for done, one in enumerate(results(assignment, map(read_folder, folders), journal, make, 2 * jobs, now=now), 1):
        tell(done, len(folders))
        yield as_graded(one, chapter) if isinstance(one, Entry) else one


def under_way(course: Path, chapter: str, others: tuple[Path, ...]) -> list[tuple[Journal, int]]:
    """The journals in which parts of a run have begun and were not merged yet, each with the run's seed. Raises `SourceError`
    where there is none.
    """
    journals = [Journal.of(folder, chapter) for folder in (course, *others)]
    begun = [(journal, seed) for journal in journals if (seed := journal.under_way) is not None]
    if not begun:
        raise SourceError(
            f"no part of a run of {chapter} was found: run `autograder grade {chapter} --shard 1/8` and so on first"
        )
    return begun


def merge(
    course: Path,
    chapter: str,
    others: tuple[Path, ...] = (),
    *,
    how: How | None = None,
    tell: Callable[[int, int], None] = lambda done, of: None,
) -> Iterator[Graded]:
    """Judge and record what the parts of a run left in this course's journal and in those of `others`, copies of this course.

    Nothing is run here: a submission that no part ran is yielded with the outcome 'not run yet', and its record is left as it
    is. Raises `SourceError` where no part has begun, and what `grade_chapter` raises.
    """
    begun = under_way(course, chapter, others)
    assignments = [(journal, load_assignment(course, chapter, seed=seed, how=how)) for journal, seed in begun]
    own = Journal.of(course, chapter)
    folders = {folder.parent.name: folder for folder in submission_folders(course, chapter)}
    total = len(folders)
    tell(0, total)
    for journal, assignment in assignments:
        with Recorder(course, assignment) as recorder:
            found = _found(assignment, list(folders.values()), journal, recorder, own)
            for one in in_batches(recorder, found):
                del folders[one.student]
                tell(total - len(folders), total)
                yield one
    for student in folders:
        yield Graded(student, chapter, MISSING, NOT_RUN, True)
    if not folders:
        for journal, _ in assignments:
            journal.finish()


def _found(
    assignment: Assignment, folders: list[Path], journal: Journal, recorder: Recorder, own: Journal
) -> Iterator[Entry | Graded]:
    """The results that one journal has; what came from elsewhere is kept in our own, to be judged again some day."""
    for one in results(assignment, map(read_folder, folders), journal, Nobody, 1, recorder.recorded):
        if isinstance(one, Entry):
            if one.result.outcome == "failed":
                continue
            if journal.folder != own.folder and one.key and (kept := journal.get(one.key)) is not None:
                own.add(one.key, kept[1], **kept[0])
        yield one


class Nobody(Executor):
    """Does no work at all: what is not in the journal stays undone."""

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_exception(Lost(MISSING))
        return future
