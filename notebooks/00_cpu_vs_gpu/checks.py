"""How the exercises of chapter 00, CPU and GPU, are exercised: inputs and probes. Nothing here judges, and nothing here measures.

Clocks and devices are played by objects of which nothing is random, so that a verdict never depends on how busy a machine is.
"""

import torch
from torch.overrides import TorchFunctionMode

from autograder.exercise import Case, exercise


def _between(rng, low, high):
    """A random number between two numbers, kept to three digits so that it reads well in a verdict."""
    return float(f"{low + (high - low) * torch.rand(1, generator=rng).item():.3g}")


def _whole(rng, low, high):
    """A random whole number, both ends included."""
    return torch.randint(low, high + 1, (1,), generator=rng).item()


def _without_cuda(made_by, device):
    """What `made_by` returns, or raises; a GPU that nobody asked for is the same error on machines with one and without."""
    unasked = f"CUDA was used, though the tensors belong on {device!r}"
    try:
        made = made_by()
    except Exception as error:
        if "CUDA" in str(error) or "NVIDIA" in str(error):
            raise RuntimeError(unasked) from None
        raise
    parts = list(made.values()) if isinstance(made, dict) else made if isinstance(made, (tuple, list)) else [made]
    if any(isinstance(part, torch.Tensor) and part.is_cuda for part in parts):
        raise RuntimeError(unasked)
    return made


# -- peak_gflops ----------------------------------------------------------------------------------------------------------------


def _peak_cases(rng):
    cpu = {"cores": _whole(rng, 4, 10), "clock_ghz": _between(rng, 2.4, 4.8), "flops_per_cycle": 32}
    gpu = {"cores": 128 * _whole(rng, 15, 60), "clock_ghz": _between(rng, 1.3, 1.9), "flops_per_cycle": 2}
    return [Case(f"a CPU with {cpu['cores']} cores", **cpu), Case(f"a GPU with {gpu['cores']} cores", **gpu)]


@exercise(
    cases=_peak_cases,
    points=1,
    minutes=4,
    difficulty=1,
    importance=3,
    checked="The peak of a device in GFLOP/s.",
    hints=(
        "What does one core do in one cycle? How many cycles has a second? How many cores are there?",
        "A clock of 1 GHz makes one *giga*cycle a second, so cores × GHz × FLOPs is in GFLOP/s already.",
        "Multiply the three arguments, and return the product.",
    ),
    why="More cores, a faster clock, or more work in a cycle: there is no fourth way to a higher peak.",
    variant="How many cores would a CPU with 4.2 GHz and 32 FLOPs a cycle need to reach a Titan Xp?",
)
def peak_gflops(answer, cores, clock_ghz, flops_per_cycle):
    return answer.peak_gflops(cores, clock_ghz, flops_per_cycle)


# -- hidden_layer ---------------------------------------------------------------------------------------------------------------

_FEW_CALLS = 7  # one call for each of the seven samples or more is a loop


class _CountsCalls(TorchFunctionMode):
    """Counts calls into torch; a number that is carried over to Python counts as a call."""

    def __init__(self):
        super().__init__()
        self.calls = 0

    def __torch_function__(self, func, types, args=(), kwargs=None):
        name = getattr(func, "__name__", "")
        if name != "__get__":  # reading `.shape` or `.dtype` is no work
            self.calls += args[0].numel() if name == "tolist" else 1
        return func(*args, **(kwargs or {}))


def _layer_cases(rng):
    return [
        Case(
            "7 samples of 3 numbers, 4 hidden units",
            x=torch.randn(7, 3, generator=rng),
            w1=torch.randn(3, 4, generator=rng),
        ),
        Case(
            "a square: 7 samples of 7 numbers, 7 hidden units",
            x=torch.randn(7, 7, generator=rng),
            w1=torch.randn(7, 7, generator=rng),
        ),
    ]


@exercise(
    cases=_layer_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=5,
    checked="The hidden layer, and whether it was computed with a few calls on whole tensors.",
    returns=("h_relu", "a few calls on whole tensors"),
    hints=(
        "Two of the loops only choose *which* number is computed; the inner one sums products. What is that operation called?",
        "`x.mm(w1)` or `x @ w1` does all three loops in one call. `max(total, 0)` must also be done for all numbers at once.",
        "`clamp(min=0)` cuts every number of a tensor off at 0.",
    ),
    why="One call hands the whole task to code that uses every lane of every core. A loop hands over one number at a time.",
    variant="Do it without a matrix product: `x[:, :, None] * w1` and a sum. How many numbers exist at once then?",
)
def hidden_layer(answer, x, w1):
    with _CountsCalls() as counter:
        h_relu = answer.hidden_layer(x, w1)
    return h_relu, counter.calls < _FEW_CALLS


# -- median_time ----------------------------------------------------------------------------------------------------------------


class _Device:
    """A device that takes jobs into a queue, and the clock that shows its time. Starting a job costs `launch_s`.

    Job number n takes `jobs_s[n]`; further ones take as long as the last. It may still be busy when it is handed over.
    """

    def __init__(self, jobs_s, launch_s, busy_s):
        self.now = 10.0
        self.free_at = self.now + busy_s
        self.jobs_s, self.launch_s = jobs_s, launch_s
        self.started = self.readings = self.readings_while_busy = 0

    def work(self):
        self.now += self.launch_s
        job_s = self.jobs_s[min(self.started, len(self.jobs_s) - 1)]
        self.free_at = max(self.now, self.free_at) + job_s
        self.started += 1

    def synchronize(self):
        self.now = max(self.now, self.free_at)

    def clock(self):
        self.readings += 1
        self.readings_while_busy += self.free_at > self.now
        return self.now


def _time_cases(rng):
    def about(*milliseconds):
        return [_between(rng, 0.97 * each, 1.03 * each) / 1000 for each in milliseconds]

    return [
        Case(
            "3 repeats after 1 warm-up, on an idle device",
            jobs_s=about(80, 4.2, 40, 7),
            launch_s=0.001,
            busy_s=0.0,
            warmups=1,
            repeats=3,
        ),
        Case(
            "5 repeats after 2 warm-ups, on a device that is still busy with something else",
            jobs_s=about(90, 60, 6.2, 3.2, 40, 9.5, 7.6),
            launch_s=0.001,
            busy_s=0.02,
            warmups=2,
            repeats=5,
        ),
    ]


@exercise(
    cases=_time_cases,
    points=3,
    minutes=15,
    difficulty=3,
    importance=5,
    checked="The seconds you return, how often `work` was called, and whether the device was still busy when you read the clock.",
    returns=("seconds", "calls of work", "clock readings while the device was busy"),
    hints=(
        "Draw a line of time: where is the device working, and where do you read the clock?",
        "`synchronize()` waits until everything in the queue is done. The clock tells the truth only just after it.",
        "For each repeat: synchronize, read, work, synchronize, read. Keep the difference. In the end take the median.",
    ),
    why="The warm-up pays for what happens once, synchronising waits for the work itself, the median ignores a disturbance.",
    variant="Return the quartiles, too. When is their distance more interesting than the median?",
)
def median_time(answer, jobs_s, launch_s, busy_s, warmups, repeats):
    device = _Device(jobs_s, launch_s, busy_s)
    seconds = answer.median_time(device.work, device.synchronize, device.clock, warmups, repeats)
    if device.readings == 0 and isinstance(seconds, (int, float, torch.Tensor)):
        seconds = "a time that was not read from `clock`"
    return seconds, device.started, device.readings_while_busy


# -- moved_batch ----------------------------------------------------------------------------------------------------------------


def _batch_cases(rng):
    def batch(n):
        return {
            "x": torch.randn(n, 3, generator=rng),
            "y": torch.randint(2, 90, (n,), generator=rng),
            "source": "camera 2",
            "epoch": 7,
        }

    return [
        Case("a batch that stays on the CPU", batch=batch(2), device="cpu"),
        Case("a batch that goes to the device 'meta'", batch=batch(4), device="meta"),
    ]


@exercise(
    cases=_batch_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=5,
    checked="Each entry of the batch you return, and that the caller's batch is as it was.",
    hints=(
        "Which entries have to move, which have to stay, and what happens to what `.to` returns?",
        "`tensor.to(device)` changes nothing; it returns the tensor on the other device. Put what it returns into a new dict.",
        "`isinstance(value, torch.Tensor)` tells a tensor from a text or a number.",
    ),
    why="`.to` returns the moved tensor, so its result must go somewhere. The loop never asks which device it is.",
    variant="Let it work for lists and dicts inside the batch, by calling itself.",
    # Some ways of making a tensor on the device 'meta' load a large part of torch once.
    time_limit_s=60.0,
)
def moved_batch(answer, batch, device):
    return _without_cuda(lambda: answer.moved_batch(batch, device), device)


# -- training_state -------------------------------------------------------------------------------------------------------------


def _state_cases(rng):
    def tensors(n, d, m, dtype):
        return {"x": torch.randn(n, d, generator=rng).to(dtype), "w": torch.randn(d, m, generator=rng).to(dtype)}

    return [
        Case("float64 on the CPU", **tensors(4, 3, 2, torch.float64), device="cpu"),
        Case("float32 on the device 'meta'", **tensors(3, 4, 2, torch.float32), device="meta"),
    ]


@exercise(
    cases=_state_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=5,
    checked="Shape, dtype, device and numbers of the three tensors.",
    returns=("velocity", "importance", "order"),
    hints=(
        "Which lines name a device? Which tensors are made out of nothing, and where, and with which dtype?",
        "Make a new tensor like the given ones: with `device=x.device` and, where it is asked for, `dtype=x.dtype`.",
        "`torch.zeros_like(w)` and `x.new_ones(N)` take dtype and device over; `torch.arange` needs `device=` only.",
    ),
    why="The function names no device. It runs where its inputs are, and whoever calls it decides.",
    variant="Make `order` a random order with `torch.randperm`. Which argument does it need besides the number of samples?",
    # Calculating on the device 'meta' loads a large part of torch once; making tensors there, as is asked for, does not.
    time_limit_s=60.0,
)
def training_state(answer, x, w, device):
    return _without_cuda(lambda: answer.training_state(x.to(device), w.to(device)), device)


# -- net_cost -------------------------------------------------------------------------------------------------------------------


def _cost_cases(rng):
    return [
        Case(
            "a small net in float32",
            N=_whole(rng, 5, 8),
            D_in=_whole(rng, 20, 30),
            H=_whole(rng, 10, 14),
            D_out=_whole(rng, 3, 4),
            itemsize=4,
        ),
        Case(
            "a larger net in float16",
            N=_whole(rng, 100, 200),
            D_in=_whole(rng, 300, 400),
            H=_whole(rng, 40, 60),
            D_out=_whole(rng, 10, 20),
            itemsize=2,
        ),
    ]


@exercise(
    cases=_cost_cases,
    points=2,
    minutes=12,
    difficulty=3,
    importance=4,
    checked="The FLOPs of the forward pass, and the bytes that it moves.",
    returns=("flops", "bytes moved"),
    hints=(
        "Do it for one product first: how many multiplications and additions, which three tensors?",
        "A product of (n, k) with (k, m) costs 2·n·k·m FLOPs and moves n·k + k·m + n·m numbers.",
        "Add the two products: (N, D_in) with (D_in, H), and (N, H) with (H, D_out). Then turn numbers into bytes.",
    ),
    why="FLOPs grow with the product of three sizes, bytes with products of two: large products have much work for each byte.",
    variant="The backward pass has two products for each of the forward pass. Which of the four is not needed for training?",
)
def net_cost(answer, N, D_in, H, D_out, itemsize):
    return answer.net_cost(N, D_in, H, D_out, itemsize)


# -- attainable_gflops ----------------------------------------------------------------------------------------------------------


def _roof_cases(rng):
    device = {"peak_gflops": _between(rng, 400, 600), "bandwidth_gb_s": _between(rng, 30, 50)}
    return [
        Case(
            "an addition: little work for each byte",
            flops=_whole(rng, 2_000_000, 3_000_000),
            moved_bytes=_whole(rng, 8_000_000, 10_000_000),
            **device,
        ),
        Case(
            "a large product: much work for each byte",
            flops=_whole(rng, 5_000_000_000, 7_000_000_000),
            moved_bytes=_whole(rng, 80_000_000, 90_000_000),
            **device,
        ),
    ]


@exercise(
    cases=_roof_cases,
    points=2,
    minutes=8,
    difficulty=3,
    importance=4,
    checked="The most GFLOP/s that the operation can reach.",
    hints=(
        "Two things limit an operation: how fast the cores are, and how fast numbers reach them. Which one is reached first?",
        "Intensity is FLOPs per byte. Intensity times bytes per second gives FLOPs per second.",
        "There are two limits, and you can have no more than the smaller one.",
    ),
    why="Left of the ridge more cores do not help, right of it faster memory does not.",
    variant="At which intensity do both limits agree? Compute it for the devices of the table.",
)
def attainable_gflops(answer, flops, moved_bytes, peak_gflops, bandwidth_gb_s):
    return answer.attainable_gflops(flops, moved_bytes, peak_gflops, bandwidth_gb_s)


# -- offload --------------------------------------------------------------------------------------------------------------------


def _offload_cases(rng):
    machine = {"cpu_gflops": 100.0, "gpu_gflops": 1000.0, "link_gb_s": 10.0, "latency_s": 1e-5}
    return [
        Case(
            "a small job",
            flops=_whole(rng, 2_000_000, 2_500_000),
            bytes_in=_whole(rng, 30_000, 60_000),
            bytes_out=_whole(rng, 10_000, 20_000),
            **machine,
        ),
        Case(
            "a large job",
            flops=_whole(rng, 2_000_000_000, 3_000_000_000),
            bytes_in=_whole(rng, 20_000_000, 40_000_000),
            bytes_out=_whole(rng, 4_000_000, 8_000_000),
            **machine,
        ),
    ]


@exercise(
    cases=_offload_cases,
    points=2,
    minutes=12,
    difficulty=3,
    importance=4,
    checked="The seconds a job takes on the GPU, the way there and back included, and whether that beats the CPU.",
    returns=("seconds", "the GPU is faster"),
    hints=(
        "Follow the data: to the GPU, through the computation, back. Write one term for each part.",
        "One transfer takes its latency plus bytes divided by bytes per second. A GB is 10⁹ bytes, a GFLOP 10⁹ FLOPs.",
        "Two transfers and the computation follow one another: their times add up. The CPU only has `flops` to do.",
    ),
    why="A small job pays for two trips and saves next to nothing. Leave data on the GPU, and the trips are paid once.",
    variant="Let the job be done k times between the two trips. From which k on does the small job win?",
)
def offload(answer, flops, bytes_in, bytes_out, cpu_gflops, gpu_gflops, link_gb_s, latency_s):
    return answer.offload(flops, bytes_in, bytes_out, cpu_gflops, gpu_gflops, link_gb_s, latency_s)
