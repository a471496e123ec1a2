"""Name the mistake behind an observation that differs from the reference's.

Two sources: the recorded wrong answers (the nearest wins, if it is near), and relations that hold for any exercise, above all a
constant ratio at cosine 1, which is a scale mistake whose ratio names it.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch

from autograder.compare import Difference, Layer, close, numbers, size_of
from autograder.error_causes import error_cause
from autograder.exercise import Case, Rules
from autograder.golden import Mistake
from autograder.observation import (
    ErrorSeen,
    MappingSeen,
    Nothing,
    NumberSeen,
    Observation,
    OtherSeen,
    Seen,
    SequenceSeen,
    TensorSeen,
)

__all__ = ["Relation", "Scale", "distance", "nearest_mistake", "relation", "scale_between"]

NEAR = 0.02  # relative distance up to which an observation counts as a recorded one; distinct mistakes lie far beyond
ALIKE = 1e-3  # relative; how well a ratio, a transpose or an offset must fit to be named


# -- the nearest recorded wrong answer ---------------------------------------------------------------------------------------


def nearest_mistake(
    got: Sequence[Observation], expected: Sequence[Observation], mistakes: Sequence[Mistake], rules: Rules | None = None
) -> Mistake | None:
    """The recorded wrong answer that the observations are nearest to, or None if none is near.

    Every case must look like the mistake; so a student's error that shows in one case only is not taken for one that shows in
    all. Among near ones the smallest distance wins, then the order in which they are listed.
    """
    to_reference = _farthest(got, expected, rules)
    best: tuple[float, Mistake] | None = None
    for mistake in mistakes:
        gap = _farthest(got, mistake.observations, rules)
        if gap <= NEAR and gap < to_reference and (best is None or gap < best[0]):
            best = gap, mistake
    return best[1] if best else None


def _farthest(some: Sequence[Observation], others: Sequence[Observation], rules: Rules | None) -> float:
    if len(some) != len(others):
        return math.inf
    return max((distance(one, other, rules) for one, other in zip(some, others, strict=True)), default=math.inf)


def distance(one: Observation, other: Observation, rules: Rules | None = None) -> float:
    """How far apart two observations are: 0 for equal, infinite where they differ in kind, else the largest relative gap.

    `rules` says what does not count as a difference (by default everything counts).
    """
    if one.changed_inputs != other.changed_inputs and (rules is None or rules.side_effects):
        return math.inf
    return _gap(one.value, other.value, rules)


def _gap(one: Seen, other: Seen, rules: Rules | None) -> float:
    match one, other:
        case ErrorSeen(), ErrorSeen():
            return 0.0 if one.type == other.type and _alike(one.message, other.message) else math.inf
        case NumberSeen() | TensorSeen(), NumberSeen() | TensorSeen():
            return _numeric_gap(one, other, rules)
        case SequenceSeen(), SequenceSeen() if len(one.items) == len(other.items):
            return max((_gap(a, b, rules) for a, b in zip(one.items, other.items, strict=True)), default=0.0)
        case MappingSeen(), MappingSeen():
            a, b = dict(one.items), dict(other.items)
            return max((_gap(a[k], b[k], rules) for k in a), default=0.0) if a.keys() == b.keys() else math.inf
    return 0.0 if one == other else math.inf


def _alike(one: str, other: str) -> bool:
    """Whether two messages are the same error: names of variables and addresses may differ, and torch's wording a little."""
    # Bounded, since the matcher's time grows with the square of the length.
    one, other = (re.sub(r"0x[0-9a-f]+|'[^']*'|\"[^\"]*\"", "_", text[:400]) for text in (one, other))
    return one == other or difflib.SequenceMatcher(None, one, other).ratio() > 0.8


def _numeric_gap(one: NumberSeen | TensorSeen, other: NumberSeen | TensorSeen, rules: Rules | None) -> float:
    a, b = (side.values if isinstance(side, TensorSeen) else torch.tensor(side.value) for side in (one, other))
    kinds = [(side.is_floating_point(), side.is_complex()) for side in (a, b)]
    if a.shape != b.shape or kinds[0] != kinds[1]:
        return math.inf
    if isinstance(one, TensorSeen) and isinstance(other, TensorSeen) and _about(one, rules) != _about(other, rules):
        return math.inf
    if kinds[0] == (False, False):
        return 0.0 if torch.equal(a.long(), b.long()) else math.inf  # counts and masks have no rounding
    a, b = numbers(a), numbers(b)
    finite = torch.isfinite(a)
    if not torch.equal(finite, torch.isfinite(b)) or not close(a[~finite], b[~finite], ALIKE):
        return math.inf
    a, b = a[finite], b[finite]
    return size_of(a - b) / (max(size_of(a), size_of(b)) or 1.0)


def _about(seen: TensorSeen, rules: Rules | None) -> tuple[object, ...]:
    dtype = "" if rules is not None and rules.any_dtype else seen.dtype
    flags = (seen.requires_grad, seen.is_leaf) if rules is None or rules.autograd else ()
    return (dtype, seen.device, *flags)


# -- relations that need no recording ----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Relation:
    """A fact about yours and the target, as a clause ('every element …'), and the cause it points to."""

    fact: str
    cause: str


@dataclass(frozen=True)
class Scale:
    """got = ratio * expected, throughout."""

    ratio: float


def scale_between(expected: torch.Tensor, got: torch.Tensor) -> Scale | None:
    """The constant factor between two tensors of one shape, or None where there is none (cosine not 1, or zeros)."""
    a, b = numbers(expected).flatten(), numbers(got).flatten()
    if not bool(torch.isfinite(a).all() & torch.isfinite(b).all()):
        return None
    size, other_size = size_of(a), size_of(b)
    if size == 0 or other_size == 0:
        return None
    a, b = a / size, b / other_size
    cosine = (a @ b).item() / a.numel()
    # 1 - |cos| grows with the square of the angle: 1e-8 lets two tensors differ in direction by 1.4e-4, as float32 may.
    if abs(abs(cosine) - 1) > 1e-8:
        return None
    return Scale(math.copysign(other_size / size, cosine))


def relation(difference: Difference, case: Case) -> Relation | None:
    """What the difference says by itself, whatever the exercise: an error's meaning, shapes, scale, transpose, NaN, offset."""
    if difference.layer is Layer.RAISED and difference.seen and isinstance(difference.seen[1], ErrorSeen):
        cause = error_cause(difference.seen[1].message)
        return Relation("", cause) if cause else None
    if difference.layer is Layer.STRUCTURE and difference.seen:
        match difference.seen[1]:
            case Nothing():
                return Relation(
                    "", "A function gives None where it reaches no `return`: the line is missing, or stands in a branch."
                )
            case OtherSeen(_, reason) if reason:
                return Relation("", reason)
    if difference.layer is Layer.SHAPE and difference.seen:
        expected, got = difference.seen
        if isinstance(expected, TensorSeen) and isinstance(got, TensorSeen):
            return _shape_relation(list(expected.shape), list(got.shape))
    if difference.layer is Layer.VALUES and difference.pair:
        return _values_relation(*difference.pair, case)
    return None


def _shape_relation(a: list[int], b: list[int]) -> Relation | None:
    if len(a) > 1 and a == b[::-1]:
        return Relation("the sizes are turned around", "A transpose is missing or one too many, or two factors are swapped.")
    if [n for n in a if n != 1] == [n for n in b if n != 1]:
        if len(b) > len(a):
            return Relation(
                "it has an extra dimension of size 1",
                "`keepdim=True`, `unsqueeze` or an index with `None`, where none is needed.",
            )
        if len(a) > len(b):
            return Relation(
                "it lacks a dimension of size 1", "A reduction without `keepdim=True`, or an index that removed the dimension."
            )
    if len(b) == 2 and b[0] == b[1] == max(a, default=0) and math.prod(a) == b[0]:
        return Relation(
            "every row met every column", "Shapes like (n, 1) and (n,) met, and broadcasting stretched both to (n, n)."
        )
    if a and not b:
        return Relation(
            "it is a single number", "A sum or mean went over all dimensions: name the one that should go, with `dim=`."
        )
    if math.prod(a) == math.prod(b):
        return Relation(
            "the same number of elements in another arrangement", "A `reshape`, `view` or `flatten` is missing or one too many."
        )
    return None


def _values_relation(expected: torch.Tensor, got: torch.Tensor, case: Case) -> Relation | None:
    a, b = numbers(expected), numbers(got)
    bad = int((~torch.isfinite(b)).sum())
    if bad and bool(torch.isfinite(a).all()):
        return Relation(
            f"{bad} of {b.numel()} values are NaN or infinite",
            "A division by zero, a logarithm or root of something not positive, or numbers that grew beyond the dtype's range.",
        )
    if b.numel() > 1 and bool((b == 0).all()):
        nothing = "False" if expected.dtype == torch.bool else "zero"
        return Relation(f"all values are {nothing}", "The result was set up but never filled in, or a mask removed everything.")
    if expected.dtype == torch.bool:
        return _partly_right(a, b)
    scale = scale_between(a, b)
    if scale and abs(scale.ratio - 1) > ALIKE:
        return _scale_relation(scale.ratio, case, a.numel())
    return _layout_relation(a, b) or _partly_right(a, b)


def _scale_relation(ratio: float, case: Case, elements: int) -> Relation | None:
    """What a constant ratio means. Any two single numbers have one, so there only a ratio with a meaning is told."""
    subject = "every element" if elements > 1 else "the number"
    fact = f"{subject} is {ratio:.4g} times the target"
    if _is(ratio, -1):
        cause = "A difference was taken the wrong way round, or a minus sign is missing or one too many."
        return Relation(f"{subject} has the opposite sign", cause)
    for size, name in _sizes(case):
        if _is(abs(ratio), 1 / size):
            cause = (
                f"{abs(ratio):.4g} is 1/{size}, and {size} is {name}: a mean was taken instead of a sum, or you divided by it."
            )
            return Relation(fact, cause)
        if _is(abs(ratio), size):
            return Relation(fact, f"{size} is {name}: a sum was taken instead of a mean, or a division by it is missing.")
    for name, value in _given_numbers(case):
        if _is(ratio, value):
            return Relation(fact, f"{value:g} is `{name}`: it was multiplied in where it is not asked for.")
        if _is(ratio, 1 / value):
            return Relation(fact, f"{ratio:.4g} is 1/`{name}`: the factor `{name}` is missing, or you divided by it.")
    if _is(ratio, 0.5):
        return Relation(fact, "A factor 2 is missing: the derivative of a square is two times what was squared.")
    if _is(ratio, 2):
        return Relation(fact, "There is a factor 2 too many: something was doubled or added twice.")
    return Relation(fact, "One constant factor is wrong; everything else is right.") if elements > 1 else None


def _is(ratio: float, value: float) -> bool:
    return abs(ratio - value) < ALIKE * abs(value)


def _sizes(case: Case) -> Iterator[tuple[int, str]]:
    """Sizes that a wrong mean could have divided by, with what they are: dimensions first, then numbers of elements."""
    tensors = {name: value for name, value in case.inputs.items() if isinstance(value, torch.Tensor)}
    for name, tensor in tensors.items():
        for axis, size in enumerate(tensor.shape):
            if size > 2:
                yield size, f"`{name}.shape[{axis}]`"
    for name, tensor in tensors.items():
        if tensor.numel() > 2:
            yield tensor.numel(), f"the number of elements of `{name}`"


def _given_numbers(case: Case) -> Iterator[tuple[str, float]]:
    for name, value in case.inputs.items():
        if isinstance(value, (int, float)) and math.isfinite(value) and value not in (0, 1, -1):
            yield name, float(value)


def _layout_relation(a: torch.Tensor, b: torch.Tensor) -> Relation | None:
    if a.dim() == 2 and a.shape[0] == a.shape[1] and close(a.T, b, ALIKE):
        return Relation("it is the target transposed", "Rows and columns are swapped: a transpose is missing or one too many.")
    if a.numel() < 3:
        return None
    offset = (b - a).mean()
    if abs(offset.item()) > ALIKE * size_of(a) and close(a + offset, b, ALIKE / 10):
        return Relation(f"every element is the target plus {offset.item():.4g}", "One constant was added, or one is missing.")
    if close(a.flatten().sort().values, b.flatten().sort().values, ALIKE / 10):
        return Relation(
            "the target's values stand in another order",
            "The elements are rearranged: `view` or `reshape` where a transpose is meant, or an index in another order.",
        )
    return None


def _partly_right(a: torch.Tensor, b: torch.Tensor) -> Relation | None:
    limit = ALIKE * (a.abs() + (size_of(a[torch.isfinite(a)]) or 1.0))
    wrong = int((~(((a - b).abs() <= limit) | (a == b) | (a.isnan() & b.isnan()))).sum())
    if not 0 < wrong < a.numel():
        return None
    return Relation(
        f"{a.numel() - wrong} of {a.numel()} values are right",
        "The rule is right in part: look at what the wrong elements have in common.",
    )
