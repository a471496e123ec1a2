"""One record for what a check found, and its text form; formed by comparing observations, never by the student's code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from autograder.compare import Difference, Layer, compare
from autograder.diagnose import distance, nearest_mistake, relation
from autograder.exercise import Exercise
from autograder.golden import Recorded
from autograder.observation import ErrorSeen, Nothing, Observation

__all__ = ["Picture", "Verdict", "could_not_check", "judge"]


@dataclass(frozen=True, eq=False)
class Picture:
    """Yours beside the target: two tensors of one shape."""

    expected: torch.Tensor
    got: torch.Tensor


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a check found. `layer` is '' for a pass, else the first broken layer; `mistake` the recognised wrong answer's name.

    `hints` are the rungs the student may ask for, the first included; `asked` says how many to show.
    """

    exercise: str
    passed: bool
    points: int
    max_points: int
    layer: str
    checked: str
    expected: str = ""
    got: str = ""
    cause: str = ""
    next_step: str = ""
    mistake: str = ""
    hints: tuple[str, ...] = ()
    asked: int = 1
    printed: str = ""
    note: str = ""
    picture: Picture | None = None

    @property
    def title(self) -> str:
        """A few words: the first line of both forms."""
        if self.passed:
            return "passed"
        return {"": "could not be checked", Layer.NOT_STARTED.title: "not started"}.get(self.layer, f"not yet: {self.layer}")

    def rows(self) -> list[tuple[str, str]]:
        """The verdict as labelled lines, in reading order; both forms are made of them."""
        rows = [
            ("checked", self.checked), ("expected", self.expected), ("got", self.got),
            ("why" if self.passed else "likely cause", self.cause), ("try next" if self.passed else "next step", self.next_step),
        ]  # fmt: skip
        rows += [(f"hint {n}", text) for n, text in enumerate(self.hints[: self.asked], 1) if n > 1 or not self.next_step]
        rows += [("printed", self.printed.strip()), ("note", self.note)]
        return [(label, text) for label, text in rows if text]

    def __str__(self) -> str:
        """The text form, complete by itself."""
        lines = [f"{self.exercise}: {self.title} ({self.points} of {self.max_points} points)"]
        return "\n".join(lines + [f"  {label + ':':<14}{text}" for label, text in self.rows()])


def judge(exercise: Exercise, recorded: Recorded, got: Sequence[Observation], *, hint: int = 1) -> Verdict:
    """Compare observations with the recorded ones, case by case from simple to complex, and explain the first difference."""
    if _is_stub(got, recorded):
        return _not_started(exercise, hint)
    for number, (case, expected) in enumerate(zip(recorded.cases, recorded.expected, strict=True)):
        if number >= len(got):
            break
        difference = compare(expected, got[number], exercise.rules, exercise.returns)
        if difference is None:
            continue
        if difference.layer is Layer.NOT_STARTED:
            return _not_started(exercise, hint)
        return _explain(exercise, recorded, got, number, difference, hint)
    if len(got) != len(recorded.expected):
        return could_not_check(exercise, f"Only {len(got)} of {len(recorded.expected)} cases were run.")
    return Verdict(
        exercise=exercise.name, passed=True, points=exercise.points, max_points=exercise.points, layer="",
        checked=f"{exercise.checked} Cases: {', '.join(case.label for case in recorded.cases)}.",
        cause=exercise.why, next_step=exercise.variant, printed=got[0].printed if got else "",
    )  # fmt: skip


def could_not_check(exercise: Exercise, reason: str) -> Verdict:
    """The verdict when no comparison was possible through no fault that the check can name."""
    return Verdict(
        exercise=exercise.name, passed=False, points=0, max_points=exercise.points, layer="raised", checked=exercise.checked,
        got=reason, next_step="Restart the kernel, run all cells from the top, and run this check again.", hints=exercise.hints,
    )  # fmt: skip


def _is_stub(got: Sequence[Observation], recorded: Recorded) -> bool:
    """Nothing written: the answer's functions have no code of their own and do what the stub does."""
    if not got or not recorded.stub or not got[0].trivial:
        return False
    return distance(got[0], recorded.stub[0]) == 0


def _not_started(exercise: Exercise, hint: int) -> Verdict:
    names = " and ".join(f"`{name}`" for name in exercise.asks)
    return Verdict(
        exercise=exercise.name, passed=False, points=0, max_points=exercise.points, layer=Layer.NOT_STARTED.title,
        checked=exercise.checked, expected=f"{names}, written by you in the cell above, and the cell run.",
        got="The dots are still there, or the cell has not been run since the kernel started.",
        next_step=f"Write your answer, run its cell (Shift+Enter), then run this check again. {exercise.hints[0]}",
        hints=exercise.hints, asked=hint,
    )  # fmt: skip


def _explain(
    exercise: Exercise, recorded: Recorded, got: Sequence[Observation], number: int, difference: Difference, hint: int
) -> Verdict:
    case = recorded.cases[number]
    mistake = nearest_mistake(got, recorded.expected, recorded.mistakes)
    fact = relation(difference, case)
    where = f" in {difference.path}" if difference.path else ""
    before = f" The {number} before it passed." if number > 1 else " The case before it passed." if number else ""
    if mistake is not None:
        cause, next_step = mistake.says, mistake.hint
    else:
        cause = f"{fact.fact} {fact.cause}" if fact else _layer_cause(difference, got[number])
        next_step = exercise.hints[0]
    facts = f" {fact.fact}" if fact and mistake is not None else ""
    return Verdict(
        exercise=exercise.name, passed=False, points=0, max_points=exercise.points, layer=difference.layer.title,
        checked=f"{exercise.checked} It first differs{where} on {case.label}.{before}",
        expected=difference.expected, got=difference.got + facts, cause=cause, next_step=next_step,
        mistake=mistake.name if mistake else "", hints=(next_step, *exercise.hints[1:]), asked=hint,
        printed=got[number].printed, picture=Picture(*difference.pair) if _worth_drawing(difference) else None,
    )  # fmt: skip


def _worth_drawing(difference: Difference) -> bool:
    return difference.pair is not None and difference.pair[0].dim() in (1, 2) and difference.pair[0].numel() > 1


def _layer_cause(difference: Difference, got: Observation) -> str:
    """What a broken layer means where nothing more is known."""
    match difference.layer:
        case Layer.RAISED:
            if isinstance(got.value, ErrorSeen) and got.value.type == "AnswerTimeout":
                return "A loop that does not end, or far more work than is needed."
            return "Your code raised an error while the check ran it; the line is quoted if it is yours."
        case Layer.STRUCTURE if isinstance(got.value, Nothing):
            return "The line with `return` is missing, or is not reached."
        case Layer.STRUCTURE:
            return "What you return is of another kind than what is asked for: see the `Returns` line of the docstring."
        case Layer.SHAPE:
            return "A dimension is missing, one too many, or two are swapped; print the shapes line by line."
        case Layer.DTYPE:
            return "A number or tensor of another dtype came in on the way; print `.dtype` line by line."
        case Layer.DEVICE:
            return "A tensor was made on another device than the inputs; make it with `device=x.device`."
        case Layer.AUTOGRAD:
            return "The result is attached to the autograd graph where it should not be, or the other way round."
        case Layer.SIDE_EFFECTS:
            return "An operation that ends in `_`, an `+=` or an assignment into an index wrote into an input (or should have)."
    return "Shapes and dtypes are right, so the structure of your code is; the rule it computes is not the one asked for."
