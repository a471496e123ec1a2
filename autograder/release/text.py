"""Edit a source notebook as text: jupytext's percent format, cell ids kept, nbgrader's metadata filled in by convention.

A cell's id says what it is: `setup`; an exercise's name for its solution cell; `check_NAME` for its check cell;
`written_NAME` (with `points=N`) for a written answer. `[[header NAME]]` in a markdown cell becomes the exercise's header line.
"""

from __future__ import annotations

import os
import re
import tempfile
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from nbformat import NotebookNode

from autograder.exercise import Exercise, load_checks
from autograder.release.source import SourceError

__all__ = ["from_text", "read_text_into", "to_text", "write_atomically"]

KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}


def to_text(notebook: NotebookNode) -> str:
    """The notebook as percent-format text, one `id="…"` a cell; nbgrader's metadata, which follows from the ids, left out."""
    copy = nbformat.from_dict(notebook)
    for cell in copy.cells:
        metadata: dict[str, Any] = {"id": cell.pop("id")}
        if str(metadata["id"]).startswith("written_"):
            metadata["points"] = cell.metadata.nbgrader.points
        if cell.metadata.get("tags"):
            metadata["tags"] = cell.metadata.tags
        cell.metadata = nbformat.from_dict(metadata)
    copy.metadata = nbformat.from_dict({"jupytext": {"notebook_metadata_filter": "-all", "cell_metadata_filter": "all"}})
    text: str = jupytext.writes(copy, fmt="py:percent")
    return text


def from_text(text: str, exercises: dict[str, Exercise]) -> NotebookNode:
    """Build the notebook from text.

    Raises `SourceError` for a cell without a telling id, two of one id, a written answer without points, an unknown header.
    """
    notebook = jupytext.reads(text, fmt="py:percent")
    seen: set[str] = set()
    for number, cell in enumerate(notebook.cells, 1):
        cell_id = str(cell.metadata.get("id", ""))
        if not re.fullmatch(r"[a-z][a-z0-9_-]{1,63}", cell_id) or cell_id in seen:
            raise SourceError(
                f'cell {number} needs an id of its own, as in `# %% id="forward-pass"`; it has {cell_id!r}:\n{cell.source[:200]}'
            )
        seen.add(cell_id)
        cell.id = cell_id
        cell.metadata = _metadata(cell_id, cell, exercises)
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"\[\[header (\w+)\]\]", lambda m: _header(m.group(1), exercises), cell.source)
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "language_info": {"name": "python"}})
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    nbformat.validate(notebook)
    return notebook


def _header(name: str, exercises: dict[str, Exercise]) -> str:
    if name not in exercises:
        raise SourceError(f"[[header {name}]]: checks.py has no exercise of that name")
    return exercises[name].header()


def _metadata(cell_id: str, cell: NotebookNode, exercises: dict[str, Exercise]) -> NotebookNode:
    metadata: dict[str, Any] = {}
    if cell.metadata.get("tags"):
        metadata["tags"] = cell.metadata.tags
    common = {"grade_id": cell_id, "schema_version": 3, "task": False, "cell_type": cell.cell_type}
    if cell_id in exercises:
        metadata["nbgrader"] = common | {"grade": False, "solution": True, "locked": False}
    elif cell_id.startswith("check_") and cell_id.removeprefix("check_") in exercises:
        points = exercises[cell_id.removeprefix("check_")].points
        metadata["nbgrader"] = common | {"grade": True, "solution": False, "locked": True, "points": points}
    elif cell_id.startswith("written_"):
        points = cell.metadata.get("points")
        if not isinstance(points, int):
            raise SourceError(f'{cell_id} needs its points, as in `# %% [markdown] id="{cell_id}" points=2`; it has {points!r}')
        metadata["nbgrader"] = common | {"grade": True, "solution": True, "locked": False, "points": points}
    return nbformat.from_dict(metadata)


def read_text_into(text_path: Path, chapter_folder: Path) -> Path:
    """Rebuild a chapter's source notebook from its text; the notebook is replaced in one step or not at all."""
    notebook = from_text(text_path.read_text(encoding="utf-8"), load_checks(chapter_folder))
    path = chapter_folder / f"{chapter_folder.name}.ipynb"
    write_atomically(path, nbformat.writes(notebook).encode() + b"\n")
    return path


def write_atomically(path: Path, data: bytes) -> None:
    """Write a file so that a reader, or a crash, sees the old content or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        Path(name).chmod(0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
