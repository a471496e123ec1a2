"""The process that has imported torch already and forks a confined Jupyter kernel on each request.

`python -m autograder.kernels.forkserver LEVEL MODULE...` reads requests from standard input, a JSON object a line, and writes
what happens to standard output in the same way. It never runs a student's code itself, has one thread, never touches CUDA, and
ends when its input ends. Under it stand, for each kernel: a guard, which makes the namespaces; inside, as process 1, a reaper,
which keeps the rights that the kernel gave up; and the kernel. At one time there is one kernel.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import io
import json
import os
import select
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from autograder.kernels import confine
from autograder.kernels.settings import Limits, limits_from

HOME = "/home/student"  # inside the strict sandbox; elsewhere the scratch folder itself
SOCKETS = "/run/kernel"
KERNEL_FILE = "/home/student/.local/share/jupyter/runtime/kernel.json"  # what a notebook server's kernel would be started with
# What every kernel needs; what a chapter imports beside it stands on the command line.
IMPORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
PORTS = ("shell_port", "iopub_port", "stdin_port", "control_port", "hb_port")
WATCH_S = 0.1  # between two looks at what a kernel uses


def main() -> None:
    """Import, then serve until the input ends."""
    level, *names = sys.argv[1:]
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what an import prints must not stand among the replies
    if level == "strict":
        confine.die_with_parent()  # bubblewrap; the grader's end is the input's end, as that signal means a thread, not a process
    confine.set_subreaper()
    warm_up(names)
    for name in _rehearsed():
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    gc.collect()
    gc.freeze()  # a collection in a fork would touch, and so copy, every page
    wakeup, waker = os.pipe()
    os.set_blocking(waker, False)
    os.set_blocking(wakeup, False)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the grader's to handle
    _tell(out, ready=True, pid=os.getpid())
    _serve(level, out, wakeup)


def warm_up(names: Iterable[str]) -> None:
    """Import all that a notebook imports, and use once what libraries prepare at their first use."""
    for name in (*IMPORTS, *names):
        with contextlib.suppress(Exception):
            importlib.import_module(name)
    import torch

    torch.set_num_threads(1)
    with contextlib.suppress(Exception):
        weight = torch.ones(2, 2, requires_grad=True)
        torch.autograd.backward((weight @ weight).sum())
        if "torch._dynamo" in sys.modules:
            _ = torch.ones(2, 2, device="meta") @ torch.ones(2, 2, device="meta")
            torch.optim.Adam([weight]).step()
    with contextlib.suppress(Exception):
        from matplotlib.figure import Figure

        figure = Figure()
        figure.add_subplot().plot([0, 1])
        figure.savefig(io.BytesIO(), format="svg")


def _rehearsed() -> list[str]:
    """What a kernel imports between its start and the end of its first cell, found by being one, in a fork."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        _never_return(lambda: _rehearse(writer))
    os.close(writer)
    with os.fdopen(reader) as told:
        names = told.read().split()
    os.waitpid(pid, 0)
    return names


def _rehearse(writer: int) -> int:
    import asyncio
    import tempfile

    before = set(sys.modules)
    with tempfile.TemporaryDirectory(dir=os.environ["HOME"]) as folder:
        os.chdir(folder)
        os.environ.update(dict.fromkeys(("HOME", "IPYTHONDIR"), folder))
        app = _listening({name: number for number, name in enumerate(PORTS, 1)} | {"key": "rehearsal"}, "/".join((folder, "s")))
        cell = "import matplotlib.pyplot as plt\nplt.figure()\n1"
        asyncio.run(app.kernel.do_execute(cell, silent=False))
        os.write(writer, "\n".join(sorted(set(sys.modules) - before)).encode())
    return 0


def _tell(out: Any, **what: object) -> None:
    out.write(json.dumps(what) + "\n")
    out.flush()


def _serve(level: str, out: Any, wakeup: int) -> None:
    kernel: _Kernel | None = None
    baseline = _resident(os.getpid())
    requests = _lines()
    while True:
        ready, _, _ = select.select([0, wakeup], [], [], WATCH_S if kernel else None)
        if wakeup in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(wakeup, 4096)
        if kernel and (ended := kernel.ended()) is not None:
            _end_descendants()
            _tell(out, ended=kernel.guard, status=ended, why=kernel.why, peak=kernel.peak)
            kernel = None
        if kernel and kernel.too_much(baseline):
            kernel.kill()
        if 0 not in ready:
            continue
        request = next(requests, None)
        if request is None:
            _end_descendants()
            return
        kernel = _start(level, request)
        _tell(out, guard=kernel.guard, reaper=kernel.reaper)


def _lines() -> Iterator[dict[str, Any]]:
    """The requests; read straight from the descriptor, since a buffer would hide a waiting one from `select`."""
    buffer = b""
    while True:
        while b"\n" in buffer:
            line, _, buffer = buffer.partition(b"\n")
            yield json.loads(line)
        data = os.read(0, 1 << 20)
        if not data:
            return
        buffer += data


class _Kernel:
    """The running kernel, seen from outside: its guard and reaper, and the most memory that was seen in use."""

    def __init__(self, guard: int, reaper: int, limits: Limits) -> None:
        self.guard, self.reaper, self.limits = guard, reaper, limits
        self.why, self.peak = "", 0

    def ended(self) -> int | None:
        """The kernel's exit status, as a shell would tell it; None while it runs."""
        status: int | None = None
        with contextlib.suppress(ChildProcessError):
            while True:
                pid, code = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    break
                if pid == self.guard:
                    status = os.waitstatus_to_exitcode(code)
        return status

    def too_much(self, baseline: int) -> bool:
        """Whether the processes together use more memory than allowed, or are too many; `why` then says so."""
        processes = [pid for pid in _descendants(self.guard) if pid not in (self.guard, self.reaper)]
        used = max(0, sum(map(_resident, processes)) - baseline)
        if used > self.limits.memory_mb << 20:  # as that may count what forks share once for each, count exactly
            used = max(0, sum(map(_own_share, [os.getpid(), self.guard, self.reaper, *processes])) - baseline)
        self.peak = max(self.peak, used)
        tasks = sum(_threads(pid) for pid in processes)
        if used > self.limits.memory_mb << 20:
            self.why = f"out of memory: it used more than {self.limits.memory_mb} MB"
        elif tasks > self.limits.processes:
            self.why = f"it started more than {self.limits.processes} processes and threads"
        return bool(self.why)

    def kill(self) -> None:
        """End the kernel and all it started."""
        for pid in (self.reaper, self.guard):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


def _resident(pid: int) -> int:
    """Bytes of memory that a process uses: all but what files account for, its page tables too; 0 when it is gone."""
    return _kilobytes(f"/proc/{pid}/status", ("RssAnon:", "RssShmem:", "VmPTE:")) << 10


def _own_share(pid: int) -> int:
    """The same, with what several processes share divided among them: added up over all, each byte counts once."""
    return _kilobytes(f"/proc/{pid}/smaps_rollup", ("Pss_Anon:", "Pss_Shmem:")) << 10 or _resident(pid)


def _kilobytes(path: str, names: tuple[str, ...]) -> int:
    try:
        lines = Path(path).read_text().splitlines()
    except OSError:
        return 0
    return sum(int(line.split()[1]) for line in lines if line.startswith(names))


def _threads(pid: int) -> int:
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return 0


def _descendants(pid: int) -> Iterator[int]:
    """A process and all below it, also in namespaces of their own."""
    yield pid
    for task in _listed(f"/proc/{pid}/task"):
        try:
            children = Path(f"/proc/{pid}/task/{task}/children").read_text().split()
        except OSError:
            continue
        for child in children:
            yield from _descendants(int(child))


def _listed(folder: str) -> list[str]:
    try:
        return [path.name for path in Path(folder).iterdir()]
    except OSError:
        return []


def _end_descendants() -> None:
    """Kill whatever a kernel left behind: as subreaper, this process is the parent of all of it in the end."""
    while True:
        left = [pid for pid in _descendants(os.getpid()) if pid != os.getpid()]
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not left:
            return
        time.sleep(0.002)


def _start(level: str, request: dict[str, Any]) -> _Kernel:
    """Fork the guard of a new kernel and learn who its reaper is."""
    limits = limits_from(request["limits"])
    reader, writer = os.pipe()
    guard = os.fork()
    if guard == 0:
        os.close(reader)
        _never_return(lambda: _guard(level, request, limits, writer))
    os.close(writer)
    with os.fdopen(reader, "rb") as told:
        reaper = int(told.readline() or b"0")
    return _Kernel(guard, reaper or guard, limits)


def _never_return(work: Callable[[], int]) -> None:
    """Run `work` in a fork and end the process with its result; an error goes to standard error, which is the kernel's log."""
    code = 70
    try:
        code = work()
    except BaseException as error:
        with contextlib.suppress(BaseException):
            os.write(2, f"{type(error).__name__}: {error}\n".encode())
    finally:
        os._exit(code)


def _guard(level: str, request: dict[str, Any], limits: Limits, writer: int) -> int:
    """Between the fork server and the kernel's own world: make the namespaces, start the reaper in them, pass on its end."""
    confine.die_with_parent()
    _plain_process(request, keep=(writer,))
    if level == "strict":
        confine.own_namespaces()
    reaper = os.fork()
    if reaper == 0:
        os.close(writer)
        _never_return(lambda: _reaper(level, request, limits))
    os.write(writer, f"{reaper}\n".encode())
    os.close(writer)
    _, status = os.waitpid(reaper, 0)
    return _as_shell(os.waitstatus_to_exitcode(status))


def _as_shell(code: int) -> int:
    return 128 - code if code < 0 else code


def _plain_process(request: dict[str, Any], keep: tuple[int, ...]) -> None:
    """Nothing of the fork server's: no descriptors but the log and `keep`, its own name and session, ordinary signals."""
    confine.rename_process(f"{sys.executable}\0-m\0ipykernel_launcher\0-f\0{KERNEL_FILE}")
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.setsid()
    nothing, log = os.open(os.devnull, os.O_RDWR), os.open(request["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(log, 1)
    os.dup2(log, 2)
    confine.close_descriptors(but=keep)


def _reaper(level: str, request: dict[str, Any], limits: Limits) -> int:
    """Process 1 of the kernel's world, the parent of all orphans in it; when it ends, the system ends all of them.

    It keeps what the kernel gives up: once the kernel's sockets are there, it makes their folder read-only.
    """
    confine.die_with_parent()
    memory = confine.data_in_use() + (limits.memory_mb << 20)
    if level == "strict":
        _own_file_system(request, limits)
    ready, told = os.pipe()
    kernel = os.fork()
    if kernel == 0:
        os.close(ready)
        confine.limit_resources(memory, limits.processor_s, limits.file_mb << 20, limits.open_files, limits.processes)
        _never_return(lambda: _kernel(level, request, told))
    os.close(told)
    signal.signal(signal.SIGINT, lambda *_: _interrupt(kernel))
    with os.fdopen(ready, "rb") as waiting:
        listening = waiting.read()
    if level == "strict" and listening:
        confine.bind_read_only(SOCKETS)
    while True:
        pid, status = os.wait()
        if pid == kernel:
            return _as_shell(os.waitstatus_to_exitcode(status))


def _interrupt(kernel: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(kernel, signal.SIGINT)


def _own_file_system(request: dict[str, Any], limits: Limits) -> None:
    """Empty folders in memory where the kernel may write, the chapter's files in its home, and only its own sockets."""
    scratch = Path(SOCKETS, request["name"])
    files = {path.relative_to(scratch / "files"): path.read_bytes() for path in (scratch / "files").rglob("*") if path.is_file()}
    confine.bind(str(scratch / "sockets"), SOCKETS)
    confine.mount_proc()
    kept = [Path(place) for place in request["readable"] if place.startswith("/tmp/")]
    if kept:  # this Python stands below /tmp: hold on to it while /tmp is replaced
        confine.bind("/tmp", "/dev/shm")
    confine.mount_tmpfs("/tmp", limits.disk_mb)  # one limit for all three; the last covers what it was made from
    for folder in ("home", "memory", "temporary"):
        Path("/tmp", folder).mkdir()
    for place in kept:
        _show_again(Path("/dev/shm", place.relative_to("/tmp")), Path("/tmp/temporary", place.relative_to("/tmp")))
    for folder, target in (("home", HOME), ("memory", "/dev/shm"), ("temporary", "/tmp")):
        confine.bind(f"/tmp/{folder}", target)
    for name, data in files.items():
        path = Path(HOME, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def _show_again(held: Path, place: Path) -> None:
    """Show what is held at its old place; where a place lies in another that is shown already, there is nothing to do."""
    if not held.exists() or place.exists():
        return
    if held.is_dir():
        place.mkdir(parents=True)
    else:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.touch()
    confine.bind(str(held), str(place))


def _kernel(level: str, request: dict[str, Any], told: int) -> int:
    """Give up every right, then be an ordinary Jupyter kernel."""
    confine.die_with_parent()
    folder = _settle(level, request)
    if level == "strict":
        confine.drop_capabilities()
    if level == "basic":
        write = [str(folder), str(Path(request["scratch"], "sockets")), "/dev/shm", "/dev/null", "/dev/tty"]
        confine.restrict_files(read=request["readable"], write=write)
    if request.get("ask"):
        return _self_test(request, level, told)
    os.setpgid(0, 0)
    app = _listening(request["connection"], request["sockets"])
    if level != "none":
        confine.forbid_system_calls(network=level == "strict")
    _forget_the_forkserver()
    os.write(told, b"1")
    os.close(told)
    app.start()
    return 0


def _settle(level: str, request: dict[str, Any]) -> Path:
    """The working folder, and the environment that a student's own Jupyter would have."""
    folder = Path(HOME) if level == "strict" else Path(request["scratch"], "files")
    os.chdir(folder)
    temporary = "/tmp" if level == "strict" else str(folder)
    home = dict.fromkeys(("HOME", "IPYTHONDIR", "MPLCONFIGDIR"), str(folder))
    os.environ.update(request["environment"] | home | {"TMPDIR": temporary, "PWD": str(folder)})
    return folder


def _listening(connection: dict[str, Any], sockets: str) -> Any:
    """An IPython kernel whose sockets are bound."""
    from ipykernel.ipkernel import IPythonKernel
    from ipykernel.kernelapp import IPKernelApp

    sys.argv = [str(Path(sys.prefix, "lib", "ipykernel_launcher.py")), "-f", KERNEL_FILE]
    sys.path[:] = ["", *(path for path in sys.path if path)]
    app: Any = IPKernelApp(kernel_class=IPythonKernel, connection_file="", parent_handle=0)
    for name in PORTS:
        setattr(app, name, connection[name])
    app.transport, app.ip = "ipc", sockets
    app.config.Session.key = connection["key"].encode()
    app.config.HistoryManager.enabled = False
    app.quiet = True
    app.write_connection_file = lambda **_: None
    app.initialize([])
    return app


def _forget_the_forkserver() -> None:
    for name in [name for name in sys.modules if name.startswith("autograder.kernels")]:
        del sys.modules[name]


def _self_test(request: dict[str, Any], level: str, told: int) -> int:
    """In place of a kernel: try what must fail, and write down what did not."""
    from autograder.kernels.selftest import broken_walls

    if level != "none":
        confine.forbid_system_calls(network=level == "strict")
    Path(request["sockets"] + "answer").write_text(json.dumps(broken_walls(request["ask"])))
    os.write(told, b"1")
    return 0


if __name__ == "__main__":
    main()
