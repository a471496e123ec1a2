"""How the exercises of chapter 01, tensors, are exercised: inputs and probes. Nothing here judges."""

import torch

from autograder.exercise import Case, exercise


def _shares_memory(one, other):
    """Whether two tensors look at the same storage, wherever they begin in it."""
    if not (isinstance(one, torch.Tensor) and isinstance(other, torch.Tensor)):
        return False
    return one.untyped_storage().data_ptr() == other.untyped_storage().data_ptr()


def _kept(value):
    """A tensor as it is now, safe from later changes; anything else as it is."""
    return value.clone() if isinstance(value, torch.Tensor) else value


# -- lecture_tensors ------------------------------------------------------------------------------------------------------------


def _lecture_cases(rng):
    extra = torch.randint(0, 3, (1,), generator=rng).item()
    sizes = {"N": 7 + extra, "D_in": 6, "H": 5, "D_out": 4}
    return [
        Case("float64 on the CPU", **sizes, dtype="float64", device="cpu"),
        Case("float32 on the device 'meta', which keeps shapes and no numbers", **sizes, dtype="float32", device="meta"),
    ]


def _without_its_numbers(tensors):
    """Each tensor with zeros for its numbers, which are drawn freely; a text where they cannot be standard normal draws.

    Such draws have both signs in each tensor, and somewhere among all of them a number beyond 1.2.
    """
    if any(tensor.device.type == "meta" for tensor in tensors):
        return tuple(torch.zeros_like(tensor) for tensor in tensors)  # no numbers to look at
    far = max(tensor.abs().max().item() for tensor in tensors) > 1.2
    return tuple(
        torch.zeros_like(tensor) if far and tensor.min() < 0 < tensor.max() else "numbers that do not spread like those of randn"
        for tensor in tensors
    )


def _without_cuda(make, device):
    """What `make` returns, or raises; a GPU that nobody asked for is the same error on machines with one and without."""
    unasked = f"CUDA was used, though `device` is {device!r}"
    try:
        tensors = make()
    except Exception as error:
        if "CUDA" in str(error) or "NVIDIA" in str(error):
            raise RuntimeError(unasked) from None
        raise
    if isinstance(tensors, (tuple, list)) and any(isinstance(t, torch.Tensor) and t.is_cuda for t in tensors):
        raise RuntimeError(unasked)
    return tensors


@exercise(
    cases=_lecture_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=4,
    checked="Shapes, dtypes, devices and spread of the four tensors.",
    hints=(
        "Read the four calls of `randn` and ask of each tensor: which shape, which dtype, which device?",
        "`torch.randn` takes `dtype=` and `device=`; then nothing needs to be converted afterwards.",
        "`x = torch.randn(N, D_in, dtype=dtype, device=device)`, and the other three in the same way.",
    ),
    why="A tensor made with `dtype=` and `device=` is right from the start: no copy, and the same line runs on every machine.",
    variant="Write it with one dictionary, `like = {'dtype': dtype, 'device': device}`, and `**like`.",
    returns=("x", "y", "w1", "w2"),
)
def lecture_tensors(answer, N, D_in, H, D_out, dtype, device):
    made = _without_cuda(lambda: answer.lecture_tensors(N, D_in, H, D_out, dtype=getattr(torch, dtype), device=device), device)
    if not (isinstance(made, (tuple, list)) and len(made) == 4 and all(isinstance(t, torch.Tensor) for t in made)):
        return made
    return _without_its_numbers(made)


# -- float32_copy ---------------------------------------------------------------------------------------------------------------


def _array_cases(rng):
    return [
        Case("an int64 array", numbers=torch.randint(2, 90, (2, 3), generator=rng)),
        Case("a float32 array", numbers=torch.randn(3, 2, generator=rng) * 3),
    ]


@exercise(
    cases=_array_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=5,
    checked="The tensor, and the tensor again after the array was overwritten with -1.",
    returns=("the tensor", "the tensor after the array was overwritten"),
    hints=(
        "Two questions: which dtype comes out, and does the array still reach into the tensor's memory?",
        "Some conversions copy always, others only if the dtype has to change.",
        "`torch.tensor(array)` always copies; tell it the dtype, too.",
    ),
    why="`torch.tensor` always copies. `from_numpy`, `as_tensor`, `.float()` and `.to(...)` copy only if they must.",
    variant="When is sharing what you want? Read a large array with `numpy.memmap` and hand it to torch without a copy.",
)
def float32_copy(answer, numbers):
    array = numbers.numpy()
    made = answer.float32_copy(array)
    at_once, after_the_call = _kept(made), array.copy()
    array[...] = -1
    later = _kept(made)
    array[...] = after_the_call
    return at_once, later


# -- storage_index --------------------------------------------------------------------------------------------------------------

_LOOKS = {
    "the matrix itself": lambda x: x,
    "its transpose": lambda x: x.t(),
    "every second column, without the first row": lambda x: x[1:, ::2],
}


def _storage_cases(rng):
    def one_of(*pairs):
        i, j = pairs[torch.randint(0, len(pairs), (1,), generator=rng).item()]
        return {"i": i, "j": j}

    return [
        Case(
            "a contiguous 3x4 matrix",
            x=torch.randn(3, 4, generator=rng),
            look="the matrix itself",
            **one_of((1, 2), (2, 1), (2, 3)),
        ),
        Case(
            "the transpose of a 3x4 matrix",
            x=torch.randn(3, 4, generator=rng),
            look="its transpose",
            **one_of((2, 1), (3, 1), (1, 2)),
        ),
        Case(
            "the slice `x[1:, ::2]` of a 4x6 matrix",
            x=torch.randn(4, 6, generator=rng),
            look="every second column, without the first row",
            **one_of((1, 2), (2, 1)),
        ),
    ]


@exercise(
    cases=_storage_cases,
    points=2,
    minutes=10,
    difficulty=3,
    importance=3,
    checked="The position in storage of one element.",
    hints=(
        "Three things are needed: where the view begins, the step for a row, the step for a column.",
        "`x.storage_offset()` says where, `x.stride()` says both steps, counted in elements.",
        "Begin at the offset, then go `i` row steps and `j` column steps.",
    ),
    why="Offset and strides are all that a view is. Transposing swaps two strides; slicing moves the offset. No number moves.",
    variant="Do it for any number of dimensions. Then find the strides for which all rows of a matrix are the same row.",
)
def storage_index(answer, x, look, i, j):
    return answer.storage_index(_LOOKS[look](x), i, j)


# -- channels_first -------------------------------------------------------------------------------------------------------------


def _image_cases(rng):
    return [
        Case("2 images of 4x2 pixels in 3 colours", images=torch.randn(2, 4, 2, 3, generator=rng)),
        Case("1 image of 3x3 pixels in 3 colours", images=torch.randn(1, 3, 3, 3, generator=rng)),
    ]


@exercise(
    cases=_image_cases,
    points=2,
    minutes=6,
    difficulty=2,
    importance=5,
    checked="The rearranged images, and whether they share memory with the given ones.",
    returns=("the images", "shares memory"),
    hints=(
        "The dimensions get another order; the numbers stay where they are.",
        "`view` and `reshape` keep the order of the numbers and cut it in other places. `permute` reorders dimensions.",
        "`permute` takes, for each new dimension, the number of the old one: the new second dimension is the old dimension 3.",
    ),
    why="`permute` only reorders shape and strides; the pixels stay where they are.",
    variant="Bring the result back with one call. Then print its strides: which dimension has stride 1?",
)
def channels_first(answer, images):
    turned = answer.channels_first(images)
    return turned, _shares_memory(turned, images)


# -- two_updates ----------------------------------------------------------------------------------------------------------------


def _update_cases(rng):
    return [
        Case("a 2x3 weight, lr 0.1", w=torch.randn(2, 3, generator=rng), grad=torch.randn(2, 3, generator=rng), lr=0.1),
        Case("a 3x3 weight, lr 0.3", w=torch.randn(3, 3, generator=rng), grad=torch.randn(3, 3, generator=rng), lr=0.3),
    ]


@exercise(
    cases=_update_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=5,
    checked="What `updated` returns, and what each function does to `w`, to a view of `w` and to `grad`.",
    hints=(
        "Ask of every line: does it make a new tensor, or does it write into one that somebody else holds?",
        "`w - step` makes a new tensor. `w -= step` and `w.sub_(step)` write into the old one. `w = value` only moves a name.",
        "One function needs a line with `-`, the other the same line with `-=`.",
    ),
    why="`w = w - s` makes a tensor, `w -= s` writes into one. Who holds `w` or a view of it sees only the second.",
    variant="Print `w._version` before and after. Then call `update_` on `w.expand(3, 2, 3)`: why is the error right?",
    asks=("updated", "update_"),
    returns=("what `updated` returns", "w after `update_`, in a view of it"),
)
def two_updates(answer, w, grad, lr):
    held = w.clone()
    seen_by_others = held.view(-1)
    returned = _kept(answer.updated(w, grad, lr))
    answer.update_(held, grad, lr)
    return returned, seen_by_others


# -- row_shares -----------------------------------------------------------------------------------------------------------------


def _share_cases(rng):
    return [
        Case("a 2x3 matrix", x=torch.rand(2, 3, generator=rng) * 5 + torch.tensor([[0.5], [3.0]])),
        Case("a 3x3 matrix", x=torch.rand(3, 3, generator=rng) * 5 + torch.tensor([[0.5], [3.0], [8.0]])),
    ]


@exercise(
    cases=_share_cases,
    points=2,
    minutes=6,
    difficulty=2,
    importance=5,
    checked="Each number's share of its row.",
    hints=(
        "Write down the shape of `x` and below it that of the row sums, aligned on the right. What meets what?",
        "A reduction drops its dimension; with `keepdim=True` it leaves a dimension of size 1 in its place.",
        "Divide by sums of shape `(N, 1)`.",
    ),
    why="Sums of shape `(N, 1)` line up with the rows, of shape `(N,)` with the columns. On a square nothing complains.",
    variant="Write softmax over rows the same way, then make it survive rows with numbers around 1000.",
)
def row_shares(answer, x):
    return answer.row_shares(x)


# -- accuracy -------------------------------------------------------------------------------------------------------------------


def _votes(rng, predicted, targets):
    """Scores of shape (N, 1) whose signs are `predicted`, some of them small, beside `targets`, in one random order."""
    predicted, targets = torch.tensor(predicted), torch.tensor(targets, dtype=torch.float32)
    size = torch.rand(len(predicted), generator=rng)
    # Each second score is between 0.1 and 0.4 from 0, the others between 0.8 and 2.
    size = torch.where(torch.arange(len(predicted)) % 2 == 0, 0.1 + 0.3 * size, 0.8 + 1.2 * size)
    scores = torch.where(predicted == 1, size, -size)
    order = torch.randperm(len(predicted), generator=rng)
    return {"scores": scores[order].reshape(-1, 1), "targets": targets[order]}


def _vote_cases(rng):
    return [
        Case("6 samples, all predicted right", **_votes(rng, [1, 1, 1, 1, 0, 0], [1, 1, 1, 1, 0, 0])),
        Case("5 samples, 1 predicted wrong", **_votes(rng, [1, 1, 0, 0, 0], [1, 1, 1, 0, 0])),
    ]


@exercise(
    cases=_vote_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=5,
    checked="The share of right predictions, for scores of shape (N, 1) and targets of shape (N,).",
    hints=(
        "Print the shape of each step before you take the mean. How many comparisons do you want?",
        "`(N, 1)` beside `(N,)` broadcasts to `(N, N)`: make the two shapes equal first.",
        "`scores.squeeze(1) > 0` has shape `(N,)`. To take a mean, turn bools into floats.",
    ),
    why="With equal shapes, N answers meet N targets. `(N, 1)` against `(N,)` compares everybody with everybody, in silence.",
    variant="Add `assert predicted.shape == targets.shape`. Then do it for scores of shape (N, C) with `argmax(dim=1)`.",
)
def accuracy(answer, scores, targets):
    return answer.accuracy(scores, targets)


# -- one_hot --------------------------------------------------------------------------------------------------------------------


def _label_cases(rng):
    def labels(*values):
        given = torch.tensor(values)
        return given[torch.randperm(len(given), generator=rng)]

    return [
        Case("4 labels of 4 classes, the last of which does not occur", labels=labels(0, 1, 2, 2), classes=4),
        Case("6 labels of 3 classes", labels=labels(0, 0, 1, 1, 2, 2), classes=3),
    ]


@exercise(
    cases=_label_cases,
    points=1,
    minutes=6,
    difficulty=2,
    importance=3,
    checked="The one-hot matrix.",
    hints=(
        "Each element answers one question: is the label of this row the number of this column?",
        "Compare labels of shape `(N, 1)` with the class numbers `torch.arange(classes)`, of shape `(classes,)`.",
        "A comparison gives bools; `.float()` makes 0.0 and 1.0 of them.",
    ),
    why="Here `(N, 1)` against `(C,)` is what you want: every label meets every class.",
    variant="Use it to count each class with one sum, and to pick `scores[n, labels[n]]` with one product and one sum.",
)
def one_hot(answer, labels, classes):
    return answer.one_hot(labels, classes)


# -- pairwise_distances ---------------------------------------------------------------------------------------------------------


def _point_cases(rng):
    def points(*shape):
        return torch.randn(*shape, generator=rng)

    return [
        Case("3 points and 4 points in the plane", a=points(3, 2), b=points(4, 2) + 2),
        Case("3 points and 3 points in space", a=points(3, 3), b=points(3, 3) + 2),
    ]


@exercise(
    cases=_point_cases,
    points=2,
    minutes=10,
    difficulty=3,
    importance=4,
    checked="All distances between two sets of points.",
    hints=(
        "You need every point of `a` beside every point of `b`: a tensor of shape `(N, M, D)`. Which two shapes broadcast to it?",
        "`a[:, None, :]` has shape `(N, 1, D)` and `b[None, :, :]` has shape `(1, M, D)`.",
        "Take the difference, square it, sum over the last dimension, take the root.",
    ),
    why="Two dimensions of size 1 turn two loops into one subtraction. The price is memory: N·M·D numbers exist at once.",
    variant="Use `(a - b)² = a² + b² - 2ab` to do it without the (N, M, D) tensor. What goes wrong for two nearly equal points?",
)
def pairwise_distances(answer, a, b):
    return answer.pairwise_distances(a, b)
