"""Feedback pages for students, by nbgrader's own generate_feedback."""

from __future__ import annotations

import logging
from pathlib import Path

from nbgrader.api import Gradebook
from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from autograder.release.release import course_config
from autograder.release.source import SourceError

__all__ = ["write_feedback"]


def write_feedback(course: Path, assignment: str) -> int:
    """Write the feedback pages of every graded submission, one a notebook, where the course keeps them. Returns how many
    students have some.

    A page that nbgrader cannot make is told in a warning and costs no other page. Raises `SourceError` with nbgrader's log when
    it makes none.
    """
    config = course_config(course, default=True)
    coursedir = CourseDirectory(config=config)
    result = NbGraderAPI(coursedir, config=config).generate_feedback(assignment, force=True)
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        students = [submission.student.id for submission in gradebook.assignment_submissions(assignment)]

    def there(step: str, suffix: str) -> set[tuple[str, str]]:
        """Whose notebooks stand in the folder of a step: the student's name and the notebook's."""
        folders = [(student, Path(coursedir.format_path(step, student, assignment))) for student in students]
        return {(student, path.stem) for student, folder in folders for path in folder.glob(f"*.{suffix}")}

    graded, written = there(coursedir.autograded_directory, "ipynb"), there(coursedir.feedback_directory, "html")
    if not written and not result["success"]:
        raise SourceError(f"nbgrader could not write feedback for {assignment}:\n{result.get('log') or result.get('error')}")
    if graded - written:
        told = ", ".join(sorted({student for student, _ in graded - written}))
        logging.getLogger(__name__).warning("no feedback page in %s for: %s", assignment, told)
    return len({student for student, _ in written})
