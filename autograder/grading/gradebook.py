"""Record results in nbgrader's gradebook, by nbgrader's own preprocessors, and write autograded/ as its formgrader expects."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import nbformat
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties, SaveAutoGrades
from sqlalchemy.exc import SAWarning

from autograder.grading.judging import Assignment, Result
from autograder.release.release import course_config, generate
from autograder.release.text import write_atomically

__all__ = ["Recorder"]


class Recorder:
    """The one writer of a course's gradebook and autograded/ folder, for one chapter; open while a run lasts."""

    def __init__(self, course: Path, assignment: Assignment, scratch: Path) -> None:
        """Open the gradebook; a chapter it does not know yet is noted in it by nbgrader's generate_assignment, in `scratch`."""
        self.course, self.assignment, self.chapter = course.resolve(), assignment, assignment.chapter.name
        self.config = course_config(course)
        self.coursedir = CourseDirectory(config=self.config)
        self.db_url = f"sqlite:///{self.course / 'gradebook.db'}"
        generate(course, self.chapter, scratch / "release", self.course / "gradebook.db")
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
        return self.course / "autograded" / student / self.chapter

    def record(self, student: str, result: Result, submitted: bytes | None, digest: str) -> None:
        """Write the student's points and autograded notebook. A result that needs a person is flagged for manual grading."""
        timestamp = self.coursedir.get_existing_timestamp(str(self.course / "submitted" / student / self.chapter))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", SAWarning)  # nbgrader's own way of adding a submission
            self.gradebook.update_or_create_student(student)
            self.gradebook.update_or_create_submission(self.chapter, student, **({"timestamp": timestamp} if timestamp else {}))
        resources: Any = {
            "nbgrader": {"student": student, "assignment": self.chapter, "notebook": self.chapter, "db_url": self.db_url},
            "unique_key": self.chapter,
        }
        notebook = result.notebook
        notebook.metadata["autograder"] |= {"outcome": result.outcome, "detail": result.detail, "submission": digest}
        for preprocessor in (SaveAutoGrades(config=self.config), AssignLatePenalties(config=self.config)):
            notebook, resources = preprocessor.preprocess(notebook, resources)
        if result.outcome != "graded":
            self._flag(student)
        folder = self.folder(student)
        for name, data in self.assignment.files.items():
            write_atomically(folder / name, data)
        if submitted is not None and result.outcome == "malformed":
            write_atomically(folder / "submitted-as-it-was.txt", submitted[:1_000_000])
        if timestamp is not None:
            write_atomically(folder / "timestamp.txt", f"{timestamp:%Y-%m-%d %H:%M:%S} UTC".encode())
        # Last, since a run that died half way is continued from the notebooks that are there.
        write_atomically(folder / f"{self.chapter}.ipynb", nbformat.writes(notebook).encode() + b"\n")

    def _flag(self, student: str) -> None:
        submission = self.gradebook.find_submission(self.chapter, student)
        for notebook in submission.notebooks:
            for grade in notebook.grades:
                grade.needs_manual_grade = True
        self.gradebook.db.commit()
