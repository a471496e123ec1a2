# %% [markdown] id="title"
# # A small chapter to grade

# %% id="setup"
import torch

from autograder import check

# %% [markdown] id="about_row_sums"
# ### Row sums
#
# [[header row_sums]]


# %% id="row_sums"
def row_sums(x: torch.Tensor) -> torch.Tensor:
    """Sum each row of x, shape (n, m).

    Returns a tensor of shape (n,).
    """
    ### BEGIN SOLUTION
    return x.sum(dim=1)
    ### END SOLUTION


# %% id="check_row_sums"
check("row_sums")

# %% [markdown] id="about_largest"
# ### Largest
#
# [[header largest]]


# %% id="largest"
def largest(x: torch.Tensor) -> float:
    """The largest element of x.

    Returns a Python number.
    """
    ### BEGIN SOLUTION
    return x.max().item()
    ### END SOLUTION


# %% id="check_largest"
check("largest")

# %% [markdown] id="about_shares"
# ### Shares
#
# [[header shares]]


# %% id="shares"
def shares(x: torch.Tensor) -> torch.Tensor:
    """Each element's share of its row's sum, for x of shape (n, m) with positive elements.

    Returns a tensor of shape (n, m).
    """
    ### BEGIN SOLUTION
    return x / x.sum(dim=1, keepdim=True)
    ### END SOLUTION


# %% id="check_shares"
check("shares")

# %% [markdown] id="about_why"
# Why does a sum over dimension 1 remove the columns?

# %% [markdown] id="written_why" points=4
# The model answer that no student may see.
