"""Comparison goes layer by layer and reports the first that broke; what is as good as the reference passes."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sample import records, seen

from autograder.compare import Difference, Layer, compare, describe, tolerance
from autograder.exercise import Rules
from autograder.observation import ErrorSeen, Observation, TensorSeen, observe

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
T = torch.tensor


def difference(expected: object, got: object, returns: tuple[str, ...] = (), **rules: object) -> Difference | None:
    return compare(seen(expected), seen(got), Rules(**rules), returns)


def layer(expected: object, got: object, **rules: object) -> str:
    found = difference(expected, got, **rules)
    return found.layer.title if found else ""


def error(kind: str = "ValueError", message: str = "no") -> Observation:
    return Observation(ErrorSeen(kind, message))


class TestLayers:
    """One minimal fixture a layer: everything below it in the order is right, and much above it is wrong, too."""

    @pytest.mark.parametrize(
        ("got", "first_broken"),
        [
            (..., "not started"),
            (None, "structure"),
            ("text", "structure"),
            ([1.0, 2.0], "structure"),
            (T([[1.0, 2.0]]), "shape"),
            (T([5, 6, 7]), "shape"),
            (T([5, 6]), "dtype"),
            (torch.ones(2, dtype=torch.float64, device="meta"), "dtype"),
            (torch.ones(2, device="meta"), "device"),
            (T([5.0, 6.0], requires_grad=True), "autograd"),
            (T([5.0, 6.0]), "values"),
            (T([1.0, 2.0]), ""),
        ],
    )
    def test_the_first_broken_layer_is_told(self, got, first_broken):
        assert layer(T([1.0, 2.0]), got, autograd=True) == first_broken

    def test_an_error_is_told_before_anything_but_not_started(self):
        found = compare(seen(T([1.0])), error(), Rules())
        assert (found.layer, found.got) == (Layer.RAISED, "ValueError: no")

    def test_what_a_probe_gathers_is_not_told_as_what_the_function_should_return(self):
        assert compare(seen((T([1.0]), True)), error(), Rules()).expected == "no error"
        assert compare(seen(T([1.0])), error(), Rules()).expected == "a float32 tensor of shape (1,)"

    def test_changed_inputs_are_told_last(self):
        changed = Observation(observe(T([1.0])), ("x",))
        found = compare(seen(T([1.0])), changed, Rules())
        assert (found.layer, found.expected, found.got) == (
            Layer.SIDE_EFFECTS,
            "no input changed in place",
            "`x` changed in place",
        )
        assert compare(seen(T([2.0])), changed, Rules()).layer is Layer.VALUES
        assert compare(changed, seen(T([1.0])), Rules()).got == "no input changed in place"
        assert compare(seen(T([1.0])), changed, Rules(side_effects=False)) is None

    def test_the_lowest_layer_wins_over_the_first_value(self):
        found = difference((T([1.0]), T([1.0])), (T([9.0]), T([[1.0]])), returns=("loss", "dw"))
        assert (found.layer, found.path) == (Layer.SHAPE, "dw")

    def test_the_layers_stand_in_the_order_of_the_design(self):
        titles = ["not started", "raised", "structure", "shape", "dtype", "device", "autograd", "values", "side effects"]
        assert [one.title for one in sorted(Layer)] == titles


class TestStructure:
    def test_list_and_tuple_are_the_same(self):
        assert layer((1.0, 2.0), [1.0, 2.0]) == ""

    def test_another_number_of_values_is_told_with_the_names_asked_for(self):
        found = difference((1.0, 2.0), (1.0,), returns=("loss", "dw"))
        assert (found.layer, found.expected, found.got) == (Layer.STRUCTURE, "2 values: loss, dw", "a tuple of 1 value")
        assert difference((1.0, 2.0), T([1.0]), returns=("loss", "dw")).expected == "2 values: loss, dw"

    def test_values_are_named_in_the_path(self):
        expected = {"step": (T([1.0]), [T([1.0]), T([2.0])])}
        got = {"step": (T([1.0]), [T([1.0]), T([3.0])])}
        assert difference(expected, got).path == "step[1][1]"
        assert difference((1.0, {"w1": T([1.0])}), (1.0, {"w1": T([2.0])}), returns=("loss", "grads")).path == "grads.w1"

    def test_missing_and_extra_keys_are_told(self):
        found = difference({"a": 1, "b": 2}, {"a": 1, "c": 2})
        assert found.got == "a, c (missing: b; not asked for: c)"

    def test_keys_may_come_in_any_order(self):
        assert layer({"a": 1, "b": 2}, {"b": 2, "a": 1}) == ""

    def test_text_is_compared_as_a_value(self):
        assert layer("sum", "mean") == "values"

    def test_an_expected_error_is_met_by_the_same_type_whatever_it_says(self):
        assert compare(error(message="a"), error(message="b"), Rules()) is None
        assert compare(error("ValueError"), error("TypeError"), Rules()).layer is Layer.RAISED
        assert compare(error("ValueError"), seen(1.0), Rules()).expected == "the error ValueError"

    def test_objects_that_cannot_be_compared_differ_only_from_others(self):
        assert layer({1, 2}, {3}) == ""
        assert layer({1, 2}, print) == "structure"


class TestNumbers:
    @pytest.mark.parametrize("got", [2.5, T(2.5), T(2.5, dtype=torch.float64), torch.ones(()) * 2.5])
    def test_a_number_and_a_tensor_without_dimensions_are_the_same(self, got):
        assert layer(2.5, got) == ""

    def test_a_tensor_of_one_element_is_no_number(self):
        assert layer(2.5, T([2.5])) == "structure"

    def test_two_0d_tensors_must_agree_in_dtype(self):
        assert layer(T(2.5), T(2.5, dtype=torch.float64)) == "dtype"

    def test_a_number_read_from_float32_may_carry_its_rounding(self):
        assert layer(T(1 / 3), (T(1 / 3)).item()) == ""
        assert layer(1 / 3, T(1 / 3).item()) == ""
        assert layer(0.333, 0.335) == "values"

    def test_whole_numbers_are_exact(self):
        assert layer(2**53, 2**53 + 1) == "values"
        assert layer(T([1000, 2000]), T([1000, 2001]), rtol=0.1) == "values"

    def test_a_number_has_no_tie_to_autograd(self):
        loss = T(2.5, requires_grad=True) * 1
        assert layer(loss, 2.5, autograd=True) == "autograd"
        assert layer(loss, 2.5) == ""

    def test_a_meta_tensor_has_no_number(self):
        assert layer(0.0, torch.zeros((), device="meta")) == "device"

    def test_complex_beside_real_differs_in_dtype(self):
        assert layer(T(1.0), T(1 + 0j)) == "dtype"
        assert layer(1.0, T(1 + 0j)) == "dtype"
        assert layer(T([1 + 1j]), T([1 + 2j])) == "values"


class TestTolerance:
    def test_it_is_the_root_of_the_coarsest_dtypes_epsilon(self):
        assert tolerance("float64") == pytest.approx(1.5e-8, rel=0.01)
        assert tolerance("float32", "float64") == pytest.approx(3.5e-4, rel=0.02)
        assert tolerance("float16") == pytest.approx(3.1e-2, rel=0.02)
        assert tolerance("bfloat16") == pytest.approx(8.8e-2, rel=0.01)
        assert tolerance("complex64") == tolerance("float32")
        assert tolerance("int64", "bool") == 0

    @QUICK
    @given(st.integers(0, 10_000), st.sampled_from([torch.float32, torch.float64]))
    def test_other_orders_of_summation_agree(self, seed, dtype):
        x = torch.randn(200, 50, generator=torch.Generator().manual_seed(seed), dtype=dtype) * 100
        running = torch.zeros(50, dtype=dtype)
        for row in x:
            running = running + row
        assert layer(x.sum(dim=0), running) == ""
        assert layer(x.sum(dim=0), x.flip(0).cumsum(0)[-1]) == ""

    @QUICK
    @given(st.integers(0, 10_000))
    def test_a_matrix_product_computed_in_parts_agrees(self, seed):
        generator = torch.Generator().manual_seed(seed)
        a, b = torch.randn(16, 300, generator=generator), torch.randn(300, 8, generator=generator)
        parts = sum(a[:, i : i + 50] @ b[i : i + 50] for i in range(0, 300, 50))
        assert layer(a @ b, parts) == ""
        assert layer(a @ b, (a.double() @ b.double()).float()) == ""

    @QUICK
    @given(st.integers(0, 10_000), st.sampled_from([torch.float32, torch.float64]))
    def test_one_large_element_wrong_in_its_third_digit_does_not(self, seed, dtype):
        x = torch.randn(30, generator=torch.Generator().manual_seed(seed), dtype=dtype)
        worst = x.abs().argmax()
        wrong = x.clone()
        wrong[worst] *= 1.004
        assert layer(x, wrong) == "values"

    def test_a_small_element_may_carry_the_rounding_of_large_ones(self):
        assert layer(T([1e4, 1.0]), T([1e4, 1.5])) == ""
        assert layer(T([1.0, 1.0]), T([1.0, 1.5])) == "values"

    def test_zeros_are_measured_against_one(self):
        assert layer(torch.zeros(3), T([1e-5, 0.0, -1e-5])) == ""
        assert layer(torch.zeros(3), T([1e-2, 0.0, 0.0])) == "values"

    def test_huge_values_do_not_make_everything_equal(self):
        big = T([1e300, 2e300], dtype=torch.float64)
        assert layer(big, big * 2) == "values"

    def test_rtol_of_the_rules_overrides_the_dtypes(self):
        assert layer(T([1.0]), T([1.05]), rtol=0.1) == ""
        assert layer(T([1.0]), T([1.0001]), rtol=1e-6) == "values"

    def test_any_dtype_accepts_every_floating_one_and_no_other(self):
        assert layer(T([1.0]), T([1.0]).double(), any_dtype=True) == ""
        assert layer(T([1.0]), T([1.0]).half(), any_dtype=True) == ""
        assert layer(T([1.0]), T([1]), any_dtype=True) == "dtype"

    @pytest.mark.parametrize(
        ("got", "verdict"),
        [
            ([1.0, math.nan, math.inf], ""),
            ([1.0, math.inf, math.nan], "values"),
            ([math.nan, math.nan, math.inf], "values"),
            ([1.0, math.nan, -math.inf], "values"),
            ([1.0, 0.0, math.inf], "values"),
            ([2.0, math.nan, math.inf], "values"),
        ],
    )
    def test_nan_and_infinity_must_stand_where_they_stand_in_the_target(self, got, verdict):
        assert layer(T([1.0, math.nan, math.inf]), T(got)) == verdict

    def test_empty_tensors_agree(self):
        assert layer(torch.ones(0, 3), torch.ones(0, 3)) == ""
        assert layer(torch.ones(0, 3), torch.ones(3, 0)) == "shape"


class TestWords:
    def test_of_a_large_tensor_the_element_that_is_furthest_off_is_told(self):
        expected = torch.zeros(3, 4)
        got = expected.clone()
        got[1, 2], got[0, 0] = 5, 1
        found = difference(expected, got)
        assert (found.expected, found.got) == ("0 at [1, 2]", "5 at [1, 2]")

    def test_equal_infinities_are_not_what_is_off(self):
        expected = T([math.inf, math.nan, 1.0, 2.0, 3.0, 4.0, 5.0])
        got = expected.clone()
        got[6] = 6
        assert difference(expected, got).got == "6 at [6]"
        got[4] = math.nan
        assert difference(expected, got).got == "nan at [4]"

    def test_digits_are_shown_until_the_difference_shows(self):
        found = difference(T([1 / 3], dtype=torch.float64), T([1 / 3 + 1e-7], dtype=torch.float64))
        assert (found.expected, found.got) == ("[0.333333333]", "[0.333333433]")

    @pytest.mark.parametrize(
        ("value", "words"),
        [
            (T([[1.0, 2.5]]), "a float32 tensor of shape (1, 2), [[1, 2.5]]"),
            (torch.ones(3, 4), "a float32 tensor of shape (3, 4)"),
            (torch.ones(2, device="meta"), "a float32 tensor of shape (2,) on meta"),
            (True, "the bool True"),
            (0.25, "the number 0.25"),
            ("relu", "the text 'relu'"),
            (None, "None"),
            (..., "nothing yet"),
            ([1], "a list of 1 value"),
            ({}, "a dict with no keys"),
            ({1}, "a set"),
            (2**99, "an int"),
        ],
    )
    def test_every_kind_of_value_has_its_words(self, value, words):
        assert describe(observe(value)) == words

    def test_errors_quote_the_line_and_a_timeout_says_so(self):
        assert describe(ErrorSeen("ValueError", "no", "line 3: `f()`")) == "ValueError: no, in line 3: `f()`"
        assert describe(ErrorSeen("StopIteration", "")) == "StopIteration"
        assert describe(ErrorSeen("ValueError", "too long " * 40)) == "ValueError: " + "too long " * 33 + "…"
        assert describe(ErrorSeen("AnswerTimeout", "still running after 2 seconds")) == "no result: still running after 2 seconds"


@QUICK
@given(records, records, st.builds(Rules, autograd=st.booleans(), any_dtype=st.booleans()))
def test_any_two_records_can_be_compared_and_each_equals_itself(one, other, rules):
    found = compare(Observation(one), Observation(other), rules)
    assert found is None or (found.expected and found.got)
    assert compare(Observation(one), Observation(one), rules) is None


def test_tensors_seen_elsewhere_than_the_reference_are_told_by_device():
    elsewhere = TensorSeen(torch.ones(2), "float32", "cuda")
    found = compare(seen(torch.ones(2)), Observation(elsewhere), Rules())
    assert (found.layer, found.expected, found.got) == (Layer.DEVICE, "a tensor on cpu", "a tensor on cuda")
