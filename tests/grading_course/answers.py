"""Known wrong and right answers of the small chapter."""

from autograder.exercise import RightAnswer, Swap, WrongAnswer

WRONG = {
    "row_sums": [
        WrongAnswer("sums_columns", "You summed over the rows.", "Take the other dimension.", Swap("dim=1", "dim=0")),
        WrongAnswer("takes_the_mean", "You took the mean.", "Sum instead.", Swap("x.sum", "x.mean")),
    ],
    "largest": [WrongAnswer("smallest", "You took the smallest.", "Take max.", Swap("max", "min"))],
    "shares": [WrongAnswer("columns", "You divided by the columns' sums.", "Sum over dim 1.", Swap("dim=1", "dim=0"))],
}
RIGHT = {
    "row_sums": [RightAnswer("einsum", "def row_sums(x):\n    return torch.einsum('ij->i', x)")],
    "largest": [RightAnswer("sorted", "def largest(x):\n    return x.flatten().sort().values[-1].item()")],
    "shares": [RightAnswer("normalize", "def shares(x):\n    return torch.nn.functional.normalize(x, p=1, dim=1)")],
}
