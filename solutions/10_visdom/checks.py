"""How the exercises of chapter 10 are exercised: the inputs they are checked on, and what their messages would show."""

import base64
import contextlib
import io
import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy
import torch
import visdom
from PIL import Image

from autograder.exercise import Case, Rules, exercise

Windows = dict[str, dict[str, Any]]


# -- a client without a server, and what its messages would show -----------------------------------------------------------


@contextlib.contextmanager
def _client() -> Iterator[tuple[visdom.Visdom, Callable[[], dict[str, Windows]]]]:
    """An offline client, and a function that reads from its log what a server would show by now."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "messages"
        log.touch()
        viz = visdom.Visdom(offline=True, log_to_filename=str(log), use_incoming_socket=False)
        create = visdom.Visdom.__init__
        visdom.Visdom.__init__ = _second_client
        try:
            yield viz, lambda: _dashboards(log.read_text(encoding="utf-8"))
        finally:
            visdom.Visdom.__init__ = create


def _second_client(*_: Any, **__: Any) -> None:
    raise RuntimeError("a second Visdom client was made here: use the one that was handed in, viz")


def _dashboards(log: str) -> dict[str, Windows]:
    """Follow the messages as the server does: 'events' draws a window anew, 'update' changes one."""
    shown: dict[str, Windows] = {}
    fresh = 0
    for line in log.splitlines():
        endpoint, message = json.loads(line)
        windows = shown.setdefault(message["eid"], {})
        name, data = message["win"], message.get("data") or []
        if name.startswith("window_"):  # the client draws such a name where none is given
            fresh += 1
            name = f"new window {fresh}"
        if endpoint == "events" or (name not in windows and message.get("append")):
            windows[name] = {"data": data, "opts": message.get("opts") or {}}
        elif name in windows:
            _update(windows[name], message, data)
    return shown


def _update(window: dict[str, Any], message: dict[str, Any], data: list[dict[str, Any]]) -> None:
    old = window["data"]
    if message.get("layout"):
        window["opts"] |= message.get("opts") or {}
    if old and old[0]["type"] == "text":
        old[0]["content"] += "<br>" + data[0]["content"]
    if not old or old[0]["type"] != "scatter":
        return
    name = message.get("name")
    meant = [trace for trace in old if name is None or trace["name"] == name]
    if message.get("delete"):
        window["data"] = [trace for trace in old if trace["name"] != name]
    elif not meant:
        old += [new | {"name": name} for new in data]
    for trace, new in zip(meant, data, strict=False):
        for axis in ("x", "y"):
            trace[axis] = trace[axis] + new[axis] if message.get("append") else new[axis]


def _curve(trace: dict[str, Any]) -> torch.Tensor:
    """The points of a trace that are drawn, (2, points): steps above losses. A number that is missing is not drawn."""
    points = [(x, y) for x, y in zip(trace["x"], trace["y"], strict=True) if y is not None]
    return torch.tensor(points, dtype=torch.float32).reshape(-1, 2).t()


def _kind(window: dict[str, Any]) -> str:
    """What a window shows, in a word."""
    first = window["data"][0] if window["data"] else {"type": "nothing"}
    if first["type"] == "scatter":
        return "line" if "lines" in first.get("mode", "") else "points"
    return {"bar": "bars"}.get(first["type"], first["type"])


def _page(windows: Windows, *opts: str) -> str:
    """The windows on a dashboard and what the first of them shows, in a line."""
    if not windows:
        return "no window"
    names, first = list(windows), next(iter(windows.values()))
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join([f"{' + '.join(names[:3])}{more}: {_kind(first)}", *(f"{name} {first['opts'].get(name)}" for name in opts)])


def _windows(shown: dict[str, Windows], dashboard: str = "main") -> Windows:
    return shown.get(dashboard, {})


# -- the loss, live --------------------------------------------------------------------------------------------------------


def _loss_cases(rng: torch.Generator) -> list[Case]:
    def losses(count: int) -> torch.Tensor:
        return 1 + 8 * torch.rand(count, generator=rng)

    return [
        Case("5 steps, each of them logged", losses=losses(5), every=1),
        Case("8 steps, every third one logged", losses=losses(8), every=3),
    ]


@exercise(
    cases=_loss_cases,
    points=3,
    minutes=10,
    difficulty=2,
    importance=5,
    checked="The window, its points while training goes on, and what was returned.",
    hints=(
        "One message for each step that is logged, sent in that step: all go to one window, and each adds a point.",
        "`win` names the window, `update` says what happens to what it shows. Y and X are lists with one number each.",
        '`viz.line(Y=[loss.item()], X=[step], win="loss", update="append" if step else None, opts=...)` if `step % every == 0`.',
    ),
    why="A named window and `append` make one curve out of many messages; `item()` lets go of the graph.",
    variant="Log the mean of the losses since the last point, so that a noisy curve gets smoother.",
    returns=("page", "steps and losses", "points on the page before each step", "returned"),
)
def log_loss(answer: Any, losses: torch.Tensor, every: int) -> Any:
    with _client() as (viz, shown):
        before: list[int] = []

        def training() -> Iterator[torch.Tensor]:
            for loss in losses.tolist():
                windows = _windows(shown())
                before.append(sum(len(trace.get("x", ())) for window in windows.values() for trace in window["data"]))
                weight = torch.ones((), requires_grad=True)
                yield weight * loss  # a loss with a graph behind it

        returned = answer.log_loss(viz, training(), every)
        if returned is ...:
            return returned
        windows = _windows(shown())
        traces = [_curve(trace) for trace in next(iter(windows.values()), {"data": []})["data"] if "x" in trace]
        return (
            _page(windows, "title", "xlabel", "ylabel"),
            torch.cat(traces, dim=1) if traces else None,
            torch.tensor(before),
            _kept(returned),
        )


def _kept(returned: Any) -> Any:
    """The losses that came back; whether as numbers or as tensors does not matter, unless their graphs came along."""
    if not isinstance(returned, (list, tuple)) or not returned or not all(isinstance(v, (float, torch.Tensor)) for v in returned):
        return returned
    if any(isinstance(value, torch.Tensor) and value.requires_grad for value in returned):
        return "tensors that keep their graphs"
    return torch.tensor([float(value) for value in returned])


# -- pictures --------------------------------------------------------------------------------------------------------------


def _image_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, count: int, height: int, width: int, nrow: int) -> Case:
        images = torch.randint(20, 236, (count, height, width, 3), generator=rng, dtype=torch.uint8)
        return Case(label, images=images, nrow=nrow)

    return [
        case("4 pictures, 3 high and 5 wide, 3 in a row", 4, 3, 5, 3),
        case("3 pictures of 3 by 3, 2 in a row", 3, 3, 3, 2),
    ]


@exercise(
    cases=_image_cases,
    points=3,
    minutes=8,
    difficulty=2,
    importance=4,
    checked="The window, how many pictures stand in a row, and the pixels of each picture.",
    hints=(
        "Which dimension holds the colours in `images`, and where does Visdom want it?",
        "Visdom wants (B, C, H, W). `permute` lists the old places of the dimensions in their new order.",
        '`viz.images(images.permute(0, 3, 1, 2), nrow=nrow, win="images", opts=...)`.',
    ),
    why="Files and screens keep the colours last, torch before height and width. `permute` moves them; `view` would not.",
    variant="Show a batch that was normalised with a mean and a standard deviation: undo that first, then look at it without.",
    returns=("page", "pictures"),
    time_limit_s=60.0,  # torchvision may be imported for its grid
    rules=Rules(rtol=0.01),  # who turns whole numbers into fractions may be one of 255 off
)
def show_images(answer: Any, images: torch.Tensor, nrow: int) -> Any:
    count, height, width, _ = images.shape
    with _client() as (viz, shown):
        returned = answer.show_images(viz, images, nrow)
        windows = _windows(shown())
    if returned is ... or (returned is None and not windows):
        return returned
    window = next(iter(windows.values()), {"data": [], "opts": {}})
    in_a_row, pictures = None, None
    if _kind(window) == "image":
        in_a_row, pictures = _cut(_decoded(window["data"][0]["content"]["src"]).float() / 255, count, height, width)
    return f"{_page(windows, 'title')}, in a row: {in_a_row}", pictures


def _decoded(source: str) -> torch.Tensor:
    """The pixels of a picture as it was sent, (H, W, 3)."""
    data = base64.b64decode(source.partition(",")[2])
    return torch.from_numpy(numpy.array(Image.open(io.BytesIO(data)).convert("RGB")))


def _cut(sheet: torch.Tensor, count: int, height: int, width: int) -> tuple[int | None, torch.Tensor | str]:
    """Cut a sheet of pictures apart, whichever way it was put together."""
    for in_a_row in range(count, 0, -1):
        rows = -(-count // in_a_row)
        for padding in range(6):
            for start, step, rest in ((padding + 1, 2 * padding, 0), (padding, padding, padding)):
                if sheet.shape[:2] == (rows * (height + step) + rest, in_a_row * (width + step) + rest):
                    corners = [
                        (start + k // in_a_row * (height + step), start + k % in_a_row * (width + step)) for k in range(count)
                    ]
                    return in_a_row, torch.stack([sheet[top : top + height, left : left + width] for top, left in corners])
    return None, f"{sheet.shape[0]} by {sheet.shape[1]} pixels, which are not {count} pictures of {height} by {width}"


# -- gradients -------------------------------------------------------------------------------------------------------------


def _gradient_cases(rng: torch.Generator) -> list[Case]:
    def net(*frozen: str) -> dict[str, Any]:
        shapes = {"0.weight": (5, 4), "0.bias": (5,), "2.weight": (3, 5), "2.bias": (3,)}
        weights = {name: torch.randn(*shape, generator=rng) for name, shape in shapes.items()}
        gradients = {name: torch.randn(*shape, generator=rng) for name, shape in shapes.items()}
        return {"weights": weights, "gradients": {name: None if name in frozen else g for name, g in gradients.items()}}

    return [
        Case("a net of two layers, 6 bins", **net(), numbins=6),
        Case("the first layer is frozen, 4 bins", **net("0.weight", "0.bias"), numbins=4),
    ]


@exercise(
    cases=_gradient_cases,
    points=3,
    minutes=10,
    difficulty=3,
    importance=4,
    checked="One window for each parameter that has a gradient, and the bars in it; and that the gradients are what they were.",
    hints=(
        "`named_parameters()` gives a name and a parameter; the gradient hangs on the parameter, or is None.",
        "A histogram takes one long row of numbers. The window's name must differ from parameter to parameter.",
        '`viz.histogram(p.grad.flatten(), win=f"gradient of {name}", opts={"numbins": numbins, "title": ...})`, if it is one.',
    ),
    why="A layer whose bars stand in a needle at zero no longer learns; you see it here long before the loss tells.",
    variant="Show the ratio of update to weight for each parameter, as a line over the steps.",
    returns=("windows", "titles", "bars", "gradients are what they were"),
)
def log_gradients(answer: Any, weights: dict[str, torch.Tensor], gradients: dict[str, torch.Tensor | None], numbins: int) -> Any:
    model = torch.nn.Sequential(torch.nn.Linear(4, 5), torch.nn.ReLU(), torch.nn.Linear(5, 3))
    model.load_state_dict(weights)
    for name, parameter in model.named_parameters():
        given = gradients[name]
        parameter.grad = None if given is None else given.clone()
        parameter.requires_grad_(given is not None)
    with _client() as (viz, shown):
        returned = answer.log_gradients(viz, model, numbins)
        windows = _windows(shown())
    if returned is ... or (returned is None and not windows):
        return returned
    now = {name: parameter.grad for name, parameter in model.named_parameters()}
    same = all(
        (now[name] is None) if given is None else (now[name] is not None and torch.equal(now[name], given))
        for name, given in gradients.items()
    )
    bars = [_bars(window) for window in windows.values() if _kind(window) == "bars"]
    even = len({len(one) for one in bars}) == 1
    kinds = {_kind(window) for window in windows.values()}
    titles = [str(window["opts"].get("title")) for window in windows.values()]
    return (
        f"{'/'.join(sorted(kinds))}: {', '.join(windows)}",
        "as their windows" if titles == list(windows) else ", ".join(titles),
        torch.stack(bars) if even else bars,
        same,
    )


def _bars(window: dict[str, Any]) -> torch.Tensor:
    """Where the bars begin and end, and how high they are."""
    bars = window["data"][0]
    return torch.tensor([bars["x"][0], bars["x"][-1], *bars["y"]], dtype=torch.float32)


# -- several runs in one window --------------------------------------------------------------------------------------------


def _run_cases(rng: torch.Generator) -> list[Case]:
    def runs(**lengths: int) -> dict[str, list[float]]:
        return {name: (1 + 8 * torch.rand(count, generator=rng)).tolist() for name, count in lengths.items()}

    return [
        Case("two runs of 3 steps", runs=runs(sgd=3, adam=3)),
        Case("three runs of 3, 5 and 2 steps", runs=runs(small=3, large=5, huge=2)),
    ]


@exercise(
    cases=_run_cases,
    points=3,
    minutes=10,
    difficulty=3,
    importance=4,
    checked="The window, its curves by name, and whether a legend names them.",
    hints=(
        "One window, several curves: what tells one curve of a window from another?",
        "`name=` names a curve. A call that adds a curve must not draw the window anew. The first call switches the legend on.",
        '`viz.line(Y=losses, X=list(range(len(losses))), win="runs", name=name, update="append" if i else None, opts=...)`, '
        'with `"showlegend": True` in opts.',
    ),
    why="Curves in one window share their axes, so they can be compared; runs may end at different steps.",
    variant='Set `opts={"ytype": "log"}`: losses that differ by powers of ten can then be compared.',
    returns=("page", "curves"),
)
def compare_runs(answer: Any, runs: dict[str, list[float]]) -> Any:
    with _client() as (viz, shown):
        returned = answer.compare_runs(viz, runs)
        windows = _windows(shown())
    if returned is ... or (returned is None and not windows):
        return returned
    window = next(iter(windows.values()), {"data": [], "opts": {}})
    opts, curves = window["opts"], window["data"] if _kind(window) in ("line", "points") else []
    legend = bool(opts.get("showlegend", "legend" in opts))
    return (
        f"{_page(windows, 'title')}, {'with' if legend else 'without'} a legend",
        {str(trace["name"]): _curve(trace) for trace in curves},
    )


# -- a dashboard for each experiment ---------------------------------------------------------------------------------------


def _experiment_cases(rng: torch.Generator) -> list[Case]:
    def experiment(lr: float, count: int) -> dict[str, Any]:
        return {"lr": lr, "losses": (1 + 8 * torch.rand(count, generator=rng)).tolist()}

    return [
        Case("one experiment", experiments={"first": experiment(0.5, 4)}),
        Case("two experiments", experiments={"slow": experiment(0.001, 3), "fast": experiment(0.25, 4)}),
    ]


@exercise(
    cases=_experiment_cases,
    points=3,
    minutes=10,
    difficulty=3,
    importance=3,
    checked="The dashboards, the windows on each, and the client's own dashboard afterwards.",
    hints=(
        "A window is found by two names: its own, and that of the dashboard it lies on.",
        "Every plotting call takes `env=`. What is sent without it lands on the client's own dashboard, `main`.",
        '`viz.line(..., win="loss", env=f"course_{name}")` and `viz.text(f"lr = {...}", win="settings", env=...)`.',
    ),
    why="Two windows may both be called `loss`, since each has a dashboard of its own; so the same code logs every experiment.",
    variant="Add a window with the final loss of every experiment to `main`, as a bar chart with `rownames`.",
)
def log_experiments(answer: Any, experiments: dict[str, dict[str, Any]]) -> Any:
    with _client() as (viz, shown):
        returned = answer.log_experiments(viz, experiments)
        windows = {(name, win): window for name, windows in shown().items() for win, window in windows.items()}
        if returned is ... or (returned is None and not windows):
            return returned
        content = {f"{name}/{win}": _content(window) for (name, win), window in windows.items()}
        return content | {"viz.env": str(viz.env)}


def _content(window: dict[str, Any]) -> Any:
    """What a window of lines or of text shows."""
    if _kind(window) == "text":
        return str(window["data"][0]["content"]).strip()
    if _kind(window) == "line":
        return torch.cat([_curve(trace) for trace in window["data"]], dim=1)
    return _kind(window)
