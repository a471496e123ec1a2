"""Run an exercise's probe on a student's answer, bounded in time and silent, and give back what it observed.

The same function serves the student's notebook, the grading kernel and the recording of references and wrong answers.
"""

from __future__ import annotations

import contextlib
import copy
import dis
import io
import os
import signal
import sys
import tempfile
import threading
import traceback
import types
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from autograder.exercise import Case, Exercise, NotStarted
from autograder.observation import Dots, Observation, error_seen, observe

__all__ = ["AnswerTimeout", "answer_from", "run_probe"]

MAX_PRINTED = 1_000  # characters kept of what an answer prints during a check


class AnswerTimeout(Exception):
    """The answer was still running when its time was up."""


class Answer:
    """What the student defined, by name; a name that is missing is told as not started."""

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace

    def __getattr__(self, name: str) -> Any:
        try:
            return self._namespace[name]
        except KeyError:
            raise NotStarted(name) from None


def answer_from(namespace: Mapping[str, Any]) -> Answer:
    """The view of a namespace that probes get."""
    return Answer(namespace)


def run_probe(
    exercise: Exercise, namespace: Mapping[str, Any], cases: list[Case], *, quiet: bool = True
) -> list[Observation]:
    """Run the probe once a case, in order, each on fresh copies of the case's inputs.

    An answer that raises is observed as the error; after one that was out of time the remaining cases are not run.
    `quiet` also catches what is printed or warned below Python (file descriptors 1 and 2), so that nothing of it can reach
    the cell's output, where nbgrader would take a line on stderr for a failure.
    """
    answer = answer_from(namespace)
    trivial = all(_is_trivial(namespace.get(name)) for name in exercise.asks)
    observations: list[Observation] = []
    for case in cases:
        inputs = copy.deepcopy(case.inputs)
        with _captured(quiet) as printed:
            value = _value(exercise, answer, inputs)
        changed = tuple(name for name in inputs if not _same(inputs[name], case.inputs[name]))
        observations.append(Observation(value, changed, printed.getvalue()[:MAX_PRINTED], trivial))
        if getattr(value, "type", "") == AnswerTimeout.__name__:
            break
    return observations


def _value(exercise: Exercise, answer: Answer, inputs: dict[str, Any]) -> Any:
    rng_state = torch.get_rng_state()
    try:
        with _deadline(exercise.time_limit_s), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # A fixed seed lets an answer that draws numbers be compared with the reference, which drew the same ones.
            torch.manual_seed(0)
            return observe(exercise.probe(answer, **inputs))
    except NotStarted:
        return Dots()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # SystemExit and the student's own BaseExceptions are answers too
        return error_seen(error, _students_line(error))
    finally:
        torch.set_rng_state(rng_state)


def _students_line(error: BaseException) -> str:
    """The deepest line of the error that is the student's own: neither torch's, nor the standard library's, nor the probe's."""
    ours = os.path.dirname(__file__)
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        where = frame.filename
        if where.startswith(ours) or "site-packages" in where or where.startswith((sys.prefix, sys.base_prefix)):
            continue
        if os.path.basename(where) == "checks.py":
            return ""
        return f"line {frame.lineno}: {frame.line}" if frame.line else ""
    return ""


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[None]:
    """Raise `AnswerTimeout` in the main thread after `seconds`, and again each second after, should it be swallowed.

    Needs SIGALRM (Linux, macOS) and the main thread; elsewhere the answer is not bounded.
    """
    if not hasattr(signal, "setitimer") or threading.current_thread() is not threading.main_thread():
        yield
        return

    def out_of_time(signum: int, frame: types.FrameType | None) -> None:
        raise AnswerTimeout(f"still running after {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, out_of_time)
    signal.setitimer(signal.ITIMER_REAL, seconds, 1.0)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


@contextlib.contextmanager
def _captured(quiet: bool) -> Iterator[io.StringIO]:
    """Keep what is printed from the cell's output: Python's streams in a buffer, the process's in a file that is dropped."""
    text = io.StringIO()
    with contextlib.ExitStack() as stack:
        if quiet:
            stack.enter_context(_descriptors_silenced())
        stack.enter_context(contextlib.redirect_stdout(text))
        stack.enter_context(contextlib.redirect_stderr(text))
        yield text


@contextlib.contextmanager
def _descriptors_silenced() -> Iterator[None]:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    saved = [(number, os.dup(number)) for number in (1, 2)]
    with tempfile.TemporaryFile() as sink:
        for number, _ in saved:
            os.dup2(sink.fileno(), number)
        try:
            yield
        finally:
            for number, copy_of_it in saved:
                os.dup2(copy_of_it, number)
                os.close(copy_of_it)


def _same(after: Any, before: Any) -> bool:
    """Whether an input still is what it was; NaN equals NaN."""
    if isinstance(before, torch.Tensor):
        if not isinstance(after, torch.Tensor) or after.shape != before.shape or after.dtype != before.dtype:
            return False
        # Equal bits, so that NaN equals NaN; `allclose` would also accept a small change.
        return bool(torch.equal(*(t.detach().contiguous().view(-1).view(torch.uint8) for t in (after, before))))
    if isinstance(before, dict):
        return isinstance(after, dict) and after.keys() == before.keys() and all(_same(after[k], before[k]) for k in before)
    if isinstance(before, (list, tuple)):
        return isinstance(after, (list, tuple)) and len(after) == len(before) and all(map(_same, after, before))
    try:
        return bool(after == before)
    except Exception:
        return False


_DOES_NOTHING = {"RESUME", "NOP", "CACHE", "LOAD_CONST", "LOAD_SMALL_INT", "RETURN_CONST", "RETURN_VALUE", "POP_TOP"}


def _is_trivial(value: Any) -> bool:
    """Whether a function's body does nothing: only a docstring, `pass`, `...` or a constant to return."""
    code = getattr(value, "__code__", None)
    return isinstance(code, types.CodeType) and {step.opname for step in dis.get_instructions(code)} <= _DOES_NOTHING
