"""How the exercises of chapter 05 are exercised: the inputs they are checked on, and what is looked at."""

from itertools import pairwise
from typing import Any

import torch
from torch import nn

from autograder.exercise import Case, exercise

F32, F64 = torch.float32, torch.float64


def _randn(rng: torch.Generator, *shape: int, dtype: torch.dtype = F32) -> torch.Tensor:
    return torch.randn(*shape, generator=rng, dtype=dtype)


def _shapes(parameters: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    """The parameters' shapes, as tensors of zeros: the check then speaks of shapes."""
    return {f"parameter {number}": torch.zeros(tuple(p.shape)) for number, p in enumerate(parameters, 1)}


def _numbers(losses: Any) -> Any:
    """Losses as Python numbers, whether they came as numbers or as tensors; anything else is handed on as it is."""
    if not isinstance(losses, (list, tuple, torch.Tensor)):
        return losses
    try:
        return [float(loss) for loss in losses]
    except (TypeError, ValueError, RuntimeError):
        return losses


def _number(value: Any) -> Any:
    """A tensor with one element as a Python number; anything else is handed on as it is."""
    return value.item() if isinstance(value, torch.Tensor) and value.dim() == 0 else value


class Curved(nn.Module):
    """A small model to train: three parameters, one of them a bias. It is not the lecture's net, and the loop must not care."""

    def __init__(self, first: torch.Tensor, bias: torch.Tensor, second: torch.Tensor) -> None:
        super().__init__()
        self.first, self.bias, self.second = (nn.Parameter(start.clone()) for start in (first, bias, second))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.einsum("nh,ho->no", torch.sin(torch.einsum("nd,dh->nh", x, self.first) + self.bias), self.second)


def _curved(rng: torch.Generator, sizes: tuple[int, int, int, int], dtype: torch.dtype) -> dict[str, torch.Tensor]:
    n, d_in, h, d_out = sizes
    shapes = {"x": (n, d_in), "y": (n, d_out), "first": (d_in, h), "bias": (h,), "second": (h, d_out)}
    return {name: _randn(rng, *shape, dtype=dtype) for name, shape in shapes.items()}


def _values(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters()}


def _moved(model: nn.Module, before: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    return {f"change of {name}": after - before[name] for name, after in _values(model).items() if name in before}


# -- the net as a model ----------------------------------------------------------------------------------------------------


def _model_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("D_in, H, D_out = 4, 3, 2", D_in=4, H=3, D_out=2, x=_randn(rng, 5, 4), pool=_randn(rng, 60)),
        Case("D_in, H, D_out = 4, 4, 4", D_in=4, H=4, D_out=4, x=_randn(rng, 6, 4), pool=_randn(rng, 60)),
    ]


@exercise(
    cases=_model_cases,
    points=2,
    minutes=6,
    difficulty=1,
    importance=5,
    checked="The shapes of the model's parameters, and its prediction after they were filled with given numbers.",
    hints=(
        "Three layers in a row. Print the model: does it read like the formula?",
        "`nn.Linear` takes the sizes of what comes in and of what goes out; the ReLU is a layer too, `nn.ReLU()`.",
        "`nn.Sequential(nn.Linear(D_in, H), ...)`, and the last layer makes D_out numbers of the H hidden ones.",
    ),
    why="The model holds its weights itself, and finds them again for whoever asks: `model.parameters()`.",
    variant="Give the layers names: `nn.Sequential(OrderedDict(...))`. Print the model and its `named_parameters()`.",
)
def two_layer_model(answer: Any, D_in: int, H: int, D_out: int, x: torch.Tensor, pool: torch.Tensor) -> Any:
    model = answer.two_layer_model(D_in, H, D_out)
    if model is None or model is ...:
        return model
    model(x)  # a lazy layer learns its sizes here
    parameters = list(model.parameters())
    used = 0
    with torch.no_grad():
        for parameter in parameters:
            places = torch.arange(used, used + parameter.numel()) % len(pool)
            parameter.copy_(pool[places].view(parameter.shape))
            used += parameter.numel()
    return {**_shapes(parameters), "y_pred": model(x).detach()}


# -- chapter 02's weights in a model ---------------------------------------------------------------------------------------


def _weights_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("D_in, H, D_out = 4, 3, 2", w1=_randn(rng, 4, 3), w2=_randn(rng, 3, 2), x=_randn(rng, 5, 4)),
        Case("D_in, H, D_out = 4, 4, 4", w1=_randn(rng, 4, 4), w2=_randn(rng, 4, 4), x=_randn(rng, 6, 4)),
    ]


@exercise(
    cases=_weights_cases,
    points=2,
    minutes=10,
    difficulty=3,
    importance=4,
    checked="The model's parameters and prediction, and your w1 and w2 after the model's weights were changed.",
    hints=(
        "Build the model first, then look at the shape of its weights beside the shape of w1.",
        "A layer's weight is (out, in); w1 is (in, out). Write into a parameter with `copy_`, under `torch.no_grad()`.",
        "`nn.Linear(D_in, H, bias=False)` and so on; then `model[0].weight.copy_(w1.T)` under `torch.no_grad()`.",
    ),
    why="The same numbers, lying on their side: the layer multiplies by its weight transposed.",
    variant="Write the way back: a function that takes such a model and returns w1 and w2.",
)
def model_from_weights(answer: Any, w1: torch.Tensor, w2: torch.Tensor, x: torch.Tensor) -> Any:
    model = answer.model_from_weights(w1, w2)
    if model is None or model is ...:
        return model
    parameters = list(model.parameters())
    with torch.no_grad():
        for parameter in parameters:
            if parameter.dim() == 1:
                parameter.zero_()
    seen = {**_shapes(parameters), "y_pred": model(x).detach(), "trainable": all(p.requires_grad for p in parameters)}
    with torch.no_grad():
        for parameter in parameters:
            parameter.add_(1.0)  # as training would; the caller's weights must not feel it
    return seen


# -- three reductions ------------------------------------------------------------------------------------------------------


def _losses_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, n: int, dtype: torch.dtype) -> Case:
        return Case(label, prediction=_randn(rng, n, 1, dtype=dtype), target=_randn(rng, n, dtype=dtype) + 1.5)

    return [case("5 samples", 5, F32), case("4 samples in float64", 4, F64), case("a single sample", 1, F32)]


@exercise(
    cases=_losses_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=5,
    checked="Each sample's squared error, their sum and their mean.",
    hints=(
        "Print the two shapes first. Which element of the one belongs to which element of the other?",
        'Make both shapes (N,), then the loss with `reduction="none"`, `"sum"` and `"mean"`.',
        "`prediction.squeeze(1)` removes that one dimension, and no other.",
    ),
    why="The reduction only says what is done with the N squared errors at the end; the pairing must be right before.",
    variant="Do the same for `nn.L1Loss` and `nn.SmoothL1Loss`. Which of them forgives one wild target most?",
    returns=("each", "total", "mean"),
)
def sample_losses(answer: Any, prediction: torch.Tensor, target: torch.Tensor) -> Any:
    return answer.sample_losses(prediction, target)


# -- one step over all parameters ------------------------------------------------------------------------------------------


def _step_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("1 step", **_curved(rng, (5, 4, 3, 2), F32), lr=0.05, steps=1, stale=False),
        Case("2 steps, and a model with old gradients in it", **_curved(rng, (4, 4, 4, 4), F64), lr=0.01, steps=2, stale=True),
    ]


@exercise(
    cases=_step_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=5,
    checked="How far each parameter moved in each step.",
    hints=(
        "Three things in this order: forget old gradients, find new ones, move every parameter.",
        "`backward` adds to what `.grad` holds. The update must change the parameter itself, and autograd must not record it.",
        "`model.zero_grad()`, `loss.backward()`, then under `torch.no_grad()`: `param -= lr * param.grad` for each one.",
    ),
    why="The loop never asked what the model is made of. It trains any model, with any number of parameters.",
    variant="Add weight decay: each parameter also shrinks by lr times 0.01 of its own value, but not the biases.",
)
def take_step(
    answer: Any,
    x: torch.Tensor,
    y: torch.Tensor,
    first: torch.Tensor,
    bias: torch.Tensor,
    second: torch.Tensor,
    lr: float,
    steps: int,
    stale: bool,
) -> Any:
    model = Curved(first, bias, second)
    if stale:
        for parameter in model.parameters():
            parameter.grad = 3.0 + parameter.detach().cos()
    seen = {}
    for number in range(1, steps + 1):
        before = _values(model)
        result = answer.take_step(model, (model(x) - y).pow(2).sum(), lr)
        if result is ...:
            return result
        seen[f"step {number}"] = _moved(model, before)
    return seen


# -- cross entropy ---------------------------------------------------------------------------------------------------------


def _classes_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, n: int, classes: int, right: int, dtype: torch.dtype) -> Case:
        """`right` of the n samples get the label that scores highest, the others the next one."""
        logits = 2.0 * _randn(rng, n, classes, dtype=dtype)
        misses = (torch.arange(n) >= right).long()
        labels = (logits.argmax(dim=1) + misses) % classes
        return Case(label, logits=logits, labels=labels.to(F32).unsqueeze(1))

    return [case("7 samples, 3 classes", 7, 3, 5, F32), case("5 samples, 5 classes, float64", 5, 5, 3, F64)]


@exercise(
    cases=_classes_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=5,
    checked="The mean cross entropy and the share of right guesses.",
    hints=(
        "First bring the labels into the form that the loss wants: which shape, which dtype?",
        "`nn.CrossEntropyLoss` wants raw scores and whole numbers of shape (N,). The guess is the place of the highest score.",
        "`labels.squeeze(1).long()`; the guesses are `logits.argmax(dim=1)`; compare, turn into floats, take the mean.",
    ),
    why="The loss applies log-softmax itself, in a way that neither overflows nor rounds to log(0).",
    variant="Give the loss `weight=` so that a rare class counts more. What does its mean divide by then?",
    returns=("loss", "accuracy"),
)
def loss_and_accuracy(answer: Any, logits: torch.Tensor, labels: torch.Tensor) -> Any:
    result = answer.loss_and_accuracy(logits, labels)
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        return result
    return result[0], _number(result[1])


# -- initialisation --------------------------------------------------------------------------------------------------------


def _signal_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, n: int, sizes: tuple[int, ...], dtype: torch.dtype) -> Case:
        noise = [_randn(rng, out, inside, dtype=dtype) for inside, out in pairwise(sizes)]
        return Case(label, x=_randn(rng, n, sizes[0], dtype=dtype), noise=noise)

    return [case("3 layers, from 8 numbers to 3", 9, (8, 6, 4, 3), F32), case("3 layers of 5, float64", 7, (5, 5, 5, 5), F64)]


@exercise(
    cases=_signal_cases,
    points=2,
    minutes=10,
    difficulty=3,
    importance=4,
    checked="The size of the signal behind each layer.",
    hints=(
        "One layer: scale the noise, multiply, ReLU, write down the size. What comes out goes into the next layer.",
        "The scale is the square root of 2 over the number of inputs. Where in the weight's shape does it stand?",
        "`weight = numbers * (2 / numbers.shape[1]) ** 0.5`, then `x = (x @ weight.T).relu()`.",
    ),
    why="A sum over fan_in inputs grows with fan_in, the ReLU halves the mean square: the scale undoes both.",
    variant="Try tanh in place of the ReLU. Which number must replace the 2, so that ten layers keep the size?",
)
def signal_sizes(answer: Any, x: torch.Tensor, noise: list[torch.Tensor]) -> Any:
    return _numbers(answer.signal_sizes(x, noise))


# -- the lecture's loop, repaired ------------------------------------------------------------------------------------------


def _repair_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("1 step", **_curved(rng, (5, 4, 3, 2), F32), learning_rate=0.05, steps=1),
        Case("4 steps in float64", **_curved(rng, (4, 4, 4, 4), F64), learning_rate=0.01, steps=4),
    ]


@exercise(
    cases=_repair_cases,
    points=2,
    minutes=10,
    difficulty=3,
    importance=4,
    checked="The losses, and how far each parameter moved.",
    hints=(
        "One mistake stops Python, two do not. For each line, ask what it would print in a cell of its own.",
        "What is the default reduction? And what does the name of a method do when nobody calls it?",
        '`reduction="sum"`; parentheses behind `zero_grad`; the update under `torch.no_grad()`.',
    ),
    why="Each of the three was a good intention: less noise, less clutter, no old-fashioned `.data`. Only numbers tell.",
    variant="Put each silent mistake back by itself and train the lecture's net for 500 steps. Which one would you notice?",
    returns=("losses", "parameters"),
)
def repaired_loop(
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
    before = _values(model)
    losses = answer.repaired_loop(model, x, y, learning_rate, steps)
    if losses is None or losses is ...:
        return losses
    return _numbers(losses), _moved(model, before)
