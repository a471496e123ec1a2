"""How the exercises of chapter 09 are exercised: small nets built like the large ones, and what is looked at."""

from typing import Any

import torch
from torch import nn

from autograder.exercise import Case, exercise


def _randn(rng: torch.Generator, *shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=rng)


def _fill(module: nn.Module, pool: torch.Tensor) -> None:
    """Write numbers of the pool into every parameter, by its shape alone."""
    with torch.no_grad():
        for parameter in module.parameters():
            start = 11 * parameter.dim() + 5 * sum(parameter.shape[:1]) + 3 * sum(parameter.shape[1:2])
            places = (start + torch.arange(parameter.numel())) % len(pool)
            parameter.copy_(pool[places].view(parameter.shape))


class _Conv(nn.Conv2d):
    """A convolution that notes how many images it was given in each call."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = [*getattr(self, "seen", []), len(x)]
        return super().forward(x)


class _Fc(nn.Module):
    """Built like torchvision's ResNets: convolution, norm, pooling, and one linear layer called fc."""

    def __init__(self, channels: int, classes: int) -> None:
        super().__init__()
        self.conv = _Conv(3, channels, 2)
        self.bn = nn.BatchNorm2d(channels)
        self.relu = nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(torch.flatten(self.avgpool(self.relu(self.bn(self.conv(x)))), 1))


class _Classifier(nn.Module):
    """Built like torchvision's AlexNet and VGG: features, pooling, and a Sequential called classifier."""

    def __init__(self, channels: int, classes: int, *, dropout_first: bool) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, channels, 2), nn.ReLU())
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        hidden = [nn.Linear(channels, channels + 2), nn.ReLU()]
        drop = nn.Dropout(0.5)
        layers = [drop, *hidden] if dropout_first else [*hidden, drop]
        self.classifier = nn.Sequential(*layers, nn.Linear(channels + 2, classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(torch.flatten(self.avgpool(self.features(x)), 1))


def _family(name: str, channels: int, classes: int, pool: torch.Tensor) -> nn.Module:
    if name == "resnet":
        model: nn.Module = _Fc(channels, classes)
    else:
        model = _Classifier(channels, classes, dropout_first=name == "alexnet")
    _fill(model, pool)
    return model


# -- a photo made ready ----------------------------------------------------------------------------------------------------


def _photo_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, height: int, width: int, size: int) -> Case:
        image = torch.randint(0, 256, (height, width, 3), generator=rng, dtype=torch.uint8)
        mean, std = [0.5, 0.4, 0.3], [0.2, 0.25, 0.4]
        return Case(label, image=image, size=size, mean=mean, std=std)

    return [case("a photo of 4x8 pixels, size 4", 4, 8, 4), case("a photo of 7x5 pixels, size 3", 7, 5, 3)]


@exercise(
    cases=_photo_cases,
    points=2,
    minutes=10,
    difficulty=2,
    importance=5,
    checked="The batch of one photo: its shape, its dtype and its values.",
    hints=(
        "Four steps: cut the middle out, bring 0..255 to 0..1, normalise each channel, and put channels and batch in front.",
        "`top = (H - size) // 2`, and likewise at the left. With the channels last, `mean` and `std` broadcast as they are.",
        "`x = image[top:top + size, left:left + size] / 255`, then `(x - mean) / std`, `permute(2, 0, 1)`, `unsqueeze(0)`.",
    ),
    why="This is what `weights.transforms()` does after resizing, with the numbers that the weights were trained with.",
    variant="Undo it: write the function that makes a uint8 photo of x again. What cannot be brought back?",
)
def prepare(answer: Any, image: torch.Tensor, size: int, mean: list[float], std: list[float]) -> Any:
    return answer.prepare(image, size, mean, std)


# -- the best guesses ------------------------------------------------------------------------------------------------------


class _Scores(nn.Module):
    """A small classifier with a norm and dropout; it notes whether a graph was kept."""

    def __init__(self, w: torch.Tensor, shift: torch.Tensor) -> None:
        super().__init__()
        self.bn = nn.BatchNorm1d(w.shape[0])
        self.dropout = nn.Dropout(0.5)
        self.fc = nn.Linear(*w.shape)
        with torch.no_grad():
            self.fc.weight.copy_(w.t())
            self.fc.bias.copy_(shift)
        self.kept_a_graph = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.fc(self.dropout(self.bn(x.flatten(1))))
        self.kept_a_graph = self.kept_a_graph or scores.requires_grad
        return scores


def _guess_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, n: int, k: int, names: list[str]) -> Case:
        pixels, classes = 12, len(names)
        w, shift = 0.5 * _randn(rng, pixels, classes), 0.5 * _randn(rng, classes)
        return Case(label, x=_randn(rng, n, 3, 2, 2), w=w, shift=shift, names=names, k=k)

    return [
        case("2 photos, the best 3 of 5 names", 2, 3, ["cat", "cup", "fox", "hen", "owl"]),
        case("3 photos, the best 2 of 3 names", 3, 2, ["bee", "cow", "elk"]),
    ]


def _plain_pairs(guesses: Any) -> Any:
    """Pairs (name, probability), with a tensor of one element as its number."""
    if isinstance(guesses, (list, tuple)):
        return [_plain_pairs(guess) for guess in guesses]
    if isinstance(guesses, torch.Tensor) and guesses.dim() == 0:
        return guesses.item()
    return guesses


@exercise(
    cases=_guess_cases,
    points=3,
    minutes=12,
    difficulty=2,
    importance=5,
    checked="The names and probabilities of each photo, whether a graph was kept, and whether the norm's statistics moved.",
    hints=(
        "Before the call: which mode is the model in, and who needs a graph? After it: scores are no probabilities yet.",
        "`model.eval()`, `torch.no_grad()`, softmax over the classes, then `topk(k)`, which gives values and indices.",
        "`values, indices = model(x).softmax(dim=1).topk(k)`; then for each row, pairs of `names[i]` and its value.",
    ),
    why="Evaluation mode, no graph, softmax over the classes: three lines that belong to every prediction.",
    variant="Return a dict from name to probability with every name whose probability is above a threshold.",
    returns=("guesses", "a graph was kept", "the norm's statistics moved"),
)
def top_guesses(answer: Any, x: torch.Tensor, w: torch.Tensor, shift: torch.Tensor, names: list[str], k: int) -> Any:
    model = _Scores(w, shift)
    before = model.bn.running_mean.clone()
    guesses = answer.top_guesses(model, x, names, k)
    if guesses is None or guesses is ...:
        return guesses
    return _plain_pairs(guesses), model.kept_a_graph, not torch.equal(before, model.bn.running_mean)


# -- parameters, counted by hand -------------------------------------------------------------------------------------------

_ALEXNET = [
    ("conv", 3, 64, 11), ("conv", 64, 192, 5), ("conv", 192, 384, 3), ("conv", 384, 256, 3), ("conv", 256, 256, 3),
    ("linear", 9216, 4096), ("linear", 4096, 4096), ("linear", 4096, 1000),
]  # fmt: skip


def _count_cases(rng: torch.Generator) -> list[Case]:
    def size(low: int) -> int:
        return low + int(torch.randint(0, 9, (), generator=rng))

    a, b, c, d = size(4), size(20), size(40), size(60)
    return [
        Case("a convolution and a linear layer", layers=[("conv", a, b, 5), ("linear", c, d)]),
        Case("two convolutions, each with a norm", layers=[("conv", 3, a, 7), ("norm", a), ("conv", a, c, 3), ("norm", c)]),
        Case("the layers of AlexNet", layers=_ALEXNET),
    ]


@exercise(
    cases=_count_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=4,
    checked="The number of parameters of a row of layers.",
    hints=(
        "Write the shape of each weight down first. How long is the bias beside it?",
        "A convolution's weight is (c_out, c_in, k, k), a linear layer's (m, n). A norm learns a factor and a shift a channel.",
        "`c_out * c_in * k * k + c_out`, `m * n + m`, `2 * c`: add them up.",
    ),
    why="Convolutions are used at every place of the picture, so they need few parameters; linear layers after them need most.",
    variant="Count the multiplications of a convolution as well, for a picture of h times w pixels. Which layers cost most now?",
)
def count_by_hand(answer: Any, layers: list[tuple[Any, ...]]) -> Any:
    return answer.count_by_hand(layers)


# -- another head ----------------------------------------------------------------------------------------------------------


def _swap_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, family: str, channels: int, classes: int) -> Case:
        return Case(label, family=family, channels=channels, classes=classes, x=_randn(rng, 2, 3, 3, 3), pool=_randn(rng, 60))

    return [
        case("a small net built like resnet101", "resnet", 4, 3),
        case("a small net built like alexnet", "alexnet", 4, 3),
        case("a small net built like vgg16", "vgg", 3, 2),
    ]


@exercise(
    cases=_swap_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=5,
    checked="The parameters of the model that you return, by name and shape, and its scores after the new head was filled.",
    hints=(
        "Print the model first: what is its last layer called, and how many numbers come into it?",
        "`hasattr(model, 'fc')` tells the families apart. In the other family the head is the **last** part of `classifier`.",
        "`model.fc = nn.Linear(model.fc.in_features, classes)`, or the same with `model.classifier[-1]` on both sides.",
    ),
    why="The old layer told you its `in_features`; the rest of the net was not touched, so all it has learned is still there.",
    variant="Find the last `nn.Linear` of any model by `named_modules()`, whatever it is called, and replace that.",
)
def swap_head(answer: Any, family: str, channels: int, classes: int, x: torch.Tensor, pool: torch.Tensor) -> Any:
    model = answer.swap_head(_family(family, channels, 5, pool), classes)
    if not isinstance(model, nn.Module):
        return model
    model.eval()
    listed = {name: tuple(parameter.shape) for name, parameter in model.named_parameters()}
    # The head's numbers are random at first: give it known ones, and leave all others as they are.
    head = getattr(model, "fc", None) if family == "resnet" else getattr(model, "classifier", model)
    last = [module for module in head.modules() if isinstance(module, nn.Linear)][-1] if isinstance(head, nn.Module) else model
    _fill(last, pool)
    try:
        scores: Any = model(x).detach()
    except RuntimeError as error:
        scores = f"no scores: {error}"
    return {"parameters": "; ".join(f"{name} {shape}" for name, shape in listed.items()), "scores": scores}


# -- frozen ----------------------------------------------------------------------------------------------------------------


def _freeze_cases(rng: torch.Generator) -> list[Case]:
    return [
        Case("the head is fc, everything trains so far", headed="resnet", asleep=False, x=_randn(rng, 4, 3, 3, 3)),
        Case("the head is a Sequential, everything was frozen before", headed="dropout", asleep=True, x=_randn(rng, 4, 3, 3, 3)),
    ]


@exercise(
    cases=_freeze_cases,
    points=3,
    minutes=10,
    difficulty=3,
    importance=5,
    checked="Which parameters ask for gradients, which layers are in training mode, and the list that you return.",
    hints=(
        "Two switches, and they are independent: `requires_grad` of a parameter, and the mode of a layer.",
        "Switch everything off first, then the head on again: `requires_grad_` and `train`/`eval` work on whole modules.",
        "`model.requires_grad_(False)`, `model.eval()`, then the same two for the head with `True` and `train()`.",
    ),
    why="Off for all, then on for the head: two lines each, in the one order that works, and no norm drifts behind your back.",
    variant="Unfreeze the last convolution too, and give it a smaller learning rate: which list does the optimizer want now?",
)
def freeze_all_but(answer: Any, headed: str, asleep: bool, x: torch.Tensor) -> Any:
    model = _Fc(4, 3)
    if headed == "dropout":
        model.fc = nn.Sequential(nn.Dropout(0.5), nn.Linear(4, 3))
    model.train(not asleep).requires_grad_(not asleep)
    returned = answer.freeze_all_but(model, model.fc)
    if returned is None or returned is ... or isinstance(returned, nn.Module):
        return returned
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    try:
        listed = [names.get(id(parameter), type(parameter).__name__) for parameter in returned]
    except TypeError:
        return returned
    layers = {name: module.training for name, module in model.named_modules() if not list(module.children())}
    before = model.bn.running_mean.clone()
    model(x)
    return {
        "parameters that ask for gradients": ", ".join(name for name, p in model.named_parameters() if p.requires_grad),
        "layers in training mode": ", ".join(name for name, training in layers.items() if training),
        "the norm's statistics move": not torch.equal(before, model.bn.running_mean),
        "returned": ", ".join(sorted(listed)),
    }


# -- features --------------------------------------------------------------------------------------------------------------


def _feature_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, n: int, channels: int, batch_size: int) -> Case:
        return Case(label, x=_randn(rng, n, 3, 3, 3), channels=channels, batch_size=batch_size, pool=_randn(rng, 60))

    return [case("4 photos in batches of 2, 4 channels", 4, 4, 2), case("5 photos in batches of 3, 3 channels", 5, 3, 3)]


def _hooks(model: nn.Module) -> int:
    return sum(len(module._forward_hooks) + len(module._forward_pre_hooks) for module in model.modules())


@exercise(
    cases=_feature_cases,
    points=3,
    minutes=15,
    difficulty=4,
    importance=4,
    checked="The features, the batches that the net was given, and whether the model is afterwards what it was.",
    hints=(
        "Which numbers go into `fc`? Either catch them there, or let another layer take its place for a while.",
        "A hook set by `model.fc.register_forward_pre_hook` sees what comes in; `nn.Identity()` lets it pass. Undo either.",
        "`head, model.fc = model.fc, nn.Identity()`; `torch.cat([model(part) for part in x.split(batch_size)])`; put it back.",
    ),
    why="The net runs once over each photo; whatever is trained on these numbers afterwards costs next to nothing.",
    variant="Catch the output of an inner block as well, average it over the picture, and compare which numbers serve better.",
    returns=("features", "features have a graph", "sizes of the batches", "the model afterwards"),
)
def extract_features(answer: Any, x: torch.Tensor, channels: int, batch_size: int, pool: torch.Tensor) -> Any:
    model = _Fc(channels, 5)
    _fill(model, pool)
    model.bn.running_mean.copy_(pool[:channels])
    model.eval()
    with torch.no_grad():
        scores = model(x)
    model.conv.seen = []
    model.train()
    statistics = model.bn.running_mean.clone()
    features = answer.extract_features(model, x, batch_size)
    if not isinstance(features, torch.Tensor):
        return features
    sizes = model.conv.seen
    if not torch.equal(statistics, model.bn.running_mean):
        after = "its norm's statistics have moved"
    elif _hooks(model):
        after = "a hook is left on it"
    else:
        model.eval()
        same = model(x)
        after = "as it was" if same.shape == scores.shape and torch.allclose(same, scores) else "it gives other scores"
    return features.detach(), features.requires_grad, sizes, after


# -- the broken training, repaired -----------------------------------------------------------------------------------------


def _repair_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, channels: int, classes: int, n: int) -> Case:
        y = torch.arange(n) % classes
        sizes = {"channels": channels, "classes": classes, "steps": 3, "lr": 0.5}
        return Case(label, x=_randn(rng, n, 3, 3, 3), y=y, pool=_randn(rng, 60), **sizes)

    return [case("4 channels, 3 classes", 4, 3, 6), case("3 channels, 2 classes", 3, 2, 4)]


@exercise(
    cases=_repair_cases,
    points=3,
    minutes=15,
    difficulty=4,
    importance=5,
    checked="The losses, the head after three steps, what else changed, and whether a loss keeps its graph.",
    hints=(
        "One mistake raises an error, five do not. Go through it line by line: what does each line know at that moment?",
        "Order: freeze, then swap, then build the optimizer. In the loop: scores without softmax, gradients from zero.",
        "`model.requires_grad_(False)`, `model.eval()`, the new head, `SGD(model.fc.parameters(), lr=lr)`; then the loop.",
    ),
    why="Five of the six mistakes are silent. Freeze, swap, optimizer, in this order; and look at what has changed.",
    variant="Let the last convolution learn too, a hundred times slower than the head. What must change in which line?",
    asks=("repaired_training",),
    returns=("losses", "the head's weight", "the head's bias", "what else changed", "a loss keeps its graph"),
    time_limit_s=40.0,  # the first optimizer of a process makes torch import a good deal
)
def repaired_training(
    answer: Any, x: torch.Tensor, y: torch.Tensor, pool: torch.Tensor, channels: int, classes: int, steps: int, lr: float
) -> Any:
    model = _Fc(channels, 5)
    _fill(model, pool)
    model.train()
    before = {name: value.clone() for name, value in model.state_dict().items() if not name.startswith("fc")}
    losses = answer.repaired_training(model, x, y, classes, steps, lr)
    if not isinstance(losses, (list, tuple)):
        return losses
    after = model.state_dict()
    changed = [name for name, value in before.items() if not torch.equal(value, after[name])]
    graph = any(isinstance(loss, torch.Tensor) and loss.requires_grad for loss in losses)
    numbers = [loss.item() if isinstance(loss, torch.Tensor) and loss.numel() == 1 else loss for loss in losses]
    weight, bias = (getattr(model.fc, name).detach() for name in ("weight", "bias"))
    return numbers, weight, bias, ", ".join(changed) or "nothing", graph
