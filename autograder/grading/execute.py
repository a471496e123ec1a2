"""Run one rebuilt notebook in a kernel of its own, a separate process, and bring back outputs and observations.

A plain Jupyter kernel, in a scratch folder, without the environment's secrets. It is no sandbox: it stops accidents and forged
points, not an attack on the machine.
"""

from __future__ import annotations

import base64
import copy
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbformat import NotebookNode

from autograder.grading.inside import OBSERVATION_MIME, probe_source
from autograder.observation import Observation, ObservationError, from_bytes

__all__ = ["Question", "Run", "Work", "execute"]

GRACE_S = 20.0  # beyond a probe's own limit, for a busy machine
MAX_OUTPUT_CHARACTERS = 100_000  # kept of one cell


@dataclass(frozen=True)
class Question:
    """What is asked at one check cell: the exercise's probe, on several packed sets of inputs, within so many seconds each."""

    exercise: str
    packed: tuple[str, ...]
    limit_s: float


@dataclass(frozen=True)
class Work:
    """Everything one run needs, as data: the notebook, the chapter's files, and the questions by the id of their check cell."""

    notebook: NotebookNode
    files: dict[str, bytes]
    questions: dict[str, Question]
    cell_limit_s: float = 60.0


@dataclass(frozen=True)
class Run:
    """How a run ended: 'graded', 'timed out', 'killed' or 'failed'; the notebook with outputs; observations by exercise and input set."""

    outcome: str
    notebook: NotebookNode
    observations: dict[str, list[list[Observation]]]
    detail: str = ""
    seconds: float = 0.0


def execute(work: Work) -> Run:
    """Run the notebook from top to bottom; at each check cell ask the question instead. Never raises for what a student wrote."""
    notebook, start = copy.deepcopy(work.notebook), time.monotonic()
    observations: dict[str, list[list[Observation]]] = {}
    outcome, detail = "graded", ""
    with tempfile.TemporaryDirectory(prefix="work-", ignore_cleanup_errors=True) as scratch:
        for name, data in work.files.items():
            (Path(scratch) / name).parent.mkdir(parents=True, exist_ok=True)
            (Path(scratch) / name).write_bytes(data)
        try:
            _run_cells(work, notebook, observations, Path(scratch))
        except CellTimeoutError as error:
            outcome, detail = "timed out", str(error).splitlines()[0]
        except DeadKernelError:
            outcome, detail = "killed", "the kernel died while a cell ran (out of memory, or ended by the code itself)"
        except Exception as error:  # ours: the kernel did not start, the disk is full
            outcome, detail = "failed", f"{type(error).__name__}: {error}"
    return Run(outcome, notebook, observations, detail, time.monotonic() - start)


def _run_cells(work: Work, notebook: NotebookNode, observations: dict[str, list[list[Observation]]], scratch: Path) -> None:
    client = NotebookClient(
        notebook, timeout=work.cell_limit_s, startup_timeout=120, interrupt_on_timeout=True, allow_errors=True,
        kernel_name="python3", resources={"metadata": {"path": str(scratch)}},
        error_on_timeout={"ename": "TimeoutError", "evalue": f"longer than {work.cell_limit_s:g} seconds", "traceback": []},
        extra_arguments=["--HistoryManager.hist_file=:memory:"], shutdown_kernel="immediate",
    )  # fmt: skip
    # Inter-process sockets in the scratch folder: no port that another user of the machine could reach.
    manager = client.create_kernel_manager()
    manager.transport, manager.connection_file = "ipc", str(scratch / "kernel.json")
    manager.ip = str(scratch / "kernel-ipc")
    timeouts = 0
    with client.setup_kernel(env=_environment(scratch), cwd=str(scratch)):
        for index, cell in enumerate(notebook.cells):
            question, start = work.questions.get(cell.get("id", "")), time.monotonic()
            if question is not None:
                observations[question.exercise] = [_ask(client, question, packed, index) for packed in question.packed]
                limit_s = question.limit_s + GRACE_S
            elif cell.cell_type == "code":
                client.execute_cell(cell, index)
                _trim(cell)
                limit_s = work.cell_limit_s
            else:
                continue
            timeouts += time.monotonic() - start > limit_s
            # One cell may take too long and be interrupted; after a second the kernel is taken to ignore interrupts.
            if timeouts > 1:
                raise CellTimeoutError(f"cell {cell.get('id', index)} was still running after {limit_s:g} seconds")


def _ask(client: NotebookClient, question: Question, packed: str, index: int) -> list[Observation]:
    """Run the probe as a cell of its own and read its answer; [] where none came that can be read."""
    cell = nbformat.v4.new_code_cell(probe_source(question.exercise, packed))
    check_cell, limit_s = client.nb.cells[index], client.timeout
    client.timeout = question.limit_s + GRACE_S
    try:
        client.execute_cell(cell, index, store_history=False)
    finally:
        client.timeout = limit_s
        client.nb.cells[index] = check_cell  # nbclient puts what it ran into the notebook, secret inputs and all
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


def _trim(cell: NotebookNode) -> None:
    """Keep an output that floods from filling the gradebook's folder and the feedback."""
    left = MAX_OUTPUT_CHARACTERS
    kept = []
    for output in cell.outputs:
        size = len(str(output))
        if size > left:
            kept.append(nbformat.v4.new_output("stream", name="stdout", text="… the rest of this cell's output was left out.\n"))
            break
        left -= size
        kept.append(output)
    cell.outputs = kept


def _environment(scratch: Path) -> dict[str, str]:
    """What the kernel gets to see of the environment: where programs are, a home of its own, one thread for torch."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH") if name in os.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    own = dict.fromkeys(("HOME", "IPYTHONDIR", "MPLCONFIGDIR", "TMPDIR"), str(scratch))
    return kept | own | {"PATH": path, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
