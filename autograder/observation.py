"""What a probe saw, as plain data: a small tree of records that travels as one safetensors container.

Nothing is pickled in either direction. Tensors are stored by safetensors; shapes, dtypes, devices, numbers (NaN and infinity
included), text and errors stand in a JSON header. Reading bounds what it accepts, since the bytes may come from a student's kernel.
"""

from __future__ import annotations

import collections.abc
import json
import math
from dataclasses import dataclass, field
from typing import Any

import numpy
import safetensors.torch
import torch

__all__ = [
    "Dots", "ErrorSeen", "MappingSeen", "Nothing", "NumberSeen", "Observation", "ObservationError", "OtherSeen", "Seen",
    "SequenceSeen", "TensorSeen", "TextSeen", "error_seen", "from_bytes", "observe", "to_bytes",
]  # fmt: skip

MAX_ELEMENTS = 1_000_000  # of one tensor; the largest in the lecture's net has 100,000
MAX_BYTES = 64 * 2**20  # of one container
MAX_TEXT = 4_000  # characters of one text
MAX_ITEMS = 2_000  # of one sequence or mapping
MAX_DEPTH = 20

_STORABLE = {
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool,
}  # fmt: skip


class ObservationError(Exception):
    """Bytes that are not an observation, or one beyond the limits."""


@dataclass(frozen=True, eq=False)
class TensorSeen:
    """A tensor: its values on the CPU, and what it was where it was found."""

    values: torch.Tensor
    dtype: str
    device: str = "cpu"
    requires_grad: bool = False
    is_leaf: bool = True

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(self.values.shape)


@dataclass(frozen=True)
class NumberSeen:
    """A Python or NumPy number or bool, or a 0-d tensor taken as one."""

    value: float | int | bool


@dataclass(frozen=True)
class TextSeen:
    text: str


@dataclass(frozen=True)
class Nothing:
    """None, as a function gives back that has no return."""


@dataclass(frozen=True)
class Dots:
    """The `...` of a stub nobody has filled in."""


@dataclass(frozen=True)
class SequenceSeen:
    kind: str  # list or tuple
    items: tuple[Seen, ...]


@dataclass(frozen=True)
class MappingSeen:
    items: tuple[tuple[str, Seen], ...]


@dataclass(frozen=True)
class ErrorSeen:
    """An exception the answer raised; `line` quotes the student's line where it happened, if it is known."""

    type: str
    message: str
    line: str = ""


@dataclass(frozen=True)
class OtherSeen:
    """Something that is no plain data: its type, and why it cannot be compared."""

    type: str
    reason: str = ""


Seen = TensorSeen | NumberSeen | TextSeen | Nothing | Dots | SequenceSeen | MappingSeen | ErrorSeen | OtherSeen


@dataclass(frozen=True)
class Observation:
    """What one case showed: the value, the inputs that were changed in place, and what was printed (never compared)."""

    value: Seen
    changed_inputs: tuple[str, ...] = ()
    printed: str = ""
    trivial: bool = field(default=False, compare=False)  # the answer's functions have no code of their own


def observe(value: Any, depth: int = 0) -> Seen:
    """Turn any Python value into plain data. Never raises for odd values: they become `OtherSeen` with the reason."""
    if depth > MAX_DEPTH:
        return OtherSeen(type(value).__name__, "nested too deeply")
    if isinstance(value, torch.Tensor):
        return _observe_tensor(value)
    if value is None:
        return Nothing()
    if value is Ellipsis:
        return Dots()
    if isinstance(value, (bool, int, float)):
        return _observe_number(value)
    if isinstance(value, (numpy.bool_, numpy.integer, numpy.floating)):
        return _observe_number(value.item())
    if isinstance(value, str):
        return TextSeen(value[:MAX_TEXT])
    if isinstance(value, (torch.dtype, torch.device)):
        return TextSeen(str(value))
    return _observe_container(value, depth)


def _observe_container(value: Any, depth: int) -> Seen:
    kind = type(value).__name__
    if isinstance(value, (list, tuple)):  # torch.Size is a tuple
        if len(value) > MAX_ITEMS:
            return OtherSeen(kind, f"{len(value)} items are more than a check looks at")
        return SequenceSeen("tuple" if isinstance(value, tuple) else "list", tuple(observe(v, depth + 1) for v in list(value)))
    if isinstance(value, dict):
        if len(value) > MAX_ITEMS:
            return OtherSeen(kind, f"{len(value)} items are more than a check looks at")
        return MappingSeen(tuple((str(k)[:200], observe(v, depth + 1)) for k, v in list(value.items())))
    if isinstance(value, numpy.ndarray):
        return OtherSeen("NumPy array", f"shape {tuple(value.shape)}, dtype {value.dtype}; torch.from_numpy makes a tensor of it")
    if isinstance(value, collections.abc.Generator):
        return OtherSeen("generator", "nothing in it has been computed yet; return a list or a tensor")
    if callable(value):
        return OtherSeen(kind, "a function or class itself was returned; call it")
    return OtherSeen(kind)


def _observe_number(value: float | int | bool) -> Seen:
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return OtherSeen("int", "a number beyond 64 bits")
    return NumberSeen(value)


def _observe_tensor(tensor: torch.Tensor) -> Seen:
    with torch._C.DisableTorchFunctionSubclass():
        dtype, device = str(tensor.dtype).removeprefix("torch."), str(tensor.device.type)
        requires_grad, is_leaf = bool(tensor.requires_grad), bool(tensor.is_leaf)
        if tensor.numel() > MAX_ELEMENTS:
            return OtherSeen("tensor", f"shape {tuple(tensor.shape)} has more elements than a check looks at")
        if tensor.device.type == "meta":
            values = torch.zeros(tensor.shape)  # a meta tensor has a shape but no values; the device layer tells it
        else:
            plain = tensor.detach().as_subclass(torch.Tensor)
            if plain.layout != torch.strided:
                plain = plain.to_dense()
            values = plain.cpu().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
        if values.is_complex():
            values = torch.view_as_real(values)
        if values.dtype not in _STORABLE:
            return OtherSeen("tensor", f"dtype {dtype} cannot be compared")
        return TensorSeen(values, dtype, device, requires_grad, is_leaf)


def error_seen(error: BaseException, line: str = "") -> ErrorSeen:
    """Record an exception by its type's name and message, both bounded."""
    try:
        message = str(error)
    except Exception:  # an exception class of the student's may itself be broken
        message = ""
    return ErrorSeen(type(error).__name__[:100], message[:MAX_TEXT], line[:300])


# -- travelling ------------------------------------------------------------------------------------------------------------


def to_bytes(content: Any) -> bytes:
    """Pack a JSON-like structure whose leaves may be tensors, `Seen` records and `Observation`s. Equal content, equal bytes."""
    tensors: dict[str, torch.Tensor] = {}
    names: dict[tuple[str, tuple[int, ...], bytes], str] = {}
    tree = _pack(content, tensors, names)
    header = json.dumps(tree, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return safetensors.torch.save(tensors, metadata={"tree": header})


def from_bytes(data: bytes) -> Any:
    """Unpack what `to_bytes` packed. Raises `ObservationError` for anything else; runs no code found in it."""
    if len(data) > MAX_BYTES:
        raise ObservationError(f"{len(data)} bytes are more than the {MAX_BYTES} allowed")
    try:
        length = int.from_bytes(data[:8], "little")
        tree = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["tree"])
        return _unpack(tree, safetensors.torch.load(data))
    except ObservationError:
        raise
    except Exception as error:
        raise ObservationError(f"not an observation: {type(error).__name__}: {str(error)[:200]}") from error


def _pack(value: Any, tensors: dict[str, torch.Tensor], names: dict[Any, str]) -> Any:
    def pack(inner: Any) -> Any:
        return _pack(inner, tensors, names)

    if isinstance(value, torch.Tensor):
        return {"tensor": _store(value, tensors, names)}
    if isinstance(value, TensorSeen):
        about = [value.dtype, value.device, value.requires_grad, value.is_leaf]
        return {"seen": "tensor", "values": _store(value.values, tensors, names), "about": about}
    if isinstance(value, NumberSeen):
        return {"seen": "number", "value": pack(value.value)}
    if isinstance(value, TextSeen):
        return {"seen": "text", "text": value.text}
    if isinstance(value, (Nothing, Dots)):
        return {"seen": type(value).__name__}
    if isinstance(value, SequenceSeen):
        return {"seen": "sequence", "kind": value.kind, "items": [pack(v) for v in value.items]}
    if isinstance(value, MappingSeen):
        return {"seen": "mapping", "items": [[k, pack(v)] for k, v in value.items]}
    if isinstance(value, ErrorSeen):
        return {"seen": "error", "parts": [value.type, value.message, value.line]}
    if isinstance(value, OtherSeen):
        return {"seen": "other", "parts": [value.type, value.reason]}
    if isinstance(value, Observation):
        rest = [list(value.changed_inputs), value.printed, value.trivial]
        return {"seen": "observation", "value": pack(value.value), "rest": rest}
    if isinstance(value, float) and not math.isfinite(value):
        return {"float": str(value)}
    if isinstance(value, dict):
        return {"dict": [[k, pack(v)] for k, v in value.items()]}
    if isinstance(value, (list, tuple)):
        return {"tuple" if isinstance(value, tuple) else "list": [pack(v) for v in value]}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise TypeError(f"a {type(value).__name__} cannot travel as data")


def _store(tensor: torch.Tensor, tensors: dict[str, torch.Tensor], names: dict[Any, str]) -> str:
    """Keep each distinct tensor once: many wrong answers get most of their values right."""
    plain = tensor.detach().contiguous().clone()
    key = (str(plain.dtype), tuple(plain.shape), plain.flatten().view(torch.uint8).numpy().tobytes() if plain.numel() else b"")
    if key not in names:
        names[key] = f"t{len(names):04d}"
        tensors[names[key]] = plain
    return names[key]


def _unpack(tree: Any, tensors: dict[str, torch.Tensor], depth: int = 0) -> Any:
    if depth > 4 * MAX_DEPTH:
        raise ObservationError("nested too deeply")

    def unpack(inner: Any) -> Any:
        return _unpack(inner, tensors, depth + 1)

    if not isinstance(tree, dict):
        if tree is None or isinstance(tree, (bool, int, float, str)):
            return tree
        raise ObservationError("a bare list where a record should be")
    if "seen" in tree:
        return _unpack_seen(tree, tensors, unpack)
    if "tensor" in tree:
        return tensors[tree["tensor"]]
    if "float" in tree:
        return float(tree["float"])
    if "dict" in tree:
        return {str(k): unpack(v) for k, v in tree["dict"]}
    if "list" in tree:
        return [unpack(v) for v in tree["list"]]
    if "tuple" in tree:
        return tuple(unpack(v) for v in tree["tuple"])
    raise ObservationError("a record of no known kind")


def _unpack_seen(tree: dict[str, Any], tensors: dict[str, torch.Tensor], unpack: Any) -> Seen | Observation:
    kind = tree["seen"]
    if kind == "tensor":
        dtype, device, requires_grad, is_leaf = tree["about"]
        return TensorSeen(tensors[tree["values"]], str(dtype), str(device), bool(requires_grad), bool(is_leaf))
    if kind == "number":
        value = unpack(tree["value"])
        if not isinstance(value, (bool, int, float)):
            raise ObservationError("a number that is none")
        return NumberSeen(value)
    if kind == "text":
        return TextSeen(str(tree["text"]))
    if kind == "sequence":
        return SequenceSeen(str(tree["kind"]), tuple(_seen(unpack(v)) for v in tree["items"]))
    if kind == "mapping":
        return MappingSeen(tuple((str(k), _seen(unpack(v))) for k, v in tree["items"]))
    if kind == "error":
        return ErrorSeen(*(str(part) for part in tree["parts"]))
    if kind == "other":
        return OtherSeen(*(str(part) for part in tree["parts"]))
    if kind == "observation":
        changed, printed, trivial = tree["rest"]
        return Observation(_seen(unpack(tree["value"])), tuple(str(c) for c in changed), str(printed)[:MAX_TEXT], bool(trivial))
    if kind in ("Nothing", "Dots"):
        return Nothing() if kind == "Nothing" else Dots()
    raise ObservationError(f"no kind of observation is called {str(kind)[:40]!r}")


def _seen(value: Any) -> Seen:
    if not isinstance(value, Seen):
        raise ObservationError(f"a bare {type(value).__name__} where something observed should be")
    return value
