"""Known wrong answers of chapter 06, each with the hint it earns, and other right answers that must pass."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

# -- the lines that several mistakes change --------------------------------------------------------------------------------

SGD_BODY = """    with torch.no_grad():
        for p in params:
            if p.grad is not None:
                p -= lr * p.grad
"""
THREE_CALLS = "        optimizer.zero_grad()\n        loss.backward()\n        optimizer.step()\n"
ZERO_LATE = Swap(THREE_CALLS, "        loss.backward()\n        optimizer.zero_grad()\n        optimizer.step()\n")
STEP_EARLY = Swap(THREE_CALLS, "        optimizer.zero_grad()\n        optimizer.step()\n        loss.backward()\n")
NEVER_ZERO = Swap("        optimizer.zero_grad()\n", "")
COPY_FIRST = "    model = copy.deepcopy(model)\n    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)\n"
COPY_LATE = Swap(
    COPY_FIRST, "    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)\n    model = copy.deepcopy(model)\n"
)
TYPO = Swap("model.parameters()", "model.paramters()")
GROUPS = """    groups = [
        {"params": weights, "lr": lr, "weight_decay": weight_decay},
        {"params": biases, "lr": bias_lr, "weight_decay": 0.0},
    ]
    return torch.optim.SGD(groups, lr=lr)
"""
LAMBDA = "    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)\n"
NOTE, STEP, NEXT = (
    '        rates.append(optimizer.param_groups[0]["lr"])\n',
    "        optimizer.step()\n",
    "        scheduler.step()\n",
)
DECAYED = "return 0.5 ** ((t - warmup) // every)"

WRONG = {
    "sgd_step": [
        WrongAnswer(
            "walks_uphill",
            "You added lr times the gradient. The gradient points uphill, so every step made the loss larger.",
            "A step goes against the gradient.",
            Swap("p -= lr", "p += lr"),
        ),
        WrongAnswer(
            "autograd_watches",
            "You wrote into a parameter while autograd was watching. It refuses: a leaf may not be changed in place.",
            "Put the update under `torch.no_grad()`.",
            Swap(SGD_BODY, "    for p in params:\n        if p.grad is not None:\n            p -= lr * p.grad\n"),
        ),
        WrongAnswer(
            "parameters_stay",
            "No parameter moved. `p = p - ...` makes a new tensor and gives it a name; the parameter keeps its numbers.",
            "Write into the tensor itself: `-=`, `sub_` or `copy_`.",
            Swap("p -= lr * p.grad", "p = p - lr * p.grad"),
            also=(
                "def sgd_step(params, lr):\n    for i, p in enumerate(params):\n        if p.grad is not None:\n            params[i] = p - lr * p.grad",
                "def sgd_step(params, lr):\n    return [p if p.grad is None else p - lr * p.grad for p in params]",
            ),
        ),
        WrongAnswer(
            "none_is_not_skipped",
            "You multiplied `None`: one of the parameters has no gradient.",
            "Ask before you use it: `if p.grad is not None`.",
            Swap("            if p.grad is not None:\n                p -= lr * p.grad\n", "            p -= lr * p.grad\n"),
            also=(Swap(SGD_BODY, "    for p in params:\n        p.data -= lr * p.grad\n"),),
        ),
        WrongAnswer(
            "asks_if_the_gradient_is_true",
            "You asked whether the gradient is true, as the lecture's `if w1.grad` did. A tensor with several numbers is neither.",
            "Ask whether it is there: `if p.grad is not None`.",
            Swap("if p.grad is not None", "if p.grad"),
        ),
        WrongAnswer(
            "stops_at_the_first_none",
            "You stopped before the end of the list: parameters behind the one without a gradient did not move.",
            "Step over that one and go on: no `break`, and no `return` inside the loop.",
            Swap(
                "            if p.grad is not None:\n                p -= lr * p.grad\n",
                "            if p.grad is None:\n                break\n            p -= lr * p.grad\n",
            ),
            also=(Swap("p -= lr * p.grad", "p -= lr * p.grad\n                return"),),
        ),
        WrongAnswer(
            "rate_forgotten",
            "You moved by the whole gradient; the learning rate is missing.",
            "Multiply the gradient by `lr`.",
            Swap("p -= lr * p.grad", "p -= p.grad"),
        ),
        WrongAnswer(
            "divides_by_the_rate",
            "You divided the gradient by the learning rate.",
            "A small rate makes a small step: multiply by it.",
            Swap("lr * p.grad", "p.grad / lr"),
        ),
        WrongAnswer(
            "changes_the_gradients",
            "The parameters moved rightly, but the gradients are not what they were: you cleared them, or scaled them in place.",
            "Forgetting is `zero_grad`'s business; `step` only reads. And `lr * p.grad` is a new tensor, `mul_` writes into the old one.",
            Swap("p -= lr * p.grad", "p -= lr * p.grad\n                p.grad = None"),
            also=(
                Swap("p -= lr * p.grad", "p -= lr * p.grad\n                p.grad.zero_()"),
                Swap("p -= lr * p.grad", "p -= p.grad.mul_(lr)"),
            ),
        ),
        WrongAnswer(
            "steps_by_the_sign",
            "You used only the sign of the gradient: every number moved by lr.",
            "Plain SGD moves farther where the slope is steeper.",
            Swap("lr * p.grad", "lr * p.grad.sign()"),
        ),
    ],
    "momentum_step": [
        WrongAnswer(
            "buffer_is_an_average",
            "Your buffer is a running average: you multiplied the new gradient by 1 - mu. Torch's momentum is a sum.",
            "The new gradient counts in full.",
            Swap("mu * buffer + grad", "mu * buffer + (1 - mu) * grad"),
        ),
        WrongAnswer(
            "no_memory",
            "Your buffer is the gradient alone: this is plain SGD, and the past is forgotten.",
            "Keep mu times the old buffer, and add the gradient to it.",
            Swap("mu * buffer + grad", "grad.clone()"),
            also=(Swap("buffer = mu * buffer + grad", "buffer = grad"),),
        ),
        WrongAnswer(
            "never_fades",
            "Your buffer adds up all gradients and forgets none: mu is missing.",
            "Multiply the old buffer by `mu` before you add the gradient.",
            Swap("mu * buffer + grad", "buffer + grad"),
        ),
        WrongAnswer(
            "mu_on_both",
            "You multiplied the new gradient by mu as well.",
            "Only the past fades: mu belongs to the old buffer.",
            Swap("mu * buffer + grad", "mu * (buffer + grad)"),
        ),
        WrongAnswer(
            "rate_inside_the_buffer",
            "You put lr into the buffer. While the rate is constant nobody would notice; here it changes.",
            "The buffer holds gradients only; multiply by `lr` when you move the weight.",
            (Swap("mu * buffer + grad", "mu * buffer + lr * grad"), Swap("w - lr * buffer", "w - buffer")),
        ),
        WrongAnswer(
            "rate_twice",
            "You used lr twice: in the buffer, and again when you moved the weight.",
            "The buffer holds gradients only.",
            Swap("mu * buffer + grad", "mu * buffer + lr * grad"),
        ),
        WrongAnswer(
            "steps_with_the_old_buffer",
            "You moved the weight by the buffer as it came in; the newest gradient had no say.",
            "Renew the buffer first, then move by the new one.",
            (
                Swap("    buffer = mu * buffer + grad\n", ""),
                Swap("buffer\n    return", "buffer\n    buffer = mu * buffer + grad\n    return"),
            ),
        ),
        WrongAnswer(
            "returns_the_old_buffer",
            "Your first step is right, but you return the buffer that came in. So the state is lost.",
            "Return the new buffer: the next step starts from it.",
            (
                Swap("    buffer = mu * buffer + grad\n", "    renewed = mu * buffer + grad\n"),
                Swap("lr * buffer", "lr * renewed"),
            ),
        ),
        WrongAnswer(
            "nesterov",
            "You looked one step ahead: this is Nesterov's version of momentum.",
            "The plain rule moves by the new buffer itself.",
            Swap("lr * buffer", "lr * (grad + mu * buffer)"),
        ),
        WrongAnswer(
            "writes_into_the_inputs",
            "Your numbers are right, but you changed the caller's w and buffer in place. Both results were to be new.",
            "`mu * buffer + grad` makes a new tensor; `mul_`, `+=` and `-=` write into the old one.",
            (
                Swap("buffer = mu * buffer + grad", "buffer.mul_(mu).add_(grad)"),
                Swap("w = w - lr * buffer", "w -= lr * buffer"),
            ),
        ),
        WrongAnswer(
            "writes_into_the_buffer",
            "Your numbers are right, but the caller's buffer was changed in place. Both results were to be new.",
            "Make a new buffer: without `mul_`, `add_`, `*=` or `+=`.",
            Swap("buffer = mu * buffer + grad", "buffer.mul_(mu).add_(grad)"),
        ),
    ],
    "adam_by_hand": [
        WrongAnswer(
            "no_bias_correction",
            "You used m and v as they are. They start at zero, so your first steps are far too long.",
            "Divide m by `1 - beta1**t` and v by `1 - beta2**t`.",
            (Swap("self.m[i] / (1 - beta1**self.t)", "self.m[i]"), Swap("self.v[i] / (1 - beta2**self.t)", "self.v[i]")),
        ),
        WrongAnswer(
            "only_m_corrected",
            "You corrected m, but used v as it is.",
            "v starts at zero too: divide it by `1 - beta2**t`.",
            Swap("self.v[i] / (1 - beta2**self.t)", "self.v[i]"),
        ),
        WrongAnswer(
            "only_v_corrected",
            "You corrected v, but used m as it is.",
            "m starts at zero too: divide it by `1 - beta1**t`.",
            Swap("self.m[i] / (1 - beta1**self.t)", "self.m[i]"),
        ),
        WrongAnswer(
            "count_starts_at_zero",
            "You divided by zero: in your first step t is 0, and `1 - beta**0` is 0.",
            "Count the step before you use t; in the first step it is 1.",
            (Swap("        self.t += 1\n", ""), Swap("+ self.eps)\n", "+ self.eps)\n        self.t += 1\n")),
        ),
        WrongAnswer(
            "count_stands_still",
            "In your code t is 1 in every step, so later steps are corrected as if they were the first.",
            "Count on: add 1 in each call of `step`.",
            Swap("self.t += 1", "self.t = 1"),
            also=((Swap("self.t = 0", "self.t = 1"), Swap("        self.t += 1\n", "")),),
        ),
        WrongAnswer(
            "counts_once_a_parameter",
            "You counted inside the loop over the parameters: with two of them, t grows by 2 in each step.",
            "A step is one step for all parameters: count before the loop.",
            (
                Swap("        self.t += 1\n", ""),
                Swap("enumerate(self.params):\n", "enumerate(self.params):\n            self.t += 1\n"),
            ),
        ),
        WrongAnswer(
            "state_forgotten",
            "Every step of yours is a first step: m, v and t begin at zero again each time.",
            "Make the state once, in `__init__`; `step` only renews it.",
            Swap(
                "        self.t += 1\n",
                "        self.__init__(self.params, self.lr, self.betas, self.eps)\n        self.t += 1\n",
            ),
        ),
        WrongAnswer(
            "corrected_moments_kept",
            "You stored the corrected moments back into the state, so the next step corrects them once more.",
            "Keep m and v as the plain averages; the corrected ones are for this step only.",
            (
                Swap("m_hat = self.m[i] /", "self.m[i] = m_hat = self.m[i] /"),
                Swap("v_hat = self.v[i] /", "self.v[i] = v_hat = self.v[i] /"),
            ),
        ),
        WrongAnswer(
            "no_square_root",
            "You divided by the average of the squares; its square root is missing.",
            "`v_hat.sqrt()` has the unit of a gradient, v_hat that of a gradient squared.",
            Swap("v_hat.sqrt()", "v_hat"),
        ),
        WrongAnswer(
            "not_squared",
            "Your v averages the gradient itself, not its square. Where it is negative, the root is NaN.",
            "v takes in `p.grad**2`.",
            Swap("p.grad**2", "p.grad"),
        ),
        WrongAnswer(
            "eps_under_the_root",
            "You added eps under the root. With the usual tiny eps nobody would notice; with a large one it shows.",
            "First the root, then `+ eps`.",
            Swap("v_hat.sqrt() + self.eps", "(v_hat + self.eps).sqrt()"),
        ),
        WrongAnswer(
            "betas_swapped",
            "You swapped the two betas: the first belongs to m, the second to v.",
            "`beta1, beta2 = self.betas`.",
            Swap("beta1, beta2 = self.betas", "beta2, beta1 = self.betas"),
        ),
        WrongAnswer(
            "parameters_stay",
            "No parameter moved: `p = p - ...` gives a name a new tensor.",
            "Write into the parameter itself: `-=` or `sub_`.",
            Swap("p -= self.lr * m_hat / (v_hat.sqrt() + self.eps)", "p = p - self.lr * m_hat / (v_hat.sqrt() + self.eps)"),
        ),
    ],
    "train_loop": [
        WrongAnswer(
            "never_forgets",
            "You never cleared the gradients: `backward` adds to what is there, so they pile up from round to round.",
            "One call of `zero_grad` in each round, before `backward`.",
            NEVER_ZERO,
            also=(Swap("optimizer.zero_grad()", "optimizer.zero_grad"),),
        ),
        WrongAnswer(
            "forgets_once",
            "You cleared the gradients once, before the loop. From the second round on they pile up.",
            "Each round needs a `zero_grad` of its own.",
            (NEVER_ZERO, Swap("    losses = []\n", "    losses = []\n    optimizer.zero_grad()\n")),
        ),
        WrongAnswer(
            "forgets_only_afterwards",
            "You cleared the gradients only after each step. What the model brought along still counted in the first round.",
            "Clear them before `backward`, in every round, the first included.",
            (NEVER_ZERO, Swap("        optimizer.step()\n", "        optimizer.step()\n        optimizer.zero_grad()\n")),
        ),
        WrongAnswer(
            "forgets_before_the_step",
            "You cleared the gradients between `backward` and `step`. The step found none, and nothing moved.",
            "Forget first, then find, then move.",
            ZERO_LATE,
        ),
        WrongAnswer(
            "steps_before_backward",
            "You called `step` before `backward`: the gradients had been cleared, the new ones were not there yet.",
            "Find the gradients first, then move.",
            STEP_EARLY,
        ),
        WrongAnswer(
            "never_steps",
            "You found the gradients, but the optimizer never stepped: nothing moved.",
            "The last line of each round is `optimizer.step()`, with its parentheses.",
            Swap("        optimizer.step()\n", ""),
            also=(Swap("optimizer.step()", "optimizer.step"),),
        ),
        WrongAnswer(
            "never_goes_backward",
            "You never called `backward`, so the step found no gradients of your loss.",
            "`loss.backward()` comes between `zero_grad` and `step`.",
            Swap("        loss.backward()\n", ""),
        ),
        WrongAnswer(
            "own_update",
            "You moved the weights yourself, by plain SGD. An optimizer with a memory moves them in another way.",
            "Call `optimizer.step()`: the rule is the optimizer's business.",
            Swap(
                "        optimizer.step()\n",
                "        with torch.no_grad():\n            for p in model.parameters():\n                p -= optimizer.param_groups[0]['lr'] * p.grad\n",
            ),
        ),
        WrongAnswer(
            "target_first",
            "You gave the loss the target first and the prediction second. This loss is not the same both ways.",
            "`loss_fn(y_pred, y)`: prediction first.",
            Swap("loss = loss_fn(y_pred, y)", "loss = loss_fn(y, y_pred)"),
        ),
        WrongAnswer(
            "loss_of_your_own",
            "You computed the sum of squared errors yourself; the loss you were given is another one.",
            "Call `loss_fn`.",
            Swap("loss = loss_fn(y_pred, y)", "loss = (y_pred - y).pow(2).sum()"),
            also=(Swap("loss = loss_fn(y_pred, y)", "loss = nn.MSELoss(reduction='sum')(y_pred, y)"),),
        ),
        WrongAnswer(
            "losses_after_the_step",
            "The model is right, but your losses were measured after the step.",
            "Write down the loss that `backward` is called on.",
            (
                Swap("        losses.append(loss.item())\n", ""),
                Swap(
                    "optimizer.step()\n",
                    "optimizer.step()\n        with torch.no_grad():\n            losses.append(loss_fn(model(x), y).item())\n",
                ),
            ),
        ),
        WrongAnswer(
            "backward_on_a_number",
            "You turned the loss into a plain number before `backward`. A number has no graph to walk back.",
            "Keep `loss` a tensor; use `.item()` only for the list.",
            Swap(
                "loss = loss_fn(y_pred, y)\n        losses.append(loss.item())",
                "loss = loss_fn(y_pred, y).item()\n        losses.append(loss)",
            ),
        ),
        WrongAnswer(
            "returns_in_the_loop",
            "Your function ends after the first round: `return` stands inside the loop.",
            "Indent `return` one level less.",
            Swap("    return losses", "        return losses"),
        ),
    ],
    "grouped_optimizer": [
        WrongAnswer(
            "decays_everything",
            "You decay the biases as well.",
            "Say `weight_decay` in the group of the weights, not among the defaults; or give the biases' group a decay of 0.",
            Swap('"weight_decay": 0.0', '"weight_decay": weight_decay'),
            also=(
                Swap(
                    GROUPS,
                    '    groups = [{"params": weights}, {"params": biases, "lr": bias_lr}]\n    return torch.optim.SGD(groups, lr=lr, weight_decay=weight_decay)\n',
                ),
            ),
        ),
        WrongAnswer(
            "decays_the_biases_only",
            "You decay the biases and spare the weights: it was to be the other way round.",
            "`weight_decay` belongs into the group of the weights.",
            (
                Swap('"lr": lr, "weight_decay": weight_decay', '"lr": lr, "weight_decay": 0.0'),
                Swap('"lr": bias_lr, "weight_decay": 0.0', '"lr": bias_lr, "weight_decay": weight_decay'),
            ),
        ),
        WrongAnswer(
            "no_decay",
            "Both rates are right, but nothing decays.",
            "Add `weight_decay` to the group of the weights.",
            Swap('"weight_decay": weight_decay', '"weight_decay": 0.0'),
        ),
        WrongAnswer(
            "rates_swapped",
            "The weights have the biases' rate, and the biases that of the weights.",
            "`lr` goes with the weights, `bias_lr` with the biases.",
            (Swap('weights, "lr": lr', 'weights, "lr": bias_lr'), Swap('biases, "lr": bias_lr', 'biases, "lr": lr')),
        ),
        WrongAnswer(
            "one_rate_for_all",
            "The decay is right, but the biases have the rate of the weights.",
            'A group may name its own `"lr"`.',
            Swap('biases, "lr": bias_lr', 'biases, "lr": lr'),
        ),
        WrongAnswer(
            "one_group",
            "All parameters are in one group: one rate, and decay for the biases too.",
            "Sort the parameters into two lists, and give the optimizer a list of two dicts.",
            "def grouped_optimizer(model, lr, bias_lr, weight_decay):\n    return torch.optim.SGD(model.parameters(), lr=lr, weight_decay=weight_decay)",
        ),
        WrongAnswer(
            "biases_left_out",
            "Your biases never move: they are in no group with anything in it.",
            "Both lists must reach the optimizer. And a generator, such as `named_parameters()`, can be walked through only once.",
            Swap('        {"params": biases, "lr": bias_lr, "weight_decay": 0.0},\n', ""),
            also=((Swap("named = list(model.named_parameters())", "named = model.named_parameters()"),),),
        ),
        WrongAnswer(
            "weights_left_out",
            "Your weights never move: only the biases reached the optimizer.",
            "Both lists must stand in a group.",
            Swap('        {"params": weights, "lr": lr, "weight_decay": weight_decay},\n', ""),
        ),
        WrongAnswer(
            "biases_twice",
            "A parameter of yours stands in two groups: `model.parameters()` hands out the biases as well.",
            "Pick the weights by name or by number of dimensions.",
            Swap('"params": weights', '"params": list(model.parameters())'),
        ),
        WrongAnswer(
            "adam_instead",
            "You made an Adam; its steps are lengths, not multiples of the gradient.",
            "`torch.optim.SGD` takes the same groups.",
            Swap("torch.optim.SGD", "torch.optim.Adam"),
        ),
        WrongAnswer(
            "with_momentum",
            "Your SGD has momentum; its second step still goes where the first one went.",
            "Leave `momentum` out: the default is 0.",
            Swap("SGD(groups, lr=lr)", "SGD(groups, lr=lr, momentum=0.9)"),
        ),
        WrongAnswer(
            "groups_only",
            "You returned the list of groups; the optimizer made of them was asked for.",
            "Hand the list to `torch.optim.SGD`, and return what you get.",
            Swap("return torch.optim.SGD(groups, lr=lr)", "return groups"),
        ),
    ],
    "scheduled_rates": [
        WrongAnswer(
            "scheduler_first",
            "You called `scheduler.step()` before `optimizer.step()`: the first rate of the schedule was skipped.",
            "The scheduler sets the rate for the next step, so it comes last.",
            Swap(NOTE + STEP + NEXT, NEXT + NOTE + STEP),
        ),
        WrongAnswer(
            "scheduler_between",
            "The rates you noted are the right ones, but the optimizer used others: `scheduler.step()` came in between.",
            "Note, then `optimizer.step()`, then `scheduler.step()`.",
            Swap(NOTE + STEP + NEXT, NOTE + NEXT + STEP),
        ),
        WrongAnswer(
            "noted_too_late",
            "The optimizer used the right rates, but you noted each one after the scheduler had moved on.",
            "Note the rate before `scheduler.step()`.",
            Swap(NOTE + STEP + NEXT, STEP + NEXT + NOTE),
        ),
        WrongAnswer(
            "starts_at_zero",
            "Your first rate is 0: that step moves nothing, and the full rate comes one round late.",
            "In round 0 the factor is 1 / warmup: count t from 1 here.",
            Swap("return (t + 1) / warmup", "return t / warmup"),
        ),
        WrongAnswer(
            "no_warm_up",
            "Your schedule begins at the full rate; the warm-up is missing.",
            "While t < warmup the factor is (t + 1) / warmup.",
            Swap("return (t + 1) / warmup", "return 1.0"),
        ),
        WrongAnswer(
            "halves_from_round_zero",
            "Your halving counts from round 0; it was to count from the end of the warm-up.",
            "Use `t - warmup` where you count the rounds of full rate.",
            Swap(DECAYED, "return 0.5 ** (t // every)"),
        ),
        WrongAnswer(
            "halves_in_every_round",
            "You halve the rate in every round after the warm-up.",
            "A whole-number division by `every` keeps it for that many rounds: `//`.",
            Swap(DECAYED, "return 0.5 ** (t - warmup)"),
        ),
        WrongAnswer(
            "falls_without_stairs",
            "Your rate falls a little in each round; it was to stay for `every` rounds, then halve.",
            "`//` in place of `/`.",
            Swap(DECAYED, "return 0.5 ** ((t - warmup) / every)"),
        ),
        WrongAnswer(
            "never_decays",
            "Your rate warms up and then stays: the halving is missing.",
            "After the warm-up multiply by one half for each `every` rounds that have passed.",
            Swap(DECAYED, "return 1.0"),
        ),
        WrongAnswer(
            "scheduler_never_stepped",
            "You made a scheduler but never called its `step`: the rate stays where it began.",
            "Call `scheduler.step()` at the end of each round.",
            Swap(NEXT, ""),
            also=(Swap("scheduler.step()", "scheduler.step"),),
        ),
        WrongAnswer(
            "optimizer_never_stepped",
            "The rates run through your schedule, but the optimizer never steps.",
            "In each round: `optimizer.step()`, then `scheduler.step()`.",
            Swap(STEP, ""),
        ),
        WrongAnswer(
            "factors_pile_up",
            "You multiplied the rate in force by the factor, round after round, so that the factors pile up.",
            "Remember each group's own rate before the loop, and start from it in each round.",
            (
                Swap(LAMBDA, ""),
                Swap(
                    "    for _ in range(steps):\n",
                    "    for t in range(steps):\n        for group in optimizer.param_groups:\n            group['lr'] *= factor(t)\n",
                ),
                Swap(NEXT, ""),
            ),
        ),
        WrongAnswer(
            "first_group_only",
            "You changed the rate of the first group only.",
            "An optimizer may hold several groups: go through all of `optimizer.param_groups`.",
            (
                Swap(LAMBDA, "    base = optimizer.param_groups[0]['lr']\n"),
                Swap(
                    "    for _ in range(steps):\n",
                    "    for t in range(steps):\n        optimizer.param_groups[0]['lr'] = base * factor(t)\n",
                ),
                Swap(NEXT, ""),
            ),
        ),
    ],
    "repaired_training": [
        WrongAnswer(
            "slip_left",
            "The slip of the finger is still there: a model has no `paramters`.",
            "Read the error's last line: it names the word.",
            TYPO,
            also=((COPY_LATE, TYPO), (TYPO, ZERO_LATE), (COPY_LATE, TYPO, ZERO_LATE)),
        ),
        WrongAnswer(
            "optimizer_of_the_callers_model",
            "Your optimizer holds the parameters of the caller's model, not of the copy. It never sees the copy's gradients; they pile up.",
            "Make the copy first, then the optimizer.",
            COPY_LATE,
            also=((COPY_LATE, ZERO_LATE),),
        ),
        WrongAnswer(
            "forgets_before_the_step",
            "You left `zero_grad` between `backward` and `step`. The step finds no gradients, and nothing moves.",
            "Forget before `backward`.",
            ZERO_LATE,
        ),
        WrongAnswer(
            "steps_before_backward",
            "You call `step` before `backward`: the gradients have been cleared, and the new ones are not there yet.",
            "Find the gradients first, then move.",
            STEP_EARLY,
        ),
        WrongAnswer(
            "never_forgets",
            "You took `zero_grad` out. Now the gradients pile up from round to round.",
            "Put it back, before `backward`.",
            NEVER_ZERO,
        ),
        WrongAnswer(
            "trains_the_callers_model",
            "Your training is right, but it moved the caller's model: there is no copy.",
            "`copy.deepcopy(model)`, before the optimizer is made. A second name, or `copy.copy`, shares the parameters.",
            Swap("    model = copy.deepcopy(model)\n", ""),
            also=(Swap("copy.deepcopy(model)", "copy.copy(model)"),),
        ),
        WrongAnswer(
            "adam_made_in_the_loop",
            "You make the optimizer anew in every round. It forgets its averages, so each step is a first step.",
            "Make it once, before the loop.",
            Swap(
                "        optimizer.zero_grad()\n",
                "        optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)\n        optimizer.zero_grad()\n",
            ),
        ),
        WrongAnswer(
            "sgd_instead",
            "You changed the optimizer to SGD; Adam was to stay.",
            "Three things are to be mended, and Adam is none of them.",
            Swap("optim.Adam", "optim.SGD"),
        ),
        WrongAnswer(
            "usual_rate",
            "Your Adam has its default rate; the learning rate you were given is not used.",
            "`lr=learning_rate`.",
            Swap("model.parameters(), lr=learning_rate", "model.parameters()"),
        ),
        WrongAnswer(
            "losses_after_the_step",
            "The model is right, but your losses were measured after the step.",
            "Write down the loss that `backward` was called on.",
            Swap("losses.append(loss.item())", "losses.append(loss_fn(model(x), y).item())"),
        ),
        WrongAnswer(
            "losses_only",
            "You returned the losses alone; the trained copy is lost.",
            "Return both: `losses, model`.",
            Swap("return losses, model", "return losses"),
        ),
    ],
}

RIGHT = {
    "sgd_step": [
        RightAnswer(
            "data_and_continue",
            """
def sgd_step(params, lr):
    for p in params:
        if p.grad is None:
            continue
        p.data.sub_(p.grad, alpha=lr)
""",
        ),
        RightAnswer(
            "decorated_copy",
            """
@torch.no_grad()
def sgd_step(params, lr):
    moving = [p for p in params if p.grad is not None]
    for p in moving:
        p.copy_(torch.add(p, p.grad, alpha=-lr))
    return params
""",
        ),
        RightAnswer("torchs_own", "def sgd_step(params, lr):\n    torch.optim.SGD(params, lr=lr, foreach=False).step()"),
        RightAnswer(
            "element_by_element",
            """
def sgd_step(params, lr):
    for p in params:
        grad = torch.zeros_like(p) if p.grad is None else p.grad
        numbers, slopes = p.data.view(-1), grad.reshape(-1)
        for i in range(len(numbers)):
            numbers[i] = numbers[i] - lr * slopes[i]
""",
        ),
        RightAnswer(
            "data_replaced",
            """
def sgd_step(params, lr):
    for p in filter(lambda p: p.grad is not None, params):
        p.data = p.data - lr * p.grad.data
""",
        ),
    ],
    "momentum_step": [
        RightAnswer(
            "torchs_own",
            """
def momentum_step(w, grad, buffer, lr, mu):
    p = w.clone().requires_grad_()
    optimizer = torch.optim.SGD([p], lr=lr, momentum=mu)
    optimizer.state[p]["momentum_buffer"] = buffer.clone()
    p.grad = grad.clone()
    optimizer.step()
    return p.detach(), optimizer.state[p]["momentum_buffer"]
""",
        ),
        RightAnswer(
            "torch_add",
            "def momentum_step(w, grad, buffer, lr, mu):\n    b = torch.add(grad, buffer, alpha=mu)\n    return [w.sub(b, alpha=lr), b]",
        ),
        RightAnswer(
            "copies_changed_in_place",
            """
def momentum_step(w, grad, buffer, lr, mu):
    w, buffer = w.clone(), buffer.clone()
    buffer *= mu
    buffer += grad
    w -= lr * buffer
    return (w, buffer)
""",
        ),
        RightAnswer(
            "two_parts",
            "def momentum_step(w, grad, buffer, lr, mu):\n    return w - lr * grad - lr * mu * buffer, grad + buffer.mul(mu)",
        ),
    ],
    "adam_by_hand": [
        RightAnswer(
            "torchs_own",
            """
class AdamByHand:
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        self.inner = torch.optim.Adam(params, lr=lr, betas=tuple(betas), eps=eps, foreach=False)

    def step(self):
        self.inner.step()
""",
        ),
        RightAnswer(
            "state_dict_in_place",
            """
class AdamByHand:
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        self.params, self.lr, self.eps = list(params), lr, eps
        self.b1, self.b2 = betas
        self.state = {}

    def step(self):
        for p in self.params:
            s = self.state.setdefault(p, {"t": 0, "m": torch.zeros_like(p.data), "v": torch.zeros_like(p.data)})
            s["t"] += 1
            s["m"].lerp_(p.grad, 1 - self.b1)
            s["v"].mul_(self.b2).addcmul_(p.grad, p.grad, value=1 - self.b2)
            size = self.lr / (1 - self.b1 ** s["t"])
            p.data.addcdiv_(s["m"], (s["v"] / (1 - self.b2 ** s["t"])).sqrt().add_(self.eps), value=-size)
""",
        ),
        RightAnswer(
            "products_of_the_betas",
            """
class AdamByHand:
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        self.params = list(params)
        self.lr, self.betas, self.eps = lr, betas, eps
        self.left = [1.0, 1.0]
        self.averages = [[0.0, 0.0] for _ in self.params]

    def step(self):
        self.left = [left * beta for left, beta in zip(self.left, self.betas)]
        for p, averages in zip(self.params, self.averages):
            hats = []
            for k, (beta, left) in enumerate(zip(self.betas, self.left)):
                averages[k] = averages[k] * beta + (1 - beta) * p.grad ** (k + 1)
                hats.append(averages[k] / (1 - left))
            with torch.no_grad():
                p.copy_(p - self.lr * hats[0] / (hats[1] ** 0.5 + self.eps))
""",
        ),
        RightAnswer(
            "whole_history",
            """
class AdamByHand:
    def __init__(self, params, lr, betas=(0.9, 0.999), eps=1e-8):
        self.params, self.lr, self.betas, self.eps = list(params), lr, betas, eps
        self.seen = [[] for _ in self.params]

    @torch.no_grad()
    def step(self):
        def average(values, beta):
            shares = [beta ** (len(values) - 1 - k) for k in range(len(values))]
            return sum(s * g for s, g in zip(shares, values)) / sum(shares)

        for p, seen in zip(self.params, self.seen):
            seen.append(p.grad.clone())
            m, v = average(seen, self.betas[0]), average([g * g for g in seen], self.betas[1])
            p.sub_(self.lr * m / (torch.sqrt(v) + self.eps))
""",
        ),
    ],
    "train_loop": [
        RightAnswer(
            "zero_first_and_tensors",
            """
def train_loop(model, optimizer, loss_fn, x, y, steps):
    losses = []
    for _ in range(steps):
        optimizer.zero_grad(set_to_none=False)
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses
""",
        ),
        RightAnswer(
            "model_forgets",
            """
def train_loop(model, optimizer, loss_fn, x, y, steps):
    history = torch.zeros(steps, dtype=x.dtype)
    for t in range(steps):
        model.train()
        model.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        history[t] = loss.item()
    return history.tolist()
""",
        ),
        RightAnswer(
            "closure",
            """
def train_loop(model, optimizer, loss_fn, x, y, steps):
    def closure():
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        return loss

    return [float(optimizer.step(closure)) for _ in range(steps)]
""",
        ),
        RightAnswer(
            "gradients_set_by_hand",
            """
def train_loop(model, optimizer, loss_fn, x, y, steps):
    losses, params = [], list(model.parameters())
    while len(losses) < steps:
        loss = loss_fn(model(x), y)
        for p, grad in zip(params, torch.autograd.grad(loss, params)):
            p.grad = grad
        optimizer.step()
        losses.append(loss.item())
    return losses
""",
        ),
        RightAnswer(
            "zero_once_then_afterwards",
            """
def train_loop(model, optimizer, loss_fn, x, y, steps):
    optimizer.zero_grad()
    losses = []
    for _ in range(steps):
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses += [loss.item()]
    return losses
""",
        ),
    ],
    "grouped_optimizer": [
        RightAnswer(
            "by_dimensions",
            """
def grouped_optimizer(model, lr, bias_lr, weight_decay):
    return torch.optim.SGD(
        [
            {"params": [p for p in model.parameters() if p.dim() == 1], "lr": bias_lr},
            {"params": [p for p in model.parameters() if p.dim() > 1], "weight_decay": weight_decay},
        ],
        lr=lr,
    )
""",
        ),
        RightAnswer(
            "a_group_for_each",
            """
def grouped_optimizer(model, lr, bias_lr, weight_decay):
    groups = []
    for name, p in model.named_parameters():
        bias = "bias" in name
        groups.append({"params": p, "lr": bias_lr if bias else lr, "weight_decay": 0 if bias else weight_decay})
    return torch.optim.SGD(groups)
""",
        ),
        RightAnswer(
            "group_added_later",
            """
def grouped_optimizer(model, lr, bias_lr, weight_decay):
    layers = [m for m in model.modules() if isinstance(m, nn.Linear)]
    optimizer = torch.optim.SGD([m.weight for m in layers], lr=lr, weight_decay=weight_decay)
    optimizer.add_param_group({"params": [m.bias for m in layers], "lr": bias_lr, "weight_decay": 0.0})
    return optimizer
""",
        ),
    ],
    "scheduled_rates": [
        RightAnswer(
            "written_by_hand",
            """
def scheduled_rates(optimizer, warmup, every, steps):
    bases = [group["lr"] for group in optimizer.param_groups]
    rates = []
    for t in range(steps):
        share = min(1.0, (t + 1) / warmup) / 2 ** max(0, (t - warmup) // every)
        for group, base in zip(optimizer.param_groups, bases):
            group["lr"] = base * share
        optimizer.step()
        rates.append(bases[0] * share)
    return rates
""",
        ),
        RightAnswer(
            "sequential",
            """
def scheduled_rates(optimizer, warmup, every, steps):
    s = torch.optim.lr_scheduler
    up = s.LinearLR(optimizer, start_factor=1 / warmup, total_iters=warmup - 1)
    down = s.StepLR(optimizer, step_size=every, gamma=0.5)
    both = s.SequentialLR(optimizer, [up, down], milestones=[warmup])
    rates = []
    for _ in range(steps):
        rates.append(both.get_last_lr()[0])
        optimizer.step()
        both.step()
    return rates
""",
        ),
        RightAnswer(
            "lambda_and_last_lr",
            """
def scheduled_rates(optimizer, warmup, every, steps):
    plan = [(t + 1) / warmup for t in range(warmup)]
    while len(plan) <= steps:
        plan += [plan[-1] / (1 if len(plan) == warmup else 2)] * every
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda t: plan[t])
    out = torch.empty(steps)
    for t in range(steps):
        out[t] = scheduler.get_last_lr()[0]
        optimizer.step()
        scheduler.step()
    return out
""",
        ),
        RightAnswer(
            "noted_between_the_two",
            Swap(NOTE + STEP, STEP + NOTE),
        ),
    ],
    "repaired_training": [
        RightAnswer(
            "zero_first",
            """
def repaired_training(model, x, y, learning_rate, steps):
    trained = copy.deepcopy(model)
    optimizer = torch.optim.Adam(trained.parameters(), learning_rate)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (trained(x) - y).pow(2).sum()
        loss.backward()
        optimizer.step()
        losses.append(loss)
    return losses, trained
""",
        ),
        RightAnswer(
            "zero_afterwards",
            """
def repaired_training(model, x, y, learning_rate, steps):
    from copy import deepcopy
    model = deepcopy(model)
    adam = torch.optim.Adam(list(model.parameters()), lr=learning_rate, betas=(0.9, 0.999))
    losses = torch.zeros(steps, dtype=x.dtype)
    for t in range(steps):
        loss = nn.functional.mse_loss(model(x), y, reduction="sum")
        losses[t] = loss.item()
        loss.backward()
        adam.step()
        model.zero_grad()
    return [losses.tolist(), model]
""",
        ),
        RightAnswer(
            "closure",
            """
def repaired_training(model, x, y, learning_rate, steps):
    model = copy.deepcopy(model)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    loss_fn = torch.nn.MSELoss(reduction="sum")

    def closure():
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        return loss

    return [optimizer.step(closure).item() for _ in range(steps)], model
""",
        ),
    ],
}
