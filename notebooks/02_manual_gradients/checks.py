"""How the exercises of chapter 02 are exercised: the inputs they are checked on, and what is looked at."""

from collections.abc import Callable
from typing import Any

import torch

from autograder.exercise import Case, exercise

SMALL = (5, 4, 3, 2)  # N, D_in, H, D_out: all different, so that a swapped pair shows as a wrong shape
SQUARE = (4, 4, 4, 4)  # all equal, so that a swapped pair shows as wrong values


def _net(
    rng: torch.Generator, sizes: tuple[int, int, int, int], dtype: torch.dtype, scale: float = 1.0
) -> dict[str, torch.Tensor]:
    """Random x, y, w1 and w2; `scale` stretches the data."""
    n, d_in, h, d_out = sizes
    shapes = {"x": (n, d_in), "y": (n, d_out), "w1": (d_in, h), "w2": (h, d_out)}
    net = {name: torch.randn(*shape, generator=rng, dtype=dtype) for name, shape in shapes.items()}
    return net | {"x": scale * net["x"], "y": scale * net["y"]}


def _off_zero(rng: torch.Generator, *shape: int, dtype: torch.dtype) -> torch.Tensor:
    """Random numbers of both signs, none near the ReLU's kink at zero, where a derivative is a matter of taste."""
    drawn = torch.randn(*shape, generator=rng, dtype=dtype)
    return drawn + 0.2 * drawn.sign()


def _change(after: Any, before: torch.Tensor) -> Any:
    """By how much a weight moved; whatever is not a tensor like the one before is handed on as it is."""
    if isinstance(after, torch.Tensor) and after.shape == before.shape and after.dtype == before.dtype:
        return after - before
    return after


def _numbers(losses: Any) -> Any:
    """Losses as Python numbers, whether they came as numbers or as tensors; anything else is handed on as it is."""
    if not isinstance(losses, (list, tuple, torch.Tensor)):
        return losses
    try:
        return [float(loss) for loss in losses]
    except (TypeError, ValueError, RuntimeError):
        return losses


# -- forward pass ----------------------------------------------------------------------------------------------------------


def _forward_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("5 samples, all sizes different", **_net(rng, SMALL, torch.float32)),
        Case("all sizes 4, float64", **_net(rng, SQUARE, torch.float64)),
    ]


@exercise(
    cases=_forward_cases,
    points=2,
    minutes=6,
    difficulty=1,
    importance=5,
    checked="The prediction and the loss of the two-layer net.",
    hints=(
        "Four lines: hidden values, ReLU, prediction, loss. Print the shape after each.",
        "`mm` multiplies two matrices; `clamp(min=0)` is the ReLU; the loss is one number, the sum over every error squared.",
        "`h = x.mm(w1)`, then `h_relu = h.clamp(min=0)`, then `h_relu.mm(w2)`, then `(y_pred - y).pow(2).sum()`.",
    ),
    why="The ReLU stands between the two products; without it the net would be one matrix, `w1.mm(w2)`.",
    variant="Write the prediction in one line, then with `torch.einsum`.",
    returns=("y_pred", "loss"),
)
def forward_pass(answer: Any, x: torch.Tensor, y: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor) -> Any:
    return answer.forward_pass(x, y, w1, w2)


# -- gradient of w2 --------------------------------------------------------------------------------------------------------


def _w2_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, n: int, hidden: int, d_out: int, dtype: torch.dtype) -> Case:
        h = _off_zero(rng, n, hidden, dtype=dtype)
        y_pred, y = (torch.randn(n, d_out, generator=rng, dtype=dtype) for _ in range(2))
        return Case(label, h=h, h_relu=h.relu(), y_pred=y_pred, y=y)

    return [case("5 samples, all sizes different", 5, 3, 2, torch.float32), case("all sizes 4, float64", 4, 4, 4, torch.float64)]


@exercise(
    cases=_w2_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=5,
    checked="The gradient of the loss with respect to w2.",
    hints=(
        "First the gradient with respect to y_pred: what is the derivative of a square?",
        "For a product C = A B, the gradient of B is A transposed times the gradient of C. Here B is w2. What is A?",
        "`2.0 * (y_pred - y)` is the gradient of y_pred. Multiply `h_relu.t()` by it.",
    ),
    why="Each weight collects, over all samples, what came into it times the error it helped to make.",
    variant="Write it as a sum over samples of outer products, with a loop and with `einsum`.",
)
def gradient_w2(answer: Any, h: torch.Tensor, h_relu: torch.Tensor, y_pred: torch.Tensor, y: torch.Tensor) -> Any:
    return answer.gradient_w2(h, h_relu, y_pred, y)


# -- back through the ReLU -------------------------------------------------------------------------------------------------


def _relu_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, n: int, hidden: int, dtype: torch.dtype) -> Case:
        h = _off_zero(rng, n, hidden, dtype=dtype)
        return Case(label, grad_h_relu=torch.randn(n, hidden, generator=rng, dtype=dtype), h=h)

    return [case("3 samples, 4 hidden units", 3, 4, torch.float32), case("4 samples, 4 units, float64", 4, 4, torch.float64)]


@exercise(
    cases=_relu_cases,
    points=2,
    minutes=6,
    difficulty=2,
    importance=5,
    checked="Which values the ReLU blocks, and the gradient behind it.",
    hints=(
        "The slope of the ReLU is 0 on one side of zero and 1 on the other. Which tensor tells you the side?",
        "A comparison such as `h < 0` gives a tensor of True and False. It can index another tensor.",
        "`blocked = h < 0`, a `clone()` of the gradient, then set its blocked places to 0.",
    ),
    why="The side of the kink is decided by h, what went into the ReLU; the gradient only passes through.",
    variant="Do the same for a leaky ReLU, whose slope below zero is 0.1.",
    returns=("blocked", "grad_h"),
)
def backward_through_relu(answer: Any, grad_h_relu: torch.Tensor, h: torch.Tensor) -> Any:
    return answer.backward_through_relu(grad_h_relu, h)


# -- gradient of w1 --------------------------------------------------------------------------------------------------------


def _w1_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, sizes: tuple[int, int, int, int], dtype: torch.dtype) -> Case:
        n, d_in, hidden, d_out = sizes
        x, w2, grad_y_pred = (
            torch.randn(*shape, generator=rng, dtype=dtype) for shape in ((n, d_in), (hidden, d_out), (n, d_out))
        )
        return Case(label, x=x, h=_off_zero(rng, n, hidden, dtype=dtype), w2=w2, grad_y_pred=grad_y_pred)

    return [case("5 samples, all sizes different", SMALL, torch.float32), case("all sizes 4, float64", SQUARE, torch.float64)]


@exercise(
    cases=_w1_cases,
    points=3,
    minutes=10,
    difficulty=3,
    importance=5,
    checked="The gradient of the loss with respect to w1.",
    hints=(
        "Walk back one station at a time: y_pred, h_relu, h, w1. Print the shape at each.",
        "For C = A B: the gradient of A is the gradient of C times B transposed; the gradient of B is A transposed times it.",
        "`grad_y_pred.mm(w2.t())`, then zero where `h < 0`, then `x.t().mm(...)` of that.",
    ),
    why="Three local rules in a row: product, ReLU, product. Backpropagation is nothing more.",
    variant="What would the gradient with respect to x be? It is one line more.",
)
def gradient_w1(answer: Any, x: torch.Tensor, h: torch.Tensor, w2: torch.Tensor, grad_y_pred: torch.Tensor) -> Any:
    return answer.gradient_w1(x, h, w2, grad_y_pred)


# -- numerical gradient ----------------------------------------------------------------------------------------------------

FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "cubes": lambda w: (w**3).sum(),
    "coupled": lambda w: (w**2).sum() ** 2 + (w.flatten() * torch.arange(1, w.numel() + 1, dtype=w.dtype)).sum() ** 3 / 100,
}


def _numerical_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("the sum of 3 cubes, eps 0.5", function="cubes", w=_off_zero(rng, 3, dtype=torch.float64), eps=0.5),
        Case("a function of a 2x4 matrix, eps 0.1", function="coupled", w=_off_zero(rng, 2, 4, dtype=torch.float64), eps=0.1),
    ]


@exercise(
    cases=_numerical_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=4,
    checked="The slope of a function in each element, by central differences.",
    hints=(
        "One element at a time: move only that one, up and down, and look at what f does.",
        "The slope is (f a little above minus f a little below) divided by the distance between the two points.",
        "Make a `shift` of zeros like w with `eps` in one place; then `(f(w + shift) - f(w - shift)) / (2 * eps)`.",
    ),
    why="Two calls of f for each weight: far too slow to train with, and just right to check a gradient with.",
    variant="For the lecture's net this needs 202,000 forward passes. Check 20 weights drawn at random instead.",
)
def numerical_gradient(answer: Any, function: str, w: torch.Tensor, eps: float) -> Any:
    return answer.numerical_gradient(FUNCTIONS[function], w, eps)


# -- the whole loop --------------------------------------------------------------------------------------------------------


def _training_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("1 step, all sizes different", **_net(rng, SMALL, torch.float32), lr=0.004, steps=1),
        Case("3 steps, all sizes 4, float64", **_net(rng, SQUARE, torch.float64), lr=0.003, steps=3),
    ]


@exercise(
    cases=_training_cases,
    points=3,
    minutes=15,
    difficulty=4,
    importance=5,
    checked="The losses, and how far each weight moved.",
    hints=(
        "One round: forward, loss, both gradients, then both updates. Nothing may be updated before both gradients are known.",
        "A weight moves against its gradient: subtract `lr` times the gradient. Gradients are made anew in every round.",
        "`w1, w2 = w1.clone(), w2.clone()` once; inside the loop the four forward lines, the six backward lines, two updates.",
    ),
    why="Several updates tell more than one gradient: what leaks from one round into the next shows only in the second.",
    variant="Return the weights after every step as well, and plot how far they have moved from the start.",
    returns=("losses", "change of w1", "change of w2"),
)
def training_steps(
    answer: Any, x: torch.Tensor, y: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor, lr: float, steps: int
) -> Any:
    before_w1, before_w2 = w1.clone(), w2.clone()
    result = answer.training_steps(x, y, w1, w2, lr, steps)
    if not isinstance(result, (tuple, list)) or len(result) != 3 or isinstance(result[1], float):
        return result
    losses, after_w1, after_w2 = result
    return _numbers(losses), _change(after_w1, before_w1), _change(after_w2, before_w2)


# -- the lecture's loop, repaired ------------------------------------------------------------------------------------------


def _repair_cases(rng: torch.Generator) -> list[Case]:
    # The data are large, as raw readings of an instrument may be, so that steps of 1e-6 times the gradient can be seen.
    return [
        Case("1 call, all sizes different", **_net(rng, SMALL, torch.float32, scale=50.0), calls=1),
        Case("3 calls, all sizes 4, float64", **_net(rng, SQUARE, torch.float64, scale=40.0), calls=3),
    ]


@exercise(
    cases=_repair_cases,
    points=2,
    minutes=10,
    difficulty=3,
    importance=4,
    checked="What each call returns, and how far it moved your weights.",
    hints=(
        "One mistake stops Python before it runs a line; the other two let it run. Read each line for what it uses, and when.",
        "Both gradients belong to the weights that made the prediction; and the mask asks about h, before the ReLU.",
        "Take the difference `y_pred - y`; mask where `h < 0`; move the update of w2 to the end.",
    ),
    why="The two silent mistakes would have trained happily. You found them by reading; a comparison would have found them too.",
    variant="Put one of the mistakes back and watch the loss for 500 steps. Would you have noticed?",
    returns=("losses", "change of w1", "change of w2"),
)
def repaired_step(answer: Any, x: torch.Tensor, y: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor, calls: int) -> Any:
    before_w1, before_w2 = w1.clone(), w2.clone()
    losses = [answer.repaired_step(x, y, w1, w2) for _ in range(calls)]
    if losses[0] is None or losses[0] is ...:
        return losses[0]
    return _numbers(losses), _change(w1, before_w1), _change(w2, before_w2)
