"""Compare two observations in layers and name the first that broke: shape before dtype before device before values.

Tolerances follow the dtype: two floating point results agree when they share half of the significant digits of the coarser
dtype, rtol = sqrt(eps), the textbook rule for results of different but equally right algorithms (Dennis and Schnabel,
Numerical Methods for Unconstrained Optimization, section 5.4). `torch.testing.assert_close` is 20 to 300 times tighter: it asks for the
same algorithm. An element is held to rtol of its own size plus rtol of the root mean square of its tensor, so that a small element
beside large ones may carry the rounding of the large ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import torch

from autograder.exercise import Rules
from autograder.observation import (
    Dots, ErrorSeen, MappingSeen, Nothing, NumberSeen, Observation, OtherSeen, Seen, SequenceSeen, TensorSeen, TextSeen,
)  # fmt: skip

__all__ = ["Difference", "Layer", "compare", "describe", "tolerance"]


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
    """The first broken layer: where, what was expected, what came. `pair` holds (expected, got) where values differ."""

    layer: Layer
    path: str
    expected: str
    got: str
    pair: tuple[torch.Tensor, torch.Tensor] | None = None


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
        differences.append(
            Difference(Layer.SIDE_EFFECTS, "", _changed(expected.changed_inputs), _changed(got.changed_inputs))
        )
    return min(differences, key=lambda difference: difference.layer, default=None)


def _changed(names: tuple[str, ...]) -> str:
    return "inputs changed in place: " + (", ".join(names) if names else "none")


def describe(seen: Seen) -> str:
    """One line that says what was observed, for messages."""
    match seen:
        case TensorSeen():
            where = "" if seen.device == "cpu" else f" on {seen.device}"
            return f"a tensor of shape {seen.shape}, {seen.dtype}{where}" + _small_values(seen.values)
        case NumberSeen(value):
            return f"the {'bool' if isinstance(value, bool) else 'number'} {_number(value)}"
        case TextSeen(text):
            return f"the text {text[:80]!r}"
        case Nothing():
            return "None (a function without `return` gives None)"
        case Dots():
            return "nothing yet"
        case SequenceSeen(kind, items):
            return f"a {kind} of {len(items)} value{'s' * (len(items) != 1)}"
        case MappingSeen(items):
            return "a dict with " + (", ".join(key for key, _ in items[:6]) or "no keys")
        case ErrorSeen(type_, message, line):
            return f"{type_}: {message[:300]}" + (f" ({line})" if line else "")
        case OtherSeen(type_, reason):
            return f"an object of type {type_}" + (f" ({reason})" if reason else "")
    raise TypeError(f"{type(seen).__name__} is no observation")


def _small_values(values: torch.Tensor) -> str:
    if values.numel() > 6:
        return ""
    return f", values {_listed(values.tolist())}"


def _listed(value: object) -> str:
    return f"[{', '.join(map(_listed, value))}]" if isinstance(value, list) else _number(value)


def _number(value: object) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _differences(expected: Seen, got: Seen, path: str, rules: Rules, returns: tuple[str, ...]) -> Iterator[Difference]:
    if isinstance(got, Dots) and not isinstance(expected, Dots):
        yield Difference(Layer.NOT_STARTED, path, describe(expected), describe(got))
    elif isinstance(expected, ErrorSeen) and isinstance(got, ErrorSeen):
        if expected.type != got.type:
            yield Difference(Layer.RAISED, path, f"the error {expected.type}", describe(got))
    elif isinstance(got, ErrorSeen):
        yield Difference(Layer.RAISED, path, describe(expected), describe(got))
    elif isinstance(expected, ErrorSeen):
        yield Difference(Layer.STRUCTURE, path, f"the error {expected.type}", describe(got))
    elif _is_scalar(expected) and _is_scalar(got):
        yield from _scalars(expected, got, path, rules)
    elif isinstance(expected, TensorSeen) and isinstance(got, TensorSeen):
        yield from _tensors(expected, got, path, rules)
    elif isinstance(expected, SequenceSeen) and isinstance(got, SequenceSeen) and len(expected.items) == len(got.items):
        names = returns if len(returns) == len(expected.items) else tuple(f"[{i}]" for i in range(len(expected.items)))
        for name, one, other in zip(names, expected.items, got.items, strict=True):
            yield from _differences(one, other, _join(path, name), rules, ())
    elif isinstance(expected, MappingSeen) and isinstance(got, MappingSeen):
        yield from _mappings(expected, got, path, rules)
    elif isinstance(expected, SequenceSeen) and returns:
        yield Difference(Layer.STRUCTURE, path, f"{len(expected.items)} values: {', '.join(returns)}", describe(got))
    elif type(expected) is not type(got) or isinstance(expected, SequenceSeen):
        yield Difference(Layer.STRUCTURE, path, describe(expected), describe(got))
    elif expected != got:
        layer = Layer.VALUES if isinstance(expected, TextSeen) else Layer.STRUCTURE
        yield Difference(layer, path, describe(expected), describe(got))


def _join(path: str, name: str) -> str:
    return f"{path}{name}" if name.startswith("[") or not path else f"{path}.{name}"


def _mappings(expected: MappingSeen, got: MappingSeen, path: str, rules: Rules) -> Iterator[Difference]:
    wanted, came = dict(expected.items), dict(got.items)
    if wanted.keys() != came.keys():
        missing = [key for key in wanted if key not in came]
        extra = [key for key in came if key not in wanted]
        parts = ([f"missing: {', '.join(missing)}"] if missing else []) + ([f"not asked for: {', '.join(extra)}"] if extra else [])
        yield Difference(Layer.STRUCTURE, path, describe(expected), f"{describe(got)} ({'; '.join(parts)})")
        return
    for key in wanted:
        yield from _differences(wanted[key], came[key], _join(path, key), rules, ())


def _is_scalar(seen: Seen) -> bool:
    """A number and a tensor without dimensions are two writings of one thing (`loss` and `loss.item()`)."""
    return isinstance(seen, NumberSeen) or (isinstance(seen, TensorSeen) and seen.shape == ())


def _scalars(expected: Seen, got: Seen, path: str, rules: Rules) -> Iterator[Difference]:
    if isinstance(expected, TensorSeen) and isinstance(got, TensorSeen):
        yield from _tensors(expected, got, path, rules)
        return
    # `.item()` of a float32 is a Python float that is no more exact than float32 was.
    one, other = (_as_tensor(seen) for seen in (expected, got))
    coarse = "float32" if one.is_floating_point() or other.is_floating_point() else "int64"
    if not _close(one, other, rules.rtol if rules.rtol is not None else tolerance(coarse)):
        yield Difference(Layer.VALUES, path, describe(expected), describe(got), (one, other))


def _as_tensor(seen: Seen) -> torch.Tensor:
    if isinstance(seen, NumberSeen):
        return torch.tensor(seen.value, dtype=torch.float64 if isinstance(seen.value, float) else torch.int64)
    assert isinstance(seen, TensorSeen)
    return seen.values


def _tensors(expected: TensorSeen, got: TensorSeen, path: str, rules: Rules) -> Iterator[Difference]:
    if expected.shape != got.shape:
        yield Difference(Layer.SHAPE, path, f"shape {expected.shape}", f"shape {got.shape}")
        return
    if expected.dtype != got.dtype and not (rules.any_dtype and _floating(expected.dtype) and _floating(got.dtype)):
        yield Difference(Layer.DTYPE, path, expected.dtype, got.dtype)
    if expected.device != got.device:
        yield Difference(Layer.DEVICE, path, expected.device, got.device)
        return  # a meta tensor has no values
    if rules.autograd and (expected.requires_grad, expected.is_leaf) != (got.requires_grad, got.is_leaf):
        yield Difference(Layer.AUTOGRAD, path, _autograd(expected), _autograd(got))
    rtol = rules.rtol if rules.rtol is not None else tolerance(expected.dtype, got.dtype)
    if not _close(expected.values, got.values, rtol):
        yield Difference(Layer.VALUES, path, _some(expected, got, expected), _some(expected, got, got), (expected.values, got.values))


def _autograd(seen: TensorSeen) -> str:
    return f"requires_grad={seen.requires_grad}, is_leaf={seen.is_leaf}"


def _floating(dtype: str) -> bool:
    return tolerance(dtype) > 0


def _some(expected: TensorSeen, got: TensorSeen, which: TensorSeen) -> str:
    """The value that stands out: a small tensor whole, of a larger one the element that is furthest off."""
    if which.values.numel() <= 6:
        return _listed(which.values.tolist())
    gap = (expected.values.double() - got.values.double()).abs().nan_to_num(nan=math.inf)
    index = tuple(int(i) for i in torch.unravel_index(gap.argmax(), gap.shape))
    return f"{_number(which.values[index].item())} at {list(index)}"


def _close(expected: torch.Tensor, got: torch.Tensor, rtol: float) -> bool:
    if expected.numel() == 0:
        return True
    if rtol == 0:
        return bool((expected == got).all())
    one, other = expected.double(), got.double()
    finite = torch.isfinite(one)
    if not torch.equal(finite, torch.isfinite(other)):
        return False
    odd_one, odd_other = one[~finite].nan_to_num(nan=0.0), other[~finite].nan_to_num(nan=0.0)
    if not torch.equal(odd_one, odd_other):
        return False
    one, other = one[finite], other[finite]
    if one.numel() == 0:
        return True
    scale = one.square().mean().sqrt()
    # Where the target is all zeros, rounding is measured against 1.
    floor = rtol * (scale if scale > 0 else 1.0)
    return bool(((one - other).abs() <= rtol * one.abs() + floor).all())
