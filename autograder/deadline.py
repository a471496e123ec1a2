"""Stop an answer that takes too long, also one that swallows exceptions, by raising in it from a signal."""

from __future__ import annotations

import random
import signal
import sys
import threading
import time
from types import FrameType
from typing import Any

__all__ = ["PATIENCE", "AnswerTimeout", "Deadline"]

REPEAT_S = 0.02  # how soon it is raised again, should the first one be swallowed
PATIENCE = 3  # times the limit that may pass on the clock where the processor was busy with others, or with an import


class AnswerTimeout(BaseException):
    """The answer was still running when its time was up. Not an `Exception`, so that `except Exception` lets it through."""


class Deadline:
    """`with Deadline(2.0):` raises `AnswerTimeout` inside the block after two seconds, until the block is left.

    The seconds are the thread's own processor time, so that a right answer passes on a busy machine; on the clock it is
    `PATIENCE` times as long, which ends what waits. An import is not broken off before that: half a module would be left in the
    process, and the first use of torch's optimizers imports for seconds.
    A bare `except:` inside a loop swallows one exception, so it is raised again from where the exception is being handled: a
    trace function raises on the next line that runs, and that line stands in the handler, which no longer protects it. Nested
    handlers take several rounds. One long call into torch is stopped when it returns.
    Needs SIGALRM (Linux, macOS) and the main thread; elsewhere the block is not bounded.
    """

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._rounds = 0
        self._left = False

    def __enter__(self) -> None:
        self._bounded = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        if not self._bounded:
            return
        self._owner = sys._getframe(1)
        self._trace_before = sys.gettrace()
        self._handler_before = signal.signal(signal.SIGALRM, self._time_is_up)
        self._entered, self._worked_before = time.monotonic(), time.thread_time()
        self._timer_before = signal.setitimer(signal.ITIMER_REAL, self.seconds, REPEAT_S)

    def __exit__(self, *_: object) -> None:
        if not self._bounded:
            return
        self._left = True
        signal.setitimer(signal.ITIMER_REAL, 0)
        if self._rounds:
            sys.settrace(self._trace_before)
        signal.signal(signal.SIGALRM, self._handler_before)
        delay, interval = self._timer_before
        if delay:  # someone else's alarm goes off when it would have
            signal.setitimer(signal.ITIMER_REAL, max(delay - (time.monotonic() - self._entered), 1e-3), interval)
        del self._owner

    def _time_is_up(self, signum: int, frame: FrameType | None) -> None:
        if self._left or frame is None:
            return
        if self._rounds == 0 and (wait := self._still_to_wait(frame)):
            signal.setitimer(signal.ITIMER_REAL, wait, REPEAT_S)
            return
        self._rounds += 1
        if self._rounds > 3:  # nested handlers: try other moments, sooner and sooner apart
            signal.setitimer(signal.ITIMER_REAL, random.uniform(1e-6, 1e-4), REPEAT_S)
        if frame.f_code.co_filename == __file__:
            return  # in the middle of this class's own work
        inner: FrameType | None = frame
        while inner is not None and inner is not self._owner:
            inner.f_trace = self._raise_again
            inner = inner.f_back
        sys.settrace(self._raise_again)
        raise AnswerTimeout(f"still running after {self.seconds:g} seconds")

    def _still_to_wait(self, frame: FrameType) -> float:
        on_clock = PATIENCE * self.seconds - (time.monotonic() - self._entered)
        of_work = self.seconds if _importing(frame) else self.seconds - (time.thread_time() - self._worked_before)
        return max(0.0, min(on_clock, of_work))

    def _raise_again(self, frame: FrameType, event: str, argument: Any) -> Any:
        if frame.f_code.co_filename == __file__ or frame is self._owner:
            return None
        if event in ("line", "call"):
            raise AnswerTimeout(f"still running after {self.seconds:g} seconds")
        return self._raise_again


def _importing(frame: FrameType) -> bool:
    inner: FrameType | None = frame
    while inner is not None and inner.f_code.co_filename != "<frozen importlib._bootstrap>":
        inner = inner.f_back
    return inner is not None
