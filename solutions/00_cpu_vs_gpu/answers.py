"""Known wrong answers of chapter 00 with the hints they earn, and other right answers."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

WRONG: dict[str, list[WrongAnswer]] = {}
RIGHT: dict[str, list[RightAnswer]] = {}

# -- peak_gflops ----------------------------------------------------------------------------------------------------------------

PEAK = "return cores * clock_ghz * flops_per_cycle"

WRONG["peak_gflops"] = [
    WrongAnswer(
        "flops_per_cycle_forgotten",
        "You multiplied cores and clock: that counts cycles, not FLOPs.",
        "In each cycle a core finishes `flops_per_cycle` operations.",
        Swap(" * flops_per_cycle", ""),
    ),
    WrongAnswer(
        "one_core_only",
        "You computed the peak of a single core.",
        "All `cores` work at the same time.",
        Swap("cores * clock_ghz", "clock_ghz"),
    ),
    WrongAnswer(
        "clock_forgotten",
        "You counted what all cores do in one cycle.",
        "A clock of `clock_ghz` makes so many billion cycles a second.",
        Swap("cores * clock_ghz", "cores"),
    ),
    WrongAnswer(
        "in_teraflops",
        "You divided by 1000: that is TFLOP/s.",
        "GHz are billions already; nothing has to be divided to reach GFLOP/s.",
        Swap(PEAK, PEAK + " / 1000"),
    ),
    WrongAnswer(
        "in_flops",
        "You multiplied with 10⁹: that is FLOP/s.",
        "Leave the billions in the unit: cores times GHz times FLOPs is in GFLOP/s.",
        Swap(PEAK, PEAK + " * 1e9"),
    ),
    WrongAnswer(
        "printed_instead_of_returned",
        "Your function gives nothing back. A number that is printed can be read, but not used: the function's value is None.",
        "End the function with `return` and the number.",
        Swap(PEAK, "print(cores * clock_ghz * flops_per_cycle)"),
        also=(Swap("return cores", "peak = cores"),),
    ),
    WrongAnswer(
        "added",
        "You added the three numbers.",
        "Twice the cores do twice the work: multiply.",
        Swap(PEAK, "return cores + clock_ghz + flops_per_cycle"),
    ),
]

RIGHT["peak_gflops"] = [
    RightAnswer(
        "step_by_step",
        """
def peak_gflops(cores, clock_ghz, flops_per_cycle):
    cycles_per_second = clock_ghz * 1e9
    of_one_core = cycles_per_second * flops_per_cycle
    return cores * of_one_core / 1e9
""",
    ),
    RightAnswer("with_torch", Swap(PEAK, "return torch.tensor([cores, clock_ghz, flops_per_cycle]).prod().item()")),
    RightAnswer(
        "summed_over_cores",
        Swap(PEAK, "return sum(clock_ghz * flops_per_cycle for core in range(cores))"),
    ),
]

# -- hidden_layer ---------------------------------------------------------------------------------------------------------------

LAYER = "return x.mm(w1).clamp(min=0)"

WRONG["hidden_layer"] = [
    WrongAnswer(
        "still_a_loop",
        "Your numbers are right, but you go through them one by one, or sample by sample: the loop is still there.",
        "Let one call on whole tensors do it for all samples and all units.",
        """
def hidden_layer(x, w1):
    h_relu = torch.zeros(x.shape[0], w1.shape[1])
    for n in range(x.shape[0]):
        for j in range(w1.shape[1]):
            total = 0.0
            for i in range(x.shape[1]):
                total += x[n, i] * w1[i, j]
            h_relu[n, j] = max(total, 0.0)
    return h_relu
""",
        also=(
            Swap(LAYER, "return torch.stack([row @ w1 for row in x]).clamp(min=0)"),
            Swap(LAYER, "return torch.stack([(x[n] @ w1).clamp(min=0) for n in range(len(x))])"),
            Swap(
                LAYER,
                "columns = list(zip(*w1.tolist()))\n"
                "    products = [[sum(a * b for a, b in zip(r, c)) for c in columns] for r in x.tolist()]\n"
                "    return torch.tensor(products).clamp(min=0)",
            ),
        ),
    ),
    WrongAnswer(
        "relu_forgotten",
        "You have the products, but numbers below 0 are still there.",
        "Cut them off at 0: the loops end in `max(total, 0)`.",
        Swap(".clamp(min=0)", ""),
    ),
    WrongAnswer(
        "cut_off_on_the_wrong_side",
        "You kept what is below 0 and cut off the rest.",
        "`clamp(min=0)` says that no number is smaller than 0; `clamp(max=0)` that none is larger.",
        Swap("min=0", "max=0"),
    ),
    WrongAnswer(
        "relu_too_early",
        "You cut off the numbers before you multiplied.",
        "The loops sum up first; only the sum is cut off at 0.",
        Swap(LAYER, "return x.clamp(min=0).mm(w1.clamp(min=0))"),
    ),
    WrongAnswer(
        "elementwise_product",
        "`x * w1` multiplies number with number in equal places; nothing is summed.",
        "The inner loop sums products over `i`: that is a matrix product.",
        Swap("x.mm(w1)", "(x * w1)"),
        also=(Swap("x.mm(w1)", "x.mul(w1)"),),
    ),
    WrongAnswer(
        "absolute_value",
        "You took the absolute value: numbers below 0 were turned round, not cut off.",
        "What is below 0 becomes 0.",
        Swap("clamp(min=0)", "abs()"),
    ),
    WrongAnswer(
        "result_transposed",
        "Your result has the hidden units in the rows and the samples in the columns.",
        "The first index is the sample's: `x` comes first in the product.",
        Swap("x.mm(w1)", "w1.t().mm(x.t())"),
        also=(Swap(LAYER, "return x.mm(w1).clamp(min=0).t()"),),
    ),
]

RIGHT["hidden_layer"] = [
    RightAnswer("relu_of_the_at_sign", Swap(LAYER, "return torch.relu(x @ w1)")),
    RightAnswer("einsum", Swap(LAYER, 'return torch.einsum("ni,ij->nj", x, w1).clamp_min(0.0)')),
    RightAnswer("broadcast_and_sum", Swap(LAYER, "return (x[:, :, None] * w1).sum(dim=1).clamp(min=0)")),
    RightAnswer("mask", Swap(LAYER, "h = torch.matmul(x, w1)\n    h[h < 0] = 0\n    return h")),
    RightAnswer("where", Swap(LAYER, "h = x @ w1\n    return torch.where(h > 0, h, torch.zeros_like(h))")),
    RightAnswer("linear", Swap(LAYER, "return torch.nn.functional.linear(x, w1.t()).relu()")),
]

# -- median_time ----------------------------------------------------------------------------------------------------------------

REPEAT = """        synchronize()
        start = clock()
        work()
        synchronize()
        times.append(clock() - start)
"""
WARM = """    for _ in range(warmups):
        work()
"""

WRONG["median_time"] = [
    WrongAnswer(
        "never_synchronised",
        "You never wait for the device. The clock measures how long it takes to *put* a job into the queue.",
        "Call `synchronize()` before each reading of the clock.",
        Swap(REPEAT, "        start = clock()\n        work()\n        times.append(clock() - start)\n"),
    ),
    WrongAnswer(
        "not_synchronised_at_the_end",
        "You read the clock for the second time while the device is still working.",
        "Wait with `synchronize()` after `work()`, before you read the clock again.",
        Swap("        work()\n        synchronize()\n        times", "        work()\n        times"),
        also=(
            Swap(
                "        work()\n        synchronize()\n        times.append(clock() - start)\n",
                "        work()\n        end = clock()\n        synchronize()\n        times.append(end - start)\n",
            ),
        ),
    ),
    WrongAnswer(
        "not_synchronised_at_the_start",
        "You start the clock while the device is still busy with what came before; that job is then measured, too.",
        "Wait with `synchronize()` before you read the clock for the first time.",
        Swap("        synchronize()\n        start", "        start"),
    ),
    WrongAnswer(
        "mean",
        "You took the mean: one disturbed run pulls it up.",
        "Take the median, the middle one of the sorted times.",
        Swap("statistics.median(times)", "statistics.mean(times)"),
        also=(Swap("statistics.median(times)", "sum(times) / repeats"),),
    ),
    WrongAnswer(
        "fastest",
        "You took the fastest run.",
        "That is a fair question, too; here the typical run is asked for: the median.",
        Swap("statistics.median(times)", "min(times)"),
    ),
    WrongAnswer(
        "no_warm_up",
        "`work` was called too seldom: the warm-up runs are missing, and the slow first run is among those you measured.",
        "Call `work()` `warmups` times before the first reading; do not keep their times.",
        Swap(WARM, ""),
    ),
    WrongAnswer(
        "warm_up_measured",
        "You measured the warm-up runs as well, and their times are among those you took the median of.",
        "Let the warm-up runs happen first, without keeping their times.",
        (Swap(WARM, ""), Swap("range(repeats)", "range(warmups + repeats)")),
    ),
    WrongAnswer(
        "unsorted_middle",
        "You took the run in the middle of the list, not the middle one by size.",
        "Sort the times first, or use `statistics.median`.",
        Swap("statistics.median(times)", "times[repeats // 2]"),
    ),
    WrongAnswer(
        "in_milliseconds",
        "You return milliseconds.",
        "`clock` counts seconds, and seconds are asked for.",
        Swap("statistics.median(times)", "1000 * statistics.median(times)"),
    ),
    WrongAnswer(
        "own_clock",
        "You read another clock than the one you were given.",
        "Call `clock()` wherever you want to know the time: the caller decides which clock it is.",
        (Swap("start = clock()", "start = time.perf_counter()"), Swap("clock() - start", "time.perf_counter() - start")),
    ),
    WrongAnswer(
        "one_interval_for_all",
        "You measured all runs together and divided. That is a mean, and the one disturbed run is in it.",
        "Read the clock before and after each single run, and keep every time.",
        Swap(
            "    times = []\n    for _ in range(repeats):\n" + REPEAT + "    return statistics.median(times)\n",
            "    synchronize()\n    start = clock()\n    for _ in range(repeats):\n        work()\n"
            "    synchronize()\n    return (clock() - start) / repeats\n",
        ),
    ),
]

RIGHT["median_time"] = [
    RightAnswer(
        "sorted_middle_of_a_helper",
        """
def median_time(work, synchronize, clock, warmups, repeats):
    def now():
        synchronize()
        return clock()

    def once():
        begin = now()
        work()
        return now() - begin

    for _ in range(warmups):
        once()
    return sorted(once() for _ in range(repeats))[repeats // 2]
""",
    ),
    RightAnswer("median_by_torch", Swap("statistics.median(times)", "torch.tensor(times, dtype=torch.float64).median().item()")),
    RightAnswer("quantile", Swap("statistics.median(times)", "torch.tensor(times).quantile(0.5)")),
    RightAnswer(
        "starts_and_ends",
        """
def median_time(work, synchronize, clock, warmups, repeats):
    starts, ends = [], []
    for _ in range(warmups + repeats):
        synchronize()
        starts += [clock()]
        work()
        synchronize()
        ends += [clock()]
    times = torch.tensor(ends, dtype=torch.float64) - torch.tensor(starts, dtype=torch.float64)
    return times[warmups:].median()
""",
    ),
    RightAnswer(
        "each_end_is_the_next_start",
        """
def median_time(work, synchronize, clock, warmups, repeats):
    for _ in range(warmups):
        work()
    synchronize()
    readings = [clock()]
    while len(readings) <= repeats:
        work()
        synchronize()
        readings.append(clock())
    return statistics.median(b - a for a, b in zip(readings, readings[1:]))
""",
    ),
]

# -- moved_batch ----------------------------------------------------------------------------------------------------------------

MOVE = """    moved = {}
    for name, value in batch.items():
        moved[name] = value.to(device) if isinstance(value, torch.Tensor) else value
    return moved
"""

WRONG["moved_batch"] = [
    WrongAnswer(
        "result_of_to_thrown_away",
        "Your tensors are not on `device`: `.to(device)` was not called on them, or what it returned was thrown away.",
        "`.to` changes nothing in place: store the tensor that it returns.",
        Swap(
            MOVE,
            "    for value in batch.values():\n        if isinstance(value, torch.Tensor):\n            value.to(device)\n    return batch\n",
        ),
        also=(
            Swap(
                MOVE,
                "    for name, value in batch.items():\n        if isinstance(value, torch.Tensor):\n"
                "            value = value.to(device)\n    return batch\n",
            ),
            "def moved_batch(batch, device):\n    return dict(batch)\n",
            Swap("value.to(device)", "value.to('cpu')"),
            Swap("value.to(device)", "value.cpu()"),
        ),
    ),
    WrongAnswer(
        "callers_batch_changed",
        "You moved the tensors, but you wrote them into the caller's dict.",
        "Make a new dict, fill it, and return it.",
        Swap("    moved = {}\n", "    moved = batch\n"),
    ),
    WrongAnswer(
        "rest_dropped",
        "Only the tensors are left: texts and numbers of the batch are gone.",
        "What is no tensor belongs into the new dict, too, as it is.",
        Swap(MOVE, "    return {k: v.to(device) for k, v in batch.items() if isinstance(v, torch.Tensor)}\n"),
    ),
    WrongAnswer(
        "everything_moved",
        "You called `.to` on everything. A text or a number has no such method.",
        "Ask first: `isinstance(value, torch.Tensor)`.",
        Swap("value.to(device) if isinstance(value, torch.Tensor) else value", "value.to(device)"),
    ),
    WrongAnswer(
        "cuda_hard_coded",
        "You asked for CUDA, whatever `device` says.",
        "Use the argument: `.to(device)`.",
        Swap("value.to(device)", "value.cuda()"),
        also=(Swap("value.to(device)", 'value.to("cuda")'),),
    ),
    WrongAnswer(
        "dtype_changed",
        "You converted every tensor to float32 on the way. Class numbers must stay whole numbers.",
        "Give `.to` the device only; the dtype then stays.",
        Swap("value.to(device)", "value.to(device, torch.float32)"),
        also=(Swap("value.to(device)", "value.float().to(device)"),),
    ),
    WrongAnswer(
        "numbers_lost",
        "You made new tensors of the right shape on the right device, but not with the batch's numbers.",
        "`.to(device)` copies the numbers; `zeros_like` and `empty_like` do not.",
        Swap("value.to(device)", "torch.zeros_like(value, device=device)"),
    ),
    WrongAnswer(
        "names_lost",
        "You return a list: nobody can ask it for `x` or `y` any more.",
        "Return a dict with the same names.",
        Swap("    return moved\n", "    return list(moved.values())\n"),
    ),
]

RIGHT["moved_batch"] = [
    RightAnswer(
        "comprehension",
        Swap(MOVE, "    return {k: v.to(device) if torch.is_tensor(v) else v for k, v in batch.items()}\n"),
    ),
    RightAnswer(
        "copy_then_overwrite",
        Swap(
            MOVE,
            "    moved = dict(batch)\n    for name in moved:\n        if hasattr(moved[name], 'to'):\n"
            "            moved[name] = moved[name].to(device=device)\n    return moved\n",
        ),
    ),
    RightAnswer(
        "calls_itself",
        """
def moved_batch(batch, device):
    if isinstance(batch, dict):
        return {name: moved_batch(part, device) for name, part in batch.items()}
    return batch.to(torch.device(device)) if isinstance(batch, torch.Tensor) else batch
""",
    ),
    RightAnswer(
        "try_and_see",
        """
def moved_batch(batch, device):
    result = {}
    for key in batch:
        try:
            result[key] = batch[key].to(device, non_blocking=True)
        except AttributeError:
            result[key] = batch[key]
    return result
""",
    ),
]

# -- training_state -------------------------------------------------------------------------------------------------------------

ZEROS = "velocity = torch.zeros(w.shape, dtype=w.dtype, device=w.device)"
ONES = "importance = torch.ones(x.shape[0], dtype=x.dtype, device=x.device)"
ORDER = "order = torch.arange(x.shape[0], device=x.device)"

WRONG["training_state"] = [
    WrongAnswer(
        "cuda_left_in",
        'There is still a `.cuda()` (or `device="cuda"`) in your code: it asks for a GPU wherever the inputs are.',
        "Take it out, and make the new tensors where `x` and `w` are.",
        Swap(ORDER, "order = torch.arange(x.shape[0]).cuda()"),
        also=(Swap("device=w.device", 'device="cuda"'), Swap("device=w.device)", "device=w.device).cuda()")),
    ),
    WrongAnswer(
        "all_on_the_cpu",
        "Your tensors are made on the CPU, wherever `x` and `w` are.",
        "Hand the device of `x` on to each new tensor.",
        (
            Swap(", device=w.device", ""),
            Swap(", dtype=x.dtype, device=x.device", ", dtype=x.dtype"),
            Swap("[0], device=x.device", "[0]"),
        ),
    ),
    WrongAnswer(
        "order_on_the_cpu",
        "`order` is on the CPU, wherever `x` is. `torch.arange` makes a new tensor, too.",
        "Give `torch.arange` the device of `x`.",
        Swap("[0], device=x.device", "[0]"),
    ),
    WrongAnswer(
        "dtype_forgotten",
        "Your tensors follow the device, but they are float32, whatever `x` and `w` are.",
        "Hand on the dtype of `x` and `w`, too; only `order` stays int64.",
        (Swap("dtype=w.dtype, ", ""), Swap("dtype=x.dtype, ", "")),
    ),
    WrongAnswer(
        "order_as_floats",
        "`order` has the dtype of `x`. Its numbers are places in a list, and such numbers are whole.",
        "Hand on the device only; `torch.arange` then makes int64.",
        Swap("[0], device=x.device", "[0], dtype=x.dtype, device=x.device"),
        also=(Swap(ORDER, "order = torch.arange(x.shape[0]).to(x)"),),
    ),
    WrongAnswer(
        "shaped_like_x",
        "`velocity` has the shape of the data.",
        "It belongs to the weights: one number for each number of `w`.",
        Swap(ZEROS, "velocity = torch.zeros_like(x)"),
    ),
    WrongAnswer(
        "weights_cleared",
        "You set the weights themselves to 0: a name that ends in `_` writes into its tensor.",
        "Make a new tensor of zeros like `w`.",
        Swap(ZEROS, "velocity = w.zero_()"),
    ),
    WrongAnswer(
        "one_for_each_number",
        "`importance` has a 1 for each number of `x`.",
        "One for each sample is asked for: shape `(N,)`.",
        Swap(ONES, "importance = torch.ones_like(x)"),
    ),
]

RIGHT["training_state"] = [
    RightAnswer(
        "like_and_new",
        """
def training_state(x, w):
    N = len(x)
    return torch.zeros_like(w), x.new_ones(N), torch.arange(N, device=x.device)
""",
    ),
    RightAnswer(
        "one_dictionary",
        """
def training_state(x, w):
    like = {"dtype": x.dtype, "device": x.device}
    count = x.size(0)
    order = torch.tensor(list(range(count)), device=like["device"])
    return [torch.zeros(*w.size(), **like), torch.full((count,), 1.0, **like), order]
""",
    ),
    RightAnswer(
        "sent_after",
        """
def training_state(x, w):
    velocity = torch.zeros(w.shape).to(w)
    importance = torch.ones(x.shape[0]).to(x.device, x.dtype)
    return velocity, importance, torch.arange(x.shape[0]).to(x.device)
""",
    ),
    RightAnswer(
        "out_of_the_inputs",
        """
def training_state(x, w):
    column = torch.ones_like(x[:, 0])
    return w.clone().zero_(), column, torch.arange(column.numel(), dtype=torch.int64, device=w.device)
""",
    ),
]

# -- net_cost -------------------------------------------------------------------------------------------------------------------

FLOPS = "flops = 2 * N * D_in * H + 2 * N * H * D_out"
MOVED = "numbers = (N * D_in + D_in * H + N * H) + (N * H + H * D_out + N * D_out)"

WRONG["net_cost"] = [
    WrongAnswer(
        "additions_not_counted",
        "You counted the multiplications only: your FLOPs are half of what is asked for.",
        "Each multiplication is followed by an addition: 2 FLOPs.",
        Swap(FLOPS, "flops = N * D_in * H + N * H * D_out"),
    ),
    WrongAnswer(
        "numbers_not_bytes",
        "You counted numbers where bytes are asked for.",
        "Each number takes `itemsize` bytes.",
        Swap("numbers * itemsize", "numbers"),
    ),
    WrongAnswer(
        "always_four_bytes",
        "You took 4 bytes for each number, whatever the dtype is.",
        "Use `itemsize`: 4 for float32, 2 for float16.",
        Swap("numbers * itemsize", "numbers * 4"),
    ),
    WrongAnswer(
        "results_not_counted",
        "You counted what the products read, but not the results that they write.",
        "`h` and `y_pred` go to memory as well.",
        Swap(MOVED, "numbers = (N * D_in + D_in * H) + (N * H + H * D_out)"),
    ),
    WrongAnswer(
        "h_counted_once",
        "You counted `h` once. The first product writes it, the second reads it.",
        "Count each product by itself: two factors read, one result written.",
        Swap(MOVED, "numbers = N * D_in + D_in * H + N * H + H * D_out + N * D_out"),
    ),
    WrongAnswer(
        "first_product_only",
        "You counted the first product only.",
        "Add the second: (N, H) with (H, D_out).",
        (Swap(" + 2 * N * H * D_out", ""), Swap(" + (N * H + H * D_out + N * D_out)", "")),
    ),
    WrongAnswer(
        "all_sizes_multiplied",
        "You multiplied all four sizes for the FLOPs. The two products follow one another; they are not nested.",
        "Add what the first product costs and what the second costs.",
        Swap(FLOPS, "flops = 2 * N * D_in * H * D_out"),
    ),
    WrongAnswer(
        "weights_only",
        "You counted the bytes of the weights only.",
        "Data and results are read and written as well.",
        Swap(MOVED, "numbers = D_in * H + H * D_out"),
    ),
    WrongAnswer(
        "swapped",
        "You return the bytes first.",
        "The order is: FLOPs, then bytes.",
        Swap("return flops, numbers * itemsize", "return numbers * itemsize, flops"),
    ),
]

RIGHT["net_cost"] = [
    RightAnswer(
        "helper_for_one_product",
        """
def product(n, k, m):
    return 2 * n * k * m, n * k + k * m + n * m


def net_cost(N, D_in, H, D_out, itemsize):
    (flops_1, moved_1), (flops_2, moved_2) = product(N, D_in, H), product(N, H, D_out)
    return flops_1 + flops_2, itemsize * (moved_1 + moved_2)
""",
    ),
    RightAnswer(
        "asked_of_tensors",
        """
def net_cost(N, D_in, H, D_out, itemsize):
    x, w1 = torch.empty(N, D_in, device="meta"), torch.empty(D_in, H, device="meta")
    h, w2 = torch.empty(N, H, device="meta"), torch.empty(H, D_out, device="meta")
    y = torch.empty(N, D_out, device="meta")
    flops = 2 * N * (w1.numel() + w2.numel())
    return [flops, sum(t.numel() for t in (x, w1, h, h, w2, y)) * itemsize]
""",
    ),
    RightAnswer("factored", Swap(FLOPS, "flops = 2.0 * N * H * (D_in + D_out)")),
    RightAnswer(
        "loop_over_layers",
        """
def net_cost(N, D_in, H, D_out, itemsize):
    sizes = [D_in, H, D_out]
    flops = moved = 0
    for k, m in zip(sizes, sizes[1:]):
        flops += (m * k + m * k) * N
        moved += itemsize * (N * (k + m) + k * m)
    return flops, moved
""",
    ),
]

# -- attainable_gflops ----------------------------------------------------------------------------------------------------------

ROOF = "return min(peak_gflops, intensity * bandwidth_gb_s)"
INTENSITY = "intensity = flops / moved_bytes"

WRONG["attainable_gflops"] = [
    WrongAnswer(
        "larger_limit",
        "You took the larger of the two limits.",
        "The operation stops at the limit it meets first: the smaller one.",
        Swap("min(", "max("),
    ),
    WrongAnswer(
        "intensity_upside_down",
        "You divided bytes by FLOPs.",
        "Intensity is FLOPs per byte. Check the units: FLOP/byte times byte/s is FLOP/s.",
        Swap(INTENSITY, "intensity = moved_bytes / flops"),
    ),
    WrongAnswer(
        "no_flat_roof",
        "You forgot that the cores have a peak: your number grows without end.",
        "Take the smaller one of this and `peak_gflops`.",
        Swap(ROOF, "return intensity * bandwidth_gb_s"),
    ),
    WrongAnswer(
        "always_the_peak",
        "You return the peak, whatever the operation is.",
        "Numbers have to arrive first: compare with intensity times bandwidth.",
        Swap(ROOF, "return peak_gflops"),
    ),
    WrongAnswer(
        "bandwidth_forgotten",
        "You compared the intensity with the peak: FLOP/byte with FLOP/s.",
        "Multiply the intensity with the bandwidth first.",
        Swap("intensity * bandwidth_gb_s", "intensity"),
    ),
    WrongAnswer(
        "times_added",
        "You let computing wait for the memory: you added the two times. The roofline lets both go on at once.",
        "The slower one of the two decides alone.",
        Swap(ROOF, "return flops / (flops / peak_gflops + moved_bytes / bandwidth_gb_s)"),
        also=(Swap(ROOF, "return 1 / (1 / peak_gflops + 1 / (intensity * bandwidth_gb_s))"),),
    ),
]

RIGHT["attainable_gflops"] = [
    RightAnswer(
        "by_the_slower_time",
        """
def attainable_gflops(flops, moved_bytes, peak_gflops, bandwidth_gb_s):
    seconds = max(flops / (peak_gflops * 1e9), moved_bytes / (bandwidth_gb_s * 1e9))
    return flops / seconds / 1e9
""",
    ),
    RightAnswer(
        "left_or_right_of_the_ridge",
        """
def attainable_gflops(flops, moved_bytes, peak_gflops, bandwidth_gb_s):
    ridge = peak_gflops / bandwidth_gb_s
    if flops / moved_bytes >= ridge:
        return peak_gflops
    return bandwidth_gb_s * flops / moved_bytes
""",
    ),
    RightAnswer("clamped", Swap(ROOF, "return torch.tensor(intensity * bandwidth_gb_s).clamp(max=peak_gflops)")),
]

# -- offload --------------------------------------------------------------------------------------------------------------------

THERE = "there = latency_s + bytes_in / (link_gb_s * 1e9)"
BACK = "back = latency_s + bytes_out / (link_gb_s * 1e9)"
SUM = "seconds = there + flops / (gpu_gflops * 1e9) + back"

WRONG["offload"] = [
    WrongAnswer(
        "latency_once",
        "You counted the latency once. There are two transfers, and each has to begin.",
        "Add `latency_s` to both.",
        Swap(BACK, "back = bytes_out / (link_gb_s * 1e9)"),
    ),
    WrongAnswer(
        "no_way_back",
        "You left the result on the GPU.",
        "Bringing `bytes_out` back takes its own latency and its own time.",
        Swap(SUM, "seconds = there + flops / (gpu_gflops * 1e9)"),
    ),
    WrongAnswer(
        "computing_forgotten",
        "You counted the transfers, but not the computation between them.",
        "Add `flops` divided by the FLOPs that the GPU does in a second.",
        Swap(SUM, "seconds = there + back"),
    ),
    WrongAnswer(
        "transfers_forgotten",
        "You compared the two processors, as if the data were on the GPU already.",
        "Add the time of the way there and of the way back.",
        Swap(SUM, "seconds = flops / (gpu_gflops * 1e9)"),
    ),
    WrongAnswer(
        "latency_forgotten",
        "You counted the bytes of the transfers, but not the time until they begin.",
        "Each transfer takes `latency_s` before the first byte arrives.",
        (Swap("there = latency_s + ", "there = "), Swap("back = latency_s + ", "back = ")),
    ),
    WrongAnswer(
        "bits",
        "You multiplied the bytes by 8. The link's speed is given in bytes already.",
        "GB with a capital B are gigabytes: divide bytes by it as they are.",
        (Swap("+ bytes_in /", "+ 8 * bytes_in /"), Swap("+ bytes_out /", "+ 8 * bytes_out /")),
    ),
    WrongAnswer(
        "giga_forgotten",
        "You divided bytes by GB/s: your transfer times are a billion times too long.",
        "A GB is 10⁹ bytes.",
        (
            Swap("bytes_in / (link_gb_s * 1e9)", "bytes_in / link_gb_s"),
            Swap("bytes_out / (link_gb_s * 1e9)", "bytes_out / link_gb_s"),
        ),
    ),
    WrongAnswer(
        "compared_the_wrong_way",
        "Your seconds are right; the comparison says True where the CPU is faster.",
        "The GPU is faster if its seconds are *fewer*.",
        Swap("seconds < flops", "seconds > flops"),
    ),
    WrongAnswer(
        "longest_part_only",
        "You took the longest of the three parts, as if they happened at the same time.",
        "Here each part waits for the one before it: add them.",
        Swap(SUM, "seconds = max(there, flops / (gpu_gflops * 1e9), back)"),
    ),
]

RIGHT["offload"] = [
    RightAnswer(
        "nested_helper",
        """
def offload(flops, bytes_in, bytes_out, cpu_gflops, gpu_gflops, link_gb_s, latency_s):
    giga = 10**9

    def transfer(size):
        return latency_s + size / giga / link_gb_s

    gpu = transfer(bytes_in) + flops / giga / gpu_gflops + transfer(bytes_out)
    cpu = flops / giga / cpu_gflops
    return gpu, cpu > gpu
""",
    ),
    RightAnswer(
        "all_bytes_together",
        """
def offload(flops, bytes_in, bytes_out, cpu_gflops, gpu_gflops, link_gb_s, latency_s):
    nanoseconds = (bytes_in + bytes_out) / link_gb_s + flops / gpu_gflops + 2e9 * latency_s
    return [nanoseconds / 1e9, bool(nanoseconds - flops / cpu_gflops < 0)]
""",
    ),
    RightAnswer(
        "summed_by_torch",
        """
def offload(flops, bytes_in, bytes_out, cpu_gflops, gpu_gflops, link_gb_s, latency_s):
    amount = torch.tensor([bytes_in, flops, bytes_out], dtype=torch.float64)
    speed = torch.tensor([link_gb_s, gpu_gflops, link_gb_s], dtype=torch.float64) * 1e9
    seconds = (amount / speed).sum() + 2 * latency_s
    return seconds, seconds < flops / (cpu_gflops * 1e9)
""",
    ),
]
