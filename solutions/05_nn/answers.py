"""Known wrong answers of chapter 05, each with the hint it earns, and other right answers that must pass."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

# -- the lines that several mistakes change --------------------------------------------------------------------------------

STEP_UPDATE = "    with torch.no_grad():\n        for param in model.parameters():\n            param -= lr * param.grad\n"
LOOP_UPDATE = "        with torch.no_grad():\n            for param in model.parameters():\n                param -= learning_rate * param.grad\n"
LOOP_UPDATE_BARE = "        for param in model.parameters():\n            param -= learning_rate * param.grad\n"
LOOP_UPDATE_REBOUND = "        for param in model.parameters():\n            param = param - learning_rate * param.grad\n"
MEAN_LEFT = Swap('MSELoss(reduction="sum")', "MSELoss()")
ZERO_LEFT = Swap("model.zero_grad()", "model.zero_grad")
FIRST_COPY = "model[0].weight.copy_(w1.T)"
SECOND_COPY = "model[2].weight.copy_(w2.T)"
COPIES = f"    with torch.no_grad():\n        {FIRST_COPY}\n        {SECOND_COPY}\n"
FIRST_LAYER = "nn.Linear(D_in, H, bias=False)"
SECOND_LAYER = "nn.Linear(H, D_out, bias=False)"

WRONG = {
    "two_layer_model": [
        WrongAnswer(
            "no_relu",
            "You put two linear layers in a row with nothing between: together they are one linear layer in disguise.",
            "The ReLU is a layer of its own, between the two.",
            Swap("nn.ReLU(), ", ""),
        ),
        WrongAnswer(
            "relu_at_the_end",
            "You put the ReLU last, behind the second layer. The hidden values stayed as they were.",
            "A prediction may be negative. Move the ReLU between the two linear layers.",
            (Swap("nn.ReLU(), ", ""), Swap("nn.Linear(H, D_out)", "nn.Linear(H, D_out), nn.ReLU()")),
        ),
        WrongAnswer(
            "relu_twice",
            "You put a ReLU behind both layers, so your model can never predict a negative number.",
            "The last layer is linear: its numbers are the prediction.",
            Swap("nn.Linear(H, D_out)", "nn.Linear(H, D_out), nn.ReLU()"),
        ),
        WrongAnswer(
            "sizes_do_not_meet",
            "The sizes of your layers do not meet: one layer is handed another number of values than it expects. Either the outgoing size stands first in `nn.Linear`, or the second layer does not start from H.",
            "`nn.Linear` takes what comes in first, what goes out second. Follow one sample: D_in numbers, then H, then D_out.",
            Swap("nn.Linear(D_in, H)", "nn.Linear(H, D_in)"),
            also=(
                (Swap("nn.Linear(D_in, H)", "nn.Linear(H, D_in)"), Swap("nn.Linear(H, D_out)", "nn.Linear(D_out, H)")),
                Swap("nn.Linear(H, D_out)", "nn.Linear(D_in, D_out)"),
            ),
        ),
        WrongAnswer(
            "a_layer_too_many",
            "You built three linear layers; the lecture's net has two.",
            "One layer from D_in to H, one from H to D_out, the ReLU between.",
            Swap("nn.ReLU(), ", "nn.ReLU(), nn.Linear(H, H), nn.ReLU(), "),
        ),
        WrongAnswer(
            "one_layer_only",
            "Your model has a single linear layer: there are no hidden values.",
            "Go from D_in to H first, then from H to D_out.",
            Swap("nn.Sequential(nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out))", "nn.Sequential(nn.Linear(D_in, D_out))"),
            also=("def two_layer_model(D_in, H, D_out):\n    return nn.Linear(D_in, D_out)",),
        ),
        WrongAnswer(
            "no_biases",
            "You switched the biases off. Here the layers keep them, as in the lecture's snippet.",
            "Leave out `bias=False`: the default is right.",
            (
                Swap("nn.Linear(D_in, H)", "nn.Linear(D_in, H, bias=False)"),
                Swap("nn.Linear(H, D_out)", "nn.Linear(H, D_out, bias=False)"),
            ),
        ),
        WrongAnswer(
            "another_nonlinearity",
            "You bent the hidden values with a sigmoid, not with a ReLU.",
            "The ReLU sets negative values to zero and leaves the others alone: `nn.ReLU()`.",
            Swap("nn.ReLU()", "nn.Sigmoid()"),
        ),
        WrongAnswer(
            "tanh_for_relu",
            "You bent the hidden values with tanh, not with a ReLU.",
            "The ReLU sets negative values to zero and leaves the others alone: `nn.ReLU()`.",
            Swap("nn.ReLU()", "nn.Tanh()"),
        ),
        WrongAnswer(
            "leaky_relu",
            "Your ReLU leaks: it lets a hundredth of the negative values through.",
            "The plain ReLU is `nn.ReLU()`.",
            Swap("nn.ReLU()", "nn.LeakyReLU()"),
        ),
        WrongAnswer(
            "softmax_at_the_end",
            "You closed with a softmax, so that each row sums to 1. This net predicts any numbers, not probabilities.",
            "Stop after the second linear layer.",
            Swap("nn.Linear(H, D_out)", "nn.Linear(H, D_out), nn.Softmax(dim=1)"),
        ),
        WrongAnswer(
            "a_function_for_a_layer",
            "You gave `nn.Sequential` a function. It takes layers, objects that it can ask for their parameters.",
            "For each such function there is a layer: `nn.ReLU()`.",
            Swap("nn.ReLU()", "torch.relu"),
            also=(Swap("nn.ReLU()", "nn.functional.relu"),),
        ),
        WrongAnswer(
            "a_class_for_a_layer",
            "You gave `nn.Sequential` the class `nn.ReLU`, not a layer that was made from it.",
            "The parentheses make the layer: `nn.ReLU()`.",
            Swap("nn.ReLU()", "nn.ReLU"),
        ),
        WrongAnswer(
            "a_list_of_layers",
            "You returned the layers in a plain list. A list cannot be called on x.",
            "Hand the layers to `nn.Sequential`, which calls them one after the other.",
            Swap(
                "nn.Sequential(nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out))",
                "[nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out)]",
            ),
        ),
        WrongAnswer(
            "layers_in_brackets",
            "You gave `nn.Sequential` one list; it wants the layers themselves, one after the other.",
            "Take the brackets away, or put a star before the list.",
            Swap(
                "nn.Sequential(nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out))",
                "nn.Sequential([nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out)])",
            ),
        ),
    ],
    "model_from_weights": [
        WrongAnswer(
            "copied_without_transpose",
            "You copied w1 into the layer as it stands. The shapes do not fit, or, where all sizes are equal, fit by chance and give wrong numbers.",
            "A layer's weight is (out, in), w1 is (in, out): lay it on its side first.",
            (Swap(FIRST_COPY, "model[0].weight.copy_(w1)"), Swap(SECOND_COPY, "model[2].weight.copy_(w2)")),
        ),
        WrongAnswer(
            "assigned_without_transpose",
            "You put w1 into the layer as it stands. No error came then; the product failed later, or gave wrong numbers on equal sizes.",
            "Print `model[0].weight.shape` before and after: a layer's weight is (out, in).",
            (
                Swap(FIRST_COPY, "model[0].weight = nn.Parameter(w1.clone())"),
                Swap(SECOND_COPY, "model[2].weight = nn.Parameter(w2.clone())"),
            ),
            also=(
                (Swap(FIRST_COPY, "model[0].weight.data = w1.clone()"), Swap(SECOND_COPY, "model[2].weight.data = w2.clone()")),
                (
                    Swap(FIRST_LAYER, "nn.Linear(H, D_in, bias=False)"),
                    Swap(SECOND_LAYER, "nn.Linear(D_out, H, bias=False)"),
                    Swap(FIRST_COPY, "model[0].weight.copy_(w1)"),
                    Swap(SECOND_COPY, "model[2].weight.copy_(w2)"),
                ),
            ),
        ),
        WrongAnswer(
            "reshaped_not_transposed",
            "You made the shape fit with `view` or `reshape`. That cuts the row of numbers anew; it does not turn rows into columns.",
            "Rows must become columns: `.T`, or `.t()`.",
            (
                Swap(FIRST_COPY, "model[0].weight.copy_(w1.reshape(H, D_in))"),
                Swap(SECOND_COPY, "model[2].weight.copy_(w2.reshape(D_out, H))"),
            ),
        ),
        WrongAnswer(
            "layer_sizes_turned_round",
            "You gave `nn.Linear` the outgoing size first, so its weight has the shape of w1, not of w1 transposed.",
            "`nn.Linear` takes what comes in first: D_in, then H.",
            (Swap(FIRST_LAYER, "nn.Linear(H, D_in, bias=False)"), Swap(SECOND_LAYER, "nn.Linear(D_out, H, bias=False)")),
        ),
        WrongAnswer(
            "biases_left_in",
            "Your layers have biases. Chapter 02's net has none, and training would move them even from zero.",
            "Say `bias=False` when you make each layer.",
            (Swap(FIRST_LAYER, "nn.Linear(D_in, H)"), Swap(SECOND_LAYER, "nn.Linear(H, D_out)")),
        ),
        WrongAnswer(
            "no_relu",
            "You left the ReLU out: your model is the single matrix w1 w2.",
            "Three layers in a row: linear, ReLU, linear. The second linear one is then `model[2]`.",
            (Swap("nn.ReLU(), ", ""), Swap(SECOND_COPY, "model[1].weight.copy_(w2.T)")),
        ),
        WrongAnswer(
            "written_outside_no_grad",
            "You wrote into a parameter while autograd was watching. It refuses: a leaf that requires a gradient may not be changed in place.",
            "Do the copying under `torch.no_grad()`.",
            Swap(COPIES, f"    {FIRST_COPY}\n    {SECOND_COPY}\n"),
        ),
        WrongAnswer(
            "plain_tensor_assigned",
            "You assigned a plain tensor where the layer keeps a parameter. `nn` refuses, so that no weight gets lost to training by accident.",
            "Copy the numbers into the parameter that is there (`copy_`), or wrap them in `nn.Parameter`.",
            (Swap(FIRST_COPY, "model[0].weight = w1.T.clone()"), Swap(SECOND_COPY, "model[2].weight = w2.T.clone()")),
        ),
        WrongAnswer(
            "shares_the_memory",
            "Your model predicts rightly, but its weights are your w1 and w2 themselves: training the model changes them.",
            "A transpose is a view of the same numbers. Copy them: `copy_`, or `.clone()` before you wrap them.",
            (Swap(FIRST_COPY, "model[0].weight = nn.Parameter(w1.T)"), Swap(SECOND_COPY, "model[2].weight = nn.Parameter(w2.T)")),
            also=((Swap(FIRST_COPY, "model[0].weight.data = w1.T"), Swap(SECOND_COPY, "model[2].weight.data = w2.t()")),),
        ),
        WrongAnswer(
            "never_copied",
            "Your model still has the random weights it was born with: w1 and w2 never got into it.",
            "Write into the parameter itself, with `copy_`; a new value for a *name* changes no parameter.",
            Swap(COPIES, ""),
            also=(Swap(COPIES, "    first, second = model[0].weight, model[2].weight\n    first, second = w1.T, w2.T\n"),),
        ),
        WrongAnswer(
            "cannot_be_trained",
            "Your model predicts rightly, but its weights ask for no gradient, so nobody could train it.",
            "A parameter requires a gradient by itself; do not switch that off.",
            (
                Swap(FIRST_COPY, "model[0].weight = nn.Parameter(w1.T.clone(), requires_grad=False)"),
                Swap(SECOND_COPY, "model[2].weight = nn.Parameter(w2.T.clone(), requires_grad=False)"),
            ),
            also=(Swap("return model", "return model.requires_grad_(False)"),),
        ),
        WrongAnswer(
            "first_layer_only",
            "You copied w1, but the second layer kept its random start.",
            "Copy w2 as well. The ReLU counts as `model[1]`, so the second linear layer is `model[2]`.",
            Swap(f"        {SECOND_COPY}\n", ""),
        ),
    ],
    "sample_losses": [
        WrongAnswer(
            "all_against_all",
            "You let (N, 1) meet (N,): broadcasting made an (N, N) table, every prediction against every target.",
            "Bring both to the shape (N,) before the loss sees them.",
            Swap("    prediction = prediction.squeeze(1)\n", ""),
        ),
        WrongAnswer(
            "only_the_numbers_broadcast",
            "Your single losses are right, but total and mean were taken over an (N, N) table: (N, 1) met (N,) there.",
            "Use the (N,) prediction for all three.",
            """
def sample_losses(prediction, target):
    each = (prediction.squeeze(1) - target).pow(2)
    total = nn.MSELoss(reduction="sum")(prediction, target)
    mean = nn.MSELoss()(prediction, target)
    return each, total, mean
""",
        ),
        WrongAnswer(
            "each_in_a_column",
            "Your numbers are right, but the single losses stand in a column of shape (N, 1); (N,) was asked for.",
            "Remove the prediction's second dimension, not add one to the target; or squeeze the result.",
            Swap("prediction = prediction.squeeze(1)", "target = target.unsqueeze(1)"),
        ),
        WrongAnswer(
            "each_in_a_row",
            "You turned the prediction into a row of shape (1, N). The pairs are right, but the single losses keep the extra dimension.",
            "`squeeze(1)` takes a dimension of size 1 away; a transpose only moves it.",
            Swap("prediction.squeeze(1)", "prediction.T"),
        ),
        WrongAnswer(
            "squeeze_ate_the_batch",
            "All is well until the batch has a single sample: `squeeze()` without a number removes *every* dimension of size 1, the batch too.",
            "Say which dimension goes: `squeeze(1)`.",
            Swap("return each", "return each.squeeze()"),
            also=(
                (
                    Swap("prediction.squeeze(1)", "prediction.squeeze()"),
                    Swap("    each =", "    target = target.squeeze()\n    each ="),
                ),
            ),
        ),
        WrongAnswer(
            "squeezed_in_place",
            "Your values are right, but `squeeze_` changed the shape of the caller's prediction.",
            "Leave the underscore away: `squeeze` gives you a new view and leaves the old tensor as it was.",
            Swap("prediction = prediction.squeeze(1)", "prediction.squeeze_(1)"),
        ),
        WrongAnswer(
            "sum_and_mean_swapped",
            "You returned the sum where the mean is asked for, and the mean where the sum is.",
            "The order is each, total, mean.",
            Swap("return each, total, mean", "return each, mean, total"),
        ),
        WrongAnswer(
            "mean_for_the_total",
            "Your total is the mean: that is what `nn.MSELoss()` gives when nobody says otherwise.",
            'Ask for `reduction="sum"`.',
            Swap('reduction="sum"', 'reduction="mean"'),
        ),
        WrongAnswer(
            "sum_for_the_mean",
            "Your mean is the sum of all squared errors.",
            "The mean is the default reduction, or the sum divided by the number of samples.",
            Swap("nn.MSELoss()(", 'nn.MSELoss(reduction="sum")('),
        ),
        WrongAnswer(
            "absolute_errors",
            "You took absolute errors; the squares were asked for.",
            "L1 is the absolute value, MSE the square.",
            (
                Swap('nn.MSELoss(reduction="none")', 'nn.L1Loss(reduction="none")'),
                Swap('nn.MSELoss(reduction="sum")', 'nn.L1Loss(reduction="sum")'),
                Swap("nn.MSELoss()(", "nn.L1Loss()("),
            ),
        ),
        WrongAnswer(
            "root_of_the_mean",
            "You took the square root of the mean. That is the RMSE, a good number to report; here the mean itself was asked for.",
            "Leave the root out.",
            Swap("return each, total, mean", "return each, total, mean.sqrt()"),
        ),
        WrongAnswer(
            "errors_not_squared",
            "Your single losses are the errors as they are, signs and all; they were not squared.",
            'The first of the three is `reduction="none"` of the same loss, not the difference.',
            Swap('nn.MSELoss(reduction="none")(prediction, target)', "prediction - target"),
        ),
        WrongAnswer(
            "total_first",
            "You returned the right three values in another order.",
            "First the N single losses, then the total, then the mean.",
            Swap("return each, total, mean", "return total, mean, each"),
        ),
    ],
    "take_step": [
        WrongAnswer(
            "never_zeroed",
            "Your first step is right, but then old gradients push on: `backward` adds to what `.grad` still holds.",
            "Forget the old gradients before you call `backward`.",
            Swap("    model.zero_grad()\n", ""),
            also=(Swap("model.zero_grad()", "model.zero_grad"),),
        ),
        WrongAnswer(
            "zeroed_at_the_end",
            "You forget the gradients after the step. That is too late where the model comes with old ones in it: your first step used them.",
            "Make it the first line: then it does not matter what happened before.",
            (
                Swap("    model.zero_grad()\n", ""),
                Swap("param -= lr * param.grad\n", "param -= lr * param.grad\n    model.zero_grad()\n"),
            ),
        ),
        WrongAnswer(
            "gradients_gone",
            "There was no gradient when you wanted to use it: `.grad` was None. Either `backward` was never called, or `zero_grad` came after it.",
            "The order is: forget, find, move. `zero_grad`, `backward`, update.",
            Swap("    model.zero_grad()\n    loss.backward()\n", "    loss.backward()\n    model.zero_grad()\n"),
            also=(Swap("    loss.backward()\n", ""),),
        ),
        WrongAnswer(
            "moves_before_it_looks",
            "You move the parameters first and find the gradients afterwards, so each step uses the gradients of the step before.",
            "Put the update last, behind `backward`.",
            "def take_step(model, loss, lr):\n" + STEP_UPDATE + "    model.zero_grad()\n    loss.backward()\n",
        ),
        WrongAnswer(
            "parameters_stay",
            "No parameter of the model moved. The usual reason: `param = param - ...` gives the *name* a new tensor, and the model keeps the old one. A copy of the model, or gradients set to zero before they are used, look the same.",
            "Change the parameters that `model.parameters()` hands you, in place: `-=` under `torch.no_grad()`, or `.data`.",
            Swap("param -= lr * param.grad", "param = param - lr * param.grad"),
            also=(
                Swap(STEP_UPDATE, ""),
                Swap("model.zero_grad()\n    loss.backward()", "loss.backward()\n    model.zero_grad(set_to_none=False)"),
                """
def take_step(model, loss, lr):
    import copy
    other = copy.deepcopy(model)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    with torch.no_grad():
        for param, gradient in zip(other.parameters(), gradients):
            param -= lr * gradient
""",
            ),
        ),
        WrongAnswer(
            "autograd_watches",
            "You changed a parameter in place while autograd was watching. It refuses to record that.",
            "Put the update under `torch.no_grad()`.",
            Swap(STEP_UPDATE, "    for param in model.parameters():\n        param -= lr * param.grad\n"),
        ),
        WrongAnswer(
            "uphill",
            "You added the gradient: every step leads uphill.",
            "The gradient points to where the loss grows. Subtract it.",
            Swap("param -=", "param +="),
        ),
        WrongAnswer(
            "no_learning_rate",
            "You subtracted the whole gradient; the learning rate is missing.",
            "Multiply the gradient by `lr`.",
            Swap("lr * param.grad", "param.grad"),
        ),
        WrongAnswer(
            "first_parameter_only",
            "Only the first parameter moved: something ends your loop after one turn.",
            "A `return` or `break` inside the loop stops it. Every parameter takes its step.",
            Swap("param -= lr * param.grad", "param -= lr * param.grad\n            break"),
            also=(Swap(STEP_UPDATE, "    first = next(model.parameters())\n    first.data -= lr * first.grad\n"),),
        ),
        WrongAnswer(
            "biases_forgotten",
            "The matrices moved, the bias did not.",
            "`model.parameters()` gives the biases too. Treat all of them alike.",
            Swap("for param in model.parameters():", "for param in [p for p in model.parameters() if p.dim() > 1]:"),
        ),
    ],
    "loss_and_accuracy": [
        WrongAnswer(
            "softmax_first",
            "You applied a softmax before the cross entropy, which applies one itself: it was done twice.",
            "Give `nn.CrossEntropyLoss` the raw scores.",
            Swap("CrossEntropyLoss()(logits, targets)", "CrossEntropyLoss()(logits.softmax(dim=1), targets)"),
        ),
        WrongAnswer(
            "nll_of_probabilities",
            "Your loss is negative: `nn.NLLLoss` got probabilities, and it only picks a number out and turns its sign. It wants *log* probabilities.",
            "Take `nn.CrossEntropyLoss` on the raw scores, or `log_softmax` before `nn.NLLLoss`.",
            Swap("CrossEntropyLoss()(logits, targets)", "NLLLoss()(logits.softmax(dim=1), targets)"),
        ),
        WrongAnswer(
            "nll_of_logits",
            "You gave `nn.NLLLoss` the raw scores. It takes no logarithm and no softmax; it only picks a number out and turns its sign.",
            "Take `nn.CrossEntropyLoss`, or `log_softmax` before `nn.NLLLoss`.",
            Swap("nn.CrossEntropyLoss()", "nn.NLLLoss()"),
        ),
        WrongAnswer(
            "softmax_over_the_batch",
            "Your softmax runs down the columns: the samples compete with each other. It is the classes that compete, within each row.",
            "The classes lie along dimension 1.",
            Swap("CrossEntropyLoss()(logits, targets)", "NLLLoss()(logits.log_softmax(dim=0), targets)"),
        ),
        WrongAnswer(
            "labels_still_floats",
            "Your labels are still floating point numbers. A class is a place in a row, so the loss wants whole numbers.",
            "`.long()` makes int64 of them.",
            Swap("labels.squeeze(1).long()", "labels.squeeze(1)"),
        ),
        WrongAnswer(
            "labels_still_a_column",
            "Your labels still stand in a column, (N, 1). The loss takes a second dimension for another kind of target.",
            "Remove that dimension, the shape must be (N,); and see that the dtype is int64.",
            Swap("labels.squeeze(1).long()", "labels.long()"),
            also=(Swap("labels.squeeze(1).long()", "labels"),),
        ),
        WrongAnswer(
            "labels_one_hot_as_integers",
            "You made one-hot rows of whole numbers. As rows, the loss takes targets for probabilities, and those are floats.",
            "Leave the labels as class numbers, or turn the one-hot rows into floats.",
            Swap(
                "CrossEntropyLoss()(logits, targets)",
                "CrossEntropyLoss()(logits, nn.functional.one_hot(targets, logits.shape[1]))",
            ),
        ),
        WrongAnswer(
            "sum_over_the_batch",
            "You summed over the samples; the mean was asked for.",
            "The default reduction is the mean.",
            Swap("nn.CrossEntropyLoss()", 'nn.CrossEntropyLoss(reduction="sum")'),
        ),
        WrongAnswer(
            "accuracy_all_against_all",
            "Your accuracy compares every guess with every label: (N, 1) met (N,), and broadcasting made an (N, N) table.",
            "Compare two tensors of shape (N,).",
            Swap("logits.argmax(dim=1) == targets", "logits.argmax(dim=1) == labels"),
        ),
        WrongAnswer(
            "guesses_down_the_columns",
            "You looked for the highest score in each column: that gives one number a class, not one a sample.",
            "The guess of a sample is the highest score in its row: `dim=1`.",
            Swap("argmax(dim=1)", "argmax(dim=0)"),
        ),
        WrongAnswer(
            "one_guess_for_all",
            "`argmax()` without a dimension looks at the whole table and gives a single place, counted through all rows.",
            "Say along which dimension: the classes lie along dimension 1.",
            Swap("argmax(dim=1)", "argmax()"),
        ),
        WrongAnswer(
            "counts_the_right_ones",
            "You counted the right guesses; their share was asked for.",
            "Divide by the number of samples, or take the mean.",
            Swap(".float().mean()", ".float().sum()"),
        ),
        WrongAnswer(
            "share_of_errors",
            "You returned the share of wrong guesses.",
            "Accuracy counts the guesses that are right.",
            Swap("logits.argmax(dim=1) == targets", "logits.argmax(dim=1) != targets"),
        ),
        WrongAnswer(
            "only_the_loss",
            "You returned the loss only.",
            "Two values are asked for: `return loss, accuracy`.",
            Swap("return loss, accuracy", "return loss"),
        ),
    ],
    "signal_sizes": [
        WrongAnswer(
            "no_scale",
            "You used the noise as it is. Each layer then makes the signal larger.",
            "Multiply each matrix by the square root of 2 / fan_in first.",
            Swap("numbers * (2 / fan_in) ** 0.5", "numbers"),
        ),
        WrongAnswer(
            "fan_out",
            "You divided by the number of outputs. Each output is a sum over the *inputs*: their number makes it large.",
            "The weight is (out, in): the number of inputs stands in the second place.",
            Swap("numbers.shape[1]", "numbers.shape[0]"),
        ),
        WrongAnswer(
            "no_factor_two",
            "You scaled by the root of 1 / fan_in. That holds without a ReLU; the ReLU takes half of the mean square away.",
            "Put the 2 back that makes up for it.",
            Swap("2 / fan_in", "1 / fan_in"),
        ),
        WrongAnswer(
            "no_square_root",
            "You multiplied by 2 / fan_in itself; the square root is missing. Variances scale with the square of the weights.",
            "Take the square root of the ratio.",
            Swap("(2 / fan_in) ** 0.5", "(2 / fan_in)"),
        ),
        WrongAnswer(
            "two_outside_the_root",
            "Your 2 stands outside the root: 2 / sqrt(fan_in) in place of sqrt(2 / fan_in).",
            "Divide first, then take the root of all of it.",
            Swap("(2 / fan_in) ** 0.5", "2 / fan_in**0.5"),
        ),
        WrongAnswer(
            "scale_upside_down",
            "You divided by the scale where you should multiply, so the signal grows layer by layer.",
            "More inputs need smaller weights.",
            Swap("numbers * (2 / fan_in) ** 0.5", "numbers / (2 / fan_in) ** 0.5"),
        ),
        WrongAnswer(
            "xavier",
            "You used 2 / (fan_in + fan_out), the scale of Xavier Glorot. It was made for tanh; Kaiming He's is made for the ReLU.",
            "Only the number of inputs counts here.",
            Swap("2 / fan_in", "2 / (fan_in + numbers.shape[0])"),
        ),
        WrongAnswer(
            "no_relu",
            "You left the ReLU out, so the signal grows by the factor that was to make up for it.",
            "Behind each product comes a ReLU.",
            Swap("(x @ weight.T).relu()", "x @ weight.T"),
        ),
        WrongAnswer(
            "measured_before_the_relu",
            "You measured the signal before the ReLU; its size behind the ReLU was asked for.",
            "First the ReLU, then the size.",
            (
                Swap("x = (x @ weight.T).relu()", "x = x @ weight.T"),
                Swap(
                    "sizes.append(x.pow(2).mean().sqrt().item())",
                    "sizes.append(x.pow(2).mean().sqrt().item())\n        x = x.relu()",
                ),
            ),
        ),
        WrongAnswer(
            "measured_one_too_early",
            "You wrote the size down before the layer, so your list begins with the input and lacks the last layer.",
            "Measure what comes out of each layer.",
            (
                Swap("        sizes.append(x.pow(2).mean().sqrt().item())\n", ""),
                Swap("        weight =", "        sizes.append(x.pow(2).mean().sqrt().item())\n        weight ="),
            ),
        ),
        WrongAnswer(
            "standard_deviation",
            "You took the standard deviation, which subtracts the mean first. Behind a ReLU the mean is not zero.",
            "The size here is the root of the mean of the squares; nothing is subtracted.",
            Swap("x.pow(2).mean().sqrt()", "x.std()"),
        ),
        WrongAnswer(
            "no_root_in_the_size",
            "You returned the mean square; its root was asked for.",
            "Square, mean, root.",
            Swap(".mean().sqrt()", ".mean()"),
        ),
        WrongAnswer(
            "norm_of_the_signal",
            "You took the norm: the root of the *sum* of the squares. It grows with the number of elements.",
            "Take the mean of the squares, then the root.",
            Swap("x.pow(2).mean().sqrt()", "x.norm()"),
        ),
        WrongAnswer(
            "weight_not_transposed",
            "You multiplied by the weight as it stands. A layer's weight is (out, in); x needs (in, out).",
            "Transpose the weight, as `nn.Linear` does.",
            Swap("weight.T", "weight"),
        ),
        WrongAnswer(
            "the_input_every_time",
            "Each of your layers gets the input x. It must get what the layer before made.",
            "Give the result the name that the next turn of the loop uses.",
            (
                Swap("x = (x @ weight.T).relu()", "out = (x @ weight.T).relu()"),
                Swap("x.pow(2)", "out.pow(2)"),
            ),
        ),
    ],
    "repaired_loop": [
        WrongAnswer(
            "mean_left_in",
            "You left `nn.MSELoss()` as it was: its default is the mean. The lecture's `size_average=False` is the sum.",
            'Today that is written `reduction="sum"`.',
            MEAN_LEFT,
        ),
        WrongAnswer(
            "zero_grad_never_called",
            "You left `model.zero_grad` without parentheses. That only names the method; gradients pile up from the second step on.",
            "Call it.",
            ZERO_LEFT,
            also=(Swap("        model.zero_grad()\n", ""),),
        ),
        WrongAnswer(
            "both_silent_ones_left",
            "You mended the line that raised, and left both silent mistakes: the mean, and a method that nobody calls.",
            "Which reduction does `size_average=False` stand for? And what does a line do that only names a method?",
            (MEAN_LEFT, ZERO_LEFT),
        ),
        WrongAnswer(
            "autograd_watches",
            "The loud mistake is still there: the update writes into a parameter while autograd is watching.",
            "Put the update under `torch.no_grad()`. Taking `.data` of the gradient alone does not help.",
            Swap(LOOP_UPDATE, LOOP_UPDATE_BARE),
            also=(
                (Swap(LOOP_UPDATE, LOOP_UPDATE_BARE), MEAN_LEFT),
                (Swap(LOOP_UPDATE, LOOP_UPDATE_BARE), ZERO_LEFT),
                (Swap(LOOP_UPDATE, LOOP_UPDATE_BARE), ZERO_LEFT, MEAN_LEFT),
                Swap(LOOP_UPDATE, LOOP_UPDATE_BARE.replace("param.grad", "param.grad.data")),
            ),
        ),
        WrongAnswer(
            "parameters_stay",
            "The error is gone, but so is the training: `param = param - ...` gives a name a new tensor, and the model keeps the old one.",
            "Write into the parameter itself, under `torch.no_grad()` or through `.data`.",
            Swap(LOOP_UPDATE, LOOP_UPDATE_REBOUND),
            also=((Swap(LOOP_UPDATE, LOOP_UPDATE_REBOUND), ZERO_LEFT), Swap(LOOP_UPDATE, "")),
        ),
        WrongAnswer(
            "parameters_stay_and_mean",
            "No parameter moves, since `param = param - ...` only gives a name a new tensor; and your loss is still the mean.",
            "Write into the parameter itself, and ask the loss for the sum.",
            (Swap(LOOP_UPDATE, LOOP_UPDATE_REBOUND), MEAN_LEFT),
        ),
        WrongAnswer(
            "no_grad_around_everything",
            "You put the whole loop under `torch.no_grad()`: then nothing is recorded, and `backward` has nothing to walk back.",
            "Only the update must not be recorded.",
            """
def repaired_loop(model, x, y, learning_rate, steps):
    loss_fn = nn.MSELoss(reduction="sum")
    losses = []
    with torch.no_grad():
        for _ in range(steps):
            loss = loss_fn(model(x), y)
            model.zero_grad()
            loss.backward()
            for param in model.parameters():
                param -= learning_rate * param.grad
            losses.append(loss.item())
    return losses
""",
        ),
        WrongAnswer(
            "zeroed_between_backward_and_update",
            "You moved `zero_grad` behind `backward`, so the gradients were gone before you could use them.",
            "Forget the old gradients before `backward`, not after it.",
            Swap("        model.zero_grad()\n        loss.backward()\n", "        loss.backward()\n        model.zero_grad()\n"),
        ),
        WrongAnswer(
            "loss_after_the_update",
            "Your parameters are right, but your losses were measured after the update.",
            "Write down the loss that `backward` was called on.",
            Swap("losses.append(loss.item())", "losses.append(loss_fn(model(x), y).item())"),
        ),
        WrongAnswer(
            "divided_by_the_batch",
            "You divided the sum by the number of samples; `size_average=False` divides by nothing.",
            "The plain sum over samples and outputs was asked for.",
            Swap("loss = loss_fn(y_pred, y)", "loss = loss_fn(y_pred, y) / len(x)"),
        ),
        WrongAnswer(
            "returns_in_the_loop",
            "Your function ends after the first step: `return` stands inside the loop.",
            "Indent `return` one level less.",
            Swap("    return losses", "        return losses"),
        ),
        WrongAnswer(
            "last_loss_only",
            "You returned the last loss; a list with the loss of every step was asked for.",
            "Collect them: `losses.append(loss.item())` in each step.",
            Swap("return losses", "return loss.item()"),
        ),
    ],
}

RIGHT = {
    "two_layer_model": [
        RightAnswer(
            "named_layers",
            """
def two_layer_model(D_in, H, D_out):
    from collections import OrderedDict
    return nn.Sequential(OrderedDict(into_hidden=nn.Linear(D_in, H), bend=nn.ReLU(inplace=True), out=nn.Linear(H, D_out)))
""",
        ),
        RightAnswer(
            "appended_one_by_one",
            """
def two_layer_model(D_in, H, D_out):
    model = nn.Sequential()
    for layer in (nn.Linear(D_in, H), nn.ReLU(), nn.Linear(H, D_out)):
        model.append(layer)
    return model
""",
        ),
        RightAnswer(
            "nested_and_lazy",
            """
def two_layer_model(D_in, H, D_out):
    hidden = torch.nn.Sequential(torch.nn.LazyLinear(H), torch.nn.ReLU())
    return torch.nn.Sequential(hidden, torch.nn.LazyLinear(D_out))
""",
        ),
        RightAnswer(
            "own_module",
            """
def two_layer_model(D_in, H, D_out):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.one, self.two = nn.Linear(D_in, H), nn.Linear(H, D_out)
            self.note = "an extra attribute"

        def forward(self, x):
            return self.two(self.one(x).clamp(min=0))

    return Net()
""",
        ),
        RightAnswer(
            "threshold_and_identity",
            """
def two_layer_model(D_in, H, D_out):
    layers = [nn.Linear(D_in, H), nn.Threshold(0.0, 0.0), nn.Linear(H, D_out), nn.Identity()]
    return nn.Sequential(*layers)
""",
        ),
    ],
    "model_from_weights": [
        RightAnswer(
            "through_data",
            """
def model_from_weights(w1, w2):
    model = nn.Sequential(nn.Linear(*w1.shape, bias=False), nn.ReLU(), nn.Linear(*w2.shape, bias=False))
    model[0].weight.data[:] = w1.t()
    model[2].weight.data = w2.t().clone()
    return model
""",
        ),
        RightAnswer(
            "new_parameters",
            """
def model_from_weights(w1, w2):
    layers = []
    for w in (w1, w2):
        layer = nn.Linear(w.shape[0], w.shape[1], bias=False)
        layer.weight = nn.Parameter(w.detach().clone().T)
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
""",
        ),
        RightAnswer(
            "load_state_dict",
            """
def model_from_weights(w1, w2):
    (d_in, h), d_out = w1.shape, w2.shape[1]
    model = nn.Sequential(nn.Linear(d_in, h, bias=False), nn.ReLU(), nn.Linear(h, d_out, bias=False))
    model.load_state_dict({"0.weight": w1.T, "2.weight": w2.T})
    return model
""",
        ),
        RightAnswer(
            "decorated",
            """
@torch.no_grad()
def model_from_weights(w1, w2):
    first = nn.Linear(len(w1), len(w2), bias=False)
    second = nn.Linear(len(w2), w2.size(1), bias=False)
    for layer, w in ((first, w1), (second, w2)):
        layer.weight[...] = w.transpose(0, 1)
    return nn.Sequential(first, nn.ReLU(), second)
""",
        ),
    ],
    "sample_losses": [
        RightAnswer(
            "functional",
            """
def sample_losses(prediction, target):
    import torch.nn.functional as F
    column = target[:, None]
    each = F.mse_loss(prediction, column, reduction="none")[:, 0]
    return each, F.mse_loss(prediction, column, reduction="sum"), F.mse_loss(prediction, column)
""",
        ),
        RightAnswer(
            "by_hand",
            """
def sample_losses(prediction, target):
    each = (prediction.view(-1) - target) ** 2
    return each, each.sum().item(), each.sum().item() / len(each)
""",
        ),
        RightAnswer(
            "flatten_and_square",
            """
def sample_losses(prediction, target):
    errors = torch.sub(target, prediction.flatten())
    each = errors.square()
    return [each, torch.dot(errors, errors), each.mean()]
""",
        ),
        RightAnswer(
            "loop",
            """
def sample_losses(prediction, target):
    each = torch.stack([(p[0] - t) * (p[0] - t) for p, t in zip(prediction, target)])
    return each, sum(each), torch.mean(each)
""",
        ),
    ],
    "take_step": [
        RightAnswer(
            "through_data",
            """
def take_step(model, loss, lr):
    for p in model.parameters():
        p.grad = None
    loss.backward()
    for p in model.parameters():
        p.data -= lr * p.grad.data
""",
        ),
        RightAnswer(
            "autograd_grad",
            """
def take_step(model, loss, lr):
    weights = list(model.parameters())
    gradients = torch.autograd.grad(loss, weights)
    with torch.no_grad():
        for weight, gradient in zip(weights, gradients):
            weight.sub_(gradient, alpha=lr)
""",
        ),
        RightAnswer(
            "optimizer",
            """
def take_step(model, loss, lr):
    optimizer = torch.optim.SGD(model.parameters(), lr=lr)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    return loss.item()
""",
        ),
        RightAnswer(
            "decorated",
            """
@torch.no_grad()
def take_step(model, loss, lr):
    model.zero_grad(set_to_none=False)
    loss.backward()
    for name, parameter in model.named_parameters():
        parameter.copy_(parameter - lr * parameter.grad)
""",
        ),
        RightAnswer(
            "vector",
            """
def take_step(model, loss, lr):
    from torch.nn.utils import parameters_to_vector, vector_to_parameters
    model.zero_grad()
    loss.backward()
    gradient = torch.cat([p.grad.reshape(-1) for p in model.parameters()])
    vector_to_parameters(parameters_to_vector(model.parameters()).detach() - lr * gradient, model.parameters())
""",
        ),
    ],
    "loss_and_accuracy": [
        RightAnswer(
            "log_softmax_and_nll",
            """
def loss_and_accuracy(logits, labels):
    import torch.nn.functional as F
    wanted = labels.to(torch.int64).view(-1)
    loss = F.nll_loss(F.log_softmax(logits, dim=-1), wanted)
    return loss, logits.argmax(1).eq(wanted).double().mean()
""",
        ),
        RightAnswer(
            "log_softmax_twice_is_harmless",
            """
def loss_and_accuracy(logits, labels):
    wanted = labels[:, 0].long()
    loss = nn.CrossEntropyLoss()(logits.log_softmax(dim=1), wanted)
    accuracy = (logits.softmax(dim=1).argmax(dim=1) == wanted).sum().item() / len(logits)
    return loss.item(), accuracy
""",
        ),
        RightAnswer(
            "one_hot_as_probabilities",
            """
def loss_and_accuracy(logits, labels):
    wanted = labels.flatten().long()
    rows = nn.functional.one_hot(wanted, logits.size(1)).to(logits.dtype)
    loss = nn.functional.cross_entropy(logits, rows)
    return loss, torch.mean((logits.max(dim=1).indices == wanted).float())
""",
        ),
        RightAnswer(
            "by_hand",
            """
def loss_and_accuracy(logits, labels):
    losses, right = [], 0
    for row, label in zip(logits, labels):
        k = int(label)
        losses.append(torch.logsumexp(row, 0) - row[k])
        right += int(row.argmax()) == k
    return sum(losses) / len(losses), right / len(losses)
""",
        ),
        RightAnswer(
            "gather",
            """
def loss_and_accuracy(logits, labels):
    index = labels.long()
    loss = (logits.logsumexp(1, keepdim=True) - logits.gather(1, index)).mean()
    return loss, (logits.argmax(1, keepdim=True) == index).float().mean()
""",
        ),
    ],
    "signal_sizes": [
        RightAnswer(
            "linear_layers",
            """
def signal_sizes(x, noise):
    sizes = []
    for numbers in noise:
        layer = nn.Linear(numbers.shape[1], numbers.shape[0], bias=False, dtype=x.dtype)
        layer.weight.data = numbers * torch.nn.init.calculate_gain("relu") / numbers.shape[1] ** 0.5
        x = torch.relu(layer(x))
        sizes.append(x.square().mean() ** 0.5)
    return sizes
""",
        ),
        RightAnswer(
            "recursion",
            """
def signal_sizes(x, noise):
    if not noise:
        return []
    first, *rest = noise
    out = torch.einsum("ni,oi->no", x, first).clamp(min=0).mul(2**0.5).div(first.size(1) ** 0.5)
    return [out.norm().item() / out.numel() ** 0.5, *signal_sizes(out, rest)]
""",
        ),
        RightAnswer(
            "functional_linear",
            """
def signal_sizes(x, noise):
    import math
    result = torch.empty(len(noise))
    for k, w in enumerate(noise):
        x = nn.functional.relu(nn.functional.linear(x, math.sqrt(2.0 / w.shape[-1]) * w))
        result[k] = math.sqrt((x * x).mean())
    return result
""",
        ),
    ],
    "repaired_loop": [
        RightAnswer(
            "data_as_in_the_lecture",
            """
def repaired_loop(model, x, y, learning_rate, steps):
    loss_fn = torch.nn.MSELoss(reduction="sum")
    losses = []
    for t in range(steps):
        y_pred = model(x)
        loss = loss_fn(y_pred, y)
        model.zero_grad()
        loss.backward()
        for param in model.parameters():
            param.data -= learning_rate * param.grad.data
        losses.append(loss.item())
    return losses
""",
        ),
        RightAnswer(
            "optimizer_and_functional",
            """
def repaired_loop(model, x, y, learning_rate, steps):
    optimizer = torch.optim.SGD(model.parameters(), learning_rate)
    losses = []
    for _ in range(steps):
        loss = nn.functional.mse_loss(model(x), y, reduction="sum")
        losses.append(loss)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return losses
""",
        ),
        RightAnswer(
            "sub_in_place",
            """
def repaired_loop(model, x, y, learning_rate, steps):
    def one_step():
        loss = (model(x) - y).pow(2).sum()
        for param, grad in zip(model.parameters(), torch.autograd.grad(loss, list(model.parameters()))):
            param.detach().sub_(learning_rate * grad)
        return float(loss)
    return [one_step() for _ in range(steps)]
""",
        ),
    ],
}
