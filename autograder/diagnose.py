"""Name the mistake behind an observation that differs from the reference's.

Two sources: the recorded wrong answers (the nearest wins, if it is near), and relations that hold for any exercise, above all a
constant ratio at cosine 1, which is a scale mistake whose ratio names it.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from autograder.compare import Difference, Layer
from autograder.exercise import Case
from autograder.golden import Mistake
from autograder.observation import ErrorSeen, MappingSeen, NumberSeen, Observation, Seen, SequenceSeen, TensorSeen

__all__ = ["Relation", "Scale", "nearest_mistake", "relation", "scale_between"]

NEAR = 0.02  # relative distance up to which an observation counts as a recorded one; distinct mistakes lie far beyond


def nearest_mistake(
    got: Sequence[Observation], expected: Sequence[Observation], mistakes: Sequence[Mistake]
) -> Mistake | None:
    """The recorded wrong answer that the observations are nearest to, or None if none is near.

    Every case that the recorded mistake gets wrong must look like the mistake; so a student's error that shows in one case only is
    not taken for one that shows in all. Among near ones the smallest distance wins, then the order in which they are listed.
    """
    best: tuple[float, Mistake] | None = None
    for mistake in mistakes:
        pairs = list(zip(got, mistake.observations, strict=False))
        if len(got) != len(mistake.observations):
            continue
        gap = max((distance(one, other) for one, other in pairs), default=math.inf)
        to_reference = max((distance(one, right) for one, right in zip(got, expected, strict=False)), default=math.inf)
        if gap <= NEAR and gap < to_reference and (best is None or gap < best[0]):
            best = gap, mistake
    return best[1] if best else None


def distance(one: Observation, other: Observation) -> float:
    """How far apart two observations are: 0 for equal, infinite where they differ in kind, else the largest relative gap."""
    if one.changed_inputs != other.changed_inputs:
        return math.inf
    return _gap(one.value, other.value)


def _gap(one: Seen, other: Seen) -> float:
    if isinstance(one, ErrorSeen) and isinstance(other, ErrorSeen):
        return 0.0 if one.type == other.type and _alike(one.message, other.message) else math.inf
    if isinstance(one, NumberSeen | TensorSeen) and isinstance(other, NumberSeen | TensorSeen):
        return _numeric_gap(one, other)
    if type(one) is not type(other):
        return math.inf
    if isinstance(one, SequenceSeen) and isinstance(other, SequenceSeen):
        if len(one.items) != len(other.items):
            return math.inf
        return max((_gap(a, b) for a, b in zip(one.items, other.items, strict=True)), default=0.0)
    if isinstance(one, MappingSeen) and isinstance(other, MappingSeen):
        a, b = dict(one.items), dict(other.items)
        return max((_gap(a[k], b[k]) for k in a), default=0.0) if a.keys() == b.keys() else math.inf
    return 0.0 if one == other else math.inf


def _alike(one: str, other: str) -> bool:
    """Whether two messages are the same error: names of variables and addresses may differ, and torch's wording a little."""
    one, other = (re.sub(r"0x[0-9a-f]+|'[^']*'|\"[^\"]*\"", "_", text) for text in (one, other))
    return one == other or difflib.SequenceMatcher(None, one, other).ratio() > 0.8


def _numeric_gap(one: NumberSeen | TensorSeen, other: NumberSeen | TensorSeen) -> float:
    a, b = (s.values if isinstance(s, TensorSeen) else torch.tensor(s.value) for s in (one, other))
    if a.shape != b.shape or a.is_floating_point() != b.is_floating_point():
        return math.inf
    if isinstance(one, TensorSeen) and isinstance(other, TensorSeen):
        about_one, about_other = ((s.dtype, s.device, s.requires_grad, s.is_leaf) for s in (one, other))
        if about_one != about_other:
            return math.inf
    a, b = a.double().flatten(), b.double().flatten()
    if a.numel() == 0:
        return 0.0
    if not torch.equal(torch.isfinite(a), torch.isfinite(b)):
        return math.inf
    a, b = a.nan_to_num(), b.nan_to_num()
    size = b.norm().item() or 1.0
    return (a - b).norm().item() / size


# -- relations that need no recording -----------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Relation:
    """A fact about yours and the target, and the cause it points to."""

    fact: str
    cause: str


@dataclass(frozen=True)
class Scale:
    """got = ratio * expected, throughout."""

    ratio: float


def scale_between(expected: torch.Tensor, got: torch.Tensor) -> Scale | None:
    """The constant factor between two tensors of one shape, or None where there is none (cosine not 1, or zeros)."""
    a, b = expected.double().flatten(), got.double().flatten()
    if a.numel() == 0 or not bool(torch.isfinite(a).all() & torch.isfinite(b).all()):
        return None
    norms = (a.norm() * b.norm()).item()
    if norms == 0:
        return None
    cosine = (a @ b).item() / norms
    # 1 - |cos| grows with the square of the angle: 1e-8 lets two tensors differ in direction by 1.4e-4, as float32 may.
    if abs(abs(cosine) - 1) > 1e-8:
        return None
    return Scale((a @ b).item() / (a @ a).item())


def relation(difference: Difference, case: Case) -> Relation | None:
    """What the difference says by itself, whatever the exercise: missing return, scale, sign, transpose, NaN, zeros, offset."""
    if difference.layer is Layer.SHAPE or difference.layer is Layer.STRUCTURE:
        return _shape_relation(difference)
    if difference.layer is not Layer.VALUES or difference.pair is None:
        return None
    expected, got = difference.pair
    if not bool(torch.isfinite(got.double()).all()) and bool(torch.isfinite(expected.double()).all()):
        bad = int((~torch.isfinite(got.double())).sum())
        return Relation(
            f"{bad} of your {got.numel()} values are NaN or infinite.",
            "A division by zero, a logarithm or root of something not positive, or numbers that grew beyond the dtype's range.",
        )
    if bool((got == 0).all()) and got.numel() > 1:
        return Relation("All your values are zero.", "The result was set up but never filled in, or a mask removed everything.")
    scale = scale_between(expected, got) if expected.numel() > 1 else None
    if scale is not None and abs(scale.ratio - 1) > 1e-3:
        return _scale_relation(scale.ratio, case)
    return _layout_relation(expected, got)


def _shape_relation(difference: Difference) -> Relation | None:
    if difference.got.startswith("None "):
        return Relation("Your function gave back None.", "The line with `return` is missing, or is not reached.")
    one, other = (re.search(r"shape \(([\d, ]*)\)", text) for text in (difference.expected, difference.got))
    if one is None or other is None:
        return None
    a, b = ([int(n) for n in m.group(1).split(",") if n.strip()] for m in (one, other))
    if len(a) > 1 and a == b[::-1] and a != b:
        return Relation("Yours has the target's shape turned around.", "A transpose is missing or one too many, or the two factors are swapped.")
    if len(b) > len(a) and [n for n in b if n != 1] == [n for n in a if n != 1]:
        return Relation("Yours has an extra dimension of size 1.", "`keepdim=True`, `unsqueeze` or `None` in an index where none is needed.")
    if len(a) > len(b) and [n for n in b if n != 1] == [n for n in a if n != 1]:
        return Relation("Yours lacks a dimension of size 1.", "A reduction without `keepdim=True`, or an index that removed the dimension.")
    return None


def _scale_relation(ratio: float, case: Case) -> Relation:
    fact = f"Yours is {_ratio_text(ratio)} times the target in every element; the direction is right."
    if abs(ratio + 1) < 1e-3:
        return Relation("Yours is the target with the opposite sign, in every element.", "A difference was taken the wrong way round, or a minus sign is missing or one too many.")
    for size, meaning in _sizes(case.inputs).items():
        if size > 2 and abs(abs(ratio) * size - 1) < 1e-3:
            return Relation(fact, f"{_ratio_text(ratio)} is 1/{size}, and {size} is {meaning}: a mean was taken where the sum is asked for, or you divided by it.")
        if size > 2 and abs(abs(ratio) / size - 1) < 1e-3:
            return Relation(fact, f"{size} is {meaning}: a sum was taken where the mean is asked for, or a division by it is missing.")
    if abs(ratio - 0.5) < 1e-3:
        return Relation(fact, "A factor 2 is missing: the derivative of a square is two times what was squared.")
    if abs(ratio - 2) < 1e-3:
        return Relation(fact, "There is a factor 2 too many: something was doubled or added twice.")
    return Relation(fact, "One constant factor is wrong; everything else is right.")


def _ratio_text(ratio: float) -> str:
    return f"{ratio:.4g}"


def _sizes(inputs: dict[str, Any]) -> dict[int, str]:
    """Sizes that a wrong mean could have divided by, with what they are: dimensions first, then numbers of elements."""
    sizes: dict[int, str] = {}
    tensors = {name: value for name, value in inputs.items() if isinstance(value, torch.Tensor)}
    for name, tensor in tensors.items():
        for axis, size in enumerate(tensor.shape):
            sizes.setdefault(size, f"{name}.shape[{axis}]")
    for name, tensor in tensors.items():
        sizes.setdefault(tensor.numel(), f"the number of elements of {name}")
    return sizes


def _layout_relation(expected: torch.Tensor, got: torch.Tensor) -> Relation | None:
    a, b = expected.double(), got.double()

    def close(one: torch.Tensor, other: torch.Tensor) -> bool:
        return bool(torch.allclose(one, other, rtol=1e-4, atol=1e-6 * max(1.0, a.abs().max().item())))

    if a.dim() == 2 and a.shape[0] == a.shape[1] and close(a.T, b):
        return Relation("Yours is the target transposed.", "Rows and columns are swapped: a transpose is missing or one too many.")
    if a.numel() > 2:
        offset = (b - a).mean()
        if abs(offset.item()) > 1e-6 and close(a + offset, b):
            return Relation(f"Yours is the target plus {offset.item():.4g} in every element.", "One constant was added, or one is missing.")
        if close(a.flatten().sort().values, b.flatten().sort().values):
            return Relation("Yours has the target's values in another order.", "The elements are rearranged: `view` or `reshape` where a transpose is meant, or an index in another order.")
        wrong = int((~torch.isclose(a, b, rtol=1e-4, atol=1e-6)).sum())
        if wrong < a.numel():
            return Relation(f"{a.numel() - wrong} of {a.numel()} values are right, {wrong} are not.", "The rule is right in part: look at what the wrong elements have in common.")
    return None
