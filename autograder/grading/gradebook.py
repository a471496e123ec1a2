"""Record results in nbgrader's gradebook, by nbgrader's own preprocessors, and write autograded/ as its formgrader expects."""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades
from nbgrader.utils import parse_utc

from autograder.grading.judging import Assignment, Result
from autograder.grading.submission import read_plain
from autograder.release.release import course_config, generate
from autograder.release.text import write_atomically

__all__ = ["Entry", "Recorder", "describe_result", "flag_for_review", "keep_only", "knows_chapter"]

MAX_KEPT_BYTES = 1_000_000  # of a submission that is no notebook
TIMESTAMP = "timestamp.txt"


@dataclass(frozen=True, eq=False)
class Entry:
    """One student's result, to be recorded: with the bytes that were handed in, their digest, and the key of the run."""

    student: str
    result: Result
    submitted: bytes | None
    digest: str
    key: str = ""


class Recorder:
    """The one writer of a course's gradebook and autograded/ folder, for one chapter; open while a run lasts."""

    def __init__(self, course: Path, assignment: Assignment) -> None:
        """Open the gradebook, and have nbgrader's generate_assignment note the chapter's cells in it.

        Raises `SourceError` with nbgrader's log when it refuses: cells were added or removed although there are submissions.
        """
        self.course, self.assignment = course.resolve(), assignment
        self.config = course_config(course)
        self.db_url = f"sqlite:///{self.course / 'gradebook.db'}"
        with tempfile.TemporaryDirectory(prefix="grade-") as scratch:
            generate(course, assignment.name, Path(scratch), self.course / "gradebook.db")
        self.gradebook = Gradebook(self.db_url, self.config.CourseDirectory.course_id)

    def close(self) -> None:
        """Let go of the gradebook."""
        self.gradebook.close()

    def __enter__(self) -> Recorder:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def folder(self, student: str) -> Path:
        """Where this student's autograded files stand."""
        return self.course / "autograded" / student / self.assignment.name

    def recorded(self, student: str, submission: str) -> dict[str, str] | None:
        """How this submission, known by its digest, was graded; None where it was not, or with another edition of the chapter."""
        try:
            self.gradebook.find_submission(self.assignment.name, student)
            path = self.folder(student) / f"{self.assignment.name}.ipynb"
            about: dict[str, str] = json.loads(path.read_bytes())["metadata"]["autograder"]
            same = about["submission"] == submission and about["assignment"] == self.assignment.digest
            return about if same and about["outcome"] != "failed" else None
        except (MissingEntry, OSError, ValueError, KeyError, TypeError, UnicodeError):
            return None

    def record_all(self, entries: list[Entry]) -> Iterator[tuple[Entry, Exception | None]]:
        """Write the points of several students in one transaction, then their autograded notebooks; yield each, with its error.

        A result that needs a person is flagged for manual grading. Where one cannot be recorded, the others are, one by one.
        """
        for entry in entries:  # first away, last written: a run that died half way is continued from the notebooks that are there
            with contextlib.suppress(OSError, ValueError):
                (self.folder(entry.student) / f"{self.assignment.name}.ipynb").unlink(missing_ok=True)
        together = len(entries) > 1 and self._saved(entries) is None
        for entry in entries:
            error = None if together else self._saved([entry])
            if error is None:
                try:
                    self._write(entry)
                except Exception as trouble:
                    error = trouble
            yield entry, error

    def _saved(self, entries: list[Entry]) -> Exception | None:
        """Save the points of all or of none; the error where it is none."""
        database = self.gradebook.db
        database.commit = database.flush  # nbgrader's own ways commit after each step
        try:
            late = [entry for entry in entries if self._save_points(entry)]
        except Exception as error:
            database.rollback()
            return error
        finally:
            del database.commit
        try:
            database.commit()
            for entry in late:
                resources = _resources(entry.student, self.assignment.name, self.db_url)
                AssignLatePenalties(config=self.config).preprocess(entry.result.notebook, resources)
        except Exception as error:
            database.rollback()
            return error
        finally:
            database.remove()
        return None

    def _save_points(self, entry: Entry) -> bool:
        """Save one student's points by nbgrader's own preprocessor; whether the submission is late."""
        chapter, student, gradebook = self.assignment.name, entry.student, self.gradebook
        timestamp = self._timestamp(student)
        gradebook.update_or_create_student(student)
        with gradebook.db.no_autoflush:  # else nbgrader's way of adding a submission warns each time
            given = {"timestamp": timestamp} if timestamp else {}
            submission = gradebook.update_or_create_submission(chapter, student, **given)
        saver = SaveAutoGrades(config=self.config)
        saver.gradebook, saver.student_id, saver.assignment_id, saver.notebook_id = gradebook, student, chapter, chapter
        for index, cell in enumerate(entry.result.notebook.cells):
            saver.preprocess_cell(cell, {}, index)
        gradebook.find_submission_notebook(chapter, chapter, student).late_submission_penalty = None
        if entry.result.outcome != "graded":
            flag_for_review(gradebook, chapter, student)
        return bool(submission.total_seconds_late > 0)

    def _write(self, entry: Entry) -> None:
        """Write the student's autograded folder; raises what the disk raises."""
        chapter, folder, timestamp = self.assignment.name, self.folder(entry.student), self._timestamp(entry.student)
        describe_result(entry.result.notebook, entry.result, entry.digest, self.assignment, entry.key)
        files = dict(self.assignment.files)
        if entry.submitted is not None and entry.result.outcome == "malformed":
            files["submitted-as-it-was.txt"] = entry.submitted[:MAX_KEPT_BYTES]
        if timestamp is not None:
            files[TIMESTAMP] = f"{timestamp:%Y-%m-%d %H:%M:%S} UTC".encode()
        keep_only(folder, files)
        write_atomically(folder / f"{chapter}.ipynb", nbformat.writes(entry.result.notebook).encode("utf-8", "replace") + b"\n")

    def _timestamp(self, student: str) -> datetime | None:
        return _timestamp(self.course / "submitted" / student / self.assignment.name / TIMESTAMP)


def _resources(student: str, chapter: str, db_url: str) -> Any:
    """What nbgrader's preprocessors are told about a notebook."""
    about = {"student": student, "assignment": chapter, "notebook": chapter, "db_url": db_url}
    return {"nbgrader": about, "unique_key": chapter}


def describe_result(notebook: NotebookNode, result: Result, submission: str, assignment: Assignment, key: str = "") -> None:
    """Note in an autograded notebook how it came about, for reports, for the next run and for judging it again."""
    run = result.run
    notebook.metadata["autograder"] |= {
        "outcome": result.outcome, "detail": result.detail, "submission": submission, "assignment": assignment.digest,
        "isolation": assignment.how.level, "key": key, "seconds": round(result.seconds, 2),
        "slowest": list(run.slowest) if run else [], "peak_mb": run.peak_mb if run else 0,
    }  # fmt: skip


def flag_for_review(gradebook: Gradebook, chapter: str, student: str) -> None:
    """Ask for a person's look at a submission, in nbgrader's way."""
    gradebook.db.flush()
    gradebook.db.expire_all()  # the points may have been written through another session
    for notebook in gradebook.find_submission(chapter, student).notebooks:
        for grade in notebook.grades:
            grade.needs_manual_grade = True
    gradebook.db.commit()


def knows_chapter(db_url: str, course_id: str, chapter: str) -> bool:
    """Whether the gradebook holds the chapter's cells."""
    with Gradebook(db_url, course_id) as gradebook:
        try:
            gradebook.find_notebook(chapter, chapter)
        except MissingEntry:
            return False
        return True


def keep_only(folder: Path, files: Mapping[str, bytes]) -> None:
    """Make `folder` hold these files and nothing else; links in it are removed, never followed."""
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        folder.unlink()
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
    for name, data in files.items():
        write_atomically(folder / name, data)


def _timestamp(path: Path) -> datetime | None:
    """When the submission was collected, as nbgrader's exchange notes it; None where nothing there can be read as a time."""
    try:
        text = (read_plain(path, 100) or b"").decode().strip()
        return parse_utc(text) if text else None
    except (OSError, ValueError, OverflowError):
        return None
