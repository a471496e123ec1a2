"""A difference is named: by the recorded wrong answer that is nearest, or by what holds of yours and the target."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sample import one_probe, seen, verdict_on

from autograder.diagnose import distance, nearest_mistake, scale_between
from autograder.error_causes import error_cause
from autograder.exercise import Case, Rules
from autograder.golden import Mistake, Recorded
from autograder.observation import ErrorSeen, Observation
from autograder.verdict import judge

T = torch.tensor
G = torch.Generator().manual_seed(5)
GRADIENT = torch.randn(4, 6, generator=G)
SQUARE = torch.randn(5, 5, generator=G)
X = torch.randn(4, 6, generator=G)


def told(expected: object, got: object, **inputs: object) -> tuple[str, str]:
    """What the verdict says was got, and its cause."""
    verdict = verdict_on(expected, got, **inputs)
    return verdict.got, verdict.cause


class TestScale:
    @pytest.mark.parametrize(
        ("ratio", "fact", "cause"),
        [
            (-1, "every element has the opposite sign", "taken the wrong way round"),
            (0.5, "every element is 0.5 times the target", "factor 2 is missing"),
            (2, "every element is 2 times the target", "factor 2 too many"),
            (1 / 4, "every element is 0.25 times the target", "4 is `x.shape[0]`: a mean was taken instead of a sum"),
            (1 / 24, "every element is 0.04167 times the target", "24 is the number of elements of `x`: a mean"),
            (-1 / 24, "every element is -0.04167 times the target", "24 is the number of elements of `x`: a mean"),
            (6, "every element is 6 times the target", "6 is `x.shape[1]`: a sum was taken instead of a mean"),
            (0.01, "every element is 0.01 times the target", "0.01 is `lr`: it was multiplied in"),
            (100, "every element is 100 times the target", "the factor `lr` is missing"),
            (0.3, "every element is 0.3 times the target", "One constant factor is wrong"),
        ],
    )
    def test_a_constant_ratio_is_told_and_explained(self, ratio, fact, cause):
        got, why = told(GRADIENT, GRADIENT * ratio, x=X, lr=0.01)
        assert got.endswith(f"; {fact}")
        assert cause in why

    @pytest.mark.parametrize(
        ("ratio", "fact"),
        [(-1, "the number has the opposite sign"), (1 / 24, "the number is 0.04167 times the target"), (0.3, "")],
    )
    def test_of_a_single_number_only_a_ratio_with_a_meaning_is_told(self, ratio, fact):
        got, _ = told(T(7.5), T(7.5) * ratio, x=X)
        assert got.partition("; ")[2] == fact

    @settings(max_examples=50, deadline=None)
    @given(st.floats(1e-30, 1e30), st.sampled_from([1.0, 1e200, 1e-200]), st.sampled_from([-1, 1]))
    def test_the_ratio_is_found_at_every_size(self, ratio, size, sign):
        target = GRADIENT.double() * size
        assert scale_between(target, target * ratio * sign).ratio == pytest.approx(ratio * sign, rel=1e-6)

    @pytest.mark.parametrize("other", [GRADIENT + 0.01, GRADIENT.flip(0), torch.zeros(4, 6), GRADIENT * math.nan])
    def test_no_ratio_where_there_is_none(self, other):
        assert scale_between(GRADIENT, other) is None
        assert scale_between(torch.ones(0), torch.ones(0)) is None


class TestOtherRelations:
    def test_a_transposed_square_is_told(self):
        assert told(SQUARE, SQUARE.t())[0].endswith("; it is the target transposed")

    def test_a_constant_offset_is_told_with_its_size(self):
        assert told(GRADIENT, GRADIENT + 0.25)[0].endswith("; every element is the target plus 0.25")

    def test_another_order_of_the_same_values_is_told(self):
        assert told(GRADIENT, GRADIENT.flip(1))[0].endswith("; the target's values stand in another order")

    def test_tiny_values_are_no_excuse(self):
        """With absolute tolerances, a tensor of 1e-9 would be its own transpose, offset and rearrangement."""
        other = torch.randn(5, 5, generator=torch.Generator().manual_seed(9)) * 1e-3
        assert "; " not in told(SQUARE.double() * 1e-3, other.double())[0]

    def test_zeros_are_told(self):
        assert told(GRADIENT, torch.zeros(4, 6))[0].endswith("; all values are zero")
        assert told(GRADIENT > 0, GRADIENT > 9)[0].endswith("; all values are False")

    def test_nan_and_infinity_are_counted(self):
        got = GRADIENT.clone()
        got[0, 0], got[1, 1] = math.nan, math.inf
        words, cause = told(GRADIENT, got)
        assert words.endswith("; 2 of 24 values are NaN or infinite")
        assert "division by zero" in cause

    def test_a_part_that_is_right_is_counted(self):
        got = GRADIENT.clone()
        got[0] = 9
        assert told(GRADIENT, got)[0].endswith("; 18 of 24 values are right")
        assert told(GRADIENT > 0, GRADIENT > 1)[0].endswith("values are right")

    @pytest.mark.parametrize(
        ("expected", "got", "fact"),
        [
            ((3, 4), (4, 3), "the sizes are turned around"),
            ((3,), (3, 1), "it has an extra dimension of size 1"),
            ((3, 1), (3,), "it lacks a dimension of size 1"),
            ((5,), (5, 5), "every row met every column"),
            ((5, 1), (5, 5), "every row met every column"),
            ((3, 4), (), "it is a single number"),
            ((3, 4), (12,), "the same number of elements in another arrangement"),
            ((3, 4), (3, 5), ""),
        ],
    )
    def test_shapes_tell_what_happened(self, expected, got, fact):
        words, cause = told(torch.ones(expected), torch.ones(got))
        assert words == f"shape {got}" + (f"; {fact}" if fact else "")
        assert cause

    def test_a_forgotten_return_is_told(self):
        got, cause = told(torch.ones(2), None)
        assert got == "None"
        assert "`return`" in cause

    def test_the_fact_is_told_once_and_not_as_the_cause_again(self):
        got, cause = told(GRADIENT, -GRADIENT)
        assert "opposite sign" in got
        assert "opposite sign" not in cause


def mistake(name: str, *values: object) -> Mistake:
    return Mistake(name, f"You {name}.", f"Undo {name}.", [v if isinstance(v, Observation) else seen(v) for v in values])


def nearest(got: list[object], expected: list[object], *mistakes: Mistake, rules: Rules | None = None) -> str:
    found = nearest_mistake(
        [v if isinstance(v, Observation) else seen(v) for v in got], [seen(v) for v in expected], mistakes, rules
    )
    return found.name if found else ""


class TestNearestMistake:
    def test_the_nearest_wins_whatever_the_order(self):
        close, closer = mistake("close", GRADIENT * 3.02), mistake("closer", GRADIENT * 3.0)
        assert nearest([GRADIENT * 3.001], [GRADIENT], close, closer) == "closer"
        assert nearest([GRADIENT * 3.001], [GRADIENT], closer, close) == "closer"

    def test_of_equal_ones_the_first_listed_wins(self):
        assert nearest([GRADIENT * 3], [GRADIENT], mistake("first", GRADIENT * 3), mistake("second", GRADIENT * 3)) == "first"

    def test_nothing_near_is_nothing_named(self):
        assert nearest([GRADIENT * 5], [GRADIENT], mistake("far", GRADIENT * 3)) == ""

    def test_what_is_nearer_to_the_reference_is_no_mistake(self):
        assert nearest([GRADIENT * 1.001], [GRADIENT], mistake("off", GRADIENT * 1.01)) == ""

    def test_every_case_must_look_like_the_mistake(self):
        in_one_case = mistake("in one case", GRADIENT, SQUARE * 2)
        assert nearest([GRADIENT, SQUARE * 2], [GRADIENT, SQUARE], in_one_case) == "in one case"
        assert nearest([GRADIENT * 2, SQUARE * 2], [GRADIENT, SQUARE], in_one_case) == ""
        assert nearest([GRADIENT * 2, SQUARE], [GRADIENT, SQUARE], in_one_case) == ""

    def test_a_mistake_with_another_number_of_cases_is_not_matched(self):
        assert nearest([GRADIENT * 2], [GRADIENT], mistake("two cases", GRADIENT * 2, SQUARE * 2)) == ""

    def test_zeros_match_zeros_and_not_everything_small(self):
        zeros = mistake("zeros", torch.zeros(4, 6))
        assert nearest([torch.zeros(4, 6)], [GRADIENT], zeros) == "zeros"
        assert nearest([GRADIENT * 1e-3], [GRADIENT], zeros) == ""

    def test_infinities_match_only_themselves(self):
        with_infinity = T([math.inf, 1.0, 2.0])
        assert nearest([with_infinity], [T([0.0, 1.0, 2.0])], mistake("inf", with_infinity)) == "inf"
        for other in (T([math.inf, 5.0, 7.0]), T([-math.inf, 1.0, 2.0]), T([math.nan, 1.0, 2.0])):
            assert nearest([other], [T([0.0, 1.0, 2.0])], mistake("inf", with_infinity)) == ""

    def test_counts_and_masks_match_exactly(self):
        assert nearest([T([1000])], [T([1002])], mistake("less two", T([1001]))) == ""
        assert nearest([T([1001])], [T([1002])], mistake("less one", T([1001]))) == "less one"

    def test_a_number_matches_a_tensor_without_dimensions(self):
        assert nearest([3.0], [1.0], mistake("three", T(3.0))) == "three"

    def test_errors_match_by_type_and_across_small_differences_of_the_message(self):
        recorded = mistake(
            "shapes",
            Observation(ErrorSeen("RuntimeError", "The size of tensor a (3) must match the size of tensor b (4) at dimension 0")),
        )
        alike = ErrorSeen(
            "RuntimeError", "The size of tensor a (5) must match the size of tensor b (2) at non-singleton dimension 1"
        )
        assert nearest([Observation(alike)], [GRADIENT], recorded) == "shapes"
        assert nearest([Observation(ErrorSeen("ValueError", alike.message))], [GRADIENT], recorded) == ""
        assert (
            nearest([Observation(ErrorSeen("RuntimeError", "mat1 and mat2 shapes cannot be multiplied"))], [GRADIENT], recorded)
            == ""
        )

    def test_names_and_addresses_in_messages_do_not_count(self):
        recorded = mistake("name", Observation(ErrorSeen("NameError", "name 'h' is not defined")))
        other = ErrorSeen("NameError", "name 'a_much_longer_name_than_that_one' is not defined")
        assert nearest([Observation(other)], [GRADIENT], recorded) == "name"

    def test_what_the_rules_do_not_compare_does_not_hide_a_mistake(self):
        tied = (GRADIENT * 2).requires_grad_()
        double = mistake("doubled", GRADIENT * 2)
        assert nearest([tied], [GRADIENT], double, rules=Rules()) == "doubled"
        assert nearest([tied], [GRADIENT], double, rules=Rules(autograd=True)) == ""
        assert nearest([tied.double()], [GRADIENT], double, rules=Rules(any_dtype=True)) == "doubled"
        changed = Observation(seen(GRADIENT * 2).value, ("x",))
        assert nearest([changed], [GRADIENT], double, rules=Rules(side_effects=False)) == "doubled"
        assert nearest([changed], [GRADIENT], double, rules=Rules()) == ""

    def test_long_messages_take_no_long_time(self):
        long = [Observation(ErrorSeen("RuntimeError", ("ab" * 2_000)[shift:])) for shift in (0, 1)]
        assert distance(*long) in (0.0, math.inf)

    def test_structures_are_compared_item_by_item(self):
        one, other = seen({"a": [GRADIENT, 1]}), seen({"a": [GRADIENT, 2]})
        assert distance(one, one) == 0
        assert distance(one, other) == math.inf
        assert distance(one, seen({"b": [GRADIENT, 1]})) == math.inf
        assert distance(seen([1.0]), seen([1.0, 2.0])) == math.inf

    def test_the_mistake_gives_cause_and_next_step_and_the_first_rung(self):
        recorded = Recorded([Case("one")], [seen(GRADIENT)], [], [mistake("doubled", GRADIENT * 2)])
        verdict = judge(one_probe(), recorded, [seen(GRADIENT * 2)], hint=2)
        assert (verdict.mistake, verdict.cause, verdict.next_step) == ("doubled", "You doubled.", "Undo doubled.")
        assert verdict.hints == ("Undo doubled.", "Second rung.", "Third rung.")
        assert "every element is 2 times the target" in verdict.got


def error_of(code: str) -> str:
    try:
        exec(code, {"torch": torch})
    except Exception as error:
        return str(error)
    raise AssertionError(f"{code} raises nothing")


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("a, b = ...", "`...` still stands"),
        ("None.shape", "is None"),
        ("None + 1", "is None"),
        ("missing_name", "before it has a value"),
        ("def f():\n    x += 1\nf()", "before it has a value"),
        ("torch.ones(2, 3) @ torch.ones(2, 3)", "equal inner sizes"),
        ("torch.ones(2, 3) + torch.ones(4)", "broadcast"),
        ("torch.ones(2, 3).expand(4, 3)", "broadcast"),
        ("torch.ones(2, 3).t().view(6)", "`reshape`"),
        ("torch.ones(2, 3).view(7)", "another number of elements"),
        ("w = torch.ones(2, requires_grad=True)\nw -= 1", "torch.no_grad()"),
        ("y = torch.ones(2, requires_grad=True).exp().sum()\ny.backward()\ny.backward()", "forward pass again"),
        ("torch.ones(2).sum().backward()", "connected to no tensor"),
        ("(torch.ones(2, requires_grad=True) * 2).backward()", "starts from one number"),
        ("torch.ones(2, requires_grad=True).numpy()", "`.detach()`"),
        ("torch.ones(2, 2) @ torch.ones(2, 2).double()", "Two dtypes"),
        ("a, b = [1, 2, 3]", "number of names on the left"),
        ("(lambda x: x)()", "other arguments"),
        ("torch.ones(2)[2]", "beyond the last element"),
        ("def f(): f()\nf()", "calls itself"),
        ("torch.ones(2).summ()", "no such attribute"),
    ],
)
def test_an_errors_message_is_explained(code, meaning):
    assert meaning in error_cause(error_of(code))


def test_two_devices_are_explained():
    """By their messages: on a machine without a GPU, torch takes seconds to raise one."""
    assert "two devices" in error_cause("Expected all tensors to be on the same device, but found at least two devices")
    assert "two devices" in error_cause("Tensor on device meta is not on the expected device cpu!")


def test_an_unknown_message_is_left_alone():
    assert error_cause("the dog ate it") == ""
