"""Known wrong answers of chapter 04, each with the hint it earns, and other right answers that must pass."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

# -- mistakes that several exercises share ---------------------------------------------------------------------------------

DOTS_SAYS = "Your forward is right. Your backward still returns `...`, so torch got dots where it wanted a gradient."
NOTHING_SAYS = "Your backward computes something but returns nothing, so no gradient ever reaches x."
NOTHING_HINT = "End backward with a `return`."
NO_CTX_SAYS = "Your forward has no parameter for the context, and `apply` always hands one over, first of all."
NO_CTX_HINT = "Keep `ctx` as the first parameter of both methods, as in `Cube`."
UNSAVED_SAYS = "Your backward unpacks `ctx.saved_tensors`, but forward has saved nothing."
UNSAVED_HINT = "Before forward returns, hand the tensor that backward needs to `ctx.save_for_backward`."
RUDE_HINT = "Work on a `clone()`, or with an operation that makes a new tensor."

RELU_BACKWARD = """        grad_x = grad_output.clone()
        grad_x[x < 0] = 0
        return grad_x
"""
RELU_HEAD = "class MyReLU(torch.autograd.Function):\n"
EXP_BACKWARD = "return grad_output * y"
EXP_SAVES_INPUT = (
    Swap(
        "        y = x.exp()\n        ctx.save_for_backward(y)\n        return y\n",
        "        ctx.save_for_backward(x)\n        return x.exp()\n",
    ),
    Swap("(y,) =", "(x,) ="),
)
LEAKY_RETURN = "return torch.where(x > 0, grad_output, ctx.slope * grad_output), None"
SIGN_SAVES_OUTPUT = Swap(
    "ctx.save_for_backward(x)\n        return x.sign()", "y = x.sign()\n        ctx.save_for_backward(y)\n        return y"
)
SIGN_RETURN = "return grad_output * (x.abs() < 1)"

REPAIR_STATIC_FORWARD = Swap("        @staticmethod\n        def forward", "        def forward")
REPAIR_STATIC_BACKWARD = Swap("        @staticmethod\n        def backward", "        def backward")
REPAIR_CLAMPS = Swap("x.clamp(min=0)", "x.clamp_(min=0)")
REPAIR_EDITS = Swap("grad_y.clone()", "grad_y")


def _exp_returns(line: str) -> Swap:
    return Swap(EXP_BACKWARD, line)


def _leaky_returns(line: str) -> Swap:
    return Swap(LEAKY_RETURN, line)


def _sign_returns(line: str) -> Swap:
    return Swap(SIGN_RETURN, line)


def _gradcheck_body(body: str) -> str:
    lines = "\n".join("    " + line for line in body.strip().split("\n"))
    return f"def passes_gradcheck(function, x):\n{lines}\n"


def _my_relu(forward: str, backward: str, head: str = "") -> str:
    return _function("MyReLU", forward, backward, head)


def _function(name: str, forward: str, backward: str, head: str = "", more: str = "") -> str:
    """A class with the given bodies, each a few lines without indentation."""

    def indented(body: str) -> str:
        return "\n".join("        " + line for line in body.strip().split("\n"))

    return (
        f"{head}\nclass {name}(torch.autograd.Function):\n"
        f"    @staticmethod\n    def forward(ctx, x{more}):\n{indented(forward)}\n\n"
        f"    @staticmethod\n    def backward(ctx, grad_output):\n{indented(backward)}\n"
    )


WRONG = {
    "my_relu": [
        WrongAnswer(
            "forgets_what_arrives",
            "Your backward returns the slope, 0 or 1, and forgets grad_output. With ones arriving nobody would notice.",
            "The slope is only half of the answer: multiply it by what arrives.",
            Swap(RELU_BACKWARD, "        return (x > 0).to(grad_output.dtype)\n"),
            also=(
                Swap(RELU_BACKWARD, "        return x > 0\n"),
                Swap("grad_output.clone()", "torch.ones_like(grad_output)"),
            ),
        ),
        WrongAnswer(
            "writes_into_grad_output",
            "Your gradients are right, but you wrote the zeros into grad_output itself, and it belongs to the caller.",
            RUDE_HINT,
            Swap("grad_output.clone()", "grad_output"),
        ),
        WrongAnswer(
            "no_mask",
            "Your backward lets everything through, also where x is negative. (A mask like `y < 0` on the output is never true.)",
            "Block the gradient where the *input* of forward was negative.",
            Swap("        grad_x[x < 0] = 0\n", ""),
            also=(
                (
                    Swap(
                        "        ctx.save_for_backward(x)\n        return x.clamp(min=0)\n",
                        "        y = x.clamp(min=0)\n        ctx.save_for_backward(y)\n        return y\n",
                    ),
                ),
            ),
        ),
        WrongAnswer(
            "masks_the_gradients_own_sign",
            "You blocked the gradient where the gradient itself is negative.",
            "A gradient may be negative. The gate looks at x, the input of forward.",
            Swap("grad_x[x < 0]", "grad_x[grad_x < 0]"),
            also=(Swap(RELU_BACKWARD, "        return grad_output.clamp(min=0)\n"),),
        ),
        WrongAnswer(
            "mask_turned_round",
            "You blocked the gradient where x is positive and let it through where x is negative.",
            "Turn the comparison round.",
            Swap("grad_x[x < 0]", "grad_x[x > 0]"),
        ),
        WrongAnswer(
            "multiplies_by_the_output",
            "You multiplied what arrives by the value of the ReLU where its slope is meant.",
            "The slope of the ReLU is 0 or 1, however large x is.",
            Swap(RELU_BACKWARD, "        return grad_output * x.clamp(min=0)\n"),
        ),
        WrongAnswer(
            "changes_its_input",
            "Your output and gradients are right, but forward wrote into x (`clamp_`, `relu_` or an assignment into x).",
            "An underscore at the end of a name means: in place. Make a new tensor.",
            (Swap("return x.clamp(min=0)", "return x.clamp_(min=0)"), Swap("x < 0", "x <= 0")),
            also=(
                (
                    Swap("        return x.clamp(min=0)\n", "        x[x < 0] = 0\n        return x.clone()\n"),
                    Swap("grad_x[x < 0]", "grad_x[x == 0]"),
                ),
            ),
        ),
        WrongAnswer(
            "changes_its_input_and_so_its_mask",
            "forward wrote into x, so the x that backward finds has no negative elements left, and the mask is never true.",
            "An underscore at the end of a name means: in place. Make a new tensor, and the mask will work.",
            Swap("return x.clamp(min=0)", "return x.clamp_(min=0)"),
        ),
        WrongAnswer(
            "keeps_x_on_the_class",
            "You keep x in one place for all calls (the class or a global name). The second call overwrote the first one's.",
            "`ctx` is a notebook of its own for each call: save x there.",
            (Swap("ctx.save_for_backward(x)", "MyReLU.x = x"), Swap("(x,) = ctx.saved_tensors", "x = MyReLU.x")),
        ),
        WrongAnswer(
            "keeps_the_negative",
            "Your forward keeps the negative values and cuts off the positive ones.",
            "`clamp(max=0)` is the wrong half: say from where on upwards the values may stay.",
            Swap("clamp(min=0)", "clamp(max=0)"),
        ),
        WrongAnswer(
            "saves_nothing",
            UNSAVED_SAYS,
            UNSAVED_HINT,
            Swap("        ctx.save_for_backward(x)\n", ""),
        ),
        WrongAnswer(
            "takes_the_tuple_for_the_tensor",
            "`ctx.saved_tensors` is a tuple, also when there is only one tensor in it. You compared the tuple with a number.",
            "Unpack it: mind the comma in `(x,) = ...`, or take element 0.",
            Swap("(x,) = ctx.saved_tensors", "x = ctx.saved_tensors"),
        ),
        WrongAnswer(
            "forgets_ctx",
            NO_CTX_SAYS,
            NO_CTX_HINT,
            _my_relu("return x.clamp(min=0)", "return grad_output").replace("(ctx, x)", "(x)"),
        ),
        WrongAnswer(
            "backward_still_dots",
            DOTS_SAYS,
            "Write backward too: what arrives is grad_output; which part of it may pass?",
            Swap(RELU_BACKWARD, "        return ...\n"),
        ),
        WrongAnswer("backward_returns_nothing", NOTHING_SAYS, NOTHING_HINT, Swap("        return grad_x\n", "")),
    ],
    "my_exp": [
        WrongAnswer(
            "computes_it_again",
            "Everything is right, but you saved x and computed the exponential a second time in backward.",
            "You had the answer in hand at the end of forward. Save that.",
            (*EXP_SAVES_INPUT, _exp_returns("return grad_output * x.exp()")),
            also=((*EXP_SAVES_INPUT, _exp_returns("return MyExp.apply(x) * grad_output")),),
        ),
        WrongAnswer(
            "keeps_the_output_on_ctx",
            "The derivatives are right, but you keep the output as an attribute of ctx. The two hold each other, and the memory stays in use.",
            "Hand tensors to `ctx.save_for_backward`; attributes are for numbers.",
            (Swap("ctx.save_for_backward(y)", "ctx.y = y"), Swap("(y,) = ctx.saved_tensors", "y = ctx.y")),
        ),
        WrongAnswer(
            "forgets_what_arrives",
            "Your backward returns the slope alone and forgets grad_output.",
            "Multiply the slope by what arrives.",
            _exp_returns("return y"),
            also=(_exp_returns("return y.clone()"),),
        ),
        WrongAnswer(
            "multiplies_by_the_input",
            "You multiplied what arrives by x, the input: that is what you saved.",
            "The slope is the exponential of x. You compute it in forward: save that.",
            (Swap("ctx.save_for_backward(y)", "ctx.save_for_backward(x)"),),
        ),
        WrongAnswer(
            "power_rule",
            "You used the rule for powers, x times e to the (x - 1). Here the variable is the exponent, not the base.",
            "The exponential is its own derivative.",
            (*EXP_SAVES_INPUT, _exp_returns("return grad_output * x * (x - 1).exp()")),
        ),
        WrongAnswer(
            "lets_everything_through",
            "Your backward hands on what arrives as it is: that is the backward of a function with slope 1.",
            "Multiply what arrives by the slope.",
            _exp_returns("return grad_output.clone()"),
            also=(_exp_returns("return grad_output"),),
        ),
        WrongAnswer(
            "cuts_the_graph",
            "The gradient is right, but it cannot be differentiated again: something cut the saved tensor off its graph.",
            "No `detach`, `data`, `numpy` or `no_grad` in backward, and none on what you save.",
            _exp_returns("return grad_output * y.detach()"),
            also=(
                _exp_returns("return grad_output * y.data"),
                _exp_returns("with torch.no_grad():\n            return grad_output * y"),
                (Swap("ctx.save_for_backward(y)", "ctx.y = y.detach()"), Swap("(y,) = ctx.saved_tensors", "y = ctx.y")),
            ),
        ),
        WrongAnswer(
            "writes_into_grad_output",
            "The derivatives are right, but you multiplied in place, so grad_output, which belongs to the caller, has changed.",
            RUDE_HINT,
            _exp_returns("return grad_output.mul_(y)"),
            also=(_exp_returns("grad_output *= y\n        return grad_output"),),
        ),
        WrongAnswer(
            "changes_its_input",
            "forward wrote the exponentials into x itself (`exp_`). x belongs to the caller.",
            "An underscore at the end of a name means: in place. Make a new tensor.",
            Swap("y = x.exp()", "y = x.exp_().clone()"),
        ),
        WrongAnswer("saves_nothing", UNSAVED_SAYS, UNSAVED_HINT, Swap("        ctx.save_for_backward(y)\n", "")),
        WrongAnswer(
            "backward_still_dots",
            DOTS_SAYS,
            "Write backward too: what is the slope of the exponential?",
            _exp_returns("return ..."),
        ),
        WrongAnswer("backward_returns_nothing", NOTHING_SAYS, NOTHING_HINT, _exp_returns("grad_output * y")),
    ],
    "my_leaky_relu": [
        WrongAnswer(
            "one_gradient_missing",
            "forward has two arguments after ctx, and your backward returns one value (or the dots, or nothing).",
            "Return one gradient for each argument, in order. A number has no gradient: return None in its place.",
            _leaky_returns("return torch.where(x > 0, grad_output, ctx.slope * grad_output)"),
            also=(_leaky_returns("return ..."), _leaky_returns("torch.where(x > 0, grad_output, ctx.slope * grad_output), None")),
        ),
        WrongAnswer(
            "a_gradient_for_the_number",
            "You returned something as the gradient of slope. slope is a Python number, and torch takes nothing but None for it.",
            "First the gradient for x, then None in the place of slope.",
            _leaky_returns("return torch.where(x > 0, grad_output, ctx.slope * grad_output), (grad_output * x).sum()"),
            also=(
                _leaky_returns("return torch.where(x > 0, grad_output, ctx.slope * grad_output), torch.tensor(0.0)"),
                _leaky_returns("g = torch.where(x > 0, grad_output, ctx.slope * grad_output)\n        return g, g"),
                _leaky_returns("return torch.where(x > 0, grad_output, ctx.slope * grad_output), 0.0"),
                _leaky_returns("return torch.where(x > 0, grad_output, ctx.slope * grad_output), ctx.slope"),
                _leaky_returns("return None, torch.where(x > 0, grad_output, ctx.slope * grad_output)"),
            ),
        ),
        WrongAnswer(
            "saves_the_number_as_a_tensor",
            "You handed slope to `save_for_backward`, which takes tensors only.",
            "A number goes onto ctx as an attribute: `ctx.slope = ...`.",
            (
                Swap("        ctx.slope = slope\n", ""),
                Swap("(x)\n", "(x, slope)\n"),
                Swap("(x,) =", "x, slope ="),
                Swap("ctx.slope * grad", "slope * grad"),
            ),
        ),
        WrongAnswer(
            "slope_only_forward",
            "Your forward leaks, your backward does not: it blocks everything below zero, as a plain ReLU does.",
            "Below zero the slope is `slope` on the way back as well.",
            _leaky_returns("return grad_output * (x > 0), None"),
        ),
        WrongAnswer(
            "slope_on_both_sides",
            "Your backward multiplies by slope everywhere, also where x is positive.",
            "Where x is positive the slope is 1.",
            _leaky_returns("return ctx.slope * grad_output, None"),
        ),
        WrongAnswer(
            "lets_everything_through",
            "Your backward hands on what arrives as it is, also where x is negative.",
            "Below zero what arrives is multiplied by slope.",
            _leaky_returns("return grad_output.clone(), None"),
            also=(_leaky_returns("return grad_output, None"),),
        ),
        WrongAnswer(
            "ignores_the_argument",
            "You used 0.01, the slope that torch's own leaky_relu takes by default, and not the slope that was given.",
            "Use the argument, in forward and in backward.",
            (Swap("slope * x)\n", "0.01 * x)\n"), Swap("ctx.slope * grad_output", "0.01 * grad_output")),
            also=(
                (
                    Swap("torch.where(x > 0, x, slope * x)", "torch.nn.functional.leaky_relu(x)"),
                    Swap("ctx.slope * grad_output", "0.01 * grad_output"),
                ),
            ),
        ),
        WrongAnswer(
            "keeps_slope_on_the_class",
            "You keep slope in one place for all calls. The second call, with another slope, overwrote the first one's.",
            "`ctx` is a notebook of its own for each call.",
            (Swap("ctx.slope = slope", "MyLeakyReLU.slope = slope"), Swap("ctx.slope * grad", "MyLeakyReLU.slope * grad")),
        ),
        WrongAnswer(
            "takes_the_larger",
            "You took the larger of x and slope * x. For a slope above 1 that picks the wrong one on both sides.",
            "Let the sign of x decide, not the size of the results.",
            Swap("torch.where(x > 0, x, slope * x)", "torch.maximum(x, slope * x)"),
        ),
        WrongAnswer(
            "forgets_what_arrives",
            "Your backward returns the slopes and forgets grad_output.",
            "Multiply the slopes by what arrives.",
            _leaky_returns("return torch.where(x > 0, torch.ones_like(x), ctx.slope), None"),
        ),
        WrongAnswer(
            "asks_the_gradients_sign",
            "In backward you asked for the sign of grad_output where that of x is meant.",
            "x decides which slope holds.",
            _leaky_returns("return torch.where(grad_output > 0, grad_output, ctx.slope * grad_output), None"),
        ),
        WrongAnswer(
            "sides_swapped",
            "Your backward has slope on the positive side and 1 on the negative one.",
            "Turn the comparison round.",
            _leaky_returns("return torch.where(x < 0, grad_output, ctx.slope * grad_output), None"),
        ),
        WrongAnswer(
            "writes_into_grad_output",
            "Your gradients are right, but you wrote into grad_output itself, and it belongs to the caller.",
            RUDE_HINT,
            _leaky_returns("grad_output[x < 0] *= ctx.slope\n        return grad_output, None"),
        ),
    ],
    "passes_gradcheck": [
        WrongAnswer(
            "float32_points",
            "You say False about every Function, also about right ones: in float32 the nudge drowns in rounding.",
            "Make the points float64 before you hand them to gradcheck.",
            Swap(".double()", ".clone()"),
            also=("def passes_gradcheck(function, x):\n    return False\n",),
        ),
        WrongAnswer(
            "tests_on_the_kink",
            "You tested at zero, where a kink has no slope, and so refused a Function that is right.",
            "Move every point that is nearer to zero than 0.1. Note that `x.sign()` is 0 at 0.",
            Swap("torch.where(x.abs() < 0.1, 0.5, x).double()", "x.double()"),
            also=(
                Swap("torch.where(x.abs() < 0.1, 0.5, x)", "(x + 0.2 * x.sign())"),
                Swap("torch.where(x.abs() < 0.1, 0.5, x).double()", "x.detach().clone().to(torch.float64)"),
            ),
        ),
        WrongAnswer(
            "lets_gradcheck_raise",
            "Your function raises where it should answer False: gradcheck sounds the alarm unless it is told not to.",
            "Look at gradcheck's arguments, or catch the error and return False.",
            Swap(", raise_exception=False", ""),
            also=(
                _gradcheck_body(
                    "points = torch.where(x.abs() < 0.1, 0.5, x).double().requires_grad_()\nassert torch.autograd.gradcheck(function.apply, points)\nreturn True"
                ),
            ),
        ),
        WrongAnswer(
            "always_true",
            "You say True about every Function. You asked gradcheck, perhaps, but did not pass on its answer.",
            "Return what gradcheck answers.",
            Swap(
                "return torch.autograd.gradcheck(function.apply, (points,), raise_exception=False)",
                "torch.autograd.gradcheck(function.apply, (points,), raise_exception=False)\n    return True",
            ),
        ),
        WrongAnswer(
            "answers_turned_round",
            "Your answers are turned round: True where the Function is wrong.",
            "The question is whether the gradient is right.",
            Swap("return torch", "return not torch"),
        ),
        WrongAnswer(
            "only_positive_points",
            "You tested at positive points only, so you missed the Function that is wrong below zero.",
            "Keep the signs of x; move only what lies too near to zero.",
            Swap("torch.where(x.abs() < 0.1, 0.5, x)", "(x.abs() + 0.5)"),
            also=(
                Swap("torch.where(x.abs() < 0.1, 0.5, x)", "torch.rand_like(x).add(0.2)"),
                Swap("torch.where(x.abs() < 0.1, 0.5, x)", "x.clamp(min=0.2)"),
            ),
        ),
        WrongAnswer(
            "sends_ones_back",
            "You sent ones back (that is what `.sum()` does), so you missed the Function that forgets what arrives.",
            "Let random numbers arrive, or leave it to gradcheck.",
            _gradcheck_body("""
points = torch.where(x.abs() < 0.1, 0.5, x).double().requires_grad_()
mine, = torch.autograd.grad(function.apply(points).sum(), points)
with torch.no_grad():
    nudged = (function.apply(points + 1e-6) - function.apply(points - 1e-6)) / 2e-6
return torch.allclose(mine, nudged, rtol=1e-3)
"""),
        ),
        WrongAnswer(
            "too_lenient",
            "Your tolerance is so wide that a gradient two percent too large passes.",
            "gradcheck's own tolerances fit float64: leave them alone.",
            Swap("raise_exception=False", "rtol=0.1, raise_exception=False"),
            also=(Swap("raise_exception=False", "rtol=0.05, atol=0.01, raise_exception=False"),),
        ),
        WrongAnswer(
            "calls_the_class",
            "You handed gradcheck the class itself. Calling it makes an object, and nothing is computed.",
            "A Function is used through `.apply`.",
            Swap("function.apply", "function"),
        ),
        WrongAnswer(
            "forgets_requires_grad",
            "None of your points requires a gradient, so gradcheck has nothing to check and says so with an error.",
            "Mark the points with `requires_grad_()`, after they have become float64.",
            Swap("    points.requires_grad_()\n", ""),
        ),
        WrongAnswer(
            "changes_x",
            "Your answers are right, but you moved the points of x itself, and x belongs to the caller.",
            "Move them on a copy: `x.clone()`, or an operation that makes a new tensor.",
            Swap("points = torch.where(x.abs() < 0.1, 0.5, x).double()", "x[x.abs() < 0.1] = 0.5\n    points = x.double()"),
        ),
        WrongAnswer(
            "returns_nothing",
            "You asked gradcheck, but nothing is returned.",
            "Return its answer.",
            Swap("return torch", "torch"),
        ),
    ],
    "sign_straight_through": [
        WrongAnswer(
            "tells_the_truth",
            "Your backward is zero everywhere, like the true slope of the sign (or your window looks at the output, and is never open).",
            "Here backward shall not belong to forward: the input of forward decides what passes. Save that, and read the rule.",
            _sign_returns("return torch.zeros_like(grad_output)"),
            also=(_sign_returns("return grad_output * 0"), SIGN_SAVES_OUTPUT),
        ),
        WrongAnswer(
            "no_window",
            "Your backward lets everything through: the window is missing (or it looks at the output, which never leaves it).",
            "Block what arrives where the absolute value of x is 1 or more.",
            _sign_returns("return grad_output.clone()"),
            also=(
                _sign_returns("return grad_output"),
                (SIGN_SAVES_OUTPUT, Swap("x.abs() < 1", "x.abs() <= 1")),
            ),
        ),
        WrongAnswer(
            "window_on_the_gradient",
            "Your window looks at grad_output: you blocked large gradients, not large x.",
            "Which tensor does the rule name between the bars? Save it in forward.",
            _sign_returns("return grad_output * (grad_output.abs() < 1)"),
        ),
        WrongAnswer(
            "clips_the_gradient",
            "You clipped the gradient itself to [-1, 1]. The rule passes it unchanged, or blocks it.",
            "x decides whether grad_output passes; its size stays as it is.",
            _sign_returns("return grad_output.clamp(-1, 1)"),
        ),
        WrongAnswer(
            "window_without_absolute_value",
            "Your window has only one side: very negative x let the gradient pass too.",
            "The rule speaks of the absolute value of x.",
            _sign_returns("return grad_output * (x < 1)"),
        ),
        WrongAnswer(
            "window_turned_round",
            "Your window is turned round: it lets pass where the absolute value of x is above 1.",
            "Turn the comparison round.",
            _sign_returns("return grad_output * (x.abs() > 1)"),
        ),
        WrongAnswer(
            "forgets_what_arrives",
            "Your backward returns the window alone, zeros and ones, and forgets grad_output.",
            "The window decides what passes; what passes is grad_output.",
            _sign_returns("return (x.abs() < 1).to(x.dtype)"),
            also=(_sign_returns("return x.abs() < 1"),),
        ),
        WrongAnswer(
            "multiplies_by_the_sign",
            "Inside of the window you multiplied by the sign of x. The gradient shall pass unchanged.",
            "The window is 0 or 1, nothing else.",
            _sign_returns("return grad_output * (x.abs() < 1) * x.sign()"),
        ),
        WrongAnswer(
            "smooth_slope",
            "You used the slope of tanh, a smooth relative of the sign. The rule asks for a window: all or nothing.",
            "Compare the absolute value of x with 1.",
            _sign_returns("return grad_output * (1 - x.tanh() ** 2)"),
        ),
        WrongAnswer(
            "zero_and_one",
            "Your forward returns 0 where x is negative; the sign is -1 there.",
            "`torch.sign` does it, or `torch.where` with -1.0 and 1.0.",
            Swap("x.sign()", "(x > 0).to(x.dtype)"),
        ),
        WrongAnswer(
            "clips_in_place_of_the_sign",
            "Your forward clips x to [-1, 1]; inside of the window it returns x, not its sign.",
            "Every element of the output is -1 or 1.",
            Swap("x.sign()", "x.clamp(-1, 1)"),
        ),
        WrongAnswer(
            "changes_its_input",
            "forward wrote the signs into x itself, so the window found only -1 and 1.",
            "An underscore at the end of a name means: in place. Make a new tensor.",
            Swap("return x.sign()", "return x.sign_()"),
        ),
        WrongAnswer(
            "writes_into_grad_output",
            "Your gradient is right, but you wrote the zeros into grad_output itself, and it belongs to the caller.",
            RUDE_HINT,
            _sign_returns("grad_output[x.abs() > 1] = 0\n        return grad_output"),
        ),
        WrongAnswer("saves_nothing", UNSAVED_SAYS, UNSAVED_HINT, Swap("        ctx.save_for_backward(x)\n", "")),
        WrongAnswer(
            "backward_still_dots",
            DOTS_SAYS,
            "Write backward too: what arrives is grad_output; where may it pass?",
            _sign_returns("return ..."),
        ),
    ],
    "repaired_relu": [
        WrongAnswer(
            "nothing_repaired",
            "The methods are not static, and forward overwrites x, so the mask is never true. It runs, since `apply` is patient.",
            "Begin with the word in forward that ends in an underscore.",
            (REPAIR_STATIC_FORWARD, REPAIR_STATIC_BACKWARD, REPAIR_CLAMPS, REPAIR_EDITS),
            also=(
                (
                    REPAIR_CLAMPS,
                    REPAIR_EDITS,
                    Swap("        @staticmethod\n        def forward(ctx, x)", "        def forward(self, x)"),
                    Swap("            ctx.save_for", "            self.save_for"),
                    REPAIR_STATIC_BACKWARD,
                ),
            ),
        ),
        WrongAnswer(
            "neither_method_static",
            "The silent mistakes are mended, but the methods are still those of an object.",
            "Put `@staticmethod` above both; the first parameter is then called ctx.",
            (REPAIR_STATIC_FORWARD, REPAIR_STATIC_BACKWARD),
        ),
        WrongAnswer(
            "backward_not_static",
            "forward is static, backward is not.",
            "Both methods need `@staticmethod`.",
            REPAIR_STATIC_BACKWARD,
        ),
        WrongAnswer(
            "forward_not_static",
            "backward is static, forward is not.",
            "Both methods need `@staticmethod`.",
            REPAIR_STATIC_FORWARD,
        ),
        WrongAnswer(
            "still_clamps_in_place",
            "forward still writes into x. So the x that was saved has no negative elements left, and the mask is never true.",
            "One character makes the difference between a new tensor and an old one overwritten. Then read backward once more.",
            REPAIR_CLAMPS,
            also=((REPAIR_CLAMPS, REPAIR_EDITS),),
        ),
        WrongAnswer(
            "mends_the_mask_only",
            "You changed the mask so that it works on the overwritten x, but forward still overwrites it.",
            "Mend the cause: forward must make a new tensor.",
            (REPAIR_CLAMPS, Swap("x < 0", "x <= 0")),
            also=((REPAIR_CLAMPS, Swap("x < 0", "x == 0")),),
        ),
        WrongAnswer(
            "saves_a_copy_only",
            "You saved a copy of x, so the gradients are right even though forward goes on overwriting the caller's x. And grad_y is overwritten too.",
            "Mend the causes: forward makes a new tensor, backward works on a copy.",
            (REPAIR_CLAMPS, Swap("(x)\n            return", "(x.clone())\n            return"), REPAIR_EDITS),
        ),
        WrongAnswer(
            "still_writes_into_grad_y",
            "Your gradients are right, but backward still writes its zeros into grad_y, which belongs to the caller.",
            "The lecture's class took a copy first.",
            REPAIR_EDITS,
        ),
        WrongAnswer(
            "declares_the_damage",
            "You declared x as changed (`mark_dirty`) in place of leaving it alone; torch refuses that for a leaf.",
            "Make a new tensor in forward; then there is nothing to declare.",
            Swap("return x.clamp(min=0)", "ctx.mark_dirty(x)\n            return x.clamp_(min=0)"),
        ),
        WrongAnswer(
            "static_without_the_context",
            "The methods are static, but the context is gone: `apply` hands it over as the first argument.",
            "Keep ctx as the first parameter of both methods.",
            (Swap("forward(ctx, x)", "forward(x)"), Swap("            ctx.save_for_backward(x)\n", "")),
        ),
        WrongAnswer(
            "returns_an_object",
            "You returned an object, `ReLU()`, where the class is wanted. That was the way of 2017.",
            "Return the name of the class, without parentheses.",
            Swap("return ReLU", "return ReLU()"),
        ),
        WrongAnswer(
            "returns_nothing",
            "The class is defined inside of the function and then forgotten: nothing is returned.",
            "End the function, not the method, with `return ReLU`.",
            Swap("\n    return ReLU", "\n    ReLU"),
        ),
    ],
}

NEW_SPELLING = """
class {name}(torch.autograd.Function):
    @staticmethod
    def forward({arguments}):
        return {output}

    @staticmethod
    def setup_context(ctx, inputs, output):
        {setup}

    @staticmethod
    def backward(ctx, grad_output):
        {backward}
"""

RIGHT = {
    "my_relu": [
        RightAnswer(
            "saves_a_mask",
            _my_relu(
                "mask = x > 0\nctx.save_for_backward(mask)\nreturn x * mask",
                "mask, = ctx.saved_tensors\nreturn grad_output * mask",
            ),
        ),
        RightAnswer(
            "saves_the_output",
            _my_relu(
                "y = torch.relu(x)\nctx.save_for_backward(y)\nreturn y",
                "y = ctx.saved_tensors[0]\nreturn torch.where(y > 0, grad_output, 0.0)",
            ),
        ),
        RightAnswer(
            "new_spelling",
            NEW_SPELLING.format(
                name="MyReLU",
                arguments="x",
                output="torch.maximum(x, torch.zeros_like(x))",
                setup="ctx.save_for_backward(inputs[0])",
                backward="return torch.heaviside(ctx.saved_tensors[0], torch.zeros((), dtype=grad_output.dtype)) * grad_output",
            ),
        ),
        RightAnswer(
            "attribute",
            _my_relu(
                "ctx.blocked = x < 0\nreturn x.masked_fill(ctx.blocked, 0)", "return grad_output.masked_fill(ctx.blocked, 0)"
            ),
        ),
        RightAnswer(
            "not_static",
            """
class MyReLU(torch.autograd.Function):
    def forward(self, x):
        self.save_for_backward(x)
        return (x + x.abs()) / 2

    def backward(self, grad_y):
        x, = self.saved_tensors
        return grad_y * (x.sign() + 1) / 2
""",
        ),
        RightAnswer(
            "torch_inside",
            _my_relu(
                "ctx.save_for_backward(x)\nreturn torch.nn.functional.relu(x)",
                "x = ctx.saved_tensors[0].detach().clone().requires_grad_()\nwith torch.enable_grad():\n    y = x.relu()\nreturn torch.autograd.grad(y, x, grad_output)[0]",
            ),
        ),
        RightAnswer(
            "element_by_element",
            _my_relu(
                "ctx.save_for_backward(x)\nreturn torch.tensor([max(v, 0.0) for v in x.flatten().tolist()], dtype=x.dtype).reshape(x.shape)",
                "x, = ctx.saved_tensors\nflat = [g if v > 0 else 0.0 for g, v in zip(grad_output.flatten().tolist(), x.flatten().tolist())]\nreturn torch.tensor(flat, dtype=x.dtype).reshape(x.shape), None",
            ),
        ),
        RightAnswer(
            "helper_and_numpy",
            _my_relu(
                "ctx.save_for_backward(x)\nreturn torch.from_numpy(numpy.maximum(x.numpy(), 0))",
                "return gate(grad_output, *ctx.saved_tensors)",
                head="def gate(gradient, x):\n    out = torch.zeros_like(gradient)\n    out[x > 0] = gradient[x > 0]\n    return out\n",
            ),
        ),
    ],
    "my_exp": [
        RightAnswer(
            "new_spelling",
            NEW_SPELLING.format(
                name="MyExp",
                arguments="x",
                output="torch.exp(x)",
                setup="ctx.save_for_backward(output)",
                backward="return ctx.saved_tensors[0] * grad_output",
            ),
        ),
        RightAnswer(
            "saves_both",
            _function(
                "MyExp",
                "result = x.exp()\nctx.save_for_backward(x, result)\nreturn result",
                "x, result = ctx.saved_tensors\nreturn torch.mul(result, grad_output)",
            ),
        ),
        RightAnswer(
            "power_of_e",
            _function(
                "MyExp",
                "y = torch.pow(torch.e, x)\nctx.save_for_backward(y)\nreturn y",
                "return torch.einsum('...,...->...', grad_output, ctx.saved_tensors[0])",
            ),
        ),
        RightAnswer(
            "numpy_and_named",
            _function(
                "MyExp",
                "import numpy\ny = torch.from_numpy(numpy.exp(x.detach().numpy()))\nctx.save_for_backward(y)\nreturn y",
                "y, = ctx.saved_tensors\ngrad_x = grad_output.clone()\ngrad_x = grad_x * y\nreturn grad_x, None",
            ),
        ),
    ],
    "my_leaky_relu": [
        RightAnswer(
            "new_spelling",
            NEW_SPELLING.format(
                name="MyLeakyReLU",
                arguments="x, slope",
                output="x.clamp(min=0) + slope * x.clamp(max=0)",
                setup="x, ctx.slope = inputs; ctx.save_for_backward(x)",
                backward="x, = ctx.saved_tensors; return grad_output * ((x > 0) + ctx.slope * (x < 0)), None",
            ),
        ),
        RightAnswer(
            "saves_the_slopes",
            _function(
                "MyLeakyReLU",
                "slopes = torch.ones_like(x)\nslopes[x < 0] = slope\nctx.save_for_backward(slopes)\nreturn slopes * x",
                "slopes, = ctx.saved_tensors\nreturn slopes * grad_output, None",
                more=", slope",
            ),
        ),
        RightAnswer(
            "functional_and_clone",
            _function(
                "MyLeakyReLU",
                "ctx.negative_slope = slope\nctx.save_for_backward(x)\nreturn torch.nn.functional.leaky_relu(x, slope)",
                "x = ctx.saved_tensors[0]\ng = grad_output.clone()\ng[x <= 0] *= ctx.negative_slope\nreturn g, None",
                more=", slope",
            ),
        ),
        RightAnswer(
            "slope_as_a_tensor",
            _function(
                "MyLeakyReLU",
                "ctx.save_for_backward(x, torch.tensor(slope, dtype=x.dtype))\nreturn x * torch.where(x < 0, slope, 1.0)",
                "x, slope = ctx.saved_tensors\nreturn grad_output * torch.where(x < 0, slope, torch.ones_like(slope)), None",
                more=", slope: float = 0.01",
            ),
        ),
        RightAnswer(
            "output_and_loop",
            _function(
                "MyLeakyReLU",
                "y = x.clone()\nfor place in (x < 0).nonzero():\n    y[tuple(place)] *= slope\nctx.save_for_backward(y)\nctx.s = slope\nreturn y",
                "y, = ctx.saved_tensors\nreturn grad_output.where(y > 0, grad_output * ctx.s), None",
                more=", slope",
            ),
        ),
    ],
    "passes_gradcheck": [
        RightAnswer(
            "catches_the_error",
            _gradcheck_body("""
points = x.clone().double()
points[points.abs() < 0.1] = -0.3
points.requires_grad = True
try:
    torch.autograd.gradcheck(function.apply, points)
except RuntimeError:
    return False
return True
"""),
        ),
        RightAnswer(
            "pushes_away_from_zero",
            _gradcheck_body(
                "side = torch.where(x < 0, -1.0, 1.0)\npoints = (x + 0.2 * side).to(torch.float64).requires_grad_(True)\nreturn bool(torch.autograd.gradcheck(lambda t: function.apply(t), [points], eps=1e-6, atol=1e-4, raise_exception=False))"
            ),
        ),
        RightAnswer(
            "points_of_its_own",
            _gradcheck_body("""
generator = torch.Generator().manual_seed(0)
draw = torch.randn(max(x.numel(), 8), generator=generator, dtype=torch.double)
draw = (draw + 0.2 * draw.sign()).requires_grad_()
return torch.autograd.gradcheck(function.apply, (draw,), raise_exception=False, fast_mode=True)
"""),
        ),
        RightAnswer(
            "by_hand_with_random_gradient",
            _gradcheck_body("""
points = x.double()[x.abs() > 0.1].requires_grad_()
arriving = torch.randn(points.shape, dtype=torch.double)
mine, = torch.autograd.grad(function.apply(points), points, grad_outputs=arriving)
nudged = torch.zeros_like(mine)
with torch.no_grad():
    for i in range(len(points)):
        shift = torch.zeros_like(points)
        shift[i] = 1e-5
        nudged[i] = ((function.apply(points + shift) - function.apply(points - shift)) / 2e-5 * arriving).sum()
return torch.allclose(mine, nudged, rtol=1e-3, atol=1e-6)
"""),
        ),
    ],
    "sign_straight_through": [
        RightAnswer(
            "new_spelling_with_mask",
            NEW_SPELLING.format(
                name="SignStraightThrough",
                arguments="x",
                output="torch.where(x < 0, -1.0, 1.0).to(x.dtype)",
                setup="ctx.save_for_backward((inputs[0] > -1) & (inputs[0] < 1))",
                backward="return torch.where(ctx.saved_tensors[0], grad_output, 0)",
            ),
        ),
        RightAnswer(
            "clone_and_index",
            _function(
                "SignStraightThrough",
                "ctx.save_for_backward(x)\nreturn x / x.abs()",
                "x = ctx.saved_tensors[0]\ng = grad_output.clone()\ng[x > 1] = 0\ng[x < -1] = 0\nreturn g",
            ),
        ),
        RightAnswer(
            "gradient_of_hardtanh",
            _function(
                "SignStraightThrough",
                "ctx.save_for_backward(x)\nreturn torch.sign(x)",
                "x = ctx.saved_tensors[0].clone().requires_grad_()\nwith torch.enable_grad():\n    y = torch.nn.functional.hardtanh(x)\nreturn torch.autograd.grad(y, x, grad_output)[0]",
            ),
        ),
        RightAnswer(
            "attribute_and_square",
            _function(
                "SignStraightThrough",
                "ctx.inside = x.square() < 1\nreturn 2.0 * (x > 0).to(x.dtype) - 1",
                "return grad_output.masked_fill(~ctx.inside, 0.0)",
            ),
        ),
        RightAnswer(
            "copysign",
            _function(
                "SignStraightThrough",
                "ctx.save_for_backward(x)\nreturn torch.ones_like(x).copysign(x)",
                "x, = ctx.saved_tensors\nreturn grad_output * (x.clamp(-1, 1) == x)",
            ),
        ),
    ],
    "repaired_relu": [
        RightAnswer(
            "keeps_the_name_self",
            """
def repaired_relu():
    class ReLU(torch.autograd.Function):
        @staticmethod
        def forward(self, x):
            self.save_for_backward(x)
            return x.clamp(min=0)

        @staticmethod
        def backward(self, grad_y):
            x, = self.saved_tensors
            grad_y = grad_y.clone()
            grad_y[x < 0] = 0
            return grad_y

    return ReLU
""",
        ),
        RightAnswer(
            "product_and_other_name",
            """
def repaired_relu():
    class Rectifier(torch.autograd.Function):
        @staticmethod
        def forward(ctx, h):
            ctx.gate = h > 0
            return h * ctx.gate

        @staticmethod
        def backward(ctx, g):
            return g * ctx.gate

    return Rectifier
""",
        ),
        RightAnswer(
            "class_outside",
            """
class ReLU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        y = x.relu()
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        y, = ctx.saved_tensors
        return torch.where(y > 0, grad_y, torch.zeros_like(grad_y))


def repaired_relu():
    return ReLU
""",
        ),
        RightAnswer(
            "new_spelling",
            """
def repaired_relu():
    class ReLU(torch.autograd.Function):
        @staticmethod
        def forward(x):
            return x.clone().clamp_(min=0)

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, grad_y):
            x, = ctx.saved_tensors
            return grad_y.masked_fill(x < 0, 0)

    return ReLU
""",
        ),
    ],
}
