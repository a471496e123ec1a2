"""One net in several writings: the code of each, and the losses that it trains through, computed when the site is built."""

from __future__ import annotations

import contextlib
import io
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from autograder.release.source import Chapter
from autograder.student.figure import BLUE, GREY

__all__ = ["Writing", "losses_figure", "trace_writings"]


@dataclass(frozen=True)
class Writing:
    """A writing of the net: its chapter, a label, a sentence, its code, and its loss before each step."""

    chapter: str
    label: str
    says: str
    code: str
    losses: list[float]


def trace_writings(settings: Mapping[str, Any], chapters: Mapping[str, Chapter]) -> list[Writing]:
    """Run the writings that `settings` names, each on copies of the same data and weights, as far as their chapters exist."""
    start = settings["start"]
    if start["chapter"] not in chapters:
        return []
    names: dict[str, Any] = {"torch": torch}
    for cell in start["cells"]:
        exec(chapters[start["chapter"]].cell(cell).source, names)
    data = {name: value for name, value in names.items() if isinstance(value, (torch.Tensor, int))}
    found = []
    for row in settings["writing"]:
        if row["chapter"] in chapters:
            chapter = chapters[row["chapter"]]
            space = {"__name__": "__main__", "torch": torch, "steps": start["steps"]}
            space |= {name: value.clone() if isinstance(value, torch.Tensor) else value for name, value in data.items()}
            with contextlib.redirect_stdout(io.StringIO()):
                for cell in row["cells"]:
                    exec(chapter.cell(cell).source, space)
            code = "\n\n".join(chapter.cell(cell).source for cell in row["show"])
            found.append(Writing(row["chapter"], row["label"], row["says"], code, [float(x) for x in eval(row["losses"], space)]))
    return found


def losses_figure(writings: list[Writing]) -> str:
    """All curves in one drawing, as SVG that takes the page's colours: one line, with a mark of each writing on it."""
    width, height, left, bottom = 640, 200, 52, 26
    steps = len(writings[0].losses)
    low = math.floor(math.log10(min(min(w.losses) for w in writings)))
    high = math.ceil(math.log10(max(max(w.losses) for w in writings)))

    def x(step: float) -> float:
        return left + step / (steps - 1) * (width - left - 12)

    def y(loss: float) -> float:
        return 10 + (high - math.log10(loss)) / (high - low) * (height - bottom - 16)

    parts = []
    for power in range(low, high + 1):
        at = y(10.0**power)
        parts.append(f'<line class="rule" x1="{left}" x2="{width - 12}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(
            f'<text x="{left - 8}" y="{at + 4:.1f}" text-anchor="end">10<tspan dy="-5" font-size="9">{power}</tspan></text>'
        )
    for step in range(0, steps, 10):
        parts.append(f'<text x="{x(step):.1f}" y="{height - 6}" text-anchor="middle">{step}</text>')
    for place, writing in enumerate(writings):
        points = " ".join(f"{x(step):.1f},{y(loss):.1f}" for step, loss in enumerate(writing.losses))
        parts.append(f'<polyline class="curve" points="{points}"/>')
        step = round((place + 0.5) * (steps - 1) / len(writings))
        parts.append(f'<circle class="mark" cx="{x(step):.1f}" cy="{y(writing.losses[step]):.1f}" r="9"/>')
        parts.append(
            f'<text class="mark-label" x="{x(step):.1f}" y="{y(writing.losses[step]) + 3.6:.1f}" text-anchor="middle">'
            f"{writing.chapter.split('_')[0]}</text>"
        )
    ends = f"from {writings[0].losses[0]:.3g} to {writings[0].losses[-1]:.3g}"
    label = f"The losses of all {len(writings)} writings lie on one curve, {ends} in {steps} steps."
    return (
        f'<svg class="losses" viewBox="0 0 {width} {height}" role="img" aria-label="{label}" '
        f'style="--blue:{BLUE};--grey:{GREY}">{"".join(parts)}</svg>'
    )
