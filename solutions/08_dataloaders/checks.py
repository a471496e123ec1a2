"""How the exercises of chapter 08 are exercised: the inputs they are checked on, and what is looked at."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from autograder.exercise import Case, exercise


def _plain(batch: Any) -> Any:
    """A batch as data, lists and tuples alike; anything else is handed on as it is."""
    return tuple(batch) if isinstance(batch, (list, tuple)) else batch


def _number(value: Any) -> Any:
    """A number, whether it came as a Python number or as a tensor of one element."""
    if isinstance(value, torch.Tensor) and value.numel() == 1 and value.dim() == 0:
        return value.item()
    return value


# -- a Dataset of one's own ------------------------------------------------------------------------------------------------


def _table_cases(rng: torch.Generator) -> list[Case]:
    def table(rows: int, columns: int) -> torch.Tensor:
        x = torch.randn(rows, columns, generator=rng)
        # Labels from 10 on are no row's number and no measurement.
        return torch.cat([x, 10 + torch.randperm(rows, generator=rng).unsqueeze(1)], dim=1)

    return [
        Case("a table of 5 rows, no transform", table=table(5, 3), with_transform=False),
        Case("a table of 4 rows, with a transform", table=table(4, 3), with_transform=True),
    ]


@exercise(
    cases=_table_cases,
    points=3,
    minutes=10,
    difficulty=2,
    importance=5,
    checked="The length, the batches of 2 that a DataLoader makes of it, and the first row once more.",
    hints=(
        "Three methods: `__init__` keeps, `__len__` counts, `__getitem__` gives one sample.",
        "A row without its last number is `row[:-1]`, its last number `row[-1]`. A transform is called when a sample is fetched.",
        "`x, y = self.table[index, :-1], self.table[index, -1].long()`, then `self.transform(x)` if there is one.",
    ),
    why="A length and one sample by its number: that is all a DataLoader wants to know of your data.",
    variant="Read the rows from a CSV file on disk, one line at each `__getitem__`, without keeping the whole file.",
    asks=("TableDataset",),
    returns=("length", "batches", "first row fetched again"),
)
def table_dataset(answer: Any, table: torch.Tensor, with_transform: bool) -> Any:
    calls = []

    def transform(x: torch.Tensor) -> torch.Tensor:
        calls.append(1)
        return x + 100 * len(calls)

    dataset = answer.TableDataset(table, transform if with_transform else None)
    if dataset is None or dataset is ...:
        return dataset
    length = len(dataset)
    if not isinstance(length, int):
        return length
    batches: list[Any] = []
    try:
        for batch in DataLoader(dataset, batch_size=2):
            batches.append(_plain(batch))
    except IndexError as error:
        batches.append(f"IndexError: {error}")
    again = next(iter(DataLoader(dataset, batch_size=1)))
    return length, batches, _plain(again)


# -- statistics of the training part ---------------------------------------------------------------------------------------


def _image_cases(rng: torch.Generator) -> list[Case]:
    def images(number: int, channels: int, low: int, high: int) -> torch.Tensor:
        drawn = torch.randint(low, high, (number, channels, 2, 3), generator=rng)
        return (drawn + 20 * torch.arange(channels).view(-1, 1, 1)).to(torch.uint8)

    return [
        Case("5 grey images and 3 to validate", train=images(5, 1, 10, 120), valid=images(3, 1, 60, 250)),
        Case("4 colour images and 2 to validate", train=images(4, 3, 0, 90), valid=images(2, 3, 80, 200)),
    ]


@exercise(
    cases=_image_cases,
    points=3,
    minutes=10,
    difficulty=2,
    importance=5,
    checked="The mean and the standard deviation of each channel, and both parts after the same transform.",
    hints=(
        "First turn whole numbers 0..255 into floats 0..1. Then ask: whose mean, and over which dimensions?",
        "One number a channel: `mean(dim=(0, 2, 3))` of the training images, and the same for `std`.",
        "`(x - mean.view(-1, 1, 1)) / std.view(-1, 1, 1)` for both parts, or `v2.Normalize` with both as lists.",
    ),
    why="Validation plays the unknown future. A mean that has seen it has seen the exam.",
    variant="Compute the same mean and deviation batch by batch, without having all images in memory at once.",
    returns=("mean", "std", "train", "valid"),
)
def standardise(answer: Any, train: torch.Tensor, valid: torch.Tensor) -> Any:
    return _plain(answer.standardise(train, valid))


# -- ragged samples --------------------------------------------------------------------------------------------------------


def _ragged_cases(rng: torch.Generator) -> list[Case]:
    def samples(lengths: tuple[int, ...], dtype: torch.dtype) -> list[tuple[torch.Tensor, int]]:
        drawn = []
        for number, length in enumerate(lengths):
            x = torch.randn(length, generator=rng)
            x = x + 0.3 * x.sign() if dtype.is_floating_point else torch.randint(1, 50, (length,), generator=rng)
            x[-1] = 0  # a true value may be zero, at the end too
            drawn.append((x.to(dtype), int(torch.randint(2, 10, (1,), generator=rng)) + 10 * number))
        return drawn

    return [
        Case("three series of 2, 4 and 3 numbers", samples=samples((2, 4, 3), torch.float32)),
        Case("four sentences of word numbers", samples=samples((3, 2, 5, 4), torch.int64)),
    ]


@exercise(
    cases=_ragged_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=4,
    checked="The padded batch, the true lengths and the labels.",
    hints=(
        "Separate the pairs first: a list of sequences, a list of labels. How long is the longest sequence?",
        "Start from zeros of shape (B, longest) with the sequences' dtype, then write each into the front of its row.",
        "`nn.utils.rnn.pad_sequence(list_of_x, batch_first=True)` pads; `torch.tensor([len(x) for x in list_of_x])` counts.",
    ),
    why="The zeros alone do not tell where a sample ends, since a true value may be zero. The lengths do.",
    variant="Return a mask (B, L) in place of the lengths, made with `torch.arange` and one comparison.",
    returns=("x", "lengths", "y"),
)
def collate_ragged(answer: Any, samples: list[tuple[torch.Tensor, int]]) -> Any:
    return _plain(answer.collate_ragged(samples))


# -- averages over an epoch ------------------------------------------------------------------------------------------------


class _Scores(nn.Module):
    """Scores by one product, with dropout before it; it notes whether a graph was kept."""

    def __init__(self, w: torch.Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(w)
        self.dropout = nn.Dropout(0.5)
        self.kept_a_graph = False

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        scores = self.dropout(x).mm(self.w)
        self.kept_a_graph = self.kept_a_graph or scores.requires_grad
        return scores


def _epoch_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, n: int, batch_size: int) -> Case:
        x, w = torch.randn(n, 4, generator=rng), torch.randn(4, 3, generator=rng)
        y = x.mm(w).argmax(dim=1)
        last = n - n % batch_size
        y[1:last:3] = (y[1:last:3] + 1) % 3  # mistakes in the full batches,
        y[last:] = (y[last:] + 2) % 3  # and nothing right in the short one
        return Case(label, x=x, y=y, w=w, batch_size=batch_size)

    return [case("7 samples in batches of 3", 7, 3), case("10 samples in batches of 4", 10, 4)]


@exercise(
    cases=_epoch_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=5,
    checked="The mean loss and the accuracy over all samples, and whether a graph was kept.",
    hints=(
        "Add up over samples, divide once at the very end. What does each batch contribute, and how many samples has it?",
        "`F.cross_entropy` gives a mean: times `len(y)` it is the batch's sum. `reduction='sum'` gives that at once.",
        "Keep three running numbers: sum of losses, number of hits, samples. Before: `model.eval()`, `torch.no_grad()`.",
    ),
    why="Every sample counts once, however the batches were cut: the result does not depend on the batch size.",
    variant="Return the accuracy of each class as well. Would a mean of those be the accuracy?",
    returns=("loss", "accuracy", "a graph was kept"),
)
def evaluate(answer: Any, x: torch.Tensor, y: torch.Tensor, w: torch.Tensor, batch_size: int) -> Any:
    model = _Scores(w)
    result = answer.evaluate(model, DataLoader(TensorDataset(x, y), batch_size=batch_size))
    if not isinstance(result, (tuple, list)) or len(result) != 2:
        return result
    return _number(result[0]), _number(result[1]), model.kept_a_graph


# -- a shuffle that can be repeated ----------------------------------------------------------------------------------------


def _shuffle_cases(rng: torch.Generator) -> list[Case]:
    def seed() -> int:
        return int(torch.randint(10, 10_000, (1,), generator=rng))

    return [
        Case("24 samples in batches of 5", n=24, batch_size=5, seed=seed()),
        Case("30 samples in batches of 7", n=30, batch_size=7, seed=seed()),
    ]


def _order(loader: Any) -> list[int]:
    return [int(number) for (batch,) in loader for number in batch]


@exercise(
    cases=_shuffle_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=4,
    checked="Two epochs of two loaders with one seed, and of a third with another seed.",
    hints=(
        "Who draws the order? Give the loader a source of random numbers that belongs to it alone.",
        "`torch.Generator()` makes one, `.manual_seed(seed)` starts it. The loader takes it as an argument.",
        "`DataLoader(dataset, batch_size=batch_size, shuffle=True, generator=torch.Generator().manual_seed(seed))`.",
    ),
    why="The loader's order now depends on its seed alone, whatever else in your notebook draws random numbers.",
    variant="Save `generator.get_state()` after three epochs, and go on from there tomorrow with the same fourth epoch.",
)
def repeatable_loader(answer: Any, n: int, batch_size: int, seed: int) -> Any:
    dataset = TensorDataset(torch.arange(n))
    before = torch.get_rng_state()
    first = answer.repeatable_loader(dataset, batch_size, seed)
    if not isinstance(first, DataLoader):
        return first
    untouched = torch.equal(before, torch.get_rng_state())
    sizes = [len(batch) for (batch,) in first]
    first = answer.repeatable_loader(dataset, batch_size, seed)
    torch.rand(3)  # the rest of a notebook draws numbers too
    epochs = [_order(first), _order(first)]
    second = answer.repeatable_loader(dataset, batch_size, seed)
    torch.rand(5)
    again = [_order(second), _order(second)]
    other = _order(answer.repeatable_loader(dataset, batch_size, seed + 1))
    return {
        "sizes of the batches": sizes,
        "every sample once": sorted(epochs[0]) == list(range(n)),
        "shuffled": epochs[0] != sorted(epochs[0]),
        "the second epoch has another order": epochs[0] != epochs[1],
        "same seed, same order": epochs == again,
        "other seed, other order": other != epochs[0],
        "torch's own random numbers left alone": untouched,
    }


# -- waiting for data, or working ------------------------------------------------------------------------------------------


class _Clock:
    """A clock that stands still unless the loader or the step moves it."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


class _SlowLoader:
    def __init__(self, clock: _Clock, waits: list[float]) -> None:
        self.clock, self.waits = clock, waits

    def __len__(self) -> int:
        return len(self.waits)

    def __iter__(self) -> Iterator[int]:
        for number, wait in enumerate(self.waits):
            self.clock.now += wait
            yield number


def _time_cases(rng: torch.Generator) -> list[Case]:
    def seconds(number: int, low: float) -> list[float]:
        return [round(low + low * float(torch.rand(1, generator=rng)), 3) for _ in range(number)]

    return [
        Case("4 batches, slow data", waits=[2.0 + seconds(1, 1.0)[0], *seconds(3, 0.4)], works=seconds(4, 0.1)),
        Case("5 batches, a slow step", waits=[9.0 + seconds(1, 1.0)[0], *seconds(4, 0.1)], works=seconds(5, 0.3)),
    ]


@exercise(
    cases=_time_cases,
    points=2,
    minutes=12,
    difficulty=3,
    importance=3,
    checked="The seconds spent waiting and working, by a clock of ours, the bottleneck, and the batches that `step` got.",
    hints=(
        "Read the clock twice in each round: when the batch has come, and when the step is done.",
        "Waiting lasts from the end of the last step to the arrival of the next batch. Skip the first batch in both sums.",
        "`ready = clock()` before the loop; inside `got = clock()`, `step(batch)`, `done = clock()`, last `ready = done`.",
    ),
    why="Whichever of the two is larger decides: making the other one faster would gain you little.",
    variant="Return the share of waiting for each batch, and draw it. Which batches are late, if there are workers?",
    returns=("waited", "worked", "bottleneck", "the batches that step got"),
)
def waiting_and_working(answer: Any, waits: list[float], works: list[float]) -> Any:
    clock, worked_on = _Clock(), []

    def step(batch: int) -> None:
        worked_on.append(batch)
        clock.now += works[batch]

    result = answer.waiting_and_working(_SlowLoader(clock, waits), step, clock)
    if not isinstance(result, (tuple, list)) or len(result) != 3:
        return result
    return _number(result[0]), _number(result[1]), result[2], worked_on
