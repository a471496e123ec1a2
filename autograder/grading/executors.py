"""Where the work is done: processes of this machine, or Dask's workers on many; both with the interface of concurrent.futures."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from typing import Any

__all__ = ["Lost", "dask_executor", "local_executor", "spread"]


class Lost(Exception):
    """The work's worker died, twice: told as such, it is not tried a third time."""


def local_executor(jobs: int) -> Executor:
    """So many processes of this machine. They come from a process that has imported torch once, and end with this one."""
    context = multiprocessing.get_context("forkserver" if sys.platform != "win32" else "spawn")
    if sys.platform != "win32":
        context.set_forkserver_preload(["autograder.grading.unit"])
    return ProcessPoolExecutor(jobs, mp_context=context, initializer=_start_worker)


def _start_worker() -> None:
    """Ctrl-C is for the process that leads; and no worker outlives it, however it ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_leader, daemon=True).start()


def _end_with_leader() -> None:
    leader = multiprocessing.parent_process()
    if leader is not None:
        leader.join()
    os.kill(os.getpid(), signal.SIGKILL if hasattr(signal, "SIGKILL") else signal.SIGTERM)


@contextlib.contextmanager
def dask_executor(address: str) -> Iterator[Callable[[], Executor]]:
    """Dask's workers behind the scheduler at `address`; each needs this package installed, and nothing of the course.

    Raises OSError where no scheduler answers.
    """
    from distributed import Client

    with Client(address, timeout="20s", set_as_default=False) as client:  # type: ignore[no-untyped-call]
        yield lambda: client.get_executor(pure=False, retries=1)


def spread(
    function: Callable[..., bytes],
    work: Iterator[tuple[str, tuple[Any, ...] | None]],
    make: Callable[[], Executor],
    at_a_time: int,
) -> Iterator[tuple[str, bytes | BaseException | None]]:
    """Call `function(*arguments)` for each key's arguments; yield each key with its result, or with the error raised, as they
    come.

    `work` is drawn from as there is room: no more than `at_a_time` are handed out at once. A key whose arguments are None needs
    no call; it is yielded with None. Where a worker dies, new ones are made by `make`, and all that was being done is done
    again, one at a time; what ends its worker then, too, is yielded as `Lost`.
    """
    suspects: dict[str, tuple[Any, ...]] = {}
    tried: set[str] = set()
    running: dict[Future[bytes], tuple[str, tuple[Any, ...]]] = {}
    executor: Executor | None = None
    exhausted = False
    try:
        while not exhausted or suspects or running:
            alone = bool(suspects) or any(key in tried for key, _ in running.values())
            if len(running) < (1 if alone else at_a_time) and (suspects or not exhausted):
                key, arguments = suspects.popitem() if suspects else next(work, ("", None))
                exhausted = exhausted or not key
                if key and arguments is None:
                    yield key, None
                elif arguments is not None:
                    executor = executor or make()
                    running[executor.submit(function, *arguments)] = key, arguments
                continue
            over = wait(running, return_when=FIRST_COMPLETED).done
            if any(isinstance(future.exception(), BrokenExecutor) for future in over):
                over, executor = wait(running).done, None  # all that ran there falls with it
            for future in over:
                key, arguments = running.pop(future)
                error = future.exception()
                if not isinstance(error, BrokenExecutor):
                    yield key, error or future.result()
                elif key in tried:
                    yield key, Lost("the process that ran it died, twice")
                else:
                    tried.add(key)
                    suspects[key] = arguments
    finally:
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)
