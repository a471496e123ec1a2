"""What a probe saw, as plain data: a small tree of records that travels as one safetensors container.

No object is ever serialised as code, in either direction. Tensors are stored by safetensors; dtypes, devices, numbers (NaN and
infinity included), text and errors stand in a JSON header. Reading bounds what it accepts, since the bytes may come from a
student's kernel.
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
    "SequenceSeen", "TensorSeen", "TextSeen", "clean_text", "error_seen", "from_bytes", "observe", "to_bytes",
]  # fmt: skip

MAX_ELEMENTS = 1_000_000  # of one tensor; the largest in the lecture's net has 100,000
MAX_ALL_ELEMENTS = 4 * MAX_ELEMENTS  # of all tensors of one value
MAX_RECORDS = 20_000  # of one value: its items and their items
MAX_ITEMS = 2_000  # of one sequence or mapping
MAX_TEXT = 4_000  # characters of one text
MAX_ALL_TEXT = 100 * MAX_TEXT  # of all texts of one value; what is beyond is cut off
MAX_DEPTH = 20
MAX_BYTES = 64 * 2**20  # of one container: any one value fits
MAX_HEADER = 16 * 2**20  # of them JSON

_STORABLE = {
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8,
    torch.uint8, torch.bool,
}  # fmt: skip


class ObservationError(Exception):
    """Bytes that are not an observation, or one beyond the limits."""


@dataclass(frozen=True, eq=False)
class TensorSeen:
    """A tensor: its values on the CPU, dense and contiguous, and what it was where it was found.

    On the device 'meta' a tensor has no values; zeros stand for them.
    """

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
    """A Python or NumPy number or bool."""

    value: float | int | bool


@dataclass(frozen=True)
class TextSeen:
    text: str


@dataclass(frozen=True)
class Nothing:
    """None, as a function gives back that has no return."""


@dataclass(frozen=True)
class Dots:
    """The `...` of a stub nobody has filled in, or nothing at all of the name in `missing`."""

    missing: str = field(default="", compare=False)


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

    @property
    def timed_out(self) -> bool:
        return self.type == "AnswerTimeout"


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


class _Budget:
    """What may still be looked at of one value: a list that holds itself many times over is small, all its paths are not."""

    def __init__(self) -> None:
        self.records, self.elements, self.characters = MAX_RECORDS, MAX_ALL_ELEMENTS, MAX_ALL_TEXT

    def text(self, text: str, most: int) -> str:
        kept = clean_text(text, min(most, self.characters))
        self.characters -= len(kept)
        return kept


def observe(value: Any) -> Seen:
    """Turn any Python value into plain data. Never raises for odd values: they become `OtherSeen` with the reason."""
    return _observe(value, _Budget(), 0)


def _observe(value: Any, budget: _Budget, depth: int) -> Seen:
    kind = _kind(value)
    budget.records -= 1
    if depth > MAX_DEPTH:
        return OtherSeen(kind, "It is nested too deeply for a check.")
    if budget.records < 0:
        return OtherSeen(kind, "It holds more values than a check looks at.")
    try:
        return _observe_leaf(value, budget) or _observe_container(value, kind, budget, depth)
    except Exception as error:  # a class of the student's may answer any question with an error
        return OtherSeen(kind, f"It cannot be looked at: that raised {_kind(error)}.")


def _kind(value: Any) -> str:
    try:
        return clean_text(type(value).__name__, 100)
    except Exception:  # a metaclass may even make the name raise
        return "object"


def _observe_leaf(value: Any, budget: _Budget) -> Seen | None:
    if isinstance(value, torch.Tensor):
        return _observe_tensor(value, budget)
    if value is None:
        return Nothing()
    if value is Ellipsis:
        return Dots()
    if isinstance(value, (bool, numpy.bool_)):
        return NumberSeen(bool(value))
    if isinstance(value, (int, numpy.integer)):
        number = int.__pos__(value if isinstance(value, int) else int(value))  # a subclass may bring its own arithmetic
        return NumberSeen(number) if -(2**63) <= number < 2**63 else OtherSeen("int", "The number needs more than 64 bits.")
    if isinstance(value, (float, numpy.floating)):
        return NumberSeen(float.__pos__(value if isinstance(value, float) else float(value)))
    if isinstance(value, str):
        return TextSeen(budget.text(value, MAX_TEXT))
    if isinstance(value, (torch.dtype, torch.device)):
        return TextSeen(str(value))
    return None


def _observe_container(value: Any, kind: str, budget: _Budget, depth: int) -> Seen:
    items: Any
    if isinstance(value, list):
        items = list.copy(value)  # not iter(value), which a subclass may have made endless
    elif isinstance(value, tuple):  # torch.Size is one
        items = tuple.__getitem__(value, slice(None))
    elif isinstance(value, dict):
        items = list(dict.items(value))
    elif isinstance(value, numpy.ndarray):
        about = f"NumPy array of shape {tuple(value.shape)}, dtype {value.dtype}"
        return OtherSeen(about, "What is asked for is a tensor: `torch.from_numpy` makes one of an array.")
    elif isinstance(value, collections.abc.Generator):
        return OtherSeen("generator", "Nothing in a generator has been computed yet: return a list or a tensor.")
    elif isinstance(value, type) or (callable(value) and not isinstance(value, torch.nn.Module)):
        return OtherSeen(kind, "A function or class itself was returned: call it.")
    else:
        return OtherSeen(kind)
    if len(items) > MAX_ITEMS:
        return OtherSeen(kind, f"Its {len(items)} items are more than a check looks at.")
    if isinstance(value, dict):
        return MappingSeen(tuple((budget.text(str(k), 200), _observe(v, budget, depth + 1)) for k, v in items))
    return SequenceSeen("tuple" if isinstance(value, tuple) else "list", tuple(_observe(v, budget, depth + 1) for v in items))


def _observe_tensor(tensor: torch.Tensor, budget: _Budget) -> Seen:
    with torch._C.DisableTorchFunctionSubclass(), torch.no_grad():
        # The base class's own properties: a subclass may have others of the same name.
        about = torch.Tensor
        dtype, device = about.dtype.__get__(tensor), about.device.__get__(tensor)  # type: ignore[attr-defined]
        flags = bool(about.requires_grad.__get__(tensor)), bool(about.is_leaf.__get__(tensor))  # type: ignore[attr-defined]
        elements = about.numel(tensor)
        if elements > MAX_ELEMENTS:
            shape = tuple(about.shape.__get__(tensor))  # type: ignore[attr-defined]
            return OtherSeen("tensor", f"Its shape {shape} has more elements than a check looks at.")
        budget.elements -= elements
        if budget.elements < 0:
            return OtherSeen("tensor", "It holds more values than a check looks at.")
        name = str(dtype).removeprefix("torch.")
        if not _storable(dtype):
            return OtherSeen("tensor", f"A check cannot compare the dtype {name}.")
        if device.type == "meta":
            values = torch.zeros(tuple(about.shape.__get__(tensor)), dtype=dtype)  # type: ignore[attr-defined]
        else:
            plain = about.detach(tensor)
            plain = plain if about.layout.__get__(tensor) == torch.strided else about.to_dense(plain)  # type: ignore[attr-defined]
            values = (
                plain.as_subclass(torch.Tensor).cpu().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
            )
        return TensorSeen(values, name, device.type, *flags)


def _storable(dtype: torch.dtype) -> bool:
    return dtype in _STORABLE or dtype.is_complex


def error_seen(error: BaseException, line: str = "") -> ErrorSeen:
    """Record an exception by its type's name and message, both bounded."""
    try:
        message = clean_text(str(error))
    except Exception:  # an exception class of the student's may itself be broken
        message = ""
    return ErrorSeen(_kind(error), message, clean_text(line, 300))


_CONTROLS = {code: 0xFFFD for code in (*range(32), *range(127, 160)) if chr(code) not in "\n\t"}


def clean_text(text: str, most: int = MAX_TEXT) -> str:
    """At most `most` characters, without those that drive a terminal or that UTF-8 cannot carry."""
    if not isinstance(text, str):
        raise ObservationError(f"a {type(text).__name__} where a text should be")
    plain = str.__getitem__(text, slice(most)).replace("\r\n", "\n")
    return plain.encode("utf-8", "replace").decode("utf-8").translate(_CONTROLS)


# -- travelling ------------------------------------------------------------------------------------------------------------


def to_bytes(content: Any) -> bytes:
    """Pack a JSON-like structure whose leaves may be tensors, `Seen` records and `Observation`s. Equal content, equal bytes.

    Bare tensors keep their strides and `requires_grad`, and share no memory when they arrive. Raises TypeError for anything else.
    """
    packer = _Packer()
    # ASCII, so that any text at all gets through.
    header = json.dumps(packer.pack(content), ensure_ascii=True, sort_keys=True, separators=(",", ":"))
    return safetensors.torch.save(packer.tensors, metadata={"tree": header})


def from_bytes(data: bytes) -> Any:
    """Unpack what `to_bytes` packed. Raises `ObservationError` for anything else; runs no code found in it."""
    if len(data) > MAX_BYTES:
        raise ObservationError(f"{len(data)} bytes are more than the {MAX_BYTES} allowed")
    length = int.from_bytes(data[:8], "little")
    if length > MAX_HEADER:
        raise ObservationError(f"a header of {length} bytes is more than the {MAX_HEADER} allowed")
    try:
        tree = json.loads(json.loads(data[8 : 8 + length])["__metadata__"]["tree"])
        return _Unpacker(safetensors.torch.load(data)).unpack(tree)
    except ObservationError:
        raise
    except Exception as error:
        raise ObservationError(f"not an observation: {type(error).__name__}: {str(error)[:200]}") from error


class _Packer:
    """Turns content into a tree for JSON, and keeps its tensors, each distinct one once: many wrong answers are mostly right."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}
        self._names: dict[tuple[str, tuple[int, ...], bytes], str] = {}

    def pack(self, value: Any) -> Any:
        if isinstance(value, torch.Tensor):
            return self._pack_tensor(value)
        if isinstance(value, Observation):
            rest = [list(value.changed_inputs), value.printed, value.trivial]
            return {"seen": "observation", "value": self.pack(value.value), "rest": rest}
        if isinstance(value, Seen):
            return self._pack_seen(value)
        if isinstance(value, float) and not math.isfinite(value):
            return {"float": str(float(value))}
        if isinstance(value, dict):
            if not all(isinstance(key, (str, int)) for key in value):
                raise TypeError("a dict travels only if its keys are texts or whole numbers")
            return {"dict": [[key, self.pack(inner)] for key, inner in value.items()]}
        if isinstance(value, (list, tuple)):
            return {"tuple" if isinstance(value, tuple) else "list": [self.pack(inner) for inner in value]}
        if value is None or isinstance(value, (bool, int, float, str)):
            return value
        raise TypeError(f"a {type(value).__name__} cannot travel as data")

    def _pack_tensor(self, tensor: torch.Tensor) -> dict[str, Any]:
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or not _storable(tensor.dtype):
            raise TypeError(f"a {tensor.layout} tensor of {tensor.dtype} on {tensor.device} cannot travel as data")
        packed: dict[str, Any] = {"requires_grad": True} if tensor.requires_grad else {}
        plain = tensor.detach().resolve_conj().resolve_neg()
        if not plain.is_contiguous():
            packed |= {"shape": list(plain.shape), "stride": list(plain.stride())}
            reach = 1 + sum((size - 1) * step for size, step in zip(plain.shape, plain.stride(), strict=True))
            plain = plain.as_strided((reach,), (1,))  # all the memory between its first element and its last
        return packed | {"tensor": self._keep(plain)} | ({"complex": True} if tensor.is_complex() else {})

    def _pack_seen(self, value: Seen) -> dict[str, Any]:
        match value:
            case TensorSeen():
                about = [value.dtype, value.device, value.requires_grad, value.is_leaf]
                return {"seen": "tensor", "values": self._keep(value.values), "about": about}
            case NumberSeen():
                return {"seen": "number", "value": self.pack(value.value)}
            case TextSeen():
                return {"seen": "text", "text": value.text}
            case Nothing():
                return {"seen": "nothing"}
            case Dots():
                return {"seen": "dots", "missing": value.missing}
            case SequenceSeen():
                return {"seen": "sequence", "kind": value.kind, "items": [self.pack(item) for item in value.items]}
            case MappingSeen():
                return {"seen": "mapping", "items": [[key, self.pack(item)] for key, item in value.items]}
            case ErrorSeen():
                return {"seen": "error", "parts": [value.type, value.message, value.line]}
            case OtherSeen():
                return {"seen": "other", "parts": [value.type, value.reason]}

    def _keep(self, tensor: torch.Tensor) -> str:
        plain = torch.view_as_real(tensor) if tensor.is_complex() else tensor
        plain = plain.detach().clone(memory_format=torch.contiguous_format)
        content = plain.flatten().view(torch.uint8).numpy().tobytes() if plain.numel() else b""
        key = (str(plain.dtype), tuple(plain.shape), content)
        if key not in self._names:
            self._names[key] = f"t{len(self._names):04d}"
            self.tensors[self._names[key]] = plain
        return self._names[key]


class _Unpacker:
    """Reads a tree back, and refuses what `_Packer` would not have written."""

    def __init__(self, tensors: dict[str, torch.Tensor]) -> None:
        for tensor in tensors.values():
            if tensor.dtype not in _STORABLE or tensor.numel() > 2 * MAX_ELEMENTS:
                raise ObservationError(f"a tensor of {tensor.dtype} with {tensor.numel()} elements")
        self._tensors = tensors
        self._depth = 0

    def unpack(self, tree: Any) -> Any:
        self._depth += 1
        if self._depth > 4 * MAX_DEPTH:
            raise ObservationError("nested too deeply")
        try:
            return self._unpack(tree)
        finally:
            self._depth -= 1

    def _unpack(self, tree: Any) -> Any:
        if tree is None or isinstance(tree, (bool, int, float, str)):
            return tree
        if not isinstance(tree, dict):
            raise ObservationError("a bare list where a record should be")
        if "seen" in tree:
            return self._unpack_seen(tree)
        if "tensor" in tree:
            return self._unpack_tensor(tree)
        if "float" in tree:
            return float(tree["float"])
        if "dict" in tree:
            return {_key(key): self.unpack(inner) for key, inner in tree["dict"]}
        if "list" in tree:
            return [self.unpack(inner) for inner in tree["list"]]
        if "tuple" in tree:
            return tuple(self.unpack(inner) for inner in tree["tuple"])
        raise ObservationError("a record of no known kind")

    def _unpack_tensor(self, tree: dict[str, Any]) -> torch.Tensor:
        tensor = self._tensors[tree["tensor"]].clone()  # equal tensors are stored once, but are not one tensor
        if tree.get("complex"):
            tensor = torch.view_as_complex(tensor)
        if "stride" in tree:
            if math.prod(tree["shape"]) > MAX_ELEMENTS:
                raise ObservationError(f"a tensor of shape {tree['shape']}")
            tensor = tensor.as_strided(tree["shape"], tree["stride"])
        return tensor.requires_grad_() if tree.get("requires_grad") else tensor

    def _unpack_seen(self, tree: dict[str, Any]) -> Seen | Observation:
        match tree["seen"]:
            case "tensor":
                return self._tensor_seen(tree["values"], *tree["about"])
            case "number":
                return _number_seen(self.unpack(tree["value"]))
            case "text":
                return TextSeen(clean_text(tree["text"]))
            case "nothing":
                return Nothing()
            case "dots":
                return Dots(clean_text(tree["missing"], 200))
            case "sequence":
                return SequenceSeen("tuple" if tree["kind"] == "tuple" else "list", tuple(map(self._seen, _few(tree["items"]))))
            case "mapping":
                return MappingSeen(tuple((clean_text(key, 200), self._seen(item)) for key, item in _few(tree["items"])))
            case "error":
                return ErrorSeen(*map(clean_text, tree["parts"]))
            case "other":
                return OtherSeen(*map(clean_text, tree["parts"]))
            case "observation":
                changed, printed, trivial = tree["rest"]
                names = tuple(clean_text(name, 200) for name in _few(changed))
                return Observation(self._seen(tree["value"]), names, clean_text(printed), bool(trivial))
        raise ObservationError(f"no kind of observation is called {str(tree['seen'])[:40]!r}")

    def _seen(self, tree: Any) -> Seen:
        value = self.unpack(tree)
        if not isinstance(value, Seen):
            raise ObservationError(f"a bare {type(value).__name__} where something observed should be")
        return value

    def _tensor_seen(self, name: str, dtype: str, device: str, requires_grad: bool, is_leaf: bool) -> TensorSeen:
        values, claimed = self._tensors[name], getattr(torch, dtype)
        if isinstance(claimed, torch.dtype) and claimed.is_complex:
            values = torch.view_as_complex(values)
        if values.dtype != claimed or values.numel() > MAX_ELEMENTS:
            raise ObservationError(f"a tensor of {values.dtype} that claims to be {dtype}")
        return TensorSeen(values, dtype, clean_text(device, 20), bool(requires_grad), bool(is_leaf))


def _number_seen(value: Any) -> NumberSeen:
    if not isinstance(value, (bool, int, float)) or (isinstance(value, int) and not -(2**63) <= value < 2**63):
        raise ObservationError("a number that is none, or beyond 64 bits")
    return NumberSeen(value)


def _few(items: Any) -> list[Any]:
    if not isinstance(items, list) or len(items) > MAX_ITEMS:
        raise ObservationError("more items than an observation holds")
    return items


def _key(key: Any) -> str | int:
    if not isinstance(key, (str, int)):
        raise ObservationError(f"a {type(key).__name__} as a key")
    return key
