"""The grader's side of the fork server: start it, ask it for kernels, end it; one for each process that grades."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import json
import os
import secrets
import select
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any

import autograder
from autograder.kernels.sandbox import NEEDED, SandboxError, advice, clean_environment, command, readable
from autograder.kernels.selftest import WALLS
from autograder.kernels.settings import LEVELS, Limits, as_json

__all__ = ["ForkServer", "Forked", "close_fork_servers", "fork_server", "isolation_here"]

START_S = 180.0  # importing torch on a busy machine
ANSWER_S = 60.0
PREFIX = "kernels-"


@dataclass(frozen=True)
class Forked:
    """A running kernel: the process whose end ends all of it, the one that interrupts it, and its scratch folder on this side."""

    guard: int
    reaper: int
    scratch: Path


class ForkServer:
    """A running fork server at one level of isolation, with the folder it shares with its kernels; ends with this process."""

    def __init__(self, level: str, imports: tuple[str, ...] = ()) -> None:
        """Start it, with `imports` imported, and test its walls.

        Raises SandboxError where they do not hold, RuntimeError where it does not start.
        """
        self.level, self.imports = level, imports
        base = tempfile.gettempdir()  # a socket's name may have 107 characters
        base = base if len(base) < 60 else "/tmp"
        _sweep(Path(base))
        self.runs = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        self._lock = os.open(self.runs / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self.owner, self.closed = os.getpid(), False
        self.environment = _fingerprint()
        self.running: Forked | None = None
        self.ended: dict[str, Any] = {}
        self.peak = 0
        self._buffer = b""
        try:
            self._start()
            self._test_walls()
        except BaseException:
            self.close()
            raise

    def _start(self) -> None:
        log = self.runs / "log"
        line = command(self.level, self.runs, self.imports)
        with log.open("wb") as errors:
            self.process = subprocess.Popen(
                line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=clean_environment() | self._own_folders(),
                cwd="/", bufsize=0, start_new_session=True,
            )  # fmt: skip
        atexit.register(self.close)
        self._finalizer = Finalize(None, self.close, exitpriority=10)  # multiprocessing's workers leave atexit out
        if self._answer("ready", START_S) is None:
            said = " / ".join(log.read_text("utf-8", "replace").strip().splitlines()[-2:])[-300:]
            if self.level == "strict":
                raise SandboxError(
                    f"isolation 'strict' cannot be had here: {advice('strict', said or 'bubblewrap ended silently')}"
                )
            raise RuntimeError(f"the process that forks kernels did not start: {said or 'it said nothing'}")

    def _own_folders(self) -> dict[str, str]:
        """Where the fork server itself may write: a home, and a copy of matplotlib's list of fonts, which takes long to make."""
        import matplotlib

        home, fonts = self.runs / "home", self.runs / "matplotlib"
        home.mkdir()
        fonts.mkdir()
        for path in Path(matplotlib.get_cachedir()).glob("fontlist-*.json"):
            shutil.copy(path, fonts)
        return {"HOME": self.inside(home), "MPLCONFIGDIR": self.inside(fonts), "TMPDIR": self.inside(home)}

    def inside(self, path: Path) -> str:
        """The name that a path in the shared folder has for the fork server."""
        return str(Path("/run/kernel", path.relative_to(self.runs))) if self.level == "strict" else str(path)

    def new_scratch(self, files: dict[str, bytes]) -> Path:
        """A scratch folder for one kernel: its files, its sockets, its log."""
        scratch = self.runs / secrets.token_hex(4)
        (scratch / "files").mkdir(parents=True)
        (scratch / "sockets").mkdir()
        for name, data in files.items():
            path = scratch / "files" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return scratch

    def fork(self, scratch: Path, limits: Limits, **more: Any) -> Forked:
        """Fork a kernel that works in `scratch`. Raises RuntimeError where the fork server is gone or another kernel runs."""
        if self.running is not None:
            raise RuntimeError("another kernel is still running")
        sockets = "/run/kernel/s" if self.level == "strict" else str(scratch / "sockets" / "s")
        request = {
            "name": scratch.name, "scratch": str(scratch), "log": self.inside(scratch / "log"), "sockets": sockets,
            "limits": as_json(limits), "environment": clean_environment(), "readable": readable(),
        } | more  # fmt: skip
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
        except OSError as error:
            raise RuntimeError("the process that forks kernels has ended") from error
        told = self._answer("guard", ANSWER_S)
        if told is None:
            raise RuntimeError("the process that forks kernels gave no answer")
        self.ended = {}
        self.running = Forked(told["guard"], told["reaper"], scratch)
        return self.running

    def poll(self) -> int | None:
        """The exit status of the kernel that runs or ran; None while it runs."""
        if self.running is not None:
            told = self._answer("ended", 0.0)
            if told is None and self.process.poll() is None:
                return None
            self._note_end(told or {"status": 1, "why": "the process that forks kernels died"})
        return int(self.ended.get("status", 1))

    def poll_idle(self) -> bool:
        """Whether no kernel runs."""
        return self.running is None or self.poll() is not None

    def wait(self, seconds: float) -> bool:
        """Wait for the kernel's end, with everything it started."""
        if self.running is not None and (told := self._answer("ended", seconds)) is not None:
            self._note_end(told)
        return self.running is None

    def _note_end(self, told: dict[str, Any]) -> None:
        self.ended, self.running = told, None
        self.peak = int(told.get("peak", 0))

    def alive(self) -> bool:
        """Whether it can fork another kernel in the same environment as at its start."""
        return self.owner == os.getpid() and self.process.poll() is None and self.environment == _fingerprint()

    def close(self) -> None:
        """End it, and with it every kernel; remove its folder."""
        if self.owner != os.getpid() or self.closed:
            return  # a fork of this process does not own it
        self.closed = True
        atexit.unregister(self.close)
        process = getattr(self, "process", None)
        if process is not None:
            self._finalizer.cancel()
            with contextlib.suppress(OSError):
                process.stdin.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            process.stdout.close()
        os.close(self._lock)
        shutil.rmtree(self.runs, ignore_errors=True)

    def _answer(self, key: str, seconds: float) -> dict[str, Any] | None:
        """The next message that has `key`; None where none comes in time or the fork server has ended."""
        assert self.process.stdout is not None
        end = time.monotonic() + seconds
        while True:
            while b"\n" in self._buffer:
                line, _, self._buffer = self._buffer.partition(b"\n")
                told: dict[str, Any] = json.loads(line)
                if key in told:
                    return told
            ready, _, _ = select.select([self.process.stdout], [], [], max(0.0, end - time.monotonic()))
            if not ready:
                return None
            data = os.read(self.process.stdout.fileno(), 1 << 16)
            if not data:
                return None
            self._buffer += data

    def _test_walls(self) -> None:
        """Try from inside what must fail. Raises SandboxError, naming what does not hold."""
        with _outside() as about:
            scratch = self.new_scratch({})
            forked = self.fork(scratch, Limits(), ask=about)
            answered = self.wait(ANSWER_S)
            answer = scratch / "sockets" / "sanswer"
            try:
                broken = json.loads(answer.read_text()) if answered else list(WALLS)
            except (OSError, ValueError):
                said = (scratch / "log").read_text("utf-8", "replace").strip()[-300:] if (scratch / "log").exists() else ""
                raise SandboxError(f"isolation '{self.level}' cannot be had here: {advice(self.level, said)}") from None
            finally:
                shutil.rmtree(forked.scratch, ignore_errors=True)
        self.open_walls = broken
        if through := [WALLS[name] for name in broken if name in NEEDED[self.level]]:
            raise SandboxError(f"isolation '{self.level}' does not hold here: {'; '.join(through)}")


@contextlib.contextmanager
def _outside() -> Iterator[dict[str, Any]]:
    """Things outside that a sandbox must not reach: files, folders, a server on each kind of socket, this process."""
    package = Path(autograder.__file__).parent
    with tempfile.TemporaryDirectory(prefix="outside-") as folder, socket.socket() as port, socket.socket(socket.AF_UNIX) as name:
        secret = Path(folder, "gradebook.db")
        secret.write_text("secret")
        port.bind(("127.0.0.1", 0))
        port.listen()
        abstract = f"outside-{secrets.token_hex(8)}"
        name.bind("\0" + abstract)
        name.listen()
        yield {
            "read": [str(secret), "/etc/shadow", "/etc/passwd", str(package.parent / "solutions")],
            "write": [folder, str(package), str(Path.home()), "/etc", "/usr", "/dev", "/run", "/var/tmp"],
            "port": port.getsockname()[1], "name": abstract, "pid": os.getpid(),
        }  # fmt: skip


def _fingerprint() -> tuple[object, ...]:
    """What tells that the installed packages or this one changed since the start: the folders' times."""
    import torch

    places = [Path(torch.__file__).parent.parent, *Path(autograder.__file__).parent.glob("*"), Path(autograder.__file__).parent]
    return tuple((str(place), place.stat().st_mtime_ns) for place in sorted(places) if place.name != "__pycache__")


def _sweep(base: Path) -> None:
    """Remove the shared folders of graders that were killed: nobody holds their lock any more."""
    for lock in base.glob(f"{PREFIX}*/lock"):
        with contextlib.suppress(OSError):
            about = lock.parent.lstat()
            if about.st_uid != os.getuid() or not stat.S_ISDIR(about.st_mode) or time.time() - about.st_mtime < START_S:
                continue
            handle = os.open(lock, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
            finally:
                os.close(handle)


_servers: list[ForkServer] = []


def fork_server(level: str, imports: tuple[str, ...] = ()) -> ForkServer:
    """A fork server of this process's that runs no kernel now: started where there is none at this level with these imports, and
    again where it died or the environment changed.
    """
    for server in [server for server in _servers if not server.alive()]:
        server.close()
        _servers.remove(server)
    fitting = [server for server in _servers if server.level == level and set(imports) <= set(server.imports)]
    idle = next((server for server in fitting if server.poll_idle()), None)
    if idle is None:
        for server in [server for server in _servers if server.poll_idle()]:  # another chapter's: it would only hold memory
            server.close()
            _servers.remove(server)
        idle = ForkServer(level, imports)
        _servers.append(idle)
    return idle


def close_fork_servers() -> None:
    """End all of this process's."""
    while _servers:
        _servers.pop().close()


def isolation_here() -> tuple[str, list[str]]:
    """The highest level that holds here, and why each higher one does not."""
    why: list[str] = []
    for level in LEVELS:
        try:
            if level != "none":
                fork_server(level)
        except (SandboxError, RuntimeError) as error:
            why.append(str(error))
        else:
            return level, why
    raise AssertionError("level 'none' always holds")
