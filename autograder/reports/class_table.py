"""The class at a glance: one row a student, points per chapter as the gradebook holds them, and the mistakes recognised."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from rich.markup import escape
from rich.table import Table

from autograder.grading.submission import printable
from autograder.release.release import course_config
from autograder.release.text import write_atomically

__all__ = ["Row", "class_rows", "class_table", "write_grades"]


@dataclass(frozen=True)
class Row:
    """One student: automatic points by chapter (None: nothing handed in), outcomes by chapter, mistakes recognised in order."""

    student: str
    points: dict[str, float | None]
    outcomes: dict[str, str]
    mistakes: tuple[str, ...]

    @property
    def total(self) -> float:
        return sum(points or 0.0 for points in self.points.values())


def class_rows(course: Path, chapters: list[str]) -> list[Row]:
    """Read the gradebook and autograded/ of a course, wherever its settings put them, sorted by student."""
    rows = []
    coursedir = CourseDirectory(config=course_config(course, default=True))
    with Gradebook(coursedir.db_url, coursedir.course_id) as gradebook:
        for student in sorted(student.id for student in gradebook.students):
            points: dict[str, float | None] = {}
            outcomes: dict[str, str] = {}
            mistakes: list[str] = []
            for chapter in chapters:
                try:
                    submission = gradebook.find_submission(chapter, student)
                except MissingEntry:
                    points[chapter], outcomes[chapter] = None, "nothing handed in"
                    continue
                points[chapter] = sum(grade.auto_score or 0.0 for notebook in submission.notebooks for grade in notebook.grades)
                about = _about(Path(coursedir.format_path(coursedir.autograded_directory, student, chapter)))
                outcomes[chapter] = about.get("outcome", "graded")
                mistakes += [verdict["mistake"] for verdict in about.get("verdicts", {}).values() if verdict.get("mistake")]
            rows.append(Row(student, points, outcomes, tuple(mistakes)))
    return rows


def _about(folder: Path) -> dict[str, Any]:
    """What the first autograded notebook of a submission says of it; {} for one that is not there, or of another grader."""
    try:
        about: dict[str, Any] = json.loads(min(folder.glob("*.ipynb")).read_bytes())["metadata"]["autograder"]
        return about
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def class_table(rows: list[Row], chapters: list[str]) -> Table:
    """The rows as a table for the terminal, with the mistakes most made in the caption."""
    table = Table("student", *chapters, "mistakes recognised")
    for column in table.columns[1:-1]:
        column.justify = "right"
    for row in rows:
        cells = [_cell(row.points[chapter], row.outcomes[chapter]) for chapter in chapters]
        table.add_row(*(escape(text) for text in (printable(row.student), *cells, ", ".join(row.mistakes))))
    common = Counter(mistake for row in rows for mistake in row.mistakes).most_common(3)
    if common:
        table.caption = escape("most made: " + ", ".join(f"{name} ({count})" for name, count in common))
    return table


def _cell(points: float | None, outcome: str) -> str:
    if points is None:
        return "–"
    return f"{points:g}" if outcome == "graded" else f"{outcome} ({points:g})"


def write_grades(rows: list[Row], chapters: list[str], path: Path) -> None:
    """Write grades.csv: student, points per chapter, total, mistakes. What a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["student", *chapters, "total", "mistakes"])
    for row in rows:
        points = ["" if row.points[chapter] is None else row.points[chapter] for chapter in chapters]
        writer.writerow([_harmless(row.student), *points, row.total, _harmless(" ".join(row.mistakes))])
    write_atomically(path, text.getvalue().encode("utf-8", "replace"))


def _harmless(text: str) -> str:
    return f"'{text}" if text.lstrip()[:1] in tuple("=+-@") or text[:1] in tuple("\t\r\n") else text
