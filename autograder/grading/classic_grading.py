"""One submission of a classic assignment: rebuild its notebooks, arm their tests, score what ran by nbgrader's rule."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import nbformat
from nbformat import NotebookNode
from nbgrader.utils import determine_grade

from autograder.grading.classic_course import ClassicAssignment, HandIn, Limits
from autograder.grading.classic_scoring import Armed, arm, is_test, settle, without_credit
from autograder.grading.execute import Run, Work
from autograder.grading.harmless import harmless
from autograder.grading.rebuild import MAX_CELL_CHARACTERS, Malformed, SubmittedCell, read_submission, rebuild

__all__ = ["ClassicResult", "Prepared", "joined", "parts_of", "prepare", "score"]

MAX_OWN_CELLS = 50  # below one cell that a person grades
# The worst that happened to one of its notebooks is a submission's outcome; what is not named here is worse than what is.
MILDEST_FIRST = ("graded", "unclear", "tampered", "timed out", "out of memory", "killed", "malformed")


@dataclass(frozen=True, eq=False)
class ClassicResult:
    """One graded submission. `outcome` is 'graded', 'unclear', 'tampered', or one of the engine's; only 'graded' needs nobody.

    `points` are by notebook and cell; None waits for a person. A notebook that was not handed in is in neither dictionary.
    `slowest` is the id of the cell that took longest, with its seconds.
    """

    outcome: str
    detail: str
    notebooks: dict[str, NotebookNode] = field(default_factory=dict)
    points: dict[str, dict[str, float | None]] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    slowest: tuple[str, float] = ("", 0.0)

    @property
    def total(self) -> float:
        return sum(points or 0.0 for cells in self.points.values() for points in cells.values())


@dataclass(frozen=True, eq=False)
class Prepared:
    """One notebook of a submission, ready to be run anywhere: `work` is for the engine, the rest stays here to score the run.

    Tokens come from the run's secret seed and the code: within a run, equal submissions are equal work.
    """

    name: str
    work: Work
    answered: NotebookNode
    armed: dict[int, Armed]
    notes: list[str]


def parts_of(assignment: ClassicAssignment, hand_in: HandIn, seed: int) -> dict[str, Prepared | ClassicResult]:
    """A submission's notebooks by name: ready to be run, or with their result where there is nothing to run. Never raises for
    anything in it. `seed` is the run's secret, from which the tests' tokens come.
    """
    parts: dict[str, Prepared | ClassicResult] = {}
    for name, notebook in assignment.notebooks.items():
        if name in hand_in.troubles:
            parts[name] = _malformed(name, notebook, hand_in.troubles[name])
        elif name in hand_in.notebooks:
            try:
                parts[name] = prepare(name, notebook, hand_in.notebooks[name], assignment.files, assignment.limits, seed)
            except Malformed as error:
                parts[name] = _malformed(name, notebook, str(error))
        else:
            parts[name] = ClassicResult("graded", "", notes={name: [f"{name}.ipynb was not handed in."]})
    return parts


def joined(assignment: ClassicAssignment, hand_in: HandIn, parts: Mapping[str, ClassicResult]) -> ClassicResult:
    """The notebooks' results as the submission's: the worst outcome, every detail."""
    ranks = {outcome: rank for rank, outcome in enumerate(MILDEST_FIRST)}
    worst = max((part.outcome for part in parts.values()), key=lambda outcome: ranks.get(outcome, len(ranks)))
    told = [f"{name}: {part.detail}" if len(parts) > 1 else part.detail for name, part in parts.items() if part.detail]
    slowest = max((part.slowest for part in parts.values()), key=lambda cell: cell[1])
    result = ClassicResult(worst, "; ".join(told), slowest=slowest)
    about = [
        *hand_in.notes,
        *(f"The course takes {name} from submissions; here the course's own was used." for name in assignment.not_taken),
    ]
    for part in parts.values():
        result.notebooks.update(part.notebooks)
        result.points.update(part.points)
        result.notes.update({name: [*about, *notes] for name, notes in part.notes.items()})
    if not result.notebooks and worst != "failed":
        return replace(result, outcome="malformed", detail="no notebook of the assignment was handed in")
    return result


def prepare(name: str, source: NotebookNode, data: bytes, files: Mapping[str, bytes], limits: Limits, seed: int) -> Prepared:
    """Rebuild a submitted notebook from the source's and arm its tests, with the seed's tokens. Raises `Malformed`."""
    answered, notes = _put_together(source, read_submission(data))
    code = [cell.source for cell in answered.cells if cell.cell_type == "code"]
    secret = hashlib.sha256(json.dumps([seed, name, code]).encode())

    def token(index: int) -> str:
        return hashlib.sha256(secret.digest() + str(index).encode()).hexdigest()[:32]

    armed = {index: arm(cell.source, token(index)) for index, cell in enumerate(answered.cells) if is_test(cell)}
    # Nothing is imported for it before the fork: not every library that a course may use bears that.
    work = Work(_to_run(answered, armed), dict(files), {}, limits.cell_s, limits.notebook_s)
    return Prepared(name, work, answered, armed, notes)


def score(prepared: Prepared, run: Run) -> ClassicResult:
    """What a notebook earned in this run of it."""
    if run.outcome == "failed":
        return ClassicResult("failed", run.detail)
    name, notebook, notes = prepared.name, copy.deepcopy(prepared.answered), list(prepared.notes)
    outcome, detail = _write_outputs(notebook, run, prepared.armed, notes)
    return ClassicResult(outcome, detail, {name: notebook}, {name: _points(notebook)}, {name: notes}, run.slowest)


def _put_together(source: NotebookNode, cells: list[SubmittedCell]) -> tuple[NotebookNode, list[str]]:
    """The source's notebook with the submission's answers in it, and notes on how they were matched. Raises `Malformed`."""
    below, others = _below_graded_by_hand(source, _without_own_tests(source, cells))
    rebuilt = rebuild(source, others)
    put: list[NotebookNode] = []
    for cell in rebuilt.notebook.cells:
        put += [cell, *_own_cells(cell.id, below.get(_grade_id(cell), []))]
    rebuilt.notebook.cells = put
    return rebuilt.notebook, list(rebuilt.notes)


def _without_own_tests(source: NotebookNode, cells: list[SubmittedCell]) -> list[SubmittedCell]:
    """The submitted cells, those of the course's own with the course's text: a student's tests lack what is hidden in them."""
    ours = {_grade_id(cell): cell.source for cell in source.cells if _grade_id(cell) and not cell.metadata.nbgrader.solution}
    return [replace(cell, source=ours.get(cell.grade_id, cell.source)) for cell in cells]


def _grade_id(cell: NotebookNode) -> str:
    return str(cell.metadata.get("nbgrader", {}).get("grade_id", ""))


def _by_hand(cell: NotebookNode) -> bool:
    """Whether a person grades it: a task, or an answer that has points itself."""
    about = cell.metadata.get("nbgrader", {})
    return bool(about.get("task") or (about.get("grade") and about.get("solution")))


def _below_graded_by_hand(
    source: NotebookNode, cells: list[SubmittedCell]
) -> tuple[dict[str, list[SubmittedCell]], list[SubmittedCell]]:
    """The student's own cells directly below each cell that a person grades, and all other cells.

    A task has no cell to write into: its answer is whatever the student puts below it, up to the next cell of the source's.
    """
    by_hand = {_grade_id(cell) for cell in source.cells if _by_hand(cell)}
    known = {cell.source.strip(): _grade_id(cell) for cell in source.cells}
    below: dict[str, list[SubmittedCell]] = {}
    others: list[SubmittedCell] = []
    above = ""
    for cell in cells:
        text = cell.source.strip()
        if cell.grade_id or text in known:
            grade_id = cell.grade_id or known[text]
            above = grade_id if grade_id in by_hand else ""
        elif above and text and cell.kind in ("code", "markdown") and cell.cell_id not in by_hand:
            below.setdefault(above, []).append(cell)
            continue
        others.append(cell)
    return below, others


def _own_cells(above: str, own: list[SubmittedCell]) -> Iterator[NotebookNode]:
    for number, cell in enumerate(own[:MAX_OWN_CELLS]):
        text, cell_id = cell.source[:MAX_CELL_CHARACTERS], f"{above[:40]}-below-{number}"
        if cell.kind == "code":
            yield nbformat.v4.new_code_cell(text, id=cell_id)
        else:
            yield nbformat.v4.new_markdown_cell(harmless(text), id=cell_id)


def _to_run(answered: NotebookNode, armed: dict[int, Armed]) -> NotebookNode:
    """What the kernel gets: tests armed, and every cell that runs a student's code held to the limit of one."""
    notebook = copy.deepcopy(answered)
    for index, cell in enumerate(notebook.cells):
        if index in armed:
            cell.source = armed[index].source
        if index in armed or _grade_id(cell) or "-below-" in cell.id:
            cell.metadata["nbgrader"] = {"solution": True}
    return notebook


def _write_outputs(answered: NotebookNode, run: Run, armed: dict[int, Armed], notes: list[str]) -> tuple[str, str]:
    """Bring the outputs over, those of tests as nbgrader shall score them. Returns the outcome and its detail."""
    outcome, detail = run.outcome, run.detail
    if run.outcome != "graded":
        notes.append(f"The run was disturbed ({run.outcome}): {run.detail}.")
    for index, (cell, ran) in enumerate(zip(answered.cells, run.notebook.cells, strict=True)):
        if cell.cell_type != "code":
            continue
        cell.outputs, cell.execution_count = ran.outputs, ran.get("execution_count")
        if index not in armed:
            continue
        unrun = run.detail if run.outcome != "graded" else ""
        settled = settle(armed[index], ran.outputs, float(cell.metadata.nbgrader.points), unrun)
        cell.outputs = settled.outputs
        if settled.note:
            notes.append(f"The test `{_grade_id(cell)}`: {settled.note}")
        if settled.trouble and outcome in ("graded", "unclear"):
            outcome, detail = settled.trouble, f"{_grade_id(cell)}: {settled.note}"
    return outcome, detail.rstrip(".")


def _points(notebook: NotebookNode) -> dict[str, float | None]:
    """The points by nbgrader's own rule, the one by which they are recorded."""
    graded = [cell for cell in notebook.cells if cell.metadata.get("nbgrader", {}).get("grade")]
    return {_grade_id(cell): determine_grade(cell)[0] for cell in graded}


def _malformed(name: str, source: NotebookNode, reason: str) -> ClassicResult:
    """The result of a notebook that could not be read: no points, and the reason where a person will look."""
    notebook, words = copy.deepcopy(source), f"The submission could not be read: {reason}."
    for cell in notebook.cells:
        if is_test(cell):
            cell.outputs = without_credit("Malformed", words)
    return ClassicResult("malformed", reason, {name: notebook}, {name: _points(notebook)}, {name: [words]})
