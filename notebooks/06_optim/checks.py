"""How the exercises of chapter 06 are exercised: the inputs they are checked on, and what is looked at."""

from typing import Any

import torch
from torch import nn

from autograder.exercise import Case, Rules, exercise

F32, F64 = torch.float32, torch.float64

# The first optimizer of a process makes torch load its compiler, which takes seconds: not within an answer's time limit.
torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)


def _randn(rng: torch.Generator, *shape: int, dtype: torch.dtype = F32) -> torch.Tensor:
    return torch.randn(*shape, generator=rng, dtype=dtype)


def _between(rng: torch.Generator, low: float, high: float) -> float:
    return low + (high - low) * torch.rand((), generator=rng).item()


def _off_zero(rng: torch.Generator, *shape: int, dtype: torch.dtype = F32) -> torch.Tensor:
    """Random numbers of both signs and of several sizes, none near zero."""
    drawn = _randn(rng, *shape, dtype=dtype)
    return 1.5 * drawn + 0.3 * drawn.sign()


def _flat(tensors: Any) -> torch.Tensor:
    """All numbers of some tensors in one row."""
    return torch.cat([tensor.detach().flatten() for tensor in tensors])


def _rows(rows: list[Any]) -> Any:
    """Rows of one length as one table; anything else is handed on as it is."""
    same = all(isinstance(row, torch.Tensor) and (row.shape, row.dtype) == (rows[0].shape, rows[0].dtype) for row in rows)
    return torch.stack(rows) if rows and same else rows


def _numbers(values: Any) -> Any:
    """Losses or rates as a row of float64 numbers, whether they came as numbers or as tensors; anything else as it is."""
    if not isinstance(values, (list, tuple, torch.Tensor)):
        return values
    try:
        return torch.tensor([float(value) for value in values], dtype=F64)
    except (TypeError, ValueError, RuntimeError):
        return values


def _and_then(losses: Any, last: torch.Tensor) -> Any:
    """A row of losses, and the loss after the last step behind it."""
    numbers = _numbers(losses)
    return torch.cat([numbers, last.detach().double().view(1)]) if isinstance(numbers, torch.Tensor) else numbers


class Curved(nn.Module):
    """A small model to train. It is not the lecture's net, and the loop must not care. `log` hears of each backward pass."""

    def __init__(self, first: torch.Tensor, bias: torch.Tensor, second: torch.Tensor, log: list[str] | None = None) -> None:
        super().__init__()
        self.first, self.bias, self.second = (nn.Parameter(start.clone()) for start in (first, bias, second))
        self.log = log

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y_pred = torch.sin(x @ self.first + self.bias) @ self.second
        if self.log is not None and y_pred.requires_grad:
            log = self.log
            y_pred.register_hook(lambda gradient: log.append("backward"))
        return y_pred


def _curved(rng: torch.Generator, sizes: tuple[int, int, int, int], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    n, d_in, h, d_out = sizes
    shapes = {"x": (n, d_in), "y": (n, d_out), "first": (d_in, h), "bias": (h,), "second": (h, d_out)}
    return {name: _randn(rng, *shape, dtype=dtype) for name, shape in shapes.items()}


# -- one step of SGD -------------------------------------------------------------------------------------------------------


def _sgd_cases(rng: torch.Generator) -> list[Case]:
    three = ((2, 3), (2,), (3,))
    return [
        Case("one weight", weights=[_randn(rng, 3, 2)], gradients=[_off_zero(rng, 3, 2)], lr=_between(rng, 0.1, 0.4)),
        Case(
            "three parameters, the second without a gradient",
            weights=[_randn(rng, *shape, dtype=F64) for shape in three],
            gradients=[_off_zero(rng, 2, 3, dtype=F64), None, _off_zero(rng, 3, dtype=F64)],
            lr=_between(rng, 0.1, 0.4),
        ),
    ]


@exercise(
    cases=_sgd_cases,
    points=2,
    minutes=7,
    difficulty=2,
    importance=5,
    checked="How far each parameter moved, and whether the gradients stayed.",
    hints=(
        "It is the update loop of chapter 05 in a function of its own; only one kind of parameter must be left out.",
        "Write into the parameter itself, where autograd does not watch. A parameter that took no part has `.grad` None.",
        "Under `torch.no_grad()`, for each `p` whose `p.grad is not None`: `p -= lr * p.grad`.",
    ),
    why="This loop is `torch.optim.SGD.step()`. The optimizer adds state and options, not another idea.",
    variant="Add `weight_decay`: each gradient gets `weight_decay * p` added first. Compare with `torch.optim.SGD`.",
)
def sgd_step(answer: Any, weights: list[torch.Tensor], gradients: list[torch.Tensor | None], lr: float) -> Any:
    params = [weight.clone().requires_grad_() for weight in weights]
    for p, gradient in zip(params, gradients, strict=True):
        p.grad = gradient
    result = answer.sgd_step(list(params), lr)
    if result is ...:
        return result
    for p, gradient in zip(params, gradients, strict=True):
        if p.grad is None and gradient is not None:
            gradient.zero_()  # a gradient that was thrown away counts as changed
    return _flat(params) - _flat(weights)


# -- momentum --------------------------------------------------------------------------------------------------------------


def _momentum_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, shape: tuple[int, ...], dtype: torch.dtype, lrs: list[float], mu: float) -> Case:
        w, buffer = _randn(rng, *shape, dtype=dtype), _off_zero(rng, *shape, dtype=dtype)
        return Case(label, w=w, buffer=buffer, grads=_off_zero(rng, len(lrs), *shape, dtype=dtype), lrs=lrs, mu=mu)

    two, three = ([_between(rng, 0.1, 0.2), _between(rng, 0.3, 0.4), _between(rng, 0.05, 0.08)][:n] for n in (2, 3))
    return [
        case("2 steps, from a buffer that holds something", (3,), F32, two, _between(rng, 0.7, 0.8)),
        case("3 steps, each with a rate of its own, float64", (2,), F64, three, _between(rng, 0.5, 0.7)),
    ]


@exercise(
    cases=_momentum_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=5,
    checked="How far w moved in each step; each step got the w and the buffer of the one before.",
    hints=(
        "Two lines: first the buffer, then the weight. Which of the two uses the gradient?",
        "The new buffer is mu times the old one plus the whole gradient. The weight steps against the new buffer.",
        "`buffer = mu * buffer + grad`, then `w = w - lr * buffer`.",
    ),
    why="The buffer holds the whole past, fading by mu a step. The rate is applied outside, so it may change at any time.",
    variant="Write Nesterov's version: step against `grad + mu * buffer`. Compare with `SGD(..., nesterov=True)`.",
)
def momentum_step(answer: Any, w: torch.Tensor, buffer: torch.Tensor, grads: torch.Tensor, lrs: list[float], mu: float) -> Any:
    moves = []
    for grad, lr in zip(grads, lrs, strict=True):
        before = w.clone()
        result = answer.momentum_step(w, grad, buffer, lr, mu)
        if not isinstance(result, (tuple, list)) or len(result) != 2:
            return result
        if not all(isinstance(part, torch.Tensor) and part.shape == before.shape for part in result):
            return result
        w, buffer = result
        moves.append(w - before)
    return _rows(moves)


# -- Adam ------------------------------------------------------------------------------------------------------------------


def _adam_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case(
            "1 step of one weight, the usual settings",
            weights=[_randn(rng, 2, 3)],
            gradients=[[_off_zero(rng, 2, 3)]],
            settings={"lr": _between(rng, 0.1, 0.3)},
        ),
        Case(
            "3 steps of two weights, other settings, float64",
            weights=[_randn(rng, 2, 2, dtype=F64), _randn(rng, 3, dtype=F64)],
            gradients=[[_off_zero(rng, *shape, dtype=F64) for shape in ((2, 2), (3,))] for _ in range(3)],
            settings={"lr": _between(rng, 0.1, 0.3), "betas": [_between(rng, 0.5, 0.6), _between(rng, 0.7, 0.8)], "eps": 0.2},
        ),
    ]


@exercise(
    cases=_adam_cases,
    points=3,
    minutes=16,
    difficulty=4,
    importance=5,
    checked="How far the parameters moved in each step.",
    hints=(
        "Make the state first: one m and one v for each parameter, and a count of the steps.",
        "The step is counted once, before anything is divided. The corrected moments are used for this step only, never kept.",
        "`self.t += 1`; for each parameter new m and v; `m / (1 - beta1**self.t)` and the same for v; then the step.",
    ),
    why="The state is the point: m, v and t live as long as the training. Lose them, and the next step is a first step again.",
    variant="Make it AdamW: before the step, shrink each parameter by `lr * weight_decay` of itself. Compare with torch.",
    asks=("AdamByHand",),
)
def adam_by_hand(answer: Any, weights: list[torch.Tensor], gradients: list[list[torch.Tensor]], settings: dict[str, Any]) -> Any:
    params = [weight.clone().requires_grad_() for weight in weights]
    optimizer = answer.AdamByHand(params, **settings)
    rows = []
    for step in gradients:
        before = _flat(params)
        for p, gradient in zip(params, step, strict=True):
            p.grad = gradient.clone()
        optimizer.step()
        rows.append(_flat(params) - before)
    return _rows(rows)


# -- the loop --------------------------------------------------------------------------------------------------------------


class WatchedSGD(torch.optim.SGD):
    """SGD that writes down each of its steps, with what it found, and the last group's rate."""

    def __init__(self, params: Any, log: list[str], **settings: Any) -> None:
        super().__init__(params, **settings)
        self.log = log
        self.rates: list[float] = []

    def step(self, closure: Any = None) -> Any:
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        grads = [p.grad for group in self.param_groups for p in group["params"] if p.grad is not None]
        self.log.append("step" if any(bool((grad != 0).any()) for grad in grads) else "step without gradients")
        self.rates.append(float(self.param_groups[-1]["lr"]))
        super().step()
        return loss


def _lopsided(y_pred: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
    """A loss in which prediction and target do not play the same part."""
    return ((y_pred - y).pow(2) * (1 + y.pow(2))).sum()


def _train_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("2 steps of SGD", **_curved(rng, (5, 3, 2, 2), F32), lr=0.002, momentum=0.0, steps=2, stale=False),
        Case(
            "3 steps with momentum, and a model with old gradients in it",
            **_curved(rng, (4, 3, 3, 2), F64),
            lr=0.003,
            momentum=0.8,
            steps=3,
            stale=True,
        ),
    ]


@exercise(
    cases=_train_cases,
    points=3,
    minutes=10,
    difficulty=2,
    importance=5,
    checked="When backward and step were called, your losses, and the trained model's loss behind them.",
    hints=(
        "Five lines a round: predict, measure, forget, find, move. Which of them changes a weight, and what must it find?",
        "`zero_grad` belongs anywhere before `backward`, but never between `backward` and `step`.",
        "`y_pred = model(x)`, `loss = loss_fn(y_pred, y)`, `zero_grad()`, `backward()`, `step()`.",
    ),
    why="The loop knows neither the model nor the rule of the optimizer. It is the same for every net of this course.",
    variant="Let the loop stop by itself once the loss has not fallen for ten rounds.",
    returns=("the calls", "the losses, and one more after the last step"),
)
def train_loop(
    answer: Any,
    x: torch.Tensor,
    y: torch.Tensor,
    first: torch.Tensor,
    bias: torch.Tensor,
    second: torch.Tensor,
    lr: float,
    momentum: float,
    steps: int,
    stale: bool,
) -> Any:
    log: list[str] = []
    model = Curved(first, bias, second, log)
    optimizer = WatchedSGD(model.parameters(), log, lr=lr, momentum=momentum)
    if stale:
        for parameter in model.parameters():
            parameter.grad = 3.0 + parameter.detach().cos()
    losses = answer.train_loop(model, optimizer, _lopsided, x, y, steps)
    if losses is None or losses is ...:
        return losses
    calls = ", ".join(log)
    return calls, _and_then(losses, _lopsided(model(x), y))


# -- parameter groups ------------------------------------------------------------------------------------------------------


class Layers(nn.Module):
    """Linear layers with given numbers, a tanh between them."""

    def __init__(self, weights: list[torch.Tensor], biases: list[torch.Tensor]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(w.shape[1], w.shape[0], dtype=w.dtype) for w in weights)
        with torch.no_grad():
            for layer, weight, bias in zip(self.layers, weights, biases, strict=True):
                layer.weight.copy_(weight)
                layer.bias.copy_(bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.layers:
            x = layer(x).tanh()
        return x


def _group_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, shapes: tuple[tuple[int, int], ...], dtype: torch.dtype, steps: int) -> Case:
        return Case(
            label,
            weights=[_off_zero(rng, *shape, dtype=dtype) for shape in shapes],
            biases=[_off_zero(rng, shape[0], dtype=dtype) for shape in shapes],
            lr=_between(rng, 0.1, 0.2),
            bias_lr=_between(rng, 0.3, 0.5),
            weight_decay=_between(rng, 0.3, 0.6),
            steps=steps,
        )

    return [case("1 step of two layers", ((2, 3), (2, 2)), F32, 1), case("2 steps of one layer, float64", ((3, 2),), F64, 2)]


@exercise(
    cases=_group_cases,
    points=2,
    minutes=9,
    difficulty=3,
    importance=4,
    checked="How far the weights and the biases moved when your optimizer stepped.",
    hints=(
        "First sort the parameters into two lists. What do you know of each? Print `model.named_parameters()`.",
        'A group is a dict: `"params"`, and whatever is to differ from the optimizer\'s defaults.',
        'One dict with the weights and `"weight_decay"`, one with the biases and `"lr"`; the rate `lr` as the default.',
    ),
    why="What a group does not say is taken from the optimizer's defaults. So let the defaults suit most of them.",
    variant="Add a third group for the last layer, with a tenth of the rate.",
    returns=("how far the weights moved", "how far the biases moved"),
)
def grouped_optimizer(
    answer: Any,
    weights: list[torch.Tensor],
    biases: list[torch.Tensor],
    lr: float,
    bias_lr: float,
    weight_decay: float,
    steps: int,
) -> Any:
    model = Layers(weights, biases)
    optimizer = answer.grouped_optimizer(model, lr, bias_lr, weight_decay)
    if not isinstance(optimizer, torch.optim.Optimizer):
        return optimizer
    moves = []
    for _ in range(steps):
        parts = [[layer.weight for layer in model.layers], [layer.bias for layer in model.layers]]
        before = [_flat(part) for part in parts]
        for p in (*parts[0], *parts[1]):
            p.grad = (3.0 * p).cos().detach() + 0.5
        optimizer.step()
        moves.append([_flat(part) - old for part, old in zip(parts, before, strict=True)])
    return _rows([move[0] for move in moves]), _rows([move[1] for move in moves])


# -- a schedule ------------------------------------------------------------------------------------------------------------


def _schedule_cases(rng: torch.Generator) -> list[Case]:
    rates = [_between(rng, 0.1, 0.2), _between(rng, 0.3, 0.5)]
    return [
        Case("warm-up over 3 steps, halved every 2", rates=rates[:1], warmup=3, every=2, steps=7),
        Case("two groups, warm-up over 2 steps, halved every 3", rates=rates[::-1], warmup=2, every=3, steps=9),
    ]


@exercise(
    cases=_schedule_cases,
    points=3,
    minutes=14,
    difficulty=4,
    importance=4,
    checked="The last group's rate at each optimizer.step(), and the rates you returned.",
    hints=(
        "Write the factor for t = 0, 1, 2, ... on paper first: for warmup 3 and every 2.",
        "`torch.optim.lr_scheduler.LambdaLR(optimizer, factor)` multiplies each group's own rate by `factor(t)`.",
        "In each round: note `optimizer.param_groups[0]['lr']`, then `optimizer.step()`, then `scheduler.step()`.",
    ),
    why="The scheduler sets the rates for the next step, so it comes after the optimizer. Turned round, step 0 is skipped.",
    variant="Build the same schedule from `LinearLR`, `StepLR` and `SequentialLR`. Then replace the stairs by a cosine.",
    returns=("the last group's rate at each optimizer.step()", "the rates returned"),
    rules=Rules(rtol=1e-5),
)
def scheduled_rates(answer: Any, rates: list[float], warmup: int, every: int, steps: int) -> Any:
    weights = [torch.ones(2, requires_grad=True) for _ in rates]
    groups = [{"params": [weight], "lr": rate} for weight, rate in zip(weights, rates, strict=True)]
    optimizer = WatchedSGD(groups, [], lr=1.0)
    for weight in weights:
        weight.grad = torch.ones(2)
    result = answer.scheduled_rates(optimizer, warmup, every, steps)
    if result is None or result is ...:
        return result
    return _numbers(optimizer.rates), _numbers(result)


# -- the lecture's loop, repaired ------------------------------------------------------------------------------------------


def _repair_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("1 step", **_curved(rng, (5, 3, 2, 2), F32), learning_rate=0.05, steps=1),
        Case("3 steps in float64", **_curved(rng, (4, 3, 3, 2), F64), learning_rate=0.2, steps=3),
    ]


@exercise(
    cases=_repair_cases,
    points=2,
    minutes=10,
    difficulty=3,
    importance=4,
    checked="Which model moved, your losses, and the trained copy's loss behind them.",
    hints=(
        "One mistake stops Python, two do not. For each line, ask whose parameters it touches, and what it finds there.",
        "An optimizer moves the parameters it was given when it was made. And when are the gradients thrown away?",
        "`parameters()`; make the copy before the optimizer; `zero_grad` before `backward`.",
    ),
    why="Both silent mistakes give the same perfectly flat loss. Gradients that are None, or pile up, tell which one it is.",
    variant="After `copy.deepcopy(model)`, is a copied optimizer tied to the copied model? Try it, then look at `id`s.",
    returns=("what moved", "the losses, and one more after the last step"),
)
def repaired_training(
    answer: Any,
    x: torch.Tensor,
    y: torch.Tensor,
    first: torch.Tensor,
    bias: torch.Tensor,
    second: torch.Tensor,
    learning_rate: float,
    steps: int,
) -> Any:
    model = Curved(first, bias, second)
    before = _flat(model.parameters())
    result = answer.repaired_training(model, x, y, learning_rate, steps)
    if not isinstance(result, (tuple, list)) or len(result) != 2 or not isinstance(result[1], nn.Module):
        return result
    losses, trained = result
    original = "original stayed" if torch.equal(_flat(model.parameters()), before) else "original moved"
    copy = "copy moved"
    if torch.equal(_flat(trained.parameters()), before):
        copy = f"copy stood still, rounds of gradients in it: {_rounds(trained, x, y)}"
    return f"{copy}; {original}", _and_then(losses, (trained(x) - y).pow(2).sum())


def _rounds(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> int:
    """How many gradients have piled up in a model that never moved."""
    params = list(model.parameters())
    one = _flat(torch.autograd.grad((model(x) - y).pow(2).sum(), params))
    left = _flat(torch.zeros_like(p) if p.grad is None else p.grad for p in params)
    return round((left.norm() / one.norm()).item())
