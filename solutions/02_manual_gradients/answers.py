"""Known wrong answers of chapter 02, each with the hint it earns, and other right answers that must pass."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

# -- mistakes that several exercises share ---------------------------------------------------------------------------------

TOO_EARLY = (
    Swap("        w2 -= lr * grad_w2\n", ""),
    Swap("(grad_y_pred)\n        grad_h_relu", "(grad_y_pred)\n        w2 -= lr * grad_w2\n        grad_h_relu"),
)
NO_MASK = Swap("    grad_h[h < 0] = 0\n", "")
NEVER_TRUE = Swap("grad_h[h < 0] = 0", "grad_h[h_relu < 0] = 0")

# -- what the classmate's copy looks like when only one thing is mended ----------------------------------------------------

STEP_TOO_EARLY = (
    Swap("    w2 -= learning_rate * grad_w2\n", ""),
    Swap("(grad_y_pred)\n    grad_h_relu", "(grad_y_pred)\n    w2 -= learning_rate * grad_w2\n    grad_h_relu"),
)

WRONG = {
    "forward_pass": [
        WrongAnswer(
            "no_relu",
            "You multiplied by w1 and w2 with nothing between: the ReLU is missing, so the net is a single matrix in disguise.",
            "Set the negative hidden values to zero before the second product.",
            Swap("y_pred = h_relu.mm(w2)", "y_pred = h.mm(w2)"),
        ),
        WrongAnswer(
            "relu_at_the_end",
            "You put the ReLU after the second product, on the prediction. The hidden values stayed as they were.",
            "The prediction may be negative. Move the ReLU one line up, to the hidden values.",
            (Swap("h.clamp(min=0)", "h"), Swap("h_relu.mm(w2)", "h_relu.mm(w2).clamp(min=0)")),
        ),
        WrongAnswer(
            "relu_twice",
            "You applied the ReLU to the hidden values and to the prediction as well.",
            "A prediction must be able to become negative, since y is: leave y_pred as the product gives it.",
            Swap("h_relu.mm(w2)", "h_relu.mm(w2).clamp(min=0)"),
        ),
        WrongAnswer(
            "keeps_the_negative",
            "You kept the negative hidden values and cut off the positive ones.",
            "Turn it round: the values below zero become 0, those above stay.",
            Swap("clamp(min=0)", "clamp(max=0)"),
        ),
        WrongAnswer(
            "absolute_hidden_values",
            "You took the absolute value of the hidden values; the ReLU sets the negative ones to zero.",
            "A negative hidden value must count as 0, not as its mirror image.",
            Swap("h.clamp(min=0)", "h.abs()"),
        ),
        WrongAnswer(
            "relu_on_the_input",
            "You applied the ReLU to x, before the first product.",
            "The ReLU works on the hidden values, the result of the first product.",
            (Swap("h = x.mm(w1)", "h = x.clamp(min=0).mm(w1)"), Swap("h_relu = h.clamp(min=0)", "h_relu = h")),
        ),
        WrongAnswer(
            "mean_over_all_numbers",
            "You took the mean of the squared errors; the lecture's loss is their sum.",
            "Which reduction gives the total? The learning rate 1e-6 belongs to the sum.",
            Swap(".pow(2).sum()", ".pow(2).mean()"),
            also=(Swap("(y_pred - y).pow(2).sum()", "torch.nn.functional.mse_loss(y_pred, y)"),),
        ),
        WrongAnswer(
            "mean_over_batch",
            "You divided the sum of the squared errors by the number of samples.",
            "Nothing is divided here: the loss is the plain sum over samples and outputs.",
            Swap(".pow(2).sum()", ".pow(2).sum() / x.shape[0]"),
            also=(Swap(".pow(2).sum()", ".pow(2).sum(dim=1).mean()"),),
        ),
        WrongAnswer(
            "half_the_sum",
            "You halved the sum of the squared errors, as some books do to lose the 2 in the derivative.",
            "The lecture's loss has no 1/2 in front. Its gradient keeps the factor 2.",
            Swap("(y_pred - y).pow(2).sum()", "0.5 * (y_pred - y).pow(2).sum()"),
        ),
        WrongAnswer(
            "absolute_errors",
            "You summed the absolute errors, not their squares.",
            "Square each difference before you sum.",
            Swap("(y_pred - y).pow(2).sum()", "(y_pred - y).abs().sum()"),
        ),
        WrongAnswer(
            "root_of_the_sum",
            "You took the square root of the sum: that is the length of the error, not its square.",
            "Leave the root out, or square the norm.",
            Swap("(y_pred - y).pow(2).sum()", "(y_pred - y).norm()"),
        ),
        WrongAnswer(
            "squared_the_sum",
            "You summed first and squared then, so errors of opposite sign cancelled each other.",
            "Each error is squared by itself; the sum comes last.",
            Swap(".pow(2).sum()", ".sum().pow(2)"),
        ),
        WrongAnswer(
            "loss_per_sample",
            "You summed over the outputs only: your loss has one number for each sample.",
            "Sum over both dimensions, so that one number is left.",
            Swap(".pow(2).sum()", ".pow(2).sum(dim=1)"),
        ),
        WrongAnswer(
            "loss_first",
            "You returned the right two values in the other order.",
            "The prediction comes first, the loss second.",
            Swap("return y_pred, loss", "return loss, y_pred"),
        ),
        WrongAnswer(
            "prediction_overwritten",
            "You returned the error y_pred - y in place of the prediction: an operation in place overwrote it.",
            "Compute the difference as a new tensor; `-=` writes into the tensor on its left.",
            Swap("loss = (y_pred - y).pow(2).sum()", "y_pred -= y\n    loss = y_pred.pow(2).sum()"),
        ),
    ],
    "gradient_w2": [
        WrongAnswer(
            "no_factor_two",
            "You left out the factor 2 that the derivative of a square brings.",
            "What is the derivative of e² with respect to e? Look at the line of grad_y_pred.",
            Swap("2.0 * (y_pred - y)", "y_pred - y"),
        ),
        WrongAnswer(
            "from_h_before_the_relu",
            "You multiplied by h, the hidden values before the ReLU. They are not what w2 was multiplied by.",
            "Look at the forward pass: which tensor stands to the left of w2?",
            Swap("h_relu.t()", "h.t()"),
        ),
        WrongAnswer(
            "target_minus_prediction",
            "You took y minus the prediction, so your gradient has the opposite sign and points downhill.",
            "Differentiate (y_pred - y)² with respect to y_pred: the difference stays in this order.",
            Swap("y_pred - y", "y - y_pred"),
            also=(Swap("return h_relu", "return -h_relu"),),
        ),
        WrongAnswer(
            "mean_over_all_numbers",
            "You divided by the number of all errors, N times D_out: that is the gradient of the mean, not of the sum.",
            "The loss is a sum: nothing is divided.",
            Swap("2.0 * (y_pred - y)", "2.0 * (y_pred - y) / y.numel()"),
        ),
        WrongAnswer(
            "mean_over_batch",
            "You divided by the number of samples, N. That is right for a mean over the batch; this loss is a sum.",
            "Leave the division out: the product already adds the samples up, as it should.",
            Swap("2.0 * (y_pred - y)", "2.0 * (y_pred - y) / len(y)"),
        ),
        WrongAnswer(
            "transposed",
            "You found the right numbers, but lying on their side: yours is the gradient of w2 transposed.",
            "A gradient has the shape of its tensor: w2 is (H, D_out). Swap the two factors, and transpose the other one.",
            Swap("h_relu.t().mm(grad_y_pred)", "grad_y_pred.t().mm(h_relu)"),
        ),
        WrongAnswer(
            "mask_in_place_of_values",
            "You multiplied by the mask h_relu > 0, ones and zeros. For w2 the values themselves count.",
            "The gradient of a factor is the other factor, with its values. The mask belongs to the ReLU's own gradient.",
            Swap("h_relu.t()", "(h_relu > 0).to(y.dtype).t()"),
        ),
        WrongAnswer(
            "prediction_in_place_of_error",
            "You used the prediction where the error is meant: y does not occur in your gradient.",
            "A perfect prediction must give a gradient of zero. Which difference vanishes then?",
            Swap("2.0 * (y_pred - y)", "2.0 * y_pred"),
        ),
        WrongAnswer(
            "squared_error",
            "You multiplied by the squared error. The square belongs to the loss, its derivative is linear.",
            "Lower the power by one, and put the old power in front.",
            Swap("2.0 * (y_pred - y)", "(y_pred - y).pow(2)"),
        ),
        WrongAnswer(
            "changes_y_pred",
            "You subtracted in place: your gradient is right, but the caller's y_pred now holds something else.",
            "`-=` and functions that end in `_` write into the tensor they are given. Make a new tensor.",
            Swap("grad_y_pred = 2.0 * (y_pred - y)", "y_pred -= y\n    grad_y_pred = 2.0 * y_pred"),
        ),
        WrongAnswer(
            "forgot_the_transpose",
            "You multiplied h_relu by the gradient as they stand. Their sizes do not fit (or fit by chance when all are equal).",
            "The sum runs over the samples: N must be the inner size on both sides. Turn one of the two.",
            Swap("h_relu.t()", "h_relu"),
        ),
    ],
    "backward_through_relu": [
        WrongAnswer(
            "mask_never_true",
            "You asked which values are negative *after* the ReLU. None is, so your mask blocks nothing.",
            "The gate looks at h, as it was before the ReLU.",
            Swap("blocked = h < 0", "blocked = h.clamp(min=0) < 0"),
        ),
        WrongAnswer(
            "gradient_not_masked",
            "You found the right mask, but let the whole gradient through: nothing was set to zero.",
            "Use the mask: the gradient must be 0 wherever it is True. Did you change a copy and return the original?",
            Swap("    grad_h[blocked] = 0\n", ""),
        ),
        WrongAnswer(
            "masks_the_gradients_own_sign",
            "You blocked where the *gradient* is negative. A gradient may well be negative; the gate is set by h.",
            "Which of the two inputs went through the ReLU in the forward pass?",
            Swap("blocked = h < 0", "blocked = grad_h_relu < 0"),
        ),
        WrongAnswer(
            "mask_inverted",
            "You shut the gate where h is positive, and opened it where h is negative: all of it is turned round.",
            "The ReLU hands positive values on, with slope 1. Those are not blocked.",
            Swap("h < 0", "h > 0"),
        ),
        WrongAnswer(
            "reports_what_passes",
            "Your gradient is right, but your first tensor is True where the gate is open. It was asked where it is shut.",
            "Turn the mask round: `~` does that to True and False.",
            Swap("return blocked, grad_h", "return ~blocked, grad_h"),
        ),
        WrongAnswer(
            "multiplies_by_h_relu",
            "You multiplied the gradient by the ReLU's value. What counts on the way back is its slope, and that is 1.",
            "Where the gate is open, the gradient passes unchanged.",
            Swap("grad_h = grad_h_relu.clone()\n    grad_h[blocked] = 0", "grad_h = grad_h_relu * h.clamp(min=0)"),
        ),
        WrongAnswer(
            "ignores_the_arriving_gradient",
            "You returned the slope alone, ones and zeros. The gradient that arrives got lost.",
            "The chain rule multiplies: the arriving gradient times the slope.",
            Swap("grad_h = grad_h_relu.clone()\n    grad_h[blocked] = 0", "grad_h = (~blocked).to(h.dtype)"),
        ),
        WrongAnswer(
            "applies_relu_to_the_gradient",
            "You blocked by h and then sent the gradient itself through a ReLU: its negative values are gone.",
            "On the way back there is only the gate, no second ReLU.",
            Swap("return blocked, grad_h", "return blocked, grad_h.clamp(min=0)"),
        ),
        WrongAnswer(
            "changes_the_arriving_gradient",
            "Your values are right, but you wrote the zeros into the caller's grad_h_relu.",
            "An index on the left of `=` writes into the tensor itself. Copy it first; a second name is no copy.",
            Swap("grad_h_relu.clone()", "grad_h_relu"),
        ),
        WrongAnswer(
            "mask_of_numbers",
            "Your mask holds the numbers 0 and 1; True and False were asked for.",
            "A comparison gives bool by itself. Return it before you turn it into numbers.",
            Swap("return blocked, grad_h", "return blocked.to(h.dtype), grad_h"),
        ),
        WrongAnswer(
            "only_the_gradient",
            "You returned the gradient only.",
            "Two values are asked for, the mask first: `return blocked, grad_h`.",
            Swap("return blocked, grad_h", "return grad_h"),
        ),
        WrongAnswer(
            "gradient_first",
            "You returned the right two tensors in the other order.",
            "The mask comes first, the gradient second.",
            Swap("return blocked, grad_h", "return grad_h, blocked"),
        ),
    ],
    "gradient_w1": [
        WrongAnswer(
            "no_relu_mask",
            "Your gradient went through the ReLU as if it were not there: nothing was blocked. "
            "Either the mask is missing, or it is never true, as `h_relu < 0` is.",
            "The gradient must be 0 wherever h, before the ReLU, is negative. Print how many places your mask hits.",
            NO_MASK,
            also=(
                Swap("grad_h[h < 0] = 0", "grad_h[h.clamp(min=0) < 0] = 0"),
                Swap("grad_h[h < 0] = 0", "grad_h[h < 0].zero_()"),
                Swap("grad_h[h < 0] = 0", "grad_h.masked_fill(h < 0, 0)"),
            ),
        ),
        WrongAnswer(
            "masks_the_gradients_own_sign",
            "You blocked where the gradient itself is negative. The gate of a ReLU is set by h, not by the gradient.",
            "Compare h with zero, not grad_h.",
            Swap("grad_h[h < 0]", "grad_h[grad_h < 0]"),
            also=(Swap("grad_h[h < 0] = 0", "grad_h = grad_h.clamp(min=0)"),),
        ),
        WrongAnswer(
            "mask_inverted",
            "You blocked where h is positive: exactly the gradients that should pass.",
            "Turn the comparison round: the ReLU lets positive values through.",
            Swap("h < 0", "h > 0"),
        ),
        WrongAnswer(
            "multiplies_by_h_relu",
            "You multiplied by the ReLU's value. On the way back its slope counts, and where h is positive the slope is 1.",
            "Let the gradient pass unchanged where h is positive.",
            Swap("grad_h[h < 0] = 0", "grad_h = grad_h * h.clamp(min=0)"),
        ),
        WrongAnswer(
            "multiplies_by_h",
            "You multiplied the gradient by h. The ReLU's slope is 0 or 1, whatever the size of h.",
            "Replace the product by a mask: zero where h is negative, unchanged elsewhere.",
            Swap("grad_h[h < 0] = 0", "grad_h = grad_h * h"),
        ),
        WrongAnswer(
            "w2_not_transposed",
            "You multiplied by w2 as it stands. On the way back the product needs it transposed.",
            "From (N, D_out) to (N, H) leads a matrix of shape (D_out, H). You have w2, of shape (H, D_out).",
            Swap("w2.t()", "w2"),
        ),
        WrongAnswer(
            "transposed",
            "Your numbers are right, but they lie on their side: yours is the gradient of w1 transposed.",
            "w1 is (D_in, H), and so is its gradient. Swap the two factors of the last product, and transpose the other one.",
            Swap("x.t().mm(grad_h)", "grad_h.t().mm(x)"),
        ),
        WrongAnswer(
            "factor_two_again",
            "You doubled the gradient, but the factor 2 is already in grad_y_pred.",
            "The square was differentiated once, at y_pred. Further back no new 2 comes in.",
            Swap("grad_y_pred.mm", "2.0 * grad_y_pred.mm"),
        ),
        WrongAnswer(
            "mean_over_batch",
            "You divided by the number of samples; the loss is a sum over them.",
            "Leave the division out: the product with x transposed adds the samples up, as it should.",
            Swap("return x.t().mm(grad_h)", "return x.t().mm(grad_h) / x.shape[0]"),
        ),
        WrongAnswer(
            "relu_output_in_place_of_x",
            "You multiplied by the hidden values where x is meant: they did not go into w1, they came out of it.",
            "Look at the forward pass: which tensor stands to the left of w1?",
            Swap("x.t().mm", "h.clamp(min=0).t().mm"),
        ),
        WrongAnswer(
            "skips_w2",
            "You sent the gradient on without the product with w2, with one value for all hidden units of a sample.",
            "Each hidden unit reached the outputs through its own row of w2; the gradient comes back through the same row.",
            Swap("grad_y_pred.mm(w2.t())", "grad_y_pred.sum(dim=1, keepdim=True).expand_as(h)"),
        ),
        WrongAnswer(
            "gradient_of_the_input",
            "You stopped at the hidden values: yours is the gradient of h, not of w1.",
            "One product is left: h = x w1. Which factor meets the gradient of h to give a shape of (D_in, H)?",
            Swap("return x.t().mm(grad_h)", "return grad_h"),
        ),
    ],
    "numerical_gradient": [
        WrongAnswer(
            "forward_difference",
            "You took the forward difference: a step up against no step at all.",
            "Look below as well: one step up, one step down, and divide by the distance between the two.",
            Swap("(f(w + shift) - f(w - shift)) / (2 * eps)", "(f(w + shift) - f(w)) / eps"),
        ),
        WrongAnswer(
            "backward_difference",
            "You took the backward difference: no step at all against a step down.",
            "Look above as well: one step up, one step down, and divide by the distance between the two.",
            Swap("(f(w + shift) - f(w - shift)) / (2 * eps)", "(f(w) - f(w - shift)) / eps"),
        ),
        WrongAnswer(
            "divides_by_eps",
            "You divided by eps, but your two points lie two steps apart: all your slopes are doubled.",
            "From w - eps to w + eps, how far is it?",
            Swap("/ (2 * eps)", "/ eps"),
        ),
        WrongAnswer(
            "multiplies_by_eps",
            "Your result is too small or too large by eps squared: without parentheses `/ 2 * eps` divides by 2 and *multiplies* by eps.",
            "Put the whole denominator in parentheses.",
            Swap("/ (2 * eps)", "/ 2 * eps"),
        ),
        WrongAnswer(
            "below_minus_above",
            "You subtracted the upper value from the lower one: every slope has the opposite sign.",
            "First f above, minus f below.",
            Swap("f(w + shift) - f(w - shift)", "f(w - shift) - f(w + shift)"),
        ),
        WrongAnswer(
            "moves_all_at_once",
            "You moved all elements at once, so every place got the same number: the slope along the diagonal.",
            "Move one element at a time, and leave the others where they are.",
            "def numerical_gradient(f, w, eps):\n    return torch.full_like(w, ((f(w + eps) - f(w - eps)) / (2 * eps)).item())",
        ),
        WrongAnswer(
            "never_moves_back",
            "You move each element and leave it moved, so the later slopes are measured somewhere else.",
            "Start from a fresh copy of w, or a fresh shift, for every element.",
            """
def numerical_gradient(f, w, eps):
    above, below = w.clone(), w.clone()
    grad = torch.zeros_like(w)
    for index in range(w.numel()):
        above.view(-1)[index] += eps
        below.view(-1)[index] -= eps
        grad.view(-1)[index] = (f(above) - f(below)) / (2 * eps)
    return grad
""",
        ),
        WrongAnswer(
            "leaves_w_moved",
            "You move the elements of the caller's w and leave it changed.",
            "Work on a copy, or save each old value and write it back.",
            """
def numerical_gradient(f, w, eps):
    grad = torch.zeros_like(w)
    flat = w.view(-1)
    for index in range(w.numel()):
        flat[index] += eps
        above = f(w).item()
        flat[index] -= 2 * eps
        grad.view(-1)[index] = (above - f(w).item()) / (2 * eps)
    return grad
""",
        ),
        WrongAnswer(
            "restores_up_to_rounding",
            "Your slopes are right, but w has changed in its last digits: adding eps and subtracting it again rounds.",
            "Save the old value before you move the element, and write that value back; or work on a copy.",
            """
def numerical_gradient(f, w, eps):
    grad = torch.zeros_like(w)
    flat = w.view(-1)
    for index in range(w.numel()):
        flat[index] += eps
        above = f(w).item()
        flat[index] -= 2 * eps
        below = f(w).item()
        flat[index] += eps
        grad.view(-1)[index] = (above - below) / (2 * eps)
    return grad
""",
        ),
        WrongAnswer(
            "float32_result",
            "Your slopes are stored in float32: `torch.zeros` makes that by default, and half of the digits are gone.",
            "Give the dtype of w along, or make the zeros like w.",
            Swap("grad = torch.zeros_like(w)", "grad = torch.zeros(w.shape)"),
        ),
        WrongAnswer(
            "flat_result",
            "You returned the slopes as one long vector.",
            "A gradient has the shape of its tensor: reshape the result to that of w.",
            Swap("return grad", "return grad.view(-1)"),
            also=(Swap("return grad", "return torch.tensor(grad.view(-1).tolist(), dtype=w.dtype)"),),
        ),
        WrongAnswer(
            "ignores_eps",
            "Your result does not depend on eps: you used a step of your own, or the exact derivative.",
            "Use the eps you are given. With a step as large as 0.5 the result differs from the exact slope, and that is checked.",
            Swap("grad = torch.zeros_like(w)", "eps = 1e-5\n    grad = torch.zeros_like(w)"),
            also=(
                "def numerical_gradient(f, w, eps):\n    v = w.clone().requires_grad_()\n    return torch.autograd.grad(f(v), v)[0]",
            ),
        ),
    ],
    "training_steps": [
        WrongAnswer(
            "no_factor_two",
            "Each of your updates is half of what it should be: the factor 2 from the derivative of the square is missing.",
            "Look at the line of grad_y_pred.",
            Swap("2.0 * (y_pred - y)", "y_pred - y"),
            also=((Swap("w1 -= lr * grad_w1", "w1 -= lr / 2 * grad_w1"), Swap("w2 -= lr * grad_w2", "w2 -= lr / 2 * grad_w2")),),
        ),
        WrongAnswer(
            "no_relu_mask",
            "Your gradient of w1 went through the ReLU as if it were not there. "
            "Either the mask is missing, or it is never true, as `h_relu < 0` is.",
            "The gradient must be 0 wherever h, before the ReLU, is negative. Print how many places your mask hits.",
            Swap("        grad_h[h < 0] = 0\n", ""),
            also=(NEVER_TRUE,),
        ),
        WrongAnswer(
            "masks_the_gradients_own_sign",
            "You blocked where the gradient itself is negative. The gate of a ReLU is set by h.",
            "Compare h with zero, not grad_h.",
            Swap("grad_h[h < 0]", "grad_h[grad_h < 0]"),
        ),
        WrongAnswer(
            "mask_inverted",
            "You blocked the gradient where h is positive: exactly where it should pass.",
            "Turn the comparison round.",
            Swap("grad_h[h < 0]", "grad_h[h > 0]"),
        ),
        WrongAnswer(
            "multiplies_by_h_relu",
            "You multiplied the gradient by h_relu. On the way back the ReLU's slope counts, and that is 0 or 1.",
            "Use a mask: zero where h is negative, unchanged elsewhere.",
            Swap("grad_h[h < 0] = 0", "grad_h = grad_h * h_relu"),
        ),
        WrongAnswer(
            "w2_from_h",
            "You used h, before the ReLU, in the gradient of w2.",
            "In the forward pass w2 was multiplied by h_relu; its gradient needs the same tensor.",
            Swap("grad_w2 = h_relu.t()", "grad_w2 = h.t()"),
        ),
        WrongAnswer(
            "w2_updated_too_early",
            "You updated w2 before you used it for the gradient of w1. That gradient then belongs to weights that made no prediction.",
            "First both gradients, then both updates.",
            TOO_EARLY,
        ),
        WrongAnswer(
            "accumulates_gradients",
            "Your first update is right, the later ones contain the earlier gradients as well: they add up from round to round.",
            "Gradients are made anew in every round. Assign them with `=`, not with `+=`.",
            (
                Swap("    losses = []\n", "    losses, sum_w1, sum_w2 = [], 0.0, 0.0\n"),
                Swap(
                    "        w1 -= lr * grad_w1",
                    "        sum_w1 = sum_w1 + grad_w1\n        sum_w2 = sum_w2 + grad_w2\n        w1 -= lr * sum_w1",
                ),
                Swap("w2 -= lr * grad_w2", "w2 -= lr * sum_w2"),
            ),
        ),
        WrongAnswer(
            "walks_uphill",
            "You went uphill: your weights move along the gradient, and the loss grows.",
            "Check two signs: the error is y_pred minus y, and the update subtracts.",
            (Swap("w1 -= lr", "w1 += lr"), Swap("w2 -= lr", "w2 += lr")),
            also=(Swap("2.0 * (y_pred - y)", "2.0 * (y - y_pred)"),),
        ),
        WrongAnswer(
            "mean_over_all_numbers",
            "You divided the gradient by N times D_out, the number of all errors: your steps follow the mean, not the sum.",
            "Leave the division out. The learning rate belongs to the sum.",
            Swap("2.0 * (y_pred - y)", "2.0 * (y_pred - y) / y.numel()"),
        ),
        WrongAnswer(
            "mean_over_batch",
            "You divided the gradient by the number of samples.",
            "The loss is a sum over the samples, and so is its gradient: leave the division out.",
            Swap("2.0 * (y_pred - y)", "2.0 * (y_pred - y) / x.shape[0]"),
        ),
        WrongAnswer(
            "ignores_lr",
            "Your steps do not use the lr you are given; they look like steps of 1e-6.",
            "Take the learning rate from the argument `lr`.",
            Swap("    losses = []\n", "    lr = 1e-6\n    losses = []\n"),
        ),
        WrongAnswer(
            "changes_the_callers_weights",
            "Your numbers are right, but you changed the caller's w1 and w2.",
            "`-=` writes into the tensor it is given. Make copies once, before the loop.",
            Swap("    w1, w2 = w1.clone(), w2.clone()\n", ""),
        ),
        WrongAnswer(
            "losses_after_the_update",
            "Your weights are right, but each loss was measured after the update of its step.",
            "Keep the loss of the prediction that the gradients come from: append it before the updates.",
            (
                Swap("        losses.append(loss.item())\n", ""),
                Swap(
                    "        w2 -= lr * grad_w2\n",
                    "        w2 -= lr * grad_w2\n        losses.append((x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum().item())\n",
                ),
            ),
        ),
        WrongAnswer(
            "last_loss_only",
            "You returned a single loss; one is asked for every step.",
            "Make a list before the loop, and append the loss in each round.",
            Swap("return losses, w1, w2", "return losses[-1], w1, w2"),
        ),
        WrongAnswer(
            "one_step_too_many",
            "You took one step too many.",
            "`range(steps)` counts from 0 to steps - 1: that is `steps` rounds already.",
            Swap("range(steps)", "range(steps + 1)"),
        ),
        WrongAnswer(
            "one_step_too_few",
            "You took one step too few.",
            "`range(1, steps)` leaves out one round; the end is never reached.",
            Swap("range(steps)", "range(1, steps)"),
        ),
        WrongAnswer(
            "gradients_only_once",
            "You computed the gradients once and then took every step with them: the slopes of the start, far from the start.",
            "Forward pass and both gradients belong inside the loop: after each step the slopes are new.",
            """
def training_steps(x, y, w1, w2, lr, steps):
    w1, w2 = w1.clone(), w2.clone()
    h = x.mm(w1)
    h_relu = h.clamp(min=0)
    grad_y_pred = 2.0 * (h_relu.mm(w2) - y)
    grad_w2 = h_relu.t().mm(grad_y_pred)
    grad_h = grad_y_pred.mm(w2.t())
    grad_h[h < 0] = 0
    grad_w1 = x.t().mm(grad_h)
    losses = []
    for _ in range(steps):
        losses.append((x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum().item())
        w1 -= lr * grad_w1
        w2 -= lr * grad_w2
    return losses, w1, w2
""",
        ),
        WrongAnswer(
            "only_w2_moves",
            "Your w1 never moves.",
            "Both weights are trained: w1 needs its own gradient and its own update.",
            Swap("        w1 -= lr * grad_w1\n", ""),
        ),
    ],
    "repaired_step": [
        WrongAnswer(
            "w2_still_updated_too_early",
            "You repaired the difference and the mask, but w2 still moves before the gradient of w1 is found with it.",
            "Follow w2 through the lines: the product on the way back needs the w2 that made the prediction.",
            STEP_TOO_EARLY,
        ),
        WrongAnswer(
            "mask_still_never_true",
            "You repaired the difference and the order, but your mask still blocks nothing.",
            "What can be below zero: h, or what is left of it after the ReLU?",
            NEVER_TRUE,
            also=(NO_MASK,),
        ),
        WrongAnswer(
            "both_silent_mistakes_left",
            "You repaired the line that Python complained about. The two mistakes that it does not complain about are still there.",
            "One concerns the mask, the other the moment at which w2 changes.",
            (*STEP_TOO_EARLY, NEVER_TRUE),
        ),
        WrongAnswer(
            "compares_in_place_of_subtracting",
            "You followed Python's suggestion `==`: a comparison gives True or False, and your gradient is zero.",
            "The error is wanted: how far the prediction is from the target.",
            Swap("(y_pred - y)\n    grad_w2", "(y_pred == y)\n    grad_w2"),
        ),
        WrongAnswer(
            "assigns_in_place_of_subtracting",
            "You followed Python's suggestion `:=`: it overwrites y_pred, and your gradient is made of y alone.",
            "Python guessed the grammar. The mathematics wants the difference of prediction and target.",
            Swap("(y_pred - y)\n    grad_w2", "(y_pred := y)\n    grad_w2"),
        ),
        WrongAnswer(
            "target_minus_prediction",
            "You took the difference the other way round (or added where the update subtracts): the step leads uphill.",
            "The derivative of (y_pred - y)² keeps the difference in this order, and the update subtracts.",
            Swap("2.0 * (y_pred - y)", "2.0 * (y - y_pred)"),
            also=((Swap("w1 -= learning", "w1 += learning"), Swap("w2 -= learning", "w2 += learning")),),
        ),
        WrongAnswer(
            "makes_new_weights",
            "You gave the names w1 and w2 to new tensors; the caller's weights never moved.",
            "`w1 = w1 - ...` makes a new tensor, `w1 -= ...` writes into the one you were given. Here the second is wanted.",
            (
                Swap("w1 -= learning_rate * grad_w1", "w1 = w1 - learning_rate * grad_w1"),
                Swap("w2 -= learning_rate * grad_w2", "w2 = w2 - learning_rate * grad_w2"),
            ),
        ),
        WrongAnswer(
            "learning_rate_ten_times_too_large",
            "Your steps are ten times too long: 1e-5 where the lecture has 1e-6. On its data the loss explodes.",
            "The exponent is off by one: the lecture multiplies each gradient by a millionth.",
            Swap("= 1e-6", "= 1e-5"),
        ),
        WrongAnswer(
            "learning_rate_a_hundred_times_too_large",
            "Your steps are a hundred times too long: 1e-4 where the lecture has 1e-6. That rate belongs to the later chapters' nets.",
            "The exponent is off by two: the lecture multiplies each gradient by a millionth.",
            Swap("= 1e-6", "= 1e-4"),
        ),
        WrongAnswer(
            "no_factor_two",
            "You lost the factor 2 while you repaired the line: your steps are half as long.",
            "Only one character of that line is wrong; keep the rest.",
            Swap("2.0 * (y_pred - y)", "(y_pred - y)"),
        ),
        WrongAnswer(
            "mask_turned_round",
            "You turned the mask round: the gradient is blocked where h is positive.",
            "The comparison was right, what it was applied to was wrong.",
            Swap("grad_h[h < 0]", "grad_h[h > 0]"),
            also=(Swap("grad_h[h < 0]", "grad_h[h_relu > 0]"),),
        ),
        WrongAnswer(
            "loss_after_the_update",
            "The weights move as they should, but you returned the loss of the new weights.",
            "Return the loss of the prediction that this step began with.",
            Swap("return loss.item()", "return (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum().item()"),
        ),
        WrongAnswer(
            "returns_nothing",
            "The step is taken, but nothing is returned.",
            "End with `return loss.item()`.",
            Swap("return loss.item()", "loss.item()"),
        ),
    ],
}

RIGHT = {
    "forward_pass": [
        RightAnswer(
            "one_line_with_operators",
            "def forward_pass(x, y, w1, w2):\n    out = torch.relu(x @ w1) @ w2\n    return out, ((out - y) ** 2).sum()",
        ),
        RightAnswer(
            "einsum_and_where",
            """
def forward_pass(x, y, w1, w2):
    hidden = torch.einsum("nd,dh->nh", x, w1)
    hidden = torch.where(hidden > 0, hidden, torch.zeros_like(hidden))
    y_pred = torch.einsum("nh,ho->no", hidden, w2)
    error = y_pred - y
    return y_pred, torch.einsum("no,no->", error, error)
""",
        ),
        RightAnswer(
            "functional_and_number",
            """
def forward_pass(x, y, w1, w2):
    layers = torch.nn.functional
    y_pred = layers.linear(layers.relu(layers.linear(x, w1.T)), w2.T)
    return y_pred, layers.mse_loss(y_pred, y, reduction="sum").item()
""",
        ),
        RightAnswer(
            "sample_by_sample",
            """
def forward_pass(x, y, w1, w2):
    rows, loss = [], 0.0
    for sample, target in zip(x, y):
        hidden = w1.T.mv(sample)
        hidden[hidden < 0] = 0
        rows.append(hidden @ w2)
        loss = loss + (rows[-1] - target).square().sum()
    return torch.stack(rows), loss
""",
        ),
        RightAnswer(
            "norm_squared_in_a_list",
            "def forward_pass(x, y, w1, w2):\n    p = torch.maximum(x @ w1, torch.zeros((), dtype=x.dtype)) @ w2\n    return (p, torch.dist(p, y) ** 2)",
        ),
    ],
    "gradient_w2": [
        RightAnswer(
            "einsum",
            "def gradient_w2(h, h_relu, y_pred, y):\n    return 2 * torch.einsum('nh,no->ho', h_relu, y_pred - y)",
        ),
        RightAnswer(
            "sum_of_outer_products",
            """
def gradient_w2(h, h_relu, y_pred, y):
    total = torch.zeros(h.shape[1], y.shape[1], dtype=h.dtype)
    for hidden, guess, target in zip(h_relu, y_pred, y):
        total += torch.outer(hidden, 2 * (guess - target))
    return total
""",
        ),
        RightAnswer(
            "autograd",
            """
def gradient_w2(h, h_relu, y_pred, y):
    guess = y_pred.clone().requires_grad_()
    grad_y_pred, = torch.autograd.grad((guess - y).pow(2).sum(), guess)
    w2 = torch.zeros(h.shape[1], y.shape[1], dtype=h.dtype, requires_grad=True)
    return torch.autograd.grad(h_relu @ w2, w2, grad_outputs=grad_y_pred)[0]
""",
        ),
        RightAnswer(
            "two_minus_signs_and_broadcasting",
            "def gradient_w2(h, h_relu, y_pred, y):\n    return (h_relu[:, :, None] * (y - y_pred)[:, None, :]).sum(0).mul(-2)",
        ),
        RightAnswer(
            "relu_anew_and_transposed_at_the_end",
            "def gradient_w2(h, h_relu, y_pred, y):\n    return ((y_pred - y).mul(2).T @ h.relu()).T",
        ),
    ],
    "backward_through_relu": [
        RightAnswer(
            "where",
            "def backward_through_relu(grad_h_relu, h):\n    shut = ~(h > 0)\n    return shut, torch.where(shut, torch.zeros_like(h), grad_h_relu)",
        ),
        RightAnswer(
            "product_with_mask",
            "def backward_through_relu(grad_h_relu, h):\n    return h.le(0), grad_h_relu * (h > 0)",
        ),
        RightAnswer(
            "sign_of_the_output",
            "def backward_through_relu(grad_h_relu, h):\n    slope = h.clamp(min=0).sign()\n    return slope == 0, slope * grad_h_relu",
        ),
        RightAnswer(
            "heaviside",
            """
def backward_through_relu(grad_h_relu, h):
    slope = torch.heaviside(h, torch.zeros((), dtype=h.dtype))
    return slope.logical_not(), torch.mul(slope, grad_h_relu)
""",
        ),
        RightAnswer(
            "masked_fill",
            "def backward_through_relu(grad_h_relu, h):\n    return torch.signbit(h), grad_h_relu.masked_fill(h < 0, 0.0)",
        ),
        RightAnswer(
            "autograd",
            """
def backward_through_relu(grad_h_relu, h):
    inner = h.clone().requires_grad_()
    return h <= 0, torch.autograd.grad(inner.relu(), inner, grad_outputs=grad_h_relu)[0]
""",
        ),
        RightAnswer(
            "element_by_element",
            """
def backward_through_relu(grad_h_relu, h):
    blocked = torch.zeros(h.shape, dtype=torch.bool)
    grad_h = torch.zeros_like(grad_h_relu)
    for i in range(h.shape[0]):
        for j in range(h.shape[1]):
            if h[i, j] > 0:
                grad_h[i, j] = grad_h_relu[i, j]
            else:
                blocked[i, j] = True
    return [blocked, grad_h][0], grad_h
""",
        ),
    ],
    "gradient_w1": [
        RightAnswer(
            "one_line_with_operators",
            "def gradient_w1(x, h, w2, grad_y_pred):\n    return x.T @ ((grad_y_pred @ w2.T) * (h > 0))",
        ),
        RightAnswer(
            "einsum_and_heaviside",
            """
def gradient_w1(x, h, w2, grad_y_pred):
    gate = torch.heaviside(h, torch.zeros_like(h))
    return torch.einsum("nd,nh,no,ho->dh", x, gate, grad_y_pred, w2)
""",
        ),
        RightAnswer(
            "autograd",
            """
def gradient_w1(x, h, w2, grad_y_pred):
    hidden = h.detach().clone().requires_grad_(True)
    y_pred = torch.relu(hidden) @ w2
    y_pred.backward(grad_y_pred)
    return x.t() @ hidden.grad
""",
        ),
        RightAnswer(
            "where_and_sign",
            "def gradient_w1(x, h, w2, grad_y_pred):\n    g = w2.mm(grad_y_pred.t()).t()\n    return x.t() @ torch.where(h.sign() == 1, g, 0.0)",
        ),
        RightAnswer(
            "sample_by_sample",
            """
def gradient_w1(x, h, w2, grad_y_pred):
    parts = []
    for sample, hidden, arriving in zip(x, h, grad_y_pred):
        back = w2 @ arriving
        back[hidden < 0] = 0
        parts.append(torch.outer(sample, back))
    return sum(parts)
""",
        ),
    ],
    "numerical_gradient": [
        RightAnswer(
            "saves_and_writes_back",
            """
def numerical_gradient(f, w, eps):
    slopes = torch.empty_like(w)
    places, out = w.view(-1), slopes.view(-1)
    for i in range(len(places)):
        old = places[i].item()
        places[i] = old + eps
        above = f(w)
        places[i] = old - eps
        below = f(w)
        places[i] = old
        out[i] = (above - below) / (2 * eps)
    return slopes
""",
        ),
        RightAnswer(
            "rows_of_the_identity",
            """
def numerical_gradient(f, w, eps):
    shifts = eps * torch.eye(w.numel(), dtype=w.dtype)
    pairs = [(f(w + s.reshape(w.shape)), f(w - s.reshape(w.shape))) for s in shifts]
    return torch.stack([(above - below) / eps / 2 for above, below in pairs]).reshape(w.shape)
""",
        ),
        RightAnswer(
            "numbers_and_copies",
            """
def numerical_gradient(f, w, eps):
    def moved(place, by):
        flat = w.flatten().tolist()
        flat[place] += by
        return float(f(torch.tensor(flat, dtype=torch.float64).reshape(w.shape)))

    slopes = [(moved(i, eps) - moved(i, -eps)) / (2 * eps) for i in range(w.numel())]
    return torch.tensor(slopes, dtype=torch.float64).reshape(w.shape)
""",
        ),
        RightAnswer(
            "all_indices",
            """
def numerical_gradient(f, w, eps):
    import itertools
    grad = torch.zeros(w.shape, dtype=w.dtype)
    for index in itertools.product(*map(range, w.shape)):
        up, down = w.clone(), w.clone()
        up[index] += eps
        down[index] -= eps
        grad[index] = f(up).sub(f(down)).div(2 * eps)
    return grad
""",
        ),
    ],
    "training_steps": [
        RightAnswer(
            "new_weights_each_round",
            """
def training_steps(x, y, w1, w2, lr, steps):
    losses = []
    while len(losses) < steps:
        h = x @ w1
        a = torch.relu(h)
        error = a @ w2 - y
        losses.append((error ** 2).sum())
        step2 = a.T @ error
        step1 = x.T @ (error @ w2.T * (h > 0))
        w1, w2 = w1 - 2 * lr * step1, w2 - 2 * lr * step2
    return losses, w1, w2
""",
        ),
        RightAnswer(
            "two_minus_signs",
            (Swap("2.0 * (y_pred - y)", "2.0 * (y - y_pred)"), Swap("w1 -= lr", "w1 += lr"), Swap("w2 -= lr", "w2 += lr")),
        ),
        RightAnswer(
            "autograd",
            """
def training_steps(x, y, w1, w2, lr, steps):
    w1, w2 = (w.clone().requires_grad_() for w in (w1, w2))
    losses = []
    for _ in range(steps):
        loss = (x.mm(w1).clamp(min=0).mm(w2) - y).pow(2).sum()
        losses.append(loss.item())
        loss.backward()
        with torch.no_grad():
            for w in (w1, w2):
                w -= lr * w.grad
                w.grad = None
    return losses, w1.detach(), w2.detach()
""",
        ),
        RightAnswer(
            "autograd_left_attached",
            """
def training_steps(x, y, w1, w2, lr, steps):
    losses = torch.zeros(steps, dtype=x.dtype)
    for t in range(steps):
        v1, v2 = w1.detach().requires_grad_(), w2.detach().requires_grad_()
        loss = torch.nn.functional.mse_loss(torch.relu(x @ v1) @ v2, y, reduction="sum")
        g1, g2 = torch.autograd.grad(loss, (v1, v2))
        losses[t] = loss.detach()
        w1, w2 = v1 - lr * g1, v2 - lr * g2
    return losses, w1, w2
""",
        ),
        RightAnswer(
            "optimizer",
            """
def training_steps(x, y, w1, w2, lr, steps):
    weights = [torch.nn.Parameter(w.clone()) for w in (w1, w2)]
    optimizer = torch.optim.SGD(weights, lr=lr)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (torch.relu(x @ weights[0]) @ weights[1] - y).square().sum()
        loss.backward()
        optimizer.step()
        losses += [loss.item()]
    return losses, *(w.data for w in weights)
""",
        ),
        RightAnswer(
            "recursion",
            """
def training_steps(x, y, w1, w2, lr, steps):
    if steps == 0:
        return [], w1, w2
    h = x.mm(w1)
    gate = (h > 0).to(h.dtype)
    error = (h * gate).mm(w2) - y
    back = 2 * torch.einsum("no,ho,nh->nh", error, w2, gate)
    next_w2 = torch.add(w2, (h * gate).t().mm(error), alpha=-2 * lr)
    losses, end1, end2 = training_steps(x, y, w1.sub(x.t().mm(back), alpha=lr), next_w2, lr, steps - 1)
    return [error.square().sum().item(), *losses], end1, end2
""",
        ),
    ],
    "repaired_step": [
        RightAnswer(
            "operators_and_where",
            """
def repaired_step(x, y, w1, w2):
    h = x @ w1
    h_relu = torch.relu(h)
    error = h_relu @ w2 - y
    grad_h = torch.where(h > 0, error @ w2.T, torch.zeros_like(h))
    w2.sub_(h_relu.T @ error, alpha=2e-6)
    w1.sub_(x.T @ grad_h, alpha=2e-6)
    return (error * error).sum()
""",
        ),
        RightAnswer(
            "autograd_and_copy",
            """
def repaired_step(x, y, w1, w2):
    a, b = w1.clone().requires_grad_(), w2.clone().requires_grad_()
    loss = (x.mm(a).clamp(min=0).mm(b) - y).pow(2).sum()
    grad_a, grad_b = torch.autograd.grad(loss, (a, b))
    w1.copy_(w1 - 1e-6 * grad_a)
    w2[:] = w2 - 1e-6 * grad_b
    return float(loss)
""",
        ),
        RightAnswer(
            "saves_w2_first",
            """
def repaired_step(x, y, w1, w2):
    learning_rate = 1e-6
    h = x.mm(w1)
    h_relu = h.clamp(min=0)
    y_pred = h_relu.mm(w2)
    grad_y_pred = 2.0 * (y_pred - y)
    w2_before = w2.clone()
    w2 -= learning_rate * h_relu.t().mm(grad_y_pred)
    grad_h = grad_y_pred.mm(w2_before.t())
    grad_h[h_relu == 0] = 0
    w1 -= learning_rate * x.t().mm(grad_h)
    return (y_pred - y).pow(2).sum().item()
""",
        ),
    ],
}
