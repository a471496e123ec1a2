"""Hostile submissions: no point is gained, nothing is read, nothing is lost, and the neighbours are graded as ever.

Each file in tests/hostile/ is one attack: a cell that a student hands in as their answer to the middle one of three exercises,
with an answer that is wrong. The other two answers are right. `make hostile` runs them all and ends with one line.
"""

from __future__ import annotations

import hashlib
import os
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest
from nbformat import NotebookNode
from small_class import (
    CHAPTER,
    RIGHT,
    answered,
    answered_right,
    as_bytes,
    cell_of,
    only_warm_kernels_are_left,
    own_place,
    position_of,
    release_fast,
    student_edition,
    text_of,
    work,
    write_sources,
)  # fmt: skip

from autograder.grading import kernel_client
from autograder.grading.execute import execute
from autograder.grading.harmless import harmless, is_harmless
from autograder.grading.judging import Assignment, How, Result, grade_submission, load_assignment
from autograder.grading.rebuild import read_submission, rebuild
from autograder.kernels.settings import Limits

pytestmark = pytest.mark.slow
ATTACKS = sorted(path.stem for path in Path(__file__).with_name("hostile").glob("*.py"))
HONEST = {"row_sums": 2, "largest": 3, "shares": 5}
# An attack may spoil what its own author answers after it.
FREE_TO_FAIL = ("shares",)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place for everything temporary; in the end nothing is left in it and no process more than before."""
    tmp_path_factory.getbasetemp()  # not in there
    with own_place() as place:
        yield place
        assert only_warm_kernels_are_left(place)


@pytest.fixture(scope="module")
def course(here: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A released course with a gradebook and a neighbour's submission; every file of it is as before in the end."""
    course = release_fast(write_sources(tmp_path_factory.mktemp("course")))
    (course / "gradebook.db").write_bytes(b"SQLite format 3\0 and then everybody's points")
    (course / "submitted" / "neighbour").mkdir(parents=True)
    (course / "submitted" / "neighbour" / "01_small.ipynb").write_text("{}")
    before = digests(course)
    yield course
    assert digests(course) == before


@pytest.fixture(scope="module")
def assignment(course: Path) -> Assignment:
    os.environ["COURSE_TOKEN"] = "hunter2"
    return load_assignment(course, CHAPTER, seed=7, how=How(level="strict", cell_limit_s=20.0))


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel_client, "SETTLE_S", 2.0)
    monkeypatch.setattr("autograder.grading.execute.GRACE_S", 3.0)


def digests(folder: Path) -> dict[str, str]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and "__pycache__" not in path.parts]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def earned(result: Result) -> dict[str, int]:
    return {name: verdict.points for name, verdict in result.verdicts.items()}


def graded(assignment: Assignment, notebook: NotebookNode) -> Result:
    return grade_submission(assignment, as_bytes(notebook))


def attack_of(name: str, course: Path, port: int) -> str:
    source = Path(__file__).with_name("hostile").joinpath(f"{name}.py").read_text(encoding="utf-8")
    return source.replace("@COURSE@", str(course)).replace("@PORT@", str(port)).replace("@PID@", str(os.getpid()))


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        yield listening.getsockname()[1]


class TestForgingPoints:
    def test_honest_work_earns_them_all(self, assignment: Assignment) -> None:
        assert earned(graded(assignment, answered(student_edition(), **RIGHT))) == HONEST

    @pytest.mark.parametrize("name", ATTACKS)
    def test_no_point_is_gained_and_the_next_submission_is_graded_as_ever(
        self, name: str, assignment: Assignment, course: Path, port: int, record_property: Callable[[str, object], None]
    ) -> None:
        attack = RIGHT | {"largest": attack_of(name, course, port)}
        result = graded(assignment, answered(student_edition(), **attack))
        points = earned(result)
        record_property("gained", max(points["largest"], sum(points.values()) - 7, 0))
        assert result.outcome != "failed", result.detail
        assert points["largest"] == 0
        assert points["row_sums"] == HONEST["row_sums"]
        assert all(points[one] in (0, HONEST[one]) for one in FREE_TO_FAIL)
        printed = text_of(result.notebook, "largest")
        assert "hunter2" not in printed
        for mark in ("FOUND", "CHANGED", "SIGNS", "THROUGH"):
            assert f"{mark} " not in printed or f"{mark} []" in printed, printed
        assert earned(graded(assignment, answered(student_edition(), **RIGHT))) == HONEST


def without(notebook: NotebookNode, cell_id: str) -> NotebookNode:
    notebook.cells.pop(position_of(notebook, cell_id))
    return notebook


def tagged(notebook: NotebookNode) -> NotebookNode:
    for cell in notebook.cells:
        cell.metadata["tags"] = ["skip-execution", "raises-exception", "remove-cell"]
    return notebook


def repriced(notebook: NotebookNode) -> NotebookNode:
    for cell in notebook.cells:
        if "nbgrader" in cell.metadata:
            cell.metadata.nbgrader |= {"points": 999, "grade": False, "locked": False, "solution": True}
    return notebook


def with_stored_outputs(notebook: NotebookNode) -> NotebookNode:
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = [{"output_type": "execute_result", "data": {"text/plain": "3"}, "metadata": {}, "execution_count": 1}]
    return notebook


def with_own_kernel(notebook: NotebookNode) -> NotebookNode:
    notebook.metadata["kernelspec"] = {"name": "mine", "argv": ["sh", "-c", "touch /tmp/mine"], "display_name": "x"}
    return notebook


def with_copied_checks(notebook: NotebookNode) -> NotebookNode:
    position = position_of(notebook, "check_row_sums")
    notebook.cells += [dict(notebook.cells[position], id=f"copy{n}") for n in range(5)]
    return notebook


def with_renamed_checks(notebook: NotebookNode) -> NotebookNode:
    """The check of a solved exercise under the wrong one's id."""
    cell_of(notebook, "check_largest").source = 'check("row_sums")'
    return notebook


def with_checks_as_answers(notebook: NotebookNode) -> NotebookNode:
    cell_of(notebook, "check_largest").source = "3"
    cell_of(notebook, "check_largest").cell_type = "raw"
    return notebook


CHANGED_NOTEBOOKS = [
    tagged, repriced, with_stored_outputs, with_own_kernel, with_copied_checks, with_renamed_checks, with_checks_as_answers,
    lambda notebook: without(notebook, "check_largest"),
]  # fmt: skip


class TestChangedNotebooks:
    @pytest.mark.parametrize("change", CHANGED_NOTEBOOKS, ids=lambda change: change.__name__.strip("<>"))
    def test_a_changed_notebook_earns_what_its_answers_earn(
        self,
        change: Callable[[NotebookNode], NotebookNode],
        assignment: Assignment,
        record_property: Callable[[str, object], None],
    ) -> None:
        submitted = change(answered(student_edition(), **RIGHT | {"largest": "def largest(x):\n    return -1.0"}))
        points = earned(graded(assignment, submitted))
        record_property("gained", sum(points.values()) - 7)
        assert points == HONEST | {"largest": 0}

    @pytest.mark.parametrize(
        "data",
        [b"", b"{", b"[]", b"null", b"\xff\xfe\x00", b"[" * 100_000, b'{"cells": 3}', b'{"cells": [3, null, {"source": 4}]}', b" " * 2**25],
        ids=["empty", "cut", "list", "null", "bytes", "deep", "number", "odd cells", "huge"],
    )  # fmt: skip
    def test_what_is_no_notebook_is_told_as_that(
        self, data: bytes, assignment: Assignment, record_property: Callable[[str, object], None]
    ) -> None:
        result = grade_submission(assignment, data)
        record_property("gained", result.points)
        assert (result.outcome, result.points) == ("malformed", 0)


SMALL = Limits(memory_mb=700, processes=96, file_mb=16, disk_mb=32)
# What a cell does, the limits it meets, and how the run may be told.
DAMAGE: dict[str, tuple[str, set[str]]] = {
    "asks_for_40_gb": ("import torch\ntorch.ones(10_000_000_000)", {"out of memory"}),
    "grows_slowly": ("kept = []\nimport time\nwhile True:\n    kept.append(bytearray(4 << 20))\n    time.sleep(0.002)", {"out of memory"}),
    "shares_memory": (
        "import mmap\nkept = []\nwhile True:\n    kept.append(mmap.mmap(-1, 32 << 20))\n    kept[-1].write(b'x' * (32 << 20))",
        {"out of memory"},
    ),
    "grows_in_children": (
        "import os, time\nfor _ in range(8):\n    if not os.fork():\n        kept = bytearray(b'x') * (200 << 20)\n        time.sleep(60)\ntime.sleep(60)",
        {"out of memory"},
    ),
    "grows_in_programs": (
        "import subprocess, sys, time\nmore = 'import time; kept = bytearray(b\"x\") * (200 << 20); time.sleep(60)'\n"
        "for _ in range(8):\n    subprocess.Popen([sys.executable, '-c', more])\ntime.sleep(60)",
        {"out of memory"},
    ),
    "fork_bomb": ("import os\nwhile True:\n    os.fork()", {"killed", "out of memory", "timed out"}),
    "threads": (
        "import threading, time\nfor _ in range(3000):\n    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\ntime.sleep(5)",
        {"killed", "graded"},
    ),
    "open_files": ("kept = [open('/dev/null') for _ in range(5000)]", {"graded"}),
    "one_huge_file": ("with open('big', 'wb') as file:\n    while True:\n        file.write(b'x' * (1 << 20))", {"graded", "killed"}),
    "many_files": (
        "import os\nfor folder in ('.', '/tmp', '/dev/shm'):\n    for n in range(40):\n        open(f'{folder}/{n}', 'wb').write(b'x' * (1 << 20))",
        {"graded"},
    ),
    "empty_files": ("for n in range(100_000):\n    open(f'/tmp/{n}', 'w').close()", {"graded"}),
    "kills_itself": ("import os\nos.kill(os.getpid(), 9)", {"killed"}),
    "ends_hard": ("import ctypes\nctypes.string_at(0)", {"killed"}),
    "swallows_interrupts": ("import time\nwhile True:\n    try:\n        time.sleep(1)\n    except BaseException: pass", {"timed out"}),
    "stops_itself": ("import os\nos.kill(os.getpid(), 19)", {"timed out"}),
    "daemons": (
        "import os, subprocess\nfor _ in range(3):\n    if not os.fork():\n        os.setsid()\n        if os.fork():\n            os._exit(0)\n"
        "        os.execvp('sleep', ['sleep', '977'])\nsubprocess.Popen(['setsid', 'nohup', 'sleep', '977'])",
        {"graded"},
    ),
}  # fmt: skip


class TestDamage:
    @pytest.mark.parametrize("name", DAMAGE)
    def test_the_run_ends_the_other_exercises_are_answered_and_nothing_stays(
        self, name: str, here: Path, record_property: Callable[[str, object], None]
    ) -> None:
        code, outcomes = DAMAGE[name]
        run = execute(work(8.0, SMALL, largest=f"def largest(x):\n    return -1.0\n\n{code}"))
        record_property("gained", 3 * answered_right(run, "largest"))
        assert run.outcome in outcomes, run.detail
        assert answered_right(run, "row_sums")
        assert answered_right(run, "shares")
        assert not answered_right(run, "largest")
        assert not [one for one in psutil.process_iter(["cmdline"]) if one.info["cmdline"] == ["sleep", "977"]]
        assert not list(here.glob("kernels-*/*/sockets"))

    def test_the_disk_limit_holds_over_all_folders_together(self) -> None:
        written = (
            "\nimport pathlib\nprint(sum(p.stat().st_size for f in ('/tmp', '/dev/shm', '.') for p in pathlib.Path(f).glob('*')))"
        )
        code = (
            "try:\n    "
            + DAMAGE["many_files"][0].replace("\n", "\n    ")
            + "\nexcept OSError as error:\n    print(error)"
            + written
        )
        lines = text_of(execute(work(20.0, SMALL, largest=code)).notebook, "largest").split()
        assert int(lines[-1]) <= SMALL.disk_mb << 20

    def test_processor_time_is_limited(self) -> None:
        run = execute(work(60.0, replace(SMALL, processor_s=3), largest="while True: pass"))
        assert run.outcome == "timed out"
        assert "processor time" in run.detail


FLOODS = {
    "prints": "import time\nend = time.time() + 6\nwhile time.time() < end: print('x' * 2000)",
    "one_line": "print('x' * 30_000_000)",
    "displays": "import time\nfrom IPython.display import display\nend = time.time() + 5\nwhile time.time() < end: display('x' * 100_000)",
    "past_jupyter": "import os\nfor _ in range(2000): os.write(1, b'x' * 100_000)",
    "errors": "raise ValueError('x' * 20_000_000)",
}


class TestFloods:
    @pytest.mark.parametrize("name", FLOODS)
    def test_the_grader_does_not_grow(self, name: str, record_property: Callable[[str, object], None]) -> None:
        run = execute(work(20.0, largest="def largest(x):\n    return -1.0\n\n" + "x = 1"))
        before = psutil.Process().memory_info().rss
        run = execute(work(20.0, largest="def largest(x):\n    return -1.0\n\n" + FLOODS[name]))
        after = psutil.Process().memory_info().rss
        record_property("gained", 3 * answered_right(run, "largest"))
        assert after < 1.5 * before
        assert len(as_bytes(run.notebook)) < 8_000_000
        assert answered_right(run, "row_sums")
        assert answered_right(run, "shares")


WRITTEN = {
    "script": "Because <script>alert(1)</script> it does.",
    "event": '<img src="x" onerror="alert(1)">',
    "image": "![x](https://example.org/seen.png)",
    "missing attachment": "![x](attachment:none.png)",
    "link": "[read on](javascript:alert(1))",
    "hidden link": "[read on](jav&#97;script:alert(1))",
    "reference": "[read on]\n\n[read on]: javascript:alert(1)\n",
    "autolink": "<javascript:alert(1)>",
    "diagram": "```mermaid\n<script>alert(1)</script>\n```",
    "formula": r"$\href{javascript:alert(1)}{x}$",
    "style": "<style>body { display: none }</style>",
    "frame": "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "escaped backslash": "x \\\\<b onclick=alert(1)>y</b>",
    "code span that is none": "`a\n\n<b onclick=alert(1)>` x",
    "slow": "\\\\[" * 20_000,
}
HONESTLY_WRITTEN = [
    "The sum over `dim=1` removes the columns: for $x_{ij} < 1$ and a < b, $$\\sum_j x_{ij} < m.$$",
    "1. first\n2. *second*, see [the docs](https://pytorch.org/docs)\n\n```python\nif x < y:\n    print('<b>')\n```\n",
    "| a | b |\n|---|---|\n| 1 | <https://pytorch.org> |\n",
    "A list `List[int]`, 3 < 4 > 2, AT&T, x<y, \\begin{align} a &< b \\end{align}",
]


class TestWrittenAnswers:
    @pytest.mark.parametrize("name", WRITTEN)
    def test_nothing_in_them_is_obeyed_by_formgrader_or_feedback(
        self, name: str, record_property: Callable[[str, object], None]
    ) -> None:
        record_property("gained", 0)
        released = student_edition()
        submitted = answered(released, **RIGHT | {"written_why": WRITTEN[name]})
        rebuilt = rebuild(released, read_submission(as_bytes(submitted))).notebook
        written = cell_of(rebuilt, "written_why").source
        assert not is_harmless(WRITTEN[name])
        assert is_harmless(written)
        assert [
            word for word in ("Because", "read on", "seen.png", "display: none") if word in WRITTEN[name] and word not in written
        ] == []

    @pytest.mark.parametrize("text", HONESTLY_WRITTEN)
    def test_formulas_code_and_comparisons_stay_as_they_are(self, text: str) -> None:
        assert harmless(text) == text

    def test_a_tag_outside_code_is_shown_and_the_rest_stays(self) -> None:
        assert harmless("A `List<int>` is no List<int>, $a<b$.") == "A `List<int>` is no List\\<int>, $a<b$."
