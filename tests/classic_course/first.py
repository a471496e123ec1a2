# %% [markdown]
# # Numbers

# %% id="given" locked
import csv
import warnings  # noqa: F401 - for answers


def numbers():
    with open("data/numbers.csv") as file:
        return [int(row[0]) for row in csv.reader(file)]


# %% id="double" solution
def double(x):
    ### BEGIN SOLUTION
    return 2 * x
    ### END SOLUTION


# %% id="test_double" points=2
assert double(1) == 2, "double(1) should be 2"
### BEGIN HIDDEN TESTS
assert double(21) == 42
assert double(-3) == -6
### END HIDDEN TESTS

# %% id="total" solution
def total():
    ### BEGIN SOLUTION
    return sum(numbers())
    ### END SOLUTION


# %% id="test_total" points=3
score = 0.0
if isinstance(total(), int):
    score += 0.5
### BEGIN HIDDEN TESTS
if total() == 60:
    score += 2.5
### END HIDDEN TESTS
score  # noqa: B018
