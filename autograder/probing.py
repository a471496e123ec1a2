"""Run an exercise's probe on a student's answer, bounded in time and silent, and give back what it observed.

The same function serves the student's notebook, the grading kernel and the recording of references and wrong answers.
"""

from __future__ import annotations

import contextlib
import dis
import random
import sys
import traceback
import types
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy
import torch

from autograder.deadline import AnswerTimeout, Deadline
from autograder.exercise import Case, CheckFileError, Exercise, NotStarted
from autograder.observation import Dots, ErrorSeen, Observation, Seen, error_seen, from_bytes, observe, to_bytes
from autograder.silence import silenced

__all__ = ["Answer", "AnswerTimeout", "answer_from", "run_probe"]

MAX_PRINTED = 1_000  # characters kept of what an answer prints during a check


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


def run_probe(exercise: Exercise, namespace: Mapping[str, Any], cases: list[Case], *, quiet: bool = True) -> list[Observation]:
    """Run the probe once a case, in order, each on fresh copies of the case's inputs.

    An answer that raises is observed as the error; after one that was out of time the remaining cases are not run.
    `quiet` also drops what is written below Python (file descriptors 1 and 2). Random draws start from the same seed and torch's
    defaults are its own, whatever the notebook set; afterwards both are as they were before.
    Raises `CheckFileError` for inputs that are no plain data, and KeyboardInterrupt, which is the student's stop button.
    """
    answer = answer_from(namespace)
    trivial = all(_unwritten(namespace.get(name)) for name in exercise.asks)
    observations: list[Observation] = []
    for case in cases:
        inputs = _fresh_inputs(exercise, case)
        with silenced(MAX_PRINTED, descriptors=quiet) as printed:
            value = _value(exercise, answer, inputs)
        changed = tuple(name for name in inputs if _changed(inputs[name], case.inputs[name]))
        observations.append(Observation(value, changed, printed.getvalue(), trivial))
        if isinstance(value, ErrorSeen) and value.timed_out:
            break
    return observations


def _fresh_inputs(exercise: Exercise, case: Case) -> dict[str, Any]:
    """The inputs as they are after travelling, so that reference, student and grader see the same strides and memory."""
    try:
        inputs: dict[str, Any] = from_bytes(to_bytes(case.inputs))
    except TypeError as error:
        raise CheckFileError(f"exercise {exercise.name}, case {case.label!r}: {error}") from error
    return inputs


def _value(exercise: Exercise, answer: Answer, inputs: dict[str, Any]) -> Seen:
    try:
        with _known_settings(), Deadline(exercise.time_limit_s):
            try:
                return observe(exercise.probe(answer, **inputs))
            except NotStarted as missing:
                return Dots(str(missing))
            except (KeyboardInterrupt, AnswerTimeout):
                raise
            except BaseException as error:  # SystemExit and the student's own BaseExceptions are answers too
                return error_seen(error, _students_line(error))
    except AnswerTimeout as error:
        return error_seen(error, _students_line(error))


@contextlib.contextmanager
def _known_settings() -> Iterator[None]:
    """The same seeds, default dtype and grad mode for every answer; afterwards the notebook's own again.

    A fixed seed lets an answer that draws numbers be compared with the reference, which drew the same ones.
    """
    torch_draws, python_draws, numpy_draws = torch.get_rng_state(), random.getstate(), numpy.random.get_state()
    dtype, grad_mode = torch.get_default_dtype(), torch.is_grad_enabled()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.default_generator.manual_seed(0)  # torch.manual_seed would also reseed the student's GPU
        random.seed(0)
        numpy.random.seed(0)
        torch.set_default_dtype(torch.float32)
        torch.set_grad_enabled(True)
        try:
            yield
        finally:
            torch.set_grad_enabled(grad_mode)
            torch.set_default_dtype(dtype)
            numpy.random.set_state(numpy_draws)
            random.setstate(python_draws)
            torch.set_rng_state(torch_draws)


def _students_line(error: BaseException) -> str:
    """The deepest line of the error that is the student's own: neither torch's, nor the standard library's, nor the probe's."""
    ours = str(Path(__file__).parent)
    try:
        frames = traceback.extract_tb(error.__traceback__)
    except Exception:  # an exception class of the student's may itself be broken
        return ""
    for frame in reversed(frames):
        where = frame.filename
        if where.startswith(ours) or "site-packages" in where or where.startswith((sys.prefix, sys.base_prefix)):
            continue
        if Path(where).name == "checks.py":
            return ""
        return f"line {frame.lineno}: `{frame.line}`" if frame.line else ""
    return ""


def _changed(after: Any, before: Any) -> bool:
    try:
        return not _same(after, before)
    except Exception:  # the answer left something there that cannot even be compared
        return True


def _same(after: Any, before: Any) -> bool:
    """Whether an input still is what it was; NaN equals NaN. Runs no code of the answer's: other types count as changed."""
    if type(after) is not type(before):
        return False
    if isinstance(before, torch.Tensor):
        if after.shape != before.shape or after.dtype != before.dtype or after.device != before.device:
            return False
        # Equal bits, so that NaN equals NaN; `allclose` would also accept a small change.
        one, other = (t.detach().resolve_conj().resolve_neg().flatten().view(torch.uint8) for t in (after, before))
        return torch.equal(one, other)
    if isinstance(before, dict):
        return after.keys() == before.keys() and all(_same(after[key], before[key]) for key in before)
    if isinstance(before, (list, tuple)):
        return len(after) == len(before) and all(map(_same, after, before))
    return bool(after == before) or (after != after and before != before)


_DOES_NOTHING = {"RESUME", "NOP", "CACHE", "LOAD_CONST", "LOAD_SMALL_INT", "RETURN_CONST", "RETURN_VALUE", "POP_TOP"}


def _unwritten(value: Any) -> bool:
    """Whether a function's body does nothing (a docstring, `pass`, `...`, a constant), or that of a method of a class."""
    if issubclass(type(value), type):
        return any(_does_nothing(member) for member in list(vars(value).values()))
    return _does_nothing(value)


def _does_nothing(value: Any) -> bool:
    if type(value) in (staticmethod, classmethod):
        value = value.__func__
    for _ in range(10):  # a decorated stub; no more, since a function may wrap itself
        if type(value) is types.FunctionType:
            value = value.__dict__.get("__wrapped__", value)
    if type(value) is not types.FunctionType:
        return False
    return {step.opname for step in dis.get_instructions(value.__code__)} <= _DOES_NOTHING
