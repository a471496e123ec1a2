"""Where the work is done: processes of this machine, or Dask's workers on many; both with the interface of concurrent.futures."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ProcessPoolExecutor, wait
from typing import Any

__all__ = ["Lost", "NoWorkersError", "dask_executor", "getting_ready", "local_executor", "spread"]

LONGEST_FOLDER = 70  # and so much room for what multiprocessing adds


class Lost(Exception):
    """The work's worker died, twice: told as such, it is not tried a third time."""


class NoWorkersError(Exception):
    """There is nobody to do the work; the message says what to start."""


def local_executor(jobs: int) -> Executor:
    """So many processes of this machine; they end with this one. Where they can, they come from one that has imported torch."""
    # The process they come from listens on a socket in the folder for temporary files, whose name may have 107 characters.
    if sys.platform == "win32" or len(tempfile.gettempdir()) > LONGEST_FOLDER:
        return ProcessPoolExecutor(jobs, mp_context=multiprocessing.get_context("spawn"), initializer=_start_worker)
    context = multiprocessing.get_context("forkserver")
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
def getting_ready(
    make: Callable[[], Executor], workers: int, prepare: Callable[..., None], *arguments: Any
) -> Iterator[Callable[[], Executor]]:
    """`make`, whose first executor is made at once: its workers call `prepare(*arguments)` while the caller does other things."""
    first = [make()]

    def start() -> None:
        with contextlib.suppress(RuntimeError):  # it was shut down meanwhile, or its workers died, which the work will tell
            for _ in range(workers):
                first[0].submit(prepare, *arguments)

    # The first process of a pool takes seconds, and whoever asks for it waits.
    starting = threading.Thread(target=start)
    starting.start()

    def take() -> Executor:
        starting.join()
        return first.pop() if first else make()

    try:
        yield take
    finally:
        starting.join()
        for unused in first:
            unused.shutdown(wait=False, cancel_futures=True)


@contextlib.contextmanager
def dask_executor(address: str, patience_s: float = 20.0) -> Iterator[tuple[Callable[[], Executor], int]]:
    """Dask's workers behind the scheduler at `address`, and how many notebooks they run at a time.

    Each worker needs this package installed, and nothing of the course: what is to be run travels with the work.
    Raises NoWorkersError where no scheduler answers within `patience_s` seconds, or none of its workers.
    """
    from distributed import Client

    try:
        client = Client(address, timeout=patience_s, set_as_default=False)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise NoWorkersError(f"no Dask scheduler answers at {address}; start one with `dask scheduler` ({error})") from None
    with client:
        try:
            client.wait_for_workers(1, timeout=patience_s)
        except TimeoutError:
            line = f"dask worker {address} --nthreads 1"
            raise NoWorkersError(f"the scheduler at {address} has no worker; start some with `{line}`") from None
        yield lambda: _Behind(client.get_executor(pure=False)), sum(client.nthreads().values())  # type: ignore[no-untyped-call]


class _Behind(Executor):
    """Dask's executor, with its own words for a worker that died put into ours."""

    def __init__(self, inner: Executor) -> None:
        self.inner = inner

    def submit(self, function: Callable[..., Any], /, *arguments: Any, **options: Any) -> Future[Any]:
        told: Future[Any] = Future()
        self.inner.submit(function, *arguments, **options).add_done_callback(lambda done: _pass_on(done, told))
        return told

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self.inner.shutdown(wait=wait)  # what has not come by then is released, and so cancelled


def _pass_on(done: Future[Any], told: Future[Any]) -> None:
    from distributed.scheduler import KilledWorker

    if done.cancelled():
        told.set_exception(Lost("the connection to the Dask scheduler was lost"))
    elif isinstance(error := done.exception(), KilledWorker):
        told.set_exception(Lost("the processes that ran it died, each time"))
    elif error is not None:
        told.set_exception(error)
    else:
        told.set_result(done.result())


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
                    try:
                        running[executor.submit(function, *arguments)] = key, arguments
                    except BrokenExecutor:  # a worker died that had nothing to do
                        executor = make()
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
