"""Feedback pages for students, by nbgrader's own generate_feedback."""

from __future__ import annotations

import logging
from pathlib import Path

from nbgrader.apps import NbGraderAPI
from nbgrader.coursedir import CourseDirectory

from autograder.release.release import course_config
from autograder.release.source import SourceError

__all__ = ["write_feedback"]


def write_feedback(course: Path, chapter: str) -> int:
    """Write feedback/STUDENT/CHAPTER/CHAPTER.html for every graded submission and return how many there are.

    A page that nbgrader cannot make is told in a warning and costs no other page. Raises `SourceError` with nbgrader's log when
    it makes none.
    """
    config = course_config(course)
    result = NbGraderAPI(CourseDirectory(config=config), config=config).generate_feedback(chapter, force=True)
    graded = {path.parts[-3] for path in (course / "autograded").glob(f"*/{chapter}/{chapter}.ipynb")}
    written = {path.parts[-3] for path in (course / "feedback").glob(f"*/{chapter}/{chapter}.html")}
    if not written and not result["success"]:
        raise SourceError(f"nbgrader could not write feedback for {chapter}:\n{result.get('log') or result.get('error')}")
    if graded - written:
        logging.getLogger(__name__).warning("no feedback page in %s for: %s", chapter, ", ".join(sorted(graded - written)))
    return len(written)
