"""The vocabulary of a chapter: exercises and their cases, and the banks of wrong and right answers.

A chapter's `checks.py` defines exercises with the `exercise` decorator; its `answers.py` lists `WrongAnswer` and
`RightAnswer` records. Nothing here knows Jupyter, nbgrader or any particular chapter.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

import torch

__all__ = [
    "Case", "CheckFileError", "Exercise", "NotStarted", "RightAnswer", "Rules", "Swap", "WrongAnswer", "exercise", "load_checks",
    "load_module", "written_out",
]  # fmt: skip


class NotStarted(Exception):
    """The student has not written (or not run) what the exercise asks for."""


class CheckFileError(Exception):
    """A chapter's checks.py or answers.py is missing, does not run, or does not say what it must."""


class Case:
    """One set of inputs that a probe is run on.

    Cases are listed from simple to complex, so that the first one that fails locates the fault. `label` completes the
    sentence 'checked on …', for example 'a 3x4 matrix'. Inputs are plain data: tensors, numbers, text, None, and lists, tuples
    and dicts of them. Each run gets copies that keep strides and `requires_grad`, but share no memory with one another.
    """

    def __init__(self, label: str, /, **inputs: Any) -> None:
        self.label = label
        self.inputs: dict[str, Any] = inputs

    def __repr__(self) -> str:
        return f"Case({self.label!r}, {', '.join(self.inputs)})"


@dataclass(frozen=True)
class Rules:
    """How strictly an observation is compared with the reference's.

    `rtol` overrides the relative tolerance that otherwise follows from the dtype (see `compare.tolerance`); whole numbers and
    bools are always compared exactly.
    `any_dtype` accepts every floating point dtype; `autograd` also compares `requires_grad` and leaf-ness;
    `side_effects` compares which inputs were changed in place.
    """

    rtol: float | None = None
    any_dtype: bool = False
    autograd: bool = False
    side_effects: bool = True


@dataclass(frozen=True)
class Exercise:
    """One solution cell, one check cell, and how the answer is exercised.

    `difficulty` and `importance` run from 1 to 5. `asks` names what the student defines. `returns` names the values
    a probe hands back as a tuple, for messages. `hints` are the rungs that hold for every mistake: a nudge, the rule, nearly
    the line. `why` is shown after a pass, with `variant`, something harder to try.
    """

    name: str
    probe: Callable[..., Any]
    cases: Callable[[torch.Generator], list[Case]]
    points: int
    minutes: int
    difficulty: int
    importance: int
    checked: str
    hints: tuple[str, ...]
    why: str
    variant: str
    asks: tuple[str, ...]
    returns: tuple[str, ...] = ()
    rules: Rules = field(default_factory=Rules)
    time_limit_s: float = 10.0

    def header(self) -> str:
        """The line that stands above the exercise in the notebook; a test compares the notebook with it."""
        unit = "point" if self.points == 1 else "points"
        return (
            f"**{self.points} {unit}** · about {self.minutes} minutes · difficulty {_dots(self.difficulty)} · "
            f"importance {_dots(self.importance)}"
        )


def _dots(level: int) -> str:
    return "●" * level + "○" * (5 - level)


def exercise(
    *,
    cases: Callable[[torch.Generator], list[Case]],
    points: int,
    minutes: int,
    difficulty: int,
    importance: int,
    checked: str,
    hints: tuple[str, ...],
    why: str,
    variant: str,
    asks: tuple[str, ...] | None = None,
    returns: tuple[str, ...] = (),
    rules: Rules | None = None,
    time_limit_s: float = 10.0,
) -> Callable[[Callable[..., Any]], Exercise]:
    """Turn a probe into an exercise named like the probe. See `Exercise` for what each argument means.

    The probe is called as `probe(answer, **case.inputs)`; `answer` holds what the student defined. It returns what it saw.
    """

    def decorate(probe: Callable[..., Any]) -> Exercise:
        name = probe.__name__
        if points < 1 or not (1 <= difficulty <= 5 and 1 <= importance <= 5) or len(hints) < 2:
            raise CheckFileError(f"exercise {name}: points from 1, difficulty and importance from 1 to 5, two hints or more")
        return Exercise(
            name=name, probe=probe, cases=cases, points=points, minutes=minutes, difficulty=difficulty,
            importance=importance, checked=checked, hints=hints, why=why, variant=variant, asks=asks or (name,),
            returns=returns, rules=rules or Rules(), time_limit_s=time_limit_s,
        )  # fmt: skip

    return decorate


def load_checks(chapter_folder: Path) -> dict[str, Exercise]:
    """The exercises that `chapter_folder/checks.py` defines, in order.

    Raises `CheckFileError` if the file is missing, does not run, or defines none.
    """
    path = chapter_folder / "checks.py"
    found = {value.name: value for value in vars(load_module(path)).values() if isinstance(value, Exercise)}
    if not found:
        raise CheckFileError(f"{path} defines no exercise")
    return found


def load_module(path: Path) -> ModuleType:
    """Run a chapter's Python file under a name of its own, so that two chapters' checks never meet in sys.modules.

    Raises `CheckFileError` if it is missing or does not run.
    """
    if not path.is_file():
        raise CheckFileError(f"{path} is missing")
    module = ModuleType(f"{path.parent.name}.{path.stem}")
    module.__file__ = str(path)
    # Dataclasses and typing look their module up by name while the file runs.
    sys.modules[module.__name__] = module
    try:
        # dont_inherit: this file's own `from __future__` imports must not change what the chapter's annotations mean.
        exec(compile(path.read_text(encoding="utf-8"), str(path), "exec", dont_inherit=True), module.__dict__)
    except CheckFileError as error:
        raise CheckFileError(f"{path}: {error}") from error
    except Exception as error:
        raise CheckFileError(f"{path} does not run: {type(error).__name__}: {error}") from error
    finally:
        sys.modules.pop(module.__name__, None)
    return module


@dataclass(frozen=True)
class Swap:
    """The reference solution with `old` replaced by `new`: the shortest way to write a mistake down."""

    old: str
    new: str

    def apply(self, reference: str) -> str:
        """The edited code. Raises ValueError unless `old` stands in the reference exactly once and `new` differs from it."""
        if self.old == self.new:
            raise ValueError(f"{self.old!r} is replaced by itself: the answer would be the reference")
        if reference.count(self.old) != 1:
            raise ValueError(f"{self.old!r} stands {reference.count(self.old)} times in the reference, not once:\n{reference}")
        return reference.replace(self.old, self.new)


Code = str | Swap | tuple[Swap, ...]


def written_out(code: Code, reference: str) -> str:
    """An answer's full source: itself, or the reference solution with its swaps made one after the other."""
    if isinstance(code, str):
        return code.strip("\n") + "\n"
    for swap in (code,) if isinstance(code, Swap) else code:
        reference = swap.apply(reference)
    return reference


@dataclass(frozen=True)
class WrongAnswer:
    """A named mistake: what it is, what to do about it, and code that makes it.

    `says` names the mistake to the student ('You …'), `hint` is the next step. `also` holds other code that no
    observation can tell from it: one family, one hint.
    """

    name: str
    says: str
    hint: str
    code: Code
    also: tuple[Code, ...] = ()

    def __post_init__(self) -> None:
        if not (self.name.strip() and self.says.strip() and self.hint.strip()):
            raise CheckFileError(f"wrong answer {self.name!r} needs a name, what it says to the student, and a hint")


@dataclass(frozen=True)
class RightAnswer:
    """Another way to solve an exercise that must pass."""

    name: str
    code: Code

    def __post_init__(self) -> None:
        if not self.name.strip():
            raise CheckFileError("a right answer needs a name")
