"""How verdicts are shown: a quiet HTML card, and the bare number that nbgrader's scoring reads."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from autograder.student.picture import picture_img
from autograder.verdict import Verdict

__all__ = ["Card", "ProgressTable", "card_html"]

# Jupyter's own colours where there are any, so that the card follows its theme; else colours that hold on light and dark.
_TEXT = "var(--jp-content-font-color1, var(--pst-color-text-base, inherit))"
_QUIET = "var(--jp-content-font-color2, var(--pst-color-text-muted, #767676))"
_GROUND = "var(--jp-layout-color1, var(--pst-color-surface, transparent))"
_EDGE = "var(--jp-border-color2, var(--pst-color-border, #c8c8c8))"
_BARS = {"passed": ("#1a7f4b", "✓"), "not started": ("#808080", "○"), "": ("#b35806", "→")}


class Card:
    """A verdict as a cell's last value: text/plain is the points alone, text/html the card. `print(card)` gives the text form."""

    def __init__(self, verdict: Verdict) -> None:
        self.verdict = verdict

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return {"text/plain": str(self.verdict.points), "text/html": card_html(self.verdict)}

    def __repr__(self) -> str:
        return str(self.verdict.points)

    def __str__(self) -> str:
        return str(self.verdict)


class ProgressTable:
    """Where a student stands in a chapter: one line an exercise."""

    def __init__(self, verdicts: Sequence[Verdict], trouble: str = "") -> None:
        self.verdicts = verdicts
        self.trouble = trouble

    @property
    def summary(self) -> str:
        """One line: exercises passed and points so far."""
        passed = sum(v.passed for v in self.verdicts)
        points, most = sum(v.points for v in self.verdicts), sum(v.max_points for v in self.verdicts)
        return self.trouble or f"{passed} of {len(self.verdicts)} exercises passed, {points} of {most} points"

    def __str__(self) -> str:
        lines = [f"  {_mark(v)[1]} {v.exercise:<32} {v.points}/{v.max_points}  {v.title}" for v in self.verdicts]
        return "\n".join([*lines, self.summary])

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rows = "".join(
            f'<tr><td style="color:{_mark(v)[0]};text-align:left">{_mark(v)[1]}</td><td style="text-align:left">{html.escape(v.exercise)}</td>'
            f'<td>{v.points}/{v.max_points}</td><td style="text-align:left">{html.escape(v.title)}</td></tr>'
            for v in self.verdicts
        )
        head = '<tr><th></th><th style="text-align:left">exercise</th><th>points</th><th style="text-align:left">state</th></tr>'
        return {
            "text/plain": str(self),
            "text/html": f"<table>{head}{rows}</table><p>{html.escape(self.summary)}</p>",
        }


def _mark(verdict: Verdict) -> tuple[str, str]:
    return _BARS.get(verdict.title, _BARS[""])


def card_html(verdict: Verdict) -> str:
    """The card: no script, no class names, every text escaped, since some of it quotes what the student's code produced."""
    colour, mark = _mark(verdict)
    points = f"{verdict.points} of {verdict.max_points} points" if verdict.max_points else ""
    rows = "".join(
        f'<div style="display:flex;flex-wrap:wrap;gap:0 0.8em;margin:0.25em 0">'
        f'<span style="color:{_QUIET};flex:0 0 7.2em">{html.escape(label)}</span>'
        f'<span style="flex:1 1 16em;min-width:0;overflow-wrap:anywhere">{_inline(text)}</span></div>'
        for label, text in verdict.rows()
    )
    picture = picture_img(verdict.picture.expected, verdict.picture.got) if verdict.picture else ""
    more = _more_hints(verdict)
    return (
        f'<div role="group" aria-label="Verdict: {html.escape(verdict.exercise)}, {html.escape(verdict.title)}" '
        f'style="border:1px solid {_EDGE};border-left:4px solid {colour};border-radius:4px;background:{_GROUND};color:{_TEXT};'
        f'padding:0.6em 0.9em;margin:0.3em 0;max-width:46em;line-height:1.45;font-size:0.95em">'
        f'<div style="display:flex;flex-wrap:wrap;gap:0 0.6em;margin-bottom:0.35em"><b><span aria-hidden="true" style="color:{colour}">{mark}</span> '
        f'{html.escape(verdict.exercise)}</b><span>{html.escape(verdict.title)}</span>'
        f'<span style="color:{_QUIET};margin-left:auto">{points}</span></div>{rows}'
        f'{f"<div style=margin-top:0.5em;overflow-x:auto>{picture}</div>" if picture else ""}{more}</div>'
    )


def _more_hints(verdict: Verdict) -> str:
    left = len(verdict.hints) - verdict.asked
    if verdict.passed or left <= 0:
        return ""
    call = f'check("{verdict.exercise}", hint={verdict.asked + 1})'
    return f'<div style="color:{_QUIET};margin-top:0.4em">Stuck? <code>{html.escape(call)}</code> shows the next hint ({left} more).</div>'


def _inline(text: str) -> str:
    """Escape, then let `code` in backticks be code."""
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", html.escape(text)).replace("\n", "<br>")
