"""Run one rebuilt notebook in a kernel of its own, a separate process, and bring back outputs and observations.

The kernel is confined at one of the levels of `autograder.kernels`. A cell that ends its kernel, or does not end itself, is
left out, and the rest runs.
"""

from __future__ import annotations

import base64
import copy
import time
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbclient.exceptions import DeadKernelError
from nbformat import NotebookNode

from autograder.grading.kernel_client import BoundedClient, running_kernel
from autograder.grading.outputs import kept
from autograder.kernels.sandbox import SandboxError
from autograder.kernels.settings import Ended, Limits, level_asked_for
from autograder.observation import MAX_BYTES, ErrorSeen, Observation, ObservationError, from_bytes
from autograder.student.answering import OBSERVATION_MIME, probe_source

__all__ = ["Question", "Run", "Work", "execute"]

GRACE_S = 20.0  # beyond a probe's own limit, for a busy machine
OWN_CELL_LIMIT_S = 180.0  # for a cell of the chapter's, the one that imports torch on a busy machine too
MAX_PRINTED_CHARACTERS = 100_000  # kept of what one cell prints
MAX_SHOWN_CHARACTERS = 2_000_000  # and of what it shows, pictures above all
MAX_KERNELS = 4  # started for one notebook


@dataclass(frozen=True)
class Question:
    """What is asked at one check cell: the exercise's probe, on several packed sets of inputs, within so many seconds each."""

    exercise: str
    packed: tuple[str, ...]
    limit_s: float


@dataclass(frozen=True)
class Work:
    """Everything one run needs, as data: the notebook, the chapter's files, and the questions by the id of their check cell.

    `cell_limit_s` bounds a solution cell, `notebook_limit_s` the whole run but for its last cell, in seconds. `skipped` are ids
    of cells that need not run; `imports` modules that a warm kernel has imported before it is forked.
    """

    notebook: NotebookNode
    files: dict[str, bytes]
    questions: dict[str, Question]
    cell_limit_s: float = 60.0
    notebook_limit_s: float = 900.0
    limits: Limits = field(default_factory=Limits)
    skipped: frozenset[str] = frozenset()
    imports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Run:
    """How a run ended: 'graded', 'timed out', 'out of memory', 'killed' or 'failed' (the grader's own fault), and `detail` in
    words.

    `notebook` has the outputs. `observations` are by exercise and input set; where an exercise has none, `troubles` may say why.
    `slowest` is the id of the cell that took longest, with its seconds; `peak_mb` the most memory that was seen, where it is
    known.
    """

    outcome: str
    notebook: NotebookNode
    observations: dict[str, list[list[Observation]]]
    troubles: dict[str, str] = field(default_factory=dict)
    detail: str = ""
    seconds: float = 0.0
    slowest: tuple[str, float] = ("", 0.0)
    peak_mb: int = 0


class _Stopped(Exception):
    """The run cannot go on in this kernel: the cell at `index` ended it or does not end itself."""

    def __init__(self, outcome: str, index: int, why: str, final: bool = False) -> None:
        super().__init__(why)
        self.outcome, self.index, self.why, self.final = outcome, index, why, final


class _Running:
    """One run on its way, over as many kernels as it needs."""

    def __init__(self, work: Work, deadline: float) -> None:
        self.work, self.deadline = work, deadline
        self.notebook = copy.deepcopy(work.notebook)
        self.observations: dict[str, list[list[Observation]]] = {}
        self.troubles: dict[str, str] = {}
        self.left_out: set[int] = set()
        self.outcome, self.detail = "graded", ""
        self.times: dict[str, float] = {}
        self.peak = 0

    def note(self, outcome: str, detail: str) -> None:
        """Remember what first went wrong."""
        if self.outcome == "graded":
            self.outcome, self.detail = outcome, detail

    def result(self, seconds: float) -> Run:
        slowest = max(self.times.items(), key=lambda one: one[1], default=("", 0.0))
        return Run(self.outcome, self.notebook, self.observations, self.troubles, self.detail, seconds, slowest, self.peak >> 20)


def execute(work: Work, level: str = "") -> Run:
    """Run the notebook from top to bottom; at each check cell ask the question instead. Never raises for what a student wrote.

    `level` is that of `How`, without one the level asked for in the environment. Raises SandboxError where it cannot be had on
    this machine.
    """
    level, start = level or level_asked_for(), time.monotonic()
    running = _Running(work, start + work.notebook_limit_s)
    for _ in range(MAX_KERNELS):
        try:
            with running_kernel(running.notebook, work.files, level, work.limits, work.imports) as (client, ended):
                _run_cells(running, client, ended)
            running.peak = max(running.peak, ended.peak)
            break
        except _Stopped as stop:
            running.peak = max(running.peak, ended.peak)
            running.note(stop.outcome, stop.why)
            if stop.final:
                break
            _leave_out(running, stop)
        except SandboxError:
            raise
        except Exception as error:  # ours: the kernel did not start, the disk is full
            running.outcome, running.detail = "failed", f"{type(error).__name__}: {error}"
            break
    return running.result(time.monotonic() - start)


def _leave_out(running: _Running, stop: _Stopped) -> None:
    """Go on without the cell that stopped the kernel, and say in its place why."""
    running.left_out.add(stop.index)
    cell = running.notebook.cells[stop.index]
    question = running.work.questions.get(cell.get("id", ""))
    if question is not None:
        running.observations[question.exercise], running.troubles[question.exercise] = [], stop.why
    else:
        name = {"timed out": "TimeoutError", "out of memory": "MemoryError"}.get(stop.outcome, "KernelDied")
        cell.outputs = [nbformat.v4.new_output("error", ename=name, evalue=stop.why, traceback=[f"{name}: {stop.why}"])]


def _run_cells(running: _Running, client: BoundedClient, ended: Ended) -> None:
    """Run what is not left out. Raises `_Stopped` where this kernel is of no more use."""
    work = running.work
    for index, cell in enumerate(running.notebook.cells):
        question = work.questions.get(cell.get("id", ""))
        asked = question is not None and question.exercise in running.observations
        if cell.cell_type != "code" or index in running.left_out or asked or cell.get("id", "") in work.skipped:
            continue
        start = time.monotonic()
        if start > running.deadline:
            why = f"the notebook ran for more than {work.notebook_limit_s:g} seconds"
            raise _Stopped("timed out", index, why, final=True)
        if question is None:
            _run_code(running, client, ended, cell, index)
        else:
            _ask_all(running, client, ended, question, index)
        running.times[cell.get("id", "")] = time.monotonic() - start


def _run_code(running: _Running, client: BoundedClient, ended: Ended, cell: NotebookNode, index: int) -> None:
    """Run a cell that stands in the notebook and keep of its outputs what may be kept. Raises `_Stopped`."""
    limit_s = running.work.cell_limit_s if cell.metadata.get("nbgrader", {}).get("solution") else OWN_CELL_LIMIT_S
    client.start_cell(MAX_PRINTED_CHARACTERS, MAX_SHOWN_CHARACTERS, limit_s)
    try:
        _run_cell(client, ended, cell, index)
    finally:
        cell.outputs = kept(cell.outputs, flooded=min(client.printed_left, client.shown_left) < 0)
    for output in cell.outputs:
        if output.output_type == "error" and _no_memory(output.ename, output.evalue):
            running.note(
                "out of memory", f"the cell `{cell.get('id')}` asked for more memory than there is: {output.evalue[:200]}"
            )
    if not client.in_time:
        why = f"the cell was still running after {limit_s:g} seconds and was interrupted"
        cell.outputs.insert(0, nbformat.v4.new_output("error", ename="TimeoutError", evalue=why, traceback=[why]))
        running.left_out.add(index)  # should another kernel be needed, it would be no faster there


def _no_memory(name: str, text: str) -> bool:
    return name == "MemoryError" or "can't allocate memory" in text or "Cannot allocate memory" in text


def _run_cell(client: BoundedClient, ended: Ended, cell: NotebookNode, index: int, **options: Any) -> None:
    """Run one cell. Raises `_Stopped` where the kernel died of it or cannot be interrupted."""
    try:
        client.execute_cell(cell, index, **options)
    except DeadKernelError:
        outcome = "out of memory" if ended.why.startswith("out of memory") else "killed"
        outcome = "timed out" if "processor time" in ended.why else outcome
        why = ended.why or "out of memory, or ended by the code itself"
        raise _Stopped(outcome, index, f"the kernel died while the cell ran ({why})") from None
    if client.quits:
        raise _Stopped("killed", index, "the cell ended the kernel, by exit() or quit()")
    if not client.in_time and not client.idle:
        why = f"the cell was still running after {client.timeout:g} seconds, and could not be interrupted"
        raise _Stopped("timed out", index, why)


def _ask_all(running: _Running, client: BoundedClient, ended: Ended, question: Question, index: int) -> None:
    """Ask on every set of inputs, until one gets no answer: the others would end no better. Raises `_Stopped`."""
    answers: list[list[Observation]] = []
    for packed in question.packed:
        answers.append(_ask(running, client, ended, question, packed, index))
        if not answers[-1]:
            break
    running.observations[question.exercise] = answers
    for seen in (observation.value for answer in answers for observation in answer):
        if isinstance(seen, ErrorSeen) and _no_memory(seen.type, seen.message):
            running.note("out of memory", f"`{question.exercise}` asked for more memory than there is: {seen.message[:200]}")


def _ask(
    running: _Running, client: BoundedClient, ended: Ended, question: Question, packed: str, index: int
) -> list[Observation]:
    """Run the probe as a cell of its own and read its answer; [] where none came that can be read. Raises `_Stopped`."""
    cell = nbformat.v4.new_code_cell(probe_source(question.exercise, packed))
    check_cell = client.nb.cells[index]
    client.start_cell(MAX_PRINTED_CHARACTERS, 2 * MAX_BYTES, question.limit_s + GRACE_S)
    try:
        _run_cell(client, ended, cell, index, store_history=False)
    finally:
        client.nb.cells[index] = check_cell  # nbclient puts what it ran into the notebook, secret inputs and all
    if not client.in_time:
        running.troubles[question.exercise] = f"the check was still running after {client.timeout:g} seconds"
    for output in reversed(cell.outputs):
        data = output.get("data", {}).get(OBSERVATION_MIME) if output.output_type == "display_data" else None
        if isinstance(data, str):
            try:
                seen = from_bytes(base64.b64decode(data, validate=True))
            except (ObservationError, ValueError):
                continue
            if isinstance(seen, list) and all(isinstance(one, Observation) for one in seen):
                return seen
    return []
