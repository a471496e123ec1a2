"""Rebuild a submission from our own notebook: only the texts of its solution cells and written answers come in.

Copied or deleted cells, metadata, tags, kernelspecs, stored outputs, extra files and links of a submission have no way in.
"""

from __future__ import annotations

import ast
import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

__all__ = ["Malformed", "Rebuilt", "SubmittedCell", "read_submission", "rebuild"]

MAX_SUBMISSION_BYTES = 20 * 2**20
MAX_CELL_CHARACTERS = 200_000


class Malformed(Exception):
    """The submission cannot be read as a notebook; the message says why, for student and instructor."""


@dataclass(frozen=True)
class SubmittedCell:
    """All that is read of a submitted cell."""

    kind: str
    source: str
    cell_id: str
    grade_id: str


@dataclass(frozen=True)
class Rebuilt:
    """The notebook to run, and what had to be said about how it was matched."""

    notebook: NotebookNode
    notes: list[str]


def read_submission(data: bytes) -> list[SubmittedCell]:
    """The cells of a submitted notebook of any format version, read leniently. Raises `Malformed`."""
    if len(data) > MAX_SUBMISSION_BYTES:
        raise Malformed(f"the file has {len(data) / 2**20:.0f} MiB; a notebook may have {MAX_SUBMISSION_BYTES // 2**20}")
    if not data.strip():
        raise Malformed("the file is empty")
    try:
        content = json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Malformed("the file is not UTF-8 text, as every notebook is") from None
    except (ValueError, RecursionError) as error:
        raise Malformed(f"the file is no notebook: it is not valid JSON ({str(error)[:120]})") from None
    if not isinstance(content, dict):
        raise Malformed("the file is JSON, but no notebook")
    cells = content.get("cells")
    if cells is None and isinstance(content.get("worksheets"), list):  # format 3, before 2015
        cells = [cell for sheet in content["worksheets"] if isinstance(sheet, dict) for cell in sheet.get("cells", [])]
    if not isinstance(cells, list):
        raise Malformed("the file is JSON, but no notebook: it has no list of cells")
    return [_cell(cell) for cell in cells if isinstance(cell, dict)]


def _cell(cell: dict[str, Any]) -> SubmittedCell:
    source = cell.get("source", cell.get("input", ""))
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id", "") if isinstance(nbgrader, dict) else ""
    # A lone surrogate can stand in JSON but in no file.
    text = str(source).encode("utf-8", "replace").decode()
    return SubmittedCell(str(cell.get("cell_type", "")), text, str(cell.get("id", "")), str(grade_id))


def rebuild(released: NotebookNode, submitted: Iterable[SubmittedCell]) -> Rebuilt:
    """Our released notebook with the submission's answers put in. `released` is left as it is."""
    notebook = copy.deepcopy(released)
    cells = list(submitted)
    notes: list[str] = []
    used: set[int] = set()
    for position, cell in enumerate(notebook.cells):
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            continue
        before = notebook.cells[position - 1].source if position else ""
        found = _find(cell, before, cells, used, notes)
        if found is None:
            notes.append(f"The cell `{cell.id}` was not found in the submission; it counts as not started.")
            continue
        used.add(found)
        if len(cells[found].source) > MAX_CELL_CHARACTERS:
            notes.append(f"The cell `{cell.id}` is longer than {MAX_CELL_CHARACTERS:,} characters; it was left out.")
            continue
        cell.source = cells[found].source
    known = {cell.source.strip() for cell in released.cells} | {cell.source.strip() for cell in notebook.cells}
    own = [c for n, c in enumerate(cells) if n not in used and c.kind == "code" and c.source.strip() not in known | {""}]
    if own:
        notes.append(
            f"{len(own)} code cell{'s' * (len(own) != 1)} of the student's own stood outside the answer cells and did not run in grading; "
            "an answer must hold all that it needs."
        )
    return Rebuilt(notebook, notes)


def _find(target: NotebookNode, before: str, cells: list[SubmittedCell], used: set[int], notes: list[str]) -> int | None:
    """Which submitted cell answers `target`: by its id; of several copies the one that was worked on; without an id, by text."""
    free = [n for n, cell in enumerate(cells) if n not in used]
    grade_id = target.metadata.nbgrader.grade_id
    same = [n for n in free if cells[n].kind == target.cell_type and grade_id in (cells[n].grade_id, cells[n].cell_id)]
    if same:
        worked_on = [n for n in same if cells[n].source.strip() != target.source.strip()] or same
        original = [n for n in worked_on if cells[n].cell_id == target.id]
        if len(same) > 1:
            notes.append(f"The cell `{target.id}` was there {len(same)} times; the first one that was worked on counts.")
        return (original or worked_on)[0]
    if target.cell_type == "code":
        wanted = _defined(target.source)
        lost = [
            n
            for n in free
            if cells[n].kind == "code" and not cells[n].grade_id and wanted and wanted <= _defined(cells[n].source)
        ]
    else:
        lost = [n for n in free if n and cells[n].kind == "markdown" and cells[n - 1].source.strip() == before.strip()]
    if lost:
        notes.append(f"The cell `{target.id}` had lost its id and was found by what stands in it.")
        return lost[-1]
    return None


def _defined(source: str) -> set[str]:
    """The functions and classes that code defines at its top level; none where it does not parse."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    return {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))}
