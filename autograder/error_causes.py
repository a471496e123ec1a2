"""What Python's and torch's error messages mean, in the words of a beginner: those that a course on tensors meets daily."""

from __future__ import annotations

import re

__all__ = ["error_cause"]

# Pattern and meaning; the first that fits is told.
_MEANINGS = [
    ("ellipsis", "A `...` still stands where a value is needed."),
    (
        "'NoneType'",
        "Something is None there: a function without `return`, `.grad` before `backward()`, or a call that only works in place.",
    ),
    (
        "not defined|referenced before|not associated with a value",
        "A name is used before it has a value: it is misspelt, or the line that sets it is missing.",
    ),
    (
        "mat1 and mat2|size mismatch|inconsistent tensor size",
        "A product of shapes (n, k) and (k, m) needs equal inner sizes: print both shapes.",
    ),
    (
        "must match the size of tensor|not broadcastable|must match the existing size|match the broadcast shape",
        "Two shapes do not broadcast: lined up from the right, sizes must be equal, or one of them 1.",
    ),
    (
        "view size is not compatible",
        "`view` needs the numbers in memory order, and this tensor was transposed or sliced: use `reshape`.",
    ),
    ("shape '.*' is invalid for input", "The new shape holds another number of elements than the tensor has."),
    (
        "leaf Variable that requires grad",
        "A tensor that autograd tracks was changed in place: update it inside `with torch.no_grad():`.",
    ),
    ("through the graph a second time", "The graph is freed after `backward()`: run the forward pass again first."),
    (
        "does not require grad and does not have a grad_fn",
        "What `backward()` starts from is connected to no tensor with `requires_grad=True`.",
    ),
    ("only for scalar outputs", "`backward()` starts from one number: take a sum or a mean first, or pass it a gradient."),
    (r"numpy\(\) on Tensor that requires grad", "NumPy cannot follow autograd: call `.detach()` first."),
    (
        "dtype|scalar type|must have the same type",
        "Two dtypes meet that do not go together: print the `.dtype` of each tensor in that line.",
    ),
    ("same device|on the expected device|meta tensor", "Tensors of two devices meet: make new ones with `device=x.device`."),
    ("unpack", "The number of names on the left is not the number of values on the right."),
    (
        "positional argument|keyword argument",
        "A function is called with other arguments than it takes; keep the parameters of the given function.",
    ),
    ("out of range|out of bounds", "An index goes beyond the last element: the last of n has the index n - 1."),
    ("maximum recursion", "A function calls itself without end."),
    ("has no attribute", "Its type has no such attribute: it is misspelt, or the value is of another type than you think."),
]


def error_cause(message: str) -> str:
    """The likely cause behind an error's message, or ''."""
    return next((meaning for pattern, meaning in _MEANINGS if re.search(pattern, message)), "")
