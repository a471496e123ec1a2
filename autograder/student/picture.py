"""Draw yours beside the target as a small SVG: one square a value, colour for its sign and size. No plotting library."""

from __future__ import annotations

import base64
import html
import math

import torch

from autograder.student.figure import BLUE, ORANGE

__all__ = ["picture_html"]

MOST = 16  # rows and columns drawn of a larger tensor
GREY = "#8a8a8a"  # reads on a light and on a dark page
ALIKE = 1e-3  # relative to the largest value: finer differences are no difference of colour


def picture_html(expected: torch.Tensor, got: torch.Tensor) -> tuple[str, str]:
    """An `<img>` of both tensors (1-d or 2-d, of one shape) and of where they differ, and a caption as plain text.

    Of a large tensor the part is shown that holds the largest difference. The alt text says how many values differ.
    """
    one, other = torch.atleast_2d(expected.double()), torch.atleast_2d(got.double())  # type: ignore[no-untyped-call]
    wrong = _wrong(one, other)
    rows, columns = (_window(wrong.any(dim=axis), _gap(one, other).amax(dim=axis)) for axis in (1, 0))
    parts = [tensor[rows, columns] for tensor in (one, other, wrong)]
    alt = f"Target, yours and where they differ: {int(wrong.sum())} of {wrong.numel()} values differ."
    shown = _part_shown(expected.shape, rows, columns)
    odd = "" if all(bool(torch.isfinite(part).all()) for part in parts[:2]) else " A cross is NaN or infinite."
    colours = "Blue is True." if expected.dtype == torch.bool else "Blue is positive, orange negative; the stronger, the larger."
    caption = f"{colours}{odd}{shown}"
    return _img(_svg(*parts), alt + shown), caption


def _gap(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """How far apart each pair is; a NaN or infinity beside something else is farthest."""
    same = (one == other) | (one.isnan() & other.isnan())
    return torch.where(same, 0.0, (one - other).abs()).nan_to_num(nan=math.inf)


def _wrong(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    gap = _gap(one, other)
    finite = one[torch.isfinite(one)].abs()
    visible = gap > ALIKE * (finite.max().item() if finite.numel() else 1.0)
    return visible if bool(visible.any()) else gap > 0


def _window(wrong: torch.Tensor, gap: torch.Tensor) -> slice:
    """At most `MOST` of a row of values, the worst of them among these."""
    size = wrong.numel()
    worst = int(torch.where(wrong, gap, -1.0).argmax())
    start = max(0, min(worst - MOST // 2, size - MOST))
    return slice(start, min(start + MOST, size))


def _part_shown(shape: torch.Size, rows: slice, columns: slice) -> str:
    spans = [columns] if len(shape) == 1 else [rows, columns]
    if all(span.stop - span.start == size for span, size in zip(spans, shape, strict=True)):
        return ""
    names = ["elements"] if len(shape) == 1 else ["rows", "columns"]
    parts = [f"{name} {span.start} to {span.stop - 1} of {size}" for name, span, size in zip(names, spans, shape, strict=True)]
    return f" Shown: {', '.join(parts)}."


def _svg(expected: torch.Tensor, got: torch.Tensor, wrong: torch.Tensor) -> str:
    finite = expected[torch.isfinite(expected)].abs()
    largest = finite.max().item() if finite.numel() else 1.0
    rows, columns = expected.shape
    flat = rows == 1
    cell = 22 if flat or columns <= 6 else 16 if columns <= 10 else 12
    labels = ("target", "yours", "differ")
    if flat:  # vectors stand below one another, so that elements line up
        places, size = [(56, panel * (cell + 3)) for panel in range(3)], (56 + columns * cell, 3 * cell + 6)
        texts = [f'<text x="0" y="{y + 15}">{label}</text>' for label, (_, y) in zip(labels, places, strict=True)]
    else:
        step = max(columns * cell, 48) + 28
        places, size = [(panel * step, 18) for panel in range(3)], (3 * step - 28, 18 + rows * cell)
        texts = [f'<text x="{x}" y="11">{label}</text>' for label, (x, _) in zip(labels, places, strict=True)]
    squares = []
    for i in range(rows):
        for j in range(columns):
            (a, b), (c, d), (e, f) = ((x + j * cell, y + i * cell) for x, y in places)
            squares.append(_square(a, b, cell, expected[i, j].item(), largest))
            squares.append(_square(c, d, cell, got[i, j].item(), largest))
            squares.append(_dot(e, f, cell, bool(wrong[i, j])))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{size[0]}" height="{size[1]}" viewBox="0 0 {size[0]} {size[1]}" '
        f'font-family="system-ui, sans-serif" font-size="12" fill="{GREY}">{"".join(texts + squares)}</svg>'
    )


def _square(x: int, y: int, cell: int, value: float, largest: float) -> str:
    side = f'width="{cell - 1}" height="{cell - 1}"'
    if math.isfinite(value):
        return f'<rect x="{x}" y="{y}" {side} fill="{_colour(value, largest)}"/>'
    a, b, c, d = x + cell * 0.25, y + cell * 0.25, x + cell * 0.75 - 1, y + cell * 0.75 - 1
    cross = f'<path d="M{a} {b}L{c} {d}M{c} {b}L{a} {d}" stroke="#404040" stroke-width="1.5"/>'
    return f'<rect x="{x}" y="{y}" {side} fill="#f0f0f0"/>{cross}'


def _dot(x: int, y: int, cell: int, wrong: bool) -> str:
    middle = (cell - 1) / 2
    look = f'r="{cell * 0.28:.2f}"' if wrong else 'r="1" opacity="0.6"'
    return f'<circle cx="{x + middle}" cy="{y + middle}" {look}/>'


def _colour(value: float, largest: float) -> str:
    """From near white at 0 to the full colour at the target's largest value; lightness carries the size in grey print."""
    strength = min(1.0, abs(value) / largest) if largest else float(value != 0)
    base = BLUE if value >= 0 else ORANGE
    parts = (int(base[i : i + 2], 16) for i in (1, 3, 5))
    return "rgb({},{},{})".format(*(round(240 + (part - 240) * math.sqrt(strength)) for part in parts))


def _img(svg: str, alt: str) -> str:
    data = base64.b64encode(svg.encode()).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/svg+xml;base64,{data}" style="border:0;max-width:100%;height:auto">'
