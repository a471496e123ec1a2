"""How the exercises of chapter 04 are exercised: the inputs they are checked on, and what is looked at.

Every gradient that is sent in is random, never ones: a backward that forgets what arrives would pass with ones.
"""

import contextlib
import gc
import inspect
import unittest.mock
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import torch

from autograder.exercise import Case, exercise


def _off_zero(rng: torch.Generator, *shape: int, dtype: torch.dtype) -> torch.Tensor:
    """Random numbers of both signs in a shuffled order, none near the kink at zero."""
    count = torch.Size(shape).numel()
    sign = torch.where(torch.arange(count) % 2 == 0, 1.0, -1.0)[torch.randperm(count, generator=rng)]
    size = 0.2 + 1.5 * torch.rand(count, generator=rng, dtype=torch.float64)
    return (sign * size).to(dtype).reshape(shape)


def _arriving(rng: torch.Generator, *shape: int, dtype: torch.dtype) -> torch.Tensor:
    """A random gradient of both signs, some of it beyond 1."""
    return 1.6 * _off_zero(rng, *shape, dtype=dtype)


def _gradient(y: torch.Tensor, x: torch.Tensor, grad_output: torch.Tensor) -> Any:
    """What the backward hands on to x when `grad_output` arrives at y; None if it hands nothing on."""
    return torch.autograd.grad(y, x, grad_outputs=grad_output, allow_unused=True)[0]


def _two_calls(
    function: Any, x: torch.Tensor, other_x: torch.Tensor, grad_output: torch.Tensor, first: Any = (), second: Any = ()
) -> Any:
    """Both forwards, then both backwards: a Function that keeps its tensors in one place for all calls mixes them up."""
    x.requires_grad_()
    other = other_x.clone().requires_grad_()
    y = function.apply(x, *first)
    if not isinstance(y, torch.Tensor) or y.shape != x.shape:
        return y
    other_y = function.apply(other, *second)
    return y.detach().clone(), _gradient(y, x, grad_output), _gradient(other_y, other, grad_output.clone())


# -- MyReLU ----------------------------------------------------------------------------------------------------------------


def _relu_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, *shape: int, dtype: torch.dtype) -> Case:
        x, other_x = (_off_zero(rng, *shape, dtype=dtype) for _ in range(2))
        return Case(label, x=x, other_x=other_x, grad_output=_arriving(rng, *shape, dtype=dtype))

    return [case("6 numbers", 6, dtype=torch.float32), case("a 2x4 matrix in float64", 2, 4, dtype=torch.float64)]


@exercise(
    cases=_relu_cases,
    points=3,
    minutes=10,
    difficulty=2,
    importance=5,
    checked="The output of MyReLU, and the gradients behind two calls of it.",
    hints=(
        "Which tensor does backward need to know on which side of the kink each element was? Keep that one in forward.",
        "`ctx.save_for_backward(...)` in forward, `ctx.saved_tensors` (a tuple) in backward. Then it is the gate of chapter 02.",
        "`(x,) = ctx.saved_tensors`, a `clone()` of grad_output, its places with `x < 0` set to zero, return it.",
    ),
    why="Random gradients, sent twice, with both calls open at once: your backward multiplies, and keeps the calls apart.",
    variant="Save a mask of dtype bool in place of x: a quarter of the memory in float32.",
    asks=("MyReLU",),
    returns=("output", "gradient", "gradient of a second call"),
)
def my_relu(answer: Any, x: torch.Tensor, other_x: torch.Tensor, grad_output: torch.Tensor) -> Any:
    return _two_calls(answer.MyReLU, x, other_x, grad_output)


# -- MyExp -----------------------------------------------------------------------------------------------------------------

EXPONENTIALS = ("exp", "exp_", "exp2", "expm1", "pow", "__pow__", "__rpow__", "float_power")


@contextlib.contextmanager
def _exponentials_noticed() -> Iterator[list[str]]:
    """The names of the exponentials and powers called meanwhile, as functions of torch or as methods.

    A TorchDispatchMode would see them all, but its first use imports for seconds.
    """
    called: list[str] = []

    def noticing(name: str, original: Any) -> Any:
        def wrapper(*args: Any, **kwargs: Any) -> Any:
            called.append(name)
            return original(*args, **kwargs)

        return wrapper

    with contextlib.ExitStack() as stack:
        for owner in (torch, torch.Tensor):
            for name in EXPONENTIALS:
                if hasattr(owner, name):
                    stack.enter_context(unittest.mock.patch.object(owner, name, noticing(name, getattr(owner, name))))
        yield called


@contextlib.contextmanager
def _no_garbage_collection() -> Iterator[None]:
    """What is freed in here is freed because nobody holds it, not because the collector came by."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _exp_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, *shape: int, dtype: torch.dtype) -> Case:
        grad_output, again = (_arriving(rng, *shape, dtype=dtype) for _ in range(2))
        return Case(label, x=_off_zero(rng, *shape, dtype=dtype), grad_output=grad_output, again=again)

    return [case("5 numbers", 5, dtype=torch.float32), case("a 2x3 matrix in float64", 2, 3, dtype=torch.float64)]


@exercise(
    cases=_exp_cases,
    points=3,
    minutes=8,
    difficulty=3,
    importance=4,
    checked="The output and both derivatives of MyExp, the work done in backward, and that nothing stays in memory.",
    hints=(
        "The derivative of this function is an old friend: you have just computed it in forward.",
        "Save what you are about to return, with `ctx.save_for_backward`; multiply what arrives by it.",
        "`y = x.exp()`, `ctx.save_for_backward(y)`, return y. Then `(y,) = ctx.saved_tensors` and a product.",
    ),
    why="You saved the output, which exists anyway: one product in backward, differentiable again, and all of it freed.",
    variant="Do the same for tanh, whose derivative is 1 - y², and for the square root.",
    asks=("MyExp",),
    returns=("output", "gradient", "second derivative", "an exponential computed in backward", "output freed after use"),
)
def my_exp(answer: Any, x: torch.Tensor, grad_output: torch.Tensor, again: torch.Tensor) -> Any:
    x.requires_grad_()
    with _no_garbage_collection():
        y = answer.MyExp.apply(x)
        if not isinstance(y, torch.Tensor) or y.shape != x.shape:
            return y
        output, watched = y.detach().clone(), weakref.ref(y)
        with _exponentials_noticed() as called:
            gradient = torch.autograd.grad(y, x, grad_outputs=grad_output, allow_unused=True, retain_graph=True)[0]
        if gradient is None:
            return output, None
        (twice,) = torch.autograd.grad(y, x, grad_outputs=grad_output.clone(), create_graph=True)
        second: Any = "none: your gradient carries no graph"
        if twice.requires_grad:
            second = _gradient(twice, x, again)
        del y, twice
        freed = watched() is None
    return output, gradient, second, bool(called), freed


# -- MyLeakyReLU -----------------------------------------------------------------------------------------------------------


def _leaky_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, slope: float, *shape: int, dtype: torch.dtype) -> Case:
        x, other_x = (_off_zero(rng, *shape, dtype=dtype) for _ in range(2))
        return Case(label, x=x, slope=slope, other_x=other_x, other_slope=0.4, grad_output=_arriving(rng, *shape, dtype=dtype))

    return [
        case("slope 0.1", 0.1, 6, dtype=torch.float32),
        case("slope 1.5, a 2x4 matrix in float64", 1.5, 2, 4, dtype=torch.float64),
    ]


@exercise(
    cases=_leaky_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=4,
    checked="The output of MyLeakyReLU, and the gradients behind two calls with different slopes.",
    hints=(
        "forward gets two arguments, so backward owes two gradients. What is the gradient of something that is no tensor?",
        "Numbers go on ctx as an attribute, tensors into `save_for_backward`. For slope backward returns None.",
        "`ctx.slope = slope`; then `torch.where(x > 0, grad_output, ctx.slope * grad_output), None`.",
    ),
    why="One gradient for each argument of forward, in its order, None for what has none: that is the whole contract.",
    variant="Let slope be a tensor that is trained too (torch calls that PReLU): what takes the place of None?",
    asks=("MyLeakyReLU",),
    returns=("output", "gradient", "gradient of a second call"),
)
def my_leaky_relu(
    answer: Any, x: torch.Tensor, slope: float, other_x: torch.Tensor, other_slope: float, grad_output: torch.Tensor
) -> Any:
    return _two_calls(answer.MyLeakyReLU, x, other_x, grad_output, (slope,), (other_slope,))


# -- passes_gradcheck ------------------------------------------------------------------------------------------------------

Spoil = Callable[[torch.Tensor, torch.Tensor, torch.Tensor], torch.Tensor]


def _candidate(forward: Callable[[torch.Tensor], torch.Tensor], spoil: Spoil) -> type[torch.autograd.Function]:
    """A Function that computes `forward`; its backward takes torch's own gradient and spoils it."""

    class Candidate(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
            ctx.save_for_backward(x)
            return forward(x)

        @staticmethod
        def backward(ctx: Any, grad_output: torch.Tensor) -> torch.Tensor:
            point = ctx.saved_tensors[0].detach().requires_grad_()
            with torch.enable_grad():
                y = forward(point)
            true = torch.autograd.grad(y, point, grad_outputs=grad_output, retain_graph=True)[0]
            from_ones = torch.autograd.grad(y, point, grad_outputs=torch.ones_like(y))[0]
            return spoil(true, from_ones, point.detach())

    return Candidate


def _smooth(x: torch.Tensor) -> torch.Tensor:
    return x**2 + 2.0 * x.sin() + 4.0 * x


CANDIDATES = {
    "right and smooth": _candidate(_smooth, lambda true, from_ones, x: true),
    "half the gradient": _candidate(_smooth, lambda true, from_ones, x: true / 2),
    "forgets what arrives": _candidate(_smooth, lambda true, from_ones, x: from_ones),
    "two percent too much": _candidate(_smooth, lambda true, from_ones, x: 1.02 * true),
    "wrong below zero": _candidate(_smooth, lambda true, from_ones, x: torch.where(x < 0, 2.0, 1.0) * true),
    "right, with a kink": _candidate(torch.relu, lambda true, from_ones, x: true),
}


def _gradcheck_cases(rng: torch.Generator) -> list[Case]:
    on_the_kink = _off_zero(rng, 2, 3, dtype=torch.float32)
    on_the_kink[0, 1] = on_the_kink[1, 2] = 0.0
    return [
        Case(
            "two Functions at 4 points",
            functions=["right and smooth", "half the gradient"],
            x=_off_zero(rng, 4, dtype=torch.float32),
        ),
        Case("six Functions, two of the points at zero", functions=list(CANDIDATES), x=on_the_kink),
    ]


@exercise(
    cases=_gradcheck_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=4,
    checked="Your opinion on Functions that are right, and on some that are not.",
    hints=(
        "gradcheck wants float64 points that require gradients, and none of them on a kink. x is none of the three.",
        "Move the points on a copy, so that none is within 0.1 of zero; make it float64; and keep gradcheck from raising.",
        "`torch.where(x.abs() < 0.1, 0.5, x).double().requires_grad_()`; gradcheck takes `function.apply`, the points in a "
        "tuple, and `raise_exception=False`.",
    ),
    why="Float64, points of both signs, none on the kink, every output by itself: without any one of these, a verdict is wrong.",
    variant="Check the second derivative as well: `torch.autograd.gradgradcheck`.",
)
def passes_gradcheck(answer: Any, functions: list[str], x: torch.Tensor) -> Any:
    seen = {}
    for name in functions:
        seen[name] = answer.passes_gradcheck(CANDIDATES[name], x)
        if seen[name] is None or seen[name] is ...:
            return seen[name]
    return seen


# -- SignStraightThrough ---------------------------------------------------------------------------------------------------


def _window_points(rng: torch.Generator, *shape: int, dtype: torch.dtype) -> torch.Tensor:
    """Numbers inside and outside of (-1, 1), of both signs, none near -1, 0 or 1, in a shuffled order."""
    place = torch.randperm(torch.Size(shape).numel(), generator=rng)
    size = 0.2 + 0.6 * torch.rand(len(place), generator=rng, dtype=torch.float64) + (place % 4 >= 2)
    return (size * torch.where(place % 2 == 0, 1.0, -1.0)).to(dtype).reshape(shape)


def _sign_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, *shape: int, dtype: torch.dtype) -> Case:
        return Case(label, x=_window_points(rng, *shape, dtype=dtype), grad_output=_arriving(rng, *shape, dtype=dtype))

    return [case("8 numbers", 8, dtype=torch.float32), case("a 2x4 matrix in float64", 2, 4, dtype=torch.float64)]


@exercise(
    cases=_sign_cases,
    points=2,
    minutes=8,
    difficulty=3,
    importance=3,
    checked="The output of the sign, and the gradient behind it.",
    hints=(
        "backward is not the derivative of forward here. Read the rule: which tensor decides what passes?",
        "The window looks at x, the input, in absolute value. What passes is grad_output, as it is.",
        "Save x; in backward `grad_output * (x.abs() < 1)`.",
    ),
    why="forward and backward need not belong together. torch takes your word; you must know why the lie is useful.",
    variant="Rounding has the same trouble. Write RoundStraightThrough: that is how nets are trained for 8-bit chips.",
    asks=("SignStraightThrough",),
    returns=("output", "gradient"),
)
def sign_straight_through(answer: Any, x: torch.Tensor, grad_output: torch.Tensor) -> Any:
    x.requires_grad_()
    y = answer.SignStraightThrough.apply(x)
    if not isinstance(y, torch.Tensor) or y.shape != x.shape:
        return y
    return y.detach().clone(), _gradient(y, x, grad_output)


# -- the lecture's class, repaired -----------------------------------------------------------------------------------------


@exercise(
    cases=_relu_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=4,
    checked="The class that you return: how its methods are declared, its output, its gradients, and what it changes.",
    hints=(
        "One mistake is the lecture's age. The other two are each a single word: what do they write into?",
        "A trailing underscore writes into the tensor itself, and so does an assignment into an index. Neither tensor is yours.",
        "`@staticmethod` above both methods; `clamp` without underscore; a `clone()` of grad_y before the line with the mask.",
    ),
    why="forward may not write into its inputs, backward may not write into what arrives: others still read them.",
    variant="Which of the three mistakes would gradcheck have found? Try it with the `passes_gradcheck` that you wrote.",
    returns=("output", "gradient", "gradient of a second call", "forward is static", "backward is static"),
)
def repaired_relu(answer: Any, x: torch.Tensor, other_x: torch.Tensor, grad_output: torch.Tensor) -> Any:
    function = answer.repaired_relu()
    if function is None or function is ...:
        return function
    if not isinstance(function, type):
        return f"an object of the class {type(function).__name__}, not the class itself"
    static = [isinstance(inspect.getattr_static(function, name, None), staticmethod) for name in ("forward", "backward")]
    seen = _two_calls(function, x, other_x, grad_output)
    return (*seen, *static) if isinstance(seen, tuple) else seen
