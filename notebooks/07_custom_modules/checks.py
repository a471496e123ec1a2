"""How the exercises of chapter 07 are exercised: the inputs they are checked on, and what is looked at."""

from collections import OrderedDict
from typing import Any

import torch
from torch import nn

from autograder.exercise import Case, exercise

F32, F64 = torch.float32, torch.float64


def _randn(rng: torch.Generator, *shape: int, dtype: torch.dtype = F32) -> torch.Tensor:
    return torch.randn(*shape, generator=rng, dtype=dtype)


def _fill(model: nn.Module, pool: torch.Tensor) -> None:
    """Write numbers of the pool into every parameter, by its shape alone: names and order are the author's own choice."""
    with torch.no_grad():
        for parameter in model.parameters():
            start = 11 * parameter.dim() + 5 * sum(parameter.shape[:1]) + 3 * sum(parameter.shape[-1:])
            places = (start + torch.arange(parameter.numel())) % len(pool)
            parameter.copy_(pool[places].view(parameter.shape))


def _hidden_weights(model: nn.Module, *inputs: Any) -> bool:
    """Whether the model answers something when every parameter that it lists is zero."""
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        return bool((model(*inputs) != 0).any())


UNLISTED = "not zero, though every parameter that the model lists was set to zero"
UNSTEADY = "another one at each call, on the same x"


def _looked_at(model: nn.Module, pool: torch.Tensor, *inputs: Any) -> Any:
    """What the model lists, and its prediction when that is filled with given numbers."""
    first = model(*inputs)
    if not isinstance(first, torch.Tensor):
        return first
    seen = {"parameters": _counted(model)}
    if _hidden_weights(model, *inputs):
        return {**seen, "y_pred": UNLISTED}
    _fill(model, pool)
    y_pred = model(*inputs).detach()
    return {**seen, "y_pred": y_pred if torch.equal(y_pred, model(*inputs)) else UNSTEADY}


def _counted(model: nn.Module) -> str:
    parameters = list(model.parameters())
    return f"{len(parameters)} tensors with {sum(p.numel() for p in parameters)} numbers"


# -- the two-layer net as a Module -----------------------------------------------------------------------------------------


def _net_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("D_in, H, D_out = 4, 3, 2", D_in=4, H=3, D_out=2, x=_randn(rng, 5, 4), pool=_randn(rng, 30)),
        Case("D_in, H, D_out = 4, 4, 4", D_in=4, H=4, D_out=4, x=_randn(rng, 3, 4), pool=_randn(rng, 30)),
    ]


@exercise(
    cases=_net_cases,
    points=2,
    minutes=8,
    difficulty=1,
    importance=5,
    checked="The parameters that the model lists, and its prediction after they were filled with given numbers.",
    hints=(
        "Two methods: `__init__` makes what is kept from call to call, `forward` uses it.",
        "In `__init__` call `super().__init__()` first; then each layer becomes an attribute: `self.linear1 = nn.Linear(...)`.",
        "`forward` is one line: `return self.linear2(self.linear1(x).clamp(min=0))`.",
    ),
    why="An attribute that is a layer is found by `parameters()`, `state_dict()`, `to()` and `train()`: you wrote none of them.",
    variant="Give `__init__` an argument `bias=True`, and let chapter 02's net be `TwoLayerNet(1000, 100, 10, bias=False)`.",
    asks=("TwoLayerNet",),
)
def two_layer_net(answer: Any, D_in: int, H: int, D_out: int, x: torch.Tensor, pool: torch.Tensor) -> Any:
    return _looked_at(answer.TwoLayerNet(D_in, H, D_out), pool, x)


# -- parameters, counted by hand -------------------------------------------------------------------------------------------


def _count_cases(rng: torch.Generator) -> list[Case]:
    def size() -> int:
        return int(torch.randint(3, 9, (), generator=rng))

    return [
        Case("the lecture's sizes, with biases", sizes=[1000, 100, 10], bias=True),
        Case("four layers, without biases", sizes=[size(), size() + 9, size() + 20, size(), 2], bias=False),
        Case("four layers, with biases", sizes=[size(), size() + 9, size() + 20, size(), 2], bias=True),
    ]


@exercise(
    cases=_count_cases,
    points=1,
    minutes=5,
    difficulty=1,
    importance=4,
    checked="The number of parameters of a row of linear layers.",
    hints=(
        "How many numbers are in the weight of one layer, and how many in its bias?",
        "A layer from n to m numbers has n · m weights and m biases. Every neighbouring pair in `sizes` is a layer.",
        "Add up `n * m + m` over `zip(sizes, sizes[1:])`; without biases, `n * m`.",
    ),
    why="When your count and `sum(p.numel() for p in model.parameters())` differ, something is not registered, or shared.",
    variant="Which single number in [1000, 100, 10] would you halve to save the most parameters?",
)
def count_parameters(answer: Any, sizes: list[int], bias: bool) -> Any:
    return answer.count_parameters(sizes, bias)


# -- a deep net ------------------------------------------------------------------------------------------------------------


def _deep_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("D_in, H, D_out = 4, 3, 2, depth 2", sizes=[4, 3, 2], depth=2, x=_randn(rng, 4, 4), pool=_randn(rng, 30)),
        Case("D_in, H, D_out = 4, 4, 4, depth 3", sizes=[4, 4, 4], depth=3, x=_randn(rng, 3, 4), pool=_randn(rng, 30)),
    ]


@exercise(
    cases=_deep_cases,
    points=2,
    minutes=10,
    difficulty=2,
    importance=5,
    checked="The parameters that the model lists, the length of its state_dict, and its prediction.",
    hints=(
        "Three parts: a layer into the hidden size, `depth` layers inside it, a layer out.",
        "A plain list is no module, whatever it holds. `nn.ModuleList` is one, and you can loop over it.",
        "`nn.ModuleList(nn.Linear(H, H) for _ in range(depth))`; then `for layer in self.hidden: h = layer(h).clamp(min=0)`.",
    ),
    why="`ModuleList` is a list that registers what it holds; the loop over it in `forward` is plain Python.",
    variant="Add the input of every hidden layer to its output: a residual net. What must be true of the sizes?",
    asks=("DeepNet",),
)
def deep_net(answer: Any, sizes: list[int], depth: int, x: torch.Tensor, pool: torch.Tensor) -> Any:
    model = answer.DeepNet(*sizes, depth)
    seen = _looked_at(model, pool, x)
    if not isinstance(seen, dict):
        return seen
    saved = {value.data_ptr() for value in model.state_dict().values()}  # a shared layer stands there under several names
    return {**seen, "parameters": f"{seen['parameters']}, {len(saved)} saved"}


# -- a parameter and two buffers -------------------------------------------------------------------------------------------


def _standardise_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, n: int, d: int) -> Case:
        mean, std = _randn(rng, d) + 2, 0.5 + torch.rand(d, generator=rng)
        return Case(label, mean=mean, std=std, x=_randn(rng, n, d) + 1, weight=_randn(rng, n, d))

    return [case("2 samples of 3 numbers", 2, 3), case("3 samples of 3 numbers", 3, 3)]


@exercise(
    cases=_standardise_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=4,
    checked="What is a parameter, a buffer, and saved; the result before and after `.double()` and one step of training.",
    hints=(
        "Three tensors belong to the layer. Which of them should training move?",
        "`nn.Parameter` for what is trained, `self.register_buffer(name, tensor)` for what is kept and moved, but not trained.",
        '`self.gain = nn.Parameter(torch.ones_like(mean))`, `self.register_buffer("mean", mean)`, and the same for `std`.',
    ),
    why="A buffer travels with the layer (dtype, device, state_dict) and the optimizer never sees it.",
    variant="Let the layer measure mean and std itself in training mode, slowly: that is half of `nn.BatchNorm1d`.",
    asks=("Standardise",),
)
def standardise(answer: Any, mean: torch.Tensor, std: torch.Tensor, x: torch.Tensor, weight: torch.Tensor) -> Any:
    layer = answer.Standardise(mean, std)
    y = layer(x)
    if not isinstance(y, torch.Tensor):
        return y
    listed = {
        "parameters": [name for name, _ in layer.named_parameters()],
        "buffers": [name for name, _ in layer.named_buffers()],
        "saved": list(layer.state_dict()),
    }
    kept = "; ".join(f"{kind}: {', '.join(sorted(names))}" for kind, names in listed.items())
    layer.double()
    left = [name for name in ("gain", "mean", "std") if getattr(getattr(layer, name, None), "dtype", F64) != F64]
    loss = (weight * layer(x.double())).sum()
    if loss.requires_grad:
        loss.backward()
    with torch.no_grad():
        for parameter in layer.parameters():
            if parameter.grad is not None:
                parameter.sub_(0.1 * parameter.grad)
    later = layer(x.double()).detach()
    seen = {"kept": kept, "left behind by .double()": ", ".join(left) or "nothing"}
    if y.shape != later.shape:
        return {**seen, "y": y.detach(), "y after a step": later}
    return {**seen, "y before and after a step": torch.stack([y.detach().double(), later]).float()}


# -- a net whose depth varies from call to call ----------------------------------------------------------------------------


def _dynamic_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("D_in, H, D_out = 4, 3, 2", sizes=[4, 3, 2], depths=[1, 0, 3], x=_randn(rng, 3, 4), pool=_randn(rng, 30)),
        Case("D_in, H, D_out = 4, 4, 4", sizes=[4, 4, 4], depths=[3, 2], x=_randn(rng, 2, 4), pool=_randn(rng, 30)),
    ]


@exercise(
    cases=_dynamic_cases,
    points=2,
    minutes=10,
    difficulty=3,
    importance=4,
    checked="The parameters, the predictions at several depths, and that a gradient reaches x.",
    hints=(
        "Three layers, whatever the depth. What changes from call to call is how often the middle one is used.",
        "`forward` may hold any Python: `for _ in range(depth):`. What goes in is what came out the last time.",
        "`h = self.middle(h).clamp(min=0)` inside the loop; the first and the last layer stand outside.",
    ),
    why="The graph is made anew by every call, so an ordinary loop may decide how deep it is.",
    variant="Stop the loop when h changes by less than a tolerance: a net that decides itself how long to think.",
    asks=("DynamicNet",),
)
def dynamic_net(answer: Any, sizes: list[int], depths: list[int], x: torch.Tensor, pool: torch.Tensor) -> Any:
    model = answer.DynamicNet(*sizes)
    first = model(x, depths[0])
    if not isinstance(first, torch.Tensor):
        return first
    model(x, max(depths))
    seen = {"parameters": _counted(model)}
    if _hidden_weights(model, x, depths[0]):
        return {**seen, "y_pred": UNLISTED}
    _fill(model, pool)
    leaf = x.clone().requires_grad_()
    y_pred = model(leaf, depths[0])
    if y_pred.requires_grad:
        y_pred.sum().backward()
    seen["size of the gradient of x"] = None if leaf.grad is None else leaf.grad.norm().item()
    predictions = [model(x, depth) for depth in depths]
    if any(type(y) is not torch.Tensor or y.shape != y_pred.shape for y in predictions):
        return {**seen, **{f"y_pred at depth {depth}": y for depth, y in zip(depths, predictions, strict=True)}}
    return {**seen, f"y_pred at depths {', '.join(map(str, depths))}": torch.stack(predictions).detach()}


# -- a model saved and loaded ----------------------------------------------------------------------------------------------


class Keeper(nn.Module):
    """A small model to save: a layer, a buffer, and a function of its own, which no file format knows."""

    def __init__(self, d_in: int, d_out: int, *, extra: bool = False, buffer: bool = True) -> None:
        super().__init__()
        self.linear = nn.Linear(d_in, d_out)
        if extra:
            self.extra = nn.Linear(d_out, d_out)
        if buffer:
            self.register_buffer("offset", torch.zeros(d_out))
        self.bend = lambda h: h.clamp(min=0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.bend(self.linear(x)) + self.offset


def _keeper_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, d_in: int, d_out: int) -> Case:
        return Case(label, x=_randn(rng, 3, d_in), pool=_randn(rng, 30), offset=_randn(rng, d_out))

    return [case("a layer from 4 to 2 numbers", 4, 2), case("a layer from 3 to 3", 3, 3)]


@exercise(
    cases=_keeper_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=5,
    checked="A model saved and loaded into a second one, and into two others that do not fit.",
    hints=(
        "What is worth saving is the state, not the object: its class is in your program already.",
        "`model.state_dict()` names every parameter and buffer; `model.load_state_dict(state)` puts them back, and is strict.",
        "`safetensors.torch.save(model.state_dict())` gives bytes; `safetensors.torch.load(data)` gives the dict back.",
    ),
    why="Bytes with names and numbers only: no code is stored, and a strict load tells you when model and file do not fit.",
    variant="Load only the entries that fit by name and shape, and return the names of those left out.",
    asks=("save_model", "load_model"),
)
def round_trip(answer: Any, x: torch.Tensor, pool: torch.Tensor, offset: torch.Tensor) -> Any:
    sizes = x.shape[1], len(offset)
    source, copy = Keeper(*sizes), Keeper(*sizes)
    _fill(source, pool)
    source.offset.copy_(offset)
    data = answer.save_model(source)
    if data is None or data is ...:
        return data
    _fill(source, 0 * pool)
    source.offset.zero_()
    for start in (copy.linear.weight, copy.linear.bias):
        start.data.fill_(0.5)
    answer.load_model(copy, data)
    fits = {"one layer more": Keeper(*sizes, extra=True), "no buffer": Keeper(*sizes, buffer=False)}
    tried = "; ".join(f"with {what}: {_tried(answer, model, data)}" for what, model in fits.items())
    if not isinstance(data, (bytes, bytearray, memoryview)):
        return {"saved as": type(data).__name__}
    return {"y_pred of the copy": copy(x).detach(), "another model": tried}


def _tried(answer: Any, model: nn.Module, data: Any) -> str:
    try:
        answer.load_model(model, data)
    except Exception:
        return "refused"
    return "accepted"


# -- hooks -----------------------------------------------------------------------------------------------------------------


def _hook_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("two ReLUs, one of them in a block", sizes=[4, 3, 5, 2], x=_randn(rng, 4, 4), pool=_randn(rng, 60)),
        Case("two ReLUs, all sizes 4", sizes=[4, 4, 4, 4], x=_randn(rng, 3, 4), pool=_randn(rng, 60)),
    ]


def _nested(sizes: list[int]) -> nn.Module:
    d_in, first, second, d_out = sizes
    block = nn.Sequential(OrderedDict(linear=nn.Linear(first, second), bend=nn.ReLU()))
    return nn.Sequential(OrderedDict(entry=nn.Linear(d_in, first), gate=nn.ReLU(), block=block, out=nn.Linear(second, d_out)))


@exercise(
    cases=_hook_cases,
    points=2,
    minutes=12,
    difficulty=4,
    importance=3,
    checked="Your statistics of each ReLU, and the hooks on the model afterwards: one was there before.",
    hints=(
        "A hook is a function of yours that torch calls with (module, inputs, output) after the module's forward.",
        "`named_modules()` walks through blocks too. Keep the handle that `register_forward_hook` gives: it has a `remove()`.",
        "Make each hook in a small function that takes the name, so that it keeps its own; call the model; remove every handle.",
    ),
    why="A hook looks into any model without a change of its code, and is gone when you are done.",
    variant="Make it a context manager, so that the hooks go even if the model raises an error.",
)
def activation_statistics(answer: Any, sizes: list[int], x: torch.Tensor, pool: torch.Tensor) -> Any:
    model = _nested(sizes)
    _fill(model, pool)
    model.gate.register_forward_hook(lambda module, inputs, output: None)
    statistics = answer.activation_statistics(model, x)
    if not isinstance(statistics, dict):
        return statistics
    left = sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())
    return {**_as_table(statistics), "hooks on the model": left}


def _as_table(statistics: dict[Any, Any]) -> dict[str, Any]:
    """One row a module, if each has two numbers; else what came."""
    try:
        rows = [[float(value) for value in statistics[name]] for name in sorted(statistics)]
        table = torch.tensor(rows).reshape(len(rows), 2)
    except (TypeError, ValueError, RuntimeError):
        return {"statistics": statistics}
    return {f"mean and share of {', '.join(sorted(statistics)) or 'nothing'}": table}


# -- the lecture's net, repaired -------------------------------------------------------------------------------------------


def _repair_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, sizes: list[int], p: float) -> Case:
        n = 5
        tensors = {"x": _randn(rng, n, sizes[0]), "y": _randn(rng, n, sizes[2]), "pool": _randn(rng, 30)}
        return Case(label, sizes=sizes, p=p, **tensors, lr=0.01)

    return [case("D_in, H, D_out = 4, 8, 2, p = 0.5", [4, 8, 2], 0.5), case("D_in, H, D_out = 3, 8, 3, p = 0", [3, 8, 3], 0.0)]


@exercise(
    cases=_repair_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=4,
    checked="The parameters, the prediction in eval mode, whether training mode drops anything, and one step of your optimizer.",
    hints=(
        "Run it: three of the five mistakes raise an error or give None. For the other two, ask what happens at every call.",
        "What is learned must be made once, in `__init__`. And whether to drop is known to the module: `self.training`.",
        "`super().__init__()` first; `self.linear2` in `__init__`; `F.dropout(h_relu, self.p, training=self.training)`; "
        "`return y_pred`; `self.parameters()`.",
    ),
    why="Three of the mistakes were loud. The other two trained, or answered, and only a second look showed them.",
    variant="Put the layer back into `forward`, train for 500 steps, and look at the loss: what can still be learned?",
    asks=("RepairedNet",),
    time_limit_s=40.0,  # the first optimizer of a process makes torch import a good deal
)
def repaired_net(answer: Any, sizes: list[int], p: float, x: torch.Tensor, y: torch.Tensor, pool: torch.Tensor, lr: float) -> Any:
    model = answer.RepairedNet(*sizes, p)
    model.eval()
    seen = _looked_at(model, pool, x)
    if not isinstance(seen, dict):
        return seen
    model.train()
    drops = any(not torch.equal(model(x), model(x)) for _ in range(20))
    model.eval()
    optimizer = model.optimizer(lr)
    if not isinstance(optimizer, torch.optim.Optimizer):
        return optimizer
    loss = (model(x) - y).pow(2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if isinstance(seen["y_pred"], torch.Tensor):
        seen["y_pred before and after a step"] = torch.stack([seen.pop("y_pred"), model(x).detach()])
    return {**seen, "training mode drops": drops}
