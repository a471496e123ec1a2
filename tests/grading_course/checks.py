"""How the exercises of the small chapter are exercised."""

import torch

from autograder.exercise import Case, exercise


def _matrices(rng):
    return [Case(f"a {n}x{m} matrix", x=torch.rand(n, m, generator=rng) + 0.1) for n, m in ((2, 3), (3, 3), (4, 2))]


@exercise(
    cases=_matrices, points=2, minutes=2, difficulty=1, importance=3, checked="Row sums of a matrix.", time_limit_s=2.0,
    hints=("Which dimension goes away?", "`dim=1` sums over columns."), why="Sum over dim 1 removes it.", variant="Use einsum.",
)  # fmt: skip
def row_sums(answer, x):
    return answer.row_sums(x)


@exercise(
    cases=_matrices, points=3, minutes=2, difficulty=1, importance=3, checked="The largest element.", time_limit_s=2.0,
    hints=("What does `max` return?", "`.item()` makes a number."), why="max looks at all elements.", variant="Without max.",
)  # fmt: skip
def largest(answer, x):
    return answer.largest(x)


@exercise(
    cases=_matrices, points=5, minutes=2, difficulty=2, importance=3, checked="Each element's share of its row.",
    time_limit_s=2.0,
    hints=("What does each row sum to?", "`keepdim=True` lets it divide."), why="Rows sum to one.", variant="Columns.",
)  # fmt: skip
def shares(answer, x):
    return answer.shares(x)
