"""The same engine inside `nbgrader autograde` and the formgrader's button, as nbgrader preprocessors."""

from __future__ import annotations

import functools
import json
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

from autograder.grading.judging import Assignment, grade_rebuilt, load_assignment
from autograder.grading.rebuild import Rebuilt, read_submission, rebuild

__all__ = ["Rebuild", "RunAndJudge"]


@functools.lru_cache(maxsize=4)
def _assignment(course: Path, chapter: str, release_folder: Path) -> Assignment:
    """Read once a process: one command of nbgrader's, or one click in the formgrader, is one run with its own secret inputs."""
    return load_assignment(course, chapter, release_folder)


def _for(preprocessor: NbGraderPreprocessor, resources: Any) -> Assignment:
    # nbgrader runs converters with the course's root as the working folder.
    root = Path.cwd()
    directory = preprocessor.config.get("CourseDirectory", {}).get("release_directory", "release")
    return _assignment(root, resources["nbgrader"]["assignment"], root / directory)


class Rebuild(NbGraderPreprocessor):  # type: ignore[misc]
    """Replace the submitted notebook by ours with the student's answers in it."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        assignment = _for(self, resources)
        rebuilt = rebuild(assignment.released, read_submission(json.dumps(nb).encode()))
        rebuilt.notebook.metadata["autograder"] = {"notes": rebuilt.notes}
        return rebuilt.notebook, resources


class RunAndJudge(NbGraderPreprocessor):  # type: ignore[misc]
    """Run the rebuilt notebook in a kernel of its own and write our verdicts where nbgrader reads the points."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        notes = list(nb.metadata.get("autograder", {}).get("notes", []))
        result = grade_rebuilt(_for(self, resources), Rebuilt(nbformat.from_dict(nb), notes))
        if result.outcome == "failed":
            raise RuntimeError(f"the grader itself failed: {result.detail}")
        return result.notebook, resources
