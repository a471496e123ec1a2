"""One record for what a check found, and its text form; formed by comparing observations, never by the student's code."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass

import torch

from autograder.compare import Difference, Layer, compare
from autograder.diagnose import distance, nearest_mistake, relation
from autograder.exercise import Exercise
from autograder.golden import Recorded
from autograder.observation import Dots, ErrorSeen, Nothing, Observation, Seen

__all__ = ["NOT_CHECKED", "Picture", "Verdict", "could_not_check", "judge"]

NOT_CHECKED = "not checked"  # the layer of a verdict without a comparison
WIDTH = 100  # columns of the text form

_TITLES = {
    NOT_CHECKED: "could not be checked",
    Layer.NOT_STARTED.title: "not started",
    Layer.RAISED.title: "not yet: an error was raised",
    Layer.STRUCTURE.title: "not yet: another kind of result",
    Layer.SHAPE.title: "not yet: the shape differs",
    Layer.DTYPE.title: "not yet: the dtype differs",
    Layer.DEVICE.title: "not yet: the device differs",
    Layer.AUTOGRAD.title: "not yet: the tie to autograd differs",
    Layer.VALUES.title: "not yet: the values differ",
    Layer.SIDE_EFFECTS.title: "not yet: what happens to the inputs differs",
}


@dataclass(frozen=True, eq=False)
class Picture:
    """Yours beside the target: two tensors of one shape."""

    expected: torch.Tensor
    got: torch.Tensor


@dataclass(frozen=True, eq=False)
class Verdict:
    """What a check found. `layer` is '' for a pass, else the first broken layer; `mistake` the recognised wrong answer's name.

    `hints` are the rungs the student may ask for, the first included; `asked` says how many to show. `page` is where the exercise
    stands in the rendered course.
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
    page: str = ""

    @property
    def title(self) -> str:
        """A few words: the first line of both forms."""
        return "passed" if self.passed else _TITLES.get(self.layer, f"not yet: {self.layer}")

    @property
    def hints_left(self) -> int:
        """How many rungs the student has not asked for yet."""
        return max(0, len(self.hints) - self.asked)

    def rows(self) -> list[tuple[str, str]]:
        """The verdict as labelled lines, in reading order; both forms are made of them."""
        rows = [
            ("checked", self.checked),
            ("expected", self.expected),
            ("got", self.got),
            ("why" if self.passed else "likely cause", self.cause),
            ("try next" if self.passed else "next step", self.next_step),
        ]
        # The first rung is the next step, where there is one.
        rows += [(f"hint {n}", text) for n, text in enumerate(self.hints[: self.asked], 1) if n > 1 or not self.next_step]
        if self.hints and self.asked > len(self.hints):
            rows.append(("hints", f"There are no more than {len(self.hints)}."))
        rows += [("printed", self.printed.strip()), ("note", self.note)]
        return [(label, text) for label, text in rows if text]

    def __str__(self) -> str:
        """The text form, complete by itself."""
        points = f" · {self.points} of {self.max_points} points" if self.max_points else ""
        lines = [f"{self.exercise} · {self.title}{points}"]
        for label, text in self.rows():
            for number, line in enumerate(text.splitlines()):
                start = f"  {f'{label}:' if number == 0 else '':<14}"
                lines += textwrap.wrap(
                    line, WIDTH, initial_indent=start, subsequent_indent=" " * 16, break_long_words=False, break_on_hyphens=False
                )
        if self.hints_left and not self.passed:
            lines.append(
                f'  {"more:":<14}check("{self.exercise}", hint={self.asked + 1}) shows the next of {len(self.hints)} hints'
            )
        if self.page and not self.passed:
            lines.append(f"  {'read:':<14}{self.page} in the rendered course")
        return "\n".join(lines)


def judge(exercise: Exercise, recorded: Recorded, got: Sequence[Observation], *, hint: int = 1) -> Verdict:
    """Compare observations with the recorded ones, case by case from simple to complex, and explain the first difference."""
    if _is_stub(got, recorded):
        return _not_started(exercise, got[0].value, hint)
    for number, (expected, seen) in enumerate(zip(recorded.expected, got, strict=False)):
        difference = compare(expected, seen, exercise.rules, exercise.returns)
        if difference is None:
            continue
        if difference.layer is Layer.NOT_STARTED:
            return _not_started(exercise, difference.seen[1] if difference.seen else Dots(), hint)
        return _explain(exercise, recorded, got, number, difference, hint)
    if not recorded.expected or len(got) != len(recorded.expected):
        return could_not_check(exercise, f"{len(got)} of {len(recorded.expected)} cases were run.")
    return Verdict(
        exercise=exercise.name, passed=True, points=exercise.points, max_points=exercise.points, layer="",
        checked=f"{exercise.checked} Cases: {', '.join(case.label for case in recorded.cases)}.",
        cause=exercise.why, next_step=exercise.variant, printed=got[0].printed,
    )  # fmt: skip


def could_not_check(exercise: Exercise, reason: str) -> Verdict:
    """The verdict when no comparison was possible through no fault that the check can name."""
    return Verdict(
        exercise=exercise.name, passed=False, points=0, max_points=exercise.points, layer=NOT_CHECKED, checked=exercise.checked,
        got=reason, next_step="Restart the kernel, run all cells from the top, and run this check again.",
    )  # fmt: skip


def _is_stub(got: Sequence[Observation], recorded: Recorded) -> bool:
    """Nothing written: what is asked for has no code of its own and gives nothing back, or what the stub does."""
    if not got or not recorded.stub or not got[0].trivial:
        return False
    value, stub = got[0].value, recorded.stub[0].value
    if isinstance(value, ErrorSeen) and isinstance(stub, ErrorSeen):  # the probe stumbles over the stub's nothing
        return value.type == stub.type
    return isinstance(value, (Dots, Nothing)) or distance(got[0], recorded.stub[0]) == 0


def _not_started(exercise: Exercise, seen: Seen, hint: int) -> Verdict:
    names = " and ".join(f"`{name}`" for name in exercise.asks)
    if isinstance(seen, Dots) and seen.missing:
        got = f"There is no `{seen.missing}`: its cell has not been run since the kernel started, or the name was changed."
    else:
        got = "The body is still empty, or holds the dots."
    return Verdict(
        exercise=exercise.name, passed=False, points=0, max_points=exercise.points, layer=Layer.NOT_STARTED.title,
        checked=exercise.checked, expected=f"{names}, written by you in the cell above, and the cell run.", got=got,
        next_step=f"Write your answer, run its cell (Shift+Enter), then run this check again. {exercise.hints[0]}",
        hints=exercise.hints, asked=hint,
    )  # fmt: skip


def _explain(
    exercise: Exercise, recorded: Recorded, got: Sequence[Observation], number: int, difference: Difference, hint: int
) -> Verdict:
    mistake = nearest_mistake(got, recorded.expected, recorded.mistakes, exercise.rules)
    known = relation(difference, recorded.cases[number])
    cause = mistake.says if mistake else known.cause if known else _layer_cause(difference, got[number])
    next_step = mistake.hint if mistake else exercise.hints[0]
    fact = f"; {known.fact}" if known and known.fact else ""
    return Verdict(
        exercise=exercise.name, passed=False, points=0, max_points=exercise.points, layer=difference.layer.title,
        checked=f"{exercise.checked} {_where(difference, recorded.cases[number].label, number)}",
        expected=difference.expected, got=difference.got + fact, cause=cause, next_step=next_step,
        mistake=mistake.name if mistake else "", hints=(next_step, *exercise.hints[1:]), asked=hint,
        printed=got[number].printed, picture=_picture(difference),
    )  # fmt: skip


def _where(difference: Difference, label: str, number: int) -> str:
    path = f"item {difference.path}" if difference.path.startswith("[") else f"`{difference.path}`" if difference.path else ""
    before = "" if number == 0 else "; the case before it passed" if number == 1 else f"; the {number} cases before it passed"
    return f"It fails {f'in {path}, ' if path else ''}on {label}{before}."


def _picture(difference: Difference) -> Picture | None:
    if difference.pair is None:
        return None
    expected, got = difference.pair
    worth_it = expected.dim() in (1, 2) and expected.numel() > 1 and not expected.is_complex()
    return Picture(expected, got) if worth_it else None


def _layer_cause(difference: Difference, got: Observation) -> str:
    """What a broken layer means where nothing more is known."""
    match difference.layer:
        case Layer.RAISED:
            if isinstance(got.value, ErrorSeen) and got.value.timed_out:
                return "A loop that does not end, or far more work than is needed."
            return "Your code raised an error while the check ran it; the line is quoted if it is yours."
        case Layer.STRUCTURE:
            return "What you return is of another kind than what is asked for: see the `Returns` line of the docstring."
        case Layer.SHAPE:
            return "A dimension is missing, one too many, or two are swapped: print the shapes line by line."
        case Layer.DTYPE:
            return "A number or tensor of another dtype came in on the way: print `.dtype` line by line."
        case Layer.DEVICE:
            return "A tensor was made on another device than the inputs: make it with `device=x.device`."
        case Layer.AUTOGRAD:
            return "The result is attached to the autograd graph where it should not be, or the other way round."
        case Layer.SIDE_EFFECTS:
            return "An operation that ends in `_`, an `+=` or an assignment to an index wrote into an input (or should have)."
    return "Shapes and dtypes are right, so the structure of your code is; the rule it computes is not the one asked for."
