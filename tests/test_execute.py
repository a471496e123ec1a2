"""Running a notebook in a kernel: whatever its cells do, the run ends, other exercises are asked, and nothing stays behind."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import nbformat
import pytest
from nbformat import NotebookNode
from small_class import RIGHT, answered_right, as_bytes, cell_of, only_warm_kernels_are_left, own_place, work

from autograder.grading import execute as execute_module
from autograder.grading import kernel_client
from autograder.grading.execute import MAX_PRINTED_CHARACTERS, Run, Work, execute
from autograder.kernels.settings import LEVELS
from autograder.observation import Observation
from autograder.student.answering import OBSERVATION_MIME

pytestmark = pytest.mark.slow


@pytest.fixture(autouse=True, scope="module")
def nothing_left_behind() -> Iterator[None]:
    """A place of our own for scratch folders, empty again in the end; and no process more than before."""
    with own_place() as place:
        yield
        assert only_warm_kernels_are_left(place)


def outputs(run: Run, cell_id: str) -> list[NotebookNode]:
    found: list[NotebookNode] = cell_of(run.notebook, cell_id).outputs
    return found


def errors(run: Run, cell_id: str) -> list[str]:
    return [output.ename for output in outputs(run, cell_id) if output.output_type == "error"]


def text(run: Run, cell_id: str) -> str:
    return "".join(output.get("text", "") for output in outputs(run, cell_id))


FLOOD = """
from IPython.display import display
display("a plain text", display_id="later")
print("x" * 5_000_000)
"""
LOUD = """
import os, subprocess, sys, threading, time
from IPython.display import HTML, display
threading.Thread(target=time.sleep, args=(600,), daemon=False).start()
subprocess.Popen(["sleep", "600"])
display(HTML("<script>alert(1)</script>"))
display(HTML("<script>alert(2)</script>"), display_id="later", update=True)
display({"image/png": 'x" onerror="alert(1)', "image/svg+xml": "<svg/>", "text/markdown": "<b>", "text/plain": "plain"}, raw=True)
print(os.getcwd(), dict(os.environ))
os.write(os.dup(1), b"past Jupyter")
"""


class TestHonest:
    @pytest.fixture(scope="class", params=LEVELS)
    def run(self, request: pytest.FixtureRequest) -> Run:
        os.environ["COURSE_SECRET"] = "hunter2"
        os.environ["NBGRADER_EXECUTION"] = "autograde"
        try:
            loud = RIGHT["shares"] + LOUD
            return execute(work(row_sums=RIGHT["row_sums"] + FLOOD, shares=loud), level=request.param)
        finally:
            del os.environ["COURSE_SECRET"], os.environ["NBGRADER_EXECUTION"]

    def test_every_question_is_answered_on_every_set_of_inputs(self, run: Run) -> None:
        assert (run.outcome, run.detail) == ("graded", "")
        assert all(answered_right(run, name) for name in RIGHT)

    def test_a_flood_of_output_is_cut(self, run: Run) -> None:
        assert len(as_bytes(run.notebook)) < 2 * MAX_PRINTED_CHARACTERS
        assert text(run, "row_sums").endswith("was left out.\n")

    def test_only_text_and_pictures_are_kept(self, run: Run) -> None:
        kinds = {kind for output in outputs(run, "shares") for kind in output.get("data", {})}
        assert kinds == {"text/plain"}
        assert "alert(1)" not in json.dumps(outputs(run, "shares"))
        assert "a plain text" in json.dumps(outputs(run, "row_sums"))
        assert "alert(2)" not in json.dumps(outputs(run, "row_sums"))
        nbformat.validate(run.notebook)

    def test_secrets_and_tell_tales_of_the_environment_stay_outside(self, run: Run) -> None:
        seen = text(run, "shares")
        assert seen
        assert "hunter2" not in seen
        assert "NBGRADER" not in seen

    def test_the_questions_are_not_in_the_notebook(self, run: Run) -> None:
        assert "send_observation" not in json.dumps(run.notebook)
        assert outputs(run, "check_row_sums") == []


class TestCellsThatMisbehave:
    def test_endless_loops_are_interrupted_or_left_out_and_the_rest_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(kernel_client, "SETTLE_S", 2.0)
        deaf = "import time\nwhile True:\n    try:\n        time.sleep(1)\n    except BaseException: pass\n"
        run = execute(work(3.0, row_sums="while True: pass", largest=deaf + RIGHT["largest"]))
        assert run.outcome == "timed out"
        assert errors(run, "row_sums")[0] == errors(run, "largest")[0] == "TimeoutError"
        assert not answered_right(run, "row_sums")
        assert not answered_right(run, "largest")
        assert answered_right(run, "shares")

    @pytest.mark.parametrize("level", LEVELS)
    def test_a_cell_that_ends_the_kernel_is_left_out_and_the_rest_runs(self, level: str) -> None:
        suicidal = "def largest(x):\n    import os, signal\n    os.kill(os.getpid(), signal.SIGKILL)"
        run = execute(work(row_sums=RIGHT["row_sums"] + "\nquit()", largest=suicidal), level)
        assert run.outcome == "killed"
        assert "exit() or quit()" in run.detail
        assert errors(run, "row_sums") == ["KernelDied"]
        assert "kernel died" in run.troubles["largest"]
        assert run.observations["largest"] == []
        assert answered_right(run, "shares")

    def test_there_is_an_end_to_new_kernels(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(execute_module, "MAX_KERNELS", 1)
        bomb = "import os, threading\nthreading.Timer(0.5, os._exit, [1]).start()\nimport time; time.sleep(30)"
        run = execute(work(row_sums=bomb))
        assert run.outcome == "killed"
        assert not [name for name in RIGHT if answered_right(run, name)]

    def test_after_sys_exit_and_after_a_check_that_hangs_the_rest_runs(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(execute_module, "GRACE_S", 1.0)
        monkeypatch.setattr(kernel_client, "SETTLE_S", 2.0)
        deaf = "signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM, signal.SIGINT})"
        hangs = f"import signal, time\ndef largest(x):\n    {deaf}\n    time.sleep(600)"
        run = execute(work(row_sums=RIGHT["row_sums"] + "\nimport sys; sys.exit()", largest=hangs))
        assert answered_right(run, "row_sums")
        assert "still running after 3 seconds" in run.troubles["largest"]
        assert answered_right(run, "shares")

    def test_the_whole_notebook_has_a_limit(self) -> None:
        one = work(shares="import time; time.sleep(2)")
        run = execute(Work(one.notebook, one.files, one.questions, notebook_limit_s=0.1))
        assert run.outcome == "timed out"
        assert "more than 0.1 seconds" in run.detail


FORGED = f"""
import base64, builtins, IPython.display, IPython.core.interactiveshell, torch
from autograder.observation import NumberSeen, Observation, to_bytes
claim = {{"{OBSERVATION_MIME}": base64.b64encode(to_bytes([Observation(NumberSeen(1e9))] * 3)).decode()}}
IPython.display.display(claim, raw=True)
torch.allclose = torch.equal = lambda *a, **k: True
torch.Tensor.__eq__ = lambda *a: True
def largest(x):
    IPython.display.display(claim, raw=True)
    return -1.0
"""
TAKEN_OVER = """
import IPython.display
shell = get_ipython()
real = IPython.display.display
IPython.display.display = lambda *a, **k: real("nothing to see")
shell.run_cell = shell.run_cell_async = None
"""


class TestForgery:
    @pytest.fixture(scope="class")
    def run(self) -> Run:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(execute_module, "GRACE_S", 3.0)
            patch.setattr(kernel_client, "SETTLE_S", 2.0)
            return execute(work(largest=FORGED, shares=RIGHT["shares"] + TAKEN_OVER))

    def test_patched_torch_and_claims_from_own_cells_do_not_count(self, run: Run) -> None:
        seen = [one.value for answer in run.observations["largest"] for one in answer]
        assert {getattr(value, "value", None) for value in seen} <= {-1.0}

    def test_exercises_before_it_are_as_they_were(self, run: Run) -> None:
        assert answered_right(run, "row_sums")

    def test_a_kernel_that_no_longer_runs_cells_answers_nothing(self, run: Run) -> None:
        assert not answered_right(run, "shares")
        assert all(isinstance(one, Observation) for answer in run.observations.get("shares", []) for one in answer)


def test_a_kernel_that_cannot_start_is_the_graders_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_client, "clean_environment", lambda: {"PATH": "", "PYTHONHOME": "/nowhere"})
    run = execute(work(), level="none")
    assert run.outcome == "failed"
    assert "No module named 'encodings'" in run.detail
