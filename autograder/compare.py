"""Compare two observations in layers and name the first that broke: shape before dtype before device before values.

Tolerances follow the dtype: two floating point results agree when they share half of the significant digits of the coarser dtype,
rtol = sqrt(eps), the textbook rule for results of different but equally right algorithms (Dennis and Schnabel, Numerical Methods
for Unconstrained Optimization, section 5.4). `torch.testing.assert_close` is 20 to 300 times tighter: it asks for the same
algorithm. An element is held to rtol of its own size plus rtol of the root mean square of its tensor, so that a small element
beside large ones may carry the rounding of the large ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import numpy
import torch

from autograder.exercise import Rules
from autograder.observation import (
    Dots,
    ErrorSeen,
    MappingSeen,
    Nothing,
    NumberSeen,
    Observation,
    OtherSeen,
    Seen,
    SequenceSeen,
    TensorSeen,
    TextSeen,
)

__all__ = ["Difference", "Layer", "close", "compare", "describe", "numbers", "size_of", "tolerance"]


class Layer(IntEnum):
    """What can break, in the order in which it is reported."""

    NOT_STARTED = 0
    RAISED = 1
    STRUCTURE = 2
    SHAPE = 3
    DTYPE = 4
    DEVICE = 5
    AUTOGRAD = 6
    VALUES = 7
    SIDE_EFFECTS = 8

    @property
    def title(self) -> str:
        return self.name.lower().replace("_", " ")


@dataclass(frozen=True, eq=False)
class Difference:
    """The first broken layer: where, what was expected, what came.

    `pair` holds the tensors (expected, got) where values differ, `seen` the two observed values whatever differs.
    """

    layer: Layer
    path: str
    expected: str
    got: str
    pair: tuple[torch.Tensor, torch.Tensor] | None = None
    seen: tuple[Seen, Seen] | None = None


def tolerance(*dtypes: str) -> float:
    """The relative tolerance for comparing values of these dtypes: sqrt(eps) of the coarsest, 0 where all are exact.

    float64 gives 1.5e-8, float32 3.5e-4, float16 3.1e-2, bfloat16 8.8e-2.
    """
    coarsest = 0.0
    for name in dtypes:
        dtype = getattr(torch, name, None)
        if isinstance(dtype, torch.dtype) and (dtype.is_floating_point or dtype.is_complex):
            coarsest = max(coarsest, math.sqrt(torch.finfo(dtype).eps))
    return coarsest


def compare(expected: Observation, got: Observation, rules: Rules, returns: tuple[str, ...] = ()) -> Difference | None:
    """The first difference of the lowest layer, or None where `got` is as good as `expected`."""
    differences = list(_differences(expected.value, got.value, "", rules, returns))
    if rules.side_effects and expected.changed_inputs != got.changed_inputs:
        wanted, came = (_changes(seen.changed_inputs) for seen in (expected, got))
        differences.append(Difference(Layer.SIDE_EFFECTS, "", wanted, came))
    return min(differences, key=lambda difference: difference.layer, default=None)


def _changes(names: tuple[str, ...]) -> str:
    return f"{', '.join(f'`{name}`' for name in names)} changed in place" if names else "no input changed in place"


# -- what was observed, in words ---------------------------------------------------------------------------------------------


def describe(seen: Seen, *, values: bool = True) -> str:
    """One line that says what was observed, for messages; `values` adds those of a small tensor."""
    match seen:
        case TensorSeen():
            where = "" if seen.device == "cpu" else f" on {seen.device}"
            small = values and seen.device == "cpu" and seen.values.numel() <= 6
            return f"a {seen.dtype} tensor of shape {seen.shape}{where}{f', {_listed(seen.values)}' if small else ''}"
        case NumberSeen(value):
            return f"the {'bool' if isinstance(value, bool) else 'number'} {_number(value)}"
        case TextSeen(text):
            return f"the text {text[:80]!r}"
        case Nothing():
            return "None"
        case Dots():
            return "nothing yet"
        case SequenceSeen(kind, items):
            return f"a {kind} of {len(items)} value{'s' * (len(items) != 1)}"
        case MappingSeen(items):
            return "a dict with " + (", ".join(key for key, _ in items[:6]) or "no keys")
        case ErrorSeen(type_, message, line):
            text = f"no result: {message}" if seen.timed_out else f"{type_}: {_shortened(message)}" if message else type_
            return text + (f", in {line}" if line else "")
        case OtherSeen(type_):
            return f"{'an' if type_[:1] in 'aeiouAEIOU' else 'a'} {type_}"


def _shortened(message: str, longest: int = 300) -> str:
    return message if len(message) <= longest else message[:longest].rsplit(" ", 1)[0] + " …"


def _listed(values: torch.Tensor, digits: int = 6) -> str:
    def listed(value: object) -> str:
        return f"[{', '.join(map(listed, value))}]" if isinstance(value, list) else _number(value, digits)

    return listed(values.tolist())


def _number(value: object, digits: int = 6) -> str:
    return f"{value:.{digits}g}" if isinstance(value, (float, complex)) else str(value)


def _told_apart(expected: torch.Tensor, got: torch.Tensor) -> tuple[str, str]:
    """Both tensors whole where they are small, else the element that is furthest off; with digits enough to see a difference."""
    where = ""
    if expected.numel() > 6:
        one, other = numbers(expected), numbers(got)
        gap = torch.where(one == other, 0.0, (one - other).abs()).nan_to_num(nan=0.0)
        gap = torch.where(one.isfinite() == other.isfinite(), gap, math.inf)  # NaN beside a number is furthest
        gap = gap if gap.shape == expected.shape else gap.amax(dim=-1)  # of a complex number, either part
        # torch.unravel_index would import sympy first, which takes seconds.
        index = tuple(int(i) for i in numpy.unravel_index(int(gap.argmax()), tuple(gap.shape)))
        expected, got, where = expected[index], got[index], f" at {list(index)}"
    for digits in (6, 9, 12, 17):
        texts = _listed(expected, digits), _listed(got, digits)
        if texts[0] != texts[1]:
            break
    return texts[0] + where, texts[1] + where


# -- the layers --------------------------------------------------------------------------------------------------------------


def _differences(expected: Seen, got: Seen, path: str, rules: Rules, returns: tuple[str, ...]) -> Iterator[Difference]:
    seen = (expected, got)
    match expected, got:
        case (Dots(), Dots()) | (Nothing(), Nothing()):
            return
        case (_, Dots()):
            yield Difference(Layer.NOT_STARTED, path, describe(expected), describe(got), seen=seen)
        case (ErrorSeen(), ErrorSeen()):
            if expected.type != got.type:
                yield Difference(Layer.RAISED, path, f"the error {expected.type}", describe(got), seen=seen)
        case (SequenceSeen() | MappingSeen(), ErrorSeen()):  # what a probe gathers may be unlike what the function returns
            yield Difference(Layer.RAISED, path, "no error", describe(got), seen=seen)
        case (_, ErrorSeen()):
            yield Difference(Layer.RAISED, path, describe(expected, values=False), describe(got), seen=seen)
        case (ErrorSeen(), _):
            yield Difference(Layer.STRUCTURE, path, f"the error {expected.type}", describe(got), seen=seen)
        case (TensorSeen(), TensorSeen()):
            yield from _tensors(expected, got, path, rules)
        case (NumberSeen() | TensorSeen(), NumberSeen() | TensorSeen()) if _shape(expected) == () == _shape(got):
            yield from _scalars(expected, got, path, rules)
        case (SequenceSeen(), SequenceSeen()) if len(expected.items) == len(got.items):
            names = returns if len(returns) == len(expected.items) else tuple(f"[{i}]" for i in range(len(expected.items)))
            for name, one, other in zip(names, expected.items, got.items, strict=True):
                yield from _differences(one, other, _join(path, name), rules, ())
        case (MappingSeen(), MappingSeen()):
            yield from _mappings(expected, got, path, rules)
        case (TextSeen(), TextSeen()):
            if expected != got:
                yield Difference(Layer.VALUES, path, describe(expected), describe(got), seen=seen)
        case _ if expected != got:
            yield Difference(Layer.STRUCTURE, path, _values_asked(expected, returns), describe(got), seen=seen)


def _values_asked(expected: Seen, returns: tuple[str, ...]) -> str:
    if isinstance(expected, SequenceSeen) and len(returns) == len(expected.items) > 0:
        return f"{len(returns)} value{'s' * (len(returns) != 1)}: {', '.join(returns)}"
    return describe(expected)


def _join(path: str, name: str) -> str:
    return f"{path}{name}" if name.startswith("[") or not path else f"{path}.{name}"


def _mappings(expected: MappingSeen, got: MappingSeen, path: str, rules: Rules) -> Iterator[Difference]:
    wanted, came = dict(expected.items), dict(got.items)
    if wanted.keys() != came.keys():
        missing = [key for key in wanted if key not in came]
        extra = [key for key in came if key not in wanted]
        parts = [f"{word}: {', '.join(keys[:6])}" for word, keys in (("missing", missing), ("not asked for", extra)) if keys]
        names = [describe(seen).removeprefix("a dict with ") for seen in (expected, got)]  # the probe's dict, not the student's
        yield Difference(Layer.STRUCTURE, path, names[0], f"{names[1]} ({'; '.join(parts)})", seen=(expected, got))
        return
    for key in wanted:
        yield from _differences(wanted[key], came[key], _join(path, key), rules, ())


def _shape(seen: Seen) -> tuple[int, ...]:
    return seen.shape if isinstance(seen, TensorSeen) else ()


def _scalars(expected: NumberSeen | TensorSeen, got: NumberSeen | TensorSeen, path: str, rules: Rules) -> Iterator[Difference]:
    """A number and a tensor without dimensions are two writings of one thing (`loss` and `loss.item()`)."""
    seen = (expected, got)
    if any(isinstance(side, TensorSeen) and side.device != "cpu" for side in seen):
        yield Difference(Layer.DEVICE, path, describe(expected), describe(got), seen=seen)
        return
    if rules.autograd and isinstance(expected, TensorSeen) and expected.requires_grad:
        text = f"{describe(got)}, which autograd cannot follow"
        yield Difference(Layer.AUTOGRAD, path, _autograd(expected), text, seen=seen)
    one, other = (_as_tensor(side) for side in seen)
    if one.is_complex() != other.is_complex():
        yield Difference(Layer.DTYPE, path, describe(expected), describe(got), seen=seen)
        return
    # `.item()` of a float32 is a Python float that is no more exact than float32 was.
    rtol = _rtol(rules, "float32" if one.dtype.is_floating_point or other.dtype.is_floating_point else "int64")
    if not close(one, other, rtol):
        wanted, came = _told_apart(one, other)
        yield Difference(Layer.VALUES, path, wanted, came, (one, other), seen)


def _as_tensor(seen: NumberSeen | TensorSeen) -> torch.Tensor:
    if isinstance(seen, TensorSeen):
        return seen.values
    kind = torch.bool if isinstance(seen.value, bool) else torch.float64 if isinstance(seen.value, float) else torch.int64
    return torch.tensor(seen.value, dtype=kind)


def _tensors(expected: TensorSeen, got: TensorSeen, path: str, rules: Rules) -> Iterator[Difference]:
    seen = (expected, got)
    if expected.shape != got.shape:
        yield Difference(Layer.SHAPE, path, f"shape {expected.shape}", f"shape {got.shape}", seen=seen)
        return
    if expected.dtype != got.dtype and not (rules.any_dtype and _floating(expected.dtype) and _floating(got.dtype)):
        yield Difference(Layer.DTYPE, path, f"dtype {expected.dtype}", f"dtype {got.dtype}", seen=seen)
    if expected.device != got.device:
        yield Difference(Layer.DEVICE, path, f"a tensor on {expected.device}", f"a tensor on {got.device}", seen=seen)
        return  # a meta tensor has no values
    if rules.autograd and (expected.requires_grad, expected.is_leaf) != (got.requires_grad, got.is_leaf):
        yield Difference(Layer.AUTOGRAD, path, _autograd(expected), _autograd(got), seen=seen)
    if expected.values.is_complex() != got.values.is_complex():
        return  # the dtype says it
    if not close(expected.values, got.values, _rtol(rules, expected.dtype, got.dtype)):
        wanted, came = _told_apart(expected.values, got.values)
        yield Difference(Layer.VALUES, path, wanted, came, (expected.values, got.values), seen)


def _autograd(seen: TensorSeen) -> str:
    return f"requires_grad={seen.requires_grad}, is_leaf={seen.is_leaf}"


def _floating(dtype: str) -> bool:
    return getattr(torch, dtype).is_floating_point is True


def _rtol(rules: Rules, *dtypes: str) -> float:
    usual = tolerance(*dtypes)
    return usual if rules.rtol is None or usual == 0 else rules.rtol


def close(expected: torch.Tensor, got: torch.Tensor, rtol: float) -> bool:
    """Whether two tensors of one shape agree; NaN equals NaN, infinities must match. With rtol 0 they must be equal."""
    if rtol == 0:
        return bool((expected == got).all())
    one, other = numbers(expected), numbers(got)
    finite = torch.isfinite(one)
    if not torch.equal(finite, torch.isfinite(other)):
        return False
    if not torch.equal(one[~finite].nan_to_num(nan=0.0), other[~finite].nan_to_num(nan=0.0)):
        return False
    one, other = one[finite], other[finite]
    # Where the target is all zeros, rounding is measured against 1.
    floor = rtol * (size_of(one) or 1.0)
    return bool(((one - other).abs() <= rtol * one.abs() + floor).all())


def size_of(values: torch.Tensor) -> float:
    """The root mean square, computed so that the squares of large values do not overflow; 0 for no values."""
    if values.numel() == 0:
        return 0.0
    largest = values.abs().max().item()
    return largest * (values / largest).square().mean().sqrt().item() if largest else 0.0


def numbers(values: torch.Tensor) -> torch.Tensor:
    """Any tensor as float64; a complex one as its two parts, in a last dimension of 2."""
    return torch.view_as_real(values).double() if values.is_complex() else values.double()
