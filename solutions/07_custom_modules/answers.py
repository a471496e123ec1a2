"""Known wrong answers of chapter 07, each with the hint it earns, and other right answers that must pass."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

NO_SUPER = Swap("        super().__init__()\n", "")

WRONG = {
    "two_layer_net": [
        WrongAnswer(
            "no_super_init",
            "You did not call `super().__init__()`, so there is no place yet where the layers could be registered.",
            "Make it the first line of `__init__`.",
            NO_SUPER,
        ),
        WrongAnswer(
            "layer_made_in_forward",
            "You make a new layer in every call of `forward`: it is random again each time, and nothing it learns is kept.",
            "Make both layers in `__init__`, and only use them in `forward`.",
            (
                Swap("        self.linear2 = nn.Linear(H, D_out)\n", "        self.sizes = H, D_out\n"),
                Swap("self.linear2(h_relu)", "nn.Linear(*self.sizes)(h_relu)"),
            ),
        ),
        WrongAnswer(
            "layers_in_a_plain_list",
            "You keep the layers in a plain list (or tuple, or dict): the model works, but it lists no parameters.",
            "Give each layer an attribute of its own, or use `nn.ModuleList`.",
            """
class TwoLayerNet(nn.Module):
    def __init__(self, D_in, H, D_out):
        super().__init__()
        self.layers = [nn.Linear(D_in, H), nn.Linear(H, D_out)]

    def forward(self, x):
        return self.layers[1](self.layers[0](x).clamp(min=0))
""",
        ),
        WrongAnswer(
            "forward_returns_nothing",
            "Your `forward` computes, but returns nothing: a call of the model gives None.",
            "End `forward` with a `return`.",
            Swap("return self.linear2(h_relu)", "y_pred = self.linear2(h_relu)"),
        ),
        WrongAnswer(
            "forward_misnamed",
            "Your class has no method that is called `forward`: a call of the model looks for exactly this name.",
            "Look at the spelling of the method's name.",
            Swap("def forward(", "def foward("),
        ),
        WrongAnswer(
            "no_relu",
            "The two layers follow each other directly; without the ReLU the net is one linear layer in disguise.",
            "Set the negative hidden values to zero between the two layers.",
            Swap(".clamp(min=0)", ""),
        ),
        WrongAnswer(
            "relu_on_the_prediction",
            "You applied the ReLU to the prediction too, which then cannot become negative.",
            "Only the hidden values go through the ReLU.",
            Swap("self.linear2(h_relu)", "self.linear2(h_relu).clamp(min=0)"),
        ),
        WrongAnswer(
            "no_biases",
            "Your layers have no biases; here they are asked for.",
            "`nn.Linear` makes a bias unless you tell it not to.",
            (Swap("nn.Linear(D_in, H)", "nn.Linear(D_in, H, bias=False)"), Swap("(H, D_out)", "(H, D_out, bias=False)")),
        ),
    ],
    "count_parameters": [
        WrongAnswer(
            "forgets_biases",
            "You counted the weights and never the biases.",
            "With `bias=True` each layer has one more number for each of its outputs.",
            Swap("n * m + (m if bias else 0)", "n * m"),
        ),
        WrongAnswer(
            "always_biases",
            "You counted biases where the layers have none.",
            "Look at the argument `bias`.",
            Swap("(m if bias else 0)", "m"),
        ),
        WrongAnswer(
            "bias_for_each_input",
            "You counted one bias for each input of a layer; there is one for each output.",
            "The layer adds its bias at the end, to what it gives.",
            Swap("(m if bias else 0)", "(n if bias else 0)"),
        ),
        WrongAnswer(
            "bias_for_the_last_only",
            "You counted the biases of one layer only, or one number for each layer.",
            "Every layer has as many biases as outputs.",
            Swap(
                "return sum(n * m + (m if bias else 0) for n, m in zip(sizes, sizes[1:]))",
                "return sum(n * m for n, m in zip(sizes, sizes[1:])) + bias * sizes[-1]",
            ),
        ),
        WrongAnswer(
            "adds_the_sizes",
            "You added the two sizes of each layer. Every input has a weight for every output.",
            "A weight of n inputs and m outputs is a matrix: multiply.",
            Swap("n * m", "n + m"),
        ),
        WrongAnswer(
            "last_layer_left_out",
            "You left out the last layer.",
            "n sizes have n - 1 neighbouring pairs: let the loop reach the last of them.",
            Swap("zip(sizes, sizes[1:])", "zip(sizes, sizes[1:-1])"),
        ),
    ],
    "deep_net": [
        WrongAnswer(
            "plain_list",
            "You keep the hidden layers in a plain list: they work, but the model neither lists nor saves nor moves them.",
            "Put the layers into an `nn.ModuleList`.",
            Swap("nn.ModuleList(nn.Linear(H, H) for _ in range(depth))", "[nn.Linear(H, H) for _ in range(depth)]"),
        ),
        WrongAnswer(
            "one_layer_many_times",
            "Your hidden layers are one and the same layer, used several times: their weights are shared.",
            "`[layer] * depth` repeats the name. Make a new layer in each turn of a loop.",
            Swap("nn.ModuleList(nn.Linear(H, H) for _ in range(depth))", "nn.ModuleList([nn.Linear(H, H)] * depth)"),
            also=(
                (
                    Swap("nn.ModuleList(nn.Linear(H, H) for _ in range(depth))", "nn.ModuleList([nn.Linear(H, H)])"),
                    Swap("for layer in self.hidden:", "for layer in list(self.hidden) * self.depth:"),
                    Swap("super().__init__()", "super().__init__()\n        self.depth = depth"),
                ),
            ),
        ),
        WrongAnswer(
            "no_relu_between",
            "There is no ReLU behind the hidden layers: all of them together are one linear layer.",
            "Each hidden layer is followed by a ReLU, inside the loop.",
            Swap("layer(h).clamp(min=0)", "layer(h)"),
        ),
        WrongAnswer(
            "no_relu_at_the_entry",
            "There is no ReLU behind the first layer.",
            "Every layer but the last one is followed by a ReLU.",
            Swap("self.first(x).clamp(min=0)", "self.first(x)"),
        ),
        WrongAnswer(
            "relu_on_the_prediction",
            "You applied the ReLU to the prediction too, which then cannot become negative.",
            "Leave what the last layer gives as it is.",
            Swap("self.last(h)", "self.last(h).clamp(min=0)"),
        ),
        WrongAnswer(
            "one_hidden_layer_less",
            "You made one layer less than asked: `depth` counts the layers from H to H alone.",
            "With depth 2 there are four layers: one in, two inside, one out.",
            Swap("range(depth)", "range(depth - 1)"),
        ),
        WrongAnswer(
            "registered_but_not_used",
            "The hidden layers are registered, but the prediction does not go through all of them.",
            "What one layer makes goes into the next: give the result the name that the next turn of the loop reads.",
            Swap("h = layer(h).clamp(min=0)", "layer(h).clamp(min=0)"),
        ),
        WrongAnswer(
            "calls_the_list",
            "You called the `ModuleList` itself. It holds layers, but has no `forward`.",
            "Loop over it, and call each layer.",
            (Swap("        for layer in self.hidden:\n", ""), Swap("    h = layer(h)", "h = self.hidden(h)")),
        ),
    ],
    "standardise": [
        WrongAnswer(
            "buffers_are_plain_tensors",
            "You keep `mean` and `std` as plain attributes: they are not saved, and they stay behind when the layer is converted.",
            "Tell the module about them with `self.register_buffer(name, tensor)`.",
            (
                Swap('self.register_buffer("mean", mean)', "self.mean = mean"),
                Swap('self.register_buffer("std", std)', "self.std = std"),
            ),
        ),
        WrongAnswer(
            "buffers_are_parameters",
            "You made `mean` and `std` parameters: training moves them.",
            "They are measured, not learned: what is kept but not trained is a buffer.",
            (
                Swap('self.register_buffer("mean", mean)', "self.mean = nn.Parameter(mean)"),
                Swap('self.register_buffer("std", std)', "self.std = nn.Parameter(std)"),
            ),
        ),
        WrongAnswer(
            "buffers_are_frozen_parameters",
            "You made `mean` and `std` parameters without a gradient: they stay, but every optimizer and every count gets them.",
            "What is kept but not trained is a buffer.",
            (
                Swap('self.register_buffer("mean", mean)', "self.mean = nn.Parameter(mean, requires_grad=False)"),
                Swap('self.register_buffer("std", std)', "self.std = nn.Parameter(std, requires_grad=False)"),
            ),
        ),
        WrongAnswer(
            "gain_is_a_plain_tensor",
            "Your `gain` is a tensor, but no parameter: nobody will train, save or convert it.",
            "Wrap it last: what you compute *from* an `nn.Parameter` is a plain tensor again.",
            Swap("nn.Parameter(torch.ones_like(mean))", "torch.ones_like(mean).requires_grad_()"),
            also=(Swap("nn.Parameter(torch.ones_like(mean))", "nn.Parameter(torch.ones_like(mean)) * 1.0"),),
        ),
        WrongAnswer(
            "gain_is_a_buffer",
            "You registered `gain` as a buffer: it is saved and converted, but never trained.",
            "What training should move is an `nn.Parameter`.",
            Swap("self.gain = nn.Parameter(torch.ones_like(mean))", 'self.register_buffer("gain", torch.ones_like(mean))'),
        ),
        WrongAnswer(
            "buffers_not_saved",
            "You registered `mean` and `std` with `persistent=False`: they are left out of the state_dict.",
            "A layer loaded from a file needs them. Leave the default.",
            (
                Swap('self.register_buffer("mean", mean)', 'self.register_buffer("mean", mean, persistent=False)'),
                Swap('self.register_buffer("std", std)', 'self.register_buffer("std", std, persistent=False)'),
            ),
        ),
        WrongAnswer(
            "gain_cut_off",
            "No gradient reaches `gain`: it is not used, or used behind autograd's back (`.data`, `.detach()`, `no_grad`).",
            "Multiply by `self.gain` itself.",
            Swap("self.gain * ", "self.gain.detach() * "),
            also=(Swap("self.gain * ", ""),),
        ),
        WrongAnswer(
            "one_gain_for_all",
            "You made one single gain; each of the D numbers has its own.",
            "`gain` has the shape of `mean`.",
            Swap("torch.ones_like(mean)", "torch.ones(())"),
            also=(Swap("torch.ones_like(mean)", "torch.ones(1)"),),
        ),
        WrongAnswer(
            "divides_first",
            "You divided x by std before you subtracted the mean.",
            "First subtract, then divide: mind the parentheses.",
            Swap("(x - self.mean) / self.std", "(x / self.std - self.mean)"),
        ),
        WrongAnswer(
            "no_super_init",
            "You did not call `super().__init__()`, so there is no place yet to register anything.",
            "Make it the first line of `__init__`.",
            NO_SUPER,
        ),
    ],
    "dynamic_net": [
        WrongAnswer(
            "ignores_depth",
            "You use the middle layer once, whatever `depth` says.",
            "Repeat it `depth` times, in a loop.",
            Swap("        for _ in range(depth):\n            h =", "        h ="),
        ),
        WrongAnswer(
            "once_more",
            "You use the middle layer once too often: with depth 0 it is not used at all.",
            "`range(depth)` makes `depth` turns.",
            Swap("range(depth)", "range(depth + 1)"),
        ),
        WrongAnswer(
            "once_less",
            "You use the middle layer once too little.",
            "`range(depth)` makes `depth` turns; `range(1, depth)` makes one less.",
            Swap("range(depth)", "range(1, depth)"),
        ),
        WrongAnswer(
            "always_from_the_start",
            "Each turn of your loop starts from the first hidden values again, so only the last turn counts.",
            "Feed the loop with its own result.",
            (
                Swap("h = self.first(x).clamp(min=0)", "h = start = self.first(x).clamp(min=0)"),
                Swap("self.middle(h)", "self.middle(start)"),
            ),
        ),
        WrongAnswer(
            "new_layer_each_turn",
            "You make a new middle layer at every call: it is random, and what it learns is lost.",
            "There is one middle layer. Make it in `__init__`.",
            (
                Swap("self.middle = nn.Linear(H, H)", "self.size = H"),
                Swap("self.middle(h)", "nn.Linear(self.size, self.size)(h)"),
            ),
        ),
        WrongAnswer(
            "several_middle_layers",
            "You made several middle layers; here one is shared by all turns of the loop.",
            "One `nn.Linear(H, H)`, used again and again.",
            (
                Swap("self.middle = nn.Linear(H, H)", "self.middle = nn.ModuleList(nn.Linear(H, H) for _ in range(9))"),
                Swap("for _ in range(depth)", "for turn in range(depth)"),
                Swap("self.middle(h)", "self.middle[turn](h)"),
            ),
        ),
        WrongAnswer(
            "no_relu_in_the_loop",
            "There is no ReLU in the loop: the repeated layer stays linear.",
            "Each use of the middle layer is followed by a ReLU.",
            Swap("self.middle(h).clamp(min=0)", "self.middle(h)"),
        ),
        WrongAnswer(
            "cut_off_from_autograd",
            "You cut the values off from autograd on the way: no gradient reaches what lies before.",
            "Leave out `detach`, `.data` and `no_grad`.",
            Swap("self.middle(h).clamp(min=0)", "self.middle(h.detach()).clamp(min=0)"),
            also=(Swap("self.first(x)", "self.first(x.detach())"),),
        ),
    ],
    "round_trip": [
        WrongAnswer(
            "whole_object_pickled",
            "You saved the model as an object. That needs its code too, and fails where a part of it cannot be pickled.",
            "Save `model.state_dict()`: names and tensors.",
            """
def save_model(model):
    buffer = io.BytesIO()
    torch.save(model, buffer)
    return buffer.getvalue()


def load_model(model, data):
    model.load_state_dict(torch.load(io.BytesIO(data), weights_only=False).state_dict())
""",
        ),
        WrongAnswer(
            "parameters_only",
            "You saved the parameters alone: the buffer is missing, and the strict load says so.",
            "`state_dict()` holds parameters and buffers.",
            Swap("model.state_dict()", "dict(model.named_parameters())"),
        ),
        WrongAnswer(
            "parameters_only_and_not_strict",
            "You saved the parameters alone, and the load does not mind: the buffer is lost without a word.",
            "`state_dict()` holds buffers too; and leave `strict` as it is.",
            (
                Swap("model.state_dict()", "dict(model.named_parameters())"),
                Swap("safetensors.torch.load(data)", "safetensors.torch.load(data), strict=False"),
            ),
        ),
        WrongAnswer(
            "not_strict",
            "Your load accepts a model that does not fit, and leaves a part of it as it was.",
            "Leave `strict` as it is: an error now is better than a wrong model later.",
            Swap("safetensors.torch.load(data)", "safetensors.torch.load(data), strict=False"),
        ),
        WrongAnswer(
            "loaded_into_nothing",
            "You read the state, but the model you were given stays as it was.",
            "Give the state to the model with `load_state_dict`. A new value for the name `model` reaches nobody.",
            Swap("model.load_state_dict(safetensors.torch.load(data))", "model = safetensors.torch.load(data)"),
        ),
        WrongAnswer(
            "read_at_the_end",
            "You returned no bytes at all: a buffer is read from where the writing stopped.",
            "`getvalue()` gives everything; with `read()` you must `seek(0)` first.",
            """
def save_model(model):
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    return buffer.read()


def load_model(model, data):
    model.load_state_dict(torch.load(io.BytesIO(data)))
""",
        ),
        WrongAnswer(
            "buffer_in_place_of_bytes",
            "You returned the buffer object; bytes are asked for, which can be sent or written to any file.",
            "Return `buffer.getvalue()`, and let the load make a buffer of it again.",
            """
def save_model(model):
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    return buffer


def load_model(model, data):
    data.seek(0)
    model.load_state_dict(torch.load(data))
""",
        ),
        WrongAnswer(
            "in_order_without_names",
            "You write the tensors back in their order, without their names: where the model does not fit, nobody notices.",
            "Use the names. `load_state_dict` compares them before it writes.",
            """
def save_model(model):
    buffer = io.BytesIO()
    torch.save(list(model.state_dict().values()), buffer)
    return buffer.getvalue()


def load_model(model, data):
    with torch.no_grad():
        for mine, saved in zip(model.state_dict().values(), torch.load(io.BytesIO(data))):
            mine.copy_(saved)
""",
        ),
    ],
    "activation_statistics": [
        WrongAnswer(
            "hooks_stay",
            "Your statistics are right, but your hooks are still on the model: they will run at every call from now on.",
            "Keep each handle, and call its `remove()` at the end.",
            Swap("        handle.remove()\n", "        pass\n"),
        ),
        WrongAnswer(
            "all_hooks_cleared",
            "You removed all hooks, also one that was on the model before you came.",
            "Remove your own handles only.",
            Swap(
                "    for handle in handles:\n        handle.remove()\n",
                "    for module in model.modules():\n        module._forward_hooks.clear()\n",
            ),
        ),
        WrongAnswer(
            "removed_too_early",
            "Your hooks saw nothing: the model was not called while they were on it.",
            "Call the model first, then remove the hooks.",
            (
                Swap("    model(x)\n", ""),
                Swap("        handle.remove()\n", "        handle.remove()\n    model(x)\n"),
            ),
            also=(Swap("    model(x)\n", ""),),
        ),
        WrongAnswer(
            "statistics_of_the_input",
            "You took the statistics of what goes into the ReLU; they were asked for what comes out.",
            "A forward hook gets (module, inputs, output).",
            Swap(
                "(output.mean().item(), (output == 0).float().mean().item())",
                "(inputs[0].mean().item(), (inputs[0] == 0).float().mean().item())",
            ),
        ),
        WrongAnswer(
            "every_module",
            "You put a hook on every module; only the ReLUs were asked for.",
            "Ask each module what it is: `isinstance(module, nn.ReLU)`.",
            Swap("isinstance(module, nn.ReLU)", "module is not model"),
        ),
        WrongAnswer(
            "blocks_left_out",
            "You looked at the model's direct children alone; a ReLU inside a block was missed.",
            "`named_modules()` goes all the way down.",
            Swap("model.named_modules()", "model.named_children()"),
        ),
        WrongAnswer(
            "one_name_for_all",
            "All your hooks wrote under the last name: they look it up when they run, and by then the loop is over.",
            "Make the hook in a function that takes the name, or bind it with a default argument.",
            """
def activation_statistics(model, x):
    found, handles = {}, []
    for name, module in model.named_modules():
        if isinstance(module, nn.ReLU):
            last = name
            handles.append(module.register_forward_hook(
                lambda m, i, o: found.update({last: (o.mean().item(), (o == 0).float().mean().item())})))
    model(x)
    for handle in handles:
        handle.remove()
    return found
""",
        ),
        WrongAnswer(
            "share_of_the_living",
            "You gave the share of values above zero; the share of zeros was asked for.",
            "Count where the output equals 0.",
            Swap("(output == 0)", "(output > 0)"),
        ),
        WrongAnswer(
            "hook_changes_the_output",
            "Your hook changed the values on their way, so the later layers saw others.",
            "A hook that only looks returns None, and writes to no tensor.",
            Swap("(output == 0).float().mean().item())", "(output == 0).float().mean().item())\n            return output * 0.5"),
        ),
    ],
    "repaired_net": [
        WrongAnswer(
            "still_no_super_init",
            "`super().__init__()` is still missing.",
            "It must be called before the first layer becomes an attribute.",
            NO_SUPER,
        ),
        WrongAnswer(
            "still_made_in_forward",
            "The second layer is still made in `forward`: new and random at every call, and no optimizer knows it.",
            "Make it in `__init__`, beside the first one.",
            (
                Swap("        self.linear2 = nn.Linear(H, D_out)\n", "        self.sizes = H, D_out\n"),
                Swap("self.linear2(h_relu)", "nn.Linear(*self.sizes)(h_relu)"),
            ),
        ),
        WrongAnswer(
            "still_no_return",
            "`forward` still returns nothing.",
            "Its last line hands `y_pred` back.",
            Swap("        return y_pred\n", ""),
        ),
        WrongAnswer(
            "still_drops_in_eval",
            "Your net drops hidden values in eval mode too, so each prediction is another one.",
            "`F.dropout` must be told the mode: `training=self.training`. A layer `nn.Dropout` belongs into `__init__`.",
            Swap("F.dropout(h_relu, self.p, training=self.training)", "F.dropout(h_relu, self.p)"),
            also=(Swap("F.dropout(h_relu, self.p, training=self.training)", "nn.Dropout(self.p)(h_relu)"),),
        ),
        WrongAnswer(
            "still_misspelt",
            "`paramters` is still misspelt.",
            "A model's parameters come from `self.parameters()`.",
            Swap("self.parameters()", "self.paramters()"),
        ),
        WrongAnswer(
            "never_drops",
            "Your net never drops anything now: the dropout is gone, or it is always told that nobody trains.",
            "Keep the dropout, and let it depend on the mode: `self.training`.",
            Swap("F.dropout(h_relu, self.p, training=self.training)", "h_relu"),
            also=(Swap("training=self.training", "training=False"),),
        ),
        WrongAnswer(
            "p_is_ignored",
            "Your net drops with a fixed probability, whatever `p` says.",
            "Give the dropout the `p` that `__init__` received.",
            Swap("F.dropout(h_relu, self.p, training", "F.dropout(h_relu, training"),
        ),
        WrongAnswer(
            "optimizer_of_one_layer",
            "Your optimizer knows only one of the two layers; the other one never moves.",
            "Give it the parameters of the whole module.",
            Swap("self.parameters()", "self.linear1.parameters()"),
        ),
        WrongAnswer(
            "lr_is_ignored",
            "Your optimizer steps with its default learning rate, whatever `lr` says.",
            "Hand `lr` on to it.",
            Swap(", lr=lr)", ")"),
        ),
    ],
}

RIGHT = {
    "two_layer_net": [
        RightAnswer(
            "sequential_inside",
            """
class TwoLayerNet(nn.Module):
    def __init__(self, D_in, H, D_out):
        super(TwoLayerNet, self).__init__()
        self.net = nn.Sequential(nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out))

    def forward(self, x):
        return self.net(x)
""",
        ),
        RightAnswer(
            "subclass_of_sequential",
            """
class TwoLayerNet(nn.Sequential):
    def __init__(self, D_in, H, D_out):
        super().__init__(nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out))
""",
        ),
        RightAnswer(
            "lazy_layers_other_order",
            """
class TwoLayerNet(torch.nn.Module):
    def __init__(self, D_in, H, D_out):
        nn.Module.__init__(self)
        self.sizes = (D_in, H, D_out)
        self.out = nn.LazyLinear(D_out)
        self.into = nn.LazyLinear(H)
        self.calls = 0

    def forward(self, data):
        self.calls += 1
        return self.out(torch.relu(self.into(data)))
""",
        ),
        RightAnswer(
            "own_parameters",
            """
class TwoLayerNet(nn.Module):
    def __init__(self, D_in, H, D_out):
        super().__init__()
        F = nn.functional
        self.F = F
        self.w1, self.b1 = nn.Parameter(torch.randn(H, D_in) / 9), nn.Parameter(torch.zeros(H))
        self.w2, self.b2 = nn.Parameter(torch.randn(D_out, H) / 9), nn.Parameter(torch.zeros(D_out))

    def forward(self, x):
        return self.F.linear(self.F.relu(self.F.linear(x, self.w1, self.b1)), self.w2, self.b2)
""",
        ),
        RightAnswer(
            "module_dict",
            """
class TwoLayerNet(nn.Module):
    def __init__(self, D_in, H, D_out):
        super().__init__()
        self.parts = nn.ModuleDict({"in": nn.Linear(D_in, H), "act": nn.ReLU(inplace=True), "out": nn.Linear(H, D_out)})

    def forward(self, x):
        for part in self.parts.values():
            x = part(x)
        return x
""",
        ),
    ],
    "count_parameters": [
        RightAnswer(
            "asks_torch",
            """
def count_parameters(sizes, bias):
    row = nn.Sequential(*[nn.Linear(a, b, bias=bias) for a, b in zip(sizes[:-1], sizes[1:])])
    return sum(p.numel() for p in row.parameters())
""",
        ),
        RightAnswer(
            "loop_over_indices",
            """
def count_parameters(sizes, bias):
    total = 0
    for i in range(1, len(sizes)):
        total += sizes[i] * (sizes[i - 1] + bias)
    return total
""",
        ),
        RightAnswer(
            "with_a_tensor",
            """
def count_parameters(sizes, bias):
    s = torch.tensor(sizes)
    return (s[:-1] * s[1:]).sum() + (s[1:].sum() if bias else 0)
""",
        ),
    ],
    "deep_net": [
        RightAnswer(
            "sequential_of_a_list",
            """
class DeepNet(nn.Module):
    def __init__(self, D_in, H, D_out, depth):
        super().__init__()
        layers = [nn.Linear(D_in, H), nn.ReLU()]
        for _ in range(depth):
            layers += [nn.Linear(H, H), nn.ReLU()]
        self.layers = nn.Sequential(*layers, nn.Linear(H, D_out))

    def forward(self, x):
        return self.layers(x)
""",
        ),
        RightAnswer(
            "all_in_one_module_list",
            """
class DeepNet(nn.Module):
    def __init__(self, D_in, H, D_out, depth):
        super().__init__()
        sizes = [D_in] + [H] * (depth + 1) + [D_out]
        self.layers = nn.ModuleList()
        for n, m in zip(sizes, sizes[1:]):
            self.layers.append(nn.Linear(n, m))

    def forward(self, x):
        *hidden, last = self.layers
        for layer in hidden:
            x = torch.relu(layer(x))
        return last(x)
""",
        ),
        RightAnswer(
            "names_made_up",
            """
class DeepNet(nn.Module):
    def __init__(self, D_in, H, D_out, depth):
        super().__init__()
        self.depth = depth
        self.out = nn.Linear(H, D_out)
        for i in range(depth):
            setattr(self, f"inner{i}", nn.Linear(H, H))
        self.add_module("into", nn.Linear(D_in, H))

    def forward(self, x):
        h = nn.functional.relu(self.into(x))
        for i in range(self.depth):
            h = nn.functional.relu(getattr(self, f"inner{i}")(h))
        return self.out(h)
""",
        ),
        RightAnswer(
            "module_dict_and_blocks",
            """
class DeepNet(nn.Module):
    def __init__(self, D_in, H, D_out, depth):
        super().__init__()
        block = lambda n: nn.Sequential(nn.Linear(n, H), nn.ReLU())
        self.blocks = nn.ModuleDict({str(i): block(H if i else D_in) for i in range(depth + 1)})
        self.head = nn.Linear(H, D_out)

    def forward(self, x):
        for block in self.blocks.values():
            x = block(x)
        return self.head(x)
""",
        ),
    ],
    "standardise": [
        RightAnswer(
            "copies_and_functions",
            """
class Standardise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.register_buffer("std", std.clone())
        self.register_buffer("mean", mean.detach().clone())
        self.register_parameter("gain", nn.Parameter(torch.ones(mean.shape, dtype=mean.dtype)))

    def forward(self, x):
        return torch.mul(torch.div(torch.sub(x, self.mean), self.std), self.gain)
""",
        ),
        RightAnswer(
            "buffer_objects",
            """
class Standardise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        self.mean, self.std = nn.Buffer(mean), nn.Buffer(std)
        self.gain = nn.Parameter(mean * 0 + 1)

    def forward(self, x):
        return (x - self.mean) * (self.gain / self.std)
""",
        ),
        RightAnswer(
            "row_of_the_gain_and_einsum",
            """
class Standardise(nn.Module):
    def __init__(self, mean, std):
        super().__init__()
        for name, value in {"mean": mean, "std": std}.items():
            self.register_buffer(name, value)
        self.gain = nn.Parameter(torch.full_like(std, 1.0))
        self.size = len(mean)

    def forward(self, x):
        return torch.einsum("nd,d->nd", x - self.mean, self.gain * self.std.reciprocal())
""",
        ),
    ],
    "dynamic_net": [
        RightAnswer(
            "recursion",
            """
class DynamicNet(nn.Module):
    def __init__(self, D_in, H, D_out):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(D_in, H), nn.Linear(H, H), nn.Linear(H, D_out)

    def deeper(self, h, depth):
        return h if depth == 0 else self.deeper(torch.relu(self.b(h)), depth - 1)

    def forward(self, x, depth):
        return self.c(self.deeper(torch.relu(self.a(x)), depth))
""",
        ),
        RightAnswer(
            "sequential_of_one_layer",
            """
class DynamicNet(nn.Module):
    def __init__(self, D_in, H, D_out):
        super().__init__()
        self.into = nn.Sequential(nn.Linear(D_in, H), nn.ReLU())
        self.again = nn.Sequential(nn.Linear(H, H), nn.ReLU())
        self.out = nn.Linear(H, D_out)

    def forward(self, x, depth):
        return nn.Sequential(self.into, *[self.again] * depth, self.out)(x)
""",
        ),
        RightAnswer(
            "while_and_functions",
            """
class DynamicNet(nn.Module):
    def __init__(self, D_in, H, D_out):
        super().__init__()
        self.out, self.middle, self.into = nn.Linear(H, D_out), nn.Linear(H, H), nn.Linear(D_in, H)

    def forward(self, x, depth):
        h = self.into(x)
        while depth > 0:
            h = nn.functional.linear(h.relu(), self.middle.weight, self.middle.bias)
            depth -= 1
        return self.out(torch.where(h > 0, h, torch.zeros_like(h)))
""",
        ),
    ],
    "round_trip": [
        RightAnswer(
            "torch_save_in_a_buffer",
            """
def save_model(model):
    buffer = io.BytesIO()
    torch.save(model.state_dict(), buffer)
    return buffer.getvalue()


def load_model(model, data):
    model.load_state_dict(torch.load(io.BytesIO(data), weights_only=True))
""",
        ),
        RightAnswer(
            "seek_and_read",
            """
def save_model(model):
    with io.BytesIO() as file:
        torch.save({"weights": model.state_dict(), "version": 1}, file)
        file.seek(0)
        return file.read()


def load_model(model, data):
    state = torch.load(io.BytesIO(data))["weights"]
    return model.load_state_dict(state, strict=True, assign=False)
""",
        ),
        RightAnswer(
            "by_hand_and_strict",
            """
def save_model(model):
    return safetensors.torch.save({name: value.detach().clone() for name, value in model.state_dict().items()})


def load_model(model, data):
    saved, mine = safetensors.torch.load(data), model.state_dict()
    if saved.keys() != mine.keys():
        raise KeyError(sorted(saved.keys() ^ mine.keys()))
    for name in mine:
        mine[name].copy_(saved[name])
""",
        ),
        RightAnswer(
            "json_text_as_bytes",
            """
def save_model(model):
    import json
    return json.dumps({name: value.tolist() for name, value in model.state_dict().items()}).encode()


def load_model(model, data):
    import json
    model.load_state_dict({name: torch.tensor(value) for name, value in json.loads(data).items()})
""",
        ),
    ],
    "activation_statistics": [
        RightAnswer(
            "partial_and_finally",
            """
def activation_statistics(model, x):
    import functools
    seen = {}

    def look(name, module, inputs, output):
        seen[name] = [output.mean(), 1 - output.sign().mean()]

    relus = {name: module for name, module in model.named_modules() if type(module) is nn.ReLU}
    handles = [module.register_forward_hook(functools.partial(look, name)) for name, module in relus.items()]
    try:
        with torch.no_grad():
            model(x)
    finally:
        [handle.remove() for handle in handles]
    return seen
""",
        ),
        RightAnswer(
            "keeps_outputs_default_argument",
            """
def activation_statistics(model, x):
    outputs, handles = {}, []
    for name, module in model.named_modules():
        if isinstance(module, nn.ReLU):
            handles.append(module.register_forward_hook(lambda m, i, o, name=name: outputs.update({name: o.detach()})))
    model.forward(x)
    while handles:
        handles.pop().remove()
    return {name: (float(o.sum() / o.numel()), float((o <= 0).sum()) / o.numel()) for name, o in outputs.items()}
""",
        ),
        RightAnswer(
            "global_hook",
            """
def activation_statistics(model, x):
    names, found = {m: n for n, m in model.named_modules()}, {}

    def look(module, inputs, output):
        if isinstance(module, nn.ReLU):
            found[names[module]] = output.mean(), (output == 0).double().mean()

    handle = nn.modules.module.register_module_forward_hook(look)
    model(x)
    handle.remove()
    return found
""",
        ),
    ],
    "repaired_net": [
        RightAnswer(
            "dropout_layer_and_sequential",
            """
class RepairedNet(nn.Module):
    def __init__(self, D_in, H, D_out, p):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(D_in, H), nn.ReLU(), nn.Dropout(p), nn.Linear(H, D_out))

    def forward(self, x):
        return self.net(x)

    def optimizer(self, lr):
        return torch.optim.SGD(self.net.parameters(), lr)
""",
        ),
        RightAnswer(
            "own_mask",
            """
class RepairedNet(torch.nn.Module):
    def __init__(self, D_in, H, D_out, p):
        super(RepairedNet, self).__init__()
        self.keep = 1 - p
        self.linear1 = nn.Linear(D_in, H)
        self.linear2 = nn.Linear(H, D_out)

    def forward(self, x):
        h = torch.relu(self.linear1(x))
        if self.training:
            h = h * (torch.rand_like(h) < self.keep) / self.keep
        return self.linear2(h)

    def optimizer(self, lr):
        groups = [{"params": self.linear1.parameters()}, {"params": self.linear2.parameters()}]
        return torch.optim.SGD(groups, lr=lr)
""",
        ),
        RightAnswer(
            "dropout_before_the_relu",
            """
class RepairedNet(nn.Module):
    def __init__(self, D_in, H, D_out, p):
        super().__init__()
        self.drop, self.linear1, self.linear2 = nn.Dropout(p), nn.Linear(D_in, H), nn.Linear(H, D_out)

    def forward(self, x):
        return self.linear2(self.drop(self.linear1(x)).clamp(min=0))

    def optimizer(self, lr):
        return torch.optim.SGD([p for p in self.parameters() if p.requires_grad], lr=lr, momentum=0.0)
""",
        ),
    ],
}
