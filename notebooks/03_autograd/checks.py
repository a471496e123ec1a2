"""How the exercises of chapter 03 are exercised: the inputs they are checked on, and what is looked at."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import torch

from autograder.exercise import Case, exercise

SMALL = (5, 4, 3, 2)  # N, D_in, H, D_out: all different, so that a swapped pair shows as a wrong shape
SQUARE = (4, 4, 4, 4)  # all equal, so that a swapped pair shows as wrong values


def _net(rng: torch.Generator, sizes: tuple[int, int, int, int], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    n, d_in, h, d_out = sizes
    shapes = {"x": (n, d_in), "y": (n, d_out), "w1": (d_in, h), "w2": (h, d_out)}
    return {name: torch.randn(*shape, generator=rng, dtype=dtype) for name, shape in shapes.items()}


def _change(after: Any, before: torch.Tensor) -> Any:
    """By how much a weight moved; whatever is not a tensor like the one before is handed on as it is."""
    if isinstance(after, torch.Tensor) and after.shape == before.shape and after.dtype == before.dtype:
        return after.detach() - before
    return after


def _plain(value: Any) -> Any:
    """A tensor without its graph; anything else as it is."""
    return value.detach() if isinstance(value, torch.Tensor) else value


def _numbers(losses: Any) -> Any:
    """Losses as Python numbers, whether they came as numbers or as tensors; anything else is handed on as it is."""
    if not isinstance(losses, (list, tuple, torch.Tensor)):
        return losses
    try:
        return [float(loss) for loss in losses]
    except (TypeError, ValueError, RuntimeError):
        return losses


# -- which tensors get a gradient ------------------------------------------------------------------------------------------


def _receiver_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, more: bool) -> Case:
        return Case(label, x=torch.randn(3, 4, generator=rng), w=torch.randn(4, 2, generator=rng), more=more)

    return [case("x and w and h = x.mm(w)", False), case("seven tensors made in seven ways", True)]


@exercise(
    cases=_receiver_cases,
    points=2,
    minutes=6,
    difficulty=2,
    importance=5,
    checked="For each tensor, whether your list names it: True or False.",
    hints=(
        "Two facts decide, and a tensor knows both of itself. `dir(w)` lists what you can ask.",
        "A gradient lands where a tensor asks for one *and* was not computed from others: such a tensor is called a leaf.",
        "Loop over `tensors.items()` and keep the name where `requires_grad` and `is_leaf` are both True.",
    ),
    why="Data are leaves too, but ask for nothing; results ask, but are no leaves. Only what is both keeps a gradient.",
    variant="Call `retain_grad()` on h before backward, and look at `h.grad` afterwards. What does `h.retains_grad` say?",
)
def gradient_receivers(answer: Any, x: torch.Tensor, w: torch.Tensor, more: bool) -> Any:
    w.requires_grad_()
    tensors = {"x": x, "w": w, "h": x.mm(w)}
    if more:
        retired = w.detach().clone().requires_grad_()
        retired.sum().backward()
        tensors |= {
            "scaled": 0.1 * w,
            "detached": w.detach(),
            "own copy": w.detach().clone().requires_grad_(),
            "retired": retired.requires_grad_(False),
        }
    named = answer.gradient_receivers(tensors)
    if not isinstance(named, (list, tuple, set, frozenset, type({}.keys()))):
        return [named] if isinstance(named, dict) else named
    if not all(isinstance(name, str) and name in tensors for name in named):
        return list(named)
    return {name: name in named for name in tensors}


# -- the gradients of the net ----------------------------------------------------------------------------------------------


def _net_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, sizes: tuple[int, int, int, int], dtype: torch.dtype, old: bool) -> Case:
        net = _net(rng, sizes, dtype)
        before = {f"old{n}": 20 * torch.randn(net[f"w{n}"].shape, generator=rng, dtype=dtype) if old else None for n in (1, 2)}
        return Case(label, **net, **before)

    return [
        case("a net of sizes 5-4-3-2", SMALL, torch.float32, False),
        case("a net of sizes 4-4-4-4 in float64 with old gradients in w1.grad and w2.grad", SQUARE, torch.float64, True),
    ]


@exercise(
    cases=_net_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=5,
    checked="The gradients of the two-layer net's loss.",
    hints=(
        "Forward pass and loss as in chapter 02; then one line replaces all of the backward pass.",
        "`loss.backward()` adds to `w1.grad` and `w2.grad`. What is in there before you call it?",
        "Set both `.grad` to None, compute the loss, call `loss.backward()`, return `w1.grad, w2.grad`.",
    ),
    why="You wrote the forward pass only. Torch recorded it and walked it back, by the rules you used in chapter 02.",
    variant="Do it with `torch.autograd.grad(loss, (w1, w2))`. What is in `w1.grad` afterwards?",
    returns=("gradient of w1", "gradient of w2"),
)
def net_gradients(
    answer: Any,
    x: torch.Tensor,
    y: torch.Tensor,
    w1: torch.Tensor,
    w2: torch.Tensor,
    old1: torch.Tensor | None,
    old2: torch.Tensor | None,
) -> Any:
    for w, old in ((w1, old1), (w2, old2)):
        w.requires_grad_().grad = None if old is None else old.clone()
    found = answer.net_gradients(x, y, w1, w2)
    return [_plain(one) for one in found] if isinstance(found, (tuple, list)) else found


# -- reading the graph -----------------------------------------------------------------------------------------------------


def _shared(w: torch.Tensor) -> torch.Tensor:
    h = w.tanh()
    return (h * h + h).sum()


GRAPHS: dict[str, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "chain": lambda x, w: w.exp().sum(),
    "branches": lambda x, w: (x.mm(w).relu().mm(w.exp().t()) - x).pow(2).sum(),
    "shared": lambda x, w: _shared(w),
}


def _graph_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, graph: str) -> Case:
        return Case(label, graph=graph, x=torch.randn(3, 4, generator=rng), w=torch.randn(4, 2, generator=rng))

    return [
        case("the chain w.exp().sum()", "chain"),
        case("a net with branches and data that need no gradient", "branches"),
        case("(h * h + h).sum() with h = w.tanh() used three times", "shared"),
    ]


@exercise(
    cases=_graph_cases,
    points=2,
    minutes=12,
    difficulty=4,
    importance=3,
    checked="Your list, counted into a dict: how often each kind of node occurs in it.",
    hints=(
        "Start at `loss.grad_fn`. From each node go on to all nodes in its `next_functions`.",
        "An edge may lead nowhere: its node is None. And two ways may lead to one node: remember where you have been.",
        "Keep a list of nodes to visit and one of those seen. For each new node, add the nodes of its pairs that are not None.",
    ),
    why="This is the walk that backward takes, only that backward also waits until all gradients of a node have arrived.",
    variant="Return the nodes in an order in which backward may visit them: none before all that lead to it.",
)
def graph_names(answer: Any, graph: str, x: torch.Tensor, w: torch.Tensor) -> Any:
    names = answer.graph_names(GRAPHS[graph](x, w.requires_grad_()))
    if not isinstance(names, (list, tuple)) or not all(isinstance(name, str) for name in names):
        return names
    # `name()` of a leaf's node carries a C++ namespace that its Python type lacks.
    return dict(sorted(Counter(name.removeprefix("torch::autograd::") for name in names).items()))


# -- one step --------------------------------------------------------------------------------------------------------------


def _step_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("1 call with a net of sizes 5-4-3-2", **_net(rng, SMALL, torch.float32), lr=0.004, steps=1),
        Case("3 calls in a row with a 4-4-4-4 net in float64", **_net(rng, SQUARE, torch.float64), lr=0.003, steps=3),
    ]


@exercise(
    cases=_step_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=5,
    checked="How far each weight moved, and whether it still is the leaf that it was.",
    hints=(
        "Three things in a row: find the gradients, move the weights, leave nothing behind for the next call.",
        "The update must not be recorded, and it must change the tensor itself: in place, under `torch.no_grad()`.",
        "`loss.backward()`; then `with torch.no_grad():` a loop over weights with `w -= lr * w.grad` and `w.grad = None`.",
    ),
    why="In place and unrecorded: the weight stays the same leaf, and no graph grows from step to step.",
    variant="Print `w._version` before and after: it counts changes in place. Which of your lines raise it?",
    returns=("change of w1", "change of w2", "the list holds the same tensors", "both are leaves", "both require gradients"),
)
def gradient_step(
    answer: Any, x: torch.Tensor, y: torch.Tensor, w1: torch.Tensor, w2: torch.Tensor, lr: float, steps: int
) -> Any:
    before_w1, before_w2 = w1.clone(), w2.clone()
    weights = [w1.requires_grad_(), w2.requires_grad_()]
    for _ in range(steps):
        loss = (x.mm(weights[0]).clamp(min=0).mm(weights[1]) - y).pow(2).sum()
        if answer.gradient_step(loss, weights, lr) is ...:
            return ...
    return (
        _change(w1, before_w1),
        _change(w2, before_w2),
        len(weights) == 2 and weights[0] is w1 and weights[1] is w2,
        w1.is_leaf and w2.is_leaf,
        w1.requires_grad and w2.requires_grad,
    )


# -- a target that must not receive gradients ------------------------------------------------------------------------------


def _target_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, n: int, d: int, dtype: torch.dtype, gamma: float) -> Case:
        shapes = {"x": (n, d), "x_next": (n, d), "reward": (n, 1), "w": (d, 1)}
        return Case(
            label, **{name: torch.randn(*shape, generator=rng, dtype=dtype) for name, shape in shapes.items()}, gamma=gamma
        )

    return [
        case("5 samples of 3 features with gamma 0.9", 5, 3, torch.float32, 0.9),
        case("4 samples of 4 features with gamma 0.7 in float64", 4, 4, torch.float64, 0.7),
    ]


@exercise(
    cases=_target_cases,
    points=2,
    minutes=10,
    difficulty=3,
    importance=4,
    checked="Loss and target, and the gradient of w after `loss.backward()`.",
    hints=(
        "Which of the two products with w may be recorded, and which may not?",
        "`detach()` gives the numbers without the graph; `torch.no_grad()` records nothing. Use either, for the target alone.",
        "`target = (reward + gamma * x_next.mm(w)).detach()`; the prediction stays as it is.",
    ),
    why="The loss is the same number either way. Only the graph tells whether the target may be pulled along.",
    variant="Leave the detach out, train both for 500 steps on the same data, and compare the weights.",
    returns=("loss", "target", "target requires gradients", "gradient of w"),
)
def fixed_target_loss(
    answer: Any, x: torch.Tensor, x_next: torch.Tensor, reward: torch.Tensor, w: torch.Tensor, gamma: float
) -> Any:
    result = answer.fixed_target_loss(x, x_next, reward, w.requires_grad_(), gamma)
    if not isinstance(result, (tuple, list)) or len(result) != 2 or not isinstance(result[1], torch.Tensor):
        return result
    loss, target = result
    loss.backward()
    return _plain(loss), _plain(target), target.requires_grad, w.grad


# -- the derivative of a derivative ----------------------------------------------------------------------------------------

FUNCTIONS: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "cubic": lambda t: t**3 - 2 * t,
    "wave": lambda t: t * (1.3 * t).sin() + t**2,
}


def _curvature_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, function: str, n: int) -> Case:
        # Away from 0, where many a curvature vanishes.
        signs = torch.randint(0, 2, (n,), generator=rng) * 2.0 - 1
        points = signs.double() * (0.5 + torch.rand(n, generator=rng, dtype=torch.float64))
        return Case(label, function=function, t=points)

    return [case("t**3 - 2t at 4 points", "cubic", 4), case("t sin(1.3t) + t**2 at 6 points", "wave", 6)]


@exercise(
    cases=_curvature_cases,
    points=2,
    minutes=10,
    difficulty=4,
    importance=2,
    checked="First and second derivative of a function at several points.",
    hints=(
        "The first derivative is a tensor like any other. What does it need, so that you can differentiate it again?",
        "`torch.autograd.grad(out.sum(), t, create_graph=True)` records the backward pass as well. It returns a tuple.",
        "A fresh leaf `t.clone().requires_grad_()`; `grad(f(t).sum(), t, create_graph=True)[0]`; then `grad` of that one's sum.",
    ),
    why="With `create_graph=True` the backward pass is recorded like a forward pass, so it can be walked back in its turn.",
    variant="Find the third derivative. Then find the Hessian times a vector of a function that mixes its elements.",
    returns=("slope", "curvature"),
)
def slope_and_curvature(answer: Any, function: str, t: torch.Tensor) -> Any:
    result = answer.slope_and_curvature(FUNCTIONS[function], t)
    return [_plain(one) for one in result] if isinstance(result, (tuple, list)) else result


# -- the lecture's loop, repaired ------------------------------------------------------------------------------------------


def _loop_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, sizes: tuple[int, int, int, int], dtype: torch.dtype, lr: float, steps: int) -> Case:
        net = _net(rng, sizes, dtype)
        return Case(label, x=net["x"], y=net["y"], start1=net["w1"], start2=net["w2"], lr=lr, steps=steps)

    return [
        case("1 step of a net of sizes 5-4-3-2", SMALL, torch.float32, 0.01, 1),
        case("3 steps of a 4-4-4-4 net in float64", SQUARE, torch.float64, 0.01, 3),
    ]


@exercise(
    cases=_loop_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=5,
    checked="The losses, how far each weight moved from half of its start, and whether the starts are left alone.",
    hints=(
        "Run the three lines one at a time and read each error. None of them is about the mathematics.",
        "A leaf is made by you, not by a product. `if` wants one True or False. An update in place must not be recorded.",
        "`(0.5 * start1).requires_grad_()`; `if w1.grad is not None:`; the updates under `with torch.no_grad():`.",
    ),
    why="You have met the three errors that everybody meets who brings code of 2017 to today's torch.",
    variant="Write the loop without `.grad`: `torch.autograd.grad` returns what it finds, so nothing has to be zeroed.",
    returns=("losses", "change of w1", "change of w2", "a start was made to require gradients"),
)
def repaired_loop(
    answer: Any, x: torch.Tensor, y: torch.Tensor, start1: torch.Tensor, start2: torch.Tensor, lr: float, steps: int
) -> Any:
    result = answer.repaired_loop(x, y, start1, start2, lr, steps)
    if not isinstance(result, (tuple, list)) or len(result) != 3:
        return result
    losses, w1, w2 = result
    marked = start1.requires_grad or start2.requires_grad
    before1, before2 = 0.5 * start1.detach(), 0.5 * start2.detach()
    return _numbers(losses), _change(w1, before1), _change(w2, before2), marked


# -- the report, repaired --------------------------------------------------------------------------------------------------


def _report_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, n: int, d_in: int, d_out: int, dtype: torch.dtype, count: int) -> Case:
        def draw(*shape: int) -> torch.Tensor:
            return torch.randn(*shape, generator=rng, dtype=dtype)

        return Case(label, batches=[(draw(n, d_in), draw(n, d_out)) for _ in range(count)], w=draw(d_in, d_out))

    return [
        case("2 batches of 5 samples", 5, 3, 2, torch.float32, 2),
        case("5 batches of 3 samples in float64", 3, 3, 3, torch.float64, 5),
    ]


@exercise(
    cases=_report_cases,
    points=2,
    minutes=8,
    difficulty=3,
    importance=4,
    checked="The mean loss, whether a graph hangs on it, and the gradient in w.grad.",
    hints=(
        "For each line ask: do I have a number here, or a tensor with a graph?",
        "Each graph is walked back once. What you only report must not hold on to a graph.",
        "`loss.backward()` with the tensor, `total += loss.item()` for the report, and no `backward` after the loop.",
    ),
    why="A graph lives as long as something points to it. A number points to nothing.",
    variant="Put `total += loss` back, run 1000 batches, and count the nodes with `graph_names(total)`.",
    returns=("mean loss", "a graph hangs on it", "gradient in w.grad"),
)
def repaired_report(answer: Any, batches: list[tuple[torch.Tensor, torch.Tensor]], w: torch.Tensor) -> Any:
    mean = answer.repaired_report(batches, w.requires_grad_())
    if mean is None or mean is ...:
        return mean
    return _plain(mean), isinstance(mean, torch.Tensor) and mean.requires_grad, w.grad
