# %% [markdown]
# # Words

# %% id="negate" solution
def negate(x):
    ### BEGIN SOLUTION
    return -x
    ### END SOLUTION


# %% id="test_negate" points=1
assert negate(2) == -2

# %% id="describe" solution points=2
### BEGIN SOLUTION
description = "anything"
### END SOLUTION

# %% [markdown] id="why" solution points=1
# Because it is so.

# %% [markdown] id="plot" task points=4
# Plot something below.

# %% [markdown]
# That is all.
