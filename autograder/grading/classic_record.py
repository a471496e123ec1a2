"""Record classic results in the gradebook by nbgrader's own preprocessors, and write what formgrader and feedback read."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.api import Gradebook, MissingEntry
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import AssignLatePenalties, LimitOutput, SaveAutoGrades

from autograder.grading.classic_course import TIMESTAMP, ClassicAssignment, HandIn
from autograder.grading.classic_grading import ClassicResult
from autograder.grading.gradebook import flag_for_review, keep_only
from autograder.grading.harmless import harmless
from autograder.release.release import course_config
from autograder.release.text import write_atomically

__all__ = ["ClassicRecorder"]


class ClassicRecorder:
    """The one writer of a course's gradebook and autograded folder, for one assignment; open while a run lasts."""

    def __init__(self, course: Path, assignment: ClassicAssignment) -> None:
        self.config, self.assignment = course_config(course, default=True), assignment
        self.coursedir = CourseDirectory(config=self.config)
        self.gradebook = Gradebook(self.coursedir.db_url, self.coursedir.course_id)

    def __enter__(self) -> ClassicRecorder:
        return self

    def __exit__(self, *error: object) -> None:
        self.gradebook.close()

    def folder(self, student: str) -> Path:
        """Where this student's autograded files stand."""
        return Path(self.coursedir.format_path(self.coursedir.autograded_directory, student, self.assignment.name))

    def recorded(self, hand_in: HandIn) -> dict[str, Any] | None:
        """How this hand-in was graded; None where it was not, or not with these sources."""
        try:
            self.gradebook.find_submission(self.assignment.name, hand_in.student)
            paths = sorted(self.folder(hand_in.student).glob("*.ipynb"))
            about: dict[str, Any] = json.loads(paths[0].read_bytes())["metadata"]["autograder"]
            same = about["submission"] == hand_in.digest and about["assignment"] == self.assignment.digest
            return about if same and about["notebooks"] == [path.stem for path in paths] else None
        except (MissingEntry, OSError, ValueError, KeyError, TypeError, IndexError):
            return None

    def record(self, hand_in: HandIn, result: ClassicResult) -> None:
        """Write the student's points and autograded notebooks. What is not plainly graded is flagged for a person.

        Raises what nbgrader, the database or the disk raises; the student then counts as not graded, others can be recorded.
        """
        folder = self.folder(hand_in.student)
        # First away, last written: a run that died half way is continued from the notebooks that are there.
        for path in folder.glob("*.ipynb") if folder.is_dir() and not folder.is_symlink() else []:
            path.unlink()
        try:
            self._save_points(hand_in, result)
        except BaseException:
            self.gradebook.db.rollback()
            raise
        files = dict(self.assignment.files)
        if hand_in.timestamp is not None:
            files[TIMESTAMP] = f"{hand_in.timestamp:%Y-%m-%d %H:%M:%S} UTC".encode()
        keep_only(folder, files)
        for name, notebook in result.notebooks.items():
            shown = self._shown(notebook, result, hand_in, result.notes.get(name, []))
            write_atomically(folder / f"{name}.ipynb", nbformat.writes(shown).encode("utf-8", "replace") + b"\n")

    def _save_points(self, hand_in: HandIn, result: ClassicResult) -> None:
        student, name = hand_in.student, self.assignment.name
        self.gradebook.update_or_create_student(student)
        when = {"timestamp": hand_in.timestamp} if hand_in.timestamp else {}
        with self.gradebook.db.no_autoflush:  # else nbgrader's way of adding a submission warns each time
            self.gradebook.update_or_create_submission(name, student, **when)
        for notebook in self.gradebook.find_submission(name, student).notebooks:
            if notebook.name not in result.notebooks:  # as stock nbgrader scores what is not there
                for grade in notebook.grades:
                    grade.auto_score, grade.needs_manual_grade = 0, False
        self.gradebook.db.commit()
        for notebook_name, notebook in result.notebooks.items():
            about = {"student": student, "assignment": name, "notebook": notebook_name, "db_url": self.coursedir.db_url}
            saved, resources = copy.deepcopy(notebook), {"nbgrader": about, "unique_key": notebook_name}
            for preprocessor in (SaveAutoGrades(config=self.config), AssignLatePenalties(config=self.config)):
                saved, resources = preprocessor.preprocess(saved, resources)
        if result.outcome != "graded":
            flag_for_review(self.gradebook, name, student)

    def _shown(self, notebook: NotebookNode, result: ClassicResult, hand_in: HandIn, notes: list[str]) -> NotebookNode:
        """The notebook as a person sees it: what is to be said of it first, and outputs of a bearable length."""
        shown, _ = LimitOutput(config=self.config).preprocess(copy.deepcopy(notebook), {})
        if notes:
            text = "\n".join(["**What the grader noted**", "", *(f"- {note}" for note in notes)])
            shown.cells.insert(0, nbformat.v4.new_markdown_cell(harmless(text), id="grader-notes"))
        shown.metadata["autograder"] = {
            "outcome": result.outcome, "detail": result.detail, "points": result.total, "notes": notes,
            "submission": hand_in.digest, "assignment": self.assignment.digest, "notebooks": sorted(result.notebooks),
        }  # fmt: skip
        return shown
