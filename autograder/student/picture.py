"""Draw yours beside the target as a small SVG: one square a value, colour for its sign and size. No plotting library."""

from __future__ import annotations

import base64
import html
import math

import torch

__all__ = ["picture_img"]

MOST = 16  # rows and columns drawn of a larger tensor
CELL = 13  # pixels
# Orange for negative, blue for positive: told apart in the common colour blindnesses; lightness carries the size in grey print.
NEGATIVE, POSITIVE, ODD = (179, 88, 6), (33, 102, 172), "#d01c8b"


def picture_img(expected: torch.Tensor, got: torch.Tensor) -> str:
    """An `<img>` of both tensors (1-d or 2-d, of one shape), with alt text that states what differs."""
    one, other = (_matrix(tensor) for tensor in (expected, got))
    finite = one[torch.isfinite(one)].abs()
    largest = finite.max().item() if finite.numel() else 1.0
    wrong = ~torch.isclose(one, other, rtol=1e-3, atol=1e-3 * largest, equal_nan=True)
    rows, columns = one.shape
    width, height = columns * CELL, rows * CELL
    gap, top = max(28, 86 - width), 16
    total_width, total_height = 2 * width + gap + 50, height + top + 2
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{total_width}" height="{total_height}" '
        f'viewBox="0 0 {total_width} {total_height}" font-family="system-ui, sans-serif" font-size="11">'
    ]
    for x, label, values, marked in ((0, "target", one, None), (width + gap, "yours", other, wrong)):
        parts.append(f'<text x="{x}" y="11" fill="#808080">{label}</text>')
        parts.append(_squares(values, largest, x, top, marked))
    parts.append("</svg>")
    alt = (
        f"Target beside yours, {rows} by {columns} values: {int(wrong.sum())} of {wrong.numel()} differ"
        f"{'' if tuple(one.shape) == _full_shape(expected) else ' in the part shown'}; they are outlined."
    )
    data = base64.b64encode("".join(parts).encode()).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/svg+xml;base64,{data}" width="{total_width}" height="{total_height}">'


def _full_shape(tensor: torch.Tensor) -> tuple[int, ...]:
    return (1, *tensor.shape) if tensor.dim() == 1 else tuple(tensor.shape)


def _matrix(tensor: torch.Tensor) -> torch.Tensor:
    return torch.atleast_2d(tensor.double())[:MOST, :MOST]


def _squares(values: torch.Tensor, largest: float, x: int, y: int, marked: torch.Tensor | None) -> str:
    squares = []
    for i, row in enumerate(values.tolist()):
        for j, value in enumerate(row):
            outline = ' stroke="#d01c8b" stroke-width="1.5"' if marked is not None and bool(marked[i, j]) else ' stroke="#bbb" stroke-width="0.5"'
            squares.append(
                f'<rect x="{x + j * CELL + 1}" y="{y + i * CELL + 1}" width="{CELL - 2}" height="{CELL - 2}" '
                f'fill="{_colour(value, largest)}"{outline}/>'
            )
    return "".join(squares)


def _colour(value: float, largest: float) -> str:
    if not math.isfinite(value):
        return ODD
    strength = min(1.0, abs(value) / largest) if largest else float(value != 0)
    base = POSITIVE if value >= 0 else NEGATIVE
    red, green, blue = (round(247 + (part - 247) * math.sqrt(strength)) for part in base)
    return f"rgb({red},{green},{blue})"
