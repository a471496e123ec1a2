"""Known wrong answers of chapter 03, each with the hint it earns, and other right answers that must pass."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

BOTH = "tensor.requires_grad and tensor.is_leaf"
CLEARS = "    w1.grad, w2.grad = None, None\n"
STEP = """    with torch.no_grad():
        for w in weights:
            w -= lr * w.grad
            w.grad = None
"""
UPDATES = """        with torch.no_grad():
            w1 -= lr * w1.grad
            w2 -= lr * w2.grad
"""
ASKS = """        if w1.grad is not None: w1.grad.zero_()
        if w2.grad is not None: w2.grad.zero_()
"""
WALK = "waiting += [following for following, _ in node.next_functions]"

WRONG = {
    "gradient_receivers": [
        WrongAnswer(
            "only_requires_grad",
            "You named every tensor that requires a gradient. Results such as h do too, but they only hand it on.",
            "Of those, which are at the start of the graph? A tensor can tell you whether it is a leaf.",
            Swap(BOTH, "tensor.requires_grad"),
            also=(Swap(BOTH, "(tensor.requires_grad or tensor.grad_fn is not None)"),),
        ),
        WrongAnswer(
            "only_leaves",
            "You named every leaf. Data are leaves too, but they ask for no gradient.",
            "Being a leaf is one of two conditions. What distinguishes w from x?",
            Swap(BOTH, "tensor.is_leaf"),
            also=(Swap(BOTH, "tensor.grad_fn is None"),),
        ),
        WrongAnswer(
            "one_of_the_two",
            "You named every tensor that fulfils one of the two conditions; both are needed.",
            "Replace `or`: it must be a leaf *and* require a gradient.",
            Swap(BOTH, "tensor.requires_grad or tensor.is_leaf"),
            also=("def gradient_receivers(tensors):\n    return list(tensors)",),
        ),
        WrongAnswer(
            "those_that_have_one_already",
            "You looked for tensors that have a gradient already. The question is who will get one.",
            "A gradient may be left from an earlier backward, and before the first backward there is none. Ask what the tensor is.",
            Swap(BOTH, "tensor.grad is not None"),
        ),
        WrongAnswer(
            "the_results",
            "You named the results, those with a grad_fn. The gradient passes through them and stays at the start of the graph.",
            "Look for the tensors that were not computed.",
            Swap(BOTH, "tensor.grad_fn is not None"),
            also=(Swap(BOTH, "not tensor.is_leaf"), Swap(BOTH, "tensor.requires_grad and not tensor.is_leaf")),
        ),
        WrongAnswer(
            "those_that_get_none",
            "You named exactly the others: your condition is turned round.",
            "Take away the `not`, or keep a name where you leave it out now.",
            Swap(BOTH, f"not ({BOTH})"),
        ),
        WrongAnswer(
            "leaves_that_ask_for_nothing",
            "You named the leaves that require no gradient: that is the data.",
            "A leaf keeps a gradient only if it asks for one.",
            Swap(BOTH, "tensor.is_leaf and not tensor.requires_grad"),
        ),
        WrongAnswer(
            "tensors_in_place_of_names",
            "You picked the right tensors, but returned the tensors themselves. Their names are asked for.",
            "`tensors.items()` gives both; keep the name.",
            Swap("[name for", "[tensor for"),
        ),
        WrongAnswer(
            "dict_of_answers",
            "You returned a dict with an answer for each tensor. A list of names is asked for.",
            "Keep the names for which your answer is True, in a list.",
            Swap(
                "[name for name, tensor in tensors.items() if tensor.requires_grad and tensor.is_leaf]",
                "{name: tensor.requires_grad and tensor.is_leaf for name, tensor in tensors.items()}",
            ),
        ),
    ],
    "net_gradients": [
        WrongAnswer(
            "adds_to_the_old_gradient",
            "You did not clear the old gradients, and `backward` adds: yours are old plus new.",
            "Before `backward`, `.grad` must be None or zero.",
            Swap(CLEARS, ""),
        ),
        WrongAnswer(
            "zeroes_what_is_not_there",
            "You called `zero_` on a gradient that does not exist yet: before the first backward `.grad` is None.",
            "Set `.grad = None`, or ask first whether it is not None.",
            Swap(CLEARS, "    w1.grad.zero_()\n    w2.grad.zero_()\n"),
        ),
        WrongAnswer(
            "asks_whether_a_tensor_is_true",
            "You wrote `if w1.grad:`, as the lecture did. A tensor of many numbers is neither true nor false.",
            "Ask what you mean: is it None, or not?",
            Swap(CLEARS, "    if w1.grad: w1.grad.zero_()\n    if w2.grad: w2.grad.zero_()\n"),
            also=(
                Swap(
                    CLEARS,
                    "    for w in (w1, w2):\n        if w.grad != None:\n            w.grad.zero_()\n        assert not w.grad\n",
                ),
            ),
        ),
        WrongAnswer(
            "clears_after_backward",
            "You cleared the gradients after `backward`, so you returned what you had just thrown away: None.",
            "Clear before the forward pass, or at least before `backward`.",
            (Swap(CLEARS, ""), Swap("    loss.backward()\n", "    loss.backward()\n" + CLEARS)),
        ),
        WrongAnswer(
            "zeroes_after_backward",
            "You zeroed the gradients after `backward`: zeros are what is left.",
            "Clear before `backward`, and touch nothing between it and `return`.",
            (Swap(CLEARS, ""), Swap("    loss.backward()\n", "    loss.backward()\n    w1.grad.zero_()\n    w2.grad.zero_()\n")),
        ),
        WrongAnswer(
            "mean_in_place_of_sum",
            "You took the mean of the squared errors: your gradients are too short by the number of errors.",
            "This course's loss is the sum.",
            Swap(".pow(2).sum()", ".pow(2).mean()"),
        ),
        WrongAnswer(
            "no_relu",
            "Your net has no ReLU.",
            "Between the two products the negative values become zero.",
            Swap(".clamp(min=0)", ""),
        ),
        WrongAnswer(
            "no_square",
            "You summed the errors without squaring them, so the gradient does not know how large they are.",
            "Square first, then sum.",
            Swap(".pow(2).sum()", ".sum()"),
        ),
        WrongAnswer(
            "starts_from_many_numbers",
            "You called `backward` on a tensor of many numbers. It starts from one: the loss.",
            "Sum the squared errors to one number first.",
            Swap(".pow(2).sum()", ".pow(2)"),
        ),
        WrongAnswer(
            "no_graph_behind_the_loss",
            "No graph leads from your loss to the weights: it was computed under `no_grad`, or from detached tensors.",
            "Take `no_grad` or `detach` out of the forward pass. Here everything must be recorded.",
            Swap(
                "    y_pred = x.mm(w1).clamp(min=0).mm(w2)\n",
                "    with torch.no_grad():\n        y_pred = x.mm(w1).clamp(min=0).mm(w2)\n",
            ),
            also=(Swap("(y_pred - y)", "(y_pred.detach() - y)"), Swap("(y_pred - y)", "(y_pred.data - y)")),
        ),
        WrongAnswer(
            "item_before_backward",
            "You turned the loss into a Python number with `.item()`. A number has no graph, and no `backward`.",
            "Call `backward` on the tensor; take `.item()` for printing only.",
            Swap(".pow(2).sum()", ".pow(2).sum().item()"),
        ),
        WrongAnswer(
            "backward_twice",
            "You walked the same graph twice.",
            "One `backward` fills the gradients of both weights.",
            Swap("    loss.backward()\n", "    loss.backward()\n    loss.backward()\n"),
        ),
        WrongAnswer(
            "doubled_by_two_walks",
            "You walked the graph twice with `retain_graph=True`, so everything was added twice.",
            "One `backward` fills the gradients of both weights, and needs no `retain_graph`.",
            Swap("    loss.backward()\n", "    loss.backward(retain_graph=True)\n    loss.backward()\n"),
        ),
        WrongAnswer(
            "swapped",
            "Both gradients are right, but you returned them in the wrong order.",
            "First the one of w1, then the one of w2.",
            Swap("return w1.grad, w2.grad", "return w2.grad, w1.grad"),
        ),
        WrongAnswer(
            "the_weights_themselves",
            "You returned the weights. Their gradients are in `.grad`.",
            "Return that attribute of each weight, in place of the weight.",
            Swap("return w1.grad, w2.grad", "return w1, w2"),
        ),
        WrongAnswer(
            "what_backward_returns",
            "You returned what `backward()` gives back, and that is None: it stores its results.",
            "After `backward`, look into the `.grad` of each weight.",
            (Swap("    loss.backward()\n", ""), Swap("return w1.grad, w2.grad", "return loss.backward()")),
        ),
        WrongAnswer(
            "no_backward",
            "You never called `backward`, so there is nothing in `.grad` but what you put there.",
            "Something has to walk back from the loss before you look into `.grad`.",
            (Swap(CLEARS, ""), Swap("    loss.backward()\n", "")),
        ),
    ],
    "graph_names": [
        WrongAnswer(
            "counts_every_way",
            "You counted a node once for every way that leads to it. Where a result is used three times, its node came three times.",
            "Remember the nodes that you have seen, and pass those by.",
            Swap("node is None or node in seen", "node is None"),
        ),
        WrongAnswer(
            "first_way_only",
            "You followed the first way only; at each branching you left the others out.",
            "`next_functions` holds one pair for each input of the operation. Go on to all of them.",
            Swap(WALK, "waiting += [following for following, _ in node.next_functions[:1]]"),
            also=(Swap(WALK, "waiting += [node.next_functions[0][0]] if node.next_functions else []"),),
        ),
        WrongAnswer(
            "last_way_only",
            "You followed the last way only; at each branching you left the others out.",
            "`next_functions` holds one pair for each input of the operation. Go on to all of them.",
            Swap(WALK, "waiting += [following for following, _ in node.next_functions[-1:]]"),
        ),
        WrongAnswer(
            "each_name_once",
            "You kept each *name* once. Two products are two nodes, though they have one name.",
            "Remember nodes, not names.",
            Swap("return [node.name() for node in seen]", "return list({node.name() for node in seen})"),
            also=(
                """
def graph_names(loss):
    names, waiting = [], [loss.grad_fn]
    while waiting:
        node = waiting.pop()
        if node is None:
            continue
        if node.name() not in names:
            names.append(node.name())
        waiting += [following for following, _ in node.next_functions]
    return names
""",
            ),
        ),
        WrongAnswer(
            "forgets_the_first_node",
            "You left out the node that you started from: `loss.grad_fn` itself.",
            "The operation that made the loss is part of the graph.",
            Swap("for node in seen]", "for node in seen[1:]]"),
        ),
        WrongAnswer(
            "forgets_the_leaves",
            "You left out the `AccumulateGrad` nodes, which stand for the leaves.",
            "They are nodes as well; their `next_functions` is empty, and that is where the walk ends.",
            Swap("return [node.name() for node in seen]", "return [node.name() for node in seen if node.next_functions]"),
        ),
        WrongAnswer(
            "trips_over_none",
            "You asked None for its name or its edges: an edge to data that require no gradient leads nowhere.",
            "Skip an edge whose node is None.",
            Swap("node is None or node in seen", "node in seen"),
        ),
        WrongAnswer(
            "one_level_only",
            "You looked at the neighbours of the first node and went no further.",
            "From each neighbour the walk goes on, until there is nothing left to visit. A loop or a recursion does it.",
            "def graph_names(loss):\n    node = loss.grad_fn\n    return [node.name()] + [n.name() for n, _ in node.next_functions if n is not None]",
        ),
        WrongAnswer(
            "nodes_in_place_of_names",
            "You returned the nodes themselves; their names are asked for.",
            "`node.name()` gives the name.",
            Swap("return [node.name() for node in seen]", "return seen"),
        ),
        WrongAnswer(
            "name_without_call",
            "You wrote `node.name` without parentheses, and returned the methods.",
            "`name` is a method: call it.",
            Swap("node.name()", "node.name"),
        ),
        WrongAnswer(
            "pairs_in_place_of_nodes",
            "You took a pair out of `next_functions` for a node. Each entry is a pair: the node, and a number.",
            "Unpack it, as in `for following, _ in node.next_functions`.",
            Swap(WALK, "waiting += node.next_functions"),
        ),
    ],
    "gradient_step": [
        WrongAnswer(
            "never_clears",
            "Your first step is right; the later ones contain the earlier gradients as well, since `backward` adds.",
            "After the update, or before `backward`, clear every `.grad`.",
            Swap("            w.grad = None\n", ""),
        ),
        WrongAnswer(
            "recorded_update",
            "You changed a leaf in place while torch takes notes, and torch refuses.",
            "The update stands under `with torch.no_grad():`.",
            Swap(STEP, "    for w in weights:\n        w -= lr * w.grad\n        w.grad = None\n"),
            also=(Swap(STEP, "    for w in weights:\n        w -= lr * w.grad.data\n        w.grad = None\n"),),
        ),
        WrongAnswer(
            "weights_never_move",
            "The weights in the list did not move. Either `w = w - ...` made a new tensor and only the name `w` points to it, "
            "or the gradient was cleared before it was used.",
            "Write into the tensor itself, with `-=`, and clear its gradient afterwards.",
            Swap(
                "            w -= lr * w.grad\n            w.grad = None\n",
                "            w = w - lr * w.grad\n            w.grad = None\n",
            ),
            also=(
                Swap(STEP, "    for w in weights:\n        w = w - lr * w.grad\n"),
                Swap(
                    "            w -= lr * w.grad\n            w.grad = None\n",
                    "            w.grad.zero_()\n            w -= lr * w.grad\n",
                ),
                Swap(STEP, "    for w in weights:\n        w.grad = None\n"),
            ),
        ),
        WrongAnswer(
            "no_gradient_to_step_with",
            "When you stepped, `.grad` was None: `backward` was not called, or you had set the gradient to None already.",
            "The order is: backward, step, clear.",
            Swap("    loss.backward()\n", ""),
            also=(
                Swap(
                    "            w -= lr * w.grad\n            w.grad = None\n",
                    "            w.grad = None\n            w -= lr * w.grad\n",
                ),
            ),
        ),
        WrongAnswer(
            "new_tensors_in_the_list",
            "You put new tensors into the list. The numbers are right, but whoever holds the old weights sees nothing of it.",
            "Change each tensor itself, with `-=`: the list is left alone.",
            Swap(STEP, "    for i, w in enumerate(weights):\n        weights[i] = (w - lr * w.grad).detach().requires_grad_()\n"),
        ),
        WrongAnswer(
            "results_in_the_list",
            "You put the results of a subtraction into the list. They are no longer leaves, and the old weights have not moved.",
            "Change each tensor itself, with `-=` under `no_grad`: the list is left alone.",
            Swap(STEP, "    for i, w in enumerate(weights):\n        weights[i] = w - lr * w.grad\n        w.grad = None\n"),
        ),
        WrongAnswer(
            "uphill",
            "You went uphill: the weights moved along their gradients.",
            "The gradient points to where the loss grows. Subtract.",
            Swap("w -= lr", "w += lr"),
        ),
        WrongAnswer(
            "no_learning_rate",
            "You subtracted the whole gradient, without `lr`.",
            "Multiply the gradient by `lr`.",
            Swap("w -= lr * w.grad", "w -= w.grad"),
        ),
        WrongAnswer(
            "first_weight_only",
            "Only one of the weights moved.",
            "Does `return` or `break` end the loop early, or did you use `weights[0]` only? Every weight takes a step.",
            Swap("for w in weights:", "for w in weights[:1]:"),
        ),
        WrongAnswer(
            "zeroes_what_is_not_there",
            "You called `zero_` on a gradient that does not exist yet: before the first backward `.grad` is None.",
            "Set `.grad = None` after the step, or ask first whether it is not None.",
            (
                Swap("    loss.backward()\n", "    for w in weights:\n        w.grad.zero_()\n    loss.backward()\n"),
                Swap("            w.grad = None\n", ""),
            ),
        ),
        WrongAnswer(
            "asks_whether_a_tensor_is_true",
            "You wrote `if w.grad:`. It passes while there is no gradient, and fails as soon as there is one.",
            "Ask what you mean: is it None, or not?",
            (
                Swap("    loss.backward()\n", "    for w in weights:\n        if w.grad: w.grad.zero_()\n    loss.backward()\n"),
                Swap("            w.grad = None\n", ""),
            ),
        ),
        WrongAnswer(
            "sets_grad_to_zero",
            "You assigned the number 0 to `.grad`, and torch wants a tensor or None there.",
            "`w.grad = None`, or `w.grad.zero_()`.",
            Swap("w.grad = None", "w.grad = 0"),
        ),
        WrongAnswer(
            "stops_requiring_gradients",
            "You switched `requires_grad` off to update, and did not switch it on again: the weights are no longer trained.",
            "Leave `requires_grad` alone. `torch.no_grad()` pauses the recording for a few lines only.",
            Swap(
                STEP, "    for w in weights:\n        w.requires_grad_(False)\n        w -= lr * w.grad\n        w.grad = None\n"
            ),
        ),
    ],
    "fixed_target_loss": [
        WrongAnswer(
            "target_is_pulled_along",
            "Loss and target have the right values, but the target carries its graph: the gradient reaches w through it as well.",
            "Cut the target off, with `detach()`, or compute it under `torch.no_grad()`. `clone()` does not cut.",
            Swap(").detach()", ")"),
            also=(Swap(").detach()", ").clone()"),),
        ),
        WrongAnswer(
            "cut_target_returned_only",
            "The target you return is cut off, but the one in your loss is not: the gradient still reaches w through it.",
            "`detach` does not change a tensor, it returns another one. Use that one in the loss.",
            (Swap(").detach()", ")"), Swap("return loss, target", "return loss, target.detach()")),
        ),
        WrongAnswer(
            "whole_target_returned",
            "Your loss holds the target still, but the target you return still carries its graph.",
            "Detach once, where the target is made, and use the same tensor in both places.",
            (Swap(").detach()", ")"), Swap("prediction - target)", "prediction - target.detach())")),
        ),
        WrongAnswer(
            "prediction_cut_off",
            "You cut off the prediction; so the gradient reaches w through the target only, the wrong way round.",
            "The prediction is to move, the target is to hold still.",
            (Swap("prediction = x.mm(w)", "prediction = x.mm(w).detach()"), Swap(").detach()\n    loss", ")\n    loss")),
        ),
        WrongAnswer(
            "everything_cut_off",
            "No graph leads from your loss to w: the prediction is cut off as well, or the loss itself.",
            "Only the target may be detached or computed under `no_grad`.",
            Swap("prediction = x.mm(w)", "prediction = x.mm(w).detach()"),
            also=(
                Swap(".pow(2).sum()", ".pow(2).sum().detach()"),
                """
def fixed_target_loss(x, x_next, reward, w, gamma):
    with torch.no_grad():
        target = reward + gamma * x_next.mm(w)
        return (x.mm(w) - target).pow(2).sum(), target
""",
            ),
        ),
        WrongAnswer(
            "flag_of_a_result",
            "You set `requires_grad` of a computed tensor. It can be set for leaves only.",
            "For a result write `detach()`: it returns a tensor without the graph.",
            Swap(".detach()\n", "\n    target.requires_grad_(False)\n"),
            also=(Swap(".detach()\n", "\n    target.requires_grad = False\n"),),
        ),
        WrongAnswer(
            "item_for_the_loss",
            "You returned the loss as a Python number: `.item()` leaves the graph behind, and the caller wants to call `backward`.",
            "Return the tensor.",
            Swap("return loss, target", "return loss.item(), target"),
        ),
        WrongAnswer(
            "no_reward",
            "Your target lacks the reward.",
            "The target is reward plus gamma times the next prediction.",
            Swap("reward + gamma * x_next", "gamma * x_next"),
        ),
        WrongAnswer(
            "gamma_on_everything",
            "You multiplied the reward by gamma as well.",
            "Gamma belongs to the next prediction only.",
            Swap("(reward + gamma * x_next.mm(w))", "(gamma * (reward + x_next.mm(w)))"),
        ),
        WrongAnswer(
            "no_gamma",
            "You left gamma out.",
            "The next prediction counts gamma times.",
            Swap("gamma * x_next", "x_next"),
        ),
        WrongAnswer(
            "same_day_twice",
            "You made the target from x; it is made from x_next.",
            "Prediction: today's x. Target: tomorrow's x_next.",
            Swap("x_next.mm(w)", "x.mm(w)"),
        ),
        WrongAnswer(
            "mean_in_place_of_sum",
            "You took the mean of the squared differences.",
            "This course's loss is the sum.",
            Swap(".pow(2).sum()", ".pow(2).mean()"),
        ),
        WrongAnswer(
            "walks_back_itself",
            "You called `backward` yourself, and so did the caller: a graph can be walked once.",
            "Return the loss, and leave the walk to the caller.",
            Swap("    return loss, target", "    loss.backward()\n    return loss, target"),
        ),
    ],
    "slope_and_curvature": [
        WrongAnswer(
            "way_back_not_recorded",
            "What you differentiated has no graph behind it. Either the first way back was not recorded, "
            "which `retain_graph=True` does not change, or your t requires no gradients.",
            "t must be a leaf that requires gradients, and the first call needs `create_graph=True`.",
            Swap(", create_graph=True", ""),
            also=(
                Swap("create_graph=True", "retain_graph=True"),
                Swap("slope.sum()", "slope.detach().sum()"),
                Swap("t.clone().requires_grad_()", "t.clone()"),
                """
def slope_and_curvature(f, t):
    t = t.clone().requires_grad_()
    f(t).sum().backward()
    slope = t.grad
    slope.sum().backward()
    return slope, t.grad
""",
            ),
        ),
        WrongAnswer(
            "slope_twice",
            "Your curvature is the slope once more.",
            "Differentiate the slope, not the function.",
            Swap("torch.autograd.grad(slope.sum(), t)", "torch.autograd.grad(f(t).sum(), t)"),
        ),
        WrongAnswer(
            "slope_squared",
            "You squared the slope. A second derivative is the derivative of the derivative.",
            "Call `grad` a second time, on the slope.",
            Swap("return slope.detach(), curvature", "return slope.detach(), slope.detach() ** 2"),
        ),
        WrongAnswer(
            "piled_up_in_grad",
            "Your curvature is slope plus curvature: the second `backward` added to what the first had left in `.grad`.",
            "Use `torch.autograd.grad`, which returns its result; or keep the slope and clear `.grad` in between.",
            """
def slope_and_curvature(f, t):
    t = t.clone().requires_grad_()
    f(t).sum().backward(create_graph=True)
    slope = t.grad.clone()
    slope.sum().backward()
    return slope, t.grad
""",
        ),
        WrongAnswer(
            "starts_from_many_numbers",
            "You differentiated a tensor of many numbers; `grad` starts from one.",
            "Sum first: each element feels only its own term.",
            Swap("f(t).sum()", "f(t)"),
            also=(Swap("slope.sum()", "slope"),),
        ),
        WrongAnswer(
            "mean_in_place_of_sum",
            "You took means: each point's derivatives are divided by the number of points.",
            "With `sum`, the slope of each term stays what it is.",
            (Swap("f(t).sum()", "f(t).mean()"), Swap("slope.sum()", "slope.mean()")),
        ),
        WrongAnswer(
            "mean_once",
            "You took the mean of the function values: both derivatives are divided by the number of points.",
            "With `sum`, the slope of each term stays what it is.",
            Swap("f(t).sum()", "f(t).mean()"),
        ),
        WrongAnswer(
            "tuples_kept",
            "`torch.autograd.grad` returns a tuple, even for one tensor, and you handed the tuple on.",
            "Unpack it, as in `(slope,) = ...`, or take its element [0].",
            Swap("return slope.detach(), curvature", "return (slope.detach(),), (curvature,)"),
        ),
        WrongAnswer(
            "value_and_slope",
            "You returned the value and the slope: one derivative too few each.",
            "Asked for are the first and the second derivative.",
            Swap("return slope.detach(), curvature", "return f(t).detach(), slope.detach()"),
        ),
        WrongAnswer(
            "swapped",
            "Both are right, but in the wrong order.",
            "First the slope, then the curvature.",
            Swap("return slope.detach(), curvature", "return curvature, slope.detach()"),
        ),
    ],
    "repaired_loop": [
        WrongAnswer(
            "weight_is_no_leaf",
            "Your weight is the result of a product, so it is no leaf, and its `.grad` stays None.",
            "Multiply first, and make the result a leaf: `(...).requires_grad_()`.",
            (
                Swap("(0.5 * start1).requires_grad_()", "0.5 * start1.clone().requires_grad_()"),
                Swap("(0.5 * start2).requires_grad_()", "0.5 * start2.clone().requires_grad_()"),
            ),
            also=(
                (
                    Swap("(0.5 * start1).requires_grad_()", "0.5 * start1.requires_grad_()"),
                    Swap("(0.5 * start2).requires_grad_()", "0.5 * start2.requires_grad_()"),
                ),
            ),
        ),
        WrongAnswer(
            "start_marked",
            "Your numbers are right, but you made the caller's start tensors require gradients.",
            "Let `requires_grad_()` act on the halved copy, not on start1 and start2.",
            (
                Swap("(0.5 * start1).requires_grad_()", "(0.5 * start1.requires_grad_()).detach().requires_grad_()"),
                Swap("(0.5 * start2).requires_grad_()", "(0.5 * start2.requires_grad_()).detach().requires_grad_()"),
            ),
        ),
        WrongAnswer(
            "starts_from_the_whole",
            "You left out the factor 0.5 and trained from the whole start.",
            "The net starts from half of the given weights; only the order of product and `requires_grad_` was wrong.",
            (Swap("(0.5 * start1)", "start1.clone()"), Swap("(0.5 * start2)", "start2.clone()")),
        ),
        WrongAnswer(
            "still_asks_whether_a_tensor_is_true",
            "`if w1.grad:` is still there. It passes in the first step and fails in the second, when there is a gradient.",
            "Ask what you mean: is it None, or not?",
            Swap(ASKS, "        if w1.grad: w1.grad.data.zero_()\n        if w2.grad: w2.grad.data.zero_()\n"),
            also=(Swap("if w2.grad is not None: w2.grad.zero_()", "if w2.grad: w2.grad.data.zero_()"),),
        ),
        WrongAnswer(
            "zeroes_what_is_not_there",
            "You zero without asking. In the first step `.grad` is None, and None has no `zero_`.",
            "Zero only where there is a gradient, or set `.grad = None`.",
            Swap(ASKS, "        w1.grad.zero_()\n        w2.grad.zero_()\n"),
        ),
        WrongAnswer(
            "never_clears",
            "You took the lines out that cleared the gradients: from the second step on, old ones are added.",
            "Clear, but ask in another way whether there is something to clear.",
            Swap(ASKS, ""),
            also=(
                Swap(
                    ASKS,
                    ASKS.replace("is not None", "is None")
                    .replace("w1.grad.zero_()", "w1.grad = None")
                    .replace("w2.grad.zero_()", "w2.grad = None"),
                ),
            ),
        ),
        WrongAnswer(
            "clears_one_only",
            "You clear the gradient of one weight only; in the other the old ones pile up.",
            "Both weights need a clean gradient.",
            Swap("        if w2.grad is not None: w2.grad.zero_()\n", ""),
        ),
        WrongAnswer(
            "recorded_update",
            "The update is still recorded: torch refuses to change a leaf in place. `.data` on the right side does not help.",
            "Put both updates under `with torch.no_grad():`.",
            Swap(UPDATES, "        w1 -= lr * w1.grad.data\n        w2 -= lr * w2.grad.data\n"),
        ),
        WrongAnswer(
            "new_weight_each_step",
            "`w1 = w1 - ...` makes a new tensor. It is no leaf, so in the second step its `.grad` is None.",
            "Change the weight in place, under `no_grad`.",
            Swap(UPDATES, "        w1 = w1 - lr * w1.grad\n        w2 = w2 - lr * w2.grad\n"),
        ),
        WrongAnswer(
            "new_weight_unrecorded",
            "Under `no_grad`, `w1 = w1 - ...` makes a new tensor that requires no gradient. The second backward finds nothing.",
            "In place: `-=` keeps the tensor, and with it `requires_grad`.",
            (Swap("w1 -= lr * w1.grad", "w1 = w1 - lr * w1.grad"), Swap("w2 -= lr * w2.grad", "w2 = w2 - lr * w2.grad")),
        ),
        WrongAnswer(
            "cleared_between_backward_and_step",
            "You clear the gradients after backward and before the step: the weights never move.",
            "Clear before `backward`, or after the update.",
            (Swap(ASKS, ""), Swap("        loss.backward()\n", "        loss.backward()\n" + ASKS)),
        ),
        WrongAnswer(
            "uphill",
            "Your weights move uphill.",
            "Subtract, as the classmate did.",
            (Swap("w1 -= lr", "w1 += lr"), Swap("w2 -= lr", "w2 += lr")),
        ),
        WrongAnswer(
            "losses_with_graphs_after_the_step",
            "Each loss was measured after the update of its step.",
            "Append the loss of the prediction that the gradients come from.",
            (
                Swap("        losses.append(loss.item())\n", ""),
                Swap(
                    "            w2 -= lr * w2.grad\n",
                    "            w2 -= lr * w2.grad\n        losses.append((x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum().item())\n",
                ),
            ),
        ),
        WrongAnswer(
            "only_losses_returned",
            "You returned the losses only.",
            "Three things are asked for: the losses, w1 and w2.",
            Swap("return losses, w1, w2", "return losses"),
        ),
        WrongAnswer(
            "one_step_only",
            "Your function returns from inside the loop, after the first step.",
            "Move `return` to the left, behind the loop.",
            Swap("    return losses, w1, w2", "        return losses, w1, w2"),
        ),
    ],
    "repaired_report": [
        WrongAnswer(
            "keeps_every_graph",
            "Your numbers are right, but you added up tensors: the mean you return holds on to the graph of every batch.",
            "Add up numbers: `loss.item()`. Or cut the graph off before you add.",
            Swap("total += loss.item()", "total += loss"),
            also=(
                Swap("total += loss.item()", "total = total + loss"),
                (
                    Swap("        loss.backward()\n", ""),
                    Swap("total += loss.item()", "total += loss"),
                    Swap("    return total", "    total.backward()\n    return total"),
                ),
            ),
        ),
        WrongAnswer(
            "item_before_backward",
            "You called `backward` on a Python number: on a loss after `.item()`, or on a total of numbers. A number has no graph.",
            "Keep the tensor for `backward`, take the number when you add it up, and walk back from each batch's loss only.",
            (Swap(".pow(2).sum()", ".pow(2).sum().item()"), Swap("loss.item()", "loss")),
            also=(Swap("    return total", "    total.backward()\n    return total"),),
        ),
        WrongAnswer(
            "graph_walked_twice",
            "You walk each graph in the loop and once more from the total. The second walk finds it freed.",
            "One `backward` a batch is enough: leave the one after the loop out.",
            (Swap("total += loss.item()", "total += loss"), Swap("    return total", "    total.backward()\n    return total")),
        ),
        WrongAnswer(
            "gradients_counted_twice",
            "With `retain_graph=True` each graph is walked twice: your gradient is doubled, and all graphs are kept.",
            "The second walk is the mistake, not the freed graph. Leave the `backward` after the loop out.",
            (
                Swap("loss.backward()", "loss.backward(retain_graph=True)"),
                Swap("total += loss.item()", "total += loss"),
                Swap("    return total", "    total.backward()\n    return total"),
            ),
        ),
        WrongAnswer(
            "gradients_counted_twice_but_cut",
            "Your mean is right and cut off, but with `retain_graph=True` each graph was walked twice: the gradient is doubled.",
            "The second walk is the mistake, not the freed graph. Leave the `backward` after the loop out.",
            (
                Swap("loss.backward()", "loss.backward(retain_graph=True)"),
                Swap("total += loss.item()", "total += loss"),
                Swap("    return total / len(batches)", "    total.backward()\n    return total.item() / len(batches)"),
            ),
        ),
        WrongAnswer(
            "gradient_of_the_mean",
            "Your gradient is the one of the mean: too short by the number of batches. The sum is asked for.",
            "Walk back from each batch's loss, undivided.",
            Swap("loss.backward()", "(loss / len(batches)).backward()"),
        ),
        WrongAnswer(
            "last_batch_only",
            "Your gradient comes from the last batch alone: you cleared `w.grad` in every round.",
            "Here the adding up of gradients is wanted: clear nothing in the loop.",
            Swap("        loss.backward()\n", "        w.grad = None\n        loss.backward()\n"),
        ),
        WrongAnswer(
            "no_backward",
            "You never walked back: `w.grad` is still None.",
            "Call `backward` on the loss of each batch.",
            Swap("        loss.backward()\n", ""),
        ),
        WrongAnswer(
            "detached_too_early",
            "You cut the loss off before `backward`: it has no graph to walk.",
            "First `backward`, then take the number for the report.",
            Swap(".pow(2).sum()", ".pow(2).sum().detach()"),
        ),
        WrongAnswer(
            "sum_in_place_of_mean",
            "You returned the sum of the losses.",
            "Divide by the number of batches.",
            Swap("total / len(batches)", "total"),
        ),
        WrongAnswer(
            "mean_over_elements",
            "You took the mean inside each batch: losses and gradients are too small.",
            "Within a batch the squared errors are summed; the mean is taken over the batches' losses.",
            Swap(".pow(2).sum()", ".pow(2).mean()"),
        ),
        WrongAnswer(
            "last_loss_only",
            "You report the last batch's loss, divided by the number of batches: `=` overwrites what you had.",
            "Add up with `+=`.",
            Swap("total += loss.item()", "total = loss.item()"),
        ),
    ],
}

RIGHT = {
    "gradient_receivers": [
        RightAnswer(
            "loop_and_grad_fn",
            """
def gradient_receivers(tensors):
    names = []
    for name in tensors:
        if tensors[name].requires_grad and tensors[name].grad_fn is None:
            names.append(name)
    return names
""",
        ),
        RightAnswer(
            "filter_and_set",
            "def gradient_receivers(tensors):\n    asks = {n for n, t in tensors.items() if t.requires_grad}\n    return list(asks & {n for n, t in tensors.items() if t.is_leaf})",
        ),
        RightAnswer(
            "keys_of_a_dict",
            "def gradient_receivers(tensors):\n    return {n: t for n, t in tensors.items() if t.is_leaf and t.requires_grad}.keys()",
        ),
        RightAnswer(
            "tries_it_on_a_copy",
            """
def gradient_receivers(tensors):
    def keeps(tensor):
        return tensor.is_leaf * tensor.requires_grad == 1
    return sorted(filter(lambda name: keeps(tensors[name]), tensors))
""",
        ),
    ],
    "net_gradients": [
        RightAnswer(
            "autograd_grad",
            "def net_gradients(x, y, w1, w2):\n    loss = ((torch.relu(x @ w1) @ w2 - y) ** 2).sum()\n    return torch.autograd.grad(loss, (w1, w2))",
        ),
        RightAnswer(
            "asks_then_zeroes",
            """
def net_gradients(x, y, w1, w2):
    for w in (w1, w2):
        if w.grad is not None:
            w.grad.data.zero_()
    torch.nn.functional.mse_loss(x.mm(w1).relu().mm(w2), y, reduction="sum").backward()
    return [w.grad.clone() for w in (w1, w2)]
""",
        ),
        RightAnswer(
            "new_leaves",
            """
def net_gradients(x, y, w1, w2):
    a, b = w1.detach().clone().requires_grad_(), w2.data.clone().requires_grad_(True)
    (torch.einsum("nh,ho->no", torch.einsum("nd,dh->nh", x, a).clamp_min(0), b) - y).square().sum().backward()
    return a.grad, b.grad
""",
        ),
        RightAnswer(
            "functional",
            """
def net_gradients(x, y, w1, w2):
    def loss(a, b):
        return (x.mm(a).clamp(min=0).mm(b) - y).norm() ** 2
    return torch.func.grad(loss, argnums=(0, 1))(w1.detach(), w2.detach())
""",
        ),
        RightAnswer(
            "optimizer_clears",
            """
def net_gradients(x, y, w1, w2):
    torch.optim.SGD([w1, w2], lr=0.1).zero_grad()
    errors = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2)
    errors.backward(torch.ones_like(errors))
    return w1.grad, w2.grad
""",
        ),
        RightAnswer(
            "by_hand",
            """
def net_gradients(x, y, w1, w2):
    with torch.no_grad():
        h = x @ w1
        back = 2 * (h.relu() @ w2 - y)
        return x.T @ (back @ w2.T * (h > 0)), h.relu().T @ back
""",
        ),
    ],
    "graph_names": [
        RightAnswer(
            "recursion_with_set",
            """
def graph_names(loss):
    seen = set()
    def visit(node):
        if node is not None and node not in seen:
            seen.add(node)
            for following, _ in node.next_functions:
                visit(following)
    visit(loss.grad_fn)
    return sorted(node.name() for node in seen)
""",
        ),
        RightAnswer(
            "level_by_level",
            """
def graph_names(loss):
    level, seen = {loss.grad_fn: True}, {}
    while level:
        seen.update(level)
        level = {n: True for node in level for n, _ in node.next_functions if n is not None and n not in seen}
    return [type(node).__name__ for node in seen]
""",
        ),
        RightAnswer(
            "queue_and_dict_of_names",
            """
def graph_names(loss):
    from collections import deque
    names, queue = {}, deque([loss.grad_fn])
    while queue:
        node = queue.popleft()
        if node in names:
            continue
        names[node] = node.name()
        for pair in node.next_functions:
            if pair[0]:
                queue.append(pair[0])
    return list(names.values())
""",
        ),
        RightAnswer(
            "list_that_grows",
            """
def graph_names(loss):
    nodes = [loss.grad_fn]
    for node in nodes:
        for following, _ in node.next_functions:
            if following is not None and following not in nodes:
                nodes.append(following)
    return tuple(node.name() for node in nodes)
""",
        ),
    ],
    "gradient_step": [
        RightAnswer(
            "zeroes_before_backward",
            """
def gradient_step(loss, weights, lr):
    for w in weights:
        if w.grad is not None:
            w.grad.zero_()
    loss.backward()
    with torch.no_grad():
        for w in weights:
            w.sub_(lr * w.grad)
""",
        ),
        RightAnswer(
            "autograd_grad_and_data",
            """
def gradient_step(loss, weights, lr):
    for w, gradient in zip(weights, torch.autograd.grad(loss, weights)):
        w.data -= lr * gradient
""",
        ),
        RightAnswer(
            "optimizer",
            """
def gradient_step(loss, weights, lr):
    optimizer = torch.optim.SGD(weights, lr=lr)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
""",
        ),
        RightAnswer(
            "decorator_and_copy",
            """
@torch.no_grad()
def move(w, lr):
    w.copy_(w - lr * w.grad)
    w.grad.zero_()


def gradient_step(loss, weights, lr):
    loss.backward(retain_graph=False)
    for w in weights:
        move(w, lr)
    return loss.item()
""",
        ),
        RightAnswer(
            "switches_off_and_on",
            """
def gradient_step(loss, weights, lr):
    loss.backward()
    for w in weights:
        w.requires_grad_(False)
        w += -lr * w.grad
        w.requires_grad_(True)
        w.grad = None
    return weights
""",
        ),
        RightAnswer(
            "through_a_detached_view",
            """
def gradient_step(loss, weights, lr):
    loss.backward(inputs=weights)
    for i in range(len(weights)):
        weights[i].detach().add_(weights[i].grad, alpha=-lr)
        del weights[i].grad
""",
        ),
    ],
    "fixed_target_loss": [
        RightAnswer(
            "no_grad",
            """
def fixed_target_loss(x, x_next, reward, w, gamma):
    with torch.no_grad():
        target = reward + gamma * (x_next @ w)
    return ((x @ w - target) ** 2).sum(), target
""",
        ),
        RightAnswer(
            "detached_weight",
            """
def fixed_target_loss(x, x_next, reward, w, gamma):
    target = torch.addmm(reward, x_next, w.detach(), alpha=gamma)
    return torch.nn.functional.mse_loss(x.mm(w), target, reduction="sum"), target
""",
        ),
        RightAnswer(
            "data_and_dist",
            """
def fixed_target_loss(x, x_next, reward, w, gamma):
    target = reward + gamma * torch.einsum("nd,do->no", x_next, w.data)
    error = target - torch.einsum("nd,do->no", x, w)
    return [error.mul(error).sum(), target]
""",
        ),
        RightAnswer(
            "decorated_helper",
            """
def fixed_target_loss(x, x_next, reward, w, gamma):
    @torch.no_grad()
    def hold_still():
        return x_next.mm(w).mul(gamma).add(reward)

    target = hold_still()
    return (x.mm(w) - target).square().sum(), target.clone()
""",
        ),
    ],
    "slope_and_curvature": [
        RightAnswer(
            "functional_transforms",
            """
def slope_and_curvature(f, t):
    slope = torch.func.grad(lambda s: f(s).sum())
    return slope(t), torch.func.grad(lambda s: slope(s).sum())(t)
""",
        ),
        RightAnswer(
            "jacobian_and_hessian",
            """
def slope_and_curvature(f, t):
    functional = torch.autograd.functional
    return functional.jacobian(f, t).diagonal(), functional.hessian(lambda s: f(s).sum(), t).diag()
""",
        ),
        RightAnswer(
            "backward_and_clear",
            """
def slope_and_curvature(f, t):
    s = t.detach().clone().requires_grad_()
    f(s).sum().backward(create_graph=True)
    slope = s.grad
    s.grad = None
    slope.backward(torch.ones_like(slope))
    return slope, s.grad
""",
        ),
        RightAnswer(
            "point_by_point",
            """
def slope_and_curvature(f, t):
    slopes, curvatures = torch.zeros_like(t), torch.zeros_like(t)
    for i, point in enumerate(t):
        s = point.clone().requires_grad_()
        first = torch.autograd.grad(f(s), s, create_graph=True)[0]
        slopes[i] = first.detach()
        curvatures[i] = torch.autograd.grad(first, s)[0]
    return slopes, curvatures
""",
        ),
        RightAnswer(
            "still_attached",
            """
def slope_and_curvature(f, t):
    t = t.clone().requires_grad_()
    derivatives, current = [], f(t)
    for _ in range(2):
        current = torch.autograd.grad(current, t, grad_outputs=torch.ones_like(t), create_graph=True)[0]
        derivatives.append(current)
    return tuple(derivatives)
""",
        ),
    ],
    "repaired_loop": [
        RightAnswer(
            "none_after_the_step",
            """
def repaired_loop(x, y, start1, start2, lr, steps):
    w1, w2 = (torch.nn.Parameter(start / 2) for start in (start1, start2))
    losses = []
    for t in range(steps):
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        losses.append(loss.detach())
        loss.backward()
        for w in (w1, w2):
            w.data -= lr * w.grad.data
            w.grad = None
    return losses, w1, w2
""",
        ),
        RightAnswer(
            "autograd_grad",
            """
def repaired_loop(x, y, start1, start2, lr, steps):
    w1, w2, losses = start1 * 0.5, start2 * 0.5, []
    for _ in range(steps):
        w1, w2 = w1.detach().requires_grad_(), w2.detach().requires_grad_()
        loss = ((torch.relu(x @ w1) @ w2 - y) ** 2).sum()
        grad1, grad2 = torch.autograd.grad(loss, [w1, w2])
        w1, w2 = w1 - lr * grad1, w2 - lr * grad2
        losses += [float(loss)]
    return losses, w1, w2
""",
        ),
        RightAnswer(
            "optimizer",
            """
def repaired_loop(x, y, start1, start2, lr, steps):
    w1 = start1.mul(0.5).requires_grad_()
    w2 = start2.mul(0.5).requires_grad_()
    optimizer, losses = torch.optim.SGD((w1, w2), lr), []
    for _ in range(steps):
        loss = torch.nn.functional.mse_loss(x.mm(w1).relu().mm(w2), y, reduction="sum")
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses, w1.detach(), w2.detach()
""",
        ),
        RightAnswer(
            "halves_in_place_of_a_copy",
            """
def repaired_loop(x, y, start1, start2, lr, steps):
    w1, w2 = start1.clone(), start2.clone()
    w1 *= 0.5
    w2 *= 0.5
    w1.requires_grad, w2.requires_grad = True, True
    losses = torch.zeros(steps, dtype=x.dtype)
    for t in range(steps):
        for w in (w1, w2):
            w.grad = torch.zeros_like(w)
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        loss.backward()
        losses[t] = loss.item()
        with torch.no_grad():
            w1.sub_(w1.grad, alpha=lr)
            w2.copy_(w2 - lr * w2.grad)
    return losses, w1, w2
""",
        ),
    ],
    "repaired_report": [
        RightAnswer(
            "detach",
            """
def repaired_report(batches, w):
    losses = []
    for x, y in batches:
        loss = (x @ w - y).square().sum()
        loss.backward()
        losses.append(loss.detach())
    return torch.stack(losses).mean()
""",
        ),
        RightAnswer(
            "one_walk_from_the_total",
            """
def repaired_report(batches, w):
    total = sum((x.mm(w) - y).pow(2).sum() for x, y in batches)
    total.backward()
    return total.item() / len(batches)
""",
        ),
        RightAnswer(
            "autograd_grad",
            """
def repaired_report(batches, w):
    values, gradient = [], torch.zeros_like(w)
    for x, y in batches:
        loss = torch.nn.functional.mse_loss(x.mm(w), y, reduction="sum")
        gradient += torch.autograd.grad(loss, w)[0]
        values.append(float(loss))
    w.grad = gradient
    return sum(values) / len(values)
""",
        ),
        RightAnswer(
            "one_large_batch",
            """
def repaired_report(batches, w):
    x, y = (torch.cat(parts) for parts in zip(*batches))
    loss = ((x @ w - y) ** 2).sum()
    loss.backward()
    with torch.no_grad():
        return loss / len(batches)
""",
        ),
        RightAnswer(
            "data",
            (Swap("total += loss.item()", "total += loss.data"), Swap("total = 0.0", "total = torch.zeros((), dtype=w.dtype)")),
        ),
    ],
}
