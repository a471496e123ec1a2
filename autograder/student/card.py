"""How verdicts are shown: a quiet HTML card, and the bare number that nbgrader's scoring reads."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from typing import Any

from autograder.student.picture import picture_html
from autograder.verdict import Verdict

__all__ = ["Card", "ProgressTable", "card_html"]

# The page's own colours where it names them (JupyterLab, the rendered course), so that the card follows its theme.
_TEXT = "var(--jp-content-font-color1, var(--pst-color-text-base, inherit))"
_QUIET = "var(--jp-content-font-color2, var(--pst-color-text-muted, #767676))"
_EDGE = "var(--jp-border-color2, var(--pst-color-border, #c8c8c8))"
# Each stands apart from white and from near black by 3 to 1; the words beside them say the same.
_GREEN, _ORANGE, _GREY = "#2e9e63", "#cf7a1f", "#8a8a8a"
_MARKS = {"passed": (_GREEN, "✓"), "not started": (_GREY, "○"), "could not be checked": (_GREY, "?")}

_ROW = '<div style="display:flex;flex-wrap:wrap;gap:0 1em;margin:{above} 0 0">{cells}</div>'
_LABEL = '<span style="flex:0 0 6.5em;color:{quiet}">{text}</span>'
_VALUE = '<span style="flex:1 1 15em;min-width:0;overflow-wrap:anywhere{more}">{text}</span>'


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
        width = max((len(v.exercise) for v in self.verdicts), default=0)
        lines = [f"  {_mark(v)[1]} {v.exercise:<{width}}  {v.points} of {v.max_points}  {v.title}" for v in self.verdicts]
        return "\n".join([*lines, self.summary])

    __repr__ = __str__

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        rows = "".join(_progress_row(verdict) for verdict in self.verdicts)
        table = f'<table style="border-collapse:collapse;margin:0 0 0.6em;font-size:inherit">{rows}</table>' if rows else ""
        body = f'{table}<div style="color:{_TEXT}"><b>{_inline(self.summary)}</b></div>'
        return {"text/plain": str(self), "text/html": _framed(body, _GREY, "Progress in this chapter")}


def _progress_row(verdict: Verdict) -> str:
    colour, mark = _mark(verdict)
    cell = f"border:0;border-bottom:1px solid {_EDGE};padding:0.3em 1.2em 0.3em 0;text-align:left;background:none"
    points = f"{verdict.points} of {verdict.max_points}"
    return (
        f'<tr style="background:none"><td style="{cell};color:{colour}">{mark}</td>'
        f'<td style="{cell};font-weight:600">{html.escape(verdict.exercise)}</td>'
        f'<td style="{cell};font-variant-numeric:tabular-nums;white-space:nowrap">{points}</td>'
        f'<td style="{cell};color:{_QUIET}">{html.escape(verdict.title)}</td></tr>'
    )


def _mark(verdict: Verdict) -> tuple[str, str]:
    return _MARKS.get(verdict.title, (_ORANGE, "→"))


def _framed(body: str, colour: str, label: str) -> str:
    return (
        f'<div role="group" aria-label="{html.escape(label)}" style="border-left:3px solid {colour};color:{_TEXT};'
        f'padding:0.15em 0 0.2em 1.1em;margin:0.5em 0;max-width:44em;line-height:1.5">{body}</div>'
    )


def card_html(verdict: Verdict) -> str:
    """The card: no script, no class names, every text escaped, since some of it quotes what the student's code produced."""
    rows = dict(verdict.rows())
    checked = rows.pop("checked", "")
    body = [_head(verdict)]
    if checked:
        body.append(f'<div style="color:{_QUIET}">{_inline(checked)}</div>')
    for label, text in rows.items():
        # What was seen, what to make of it, and what more there is stand a little apart.
        above = (
            "0.65em" if label in ("expected", "likely cause", "why", "printed") or text == next(iter(rows.values())) else "0.1em"
        )
        body.append(_row(label, text, above))
        if label == "got" and verdict.picture:
            body.append(_picture(verdict))
    body.append(_more_hints(verdict))
    return _framed("".join(body), _mark(verdict)[0], f"Verdict: {verdict.exercise}, {verdict.title}")


def _head(verdict: Verdict) -> str:
    colour, mark = _mark(verdict)
    points = f"{verdict.points} of {verdict.max_points} points" if verdict.max_points else ""
    return (
        f'<div style="display:flex;flex-wrap:wrap;gap:0 0.7em;align-items:baseline">'
        f'<span style="font-weight:600"><span aria-hidden="true" style="color:{colour}">{mark}</span> '
        f"{html.escape(verdict.exercise)}</span><span>{html.escape(verdict.title)}</span>"
        f'<span style="color:{_QUIET};margin-left:auto;font-variant-numeric:tabular-nums">{points}</span></div>'
    )


def _row(label: str, text: str, above: str) -> str:
    more = ";font-variant-numeric:tabular-nums" if label in ("expected", "got") else ""
    more += ";font-family:var(--jp-code-font-family, monospace);font-size:0.92em" if label == "printed" else ""
    cells = _LABEL.format(quiet=_QUIET, text=html.escape(label)) + _VALUE.format(more=more, text=_inline(text))
    return _ROW.format(above=above, cells=cells)


def _picture(verdict: Verdict) -> str:
    assert verdict.picture
    image, caption = picture_html(verdict.picture.expected, verdict.picture.got)
    caption = f'<div style="color:{_QUIET};font-size:0.85em">{html.escape(caption)}</div>'
    return _ROW.format(above="0.6em", cells=_LABEL.format(quiet=_QUIET, text="") + _VALUE.format(more="", text=image + caption))


def _more_hints(verdict: Verdict) -> str:
    if verdict.passed or not verdict.hints_left:
        return ""
    call = html.escape(f'check("{verdict.exercise}", hint={verdict.asked + 1})')
    left = f"{verdict.hints_left} more" if verdict.hints_left > 1 else "the last one"
    offer = f"Stuck? <code>{call}</code> in a new cell shows the next hint ({left})."
    return f'<div style="color:{_QUIET};margin-top:0.65em">{offer}</div>'


def _inline(text: str) -> str:
    """Escape, then let `code` in backticks be code; a page that typesets formulas shall take none for one."""
    apart = re.sub(r"[$\\]", r"<span>\g<0></span>", html.escape(text))
    return re.sub(r"`([^`\n]+)`", r"<code>\1</code>", apart).replace("\n", "<br>")
