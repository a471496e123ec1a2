# ruff: noqa: PLW1641 (hostile classes are meant)
"""Observations are plain data: whatever an answer returns becomes a record, travels as bytes, and comes back the same."""

from __future__ import annotations

import ast
import contextlib
import json
import math
import struct
import time
from pathlib import Path

import numpy
import pytest
import safetensors.torch
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import autograder
from autograder import observation
from autograder.observation import (
    Dots,
    ErrorSeen,
    MappingSeen,
    Nothing,
    NumberSeen,
    Observation,
    ObservationError,
    OtherSeen,
    SequenceSeen,
    TensorSeen,
    TextSeen,
    error_seen,
    from_bytes,
    observe,
    to_bytes,
)

QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

DTYPES = [
    torch.float64, torch.float32, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8,
    torch.bool, torch.complex64, torch.complex128,
]  # fmt: skip


@st.composite
def tensors(draw):
    """Tensors as answers return them: every dtype, empty, 0-d, not contiguous, with NaN and infinity, tied to autograd."""
    dtype = draw(st.sampled_from(DTYPES))
    shape = draw(st.lists(st.integers(0, 4), max_size=3))
    tensor = torch.empty(shape, dtype=torch.float64)
    values = draw(st.lists(st.sampled_from([0.0, -0.0, 1.0, -2.5, 100.0, math.nan, math.inf, -math.inf]), min_size=1, max_size=8))
    if tensor.numel():
        tensor.copy_(torch.tensor((values * tensor.numel())[: tensor.numel()], dtype=torch.float64).reshape(shape))
    if not (dtype.is_floating_point or dtype.is_complex):
        tensor = tensor.nan_to_num(0, 1, 0).abs()
    tensor = tensor.to(dtype)
    if draw(st.booleans()):
        tensor = tensor.transpose(0, -1) if tensor.dim() else tensor
    if draw(st.booleans()) and tensor.dim():
        tensor = tensor[::2]
    if dtype.is_floating_point or dtype.is_complex:
        tensor.requires_grad_(draw(st.booleans()))
        tensor = draw(st.sampled_from([tensor, tensor * 2 if tensor.requires_grad else tensor]))
    return tensor


leaves = st.one_of(
    st.none(), st.just(...), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(), tensors(),
    st.sampled_from([torch.float32, torch.device("cpu"), numpy.float32(1.5), numpy.int8(3), numpy.True_, numpy.ones(2), print]),
)  # fmt: skip
values = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=3) | st.tuples(inner, inner),
)


def same(one: object, other: object) -> bool:
    """Equality of observed values, tensors by their bits."""
    if isinstance(one, TensorSeen) and isinstance(other, TensorSeen):
        about = [(s.dtype, s.device, s.requires_grad, s.is_leaf, s.shape, s.values.dtype) for s in (one, other)]
        bits = [torch.view_as_real(s.values) if s.values.is_complex() else s.values for s in (one, other)]
        bits = [b.contiguous().flatten().view(torch.uint8) for b in bits]
        return about[0] == about[1] and torch.equal(*bits)
    if isinstance(one, NumberSeen) and isinstance(other, NumberSeen):
        if one.value != one.value:  # one NaN is as good as another
            return math.isnan(other.value)
        return type(one.value) is type(other.value) and struct.pack(">d", one.value) == struct.pack(">d", other.value)
    if isinstance(one, SequenceSeen) and isinstance(other, SequenceSeen):
        return one.kind == other.kind and len(one.items) == len(other.items) and all(map(same, one.items, other.items))
    if isinstance(one, MappingSeen) and isinstance(other, MappingSeen):
        return len(one.items) == len(other.items) and all(
            a[0] == b[0] and same(a[1], b[1]) for a, b in zip(one.items, other.items, strict=True)
        )
    return type(one) is type(other) and one == other


class TestRoundTrip:
    @QUICK
    @given(values)
    def test_whatever_is_observed_comes_back_the_same(self, value):
        record = Observation(observe(value), ("x",), "printed", True)
        back = from_bytes(to_bytes(record))
        assert same(back.value, record.value)
        assert (back.changed_inputs, back.printed, back.trivial) == (("x",), "printed", True)

    @QUICK
    @given(values)
    def test_equal_content_gives_equal_bytes(self, value):
        assert to_bytes(observe(value)) == to_bytes(observe(value))

    @pytest.mark.parametrize(
        "record",
        [TextSeen("\ud800 \x1b[31m \x00"), ErrorSeen("E", "m", "line 1: `x`"), OtherSeen("set", "why"), Dots("f"), Nothing()],
    )
    def test_every_other_record_comes_back(self, record):
        assert type(from_bytes(to_bytes(record))) is type(record)

    def test_a_missing_name_comes_back(self):
        assert from_bytes(to_bytes(Dots("f"))).missing == "f"

    def test_equal_tensors_are_stored_once_but_arrive_apart(self):
        data = to_bytes({"a": torch.ones(500), "b": torch.ones(500)})
        assert len(data) < 2 * 500 * 4
        arrived = from_bytes(data)
        arrived["a"].zero_()
        assert bool((arrived["b"] == 1).all())

    def test_inputs_keep_strides_and_requires_grad(self):
        base = torch.arange(24.0).reshape(4, 6)
        for tensor in (
            base.t(),
            base[1:, ::2],
            torch.ones(1, 3).expand(4, 3),
            base.clone().requires_grad_(),
            torch.ones(2, 3, dtype=torch.cfloat).t(),
        ):
            arrived = from_bytes(to_bytes(tensor))
            assert torch.equal(arrived, tensor)
            assert (arrived.stride(), arrived.requires_grad) == (tensor.stride(), tensor.requires_grad)

    def test_plain_structures_come_back_with_their_types(self):
        content = {"text": "ü", 3: [1, 2.5, None, True], "nested": ({"nan": math.inf},)}
        assert from_bytes(to_bytes(content)) == content

    @pytest.mark.parametrize("odd", [{1, 2}, print, {(1,): 2}, torch.ones(2, device="meta"), torch.ones(2).to_sparse(), object()])
    def test_what_is_no_data_does_not_travel(self, odd):
        with pytest.raises(TypeError, match="travel"):
            to_bytes([odd])


class TestWhatIsSeen:
    def test_a_tensor_is_told_with_dtype_device_and_its_tie_to_autograd(self):
        weight = torch.nn.Parameter(torch.ones(2, 3))
        assert (observe(weight).requires_grad, observe(weight).is_leaf) == (True, True)
        product = observe(weight * 2)
        assert (product.shape, product.dtype, product.device, product.requires_grad, product.is_leaf) == (
            (2, 3),
            "float32",
            "cpu",
            True,
            False,
        )

    def test_a_meta_tensor_has_shape_and_dtype_and_zeros_for_values(self):
        seen = observe(torch.empty(2, 3, dtype=torch.int64, device="meta"))
        assert (seen.device, seen.dtype, seen.shape, seen.values.dtype) == ("meta", "int64", (2, 3), torch.int64)

    def test_sparse_conjugated_and_expanded_tensors_are_stored_as_what_they_stand_for(self):
        dense = torch.tensor([[0.0, 2.0], [3.0, 0.0]])
        assert torch.equal(observe(dense.to_sparse()).values, dense)
        assert torch.equal(observe(torch.tensor([1 + 2j]).conj()).values, torch.tensor([1 - 2j]))
        assert observe(torch.ones(1).expand(5)).values.stride() == (1,)

    def test_what_was_observed_does_not_follow_later_changes(self):
        tensor = torch.zeros(3)
        seen = observe(tensor)
        tensor += 1
        assert bool((seen.values == 0).all())

    @pytest.mark.parametrize(
        ("value", "kind", "reason"),
        [
            (numpy.ones(2), "NumPy array of shape (2,), dtype float64", "torch.from_numpy"),
            ((i for i in range(2)), "generator", "Nothing in a generator"),
            (print, "builtin_function_or_method", "call it"),
            (torch.nn.ReLU, "type", "call it"),
            (torch.nn.ReLU(), "ReLU", ""),
            ({1, 2}, "set", ""),
            (2**80, "int", "64 bits"),
            (torch.ones(2).to(torch.float8_e4m3fn), "tensor", "float8_e4m3fn"),
            (1 + 2j, "complex", ""),
        ],
    )
    def test_what_cannot_be_compared_is_named_with_the_reason(self, value, kind, reason):
        seen = observe(value)
        assert isinstance(seen, OtherSeen)
        assert seen.type == kind
        assert reason in seen.reason

    def test_numpy_numbers_are_numbers(self):
        assert [observe(n).value for n in (numpy.float16(0.5), numpy.longdouble(2), numpy.int64(3), numpy.True_)] == [
            0.5,
            2.0,
            3,
            True,
        ]

    def test_named_results_and_sizes_are_tuples(self):
        assert observe(torch.ones(2, 2).max(dim=0)).kind == "tuple"
        assert observe(torch.ones(2, 3).shape) == SequenceSeen("tuple", (NumberSeen(2), NumberSeen(3)))

    def test_text_keeps_no_terminal_commands_and_no_halves_of_characters(self):
        assert observe("a\x1b[31mred\x07\ud800\tb\r\n").text == "a\ufffd[31mred\ufffd?\tb\n"


class Hostile:
    """Answers every question with an error."""

    @property
    def __class__(self):
        raise RuntimeError("no class")

    def __getattribute__(self, name):
        raise RuntimeError("no attribute")


class EndlessList(list):
    def __iter__(self):
        while True:
            yield 1

    def __len__(self):
        return 2


class NamelessMeta(type):
    @property
    def __name__(cls):
        raise RuntimeError("no name")


class Nameless(metaclass=NamelessMeta):
    pass


class LyingTensor(torch.Tensor):
    dtype = "float1"
    requires_grad = "maybe"

    @property
    def shape(self):
        raise RuntimeError("no shape")

    def numel(self):
        return -5

    def __eq__(self, other):
        return True

    @classmethod
    def __torch_function__(cls, function, types, arguments=(), keywords=None):
        raise RuntimeError("no function")


class Number(float):
    def __le__(self, other):
        raise RuntimeError("no order")

    __pos__ = __le__


class TestHostileValues:
    def test_they_become_records_with_the_reason(self):
        assert "looked at" in observe(Hostile()).reason
        assert observe(Nameless()).type == "object"
        assert observe([Hostile()]).items[0].type == "Hostile"
        assert observe(Number(2)).value == 2.0
        assert type(observe(Number(2)).value) is float

    def test_a_tensor_subclass_is_taken_for_the_tensor_it_is(self):
        seen = observe(torch.ones(2, 3).as_subclass(LyingTensor))
        assert (seen.shape, seen.dtype, seen.requires_grad) == ((2, 3), "float32", False)
        assert type(seen.values) is torch.Tensor

    def test_an_endless_iterator_is_never_followed(self):
        assert observe(EndlessList([1, 2])) == SequenceSeen("list", (NumberSeen(1), NumberSeen(2)))

    def test_a_list_that_holds_itself_ends(self):
        own: list[object] = []
        own += [own] * 3
        started = time.perf_counter()
        assert isinstance(observe(own), SequenceSeen)
        assert time.perf_counter() - started < 3

    def test_sizes_are_bounded(self):
        assert "more elements" in observe(torch.empty(1, device="meta").expand(10**6, 10**6)).reason
        assert "items" in observe([0] * 5_000).reason
        assert "items" in observe(dict.fromkeys(range(5_000))).reason
        assert len(observe("x" * 10**6).text) == observation.MAX_TEXT
        many = observe([torch.zeros(1).expand(900_000)] * 6)
        assert [type(item) for item in many.items] == [TensorSeen] * 4 + [OtherSeen] * 2

    def test_any_value_within_the_limits_fits_into_a_container(self):
        data = to_bytes(observe([torch.rand(1_000_000, dtype=torch.float64)] * 4 + ["ü" * 4_000] * 1_900))
        assert isinstance(from_bytes(data), SequenceSeen)

    def test_a_broken_exception_is_still_an_error(self):
        class Broken(Exception):
            def __str__(self):
                raise ValueError

        assert error_seen(Broken()) == ErrorSeen("Broken", "")


def container(tree: object, **tensors: torch.Tensor) -> bytes:
    return safetensors.torch.save(tensors, metadata={"tree": json.dumps(tree)})


def nested(depth: int) -> object:
    tree: object = 1
    for _ in range(depth):
        tree = {"list": [tree]}
    return tree


ONES = torch.ones(2)
HOSTILE_TREES = {
    "a bare list": [1],
    "no known record": {"x": 1},
    "no known kind": {"seen": "thing"},
    "a kind that is a list": {"seen": [1]},
    "a tensor that is not there": {"tensor": "t1"},
    "an unhashable tensor name": {"tensor": [1]},
    "values that are not there": {"seen": "tensor", "values": "t1", "about": ["float32", "cpu", False, True]},
    "a false dtype": {"seen": "tensor", "values": "t0", "about": ["float64", "cpu", False, True]},
    "a dtype that is a function": {"seen": "tensor", "values": "t0", "about": ["save", "cpu", False, True]},
    "too few facts of a tensor": {"seen": "tensor", "values": "t0", "about": []},
    "a complex of the wrong shape": {"seen": "tensor", "values": "t1", "about": ["complex64", "cpu", False, True]},
    "a stride beyond the memory": {"tensor": "t0", "shape": [9, 9], "stride": [9, 1]},
    "a negative stride": {"tensor": "t0", "shape": [2], "stride": [-1]},
    "an expansion without end": {"tensor": "t0", "shape": [10**9, 10**9], "stride": [0, 0]},
    "a number that is text": {"seen": "number", "value": "1"},
    "a number beyond 64 bits": {"seen": "number", "value": 10**30},
    "text that is a number": {"seen": "text", "text": 1},
    "an error of too many parts": {"seen": "error", "parts": ["a", "b", "c", "d"]},
    "items that are text": {"seen": "sequence", "kind": "list", "items": "abc"},
    "items that are not observed": {"seen": "sequence", "kind": "list", "items": [1]},
    "too many items": {"seen": "sequence", "kind": "list", "items": [{"seen": "nothing"}] * 3_000},
    "a float that is a word": {"float": "word"},
    "a key that is a list": {"dict": [[[1], 2]]},
    "a dict of no pairs": {"dict": [1]},
    "deep nesting": nested(200),
    "an observation of nothing": {"seen": "observation"},
}


JSON_LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4)
FIELDS = st.sampled_from(
    [
        "seen",
        "tensor",
        "values",
        "about",
        "items",
        "kind",
        "parts",
        "dict",
        "list",
        "tuple",
        "rest",
        "value",
        "stride",
        "shape",
        "missing",
        "text",
        "float",
        "complex",
    ]
)
KINDS = st.sampled_from(
    ["tensor", "sequence", "mapping", "error", "other", "observation", "number", "text", "dots", "nothing", "t0", "float32"]
)


class TestHostileBytes:
    @pytest.mark.parametrize("what", HOSTILE_TREES)
    def test_a_tree_nobody_packed_is_refused(self, what):
        with pytest.raises(ObservationError):
            from_bytes(container(HOSTILE_TREES[what], t0=ONES))

    @pytest.mark.parametrize(
        "data",
        [
            b"",
            b"\x00" * 7,
            b"not an observation at all",
            (2**63).to_bytes(8, "little") + b"{}",
            (10**6).to_bytes(8, "little") + b"{}",
            (2).to_bytes(8, "little") + b"{}",
            (4).to_bytes(8, "little") + b"null",
            safetensors.torch.save({"t0": ONES}),
            safetensors.torch.save({"t0": ONES}, metadata={"tree": "[" * 100_000}),
            safetensors.torch.save({"t0": ONES}, metadata={"tree": "9" * 5_000}),
            safetensors.torch.save({"t0": torch.ones(2).to(torch.float8_e4m3fn)}, metadata={"tree": "1"}),
        ],
        ids=range(11),
    )
    def test_other_bytes_are_refused(self, data):
        with pytest.raises(ObservationError):
            from_bytes(data)

    @pytest.mark.parametrize("limit", ["MAX_BYTES", "MAX_HEADER"])
    def test_more_than_the_limit_is_refused_before_it_is_read(self, limit, monkeypatch):
        data = to_bytes(observe([1, 2]))
        monkeypatch.setattr(observation, limit, 10)
        with pytest.raises(ObservationError, match="allowed"):
            from_bytes(data)

    @QUICK
    @given(st.data())
    def test_damaged_bytes_raise_that_error_and_no_other(self, data):
        good = to_bytes(Observation(observe({"w": torch.ones(2, 3), "n": [1, 2.5, "text", None]})))
        damage = data.draw(st.sampled_from(["cut", "flip", "insert"]))
        at = data.draw(st.integers(0, len(good) - 1))
        byte = data.draw(st.integers(0, 255))
        bad = {
            "cut": good[:at],
            "flip": good[:at] + bytes([byte]) + good[at + 1 :],
            "insert": good[:at] + bytes([byte]) + good[at:],
        }[damage]
        started = time.perf_counter()
        with contextlib.suppress(ObservationError):
            from_bytes(bad)
        assert time.perf_counter() - started < 1

    @QUICK
    @given(
        st.recursive(JSON_LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(FIELDS, inner | KINDS, max_size=4))
    )
    def test_any_tree_is_read_or_refused(self, tree):
        with contextlib.suppress(ObservationError):
            from_bytes(container(tree, t0=ONES))


def test_nothing_in_the_package_can_unpickle():
    """torch.load, pickle, dill, joblib, marshal and numpy.load run code found in data; torch.load does not with weights_only."""
    forbidden = {"pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve"}
    for path in Path(autograder.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
        tensors_only = [node.func for node in calls if any(ast.unparse(key) == "weights_only=True" for key in node.keywords)]
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                assert not {alias.name.split(".")[0] for alias in node.names} & forbidden, path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in forbidden, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node not in tensors_only:
                assert (node.value.id, node.attr) not in {("torch", "load"), ("numpy", "load"), ("np", "load")}, path
