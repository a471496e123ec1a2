"""A Jupyter client that keeps a bounded part of what a kernel sends, and the kernels it drives: forked and confined, or plain."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.kernelspec import KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionComplete
from nbformat import NotebookNode

from autograder.kernels.provisioner import ForkedSpecs
from autograder.kernels.sandbox import clean_environment
from autograder.kernels.settings import Ended, Limits

__all__ = ["BoundedClient", "running_kernel"]

SETTLE_S = 10.0  # for the outputs to arrive after a cell's reply, and for a kernel to stop when it is interrupted
START_S = 120.0
# A flood may fill this much of the grader's memory: so many messages of such a size wait to be read, the kernel keeps or drops
# the rest.
MAX_MESSAGE_BYTES = 24 * 2**20
MAX_WAITING_MESSAGES = 16


class _Channels(AsyncKernelClient):  # type: ignore[misc]
    """A client that is ready as soon as the kernel is: its outputs' channel greets, so there is nothing to wait out."""

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait for the greeting and for the first answer. Raises RuntimeError where the kernel dies or none comes."""
        end = time.monotonic() + (timeout or START_S)
        self.kernel_info()
        waiting = {"iopub": self.iopub_channel, "shell": self.shell_channel}
        while waiting:
            for name, channel in list(waiting.items()):
                # The first message there is the greeting; a plain kernel without one sends its status.
                if await channel.socket.poll(50):
                    await channel.get_msg()
                    del waiting[name]
            if waiting and not await self._async_is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if waiting and time.monotonic() > end:
                raise RuntimeError(f"Kernel didn't respond in {timeout or START_S:g} seconds")


class BoundedClient(NotebookClient):  # type: ignore[misc]
    """nbclient that keeps a bounded part of what a kernel sends, and is not put off by what makes no sense."""

    printed_left = shown_left = 0  # characters that the running cell may still send
    idle = False  # whether it has come to its end
    in_time = True  # whether that was before its time was up
    quits = False  # whether it asked the kernel to end, with exit() or quit()
    context: zmq.asyncio.Context  # of the sockets, with their limits

    def start_cell(self, printed: int, shown: int, limit_s: float) -> None:
        """Get ready for a cell that may send so much and take so long; displays of earlier cells can no longer be changed."""
        self.reset_execution_trackers()
        self.room = printed, shown
        self.printed_left, self.shown_left = self.room
        self.timeout, self.idle, self.in_time, self.quits = limit_s, False, True, False

    async def async_start_new_kernel_client(self) -> Any:
        """The channels that are needed, and no thread that listens for heartbeats: the kernel's process tells more."""
        self.kc = self.km.client(context=self.context)
        self.kc.start_channels(stdin=False, hb=False)
        try:
            await self.kc.wait_for_ready(timeout=self.startup_timeout)
        except BaseException:
            await self._async_cleanup_kernel()
            raise
        self.kc.allow_stdin = False
        return self.kc

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


@contextlib.contextmanager
def running_kernel(
    notebook: NotebookNode, files: dict[str, bytes], level: str, limits: Limits, imports: tuple[str, ...]
) -> Iterator[tuple[BoundedClient, Ended]]:
    """A running kernel beside `files`, gone afterwards with everything it started.

    `level` is one of `settings.LEVELS`; on 'none' it is a plain Jupyter kernel. Raises RuntimeError where the kernel does not
    start, SandboxError where the level cannot be had.
    """
    start = _plain_kernel if level == "none" else _forked_kernel
    with start(notebook, files, level, limits, imports) as running:
        yield running


@contextlib.contextmanager
def _client(notebook: NotebookNode, specifications: KernelSpecManager) -> Iterator[BoundedClient]:
    """A client and its kernel manager, with bounded sockets that are closed at the end."""
    context = zmq.asyncio.Context()
    context.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    context.setsockopt(zmq.RCVHWM, MAX_WAITING_MESSAGES)
    context.setsockopt(zmq.LINGER, 0)
    manager = AsyncKernelManager(kernel_name="python3", transport="ipc", kernel_spec_manager=specifications)
    manager.client_class = f"{__name__}._Channels"
    client = BoundedClient(
        notebook, km=manager, startup_timeout=int(START_S), interrupt_on_timeout=True, allow_errors=True, iopub_timeout=SETTLE_S,
        error_on_timeout={"ename": "TimeoutError", "evalue": "", "traceback": []},
        extra_arguments=["--HistoryManager.hist_file=:memory:"], shutdown_kernel="immediate", store_widget_state=False,
    )  # fmt: skip
    client.owns_km, client.context, client.comm_open_handlers = True, context, {}
    try:
        yield client
    finally:
        manager.context.destroy(linger=0)
        context.destroy(linger=0)


@contextlib.contextmanager
def _forked_kernel(
    notebook: NotebookNode, files: dict[str, bytes], level: str, limits: Limits, imports: tuple[str, ...]
) -> Iterator[tuple[BoundedClient, Ended]]:
    with _client(notebook, ForkedSpecs(level, limits, imports)) as client, client.setup_kernel(files=files):
        yield client, client.km.provisioner.ended


@contextlib.contextmanager
def _plain_kernel(
    notebook: NotebookNode, files: dict[str, bytes], level: str, limits: Limits, imports: tuple[str, ...]
) -> Iterator[tuple[BoundedClient, Ended]]:
    """An ordinary kernel of this environment, in a scratch folder, without the environment's secrets: no sandbox.

    What it writes past Jupyter goes to a file in the scratch folder, not to the grader's terminal.
    """
    # This environment's own Python, whatever kernel the user may have installed as 'python3'. Inter-process sockets in the
    # scratch folder: no port that another user of the machine could reach.
    with _scratch(files) as scratch, _client(notebook, KernelSpecManager(kernel_dirs=[])) as client:
        manager, group, log = client.km, None, scratch / "kernel.log"
        manager.connection_file, manager.ip = str(scratch / "kernel.json"), str(scratch / "kernel-ipc")
        own = dict.fromkeys(("HOME", "IPYTHONDIR", "MPLCONFIGDIR", "TMPDIR"), str(scratch))
        try:
            with log.open("wb") as file, contextlib.ExitStack() as running:
                options: dict[str, Any] = {
                    "env": clean_environment() | own,
                    "cwd": str(scratch),
                    "stdout": file,
                    "stderr": file,
                }
                try:
                    running.enter_context(client.setup_kernel(**options))
                except RuntimeError as error:
                    last = [line.strip() for line in log.read_text("utf-8", "replace").splitlines() if line.strip()][-3:]
                    raise RuntimeError(f"{error} ({' / '.join(last)[-500:] or 'it said nothing'})") from error
                group = getattr(manager.provisioner, "pgid", None)
                yield client, Ended()
        finally:
            if group:
                with contextlib.suppress(OSError):
                    os.killpg(group, signal.SIGKILL)


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
