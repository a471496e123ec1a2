"""The known wrong answers of chapter 01, tensors, each with its own hint, and other right answers."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

WRONG: dict[str, list[WrongAnswer]] = {}
RIGHT: dict[str, list[RightAnswer]] = {}

# -- lecture_tensors ------------------------------------------------------------------------------------------------------------

WRONG["lecture_tensors"] = [
    WrongAnswer(
        "typing_error_kept",
        "You kept the lecture's typing error: torch has nothing called FloatTeonsor.",
        "You need no tensor type at all: hand the `dtype` that comes in on to `torch.randn`.",
        """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    dtype = torch.FloatTeonsor
    x = torch.randn(N, D_in).type(dtype)
    y = torch.randn(N, D_out).type(dtype)
    w1 = torch.randn(D_in, H).type(dtype)
    w2 = torch.randn(H, D_out).type(dtype)
    return x, y, w1, w2
""",
    ),
    WrongAnswer(
        "asks_for_cuda",
        "You ask for a GPU whatever the caller asks for; machines without one stop here.",
        "Leave the choice to the caller: `device` already says where the numbers shall be.",
        """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    dtype = torch.cuda.FloatTensor
    x = torch.randn(N, D_in).type(dtype)
    y = torch.randn(N, D_out).type(dtype)
    w1 = torch.randn(D_in, H).type(dtype)
    w2 = torch.randn(H, D_out).type(dtype)
    return x, y, w1, w2
""",
        also=(
            """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    sizes = [(N, D_in), (N, D_out), (D_in, H), (H, D_out)]
    return tuple(torch.randn(size, dtype=dtype).cuda() for size in sizes)
""",
            """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    sizes = [(N, D_in), (N, D_out), (D_in, H), (H, D_out)]
    return tuple(torch.randn(size, dtype=dtype, device="cuda") for size in sizes)
""",
        ),
    ),
    WrongAnswer(
        "conversion_not_kept",
        "You never get the dtype and the device into the tensors: they stay float32 on the CPU.",
        "`x.to(...)` and `x.type(...)` return a new tensor and leave `x` as it is. Keep what they return, or tell `randn` at once.",
        """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    tensors = torch.randn(N, D_in), torch.randn(N, D_out), torch.randn(D_in, H), torch.randn(H, D_out)
    for tensor in tensors:
        tensor.to(device=device, dtype=dtype)
    return tensors
""",
        also=(
            """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    return torch.randn(N, D_in), torch.randn(N, D_out), torch.randn(D_in, H), torch.randn(H, D_out)
""",
        ),
    ),
    WrongAnswer(
        "dtype_ignored",
        "You put the tensors on the right device, but their numbers are float32 whatever `dtype` says.",
        "Hand `dtype` on in each of the four calls.",
        """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    sizes = [(N, D_in), (N, D_out), (D_in, H), (H, D_out)]
    return tuple(torch.randn(size, device=device) for size in sizes)
""",
    ),
    WrongAnswer(
        "device_ignored",
        "You follow `dtype`, but all tensors are made on the CPU whatever `device` says.",
        "Hand `device` on in each of the four calls.",
        """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    x = torch.randn(N, D_in, dtype=dtype)
    y = torch.randn(N, D_out, dtype=dtype)
    w1 = torch.randn(D_in, H, dtype=dtype)
    w2 = torch.randn(H, D_out, dtype=dtype)
    return x, y, w1, w2
""",
        also=(
            """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    return [torch.randn(*size).type(dtype) for size in [(N, D_in), (N, D_out), (D_in, H), (H, D_out)]]
""",
        ),
    ),
    WrongAnswer(
        "weights_turned_around",
        "You gave the weights the shapes of their transposes.",
        "`x` times `w1` must be possible: (N, D_in) times (D_in, H). Put the inputs first, the outputs second.",
        (
            Swap("torch.randn(D_in, H, dtype", "torch.randn(H, D_in, dtype"),
            Swap("torch.randn(H, D_out, dtype", "torch.randn(D_out, H, dtype"),
        ),
    ),
    WrongAnswer(
        "drawn_with_rand",
        "You draw with `rand`: numbers between 0 and 1, none of them negative.",
        "The standard normal distribution has a function with one letter more.",
        """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    x = torch.rand(N, D_in, dtype=dtype, device=device)
    y = torch.rand(N, D_out, dtype=dtype, device=device)
    w1 = torch.rand(D_in, H, dtype=dtype, device=device)
    w2 = torch.rand(H, D_out, dtype=dtype, device=device)
    return x, y, w1, w2
""",
        also=(
            """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    like = {"dtype": dtype, "device": device}
    return torch.zeros(N, D_in, **like), torch.zeros(N, D_out, **like), torch.zeros(D_in, H, **like), torch.zeros(H, D_out, **like)
""",
        ),
    ),
]

RIGHT["lecture_tensors"] = [
    RightAnswer(
        "converted_afterwards",
        """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    def draw(*size):
        return torch.randn(*size).to(device=device, dtype=dtype)

    return draw(N, D_in), draw(N, D_out), draw(D_in, H), draw(H, D_out)
""",
    ),
    RightAnswer(
        "filled_in_place_as_a_list",
        """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    like = dict(dtype=dtype, device=device)
    w2, w1 = torch.empty(H, D_out, **like).normal_(), torch.empty(D_in, H, **like).normal_()
    y, x = torch.empty(N, D_out, **like).normal_(), torch.empty(N, D_in, **like).normal_()
    return (x, y, w1, w2)
""",
    ),
    RightAnswer(
        "under_a_device_context",
        """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    with torch.device(device):
        return tuple(torch.randn(size, dtype=dtype) for size in ((N, D_in), (N, D_out), (D_in, H), (H, D_out)))
""",
    ),
    RightAnswer(
        "type_then_to",
        """
def lecture_tensors(N, D_in, H, D_out, dtype=torch.float32, device="cpu"):
    x = torch.normal(0.0, 1.0, (N, D_in)).type(dtype).to(device)
    y = torch.normal(0.0, 1.0, (N, D_out)).type(dtype).to(device)
    w1 = torch.normal(0.0, 1.0, (D_in, H)).type(dtype).to(device)
    w2 = torch.normal(0.0, 1.0, (H, D_out)).type(dtype).to(device)
    return x, y, w1, w2
""",
    ),
]

# -- float32_copy ---------------------------------------------------------------------------------------------------------------

SHARES = "return torch.tensor(array, dtype=torch.float32)"

WRONG["float32_copy"] = [
    WrongAnswer(
        "shares_if_already_float32",
        "You convert with a call that copies only if the dtype has to change. A float32 array still shares its memory with your tensor.",
        "Look for a call that copies in any case, or add a copy.",
        Swap(SHARES, "return torch.from_numpy(array).float()"),
        also=(
            Swap(SHARES, "return torch.as_tensor(array, dtype=torch.float32)"),
            Swap(SHARES, "return torch.from_numpy(array).type(torch.FloatTensor)"),
            Swap(SHARES, "return torch.from_numpy(array).to(torch.float32)"),
            Swap(SHARES, "return torch.from_numpy(array.astype(np.float32, copy=False))"),
            Swap(SHARES, "return torch.Tensor(array)"),
        ),
    ),
    WrongAnswer(
        "neither_copied_nor_converted",
        "You hand on the array's own memory in the array's own dtype.",
        "`from_numpy` shares memory and keeps the dtype. You need a copy, and you need float32.",
        Swap(SHARES, "return torch.from_numpy(array)"),
        also=(Swap(SHARES, "return torch.as_tensor(array)"),),
    ),
    WrongAnswer(
        "dtype_of_the_array_kept",
        "You made a copy, but it has the array's dtype.",
        "NumPy's numbers are float64 or int64 as a rule. Say which dtype you want.",
        Swap(SHARES, "return torch.tensor(array)"),
        also=(Swap(SHARES, "return torch.from_numpy(array).clone()"), Swap(SHARES, "return torch.from_numpy(array.copy())")),
    ),
    WrongAnswer(
        "converted_to_float64",
        "You made a copy in float64, twice as wide as asked for.",
        "The name of the dtype you want is `torch.float32`.",
        Swap(SHARES, "return torch.tensor(array, dtype=torch.float64)"),
        also=(Swap(SHARES, "return torch.tensor(array).double()"),),
    ),
    WrongAnswer(
        "rounded_to_whole_numbers",
        "You made whole numbers of the measurements on the way; what stood behind the point is lost.",
        "Convert once, directly to float32.",
        Swap(SHARES, "return torch.tensor(array).int().float()"),
        also=(Swap(SHARES, "return torch.tensor(array.astype(int), dtype=torch.float32)"),),
    ),
]

RIGHT["float32_copy"] = [
    RightAnswer("converted_by_numpy", Swap(SHARES, "return torch.from_numpy(array.astype(np.float32))")),
    RightAnswer("copied_by_numpy", Swap(SHARES, "return torch.from_numpy(array.copy()).float()")),
    RightAnswer("tensor_then_float", Swap(SHARES, "return torch.tensor(array).float()")),
    RightAnswer("float_then_clone", Swap(SHARES, "return torch.from_numpy(array).float().clone()")),
    RightAnswer("to_with_copy", Swap(SHARES, "return torch.from_numpy(array).to(torch.float32, copy=True)")),
    RightAnswer("asarray_with_copy", Swap(SHARES, "return torch.asarray(array, dtype=torch.float32, copy=True)")),
    RightAnswer(
        "filled_by_copy_",
        """
def float32_copy(array):
    result = torch.empty(array.shape, dtype=torch.float32)
    result.copy_(torch.from_numpy(array))
    return result
""",
    ),
    RightAnswer("through_lists", Swap(SHARES, "return torch.tensor(array.tolist(), dtype=torch.float32)")),
]

# -- storage_index --------------------------------------------------------------------------------------------------------------

INDEX = """    row_step, column_step = x.stride()
    return x.storage_offset() + i * row_step + j * column_step
"""

WRONG["storage_index"] = [
    WrongAnswer(
        "strides_ignored",
        "You counted as in a contiguous matrix: rows of `x.shape[1]` numbers, one after the other.",
        "In a transpose the next row is one place away. Use the steps that `x.stride()` reports.",
        Swap(INDEX, "    return i * x.shape[1] + j\n"),
        also=(
            Swap(INDEX, "    x = x.contiguous()\n    return x.storage_offset() + i * x.stride(0) + j * x.stride(1)\n"),
            Swap(INDEX, "    return x.reshape(-1).tolist().index(x[i, j].item())\n"),
        ),
    ),
    WrongAnswer(
        "offset_forgotten",
        "You used the strides, but counted from the view's first element, not from the beginning of the storage.",
        "A slice begins somewhere inside the storage; `x.storage_offset()` says where.",
        Swap("x.storage_offset() + i", "i"),
        also=(Swap(INDEX, "    return (x[i, j].data_ptr() - x.data_ptr()) // x.element_size()\n"),),
    ),
    WrongAnswer(
        "strides_swapped",
        "You multiplied the row number by the column's step and the column number by the row's step.",
        "`x.stride()` lists the steps in the order of the dimensions: rows first.",
        Swap("row_step, column_step = x.stride()", "column_step, row_step = x.stride()"),
    ),
    WrongAnswer(
        "counted_in_bytes",
        "You counted bytes.",
        "Count elements: divide by `x.element_size()`, or leave the bytes out from the start.",
        Swap(
            "return x.storage_offset() + i * row_step + j * column_step",
            "return (x.storage_offset() + i * row_step + j * column_step) * x.element_size()",
        ),
        also=(Swap(INDEX, "    return x[i, j].data_ptr() - x.untyped_storage().data_ptr()\n"),),
    ),
    WrongAnswer(
        "the_element_itself",
        "You return the number that stands there, not the place where it stands.",
        "The place is a whole number made of the offset, the strides, `i` and `j`; the numbers in the matrix play no part.",
        Swap(INDEX, "    return x[i, j]\n"),
        also=(Swap(INDEX, "    return x[i][j].item()\n"),),
    ),
]

RIGHT["storage_index"] = [
    RightAnswer("asked_the_element", Swap(INDEX, "    return x[i, j].storage_offset()\n")),
    RightAnswer(
        "from_addresses", Swap(INDEX, "    return (x[i, j].data_ptr() - x.untyped_storage().data_ptr()) // x.element_size()\n")
    ),
    RightAnswer(
        "by_a_sum", Swap(INDEX, "    return x.storage_offset() + sum(k * s for k, s in zip((i, j), x.stride(), strict=True))\n")
    ),
    RightAnswer(
        "looked_up",
        """
def storage_index(x, i, j):
    places = torch.arange(x.untyped_storage().nbytes() // x.element_size())
    return places.as_strided(x.shape, x.stride(), x.storage_offset())[i, j]
""",
    ),
    RightAnswer(
        "by_a_dot_product",
        Swap(INDEX, "    return x.storage_offset() + int(torch.tensor([i, j]) @ torch.tensor(x.stride()))\n"),
    ),
]

# -- channels_first -------------------------------------------------------------------------------------------------------------

TURN = "return images.permute(0, 3, 1, 2)"

WRONG["channels_first"] = [
    WrongAnswer(
        "view_instead_of_permute",
        "You cut the same row of numbers in other places. The shape is right, but colours and pixels are mixed up.",
        "`view` and `reshape` never reorder. You need the same numbers read with their dimensions in another order.",
        Swap(TURN, "N, height, width, channels = images.shape\n    return images.view(N, channels, height, width)"),
        also=(Swap(TURN, "N, height, width, channels = images.shape\n    return images.reshape(N, channels, height, width)"),),
    ),
    WrongAnswer(
        "height_and_width_swapped",
        "You swapped channels and height, which puts the width before the height: every picture is mirrored at its diagonal.",
        "A swap of two dimensions is not enough: height and width both move one place to the right. Put all four into their new order.",
        Swap(TURN, "return images.transpose(1, 3)"),
        also=(Swap(TURN, "return images.permute(0, 3, 2, 1)"),),
    ),
    WrongAnswer(
        "copied",
        "You have the right numbers in the right place, but you copied them.",
        "Leave out `contiguous`, `clone`, `stack` and the like: the reordered view is the answer.",
        Swap(TURN, "return images.permute(0, 3, 1, 2).contiguous()"),
        also=(
            Swap(TURN, "return images.permute(0, 3, 1, 2).clone()"),
            Swap(TURN, "return torch.stack(images.unbind(dim=3), dim=1)"),
            Swap(TURN, "return torch.stack([images[..., c] for c in range(images.shape[3])], dim=1)"),
        ),
    ),
    WrongAnswer(
        "other_direction",
        "You gave the order of the way back, from channels first to channels last.",
        "`permute` asks, for each new dimension, which old one it is. The new dimension 1 is the old dimension 3.",
        Swap("permute(0, 3, 1, 2)", "permute(0, 2, 3, 1)"),
    ),
    WrongAnswer(
        "result_not_kept",
        "You return the images as they came.",
        "`permute` returns a new view and leaves `images` as it is. Return what it returns.",
        Swap(TURN, "images.permute(0, 3, 1, 2)\n    return images"),
    ),
]

RIGHT["channels_first"] = [
    RightAnswer("moved_one_dimension", Swap(TURN, "return torch.movedim(images, -1, 1)")),
    RightAnswer("two_swaps", Swap(TURN, "return images.transpose(2, 3).transpose(1, 2)")),
    RightAnswer("two_swaps_from_the_front", Swap(TURN, "return images.swapaxes(1, 3).swapaxes(2, 3)")),
    RightAnswer("by_numpy", Swap(TURN, "return torch.from_numpy(images.numpy().transpose(0, 3, 1, 2))")),
    RightAnswer("by_einsum", Swap(TURN, 'return torch.einsum("nhwc->nchw", images)')),
    RightAnswer(
        "by_strides",
        """
def channels_first(images):
    n, h, w, c = images.shape
    sn, sh, sw, sc = images.stride()
    return images.as_strided((n, c, h, w), (sn, sc, sh, sw), images.storage_offset())
""",
    ),
]

# -- two_updates ----------------------------------------------------------------------------------------------------------------

WRONG["two_updates"] = [
    WrongAnswer(
        "updated_changes_w",
        "Your `updated` writes into the caller's `w`.",
        "`-=` on `w`, or on a second name for it, changes the one tensor. Make a new tensor with `-`, or clone first.",
        Swap("return w - lr * grad", "w -= lr * grad\n    return w"),
        also=(
            Swap("return w - lr * grad", "new = w\n    new -= lr * grad\n    return new"),
            Swap("return w - lr * grad", "return w.sub_(lr * grad)"),
            Swap("return w - lr * grad", "new = w.view(w.shape)\n    new.sub_(grad, alpha=lr)\n    return new"),
            Swap("return w - lr * grad", "new = w.detach()\n    new -= lr * grad\n    return new"),
        ),
    ),
    WrongAnswer(
        "update_leaves_the_memory",
        "Your `update_` writes nothing into the memory of `w`: the caller, or a view of `w`, still sees the old numbers.",
        "`w = ...` and `w.data = ...` put a new tensor beside the old one. Write into the old one: `-=`, `sub_`, or an index.",
        Swap("    w -= lr * grad", "    w = w - lr * grad"),
        also=(
            Swap("    w -= lr * grad", "    return w - lr * grad"),
            Swap("    w -= lr * grad", "    w = w.clone()\n    w -= lr * grad"),
            Swap("    w -= lr * grad", "    w.sub(lr * grad)"),
            Swap("    w -= lr * grad", "    w = updated(w, grad, lr)\n    return w"),
            Swap("    w -= lr * grad", "    w.data = w - lr * grad"),
            Swap("    w -= lr * grad", "    w.set_(w - lr * grad)"),
        ),
    ),
    WrongAnswer(
        "grad_changed",
        "You changed `grad` in place to save a tensor.",
        "Whoever gave you `grad` may need it again. Write `lr * grad`, which makes a new tensor.",
        Swap("    w -= lr * grad", "    grad *= lr\n    w -= grad"),
        also=(Swap("    w -= lr * grad", "    w.sub_(grad.mul_(lr))"),),
    ),
    WrongAnswer(
        "grad_changed_by_updated",
        "Your `updated` changes `grad` in place, so the next function gets a gradient that is too small.",
        "Write `lr * grad`, which makes a new tensor, in place of `grad *= lr`.",
        Swap("    return w - lr * grad", "    grad *= lr\n    return w - grad"),
        also=(Swap("    return w - lr * grad", "    return w - grad.mul_(lr)"),),
    ),
    WrongAnswer(
        "uphill",
        "You added the step: both functions go uphill.",
        "Gradient descent goes against the gradient: subtract.",
        (Swap("return w - lr * grad", "return w + lr * grad"), Swap("    w -= lr * grad", "    w += lr * grad")),
    ),
]

RIGHT["two_updates"] = [
    RightAnswer(
        "clone_and_sub_",
        """
def update_(w, grad, lr):
    return w.sub_(lr * grad)


def updated(w, grad, lr):
    return update_(w.clone(), grad, lr)
""",
    ),
    RightAnswer(
        "copied_over",
        """
def updated(w, grad, lr):
    return torch.sub(w, grad, alpha=lr)


def update_(w, grad, lr):
    w.copy_(updated(w, grad, lr))
""",
    ),
    RightAnswer(
        "assigned_to_all_indices",
        """
def updated(weights, gradient, learning_rate):
    result = weights.clone()
    result -= learning_rate * gradient
    return result


def update_(weights, gradient, learning_rate):
    weights[...] = weights - learning_rate * gradient
    return weights
""",
    ),
    RightAnswer(
        "element_by_element",
        """
def updated(w, grad, lr):
    return torch.stack([row - lr * slope for row, slope in zip(w, grad)])


def update_(w, grad, lr):
    for i in range(len(w)):
        w[i] -= lr * grad[i]
""",
    ),
    RightAnswer(
        "through_data_and_out",
        """
def updated(w, grad, lr):
    return torch.add(w, grad, alpha=-lr)


def update_(w, grad, lr):
    w.data.add_(grad, alpha=-lr)
""",
    ),
]

# -- row_shares -----------------------------------------------------------------------------------------------------------------

SHARE = "return x / x.sum(dim=1, keepdim=True)"

WRONG["row_shares"] = [
    WrongAnswer(
        "keepdim_forgotten",
        "Your row sums have shape (N,), which lines up with the columns.",
        "Keep the summed dimension with size 1, so that the sums have shape (N, 1).",
        Swap(", keepdim=True", ""),
        also=(Swap(SHARE, "return torch.div(x, x.sum(-1))"), Swap(SHARE, "return x / x.sum(dim=1)[None, :]")),
    ),
    WrongAnswer(
        "columns_instead_of_rows",
        "You divided by the sums of the columns: your columns sum to 1, your rows do not.",
        "The dimension you name in `sum` is the one that goes away. To sum along a row, let the columns' dimension go.",
        Swap("dim=1", "dim=0"),
        also=(Swap(SHARE, "return x / x.sum(dim=0)"),),
    ),
    WrongAnswer(
        "sum_of_everything",
        "You divided by the sum of the whole matrix.",
        "Say along which dimension to sum: one sum for each row.",
        Swap("x.sum(dim=1, keepdim=True)", "x.sum()"),
    ),
    WrongAnswer(
        "mean_instead_of_sum",
        "You divided by the mean of the row: each row sums to the number of columns.",
        "Divide by the sum.",
        Swap("x.sum(", "x.mean("),
    ),
    WrongAnswer(
        "x_changed_in_place",
        "Your shares are right, but you wrote them into the caller's `x`.",
        "`x /= ...` writes into `x`; `x / ...` makes a new tensor.",
        Swap(SHARE, "x /= x.sum(dim=1, keepdim=True)\n    return x"),
        also=(Swap(SHARE, "return x.div_(x.sum(dim=1, keepdim=True))"),),
    ),
    WrongAnswer(
        "softmax",
        "You used softmax, which takes exponentials first. Your rows sum to 1, but they are no shares of the given numbers.",
        "Divide the numbers themselves by their row's sum.",
        Swap(SHARE, "return torch.softmax(x, dim=1)"),
        also=(Swap(SHARE, "return x.exp() / x.exp().sum(dim=1, keepdim=True)"),),
    ),
]

RIGHT["row_shares"] = [
    RightAnswer("none_in_the_index", Swap(SHARE, "return x / x.sum(1)[:, None]")),
    RightAnswer("double_transpose", Swap(SHARE, "return (x.t() / x.sum(dim=1)).t()")),
    RightAnswer("normalize_with_p_1", Swap(SHARE, "return torch.nn.functional.normalize(x, p=1, dim=1)")),
    RightAnswer(
        "row_by_row",
        """
def row_shares(x):
    rows = []
    for row in x:
        rows.append(row / row.sum())
    return torch.stack(rows)
""",
    ),
    RightAnswer("matrix_product", Swap(SHARE, "return x / (x @ torch.ones(x.shape[1], 1, dtype=x.dtype))")),
    RightAnswer("clone_first", Swap(SHARE, "y = x.clone()\n    y /= torch.einsum('nm->n', y).unsqueeze(1)\n    return y")),
    RightAnswer("softmax_of_logarithms", Swap(SHARE, "return x.log().softmax(dim=1)")),
]

# -- accuracy -------------------------------------------------------------------------------------------------------------------

WRONG["accuracy"] = [
    WrongAnswer(
        "everybody_with_everybody",
        "You compared (N, 1) with (N,): every prediction with every target, N·N comparisons in place of N.",
        "Make the shapes equal before you compare: drop the 1, or add one to the targets.",
        Swap("scores.squeeze(1)", "scores"),
        also=(
            """
def accuracy(scores, targets):
    return ((scores > 0) == targets.bool()).float().mean()
""",
            """
def accuracy(scores, targets):
    hits = (scores > 0).float().eq(targets)
    return hits.sum().item() / hits.numel()
""",
        ),
    ),
    WrongAnswer(
        "too_many_hits_counted",
        "You compared (N, 1) with (N,) and divided the N·N comparisons' hits by N: more than everybody can be right.",
        "An accuracy above 1 is a sign of a broadcast. Make the shapes equal before you compare.",
        """
def accuracy(scores, targets):
    predicted = (scores > 0).float()
    return (predicted == targets).sum().item() / len(targets)
""",
    ),
    WrongAnswer(
        "mean_of_bools",
        "You took the mean of a tensor of bools, for which torch knows no mean.",
        "Turn the hits into floats first; then True counts 1 and False counts 0.",
        Swap("(predicted == targets).float().mean()", "(predicted == targets).mean()"),
        also=(Swap("(predicted == targets).float().mean()", "torch.mean(predicted == targets)"),),
    ),
    WrongAnswer(
        "count_instead_of_share",
        "You counted the right predictions, but did not divide by the number of samples.",
        "Take the mean in place of the sum.",
        Swap("float().mean()", "float().sum()"),
    ),
    WrongAnswer(
        "threshold_of_a_probability",
        "You compared the scores with 0.5, as if they were probabilities.",
        "Scores may be any number; here the border between the classes is 0.",
        Swap("squeeze(1) > 0)", "squeeze(1) > 0.5)"),
        also=(Swap("scores.squeeze(1) > 0)", "scores.squeeze(1).round() > 0)"),),
    ),
    WrongAnswer(
        "error_rate",
        "You return the share of wrong predictions.",
        "Count where prediction and target are equal.",
        Swap("predicted == targets", "predicted != targets"),
        also=(Swap("squeeze(1) > 0)", "squeeze(1) < 0)"), Swap("return (predicted", "return 1 - (predicted")),
    ),
    WrongAnswer(
        "argmax_of_one_column",
        "You took the argmax over a single column, which is always 0: every sample is predicted to be of class 0.",
        "With one score a sample there is nothing to choose the largest of; look at the score's sign.",
        Swap("(scores.squeeze(1) > 0).float()", "scores.argmax(dim=1)"),
    ),
]

RIGHT["accuracy"] = [
    RightAnswer(
        "targets_get_a_column",
        Swap(
            "    predicted = (scores.squeeze(1) > 0).float()\n    return (predicted == targets)",
            "    return ((scores > 0) == (targets[:, None] > 0.5))",
        ),
    ),
    RightAnswer(
        "counted_in_python",
        """
def accuracy(scores, targets):
    right = 0
    for score, target in zip(scores.flatten().tolist(), targets.tolist()):
        right += int((score > 0) == (target == 1))
    return right / len(targets)
""",
    ),
    RightAnswer(
        "by_sigmoid_and_counting",
        """
def accuracy(scores, targets):
    labels = torch.sigmoid(scores[:, 0]).gt(0.5).to(targets.dtype)
    return labels.eq(targets).sum() / targets.numel()
""",
    ),
    RightAnswer(
        "one_minus_the_mean_gap",
        """
def accuracy(scores, targets):
    return 1 - ((scores.view(-1) > 0).double() - targets).abs().mean()
""",
    ),
    RightAnswer(
        "heaviside_and_count_nonzero",
        """
def accuracy(scores, targets):
    predicted = torch.where(scores > 0, 1, 0).reshape(targets.shape)
    return torch.count_nonzero(predicted == targets).item() / targets.shape[0]
""",
    ),
]

# -- one_hot --------------------------------------------------------------------------------------------------------------------

HOT = "return (labels[:, None] == torch.arange(classes)).float()"

WRONG["one_hot"] = [
    WrongAnswer(
        "classes_taken_from_the_labels",
        "You made as many columns as the largest label asks for; a class that does not occur is lost.",
        "The number of columns is `classes`, whatever the labels are.",
        Swap("torch.arange(classes)", "torch.arange(labels.max() + 1)"),
        also=(
            Swap(HOT, "return torch.nn.functional.one_hot(labels).float()"),
            Swap(HOT, "return torch.eye(int(labels.max()) + 1)[labels]"),
        ),
    ),
    WrongAnswer(
        "transposed",
        "You put the classes into the rows and the samples into the columns.",
        "Let the labels vary along dimension 0 and the classes along dimension 1.",
        Swap("labels[:, None] == torch.arange(classes)", "labels == torch.arange(classes)[:, None]"),
        also=(Swap(HOT, "return torch.eye(classes)[:, labels]"),),
    ),
    WrongAnswer(
        "bools",
        "You return True and False.",
        "Turn them into 1.0 and 0.0 with `.float()`.",
        Swap(").float()", ")"),
    ),
    WrongAnswer(
        "whole_numbers",
        "You return whole numbers; one-hot rows are multiplied with float32 weights later, and those refuse int64.",
        "Convert to float32.",
        Swap(".float()", ".long()"),
        also=(
            Swap(HOT, "return torch.nn.functional.one_hot(labels, classes)"),
            Swap(
                HOT,
                "out = torch.zeros(len(labels), classes, dtype=torch.int64)\n    out[torch.arange(len(labels)), labels] = 1\n    return out",
            ),
        ),
    ),
    WrongAnswer(
        "whole_columns_filled",
        "You set whole columns: `out[:, labels] = 1` writes into all rows for each label.",
        "Pair each row with its own label: an index with two lists, or a comparison that broadcasts.",
        Swap(HOT, "out = torch.zeros(len(labels), classes)\n    out[:, labels] = 1\n    return out"),
    ),
    WrongAnswer(
        "no_new_dimension",
        "You compared shape (N,) with shape (classes,), which fails, or compares the first label with class 0 only, the second with class 1, and so on.",
        "Give the labels a second dimension of size 1.",
        Swap("labels[:, None]", "labels"),
    ),
]

RIGHT["one_hot"] = [
    RightAnswer("rows_of_the_identity", Swap(HOT, "return torch.eye(classes)[labels]")),
    RightAnswer("by_the_library", Swap(HOT, "return torch.nn.functional.one_hot(labels, num_classes=classes).to(torch.float32)")),
    RightAnswer(
        "scattered",
        Swap(HOT, "return torch.zeros(labels.shape[0], classes).scatter_(1, labels.unsqueeze(1), 1.0)"),
    ),
    RightAnswer(
        "row_by_row",
        """
def one_hot(labels, classes):
    matrix = torch.zeros(len(labels), classes)
    for n, label in enumerate(labels):
        matrix[n, label] = 1
    return matrix
""",
    ),
    RightAnswer(
        "paired_index",
        """
def one_hot(labels, classes):
    matrix = torch.zeros((len(labels), classes))
    matrix[range(len(labels)), labels] = 1.0
    return matrix
""",
    ),
    RightAnswer("by_where", Swap(HOT, "return torch.where(torch.arange(classes)[None] == labels.view(-1, 1), 1.0, 0.0)")),
]

# -- pairwise_distances ---------------------------------------------------------------------------------------------------------

DISTANCES = """    difference = a[:, None, :] - b[None, :, :]
    return difference.pow(2).sum(dim=2).sqrt()
"""

WRONG["pairwise_distances"] = [
    WrongAnswer(
        "pairs_in_order_only",
        "You subtracted the points one by one, in order: the first of `a` from the first of `b`, and so on. That needs N = M, and gives N numbers.",
        "Every point of `a` shall meet every point of `b`: put a dimension of size 1 into each, in different places.",
        Swap(DISTANCES, "    return (a - b).pow(2).sum(dim=1).sqrt()\n"),
        also=(Swap(DISTANCES, "    return torch.sqrt(((a - b) ** 2).sum(-1))\n"),),
    ),
    WrongAnswer(
        "transposed",
        "You return the matrix with the points of `b` in the rows.",
        "The first index of the result is that of `a`: its new dimension goes into the second place.",
        Swap("a[:, None, :] - b[None, :, :]", "a[None, :, :] - b[:, None, :]"),
        also=(Swap(DISTANCES, "    return torch.cdist(b, a)\n"),),
    ),
    WrongAnswer(
        "root_forgotten",
        "You return squared distances.",
        "Take the square root at the end.",
        Swap(".sqrt()", ""),
    ),
    WrongAnswer(
        "city_block",
        "You added absolute differences, or took the root of each coordinate's square before the sum: the distance along the streets, not the straight line.",
        "Square, sum over the coordinates, then take the root.",
        Swap(".pow(2).sum(dim=2).sqrt()", ".abs().sum(dim=2)"),
        also=(
            Swap(".pow(2).sum(dim=2).sqrt()", ".pow(2).sqrt().sum(dim=2)"),
            Swap(DISTANCES, "    return torch.cdist(a, b, p=1)\n"),
        ),
    ),
    WrongAnswer(
        "mean_over_coordinates",
        "You took the mean over the coordinates in place of the sum: your distances are too small by a factor √D.",
        "Sum the squares.",
        Swap("sum(dim=2)", "mean(dim=2)"),
    ),
    WrongAnswer(
        "not_summed",
        "You return a tensor with a distance for each coordinate.",
        "Sum the squares over the last dimension before you take the root.",
        Swap(".sum(dim=2)", ""),
        also=(Swap(".pow(2).sum(dim=2).sqrt()", ".abs()"),),
    ),
]

RIGHT["pairwise_distances"] = [
    RightAnswer("by_the_library", Swap(DISTANCES, "    return torch.cdist(a, b)\n")),
    RightAnswer("norm_of_the_difference", Swap(DISTANCES, "    return torch.linalg.vector_norm(a.unsqueeze(1) - b, dim=-1)\n")),
    RightAnswer(
        "two_loops",
        """
def pairwise_distances(a, b):
    result = torch.empty(len(a), len(b), dtype=a.dtype)
    for n in range(len(a)):
        for m in range(len(b)):
            result[n, m] = ((a[n] - b[m]) ** 2).sum() ** 0.5
    return result
""",
    ),
    RightAnswer(
        "binomial_formula",
        """
def pairwise_distances(a, b):
    squares = (a * a).sum(1, keepdim=True) + (b * b).sum(1) - 2 * a @ b.T
    return squares.clamp(min=0).sqrt()
""",
    ),
    RightAnswer(
        "einsum_of_differences",
        """
def pairwise_distances(a, b):
    d = a[:, None] - b
    return torch.einsum("nmk,nmk->nm", d, d).sqrt()
""",
    ),
    RightAnswer(
        "row_by_row",
        """
def pairwise_distances(a, b):
    return torch.stack([torch.hypot(p[0] - b[:, 0], p[1] - b[:, 1]) if a.shape[1] == 2 else (p - b).norm(dim=1) for p in a])
""",
    ),
]
