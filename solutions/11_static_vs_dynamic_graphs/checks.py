"""How the exercises of chapter 11 are exercised: the inputs they are checked on, and what is looked at.

A graph is plain data: a dict from a node's name to `(op, [names of its inputs])`. Leaves have the op "placeholder" or "constant".
"""

from collections.abc import Callable
from typing import Any

import torch

from autograder.exercise import Case, Rules, exercise

Graph = dict[str, tuple[str, list[str]]]

OPS: dict[str, Callable[..., torch.Tensor]] = {
    "add": torch.add, "sub": torch.sub, "mul": torch.mul, "mm": torch.mm, "relu": torch.relu, "sum": torch.sum,
}  # fmt: skip

# What arrives at a node, and the node's inputs, give one gradient for each input.
SLOPES: dict[str, Callable[..., tuple[torch.Tensor, ...]]] = {
    "add": lambda grad, a, b: (grad, grad),
    "sub": lambda grad, a, b: (grad, -grad),
    "mul": lambda grad, a, b: (grad * b, grad * a),
    "relu": lambda grad, a: (grad * (a > 0),),
    "sum": lambda grad, a: (grad * torch.ones_like(a),),
}


def _listed(names: list[str], graph: Graph) -> Graph:
    """The same graph, its nodes listed in the order of `names`."""
    return {name: graph[name] for name in names}


def _draw(rng: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    """Random numbers of both signs, none near zero."""
    drawn = torch.randn(*shape, generator=rng, dtype=dtype)
    return drawn + 0.3 * drawn.sign()


def _is_names(value: Any) -> bool:
    return isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value)


# -- topological order -----------------------------------------------------------------------------------------------------

CHAIN: Graph = {
    "loss": ("sum", ["h_relu"]),
    "h_relu": ("relu", ["h"]),
    "h": ("mm", ["x", "w1"]),
    "w1": ("placeholder", []),
    "x": ("placeholder", []),
}
# x reaches `out` by a long way and by a short one; `twice` is wanted by two nodes; names do not follow the order.
SHORTCUT: Graph = {
    "x": ("placeholder", []),
    "scale": ("placeholder", []),
    "twice": ("add", ["x", "x"]),
    "bent": ("relu", ["twice"]),
    "long": ("mul", ["bent", "scale"]),
    "gap": ("sub", ["long", "twice"]),
    "out": ("add", ["x", "gap"]),
}


def _tangled(rng: torch.Generator, graph: Graph) -> Graph:
    """The graph in a drawn order; the node that comes last is listed first and the leaves somewhere in the middle."""
    names = list(graph)
    inner = names[:-1]
    while True:
        drawn = [inner[i] for i in torch.randperm(len(inner), generator=rng).tolist()]
        # In both directions something stands before what it needs; the leaves stand neither first nor last.
        if drawn.index("gap") < drawn.index("bent") and drawn.index("x") < drawn.index("long") < len(drawn) - 1:
            return _listed([names[-1], *drawn], graph)


def _order_cases(rng: torch.Generator) -> list[Case]:
    letters = "abcd"
    tail = {name: ("relu", [letters[(i + 1) % 4]]) for i, name in enumerate(letters)}
    return [
        Case("a chain that is listed from its end", graph=CHAIN),
        Case("a graph with a short cut and a shared node", graph=_tangled(rng, SHORTCUT)),
        Case("four nodes in a circle", graph=tail),
    ]


@exercise(
    cases=_order_cases,
    points=3,
    minutes=12,
    difficulty=3,
    importance=5,
    checked="Which names your order holds, and which node stands before something that it needs.",
    hints=(
        "A node may be written down as soon as all its inputs are written down. Who can go first?",
        "Either visit a node's inputs before the node itself, or go round and round and take whoever is ready.",
        "`def visit(name)`: visit each of `graph[name][1]`, then append `name`; skip who is done, refuse who is being visited.",
    ),
    why="One order, found once, serves every run. A static framework does this work before the first number arrives.",
    variant="Find the nodes that could run at the same time: those whose longest way from a leaf has the same length.",
)
def topological_order(answer: Any, graph: Graph) -> Any:
    order = answer.topological_order(graph)
    if not _is_names(order):
        return order
    place = {name: order.index(name) for name in order}
    early = [
        f"{name} before {needed}"
        for name in order
        if name in graph
        for needed in graph[name][1]
        if place.get(needed, -1) > place[name]
    ]
    return {"names": ", ".join(sorted(order)), "too early": ", ".join(sorted(set(early))) or "none"}


# -- running a graph -------------------------------------------------------------------------------------------------------

LINE: Graph = {
    "out": ("sub", ["bent", "y"]),
    "bent": ("relu", ["h"]),
    "h": ("mm", ["x", "w1"]),
    "y": ("placeholder", []),
    "w1": ("placeholder", []),
    "x": ("placeholder", []),
}
# Each of `two`, `four` and `gap` is wanted twice; `side` is wanted by nobody.
SHARED: Graph = {
    "out": ("mul", ["gap", "eight"]),
    "side": ("relu", ["four"]),
    "eight": ("add", ["four", "gap"]),
    "four": ("mul", ["two", "two"]),
    "gap": ("sub", ["four", "two"]),
    "two": ("sub", ["x", "y"]),
    "x": ("placeholder", []),
    "y": ("placeholder", []),
}


def _run_cases(rng: torch.Generator) -> list[Case]:
    n, d, h = 2, 3, 4
    line = {"x": _draw(rng, n, d), "w1": _draw(rng, d, h), "y": _draw(rng, n, h)}
    shared = {"x": _draw(rng, 3), "y": _draw(rng, 3)}
    by_hand = {"h": _draw(rng, n, h), "y": _draw(rng, n, h)}
    unfed = {name: value for name, value in line.items() if name != "w1"}
    return [
        Case("a chain that is listed from its end", graph=LINE, feed=line, target="out"),
        Case("a graph with shared nodes and one that is not needed", graph=SHARED, feed=shared, target="out"),
        Case("the chain, with h fed by hand", graph=LINE, feed=by_hand, target="out"),
        Case("a placeholder that nobody fed", graph=LINE, feed=unfed, target="out", unfed="w1"),
    ]


@exercise(
    cases=_run_cases,
    points=3,
    minutes=15,
    difficulty=3,
    importance=5,
    checked="The value of the target, how often each op was called, and the feed afterwards.",
    hints=(
        "Start from the target: what must be known before it? What is known already, because it was fed?",
        "Keep a dict of values. Look there first; compute and write down only what is not in it.",
        "`values = dict(feed)`; `def value_of(name)`: not in `values`? Then get its inputs by `value_of`, and call `ops[op]`.",
    ),
    why="Only what the target needs, each node once: the plan depends on the graph and the target, not on the numbers.",
    variant="Take a list of targets, and share the work between them.",
)
def run_graph(answer: Any, graph: Graph, feed: dict[str, torch.Tensor], target: str, unfed: str = "") -> Any:
    calls = {op: 0 for op, _ in graph.values() if op in OPS}

    def counted(op: str) -> Callable[..., torch.Tensor]:
        def call(*inputs: torch.Tensor) -> torch.Tensor:
            calls[op] += 1
            return OPS[op](*inputs)

        return call

    ops = {op: counted(op) for op in calls}
    if not unfed:
        value = answer.run_graph(graph, ops, feed, target)
        return {"value": value, "calls": ", ".join(f"{op} {number}" for op, number in calls.items())}
    try:
        return answer.run_graph(graph, ops, feed, target)
    except KeyError as error:
        return "a KeyError that " + ("names the placeholder" if unfed in str(error) else "does not name the placeholder")


# -- backward --------------------------------------------------------------------------------------------------------------

# `h` is wanted by three nodes. On the way back the `add` is the first to send; its two gradients may be one tensor.
FORK: Graph = {
    "x": ("placeholder", []),
    "w": ("placeholder", []),
    "h": ("mul", ["x", "w"]),
    "stretched": ("mul", ["h", "x"]),
    "shifted": ("add", ["h", "w"]),
    "side": ("relu", ["h"]),
    "scaled": ("mul", ["shifted", "stretched"]),
    "loss": ("sum", ["scaled"]),
}
SQUARE: Graph = {
    "y_pred": ("placeholder", []),
    "y": ("placeholder", []),
    "error": ("sub", ["y_pred", "y"]),
    "squares": ("mul", ["error", "error"]),
    "loss": ("sum", ["squares"]),
}


def _values(graph: Graph, leaves: list[torch.Tensor]) -> dict[str, torch.Tensor]:
    values = dict(zip(graph, leaves, strict=False))
    for name in list(graph)[len(leaves) :]:
        op, inputs = graph[name]
        values[name] = OPS[op](*(values[needed] for needed in inputs))
    return values


def _backward_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, graph: Graph, leaves: int, *shape: int, dtype: torch.dtype = torch.float32) -> Case:
        values = _values(graph, [_draw(rng, *shape, dtype=dtype) for _ in range(leaves)])
        return Case(label, graph=graph, order=list(graph), values=values, target="loss")

    return [
        case("a node that one op uses twice", SQUARE, 2, 3),
        case("a node with several consumers", FORK, 2, 2, 3, dtype=torch.float64),
    ]


@exercise(
    cases=_backward_cases,
    points=3,
    minutes=15,
    difficulty=4,
    importance=5,
    checked="The gradient of every node that the target depends on.",
    hints=(
        "The target's own gradient is 1. From there, walk the order backwards.",
        "When you reach a node, all its consumers have spoken. Its gradient is the sum of what they sent; now it sends on.",
        "For each name in `reversed(order)` with a gradient: `slopes[op](grads[name], *inputs)`; add each to its input's.",
    ),
    why="Going backwards through the order makes sure that a gradient is complete before it is sent on.",
    variant="Build the backward pass as further *nodes* of the graph. That is what static frameworks did: `tf.gradients`.",
    rules=Rules(side_effects=True),
)
def backward_graph(answer: Any, graph: Graph, order: list[str], values: dict[str, torch.Tensor], target: str) -> Any:
    return answer.backward_graph(graph, order, values, SLOPES, target)


# -- a branch inside the graph ---------------------------------------------------------------------------------------------


def _whole(function: Callable[..., Any], *inputs: Any) -> bool:
    """Whether the compiler can catch the function in one graph, without handing anything back to Python."""
    import torch._dynamo

    torch._dynamo.reset()
    try:
        report = torch._dynamo.explain(function)(*inputs)
        return report.graph_count == 1 and report.graph_break_count == 0
    finally:
        torch._dynamo.reset()


def _branch_cases(rng: torch.Generator) -> list[Case]:
    def with_sum(n: int, sign: int, dtype: torch.dtype) -> torch.Tensor:
        """The first element and the largest in size have the other sign than the sum."""
        x = 0.2 + torch.rand(n, generator=rng, dtype=dtype)
        x[0] = -(x.max() + 0.5)
        x[1:] += (x[0].abs() + 1.0) / (n - 1) - x[1:].mean() + 0.1 * torch.rand((), generator=rng, dtype=dtype)
        return sign * x

    f32, f64 = torch.float32, torch.float64
    return [
        Case("a positive sum", x=with_sum(4, 1, f32)),
        Case("a negative sum", x=with_sum(4, -1, f32)),
        Case("all values negative, float64", x=-0.2 - torch.rand(5, generator=rng, dtype=f64)),
    ]


@exercise(
    cases=_branch_cases,
    points=2,
    minutes=8,
    difficulty=2,
    importance=4,
    checked="What your function gives, and whether the compiler can catch it whole, as one graph.",
    hints=(
        "In a graph both branches may be computed. What is left to decide is which of the two results to keep.",
        "`torch.where(condition, a, b)` is an op like any other: the choice becomes a node of the graph.",
        "The condition is one single bool, `x.sum() > 0`; the two results are `2 * x` and `x - 1`.",
    ),
    why="The decision is now data that flows through the graph, so one recording is right for every input.",
    variant="Write it with `torch.cond`, which runs only the branch that is needed.",
    returns=("value", "one graph"),
    time_limit_s=60.0,
)
def branch_in_graph(answer: Any, x: torch.Tensor) -> Any:
    value = answer.branch_in_graph(x)
    if value is None or value is ...:
        return value
    return value, _whole(answer.branch_in_graph, torch.ones_like(x))


# -- counting graphs -------------------------------------------------------------------------------------------------------


def _double_or_subtract(x: torch.Tensor) -> torch.Tensor:
    if x.sum() > 0:
        return 2 * x
    return x - 1


def _by_mode(x: torch.Tensor, mode: str) -> torch.Tensor:
    if mode == "up":
        return 2 * x + 1
    return x - 1


def _total(x: torch.Tensor) -> torch.Tensor:
    return (x * x).sum()


FUNCTIONS: dict[str, Callable[..., torch.Tensor]] = {"branch": _double_or_subtract, "mode": _by_mode, "total": _total}


def _count_cases(rng: torch.Generator) -> list[Case]:
    above, below = 1 + torch.rand(3, generator=rng), -1 - torch.rand(3, generator=rng)
    return [
        Case("a mode given as text", function="mode", calls=[(above, "up"), (below, "up"), (below, "down"), (above, "up")]),
        Case("three dtypes", function="total", calls=[(above,), (above.double(),), (above,), (above.half(),), (below,)]),
        Case("a branch on the data", function="branch", calls=[(above,), (above,), (below,), (above,)]),
    ]


@exercise(
    cases=_count_cases,
    points=2,
    minutes=10,
    difficulty=3,
    importance=4,
    checked="How many graphs the compiler has made after each call.",
    hints=(
        "The compiler hands each graph it makes to its backend. Who could count better than the backend?",
        "A backend is a function: it takes a graph module and example inputs, and returns something to call.",
        "Inside the backend, count and return `graph_module.forward`. Compile once; note the count after each call.",
    ),
    why="A new kind of input makes a new graph, an old kind reuses one. In a training loop the number should soon stand still.",
    variant="Count for a sum of squares on vectors of 3, 4, 5 and 6 elements. Why are there fewer graphs than shapes?",
    time_limit_s=60.0,
)
def count_graphs(answer: Any, function: str, calls: list[tuple[Any, ...]]) -> Any:
    import torch._dynamo

    torch._dynamo.reset()
    try:
        return answer.count_graphs(FUNCTIONS[function], calls)
    finally:
        torch._dynamo.reset()


# -- folding constants -----------------------------------------------------------------------------------------------------

SMALL: Graph = {
    "x": ("placeholder", []),
    "a": ("constant", []),
    "y": ("placeholder", []),
    "b": ("constant", []),
    "gap": ("sub", ["a", "b"]),
    "moved": ("sub", ["x", "y"]),
}
DEEPER: Graph = {
    "a": ("constant", []),
    "x": ("placeholder", []),
    "b": ("constant", []),
    "c": ("constant", []),
    "shift": ("sub", ["a", "b"]),
    "moved": ("add", ["x", "shift"]),
    "factor": ("mul", ["shift", "c"]),
    "root": ("sub", ["c", "factor"]),
    "out": ("mul", ["moved", "root"]),
}


def _fold_cases(rng: torch.Generator) -> list[Case]:
    def constants(graph: Graph, *shape: int) -> dict[str, torch.Tensor]:
        return {name: _draw(rng, *shape) for name, (op, _) in graph.items() if op == "constant"}

    return [
        Case("one node to fold", graph=SMALL, order=list(SMALL), constants=constants(SMALL, 2)),
        Case("a chain of nodes to fold", graph=DEEPER, order=list(DEEPER), constants=constants(DEEPER, 3)),
    ]


@exercise(
    cases=_fold_cases,
    points=2,
    minutes=10,
    difficulty=3,
    importance=3,
    checked="The new graph, the new constants, and the old ones, which must be as they were.",
    hints=(
        "A node that depends on constants alone gives the same value in every run. Compute it now.",
        "Go through the order. A folded node is a constant itself from then on, and may let the next one fold.",
        "Work on copies. Fold if there are inputs, and all are in the *new* constants; a placeholder has no inputs at all.",
    ),
    why="Only possible because the graph is known before it runs. Eager code computes the same constants in every step.",
    variant="Drop the constants that no node uses any more.",
    returns=("constants in the graph", "other nodes", "their values"),
)
def fold_constants(answer: Any, graph: Graph, order: list[str], constants: dict[str, torch.Tensor]) -> Any:
    result = answer.fold_constants(graph, order, constants, OPS)
    if not (isinstance(result, (tuple, list)) and len(result) == 2 and all(isinstance(part, dict) for part in result)):
        return result
    folded, known = result
    # As text, so that a list and a tuple of inputs are the same thing.
    nodes = {name: _node_text(folded[name]) for name in sorted(folded)}
    constant = ", ".join(name for name, text in nodes.items() if text == "constant()")
    others = ", ".join(f"{name} = {text}" for name, text in nodes.items() if text != "constant()")
    return constant, others, {name: known[name] for name in sorted(known)}


def _node_text(node: Any) -> str:
    try:
        op, inputs = node
        return f"{op}({', '.join(inputs)})"
    except (TypeError, ValueError):
        return f"a {type(node).__name__} that is no (op, inputs)"


# -- the repaired clip -----------------------------------------------------------------------------------------------------


def _clip_cases(rng: torch.Generator) -> list[Case]:
    def case(label: str, factor: float, dtype: torch.dtype) -> Case:
        gradients = [_draw(rng, 2, 3, dtype=dtype), 2 * _draw(rng, 4, dtype=dtype)]
        norm = sum(gradient.square().sum().item() for gradient in gradients) ** 0.5
        return Case(label, gradients=gradients, limit=round(factor * norm, 3))

    # Below: the limit is above the common norm, yet below the sum of the two norms.
    return [
        case("gradients far above the limit", 0.3, torch.float32),
        case("gradients just below the limit, float64", 1.02, torch.float64),
    ]


@exercise(
    cases=_clip_cases,
    points=2,
    minutes=12,
    difficulty=3,
    importance=4,
    checked="The clipped gradients, their norm, whether yours were left alone, and whether the compiler can catch it whole.",
    hints=(
        "Read each line twice: is the formula right? And does it need a *number* while the graph is being made?",
        "All squares are added, then comes one root. And 'shrink, if too long' is a factor that is never larger than 1.",
        "`factor = (limit / norm).clamp(max=1)` is a tensor; multiply each gradient by it, into a new list.",
    ),
    why="Nothing in it asks for a value any more, so the same lines run eagerly, compiled, exported and on any device.",
    variant="Compare with `torch.nn.utils.clip_grad_norm_`, and find the small number that it adds to the norm.",
    returns=("clipped", "norm", "one graph"),
    time_limit_s=60.0,
)
def repaired_clip(answer: Any, gradients: list[torch.Tensor], limit: float) -> Any:
    spare = [gradient.clone() for gradient in gradients]
    result = answer.repaired_clip(gradients, limit)
    if not (isinstance(result, (tuple, list)) and len(result) == 2 and isinstance(result[0], (tuple, list))):
        return result
    clipped, norm = result
    return list(clipped), norm, _whole(answer.repaired_clip, spare, limit)
