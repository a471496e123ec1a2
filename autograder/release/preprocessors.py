"""nbgrader preprocessors of our release: solutions become typed stubs, and the notebook says that it is generated."""

from __future__ import annotations

from typing import Any

from nbformat import NotebookNode
from nbgrader.preprocessors import ClearSolutions, NbGraderPreprocessor

from autograder.release.source import BEGIN, stub_of

__all__ = ["ClearToStub", "MarkGenerated"]


class ClearToStub(ClearSolutions):  # type: ignore[misc]
    """nbgrader's ClearSolutions with one stub for every kind of region (see `stub_of`)."""

    def _replace_solution_region(self, cell: NotebookNode, language: str) -> bool:
        if cell.cell_type != "code":
            return bool(super()._replace_solution_region(cell, language))
        found = BEGIN in cell.source
        cell.source = stub_of(cell.source)
        return found


class MarkGenerated(NbGraderPreprocessor):  # type: ignore[misc]
    """Leave a note in the notebook's metadata, and nothing there that depends on the machine that generated it."""

    def preprocess(self, nb: NotebookNode, resources: Any) -> tuple[NotebookNode, Any]:
        chapter = resources["nbgrader"]["assignment"]
        nb.metadata = NotebookNode(
            kernelspec=nb.metadata.get("kernelspec", {}),
            language_info={"name": "python"},
            autograder={"generated": f"from solutions/{chapter} by `make release`; changes here are lost"},
        )
        return nb, resources
