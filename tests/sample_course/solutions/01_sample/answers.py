"""Known wrong and other right answers of the sample course, each named for what it shows."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

WRONG = {
    "row_sums": [
        WrongAnswer(
            "sums_columns",
            "You summed each column.",
            "The dimension that you name is the one that goes away.",
            Swap("dim=1", "dim=0"),
        ),
        WrongAnswer(
            "keeps_the_dimension",
            "You kept the summed dimension, with size 1.",
            "Look at what `keepdim` does.",
            Swap("dim=1", "dim=1, keepdim=True"),
            also=("def row_sums(x):\n    return x.sum(1).unsqueeze(1)",),
        ),
        WrongAnswer(
            "takes_the_mean", "You took the mean of each row.", "A sum is not divided by anything.", Swap("x.sum", "x.mean")
        ),
        WrongAnswer(
            "changes_its_input",
            "You computed in `x` itself, so the caller's matrix is changed.",
            "Leave `x` as it is.",
            "def row_sums(x):\n    x[:, 0] = x.sum(dim=1)\n    return x[:, 0].clone()",
        ),
        WrongAnswer(
            "works_in_float64", "You converted to float64.", "Return the dtype that came in.", Swap("x.sum", "x.double().sum")
        ),
    ],
    "line_gradient": [
        WrongAnswer(
            "no_factor_two", "You left out the 2 of the square's derivative.", "Differentiate `error ** 2`.", Swap("2 * x", "x")
        ),
        WrongAnswer(
            "error_turned_around",
            "You took `y` minus the prediction in the gradient.",
            "The error is prediction minus `y`.",
            Swap("x.t() @ error", "x.t() @ (y - x @ w)"),
        ),
        WrongAnswer(
            "not_transposed", "You multiplied by `x` instead of its transpose.", "Which shape must `dw` have?", Swap("x.t()", "x")
        ),
        WrongAnswer(
            "loss_alone", "You returned the loss alone.", "Two values are asked for.", Swap("loss, 2 * x.t() @ error", "loss")
        ),
        WrongAnswer(
            "ones_for_the_gradient",
            "You returned ones.",
            "Compute the gradient.",
            Swap("2 * x.t() @ error", "torch.ones_like(w)"),
        ),
    ],
}

RIGHT = {
    "row_sums": [
        RightAnswer("einsum", "def row_sums(x):\n    return torch.einsum('ij->i', x)"),
        RightAnswer("matrix_product", "def row_sums(x):\n    return x @ torch.ones(x.shape[1])"),
        RightAnswer("python_loop", "def row_sums(x):\n    return torch.stack([sum(row) for row in x])"),
    ],
    "line_gradient": [
        RightAnswer("number_for_the_loss", Swap("return loss,", "return loss.item(),")),
        RightAnswer(
            "autograd",
            "def line_gradient(x, y, w):\n    w = w.clone().requires_grad_()\n    loss = (x @ w - y).square().sum()\n"
            "    loss.backward()\n    return [loss.detach(), w.grad]",
        ),
    ],
}
