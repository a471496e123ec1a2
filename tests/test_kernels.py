"""Forked kernels: any Jupyter client can use them, they start at once, their walls are tested, and nothing of them stays."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import psutil
import pytest
from jupyter_client.manager import KernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellTimeoutError
from small_class import answered_right, only_warm_kernels_are_left, own_place, work
from traitlets.config import Config

from autograder.grading.execute import execute
from autograder.grading.unit import get_ready
from autograder.kernels import sandbox, warm
from autograder.kernels.provisioner import kernel_specification
from autograder.kernels.sandbox import SandboxError
from autograder.kernels.settings import LEVELS, Limits
from autograder.kernels.warm import ForkServer, close_fork_servers, fork_server, isolation_here

pytestmark = pytest.mark.slow
CODE = "import os, torch\nprint(os.getcwd(), float(torch.ones(3).sum()))"


@pytest.fixture(autouse=True, scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A place for everything temporary; in the end nothing is left in it and no process more than before."""
    tmp_path_factory.getbasetemp()  # not in there
    with own_place() as place:
        yield place
        assert only_warm_kernels_are_left(place)


@pytest.fixture
def specification(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a kernel.json in a folder of Jupyter's own search path."""
    folder = tmp_path / "kernels" / "forked"
    folder.mkdir(parents=True)
    (folder / "kernel.json").write_text(json.dumps(kernel_specification("strict", Limits())))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return "forked"


def notebook(*sources: str) -> nbformat.NotebookNode:
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source) for source in sources])


def run(kernel: str, *sources: str, **options: Any) -> list[str]:
    """Run cells with plain nbclient and return what each printed."""
    about, over_ipc = notebook(*sources), Config(KernelManager={"transport": "ipc"})
    NotebookClient(about, kernel_name=kernel, config=over_ipc, **{"timeout": 60} | options).execute()
    return ["".join(output.get("text", "") for output in cell.outputs) for cell in about.cells]


class TestAnyJupyterClient:
    def test_runs_a_plain_notebook(self, specification: str) -> None:
        assert run(specification, CODE, "print(2)") == ["/home/student 3.0\n", "2\n"]

    def test_two_at_once(self, specification: str) -> None:
        managers = [KernelManager(kernel_name=specification, transport="ipc") for _ in range(2)]
        try:
            clients = []
            for manager in managers:
                manager.start_kernel()
                clients.append(manager.client())
                clients[-1].start_channels()
                clients[-1].wait_for_ready(timeout=60)
            for client in clients:
                assert client.execute_interactive("1", timeout=60, output_hook=lambda _: None)["content"]["status"] == "ok"
            assert len({manager.provisioner.forked.guard for manager in managers}) == 2
        finally:
            for client in clients:
                client.stop_channels()
            for manager in managers:
                manager.shutdown_kernel(now=True)
        assert not any(manager.is_alive() for manager in managers)

    def test_can_be_interrupted_and_goes_on(self, specification: str) -> None:
        error = {"ename": "T", "evalue": "", "traceback": []}
        options = {"interrupt_on_timeout": True, "error_on_timeout": error, "allow_errors": True}
        assert run(specification, "while True: pass", "print(2)", timeout=2, **options) == ["", "2\n"]

    def test_one_that_may_not_be_interrupted_is_ended(self, specification: str) -> None:
        with pytest.raises(CellTimeoutError):
            run(specification, "import time; time.sleep(60)", timeout=1)

    def test_can_be_restarted(self, specification: str) -> None:
        manager = KernelManager(kernel_name=specification, transport="ipc")
        manager.start_kernel()
        first = manager.provisioner.forked.guard
        manager.restart_kernel(now=True)
        assert manager.is_alive()
        assert manager.provisioner.forked.guard != first
        manager.shutdown_kernel(now=True)

    def test_one_that_speaks_tcp_is_told_why_not(self, specification: str) -> None:
        with pytest.raises(RuntimeError, match="transport to 'ipc'"):
            KernelManager(kernel_name=specification).start_kernel()

    def test_starts_in_a_small_part_of_a_plain_kernels_time(self, specification: str) -> None:
        """Ready to use torch; each the fastest of a few, since the machine may be busy."""
        run(specification, CODE)

        def seconds(kernel: str) -> float:
            start = time.monotonic()
            run(kernel, CODE)
            return time.monotonic() - start

        plain = min(seconds("python3") for _ in range(2))
        assert min(seconds(specification) for _ in range(5)) < plain / 4

        def forking() -> float:
            server, start = fork_server("strict"), time.monotonic()
            scratch = server.new_scratch({})
            server.fork(scratch, Limits(), ask={"read": [], "write": [], "port": 1, "name": "none", "pid": 1})
            assert server.wait(60)
            shutil.rmtree(scratch)
            return time.monotonic() - start

        assert min(forking() for _ in range(5)) < plain / 10


class TestTheForkServer:
    def test_getting_ready_starts_it_and_leaves_failures_to_the_work(self, monkeypatch: pytest.MonkeyPatch) -> None:
        close_fork_servers()
        get_ready("strict", ("json",))
        (ready,) = warm._servers
        assert fork_server("strict", ("json",)) is ready
        monkeypatch.setattr("autograder.grading.unit.fork_server", lambda *_: pytest.fail("nothing is forked at this level"))
        get_ready("none", ())
        monkeypatch.undo()
        monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
        close_fork_servers()
        get_ready("strict", ())
        assert warm._servers == []

    def test_one_that_was_killed_is_started_again(self) -> None:
        server = fork_server("strict")
        assert fork_server("strict") is server
        server.process.kill()
        server.process.wait()
        again = fork_server("strict")
        assert again is not server
        assert not server.runs.exists()
        assert answered_right(execute(work()), "largest")

    def test_one_that_dies_during_a_run_costs_that_run_only(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(1) as pool:
            running = pool.submit(execute, work(row_sums="import time; time.sleep(20)"))
            end = time.monotonic() + 60
            while not any(one.running for one in warm._servers) and time.monotonic() < end:
                time.sleep(0.05)
            time.sleep(1)
            for server in warm._servers:
                server.process.kill()
            assert running.result().outcome in ("killed", "failed")
        assert answered_right(execute(work()), "largest")

    def test_a_changed_environment_is_noticed(self, monkeypatch: pytest.MonkeyPatch) -> None:
        server = fork_server("strict")
        monkeypatch.setattr(warm, "_fingerprint", lambda: "another package")
        assert fork_server("strict") is not server
        monkeypatch.undo()
        close_fork_servers()

    def test_a_new_package_changes_the_fingerprint(self, tmp_path: Path) -> None:
        import torch

        packages = Path(torch.__file__).parent.parent
        before = warm._fingerprint()
        made = packages / f"made_{os.getpid()}"
        made.mkdir()
        try:
            assert warm._fingerprint() != before
        finally:
            made.rmdir()

    @pytest.mark.parametrize("level", ["strict", "basic"])
    def test_a_killed_grader_leaves_no_process_and_the_next_one_tidies_up(self, level: str, here: Path) -> None:
        code = (
            "import sys, tempfile, time; tempfile.tempdir = sys.argv[2]; sys.path.insert(0, sys.argv[1])\n"
            f"import test_execute as t; t.execute(t.work(row_sums='import time; print(1); time.sleep(600)'), {level!r})"
        )
        place = here / f"killed-{level}"
        place.mkdir()
        grader = subprocess.Popen([sys.executable, "-c", code, str(Path(__file__).parent), str(place)])
        below: list[psutil.Process] = []
        try:
            end = time.monotonic() + 90
            while not list(place.glob("kernels-*/*/sockets/s-1")) and time.monotonic() < end:
                time.sleep(0.1)
            below = psutil.Process(grader.pid).children(recursive=True)
        finally:
            grader.send_signal(signal.SIGKILL)
            grader.wait()
        assert len(below) >= 4
        assert psutil.wait_procs(below, timeout=20)[1] == []
        old = time.time() - 2 * warm.START_S
        for path in place.glob("kernels-*"):
            os.utime(path, (old, old))
        warm._sweep(place)
        assert list(place.iterdir()) == []
        place.rmdir()

    def test_a_grader_that_lives_is_not_tidied_away(self, here: Path) -> None:
        server = fork_server("strict")
        old = time.time() - 2 * warm.START_S
        os.utime(server.runs, (old, old))
        warm._sweep(server.runs.parent)
        assert server.runs.is_dir()


def weakened(monkeypatch: pytest.MonkeyPatch, *, without: str = "", more: tuple[str, ...] = ()) -> None:
    """Let bubblewrap be called without one of its options, or with more."""
    real = sandbox._bubblewrap

    def line(bwrap: str, runs: Path) -> list[str]:
        built = [part for part in real(bwrap, runs) if part != without]
        return [*built[:-4], *more, *built[-4:]]

    monkeypatch.setattr(sandbox, "_bubblewrap", line)


class TestTheSelfTest:
    def test_here_every_wall_stands(self) -> None:
        assert isolation_here() == ("strict", [])
        assert fork_server("strict").open_walls == []

    def test_a_network_is_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        weakened(monkeypatch, without="--unshare-net")
        with pytest.raises(SandboxError, match="does not hold here: the network can be reached"):
            ForkServer("strict")

    def test_files_that_can_be_read_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        weakened(monkeypatch, more=("--ro-bind", "/etc/passwd", "/etc/passwd"))
        with pytest.raises(SandboxError, match="solutions or other files of the grader can be read"):
            ForkServer("strict")

    def test_the_solutions_are_among_what_is_tried(self) -> None:
        with warm._outside() as about:
            assert str(Path(sandbox.__file__).resolve().parents[2] / "solutions") in about["read"]

    def test_a_folder_that_can_be_written_is_told(self, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
        weakened(monkeypatch, more=("--bind", "/var/tmp", "/var/tmp"))
        with pytest.raises(SandboxError, match="files outside the scratch folder can be written"):
            ForkServer("strict")

    def test_other_processes_that_can_be_seen_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        weakened(monkeypatch)
        monkeypatch.setattr(sandbox, "sys", sys)
        server = "from autograder.kernels import confine, forkserver; confine.mount_proc = lambda: None; forkserver.main()"
        real = warm.command

        def line(*arguments: Any) -> list[str]:
            return [
                server if part == "autograder.kernels.forkserver" else "-c" if part == "-m" else part for part in real(*arguments)
            ]

        monkeypatch.setattr(warm, "command", line)
        with pytest.raises(SandboxError, match="processes of others can be seen"):
            ForkServer("strict")

    def test_without_bubblewrap_its_name_and_how_to_get_it_are_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(shutil, "which", lambda name: None)
        close_fork_servers()
        with pytest.raises(SandboxError, match="apt install bubblewrap"):
            execute(work(), "strict")
        level, why = isolation_here()
        assert level == "basic"
        assert "bubblewrap" in why[0]

    def test_where_namespaces_are_forbidden_what_was_said_is_told(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        refusing = tmp_path / "bwrap"
        refusing.write_text("#!/bin/sh\necho 'bwrap: setting up uid map: Permission denied' >&2\nexit 1\n")
        refusing.chmod(0o755)
        monkeypatch.setattr(shutil, "which", lambda name: str(refusing))
        with pytest.raises(SandboxError, match=r"'strict' cannot be had here: .*(uid map|user namespaces)"):
            ForkServer("strict")

    def test_other_systems_are_told_openly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        for level in ("strict", "basic"):
            with pytest.raises(SandboxError, match="needs Linux"):
                sandbox.command(level, Path(), ())

    def test_there_are_no_other_levels(self) -> None:
        with pytest.raises(SandboxError, match="it is one of strict, basic, none"):
            execute(work(), "loose")

    def test_refusing_leaves_nothing_behind(self, monkeypatch: pytest.MonkeyPatch, here: Path) -> None:
        close_fork_servers()
        weakened(monkeypatch, without="--unshare-net")
        with pytest.raises(SandboxError):
            ForkServer("strict")
        assert only_warm_kernels_are_left(here)


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_grades_honest_work(level: str) -> None:
    run = execute(work(), level)
    assert (run.outcome, run.detail) == ("graded", "")
    assert all(answered_right(run, name) for name in ("row_sums", "largest", "shares"))
