"""The same engine inside `nbgrader autograde` and the formgrader's button; nbgrader_config.py names what is here."""

from __future__ import annotations

import functools
import tempfile
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbformat import NotebookNode
from nbgrader.api import Gradebook
from nbgrader.coursedir import CourseDirectory
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.grading.gradebook import describe_result, flag_for_review, keep_only, knows_chapter
from autograder.grading.judging import Assignment, grade_rebuilt, load_assignment, malformed
from autograder.grading.rebuild import Malformed, Rebuilt, read_submission, rebuild
from autograder.grading.submission import read_folder
from autograder.release.release import course_config, generate
from autograder.release.source import versions

__all__ = ["FlagForReview", "Rebuild", "RunAndJudge", "SubmissionExporter", "prepare"]


def prepare(assignment: str, student: str, notebooks: list[str]) -> None:
    """nbgrader's hook before it converts a submission, called in the course's folder.

    Notes a chapter in the gradebook that is not there yet, and has one notebook converted, the chapter's, whatever the one handed
    in is called. `assignment` and `student` are what was asked for, '*' for all; `notebooks` are paths in one student's folder.
    """
    folder, course = Path(notebooks[0]).parent, Path.cwd()
    notebooks[:] = [str(folder / f"{folder.name}.ipynb")]
    config = course_config(course)
    coursedir = CourseDirectory(config=config)
    if not knows_chapter(coursedir.db_url, coursedir.course_id, folder.name):
        with tempfile.TemporaryDirectory(prefix="grade-") as scratch:
            generate(course, folder.name, Path(scratch), course / "gradebook.db")


class SubmissionExporter(NotebookExporter):  # type: ignore[misc]
    """nbgrader's exporter, but a submitted file is left to `Rebuild` to open: one that is no notebook stops nothing."""

    def from_filename(self, filename: str, resources: Any = None, **options: Any) -> tuple[Any, Any]:
        rebuilds = any(isinstance(preprocessor, Rebuild) for preprocessor in self._preprocessors)
        notebook = nbformat.v4.new_notebook() if rebuilds else nbformat.read(filename, as_version=4)
        return self.from_notebook_node(notebook, resources=resources, **options)  # type: ignore[no-any-return]


@functools.lru_cache(maxsize=4)
def _assignment(course: Path, chapter: str, release_folder: Path, versions: object) -> Assignment:
    """Read once a process, as long as its files do not change: the formgrader's server lives for weeks."""
    return load_assignment(course, chapter, release_folder)


class _Preprocessor(NbGraderPreprocessor):  # type: ignore[misc]
    """What ours have in common: they ask the converter, which made them through its exporter, where things are."""

    def coursedir(self) -> CourseDirectory:
        return self.parent.parent.coursedir

    def assignment(self, resources: Any) -> Assignment:
        coursedir, chapter = self.coursedir(), resources["nbgrader"]["assignment"]
        root = Path(coursedir.root)
        released = root / coursedir.release_directory
        current = versions(root / "solutions" / chapter), versions(released / chapter)
        return _assignment(root, chapter, released, current)

    def folder(self, step: str, resources: Any) -> Path:
        about = resources["nbgrader"]
        return Path(self.coursedir().format_path(step, about["student"], about["assignment"]))


class Rebuild(_Preprocessor):
    """Replace the submitted notebook by ours with the student's answers in it, and what was copied beside it by our files."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        assignment, coursedir = self.assignment(resources), self.coursedir()
        submission = read_folder(self.folder(coursedir.submitted_directory, resources))
        try:
            if submission.data is None:
                raise Malformed(submission.trouble)
            rebuilt = rebuild(assignment.released, read_submission(submission.data))
            about: dict[str, Any] = {"notes": [*filter(None, [submission.note]), *rebuilt.notes]}
        except Malformed as error:
            rebuilt, about = Rebuilt(nbformat.from_dict(assignment.released), []), {"malformed": str(error)}
        folder = self.folder(coursedir.autograded_directory, resources)
        time = folder / "timestamp.txt"
        keep_only(folder, assignment.files | ({time.name: time.read_bytes()} if time.is_file() else {}))
        rebuilt.notebook.metadata["autograder"] = about | {"submission": submission.digest}
        return rebuilt.notebook, resources


class RunAndJudge(_Preprocessor):
    """Run the rebuilt notebook in a kernel of its own and write our verdicts where nbgrader reads the points."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        """Raises RuntimeError where the grader itself failed: nbgrader then leaves the submission ungraded and says so."""
        assignment, about = self.assignment(resources), nb.metadata["autograder"]
        if "malformed" in about:
            result = malformed(assignment, about["malformed"])
        else:
            result = grade_rebuilt(assignment, Rebuilt(nbformat.from_dict(nb), list(about["notes"])))
        if result.outcome == "failed":
            raise RuntimeError(f"the grader itself failed: {result.detail}")
        describe_result(result.notebook, result, about["submission"], assignment)
        return result.notebook, resources


class FlagForReview(_Preprocessor):
    """Ask for a person's look where the notebook did not run to its end, after nbgrader has saved the points."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        about = resources["nbgrader"]
        if nb.metadata["autograder"]["outcome"] != "graded":
            with Gradebook(about["db_url"], self.coursedir().course_id) as gradebook:
                flag_for_review(gradebook, about["assignment"], about["student"])
        return nb, resources
