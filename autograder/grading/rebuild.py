"""Rebuild a submission from our own notebook: only the texts of its solution cells and written answers come in.

Copied or deleted cells, metadata, tags, kernelspecs, stored outputs, extra files and links of a submission have no way in.
Written answers come in as plain Markdown.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from nbformat import NotebookNode

from autograder.grading.harmless import harmless

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
        raise Malformed(f"the file has more than {MAX_SUBMISSION_BYTES // 2**20} MiB; a notebook may not")
    if not data.strip():
        raise Malformed("the file is empty")
    try:
        content = json.loads(data)  # also with a byte order mark, and as UTF-16 or UTF-32
    except UnicodeDecodeError:
        raise Malformed("the file is not UTF-8 text, as every notebook is") from None
    except RecursionError:
        raise Malformed("the file is no notebook: it is nested too deeply") from None
    except ValueError as error:
        raise Malformed(f"the file is no notebook: it is not valid JSON ({str(error)[:120]})") from None
    cells = content.get("cells") if isinstance(content, dict) else None
    if cells is None and isinstance(content, dict) and isinstance(content.get("worksheets"), list):  # format 3, before 2015
        sheets = [sheet.get("cells") for sheet in content["worksheets"] if isinstance(sheet, dict)]
        cells = [cell for sheet in sheets if isinstance(sheet, list) for cell in sheet]
    if not isinstance(cells, list):
        raise Malformed("the file is JSON, but no notebook: it has no list of cells")
    return [_cell(cell) for cell in cells if isinstance(cell, dict)]


def _cell(cell: dict[str, Any]) -> SubmittedCell:
    source = cell.get("source", cell.get("input"))
    lines = source if isinstance(source, list) else [source]
    text = "".join(line for line in lines if isinstance(line, str)).replace("\r\n", "\n")
    metadata = cell.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    # A lone surrogate can stand in JSON but in no file.
    return SubmittedCell(
        kind=str(cell.get("cell_type")),
        source=text.encode("utf-8", "replace").decode(),
        cell_id=str(cell.get("id", "")),
        grade_id=grade_id if isinstance(grade_id, str) else "",
    )


def rebuild(released: NotebookNode, submitted: Iterable[SubmittedCell]) -> Rebuilt:
    """Our released notebook with the submission's answers put in. `released` is left as it is.

    Raises `Malformed` where the submission holds none of the notebook's answer cells.
    """
    notebook, cells = copy.deepcopy(released), list(submitted)
    notes: list[str] = []
    used: set[int] = set()
    answered = 0
    for position, cell in enumerate(notebook.cells):
        if not cell.metadata.get("nbgrader", {}).get("solution"):
            continue
        found = _find(notebook.cells, position, cells, used, notes)
        if not found:
            notes.append(f"The cell `{cell.id}` was not found in the submission; it counts as not started.")
            continue
        answered += 1
        used.update(found)
        source = _answer(cell, found, cells, _check_position(notebook.cells, position, cells), notes)
        if len(source) > MAX_CELL_CHARACTERS:
            notes.append(f"The cell `{cell.id}` is longer than {MAX_CELL_CHARACTERS:,} characters; it was left out.")
            continue
        cell.source = source if cell.cell_type == "code" else harmless(source)
    if notes and not answered:
        raise Malformed("none of this chapter's answer cells is in it; it may be another chapter's notebook")
    known = {cell.source.strip() for cell in [*released.cells, *notebook.cells]}
    notes += _dropped([cell for n, cell in enumerate(cells) if n not in used and cell.source.strip() not in known])
    return Rebuilt(notebook, notes)


def _find(released: list[NotebookNode], position: int, cells: list[SubmittedCell], used: set[int], notes: list[str]) -> list[int]:
    """Which submitted cells answer the one at `position`, in order: those of its id; without an id, one by its text."""
    target = released[position]
    free = [n for n, cell in enumerate(cells) if n not in used]
    grade_id = target.metadata.nbgrader.grade_id
    same = [n for n in free if grade_id == cells[n].grade_id] or [n for n in free if grade_id == cells[n].cell_id]
    if same:
        return same
    if target.cell_type == "code":
        wanted = _defined(target.source)
        code = [n for n in free if wanted and cells[n].kind == "code" and not cells[n].grade_id]
        lost = [n for n in code if wanted <= _defined(cells[n].source)]
    else:
        before = released[position - 1].source.strip() if position else ""
        lost = [n for n in free if n and before and cells[n].kind == "markdown" and cells[n - 1].source.strip() == before]
    if not lost:
        return []
    notes.append(f"The cell `{target.id}` had lost its id and was found by what stands in it.")
    return [_last_before(_check_position(released, position, cells), lost)]


def _check_position(released: list[NotebookNode], position: int, cells: list[SubmittedCell]) -> int:
    """Where the submission has the check cell that follows the answer at `position`; the end where it has none."""
    for check in released[position + 1 :]:
        about = check.metadata.get("nbgrader", {})
        if about.get("grade") and not about.get("solution"):
            there = [n for n, c in enumerate(cells) if c.grade_id == about.grade_id or c.source.strip() == check.source.strip()]
            return there[-1] if there else len(cells)
    return len(cells)


def _last_before(limit: int, positions: list[int]) -> int:
    """Run from top to bottom, the last definition above the check is the one it meets."""
    return ([n for n in positions if n < limit] or positions)[-1]


def _answer(target: NotebookNode, found: list[int], cells: list[SubmittedCell], check: int, notes: list[str]) -> str:
    """The text that counts: of one cell its own, of a split one its parts together, of copies the last above the check."""
    worked_on = [n for n in found if cells[n].source.strip() not in ("", target.source.strip())] or found[:1]
    if any(cells[n].kind != target.cell_type for n in worked_on):
        notes.append(f"The cell `{target.id}` had become another type of cell; its text was taken as {target.cell_type}.")
    wanted = _defined(target.source)
    whole = [n for n in worked_on if wanted <= _defined(cells[n].source)]
    if len(worked_on) > 1 and (len(whole) < 2 or not wanted):
        notes.append(f"The cell `{target.id}` was there in {len(worked_on)} parts; they count together, in their order.")
        return "\n".join(cells[n].source for n in worked_on)
    if len(found) > 1:
        notes.append(
            f"The cell `{target.id}` was there {len(found)} times; the last one above its check that was worked on counts."
        )
    return cells[_last_before(check, whole or worked_on)].source


def _dropped(own: list[SubmittedCell]) -> list[str]:
    """A note on code that had no way in; what only asks for a check or a hint is not worth one."""
    asks = re.compile(r"((check|progress)\(.*\)|#.*)?")
    count = sum(cell.kind == "code" and not all(asks.fullmatch(line.strip()) for line in cell.source.split("\n")) for cell in own)
    if not count:
        return []
    return [
        f"{count} code cell{'s' * (count != 1)} of the student's own stood outside the answer cells and did not run in grading; "
        "an answer must hold all that it needs."
    ]


_DEFINITION = re.compile(r"^(?:(?:async\s+)?def|class)\s+(\w+)|^(\w+)[ \t]*(?::[^=\n]*)?=(?!=)", re.MULTILINE)


def _defined(source: str) -> set[str]:
    """The names that code defines at its left margin. Also where it does not parse: half of a split cell, a magic, a typo."""
    return {function or variable for function, variable in _DEFINITION.findall(source)}
