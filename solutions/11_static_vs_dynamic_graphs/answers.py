"""Known wrong answers of chapter 11, each with the hint it earns, and other right answers that must pass."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

WRONG = {
    "topological_order": [
        WrongAnswer(
            "as_listed",
            "You returned the names in the order in which the graph lists them.",
            "The listing promises nothing. Look at each node's inputs: all of them must stand before it.",
            "def topological_order(graph):\n    return list(graph)",
        ),
        WrongAnswer(
            "listing_reversed",
            "You turned the listing round. That is right for a chain that is listed from its end, and for little else.",
            "Let the inputs decide, not the listing.",
            "def topological_order(graph):\n    return list(graph)[::-1]",
        ),
        WrongAnswer(
            "node_before_its_inputs",
            "You wrote a node down first and visited its inputs afterwards: consumers stand before what they need.",
            "Visit all the inputs, and write the node down when you come back from them.",
            (
                Swap("        order.append(name)\n", ""),
                Swap("visiting.add(name)", "visiting.add(name)\n        order.append(name)"),
                Swap(
                    '        if name in order:\n            return\n        if name in visiting:\n            raise ValueError(f"{name} needs itself")\n',
                    "        if name in order:\n            return\n",
                ),
            ),
        ),
        WrongAnswer(
            "shared_nodes_twice",
            "You wrote a node down again each time that somebody needed it.",
            "Before you visit a node, ask whether it is done already.",
            (
                Swap("        if name in order:\n            return\n", ""),
                Swap("order.append(name)", "order.append(name)\n        visiting.remove(name)"),
            ),
        ),
        WrongAnswer(
            "sorted_by_shortest_way",
            "You sorted by the shortest way from a leaf. A node with a short way and a long one comes too early then.",
            "What counts is the last of its inputs, not the first: the longest way.",
            """
def topological_order(graph):
    level = {name: 0 for name, (_, inputs) in graph.items() if not inputs}
    if not level:
        raise ValueError("a circle")
    while len(level) < len(graph):
        for name, (_, inputs) in graph.items():
            known = [level[needed] for needed in inputs if needed in level]
            if name not in level and known:
                level[name] = 1 + min(known)
    return sorted(graph, key=lambda name: level[name])
""",
        ),
        WrongAnswer(
            "circle_not_noticed",
            "Your order is right, but a circle makes your function call itself until Python gives up.",
            "Remember which nodes are being visited. To meet one of them again means a circle: raise a ValueError.",
            Swap('        if name in visiting:\n            raise ValueError(f"{name} needs itself")\n', ""),
        ),
        WrongAnswer(
            "circle_left_out",
            "Your order is right, but nodes in a circle are left out without a word.",
            "When nobody is ready and names are left, there is no order: raise a ValueError.",
            """
def topological_order(graph):
    order = []
    while True:
        ready = [n for n in graph if n not in order and all(needed in order for needed in graph[n][1])]
        if not ready:
            return order
        order += ready
""",
        ),
        WrongAnswer(
            "one_pass_only",
            "You went through the listing once and took who was ready then. Those who became ready later are missing.",
            "Go round again until nobody is left.",
            """
def topological_order(graph):
    order = []
    for name, (_, inputs) in graph.items():
        if all(needed in order for needed in inputs):
            order.append(name)
    if not order:
        raise ValueError("a circle")
    return order
""",
        ),
        WrongAnswer(
            "placeholders_left_out",
            "Your order holds only the nodes that are computed. The placeholders are missing.",
            "Every name of the graph belongs into the list, the leaves too.",
            Swap("return order\n", 'return [name for name in order if graph[name][0] != "placeholder"]\n'),
        ),
        WrongAnswer(
            "order_turned_round",
            "You found a good order and returned it backwards.",
            "That order is the one for the way back. Here inputs come first.",
            Swap("    return order\n", "    return order[::-1]\n"),
        ),
    ],
    "run_graph": [
        WrongAnswer(
            "as_listed",
            "You computed the nodes in the order in which they are listed, and met one whose inputs are not known yet.",
            "Start from the target, and ask for what it needs first.",
            """
def run_graph(graph, ops, feed, target):
    values = dict(feed)
    for name, (op, inputs) in graph.items():
        if name not in values and op != "placeholder":
            values[name] = ops[op](*[values[needed] for needed in inputs])
    return values[target]
""",
        ),
        WrongAnswer(
            "shared_nodes_anew",
            "Your value is right, but a node that several others need was computed once for each of them.",
            "Write each value down when it is computed, and look there first.",
            Swap(
                "values[name] = ops[op](*[value_of(needed) for needed in inputs])",
                "return ops[op](*[value_of(needed) for needed in inputs])",
            ),
        ),
        WrongAnswer(
            "everything_computed",
            "Your value is right, but you computed the whole graph. Nobody asked for some of its nodes.",
            "Start from the target and go only where it leads.",
            """
def run_graph(graph, ops, feed, target):
    values, left = dict(feed), set(graph) - set(feed)
    while left:
        ready = [n for n in left if graph[n][0] != "placeholder" and all(i in values for i in graph[n][1])]
        if not ready:
            break
        for name in ready:
            op, inputs = graph[name]
            values[name] = ops[op](*[values[needed] for needed in inputs])
        left -= set(ready)
    if target not in values:
        raise KeyError(next(n for n in left if graph[n][0] == "placeholder"))
    return values[target]
""",
        ),
        WrongAnswer(
            "feed_written_into",
            "Your value is right, but you kept your results in the caller's feed. The next run would take them for fed values.",
            "Work on a copy of the dict.",
            Swap("values = dict(feed)", "values = feed"),
        ),
        WrongAnswer(
            "only_placeholders_fed",
            "You use the feed for placeholders only. A node in the middle that was fed by hand is computed all the same.",
            "Ask first whether a name is in the feed, whatever its op is.",
            (
                Swap("values = dict(feed)", "values = {}"),
                Swap(
                    "                raise KeyError(name)\n            values[name] =",
                    "                return feed[name]\n            values[name] =",
                ),
            ),
        ),
        WrongAnswer(
            "inputs_turned_round",
            "You hand the inputs to the op in another order. For a sum this does not matter, for a difference or a matrix product it does.",
            "Keep the order in which the graph lists the inputs.",
            Swap("for needed in inputs]", "for needed in inputs[::-1]]"),
        ),
        WrongAnswer(
            "zeros_for_unfed",
            "You put a zero where a placeholder was not fed. The result is a number, and means nothing.",
            "A missing value must be loud: raise a KeyError with the name.",
            Swap("raise KeyError(name)", "return torch.zeros(3, 4)"),
        ),
        WrongAnswer(
            "remembered_by_op",
            "You remember values by the op and not by the name: the second node with the same op gets the first one's value.",
            "The key of a value is its node's name.",
            (
                Swap(
                    "values[name] = ops[op](*[value_of(needed) for needed in inputs])\n        return values[name]",
                    "inputs = [value_of(needed) for needed in inputs]\n            values[op] = values[op] if op in values else ops[op](*inputs)\n            return values[op]\n        return values[name]",
                ),
            ),
        ),
        WrongAnswer(
            "op_is_no_function",
            "You looked a placeholder up among the ops. The error names its op and not the placeholder that is missing.",
            "Before you compute a node, ask whether it is a placeholder, and raise a KeyError with its own name.",
            Swap('            if op == "placeholder":\n                raise KeyError(name)\n', ""),
        ),
    ],
    "backward_graph": [
        WrongAnswer(
            "last_consumer_wins",
            "Each consumer overwrites what the one before it sent. Only the last gradient is left.",
            "If a node has a gradient already, add to it.",
            Swap("grads[needed] + slope if needed in grads else slope", "slope"),
        ),
        WrongAnswer(
            "first_consumer_wins",
            "You keep what the first consumer sent, and drop what the others send.",
            "If a node has a gradient already, add to it.",
            Swap("grads[needed] = grads[needed] + slope if needed in grads else slope", "grads.setdefault(needed, slope)"),
        ),
        WrongAnswer(
            "forwards_through_the_order",
            "You went through the order forwards. When you came to most nodes, no gradient had arrived there yet.",
            "Begin at the target: walk the order backwards.",
            Swap("reversed(order)", "order"),
        ),
        WrongAnswer(
            "starts_from_the_loss",
            "You started from the value of the target. Its gradient with respect to itself is 1, whatever its value.",
            "Put a 1 of the target's shape and dtype there.",
            Swap("torch.ones_like(values[target])", "values[target]"),
        ),
        WrongAnswer(
            "adds_in_place",
            "You added with `+=` in place. The rule of `add` sends one tensor to both inputs, so you changed somebody else's gradient too.",
            "Make a new tensor: `a + b`.",
            Swap(
                "            grads[needed] = grads[needed] + slope if needed in grads else slope\n",
                "            if needed in grads:\n                grads[needed] += slope\n            else:\n                grads[needed] = slope\n",
            ),
        ),
        WrongAnswer(
            "one_gradient_per_name",
            "An op that uses one node twice sends two gradients to it. You kept one, since a dict has one place for each name.",
            "Go through the pairs of input and gradient one by one, and add.",
            Swap("in zip(inputs, sent, strict=True):", "in dict(zip(inputs, sent, strict=True)).items():"),
        ),
        WrongAnswer(
            "sent_on_too_often",
            "You send a node's gradient on each time that something arrives there, and each time all that has arrived so far.",
            "Wait until every consumer has spoken: the order, read backwards, tells you when.",
            """
def backward_graph(graph, order, values, slopes, target):
    grads = {}

    def push(name, grad):
        grads[name] = grads[name] + grad if name in grads else grad
        op, inputs = graph[name]
        if inputs:
            sent = slopes[op](grads[name], *[values[needed] for needed in inputs])
            for needed, slope in zip(inputs, sent):
                push(needed, slope)

    push(target, torch.ones_like(values[target]))
    return grads
""",
        ),
        WrongAnswer(
            "zeros_for_the_rest",
            "Your gradients are right, but nodes that the target does not depend on have an entry as well.",
            "No entry for those: start with the target alone, and skip a node that nothing was sent to.",
            Swap(
                "grads = {target: torch.ones_like(values[target])}",
                "grads = {name: torch.zeros_like(value) for name, value in values.items()}\n    grads[target] = torch.ones_like(values[target])",
            ),
        ),
        WrongAnswer(
            "arriving_gradient_ignored",
            "You hand a 1 to every rule. So each node tells its own slope only, and what arrives from above gets lost.",
            "The chain rule multiplies: give the rule the gradient of the node.",
            Swap("slopes[op](grads[name],", "slopes[op](torch.ones_like(values[name]),"),
        ),
        WrongAnswer(
            "leaves_only",
            "Your gradients are right, but you returned those of the placeholders only.",
            "Asked for is every node that the target depends on, the target included.",
            Swap(
                "    return grads\n",
                '    return {name: grad for name, grad in grads.items() if graph[name][0] == "placeholder"}\n',
            ),
        ),
    ],
    "branch_in_graph": [
        WrongAnswer(
            "python_decides",
            "Your values are right, but Python makes the decision, from a value: the graph must be left for it.",
            "Let an op choose between the two results. Is there an `if`, an `.item()` or a `bool()` in it?",
            "def branch_in_graph(x):\n    if x.sum() > 0:\n        return 2 * x\n    return x - 1",
            also=(
                "def branch_in_graph(x):\n    return 2 * x if x.sum().item() > 0 else x - 1",
                "def branch_in_graph(x):\n    up = float(x.sum() > 0)\n    return up * 2 * x + (1 - up) * (x - 1)",
                Swap("return torch.where", "print(x.sum())\n    return torch.where"),
            ),
        ),
        WrongAnswer(
            "each_element_decides",
            "You decide for each element by itself. One decision holds for all of x: the sign of its sum.",
            "The condition is a single bool. `where` stretches it over all elements.",
            Swap("x.sum() > 0", "x > 0"),
        ),
        WrongAnswer(
            "sides_swapped",
            "You took the other side: doubled below zero, and subtracted above.",
            "`where(condition, a, b)` gives a where the condition is true.",
            Swap("2 * x, x - 1", "x - 1, 2 * x"),
        ),
        WrongAnswer(
            "always_doubled",
            "You took the upper side for every input, as a recording of a positive example would.",
            "The decision itself must be part of the graph.",
            Swap("torch.where(x.sum() > 0, 2 * x, x - 1)", "2 * x"),
        ),
        WrongAnswer(
            "first_element_decides",
            "You look at the first element only. It may have another sign than the sum.",
            "The condition asks about the sum of all elements.",
            Swap("x.sum() > 0", "x[0] > 0"),
        ),
        WrongAnswer(
            "any_element_decides",
            "You ask whether some element is above zero. That may be so although the sum is below.",
            "The condition asks about the sum of all elements.",
            Swap("x.sum() > 0", "(x > 0).any()"),
        ),
        WrongAnswer(
            "sides_added",
            "You added the two sides: where one is chosen, the other must not count.",
            "Set the side that is not chosen to zero, or choose with `where`.",
            Swap("torch.where(x.sum() > 0, 2 * x, x - 1)", "torch.where(x.sum() > 0, 2 * x, 0) + (x - 1)"),
        ),
        WrongAnswer(
            "writes_into_x",
            "Your result is right, but the caller's x was changed as well.",
            "`copy_`, `*=` and their kind write into the tensor they are given. Return a new one.",
            Swap("return torch.where(x.sum() > 0, 2 * x, x - 1)", "return x.copy_(torch.where(x.sum() > 0, 2 * x, x - 1))"),
        ),
    ],
    "count_graphs": [
        WrongAnswer(
            "grows_with_every_call",
            "Your count grows with every call, by all the graphs that the call runs. Asked for is how often a graph is *made*.",
            "Count in the backend's own body, not where the graph runs; and compile once, before the loop.",
            Swap(
                "        nonlocal made\n        made += 1\n        return graph_module.forward\n",
                "        def run(*inputs):\n            nonlocal made\n            made += 1\n            return graph_module.forward(*inputs)\n\n        return run\n",
            ),
            also=(
                (
                    Swap("    compiled = torch.compile(function, backend=backend)\n", ""),
                    Swap(
                        "        compiled(*arguments)",
                        "        torch._dynamo.reset()\n        torch.compile(function, backend=backend)(*arguments)",
                    ),
                ),
            ),
        ),
        WrongAnswer(
            "new_ones_of_each_call",
            "You list how many graphs each call *added*. Asked for is how many there are so far.",
            "Do not set the count back to zero between two calls.",
            Swap("counts.append(made)", "counts.append(made)\n        made = 0"),
        ),
        WrongAnswer(
            "only_the_total",
            "You returned the total at the end. Asked for is the count after each call, as a list.",
            "Append the count inside the loop.",
            Swap("return counts", "return made"),
        ),
        WrongAnswer(
            "counts_ops",
            "You count the nodes inside the graphs. Asked for is the number of graphs.",
            "One call of the backend is one graph, however large it is.",
            Swap("made += 1", "made += len(graph_module.graph.nodes)"),
        ),
        WrongAnswer(
            "backend_never_asked",
            "Your count stays at zero: your backend was never asked to make a graph.",
            "Hand it over, `torch.compile(function, backend=...)`, and call the function that you get back, not the plain one.",
            Swap("compiled(*arguments)", "function(*arguments)"),
            also=(Swap("backend=backend", 'backend="eager"'),),
        ),
        WrongAnswer(
            "counted_before_the_call",
            "You noted the count before each call: every number comes one call too late.",
            "Call first, then note.",
            Swap("compiled(*arguments)\n        counts.append(made)", "counts.append(made)\n        compiled(*arguments)"),
        ),
        WrongAnswer(
            "backend_returns_nothing",
            "Your backend counts, but gives nothing back that could be run.",
            "Return `graph_module.forward` from it.",
            Swap("        return graph_module.forward\n", ""),
        ),
        WrongAnswer(
            "counts_calls",
            "You count the calls. A call that fits a graph that is there already makes no new one.",
            "Let the backend count: it is called only when a graph is made.",
            Swap("counts.append(made)", "counts.append(len(counts) + 1)"),
        ),
    ],
    "fold_constants": [
        WrongAnswer(
            "folds_one_level",
            "You fold only what stands directly on the old constants. A folded node did not become a constant for the next one.",
            "Ask whether the inputs are in the *new* dict of constants, which grows as you fold.",
            Swap("all(needed in known for needed in inputs)", "all(needed in constants for needed in inputs)"),
        ),
        WrongAnswer(
            "folds_placeholders",
            "You tried to compute a placeholder: it has no inputs, so all of them are constants.",
            "Fold only nodes that have inputs.",
            Swap("if inputs and all", "if all"),
        ),
        WrongAnswer(
            "one_constant_is_enough",
            "You fold a node as soon as *one* of its inputs is a constant. The other one is not known before the run.",
            "All inputs must be constants.",
            Swap("all(needed", "any(needed"),
        ),
        WrongAnswer(
            "changes_the_graph",
            "Your result is right, but you wrote into the caller's graph.",
            "Make a copy of the dict first.",
            Swap("folded, known = dict(graph), dict(constants)", "folded, known = graph, dict(constants)"),
        ),
        WrongAnswer(
            "changes_the_constants",
            "Your result is right, but you wrote into the caller's constants.",
            "Make a copy of the dict first.",
            Swap("dict(graph), dict(constants)", "dict(graph), constants"),
        ),
        WrongAnswer(
            "node_stays_an_op",
            "You computed the values, but in the graph the folded nodes are still ops: a run would compute them again.",
            'Replace the node in the new graph by `("constant", [])`.',
            Swap('            folded[name] = ("constant", [])\n', ""),
        ),
        WrongAnswer(
            "folded_node_removed",
            "You removed the folded nodes from the graph. Those behind them still name them as inputs.",
            "A folded node stays, as a constant.",
            Swap('folded[name] = ("constant", [])', "del folded[name]"),
        ),
        WrongAnswer(
            "old_constants_lost",
            "Your second dict holds the folded values only. The old constants are still in the graph, and need theirs.",
            "Begin with a copy of the old constants, and add to it.",
            Swap("return folded, known", "return folded, {name: known[name] for name in known if name not in constants}"),
        ),
        WrongAnswer(
            "inputs_turned_round",
            "You hand the inputs to the op in another order: differences have the opposite sign.",
            "Keep the order in which the graph lists the inputs.",
            Swap("for needed in inputs])", "for needed in inputs[::-1]])"),
        ),
    ],
    "repaired_clip": [
        WrongAnswer(
            "sum_of_norms",
            "You add the norms. Lengths do not add: the common norm is the root of the sum of all squares.",
            "Add squares, over all gradients, and take one root at the end.",
            (
                Swap("gradient.square().sum()", "gradient.norm()"),
                Swap("total.sqrt()", "total"),
            ),
        ),
        WrongAnswer(
            "python_decides",
            "Your numbers are right, but something needs a value before the graph goes on: an `if`, an `.item()` or a `float()`.",
            "Write 'shrink if too long' as a factor that is never larger than 1, and keep the norm a tensor.",
            """
def repaired_clip(gradients, limit):
    norm = sum(gradient.square().sum() for gradient in gradients).sqrt()
    if norm > limit:
        return [gradient * (limit / norm) for gradient in gradients], norm
    return [gradient.clone() for gradient in gradients], norm
""",
            also=(
                """
def repaired_clip(gradients, limit):
    norm = sum(gradient.square().sum().item() for gradient in gradients) ** 0.5
    factor = min(1.0, limit / norm)
    return [gradient * factor for gradient in gradients], norm
""",
                """
def repaired_clip(gradients, limit):
    norm = sum(gradient.square().sum() for gradient in gradients).sqrt()
    factor = min(1.0, limit / float(norm))
    return [gradient * factor for gradient in gradients], norm
""",
            ),
        ),
        WrongAnswer(
            "writes_into_the_gradients",
            "Your numbers are right, but the caller's gradients were changed.",
            "`*=` and `mul_` write in place. Multiply into new tensors.",
            Swap("[gradient * factor for gradient in gradients]", "[gradient.mul_(factor) for gradient in gradients]"),
        ),
        WrongAnswer(
            "grows_small_gradients",
            "You scale every time: gradients below the limit are made *larger*.",
            "The factor may shrink, never grow: it is at most 1.",
            Swap("(limit / norm).clamp(max=1)", "limit / norm"),
        ),
        WrongAnswer(
            "each_by_its_own_norm",
            "You clip each gradient by its own norm. Their common direction changes then.",
            "One norm and one factor for all of them together.",
            Swap(
                "[gradient * factor for gradient in gradients]",
                "[gradient * (limit / gradient.norm()).clamp(max=1) for gradient in gradients]",
            ),
        ),
        WrongAnswer(
            "root_forgotten",
            "You compare the sum of the squares with the limit: the root is missing.",
            "The norm is the root of that sum.",
            Swap("total.sqrt()", "total"),
        ),
        WrongAnswer(
            "never_shrinks",
            "Your factor is at least 1: it grows what is small, and leaves alone what is too long.",
            "The factor must be at *most* 1. Which bound of `clamp` is that?",
            Swap("clamp(max=1)", "clamp(min=1)"),
        ),
        WrongAnswer(
            "values_clamped",
            "You cut off each value at the limit. That turns the gradient; clipping by the norm only shortens it.",
            "Multiply all values by one factor.",
            Swap("[gradient * factor for gradient in gradients]", "[gradient.clamp(-limit, limit) for gradient in gradients]"),
        ),
        WrongAnswer(
            "norm_after_clipping",
            "Your gradients are right; the norm that you returned is the one *after* clipping.",
            "The caller wants to know how large it was before.",
            Swap("for gradient in gradients], norm", "for gradient in gradients], norm * factor"),
        ),
        WrongAnswer(
            "the_first_copy",
            "You mended the tensors that are written into, but the norm is still the sum of the norms, and Python still decides.",
            "Two mistakes are left: the formula of the norm, and what keeps it from being one graph.",
            """
def repaired_clip(gradients, limit):
    norm = 0.0
    for gradient in gradients:
        norm += gradient.norm().item()
    if norm > limit:
        gradients = [gradient * (limit / norm) for gradient in gradients]
    return gradients, norm
""",
        ),
    ],
}

RIGHT = {
    "topological_order": [
        RightAnswer(
            "rounds_of_the_ready",
            """
def topological_order(graph):
    order, left = [], dict(graph)
    while left:
        ready = [name for name, (_, inputs) in left.items() if not any(needed in left for needed in inputs)]
        if not ready:
            raise ValueError("there is a circle")
        for name in ready:
            order.append(name)
            del left[name]
    return order
""",
        ),
        RightAnswer(
            "counts_missing_inputs",
            """
def topological_order(graph):
    missing = {name: len(set(inputs)) for name, (_, inputs) in graph.items()}
    ready = [name for name, count in missing.items() if count == 0]
    done = []
    while ready:
        name = ready.pop(0)
        done.append(name)
        for other, (_, inputs) in graph.items():
            if name in inputs:
                missing[other] -= 1
                if missing[other] == 0:
                    ready.append(other)
    if len(done) != len(graph):
        raise ValueError("circle")
    return done
""",
        ),
        RightAnswer(
            "the_standard_library",
            """
def topological_order(graph):
    from graphlib import CycleError, TopologicalSorter

    try:
        return list(TopologicalSorter({name: inputs for name, (_, inputs) in graph.items()}).static_order())
    except CycleError as error:
        raise ValueError("no order") from error
""",
        ),
    ],
    "run_graph": [
        RightAnswer(
            "needed_first_then_in_rounds",
            """
def run_graph(graph, ops, feed, target):
    needed, waiting = set(), [target]
    while waiting:
        name = waiting.pop()
        if name in needed or name in feed:
            continue
        needed.add(name)
        if graph[name][0] == "placeholder":
            raise KeyError(f"nobody fed {name}")
        waiting.extend(graph[name][1])
    values = {**feed}
    while needed:
        for name in list(needed):
            op, inputs = graph[name]
            if all(i in values for i in inputs):
                values[name] = ops[op](*(values[i] for i in inputs))
                needed.remove(name)
    return values[target]
""",
        ),
        RightAnswer(
            "recursion_with_a_stack_of_its_own",
            """
def run_graph(graph, ops, feed, target):
    known = feed.copy()
    stack = [target]
    while stack:
        name = stack[-1]
        if name in known:
            stack.pop()
            continue
        op, inputs = graph[name]
        if op == "placeholder":
            raise KeyError(name)
        missing = [i for i in inputs if i not in known]
        if missing:
            stack += missing
        else:
            known[name] = ops[op](*map(known.get, inputs))
    return known[target]
""",
        ),
        RightAnswer(
            "cached_function",
            """
def run_graph(graph, ops, feed, target):
    from functools import lru_cache

    @lru_cache(maxsize=None)
    def get(name):
        if name in feed:
            return feed[name]
        op, inputs = graph[name]
        return feed[name] if op == "placeholder" else ops[op](*(get(i) for i in inputs))

    return get(target)
""",
        ),
    ],
    "backward_graph": [
        RightAnswer(
            "asks_the_consumers",
            """
def backward_graph(graph, order, values, slopes, target):
    result = {}
    for name in order[::-1]:
        parts = [torch.ones_like(values[target])] if name == target else []
        for consumer, (op, inputs) in graph.items():
            if name in inputs and consumer in result:
                sent = slopes[op](result[consumer], *(values[i] for i in inputs))
                parts += [s for i, s in zip(inputs, sent) if i == name]
        if parts:
            result[name] = sum(parts[1:], parts[0])
    return result
""",
        ),
        RightAnswer(
            "sends_along_every_way",
            """
def backward_graph(graph, order, values, slopes, target):
    grads = {}

    def send(name, grad):
        grads[name] = grads.get(name, 0) + grad
        op, inputs = graph[name]
        if inputs:
            for needed, part in zip(inputs, slopes[op](grad, *[values[i] for i in inputs])):
                send(needed, part)

    send(target, torch.ones((), dtype=values[target].dtype))
    return grads
""",
        ),
        RightAnswer(
            "collects_lists_first",
            """
def backward_graph(graph, order, values, slopes, target):
    arrived = {name: [] for name in order}
    arrived[target].append(torch.tensor(1.0, dtype=values[target].dtype))
    total = {}
    for k in range(len(order) - 1, -1, -1):
        name = order[k]
        if not arrived[name]:
            continue
        total[name] = torch.stack(arrived[name]).sum(dim=0)
        op, inputs = graph[name]
        if op != "placeholder":
            for one, grad in zip(inputs, slopes[op](total[name], *[values[i] for i in inputs])):
                arrived[one].append(grad)
    return total
""",
        ),
        RightAnswer(
            "copies_and_adds_in_place",
            """
def backward_graph(graph, order, values, slopes, target):
    grads = {target: torch.ones_like(values[target])}
    for name in filter(grads.__contains__, reversed(order)):
        op, inputs = graph[name]
        if not inputs:
            continue
        for needed, slope in zip(inputs, slopes[op](grads[name], *[values[i] for i in inputs])):
            if needed in grads:
                grads[needed] += slope
            else:
                grads[needed] = slope.clone()
    return grads
""",
        ),
    ],
    "branch_in_graph": [
        RightAnswer(
            "cond",
            """
def branch_in_graph(x):
    return torch.cond(x.sum() > 0, lambda t: 2 * t, lambda t: t - 1, (x,))
""",
        ),
        RightAnswer(
            "mask_as_a_number",
            """
def branch_in_graph(x):
    up = (x.sum() > 0).to(x.dtype)
    return up * (2 * x) + (1 - up) * (x - 1)
""",
        ),
        RightAnswer(
            "what_is_added",
            """
def branch_in_graph(x):
    return x + torch.where(x.mean() > 0, x, -torch.ones_like(x))
""",
        ),
        RightAnswer(
            "chosen_by_index",
            """
def branch_in_graph(x):
    both = torch.stack([x - 1, x * 2])
    return both.index_select(0, (x.sum() > 0).long().view(1)).squeeze(0)
""",
        ),
    ],
    "count_graphs": [
        RightAnswer(
            "torchs_own_counter",
            """
def count_graphs(function, calls):
    from torch._dynamo.testing import CompileCounter

    counter = CompileCounter()
    f = torch.compile(function, backend=counter)
    result = []
    for c in calls:
        f(*c)
        result.append(counter.frame_count)
    return result
""",
        ),
        RightAnswer(
            "collects_the_graphs",
            """
def count_graphs(function, calls):
    graphs = []

    def keep(module, inputs):
        graphs.append(module)
        return module

    run = torch.compile(function, backend=keep)

    def after(arguments):
        run(*arguments)
        return len(graphs)

    return [after(arguments) for arguments in calls]
""",
        ),
        RightAnswer(
            "a_class_that_counts",
            """
def count_graphs(function, calls):
    class Counter:
        n = 0

        def __call__(self, gm, example_inputs):
            self.n += 1
            return gm.forward

    torch._dynamo.reset()
    counter = Counter()
    compiled = torch.compile(backend=counter)(function)
    return [(compiled(*arguments), counter.n)[1] for arguments in calls]
""",
        ),
    ],
    "fold_constants": [
        RightAnswer(
            "built_up_from_nothing",
            """
def fold_constants(graph, order, constants, ops):
    new, values = {}, {**constants}
    for name in order:
        op, inputs = graph[name]
        fixed = len(inputs) > 0 and set(inputs) <= set(values)
        if fixed:
            values[name] = ops[op](*map(values.__getitem__, inputs))
        new[name] = ("constant", []) if fixed else (op, list(inputs))
    return new, values
""",
        ),
        RightAnswer(
            "until_nothing_changes",
            """
def fold_constants(graph, order, constants, ops):
    graph, constants = graph.copy(), constants.copy()
    changed = True
    while changed:
        changed = False
        for name, (op, inputs) in list(graph.items()):
            if op in ops and all(graph[i][0] == "constant" for i in inputs):
                constants[name] = ops[op](*[constants[i] for i in inputs])
                graph[name] = ("constant", ())
                changed = True
    return graph, constants
""",
        ),
        RightAnswer(
            "asks_what_depends_on_a_placeholder",
            """
def fold_constants(graph, order, constants, ops):
    moving, known = set(), dict(constants)
    for name in order:
        op, inputs = graph[name]
        if op == "placeholder" or moving.intersection(inputs):
            moving.add(name)
        elif name not in known:
            known[name] = ops[op](*[known[i] for i in inputs])
    return {n: (graph[n] if n in moving else ("constant", [])) for n in graph}, known
""",
        ),
    ],
    "repaired_clip": [
        RightAnswer(
            "one_long_vector",
            """
def repaired_clip(gradients, limit):
    norm = torch.cat([g.flatten() for g in gradients]).norm()
    return [g * torch.where(norm > limit, limit / norm, 1.0) for g in gradients], norm
""",
        ),
        RightAnswer(
            "norm_of_norms",
            """
def repaired_clip(gradients, limit):
    norm = torch.stack([g.norm() for g in gradients]).norm()
    scale = torch.minimum(limit / norm, torch.ones_like(norm))
    clipped = []
    for g in gradients:
        clipped.append(scale * g)
    return clipped, norm
""",
        ),
        RightAnswer(
            "divides_by_the_larger",
            """
def repaired_clip(gradients, limit):
    norm = torch.sqrt(sum((g**2).sum() for g in gradients))
    return [limit * g / norm.clamp(min=limit) for g in gradients], norm
""",
        ),
    ],
}
