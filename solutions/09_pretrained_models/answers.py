"""Known wrong answers of chapter 09, each with the hint it earns, and other right answers that must pass."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

WRONG = {
    "prepare": [
        WrongAnswer(
            "top_left_corner",
            "You cut out the top left corner, not the middle.",
            "What is left over is shared: half of `H - size` rows above, half of `W - size` columns at the left.",
            (Swap("(image.shape[0] - size) // 2", "0"), Swap("(image.shape[1] - size) // 2", "0")),
        ),
        WrongAnswer(
            "offsets_exchanged",
            "You exchanged the offset of the rows with that of the columns.",
            "`image.shape[0]` is the height: it decides how many rows to leave out at the top.",
            (
                Swap("(image.shape[0] - size) // 2", "(image.shape[1] - size) // 2 "),
                Swap("left = (image.shape[1] - size) // 2", "left = (image.shape[0] - size) // 2"),
            ),
        ),
        WrongAnswer(
            "not_scaled_to_one",
            "You normalised pixels from 0 to 255. The mean and the deviation belong to pixels from 0 to 1.",
            "Bring the pixels to the range from 0 to 1 first.",
            Swap("x.float() / 255", "x.float()"),
        ),
        WrongAnswer(
            "scaled_after_normalising",
            "You divided by 255 after you had normalised.",
            "The order of the recipe: scale first, then subtract the mean and divide by the deviation.",
            (Swap("x.float() / 255", "x.float()"), Swap("/ torch.tensor(std)", "/ torch.tensor(std) / 255")),
        ),
        WrongAnswer(
            "not_normalised",
            "You scaled the pixels, but did not normalise them.",
            "Subtract each channel's mean, then divide by its deviation.",
            Swap("    x = (x - torch.tensor(mean)) / torch.tensor(std)\n", ""),
        ),
        WrongAnswer(
            "mean_not_subtracted",
            "You divided by the deviation, but did not subtract the mean.",
            "Normalising takes both: subtract, then divide.",
            Swap("(x - torch.tensor(mean))", "x"),
        ),
        WrongAnswer(
            "deviation_not_divided",
            "You subtracted the mean, but did not divide by the deviation.",
            "Normalising takes both: subtract, then divide.",
            Swap(" / torch.tensor(std)", ""),
        ),
        WrongAnswer(
            "channels_last",
            "You left the channels at the end. A net wants (batch, channels, height, width).",
            "Turn the axes around with `permute` before you add the batch.",
            Swap("    x = x.permute(2, 0, 1)\n", ""),
        ),
        WrongAnswer(
            "reshaped_instead_of_permuted",
            "You gave the numbers a new shape, but left them in their order: each channel is now a mixture of all three colours.",
            "`permute` turns axes around; `reshape` and `view` only cut the same row of numbers anew.",
            Swap("x.permute(2, 0, 1)", "x.reshape(3, size, size)"),
            also=(Swap("x.permute(2, 0, 1)", "x.contiguous().view(3, size, size)"),),
        ),
        WrongAnswer(
            "height_and_width_exchanged",
            "You turned the photo over: its height and its width are exchanged.",
            "After the channels come the height and the width, in that order.",
            Swap("x.permute(2, 0, 1)", "x.permute(2, 1, 0)"),
        ),
        WrongAnswer(
            "colours_reversed",
            "You reversed the colours: blue stands where red should.",
            "Some libraries read photos as blue, green, red. This one is red, green, blue already.",
            Swap("x.permute(2, 0, 1)", "x.permute(2, 0, 1).flip(0)"),
        ),
        WrongAnswer(
            "no_batch",
            "You returned the photo itself, without the dimension of the batch.",
            "A batch of one photo has a first dimension of size 1.",
            Swap("return x.unsqueeze(0)", "return x"),
        ),
    ],
    "top_guesses": [
        WrongAnswer(
            "training_mode",
            "You left the model in training mode: dropout removes numbers at random, and the norm uses the other photos.",
            "One call before the model is used tells it that it is in use.",
            Swap("    model.eval()\n", ""),
        ),
        WrongAnswer(
            "graph_kept",
            "Your guesses are right, but a graph was built for a backward pass that never comes.",
            "Call the model under `torch.no_grad()`; `eval()` alone does not do that.",
            Swap("with torch.no_grad()", "with torch.enable_grad()"),
        ),
        WrongAnswer(
            "scores_not_probabilities",
            "You returned the scores as they are. Probabilities lie between 0 and 1 and add up to 1.",
            "A softmax over the classes makes probabilities of scores.",
            Swap("scores.softmax(dim=1).topk", "scores.topk"),
        ),
        WrongAnswer(
            "softmax_over_the_photos",
            "You took the softmax over the photos: the probabilities of one class add up to 1, not those of one photo.",
            "The classes are dimension 1.",
            Swap("softmax(dim=1)", "softmax(dim=0)"),
        ),
        WrongAnswer(
            "softmax_after_topk",
            "You took the softmax over the k best scores only, so their probabilities add up to 1 and are all too large.",
            "First probabilities over all classes, then the k largest of them.",
            Swap(
                "    values, indices = scores.softmax(dim=1).topk(k)\n",
                "    values, indices = scores.topk(k)\n    values = values.softmax(dim=1)\n",
            ),
        ),
        WrongAnswer(
            "sigmoid",
            "You took a sigmoid of each score by itself. The classes exclude one another, so their probabilities add up to 1.",
            "Use the function that looks at all classes of a photo together.",
            Swap("scores.softmax(dim=1)", "scores.sigmoid()"),
        ),
        WrongAnswer(
            "log_probabilities",
            "You returned logarithms of the probabilities.",
            "`log_softmax` is for losses; here its exponential is wanted, which is softmax.",
            Swap("scores.softmax(dim=1)", "scores.log_softmax(dim=1)"),
        ),
        WrongAnswer(
            "the_worst_guesses",
            "You returned the k least probable names.",
            "`topk` takes the largest by itself; a sort needs `descending=True`.",
            Swap(".topk(k)", ".topk(k, largest=False)"),
        ),
        WrongAnswer(
            "best_one_last",
            "You have the right guesses, with the best one last.",
            "Turn the order around: the most probable name comes first.",
            Swap(
                "return [[(names[i], value) for i, value in zip(*row, strict=True)]",
                "return [[*reversed([(names[i], value) for i, value in zip(*row, strict=True)])]",
            ),
        ),
        WrongAnswer(
            "first_photo_only",
            "You returned the guesses of the first photo only.",
            "x holds N photos: return one list for each of them.",
            Swap("for row in rows]", "for row in rows][0]"),
        ),
        WrongAnswer(
            "stopped_after_one_photo",
            "Your list holds the guesses of one photo, whatever the number of photos.",
            "Run through all rows of the result: one list of k pairs for each photo.",
            Swap("for row in rows]", "for row in rows][:1]"),
        ),
        WrongAnswer(
            "numbers_not_names",
            "You returned the classes' numbers in place of their names.",
            "`names[i]` is the name of class i.",
            Swap("(names[i], value)", "(i, value)"),
        ),
        WrongAnswer(
            "probability_first",
            "You put the probability first in each pair.",
            "A pair is (name, probability).",
            Swap("(names[i], value)", "(value, names[i])"),
        ),
    ],
    "count_by_hand": [
        WrongAnswer(
            "biases_forgotten",
            "You counted the weights, but not the biases.",
            "Each layer has one bias for every number or channel that comes out.",
            (Swap("k * k + c_out", "k * k"), Swap("n * m + m", "n * m")),
        ),
        WrongAnswer(
            "convolution_without_bias",
            "You left the biases of the convolutions out; the linear layers have theirs.",
            "A convolution has one bias for each channel that comes out.",
            Swap("k * k + c_out", "k * k"),
        ),
        WrongAnswer(
            "filter_not_square",
            "You took k numbers for a filter that is k wide and k high.",
            "A filter has k times k places, in each channel that comes in.",
            Swap("k * k", "k"),
        ),
        WrongAnswer(
            "channels_in_forgotten",
            "You counted filters with one channel. A filter looks at all channels that come in.",
            "The weight's shape is (c_out, c_in, k, k).",
            Swap("c_out * c_in * k * k", "c_out * k * k"),
        ),
        WrongAnswer(
            "bias_of_the_input",
            "You counted a bias for each number that comes in; a bias is added to what comes out.",
            "Which of the two sizes is that of the result?",
            (Swap("k * k + c_out", "k * k + c_in"), Swap("n * m + m", "n * m + n")),
        ),
        WrongAnswer(
            "running_statistics_counted",
            "You counted the norm's running mean and variance as well. They are measured, not learned.",
            "Which tensors of a norm does `parameters()` list, and which does `buffers()`?",
            Swap("2 * sizes[0]", "4 * sizes[0]"),
        ),
        WrongAnswer(
            "norm_forgotten",
            "You counted nothing for the norms.",
            "A norm learns a factor and a shift for each channel.",
            Swap("2 * sizes[0]", "0"),
        ),
        WrongAnswer(
            "one_number_for_a_norm",
            "You counted one number a channel for a norm; it has a factor and a shift.",
            "`bn.weight` and `bn.bias` each have one number a channel.",
            Swap("2 * sizes[0]", "sizes[0]"),
        ),
        WrongAnswer(
            "last_layer_only",
            "You returned the count of the last layer alone.",
            "Add each layer's number to the total.",
            (Swap("total += c_out", "total = c_out"), Swap("total += n", "total = n"), Swap("total += 2", "total = 2")),
        ),
    ],
    "swap_head": [
        WrongAnswer(
            "always_fc",
            "You set `fc` in every family. In AlexNet and VGG `forward` never calls it: the old head is still in use.",
            "Ask the model whether it has an `fc`; if not, the head is in `classifier`.",
            """
def swap_head(model, classes):
    old = model.fc if hasattr(model, "fc") else model.classifier[-1]
    model.fc = nn.Linear(old.in_features, classes)
    return model
""",
        ),
        WrongAnswer(
            "always_classifier",
            "You set `classifier` in every family. A ResNet's `forward` never calls it: the old head is still in use.",
            "Ask the model whether it has an `fc`, and set that one if so.",
            """
def swap_head(model, classes):
    if hasattr(model, "fc"):
        model.classifier = nn.Linear(model.fc.in_features, classes)
    else:
        model.classifier[-1] = nn.Linear(model.classifier[-1].in_features, classes)
    return model
""",
        ),
        WrongAnswer(
            "asks_for_classifier_in_a_resnet",
            "You looked for `classifier` in a ResNet, which has none.",
            "Two families, two names: `hasattr(model, 'fc')` tells them apart.",
            """
def swap_head(model, classes):
    model.classifier[-1] = nn.Linear(model.classifier[-1].in_features, classes)
    return model
""",
        ),
        WrongAnswer(
            "asks_for_fc_in_an_alexnet",
            "You looked for `fc` in a net of the AlexNet family, which has none.",
            "Two families, two names: `hasattr(model, 'fc')` tells them apart.",
            """
def swap_head(model, classes):
    model.fc = nn.Linear(model.fc.in_features, classes)
    return model
""",
        ),
        WrongAnswer(
            "whole_classifier_replaced",
            "You replaced the whole `classifier`, and with it hidden layers that had learned something.",
            "Only its last part is the head: `model.classifier[-1]`.",
            Swap(
                "model.classifier[-1] = nn.Linear(model.classifier[-1].in_features, classes)",
                "model.classifier = nn.Linear("
                "next(m for m in model.classifier if isinstance(m, nn.Linear)).in_features, classes)",
            ),
        ),
        WrongAnswer(
            "whole_classifier_in_the_last_ones_size",
            "You replaced the whole `classifier` by one layer, which expects the numbers of a hidden layer that is gone.",
            "Only its last part is the head: assign to `model.classifier[-1]`.",
            Swap(
                "model.classifier[-1] = nn.Linear(model.classifier[-1].in_features, classes)",
                "model.classifier = nn.Linear(model.classifier[-1].in_features, classes)",
            ),
        ),
        WrongAnswer(
            "in_features_of_another_layer",
            "Your new head expects as many numbers as the **first** layer of `classifier`, not as the last one.",
            "The old head itself tells how many numbers come in: `model.classifier[-1].in_features`.",
            Swap(
                "nn.Linear(model.classifier[-1].in_features, classes)",
                "nn.Linear(next(m for m in model.classifier if isinstance(m, nn.Linear)).in_features, classes)",
            ),
        ),
        WrongAnswer(
            "appended",
            "You added a layer behind the old head. The net still squeezes everything through the old names first.",
            "Put the new layer in the old one's place.",
            (
                Swap(
                    "model.fc = nn.Linear(model.fc.in_features, classes)",
                    "model.fc = nn.Sequential(model.fc, nn.Linear(model.fc.out_features, classes))",
                ),
                Swap(
                    "model.classifier[-1] = nn.Linear(model.classifier[-1].in_features, classes)",
                    "model.classifier.append(nn.Linear(model.classifier[-1].out_features, classes))",
                ),
            ),
        ),
        WrongAnswer(
            "only_the_label_changed",
            "You changed the number `out_features` of the old head. That is only a note on it: its weight has the old shape.",
            "Make a new `nn.Linear` and assign it.",
            (
                Swap("model.fc = nn.Linear(model.fc.in_features, classes)", "model.fc.out_features = classes"),
                Swap(
                    "model.classifier[-1] = nn.Linear(model.classifier[-1].in_features, classes)",
                    "model.classifier[-1].out_features = classes",
                ),
            ),
            also=(
                Swap("    if hasattr", "    return model\n    if hasattr"),
                """
def swap_head(model, classes):
    head = model.fc if hasattr(model, "fc") else model.classifier[-1]
    head = nn.Linear(head.in_features, classes)
    return model
""",
            ),
        ),
        WrongAnswer(
            "no_bias",
            "Your new head has no bias.",
            "Leave `bias` at its default.",
            (
                Swap("model.fc.in_features, classes", "model.fc.in_features, classes, bias=False"),
                Swap("model.classifier[-1].in_features, classes", "model.classifier[-1].in_features, classes, bias=False"),
            ),
        ),
        WrongAnswer(
            "head_returned",
            "You returned the new head by itself.",
            "Return the model that carries it.",
            Swap("return model", "return model.fc if hasattr(model, 'fc') else model.classifier[-1]"),
        ),
    ],
    "freeze_all_but": [
        WrongAnswer(
            "attribute_of_the_module",
            "You set `model.requires_grad = False`. A module has no such switch, so this froze nothing.",
            "The method is `requires_grad_`, with an underscore at the end.",
            Swap("model.requires_grad_(False)", "model.requires_grad = False"),
            also=(Swap("    model.requires_grad_(False)\n", ""),),
        ),
        WrongAnswer(
            "head_frozen_too",
            "You froze the head with the rest: nothing is left to train.",
            "First all off, then the head on again.",
            Swap("    head.requires_grad_(True)\n", ""),
            also=(
                """
def freeze_all_but(model, head):
    model.eval()
    head.train()
    head.requires_grad_(True)
    model.requires_grad_(False)
    return list(head.parameters())
""",
            ),
        ),
        WrongAnswer(
            "modes_forgotten",
            "You stopped the gradients, but left the modes as they were. A norm in training mode drifts without any gradient.",
            "Put the model into evaluation mode, then the head into training mode.",
            (Swap("    model.eval()\n", ""), Swap("    head.train()\n", "")),
        ),
        WrongAnswer(
            "norm_left_in_training",
            "The rest is still in training mode, so its norm moves its statistics at every batch.",
            "`requires_grad_` stops gradients only; the mode is another switch.",
            Swap("model.eval()", "model.train()"),
        ),
        WrongAnswer(
            "head_in_evaluation",
            "You left the head in evaluation mode: a dropout in it would never act.",
            "After the whole model was put into evaluation mode, put the head back.",
            Swap("    head.train()\n", ""),
        ),
        WrongAnswer(
            "the_other_way_round",
            "You froze the head and left all others free.",
            "The head is what trains; exchange the two.",
            (
                Swap("model.requires_grad_(False)", "model.requires_grad_(True)"),
                Swap("head.requires_grad_(True)", "head.requires_grad_(False)"),
            ),
        ),
        WrongAnswer(
            "biases_forgotten",
            "Of the head only the weight asks for gradients, not the bias.",
            "Switch on all of `head.parameters()`.",
            Swap(
                "head.requires_grad_(True)",
                "[p.requires_grad_(p.dim() > 1) for p in head.parameters()]",
            ),
        ),
        WrongAnswer(
            "all_parameters_returned",
            "You returned the parameters of the whole model.",
            "The optimizer wants those that train: the head's.",
            Swap("list(head.parameters())", "list(model.parameters())"),
        ),
        WrongAnswer(
            "frozen_ones_returned",
            "You returned the parameters that are frozen.",
            "Turn the condition around: those that ask for gradients are left to train.",
            Swap("list(head.parameters())", "[p for p in model.parameters() if not p.requires_grad]"),
        ),
        WrongAnswer(
            "names_returned",
            "You returned names. An optimizer wants the parameters themselves.",
            "`head.parameters()` gives them; `named_parameters()` adds the names.",
            Swap("list(head.parameters())", "[name for name, _ in head.named_parameters()]"),
        ),
    ],
    "extract_features": [
        WrongAnswer(
            "scores_returned",
            "You returned what comes out of `fc`; asked for is what goes into it.",
            "Let `nn.Identity()` stand in for `fc`, or catch its input with a hook.",
            Swap("head, model.fc = model.fc, nn.Identity()", "head = model.fc"),
        ),
        WrongAnswer(
            "training_mode",
            "You left the model in training mode: its norm used the statistics of your batches, and moved its own.",
            "One call before the loop.",
            Swap("    model.eval()\n", ""),
        ),
        WrongAnswer(
            "graph_kept",
            "Your features carry a graph of the whole net.",
            "Run the loop under `torch.no_grad()`.",
            Swap("with torch.no_grad()", "with torch.enable_grad()"),
        ),
        WrongAnswer(
            "head_not_put_back",
            "Your features are right, but the model has lost its head.",
            "Keep the old `fc` in a variable, and put it back at the end.",
            Swap("    model.fc = head\n", ""),
        ),
        WrongAnswer(
            "hook_left",
            "Your features are right, but your hook is still on the model, and will run at each later call.",
            "Registering gives a handle; call its `remove()` when you are done.",
            """
def extract_features(model, x, batch_size):
    model.eval()
    caught = []
    model.fc.register_forward_pre_hook(lambda module, inputs: caught.append(inputs[0]))
    with torch.no_grad():
        for part in x.split(batch_size):
            model(part)
    return torch.cat(caught)
""",
        ),
        WrongAnswer(
            "not_flattened",
            "Your features still have the two dimensions of the picture, (N, D, 1, 1).",
            "`forward` flattens between pooling and `fc`; do the same.",
            """
def extract_features(model, x, batch_size):
    model.eval()
    body = nn.Sequential(*list(model.children())[:-1])
    with torch.no_grad():
        return torch.cat([body(part) for part in x.split(batch_size)])
""",
        ),
        WrongAnswer(
            "before_the_pooling",
            "You took the numbers before the pooling: one for each place of the picture.",
            "What goes into `fc` has been averaged over the picture already.",
            """
def extract_features(model, x, batch_size):
    model.eval()
    body = nn.Sequential(*list(model.children())[:-2])
    with torch.no_grad():
        return torch.cat([body(part).flatten(1) for part in x.split(batch_size)])
""",
        ),
        WrongAnswer(
            "all_at_once",
            "You gave the model all photos at once: with many of them the memory would not do.",
            "`x.split(batch_size)` cuts x into parts.",
            Swap("for part in x.split(batch_size)", "for part in [x]"),
        ),
        WrongAnswer(
            "one_by_one",
            "You gave the model one photo at a time, which is right but slow.",
            "Cut x into parts of `batch_size` photos.",
            Swap("x.split(batch_size)", "x.split(1)"),
        ),
        WrongAnswer(
            "last_part_only",
            "You returned the features of the last part only.",
            "Collect all parts in a list, and put them together with `torch.cat`.",
            Swap("torch.cat(parts)", "parts[-1]"),
        ),
        WrongAnswer(
            "after_the_softmax",
            "You returned probabilities. Features are the numbers that go into `fc`.",
            "Take what comes before the head, not what comes behind it.",
            (
                Swap("head, model.fc = model.fc, nn.Identity()", "head = model.fc"),
                Swap("[model(part) for", "[model(part).softmax(dim=1) for"),
            ),
        ),
    ],
    "repaired_training": [
        WrongAnswer(
            "optimizer_before_the_swap",
            "You built the optimizer before the swap: it holds the old head, and the new one never moves.",
            "Build the optimizer last, when all parameters are there that it shall train.",
            """
def repaired_training(model, x, y, classes, steps, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    model.requires_grad_(False)
    model.eval()
    model.fc = nn.Linear(model.fc.in_features, classes)
    nn.init.zeros_(model.fc.weight)
    nn.init.zeros_(model.fc.bias)
    losses = []
    for _ in range(steps):
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses
""",
        ),
        WrongAnswer(
            "frozen_after_the_swap",
            "You froze after the swap, and the new head with the rest: nothing asks for a gradient.",
            "Freeze first. A new layer asks for gradients by itself.",
            Swap("    optimizer =", "    model.requires_grad_(False)\n    optimizer ="),
        ),
        WrongAnswer(
            "softmax_before_the_loss",
            "You gave probabilities to the cross-entropy, which takes scores and does the softmax itself.",
            "Hand the scores over as they are.",
            Swap("F.cross_entropy(model(x), y)", "F.cross_entropy(model(x).softmax(dim=1), y)"),
        ),
        WrongAnswer(
            "gradients_added_up",
            "You never reset the gradients, so each step goes along the sum of all steps before.",
            "One line before `backward`.",
            Swap("        optimizer.zero_grad()\n", ""),
        ),
        WrongAnswer(
            "norm_drifts",
            "The model is in training mode: the norm used the batch's statistics, and its own have moved.",
            "Frozen parameters do not stop that. Put the model into evaluation mode.",
            Swap("model.eval()", "model.train()"),
            also=(Swap("    model.eval()\n", ""),),
        ),
        WrongAnswer(
            "losses_with_graphs",
            "You kept the losses as tensors, and each of them keeps its whole graph in memory.",
            "Take the number out of each loss.",
            Swap("loss.item()", "loss"),
        ),
        WrongAnswer(
            "everything_trained",
            "You trained the whole net: layers that had learned something have moved.",
            "Give the optimizer the head's parameters only, and freeze the others.",
            (
                Swap("model.requires_grad_(False)", "model.requires_grad_(True)"),
                Swap("SGD(model.fc.parameters()", "SGD(model.parameters()"),
            ),
        ),
        WrongAnswer(
            "random_head",
            "Your head starts from random numbers, so your losses are not those of everybody else.",
            "Set its weight and its bias to zero before the first step.",
            (Swap("    nn.init.zeros_(model.fc.weight)\n", ""), Swap("    nn.init.zeros_(model.fc.bias)\n", "")),
        ),
        WrongAnswer(
            "bias_starts_at_random",
            "You set the head's weight to zero, but left its bias at random numbers.",
            "Both start from zero.",
            Swap("    nn.init.zeros_(model.fc.bias)\n", ""),
        ),
        WrongAnswer(
            "sum_in_place_of_mean",
            "You took the sum of the losses over the samples; the mean is asked for.",
            "Leave `reduction` at its default.",
            Swap("F.cross_entropy(model(x), y)", "F.cross_entropy(model(x), y, reduction='sum')"),
        ),
        WrongAnswer(
            "loss_after_the_step",
            "You noted each loss after its update.",
            "Return the loss that the gradient was computed from.",
            Swap("losses.append(loss.item())", "losses.append(F.cross_entropy(model(x), y).item())"),
        ),
    ],
}

RIGHT = {
    "prepare": [
        RightAnswer(
            "torchvision",
            """
def prepare(image, size, mean, std):
    recipe = v2.Compose([v2.CenterCrop(size), v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std)])
    return recipe(image.permute(2, 0, 1))[None]
""",
        ),
        RightAnswer(
            "channel_by_channel",
            """
def prepare(image, size, mean, std):
    height, width, _ = image.shape
    a, b = (height - size) // 2, (width - size) // 2
    out = torch.empty(1, 3, size, size)
    for c in range(3):
        out[0, c] = (image[a:a + size, b:b + size, c] / 255.0 - mean[c]) / std[c]
    return out
""",
        ),
        RightAnswer(
            "permutes_first_and_narrows",
            """
def prepare(image, size, mean, std):
    x = image.movedim(-1, 0).unsqueeze(0).to(torch.float32).div(255)
    x = x.narrow(2, (x.shape[2] - size) // 2, size).narrow(3, (x.shape[3] - size) // 2, size)
    m, s = (torch.as_tensor(v).reshape(1, 3, 1, 1) for v in (mean, std))
    return x.sub(m).div(s)
""",
        ),
    ],
    "top_guesses": [
        RightAnswer(
            "photo_by_photo",
            """
@torch.no_grad()
def top_guesses(model, x, names, k):
    model.eval()
    result = []
    for photo in x:
        p = F.softmax(model(photo[None])[0], dim=0)
        best = sorted(range(len(names)), key=lambda i: -p[i].item())[:k]
        result.append([(names[i], p[i].item()) for i in best])
    return result
""",
        ),
        RightAnswer(
            "sorts_by_hand",
            """
def top_guesses(model, x, names, k):
    was = model.training
    model.train(False)
    with torch.inference_mode():
        e = model(x).exp()
        p = e / e.sum(1, keepdim=True)
    model.train(was)
    order = p.argsort(dim=1, descending=True)
    return [[(names[int(j)], p[i, j]) for j in order[i, :k]] for i in range(len(x))]
""",
        ),
    ],
    "count_by_hand": [
        RightAnswer(
            "shapes_and_products",
            """
def count_by_hand(layers):
    import math
    shapes = []
    for layer in layers:
        if layer[0] == "norm":
            shapes += [(layer[1],), (layer[1],)]
        elif layer[0] == "linear":
            shapes += [(layer[2], layer[1]), (layer[2],)]
        else:
            shapes += [(layer[2], layer[1], layer[3], layer[3]), (layer[2],)]
    return sum(math.prod(s) for s in shapes)
""",
        ),
        RightAnswer(
            "table_of_functions",
            """
def count_by_hand(layers):
    count = {
        "conv": lambda i, o, k: o * (i * k ** 2 + 1),
        "linear": lambda n, m: (n + 1) * m,
        "norm": lambda c: c + c,
    }
    return sum(count[name](*sizes) for name, *sizes in layers)
""",
        ),
        RightAnswer(
            "one_line_match",
            """
def count_by_hand(layers):
    total = 0
    for layer in layers:
        match tuple(layer):
            case ("conv", a, b, k):
                total += (a * k * k + 1) * b
            case ("linear", a, b):
                total += a * b + b
            case ("norm", c):
                total += 2 * c
    return torch.tensor(total)
""",
        ),
    ],
    "swap_head": [
        RightAnswer(
            "last_linear_by_name",
            """
def swap_head(model, classes):
    name, old = [(n, m) for n, m in model.named_modules() if isinstance(m, nn.Linear)][-1]
    parent, _, attribute = name.rpartition(".")
    setattr(model.get_submodule(parent), attribute, nn.Linear(old.in_features, classes))
    return model
""",
        ),
        RightAnswer(
            "classifier_built_anew",
            """
def swap_head(model, classes):
    if hasattr(model, "classifier"):
        *kept, old = model.classifier
        model.classifier = nn.Sequential(*kept, nn.Linear(old.weight.shape[1], classes))
    else:
        model.fc = nn.Linear(model.fc.weight.shape[1], classes)
    return model
""",
        ),
        RightAnswer(
            "by_the_last_child",
            """
def swap_head(model, classes):
    name, last = list(model.named_children())[-1]
    if isinstance(last, nn.Linear):
        setattr(model, name, nn.Linear(last.in_features, classes))
    else:
        width = last[len(last) - 1].in_features
        last[len(last) - 1] = nn.Linear(in_features=width, out_features=classes)
    return model
""",
        ),
    ],
    "freeze_all_but": [
        RightAnswer(
            "by_identity",
            """
def freeze_all_but(model, head):
    keep = {id(p) for p in head.parameters()}
    inside = set(head.modules())
    for module in model.modules():
        module.training = module in inside
    for p in model.parameters():
        p.requires_grad = id(p) in keep
    return [p for p in model.parameters() if p.requires_grad]
""",
        ),
        RightAnswer(
            "children_one_by_one",
            """
def freeze_all_but(model, head):
    for child in model.children():
        trains = child is head
        child.train(trains)
        for p in child.parameters():
            p.requires_grad_(trains)
    return filter(lambda p: p.requires_grad, model.parameters())
""",
        ),
    ],
    "extract_features": [
        RightAnswer(
            "hook_removed",
            """
def extract_features(model, x, batch_size):
    caught = []
    handle = model.fc.register_forward_pre_hook(lambda module, inputs: caught.append(inputs[0].detach()))
    model.eval()
    with torch.no_grad():
        for start in range(0, len(x), batch_size):
            model(x[start:start + batch_size])
    handle.remove()
    return torch.cat(caught, dim=0)
""",
        ),
        RightAnswer(
            "body_of_children",
            """
def extract_features(model, x, batch_size):
    body = nn.Sequential(*[child for name, child in model.named_children() if name != "fc"], nn.Flatten())
    body.eval()
    with torch.inference_mode():
        rows = [body(part) for part in torch.split(x, batch_size)]
    return torch.vstack(rows).clone()
""",
        ),
        RightAnswer(
            "works_on_a_copy",
            """
def extract_features(model, x, batch_size):
    model.eval()
    kept = model.fc
    try:
        model.fc = nn.Sequential()
        out = x.new_empty(len(x), kept.in_features)
        with torch.no_grad():
            for i in range(0, len(x), batch_size):
                out[i:i + batch_size] = model(x[i:i + batch_size])
    finally:
        model.fc = kept
    return out
""",
        ),
    ],
    "repaired_training": [
        RightAnswer(
            "features_once",
            """
def repaired_training(model, x, y, classes, steps, lr):
    model.eval()
    width = model.fc.in_features
    model.fc = nn.Identity()
    with torch.no_grad():
        features = model(x)
    model.requires_grad_(False)
    model.fc = nn.Linear(width, classes)
    for p in model.fc.parameters():
        p.data.zero_()
    sgd = torch.optim.SGD(model.fc.parameters(), lr)
    history = []
    for step in range(steps):
        sgd.zero_grad()
        loss = nn.CrossEntropyLoss()(model.fc(features), y)
        history.append(float(loss))
        loss.backward()
        sgd.step()
    return history
""",
        ),
        RightAnswer(
            "update_by_hand",
            """
def repaired_training(model, x, y, classes, steps, lr):
    for p in model.parameters():
        p.requires_grad = False
    model.train(False)
    model.fc = nn.Linear(model.fc.in_features, classes)
    with torch.no_grad():
        model.fc.weight.fill_(0)
        model.fc.bias.fill_(0)
    losses = []
    for _ in range(steps):
        model.zero_grad()
        loss = -model(x).log_softmax(1)[range(len(y)), y].mean()
        loss.backward()
        losses.append(loss.detach())
        with torch.no_grad():
            for p in model.fc.parameters():
                p -= lr * p.grad
    return losses
""",
        ),
        RightAnswer(
            "optimizer_over_what_trains",
            """
def repaired_training(model, x, y, classes, steps, lr):
    model.eval().requires_grad_(False)
    head = nn.Linear(model.fc.in_features, classes)
    head.load_state_dict({name: torch.zeros_like(value) for name, value in head.state_dict().items()})
    model.fc = head
    opt = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr)
    def step():
        opt.zero_grad()
        loss = F.nll_loss(F.log_softmax(model(x), dim=1), y)
        loss.backward()
        opt.step()
        return loss.item()
    return [step() for _ in range(steps)]
""",
        ),
    ],
}
