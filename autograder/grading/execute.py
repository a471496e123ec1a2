"""Run one rebuilt notebook in a kernel of its own, a separate process, and bring back outputs and observations.

A plain Jupyter kernel, in a scratch folder, without the environment's secrets. It is no sandbox: it stops accidents and forged
points, not an attack on the machine. A cell that ends its kernel, or does not end itself, is left out, and the rest runs.
"""

from __future__ import annotations

import base64
import contextlib
import copy
import os
import re
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete, DeadKernelError
from nbformat import NotebookNode

from autograder.grading.inside import OBSERVATION_MIME, probe_source
from autograder.observation import MAX_BYTES, Observation, ObservationError, from_bytes

__all__ = ["Question", "Run", "Work", "execute"]

GRACE_S = 20.0  # beyond a probe's own limit, for a busy machine
OWN_CELL_LIMIT_S = 180.0  # for a cell of the chapter's, the one that imports torch on a busy machine too
SETTLE_S = 10.0  # for the outputs to arrive after a cell's reply, and for a kernel to stop when it is interrupted
MAX_PRINTED_CHARACTERS = 100_000  # kept of what one cell prints
MAX_SHOWN_CHARACTERS = 2_000_000  # and of what it shows, pictures above all
MAX_KERNELS = 4  # started for one notebook
LEFT_OUT = "… the rest of this cell's output was left out.\n"


@dataclass(frozen=True)
class Question:
    """What is asked at one check cell: the exercise's probe, on several packed sets of inputs, within so many seconds each."""

    exercise: str
    packed: tuple[str, ...]
    limit_s: float


@dataclass(frozen=True)
class Work:
    """Everything one run needs, as data: the notebook, the chapter's files, and the questions by the id of their check cell.

    `cell_limit_s` bounds a solution cell, `notebook_limit_s` the whole run but for its last cell, in seconds.
    """

    notebook: NotebookNode
    files: dict[str, bytes]
    questions: dict[str, Question]
    cell_limit_s: float = 60.0
    notebook_limit_s: float = 900.0


@dataclass(frozen=True)
class Run:
    """How a run ended: 'graded', 'timed out', 'killed' or 'failed' (the grader's own fault), and `detail` in words.

    `notebook` has the outputs. `observations` are by exercise and input set; where an exercise has none, `troubles` may say why.
    """

    outcome: str
    notebook: NotebookNode
    observations: dict[str, list[list[Observation]]]
    troubles: dict[str, str] = field(default_factory=dict)
    detail: str = ""
    seconds: float = 0.0


class _Stopped(Exception):
    """The run cannot go on in this kernel: the cell at `index` ended it or does not end itself."""

    def __init__(self, outcome: str, index: int, why: str, final: bool = False) -> None:
        super().__init__(why)
        self.outcome, self.index, self.why, self.final = outcome, index, why, final


def execute(work: Work) -> Run:
    """Run the notebook from top to bottom; at each check cell ask the question instead. Never raises for what a student wrote."""
    start = time.monotonic()
    run = Run("graded", copy.deepcopy(work.notebook), {})
    outcome, detail = "graded", ""
    left_out: set[int] = set()
    for _ in range(MAX_KERNELS):
        try:
            with _scratch(work.files) as folder:
                _run_cells(work, run, left_out, folder, start + work.notebook_limit_s)
            break
        except _Stopped as stop:
            if outcome == "graded":
                outcome, detail = stop.outcome, stop.why
            if stop.final:
                break
            _leave_out(work, run, stop)
            left_out.add(stop.index)
        except Exception as error:  # ours: the kernel did not start, the disk is full
            outcome, detail = "failed", f"{type(error).__name__}: {error}"
            break
    return Run(outcome, run.notebook, run.observations, run.troubles, detail, time.monotonic() - start)


def _leave_out(work: Work, run: Run, stop: _Stopped) -> None:
    cell = run.notebook.cells[stop.index]
    question = work.questions.get(cell.get("id", ""))
    if question is not None:
        run.observations[question.exercise], run.troubles[question.exercise] = [], stop.why
    else:
        name = "TimeoutError" if stop.outcome == "timed out" else "KernelDied"
        cell.outputs = [nbformat.v4.new_output("error", ename=name, evalue=stop.why, traceback=[f"{name}: {stop.why}"])]


@contextlib.contextmanager
def _scratch(files: dict[str, bytes]) -> Iterator[Path]:
    """A folder with the chapter's files, gone afterwards; on a short path, since a socket's name may have 107 characters."""
    base = tempfile.gettempdir()
    with tempfile.TemporaryDirectory(
        prefix="work-", dir=base if len(base) < 70 else "/tmp", ignore_cleanup_errors=True
    ) as scratch:
        for name, data in files.items():
            path = Path(scratch, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        yield Path(scratch)


class _Client(NotebookClient):  # type: ignore[misc]
    """nbclient that keeps a bounded part of what a kernel sends, and is not put off by what makes no sense."""

    printed_left = shown_left = 0  # characters that the running cell may still send
    idle = False  # whether it has come to its end
    in_time = True  # whether that was before its time was up
    quits = False  # whether it asked the kernel to end, with exit() or quit()

    def start_cell(self, printed: int, shown: int, limit_s: float) -> None:
        """Get ready for a cell that may send so much and take so long; displays of earlier cells can no longer be changed."""
        self.reset_execution_trackers()
        self.room = printed, shown
        self.printed_left, self.shown_left = self.room
        self.timeout, self.idle, self.in_time, self.quits = limit_s, False, True, False

    def on_cell_executed(self, cell: NotebookNode, cell_index: int, execute_reply: dict[str, Any]) -> None:
        self.in_time = "header" in execute_reply  # the one that nbclient makes up for a timeout has none
        payload = execute_reply["content"].get("payload")
        self.quits = any(isinstance(one, dict) and one.get("source") == "ask_exit" for one in payload or ())

    def process_message(self, msg: dict[str, Any], cell: NotebookNode, cell_index: int) -> NotebookNode | None:
        try:
            return super().process_message(msg, cell, cell_index)
        except CellExecutionComplete:
            self.idle = True
            raise
        except Exception:  # an update of a display that is not there, a message the student's code made up
            return None

    def output(self, outs: list[NotebookNode], msg: dict[str, Any], display_id: str | None, cell_index: int) -> Any:
        size, printed = len(str(msg["content"])), msg["msg_type"] == "stream"
        self.printed_left -= size * printed
        self.shown_left -= size * (not printed)
        left = self.printed_left if printed else self.shown_left
        return super().output(outs, msg, display_id, cell_index) if left >= 0 else None

    def clear_output(self, outs: list[NotebookNode], msg: dict[str, Any], cell_index: int) -> None:
        super().clear_output(outs, msg, cell_index)
        self.printed_left, self.shown_left = self.room


def _client(work: Work, notebook: NotebookNode, scratch: Path) -> _Client:
    client = _Client(
        notebook, timeout=work.cell_limit_s, startup_timeout=120, interrupt_on_timeout=True, allow_errors=True,
        kernel_name="python3", resources={"metadata": {"path": str(scratch)}}, iopub_timeout=SETTLE_S,
        error_on_timeout={"ename": "TimeoutError", "evalue": "", "traceback": []},
        extra_arguments=["--HistoryManager.hist_file=:memory:"], shutdown_kernel="immediate", store_widget_state=False,
    )  # fmt: skip
    client.comm_open_handlers = {}
    manager = client.create_kernel_manager()
    # This environment's own Python, whatever kernel the user may have installed as 'python3'.
    manager.kernel_spec_manager = KernelSpecManager(kernel_dirs=[])
    # Inter-process sockets in the scratch folder: no port that another user of the machine could reach.
    manager.transport, manager.connection_file = "ipc", str(scratch / "kernel.json")
    manager.ip = str(scratch / "kernel-ipc")
    return client


@contextlib.contextmanager
def _kernel(client: _Client, scratch: Path) -> Iterator[None]:
    """A running kernel, gone afterwards together with the processes of its group.

    What it writes past Jupyter goes to a file in the scratch folder, not to the grader's terminal. Raises RuntimeError with the
    end of it where the kernel does not start.
    """
    group, log = None, scratch / "kernel.log"
    try:
        with log.open("wb") as file, contextlib.ExitStack() as running:
            options: dict[str, Any] = {"env": _environment(scratch), "cwd": str(scratch), "stdout": file, "stderr": file}
            try:
                running.enter_context(client.setup_kernel(**options))
            except RuntimeError as error:
                last = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()][-3:]
                raise RuntimeError(f"{error} ({' / '.join(last)[-500:] or 'it said nothing'})") from error
            group = getattr(client.km.provisioner, "pgid", None)
            yield
    finally:
        if group:
            with contextlib.suppress(OSError):
                os.killpg(group, signal.SIGKILL)


def _run_cells(work: Work, run: Run, left_out: set[int], scratch: Path, deadline: float) -> None:
    """Run what is not left out. Raises `_Stopped` where this kernel is of no more use."""
    client = _client(work, run.notebook, scratch)
    with _kernel(client, scratch):
        for index, cell in enumerate(run.notebook.cells):
            question = work.questions.get(cell.get("id", ""))
            if cell.cell_type != "code" or index in left_out or (question and question.exercise in run.observations):
                continue
            if time.monotonic() > deadline:
                why = f"the notebook ran for more than {work.notebook_limit_s:g} seconds"
                raise _Stopped("timed out", index, why, final=True)
            if question is None:
                _run_code(work, client, cell, index)
                if not client.in_time:
                    left_out.add(index)  # should another kernel be needed, it would be no faster there
                continue
            answers = []
            for packed in question.packed:
                answers.append(_ask(run, client, question, packed, index))
                if not answers[-1]:
                    break  # the other inputs would end no better
            run.observations[question.exercise] = answers


def _run_code(work: Work, client: _Client, cell: NotebookNode, index: int) -> None:
    """Run a cell that stands in the notebook and keep of its outputs what may be kept. Raises `_Stopped`."""
    limit_s = work.cell_limit_s if cell.metadata.get("nbgrader", {}).get("solution") else OWN_CELL_LIMIT_S
    client.start_cell(MAX_PRINTED_CHARACTERS, MAX_SHOWN_CHARACTERS, limit_s)
    try:
        _run_cell(client, cell, index)
    finally:
        cell.outputs = _kept(cell.outputs, flooded=min(client.printed_left, client.shown_left) < 0)
    if not client.in_time:
        why = f"the cell was still running after {limit_s:g} seconds and was interrupted"
        cell.outputs.insert(0, nbformat.v4.new_output("error", ename="TimeoutError", evalue=why, traceback=[why]))


def _run_cell(client: _Client, cell: NotebookNode, index: int, **options: Any) -> None:
    """Run one cell. Raises `_Stopped` where the kernel died of it or cannot be interrupted."""
    try:
        client.execute_cell(cell, index, **options)
    except DeadKernelError:
        why = "the kernel died while the cell ran (out of memory, or ended by the code itself)"
        raise _Stopped("killed", index, why) from None
    if client.quits:
        raise _Stopped("killed", index, "the cell ended the kernel, by exit() or quit()")
    if not client.in_time and not client.idle:
        why = f"the cell was still running after {client.timeout:g} seconds, and could not be interrupted"
        raise _Stopped("timed out", index, why)


def _ask(run: Run, client: _Client, question: Question, packed: str, index: int) -> list[Observation]:
    """Run the probe as a cell of its own and read its answer; [] where none came that can be read. Raises `_Stopped`."""
    cell = nbformat.v4.new_code_cell(probe_source(question.exercise, packed))
    check_cell = client.nb.cells[index]
    client.start_cell(MAX_PRINTED_CHARACTERS, 2 * MAX_BYTES, question.limit_s + GRACE_S)
    try:
        _run_cell(client, cell, index, store_history=False)
    finally:
        client.nb.cells[index] = check_cell  # nbclient puts what it ran into the notebook, secret inputs and all
    if not client.in_time:
        run.troubles[question.exercise] = f"the check was still running after {client.timeout:g} seconds"
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


def _kept(outputs: list[NotebookNode], flooded: bool) -> list[NotebookNode]:
    """What may stand in autograded/ and feedback/: text and pictures, made anew, since a kernel's messages can be forged.

    No HTML, SVG, script or Markdown: feedback and formgrader would show them unescaped.
    """
    kept = []
    for output in outputs:
        if output.output_type == "stream":
            name = "stderr" if output.get("name") == "stderr" else "stdout"
            kept.append(nbformat.v4.new_output("stream", name=name, text=_text(output.get("text"))))
        elif output.output_type == "error":
            name, value = _text(output.get("ename")), _text(output.get("evalue"))
            lines = output.get("traceback")
            traceback = [_text(line) for line in lines] if isinstance(lines, list) else []
            kept.append(nbformat.v4.new_output("error", ename=name, evalue=value, traceback=traceback))
        elif isinstance(output.get("data"), dict):
            kept.append(nbformat.v4.new_output(output.output_type, data=_plain(output.data)))
    if flooded:
        kept.append(nbformat.v4.new_output("stream", name="stdout", text=LEFT_OUT))
    return kept


def _plain(data: dict[str, Any]) -> dict[str, str]:
    """Text, and pictures that are base64 and nothing else: a page puts them into an attribute as they are."""
    pictures = {kind: _text(data[kind]) for kind in ("image/png", "image/jpeg") if kind in data}
    kept = {kind: text for kind, text in pictures.items() if re.fullmatch(r"[A-Za-z0-9+/=\s]*", text)}
    return kept | ({"text/plain": _text(data["text/plain"])} if "text/plain" in data else {})


def _text(value: object) -> str:
    return str(value if value is not None else "").encode("utf-8", "replace").decode()


def _environment(scratch: Path) -> dict[str, str]:
    """What the kernel gets to see of the environment: where programs are, a home of its own, one thread for torch."""
    kept = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH") if name in os.environ}
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])
    own = dict.fromkeys(("HOME", "IPYTHONDIR", "MPLCONFIGDIR", "TMPDIR"), str(scratch))
    return kept | own | {"PATH": path, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
