"""Two exercises that between them show every layer a check looks at."""

import torch

from autograder.exercise import Case, exercise


def _matrices(rng):
    return [
        Case("a 2x3 matrix", x=torch.randn(2, 3, generator=rng)),
        Case("a 3x3 matrix", x=torch.randn(3, 3, generator=rng)),
    ]


@exercise(
    cases=_matrices,
    points=2,
    minutes=5,
    difficulty=1,
    importance=3,
    checked="The sum of each row.",
    hints=(
        "Which of the two dimensions goes away?",
        "`dim=` names the dimension that is summed over, not the one that stays.",
        "`x.sum(dim=...)`, with the number of the dimension that the columns are counted in.",
    ),
    why="A reduction over `dim=1` removes dimension 1: one number is left of each row.",
    variant="Write it with `torch.einsum`.",
)
def row_sums(answer, x):
    return answer.row_sums(x)


def _regressions(rng):
    def data(rows, columns):
        return {
            "x": torch.randn(rows, columns, generator=rng),
            "y": torch.randn(rows, generator=rng),
            "w": torch.randn(columns, generator=rng),
        }

    return [Case("5 samples with 3 features", **data(5, 3)), Case("4 samples with 4 features", **data(4, 4))]


@exercise(
    cases=_regressions,
    points=3,
    minutes=10,
    difficulty=2,
    importance=5,
    checked="The loss and its gradient.",
    hints=(
        "Write down the shapes of `x`, of the error and of the gradient.",
        "The derivative of a square is two times what was squared, times the derivative of what was squared.",
    ),
    why="Every element of `w` meets every sample through one column of `x`: that is a product with `x` transposed.",
    variant="Compare it with what autograd computes.",
    returns=("loss", "dw"),
)
def line_gradient(answer, x, y, w):
    return answer.line_gradient(x, y, w)
