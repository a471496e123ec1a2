"""The class at a glance: one row a student, points per chapter as nbgrader's gradebook holds them, and the mistakes recognised."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from nbgrader.api import Gradebook, MissingEntry
from rich.table import Table

from autograder.release.text import write_atomically

__all__ = ["Row", "class_rows", "class_table", "write_grades"]


@dataclass(frozen=True)
class Row:
    """One student: automatic points by chapter (None: nothing handed in), outcomes by chapter, and mistakes recognised, in order."""

    student: str
    points: dict[str, float | None]
    outcomes: dict[str, str]
    mistakes: tuple[str, ...]

    @property
    def total(self) -> float:
        return sum(points or 0.0 for points in self.points.values())


def class_rows(course: Path, chapters: list[str]) -> list[Row]:
    """Read the gradebook and autograded/ of a course, sorted by student."""
    rows = []
    with Gradebook(f"sqlite:///{course.resolve() / 'gradebook.db'}") as gradebook:
        for student in sorted(student.id for student in gradebook.students):
            points: dict[str, float | None] = {}
            outcomes, mistakes = {}, []
            for chapter in chapters:
                try:
                    submission = gradebook.find_submission(chapter, student)
                except MissingEntry:
                    points[chapter], outcomes[chapter] = None, "nothing handed in"
                    continue
                points[chapter] = sum(grade.auto_score or 0.0 for notebook in submission.notebooks for grade in notebook.grades)
                about = _about(course / "autograded" / student / chapter / f"{chapter}.ipynb")
                outcomes[chapter] = about.get("outcome", "graded")
                mistakes += [v["mistake"] for v in about.get("verdicts", {}).values() if v.get("mistake")]
            rows.append(Row(student, points, outcomes, tuple(mistakes)))
    return rows


def _about(notebook: Path) -> dict[str, dict[str, dict[str, str]]]:
    try:
        about: dict[str, dict[str, dict[str, str]]] = json.loads(notebook.read_bytes())["metadata"]["autograder"]
        return about
    except (OSError, ValueError, KeyError):
        return {}


def class_table(rows: list[Row], chapters: list[str]) -> Table:
    """The rows as a table for the terminal, with the mistakes most made in the caption."""
    table = Table("student", *chapters, "mistakes recognised")
    for chapter in chapters:
        table.columns[1 + chapters.index(chapter)].justify = "right"
    for row in rows:
        cells = [_cell(row.points[chapter], row.outcomes[chapter]) for chapter in chapters]
        table.add_row(row.student, *cells, ", ".join(row.mistakes))
    common = Counter(mistake for row in rows for mistake in row.mistakes).most_common(3)
    if common:
        table.caption = "most made: " + ", ".join(f"{name} ({count})" for name, count in common)
    return table


def _cell(points: float | None, outcome: str) -> str:
    if points is None:
        return "–"
    return f"{points:g}" if outcome == "graded" else f"{outcome} ({points:g})"


def write_grades(rows: list[Row], chapters: list[str], path: Path) -> None:
    """Write grades.csv: student, points per chapter, total, mistakes. A cell that a spreadsheet would take for a formula is quoted."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(["student", *chapters, "total", "mistakes"])
    for row in rows:
        points = ["" if row.points[chapter] is None else row.points[chapter] for chapter in chapters]
        writer.writerow([_harmless(row.student), *points, row.total, " ".join(row.mistakes)])
    write_atomically(path, text.getvalue().encode())


def _harmless(text: str) -> str:
    return f"'{text}" if text[:1] in "=+-@\t\r" else text
