"""Feedback pages for students, by nbgrader's own generate_feedback."""

from __future__ import annotations

from pathlib import Path

from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from autograder.release.release import course_config
from autograder.release.source import SourceError

__all__ = ["write_feedback"]


def write_feedback(course: Path, chapter: str) -> int:
    """Write feedback/STUDENT/CHAPTER/CHAPTER.html for every graded submission and return how many there are.

    Raises `SourceError` with nbgrader's log when it fails.
    """
    config = course_config(course)
    result = NbGraderAPI(CourseDirectory(config=config), config=config).generate_feedback(chapter, force=True)
    if not result["success"]:
        raise SourceError(f"nbgrader could not write feedback for {chapter}:\n{result.get('log') or result.get('error')}")
    return len(list((course / "feedback").glob(f"*/{chapter}/{chapter}.html")))
